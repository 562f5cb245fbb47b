// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {StepIllegal} from "src/verifier/IStepModule.sol";
import {Step} from "src/verifier/StepBase.sol";
import {CallLevel, CommandKind, Mode, StepKind} from "src/verifier/Types.sol";
import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginCalculator} from "src/verifier/margin/MarginCalculator.sol";
import {LiquidationSteps} from "src/verifier/modules/LiquidationSteps.sol";
import {Liquidations} from "src/verifier/risk/Liquidations.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {AccountLeaf, LiquidationLeaf} from "src/verifier/state/leaves/AccountLeaf.sol";
import {TakerLeaf} from "src/verifier/state/leaves/TakerLeaf.sol";

import {Scene} from "./utils/Scene.sol";

/// An account with 200 lots of the perpetual, entered at 50,000 with 10,000 of cash, and what happens to it.
struct Case {
    uint256 command;
    uint256 kind;
    bool first;
    int256 mark;
    int256 cash;
    CallLevel call;
    bool liquidated;
    uint256 stage;
    uint256 opened;
    uint256 due;
    Mode mode;
    uint256 markTime;
    bool matching;
}

contract LiquidationStepsTest is Test, LiquidationSteps(IMarginCalculator(address(new MarginCalculator()))) {
    uint256 private constant NEXT = Scene.NOW + 5 * Scene.SECOND;
    /// Equity 4,000 of 4,700 maintenance margin.
    int256 private constant BELOW = 47_000e6;
    /// Equity 5,000 of 4,750, the buffered of which is 5,225.
    int256 private constant CALLED = 47_500e6;

    function run(Case memory it) external view returns (AccountLeaf memory leaf, uint256 liquidations) {
        Step memory step = Scene.step(it.command, it.kind, "");
        step.first = it.first;
        step.subject.account = Scene.SUBJECT;
        Scene.hold(step.ledger, Scene.SUBJECT, Scene.PERPETUAL, 200);
        Scene.mark(step.ledger, Scene.PERPETUAL, it.mark);
        Scene.lastMark(step.ledger, it.markTime, it.mode);
        Scene.call(step.ledger, Scene.SUBJECT, it.cash, it.call);
        LiquidationLeaf memory running = LiquidationLeaf(4, it.stage, it.opened, it.due, 0, 0);
        if (it.liquidated) Scene.liquidate(step.ledger, Scene.SUBJECT, it.cash, running);
        TakerLeaf memory taker;
        if (it.matching) Globals.setTaker(step.ledger, taker);
        _run(step);
        return (Accounts.load(step.ledger, Scene.SUBJECT).leaf, Globals.counters(step.ledger).liquidations);
    }

    function _case(uint256 kind) private pure returns (Case memory it) {
        it.command = CommandKind.MARK_UPDATE;
        it.kind = kind;
        it.mark = BELOW;
        it.cash = 10_000e6;
        it.call = CallLevel.Maintenance;
        it.markTime = Scene.NOW;
    }

    /// In a round of a liquidation.
    function _round(uint256 kind, uint256 stage) private pure returns (Case memory it) {
        it = _case(kind);
        it.liquidated = true;
        it.stage = stage;
        (it.opened, it.due) = (Scene.NOW - 1000, NEXT);
    }

    function _illegal(Case memory it, bytes32 reason) private {
        vm.expectRevert(abi.encodeWithSelector(StepIllegal.selector, reason));
        this.run(it);
    }

    function test_a_call_changes_to_what_follows() external {
        Case memory it = _case(StepKind.MARGIN_CALL);
        (it.call, it.mark) = (CallLevel.None, CALLED);
        (AccountLeaf memory leaf,) = this.run(it);
        assertEq(uint256(leaf.call), uint256(CallLevel.Maintenance));
        it.call = CallLevel.Maintenance;
        _illegal(it, "nothing_to_do");
        it.mark = 50_000e6;
        (leaf,) = this.run(it);
        assertEq(uint256(leaf.call), uint256(CallLevel.None));
        it.liquidated = true;
        _illegal(it, "in_liquidation");
    }

    function test_a_liquidation_starts_below_maintenance() external view {
        (AccountLeaf memory leaf, uint256 liquidations) = this.run(_case(StepKind.LIQUIDATION_START));
        assertTrue(leaf.hasLiquidation);
        assertEq(leaf.liquidation.liquidation, 5);
        assertEq(leaf.liquidation.due, Scene.NOW);
        assertEq(liquidations, 5);
    }

    function test_a_healthy_account_is_not_liquidated() external {
        Case memory it = _case(StepKind.LIQUIDATION_START);
        it.mark = CALLED;
        _illegal(it, "maintained");
    }

    function test_nobody_is_liquidated_uncalled_twice_or_by_another_command() external {
        Case memory it = _case(StepKind.LIQUIDATION_START);
        it.call = CallLevel.Initial;
        _illegal(it, "not_called");
        it = _case(StepKind.LIQUIDATION_START);
        it.liquidated = true;
        _illegal(it, "in_liquidation");
        it = _case(StepKind.LIQUIDATION_START);
        it.command = CommandKind.PLACE_ORDER;
        _illegal(it, "kind");
        it = _case(StepKind.LIQUIDATION_START);
        it.first = true;
        _illegal(it, "first");
        it = _case(StepKind.LIQUIDATION_START);
        it.matching = true;
        _illegal(it, "taker");
    }

    function test_a_price_in_doubt_protects() external {
        Case memory it = _case(StepKind.LIQUIDATION_START);
        it.mode = Mode.Halt;
        _illegal(it, "frozen");
        it = _case(StepKind.LIQUIDATION_START);
        it.markTime = Scene.NOW - 30 * Scene.SECOND - 1;
        _illegal(it, "frozen");
        // What it lacks is more than all that it has there.
        it.cash = -200_000e6;
        this.run(it);
    }

    function test_a_round_moves_what_is_due() external {
        Case memory it = _case(StepKind.LIQUIDATION_ROUND);
        (it.liquidated, it.due, it.opened) = (true, Scene.NOW, 77);
        (AccountLeaf memory leaf,) = this.run(it);
        assertEq(leaf.liquidation.due, NEXT);
        assertEq(leaf.liquidation.opened, 77);
        // A round that is late by more than a mark may be old does not count as time of the auction.
        uint256 late = 30 * Scene.SECOND + 1;
        it.due = Scene.NOW - late;
        (leaf,) = this.run(it);
        assertEq(leaf.liquidation.opened, 77 + late);
        it.due = Scene.NOW + 1;
        _illegal(it, "not_due");
    }

    function test_the_auction_that_fits_the_value_opens_once() external {
        (AccountLeaf memory leaf,) = this.run(_round(StepKind.LIQUIDATION_STAGE, Liquidations.BOOK));
        assertEq(leaf.liquidation.stage, Liquidations.AUCTION);
        assertEq(leaf.liquidation.opened, Scene.NOW);
        _illegal(_round(StepKind.LIQUIDATION_STAGE, Liquidations.AUCTION), "nothing_to_do");
        Case memory it = _round(StepKind.LIQUIDATION_STAGE, Liquidations.AUCTION);
        it.cash = 5000e6;
        (leaf,) = this.run(it);
        assertEq(leaf.liquidation.stage, Liquidations.INSOLVENT);
    }

    function test_no_stage_outside_of_a_round_or_of_who_is_mended() external {
        Case memory it = _round(StepKind.LIQUIDATION_STAGE, Liquidations.BOOK);
        it.due = NEXT + 1;
        _illegal(it, "no_round");
        it = _round(StepKind.LIQUIDATION_STAGE, Liquidations.BOOK);
        it.mark = 50_000e6;
        _illegal(it, "over");
    }

    function test_a_liquidation_ends_at_its_aim_and_not_before() external {
        Case memory it = _round(StepKind.LIQUIDATION_END, Liquidations.BOOK);
        _illegal(it, "not_over");
        // Above maintenance margin with its buffer, below initial margin: over in an auction, not in the book.
        (it.mark, it.cash) = (CALLED, 11_000e6);
        _illegal(it, "not_over");
        it.stage = Liquidations.AUCTION;
        (AccountLeaf memory leaf,) = this.run(it);
        assertFalse(leaf.hasLiquidation);
        it.liquidated = false;
        _illegal(it, "not_in_liquidation");
    }
}
