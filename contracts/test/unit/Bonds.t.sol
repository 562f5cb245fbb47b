// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {BondedSettlement} from "src/BondedSettlement.sol";
import {Bonds} from "src/Bonds.sol";
import {IBondedBatches} from "src/interfaces/IBondedBatches.sol";
import {IBondedSettlement} from "src/interfaces/IBondedSettlement.sol";
import {IBonds} from "src/interfaces/IBonds.sol";
import {ITimelock} from "src/interfaces/ITimelock.sol";
import {BondedConfig} from "src/types/BondedConfig.sol";

import {FeeToken} from "../mocks/FeeToken.sol";
import {BondedFixture} from "../utils/BondedFixture.sol";

contract BondsTest is BondedFixture {
    function test_release_countsAtOnceAndIsFreeLater() public {
        vm.startPrank(operator);
        bonds.release(BOND / 2);
        assertEq(bonds.bondOf(operator), BOND / 2);
        assertFalse(bonds.isBonded(operator));
        vm.expectRevert(abi.encodeWithSelector(IBonds.BondNotFree.selector, block.timestamp + DELAY));
        bonds.withdraw();
        vm.stopPrank();
        succeed();
        skip(DELAY);
        vm.startPrank(operator);
        bonds.withdraw();
        assertEq(usdc.balanceOf(operator), BOND / 2);
        bonds.withdraw();
        assertEq(usdc.balanceOf(operator), BOND / 2);
    }

    /// @dev Nobody is in office with nothing at stake.
    function test_withdraw_notOfAnOperatorInOffice() public {
        vm.prank(operator);
        bonds.release(BOND);
        skip(DELAY);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IBonds.InOffice.selector, operator));
        bonds.withdraw();
        succeed();
        vm.prank(operator);
        bonds.withdraw();
        assertEq(usdc.balanceOf(operator), BOND);
    }

    function test_withdraw_ofWhatIsMoreThanEnough() public {
        bond(operator, 5e6);
        vm.prank(operator);
        bonds.release(5e6);
        skip(DELAY);
        vm.prank(operator);
        bonds.withdraw();
        assertEq(usdc.balanceOf(operator), 5e6);
        assertTrue(bonds.isBonded(operator));
    }

    /// @dev Kept from committing, an operator is not punished by a freeze, and goes with his bond.
    function test_withdraw_onceFrozen() public {
        vm.prank(guardian);
        settlement.pauseBatches();
        deposit(alice, 1e6);
        vm.prank(operator);
        bonds.release(BOND);
        skip(DELAY);
        settlement.freeze();
        vm.prank(operator);
        bonds.withdraw();
        assertEq(usdc.balanceOf(operator), BOND);
    }

    function succeed() internal {
        bond(standby, BOND);
        vm.prank(standby);
        settlement.takeOver();
    }

    function test_release_refusesMoreThanTheBond() public {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IBonds.BondTooSmall.selector, BOND, BOND + 1));
        bonds.release(BOND + 1);
    }

    function test_slash_takesWhatIsBeingReleased() public {
        vm.prank(operator);
        bonds.release(BOND);
        vm.prank(address(settlement));
        bonds.slash(operator, "batch");
        assertEq(bonds.rewardOf("batch"), BOND * REWARD_SHARE / 10_000);
        succeed();
        skip(DELAY);
        vm.prank(operator);
        bonds.withdraw();
        assertEq(usdc.balanceOf(operator), 0);
    }

    /// @dev The next operator commits the same wrong batch again.
    function test_slash_addsToARewardThatWaits() public {
        bond(standby, BOND);
        vm.startPrank(address(settlement));
        bonds.slash(operator, "batch");
        bonds.slash(standby, "batch");
        vm.stopPrank();
        assertEq(bonds.rewardOf("batch"), 2 * BOND * REWARD_SHARE / 10_000);
        assertEq(bonds.insured() + bonds.rewardOf("batch"), usdc.balanceOf(address(bonds)));
    }

    function test_slash_isTheSettlementsOnly() public {
        vm.expectRevert(abi.encodeWithSelector(IBonds.NotAuthorized.selector, address(this), address(settlement)));
        bonds.slash(operator, "batch");
        vm.expectRevert(abi.encodeWithSelector(IBonds.NotAuthorized.selector, address(this), address(challenges)));
        bonds.payReward("batch", address(this));
    }

    function test_post_refusesAFeeOnTransfer() public {
        FeeToken fee = new FeeToken();
        Bonds other = new Bonds(IERC20(address(fee)), IBondedSettlement(address(settlement)), insurance, 1, 1, WINDOW);
        fee.mint(address(this), 100);
        fee.approve(address(other), 100);
        vm.expectRevert(abi.encodeWithSelector(IBonds.TransferInexact.selector, 100, 99));
        other.post(100);
    }

    function test_constructor_neverRewardsTheWholeBond() public {
        vm.expectRevert(abi.encodeWithSelector(IBonds.ShareOutOfRange.selector, 10_000));
        new Bonds(IERC20(address(usdc)), IBondedSettlement(address(settlement)), insurance, 1, 10_000, WINDOW);
    }

    function test_settlement_refusesBondsThatAreFreeTooSoon() public {
        BondedConfig memory wrong = config();
        wrong.bonds =
            new Bonds(IERC20(address(usdc)), IBondedSettlement(address(settlement)), insurance, 1, 1, DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(IBondedBatches.BondDelayTooShort.selector, DELAY - 1, DELAY));
        new BondedSettlement(wrong);
    }

    function test_settlement_refusesADelayThatLeavesNoTime() public {
        BondedConfig memory wrong = config();
        wrong.upgradeDelay = 2 * DEADLINE + WINDOW;
        uint64 minimum = 2 * DEADLINE + WINDOW;
        vm.expectRevert(abi.encodeWithSelector(ITimelock.DelayTooShort.selector, minimum, minimum));
        new BondedSettlement(wrong);
    }
}
