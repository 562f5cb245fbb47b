// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Float64, HALF, ONE, SoftFloat64, TWO} from "./SoftFloat64.sol";

/// @title Elementary functions of the pricing kernel
/// @notice The operations of `crates/pricing/src/math.rs` in their order, coefficients included, on the numbers that a
/// price can give them.
library ElementaryMath {
    /// @dev ln 2 to 32 fractional bits.
    Float64 private constant LN2_HIGH = Float64.wrap(0x3fe62e42fee00000);
    /// @dev What it leaves out.
    Float64 private constant LN2_LOW = Float64.wrap(0x3dea39ef35793c76);
    Float64 private constant INVERSE_LN2 = Float64.wrap(0x3ff71547652b82fe);
    /// @dev 1.5·2^52: a sum with it has no room for a fraction.
    Float64 private constant ROUNDER = Float64.wrap(0x4338000000000000);
    /// @dev −746 and 710: where e^x has underflowed and overflowed.
    Float64 private constant LEAST_EXPONENT = Float64.wrap(0xc087500000000000);
    Float64 private constant MOST_EXPONENT = Float64.wrap(0x4086300000000000);
    /// @dev −½.
    Float64 private constant MINUS_HALF = Float64.wrap(0xbfe0000000000000);
    /// @dev 39: where e^(−x²/2) has underflowed.
    Float64 private constant TAIL_END = Float64.wrap(0x4043800000000000);
    uint256 private constant ONE_BITS = 0x3ff0000000000000;
    uint256 private constant SQRT_HALF_BITS = 0x3fe6a09e667f3bcd;
    uint256 private constant FRACTION_BITS = (1 << 52) - 1;

    /// @notice e^x of a number.
    function exp(Float64 x) internal pure returns (Float64) {
        Float64 bounded = x < LEAST_EXPONENT ? LEAST_EXPONENT : x;
        if (bounded > MOST_EXPONENT) bounded = MOST_EXPONENT;
        Float64 rounded = bounded * INVERSE_LN2 + ROUNDER;
        Float64 n = rounded - ROUNDER;
        Float64 r = (bounded - n * LN2_HIGH) - n * LN2_LOW;
        Float64 mantissa = ONE + (r + r * r * _expSeries(r));
        // Two factors reach the subnormal and the largest results, where 2^n itself is not a normal number.
        int256 whole = rounded.rank() - ROUNDER.rank();
        int256 half = whole >> 1;
        return mantissa * _powerOfTwo(half) * _powerOfTwo(whole - half);
    }

    /// @notice e^(−x²/2).
    function bell(Float64 x) internal pure returns (Float64) {
        return exp(MINUS_HALF * x * x);
    }

    /// @notice Natural logarithm of a positive normal number.
    function ln(Float64 x) internal pure returns (Float64) {
        // Exponent and mantissa such that the mantissa lies in [√½, √2).
        uint256 shifted = uint256(Float64.unwrap(x)) + ONE_BITS - SQRT_HALF_BITS;
        Float64 exponent = SoftFloat64.fromInt(int256(shifted >> 52) - 1023);
        Float64 f = Float64.wrap(uint64((shifted & FRACTION_BITS) + SQRT_HALF_BITS)) - ONE;
        Float64 s = f / (TWO + f);
        Float64 z = s * s;
        Float64 halfSquare = HALF * f * f;
        Float64 tail = s * (halfSquare + z * _atanhSeries(z));
        return exponent * LN2_HIGH - ((halfSquare - (tail + exponent * LN2_LOW)) - f);
    }

    /// @notice ln(a/b) of two positive normal numbers.
    function lnRatio(Float64 a, Float64 b) internal pure returns (Float64) {
        // Bit patterns of positive numbers are piecewise linear logarithms; n is the nearest integer to their difference.
        int256 n = (a.rank() - b.rank() + int256(1 << 51)) >> 52;
        Float64 scaled = Float64.wrap(uint64(uint256(b.rank() + (n << 52))));
        Float64 s = (a - scaled) / (a + scaled);
        Float64 z = s * s;
        Float64 power = SoftFloat64.fromInt(n);
        return power * LN2_HIGH + (TWO * s + (s * z * _atanhSeries(z) + power * LN2_LOW));
    }

    /// @notice What e^(x²/2)·Φ(−x) falls short of ½, for x ≥ 0.
    function tailShortfall(Float64 x) internal pure returns (Float64) {
        Float64 bounded = x > TAIL_END ? TAIL_END : x;
        return bounded * (_shortfallDividend(bounded) / _shortfallDivisor(bounded));
    }

    /// @dev 2^n for −1022 ≤ n ≤ 1023.
    function _powerOfTwo(int256 n) private pure returns (Float64) {
        return Float64.wrap(uint64(uint256(n + 1023) << 52));
    }

    /// @dev (e^r − 1 − r)/r² on |r| ≤ ln 2 / 2.
    function _expSeries(Float64 r) private pure returns (Float64) {
        Float64 square = r * r;
        Float64 even = Float64.wrap(0x3e928917c89a43a7); // 2.7620075879983367e-07
        even = even * square + Float64.wrap(0x3efa019b9149a41c); // 2.4801521322368692e-05
        even = even * square + Float64.wrap(0x3f56c16c17889ef1); // 0.0013888888917196719
        even = even * square + Float64.wrap(0x3fa5555555553d68); // 0.041666666666624164
        even = even * square + Float64.wrap(0x3fe0000000000001); // 0.5000000000000001
        Float64 odd = Float64.wrap(0x3e5af389ecfc4b9c); // 2.5100375832561234e-08
        odd = odd * square + Float64.wrap(0x3ec71de0db2f6b19); // 2.7557268480310024e-06
        odd = odd * square + Float64.wrap(0x3f2a01a01a7c2efe); // 0.00019841269863040545
        odd = odd * square + Float64.wrap(0x3f811111111109b5); // 0.008333333333330065
        odd = odd * square + Float64.wrap(0x3fc5555555555556); // 0.16666666666666669
        return even + r * odd;
    }

    /// @dev (atanh(s)/s − 1)·2/s² in powers of z = s² ≤ 0.04.
    function _atanhSeries(Float64 z) private pure returns (Float64) {
        Float64 square = z * z;
        Float64 even = Float64.wrap(0x3fc3587371ccaae7); // 0.15113680893531198
        even = even * square + Float64.wrap(0x3fc746b9dab90793); // 0.18184588603804439
        even = even * square + Float64.wrap(0x3fd24924951743bb); // 0.2857142883267973
        even = even * square + Float64.wrap(0x3fe555555555556d); // 0.6666666666666693
        Float64 odd = Float64.wrap(0x3fc390565d08943e); // 0.15284232657100633
        odd = odd * square + Float64.wrap(0x3fcc71c3d608a2f4); // 0.22222183180681265
        odd = odd * square + Float64.wrap(0x3fd999999997cd24); // 0.3999999999934565
        return even + z * odd;
    }

    /// @dev R of ½ − e^(x²/2)·Φ(−x) = x·R/Q on [0, 39].
    function _shortfallDividend(Float64 x) private pure returns (Float64) {
        Float64 square = x * x;
        Float64 even = Float64.wrap(0x3ed9cab730f50f8a); // 6.149258083457715e-06
        even = even * square + Float64.wrap(0x3f5c87bbe18f121f); // 0.0017413458610785538
        even = even * square + Float64.wrap(0x3faf0ab3d5434e10); // 0.060628528388090186
        even = even * square + Float64.wrap(0x3fdc8d5906248eb7); // 0.4461271820057208
        even = even * square + Float64.wrap(0x3fd9884533d43677); // 0.3989422804014348
        Float64 odd = Float64.wrap(0x3f2396f29ca4ce8b); // 0.00014945708819312885
        odd = odd * square + Float64.wrap(0x3f89ae835c73d20d); // 0.012539888628887242
        odd = odd * square + Float64.wrap(0x3fc9b8522fbe0c92); // 0.20093753176852097
        odd = odd * square + Float64.wrap(0x3fe384c358dd0484); // 0.6099564300167377
        return even + x * odd;
    }

    /// @dev Q of the same.
    function _shortfallDivisor(Float64 x) private pure returns (Float64) {
        Float64 square = x * x;
        Float64 even = Float64.wrap(0x3f343b944034f098); // 0.00030872697262274975
        even = even * square + Float64.wrap(0x3f9cb7e7b50ae93f); // 0.02804529230591268
        even = even * square + Float64.wrap(0x3fe06d3fc27fd28b); // 0.5133360670866564
        even = even * square + Float64.wrap(0x40011608549a81ad); // 2.135758076634565
        even = even * square + Float64.wrap(0x3ff0000000000000); // 1.0
        Float64 odd = Float64.wrap(0x3ee9cab730f1465b); // 1.2298516166495113e-05
        odd = odd * square + Float64.wrap(0x3f6e8c527a190567); // 0.003729020202428646
        odd = odd * square + Float64.wrap(0x3fc25a869b3c4c9a); // 0.143387628363233
        odd = odd * square + Float64.wrap(0x3ff47bb05e0e6db7); // 1.280197493941939
        odd = odd * square + Float64.wrap(0x40013ea68c43ea33); // 2.1555911024309125
        return even + x * odd;
    }
}
