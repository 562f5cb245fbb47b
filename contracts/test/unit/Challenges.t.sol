// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IBondedBatches} from "src/interfaces/IBondedBatches.sol";
import {IBonds} from "src/interfaces/IBonds.sol";
import {IChallenges} from "src/interfaces/IChallenges.sol";
import {IStepVerifier} from "src/interfaces/IStepVerifier.sol";
import {BatchOpenings} from "src/libraries/BatchOpenings.sol";
import {StatePath} from "src/libraries/StateProof.sol";
import {BatchOpening} from "src/types/BatchOpening.sol";
import {StepOpening} from "src/types/StepOpening.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";
import {StepInput} from "src/verifier/IStepModule.sol";
import {StepVerifier} from "src/verifier/StepVerifier.sol";

import {ScriptedJudge} from "../mocks/ScriptedJudge.sol";
import {BondedFixture} from "../utils/BondedFixture.sol";

contract ChallengesTest is BondedFixture {
    uint256 internal constant REWARD = BOND * REWARD_SHARE / 10_000;
    bytes internal constant HONEST = hex"00";
    bytes internal constant WRONG = hex"01";
    bytes internal constant ILLEGAL = hex"02";
    bytes internal constant UNDECIDED = hex"ff";

    function seal(BatchOpening memory batch, IChallenges.Fraud fraud, uint64 position) internal {
        bytes32 batchHash = keccak256(abi.encode(batch.header));
        vm.prank(challenger);
        challenges.sealProof(challenges.sealOf(challenger, batchHash, fraud, position, "salt"));
        vm.roll(block.number + 1);
    }

    function challenge(BatchOpening memory batch, uint256 index, bytes memory witness) internal {
        (StepOpening memory opening, bytes memory record) = openStep(index);
        vm.prank(challenger);
        challenges.challengeStep(batch, opening, record, witness, "salt");
    }

    function assertReverted(uint64 batches, bytes32 root) internal view {
        assertEq(settlement.batches(), batches);
        assertEq(tip().root, root);
        assertEq(bonds.bondOf(operator), 0);
    }

    function test_theVerifierIsAJudge() public pure {
        assertEq(StepVerifier.judge.selector, IStepVerifier.judge.selector);
    }

    function test_challengeStep_handsOverTheStep() public {
        BatchOpening memory batch = commitSome();
        for (uint256 i = 0; i < 6; i++) {
            (StepOpening memory opening, bytes memory record) = openStep(i);
            judge.expect(
                StepInput({
                    rootBefore: i == 0 ? GENESIS : opening.previous.step.root,
                    record: record,
                    kind: opening.leaf.step.kind,
                    subject: opening.leaf.step.subject,
                    first: i == 0 || i == 3 || i == 4,
                    last: i == 2 || i == 3 || i == 5,
                    rootAfter: opening.leaf.step.root
                })
            );
            vm.expectRevert(IChallenges.StepIsHonest.selector);
            challenges.challengeStep(batch, opening, record, HONEST, 0);
        }
    }

    function test_challengeStep_revertsBatchAndDescendants() public {
        commitSome();
        bytes32 good = tip().root;
        BatchOpening memory wrong = commitSome();
        commitSome();
        commitSome();
        // The openings are those of the last batch made, whose commands are the same.
        seal(wrong, IChallenges.Fraud.Step, 2);
        vm.expectEmit(address(settlement));
        emit IBondedBatches.BatchesReverted(1, 3, good);
        challenge(wrong, 2, WRONG);

        assertReverted(1, good);
        assertEq(tip().sequence, 3);
        assertEq(settlement.operator(), address(0));
        assertEq(usdc.balanceOf(challenger), REWARD);
        bonds.collect();
        assertEq(usdc.balanceOf(insurance), BOND - REWARD);
    }

    function test_challengeStep_ofAnIllegalStep() public {
        BatchOpening memory batch = commitSome();
        assertFalse(challenges.isProvenWrong(keccak256(abi.encode(batch.header))));
        challenge(batch, 0, ILLEGAL);
        assertReverted(0, GENESIS);
        assertTrue(challenges.isProvenWrong(keccak256(abi.encode(batch.header))));
    }

    function test_challengeStep_undecidedChangesNothing() public {
        BatchOpening memory batch = commitSome();
        (StepOpening memory opening, bytes memory record) = openStep(1);
        vm.expectRevert(ScriptedJudge.Undecided.selector);
        challenges.challengeStep(batch, opening, record, UNDECIDED, 0);
        assertEq(settlement.batches(), 1);
        assertEq(bonds.bondOf(operator), BOND);
    }

    function test_challengeStep_refusedOnceFinal() public {
        BatchOpening memory batch = commitSome();
        skip(WINDOW);
        (StepOpening memory opening, bytes memory record) = openStep(1);
        vm.expectRevert(abi.encodeWithSelector(IBondedBatches.BatchFinal.selector, 0));
        challenges.challengeStep(batch, opening, record, WRONG, 0);
    }

    function test_challengeStep_ofAnOlderBatchUnderAFinalOne() public {
        BatchOpening memory older = commitSome();
        (StepOpening memory opening, bytes memory record) = openStep(0);
        skip(WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IBondedBatches.BatchFinal.selector, 0));
        challenges.challengeStep(older, opening, record, WRONG, 0);
        BatchOpening memory younger = commitSome();
        (opening, record) = openStep(0);
        challenges.challengeStep(younger, opening, record, WRONG, 0);
        assertReverted(1, older.header.newRoot);
    }

    function test_challengeStep_refusesAnotherRecord() public {
        BatchOpening memory batch = commitSome();
        (StepOpening memory opening,) = openStep(1);
        vm.expectRevert(
            abi.encodeWithSelector(BatchOpenings.RecordWrong.selector, keccak256("another"), opening.leaf.command)
        );
        challenges.challengeStep(batch, opening, "another", WRONG, 0);
    }

    /// @dev Whatever field of an opening is another, the opening leads nowhere.
    function test_challengeStep_refusesAnotherStep(uint8 field, uint8 index) public {
        BatchOpening memory batch = commitSome();
        (StepOpening memory opening, bytes memory record) = openStep(bound(index, 1, 5));
        field = uint8(bound(field, 0, 7));
        if (field == 0) opening.leaf.step.kind ^= 1;
        if (field == 1) opening.leaf.step.last = !opening.leaf.step.last;
        if (field == 2) opening.leaf.step.subject ^= bytes32(uint256(1));
        if (field == 3) opening.leaf.step.root ^= bytes32(uint256(1));
        if (field == 4) opening.previous.step.root ^= bytes32(uint256(1));
        if (field == 5) opening.previous.step.last = !opening.previous.step.last;
        if (field == 6) opening.previous.command ^= bytes32(uint256(1));
        if (field == 7) opening.position -= 1;
        vm.expectRevert();
        challenges.challengeStep(batch, opening, record, WRONG, 0);
        assertEq(settlement.batches(), 1);
    }

    function test_challengeStep_refusesAnotherBatch() public {
        BatchOpening memory batch = commitSome();
        (StepOpening memory opening, bytes memory record) = openStep(1);
        batch.start.root = keccak256("another");
        vm.expectPartialRevert(BatchOpenings.DataHashWrong.selector);
        challenges.challengeStep(batch, opening, record, WRONG, 0);
        batch.start.root = GENESIS;
        batch.header.newRoot = keccak256("another");
        vm.expectPartialRevert(IChallenges.BatchNotPending.selector);
        challenges.challengeStep(batch, opening, record, WRONG, 0);
    }

    function test_challengeStep_twiceFindsNothing() public {
        BatchOpening memory batch = commitSome();
        seal(batch, IChallenges.Fraud.Step, 1);
        challenge(batch, 1, WRONG);
        (StepOpening memory opening, bytes memory record) = openStep(1);
        vm.expectPartialRevert(IChallenges.BatchNotPending.selector);
        challenges.challengeStep(batch, opening, record, WRONG, 0);
    }

    function test_reward_isNotForACopy() public {
        BatchOpening memory batch = commitSome();
        seal(batch, IChallenges.Fraud.Step, 1);
        (StepOpening memory opening, bytes memory record) = openStep(1);
        vm.prank(bob);
        challenges.challengeStep(batch, opening, record, WRONG, "salt");
        assertEq(settlement.batches(), 0);
        assertEq(usdc.balanceOf(bob), 0);

        challenge(batch, 1, WRONG);
        assertEq(usdc.balanceOf(challenger), REWARD);
    }

    function test_reward_needsASealOfAnEarlierBlock() public {
        BatchOpening memory batch = commitSome();
        seal(batch, IChallenges.Fraud.Step, 1);
        vm.roll(block.number - 1);
        challenge(batch, 1, WRONG);
        assertEq(usdc.balanceOf(challenger), 0);
    }

    function test_reward_needsTheSealOfThisProof() public {
        BatchOpening memory batch = commitSome();
        seal(batch, IChallenges.Fraud.Step, 2);
        challenge(batch, 1, WRONG);
        assertEq(usdc.balanceOf(challenger), 0);
    }

    function test_reward_goesToTheInsuranceIfNobodyEarnsIt() public {
        BatchOpening memory batch = commitSome();
        challenge(batch, 1, WRONG);
        bytes32 batchHash = keccak256(abi.encode(batch.header));
        vm.expectRevert(abi.encodeWithSelector(IBonds.RewardKept.selector, block.timestamp + DELAY));
        bonds.sweepReward(batchHash);
        skip(DELAY);
        bonds.sweepReward(batchHash);
        bonds.collect();
        assertEq(usdc.balanceOf(insurance), BOND);
    }

    function test_sealProof_once() public {
        challenges.sealProof("seal");
        vm.expectRevert(abi.encodeWithSelector(IChallenges.AlreadySealed.selector, block.number));
        challenges.sealProof("seal");
    }

    function test_challengeAsserted() public {
        BatchOpening memory batch = commitSome();
        (StepOpening memory opening, bytes memory record) = openStep(4);
        vm.expectRevert(abi.encodeWithSelector(IChallenges.JudgeUnknown.selector, 1));
        challenges.challengeAsserted(1, batch, opening, record, WRONG, 0);
        vm.expectRevert(IChallenges.NothingProven.selector);
        challenges.challengeAsserted(0, batch, opening, record, HONEST, 0);
        challenges.challengeAsserted(0, batch, opening, record, WRONG, 0);
        assertReverted(0, GENESIS);
    }

    function test_revertBatches_isTheChallengesOnly() public {
        BatchOpening memory batch = commitSome();
        vm.expectRevert(abi.encodeWithSelector(IBondedBatches.NotChallenges.selector, address(this)));
        settlement.revertBatches(0, batch.start);
    }

    function test_revert_takesWithdrawalNumbersBack() public {
        add(recordOf(8, "place"), 1);
        BatchOpening memory batch = commit(one(Withdrawal(0, USDC, 1e6, bob)));
        challenge(batch, 0, WRONG);
        assertEq(settlement.withdrawals(), 0);
    }

    function test_standby_goesOnFromTheLastGoodRoot() public {
        commitSome();
        BatchOpening memory wrong = commitSome();
        challenge(wrong, 0, WRONG);
        bytes32 root = tip().root;

        vm.prank(standby);
        vm.expectRevert(abi.encodeWithSelector(IBondedBatches.OperatorNotBonded.selector, standby));
        settlement.takeOver();
        bond(operator, BOND);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IBondedBatches.NotStandby.selector, operator));
        settlement.takeOver();
        bond(standby, BOND);
        vm.prank(standby);
        settlement.takeOver();

        BatchOpening memory next = commitSome();
        assertEq(next.header.previousRoot, root);
        assertEq(settlement.batchAt(1).operator, standby);
    }

    function test_takeOver_refusedWhileThereIsAnOperator() public {
        bond(standby, BOND);
        vm.prank(standby);
        vm.expectRevert(abi.encodeWithSelector(IBondedBatches.OperatorPresent.selector, operator));
        settlement.takeOver();
    }

    /// @dev Who committed the wrong batch pays, though another one is the operator now.
    function test_revert_punishesWhoCommitted() public {
        BatchOpening memory wrong = commitSome();
        // Nobody else's turn comes within a challenge window, so name the next one as if it had.
        vm.prank(address(settlement));
        settlement.setOperator(standby);
        bond(standby, BOND);
        commitSome();
        challenge(wrong, 0, WRONG);
        assertReverted(0, GENESIS);
        assertEq(bonds.bondOf(standby), BOND);
        assertEq(settlement.operator(), standby);
    }

    // Forced openings.

    function markBatch() internal returns (BatchOpening memory batch, StepOpening memory opening, bytes memory record) {
        delete commands;
        add(recordOf(18, "mark"), 1);
        commands[0].steps[0].kind = 33;
        StatePath memory path = instrumentPath();
        commands[0].steps[0].root = keccak256(abi.encodePacked("synchromesh.state.v1", path.trees));
        batch = commit();
        (opening, record) = openStep(0);
    }

    /// @dev A tree of instruments with one leaf.
    function instrumentPath() internal pure returns (StatePath memory path) {
        path.key = bytes32(uint256(7) << 216);
        path.value = "instrument";
        path.trees[2] = keccak256(abi.encodePacked(bytes1(0), path.key, keccak256(path.value)));
        path.bits = new uint16[](0);
        path.siblings = new bytes32[](0);
    }

    function request(bytes32 key) internal returns (uint256 id, BatchOpening memory batch) {
        StepOpening memory opening;
        bytes memory record;
        (batch, opening, record) = markBatch();
        usdc.mint(alice, STAKE);
        vm.startPrank(alice);
        usdc.approve(address(challenges), STAKE);
        id = challenges.requestOpening(batch, opening, record, key);
        vm.stopPrank();
    }

    function test_requestOpening_isAnsweredWithTheLeaf() public {
        (uint256 id, BatchOpening memory batch) = request(instrumentPath().key);
        vm.prank(bob);
        challenges.answerOpening(id, instrumentPath());
        assertEq(usdc.balanceOf(bob), STAKE / 2);
        skip(ANSWER + 1);
        vm.expectRevert(abi.encodeWithSelector(IChallenges.RequestClosed.selector, id));
        challenges.challengeSilence(id, batch);
    }

    function test_requestOpening_isAnsweredWithAnAbsence() public {
        (uint256 id,) = request(bytes32(uint256(8) << 216));
        vm.expectEmit(address(challenges));
        emit IChallenges.OpeningAnswered(id, false, instrumentPath());
        challenges.answerOpening(id, instrumentPath());
    }

    function test_answerOpening_refusesAnotherLeaf() public {
        (uint256 id,) = request(instrumentPath().key);
        StatePath memory path = instrumentPath();
        path.value = "another";
        vm.expectRevert();
        challenges.answerOpening(id, path);
        path = instrumentPath();
        path.trees[0] = keccak256("another");
        vm.expectRevert();
        challenges.answerOpening(id, path);
    }

    function test_silence_isPunished() public {
        (uint256 id, BatchOpening memory batch) = request(instrumentPath().key);
        vm.expectRevert(abi.encodeWithSelector(IChallenges.AnswerPending.selector, block.timestamp + ANSWER));
        challenges.challengeSilence(id, batch);
        skip(ANSWER + 1);
        vm.expectRevert(abi.encodeWithSelector(IChallenges.AnswerTooLate.selector, block.timestamp - 1));
        challenges.answerOpening(id, instrumentPath());
        vm.expectPartialRevert(IChallenges.BatchPending.selector);
        challenges.reclaimStake(id);
        vm.prank(bob);
        challenges.challengeSilence(id, batch);
        assertReverted(0, GENESIS);
        assertFalse(challenges.isProvenWrong(keccak256(abi.encode(batch.header))));
        assertEq(usdc.balanceOf(alice), STAKE + REWARD);
        assertEq(usdc.balanceOf(bob), 0);
    }

    function test_silence_isNotOfWhoCommitsTheSameBytesAgain() public {
        (uint256 id, BatchOpening memory batch) = request(instrumentPath().key);
        usdc.mint(alice, STAKE);
        vm.startPrank(alice);
        usdc.approve(address(challenges), STAKE);
        (StepOpening memory opening, bytes memory record) = openStep(0);
        uint256 second = challenges.requestOpening(batch, opening, record, instrumentPath().key);
        vm.stopPrank();
        skip(ANSWER + 1);
        challenges.challengeSilence(id, batch);
        assertReverted(0, GENESIS);
        bond(standby, BOND);
        vm.prank(standby);
        settlement.takeOver();
        BatchOpening memory again = commit();
        assertEq(keccak256(abi.encode(again.header)), keccak256(abi.encode(batch.header)));
        vm.expectPartialRevert(IChallenges.BatchNotPending.selector);
        challenges.challengeSilence(second, again);
        challenges.reclaimStake(second);
        assertEq(settlement.batches(), 1);
    }

    function test_silence_aboutAnotherBatchIsNone() public {
        (uint256 id,) = request(instrumentPath().key);
        BatchOpening memory other = commitSome();
        skip(ANSWER + 1);
        vm.expectPartialRevert(IChallenges.RequestElsewhere.selector);
        challenges.challengeSilence(id, other);
    }

    function test_reclaimStake_whenTheBatchIsGone() public {
        (uint256 id, BatchOpening memory batch) = request(instrumentPath().key);
        challenge(batch, 0, WRONG);
        skip(ANSWER + 1);
        challenges.reclaimStake(id);
        assertEq(usdc.balanceOf(alice), STAKE);
    }

    function test_requestOpening_refusesWhatIsComputed() public {
        BatchOpening memory batch = commitSome();
        (StepOpening memory opening, bytes memory record) = openStep(0);
        vm.expectRevert(abi.encodeWithSelector(IChallenges.NothingAsserted.selector, 7));
        challenges.requestOpening(batch, opening, record, 0);
    }

    function test_requestOpening_refusedWhenAnAnswerWouldBeTooLate() public {
        (BatchOpening memory batch, StepOpening memory opening, bytes memory record) = markBatch();
        uint256 latest = block.timestamp + WINDOW - 2 * ANSWER;
        vm.warp(latest + 1);
        vm.expectRevert(abi.encodeWithSelector(IChallenges.TooLateToAsk.selector, latest));
        challenges.requestOpening(batch, opening, record, 0);
    }
}
