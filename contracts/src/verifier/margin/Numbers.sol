// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice Whether every number of a computation fitted where the engine keeps it. The engine answers what does not fit
/// with an outcome of its own, so it must not revert here.
/// @param lost Whether one did not
struct Fit {
    bool lost;
}

/// @title Integers as the engine counts them
/// @notice Factors have 64 bits, so products of three fit and nothing here is checked again; every division has its
/// rounding in its name. A number that does not fit is remembered and counts as 0 from there on: nothing overflows behind
/// it, and the result is not used.
library Numbers {
    /// @notice `wide`, which the engine keeps in 64 bits.
    function narrow(Fit memory fit, int256 wide) internal pure returns (int256) {
        if (wide == int64(wide)) return wide;
        fit.lost = true;
        return 0;
    }

    /// @notice `wide`, which the engine keeps in 128 bits.
    function medium(Fit memory fit, int256 wide) internal pure returns (int256) {
        if (wide == int128(wide)) return wide;
        fit.lost = true;
        return 0;
    }

    /// @notice `⌊a ÷ divisor⌋` for a positive divisor.
    function divFloor(int256 a, int256 divisor) internal pure returns (int256 quotient) {
        assembly ("memory-safe") {
            // Division rounds towards zero, and the remainder has the sign of `a`.
            quotient := sub(sdiv(a, divisor), slt(smod(a, divisor), 0))
        }
    }

    /// @notice `⌈a ÷ divisor⌉` for a positive divisor.
    function divCeil(int256 a, int256 divisor) internal pure returns (int256 quotient) {
        assembly ("memory-safe") {
            quotient := add(sdiv(a, divisor), sgt(smod(a, divisor), 0))
        }
    }

    /// @notice `⌊a × b ÷ divisor⌋` in 64 bits.
    function mulDivFloor(Fit memory fit, int256 a, int256 b, int256 divisor) internal pure returns (int256) {
        unchecked {
            return narrow(fit, divFloor(a * b, divisor));
        }
    }

    /// @notice `⌈a × b ÷ divisor⌉` in 64 bits.
    function mulDivCeil(Fit memory fit, int256 a, int256 b, int256 divisor) internal pure returns (int256) {
        unchecked {
            return narrow(fit, divCeil(a * b, divisor));
        }
    }

    /// @notice The larger one.
    function max(int256 a, int256 b) internal pure returns (int256 c) {
        assembly ("memory-safe") {
            c := xor(a, mul(xor(a, b), sgt(b, a)))
        }
    }

    /// @notice The smaller one.
    function min(int256 a, int256 b) internal pure returns (int256 c) {
        assembly ("memory-safe") {
            c := xor(a, mul(xor(a, b), slt(b, a)))
        }
    }

    /// @notice The magnitude.
    function magnitude(int256 a) internal pure returns (int256) {
        unchecked {
            return a < 0 ? -a : a;
        }
    }
}
