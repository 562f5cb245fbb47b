// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {StepIllegal, requireLegal} from "src/verifier/IStepModule.sol";
import {Step} from "src/verifier/StepBase.sol";
import {Parameter, StepKind, Units} from "src/verifier/Types.sol";
import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginUser} from "src/verifier/margin/MarginUser.sol";
import {Margins} from "src/verifier/margin/Margins.sol";
import {Numbers} from "src/verifier/margin/Numbers.sol";
import {Insurance} from "src/verifier/risk/Insurance.sol";
import {Liquidations} from "src/verifier/risk/Liquidations.sol";
import {Moves} from "src/verifier/risk/Moves.sol";
import {RiskSteps} from "src/verifier/risk/RiskSteps.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Instruments, Underlyings} from "src/verifier/state/Instruments.sol";
import {Account} from "src/verifier/state/Ledger.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {Collateral} from "src/verifier/state/leaves/AccountLeaf.sol";
import {HoldingLeaf} from "src/verifier/state/leaves/HoldingLeaf.sol";
import {InstrumentLeaf} from "src/verifier/state/leaves/InstrumentLeaf.sol";
import {CollateralSchedule} from "src/verifier/state/leaves/RiskTables.sol";

/// @title Auto-deleveraging
/// @notice The steps `deleverage`, `insurance` and `deleverage_charge`: a portfolio that nobody took is closed against those on
/// the other side, and what it owes is paid. Judged is that the auction has failed, that a counterparty only loses of
/// its position, price and arithmetic, and what the fund pays. Whom it hits, with which share, and how a debt is
/// divided, follows from the books of everybody, and is not judged in one step.
contract DeleverageSteps is RiskSteps {
    /// @dev What rounding can have taken off a hole since the auction was found to have failed: one unit a leg, of more legs
    /// than a command has.
    int256 private constant _ROUNDING = Units.USD;

    constructor(IMarginCalculator marginCalculator) MarginUser(marginCalculator) {}

    function _run(Step memory step) internal view override {
        Liquidations.requireLooking(step);
        Account memory account = Liquidations.inRound(step);
        requireLegal(account.leaf.liquidation.stage != Liquidations.BOOK, "stage");
        _requireFailed(step, account);
        if (step.kind == StepKind.DELEVERAGE) _closeAgainst(step, account);
        else if (step.kind == StepKind.INSURANCE) _insure(step, account);
        else if (step.kind == StepKind.DELEVERAGE_CHARGE) _charge(step, account);
        else revert StepIllegal("kind");
    }

    /// An auction has failed when its time is over, the fund cannot fill the hole, or there is nothing to sell.
    function _requireFailed(Step memory step, Account memory account) private view {
        uint256 end = uint256(Parameters.value(step.ledger, Parameter.AuctionEndTime));
        if (step.time - account.leaf.liquidation.opened >= end) return;
        if (Liquidations.isFlat(account) && !_hasCollateral(step, account)) return;
        (bool known, int256 left) = Insurance.left(step.ledger, account.leaf.liquidation.insurance);
        if (!known) return;
        requireLegal(Numbers.max(-Margins.markValue(_figures(step, account)), 0) + _ROUNDING > left, "auction_runs");
    }

    /// A counterparty loses lots of its position at the mark, the account gets them.
    function _closeAgainst(Step memory step, Account memory account) private pure {
        uint256 instrument = step.subject.instrument;
        int256 lots = step.subject.amount;
        requireLegal(step.subject.other != account.id && lots != 0, "subject");
        requireLegal(!Liquidations.awaitsSettlement(step, account), "awaits_settlement");
        InstrumentLeaf memory leaf = Instruments.load(step.ledger, instrument);
        requireLegal(!Liquidations.hasExpired(leaf, step.time), "instrument_not_open");
        requireLegal(!Liquidations.isDoubtful(step.ledger, Underlyings.load(step.ledger, leaf.underlying)), "doubtful");
        Account memory other = Accounts.load(step.ledger, step.subject.other);
        (, HoldingLeaf memory held) = Accounts.holding(other, instrument);
        bool shrinks = lots > 0 ? held.lots <= -lots : held.lots >= -lots;
        requireLegal(shrinks, "counterparty");
        Moves.move(step.ledger, account, other, instrument, lots);
    }

    /// The fund pays of a debt what no collateral covers, as far as it may.
    function _insure(Step memory step, Account memory account) private view {
        requireLegal(step.subject.other == 0 && step.subject.instrument == 0, "subject");
        _requireDebt(account);
        int256 insured = Numbers.max(-Margins.markValue(_figures(step, account)), 0);
        (bool known, int256 left) = Insurance.left(step.ledger, account.leaf.liquidation.insurance);
        if (known) insured = Numbers.min(insured, left);
        int256 amount = step.subject.amount;
        requireLegal(amount > 0 && (known ? amount == insured : amount <= insured), "insurance");
        Insurance.draw(step.ledger, account, amount);
        account.leaf.cash += amount;
    }

    /// A counterparty pays a part of the debt, or gets collateral for it.
    function _charge(Step memory step, Account memory account) private pure {
        uint256 asset = step.subject.instrument;
        int256 amount = step.subject.amount;
        requireLegal(step.subject.other != account.id && amount > 0, "subject");
        _requireDebt(account);
        Account memory other = Accounts.load(step.ledger, step.subject.other);
        if (asset == Units.USDC) {
            requireLegal(amount <= -account.leaf.cash, "charge");
            other.leaf.cash -= amount;
            account.leaf.cash += amount;
            return;
        }
        CollateralSchedule[] memory table = Globals.collateral(step.ledger);
        requireLegal(asset < table.length && table[asset].hasActive, "unknown_asset");
        requireLegal(amount <= Accounts.balance(account, asset), "charge");
        Accounts.credit(account, asset, -amount);
        Accounts.credit(other, asset, amount);
    }

    /// What is paid is the debt of an account that has no position left.
    function _requireDebt(Account memory account) private pure {
        requireLegal(account.leaf.cash < 0, "no_debt");
        requireLegal(Liquidations.isFlat(account), "positions_left");
    }

    function _hasCollateral(Step memory step, Account memory account) private pure returns (bool) {
        CollateralSchedule[] memory table = Globals.collateral(step.ledger);
        Collateral[] memory assets = account.leaf.collateral;
        for (uint256 i = 0; i < assets.length; ++i) {
            if (table[assets[i].asset].hasActive) return true;
        }
        return false;
    }
}
