// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Challenges} from "src/Challenges.sol";
import {Reconciliation} from "src/Reconciliation.sol";
import {IBondedSettlement} from "src/interfaces/IBondedSettlement.sol";
import {IChallenges} from "src/interfaces/IChallenges.sol";
import {IDemands} from "src/interfaces/IDemands.sol";
import {IFraudProof} from "src/interfaces/IFraudProof.sol";
import {IFreeze} from "src/interfaces/IFreeze.sol";
import {StatePath} from "src/libraries/StateProof.sol";
import {BatchHeader} from "src/types/BatchHeader.sol";
import {BatchOpening} from "src/types/BatchOpening.sol";
import {StepOpening} from "src/types/StepOpening.sol";

import {BondedFixture} from "../utils/BondedFixture.sol";

/// @notice Many demands at once: what they cost, and how they are answered.
contract DemandsTest is BondedFixture {
    Reconciliation internal reconciliation;
    BatchOpening internal batch;
    StepOpening internal opening;
    bytes internal record;

    function setUp() public override {
        super.setUp();
        reconciliation = new Reconciliation(IBondedSettlement(address(settlement)), ANSWER, STAKE);
        change(abi.encodeCall(IFreeze.setReconciliation, (address(reconciliation))));
        usdc.mint(alice, 1_000_000_000e6);
        vm.startPrank(alice);
        usdc.approve(address(challenges), type(uint256).max);
        usdc.approve(address(reconciliation), type(uint256).max);
        vm.stopPrank();
    }

    /// @dev A state with one account and one instrument, under the same path.
    function state() internal pure returns (StatePath memory path) {
        path.key = bytes32(uint256(7) << 216);
        path.value = "leaf";
        path.trees[0] = keccak256(abi.encodePacked(bytes1(0), path.key, keccak256(path.value)));
        path.trees[2] = path.trees[0];
        path.bits = new uint16[](0);
        path.siblings = new bytes32[](0);
    }

    function commitMark() internal {
        delete commands;
        add(recordOf(18, "mark"), 1);
        commands[0].steps[0].kind = 33;
        commands[0].steps[0].root = keccak256(abi.encodePacked("synchromesh.state.v1", state().trees));
        BatchOpening memory made = commit();
        (StepOpening memory step, bytes memory bytes_) = openStep(0);
        delete batch;
        (batch.header, batch.start, batch.firstWithdrawal, batch.withdrawals) =
        (made.header, made.start, made.firstWithdrawal, made.withdrawals);
        batch.chunks.push(made.chunks[0]);
        (opening, record) = (step, bytes_);
    }

    function ask(uint256 key) internal returns (uint256 id) {
        BatchOpening memory made = batch;
        StepOpening memory step = opening;
        vm.prank(alice);
        return challenges.requestOpening(made, step, record, bytes32(key));
    }

    function answers(uint256 count) internal pure returns (StatePath[] memory paths) {
        paths = new StatePath[](count);
        for (uint256 i = 0; i < count; i++) {
            paths[i] = state();
        }
    }

    function test_stake_doublesWithEverySixteenDemands() public {
        commitMark();
        for (uint256 i = 0; i < 64; i++) {
            assertEq(challenges.stakeNow(), STAKE << (i / 16));
            ask(i);
        }
        assertEq(challenges.openDemands(), 64);
        assertEq(usdc.balanceOf(address(challenges)), 16 * STAKE * (1 + 2 + 4 + 8));
    }

    /// @dev Flooded until nobody could pay for more, a right batch stands: one transaction answers them all, and fits a block.
    function test_flood_isAnsweredInOneTransaction() public {
        commitMark();
        uint256[] memory ids = new uint256[](160);
        uint256 staked = usdc.balanceOf(alice);
        for (uint256 i = 0; i < 160; i++) {
            ids[i] = ask(i % 40);
        }
        staked -= usdc.balanceOf(alice);
        assertGt(challenges.stakeNow(), BOND);
        assertGt(staked, 1_600_000e6);
        StatePath[] memory paths = answers(160);
        uint256 before = gasleft();
        vm.prank(bob);
        challenges.answerOpenings(ids, paths);
        assertLt(before - gasleft(), 16_777_216);
        assertEq(challenges.openDemands(), 0);
        assertEq(challenges.stakeNow(), STAKE);
        assertEq(usdc.balanceOf(bob), staked / 2);
        challenges.collect();
        assertEq(usdc.balanceOf(insurance), staked / 2);
        assertEq(usdc.balanceOf(address(challenges)), 0);
        skip(ANSWER + 1);
        BatchOpening memory made = batch;
        vm.expectRevert(abi.encodeWithSelector(IChallenges.RequestClosed.selector, ids[159]));
        challenges.challengeSilence(ids[159], made);
    }

    function test_answerOpenings_passesOverWhatIsClosedOrLate() public {
        commitMark();
        uint256[] memory ids = new uint256[](4);
        ids[0] = ask(0);
        skip(ANSWER / 2);
        ids[1] = ask(1);
        ids[2] = ask(2);
        ids[3] = 99;
        challenges.answerOpening(ids[1], state());
        skip(ANSWER / 2 + 1);
        vm.prank(bob);
        challenges.answerOpenings(ids, answers(4));
        assertEq(usdc.balanceOf(bob), STAKE / 2);
        assertEq(challenges.openDemands(), 1);
        BatchOpening memory made = batch;
        challenges.challengeSilence(ids[0], made);
        assertEq(challenges.openDemands(), 0);
        assertEq(settlement.batches(), 0);
    }

    function test_answers_asManyAsDemands() public {
        commitMark();
        vm.expectRevert(abi.encodeWithSelector(IDemands.AnswersMissing.selector, 1, 2));
        challenges.answerOpenings(new uint256[](2), answers(1));
        BatchHeader memory header = batch.header;
        vm.expectRevert(abi.encodeWithSelector(IDemands.AnswersMissing.selector, 2, 1));
        reconciliation.answerMany(new uint64[](1), header, answers(2));
    }

    function test_answerMany_showsAccountsBehindOneBatch() public {
        uint64[] memory accounts = new uint64[](20);
        for (uint64 i = 0; i < 20; i++) {
            accounts[i] = i;
            if (i == 19) continue;
            assertEq(reconciliation.stakeNow(), STAKE << (i / 16));
            vm.prank(alice);
            reconciliation.requestReconciliation(i);
        }
        skip(1);
        commitMark();
        BatchHeader memory header = batch.header;
        reconciliation.answer(3, header, state());
        // Of accounts that nobody asked for, and of one that was asked for when the batch was there.
        vm.prank(alice);
        reconciliation.requestReconciliation(3);
        vm.prank(bob);
        reconciliation.answerMany(accounts, header, answers(20));
        assertEq(reconciliation.openDemands(), 1);
        (address requester,) = reconciliation.requestOf(3);
        assertEq(requester, alice);
        assertEq(usdc.balanceOf(bob), (15 * STAKE + 3 * 2 * STAKE) / 2);
    }

    /// @dev Every round of a hunt may be answered as late as can be, and all of them fit.
    function test_constructor_leavesTimeToHunt() public {
        uint64 longest = WINDOW / 20;
        IBondedSettlement venue = IBondedSettlement(address(settlement));
        vm.expectRevert(abi.encodeWithSelector(IChallenges.AnswerTimeTooLong.selector, longest + 1, longest));
        new Challenges(venue, judge, judge, new IFraudProof[](0), longest + 1, STAKE);
        vm.expectRevert(IDemands.NoTimeToAnswer.selector);
        new Challenges(venue, judge, judge, new IFraudProof[](0), 0, STAKE);
        new Challenges(venue, judge, judge, new IFraudProof[](0), longest, STAKE);
    }
}
