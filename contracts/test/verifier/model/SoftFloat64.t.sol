// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {ElementaryMath} from "src/verifier/model/ElementaryMath.sol";
import {FloatRounding} from "src/verifier/model/FloatRounding.sol";
import {Float64, HALF, ONE, SoftFloat64, TWO, ZERO} from "src/verifier/model/SoftFloat64.sol";

/// @notice Where binary64 changes its ways, by hand. `crates/referee/tests/model` compares with a processor.
contract SoftFloat64Test is Test {
    Float64 internal constant MINUS_ZERO = Float64.wrap(0x8000000000000000);
    Float64 internal constant INFINITY = Float64.wrap(0x7ff0000000000000);
    Float64 internal constant NAN = Float64.wrap(0x7ff8000000000000);
    Float64 internal constant LARGEST = Float64.wrap(0x7fefffffffffffff);
    Float64 internal constant LEAST_NORMAL = Float64.wrap(0x0010000000000000);
    Float64 internal constant LEAST = Float64.wrap(1);
    /// @dev 2^53: the first integer beyond which not every integer is a number.
    int256 internal constant DENSE = 1 << 53;

    function assertSame(Float64 found, Float64 expected) internal pure {
        assertEq(Float64.unwrap(found), Float64.unwrap(expected));
    }

    function number(int256 value) internal pure returns (Float64) {
        return SoftFloat64.fromInt(value);
    }

    function bits(uint64 value) internal pure returns (Float64) {
        return Float64.wrap(value);
    }

    function test_tiesGoToEven() public pure {
        assertSame(number(DENSE) + ONE, number(DENSE));
        assertSame(number(DENSE) + TWO + ONE, number(DENSE + 4));
        assertSame(number(DENSE + 1), number(DENSE));
        assertSame(number(DENSE + 3), number(DENSE + 4));
        assertSame(number(-DENSE - 1), number(-DENSE));
        // Half of the last place of 1, and a little more and less.
        assertSame(ONE + bits(0x3ca0000000000000), ONE);
        assertSame(ONE + bits(0x3ca0000000000001), bits(0x3ff0000000000001));
        assertSame(ONE - bits(0x3c90000000000000), ONE);
        assertSame(ONE - bits(0x3c90000000000001), bits(0x3fefffffffffffff));
    }

    function test_aNumberFarBelowChangesNothing() public pure {
        assertSame(number(1 << 54) - LEAST, number(1 << 54));
        assertSame(number(1 << 54) + LEAST, number(1 << 54));
        assertSame(LARGEST - LEAST, LARGEST);
        assertSame(LEAST - LARGEST, -LARGEST);
    }

    function test_subnormalNumbers() public pure {
        assertSame(LEAST_NORMAL / TWO, bits(0x0008000000000000));
        assertSame(LEAST * HALF, ZERO);
        assertSame(LEAST * bits(0x3fe0000000000001), LEAST);
        assertSame(-LEAST * HALF, MINUS_ZERO);
        assertSame(bits(3) * HALF, bits(2));
        assertSame(bits(0x000fffffffffffff) + LEAST, LEAST_NORMAL);
        assertSame(LEAST_NORMAL - LEAST, bits(0x000fffffffffffff));
        assertSame(LEAST / LEAST, ONE);
        assertSame(LEAST.sqrt(), bits(0x1e60000000000000));
    }

    /// @dev Roots that lie above the middle of two numbers by less than 2^-50 of their distance.
    function test_rootsNextToATie() public pure {
        assertSame(bits(0x3ff2b035c1197f48).sqrt(), bits(0x3ff14ac03ef7226d));
        assertSame(bits(0x3ffba44c2a0737a2).sqrt(), bits(0x3ff507ba11d0abb9));
    }

    function test_overflow() public pure {
        assertSame(LARGEST + LARGEST, INFINITY);
        assertSame(-LARGEST * TWO, -INFINITY);
        assertSame(LARGEST / HALF, INFINITY);
        assertSame(LARGEST + bits(0x7c90000000000000), INFINITY);
        assertSame(LARGEST + bits(0x7c8fffffffffffff), LARGEST);
    }

    function test_zerosAndInfinities() public pure {
        assertSame(ONE - ONE, ZERO);
        assertSame(MINUS_ZERO + MINUS_ZERO, MINUS_ZERO);
        assertSame(MINUS_ZERO + ZERO, ZERO);
        assertSame(MINUS_ZERO * ONE, MINUS_ZERO);
        assertSame(ONE / MINUS_ZERO, -INFINITY);
        assertSame(ONE / -INFINITY, MINUS_ZERO);
        assertSame(MINUS_ZERO.sqrt(), MINUS_ZERO);
        assertSame(INFINITY.sqrt(), INFINITY);
        assertSame(INFINITY + ONE, INFINITY);
        assertSame(INFINITY * -ONE, -INFINITY);
        assertTrue(MINUS_ZERO >= ZERO && !(MINUS_ZERO < ZERO));
    }

    function test_notANumber() public pure {
        assertSame(INFINITY - INFINITY, NAN);
        assertSame(INFINITY * ZERO, NAN);
        assertSame(ZERO / ZERO, NAN);
        assertSame(INFINITY / INFINITY, NAN);
        assertSame((-ONE).sqrt(), NAN);
        assertSame(bits(0x7ff0000000000001) + ONE, NAN);
        assertSame(ONE * bits(0xfff8000000000000), NAN);
        assertFalse(NAN < ONE || NAN > ONE || NAN >= NAN);
    }

    function test_integersOfHalves() public pure {
        int64[6] memory halves = [int64(1), 3, 5, -1, -3, -5];
        int64[6] memory nearest = [int64(0), 2, 2, 0, -2, -2];
        int64[6] memory floors = [int64(0), 1, 2, -1, -2, -3];
        for (uint256 i = 0; i < 6; ++i) {
            (bool fits, int256 value) = FloatRounding.halfEven(number(halves[i]) * HALF);
            assertTrue(fits);
            assertEq(value, nearest[i]);
            assertEq(FloatRounding.floorWithin(number(halves[i]) * HALF, -100, 100), floors[i]);
            assertEq(FloatRounding.divideHalfEven(halves[i], 2), nearest[i]);
        }
    }

    function test_whatFitsNoInteger() public pure {
        Float64[4] memory values = [NAN, INFINITY, number(1 << 63), number(-(1 << 63))];
        for (uint256 i = 0; i < 4; ++i) {
            (bool fits,) = FloatRounding.halfEven(values[i]);
            assertFalse(fits);
        }
        assertEq(FloatRounding.floorWithin(NAN, -7, 7), -7);
        assertEq(FloatRounding.floorWithin(INFINITY, -7, 7), 7);
        assertEq(FloatRounding.floorWithin(-LEAST, -7, 7), -1);
    }

    function test_powersOutsideOfTheNumbers() public pure {
        assertSame(ElementaryMath.exp(ZERO), ONE);
        assertSame(ElementaryMath.exp(number(1000)), INFINITY);
        assertSame(ElementaryMath.exp(number(-1000)), ZERO);
    }

    function testFuzz_integersAreExact(int64 value, uint64 by) public pure {
        value = int64(bound(value, -DENSE, DENSE));
        by = uint64(bound(by, 1, uint256(DENSE)));
        (bool fits, int256 same) = FloatRounding.halfEven(number(value));
        assertTrue(fits);
        assertEq(same, value);
        assertSame(
            number(value) * number(int64(by)) / number(int64(by)), number(int256(value) * int64(by)) / number(int64(by))
        );
        assertSame(number(value) + number(-int256(value)), ZERO);
        assertSame(number(value).abs() * number(value).abs(), number(int256(value) * value));
    }

    function testFuzz_sumsAndProductsCommute(uint64 a, uint64 b) public pure {
        assertSame(bits(a) + bits(b), bits(b) + bits(a));
        assertSame(bits(a) * bits(b), bits(b) * bits(a));
        assertSame(bits(a) - bits(b), bits(a) + -bits(b));
        assertEq(bits(a) < bits(b), bits(b) > bits(a));
    }

    function testFuzz_rootsOfSquares(uint64 value) public pure {
        int256 root = int256(bound(value, 0, 1 << 26));
        assertSame(number(root * root).sqrt(), number(root));
    }
}
