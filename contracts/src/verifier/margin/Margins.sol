// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {requireLegal} from "src/verifier/IStepModule.sol";
import {MarginModel, Side, Units} from "src/verifier/Types.sol";
import {IMarginCalculator, MarginFigures} from "src/verifier/margin/IMarginCalculator.sol";
import {Holding, Holdings, MarginAccount, MarginAccounts} from "src/verifier/margin/MarginAccount.sol";
import {MarginInputs} from "src/verifier/margin/MarginInputs.sol";
import {Fit, Numbers} from "src/verifier/margin/Numbers.sol";
import {Terms, TermsOf} from "src/verifier/margin/Terms.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Instruments, Underlyings} from "src/verifier/state/Instruments.sol";
import {Ledger} from "src/verifier/state/Ledger.sol";
import {Collateral} from "src/verifier/state/leaves/AccountLeaf.sol";
import {AssetTotals} from "src/verifier/state/leaves/GlobalLeaves.sol";
import {InstrumentLeaf} from "src/verifier/state/leaves/InstrumentLeaf.sol";

/// @notice Where an account stands with its positions alone, micro-USDC.
/// @param fits Whether the numbers fit; nothing else means anything if not
/// @param equity Funds behind maintenance margin
/// @param initialEquity Funds behind initial margin
/// @param initial Initial margin of the positions
/// @param maintenance Maintenance margin
struct Standing {
    bool fits;
    int256 equity;
    int256 initialEquity;
    int256 initial;
    int256 maintenance;
}

/// @title What the engine asks about margin
/// @notice Every question is about a copy of an account, which may have been changed; the rest is the ledger as it is.
library Margins {
    using Holdings for Holding;
    using MarginAccounts for MarginAccount;
    using Numbers for Fit;
    using TermsOf for Terms;

    /// What a requirement that does not fit counts for.
    int256 private constant UNBOUNDED = type(int256).max;

    /// @notice What the account has and needs.
    function figures(IMarginCalculator calculator, Ledger memory ledger, MarginAccount memory account)
        internal
        pure
        returns (MarginFigures memory)
    {
        return calculator.figures(MarginInputs.encode(ledger, account, false));
    }

    /// @notice What initial margin is compared with: of options only in the portfolio model.
    function balance(MarginFigures memory found) internal pure returns (int256) {
        return _funds(found) + found.collateral;
    }

    /// @notice What maintenance margin is compared with.
    function equity(MarginFigures memory found) internal pure returns (int256) {
        return _funds(found) + found.collateralMaintenance;
    }

    /// @notice Profit that is part of the balance and was not realised; negative is a loss.
    function profit(MarginFigures memory found) internal pure returns (int256) {
        return found.portfolio ? found.unrealised + found.optionProfit : found.unrealised;
    }

    /// @notice What the account is worth at the marks, collateral without haircut.
    function markValue(MarginFigures memory found) internal pure returns (int256) {
        return found.cash + found.unrealised + found.optionValue + found.assetValue;
    }

    /// @notice Whether the funds cover initial margin, open orders included.
    function isMargined(MarginFigures memory found) internal pure returns (bool) {
        return found.fits && balance(found) >= found.initial;
    }

    /// @notice Whether the positions alone need more initial margin than before, or a number does not fit.
    function raises(MarginFigures memory before, MarginFigures memory behind) internal pure returns (bool) {
        if (!before.fits || !behind.fits || before.positions == UNBOUNDED) return true;
        return behind.positions > before.positions;
    }

    /// @notice Where the account stands.
    function standing(IMarginCalculator calculator, Ledger memory ledger, MarginAccount memory account)
        internal
        pure
        returns (Standing memory found)
    {
        return standingOf(figures(calculator, ledger, account));
    }

    /// @notice The same of figures that are there.
    function standingOf(MarginFigures memory found) internal pure returns (Standing memory) {
        return Standing({
            fits: found.fits && found.positions != UNBOUNDED && found.maintenance != UNBOUNDED,
            equity: equity(found),
            initialEquity: balance(found),
            initial: found.positions,
            maintenance: found.maintenance
        });
    }

    /// @notice Whether the margin admits an order: initial margin is covered with the order among those open; or the order
    /// does not raise it, neither so nor by filling alone.
    /// @param account The account as it is
    /// @param before What it has in the order's instrument, without the order that it replaces
    function admits(
        IMarginCalculator calculator,
        Ledger memory ledger,
        MarginAccount memory account,
        Holding memory before,
        Side side,
        int256 lots,
        int256 ticks
    ) internal pure returns (bool) {
        Fit memory fit;
        Holding memory held = before.copy();
        held.addOrder(side, lots, ticks);
        TermsOf.load(ledger, held.instrument).cash(fit, fit.narrow(held.open(side).lots), ticks);
        if (fit.lost) return false;
        MarginAccount memory asked = account.copy();
        asked.put(held);
        MarginFigures memory opened = figures(calculator, ledger, asked);
        if (!opened.fits || opened.initial == UNBOUNDED) return false;
        if (balance(opened) >= opened.initial) return true;

        MarginFigures memory current = figures(calculator, ledger, account);
        if (!current.fits || opened.initial > current.initial) return false;
        held = before.copy();
        held.position = fit.narrow(held.position + (side == Side.Buy ? lots : -lots));
        if (fit.lost) return false;
        asked.put(held);
        return !raises(current, figures(calculator, ledger, asked));
    }

    /// @notice Whether amounts of an asset can leave an account that is not in liquidation: never unrealised profit, never
    /// what initial margin needs, and never more than account and venue have.
    /// @param amounts Engine units, ascending
    /// @return may One answer for each
    function mayLeave(
        IMarginCalculator calculator,
        Ledger memory ledger,
        MarginAccount memory account,
        uint256 asset,
        int256[] memory amounts
    ) internal pure returns (bool[] memory may) {
        AssetTotals memory totals = Globals.totals(ledger)[asset];
        int256 most = totals.deposited - totals.withdrawn;
        bool spares = asset != Units.USDC && Globals.collateral(ledger)[asset].hasActive;
        most = Numbers.min(most, asset == Units.USDC ? _free(calculator, ledger, account) : _amountOf(account, asset));
        may = new bool[](amounts.length);
        if (most <= 0 || amounts[0] > most) return may;
        if (spares) may = calculator.canSpare(MarginInputs.encode(ledger, account, false), asset, amounts);
        for (uint256 i = 0; i < amounts.length; ++i) {
            may[i] = amounts[i] <= most && (may[i] || !spares);
        }
    }

    /// @notice Most that an account's positions in an underlying lose in any lane or cell.
    function laneLoss(
        IMarginCalculator calculator,
        Ledger memory ledger,
        MarginAccount memory account,
        uint256 underlying
    ) internal pure returns (bool fits, int256 loss) {
        return calculator.laneLoss(MarginInputs.encode(ledger, account, true), underlying);
    }

    /// @notice Whether portfolio margin knows an instrument: its underlying has a risk table, its mark has lanes.
    function hasLanes(Ledger memory ledger, InstrumentLeaf memory leaf) internal pure returns (bool) {
        return leaf.risk.length != 0 && Underlyings.load(ledger, leaf.underlying).hasRisk;
    }

    /// @notice The step is illegal if a portfolio-margined account holds what has no lanes.
    function requireLanes(Ledger memory ledger, MarginAccount memory account) internal pure {
        if (account.model != MarginModel.Portfolio) return;
        for (uint256 i = 0; i < account.holdings.length; ++i) {
            InstrumentLeaf memory leaf = Instruments.load(ledger, account.holdings[i].instrument);
            requireLegal(hasLanes(ledger, leaf), "no_lanes");
        }
    }

    /// Cash, perpetuals, and options where they count.
    function _funds(MarginFigures memory found) private pure returns (int256 sum) {
        sum = found.cash + found.unrealised;
        if (found.portfolio) sum += found.optionValue;
    }

    /// Cash that initial margin does not need, without counting unrealised profit; nothing where a number does not fit.
    function _free(IMarginCalculator calculator, Ledger memory ledger, MarginAccount memory account)
        private
        pure
        returns (int256)
    {
        MarginFigures memory found = figures(calculator, ledger, account);
        if (!found.fits || found.initial == UNBOUNDED) return 0;
        return Numbers.min(found.cash, balance(found) - Numbers.max(profit(found), 0) - found.initial);
    }

    function _amountOf(MarginAccount memory account, uint256 asset) private pure returns (int256) {
        Collateral[] memory list = account.collateral;
        for (uint256 i = 0; i < list.length; ++i) {
            if (list[i].asset == asset) return list[i].amount;
        }
        return 0;
    }
}
