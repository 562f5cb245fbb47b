// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {EfficientHashLib} from "solady/utils/EfficientHashLib.sol";

import {Progress, Step} from "../types/Chunk.sol";
import {BinaryMerkle} from "./BinaryMerkle.sol";

/// @title Reader of batch data
/// @notice `length u16 ‖ record ‖ steps u16 ‖ step × steps` for every command, `step = kind u8 ‖ subject 32 (if
/// the kind's bit 7 is set) ‖ root after 32`. From these bytes
/// follow the command chain, the inbox chain, the trace and the last root: what follows needs no one's word.
/// @dev Says whether the bytes are well-formed instead of reverting: malformed data are a fraud that is proven, and a
/// caught revert could as well have been too little gas.
library ChunkReader {
    using EfficientHashLib for bytes;

    /// @notice Most entries and steps of a chunk, together. Reading one costs far more than its bytes, and whoever refutes what
    /// is said of a blob has to read all of it in one transaction.
    uint256 internal constant MAX_UNITS = 2560;

    /// @dev Bytes of a step without a subject: its kind and the root after it.
    uint256 private constant _STEP_BYTES = 33;
    /// @dev Bit of the kind that says that a subject follows, which is zero otherwise.
    uint8 private constant _HAS_SUBJECT = 0x80;
    /// @dev Bit of `steps` that says that the command goes on in the next chunk.
    uint256 private constant _GOES_ON = 0x8000;
    /// @dev `kind u8 ‖ time u64` before a record's body.
    uint256 private constant _RECORD_HEAD_BYTES = 9;
    /// @dev Record kind of an inbox item: `index u64 ‖ item` is its body.
    uint8 private constant _INBOX_ITEM = 1;

    /// @dev A command whose steps are being read.
    struct Entry {
        bytes32 command;
        uint256 steps;
        uint256 leaves;
        uint256 units;
        bool goesOn;
    }

    /// @notice Reads a chunk.
    /// @param data Its bytes
    /// @param at Where reading stands before it; moved to where it stands behind it
    /// @return wellFormed Whether the bytes are a chunk that may stand there; if not, `at` and the root mean nothing
    /// @return traceRoot Merkle root over the trace leaves
    function read(bytes calldata data, Progress memory at) internal pure returns (bool wellFormed, bytes32 traceRoot) {
        bytes32[] memory leaves = new bytes32[](data.length / _STEP_BYTES);
        Entry memory entry;
        uint256 offset = 0;
        do {
            // A command that goes on is the last of its chunk.
            if (entry.goesOn) return (false, 0);
            (wellFormed, offset) = _begin(data, offset, at, entry);
            if (!wellFormed) return (false, 0);
            (wellFormed, offset) = _steps(data, offset, at, entry, leaves);
            if (!wellFormed) return (false, 0);
        } while (offset < data.length);
        return (true, BinaryMerkle.root(leaves, entry.leaves));
    }

    /// @dev Reads an entry up to its steps. An entry without a record goes on with the command that the last chunk
    /// left open; no other entry may stand there, and it may stand nowhere else.
    function _begin(bytes calldata data, uint256 offset, Progress memory at, Entry memory entry)
        private
        pure
        returns (bool, uint256)
    {
        if (data.length - offset < 4) return (false, 0);
        uint256 length = uint16(bytes2(data[offset:offset + 2]));
        offset += 2;
        if (data.length - offset < length + 2 || (length == 0) != (at.command != 0)) return (false, 0);
        if (length == 0) {
            entry.command = at.command;
        } else {
            if (!_record(data[offset:offset + length], at)) return (false, 0);
            entry.command = data.hashCalldata(offset, offset + length);
            at.chainHash = EfficientHashLib.hash(at.chainHash, entry.command);
            offset += length;
        }
        uint256 steps = uint16(bytes2(data[offset:offset + 2]));
        offset += 2;
        entry.goesOn = steps & _GOES_ON != 0;
        entry.steps = steps & ~_GOES_ON;
        at.command = entry.goesOn ? entry.command : bytes32(0);
        entry.units += 1 + entry.steps;
        return (entry.steps != 0 && entry.units <= MAX_UNITS, offset);
    }

    /// @dev Takes over the time of a record, and the item if it is one of the inbox.
    function _record(bytes calldata record, Progress memory at) private pure returns (bool) {
        if (record.length < _RECORD_HEAD_BYTES) return false;
        at.sequence += 1;
        at.lastTime = uint64(bytes8(record[1:_RECORD_HEAD_BYTES]));
        if (uint8(record[0]) != _INBOX_ITEM) return true;
        if (record.length < _RECORD_HEAD_BYTES + 8) return false;
        if (uint64(bytes8(record[_RECORD_HEAD_BYTES:_RECORD_HEAD_BYTES + 8])) != at.inboxCursor) return false;
        // The body is `index ‖ item`, which is what the inbox chain hashes.
        at.inboxHash = keccak256(bytes.concat(at.inboxHash, record[_RECORD_HEAD_BYTES:]));
        at.inboxCursor += 1;
        return true;
    }

    /// @dev Appends the trace leaves of an entry's steps.
    function _steps(
        bytes calldata data,
        uint256 offset,
        Progress memory at,
        Entry memory entry,
        bytes32[] memory leaves
    ) private pure returns (bool, uint256) {
        // A leaf's preimage is scratch: its memory is used again for the next one.
        Memory.Pointer free = Memory.getFreeMemoryPointer();
        for (uint256 left = entry.steps; left > 0; left--) {
            if (data.length - offset < _STEP_BYTES) return (false, 0);
            uint8 kind = uint8(data[offset++]);
            bytes32 subject;
            if (kind & _HAS_SUBJECT != 0) {
                if (data.length - offset < 64) return (false, 0);
                subject = bytes32(data[offset:offset + 32]);
                offset += 32;
            }
            at.root = bytes32(data[offset:offset + 32]);
            offset += 32;
            bool last = left == 1 && !entry.goesOn;
            leaves[entry.leaves++] =
                traceLeaf(at.step, entry.command, Step(kind & ~_HAS_SUBJECT, last, subject, at.root));
            Memory.unsafeSetFreeMemoryPointer(free);
            at.step += 1;
        }
        return (true, offset);
    }

    /// @notice The leaf of a step in the trace.
    /// @param index Its place in the batch, from 0
    /// @param command Hash of the command it belongs to
    /// @param step The step
    function traceLeaf(uint32 index, bytes32 command, Step memory step) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(index, command, step.kind, step.last, step.subject, step.root));
    }
}
