// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {Reconciliation} from "src/Reconciliation.sol";
import {VerifierQuorum} from "src/consensus/VerifierQuorum.sol";
import {IBondedSettlement} from "src/interfaces/IBondedSettlement.sol";
import {IBonds} from "src/interfaces/IBonds.sol";
import {IChallenges} from "src/interfaces/IChallenges.sol";
import {ExitClaim} from "src/interfaces/IExitValuer.sol";
import {IExits} from "src/interfaces/IExits.sol";
import {IFreeze} from "src/interfaces/IFreeze.sol";
import {IReconciliation} from "src/interfaces/IReconciliation.sol";
import {IVerifierQuorum} from "src/interfaces/IVerifierQuorum.sol";
import {InboxItems} from "src/libraries/InboxItems.sol";
import {BatchOpening} from "src/types/BatchOpening.sol";
import {StepOpening} from "src/types/StepOpening.sol";

import {ReentrantToken} from "../mocks/ReentrantToken.sol";
import {BondedFixture} from "../utils/BondedFixture.sol";

/// @notice A venue whose token calls back in the middle of every transfer. Each test has it do the same once more, or something
/// else that pays; nothing is taken twice.
contract ReentrancyTest is BondedFixture {
    bytes4 internal immutable LOCKED = ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;

    function newUsdc() internal override returns (address) {
        return address(new ReentrantToken());
    }

    function arm(address target, bytes memory call_) internal {
        ReentrantToken(address(usdc)).arm(target, call_);
    }

    function assertRefused(bytes4 reason) internal view {
        ReentrantToken token = ReentrantToken(address(usdc));
        assertFalse(token.accepted());
        assertEq(bytes4(token.answer()), reason);
    }

    /// @dev Mints and approves.
    function fund(address who, address spender, uint256 amount) internal {
        usdc.mint(who, amount);
        vm.prank(who);
        usdc.approve(spender, amount);
    }

    /// @dev Alice's 10 USDC are credited, bob's 3 are not.
    function openExit() internal returns (bytes memory item) {
        deposit(alice, 10e6);
        addItem(0, InboxItems.deposit(alice, 0, USDC, 10e6));
        commit();
        skip(WINDOW);
        deposit(bob, 3e6);
        skip(DEADLINE + 1);
        settlement.freeze();
        uint64[] memory one_ = new uint64[](1);
        one_[0] = 10e6;
        exits.open(abi.encode(one_, one_));
        exits.claim(1, abi.encode(ExitClaim(alice, new uint16[](1), one_)));
        vm.warp(exits.closesAt());
        return InboxItems.deposit(bob, 0, USDC, 3e6);
    }

    function test_exit_whileAnotherIsPaid() public {
        bytes memory item = openExit();
        arm(address(exits), abi.encodeCall(IExits.returnDeposit, (1, item)));
        exits.pay(1, USDC);
        assertRefused(LOCKED);
        assertEq(usdc.balanceOf(alice), 10e6);
        // What was refused in the middle is paid afterwards.
        exits.returnDeposit(1, item);
        assertEq(usdc.balanceOf(bob), 3e6);
    }

    function test_returnDeposit() public {
        bytes memory item = openExit();
        arm(address(exits), abi.encodeCall(IExits.returnDeposit, (1, item)));
        exits.returnDeposit(1, item);
        assertRefused(IExits.DepositNotReturnable.selector);
        assertEq(usdc.balanceOf(bob), 3e6);
    }

    function test_bond() public {
        fund(alice, address(bonds), 5e6);
        arm(address(bonds), abi.encodeCall(IBonds.post, (1e6)));
        vm.prank(alice);
        bonds.post(5e6);
        assertRefused(LOCKED);
        assertEq(bonds.bondOf(alice), 5e6);

        vm.startPrank(alice);
        bonds.release(5e6);
        skip(DELAY);
        arm(address(bonds), abi.encodeCall(IBonds.withdraw, ()));
        bonds.withdraw();
        vm.stopPrank();
        assertRefused(LOCKED);
        assertEq(usdc.balanceOf(alice), 5e6);
    }

    function test_collect() public {
        vm.prank(address(settlement));
        bonds.slash(operator, 0);
        arm(address(bonds), abi.encodeCall(IBonds.collect, ()));
        bonds.collect();
        assertRefused(LOCKED);
        assertEq(usdc.balanceOf(insurance), BOND);
    }

    /// @dev A reward that is being paid is no reward any more: the same challenge again finds nothing.
    function test_reward() public {
        BatchOpening memory batch = commitSome();
        bytes32 batchHash = keccak256(abi.encode(batch.header));
        vm.prank(challenger);
        challenges.sealProof(challenges.sealOf(challenger, batchHash, IChallenges.Fraud.Step, 0, "salt"));
        vm.roll(block.number + 1);
        (StepOpening memory opening, bytes memory record) = openStep(0);
        arm(
            address(challenges),
            abi.encodeCall(IChallenges.challengeStep, (batch, opening, record, hex"01", bytes32("salt")))
        );
        vm.prank(challenger);
        challenges.challengeStep(batch, opening, record, hex"01", "salt");
        assertRefused(IChallenges.BatchNotPending.selector);
        assertEq(usdc.balanceOf(challenger), BOND * REWARD_SHARE / 10_000);
    }

    function test_reconciliation() public {
        Reconciliation reconciliation = new Reconciliation(IBondedSettlement(address(settlement)), 1 hours, 5e6);
        change(abi.encodeCall(IFreeze.setReconciliation, (address(reconciliation))));
        fund(alice, address(reconciliation), 5e6);
        arm(address(reconciliation), abi.encodeCall(IReconciliation.requestReconciliation, (8)));
        vm.prank(alice);
        reconciliation.requestReconciliation(7);
        assertRefused(LOCKED);
        skip(1 hours + 1);
        arm(address(reconciliation), abi.encodeCall(IReconciliation.reclaimStake, (7)));
        reconciliation.punishSilence(7);
        assertRefused(LOCKED);
        assertEq(usdc.balanceOf(alice), 5e6);
    }

    function test_verifiersStake() public {
        address[] memory listed = new address[](1);
        listed[0] = alice;
        VerifierQuorum quorum = new VerifierQuorum(
            IBondedSettlement(address(settlement)), IERC20(address(usdc)), 5e6, 1, WINDOW, insurance, listed
        );
        fund(alice, address(quorum), 5e6);
        vm.startPrank(alice);
        arm(address(quorum), abi.encodeCall(IVerifierQuorum.join, ()));
        quorum.join();
        assertRefused(LOCKED);
        quorum.leave();
        skip(WINDOW);
        arm(address(quorum), abi.encodeCall(IVerifierQuorum.withdraw, ()));
        quorum.withdraw();
        vm.stopPrank();
        assertRefused(LOCKED);
        assertEq(usdc.balanceOf(alice), 5e6);
    }
}
