// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IFreeze} from "src/interfaces/IFreeze.sol";
import {IPayouts} from "src/interfaces/IPayouts.sol";
import {IQuorum} from "src/interfaces/IQuorum.sol";
import {IWithdrawals} from "src/interfaces/IWithdrawals.sol";
import {BatchOpening} from "src/types/BatchOpening.sol";
import {StepOpening} from "src/types/StepOpening.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {ReentrantToken} from "../mocks/ReentrantToken.sol";
import {BondedFixture} from "../utils/BondedFixture.sol";
import {MerkleReference} from "../utils/MerkleReference.sol";

contract PayoutsTest is BondedFixture {
    address internal quorum = makeAddr("quorum");

    function setUp() public override {
        super.setUp();
        change(abi.encodeCall(IPayouts.setQuorum, (IQuorum(quorum))));
        change(abi.encodeCall(IPayouts.setEarlyCap, (USDC, 10e6)));
        vouch(false);
        deposit(alice, 100e6);
    }

    function vouch(bool holds) internal {
        vm.mockCall(quorum, abi.encodeWithSelector(IQuorum.isVouchedFor.selector), abi.encode(holds));
    }

    /// @dev A batch with two withdrawals of 6 USDC.
    function commitTwo(address first) internal returns (Withdrawal[] memory listed, BatchOpening memory batch) {
        listed = new Withdrawal[](2);
        uint64 number = settlement.withdrawals();
        listed[0] = Withdrawal(uint64(number), USDC, 6e6, first);
        listed[1] = Withdrawal(number + 1, USDC, 6e6, bob);
        delete commands;
        add(recordOf(8, "place"), 1);
        batch = commit(listed);
    }

    function claimEarly(uint64 batch, Withdrawal[] memory listed, uint64 at) internal {
        settlement.claimEarly(batch, listed[at], at, 2, MerkleReference.proof(leavesOf(listed), at));
    }

    function claim(uint64 batch, Withdrawal[] memory listed, uint64 at) internal {
        settlement.claimWithdrawal(batch, listed[at], at, 2, MerkleReference.proof(leavesOf(listed), at));
    }

    function test_claimWithdrawal_onceFinal() public {
        (Withdrawal[] memory listed,) = commitTwo(alice);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.BatchNotFinal.selector, 0));
        claim(0, listed, 0);
        skip(WINDOW);
        claim(0, listed, 0);
        assertEq(usdc.balanceOf(alice), 6e6);
    }

    function test_claimEarly_needsTheQuorum() public {
        (Withdrawal[] memory listed,) = commitTwo(alice);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.BatchNotVouchedFor.selector, 0));
        claimEarly(0, listed, 0);
        vouch(true);
        claimEarly(0, listed, 0);
        assertEq(usdc.balanceOf(alice), 6e6);
        assertEq(settlement.paidEarly(0), leafOf(listed[0]));
    }

    function test_claimEarly_isPaidOnce() public {
        (Withdrawal[] memory listed,) = commitTwo(alice);
        vouch(true);
        claimEarly(0, listed, 0);
        bytes memory refusal = abi.encodeWithSelector(IWithdrawals.WithdrawalAlreadyClaimed.selector, 0);
        vm.expectRevert(refusal);
        claimEarly(0, listed, 0);
        skip(WINDOW);
        vm.expectRevert(refusal);
        claim(0, listed, 0);
        claim(0, listed, 1);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.WithdrawalAlreadyClaimed.selector, 1));
        claimEarly(0, listed, 1);
        assertEq(usdc.balanceOf(alice), 6e6);
        assertEq(usdc.balanceOf(bob), 6e6);
    }

    function test_claimEarly_upToTheCapInAWindow() public {
        (Withdrawal[] memory listed,) = commitTwo(alice);
        vouch(true);
        claimEarly(0, listed, 0);
        vm.expectRevert(abi.encodeWithSelector(IPayouts.EarlyCapExceeded.selector, USDC, 6e6, 6e6, 10e6));
        claimEarly(0, listed, 1);
        skip(WINDOW);
        claimEarly(0, listed, 1);
        assertEq(usdc.balanceOf(bob), 6e6);
    }

    /// @dev The number of a withdrawal that was paid early and taken back is another's in the batch that follows.
    function test_claimEarly_harmsNobodyAfterARevert() public {
        (Withdrawal[] memory listed, BatchOpening memory batch) = commitTwo(alice);
        vouch(true);
        claimEarly(0, listed, 0);
        (StepOpening memory opening, bytes memory record) = openStep(0);
        challenges.challengeStep(batch, opening, record, hex"01", 0);
        bond(standby, BOND);
        vm.prank(standby);
        settlement.takeOver();
        (listed,) = commitTwo(challenger);
        skip(WINDOW);
        claim(0, listed, 0);
        assertEq(usdc.balanceOf(challenger), 6e6);
    }

    function test_claimEarly_refusedOnceFrozen() public {
        (Withdrawal[] memory listed,) = commitTwo(alice);
        vouch(true);
        skip(DEADLINE + 1);
        settlement.freeze();
        vm.expectRevert(IFreeze.VenueFrozen.selector);
        claimEarly(0, listed, 0);
    }

    function test_payExit_isTheExitsOnly() public {
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NotExits.selector, address(this)));
        settlement.payExit(USDC, 1, address(this));
        vm.prank(address(exits));
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NotExits.selector, address(exits)));
        settlement.payExit(USDC, 1, address(this));
    }

    /// @dev A token that calls back in the middle of a payment finds the door locked.
    function test_claimEarly_isNotReentered() public {
        ReentrantToken token = new ReentrantToken();
        vm.prank(owner);
        settlement.addAsset(token, 100e6);
        change(abi.encodeCall(IPayouts.setEarlyCap, (1, 1e10)));
        token.mint(alice, 1e6);
        vm.startPrank(alice);
        token.approve(address(settlement), 1e6);
        settlement.deposit(1, 1e6, 0);
        vm.stopPrank();
        delete commands;
        add(recordOf(8, "place"), 1);
        Withdrawal[] memory listed = one(Withdrawal(0, 1, 0.4e8, bob));
        commit(listed);
        vouch(true);
        bytes memory again = abi.encodeCall(IPayouts.claimEarly, (0, listed[0], 0, 1, new bytes32[](0)));
        token.arm(address(settlement), again);
        settlement.claimEarly(0, listed[0], 0, 1, new bytes32[](0));
        assertFalse(token.accepted());
        assertEq(token.balanceOf(bob), 0.4e6);
    }
}
