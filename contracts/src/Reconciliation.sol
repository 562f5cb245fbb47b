// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IBondedSettlement} from "./interfaces/IBondedSettlement.sol";
import {IReconciliation} from "./interfaces/IReconciliation.sol";
import {StatePath, StateProof} from "./libraries/StateProof.sol";
import {BatchHeader} from "./types/BatchHeader.sol";
import {BondedBatch} from "./types/BatchOpening.sol";
import {StateKeys} from "./verifier/state/StateKeys.sol";

/// @title Reconciliation
/// @notice See {IReconciliation}. Nobody governs it: another one is another contract, which the settlement's owner announces
/// long before it counts.
contract Reconciliation is IReconciliation, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev That somebody asks.
    struct Request {
        address requester;
        uint64 madeAt;
    }

    /// @notice The venue.
    IBondedSettlement public immutable settlement;
    /// @notice What stakes are made of: what bonds are.
    IERC20 public immutable token;
    /// @notice Seconds to answer.
    uint64 public immutable answerTime;
    /// @notice What a request costs who makes it, unless it is not answered.
    uint256 public immutable requestStake;

    /// @inheritdoc IReconciliation
    mapping(uint64 subaccount => Request) public requestOf;

    /// @param settlement_ The venue
    /// @param answerTime_ Seconds to answer: enough for a batch
    /// @param requestStake_ What a request costs who makes it
    constructor(IBondedSettlement settlement_, uint64 answerTime_, uint256 requestStake_) {
        require(answerTime_ != 0, NoTimeToAnswer());
        settlement = settlement_;
        token = settlement_.bonds().token();
        answerTime = answerTime_;
        requestStake = requestStake_;
    }

    /// @inheritdoc IReconciliation
    function requestReconciliation(uint64 subaccount) external nonReentrant {
        require(!settlement.frozen(), VenueIsFrozen());
        require(requestOf[subaccount].requester == address(0), RequestOpen(subaccount));
        uint64 madeAt = uint64(block.timestamp);
        requestOf[subaccount] = Request(msg.sender, madeAt);
        emit ReconciliationRequested(subaccount, msg.sender, madeAt, deadlineOf(subaccount));
        token.safeTransferFrom(msg.sender, address(this), requestStake);
    }

    /// @inheritdoc IReconciliation
    function answer(uint64 subaccount, BatchHeader calldata header, StatePath calldata path) external nonReentrant {
        Request memory request = _requestFor(subaccount);
        BondedBatch memory batch = settlement.batchAt(header.index);
        bytes32 batchHash = header.hash();
        require(batchHash == batch.batchHash, HeaderWrong(batchHash, batch.batchHash));
        require(batch.committedAt > request.madeAt, BatchTooOld(batch.committedAt, request.madeAt));
        bytes32 key = StateKeys.account(subaccount);
        bool present = StateProof.lookUp(header.newRoot, StateProof.ACCOUNTS, key, path);
        delete requestOf[subaccount];
        emit ReconciliationAnswered(subaccount, header.index, present, path);
        token.safeTransfer(msg.sender, requestStake);
    }

    /// @inheritdoc IReconciliation
    function punishSilence(uint64 subaccount) external nonReentrant {
        address requester = _requestFor(subaccount).requester;
        uint64 deadline = deadlineOf(subaccount);
        require(block.timestamp > deadline, AnswerDue(deadline));
        require(!settlement.batchesPaused(), CommittingPaused());
        delete requestOf[subaccount];
        emit ReconciliationRefused(subaccount);
        settlement.freeze();
        token.safeTransfer(requester, requestStake);
    }

    /// @inheritdoc IReconciliation
    function reclaimStake(uint64 subaccount) external nonReentrant {
        address requester = _requestFor(subaccount).requester;
        require(settlement.frozen(), VenueIsLive());
        delete requestOf[subaccount];
        token.safeTransfer(requester, requestStake);
    }

    /// @inheritdoc IReconciliation
    function deadlineOf(uint64 subaccount) public view returns (uint64) {
        uint64 deadline = _requestFor(subaccount).madeAt + answerTime;
        uint64 grace = settlement.graceUntil();
        return deadline < grace ? grace : deadline;
    }

    function _requestFor(uint64 subaccount) private view returns (Request memory request) {
        request = requestOf[subaccount];
        require(request.requester != address(0), NothingRequested(subaccount));
    }
}
