// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {LibBit} from "solady/utils/LibBit.sol";

/// @dev An IEEE-754 binary64 number, by its bits. The operators round to nearest, ties to even, with subnormal numbers,
/// infinities and signed zeros, as every processor does that `crates/pricing` runs on: the same operations on the same
/// numbers give the same bits. Only the bits of a NaN are our own choice, and no processor's; nothing depends on them.
type Float64 is uint64;

using {add as +, sub as -, neg as -, mul as *, div as /, lt as <, gt as >, ge as >=} for Float64 global;
using SoftFloat64 for Float64 global;

Float64 constant ZERO = Float64.wrap(0);
Float64 constant HALF = Float64.wrap(0x3fe0000000000000);
Float64 constant ONE = Float64.wrap(0x3ff0000000000000);
Float64 constant TWO = Float64.wrap(0x4000000000000000);

/// @dev The rules of +.
function add(Float64 a, Float64 b) pure returns (Float64) {
    return SoftFloat64.sum(Float64.unwrap(a), Float64.unwrap(b));
}

/// @dev a + (−b), as the standard has it.
function sub(Float64 a, Float64 b) pure returns (Float64) {
    return SoftFloat64.sum(Float64.unwrap(a), Float64.unwrap(b) ^ SoftFloat64.SIGN);
}

/// @dev The other sign, of a zero as well.
function neg(Float64 a) pure returns (Float64) {
    return Float64.wrap(Float64.unwrap(a) ^ uint64(SoftFloat64.SIGN));
}

/// @dev The rules of ×.
function mul(Float64 a, Float64 b) pure returns (Float64) {
    return SoftFloat64.product(Float64.unwrap(a), Float64.unwrap(b));
}

/// @dev The rules of ÷.
function div(Float64 a, Float64 b) pure returns (Float64) {
    return SoftFloat64.quotient(Float64.unwrap(a), Float64.unwrap(b));
}

/// @dev Whether a < b; never with a NaN.
function lt(Float64 a, Float64 b) pure returns (bool) {
    return !a.isNaN() && !b.isNaN() && a.rank() < b.rank();
}

/// @dev Whether a > b; never with a NaN.
function gt(Float64 a, Float64 b) pure returns (bool) {
    return lt(b, a);
}

/// @dev Whether a ≥ b; never with a NaN.
function ge(Float64 a, Float64 b) pure returns (bool) {
    return !a.isNaN() && !b.isNaN() && a.rank() >= b.rank();
}

/// @title binary64 in integer arithmetic
/// @notice A finite number is ± significand · 2^(exponent − 1075), with the significand an integer below 2^53 and the
/// exponent at least 1. Every operation finds its result exactly, or exactly but for a last bit that says that there is
/// more, and rounds it once. Exponents and shifts stay far inside of 256 bits, so nothing here is checked for overflow.
library SoftFloat64 {
    /// @dev The sign's bit.
    uint256 internal constant SIGN = 1 << 63;
    /// @dev Infinity, and the lowest bits of a NaN.
    uint256 private constant INFINITY = 0x7ff << 52;
    /// @dev The one NaN that we make.
    uint256 private constant NAN = 0x7ff8 << 48;
    /// @dev The bits of an exponent, at the bottom.
    uint256 private constant EXPONENT = 0x7ff;
    /// @dev The bit of a significand that a normal number does not store.
    uint256 private constant HIDDEN = 1 << 52;
    /// @dev The exponent of 1 is 1023; that of a significand's last bit 52 more.
    int256 private constant UNIT = 1075;
    /// @dev Places that the significand of a dividend or a radicand gains: even, and enough to round from.
    uint256 private constant WIDENING = 128;
    /// @dev Exponents so far apart that the smaller number is less than a quarter of the larger one's last place.
    uint256 private constant FAR = 64;

    /// @notice Whether it is no number.
    function isNaN(Float64 value) internal pure returns (bool) {
        return Float64.unwrap(value) & ~SIGN > INFINITY;
    }

    /// @notice Its absolute value.
    function abs(Float64 value) internal pure returns (Float64) {
        return Float64.wrap(Float64.unwrap(value) & ~uint64(SIGN));
    }

    /// @notice An integer that orders numbers as they are ordered; both zeros have the same.
    function rank(Float64 value) internal pure returns (int256) {
        uint256 bits = Float64.unwrap(value);
        return bits < SIGN ? int256(bits) : -int256(bits ^ SIGN);
    }

    /// @notice A finite number as significand · 2^exponent.
    function split(Float64 value) internal pure returns (int256 significand, int256 exponent) {
        unchecked {
            uint256 bits = Float64.unwrap(value);
            (uint256 magnitude, uint256 biased) = _parts(bits);
            return (bits < SIGN ? int256(magnitude) : -int256(magnitude), int256(biased) - UNIT);
        }
    }

    /// @notice The nearest number to an integer of at most 200 bits.
    function fromInt(int256 value) internal pure returns (Float64) {
        if (value == 0) return Float64.wrap(0);
        uint256 magnitude = FixedPointMathLib.abs(value);
        return _round(value < 0 ? SIGN : 0, magnitude, UNIT, LibBit.fls(magnitude));
    }

    /// @notice The square root; of a negative number NaN, and of a zero itself.
    function sqrt(Float64 value) internal pure returns (Float64) {
        unchecked {
            uint256 bits = Float64.unwrap(value);
            if (bits & ~SIGN == 0 || bits == INFINITY) return value;
            if (bits > INFINITY) return Float64.wrap(uint64(NAN));
            (uint256 magnitude, uint256 biased) = _parts(bits);
            // An even exponent halves: move its last bit into the significand.
            int256 exponent = int256(biased) - UNIT;
            uint256 radicand = magnitude << (WIDENING + uint256(exponent & 1));
            exponent = (exponent - (exponent & 1) - int256(WIDENING)) / 2;
            uint256 root = FixedPointMathLib.sqrt(radicand);
            if (root * root != radicand) root |= 1;
            return _round(0, root, exponent + UNIT, LibBit.fls(root));
        }
    }

    /// @notice The sum of two numbers by their bits.
    function sum(uint256 a, uint256 b) internal pure returns (Float64) {
        unchecked {
            if (a & INFINITY == INFINITY || b & INFINITY == INFINITY) return _specialSum(a, b);
            (uint256 magnitude, uint256 exponent) = _parts(a);
            (uint256 other, uint256 otherExponent) = _parts(b);
            if (exponent < otherExponent) {
                (a, magnitude, exponent, b, other, otherExponent) = (b, other, otherExponent, a, magnitude, exponent);
            }
            uint256 apart = exponent - otherExponent;
            if (apart >= FAR) return Float64.wrap(uint64(a));
            magnitude <<= apart;
            uint256 sign = a & SIGN;
            if ((a ^ b) & SIGN == 0) {
                magnitude += other;
            } else if (magnitude >= other) {
                magnitude -= other;
            } else {
                magnitude = other - magnitude;
                sign ^= SIGN;
            }
            // A difference of equals is +0; a sum of zeros keeps the sign that both have.
            if (magnitude == 0) return Float64.wrap(uint64(a & b & SIGN));
            return _round(sign, magnitude, int256(otherExponent), LibBit.fls(magnitude));
        }
    }

    /// @notice The product of two numbers by their bits.
    function product(uint256 a, uint256 b) internal pure returns (Float64) {
        unchecked {
            if (a & INFINITY == INFINITY || b & INFINITY == INFINITY) return _specialProduct(a, b);
            (uint256 one, uint256 exponent) = _parts(a);
            (uint256 other, uint256 otherExponent) = _parts(b);
            uint256 sign = (a ^ b) & SIGN;
            uint256 magnitude = one * other;
            if (magnitude == 0) return Float64.wrap(uint64(sign));
            // Of two normal numbers it has 105 or 106 bits.
            uint256 top = one & other < HIDDEN ? LibBit.fls(magnitude) : 104 + (magnitude >> 105);
            return _round(sign, magnitude, int256(exponent + otherExponent) - UNIT, top);
        }
    }

    /// @notice The quotient of two numbers by their bits.
    function quotient(uint256 a, uint256 b) internal pure returns (Float64) {
        unchecked {
            if (a & INFINITY == INFINITY || b & ~SIGN == 0 || b & INFINITY == INFINITY) {
                return _specialQuotient(a, b);
            }
            (uint256 dividend, uint256 exponent) = _parts(a);
            (uint256 divisor, uint256 otherExponent) = _parts(b);
            uint256 sign = (a ^ b) & SIGN;
            if (dividend == 0) return Float64.wrap(uint64(sign));
            bool normal = dividend & divisor >= HIDDEN;
            dividend <<= WIDENING;
            uint256 magnitude = dividend / divisor;
            if (magnitude * divisor != dividend) magnitude |= 1;
            // Of two normal numbers it is more than half of the widening.
            uint256 top = normal ? WIDENING - 1 + (magnitude >> WIDENING) : LibBit.fls(magnitude);
            return _round(sign, magnitude, int256(exponent) - int256(otherExponent) + UNIT - int256(WIDENING), top);
        }
    }

    /// @dev Significand and exponent of a finite number.
    function _parts(uint256 bits) private pure returns (uint256 magnitude, uint256 exponent) {
        unchecked {
            magnitude = bits & (HIDDEN - 1);
            exponent = (bits >> 52) & EXPONENT;
            if (exponent == 0) exponent = 1;
            else magnitude |= HIDDEN;
        }
    }

    /// @dev The nearest number to magnitude · 2^(exponent − 1075), ties to even. `top` is the magnitude's highest bit.
    function _round(uint256 sign, uint256 magnitude, int256 exponent, uint256 top) private pure returns (Float64) {
        unchecked {
            int256 shift = int256(top) - 52;
            // Below the normal numbers the last place stays where it is.
            if (exponent + shift < 1) shift = 1 - exponent;
            if (shift > 0) {
                uint256 places = uint256(shift);
                if (places > top + 1) return Float64.wrap(uint64(sign));
                // Half of the last place rounds up what lies above it, and itself if the place is odd.
                magnitude = (magnitude + (1 << (places - 1)) - 1 + ((magnitude >> places) & 1)) >> places;
            } else {
                magnitude <<= uint256(-shift);
            }
            // The hidden bit, where there is one, raises the exponent by one, and so does a significand that rounds up to 2^53.
            uint256 bits = (uint256(exponent + shift - 1) << 52) + magnitude;
            return Float64.wrap(uint64(sign | (bits < INFINITY ? bits : INFINITY)));
        }
    }

    /// @dev A sum with an infinity or a NaN.
    function _specialSum(uint256 a, uint256 b) private pure returns (Float64) {
        bool infinite = a & ~SIGN == INFINITY;
        if (_eitherNaN(a, b) || (infinite && b == a ^ SIGN)) return Float64.wrap(uint64(NAN));
        return Float64.wrap(uint64(infinite ? a : b));
    }

    /// @dev A product with an infinity or a NaN.
    function _specialProduct(uint256 a, uint256 b) private pure returns (Float64) {
        bool zero = a & ~SIGN == 0 || b & ~SIGN == 0;
        if (_eitherNaN(a, b) || zero) return Float64.wrap(uint64(NAN));
        return Float64.wrap(uint64(((a ^ b) & SIGN) | INFINITY));
    }

    /// @dev A quotient with an infinity, a NaN, or a divisor of zero.
    function _specialQuotient(uint256 a, uint256 b) private pure returns (Float64) {
        (uint256 size, uint256 by) = (a & ~SIGN, b & ~SIGN);
        if (_eitherNaN(a, b) || (size == INFINITY && by == INFINITY) || (size == 0 && by == 0)) {
            return Float64.wrap(uint64(NAN));
        }
        return Float64.wrap(uint64(((a ^ b) & SIGN) | (by == INFINITY ? 0 : INFINITY)));
    }

    function _eitherNaN(uint256 a, uint256 b) private pure returns (bool) {
        return a & ~SIGN > INFINITY || b & ~SIGN > INFINITY;
    }
}
