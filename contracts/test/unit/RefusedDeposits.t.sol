// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IExits} from "src/interfaces/IExits.sol";
import {InboxItems} from "src/libraries/InboxItems.sol";
import {RecordedDeposit} from "src/libraries/RecordedDeposit.sol";
import {StatePath} from "src/libraries/StateProof.sol";
import {BatchOpening} from "src/types/BatchOpening.sol";
import {StepOpening} from "src/types/StepOpening.sol";

import {TokenWithDecimals} from "../mocks/TokenWithDecimals.sol";
import {BondedFixture} from "../utils/BondedFixture.sol";

/// @notice Deposits that the venue took from the inbox and credited to nobody.
contract RefusedDepositsTest is BondedFixture {
    uint16 internal constant UNKNOWN = 1;
    uint64 internal constant AMOUNT = 3e8;
    TokenWithDecimals internal token;

    function setUp() public override {
        super.setUp();
        token = new TokenWithDecimals(8);
        vm.prank(owner);
        settlement.addAsset(token, 100e8);
        token.mint(alice, AMOUNT);
        vm.startPrank(alice);
        token.approve(address(settlement), AMOUNT);
        settlement.deposit(UNKNOWN, AMOUNT, 0);
        vm.stopPrank();
    }

    /// @dev A state whose only leaf are totals of some assets, or that has none.
    function totals(uint128[] memory deposited) internal pure returns (StatePath memory path) {
        path.bits = new uint16[](0);
        path.siblings = new bytes32[](0);
        if (deposited.length == 0) return path;
        path.key = bytes32(uint256(9) << 248);
        path.value = abi.encodePacked(uint16(deposited.length));
        for (uint256 i = 0; i < deposited.length; i++) {
            path.value = abi.encodePacked(path.value, deposited[i], uint128(5));
        }
        path.trees[4] = keccak256(abi.encodePacked(bytes1(0), path.key, keccak256(path.value)));
    }

    function list(uint128 first) internal pure returns (uint128[] memory deposited) {
        deposited = new uint128[](1);
        deposited[0] = first;
    }

    function list(uint128 first, uint128 second) internal pure returns (uint128[] memory deposited) {
        deposited = new uint128[](2);
        (deposited[0], deposited[1]) = (first, second);
    }

    function rootOf(StatePath memory path) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked("synchromesh.state.v1", path.trees));
    }

    /// @dev A batch whose second command serves a record, from one state to another.
    function serve(bytes memory record, StatePath memory before, StatePath memory afterwards)
        internal
        returns (BatchOpening memory batch)
    {
        delete commands;
        add(recordOf(8, "place"), 1);
        add(record, 1);
        commands[0].steps[0].root = rootOf(before);
        commands[1].steps[0].root = rootOf(afterwards);
        return commit();
    }

    function served() internal view returns (bytes memory) {
        return recordOf(1, abi.encodePacked(uint64(0), InboxItems.deposit(alice, 0, UNKNOWN, AMOUNT)));
    }

    function reclaim(BatchOpening memory batch, StatePath memory before, StatePath memory afterwards) internal {
        (StepOpening memory opening, bytes memory record) = openStep(1);
        exits.reclaimDeposit(batch, opening, record, before, afterwards);
    }

    function test_reclaimDeposit_ofAnAssetThatTheVenueDoesNotHave() public {
        StatePath memory state = totals(list(7e6));
        BatchOpening memory batch = serve(served(), state, state);
        vm.expectRevert(abi.encodeWithSelector(IExits.BatchesPending.selector, 0));
        reclaim(batch, state, state);
        skip(WINDOW);
        vm.expectEmit(address(exits));
        emit IExits.DepositReturned(0, alice, UNKNOWN, AMOUNT);
        reclaim(batch, state, state);
        assertEq(token.balanceOf(alice), AMOUNT);
        assertEq(settlement.assetAt(UNKNOWN).custody, 0);
        vm.expectRevert(abi.encodeWithSelector(IExits.DepositNotReturnable.selector, 0));
        reclaim(batch, state, state);
    }

    /// @dev Before its genesis a venue has no totals at all.
    function test_reclaimDeposit_servedBeforeGenesis() public {
        StatePath memory nothing = totals(new uint128[](0));
        BatchOpening memory batch = serve(served(), nothing, nothing);
        skip(WINDOW);
        reclaim(batch, nothing, nothing);
        assertEq(token.balanceOf(alice), AMOUNT);
    }

    function test_reclaimDeposit_ofASumThatDoesNotFit() public {
        StatePath memory state = totals(list(0, type(uint64).max));
        BatchOpening memory batch = serve(served(), state, state);
        skip(WINDOW);
        reclaim(batch, state, state);
        assertEq(token.balanceOf(alice), AMOUNT);
    }

    function test_reclaimDeposit_refusesWhatWasCredited() public {
        StatePath memory before = totals(list(0, 1));
        StatePath memory afterwards = totals(list(0, 1 + AMOUNT));
        BatchOpening memory batch = serve(served(), before, afterwards);
        skip(WINDOW);
        vm.expectRevert(abi.encodeWithSelector(RecordedDeposit.DepositCredited.selector, 0));
        reclaim(batch, before, afterwards);
    }

    function test_reclaimDeposit_refusesOtherRecords() public {
        StatePath memory state = totals(list(7e6));
        vm.prank(alice);
        settlement.forceCancelAll(1);
        bytes memory first = served();
        delete commands;
        add(first, 1);
        bytes memory forced = recordOf(1, abi.encodePacked(uint64(1), InboxItems.forcedCancelAll(alice, 1)));
        add(forced, 1);
        BatchOpening memory batch = commit();
        skip(WINDOW);
        vm.expectRevert(RecordedDeposit.NoDeposit.selector);
        reclaim(batch, state, state);
        batch = serve(recordOf(8, "another"), state, state);
        skip(WINDOW);
        vm.expectRevert(RecordedDeposit.NoDeposit.selector);
        reclaim(batch, state, state);
    }

    /// @dev One of two steps shows nothing of the other.
    function test_reclaimDeposit_refusesAPartOfACommand() public {
        StatePath memory state = totals(list(7e6));
        delete commands;
        add(served(), 2);
        BatchOpening memory batch = commit();
        skip(WINDOW);
        vm.expectRevert(RecordedDeposit.NoDeposit.selector);
        reclaim(batch, state, state);
    }

    function test_reclaimDeposit_refusesAnotherBatch() public {
        StatePath memory state = totals(list(7e6));
        BatchOpening memory batch = serve(served(), state, state);
        skip(WINDOW);
        batch.header.lastTime++;
        vm.expectPartialRevert(IExits.BatchWrong.selector);
        reclaim(batch, state, state);
    }

    /// @dev Whoever takes it back by one way finds the other closed.
    function test_reclaimDeposit_onceWhenFrozenToo() public {
        StatePath memory state = totals(list(7e6));
        BatchOpening memory batch = serve(served(), state, state);
        deposit(bob, 1e6);
        skip(WINDOW);
        settlement.freeze();
        vm.expectRevert(abi.encodeWithSelector(IExits.DepositNotReturnable.selector, 0));
        exits.returnDeposit(0, InboxItems.deposit(alice, 0, UNKNOWN, AMOUNT));
        reclaim(batch, state, state);
        assertEq(token.balanceOf(alice), AMOUNT);
    }
}
