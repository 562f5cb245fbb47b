// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {BondedSettlement} from "src/BondedSettlement.sol";
import {IInbox} from "src/interfaces/IInbox.sol";
import {IVault} from "src/interfaces/IVault.sol";
import {EngineUnits} from "src/libraries/EngineUnits.sol";

import {ClaimsFixture} from "../utils/ClaimsFixture.sol";

contract InboxTest is ClaimsFixture {
    /// @dev Expects `item` as the next one, with the chain computed from the bytes alone.
    function expectItem(bytes memory item) internal {
        uint64 index = settlement.inboxLength();
        bytes32 chain = keccak256(bytes.concat(settlement.inboxHashAt(index), bytes8(index), item));
        vm.expectEmit(address(settlement));
        emit IInbox.InboxItem(index, item, chain);
    }

    function test_itemsAreNumberedAndChained() public {
        vm.startPrank(alice);
        expectItem(bytes.concat(hex"02", bytes20(alice), bytes8(uint64(3)), hex"0000", bytes8(uint64(5)), bytes20(bob)));
        assertEq(settlement.forceWithdraw(3, USDC, 5, bob), 0);
        expectItem(bytes.concat(hex"03", bytes20(alice), bytes8(uint64(4))));
        assertEq(settlement.forceCancelAll(4), 1);
        expectItem(bytes.concat(hex"04", bytes20(alice), bytes8(uint64(5))));
        assertEq(settlement.forceCloseOnly(5), 2);
        bytes memory consent = consentOf(sessionKey, alice, 15, 77);
        expectItem(bytes.concat(hex"05", bytes20(alice), bytes20(session), hex"0f", bytes8(uint64(77))));
        assertEq(settlement.registerKey(session, 15, 77, consent), 3);
        expectItem(bytes.concat(hex"06", bytes20(alice), bytes20(alice), bytes8(type(uint64).max)));
        assertEq(settlement.raiseNonceFloor(alice, type(uint64).max), 4);
        vm.stopPrank();
        assertEq(settlement.inboxLength(), 5);
        assertEq(settlement.inboxHashAt(0), 0);
        assertNotEq(settlement.inboxHashAt(4), settlement.inboxHashAt(5));
    }

    function test_inboxHashAt_refusesTheFuture() public {
        settlement.forceCancelAll(1);
        vm.expectRevert(abi.encodeWithSelector(IInbox.InboxTooShort.selector, 1, 2));
        settlement.inboxHashAt(2);
    }

    function test_forceWithdraw_checksItsForm() public {
        vm.expectRevert(abi.encodeWithSelector(EngineUnits.AmountOutOfRange.selector, 0));
        settlement.forceWithdraw(1, USDC, 0, bob);
        vm.expectRevert(abi.encodeWithSelector(EngineUnits.AmountOutOfRange.selector, uint256(1) << 63));
        settlement.forceWithdraw(1, USDC, uint64(1) << 63, bob);
        vm.expectRevert(IInbox.ZeroAddress.selector);
        settlement.forceWithdraw(1, USDC, 1, address(0));
        vm.expectRevert(abi.encodeWithSelector(IVault.AssetUnknown.selector, 1));
        settlement.forceWithdraw(1, 1, 1, bob);
        assertEq(settlement.inboxLength(), 0);
    }

    function test_registerKey_checksItsForm() public {
        vm.expectRevert(IInbox.ZeroAddress.selector);
        settlement.registerKey(address(0), 1, 1, "");
        vm.expectRevert(abi.encodeWithSelector(IInbox.ScopesUnknown.selector, 0));
        settlement.registerKey(session, 0, 1, "");
        vm.expectRevert(abi.encodeWithSelector(IInbox.ScopesUnknown.selector, 16));
        settlement.registerKey(session, 16, 1, "");
    }

    function test_registerKey_needsTheKeysConsent() public {
        bytes memory consent = consentOf(sessionKey, alice, 15, 77);
        expectNoConsent(alice, session, 15, 77, consentOf(aliceKey, alice, 15, 77));
        expectNoConsent(bob, session, 15, 77, consent);
        expectNoConsent(alice, alice, 15, 77, consent);
        expectNoConsent(alice, session, 1, 77, consent);
        expectNoConsent(alice, session, 15, 78, consent);
        expectNoConsent(alice, session, 15, 77, "");
        expectNoConsent(alice, session, 15, 77, bytes.concat(consent, hex"00"));
        expectNoConsent(alice, session, 15, 77, otherFormOf(consent));
        vm.prank(alice);
        settlement.registerKey(session, 15, 77, consent);
        assertEq(settlement.inboxLength(), 1);
    }

    function test_registerKey_refusesAConsentForAnotherVenue() public {
        bytes memory consent = consentOf(sessionKey, alice, 15, 77);
        settlement = new BondedSettlement(config());
        expectNoConsent(alice, session, 15, 77, consent);
        consent = consentOf(sessionKey, alice, 15, 77);
        vm.chainId(block.chainid + 1);
        expectNoConsent(alice, session, 15, 77, consent);
    }

    /// @dev The signature with the other s and v, which recovers to the same key.
    function otherFormOf(bytes memory signature) internal pure returns (bytes memory) {
        (bytes32 r, bytes32 s) = abi.decode(signature, (bytes32, bytes32));
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        return bytes.concat(r, bytes32(order - uint256(s)), bytes1(55 - uint8(signature[64])));
    }

    function expectNoConsent(address from, address key, uint8 scopes, uint64 expiry, bytes memory consent) internal {
        vm.expectRevert(abi.encodeWithSelector(IInbox.KeyDidNotConsent.selector, key));
        vm.prank(from);
        settlement.registerKey(key, scopes, expiry, consent);
    }

    function test_raiseNonceFloor_checksItsForm() public {
        vm.expectRevert(IInbox.ZeroAddress.selector);
        settlement.raiseNonceFloor(address(0), 1);
    }

    function test_forcedRequestsCannotBePaused() public {
        vm.startPrank(guardian);
        settlement.pauseDeposits();
        settlement.pauseBatches();
        vm.stopPrank();
        settlement.forceWithdraw(1, USDC, 1, bob);
        settlement.forceCancelAll(1);
        settlement.forceCloseOnly(1);
        settlement.registerKey(session, 1, 1, consentOf(sessionKey, address(this), 1, 1));
        settlement.raiseNonceFloor(bob, 1);
        assertEq(settlement.inboxLength(), 5);
    }
}
