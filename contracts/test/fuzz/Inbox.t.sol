// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Vm} from "forge-std/Vm.sol";

import {IInbox} from "src/interfaces/IInbox.sol";

import {ClaimsFixture} from "../utils/ClaimsFixture.sol";

contract InboxFuzzTest is ClaimsFixture {
    function testFuzz_chainFollowsFromTheEventsAlone(uint256 seed, uint8 length) public {
        length = uint8(bound(length, 1, 20));
        vm.recordLogs();
        for (uint256 i = 0; i < length; i++) {
            act(uint256(keccak256(abi.encode(seed, i))));
        }
        bytes32 chain = 0;
        uint64 index = 0;
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] != IInbox.InboxItem.selector) continue;
            (bytes memory item, bytes32 inboxHash) = abi.decode(logs[i].data, (bytes, bytes32));
            assertEq(uint256(logs[i].topics[1]), index);
            chain = keccak256(bytes.concat(chain, bytes8(index++), item));
            assertEq(inboxHash, chain);
            assertEq(settlement.inboxHashAt(index), chain);
        }
        assertEq(index, length);
        assertEq(settlement.inboxLength(), length);
    }

    function testFuzz_depositBytes(address who, uint64 subaccount, uint64 amount) public {
        vm.assume(who != address(0) && who != address(settlement));
        amount = uint64(bound(amount, 1, CAP));
        usdc.mint(who, amount);
        vm.startPrank(who);
        usdc.approve(address(settlement), amount);
        settlement.deposit(USDC, amount, subaccount);
        vm.stopPrank();
        bytes memory item = bytes.concat(hex"01", bytes20(who), bytes8(subaccount), hex"0000", bytes8(amount));
        assertEq(settlement.inboxHashAt(1), keccak256(bytes.concat(bytes32(0), bytes8(0), item)));
    }

    /// @dev One random inbox action of a random user.
    function act(uint256 random) internal {
        address who = address(uint160(random >> 96) | 1);
        uint64 number = uint64(random >> 32);
        uint256 choice = random % 6;
        if (choice == 0) {
            deposit(who, 1 + number % 1e6);
            return;
        }
        if (choice == 4) {
            uint8 scopes = uint8(1 + number % 15);
            bytes memory consent = consentOf(sessionKey, who, scopes, number);
            vm.prank(who);
            settlement.registerKey(session, scopes, number, consent);
            return;
        }
        vm.prank(who);
        if (choice == 1) settlement.forceWithdraw(number, USDC, 1 + number / 2, who);
        if (choice == 2) settlement.forceCancelAll(number);
        if (choice == 3) settlement.forceCloseOnly(number);
        if (choice == 5) settlement.raiseNonceFloor(who, number);
    }
}
