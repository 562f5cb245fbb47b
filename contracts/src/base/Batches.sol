// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IBatches} from "../interfaces/IBatches.sol";
import {BatchHeader, BatchRecord, Tip} from "../types/BatchHeader.sol";
import {Guardian} from "./Guardian.sol";
import {Inbox} from "./Inbox.sol";

/// @title Batches
/// @notice See {IBatches}.
abstract contract Batches is IBatches, Guardian, Inbox {
    /// @inheritdoc IBatches
    uint16 public constant protocolVersion = 1;
    /// @inheritdoc IBatches
    uint16 public constant verifierVersion = 0;

    /// @inheritdoc IBatches
    bytes32 public immutable genesisRoot;
    /// @inheritdoc IBatches
    uint64 public immutable challengeWindow;
    /// @inheritdoc IBatches
    uint64 public immutable maxTimeLead;

    /// @inheritdoc IBatches
    address public operator;

    Tip private _tip;
    mapping(uint64 index => BatchRecord) private _batches;

    constructor(address operator_, bytes32 genesisRoot_, uint64 challengeWindow_, uint64 maxTimeLead_) {
        _setOperator(operator_);
        genesisRoot = genesisRoot_;
        challengeWindow = challengeWindow_;
        maxTimeLead = maxTimeLead_;
        _tip.root = genesisRoot_;
    }

    /// @inheritdoc IBatches
    function commitBatch(BatchHeader calldata header, bytes calldata data) external whenBatchesOpen {
        require(msg.sender == operator, NotOperator(msg.sender));
        Tip memory previous = _tip;
        _checkContinuity(header, previous);
        _checkInbox(header, previous);
        _checkTime(header, previous);
        bytes32 dataHash = keccak256(data);
        require(header.dataHash == dataHash, DataHashWrong(header.dataHash, dataHash));

        _tip = Tip({
            root: header.newRoot,
            chainHash: header.chainHash,
            batches: previous.batches + 1,
            lastSequence: header.lastSequence,
            inboxCursor: header.inboxCursor,
            lastTime: header.lastTime
        });
        bytes32 batchHash = header.hash();
        _batches[header.index] = BatchRecord(batchHash, header.withdrawalRoot, uint64(block.timestamp));
        emit BatchCommitted(header.index, header.newRoot, batchHash, header);
    }

    /// @inheritdoc IBatches
    function setOperator(address operator_) external onlyOwner {
        _setOperator(operator_);
    }

    /// @inheritdoc IBatches
    function isFinal(uint64 index) public view returns (bool) {
        return index < _tip.batches && block.timestamp >= uint256(_batches[index].committedAt) + challengeWindow;
    }

    /// @inheritdoc IBatches
    function tip() external view returns (Tip memory) {
        return _tip;
    }

    /// @inheritdoc IBatches
    function batchAt(uint64 index) external view returns (BatchRecord memory) {
        require(index < _tip.batches, BatchUnknown(index));
        return _batches[index];
    }

    /// @dev The withdrawal root of a batch, zero when it has no withdrawals or does not exist.
    function _withdrawalRoot(uint64 index) internal view returns (bytes32) {
        return _batches[index].withdrawalRoot;
    }

    function _setOperator(address operator_) private {
        emit OperatorChanged(operator, operator_);
        operator = operator_;
    }

    /// @dev No root without its parent, no gap in the journal, no rules but ours.
    function _checkContinuity(BatchHeader calldata header, Tip memory previous) private pure {
        require(header.index == previous.batches, BatchIndexWrong(header.index, previous.batches));
        require(header.previousRoot == previous.root, PreviousRootWrong(header.previousRoot, previous.root));
        require(
            header.previousChainHash == previous.chainHash,
            PreviousChainHashWrong(header.previousChainHash, previous.chainHash)
        );
        require(
            header.firstSequence == previous.lastSequence + 1 && header.lastSequence >= header.firstSequence,
            SequenceRangeWrong(header.firstSequence, header.lastSequence, previous.lastSequence + 1)
        );
        require(
            header.protocolVersion == protocolVersion && header.verifierVersion == verifierVersion,
            VersionUnsupported(header.protocolVersion, header.verifierVersion)
        );
    }

    /// @dev The inbox is consumed in order, and it is this inbox.
    function _checkInbox(BatchHeader calldata header, Tip memory previous) private view {
        require(
            header.inboxCursor >= previous.inboxCursor, InboxCursorBackwards(header.inboxCursor, previous.inboxCursor)
        );
        bytes32 inboxHash = inboxHashAt(header.inboxCursor);
        require(header.inboxHash == inboxHash, InboxHashWrong(header.inboxHash, inboxHash));
    }

    /// @dev Venue time neither runs backwards nor ahead of the chain's by more than clocks differ.
    function _checkTime(BatchHeader calldata header, Tip memory previous) private view {
        require(header.lastTime >= previous.lastTime, TimeBackwards(header.lastTime, previous.lastTime));
        uint256 latest = (block.timestamp + maxTimeLead) * 1e9;
        require(header.lastTime <= latest, TimeAhead(header.lastTime, latest));
    }
}
