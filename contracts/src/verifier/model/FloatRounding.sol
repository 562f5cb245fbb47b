// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Float64, SoftFloat64} from "./SoftFloat64.sol";

/// @title From binary64 to integers
/// @notice As `crates/pricing/src/round.rs`: half to even, and never a value that was not asked for.
library FloatRounding {
    /// @dev 2^63.
    Float64 private constant INT64_END = Float64.wrap(0x43e0000000000000);

    /// @notice The nearest integer, ties to even; not `fits` when the number is not finite or no int64 holds it.
    function halfEven(Float64 value) internal pure returns (bool fits, int256 nearest) {
        if (!(value > -INT64_END && value < INT64_END)) return (false, 0);
        (int256 significand, int256 exponent) = value.split();
        if (exponent >= 0) return (true, significand << uint256(exponent));
        uint256 places = uint256(-exponent);
        // Less than half of one: the significand has 53 bits.
        if (places > 54) return (true, 0);
        int256 whole = significand >> places;
        int256 twice = (significand - (whole << places)) << 1;
        bool up = twice > int256(1) << places || (twice == int256(1) << places && whole & 1 == 1);
        return (true, up ? whole + 1 : whole);
    }

    /// @notice The largest integer not above the number, held within two integers of less than 2^51.
    function floorWithin(Float64 value, int256 least, int256 most) internal pure returns (int256) {
        if (!(value > SoftFloat64.fromInt(least))) return least;
        if (!(value < SoftFloat64.fromInt(most))) return most;
        (int256 significand, int256 exponent) = value.split();
        // What is below 2^51 in size has a negative exponent.
        return significand >> uint256(-exponent);
    }

    /// @notice value / divisor to the nearest integer, ties to even; the divisor is positive.
    function divideHalfEven(int256 value, int256 divisor) internal pure returns (int256) {
        int256 whole = floorDivide(value, divisor);
        int256 twice = 2 * (value - whole * divisor);
        return twice > divisor || (twice == divisor && whole & 1 == 1) ? whole + 1 : whole;
    }

    /// @notice value / divisor rounded down; the divisor is positive.
    function floorDivide(int256 value, int256 divisor) internal pure returns (int256 whole) {
        whole = value / divisor;
        if (value < whole * divisor) --whole;
    }
}
