// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Units} from "src/verifier/Types.sol";
import {Fit, Numbers} from "src/verifier/margin/Numbers.sol";
import {Charges, UnderlyingRisk} from "src/verifier/margin/UnderlyingRisk.sol";

/// @notice A quantity of the positions, and how far open orders may move it either way.
/// @param positions Of the positions
/// @param up Most that orders add
/// @param down Most that orders take away, not positive
struct Range {
    int256 positions;
    int256 up;
    int256 down;
}

/// @notice What is held and what is open of one instrument, 1e-8 contracts.
struct Sizes {
    int256 position;
    int256 bids;
    int256 offers;
}

/// @notice What an account has in one expiry.
/// @param expiry Its time; 0 of perpetuals
/// @param delta 1e-17 contracts
/// @param charges What is charged on it
/// @param gross Magnitudes of its strikes, open orders at their worst, 1e-8 contracts
struct Series {
    uint256 expiry;
    Range delta;
    Charges charges;
    int256 gross;
}

/// @notice Net position of a strike, 1e-8 contracts; calls and puts together.
/// @param net What is held, and how far orders may move it
/// @param series Its expiry
struct Strike {
    Range net;
    Series series;
}

/// @notice Deltas, strikes and vega of one account in one underlying.
/// @param series Those so far, in order of their first instrument
/// @param seriesCount How many
/// @param strikes Those so far
/// @param strikeKeys Expiry and strike price of each
/// @param strikeCount How many
/// @param vega 1e-8 micro-USDC per vol point
struct SeriesSums {
    Series[] series;
    uint256 seriesCount;
    Strike[] strikes;
    uint256[] strikeKeys;
    uint256 strikeCount;
    Range vega;
}

/// @title What add-ons look at: delta by expiry, net position by strike, vega
library Ranges {
    /// @notice Adds a quantity of `each` per 1e-8 contracts.
    function include(Range memory range, Sizes memory sizes, int256 each) internal pure {
        // Products of 64 bits, and thousands of them.
        unchecked {
            int256 bids = sizes.bids * each;
            int256 offers = -sizes.offers * each;
            range.positions += sizes.position * each;
            range.up += each < 0 ? offers : bids;
            range.down += each < 0 ? bids : offers;
        }
    }

    /// @notice Joins a range whose orders fill independently.
    function join(Range memory range, Range memory other) internal pure {
        unchecked {
            range.positions += other.positions;
            range.up += other.up;
            range.down += other.down;
        }
    }

    /// @notice Largest magnitude, with or without orders.
    function magnitude(Range memory range, bool withOrders) internal pure returns (int256) {
        if (!withOrders) return Numbers.magnitude(range.positions);
        return
            Numbers.max(Numbers.magnitude(range.positions + range.up), Numbers.magnitude(range.positions + range.down));
    }

    /// @notice How far it is below zero, with or without orders.
    function shortfall(Range memory range, bool withOrders) internal pure returns (int256) {
        unchecked {
            int256 low = withOrders ? range.positions + range.down : range.positions;
            return low < 0 ? -low : int256(0);
        }
    }
}

/// @title Add-ons of one underlying
/// @notice Everything is exact until it is rounded up once, against the account.
library SeriesCharges {
    using Ranges for Range;

    /// Deltas are summed in 1e-8 contracts × 1e-9.
    int256 private constant DELTA_UNIT = Units.CONTRACT * Units.NANO_ONE;

    /// @notice Marks as lost what the engine does not keep: a strike beyond 64 bits, or all strikes of an expiry.
    function seal(SeriesSums memory sums, Fit memory fit) internal pure {
        unchecked {
            for (uint256 i = 0; i < sums.strikeCount; ++i) {
                Strike memory strike = sums.strikes[i];
                Range memory net = strike.net;
                Numbers.narrow(fit, net.positions);
                Numbers.narrow(fit, net.up);
                Numbers.narrow(fit, net.down);
                int256 gross = Numbers.narrow(fit, net.magnitude(true));
                strike.series.gross = Numbers.narrow(fit, strike.series.gross + gross);
            }
        }
    }

    /// @notice All add-ons, micro-USDC.
    function total(SeriesSums memory sums, Fit memory fit, UnderlyingRisk memory risk, bool withOrders)
        internal
        pure
        returns (int256 sum)
    {
        sum = _deltaCharges(sums, fit, risk, withOrders);
        sum = Numbers.narrow(fit, sum + _strikeCharges(sums, fit, risk, withOrders));
        sum = Numbers.narrow(fit, sum + _vegaCharge(sums, fit, risk, withOrders));
    }

    /// Basis and roll, concentration of delta, confidence.
    function _deltaCharges(SeriesSums memory sums, Fit memory fit, UnderlyingRisk memory risk, bool withOrders)
        private
        pure
        returns (int256 sum)
    {
        unchecked {
            int256 basis = 0;
            Range memory net;
            for (uint256 i = 0; i < sums.seriesCount; ++i) {
                Series memory series = sums.series[i];
                basis += series.delta.magnitude(withOrders) * series.charges.basis;
                net.join(series.delta);
            }
            int256 delta = net.magnitude(withOrders);
            int256 size = Numbers.narrow(fit, Numbers.divCeil(delta, Units.NANO_ONE));
            sum = Numbers.narrow(fit, Numbers.divCeil(basis, DELTA_UNIT));
            sum += _impactCost(fit, size, risk.parameters.deltaDepth, risk.deltaImpact, risk.impactMax);
            sum += Numbers.narrow(fit, Numbers.divCeil(delta * risk.confidence, DELTA_UNIT));
        }
    }

    /// Naked-short floor and concentration of strikes.
    function _strikeCharges(SeriesSums memory sums, Fit memory fit, UnderlyingRisk memory risk, bool withOrders)
        private
        pure
        returns (int256 sum)
    {
        unchecked {
            int256 floor = 0;
            int256 depth = risk.parameters.strikeDepth;
            for (uint256 i = 0; i < sums.strikeCount; ++i) {
                Strike memory strike = sums.strikes[i];
                floor += strike.net.shortfall(withOrders) * strike.series.charges.shortFloor;
                int256 excess = strike.net.magnitude(withOrders) - depth;
                if (depth != 0 && excess > 0) {
                    sum = Numbers.narrow(fit, sum + _impactCost(fit, excess, depth, risk.strikeImpact, risk.impactMax));
                }
            }
            sum += Numbers.narrow(fit, Numbers.divCeil(floor, Units.CONTRACT));
        }
    }

    function _vegaCharge(SeriesSums memory sums, Fit memory fit, UnderlyingRisk memory risk, bool withOrders)
        private
        pure
        returns (int256)
    {
        int256 depth = risk.parameters.vegaDepth;
        if (depth == 0) return 0;
        int256 vega = Numbers.narrow(fit, Numbers.divCeil(sums.vega.magnitude(withOrders), Units.CONTRACT));
        int256 points = Numbers.mulDivCeil(fit, vega, risk.parameters.vegaImpact, depth);
        return Numbers.mulDivCeil(fit, vega, points, Units.NANO_ONE);
    }

    /// Cost of closing `size` (1e-8 contracts) where closing `depth` moves the price by `impact`: the price moves in
    /// proportion, by at most `most`. A depth of 0 turns the charge off.
    function _impactCost(Fit memory fit, int256 size, int256 depth, int256 impact, int256 most)
        private
        pure
        returns (int256)
    {
        unchecked {
            if (size == 0 || depth == 0) return 0;
            int256 moved = Numbers.narrow(fit, Numbers.divCeil(Numbers.min(size * impact, depth * most), depth));
            return Numbers.mulDivCeil(fit, size, moved, Units.CONTRACT);
        }
    }
}
