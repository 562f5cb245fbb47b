// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Four signed numbers of 64 bits in a word
library Quads {
    /// @notice A number does not fit in 64 bits. Whoever computed it knows before.
    error QuadOutOfRange();

    /// @notice The word of four numbers, the first in the highest bits.
    function pack(int256 a, int256 b, int256 c, int256 d) internal pure returns (bytes32 word) {
        require(a == int64(a) && b == int64(b) && c == int64(c) && d == int64(d), QuadOutOfRange());
        assembly ("memory-safe") {
            let low := 0xffffffffffffffff
            word := or(or(shl(192, a), shl(128, and(b, low))), or(shl(64, and(c, low)), and(d, low)))
        }
    }

    /// @notice The numbers of a word.
    function unpack(bytes32 word) internal pure returns (int256 a, int256 b, int256 c, int256 d) {
        assembly ("memory-safe") {
            a := sar(192, word)
            b := signextend(7, shr(128, word))
            c := signextend(7, shr(64, word))
            d := signextend(7, word)
        }
    }
}
