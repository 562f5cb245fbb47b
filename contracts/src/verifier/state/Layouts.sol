// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Cursor, Decoder} from "src/verifier/state/Decoder.sol";
import {Encoder, Writer} from "src/verifier/state/Encoder.sol";

/// @title Structs of fixed fields
/// @notice Moves a run of fields between bytes and consecutive words of a struct in memory. A layout has a byte for each field, up to the
/// first zero: `0x01 … 0x20` an unsigned number, address or hash of so many bytes, `0x40 + w` a signed number of `w`
/// bytes, `0x80 + n` an enumeration or flag of `n` values. One loop instead of code for each field keeps modules small.
library Layouts {
    using Decoder for Cursor;

    /// @notice Decodes the fields of a layout.
    /// @param target Address of the first field's word
    function read(Cursor memory cursor, uint256 target, bytes32 layout) internal pure {
        bool fits = true;
        assembly ("memory-safe") {
            let at := mload(cursor)
            for { let i := 0 } lt(i, 32) { i := add(i, 1) } {
                let field := byte(i, layout)
                if iszero(field) { break }
                let width := and(field, 0x3f)
                if and(field, 0x80) { width := 1 }
                let value := shr(sub(256, shl(3, width)), mload(at))
                if and(field, 0x40) { value := signextend(sub(width, 1), value) }
                if and(field, 0x80) { fits := and(fits, lt(value, and(field, 0x3f))) }
                mstore(target, value)
                target := add(target, 0x20)
                at := add(at, width)
            }
            fits := and(fits, iszero(gt(at, mload(add(cursor, 0x20)))))
            mstore(cursor, at)
        }
        if (!fits) cursor.fail();
    }

    /// @notice Decodes a value that is nothing but the fields of a layout.
    function readAll(bytes memory value, uint256 target, bytes32 layout) internal pure {
        Cursor memory cursor = Decoder.leaf(value);
        read(cursor, target, layout);
        cursor.finish();
    }

    /// @notice Encodes the fields of a layout.
    /// @param source Address of the first field's word
    function write(Writer memory writer, uint256 source, bytes32 layout) internal pure {
        bool fits = true;
        assembly ("memory-safe") {
            let at := mload(add(writer, 0x20))
            for { let i := 0 } lt(i, 32) { i := add(i, 1) } {
                let field := byte(i, layout)
                if iszero(field) { break }
                let width := and(field, 0x3f)
                let value := mload(source)
                switch shr(6, field)
                case 0 { fits := and(fits, iszero(shr(shl(3, width), value))) }
                case 1 { fits := and(fits, eq(signextend(sub(width, 1), value), value)) }
                default {
                    fits := and(fits, lt(value, width))
                    width := 1
                }
                mstore(at, shl(sub(256, shl(3, width)), value))
                source := add(source, 0x20)
                at := add(at, width)
            }
            mstore(add(writer, 0x20), at)
        }
        require(fits, Encoder.OutOfRange());
    }

    /// @notice Encodes a value that is nothing but the fields of a layout.
    /// @param length Its bytes
    function writeAll(uint256 source, bytes32 layout, uint256 length) internal pure returns (bytes memory) {
        Writer memory writer = Encoder.start(length);
        write(writer, source, layout);
        return Encoder.finish(writer);
    }
}
