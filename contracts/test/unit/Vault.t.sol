// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {ERC20} from "solady/tokens/ERC20.sol";
import {IGuardian} from "src/interfaces/IGuardian.sol";
import {IVault} from "src/interfaces/IVault.sol";
import {EngineUnits} from "src/libraries/EngineUnits.sol";
import {InboxItems} from "src/libraries/InboxItems.sol";
import {Asset} from "src/types/Asset.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {FeeToken} from "../mocks/FeeToken.sol";
import {GenerousToken} from "../mocks/GenerousToken.sol";
import {ReentrantToken} from "../mocks/ReentrantToken.sol";
import {SilentToken} from "../mocks/SilentToken.sol";
import {TokenWithDecimals} from "../mocks/TokenWithDecimals.sol";
import {ClaimsFixture} from "../utils/ClaimsFixture.sol";

contract VaultTest is ClaimsFixture {
    function add(address at) internal returns (uint16 asset) {
        vm.prank(owner);
        return settlement.addAsset(token(at), type(uint256).max);
    }

    function test_deposit_movesTokensAndAppendsItem() public {
        usdc.mint(alice, 25e6);
        vm.startPrank(alice);
        usdc.approve(address(settlement), 25e6);
        bytes memory item = abi.encodePacked(uint8(1), alice, uint64(7), uint16(0), uint64(25_000_000));
        vm.expectEmit(address(settlement));
        emit IVault.Deposited(USDC, alice, 25e6, 0);
        uint64 index = settlement.deposit(USDC, 25e6, 7);
        vm.stopPrank();

        assertEq(index, 0);
        assertEq(settlement.inboxLength(), 1);
        assertEq(settlement.inboxHashAt(1), keccak256(abi.encodePacked(bytes32(0), uint64(0), item)));
        assertEq(usdc.balanceOf(address(settlement)), 25e6);
        assertEq(settlement.assetAt(USDC).custody, 25e6);
    }

    function test_deposit_convertsToEngineUnits() public {
        TokenWithDecimals wide = new TokenWithDecimals(18);
        uint16 asset = add(address(wide));
        wide.mint(alice, 3e18);
        vm.startPrank(alice);
        wide.approve(address(settlement), 3e18);
        settlement.deposit(asset, 3e18, 0);
        vm.stopPrank();
        bytes memory item = InboxItems.deposit(alice, 0, asset, 3e8);
        assertEq(settlement.inboxHashAt(1), InboxItems.chain(0, 0, item));
    }

    function test_deposit_refusesDust() public {
        TokenWithDecimals wide = new TokenWithDecimals(18);
        uint16 asset = add(address(wide));
        vm.expectRevert(abi.encodeWithSelector(EngineUnits.Dust.selector, 1e10 + 1, 1e10));
        settlement.deposit(asset, 1e10 + 1, 0);
    }

    function test_deposit_refusesZero() public {
        vm.expectRevert(abi.encodeWithSelector(EngineUnits.AmountOutOfRange.selector, 0));
        settlement.deposit(USDC, 0, 0);
    }

    function test_deposit_refusesMoreThanTheEngineHolds() public {
        uint256 tooMuch = uint256(1) << 63;
        vm.expectRevert(abi.encodeWithSelector(EngineUnits.AmountOutOfRange.selector, tooMuch));
        settlement.deposit(USDC, tooMuch, 0);
    }

    function test_deposit_refusesUnknownAsset() public {
        vm.expectRevert(abi.encodeWithSelector(IVault.AssetUnknown.selector, 1));
        settlement.deposit(1, 1e6, 0);
    }

    function test_deposit_takesExactlyTheCap() public {
        deposit(alice, CAP);
        usdc.mint(bob, 1);
        vm.startPrank(bob);
        usdc.approve(address(settlement), 1);
        vm.expectRevert(abi.encodeWithSelector(IVault.DepositCapExceeded.selector, USDC, 1, CAP, CAP));
        settlement.deposit(USDC, 1, 0);
        vm.stopPrank();
    }

    function test_deposit_capFreedByClaims() public {
        deposit(alice, CAP);
        Withdrawal[] memory all = one(Withdrawal(0, USDC, uint64(CAP), alice));
        uint64 batch = commitWithdrawals(all);
        skip(WINDOW);
        claim(batch, all, 0);
        deposit(bob, CAP);
        assertEq(settlement.assetAt(USDC).custody, CAP);
    }

    function test_deposit_refusesWithoutAllowance() public {
        usdc.mint(alice, 1e6);
        vm.prank(alice);
        vm.expectRevert(ERC20.InsufficientAllowance.selector);
        settlement.deposit(USDC, 1e6, 0);
        assertEq(settlement.inboxLength(), 0);
    }

    function test_deposit_refusesFeeOnTransfer() public {
        FeeToken taxed = new FeeToken();
        refusesInexact(address(taxed), 99);
    }

    function test_deposit_refusesMoreThanSent() public {
        GenerousToken generous = new GenerousToken();
        refusesInexact(address(generous), 101);
    }

    /// @dev A deposit of 1.00 USDC-like token units arrives as something else.
    function refusesInexact(address at, uint256 received) internal {
        // Asset 1 counts in 1e-8, so 100 token units are 10,000 engine units: no dust in the way.
        uint16 asset = add(at);
        FeeToken(at).mint(alice, 100);
        vm.startPrank(alice);
        FeeToken(at).approve(address(settlement), 100);
        vm.expectRevert(abi.encodeWithSelector(IVault.TransferInexact.selector, asset, 100, received));
        settlement.deposit(asset, 100, 0);
        vm.stopPrank();
    }

    function test_deposit_takesTokensThatReturnNothing() public {
        SilentToken silent = new SilentToken();
        uint16 asset = add(address(silent));
        silent.mint(alice, 5);
        vm.prank(alice);
        settlement.deposit(asset, 5, 0);
        assertEq(silent.balanceOf(address(settlement)), 5);

        Withdrawal[] memory all = one(Withdrawal(0, asset, 500, bob));
        uint64 batch = commitWithdrawals(all);
        skip(WINDOW);
        claim(batch, all, 0);
        assertEq(silent.balanceOf(bob), 5);
    }

    function test_deposit_cannotBeReentered() public {
        ReentrantToken evil = new ReentrantToken();
        uint16 asset = add(address(evil));
        evil.mint(alice, 100);
        evil.arm(address(settlement), abi.encodeCall(IVault.deposit, (asset, 1, 0)));
        vm.startPrank(alice);
        evil.approve(address(settlement), 100);
        settlement.deposit(asset, 100, 0);
        vm.stopPrank();
        assertFalse(evil.accepted());
        assertEq(bytes4(evil.answer()), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        assertEq(settlement.inboxLength(), 1);
        assertEq(settlement.assetAt(asset).custody, 100);
    }

    function test_deposit_refusedWhilePaused() public {
        vm.prank(guardian);
        settlement.pauseDeposits();
        vm.expectRevert(IGuardian.DepositsArePaused.selector);
        settlement.deposit(USDC, 1e6, 0);
    }

    function permit(uint256 amount, uint256 deadline) internal view returns (uint8 v, bytes32 r, bytes32 s) {
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 body = keccak256(abi.encode(typehash, alice, address(settlement), amount, usdc.nonces(alice), deadline));
        return vm.sign(aliceKey, keccak256(abi.encodePacked(hex"1901", usdc.DOMAIN_SEPARATOR(), body)));
    }

    function test_depositWithPermit_needsNoApproval() public {
        usdc.mint(alice, 9e6);
        uint256 deadline = block.timestamp + 1;
        (uint8 v, bytes32 r, bytes32 s) = permit(9e6, deadline);
        vm.prank(alice);
        assertEq(settlement.depositWithPermit(USDC, 9e6, 3, deadline, v, r, s), 0);
        assertEq(settlement.inboxHashAt(1), InboxItems.chain(0, 0, InboxItems.deposit(alice, 3, USDC, 9e6)));
        assertEq(usdc.allowance(alice, address(settlement)), 0);
    }

    function test_depositWithPermit_cannotBeReplayed() public {
        usdc.mint(alice, 18e6);
        uint256 deadline = block.timestamp + 1;
        (uint8 v, bytes32 r, bytes32 s) = permit(9e6, deadline);
        vm.startPrank(alice);
        settlement.depositWithPermit(USDC, 9e6, 0, deadline, v, r, s);
        vm.expectRevert(ERC20.InsufficientAllowance.selector);
        settlement.depositWithPermit(USDC, 9e6, 0, deadline, v, r, s);
        vm.stopPrank();
        assertEq(settlement.inboxLength(), 1);
    }

    function test_depositWithPermit_ofAnotherIsWorthless() public {
        usdc.mint(alice, 9e6);
        uint256 deadline = block.timestamp + 1;
        (uint8 v, bytes32 r, bytes32 s) = permit(9e6, deadline);
        vm.prank(bob);
        vm.expectRevert(ERC20.InsufficientAllowance.selector);
        settlement.depositWithPermit(USDC, 9e6, 0, deadline, v, r, s);
    }

    function test_depositWithPermit_survivesFrontRunning() public {
        usdc.mint(alice, 9e6);
        uint256 deadline = block.timestamp + 1;
        (uint8 v, bytes32 r, bytes32 s) = permit(9e6, deadline);
        vm.prank(bob);
        usdc.permit(alice, address(settlement), 9e6, deadline, v, r, s);
        vm.prank(alice);
        settlement.depositWithPermit(USDC, 9e6, 0, deadline, v, r, s);
        assertEq(settlement.inboxLength(), 1);
    }

    function test_depositWithPermit_refusesUnknownAsset() public {
        vm.expectRevert(abi.encodeWithSelector(IVault.AssetUnknown.selector, 9));
        settlement.depositWithPermit(9, 1, 0, 0, 0, 0, 0);
    }

    function test_depositWithPermit_refusedWhilePaused() public {
        vm.prank(guardian);
        settlement.pauseDeposits();
        vm.expectRevert(IGuardian.DepositsArePaused.selector);
        settlement.depositWithPermit(USDC, 1e6, 0, 0, 0, 0, 0);
    }

    function test_addAsset_describesIt() public {
        TokenWithDecimals wide = new TokenWithDecimals(18);
        vm.expectEmit(address(settlement));
        emit IVault.AssetAdded(1, token(address(wide)), 18, 5e18);
        vm.prank(owner);
        assertEq(settlement.addAsset(token(address(wide)), 5e18), 1);
        Asset memory asset = settlement.assetAt(1);
        assertEq(address(asset.token), address(wide));
        assertEq(asset.tokenDecimals, 18);
        assertEq(asset.engineDecimals, 8);
        assertEq(asset.depositCap, 5e18);
        assertEq(asset.custody, 0);
        assertEq(settlement.assetAt(0).engineDecimals, 6);
        assertEq(settlement.assetCount(), 2);
    }

    function test_addAsset_refusesAnyoneElse() public {
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, address(this)));
        settlement.addAsset(token(address(1)), 0);
    }

    function test_addAsset_refusesATokenTwice() public {
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IVault.TokenListed.selector, address(usdc)));
        settlement.addAsset(token(address(usdc)), CAP);
    }

    function test_addAsset_refusesAbsurdDecimals() public {
        TokenWithDecimals absurd = new TokenWithDecimals(37);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IVault.DecimalsUnsupported.selector, 37));
        settlement.addAsset(token(address(absurd)), CAP);
    }

    function test_addAsset_refusesOneTooMany() public {
        // The length of the asset list, set as if 65,535 had been added.
        bytes32 slot = assetListSlot();
        vm.store(address(settlement), slot, bytes32(uint256(type(uint16).max)));
        TokenWithDecimals last = new TokenWithDecimals(6);
        vm.prank(owner);
        vm.expectRevert(IVault.TooManyAssets.selector);
        settlement.addAsset(token(address(last)), CAP);
    }

    /// @dev The only slot that `assetCount` reads.
    function assetListSlot() internal returns (bytes32) {
        vm.record();
        settlement.assetCount();
        (bytes32[] memory reads,) = vm.accesses(address(settlement));
        assertEq(reads.length, 1);
        return reads[0];
    }

    function test_setDepositCap_byTheOwnerOnly() public {
        vm.expectEmit(address(settlement));
        emit IVault.DepositCapChanged(USDC, 0);
        vm.prank(owner);
        settlement.setDepositCap(USDC, 0);
        usdc.mint(alice, 1e6);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(IVault.DepositCapExceeded.selector, USDC, 1e6, 0, 0));
        settlement.deposit(USDC, 1e6, 0);

        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, address(this)));
        settlement.setDepositCap(USDC, 1);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IVault.AssetUnknown.selector, 4));
        settlement.setDepositCap(4, 1);
    }

    function test_assetAt_refusesUnknownAsset() public {
        vm.expectRevert(abi.encodeWithSelector(IVault.AssetUnknown.selector, 1));
        settlement.assetAt(1);
    }
}
