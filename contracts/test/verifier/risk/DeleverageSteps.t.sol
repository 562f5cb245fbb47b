// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";

import {StepIllegal} from "src/verifier/IStepModule.sol";
import {Step, Subject} from "src/verifier/StepBase.sol";
import {CommandKind, StepKind} from "src/verifier/Types.sol";
import {IMarginCalculator} from "src/verifier/margin/IMarginCalculator.sol";
import {MarginCalculator} from "src/verifier/margin/MarginCalculator.sol";
import {DeleverageSteps} from "src/verifier/modules/DeleverageSteps.sol";
import {Liquidations} from "src/verifier/risk/Liquidations.sol";
import {Accounts} from "src/verifier/state/Accounts.sol";
import {Globals} from "src/verifier/state/Globals.sol";
import {Instruments} from "src/verifier/state/Instruments.sol";
import {LiquidationLeaf} from "src/verifier/state/leaves/AccountLeaf.sol";
import {HoldingLeaf} from "src/verifier/state/leaves/HoldingLeaf.sol";

import {Scene} from "./utils/Scene.sol";

/// A portfolio in an auction that opened `elapsed` ago, and what is done to it.
struct Case {
    uint256 kind;
    int256 lots;
    int256 cash;
    uint256 stage;
    uint256 elapsed;
    Subject subject;
}

contract DeleverageStepsTest is Test, DeleverageSteps(IMarginCalculator(address(new MarginCalculator()))) {
    uint256 private constant OVER = 3600 * Scene.SECOND;

    /// Cash of both, the maker's lots, and the fund behind the step.
    function run(Case memory it) external view returns (int256 cash, int256 makers, int256 lots, int256 fund) {
        Step memory step = Scene.step(CommandKind.CLOCK, it.kind, "");
        step.subject = it.subject;
        if (it.lots != 0) Scene.hold(step.ledger, Scene.SUBJECT, Scene.PERPETUAL, it.lots);
        Scene.hold(step.ledger, Scene.MAKER, Scene.PERPETUAL, -50);
        Scene.mark(step.ledger, Scene.PERPETUAL, 40_000e6);
        Scene.liquidate(
            step.ledger,
            Scene.SUBJECT,
            it.cash,
            LiquidationLeaf(4, it.stage, Scene.NOW - it.elapsed, Scene.NOW + 5 * Scene.SECOND, 0, 0)
        );
        _run(step);
        (, HoldingLeaf memory held) = Accounts.holding(Accounts.load(step.ledger, Scene.MAKER), Scene.PERPETUAL);
        int256 interest = Instruments.load(step.ledger, Scene.PERPETUAL).openInterest;
        require(held.lots != 0 || interest == it.lots - 50, "open interest follows");
        return (
            Accounts.load(step.ledger, Scene.SUBJECT).leaf.cash,
            Accounts.load(step.ledger, Scene.MAKER).leaf.cash,
            held.lots,
            Globals.funds(step.ledger).insurance
        );
    }

    function _leg(int256 lots) private pure returns (Case memory) {
        Subject memory subject = Subject(Scene.SUBJECT, Scene.MAKER, Scene.PERPETUAL, lots);
        return Case(StepKind.DELEVERAGE, 80, 1000e6, Liquidations.INSOLVENT, OVER, subject);
    }

    function _debt(uint256 kind, uint256 other, int256 amount) private pure returns (Case memory) {
        Subject memory subject = Subject(Scene.SUBJECT, other, 0, amount);
        return Case(kind, 0, -7000e6, Liquidations.INSOLVENT, OVER, subject);
    }

    function _illegal(Case memory it, bytes32 reason) private {
        vm.expectRevert(abi.encodeWithSelector(StepIllegal.selector, reason));
        this.run(it);
    }

    function test_a_leg_moves_at_the_mark() external view {
        // 50 lots of a hundredth, 10,000 below entry: 5,000 lost by one, won by the other.
        (int256 cash, int256 makers, int256 lots,) = this.run(_leg(50));
        assertEq(cash, -4000e6);
        assertEq(makers, 1_005_000e6);
        assertEq(lots, 0);
    }

    function test_a_counterparty_only_loses() external {
        _illegal(_leg(51), "counterparty");
        _illegal(_leg(-1), "counterparty");
        Case memory it = _leg(1);
        it.subject.other = Scene.SUBJECT;
        _illegal(it, "subject");
    }

    function test_the_auction_goes_first() external {
        Case memory it = _leg(50);
        it.elapsed = OVER - 1;
        // A hole of 7,000 before a fund that may pay 500,000.
        _illegal(it, "auction_runs");
        it.cash = -600_000e6;
        this.run(it);
        it.stage = Liquidations.BOOK;
        _illegal(it, "stage");
    }

    function test_the_fund_pays_what_is_missing_and_no_more() external {
        Case memory it = _debt(StepKind.INSURANCE, 0, 7000e6);
        (int256 cash,,, int256 fund) = this.run(it);
        assertEq(cash, 0);
        assertEq(fund, 993_000e6);
        it.subject.amount += 1;
        _illegal(it, "insurance");
        it.subject.amount -= 2;
        _illegal(it, "insurance");
        // Half of what it has, at most.
        it = _debt(StepKind.INSURANCE, 0, 500_000e6);
        it.cash = -600_000e6;
        this.run(it);
        it.subject.amount += 1;
        _illegal(it, "insurance");
        it.lots = 1;
        _illegal(it, "positions_left");
    }

    function test_a_charge_is_no_more_than_the_debt() external {
        Case memory it = _debt(StepKind.DELEVERAGE_CHARGE, Scene.MAKER, 7000e6);
        (int256 cash, int256 makers,,) = this.run(it);
        assertEq(cash, 0);
        assertEq(makers, 993_000e6);
        it.subject.amount += 1;
        _illegal(it, "charge");
        it.subject.amount = -1;
        _illegal(it, "subject");
        it = _debt(StepKind.DELEVERAGE_CHARGE, Scene.MAKER, 1);
        it.cash = 0;
        _illegal(it, "no_debt");
    }
}
