// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CollateralLine} from "src/verifier/margin/CollateralLines.sol";
import {Evaluation, Stage} from "src/verifier/margin/Evaluation.sol";
import {IMarginCalculator, MarginFigures} from "src/verifier/margin/IMarginCalculator.sol";
import {Holding, OpenOrders} from "src/verifier/margin/MarginAccount.sol";
import {MarginBook, MarginBooks} from "src/verifier/margin/MarginBook.sol";
import {MarginSums} from "src/verifier/margin/MarginSums.sol";
import {Fit, Numbers} from "src/verifier/margin/Numbers.sol";
import {Pool, Pools} from "src/verifier/margin/Pools.sol";
import {Portfolio, PortfolioMargin} from "src/verifier/margin/PortfolioMargin.sol";
import {SeriesCharges, SeriesSums} from "src/verifier/margin/Series.sol";
import {Terms, TermsOf} from "src/verifier/margin/Terms.sol";

/// @notice An account, while one amount or another of an asset is taken out of it.
/// @param book The account
/// @param at Where the asset is among its collateral
/// @param balance All that it has of it
/// @param portfolio Its pools, in the portfolio model
/// @param free Funds without unrealised profit and collateral
/// @param required Initial margin without what depends on collateral
struct Spare {
    MarginBook book;
    uint256 at;
    int256 balance;
    Portfolio portfolio;
    int256 free;
    int256 required;
}

/// @title The numbers of margin
/// @notice Standard and portfolio margin, equal to the engine's to the unit; see docs/margin.md. Everything is summed
/// from scratch.
contract MarginCalculator is IMarginCalculator {
    using Evaluation for Pool;
    using MarginSums for MarginBook;
    using Numbers for Fit;
    using Pools for Pool;
    using PortfolioMargin for Portfolio;
    using SeriesCharges for SeriesSums;
    using TermsOf for Terms;

    /// What a requirement that does not fit counts for: no funds cover it.
    int256 private constant UNBOUNDED = type(int256).max;

    /// @inheritdoc IMarginCalculator
    function figures(bytes calldata input) external pure returns (MarginFigures memory found) {
        Fit memory fit;
        MarginBook memory book = MarginBooks.decode(input, fit);
        CollateralLine[] memory lines = book.linesOf(fit);
        found = book.fundsOf(fit, lines);
        if (!book.portfolio) {
            book.needsOf(fit, found);
            found.fits = !fit.lost;
            return found;
        }
        Portfolio memory portfolio = book.portfolioOf(fit, lines);
        found.fits = !fit.lost;
        if (!found.fits) return found;
        found.initial = _margin(portfolio, Stage.Initial);
        found.positions = _margin(portfolio, Stage.Positions);
        found.maintenance = _margin(portfolio, Stage.Maintenance);
    }

    /// @inheritdoc IMarginCalculator
    function canSpare(bytes calldata input, uint256 asset, int256[] calldata amounts)
        external
        pure
        returns (bool[] memory can)
    {
        can = new bool[](amounts.length);
        Fit memory fit;
        Spare memory sought = _sought(MarginBooks.decode(input, fit), fit, asset);
        if (fit.lost) return can;
        for (uint256 i = 0; i < amounts.length; ++i) {
            can[i] = _canSpare(sought, amounts[i]);
        }
    }

    /// @inheritdoc IMarginCalculator
    function laneLoss(bytes calldata input, uint256 underlying) external pure returns (bool fits, int256 loss) {
        Fit memory fit;
        MarginBook memory book = MarginBooks.decode(input, fit);
        (bool found, uint256 at) = book.riskOf(underlying);
        Pool memory pool;
        if (found) pool = Pools.create(book.risks[at], book.holdings.length);
        for (uint256 i = 0; i < book.holdings.length; ++i) {
            Terms memory terms = book.terms[i];
            Holding memory holding = book.holdings[i];
            if (holding.position == 0 || terms.leaf.underlying != underlying) continue;
            holding.bids = OpenOrders(0, 0);
            holding.offers = OpenOrders(0, 0);
            if (found) {
                pool.add(fit, terms, holding);
            } else {
                loss = fit.narrow(loss + terms.maintenance(fit, holding.position));
            }
        }
        if (found) {
            pool.seal(fit);
            if (fit.lost) return (false, 0);
            // The engine finds the add-ons at the same time, and what does not fit there does not fit here.
            pool.series.total(fit, pool.risk, false);
            loss = pool.losses(fit, Stage.Positions, 0).scan;
        }
        fits = !fit.lost;
    }

    /// A stage of margin by itself.
    function _margin(Portfolio memory portfolio, Stage stage) private pure returns (int256) {
        Fit memory fit;
        int256 margin = portfolio.margin(fit, stage);
        return fit.lost ? UNBOUNDED : margin;
    }

    /// An account to take more or less of an asset out of.
    function _sought(MarginBook memory book, Fit memory fit, uint256 asset) private pure returns (Spare memory sought) {
        sought.book = book;
        while (book.assets[sought.at].asset != asset) {
            ++sought.at;
        }
        sought.balance = book.assets[sought.at].balance;
        CollateralLine[] memory none = new CollateralLine[](0);
        MarginFigures memory found = book.fundsOf(fit, none);
        if (book.portfolio) {
            sought.free = found.cash + found.unrealised + found.optionValue
                - Numbers.max(found.unrealised + found.optionProfit, 0);
            sought.portfolio = book.portfolioOf(fit, none);
            if (!fit.lost) sought.required = sought.portfolio.addOns(fit, Stage.Initial);
        } else {
            book.needsOf(fit, found);
            sought.free = found.cash + found.unrealised - Numbers.max(found.unrealised, 0);
            sought.required = found.initial;
        }
    }

    /// Whether what stays of the asset covers initial margin without unrealised profit.
    function _canSpare(Spare memory sought, int256 amount) private pure returns (bool) {
        Fit memory fit;
        MarginBook memory book = sought.book;
        book.assets[sought.at].balance = sought.balance - amount;
        CollateralLine[] memory lines = book.linesOf(fit);
        int256 required = sought.required;
        if (book.portfolio) {
            sought.portfolio.lines = lines;
            required = fit.narrow(required + sought.portfolio.scans(fit, Stage.Initial));
        }
        int256 free = sought.free;
        for (uint256 i = 0; i < lines.length; ++i) {
            free += lines[i].initial;
        }
        return fit.narrow(free - required) >= 0 && !fit.lost;
    }
}
