// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Black76, Contract} from "./Black76.sol";
import {ElementaryMath} from "./ElementaryMath.sol";
import {FloatRounding} from "./FloatRounding.sol";
import {Scenarios} from "./Scenarios.sol";
import {Smile} from "./Smile.sol";
import {Float64, SoftFloat64, ZERO} from "./SoftFloat64.sol";
import {OptionType} from "src/verifier/Types.sol";
import {ExpiryInputs} from "src/verifier/commands/MarkUpdates.sol";
import {InstrumentLeaf} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {ScenarioParameters} from "src/verifier/state/leaves/RiskTables.sol";

/// @dev An option under signed inputs, as numbers.
struct MarkedOption {
    /// Without a shock.
    Contract plain;
    /// Years to expiry.
    Float64 t;
    /// e^(−rT).
    Float64 discount;
    /// What is left of the settlement window.
    Float64 share;
}

/// @title Figures of an option
/// @notice The operations of `crates/pricing/src/marks` and `crates/pricing/src/lanes/options.rs` in their order.
library OptionModel {
    /// @dev Length of the settlement window, ns.
    uint256 private constant SETTLEMENT_WINDOW = 1_800_000_000_000;
    int256 private constant INT32_MIN = type(int32).min;
    int256 private constant INT32_MAX = type(int32).max;
    int256 private constant UINT32_MAX = int256(uint256(type(uint32).max));

    /// @dev 1e6: micro-USDC per USD.
    Float64 private constant MICRO = Float64.wrap(0x412e848000000000);
    /// @dev 1e9: the fixed point of vols and deltas.
    Float64 private constant NANO = Float64.wrap(0x41cdcd6500000000);
    /// @dev 365 days in ns.
    Float64 private constant NANOS_PER_YEAR = Float64.wrap(0x435c0274cb68c000);
    /// @dev 1.8e12, the settlement window.
    Float64 private constant WINDOW = Float64.wrap(0x427a3185c5000000);
    /// @dev 100: 1e-8 contracts of a lot, over micro-USDC of a lane unit, per contract and USD.
    Float64 private constant LOT_UNITS_PER_LANE_UNIT = Float64.wrap(0x4059000000000000);
    /// @dev 2^-45: what a gap is raised by, of the sum of the highest forward and the strike.
    Float64 private constant GAP_ALLOWANCE = Float64.wrap(0x3d20000000000000);

    /// @notice The option under the inputs of its expiry; not `defined` when the inputs are none that it can be priced with.
    /// @param time Oracle time, ns
    /// @param inputs What was signed of its expiry
    /// @param leaf What it is
    function open(uint256 time, ExpiryInputs memory inputs, InstrumentLeaf memory leaf)
        internal
        pure
        returns (bool defined, MarkedOption memory option)
    {
        if (inputs.forward <= 0 || leaf.strike <= 0 || !Smile.isSound(inputs)) return (false, option);
        uint256 left = inputs.expiry > time ? inputs.expiry - time : 0;
        option.t = SoftFloat64.fromInt(int256(left)) / NANOS_PER_YEAR;
        option.discount = ElementaryMath.exp(-Smile.nano(inputs.rate) * option.t);
        option.share = SoftFloat64.fromInt(int256(left < SETTLEMENT_WINDOW ? left : SETTLEMENT_WINDOW)) / WINDOW;

        Contract memory plain = option.plain;
        plain.forward = Smile.nano(inputs.forward);
        plain.strike = SoftFloat64.fromInt(leaf.strike) / MICRO;
        plain.logMoneyness = ElementaryMath.lnRatio(plain.forward, plain.strike);
        plain.rootT = option.t.sqrt();
        plain.isCall = leaf.optionType == OptionType.Call;
        if (left != 0) plain.sigma = Smile.vol(inputs, -plain.logMoneyness, option.t);
        // A negative variance has no root.
        defined = !plain.sigma.isNaN();
    }

    /// @notice Micro-USDC per contract.
    function mark(MarkedOption memory option) internal pure returns (bool fits, int256 value) {
        return FloatRounding.halfEven(Black76.price(option.plain) * option.discount * MICRO);
    }

    /// @notice Implied vol, 1e-9.
    function iv(MarkedOption memory option) internal pure returns (bool fits, int256 value) {
        return FloatRounding.halfEven(option.plain.sigma * NANO);
    }

    /// @notice 1e-9, fading over the settlement window.
    function delta(MarkedOption memory option) internal pure returns (bool fits, int256 value) {
        (, Float64 slope) = Black76.priceAndDelta(option.plain);
        return FloatRounding.halfEven(slope * option.share * NANO);
    }

    /// @notice Micro-USDC per contract and vol point.
    function vega(MarkedOption memory option) internal pure returns (bool fits, int256 value) {
        return FloatRounding.halfEven(Black76.vega(option.plain) * option.discount * MICRO);
    }

    /// @notice P&L of one long lot in a scenario, in lane units, rounded down.
    function lane(
        MarkedOption memory option,
        InstrumentLeaf memory leaf,
        ScenarioParameters memory table,
        uint256 index
    ) internal pure returns (int256) {
        Contract memory plain = option.plain;
        Contract memory shocked = _moved(plain, Scenarios.factor(table, index, option.share));
        shocked.sigma = Scenarios.vol(table, index, plain.sigma, -plain.logMoneyness, option.t);
        Float64 gain = Black76.price(shocked) - Black76.price(plain);
        Float64 value = gain * Scenarios.weight(table, index) * _units(option, leaf);
        return FloatRounding.floorWithin(value, INT32_MIN, INT32_MAX);
    }

    /// @notice Most that a chord lies above the value of one long lot, between node `index` and the next, in lane units,
    /// rounded up.
    function gap(MarkedOption memory option, InstrumentLeaf memory leaf, ScenarioParameters memory table, uint256 index)
        internal
        pure
        returns (int256)
    {
        Contract memory first = _moved(option.plain, Scenarios.factor(table, index, option.share));
        Contract memory last = _moved(option.plain, Scenarios.factor(table, index + 1, option.share));
        // A put has the gaps of its call.
        first.isCall = true;
        last.isCall = true;
        Float64 widest = ZERO;
        for (uint256 row = 0; row < Scenarios.ROWS; ++row) {
            uint256 at = row * Scenarios.NODES;
            first.sigma = Scenarios.vol(table, at, option.plain.sigma, -option.plain.logMoneyness, option.t);
            last.sigma = first.sigma;
            Float64 ofRow = _gapOfRow(first, last);
            if (ofRow > widest) widest = ofRow;
        }
        Float64 value = (widest + _gapAllowance(option, table)) * _units(option, leaf);
        return -FloatRounding.floorWithin(-value, -UINT32_MAX, 0);
    }

    /// @dev Where the tangents at both ends cross, below the chord.
    function _gapOfRow(Contract memory first, Contract memory last) private pure returns (Float64) {
        (Float64 price, Float64 slope) = Black76.priceAndDelta(first);
        (Float64 lastPrice, Float64 lastSlope) = Black76.priceAndDelta(last);
        Float64 step = last.forward - first.forward;
        Float64 rise = lastPrice - price;
        Float64 aboveFirst = rise - slope * step;
        Float64 aboveLast = lastSlope * step - rise;
        if (!(aboveFirst > ZERO && aboveLast > ZERO)) return ZERO;
        return aboveFirst * aboveLast / (aboveFirst + aboveLast);
    }

    /// @dev What prices, deltas and lanes can err by; nothing where nothing moves.
    function _gapAllowance(MarkedOption memory option, ScenarioParameters memory table) private pure returns (Float64) {
        Float64 highest = option.plain.forward * Scenarios.factor(table, Scenarios.NODES - 1, option.share);
        if (!(highest > option.plain.forward)) return ZERO;
        return GAP_ALLOWANCE * (highest + option.plain.strike);
    }

    /// @dev The option with its forward times a factor.
    function _moved(Contract memory plain, Float64 factor) private pure returns (Contract memory moved) {
        moved.forward = plain.forward * factor;
        moved.strike = plain.strike;
        moved.logMoneyness = plain.logMoneyness + ElementaryMath.ln(factor);
        moved.sigma = plain.sigma;
        moved.rootT = plain.rootT;
        moved.isCall = plain.isCall;
    }

    /// @dev Lane units per lot and USD of the price of a contract.
    function _units(MarkedOption memory option, InstrumentLeaf memory leaf) private pure returns (Float64) {
        Float64 perUnit = LOT_UNITS_PER_LANE_UNIT * SoftFloat64.fromInt(int256(leaf.laneUnit));
        return SoftFloat64.fromInt(leaf.lotSize) / perUnit * option.discount;
    }
}
