// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAttestations} from "src/interfaces/IAttestations.sol";
import {IBatchData} from "src/interfaces/IBatchData.sol";
import {IBondedBatches} from "src/interfaces/IBondedBatches.sol";
import {IFreeze} from "src/interfaces/IFreeze.sol";
import {IGuardian} from "src/interfaces/IGuardian.sol";
import {InboxItems} from "src/libraries/InboxItems.sol";
import {BatchOpening, BondedBatch} from "src/types/BatchOpening.sol";
import {Chunk, Progress, Source} from "src/types/Chunk.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {BondedFixture} from "../utils/BondedFixture.sol";
import {MerkleReference} from "../utils/MerkleReference.sol";

contract BondedBatchesTest is BondedFixture {
    function refuse(Chunk[] memory chunks, Withdrawal[] memory listed, bytes memory reason) internal {
        bytes32 root = tip().root;
        vm.prank(operator);
        vm.expectRevert(reason);
        settlement.commitBatch(root, chunks, listed);
    }

    function posted() internal returns (Chunk[] memory chunks) {
        chunks = new Chunk[](1);
        chunks[0] = batchData.post(tip(), data());
    }

    function none() internal pure returns (Withdrawal[] memory) {
        return new Withdrawal[](0);
    }

    function test_commitBatch_computesTheHeader() public {
        uint64 index = deposit(alice, 5e6);
        addItem(index, InboxItems.deposit(alice, 0, USDC, 5e6));
        add(recordOf(8, "place"), 4);
        Withdrawal[] memory listed = one(Withdrawal(0, USDC, 1e6, bob));
        BatchOpening memory opening = commit(listed);
        bytes32 batchHash = keccak256(abi.encode(opening.header));

        BondedBatch memory batch = settlement.batchAt(0);
        assertEq(batch.batchHash, batchHash);
        assertEq(batch.withdrawalRoot, leafOf(listed[0]));
        assertEq(batch.committedAt, block.timestamp);
        assertEq(batch.operator, operator);
        Progress memory end = tip();
        assertEq(end.root, commands[1].steps[3].root);
        assertEq(end.sequence, 2);
        assertEq(end.inboxCursor, 1);
        assertEq(end.inboxHash, settlement.inboxHashAt(1));
        assertEq(end.step, 0);
        assertEq(settlement.withdrawals(), 1);
        assertEq(opening.chunks[0].traceRoot, MerkleReference.root(traceLeaves()));
        assertEq(
            opening.chunks[0].end.chainHash,
            keccak256(
                abi.encode(
                    keccak256(abi.encode(bytes32(0), keccak256(commands[0].record))), keccak256(commands[1].record)
                )
            )
        );
    }

    function test_commitBatch_chains() public {
        commitSome();
        BatchOpening memory second = commitSome();
        assertEq(second.header.index, 1);
        assertEq(second.header.firstSequence, 4);
        assertEq(settlement.batches(), 2);
        assertEq(settlement.batchAt(1).batchHash, keccak256(abi.encode(second.header)));
    }

    function test_commitBatch_ofChunksThatCutACommand() public {
        add(recordOf(8, "place"), 1);
        add(recordOf(11, "cancel all"), 5);
        Progress memory start = tip();
        bytes memory all = data();
        // The second command's five steps, cut behind the second: 33 and 65 bytes.
        uint256 cut = encode(commands[0]).length + 2 + commands[1].record.length + 2 + 33 + 65;
        bytes memory first = slice(all, 0, cut);
        bytes memory counts = abi.encodePacked(uint16(0x8002));
        first[cut - 100] = counts[0];
        first[cut - 99] = counts[1];
        bytes memory second = abi.encodePacked(uint16(0), uint16(3), slice(all, cut, all.length));

        Chunk[] memory chunks = new Chunk[](2);
        chunks[0] = batchData.post(start, first);
        assertEq(chunks[0].end.command, keccak256(commands[1].record));
        assertEq(chunks[0].end.step, 3);
        refuse(one(chunks[0]), none(), abi.encodeWithSelector(IBatchData.BatchIncomplete.selector));
        chunks[1] = batchData.post(chunks[0].end, second);
        commitChunks(chunks, none());
        assertEq(tip().root, commands[1].steps[4].root);
        assertEq(tip().sequence, 2);

        // No leaf says that the cut command ends before it does.
        bytes32[] memory leaves = traceLeaves();
        bytes32[] memory part = new bytes32[](3);
        (part[0], part[1], part[2]) = (leaves[0], leaves[1], leaves[2]);
        assertEq(chunks[0].traceRoot, MerkleReference.root(part));
    }

    function test_commitBatch_ofBlobs() public {
        add(recordOf(8, "place"), 2);
        Chunk[] memory chunks = posted();
        bytes32[] memory hashes = new bytes32[](1);
        hashes[0] = bytes32(uint256(1) << 248 | 7);
        chunks[0].source = Source.Blob;
        chunks[0].content = hashes[0];
        refuse(chunks, none(), abi.encodeWithSelector(IBatchData.BlobMissing.selector, 0, bytes32(0)));
        vm.blobhashes(hashes);
        commitChunks(chunks, none());
        assertEq(settlement.batches(), 1);
    }

    function test_commitBatch_refusesAnotherBlob() public {
        add(recordOf(8, "place"), 2);
        Chunk[] memory chunks = posted();
        chunks[0].source = Source.Blob;
        bytes32[] memory hashes = new bytes32[](1);
        hashes[0] = keccak256("another");
        vm.blobhashes(hashes);
        refuse(chunks, none(), abi.encodeWithSelector(IBatchData.BlobMissing.selector, 0, hashes[0]));
    }

    function test_commitBatch_refusesWhatWasNotPosted() public {
        add(recordOf(8, "place"), 2);
        Chunk[] memory chunks = posted();
        chunks[0].end.root = keccak256("another");
        refuse(chunks, none(), abi.encodeWithSelector(IBatchData.ChunkNotPosted.selector, 0));
    }

    function test_commitBatch_refusesAChunkElsewhere() public {
        add(recordOf(8, "place"), 2);
        Chunk[] memory chunks = posted();
        commitChunks(chunks, none());
        refuse(chunks, none(), abi.encodeWithSelector(IBatchData.ChunkNotPosted.selector, 0));
    }

    function test_commitBatch_refusesNothing() public {
        refuse(new Chunk[](0), none(), abi.encodeWithSelector(IBatchData.BatchIncomplete.selector));
    }

    function test_commitBatch_refusesAnotherRoot() public {
        add(recordOf(8, "place"), 2);
        Chunk[] memory chunks = posted();
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(IBondedBatches.PreviousRootWrong.selector, bytes32("another"), GENESIS));
        settlement.commitBatch("another", chunks, none());
    }

    function test_commitBatch_refusesItemsThatAreNotTheInboxs() public {
        uint64 index = deposit(alice, 5e6);
        addItem(index, InboxItems.deposit(alice, 0, USDC, 6e6));
        Chunk[] memory chunks = posted();
        refuse(
            chunks,
            none(),
            abi.encodeWithSelector(
                IBondedBatches.InboxHashWrong.selector, chunks[0].end.inboxHash, settlement.inboxHashAt(1)
            )
        );
    }

    function test_commitBatch_refusesTimeThatRunsAhead() public {
        add(abi.encodePacked(uint8(8), uint64(block.timestamp + LEAD + 1) * 1e9, "place"), 1);
        Chunk[] memory chunks = posted();
        uint256 latest = (block.timestamp + LEAD) * 1e9;
        refuse(
            chunks, none(), abi.encodeWithSelector(IBondedBatches.TimeAhead.selector, chunks[0].end.lastTime, latest)
        );
    }

    function test_commitBatch_refusesTimeThatRunsBack() public {
        commitSome();
        delete commands;
        add(abi.encodePacked(uint8(8), uint64(1), "place"), 1);
        Chunk[] memory chunks = posted();
        refuse(chunks, none(), abi.encodeWithSelector(IBatchData.TimeBackwards.selector, 1, tip().lastTime));
    }

    function test_commitBatch_refusesWithdrawalsOutOfOrder() public {
        add(recordOf(8, "place"), 1);
        Chunk[] memory chunks = posted();
        refuse(
            chunks,
            one(Withdrawal(1, USDC, 1, bob)),
            abi.encodeWithSelector(IBatchData.WithdrawalNumberWrong.selector, 1, 0)
        );
    }

    function test_commitBatch_isTheOperators() public {
        add(recordOf(8, "place"), 1);
        Chunk[] memory chunks = posted();
        vm.expectRevert(abi.encodeWithSelector(IBondedBatches.NotOperator.selector, address(this)));
        settlement.commitBatch(GENESIS, chunks, none());
    }

    function test_commitBatch_needsABond() public {
        vm.prank(operator);
        bonds.release(1);
        add(recordOf(8, "place"), 1);
        refuse(posted(), none(), abi.encodeWithSelector(IBondedBatches.OperatorNotBonded.selector, operator));
    }

    function test_commitBatch_needsAnAttestedKeyWhereOneIsAsked() public {
        address registry = makeAddr("registry");
        change(abi.encodeCall(IBondedBatches.setAttestations, (IAttestations(registry))));
        add(recordOf(8, "place"), 1);
        Chunk[] memory chunks = posted();
        vm.mockCall(registry, abi.encodeCall(IAttestations.isAttested, (operator)), abi.encode(false));
        refuse(chunks, none(), abi.encodeWithSelector(IBondedBatches.OperatorNotAttested.selector, operator));
        vm.mockCall(registry, abi.encodeCall(IAttestations.isAttested, (operator)), abi.encode(true));
        commitChunks(chunks, none());
    }

    function test_commitBatch_refusedWhilePaused() public {
        add(recordOf(8, "place"), 1);
        Chunk[] memory chunks = posted();
        vm.prank(guardian);
        settlement.pauseBatches();
        refuse(chunks, none(), abi.encodeWithSelector(IGuardian.BatchesArePaused.selector));
    }

    function test_commitBatch_refusedOnceFrozen() public {
        deposit(alice, 1e6);
        add(recordOf(8, "place"), 1);
        Chunk[] memory chunks = posted();
        skip(DEADLINE + 1);
        settlement.freeze();
        refuse(chunks, none(), abi.encodeWithSelector(IFreeze.VenueFrozen.selector));
    }

    function test_isFinal_afterTheWindow() public {
        commitSome();
        skip(WINDOW - 1);
        assertFalse(settlement.isFinal(0));
        skip(1);
        assertTrue(settlement.isFinal(0));
        assertFalse(settlement.isFinal(1));
    }

    function test_batchAt_refusesWhatIsNotThere() public {
        vm.expectRevert(abi.encodeWithSelector(IBondedBatches.BatchUnknown.selector, 0));
        settlement.batchAt(0);
    }

    function one(Chunk memory chunk) internal pure returns (Chunk[] memory chunks) {
        chunks = new Chunk[](1);
        chunks[0] = chunk;
    }

    function slice(bytes memory all, uint256 start, uint256 end) internal pure returns (bytes memory part) {
        part = new bytes(end - start);
        for (uint256 i = 0; i < part.length; i++) {
            part[i] = all[start + i];
        }
    }

    /// @dev Who disputes a batch shows all of its chunks.
    function test_commitBatch_refusesTooManyChunks() public {
        refuse(new Chunk[](25), none(), abi.encodeWithSelector(IBatchData.TooManyChunks.selector, 25));
    }

    function test_post_refusesWhatIsNoChunk() public {
        Progress memory start = tip();
        vm.expectRevert(abi.encodeWithSelector(IBatchData.ChunkTooLong.selector, 115_069));
        batchData.post(start, new bytes(115_069));
        vm.expectRevert(IBatchData.ChunkMalformed.selector);
        batchData.post(start, "no chunk");
    }

    function test_isPosted_whereItStands() public {
        add(recordOf(8, "place"), 1);
        Progress memory start = tip();
        Chunk memory chunk = batchData.post(start, data());
        assertTrue(batchData.isPosted(start, chunk));
        start.sequence++;
        assertFalse(batchData.isPosted(start, chunk));
    }

    function test_versions() public view {
        assertEq(batchData.protocolVersion(), 1);
        assertEq(batchData.verifierVersion(), 1);
    }
}
