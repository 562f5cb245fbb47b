// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {InboxItems} from "src/libraries/InboxItems.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {TokenWithDecimals} from "../mocks/TokenWithDecimals.sol";
import {BondedFixture} from "../utils/BondedFixture.sol";
import {ExitHandler} from "./ExitHandler.sol";

/// @notice A frozen venue with 1,000 USDC and 5 WETH of accounts, a final withdrawal of 30 USDC and an uncredited deposit of 7,
/// whose accounts claim together less, as much, or more.
contract ExitsInvariant is BondedFixture {
    uint64 internal constant POOL_USDC = 1000e6;
    uint64 internal constant POOL_WETH = 5e8;

    TokenWithDecimals internal weth;
    ExitHandler internal handler;
    Withdrawal[] internal listed;

    function setUp() public override {
        super.setUp();
        weth = new TokenWithDecimals(18);
        vm.prank(owner);
        settlement.addAsset(IERC20(address(weth)), 1000e18);
        deposit(alice, POOL_USDC + 30e6);
        weth.mint(alice, 5e18);
        vm.startPrank(alice);
        weth.approve(address(settlement), 5e18);
        settlement.deposit(1, 5e18, 0);
        vm.stopPrank();
        addItem(0, InboxItems.deposit(alice, 0, USDC, POOL_USDC + 30e6));
        addItem(1, InboxItems.deposit(alice, 0, 1, POOL_WETH));
        listed.push(Withdrawal(0, USDC, 30e6, bob));
        commit(listed);
        skip(WINDOW);
        deposit(challenger, 7e6);
        skip(DEADLINE + 1);
        settlement.freeze();
        uint64[] memory amounts = new uint64[](2);
        uint64[] memory prices = new uint64[](2);
        (amounts[0], amounts[1], prices[0], prices[1]) = (POOL_USDC, POOL_WETH, 1e6, 200e6);
        exits.open(abi.encode(amounts, prices));
        handler = new ExitHandler(exits);
        targetContract(address(handler));
    }

    /// @notice Whatever was claimed and paid, the final withdrawal and the deposit are there in full.
    function invariant_seniorClaimsAreCovered() public view {
        assertGe(usdc.balanceOf(address(settlement)), 37e6);
        assertEq(usdc.balanceOf(address(settlement)), settlement.assetAt(0).custody);
        assertEq(weth.balanceOf(address(settlement)), settlement.assetAt(1).custody);
    }

    /// @notice Nobody is paid more USDC than he claimed.
    function invariant_nobodyGainsOnHisClaim() public view {
        for (uint64 i = 1; i <= handler.ACCOUNTS(); i++) {
            assertLe(usdc.balanceOf(handler.ownerOf(i)), handler.claims(i, 0));
        }
    }

    /// @notice However far it went, everybody else still gets out, and whoever claimed in time is paid to the unit when
    /// nothing was short.
    function afterInvariant() public {
        uint256 claimedUsdc = 0;
        for (uint64 i = 1; i <= handler.ACCOUNTS(); i++) {
            claimedUsdc += handler.claims(i, 0);
        }
        if (block.timestamp < exits.closesAt()) vm.warp(exits.closesAt());
        for (uint64 i = 1; i <= handler.ACCOUNTS(); i++) {
            handler.payOne(i, 0);
            handler.payOne(i, 1);
            if (claimedUsdc <= POOL_USDC) assertEq(usdc.balanceOf(handler.ownerOf(i)), handler.claims(i, 0));
        }
        settlement.claimWithdrawal(0, listed[0], 0, 1, new bytes32[](0));
        exits.returnDeposit(2, InboxItems.deposit(challenger, 0, USDC, 7e6));
        assertEq(usdc.balanceOf(bob), 30e6);
        assertEq(usdc.balanceOf(challenger), 7e6);
    }
}
