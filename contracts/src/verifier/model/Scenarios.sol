// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ElementaryMath} from "./ElementaryMath.sol";
import {Smile} from "./Smile.sol";
import {Float64, ONE, SoftFloat64} from "./SoftFloat64.sol";
import {ScenarioParameters} from "src/verifier/state/leaves/RiskTables.sol";

/// @title The scenarios of the lanes
/// @notice What each lane does to a forward and to a vol: the operations of `crates/pricing/src/lanes/scenario.rs` in their
/// order. Lanes are numbered as in docs/protocol/marks.md.
library Scenarios {
    /// @notice Price nodes of a vol row.
    uint256 internal constant NODES = 17;
    /// @notice Vol rows: up, unchanged, down.
    uint256 internal constant ROWS = 3;
    /// @notice Cells between the nodes.
    uint256 internal constant GAPS = NODES - 1;
    /// @notice Lanes.
    uint256 internal constant LANES = 64;
    /// @dev The node without a move.
    int256 private constant MIDDLE = 8;
    uint256 private constant TAILS = ROWS * NODES;
    uint256 private constant SKEW_LINEAR = TAILS + 8;
    uint256 private constant SKEW_ABSOLUTE = SKEW_LINEAR + 1;
    uint256 private constant FRONT_UP = SKEW_ABSOLUTE + 1;
    uint256 private constant FRONT_DOWN = FRONT_UP + 1;
    uint256 private constant CRASH = FRONT_DOWN + 1;

    /// @dev 2.5: what the crash multiplies vols with.
    Float64 private constant CRASH_VOL = Float64.wrap(0x4004000000000000);
    /// @dev 0.05: what every scenario leaves of a vol that it lowers.
    Float64 private constant LEAST_VOL_SHARE = Float64.wrap(0x3fa999999999999a);
    /// @dev 30: days at which the vol moves by its parameters.
    Float64 private constant REFERENCE_DAYS = Float64.wrap(0x403e000000000000);
    Float64 private constant DAYS_PER_YEAR = Float64.wrap(0x4076d00000000000);
    Float64 private constant EIGHT = Float64.wrap(0x4020000000000000);

    /// @notice Forward of a lane over the forward.
    /// @param share What is left of the settlement window
    function factor(ScenarioParameters memory table, uint256 lane, Float64 share) internal pure returns (Float64) {
        if (lane < TAILS) {
            Float64 eighths = SoftFloat64.fromInt(int256(lane % NODES) - MIDDLE);
            return ONE + Smile.nano(table.range) * eighths / EIGHT * share;
        }
        return isTail(lane) ? ONE + _tailMove(lane) * share : ONE;
    }

    /// @notice What the P&L of a lane counts.
    function weight(ScenarioParameters memory table, uint256 lane) internal pure returns (Float64) {
        return isTail(lane) ? Smile.nano(table.range) / _tailMove(lane).abs() : ONE;
    }

    /// @notice The vol of a lane.
    /// @param sigma The vol without a shock
    /// @param k ln(K/F)
    /// @param t Years to expiry
    function vol(ScenarioParameters memory table, uint256 lane, Float64 sigma, Float64 k, Float64 t)
        internal
        pure
        returns (Float64)
    {
        if (lane == CRASH) return sigma * CRASH_VOL;
        uint256 row = lane / NODES;
        if (row == 1) return sigma;
        Float64 daysLeft = _atLeast(t * DAYS_PER_YEAR, ONE);
        if (row == 2) {
            Float64 left = ONE - Smile.nano(table.volDown) * _volMove(table, daysLeft);
            return sigma * _atLeast(left, LEAST_VOL_SHARE);
        }
        if (lane < SKEW_LINEAR) {
            Float64 raised = ONE + Smile.nano(table.volUp) * _volMove(table, daysLeft);
            return _atLeast(sigma * raised, Smile.nano(table.volFloor));
        }
        if (lane >= FRONT_UP) {
            Float64 twist = _twist(table, daysLeft);
            return sigma * _atLeast(lane == FRONT_UP ? ONE + twist : ONE - twist, LEAST_VOL_SHARE);
        }
        Float64 distance = k * (REFERENCE_DAYS / daysLeft).sqrt();
        distance = _atLeast(-_atLeast(-distance, -ONE), -ONE);
        Float64 skew = lane == SKEW_LINEAR
            ? Smile.nano(table.skewLinear) * distance
            : Smile.nano(table.skewAbsolute) * distance.abs();
        return _atLeast(sigma + skew, sigma * LEAST_VOL_SHARE);
    }

    /// @notice How many eighths of the range a lane moves something linear: tails and the crash by the range and no more.
    function eighthsOfRange(uint256 lane) internal pure returns (int256) {
        if (lane < TAILS) return int256(lane % NODES) - MIDDLE;
        if (!isTail(lane)) return 0;
        return _tailMove(lane).rank() < 0 ? -MIDDLE : MIDDLE;
    }

    /// @notice Whether a lane moves the price by a share of its own, whatever the range.
    function isTail(uint256 lane) internal pure returns (bool) {
        return lane == CRASH || (lane >= TAILS && lane < SKEW_LINEAR);
    }

    /// @dev Move of a tail lane or the crash, relative to the price.
    function _tailMove(uint256 lane) private pure returns (Float64) {
        if (lane == CRASH) return Float64.wrap(0xbfd3333333333333); // −0.3
        if (lane == TAILS) return Float64.wrap(0xbfe51eb851eb851f); // −0.66
        if (lane == TAILS + 1) return Float64.wrap(0xbfd51eb851eb851f); // −0.33
        if (lane == TAILS + 2) return Float64.wrap(0x3fe0000000000000); // 0.5
        return SoftFloat64.fromInt(int256(lane - TAILS) - 2); // 1 to 5
    }

    /// @dev (30 / days left)^power.
    function _volMove(ScenarioParameters memory table, Float64 daysLeft) private pure returns (Float64) {
        Float64 power = Smile.nano(daysLeft < REFERENCE_DAYS ? table.powerShort : table.powerLong);
        return ElementaryMath.exp(power * ElementaryMath.lnRatio(REFERENCE_DAYS, daysLeft));
    }

    /// @dev By how much the front rises, share of the vol.
    function _twist(ScenarioParameters memory table, Float64 daysLeft) private pure returns (Float64) {
        Float64 front = REFERENCE_DAYS / (REFERENCE_DAYS + daysLeft);
        return Smile.nano(table.termFront) * front - Smile.nano(table.termBack) * (ONE - front);
    }

    function _atLeast(Float64 value, Float64 least) private pure returns (Float64) {
        return value > least ? value : least;
    }
}
