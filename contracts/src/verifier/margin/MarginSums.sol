// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Parameter} from "src/verifier/Types.sol";
import {CollateralAsset, CollateralLine, CollateralLines} from "src/verifier/margin/CollateralLines.sol";
import {MarginFigures} from "src/verifier/margin/IMarginCalculator.sol";
import {Holding} from "src/verifier/margin/MarginAccount.sol";
import {MarginBook} from "src/verifier/margin/MarginBook.sol";
import {Fit, Numbers} from "src/verifier/margin/Numbers.sol";
import {Pool, Pools} from "src/verifier/margin/Pools.sol";
import {Portfolio} from "src/verifier/margin/PortfolioMargin.sol";
import {Terms, TermsOf} from "src/verifier/margin/Terms.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";

/// @title What an account has and needs, added up
library MarginSums {
    using CollateralLines for CollateralAsset;
    using Numbers for Fit;
    using Pools for Pool;
    using TermsOf for Terms;

    /// @notice What the account has.
    function fundsOf(MarginBook memory book, Fit memory fit, CollateralLine[] memory lines)
        internal
        pure
        returns (MarginFigures memory found)
    {
        found.portfolio = book.portfolio;
        found.cash = book.cash;
        for (uint256 i = 0; i < book.holdings.length; ++i) {
            Holding memory holding = book.holdings[i];
            Terms memory terms = book.terms[i];
            int256 value = terms.value(fit, holding.position);
            int256 profit = fit.narrow(value - holding.cost);
            if (terms.perpetual) {
                int256 due = terms.fundingDue(fit, holding.position, holding.funding);
                found.cash = fit.narrow(found.cash + due);
                found.pending = fit.narrow(found.pending + due);
                found.unrealised = fit.narrow(found.unrealised + profit);
            } else {
                found.optionValue = fit.narrow(found.optionValue + value);
                found.optionProfit = fit.narrow(found.optionProfit + profit);
            }
        }
        for (uint256 i = 0; i < lines.length; ++i) {
            found.collateral = fit.narrow(found.collateral + lines[i].initial);
            found.collateralMaintenance = fit.narrow(found.collateralMaintenance + lines[i].maintenance);
            found.assetValue = fit.narrow(found.assetValue + lines[i].value);
        }
    }

    /// @notice What assets count for; one of which nothing is there is none of them. In the portfolio model nothing
    /// counts for new risk whose scenario underlying cannot be shocked.
    function linesOf(MarginBook memory book, Fit memory fit) internal pure returns (CollateralLine[] memory lines) {
        lines = new CollateralLine[](book.assets.length);
        uint256 length = 0;
        for (uint256 i = 0; i < book.assets.length; ++i) {
            CollateralAsset memory asset = book.assets[i];
            if (asset.balance == 0) continue;
            uint256 scenario = asset.terms.scenarioUnderlying;
            bool shockable = !book.portfolio || scenario == 0;
            if (!shockable) (shockable,) = riskOf(book, scenario);
            lines[length++] = asset.line(fit, shockable);
        }
        assembly ("memory-safe") {
            mstore(lines, length)
        }
    }

    /// @notice What the account needs in the standard model.
    function needsOf(MarginBook memory book, Fit memory fit, MarginFigures memory found) internal pure {
        for (uint256 i = 0; i < book.holdings.length; ++i) {
            Holding memory holding = book.holdings[i];
            Terms memory terms = book.terms[i];
            found.initial = fit.narrow(found.initial + terms.initialWithOrders(fit, holding));
            found.positions = fit.narrow(found.positions + terms.initial(fit, holding.position));
            found.maintenance = fit.narrow(found.maintenance + terms.maintenance(fit, holding.position));
        }
    }

    /// @notice The account as a portfolio: its pools, summed.
    function portfolioOf(MarginBook memory book, Fit memory fit, CollateralLine[] memory lines)
        internal
        pure
        returns (Portfolio memory portfolio)
    {
        portfolio.lines = lines;
        portfolio.offsetShare = Parameters.valueIn(book.parameters, Parameter.PnlOffset);
        portfolio.offsetCap = Parameters.valueIn(book.parameters, Parameter.PnlOffsetCap);
        portfolio.pools = new Pool[](book.risks.length);
        for (uint256 i = 0; i < portfolio.pools.length; ++i) {
            portfolio.pools[i] = Pools.create(book.risks[i], book.holdings.length);
        }
        for (uint256 i = 0; i < book.holdings.length; ++i) {
            Terms memory terms = book.terms[i];
            (bool found, uint256 at) = riskOf(book, terms.leaf.underlying);
            if (!found || terms.leaf.risk.length == 0) {
                // What has no lanes cannot be summed.
                fit.lost = true;
                return portfolio;
            }
            portfolio.pools[at].add(fit, terms, book.holdings[i]);
        }
        for (uint256 i = 0; i < portfolio.pools.length; ++i) {
            portfolio.pools[i].seal(fit);
        }
    }

    /// @notice Where an underlying with a risk table is among the others.
    function riskOf(MarginBook memory book, uint256 underlying) internal pure returns (bool found, uint256 at) {
        while (at < book.risks.length && book.risks[at].underlying != underlying) {
            ++at;
        }
        found = at < book.risks.length;
    }
}
