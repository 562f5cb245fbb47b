// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Demands} from "./base/Demands.sol";
import {IBondedSettlement} from "./interfaces/IBondedSettlement.sol";
import {IReconciliation} from "./interfaces/IReconciliation.sol";
import {StatePath, StateProof} from "./libraries/StateProof.sol";
import {BatchHeader} from "./types/BatchHeader.sol";
import {BondedBatch} from "./types/BatchOpening.sol";
import {StateKeys} from "./verifier/state/StateKeys.sol";

/// @title Reconciliation
/// @notice See {IReconciliation}. Nobody governs it: another one is another contract, which the settlement's owner announces
/// long before it counts.
contract Reconciliation is IReconciliation, Demands {
    /// @dev That somebody asks.
    struct Request {
        address requester;
        uint64 madeAt;
        uint256 stake;
    }

    /// @notice The venue.
    IBondedSettlement public immutable settlement;
    mapping(uint64 subaccount => Request) private _requests;

    /// @param settlement_ The venue
    /// @param answerTime_ Seconds to answer: enough for a batch
    /// @param requestStake_ What a request costs who makes it, when few are open
    constructor(IBondedSettlement settlement_, uint64 answerTime_, uint256 requestStake_)
        Demands(settlement_.bonds(), answerTime_, requestStake_)
    {
        settlement = settlement_;
    }

    /// @inheritdoc IReconciliation
    function requestReconciliation(uint64 subaccount) external nonReentrant {
        require(!settlement.frozen(), VenueIsFrozen());
        require(_requests[subaccount].requester == address(0), RequestOpen(subaccount));
        uint64 madeAt = uint64(block.timestamp);
        uint256 stake = stakeNow();
        _requests[subaccount] = Request(msg.sender, madeAt, stake);
        emit ReconciliationRequested(subaccount, msg.sender, madeAt, deadlineOf(subaccount));
        _takeStake(stake);
    }

    /// @inheritdoc IReconciliation
    function answer(uint64 subaccount, BatchHeader calldata header, StatePath calldata path) external nonReentrant {
        uint64 committedAt = _committedAt(header);
        Request memory request = _requestFor(subaccount);
        require(committedAt > request.madeAt, BatchTooOld(committedAt, request.madeAt));
        _payAnswers(1, _show(subaccount, header, path));
    }

    /// @inheritdoc IReconciliation
    function answerMany(uint64[] calldata subaccounts, BatchHeader calldata header, StatePath[] calldata paths)
        external
        nonReentrant
    {
        require(paths.length == subaccounts.length, AnswersMissing(paths.length, subaccounts.length));
        uint64 committedAt = _committedAt(header);
        uint256 shown = 0;
        uint256 stakes = 0;
        for (uint256 i = 0; i < subaccounts.length; i++) {
            Request memory request = _requests[subaccounts[i]];
            if (request.requester == address(0) || committedAt <= request.madeAt) continue;
            stakes += _show(subaccounts[i], header, paths[i]);
            shown++;
        }
        _payAnswers(shown, stakes);
    }

    /// @inheritdoc IReconciliation
    function punishSilence(uint64 subaccount) external nonReentrant {
        Request memory request = _requestFor(subaccount);
        uint64 deadline = deadlineOf(subaccount);
        require(block.timestamp > deadline, AnswerDue(deadline));
        require(!settlement.batchesPaused(), CommittingPaused());
        delete _requests[subaccount];
        emit ReconciliationRefused(subaccount);
        settlement.freeze();
        _giveBack(request.requester, request.stake);
    }

    /// @inheritdoc IReconciliation
    function reclaimStake(uint64 subaccount) external nonReentrant {
        Request memory request = _requestFor(subaccount);
        require(settlement.frozen(), VenueIsLive());
        delete _requests[subaccount];
        _giveBack(request.requester, request.stake);
    }

    /// @inheritdoc IReconciliation
    function requestOf(uint64 subaccount) external view returns (address requester, uint64 madeAt) {
        Request storage request = _requests[subaccount];
        return (request.requester, request.madeAt);
    }

    /// @inheritdoc IReconciliation
    function deadlineOf(uint64 subaccount) public view returns (uint64) {
        return settlement.dueAt(_requestFor(subaccount).madeAt, answerTime);
    }

    /// @dev Shows an account that is asked for, and returns the stake.
    function _show(uint64 subaccount, BatchHeader calldata header, StatePath calldata path)
        private
        returns (uint256 stake)
    {
        stake = _requests[subaccount].stake;
        bool present = StateProof.lookUp(header.newRoot, StateProof.ACCOUNTS, StateKeys.account(subaccount), path);
        delete _requests[subaccount];
        emit ReconciliationAnswered(subaccount, header.index, present, path);
    }

    /// @dev When the batch of a header was committed.
    function _committedAt(BatchHeader calldata header) private view returns (uint64) {
        BondedBatch memory batch = settlement.batchAt(header.index);
        bytes32 batchHash = header.hash();
        require(batchHash == batch.batchHash, HeaderWrong(batchHash, batch.batchHash));
        return batch.committedAt;
    }

    function _requestFor(uint64 subaccount) private view returns (Request memory request) {
        request = _requests[subaccount];
        require(request.requester != address(0), NothingRequested(subaccount));
    }
}
