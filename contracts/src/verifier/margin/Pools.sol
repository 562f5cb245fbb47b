// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Side, Units} from "src/verifier/Types.sol";
import {Fills, Lanes, Line} from "src/verifier/margin/Lanes.sol";
import {Holding, OpenOrders} from "src/verifier/margin/MarginAccount.sol";
import {Fit, Numbers} from "src/verifier/margin/Numbers.sol";
import {Range, Ranges, Series, SeriesCharges, SeriesSums, Sizes, Strike} from "src/verifier/margin/Series.sol";
import {Terms, TermsOf} from "src/verifier/margin/Terms.sol";
import {UnderlyingRisk, UnderlyingRisks} from "src/verifier/margin/UnderlyingRisk.sol";
import {Unfilled} from "src/verifier/margin/Unfilled.sol";

/// @notice What an account has in one underlying, added up.
/// @param risk The underlying at its mark
/// @param members Instruments in it
/// @param slope Lots times lane unit of the positions: what the lanes were multiplied with
/// @param constant What shorts pay in every lane beyond it, one unit per lot; not positive
/// @param lanes `slope` times lane, summed, packed
/// @param gaps Gap charge of the positions, packed
/// @param orderGaps What open orders add to it at most, packed
/// @param orders What open orders add to each lane at their worst, cost of filling included, packed; empty without orders
/// @param orderCost Cost of filling all open orders, micro-USDC
/// @param reach Bound of every lane and gap, micro-USDC
/// @param series What the add-ons look at
struct Pool {
    UnderlyingRisk risk;
    uint256 members;
    int256 slope;
    int256 shortPay;
    uint256[] lanes;
    uint256[] gaps;
    uint256[] orderGaps;
    uint256[] orders;
    int256 orderCost;
    int256 reach;
    SeriesSums series;
}

/// @notice Cost of filling the open orders of an instrument against its mark, micro-USDC.
struct FillCosts {
    int256 bids;
    int256 offers;
}

/// @title Sums over the instruments of one underlying
/// @notice With `L` the lane of an instrument, floor of the true P&L of a long lot, a position of `q` lots is worth at
/// least `f(q) = (q·L + min(q, 0))·unit`. `f` is concave, and so is the gap charge `−max(q, 0)·gap`, hence the worst of
/// all fills of the open orders is one of the four corners in which either side fills wholly or not at all.
library Pools {
    using Ranges for Range;
    using SeriesCharges for SeriesSums;
    using TermsOf for Terms;
    using UnderlyingRisks for UnderlyingRisk;

    /// @notice Most P&L that all positions and orders in one underlying may make in a lane, micro-USDC.
    int256 internal constant REACH_MAX = 1 << 59;
    /// @notice Most that filling all open orders in one underlying may cost, micro-USDC.
    int256 internal constant COST_MAX = 1 << 58;

    /// @notice A pool with nothing in it, with room for `most` instruments.
    function create(UnderlyingRisk memory risk, uint256 most) internal pure returns (Pool memory pool) {
        pool.risk = risk;
        pool.lanes = new uint256[](Lanes.LANE_WORDS);
        pool.gaps = new uint256[](Lanes.GAP_WORDS);
        pool.orderGaps = new uint256[](Lanes.GAP_WORDS);
        pool.series.series = Unfilled.series(most);
        pool.series.strikes = Unfilled.strikes(most);
        pool.series.strikeKeys = new uint256[](most);
    }

    /// @notice Adds a position with its open orders; the instrument has lanes.
    function add(Pool memory pool, Fit memory fit, Terms memory terms, Holding memory holding) internal pure {
        FillCosts memory costs;
        costs.bids = _cost(fit, terms, Side.Buy, holding.bids);
        costs.offers = _cost(fit, terms, Side.Sell, holding.offers);
        pool.members += 1;
        pool.orderCost = _within(fit, pool.orderCost + Numbers.narrow(fit, costs.bids + costs.offers), COST_MAX);
        pool.reach = _within(fit, pool.reach + _reach(fit, terms, holding), REACH_MAX);
        if (fit.lost) return;
        _addLanes(pool, terms, holding, costs);
        _addSeries(pool, fit, terms, holding);
    }

    /// @notice Everything was added.
    function seal(Pool memory pool, Fit memory fit) internal pure {
        pool.series.seal(fit);
    }

    function _addLanes(Pool memory pool, Terms memory terms, Holding memory holding, FillCosts memory costs)
        private
        pure
    {
        // Bounded by the reach.
        unchecked {
            bytes memory risk = terms.leaf.risk;
            int256 unit = int256(terms.leaf.laneUnit);
            int256 position = holding.position;
            int256 short = Numbers.min(position, 0);
            if (position != 0) {
                pool.slope += position * unit;
                pool.shortPay += short * unit;
                Lanes.addLanes(pool.lanes, risk, position * unit);
                Lanes.addGaps(pool.gaps, risk, Numbers.max(position, 0) * unit);
            }
            int256 bids = holding.bids.lots;
            int256 offers = holding.offers.lots;
            if (bids == 0 && offers == 0) return;
            if (pool.orders.length == 0) pool.orders = new uint256[](Lanes.FILL_WORDS);
            Fills memory fills;
            int256 held = short * unit;
            _setLine(fills.bids, position, bids, unit, -costs.bids - held);
            _setLine(fills.offers, position, -offers, unit, -costs.offers - held);
            _setLine(fills.both, position, bids - offers, unit, -costs.bids - costs.offers - held);
            Lanes.addFills(pool.orders, risk, fills);
            int256 longer = Numbers.max(position + bids, 0) - Numbers.max(position, 0);
            Lanes.addGaps(pool.orderGaps, risk, longer * unit);
        }
    }

    /// What a fill of `lots` makes of a lane, beside a constant.
    function _setLine(Line memory line, int256 position, int256 lots, int256 unit, int256 constant_) private pure {
        unchecked {
            line.slope = lots * unit;
            line.constant_ = Numbers.min(position + lots, 0) * unit + constant_;
        }
    }

    function _addSeries(Pool memory pool, Fit memory fit, Terms memory terms, Holding memory holding) private pure {
        unchecked {
            int256 lotSize = terms.leaf.lotSize;
            Sizes memory sizes = Sizes({
                position: Numbers.narrow(fit, holding.position * lotSize),
                bids: Numbers.narrow(fit, holding.bids.lots * lotSize),
                offers: Numbers.narrow(fit, holding.offers.lots * lotSize)
            });
            SeriesSums memory sums = pool.series;
            Series memory series = sums.series[_seriesAt(pool, fit, terms.leaf.expiry)];
            series.delta.include(sizes, terms.leaf.delta);
            if (terms.leaf.strike == 0) return;
            sums.strikes[_strikeAt(sums, series, terms.leaf.strike)].net.include(sizes, 1);
            sums.vega.include(sizes, terms.leaf.vega);
        }
    }

    /// Where the series of an expiry is.
    function _seriesAt(Pool memory pool, Fit memory fit, uint256 expiry) private pure returns (uint256 at) {
        SeriesSums memory sums = pool.series;
        uint256 count = sums.seriesCount;
        for (; at < count; ++at) {
            if (sums.series[at].expiry == expiry) return at;
        }
        sums.series[at] = Series(expiry, Range(0, 0, 0), pool.risk.charges(fit, expiry), 0);
        sums.seriesCount = count + 1;
    }

    /// Where a strike of a series is.
    function _strikeAt(SeriesSums memory sums, Series memory series, int256 price) private pure returns (uint256 at) {
        uint256 key = (series.expiry << 64) | uint256(price);
        uint256 count = sums.strikeCount;
        at = _find(sums.strikeKeys, count, key);
        if (at != count) return at;
        sums.strikeKeys[at] = key;
        sums.strikes[at] = Strike(Range(0, 0, 0), series);
        sums.strikeCount = count + 1;
    }

    /// Where `key` is among the first `count`; `count` if it is not there. The last ones first: calls and puts of a
    /// strike are mostly listed together.
    function _find(uint256[] memory keys, uint256 count, uint256 key) private pure returns (uint256 at) {
        assembly ("memory-safe") {
            let first := add(keys, 0x20)
            let place := add(first, shl(5, count))
            at := count
            for {} gt(place, first) {} {
                place := sub(place, 0x20)
                if eq(mload(place), key) {
                    at := shr(5, sub(place, first))
                    break
                }
            }
        }
    }

    /// What filling a side costs against the mark, rounded up. A price better than the mark gives nothing back.
    function _cost(Fit memory fit, Terms memory terms, Side side, OpenOrders memory open)
        private
        pure
        returns (int256)
    {
        unchecked {
            if (open.lots == 0) return 0;
            int256 price = Numbers.narrow(fit, open.worst * terms.leaf.tickSize);
            int256 fees = terms.worstFeeOf(fit, open.lots, terms.cash(fit, open.lots, open.worst));
            int256 adverse = Numbers.narrow(fit, side == Side.Buy ? price - terms.leaf.mark : terms.leaf.mark - price);
            int256 lost = open.lots * Numbers.max(adverse, 0) * terms.leaf.lotSize;
            return
                Numbers.narrow(fit, Numbers.narrow(fit, Numbers.divCeil(lost, Units.CONTRACT)) + Numbers.max(fees, 0));
        }
    }

    /// A bound of what the holding adds to any lane or gap, micro-USDC.
    function _reach(Fit memory fit, Terms memory terms, Holding memory holding) private pure returns (int256) {
        unchecked {
            int256 lots = Numbers.magnitude(holding.position) + holding.bids.lots + holding.offers.lots;
            int256 units = Numbers.narrow(fit, lots) * int256(terms.leaf.laneUnit);
            return Numbers.narrow(fit, units * Lanes.peak(terms.leaf.risk));
        }
    }

    function _within(Fit memory fit, int256 sum, int256 limit) private pure returns (int256) {
        if (sum <= limit) return sum;
        fit.lost = true;
        return 0;
    }
}
