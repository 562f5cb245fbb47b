// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IBondedBatches} from "src/interfaces/IBondedBatches.sol";
import {IFreeze} from "src/interfaces/IFreeze.sol";
import {InboxItems} from "src/libraries/InboxItems.sol";
import {BatchOpening} from "src/types/BatchOpening.sol";
import {StepOpening} from "src/types/StepOpening.sol";

import {BondedFixture} from "../utils/BondedFixture.sol";

contract FreezeTest is BondedFixture {
    function overdue() internal {
        deposit(alice, 1e6);
        skip(DEADLINE + 1);
    }

    function test_freeze_whenAnItemIsOverdue() public {
        deposit(alice, 1e6);
        skip(DEADLINE);
        vm.expectRevert(IFreeze.NothingOverdue.selector);
        settlement.freeze();
        skip(1);
        vm.expectEmit(address(settlement));
        emit IFreeze.Frozen(0);
        vm.prank(bob);
        settlement.freeze();
        assertTrue(settlement.frozen());
        vm.expectRevert(IFreeze.VenueFrozen.selector);
        settlement.freeze();
    }

    function test_freeze_neverWithoutAnItem() public {
        skip(365 days);
        vm.expectRevert(IFreeze.NothingOverdue.selector);
        settlement.freeze();
    }

    function test_freeze_notOnceTheItemIsServed() public {
        uint64 index = deposit(alice, 1e6);
        skip(DEADLINE);
        addItem(index, InboxItems.deposit(alice, 0, USDC, 1e6));
        commit();
        skip(DEADLINE);
        vm.expectRevert(IFreeze.NothingOverdue.selector);
        settlement.freeze();
    }

    /// @dev Serving the first of two items does not excuse the second.
    function test_freeze_looksAtTheOldestItemLeft() public {
        uint64 index = deposit(alice, 1e6);
        skip(1 hours);
        deposit(bob, 1e6);
        addItem(index, InboxItems.deposit(alice, 0, USDC, 1e6));
        commit();
        skip(DEADLINE);
        assertFalse(settlement.isOverdue());
        skip(1);
        settlement.freeze();
    }

    function test_freeze_costsTheOperatorHisBond() public {
        overdue();
        settlement.freeze();
        bonds.collect();
        assertEq(usdc.balanceOf(insurance), BOND);
        assertEq(settlement.operator(), address(0));
    }

    function test_freeze_sparesAnOperatorWhoWasKeptFromCommitting() public {
        vm.prank(guardian);
        settlement.pauseBatches();
        overdue();
        settlement.freeze();
        assertEq(bonds.bondOf(operator), BOND);
    }

    function test_freeze_waitsForBatchesToBeMadeAgain() public {
        uint64 index = deposit(alice, 1e6);
        skip(DEADLINE);
        addItem(index, InboxItems.deposit(alice, 0, USDC, 1e6));
        BatchOpening memory batch = commit();
        skip(1 hours);
        (StepOpening memory opening, bytes memory record) = openStep(0);
        challenges.challengeStep(batch, opening, record, hex"01", 0);
        assertFalse(settlement.isOverdue());
        skip(DEADLINE);
        assertFalse(settlement.isOverdue());
        skip(1);
        settlement.freeze();
    }

    function test_frozen_takesNothingIn() public {
        overdue();
        settlement.freeze();
        usdc.mint(alice, 1e6);
        vm.startPrank(alice);
        usdc.approve(address(settlement), 1e6);
        vm.expectRevert(IFreeze.VenueFrozen.selector);
        settlement.deposit(USDC, 1e6, 0);
        vm.expectRevert(IFreeze.VenueFrozen.selector);
        settlement.forceCancelAll(1);
        vm.stopPrank();
        bond(standby, BOND);
        vm.prank(standby);
        vm.expectRevert(IFreeze.VenueFrozen.selector);
        settlement.takeOver();
    }

    /// @dev A wrong batch does not become right because the venue froze.
    function test_frozen_stillTakesChallenges() public {
        deposit(alice, 1e6);
        BatchOpening memory batch = commitSome();
        skip(DEADLINE + 1);
        settlement.freeze();
        (StepOpening memory opening, bytes memory record) = openStep(0);
        challenges.challengeStep(batch, opening, record, hex"01", 0);
        assertEq(settlement.batches(), 0);
    }
    // Grace: who comes to commit has the whole time before he is punished, and users wait no longer than twice.

    function unpauseAfter(uint256 time) internal {
        vm.prank(guardian);
        settlement.pauseBatches();
        skip(time);
        vm.prank(owner);
        settlement.unpauseBatches();
    }

    function test_freeze_leavesTimeBehindAPause() public {
        deposit(alice, 1e6);
        unpauseAfter(DEADLINE);
        skip(DEADLINE);
        assertFalse(settlement.isOverdue());
        skip(1);
        settlement.freeze();
        assertEq(bonds.bondOf(operator), 0);
    }

    /// @dev However often the brake is pulled and released, an item is overdue within two serve deadlines; who is in office then is
    /// spared if he has not had one of them.
    function test_freeze_isNotPutOffForGood() public {
        deposit(alice, 1e6);
        uint256 came = block.timestamp;
        while (block.timestamp + 1 hours <= came + 2 * DEADLINE) {
            unpauseAfter(1 hours);
            assertFalse(settlement.isOverdue());
        }
        vm.warp(came + 2 * DEADLINE + 1);
        settlement.freeze();
        assertEq(bonds.bondOf(operator), BOND);
    }

    /// forge-config: default.fuzz.runs = 64
    function test_isOverdue_withinTwoDeadlinesWhateverTheGuardianDoes(uint16[12] calldata times) public {
        deposit(alice, 1e6);
        uint256 came = block.timestamp;
        for (uint256 i = 0; i < times.length; i++) {
            vm.prank(guardian);
            settlement.pauseBatches();
            skip(times[i]);
            vm.prank(owner);
            settlement.unpauseBatches();
            skip(times[i] / 2);
        }
        if (block.timestamp <= came + 2 * DEADLINE) vm.warp(came + 2 * DEADLINE + 1);
        assertTrue(settlement.isOverdue());
    }

    function test_freeze_leavesTimeToWhoTakesOver() public {
        deposit(alice, 1e6);
        skip(DEADLINE);
        vm.prank(operator);
        bonds.release(1);
        bond(standby, BOND);
        vm.prank(standby);
        settlement.takeOver();
        skip(DEADLINE);
        vm.expectRevert(IFreeze.NothingOverdue.selector);
        settlement.freeze();
        skip(1);
        settlement.freeze();
        assertEq(bonds.bondOf(standby), 0);
    }

    function test_freeze_leavesTimeToWhoIsNamed() public {
        deposit(alice, 1e6);
        skip(DEADLINE + 1);
        vm.prank(address(settlement));
        settlement.setOperator(standby);
        assertFalse(settlement.isOverdue());
        skip(DEADLINE);
        settlement.freeze();
        assertEq(bonds.insured(), 0);
    }

    // Venue time.

    function test_freeze_whenVenueTimeStaysBehind() public {
        commitSome();
        skip(LAG);
        vm.expectRevert(IFreeze.NothingOverdue.selector);
        settlement.freeze();
        skip(1);
        settlement.freeze();
        assertEq(bonds.bondOf(operator), 0);
    }

    /// @dev Batches with old commands do not bring venue time on.
    function test_freeze_whenBatchesComeWithOldCommands() public {
        bytes memory old = recordOf(8, "place");
        for (uint256 i = 0; i < 4; i++) {
            delete commands;
            add(old, 1);
            commit();
            assertFalse(settlement.isOverdue());
            skip(1 days);
        }
        skip(1);
        settlement.freeze();
    }

    function test_freeze_neverForTheTimeOfAVenueThatHasNone() public {
        BatchOpening memory batch = commitSome();
        (StepOpening memory opening, bytes memory record) = openStep(0);
        challenges.challengeStep(batch, opening, record, hex"01", 0);
        skip(365 days);
        assertFalse(settlement.isOverdue());
    }

    function test_freeze_leavesTimeToCatchUpBehindAPause() public {
        commitSome();
        unpauseAfter(LAG);
        skip(DEADLINE);
        assertFalse(settlement.isOverdue());
        skip(1);
        assertTrue(settlement.isOverdue());
    }

    // Offices.

    function test_takeOver_fromAnOperatorWhoseBondIsNotWhole() public {
        bond(standby, BOND);
        vm.prank(standby);
        vm.expectRevert(abi.encodeWithSelector(IBondedBatches.OperatorPresent.selector, operator));
        settlement.takeOver();
        vm.prank(operator);
        bonds.release(1);
        vm.prank(standby);
        settlement.takeOver();
        assertEq(settlement.operator(), standby);
    }
}
