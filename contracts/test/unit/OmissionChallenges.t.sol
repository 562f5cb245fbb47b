// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IChallenges} from "src/interfaces/IChallenges.sol";
import {LookedAt} from "src/interfaces/IOmissionProof.sol";
import {BatchOpenings} from "src/libraries/BatchOpenings.sol";
import {BatchOpening} from "src/types/BatchOpening.sol";
import {Chunk, Step} from "src/types/Chunk.sol";
import {OmissionEvidence, StepOpening, TraceLeaf} from "src/types/StepOpening.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {BondedFixture} from "../utils/BondedFixture.sol";
import {MerkleReference} from "../utils/MerkleReference.sol";

/// @notice A batch of two chunks: an order, and a mark whose first three of five steps are in the first chunk; the last chunk also
/// has a clock. What the judge is told of each place is what stands in the trace.
contract OmissionChallengesTest is BondedFixture {
    uint64 internal constant SUBACCOUNT = 7;
    uint256 internal constant SPLIT = 4;

    Step[] internal steps;
    bytes[] internal records;

    function addStep(uint256 record, uint8 kind, bool last) internal {
        steps.push(Step(kind, last, bytes32(0), keccak256(abi.encode("root", steps.length))));
        records.push(record == 0 ? recordOf(8, "place") : recordOf(record == 1 ? 18 : 22, "look"));
    }

    function commitTwoChunks() internal returns (BatchOpening memory) {
        addStep(0, 14, true);
        addStep(1, 33, false);
        addStep(1, 46, false);
        addStep(1, 38, false);
        addStep(1, 46, false);
        addStep(1, 49, true);
        addStep(2, 31, true);
        bytes memory first = bytes.concat(head(0, 1), encode(steps[0]), head(1, 0x8000 | 3));
        for (uint256 i = 1; i < SPLIT; i++) {
            first = bytes.concat(first, encode(steps[i]));
        }
        bytes memory second =
            bytes.concat(hex"00000002", encode(steps[4]), encode(steps[5]), head(6, 1), encode(steps[6]));
        Chunk[] memory chunks = new Chunk[](2);
        chunks[0] = batchData.post(tip(), first);
        chunks[1] = batchData.post(chunks[0].end, second);
        return commitChunks(chunks, new Withdrawal[](0));
    }

    function head(uint256 step, uint256 count) internal view returns (bytes memory) {
        return abi.encodePacked(uint16(records[step].length), records[step], uint16(count));
    }

    /// @dev The leaf of a step, opened in its chunk.
    function leafAt(uint256 index) internal view returns (TraceLeaf memory) {
        (uint256 first, uint256 end) = index < SPLIT ? (uint256(0), SPLIT) : (SPLIT, steps.length);
        bytes32[] memory leaves = new bytes32[](end - first);
        for (uint256 i = first; i < end; i++) {
            Step memory step = steps[i];
            leaves[i - first] = keccak256(
                abi.encodePacked(uint32(i), keccak256(records[i]), step.kind, step.last, step.subject, step.root)
            );
        }
        return TraceLeaf(keccak256(records[index]), steps[index], MerkleReference.proof(leaves, index - first));
    }

    function openAt(uint256 index)
        internal
        view
        returns (StepOpening memory opening, OmissionEvidence memory evidence)
    {
        opening.chunk = index < SPLIT ? 0 : 1;
        opening.position = uint64(index < SPLIT ? index : index - SPLIT);
        opening.leaf = leafAt(index);
        if (opening.position != 0) opening.previous = leafAt(index - 1);
        else if (index != 0) evidence.previous = leafAt(index - 1);
        if (!steps[index].last) evidence.next = leafAt(index + 1);
        evidence.subaccount = SUBACCOUNT;
    }

    function placeAt(uint256 index) internal view returns (LookedAt memory) {
        uint8 before = index == 0 ? 0 : steps[index - 1].kind;
        uint8 behind = steps[index].last ? 0 : steps[index + 1].kind;
        bool last = steps[index].last;
        return LookedAt(steps[index].root, uint8(records[index][0]), before, steps[index].kind, last, behind);
    }

    function test_handsOverThePlace() public {
        BatchOpening memory batch = commitTwoChunks();
        for (uint256 i = 0; i < steps.length; i++) {
            (StepOpening memory opening, OmissionEvidence memory evidence) = openAt(i);
            judge.expect(placeAt(i), SUBACCOUNT);
            evidence.witness = hex"00";
            vm.expectRevert(IChallenges.NothingProven.selector);
            challenges.challengeOmission(batch, opening, records[i], evidence, 0);
        }
    }

    function test_revertsTheBatchAndPaysWhoSealed() public {
        BatchOpening memory batch = commitTwoChunks();
        bytes32 batchHash = keccak256(abi.encode(batch.header));
        (StepOpening memory opening, OmissionEvidence memory evidence) = openAt(4);
        evidence.witness = hex"02";
        vm.startPrank(challenger);
        challenges.sealProof(challenges.sealOf(challenger, batchHash, IChallenges.Fraud.Omission, 4, "salt"));
        vm.roll(block.number + 1);
        vm.expectEmit(address(challenges));
        emit IChallenges.FraudProven(batchHash, IChallenges.Fraud.Omission, challenger, challenger);
        challenges.challengeOmission(batch, opening, records[4], evidence, "salt");
        vm.stopPrank();
        assertEq(settlement.batches(), 0);
        assertTrue(challenges.isProvenWrong(batchHash));
        assertEq(usdc.balanceOf(challenger), BOND * REWARD_SHARE / 10_000);
    }

    /// @dev A neighbour from elsewhere would make a place of one that is none.
    function test_refusesOtherNeighbours() public {
        BatchOpening memory batch = commitTwoChunks();
        // Of the first step of the second chunk: what stands in front of it.
        (StepOpening memory opening, OmissionEvidence memory evidence) = openAt(4);
        evidence.witness = hex"02";
        evidence.previous = leafAt(2);
        vm.expectPartialRevert(BatchOpenings.TraceRootWrong.selector);
        challenges.challengeOmission(batch, opening, records[4], evidence, 0);
        (, evidence) = openAt(4);
        evidence.previous.step.kind = 33;
        vm.expectPartialRevert(BatchOpenings.TraceRootWrong.selector);
        challenges.challengeOmission(batch, opening, records[4], evidence, 0);
        // Of the last step of the first chunk: what stands behind it.
        (opening, evidence) = openAt(3);
        evidence.next.step.kind = 49;
        vm.expectPartialRevert(BatchOpenings.TraceRootWrong.selector);
        challenges.challengeOmission(batch, opening, records[3], evidence, 0);
        // Amid a chunk.
        (opening, evidence) = openAt(1);
        evidence.next = leafAt(3);
        vm.expectPartialRevert(BatchOpenings.TraceRootWrong.selector);
        challenges.challengeOmission(batch, opening, records[1], evidence, 0);
        assertEq(settlement.batches(), 1);
    }
}
