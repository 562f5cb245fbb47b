// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Reconciliation} from "src/Reconciliation.sol";
import {IBondedBatches} from "src/interfaces/IBondedBatches.sol";
import {IBondedSettlement} from "src/interfaces/IBondedSettlement.sol";
import {IDemands} from "src/interfaces/IDemands.sol";
import {IFreeze} from "src/interfaces/IFreeze.sol";
import {IReconciliation} from "src/interfaces/IReconciliation.sol";
import {ITimelock} from "src/interfaces/ITimelock.sol";
import {StatePath, StateProof} from "src/libraries/StateProof.sol";
import {BatchHeader} from "src/types/BatchHeader.sol";
import {BatchOpening} from "src/types/BatchOpening.sol";
import {StepOpening} from "src/types/StepOpening.sol";

import {BondedFixture} from "../utils/BondedFixture.sol";

contract ReconciliationTest is BondedFixture {
    uint64 internal constant SUBACCOUNT = 7;
    uint64 internal constant TIME = 30 minutes;
    uint256 internal constant PRICE = 20e6;

    Reconciliation internal reconciliation;

    function setUp() public override {
        super.setUp();
        reconciliation = new Reconciliation(IBondedSettlement(address(settlement)), TIME, PRICE);
        change(abi.encodeCall(IFreeze.setReconciliation, (address(reconciliation))));
    }

    function ask() internal {
        usdc.mint(alice, PRICE);
        vm.startPrank(alice);
        usdc.approve(address(reconciliation), PRICE);
        reconciliation.requestReconciliation(SUBACCOUNT);
        vm.stopPrank();
    }

    /// @dev A state with one account.
    function accountPath() internal pure returns (StatePath memory path) {
        path.key = bytes32(uint256(SUBACCOUNT) << 192);
        path.value = "account";
        path.trees[0] = keccak256(abi.encodePacked(bytes1(0), path.key, keccak256(path.value)));
        path.trees[3] = "keys";
        path.bits = new uint16[](0);
        path.siblings = new bytes32[](0);
    }

    /// @dev Commits a batch behind which that state is.
    function commitState() internal returns (BatchOpening memory) {
        delete commands;
        add(recordOf(8, "place"), 1);
        commands[0].steps[0].root = keccak256(abi.encodePacked("synchromesh.state.v1", accountPath().trees));
        return commit();
    }

    function test_request_isAnsweredWithTheLeaf() public {
        ask();
        assertEq(usdc.balanceOf(alice), 0);
        assertEq(reconciliation.deadlineOf(SUBACCOUNT), block.timestamp + TIME);
        skip(1);
        BatchHeader memory header = commitState().header;
        vm.expectEmit(address(reconciliation));
        emit IReconciliation.ReconciliationAnswered(SUBACCOUNT, 0, true, accountPath());
        vm.prank(bob);
        reconciliation.answer(SUBACCOUNT, header, accountPath());
        assertEq(usdc.balanceOf(bob), PRICE / 2);
        reconciliation.collect();
        assertEq(usdc.balanceOf(insurance), PRICE / 2);
        vm.expectRevert(abi.encodeWithSelector(IReconciliation.NothingRequested.selector, SUBACCOUNT));
        reconciliation.answer(SUBACCOUNT, header, accountPath());
    }

    function test_request_isAnsweredWithAnAbsence() public {
        usdc.mint(alice, PRICE);
        vm.startPrank(alice);
        usdc.approve(address(reconciliation), PRICE);
        reconciliation.requestReconciliation(8);
        vm.stopPrank();
        skip(1);
        BatchHeader memory header = commitState().header;
        vm.expectEmit(address(reconciliation));
        emit IReconciliation.ReconciliationAnswered(8, 0, false, accountPath());
        reconciliation.answer(8, header, accountPath());
    }

    function test_request_oneAtATimeForItsPrice() public {
        ask();
        vm.expectRevert(abi.encodeWithSelector(IReconciliation.RequestOpen.selector, SUBACCOUNT));
        reconciliation.requestReconciliation(SUBACCOUNT);
        vm.expectRevert();
        reconciliation.requestReconciliation(SUBACCOUNT + 1);
    }

    function test_answer_needsABatchOfAfterwards() public {
        BatchHeader memory header = commitState().header;
        ask();
        uint64 now_ = uint64(block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(IReconciliation.BatchTooOld.selector, now_, now_));
        reconciliation.answer(SUBACCOUNT, header, accountPath());
        vm.expectRevert(abi.encodeWithSelector(IBondedBatches.BatchUnknown.selector, 1));
        header.index = 1;
        reconciliation.answer(SUBACCOUNT, header, accountPath());
    }

    function test_answer_refusesAnotherStateOrLeaf() public {
        ask();
        skip(1);
        BatchHeader memory header = commitState().header;
        bytes32 batchHash = keccak256(abi.encode(header));
        header.newRoot = "another";
        bytes32 made = keccak256(abi.encode(header));
        vm.expectRevert(abi.encodeWithSelector(IReconciliation.HeaderWrong.selector, made, batchHash));
        reconciliation.answer(SUBACCOUNT, header, accountPath());
        StatePath memory path = accountPath();
        header.newRoot = keccak256(abi.encodePacked("synchromesh.state.v1", path.trees));
        path.value = "another";
        vm.expectPartialRevert(StateProof.TreeRootWrong.selector);
        reconciliation.answer(SUBACCOUNT, header, path);
        // An absence that is none: the key's search ends at the account.
        path = accountPath();
        path.key = bytes32(uint256(8) << 192);
        vm.expectRevert();
        reconciliation.answer(SUBACCOUNT, header, path);
    }

    function test_silence_freezesTheVenue() public {
        ask();
        uint64 deadline = reconciliation.deadlineOf(SUBACCOUNT);
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(IReconciliation.AnswerDue.selector, deadline));
        reconciliation.punishSilence(SUBACCOUNT);
        skip(1);
        vm.prank(bob);
        vm.expectRevert(IFreeze.NothingOverdue.selector);
        settlement.freeze();
        vm.prank(bob);
        reconciliation.punishSilence(SUBACCOUNT);
        assertTrue(settlement.frozen());
        assertEq(usdc.balanceOf(alice), PRICE);
        assertEq(settlement.operator(), address(0));
        bonds.collect();
        assertEq(usdc.balanceOf(insurance), BOND);
    }

    /// @dev As an inbox item, a request that is answered late, but before anybody froze, was answered.
    function test_answer_countsUntilSomebodyFroze() public {
        ask();
        skip(TIME + 1);
        BatchHeader memory header = commitState().header;
        reconciliation.answer(SUBACCOUNT, header, accountPath());
        vm.expectRevert(abi.encodeWithSelector(IReconciliation.NothingRequested.selector, SUBACCOUNT));
        reconciliation.punishSilence(SUBACCOUNT);
    }

    /// @dev After a revert nobody may be there to commit: requests get the time that inbox items get.
    function test_silence_waitsForBatchesToBeMadeAgain() public {
        BatchOpening memory batch = commitSome();
        ask();
        (StepOpening memory opening, bytes memory record) = openStep(0);
        challenges.challengeStep(batch, opening, record, hex"01", 0);
        uint64 due = uint64(block.timestamp) + TIME;
        assertEq(reconciliation.deadlineOf(SUBACCOUNT), due);
        bond(standby, BOND);
        vm.prank(standby);
        settlement.takeOver();
        due = uint64(block.timestamp) + DEADLINE;
        assertEq(reconciliation.deadlineOf(SUBACCOUNT), due);
        vm.warp(due);
        vm.expectRevert(abi.encodeWithSelector(IReconciliation.AnswerDue.selector, due));
        reconciliation.punishSilence(SUBACCOUNT);
        skip(1);
        reconciliation.punishSilence(SUBACCOUNT);
        assertTrue(settlement.frozen());
    }

    function test_silence_isNotTheGuardians() public {
        ask();
        vm.prank(guardian);
        settlement.pauseBatches();
        skip(TIME + 1);
        vm.expectRevert(IReconciliation.CommittingPaused.selector);
        reconciliation.punishSilence(SUBACCOUNT);
        assertFalse(settlement.frozen());
    }

    function test_frozen_givesStakesBackAndTakesNone() public {
        ask();
        deposit(bob, 1e6);
        vm.expectRevert(IReconciliation.VenueIsLive.selector);
        reconciliation.reclaimStake(SUBACCOUNT);
        skip(DEADLINE + 1);
        settlement.freeze();
        vm.expectRevert(IFreeze.VenueFrozen.selector);
        reconciliation.punishSilence(SUBACCOUNT);
        reconciliation.reclaimStake(SUBACCOUNT);
        assertEq(usdc.balanceOf(alice), PRICE);
        vm.expectRevert(IReconciliation.VenueIsFrozen.selector);
        reconciliation.requestReconciliation(SUBACCOUNT);
    }

    function test_setReconciliation_withNotice() public {
        vm.expectRevert(abi.encodeWithSelector(ITimelock.NotScheduled.selector, address(this)));
        settlement.setReconciliation(address(this));
        deposit(alice, 1e6);
        bytes memory toNobody = abi.encodeCall(IFreeze.setReconciliation, (address(0)));
        vm.prank(owner);
        settlement.schedule(toNobody);
        uint64 ready = settlement.readyAt(toNobody);
        vm.expectRevert(abi.encodeWithSelector(ITimelock.ChangeNotReady.selector, ready));
        settlement.execute(toNobody);
    }

    /// @dev One that counts no more freezes nothing, and gives the stake back once the venue is frozen otherwise.
    function test_silence_freezesOnlyAsTheSettlementSays() public {
        ask();
        change(abi.encodeCall(IFreeze.setReconciliation, (address(0))));
        skip(TIME + 1);
        vm.expectRevert(IFreeze.NothingOverdue.selector);
        reconciliation.punishSilence(SUBACCOUNT);
    }

    function test_constructor_leavesTimeToAnswer() public {
        vm.expectRevert(IDemands.NoTimeToAnswer.selector);
        new Reconciliation(IBondedSettlement(address(settlement)), 0, PRICE);
    }
}
