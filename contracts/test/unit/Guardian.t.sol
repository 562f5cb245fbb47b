// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

import {IGuardian} from "src/interfaces/IGuardian.sol";

import {ClaimsFixture} from "../utils/ClaimsFixture.sol";

contract GuardianTest is ClaimsFixture {
    function test_pauseDeposits_byTheGuardianUntilTheOwnerReleases() public {
        vm.expectEmit(address(settlement));
        emit IGuardian.DepositsPaused();
        vm.prank(guardian);
        settlement.pauseDeposits();
        assertTrue(settlement.depositsPaused());
        assertFalse(settlement.batchesPaused());
        vm.expectEmit(address(settlement));
        emit IGuardian.DepositsUnpaused();
        vm.prank(owner);
        settlement.unpauseDeposits();
        assertFalse(settlement.depositsPaused());
        deposit(alice, 1e6);
    }

    function test_pauseBatches_byTheGuardianUntilTheOwnerReleases() public {
        vm.expectEmit(address(settlement));
        emit IGuardian.BatchesPaused();
        vm.prank(guardian);
        settlement.pauseBatches();
        assertTrue(settlement.batchesPaused());
        assertFalse(settlement.depositsPaused());
        deposit(alice, 1e6);
        vm.expectEmit(address(settlement));
        emit IGuardian.BatchesUnpaused();
        vm.prank(owner);
        settlement.unpauseBatches();
        commitSome();
    }

    function test_pause_refusesAnyoneElse() public {
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IGuardian.NotGuardian.selector, owner));
        settlement.pauseDeposits();
        vm.expectRevert(abi.encodeWithSelector(IGuardian.NotGuardian.selector, owner));
        settlement.pauseBatches();
        vm.stopPrank();
    }

    function test_unpause_refusesTheGuardian() public {
        vm.startPrank(guardian);
        settlement.pauseDeposits();
        settlement.pauseBatches();
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, guardian));
        settlement.unpauseDeposits();
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, guardian));
        settlement.unpauseBatches();
        vm.stopPrank();
    }

    function test_pause_refusesWhatIsSoAlready() public {
        vm.startPrank(owner);
        vm.expectRevert(IGuardian.PauseUnchanged.selector);
        settlement.unpauseDeposits();
        vm.expectRevert(IGuardian.PauseUnchanged.selector);
        settlement.unpauseBatches();
        vm.stopPrank();
        vm.startPrank(guardian);
        settlement.pauseDeposits();
        settlement.pauseBatches();
        vm.expectRevert(IGuardian.PauseUnchanged.selector);
        settlement.pauseDeposits();
        vm.expectRevert(IGuardian.PauseUnchanged.selector);
        settlement.pauseBatches();
        vm.stopPrank();
    }

    function test_setGuardian_byTheOwnerOnly() public {
        vm.expectEmit(address(settlement));
        emit IGuardian.GuardianChanged(guardian, bob);
        vm.prank(owner);
        settlement.setGuardian(bob);
        assertEq(settlement.guardian(), bob);
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(IGuardian.NotGuardian.selector, guardian));
        settlement.pauseDeposits();
        vm.prank(guardian);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, guardian));
        settlement.setGuardian(guardian);
    }

    function test_ownership_movesInTwoSteps() public {
        vm.prank(owner);
        settlement.transferOwnership(alice);
        assertEq(settlement.owner(), owner);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, bob));
        settlement.acceptOwnership();
        vm.prank(alice);
        settlement.acceptOwnership();
        assertEq(settlement.owner(), alice);
    }

    function test_ownership_isNeverGivenUp() public {
        vm.prank(owner);
        vm.expectRevert(IGuardian.OwnerRequired.selector);
        settlement.renounceOwnership();
    }
}
