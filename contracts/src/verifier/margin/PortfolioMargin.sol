// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Units} from "src/verifier/Types.sol";
import {CollateralLine} from "src/verifier/margin/CollateralLines.sol";
import {Evaluation, Stage, UnderlyingLosses} from "src/verifier/margin/Evaluation.sol";
import {Fit, Numbers} from "src/verifier/margin/Numbers.sol";
import {Pool} from "src/verifier/margin/Pools.sol";
import {SeriesCharges, SeriesSums} from "src/verifier/margin/Series.sol";

/// @notice An account as a portfolio.
/// @param pools One for each underlying with positions, orders, or collateral that moves with it
/// @param lines Assets beside USDC
/// @param offsetShare Share of a gain in one underlying that offsets losses in others, 1e-9
/// @param offsetCap Most that all offsets together may take off the sum of the scans, share of it
struct Portfolio {
    Pool[] pools;
    CollateralLine[] lines;
    int256 offsetShare;
    int256 offsetCap;
}

/// @title The margin of a whole account
/// @notice Joint scan of the underlyings, all add-ons, and what is charged on collateral.
library PortfolioMargin {
    using Evaluation for Pool;
    using Numbers for Fit;
    using SeriesCharges for SeriesSums;

    /// Losses carry two rates: the share of the underlying and that of the offset.
    int256 private constant RATES = Units.NANO_ONE * Units.NANO_ONE;

    /// @notice The margin of a stage, micro-USDC.
    function margin(Portfolio memory self, Fit memory fit, Stage stage) internal pure returns (int256) {
        return fit.narrow(scans(self, fit, stage) + addOns(self, fit, stage));
    }

    /// @notice What depends on collateral: the joint scan, and what is charged on assets.
    function scans(Portfolio memory self, Fit memory fit, Stage stage) internal pure returns (int256 total) {
        total = _jointScan(self, fit, _losses(self, fit, stage));
        for (uint256 i = 0; i < self.lines.length; ++i) {
            CollateralLine memory line = self.lines[i];
            total = fit.narrow(total + (stage == Stage.Maintenance ? line.depegMaintenance : line.depegInitial));
        }
    }

    /// @notice What does not: the add-ons of every underlying, times the share that counts.
    function addOns(Portfolio memory self, Fit memory fit, Stage stage) internal pure returns (int256 total) {
        for (uint256 i = 0; i < self.pools.length; ++i) {
            Pool memory pool = self.pools[i];
            int256 charged = pool.series.total(fit, pool.risk, stage == Stage.Initial);
            total = fit.narrow(total + fit.mulDivCeil(charged, pool.shareOf(stage), Units.NANO_ONE));
        }
    }

    /// Losses by underlying; none of one without positions, orders and collateral that moves with it.
    function _losses(Portfolio memory self, Fit memory fit, Stage stage)
        private
        pure
        returns (UnderlyingLosses[] memory list)
    {
        list = new UnderlyingLosses[](self.pools.length);
        uint256 length = 0;
        for (uint256 i = 0; i < self.pools.length; ++i) {
            Pool memory pool = self.pools[i];
            (bool moves, int256 collateral) = _moving(self, fit, pool.risk.underlying, stage);
            if (moves || pool.members != 0) list[length++] = pool.losses(fit, stage, collateral);
        }
        assembly ("memory-safe") {
            mstore(list, length)
        }
    }

    /// Value of the collateral that moves with an underlying.
    function _moving(Portfolio memory self, Fit memory fit, uint256 underlying, Stage stage)
        private
        pure
        returns (bool any, int256 sum)
    {
        for (uint256 i = 0; i < self.lines.length; ++i) {
            CollateralLine memory line = self.lines[i];
            if (line.scenarioUnderlying != underlying) continue;
            any = true;
            sum = fit.narrow(sum + (stage == Stage.Maintenance ? line.maintenance : line.initial));
        }
    }

    /// The worst state of losses plus a share of gains, and no less than what the cap on offsets leaves of the sum of
    /// scans. With open orders a gain may hold costs that are certain when the orders fill: with `X` the loss and `C` the
    /// cost of filling, what counts is `max(X, share·X + (1 − share)·C)`. One underlying is its own joint scan.
    function _jointScan(Portfolio memory self, Fit memory fit, UnderlyingLosses[] memory list)
        private
        pure
        returns (int256)
    {
        if (list.length == 0) return 0;
        if (list.length == 1) return fit.mulDivCeil(list[0].scan, list[0].share, Units.NANO_ONE);
        int256[] memory joint = new int256[](Evaluation.STATES);
        int256 least = 0;
        for (uint256 i = 0; i < list.length; ++i) {
            least += _join(self, joint, list[i]);
        }
        int256 most = Numbers.max(least, 0);
        for (uint256 state = 0; state < joint.length; ++state) {
            most = Numbers.max(most, joint[state]);
        }
        return fit.narrow(Numbers.divCeil(most, RATES));
    }

    /// Adds the losses of an underlying, in micro-USDC times both rates; returns what the cap leaves of its scan.
    function _join(Portfolio memory self, int256[] memory joint, UnderlyingLosses memory one)
        private
        pure
        returns (int256 kept)
    {
        // Losses and costs have 64 bits, the product of both rates 60.
        unchecked {
            int256 whole = one.share * Units.NANO_ONE;
            int256 part = one.share * self.offsetShare;
            int256 certain = (whole - part) * one.orderCost;
            for (uint256 state = 0; state < joint.length; ++state) {
                int256 loss = one.byState[state];
                joint[state] += Numbers.max(loss * whole, loss * part + certain);
            }
            int256 capped = one.share * self.offsetCap;
            kept = one.scan * (whole - capped) + Numbers.min(one.orderCost, one.scan) * capped;
        }
    }
}
