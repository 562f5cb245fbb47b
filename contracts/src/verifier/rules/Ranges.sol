// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {Parameter, Units} from "src/verifier/Types.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";

/// @title Values that parameters may take
/// @notice Each by itself, and together: crates/engine/src/parameters.rs.
library Ranges {
    int256 private constant ONE = Units.NANO_ONE;
    int256 private constant SECOND = 1_000_000_000;
    int256 private constant DAY = 86_400 * SECOND;
    /// Most holdings of an account whose steps fit a transaction.
    int256 private constant INSTRUMENTS_JUDGED = 64;
    /// The same of open orders.
    int256 private constant OPEN_ORDERS_JUDGED = 512;

    /// @notice The value is one that the parameter may take.
    function requireWithin(Parameter parameter, int256 value) internal pure {
        (int256 least, int256 greatest) = range(parameter);
        requireLegal(value >= least && value <= greatest, "parameter_range");
    }

    /// @notice Administrators do not raise what bounds an account to where no transaction judges its steps
    /// (docs/protocol/steps.md, "What fits"). What the venue opened with may stay.
    function requireJudgeable(Parameter parameter, int256 before, int256 value) internal pure {
        if (parameter != Parameter.MaxInstruments && parameter != Parameter.MaxOpenOrders) return;
        int256 greatest = parameter == Parameter.MaxInstruments ? INSTRUMENTS_JUDGED : OPEN_ORDERS_JUDGED;
        requireLegal(value <= greatest || value <= before, "parameter_range");
    }

    /// @notice The values of a table do not contradict each other.
    function requireAgreement(bytes memory table) internal pure {
        _requireSum(table, Parameter.OptionMakerFee, Parameter.OptionTakerFee);
        _requireSum(table, Parameter.PerpetualMakerFee, Parameter.PerpetualTakerFee);
        _requireOrder(table, Parameter.OptionInitialFloor, Parameter.OptionInitial);
        _requireOrder(table, Parameter.OptionMaintenance, Parameter.OptionInitialFloor);
        _requireOrder(table, Parameter.PerpetualMaintenance, Parameter.PerpetualInitial);
        _requireOrder(table, Parameter.AuctionMiddle, Parameter.AuctionStart);
        _requireOrder(table, Parameter.AuctionMiddleTime, Parameter.AuctionEndTime);
    }

    /// @notice Least and greatest value of a parameter.
    function range(Parameter p) internal pure returns (int256 least, int256 greatest) {
        if (p == Parameter.OptionMakerFee || p == Parameter.PerpetualMakerFee) return (-ONE / 1000, ONE / 100);
        if (p == Parameter.OptionTakerFee || p == Parameter.PerpetualTakerFee) return (0, ONE / 100);
        if (p == Parameter.OptionFeeCap) return (0, ONE / 2);
        if (p == Parameter.NoncePast) return (SECOND, 7 * DAY);
        if (p == Parameter.NonceFuture || p == Parameter.LiquidationInterval) return (0, DAY);
        if (p == Parameter.MaxOpenOrders) return (1, 10_000);
        if (p == Parameter.MaxInstruments) return (1, 4096);
        if (p == Parameter.PerpetualInitial || p == Parameter.PerpetualMaintenance) return (ONE / 1000, ONE);
        if (p == Parameter.PriceBand) return (ONE / 1000, 100 * ONE);
        if (p == Parameter.MarkStaleness) return (SECOND, 30 * DAY);
        if (p == Parameter.MinIndexSources) return (0, 255);
        if (p == Parameter.MaxIndexJump) return (ONE / 1000, 10 * ONE);
        if (p == Parameter.RiskDelay) return (0, 30 * DAY);
        if (p == Parameter.LiquidationSlice) return (ONE / 1000, ONE);
        if (p == Parameter.LiquidationFee) return (0, ONE / 10);
        if (p == Parameter.AuctionMiddleTime || p == Parameter.AuctionEndTime) return (SECOND, 7 * DAY);
        // All others are shares of one.
        return (0, ONE);
    }

    function _requireSum(bytes memory table, Parameter maker, Parameter taker) private pure {
        int256 sum = Parameters.valueIn(table, maker) + Parameters.valueIn(table, taker);
        requireLegal(sum >= 0, "parameter_conflict");
    }

    function _requireOrder(bytes memory table, Parameter lower, Parameter higher) private pure {
        bool ordered = Parameters.valueIn(table, lower) <= Parameters.valueIn(table, higher);
        requireLegal(ordered, "parameter_conflict");
    }
}
