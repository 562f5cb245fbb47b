// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

import {IBondedBatches} from "src/interfaces/IBondedBatches.sol";
import {IFreeze} from "src/interfaces/IFreeze.sol";
import {IGuardian} from "src/interfaces/IGuardian.sol";
import {ITimelock} from "src/interfaces/ITimelock.sol";
import {BatchOpening} from "src/types/BatchOpening.sol";

import {BondedFixture} from "../utils/BondedFixture.sol";

contract TimelockTest is BondedFixture {
    bytes internal toBob = abi.encodeCall(IBondedBatches.setOperator, (makeAddr("bob")));

    function scheduled() internal returns (uint64 ready) {
        deposit(alice, 1e6);
        vm.prank(owner);
        settlement.schedule(toBob);
        return settlement.readyAt(toBob);
    }

    function test_schedule_withoutDelayUntilSomebodyIsIn() public {
        change(toBob);
        assertEq(settlement.operator(), bob);
    }

    function test_execute_afterTheDelay() public {
        uint64 ready = scheduled();
        assertEq(ready, block.timestamp + UPGRADE);
        vm.warp(ready - 1);
        vm.expectRevert(abi.encodeWithSelector(ITimelock.ChangeNotReady.selector, ready));
        settlement.execute(toBob);
        vm.warp(ready);
        settlement.execute(toBob);
        assertEq(settlement.operator(), bob);
        vm.expectRevert(ITimelock.ChangeUnknown.selector);
        settlement.execute(toBob);
    }

    /// @dev A batch that is taken back gives every item its time again, and with it the announcements.
    function test_execute_waitsWhenBatchesWereTakenBack() public {
        uint64 ready = scheduled();
        vm.warp(ready - 1);
        BatchOpening memory batch = commitSome();
        vm.prank(settlement.challenges());
        settlement.revertBatches(0, batch.start);
        vm.warp(ready);
        vm.expectRevert(abi.encodeWithSelector(ITimelock.ChangeNotReady.selector, ready - 1 + UPGRADE));
        settlement.execute(toBob);
        vm.warp(ready - 1 + UPGRADE);
        settlement.execute(toBob);
        assertEq(settlement.operator(), bob);
    }

    function test_execute_lapses() public {
        uint64 ready = scheduled();
        vm.warp(ready + UPGRADE + 1);
        vm.expectRevert(ITimelock.ChangeUnknown.selector);
        settlement.execute(toBob);
        vm.prank(owner);
        settlement.schedule(toBob);
    }

    function test_execute_refusedOnceFrozen() public {
        uint64 ready = scheduled();
        vm.warp(ready);
        settlement.freeze();
        vm.expectRevert(IFreeze.VenueFrozen.selector);
        settlement.execute(toBob);
    }

    function test_execute_passesTheRefusalOn() public {
        bytes memory wrong = abi.encodeCall(IGuardian.pauseBatches, ());
        vm.prank(owner);
        settlement.schedule(wrong);
        vm.expectRevert(abi.encodeWithSelector(IGuardian.NotGuardian.selector, address(settlement)));
        settlement.execute(wrong);
    }

    function test_cancel() public {
        uint64 ready = scheduled();
        vm.prank(owner);
        settlement.cancel(toBob);
        vm.warp(ready);
        vm.expectRevert(ITimelock.ChangeUnknown.selector);
        settlement.execute(toBob);
        vm.prank(owner);
        vm.expectRevert(ITimelock.ChangeUnknown.selector);
        settlement.cancel(toBob);
    }

    function test_schedule_twiceIsOnce() public {
        uint64 ready = scheduled();
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(ITimelock.ChangePending.selector, ready));
        settlement.schedule(toBob);
    }

    function test_schedule_isTheOwners() public {
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, address(this)));
        settlement.schedule(toBob);
    }

    function test_whatIsScheduledIsNobodysToCall() public {
        bytes memory refusal = abi.encodeWithSelector(ITimelock.NotScheduled.selector, owner);
        vm.startPrank(owner);
        vm.expectRevert(refusal);
        settlement.setOperator(bob);
        vm.expectRevert(refusal);
        settlement.setStandby(bob, true);
        vm.expectRevert(refusal);
        settlement.setChallenges(bob);
        vm.expectRevert(refusal);
        settlement.setAdvances(bob);
    }
}
