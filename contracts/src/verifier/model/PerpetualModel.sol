// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {FloatRounding} from "./FloatRounding.sol";
import {Scenarios} from "./Scenarios.sol";
import {Units} from "src/verifier/Types.sol";
import {InstrumentLeaf} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {ScenarioParameters} from "src/verifier/state/leaves/RiskTables.sol";

/// @title Figures of a perpetual
/// @notice Integers throughout, as `crates/pricing/src/lanes/linear.rs`.
library PerpetualModel {
    /// @dev 1e-9 USD per micro-USDC.
    int256 private constant NANO_PER_MICRO = 1000;
    int256 private constant EIGHTHS = 8;

    /// @notice Micro-USDC per contract.
    function mark(int256 perpetualMark) internal pure returns (int256) {
        return FloatRounding.divideHalfEven(perpetualMark, NANO_PER_MICRO);
    }

    /// @notice P&L of one long lot in a scenario, in lane units, rounded down.
    function lane(int256 perpetualMark, InstrumentLeaf memory leaf, ScenarioParameters memory table, uint256 index)
        internal
        pure
        returns (int256)
    {
        int256 moved = mark(perpetualMark) * table.range * leaf.lotSize * Scenarios.eighthsOfRange(index);
        int256 divisor = EIGHTHS * Units.NANO_ONE * Units.CONTRACT * int256(leaf.laneUnit);
        int256 value = FloatRounding.floorDivide(moved, divisor);
        if (value < type(int32).min) return type(int32).min;
        return value > type(int32).max ? type(int32).max : value;
    }
}
