// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {StepIllegal} from "src/verifier/IStepModule.sol";
import {Step, Subject} from "src/verifier/StepBase.sol";
import {CommandKind, Mode, Side, StepKind} from "src/verifier/Types.sol";
import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginCalculator} from "src/verifier/margin/MarginCalculator.sol";
import {SliceSteps} from "src/verifier/modules/SliceSteps.sol";
import {Liquidations} from "src/verifier/risk/Liquidations.sol";
import {SliceFees} from "src/verifier/risk/SliceFees.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {LiquidationLeaf} from "src/verifier/state/leaves/AccountLeaf.sol";
import {TakerLeaf} from "src/verifier/state/leaves/TakerLeaf.sol";

import {Scene} from "./utils/Scene.sol";

/// 200 lots of the perpetual below maintenance margin, and a bid in the book.
struct Case {
    int256 mark;
    int256 lots;
    int256 bid;
    uint256 stage;
    uint256 due;
    Mode mode;
    bool last;
}

contract SliceStepsTest is Test, SliceSteps(IMarginCalculator(address(new MarginCalculator()))) {
    function run(Case memory it) external view returns (TakerLeaf memory taker) {
        Step memory step = Scene.step(CommandKind.MARK_UPDATE, StepKind.LIQUIDATION_SLICE, "");
        step.last = it.last;
        step.subject = Subject(Scene.SUBJECT, 0, Scene.PERPETUAL, it.lots);
        Scene.hold(step.ledger, Scene.SUBJECT, Scene.PERPETUAL, 200);
        Scene.mark(step.ledger, Scene.PERPETUAL, it.mark);
        Scene.lastMark(step.ledger, Scene.NOW, it.mode);
        Scene.rest(step.ledger, Scene.PERPETUAL, Side.Buy, it.bid, 1000);
        Scene.liquidate(step.ledger, Scene.SUBJECT, 10_000e6, LiquidationLeaf(4, it.stage, Scene.NOW, it.due, 0, 0));
        _run(step);
        (, taker) = Globals.taker(step.ledger);
    }

    function fee(uint256 instrument, int256 lots, int256 cash) external pure returns (int256) {
        return SliceFees.fee(Scene.ledger(), instrument, lots, cash);
    }

    function _case() private pure returns (Case memory) {
        return Case(47_000e6, 50, 46_500, Liquidations.BOOK, Scene.NOW + 5 * Scene.SECOND, Mode.Normal, false);
    }

    function _illegal(Case memory it, bytes32 reason) private {
        vm.expectRevert(abi.encodeWithSelector(StepIllegal.selector, reason));
        this.run(it);
    }

    function test_a_slice_goes_to_the_book() external view {
        TakerLeaf memory taker = this.run(_case());
        assertEq(taker.order, 12 << 10);
        assertEq(taker.subaccount, Scene.SUBJECT);
        assertEq(uint256(taker.side), uint256(Side.Sell));
        // Two per cent below the mark.
        assertEq(taker.limit, 46_060);
        assertEq(taker.lots, 50);
        assertEq(taker.liquidation, 4);
        assertTrue(taker.reduceOnly);
    }

    function test_no_slice_is_larger_than_its_share() external {
        Case memory it = _case();
        it.lots = 51;
        _illegal(it, "slice_size");
        it.lots = 0;
        _illegal(it, "slice_size");
    }

    function test_nobody_stands_within_the_limit() external {
        Case memory it = _case();
        it.bid = 46_060;
        this.run(it);
        it.bid = 46_059;
        _illegal(it, "no_cross");
    }

    function test_slices_are_for_the_book_a_round_and_who_needs_them() external {
        Case memory it = _case();
        it.stage = Liquidations.AUCTION;
        _illegal(it, "stage");
        it = _case();
        it.due -= 1;
        _illegal(it, "no_round");
        it = _case();
        it.mark = 50_000e6;
        _illegal(it, "over");
        it = _case();
        it.mode = Mode.Halt;
        _illegal(it, "mode");
        it = _case();
        it.last = true;
        _illegal(it, "last");
    }

    function test_the_fee_is_a_share_of_the_notional_and_of_a_premium() external view {
        // Half a per cent of 50 lots of a hundredth at 50,000.
        assertEq(this.fee(Scene.PERPETUAL, 50, 1), 125e6);
        assertEq(this.fee(Scene.OPTION, 50, 1e12), 125e6);
        assertEq(this.fee(Scene.OPTION, 50, 100e6 + 1), 12_500_001);
    }
}
