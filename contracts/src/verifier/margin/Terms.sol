// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {InstrumentKind, OptionType, Parameter, Side, Units} from "src/verifier/Types.sol";
import {Holding, OpenOrders} from "src/verifier/margin/MarginAccount.sol";
import {Fit, Numbers} from "src/verifier/margin/Numbers.sol";
import {Instruments} from "src/verifier/state/Instruments.sol";
import {Ledger} from "src/verifier/state/Ledger.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {InstrumentLeaf} from "src/verifier/state/leaves/InstrumentLeaf.sol";

/// @notice Numbers of one instrument that follow from its leaf and the parameters.
/// @param instrument Its id
/// @param leaf Its leaf
/// @param perpetual Whether it is a perpetual
/// @param marked Whether a mark has come; without one nothing below but the tick value means anything
/// @param tickValue Cash of one lot per tick, micro-USDC
/// @param shortInitial Initial margin of one short option lot, nano-USDC
/// @param shortMaintenance Maintenance margin of one, nano-USDC
/// @param makerFee Fee of one lot before the cap, nano-USDC; negative is a rebate
/// @param takerFee The same of a taker
/// @param feeCapped Whether the premium caps the fee, as of options
/// @param feeCap Share of the premium that does, 1e-9
/// @param initialRate Initial margin rate of a perpetual, 1e-9
/// @param maintenanceRate Maintenance margin rate, 1e-9
/// @param sizeTerm Growth of both per million USDC, 1e-9
struct Terms {
    uint256 instrument;
    InstrumentLeaf leaf;
    bool perpetual;
    bool marked;
    int256 tickValue;
    int256 shortInitial;
    int256 shortMaintenance;
    int256 makerFee;
    int256 takerFee;
    bool feeCapped;
    int256 feeCap;
    int256 initialRate;
    int256 maintenanceRate;
    int256 sizeTerm;
}

/// @title What matching and margin need to know of an instrument
/// @notice The numbers are those of the index that came with the mark, so a mark that no longer covers an instrument
/// leaves them as they are.
library TermsOf {
    using Numbers for Fit;

    /// @notice Nano-USDC in a micro-USDC.
    int256 internal constant NANOS_PER_MICRO = 1000;
    /// Micro-USDC in a million USDC: the unit in which a perpetual's rates grow.
    int256 private constant MILLION_USDC = 1_000_000 * Units.USD;
    /// Funding indices are 1e-9 USDC per contract and amounts 1e-8 contracts: their product in micro-USDC.
    int256 private constant FUNDING_DIVISOR = Units.CONTRACT * NANOS_PER_MICRO;

    /// @notice Terms of an instrument that must be there.
    function load(Ledger memory ledger, uint256 instrument) internal pure returns (Terms memory) {
        return derive(instrument, Instruments.load(ledger, instrument), Parameters.table(ledger));
    }

    /// @notice Terms that follow from a leaf and the table of parameters. What does not fit refuses the mark or the
    /// parameter, so it is in no state.
    function derive(uint256 instrument, InstrumentLeaf memory leaf, bytes memory parameters)
        internal
        pure
        returns (Terms memory terms)
    {
        unchecked {
            terms.instrument = instrument;
            terms.leaf = leaf;
            terms.perpetual = leaf.kind == InstrumentKind.Perpetual;
            terms.marked = leaf.markEpoch != 0;
            terms.tickValue = leaf.tickSize * leaf.lotSize / Units.CONTRACT;
            if (!terms.marked) return terms;
            if (terms.perpetual) {
                terms.makerFee = _fee(leaf, Parameters.valueIn(parameters, Parameter.PerpetualMakerFee));
                terms.takerFee = _fee(leaf, Parameters.valueIn(parameters, Parameter.PerpetualTakerFee));
                terms.initialRate = Parameters.valueIn(parameters, Parameter.PerpetualInitial);
                terms.maintenanceRate = Parameters.valueIn(parameters, Parameter.PerpetualMaintenance);
                terms.sizeTerm = Parameters.valueIn(parameters, Parameter.PerpetualSizeTerm);
                return terms;
            }
            terms.makerFee = _fee(leaf, Parameters.valueIn(parameters, Parameter.OptionMakerFee));
            terms.takerFee = _fee(leaf, Parameters.valueIn(parameters, Parameter.OptionTakerFee));
            terms.feeCapped = true;
            terms.feeCap = Parameters.valueIn(parameters, Parameter.OptionFeeCap);
            (int256 initialMargin, int256 maintenanceMargin) = _shortOptionMargins(leaf, parameters);
            terms.shortInitial = Numbers.divCeil(initialMargin * leaf.lotSize, Units.CONTRACT / NANOS_PER_MICRO);
            terms.shortMaintenance = Numbers.divCeil(maintenanceMargin * leaf.lotSize, Units.CONTRACT / NANOS_PER_MICRO);
        }
    }

    /// @notice Premium or notional of a fill, micro-USDC, exact.
    function cash(Terms memory terms, Fit memory fit, int256 lots, int256 ticks) internal pure returns (int256) {
        unchecked {
            return fit.narrow(lots * ticks * terms.tickValue);
        }
    }

    /// @notice Value of a position at the mark, micro-USDC, rounded down.
    function value(Terms memory terms, Fit memory fit, int256 position) internal pure returns (int256) {
        unchecked {
            return fit.narrow(Numbers.divFloor(position * terms.leaf.mark * terms.leaf.lotSize, Units.CONTRACT));
        }
    }

    /// @notice Cash that a position in a perpetual receives in funding since an index, rounded down; negative is paid.
    function fundingDue(Terms memory terms, Fit memory fit, int256 position, int256 since)
        internal
        pure
        returns (int256)
    {
        unchecked {
            if (!terms.perpetual || position == 0) return 0;
            int256 moved = since - terms.leaf.fundingIndex;
            return fit.narrow(Numbers.divFloor(position * terms.leaf.lotSize * moved, FUNDING_DIVISOR));
        }
    }

    /// @notice Fee of a maker, micro-USDC, rounded up; negative is a rebate.
    function makerFeeOf(Terms memory terms, Fit memory fit, int256 lots, int256 paid) internal pure returns (int256) {
        return _capped(terms, fit, terms.makerFee, lots, paid);
    }

    /// @notice Fee of a taker, micro-USDC, rounded up.
    function takerFeeOf(Terms memory terms, Fit memory fit, int256 lots, int256 paid) internal pure returns (int256) {
        return _capped(terms, fit, terms.takerFee, lots, paid);
    }

    /// @notice The most that filling `lots` could cost, as maker or taker; `paid` is their premium.
    function worstFeeOf(Terms memory terms, Fit memory fit, int256 lots, int256 paid) internal pure returns (int256) {
        int256 perLot = Numbers.max(Numbers.max(terms.makerFee, terms.takerFee), 0);
        return _capped(terms, fit, perLot, lots, paid);
    }

    /// @notice Whether a fee is within what was signed: at most `⌈maxFee × contracts⌉`.
    function feeAllowed(Terms memory terms, int256 fee, int256 maxFee, int256 lots) internal pure returns (bool) {
        return fee <= 0 || (fee - 1) * Units.CONTRACT < maxFee * lots * terms.leaf.lotSize;
    }

    /// @notice The worst price, in ticks, that an order of a side may name.
    function bandLimit(Terms memory terms, Ledger memory ledger, Side side) internal pure returns (int256) {
        int256 mark = terms.leaf.mark;
        int256 base = Numbers.max(mark, terms.leaf.markIndex / NANOS_PER_MICRO / 100);
        int256 band = _share(Parameters.value(ledger, Parameter.PriceBand), base);
        if (side == Side.Buy) return Numbers.divFloor(mark + band, terms.leaf.tickSize);
        return (Numbers.max(mark - band, 1) - 1) / terms.leaf.tickSize + 1;
    }

    /// @notice Initial margin of a position without orders, micro-USDC, rounded up.
    function initial(Terms memory terms, Fit memory fit, int256 position) internal pure returns (int256) {
        if (terms.perpetual) return _perpetualMargin(terms, fit, terms.initialRate, position);
        return _shortMargin(fit, terms.shortInitial, position);
    }

    /// @notice Maintenance margin of a position, micro-USDC, rounded up.
    function maintenance(Terms memory terms, Fit memory fit, int256 position) internal pure returns (int256) {
        if (terms.perpetual) return _perpetualMargin(terms, fit, terms.maintenanceRate, position);
        return _shortMargin(fit, terms.shortMaintenance, position);
    }

    /// @notice What a position and its open orders require in the worst case: the greatest of the four corners in which
    /// either side's orders fill wholly or not at all. The requirement is convex in the position and the cash linear, so
    /// no subset of fills requires more.
    function initialWithOrders(Terms memory terms, Fit memory fit, Holding memory holding)
        internal
        pure
        returns (int256 worst)
    {
        unchecked {
            int256 position = holding.position;
            OpenOrders memory bids = holding.bids;
            OpenOrders memory offers = holding.offers;
            worst = initial(terms, fit, position);
            if (bids.lots == 0 && offers.lots == 0) return worst;
            int256 bought = fit.narrow(position + bids.lots);
            int256 paid = _fillCost(terms, fit, Side.Buy, bids);
            int256 received = _fillCost(terms, fit, Side.Sell, offers);
            if (bids.lots > 0) {
                worst = Numbers.max(worst, fit.narrow(initial(terms, fit, bought) + paid));
            }
            if (offers.lots > 0) {
                int256 sold = fit.narrow(position - offers.lots);
                worst = Numbers.max(worst, fit.narrow(initial(terms, fit, sold) + received));
            }
            if (bids.lots > 0 && offers.lots > 0) {
                int256 both = initial(terms, fit, fit.narrow(bought - offers.lots));
                worst = Numbers.max(worst, fit.narrow(both + fit.narrow(paid + received)));
            }
        }
    }

    /// @notice The share `cost × part ÷ whole` of an entry cost that closing `part` of `whole` lots takes with it,
    /// rounded up.
    function closedCost(Fit memory fit, int256 cost, int256 part, int256 whole) internal pure returns (int256) {
        return part == whole ? cost : fit.mulDivCeil(cost, part, whole);
    }

    /// Balance lost, fees included, when all orders of a side fill at their worst price.
    function _fillCost(Terms memory terms, Fit memory fit, Side side, OpenOrders memory open)
        private
        pure
        returns (int256)
    {
        unchecked {
            if (open.lots == 0) return 0;
            int256 paid = cash(terms, fit, open.lots, open.worst);
            int256 fee = worstFeeOf(terms, fit, open.lots, paid);
            if (!terms.perpetual) return fit.narrow((side == Side.Buy ? paid : -paid) + fee);
            int256 price = fit.narrow(open.worst * terms.leaf.tickSize);
            int256 loss = fit.narrow(side == Side.Buy ? price - terms.leaf.mark : terms.leaf.mark - price);
            int256 lost = open.lots * Numbers.max(loss, 0) * terms.leaf.lotSize;
            return fit.narrow(fit.narrow(Numbers.divCeil(lost, Units.CONTRACT)) + fee);
        }
    }

    function _perpetualMargin(Terms memory terms, Fit memory fit, int256 rate, int256 position)
        private
        pure
        returns (int256)
    {
        unchecked {
            if (position == 0) return 0;
            int256 size = Numbers.magnitude(position) * terms.leaf.mark;
            int256 notional = fit.narrow(Numbers.divCeil(size * terms.leaf.lotSize, Units.CONTRACT));
            if (terms.sizeTerm == 0) return fit.mulDivCeil(notional, rate, Units.NANO_ONE);
            int256 scaled = rate * MILLION_USDC + terms.sizeTerm * notional;
            return fit.narrow(Numbers.divCeil(fit.medium(scaled * notional), MILLION_USDC * Units.NANO_ONE));
        }
    }

    function _shortMargin(Fit memory fit, int256 perLot, int256 position) private pure returns (int256) {
        return position >= 0 ? int256(0) : fit.mulDivCeil(perLot, -position, NANOS_PER_MICRO);
    }

    /// Initial and maintenance margin of one short contract, micro-USDC.
    function _shortOptionMargins(InstrumentLeaf memory leaf, bytes memory parameters)
        private
        pure
        returns (int256 initialMargin, int256 maintenanceMargin)
    {
        unchecked {
            int256 index = leaf.markIndex / NANOS_PER_MICRO;
            int256 mark = leaf.mark;
            int256 maintenanceRate = Parameters.valueIn(parameters, Parameter.OptionMaintenance);
            bool isCall = leaf.optionType == OptionType.Call;
            int256 outOfTheMoney = Numbers.max(isCall ? leaf.strike - index : index - leaf.strike, 0);
            int256 base = _share(Parameters.valueIn(parameters, Parameter.OptionInitial), index) - outOfTheMoney;
            int256 floor = _share(Parameters.valueIn(parameters, Parameter.OptionInitialFloor), index);
            initialMargin = Numbers.max(base, floor) + mark;
            maintenanceMargin = _share(maintenanceRate, index);
            if (!isCall) maintenanceMargin = Numbers.max(maintenanceMargin, _share(maintenanceRate, mark));
            maintenanceMargin += mark;
            if (!isCall) initialMargin = Numbers.max(initialMargin, maintenanceMargin);
        }
    }

    /// A rate's share of an amount, rounded up.
    function _share(int256 rate, int256 amount) private pure returns (int256) {
        unchecked {
            return Numbers.divCeil(rate * amount, Units.NANO_ONE);
        }
    }

    /// Fee of one lot at a rate of the index notional, nano-USDC, rounded up.
    function _fee(InstrumentLeaf memory leaf, int256 rate) private pure returns (int256) {
        unchecked {
            return Numbers.divCeil(leaf.markIndex * leaf.lotSize * rate, Units.NANO_ONE * Units.CONTRACT);
        }
    }

    function _capped(Terms memory terms, Fit memory fit, int256 perLot, int256 lots, int256 paid)
        private
        pure
        returns (int256)
    {
        int256 fee = fit.mulDivCeil(perLot, lots, NANOS_PER_MICRO);
        if (!terms.feeCapped) return fee;
        if (fee >= 0) return Numbers.min(fee, fit.mulDivCeil(terms.feeCap, paid, Units.NANO_ONE));
        return Numbers.max(fee, -fit.mulDivFloor(terms.feeCap, paid, Units.NANO_ONE));
    }
}
