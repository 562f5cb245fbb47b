// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice Bytes that are being written.
/// @param data Room for them
/// @param at The next byte in memory
struct Writer {
    bytes data;
    uint256 at;
}

/// @title Encoder of the protocol's codec
/// @notice The other direction of `Decoder`.
library Encoder {
    /// @notice A number does not fit the width that the codec gives it. The engine keeps that from happening.
    error OutOfRange();

    /// @notice More was written than room was asked for.
    error NoRoom();

    /// @notice Room for at most `capacity` bytes.
    function start(uint256 capacity) internal pure returns (Writer memory writer) {
        bytes memory data;
        assembly ("memory-safe") {
            data := mload(0x40)
            mstore(data, capacity)
            // One more word, for the writes of whole words.
            mstore(0x40, add(data, add(and(add(capacity, 0x1f), not(0x1f)), 0x40)))
        }
        writer.data = data;
        assembly ("memory-safe") {
            mstore(add(writer, 0x20), add(data, 0x20))
        }
    }

    /// @notice What was written.
    function finish(Writer memory writer) internal pure returns (bytes memory data) {
        data = writer.data;
        uint256 at = writer.at;
        bool fits;
        assembly ("memory-safe") {
            let length := sub(at, add(data, 0x20))
            fits := iszero(gt(length, mload(data)))
            mstore(data, length)
        }
        require(fits, NoRoom());
    }

    function u8(Writer memory writer, uint256 value) internal pure {
        _put(writer, value, 1);
    }

    function u16(Writer memory writer, uint256 value) internal pure {
        _put(writer, value, 2);
    }

    function u64(Writer memory writer, uint256 value) internal pure {
        _put(writer, value, 8);
    }

    function i64(Writer memory writer, int256 value) internal pure {
        _putSigned(writer, value, 8);
    }

    function i128(Writer memory writer, int256 value) internal pure {
        _putSigned(writer, value, 16);
    }

    function addr(Writer memory writer, address value) internal pure {
        _put(writer, uint256(uint160(value)), 20);
    }

    function word(Writer memory writer, bytes32 value) internal pure {
        _put(writer, uint256(value), 32);
    }

    function flag(Writer memory writer, bool value) internal pure {
        _put(writer, value ? 1 : 0, 1);
    }

    function raw(Writer memory writer, bytes memory data) internal pure {
        uint256 at = writer.at;
        assembly ("memory-safe") {
            mcopy(at, add(data, 0x20), mload(data))
        }
        writer.at = at + data.length;
    }

    function _putSigned(Writer memory writer, int256 value, uint256 width) private pure {
        int256 limit = int256(1 << (8 * width - 1));
        require(value >= -limit && value < limit, OutOfRange());
        _put(writer, uint256(value) & ((1 << (8 * width)) - 1), width);
    }

    /// Writes whole words: what is behind the number is written over by what follows, or is the spare word.
    function _put(Writer memory writer, uint256 value, uint256 width) private pure {
        uint256 at = writer.at;
        require(width == 32 || value >> (8 * width) == 0, OutOfRange());
        assembly ("memory-safe") {
            mstore(at, shl(sub(256, shl(3, width)), value))
        }
        writer.at = at + width;
    }
}
