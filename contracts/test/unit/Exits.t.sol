// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ExitClaim} from "src/interfaces/IExitValuer.sol";
import {IExits} from "src/interfaces/IExits.sol";
import {InboxItems} from "src/libraries/InboxItems.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {ReentrantToken} from "../mocks/ReentrantToken.sol";
import {TokenWithDecimals} from "../mocks/TokenWithDecimals.sol";
import {BondedFixture} from "../utils/BondedFixture.sol";

contract ExitsTest is BondedFixture {
    uint16 internal constant WETH = 1;
    uint64 internal constant PRICE = 2000e6;
    TokenWithDecimals internal weth;

    function setUp() public override {
        super.setUp();
        weth = new TokenWithDecimals(18);
        vm.prank(owner);
        settlement.addAsset(IERC20(address(weth)), 1000e18);
    }

    function depositWeth(address who, uint256 amount) internal {
        weth.mint(who, amount);
        vm.startPrank(who);
        weth.approve(address(settlement), amount);
        settlement.deposit(WETH, amount, 0);
        vm.stopPrank();
    }

    /// @dev Alice's 100 USDC and bob's 1 WETH are credited; then the operator goes away.
    function frozenVenue() internal {
        deposit(alice, 100e6);
        depositWeth(bob, 1e18);
        addItem(0, InboxItems.deposit(alice, 0, USDC, 100e6));
        addItem(1, InboxItems.deposit(bob, 0, WETH, 1e8));
        commit();
        skip(WINDOW);
        deposit(challenger, 7e6);
        skip(DEADLINE + 1);
        settlement.freeze();
    }

    function pools(uint64 usdcs, uint64 weths) internal pure returns (bytes memory) {
        uint64[] memory amounts = new uint64[](2);
        uint64[] memory prices = new uint64[](2);
        (amounts[0], amounts[1]) = (usdcs, weths);
        (prices[0], prices[1]) = (1e6, PRICE);
        return abi.encode(amounts, prices);
    }

    function claim(uint64 subaccount, address who, uint64 usdcs, uint64 weths) internal {
        uint16[] memory assets = new uint16[](2);
        uint64[] memory amounts = new uint64[](2);
        assets[1] = WETH;
        (amounts[0], amounts[1]) = (usdcs, weths);
        exits.claim(subaccount, abi.encode(ExitClaim(who, assets, amounts)));
    }

    function test_open_needsAFrozenVenue() public {
        vm.expectRevert(IExits.NotFrozen.selector);
        exits.open("");
    }

    function test_open_waitsForBatchesToBeFinal() public {
        deposit(alice, 1e6);
        skip(DEADLINE - 1 hours);
        commitSome();
        skip(2 hours);
        settlement.freeze();
        vm.expectRevert(abi.encodeWithSelector(IExits.BatchesPending.selector, 0));
        exits.open(pools(0, 0));
        skip(WINDOW);
        exits.open(pools(0, 0));
        assertEq(exits.root(), tip().root);
        vm.expectRevert(IExits.AlreadyOpen.selector);
        exits.open(pools(0, 0));
    }

    function test_pay_inFullWhenNothingIsShort() public {
        frozenVenue();
        exits.open(pools(100e6, 1e8));
        claim(1, alice, 90e6, 0);
        claim(2, bob, 0, 1e8);
        uint64 closesAt = exits.closesAt();
        vm.expectRevert(abi.encodeWithSelector(IExits.ClaimsPending.selector, closesAt));
        exits.pay(1, USDC);
        vm.warp(closesAt);
        exits.pay(1, USDC);
        exits.pay(2, WETH);
        assertEq(usdc.balanceOf(alice), 90e6);
        assertEq(weth.balanceOf(bob), 1e18);
        vm.expectRevert(abi.encodeWithSelector(IExits.NothingOwed.selector, 1, USDC));
        exits.pay(1, USDC);
        vm.expectRevert(abi.encodeWithSelector(IExits.NothingOwed.selector, 1, WETH));
        exits.pay(1, WETH);
    }

    function test_claim_once() public {
        frozenVenue();
        vm.expectRevert(IExits.NotOpen.selector);
        claim(1, alice, 90e6, 0);
        exits.open(pools(100e6, 1e8));
        claim(1, alice, 90e6, 0);
        vm.expectRevert(abi.encodeWithSelector(IExits.AlreadyClaimed.selector, 1));
        claim(1, alice, 90e6, 0);
    }

    function test_pay_inProportionWhenShort() public {
        frozenVenue();
        exits.open(pools(100e6, 1e8));
        claim(1, alice, 150e6, 0);
        claim(2, bob, 50e6, 1e8);
        vm.warp(exits.closesAt());
        exits.pay(1, USDC);
        exits.pay(2, USDC);
        exits.pay(2, WETH);
        assertEq(usdc.balanceOf(alice), 75e6);
        assertEq(usdc.balanceOf(bob), 25e6);
        assertEq(weth.balanceOf(bob), 1e18);
    }

    /// @dev Bob lost 300 USDC to alice, backed by 1 WETH at 2000: 0.85 WETH are left to him, 0.15 WETH make up for the 300 USDC that alice misses.
    function test_pay_usdcFromCollateralThatCoversLosses() public {
        frozenVenue();
        exits.open(pools(100e6, 1e8));
        claim(1, alice, 400e6, 0);
        claim(2, bob, 0, 0.85e8);
        vm.warp(exits.closesAt());
        exits.pay(1, USDC);
        exits.pay(1, WETH);
        exits.pay(2, WETH);
        assertEq(usdc.balanceOf(alice), 100e6);
        assertEq(weth.balanceOf(alice), 0.15e18);
        assertEq(weth.balanceOf(bob), 0.85e18);
    }

    /// @dev What nobody claimed makes up for what is missing, but for no more than that.
    function test_pay_takesOfUnclaimedCollateralOnlyWhatIsMissing() public {
        frozenVenue();
        exits.open(pools(100e6, 1e8));
        claim(1, alice, 300e6, 0);
        vm.warp(exits.closesAt());
        exits.pay(1, USDC);
        exits.pay(1, WETH);
        assertEq(weth.balanceOf(alice), 0.1e18);

        claim(2, bob, 0, 1e8);
        exits.pay(2, WETH);
        assertEq(weth.balanceOf(bob), 0.9e18);
    }

    function test_claim_lateIsPaidFromWhatIsLeft() public {
        frozenVenue();
        exits.open(pools(100e6, 1e8));
        claim(1, alice, 60e6, 0);
        vm.warp(exits.closesAt());
        claim(2, bob, 50e6, 0);
        exits.pay(2, USDC);
        exits.pay(1, USDC);
        assertEq(usdc.balanceOf(alice), 60e6);
        assertEq(usdc.balanceOf(bob), 40e6);
    }

    function test_returnDeposit_thatWasNeverCredited() public {
        bytes memory item = InboxItems.deposit(challenger, 0, USDC, 7e6);
        vm.expectRevert(IExits.NotFrozen.selector);
        exits.returnDeposit(2, item);
        frozenVenue();
        exits.returnDeposit(2, item);
        assertEq(usdc.balanceOf(challenger), 7e6);
        bytes memory refusal = abi.encodeWithSelector(IExits.DepositNotReturnable.selector, 2);
        vm.expectRevert(refusal);
        exits.returnDeposit(2, item);
    }

    function test_returnDeposit_refusesWhatWasCreditedOrChanged() public {
        frozenVenue();
        exits.open(pools(100e6, 1e8));
        vm.expectRevert(abi.encodeWithSelector(IExits.DepositNotReturnable.selector, 0));
        exits.returnDeposit(0, InboxItems.deposit(alice, 0, USDC, 100e6));
        vm.expectRevert(abi.encodeWithSelector(IExits.DepositNotReturnable.selector, 2));
        exits.returnDeposit(2, InboxItems.deposit(challenger, 0, USDC, 8e6));
    }

    function test_returnDeposit_refusesOtherItems() public {
        vm.prank(alice);
        settlement.forceCancelAll(1);
        skip(DEADLINE + 1);
        settlement.freeze();
        exits.open("");
        vm.expectRevert(abi.encodeWithSelector(IExits.DepositNotReturnable.selector, 0));
        exits.returnDeposit(0, InboxItems.forcedCancelAll(alice, 1));
    }

    /// @dev A venue that never had a batch owes its deposits, and nothing else.
    function test_open_withoutABatch() public {
        deposit(alice, 5e6);
        skip(DEADLINE + 1);
        settlement.freeze();
        exits.open("");
        exits.returnDeposit(0, InboxItems.deposit(alice, 0, USDC, 5e6));
        assertEq(usdc.balanceOf(alice), 5e6);
    }

    function test_finalWithdrawalsArePaidBesides() public {
        deposit(alice, 100e6);
        addItem(0, InboxItems.deposit(alice, 0, USDC, 100e6));
        Withdrawal[] memory listed = one(Withdrawal(0, USDC, 30e6, bob));
        commit(listed);
        deposit(alice, 1e6);
        skip(WINDOW);
        settlement.freeze();
        exits.open(pools(70e6, 0));
        claim(1, alice, 100e6, 0);
        vm.warp(exits.closesAt());
        exits.pay(1, USDC);
        assertEq(usdc.balanceOf(alice), 70e6);
        settlement.claimWithdrawal(0, listed[0], 0, 1, new bytes32[](0));
        assertEq(usdc.balanceOf(bob), 30e6);
    }

    /// @dev A token that calls back in the middle of a payment finds it made.
    function test_pay_isNotReentered() public {
        ReentrantToken token = new ReentrantToken();
        vm.prank(owner);
        settlement.addAsset(token, 100e6);
        token.mint(alice, 1e6);
        vm.startPrank(alice);
        token.approve(address(settlement), 1e6);
        settlement.deposit(2, 1e6, 0);
        vm.stopPrank();
        addItem(0, InboxItems.deposit(alice, 0, 2, 1e8));
        commit();
        deposit(alice, 1e6);
        skip(WINDOW);
        settlement.freeze();
        uint64[] memory amounts = new uint64[](3);
        amounts[2] = 1e8;
        exits.open(abi.encode(amounts, new uint64[](3)));
        uint16[] memory assets = new uint16[](1);
        uint64[] memory claimed = new uint64[](1);
        (assets[0], claimed[0]) = (2, 0.4e8);
        exits.claim(1, abi.encode(ExitClaim(bob, assets, claimed)));
        vm.warp(exits.closesAt());
        token.arm(address(exits), abi.encodeCall(IExits.pay, (1, 2)));
        exits.pay(1, 2);
        assertFalse(token.accepted());
        assertEq(bytes4(token.answer()), IExits.NothingOwed.selector);
        assertEq(token.balanceOf(bob), 0.4e6);
    }
}
