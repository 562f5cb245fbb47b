// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAttestations} from "../interfaces/IAttestations.sol";
import {IBatchData} from "../interfaces/IBatchData.sol";
import {IBondedBatches} from "../interfaces/IBondedBatches.sol";
import {IBonds} from "../interfaces/IBonds.sol";
import {BatchHeader} from "../types/BatchHeader.sol";
import {BondedBatch} from "../types/BatchOpening.sol";
import {BondedConfig} from "../types/BondedConfig.sol";
import {Chunk, Progress} from "../types/Chunk.sol";
import {Withdrawal} from "../types/Withdrawal.sol";
import {Freeze} from "./Freeze.sol";
import {Inbox} from "./Inbox.sol";
import {Withdrawals} from "./Withdrawals.sol";

/// @title Bonded batches
/// @notice See {IBondedBatches}.
abstract contract BondedBatches is IBondedBatches, Freeze, Withdrawals {
    /// @inheritdoc IBondedBatches
    bytes32 public immutable genesisRoot;
    /// @inheritdoc IBondedBatches
    uint64 public immutable challengeWindow;
    /// @inheritdoc IBondedBatches
    uint64 public immutable maxTimeLead;
    /// @inheritdoc IBondedBatches
    IBatchData public immutable batchData;
    /// @inheritdoc IBondedBatches
    IBonds public immutable bonds;

    /// @inheritdoc IBondedBatches
    address public operator;
    /// @inheritdoc IBondedBatches
    uint64 public batches;
    /// @inheritdoc IBondedBatches
    address public challenges;
    /// @inheritdoc IBondedBatches
    uint48 public withdrawals;
    /// @inheritdoc IBondedBatches
    IAttestations public attestations;
    /// @inheritdoc IBondedBatches
    mapping(address account => bool) public isStandby;

    Progress private _tip;
    mapping(uint64 index => BondedBatch) private _batches;

    constructor(BondedConfig memory config) {
        uint64 delay = config.bonds.delay();
        uint64 minimum = config.serveDeadline + config.challengeWindow;
        require(delay >= minimum, BondDelayTooShort(delay, minimum));
        genesisRoot = config.genesisRoot;
        challengeWindow = config.challengeWindow;
        maxTimeLead = config.maxTimeLead;
        batchData = config.batchData;
        bonds = config.bonds;
        _tip.root = config.genesisRoot;
        _setOperator(config.operator);
    }

    /// @inheritdoc IBondedBatches
    function commitBatch(bytes32 previousRoot, Chunk[] calldata chunks, Withdrawal[] calldata listed)
        external
        whenBatchesOpen
        whenLive
    {
        _requireOperator();
        Progress memory start = _tip;
        require(previousRoot == start.root, PreviousRootWrong(previousRoot, start.root));
        (BatchHeader memory header, Progress memory end) = batchData.follow(start, batches, chunks, withdrawals, listed);
        bytes32 inboxHash = inboxHashAt(end.inboxCursor);
        require(end.inboxHash == inboxHash, InboxHashWrong(end.inboxHash, inboxHash));
        // Venue time runs ahead of the chain's by no more than clocks differ; how far it stays behind is for {isOverdue}.
        uint256 latest = (block.timestamp + maxTimeLead) * 1e9;
        require(end.lastTime <= latest, TimeAhead(end.lastTime, latest));
        _record(header, end, uint48(listed.length));
    }

    /// @inheritdoc IBondedBatches
    function revertBatches(uint64 index, Progress calldata start) external {
        require(msg.sender == challenges, NotChallenges(msg.sender));
        require(index < batches, BatchUnknown(index));
        require(!isFinal(index), BatchFinal(index));
        BondedBatch memory wrong = _batches[index];
        emit BatchesReverted(index, batches - 1, start.root);
        _tip = start;
        batches = index;
        withdrawals = wrong.firstWithdrawal;
        _restart();
        _dismiss(wrong.operator);
        bonds.slash(wrong.operator, wrong.batchHash);
    }

    /// @inheritdoc IBondedBatches
    function takeOver() external whenLive {
        address former = operator;
        require(former == address(0) || !bonds.isBonded(former), OperatorPresent(former));
        require(isStandby[msg.sender], NotStandby(msg.sender));
        require(bonds.isBonded(msg.sender), OperatorNotBonded(msg.sender));
        _setOperator(msg.sender);
        _grantGrace();
    }

    /// @inheritdoc IBondedBatches
    function setOperator(address operator_) external onlyScheduled {
        _setOperator(operator_);
        _grantGrace();
    }

    /// @inheritdoc IBondedBatches
    function setStandby(address standby, bool ready) external onlyScheduled {
        _setStandby(standby, ready);
    }

    /// @inheritdoc IBondedBatches
    function setChallenges(address challenges_) external onlyScheduled {
        challenges = challenges_;
        emit ChallengesChanged(challenges_);
    }

    /// @inheritdoc IBondedBatches
    function setAttestations(IAttestations attestations_) external onlyScheduled {
        attestations = attestations_;
        emit AttestationsChanged(attestations_);
    }

    /// @inheritdoc IBondedBatches
    function isFinal(uint64 index) public view returns (bool) {
        return index < batches && block.timestamp >= uint256(_batches[index].committedAt) + challengeWindow;
    }

    /// @inheritdoc IBondedBatches
    function tip() external view returns (Progress memory) {
        return _tip;
    }

    /// @inheritdoc IBondedBatches
    function batchAt(uint64 index) public view returns (BondedBatch memory) {
        require(index < batches, BatchUnknown(index));
        return _batches[index];
    }

    function _append(bytes memory item) internal override(Inbox, Freeze) returns (uint64 index) {
        return super._append(item);
    }

    function _isFinal(uint64 index) internal view override returns (bool) {
        return isFinal(index);
    }

    function _withdrawalRoot(uint64 index) internal view override returns (bytes32) {
        return _batches[index].withdrawalRoot;
    }

    function _isInUse() internal view override returns (bool) {
        return inboxLength != 0 || batches != 0;
    }

    function _reached() internal view override returns (uint64 served, uint64 time) {
        return (_tip.inboxCursor, _tip.lastTime);
    }

    /// @dev An operator who leaves users no way but the exit loses his bond, unless he was kept from committing, or has not
    /// had the time yet.
    function _onFreeze() internal override {
        address absent = operator;
        if (absent == address(0) || batchesPaused || _inGrace()) return;
        _dismiss(absent);
        bonds.slash(absent, bytes32(0));
    }

    function _record(BatchHeader memory header, Progress memory end, uint48 listed) private {
        bytes32 batchHash = keccak256(abi.encode(header));
        _batches[header.index] =
            BondedBatch(batchHash, header.withdrawalRoot, uint48(block.timestamp), withdrawals, msg.sender);
        end.step = 0;
        _tip = end;
        batches = header.index + 1;
        withdrawals += listed;
        emit BatchCommitted(header.index, header.newRoot, batchHash, header);
    }

    /// @dev He commits no batch until the owner names him again, with notice.
    function _dismiss(address former) private {
        if (isStandby[former]) _setStandby(former, false);
        if (former == operator) _setOperator(address(0));
    }

    function _setOperator(address operator_) private {
        emit OperatorChanged(operator, operator_);
        operator = operator_;
    }

    function _setStandby(address standby, bool ready) private {
        isStandby[standby] = ready;
        emit StandbyChanged(standby, ready);
    }

    function _requireOperator() private view {
        require(msg.sender == operator, NotOperator(msg.sender));
        require(bonds.isBonded(msg.sender), OperatorNotBonded(msg.sender));
        IAttestations registry = attestations;
        require(address(registry) == address(0) || registry.isAttested(msg.sender), OperatorNotAttested(msg.sender));
    }
}
