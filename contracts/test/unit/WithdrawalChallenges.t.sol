// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IChallenges, ListedWithdrawal} from "src/interfaces/IChallenges.sol";
import {RecordedWithdrawal, WithdrawalEvidence} from "src/libraries/RecordedWithdrawal.sol";
import {StatePath, StateProof} from "src/libraries/StateProof.sol";
import {BatchOpening} from "src/types/BatchOpening.sol";
import {StepOpening} from "src/types/StepOpening.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {TokenWithDecimals} from "../mocks/TokenWithDecimals.sol";
import {BondedFixture} from "../utils/BondedFixture.sol";
import {MerkleReference} from "../utils/MerkleReference.sol";

contract WithdrawalChallengesTest is BondedFixture {
    /// @dev Paths of counters and totals in a state whose globals are these two leaves alone: keys 0x03… and 0x09…
    /// differ first in bit 4.
    function paths(uint64 withdrawals, uint128 withdrawn)
        internal
        pure
        returns (StatePath memory counters, StatePath memory totals, bytes32 root)
    {
        counters.key = StateProof.COUNTERS;
        counters.value = abi.encodePacked(uint64(3), uint32(4), withdrawals, uint64(5), uint64(6));
        totals.key = StateProof.TOTALS;
        totals.value = abi.encodePacked(uint16(2), uint128(9e9), uint128(1), uint128(8e9), withdrawn);
        bytes32 left = keccak256(abi.encodePacked(bytes1(0), counters.key, keccak256(counters.value)));
        bytes32 right = keccak256(abi.encodePacked(bytes1(0), totals.key, keccak256(totals.value)));
        bytes32[5] memory trees;
        trees[4] = keccak256(abi.encodePacked(bytes1(0x01), uint16(4), left, right));
        (counters.trees, totals.trees) = (trees, trees);
        (counters.bits, totals.bits) = (new uint16[](1), new uint16[](1));
        counters.bits[0] = totals.bits[0] = 4;
        (counters.siblings, totals.siblings) = (new bytes32[](1), new bytes32[](1));
        (counters.siblings[0], totals.siblings[0]) = (right, left);
        root = keccak256(abi.encodePacked("synchromesh.state.v1", trees));
    }

    /// @dev A batch whose second command withdraws 70 units of asset 1 to bob, and which lists `listed`.
    function commitWithdrawal(bytes memory record, Withdrawal[] memory listed)
        internal
        returns (BatchOpening memory batch, WithdrawalEvidence memory evidence)
    {
        bytes32 before;
        bytes32 afterwards;
        (evidence.countersBefore, evidence.totalsBefore, before) = paths(0, 500);
        (evidence.countersAfter, evidence.totalsAfter, afterwards) = paths(1, 570);
        add(recordOf(8, "place"), 1);
        commands[0].steps[0].root = before;
        add(record, 1);
        commands[1].steps[0].root = afterwards;
        batch = commit(listed);
    }

    function withdrawal() internal view returns (bytes memory) {
        return recordOf(2, abi.encodePacked(uint64(4), uint16(1), uint64(70), bob, "authorization"));
    }

    function forced(uint64 index) internal view returns (bytes memory) {
        return recordOf(1, abi.encodePacked(index, uint8(2), alice, uint64(4), uint16(1), uint64(1000), bob));
    }

    function challenge(BatchOpening memory batch, WithdrawalEvidence memory evidence, Withdrawal[] memory listed)
        internal
    {
        (StepOpening memory opening, bytes memory record) = openStep(1);
        bytes32[] memory leaves = leavesOf(listed);
        ListedWithdrawal memory found = ListedWithdrawal(leaves[0], MerkleReference.proof(leaves, 0));
        challenges.challengeWithdrawal(batch, opening, record, evidence, found, 0);
    }

    function test_rightWithdrawalIsNoFraud() public {
        Withdrawal[] memory listed = one(Withdrawal(0, 1, 70, bob));
        (BatchOpening memory batch, WithdrawalEvidence memory evidence) = commitWithdrawal(withdrawal(), listed);
        vm.expectRevert(IChallenges.NothingProven.selector);
        challenge(batch, evidence, listed);
        vm.expectRevert(IChallenges.NothingProven.selector);
        challenges.challengeWithdrawalCount(batch, evidence.countersAfter, 0);
    }

    function test_wrongWithdrawalIsFraud(uint16 asset, uint64 amount, address recipient) public {
        vm.assume(asset != 1 || amount != 70 || recipient != bob);
        Withdrawal[] memory listed = one(Withdrawal(0, asset, amount, recipient));
        (BatchOpening memory batch, WithdrawalEvidence memory evidence) = commitWithdrawal(withdrawal(), listed);
        challenge(batch, evidence, listed);
        assertEq(settlement.batches(), 0);
    }

    /// @dev A forced withdrawal of up to 1000 found 70.
    function test_forcedWithdrawalCountsWhatLeft() public {
        TokenWithDecimals token = new TokenWithDecimals(8);
        vm.prank(owner);
        settlement.addAsset(token, 1);
        vm.prank(alice);
        uint64 index = settlement.forceWithdraw(4, 1, 1000, bob);
        Withdrawal[] memory listed = one(Withdrawal(0, 1, 1000, bob));
        (BatchOpening memory batch, WithdrawalEvidence memory evidence) = commitWithdrawal(forced(index), listed);
        challenge(batch, evidence, listed);
        assertEq(settlement.batches(), 0);
    }

    function test_countIsFraudWhenOneIsMissing() public {
        (BatchOpening memory batch, WithdrawalEvidence memory evidence) =
            commitWithdrawal(withdrawal(), new Withdrawal[](0));
        challenges.challengeWithdrawalCount(batch, evidence.countersAfter, 0);
        assertEq(settlement.batches(), 0);
    }

    function test_countIsFraudWhenOneIsInvented() public {
        Withdrawal[] memory listed = new Withdrawal[](2);
        listed[0] = Withdrawal(0, 1, 70, bob);
        listed[1] = Withdrawal(1, 1, 70, alice);
        (BatchOpening memory batch, WithdrawalEvidence memory evidence) = commitWithdrawal(withdrawal(), listed);
        challenges.challengeWithdrawalCount(batch, evidence.countersAfter, 0);
        assertEq(settlement.batches(), 0);
    }

    function test_countersOfAnotherStateProveNothing() public {
        (BatchOpening memory batch, WithdrawalEvidence memory evidence) =
            commitWithdrawal(withdrawal(), one(Withdrawal(0, 1, 70, bob)));
        vm.expectPartialRevert(StateProof.StateRootWrong.selector);
        challenges.challengeWithdrawalCount(batch, evidence.countersBefore, 0);
        evidence.countersAfter.value = abi.encodePacked(uint64(3), uint32(4), uint64(9), uint64(5), uint64(6));
        vm.expectPartialRevert(StateProof.TreeRootWrong.selector);
        challenges.challengeWithdrawalCount(batch, evidence.countersAfter, 0);
        vm.expectPartialRevert(StateProof.LeafElsewhere.selector);
        challenges.challengeWithdrawalCount(batch, evidence.totalsAfter, 0);
    }

    function test_aStepWithoutAWithdrawalProvesNothing() public {
        Withdrawal[] memory listed = one(Withdrawal(0, 1, 70, alice));
        (BatchOpening memory batch, WithdrawalEvidence memory evidence) = commitWithdrawal(withdrawal(), listed);
        (StepOpening memory opening, bytes memory record) = openStep(0);
        ListedWithdrawal memory found = ListedWithdrawal(leavesOf(listed)[0], new bytes32[](0));
        vm.expectRevert();
        challenges.challengeWithdrawal(batch, opening, record, evidence, found, 0);
        assertEq(settlement.batches(), 1);
    }

    /// @dev A number was counted, but no command of this kind makes a withdrawal.
    function test_stepOfAnotherCommandProvesNothing() public {
        Withdrawal[] memory listed = one(Withdrawal(0, 1, 70, bob));
        (BatchOpening memory batch, WithdrawalEvidence memory evidence) = commitWithdrawal(recordOf(8, "place"), listed);
        vm.expectRevert(RecordedWithdrawal.NoWithdrawal.selector);
        challenge(batch, evidence, listed);
    }
}
