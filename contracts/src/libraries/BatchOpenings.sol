// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {LookedAt} from "../interfaces/IOmissionProof.sol";
import {BatchOpening, batchDataHash} from "../types/BatchOpening.sol";
import {Progress} from "../types/Chunk.sol";
import {OmissionEvidence, StepOpening, TraceLeaf} from "../types/StepOpening.sol";
import {StepInput} from "../verifier/IStepModule.sol";
import {BinaryMerkle} from "./BinaryMerkle.sol";
import {ChunkReader} from "./ChunkReader.sol";

/// @title Openings of batches and their steps
/// @notice The chain keeps the hash of a batch; whoever disputes it shows what is behind the hash.
library BatchOpenings {
    /// @notice The data hash of the header is not that of the data shown.
    error DataHashWrong(bytes32 dataHash, bytes32 expected);

    /// @notice The batch has no such chunk.
    error ChunkUnknown(uint64 chunk);

    /// @notice The path does not lead from the step to the trace root of its chunk.
    error TraceRootWrong(bytes32 root, bytes32 expected);

    /// @notice The record is not that of the step's command.
    error RecordWrong(bytes32 command, bytes32 expected);

    /// @notice The batch hash; reverts when the opening is not one.
    function batchHash(BatchOpening calldata batch) internal pure returns (bytes32) {
        bytes32 expected = batchDataHash(batch.start, batch.chunks, batch.firstWithdrawal, batch.withdrawals);
        require(batch.header.dataHash == expected, DataHashWrong(batch.header.dataHash, expected));
        return batch.header.hash();
    }

    /// @notice Where reading stands before a chunk.
    function startOf(BatchOpening calldata batch, uint64 chunk) internal pure returns (Progress calldata) {
        require(chunk < batch.chunks.length, ChunkUnknown(chunk));
        return chunk == 0 ? batch.start : batch.chunks[chunk - 1].end;
    }

    /// @notice A step as it was committed; reverts when the opening does not show it.
    /// @param batch The batch
    /// @param opening The step
    /// @param record The record of its command
    function stepOf(BatchOpening calldata batch, StepOpening calldata opening, bytes calldata record)
        internal
        pure
        returns (StepInput memory input)
    {
        Progress calldata start = startOf(batch, opening.chunk);
        _requireLeaf(batch, opening.chunk, opening.position, opening.leaf);
        bytes32 command = keccak256(record);
        require(command == opening.leaf.command, RecordWrong(command, opening.leaf.command));
        input.record = record;
        input.kind = opening.leaf.step.kind;
        input.subject = opening.leaf.step.subject;
        input.last = opening.leaf.step.last;
        input.rootAfter = opening.leaf.step.root;
        if (opening.position == 0) {
            input.rootBefore = start.root;
            input.first = start.command == 0;
        } else {
            _requireLeaf(batch, opening.chunk, opening.position - 1, opening.previous);
            input.rootBefore = opening.previous.step.root;
            input.first = opening.previous.step.last;
        }
    }

    /// @notice A step and what stands on both sides of it; reverts when the evidence does not show it.
    /// @param batch The batch
    /// @param opening The step, shown by {stepOf}
    /// @param input The same
    /// @param evidence Its neighbours, as far as the opening does not show them
    function placeOf(
        BatchOpening calldata batch,
        StepOpening calldata opening,
        StepInput memory input,
        OmissionEvidence calldata evidence
    ) internal pure returns (LookedAt memory place) {
        place.root = input.rootAfter;
        place.command = uint8(input.record[0]);
        place.kind = input.kind;
        place.last = input.last;
        if (opening.position != 0) {
            place.kindBefore = opening.previous.step.kind;
        } else if (opening.chunk != 0) {
            _requireLeaf(batch, opening.chunk - 1, _stepsOf(batch, opening.chunk - 1) - 1, evidence.previous);
            place.kindBefore = evidence.previous.step.kind;
        }
        if (input.last) return place;
        // No batch ends amid a command.
        bool within = opening.position + 1 < _stepsOf(batch, opening.chunk);
        (uint64 chunk, uint64 position) = within ? (opening.chunk, opening.position + 1) : (opening.chunk + 1, 0);
        _requireLeaf(batch, chunk, position, evidence.next);
        place.kindAfter = evidence.next.step.kind;
    }

    /// @dev How many steps a chunk has.
    function _stepsOf(BatchOpening calldata batch, uint64 chunk) private pure returns (uint64) {
        return batch.chunks[chunk].end.step - startOf(batch, chunk).step;
    }

    /// @dev How many leaves the trace has follows from the chunk, so a position has one path and no other.
    function _requireLeaf(BatchOpening calldata batch, uint64 chunk, uint64 position, TraceLeaf calldata leaf)
        private
        pure
    {
        uint32 first = startOf(batch, chunk).step;
        uint64 count = _stepsOf(batch, chunk);
        bytes32 node = ChunkReader.traceLeaf(first + uint32(position), leaf.command, leaf.step);
        bytes32 root = BinaryMerkle.fold(node, position, count, leaf.siblings);
        bytes32 expected = batch.chunks[chunk].traceRoot;
        require(root == expected, TraceRootWrong(root, expected));
    }
}
