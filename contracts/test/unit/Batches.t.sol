// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

import {IBatches} from "src/interfaces/IBatches.sol";
import {IGuardian} from "src/interfaces/IGuardian.sol";
import {IInbox} from "src/interfaces/IInbox.sol";
import {BatchHeader, BatchRecord, Tip} from "src/types/BatchHeader.sol";

import {Fixture} from "../utils/Fixture.sol";

contract BatchesTest is Fixture {
    bytes internal constant DATA = hex"0003616263";

    function expectRefusal(BatchHeader memory header, bytes memory reason) internal {
        vm.prank(operator);
        vm.expectRevert(reason);
        settlement.commitBatch(header, DATA);
    }

    function test_commitBatch_advancesTheTip() public {
        deposit(alice, 1e6);
        BatchHeader memory header = nextHeader(DATA);
        header.withdrawalRoot = keccak256("withdrawals");
        bytes32 batchHash = keccak256(abi.encode(header));
        vm.expectEmit(address(settlement));
        emit IBatches.BatchCommitted(0, header.newRoot, batchHash, header);
        commit(header, DATA);

        Tip memory tip = settlement.tip();
        assertEq(tip.root, header.newRoot);
        assertEq(tip.chainHash, header.chainHash);
        assertEq(tip.batches, 1);
        assertEq(tip.lastSequence, 10);
        assertEq(tip.inboxCursor, 1);
        assertEq(tip.lastTime, header.lastTime);
        BatchRecord memory record = settlement.batchAt(0);
        assertEq(record.batchHash, batchHash);
        assertEq(record.withdrawalRoot, header.withdrawalRoot);
        assertEq(record.committedAt, block.timestamp);
    }

    function test_commitBatch_chains() public {
        commit(nextHeader(DATA), DATA);
        BatchHeader memory second = nextHeader(DATA);
        assertEq(second.firstSequence, 11);
        commit(second, DATA);
        assertEq(settlement.tip().batches, 2);
        assertEq(settlement.tip().root, second.newRoot);
    }

    function test_commitBatch_startsFromGenesis() public view {
        Tip memory tip = settlement.tip();
        assertEq(tip.root, GENESIS);
        assertEq(tip.chainHash, 0);
        assertEq(tip.lastSequence, 0);
    }

    function test_commitBatch_refusesAnyoneElse() public {
        BatchHeader memory header = nextHeader(DATA);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IBatches.NotOperator.selector, owner));
        settlement.commitBatch(header, DATA);
    }

    function test_commitBatch_refusedWhilePaused() public {
        BatchHeader memory header = nextHeader(DATA);
        vm.prank(guardian);
        settlement.pauseBatches();
        expectRefusal(header, abi.encodeWithSelector(IGuardian.BatchesArePaused.selector));
    }

    function test_commitBatch_refusesAnotherIndex() public {
        BatchHeader memory header = nextHeader(DATA);
        header.index = 1;
        expectRefusal(header, abi.encodeWithSelector(IBatches.BatchIndexWrong.selector, 1, 0));
    }

    function test_commitBatch_refusesTheSameBatchTwice() public {
        BatchHeader memory header = nextHeader(DATA);
        commit(header, DATA);
        expectRefusal(header, abi.encodeWithSelector(IBatches.BatchIndexWrong.selector, 0, 1));
    }

    function test_commitBatch_refusesAnotherParent() public {
        BatchHeader memory header = nextHeader(DATA);
        header.previousRoot = bytes32(uint256(1));
        bytes4 selector = IBatches.PreviousRootWrong.selector;
        expectRefusal(header, abi.encodeWithSelector(selector, bytes32(uint256(1)), GENESIS));
    }

    function test_commitBatch_refusesAnotherChain() public {
        BatchHeader memory header = nextHeader(DATA);
        header.previousChainHash = bytes32(uint256(1));
        bytes4 selector = IBatches.PreviousChainHashWrong.selector;
        expectRefusal(header, abi.encodeWithSelector(selector, bytes32(uint256(1)), bytes32(0)));
    }

    function test_commitBatch_refusesAGapAnOverlapAndNothing() public {
        bytes4 selector = IBatches.SequenceRangeWrong.selector;
        BatchHeader memory header = nextHeader(DATA);
        header.firstSequence = 2;
        expectRefusal(header, abi.encodeWithSelector(selector, 2, 10, 1));
        header.firstSequence = 0;
        expectRefusal(header, abi.encodeWithSelector(selector, 0, 10, 1));
        header.firstSequence = 1;
        header.lastSequence = 0;
        expectRefusal(header, abi.encodeWithSelector(selector, 1, 0, 1));
    }

    function test_commitBatch_refusesOtherVersions() public {
        bytes4 selector = IBatches.VersionUnsupported.selector;
        BatchHeader memory header = nextHeader(DATA);
        header.protocolVersion = 2;
        expectRefusal(header, abi.encodeWithSelector(selector, 2, 0));
        header.protocolVersion = 1;
        header.verifierVersion = 1;
        expectRefusal(header, abi.encodeWithSelector(selector, 1, 1));
    }

    function test_commitBatch_refusesToForgetInboxItems() public {
        deposit(alice, 1e6);
        commit(nextHeader(DATA), DATA);
        BatchHeader memory header = nextHeader(DATA);
        header.inboxCursor = 0;
        header.inboxHash = 0;
        expectRefusal(header, abi.encodeWithSelector(IBatches.InboxCursorBackwards.selector, 0, 1));
    }

    function test_commitBatch_refusesInboxItemsThatDoNotExist() public {
        BatchHeader memory header = nextHeader(DATA);
        header.inboxCursor = 1;
        expectRefusal(header, abi.encodeWithSelector(IInbox.InboxTooShort.selector, 0, 1));
    }

    function test_commitBatch_refusesAnotherInbox() public {
        deposit(alice, 1e6);
        BatchHeader memory header = nextHeader(DATA);
        bytes32 truth = header.inboxHash;
        header.inboxHash = keccak256("invented");
        expectRefusal(header, abi.encodeWithSelector(IBatches.InboxHashWrong.selector, header.inboxHash, truth));
    }

    function test_commitBatch_mayLagBehindTheInbox() public {
        deposit(alice, 1e6);
        BatchHeader memory header = nextHeader(DATA);
        deposit(alice, 1e6);
        commit(header, DATA);
        assertEq(settlement.tip().inboxCursor, 1);
        assertEq(settlement.inboxLength(), 2);
    }

    function test_commitBatch_refusesOtherData() public {
        BatchHeader memory header = nextHeader(hex"00");
        bytes4 selector = IBatches.DataHashWrong.selector;
        expectRefusal(header, abi.encodeWithSelector(selector, keccak256(hex"00"), keccak256(DATA)));
    }

    function test_commitBatch_boundsTime() public {
        BatchHeader memory header = nextHeader(DATA);
        uint64 latest = uint64(block.timestamp + LEAD) * 1e9;
        header.lastTime = latest + 1;
        expectRefusal(header, abi.encodeWithSelector(IBatches.TimeAhead.selector, latest + 1, latest));
        header.lastTime = latest;
        commit(header, DATA);
        header = nextHeader(DATA);
        header.lastTime = latest - 1;
        expectRefusal(header, abi.encodeWithSelector(IBatches.TimeBackwards.selector, latest - 1, latest));
        header.lastTime = latest;
        commit(header, DATA);
    }

    function test_isFinal_whenTheWindowHasPassed() public {
        assertFalse(settlement.isFinal(0));
        commit(nextHeader(DATA), DATA);
        skip(WINDOW - 1);
        assertFalse(settlement.isFinal(0));
        skip(1);
        assertTrue(settlement.isFinal(0));
        assertFalse(settlement.isFinal(1));
        assertFalse(settlement.isFinal(type(uint64).max));
    }

    function test_batchAt_refusesUnknownBatch() public {
        vm.expectRevert(abi.encodeWithSelector(IBatches.BatchUnknown.selector, 0));
        settlement.batchAt(0);
    }

    function test_setOperator_rotates() public {
        vm.expectEmit(address(settlement));
        emit IBatches.OperatorChanged(operator, bob);
        vm.prank(owner);
        settlement.setOperator(bob);
        BatchHeader memory header = nextHeader(DATA);
        expectRefusal(header, abi.encodeWithSelector(IBatches.NotOperator.selector, operator));
        vm.prank(bob);
        settlement.commitBatch(header, DATA);
    }

    function test_setOperator_byTheOwnerOnly() public {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, operator));
        settlement.setOperator(bob);
    }
}
