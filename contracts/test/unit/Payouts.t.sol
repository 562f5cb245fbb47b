// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Advances} from "src/custody/Advances.sol";
import {IAdvances} from "src/interfaces/IAdvances.sol";
import {IBondedSettlement} from "src/interfaces/IBondedSettlement.sol";
import {ExitClaim} from "src/interfaces/IExitValuer.sol";
import {IPayouts} from "src/interfaces/IPayouts.sol";
import {IQuorum} from "src/interfaces/IQuorum.sol";
import {IWithdrawals} from "src/interfaces/IWithdrawals.sol";
import {InboxItems} from "src/libraries/InboxItems.sol";
import {BatchOpening} from "src/types/BatchOpening.sol";
import {StepOpening} from "src/types/StepOpening.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {ReentrantToken} from "../mocks/ReentrantToken.sol";
import {BondedFixture} from "../utils/BondedFixture.sol";
import {MerkleReference} from "../utils/MerkleReference.sol";

contract PayoutsTest is BondedFixture {
    uint256 internal constant RESERVE = 30e6;
    address internal quorum = makeAddr("quorum");
    address internal funder = makeAddr("funder");
    Advances internal advances;

    function setUp() public override {
        super.setUp();
        advances = new Advances(IBondedSettlement(address(settlement)), IQuorum(quorum), funder);
        change(abi.encodeCall(IPayouts.setAdvances, (address(advances))));
        vm.prank(funder);
        advances.setEarlyCap(USDC, 10e6);
        usdc.mint(address(advances), RESERVE);
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
        if (tip().inboxCursor == 0) addItem(0, InboxItems.deposit(alice, 0, USDC, 100e6));
        else add(recordOf(8, "place"), 1);
        batch = commit(listed);
    }

    function claimEarly(uint64 batch, Withdrawal[] memory listed, uint64 at) internal {
        advances.claimEarly(batch, listed[at], at, 2, MerkleReference.proof(leavesOf(listed), at));
    }

    function claim(uint64 batch, Withdrawal[] memory listed, uint64 at) internal {
        settlement.claimWithdrawal(batch, listed[at], at, 2, MerkleReference.proof(leavesOf(listed), at));
    }

    function takeBack(BatchOpening memory batch) internal {
        (StepOpening memory opening, bytes memory record) = openStep(0);
        challenges.challengeStep(batch, opening, record, hex"01", 0);
    }

    function custody() internal view returns (uint256) {
        return settlement.assetAt(USDC).custody;
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
        vm.expectRevert(abi.encodeWithSelector(IAdvances.BatchNotVouchedFor.selector, 0));
        claimEarly(0, listed, 0);
        vouch(true);
        claimEarly(0, listed, 0);
        assertEq(usdc.balanceOf(alice), 6e6);
        assertEq(settlement.advancedBy(leafOf(listed[0])), address(advances));
    }

    function test_claimEarly_needsAListedWithdrawal() public {
        (Withdrawal[] memory listed,) = commitTwo(alice);
        vouch(true);
        bytes32[] memory proof = MerkleReference.proof(leavesOf(listed), 0);
        listed[0].amount++;
        vm.expectPartialRevert(IAdvances.WithdrawalNotListed.selector);
        advances.claimEarly(0, listed[0], 0, 2, proof);
    }

    /// @dev The reserve pays, and is paid when the batch is final; the vault pays once.
    function test_claimEarly_isPaidOnce() public {
        (Withdrawal[] memory listed,) = commitTwo(alice);
        vouch(true);
        claimEarly(0, listed, 0);
        assertEq(usdc.balanceOf(address(advances)), RESERVE - 6e6);
        assertEq(custody(), 100e6);
        skip(WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.WithdrawalAlreadyAdvanced.selector, 0, address(advances)));
        claimEarly(0, listed, 0);
        claim(0, listed, 0);
        assertEq(usdc.balanceOf(alice), 6e6);
        assertEq(usdc.balanceOf(address(advances)), RESERVE);
        assertEq(custody(), 94e6);
        claim(0, listed, 1);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.WithdrawalAlreadyClaimed.selector, 1));
        claimEarly(0, listed, 1);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.WithdrawalAlreadyClaimed.selector, 0));
        claim(0, listed, 0);
        assertEq(usdc.balanceOf(bob), 6e6);
    }

    function test_claimEarly_upToTheCapInAWindow() public {
        (Withdrawal[] memory listed,) = commitTwo(alice);
        vouch(true);
        claimEarly(0, listed, 0);
        vm.expectRevert(abi.encodeWithSelector(IAdvances.EarlyCapExceeded.selector, USDC, 6e6, 6e6, 10e6));
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
        takeBack(batch);
        bond(standby, BOND);
        vm.prank(standby);
        settlement.takeOver();
        (listed,) = commitTwo(challenger);
        skip(WINDOW);
        claim(0, listed, 0);
        assertEq(usdc.balanceOf(challenger), 6e6);
        assertEq(usdc.balanceOf(address(advances)), RESERVE - 6e6);
    }

    /// @dev Batches that are made again list it again: the reserve is paid.
    function test_claimEarly_isPaidBackByTheBatchThatWasMadeAgain() public {
        (Withdrawal[] memory listed, BatchOpening memory batch) = commitTwo(alice);
        vouch(true);
        claimEarly(0, listed, 0);
        takeBack(batch);
        bond(standby, BOND);
        vm.prank(standby);
        settlement.takeOver();
        commitTwo(alice);
        skip(WINDOW);
        claim(0, listed, 0);
        assertEq(usdc.balanceOf(alice), 6e6);
        assertEq(usdc.balanceOf(address(advances)), RESERVE);
    }

    /// @dev A quorum that was wrong, and a venue that froze behind it: the reserve has lost, accounts leave with all they have.
    function test_claimEarly_thatWasWrongLeavesExitsWhole() public {
        commitTwo(alice);
        (Withdrawal[] memory listed, BatchOpening memory batch) = commitTwo(challenger);
        vouch(true);
        claimEarly(1, listed, 0);
        takeBack(batch);
        deposit(bob, 1e6);
        skip(WINDOW);
        settlement.freeze();
        uint64[] memory amounts = new uint64[](1);
        amounts[0] = 88e6;
        exits.open(abi.encode(amounts, new uint64[](1)));
        exits.claim(1, abi.encode(ExitClaim(alice, new uint16[](1), amounts)));
        vm.warp(exits.closesAt());
        exits.pay(1, USDC);
        exits.returnDeposit(1, InboxItems.deposit(bob, 0, USDC, 1e6));
        assertEq(usdc.balanceOf(alice), 88e6);
        assertEq(custody(), 12e6);
        assertEq(usdc.balanceOf(address(advances)), RESERVE - 6e6);
    }

    /// @dev Anybody may take a claim over, at his own risk.
    function test_advance_byAnybody() public {
        (Withdrawal[] memory listed,) = commitTwo(alice);
        usdc.mint(challenger, 6e6);
        vm.startPrank(challenger);
        usdc.approve(address(settlement), 6e6);
        vm.expectEmit(address(settlement));
        emit IWithdrawals.WithdrawalAdvanced(0, USDC, alice, challenger, 6e6);
        settlement.advance(listed[0]);
        vm.stopPrank();
        assertEq(usdc.balanceOf(alice), 6e6);
        skip(WINDOW);
        vm.expectEmit(address(settlement));
        emit IWithdrawals.WithdrawalClaimed(0, USDC, challenger, 6e6);
        claim(0, listed, 0);
        assertEq(usdc.balanceOf(challenger), 6e6);
        vm.expectRevert(abi.encodeWithSelector(IWithdrawals.WithdrawalAlreadyClaimed.selector, 0));
        settlement.advance(listed[0]);
    }

    /// @dev Who advances a withdrawal that no batch lists has given it away.
    function test_advance_ofNothingTakesNothingFromTheVault() public {
        usdc.mint(challenger, 5e6);
        vm.startPrank(challenger);
        usdc.approve(address(settlement), 5e6);
        settlement.advance(Withdrawal(0, USDC, 5e6, bob));
        vm.stopPrank();
        (Withdrawal[] memory listed,) = commitTwo(alice);
        skip(WINDOW);
        claim(0, listed, 0);
        assertEq(usdc.balanceOf(alice), 6e6);
        assertEq(usdc.balanceOf(challenger), 0);
        assertEq(custody(), 94e6);
    }

    function test_reserve_isItsOwners() public {
        bytes memory refusal = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, address(this));
        vm.expectRevert(refusal);
        advances.setEarlyCap(USDC, 1);
        vm.expectRevert(refusal);
        advances.withdraw(IERC20(address(usdc)), 1, address(this));
        vm.expectEmit(address(advances));
        emit IAdvances.ReserveWithdrawn(IERC20(address(usdc)), bob, RESERVE);
        vm.prank(funder);
        advances.withdraw(IERC20(address(usdc)), RESERVE, bob);
        assertEq(usdc.balanceOf(bob), RESERVE);
    }

    function test_payExit_isTheExitsOnly() public {
        vm.expectRevert(abi.encodeWithSelector(IPayouts.NotExits.selector, address(this)));
        settlement.payExit(USDC, 1, address(this));
    }

    /// @dev A token that calls back in the middle of a payment finds the door locked.
    function test_claimEarly_isNotReentered() public {
        ReentrantToken token = new ReentrantToken();
        vm.prank(owner);
        settlement.addAsset(token, 100e6);
        vm.prank(funder);
        advances.setEarlyCap(1, 1e10);
        token.mint(address(advances), 1e6);
        delete commands;
        add(recordOf(8, "place"), 1);
        Withdrawal[] memory listed = one(Withdrawal(0, 1, 0.4e8, bob));
        commit(listed);
        vouch(true);
        bytes memory again = abi.encodeCall(IAdvances.claimEarly, (0, listed[0], 0, 1, new bytes32[](0)));
        token.arm(address(advances), again);
        advances.claimEarly(0, listed[0], 0, 1, new bytes32[](0));
        assertFalse(token.accepted());
        assertEq(token.balanceOf(bob), 0.4e6);
    }
}
