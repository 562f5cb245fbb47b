// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

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
}
