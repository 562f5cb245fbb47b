// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {WitnessMalformed} from "src/verifier/state/Witness.sol";

/// @notice A place in bytes that are being decoded.
/// @param at The next byte in memory
/// @param end Where the bytes end
/// @param record Whether they are a committed record, which must decode, and not a leaf of a state, which does
struct Cursor {
    uint256 at;
    uint256 end;
    bool record;
}

/// @title Decoder of the protocol's codec
/// @notice Big-endian, fixed width, canonical: every value has one encoding, and every other one is refused.
library Decoder {
    /// @notice Decodes the value of a leaf or a preimage.
    function leaf(bytes memory data) internal pure returns (Cursor memory cursor) {
        return _over(data, false);
    }

    /// @notice Decodes a record; what does not decode makes its step illegal.
    function record(bytes memory data) internal pure returns (Cursor memory cursor) {
        return _over(data, true);
    }

    function u8(Cursor memory cursor) internal pure returns (uint256) {
        return _take(cursor, 1);
    }

    function u16(Cursor memory cursor) internal pure returns (uint256) {
        return _take(cursor, 2);
    }

    function u32(Cursor memory cursor) internal pure returns (uint256) {
        return _take(cursor, 4);
    }

    function u64(Cursor memory cursor) internal pure returns (uint256) {
        return _take(cursor, 8);
    }

    function i32(Cursor memory cursor) internal pure returns (int256) {
        return _signed(_take(cursor, 4), 3);
    }

    function i64(Cursor memory cursor) internal pure returns (int256) {
        return _signed(_take(cursor, 8), 7);
    }

    function i128(Cursor memory cursor) internal pure returns (int256) {
        return _signed(_take(cursor, 16), 15);
    }

    function addr(Cursor memory cursor) internal pure returns (address) {
        return address(uint160(_take(cursor, 20)));
    }

    function word(Cursor memory cursor) internal pure returns (bytes32) {
        return bytes32(_take(cursor, 32));
    }

    function flag(Cursor memory cursor) internal pure returns (bool) {
        return choice(cursor, 2) == 1;
    }

    /// @notice One of `values` values of an enumeration.
    function choice(Cursor memory cursor, uint256 values) internal pure returns (uint256 value) {
        value = _take(cursor, 1);
        if (value >= values) fail(cursor);
    }

    /// @notice The count of a list of at most `most` items.
    function count(Cursor memory cursor, uint256 most) internal pure returns (uint256 items) {
        items = _take(cursor, 2);
        if (items > most) fail(cursor);
    }

    /// @notice The next bytes, copied.
    function take(Cursor memory cursor, uint256 length) internal pure returns (bytes memory data) {
        uint256 at = cursor.at;
        if (cursor.end - at < length) fail(cursor);
        cursor.at = at + length;
        data = new bytes(length);
        assembly ("memory-safe") {
            mcopy(add(data, 0x20), at, length)
        }
    }

    /// @notice Goes on behind the next bytes.
    function skip(Cursor memory cursor, uint256 length) internal pure {
        if (cursor.end - cursor.at < length) fail(cursor);
        cursor.at += length;
    }

    /// @notice A text of at most `most` printable characters.
    function text(Cursor memory cursor, uint256 most) internal pure returns (bytes memory data) {
        data = take(cursor, u8(cursor));
        if (data.length > most) fail(cursor);
        for (uint256 i = 0; i < data.length; ++i) {
            if (data[i] < 0x20 || data[i] > 0x7e) fail(cursor);
        }
    }

    /// @notice All bytes that are left, copied, without going on.
    function peek(Cursor memory cursor) internal pure returns (bytes memory data) {
        uint256 at = cursor.at;
        data = take(cursor, cursor.end - at);
        cursor.at = at;
    }

    /// @notice Hash of the bytes from `from` to the cursor.
    function hashFrom(Cursor memory cursor, uint256 from) internal pure returns (bytes32 hash) {
        uint256 to = cursor.at;
        assembly ("memory-safe") {
            hash := keccak256(from, sub(to, from))
        }
    }

    /// @notice Refuses bytes behind the value.
    function finish(Cursor memory cursor) internal pure {
        if (cursor.at != cursor.end) fail(cursor);
    }

    /// @notice The bytes are no canonical value.
    function fail(Cursor memory cursor) internal pure {
        requireLegal(!cursor.record, "record");
        revert WitnessMalformed();
    }

    function _over(bytes memory data, bool isRecord) private pure returns (Cursor memory cursor) {
        uint256 at;
        assembly ("memory-safe") {
            at := add(data, 0x20)
        }
        cursor.at = at;
        cursor.end = at + data.length;
        cursor.record = isRecord;
    }

    /// The next bytes as an unsigned number.
    function _take(Cursor memory cursor, uint256 width) private pure returns (uint256 value) {
        uint256 at = cursor.at;
        unchecked {
            // Both are places in memory, and the cursor is never behind the end.
            if (cursor.end - at < width) fail(cursor);
            cursor.at = at + width;
        }
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, width)), mload(at))
        }
    }

    /// The number whose sign is in the highest bit of byte `top`, counted from the lowest.
    function _signed(uint256 value, uint256 top) private pure returns (int256 signed) {
        assembly ("memory-safe") {
            signed := signextend(top, value)
        }
    }
}
