// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {StepIllegal, requireLegal} from "src/verifier/IStepModule.sol";
import {Step, Steps} from "src/verifier/StepBase.sol";
import {CallLevel, CommandKind, Parameter, StepKind} from "src/verifier/Types.sol";
import {OwnerCommands} from "src/verifier/commands/OwnerCommands.sol";
import {IMarginCalculator, MarginFigures} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginUser} from "src/verifier/margin/MarginUser.sol";
import {Margins, Standing} from "src/verifier/margin/Margins.sol";
import {Liquidations} from "src/verifier/risk/Liquidations.sol";
import {RiskSteps} from "src/verifier/risk/RiskSteps.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Account} from "src/verifier/state/Ledger.sol";
import {Parameters} from "src/verifier/state/Parameters.sol";
import {LiquidationLeaf} from "src/verifier/state/leaves/AccountLeaf.sol";
import {CountersLeaf} from "src/verifier/state/leaves/GlobalLeaves.sol";

/// @title Margin calls, and the course of a liquidation
/// @notice The steps `margin_call`, `liquidation_start`, `liquidation_round`, `liquidation_stage` and `liquidation_end`. Each is
/// of the account that its subject names. That an account was to be called or liquidated and was not is no step;
/// see {OmissionProof}.
contract LiquidationSteps is RiskSteps {
    constructor(IMarginCalculator marginCalculator) MarginUser(marginCalculator) {}

    function _run(Step memory step) internal view override {
        requireLegal(step.subject.other == 0 && step.subject.instrument == 0 && step.subject.amount == 0, "subject");
        if (step.kind == StepKind.MARGIN_CALL) _call(step);
        else if (step.kind == StepKind.LIQUIDATION_START) _start(step);
        else if (step.kind == StepKind.LIQUIDATION_ROUND) _begin(step);
        else if (step.kind == StepKind.LIQUIDATION_STAGE) _openAuction(step);
        else if (step.kind == StepKind.LIQUIDATION_END) _end(step);
        else revert StepIllegal("kind");
    }

    /// The call level of an account that is not being liquidated changes to what follows from where it stands.
    function _call(Step memory step) private view {
        _requireLookingOrBid(step);
        Account memory account = Accounts.load(step.ledger, step.subject.account);
        requireLegal(!account.leaf.hasLiquidation, "in_liquidation");
        CallLevel level = Liquidations.level(step.ledger, _standing(step, account));
        requireLegal(level != account.leaf.call, "nothing_to_do");
        if (step.command == CommandKind.LIQUIDATION_BID) Steps.ends(step);
        account.leaf.call = level;
    }

    /// An account below its maintenance margin, called for it, that no doubtful price protects.
    function _start(Step memory step) private view {
        Liquidations.requireLooking(step);
        Account memory account = Accounts.load(step.ledger, step.subject.account);
        requireLegal(!account.leaf.hasLiquidation, "in_liquidation");
        Standing memory standing = _standing(step, account);
        requireLegal(standing.equity < standing.maintenance, "maintained");
        requireLegal(account.leaf.call == CallLevel.Maintenance, "not_called");
        requireLegal(!Liquidations.isFrozen(step.ledger, account, standing), "frozen");
        CountersLeaf memory counters = Globals.counters(step.ledger);
        counters.liquidations += 1;
        Globals.setCounters(step.ledger, counters);
        account.leaf.hasLiquidation = true;
        account.leaf.liquidation = LiquidationLeaf(counters.liquidations, Liquidations.BOOK, step.time, step.time, 0, 0);
        if (account.leaf.openOrders != 0) Steps.goesOn(step);
    }

    /// A round that is due begins: the next one is due later, and an auction does not run while nobody could bid.
    function _begin(Step memory step) private pure {
        Liquidations.requireLooking(step);
        Account memory account = Accounts.load(step.ledger, step.subject.account);
        requireLegal(account.leaf.hasLiquidation, "not_in_liquidation");
        requireLegal(account.leaf.openOrders == 0, "orders_left");
        LiquidationLeaf memory liquidation = account.leaf.liquidation;
        requireLegal(liquidation.due <= step.time, "not_due");
        uint256 late = step.time - liquidation.due;
        if (late > uint256(Parameters.value(step.ledger, Parameter.MarkStaleness))) liquidation.opened += late;
        liquidation.due = Liquidations.nextRound(step);
    }

    /// The auction opens that fits the account's value, if the aim is not reached and another stage was before.
    function _openAuction(Step memory step) private view {
        Liquidations.requireLooking(step);
        Account memory account = Liquidations.inRound(step);
        MarginFigures memory figures = _figures(step, account);
        requireLegal(!Liquidations.isOver(step.ledger, account, _standingOf(figures)), "over");
        LiquidationLeaf memory liquidation = account.leaf.liquidation;
        uint256 stage = Margins.markValue(figures) > 0 ? Liquidations.AUCTION : Liquidations.INSOLVENT;
        requireLegal(stage != liquidation.stage, "nothing_to_do");
        (liquidation.stage, liquidation.opened) = (stage, step.time);
    }

    /// A liquidation that has reached its aim is over.
    function _end(Step memory step) private view {
        _requireLookingOrBid(step);
        bool ofBid = step.command == CommandKind.LIQUIDATION_BID;
        Account memory account = ofBid ? Accounts.load(step.ledger, step.subject.account) : Liquidations.inRound(step);
        requireLegal(account.leaf.hasLiquidation, "not_in_liquidation");
        Standing memory standing = _standing(step, account);
        requireLegal(Liquidations.isOver(step.ledger, account, standing), "not_over");
        account.leaf.hasLiquidation = false;
        // Behind a bid nobody else is looked at.
        bool called = Liquidations.level(step.ledger, standing) != account.leaf.call;
        requireLegal(!ofBid || step.last != called, "last");
    }

    /// A bid may end the liquidation of its target, which is then called again or no more.
    function _requireLookingOrBid(Step memory step) private pure {
        if (step.command != CommandKind.LIQUIDATION_BID) return Liquidations.requireLooking(step);
        Steps.follows(step);
        Liquidations.requireNoTaker(step);
        requireLegal(OwnerCommands.decodeLiquidationBid(step.body).target == step.subject.account, "subject");
    }
}
