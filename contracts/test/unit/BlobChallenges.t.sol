// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {DynamicBufferLib} from "solady/utils/DynamicBufferLib.sol";

import {BlobContents, BlobElement, IChallenges} from "src/interfaces/IChallenges.sol";
import {BlobData} from "src/libraries/BlobData.sol";
import {BatchOpening} from "src/types/BatchOpening.sol";
import {Chunk, Progress, Source} from "src/types/Chunk.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {BondedFixture} from "../utils/BondedFixture.sol";

/// @notice Blobs with real commitments and proofs, written by tests/settlement/blobs.py.
contract BlobChallengesTest is BondedFixture {
    using DynamicBufferLib for DynamicBufferLib.DynamicBuffer;

    string internal vectors;

    function setUp() public override {
        super.setUp();
        vectors = vm.readFile("../tests/vectors/blobs.json");
    }

    function field(string memory name, string memory part) internal view returns (bytes memory) {
        return vm.parseJsonBytes(vectors, string.concat(".", name, ".", part));
    }

    function contents(string memory name, bytes memory elements) internal view returns (BlobContents memory) {
        return BlobContents(elements, field(name, "commitment"), field(name, "proof"));
    }

    /// @dev Commands of the vectors, each a function of its index.
    function commandsOf(uint256 count) internal pure returns (bytes memory) {
        DynamicBufferLib.DynamicBuffer memory buffer;
        buffer.reserve(count * 175);
        for (uint256 i = 0; i < count; i++) {
            buffer.p(abi.encodePacked(uint16(105), uint8(8), uint64(1_770_163_200e9)));
            for (uint8 j = 0; j < 3; j++) {
                buffer.p(abi.encodePacked(keccak256(abi.encodePacked("record", j, i))));
            }
            buffer.p(abi.encodePacked(uint16(2)));
            for (uint8 j = 0; j < 2; j++) {
                buffer.p(abi.encodePacked(7 + j, keccak256(abi.encodePacked("root", j, i))));
            }
        }
        return buffer.data;
    }

    function elementsOf(bytes memory all) internal pure returns (bytes memory) {
        bytes memory stream = bytes.concat(bytes4(uint32(all.length)), all, bytes31(0));
        uint256 count = (all.length + 4 + 30) / 31;
        DynamicBufferLib.DynamicBuffer memory buffer;
        buffer.reserve(count * 32);
        for (uint256 i = 0; i < count; i++) {
            bytes32 word;
            assembly ("memory-safe") {
                word := mload(add(add(stream, 32), mul(31, i)))
            }
            buffer.p(abi.encodePacked(bytes1(0), bytes31(word)));
        }
        return buffer.data;
    }

    /// @dev Commits a batch whose only chunk is in a blob, with what `claimed` says of it.
    function commitBlob(string memory name, Chunk memory claimed) internal returns (BatchOpening memory batch) {
        bytes32[] memory hashes = new bytes32[](1);
        hashes[0] = bytes32(field(name, "versionedHash"));
        vm.blobhashes(hashes);
        Chunk[] memory chunks = new Chunk[](1);
        claimed.source = Source.Blob;
        claimed.content = hashes[0];
        chunks[0] = claimed;
        batch = commitChunks(chunks, new Withdrawal[](0));
    }

    function test_honestBlobIsNoFraud() public {
        bytes memory all = commandsOf(3);
        BatchOpening memory batch = commitBlob("three", batchData.post(tip(), all));
        vm.expectRevert(IChallenges.NothingProven.selector);
        challenges.challengeBlob(batch, 0, contents("three", elementsOf(all)), 0);
    }

    function test_honestBlobIsNoFraudWithZerosBehindIt() public {
        bytes memory all = commandsOf(3);
        BatchOpening memory batch = commitBlob("three", batchData.post(tip(), all));
        bytes memory longer = bytes.concat(elementsOf(all), new bytes(320));
        // Other elements to show give another point, for which the proof is none.
        vm.expectPartialRevert(BlobData.BlobMismatch.selector);
        challenges.challengeBlob(batch, 0, contents("three", longer), 0);
    }

    /// forge-config: default.fuzz.runs = 32
    /// forge-config: ci.fuzz.runs = 256
    function test_otherElementsProveNothing(uint256 at) public {
        bytes memory all = commandsOf(3);
        BatchOpening memory batch = commitBlob("three", batchData.post(tip(), all));
        bytes memory elements = elementsOf(all);
        at = bound(at, 0, elements.length - 1);
        if (at % 32 == 0) at++;
        elements[at] ^= 0x01;
        vm.expectPartialRevert(BlobData.BlobMismatch.selector);
        challenges.challengeBlob(batch, 0, contents("three", elements), 0);
    }

    function test_fewerElementsProveNothing() public {
        bytes memory all = commandsOf(3);
        BatchOpening memory batch = commitBlob("three", batchData.post(tip(), all));
        bytes memory elements = elementsOf(all);
        assembly ("memory-safe") {
            mstore(elements, sub(mload(elements), 32))
        }
        vm.expectPartialRevert(BlobData.BlobMismatch.selector);
        challenges.challengeBlob(batch, 0, contents("three", elements), 0);
    }

    /// @dev Any field of the chunk that is not what its bytes say.
    /// forge-config: default.fuzz.runs = 32
    /// forge-config: ci.fuzz.runs = 256
    function test_wrongClaimIsFraud(uint8 which) public {
        bytes memory all = commandsOf(3);
        Chunk memory claimed = batchData.post(tip(), all);
        which = uint8(bound(which, 0, 4));
        if (which == 0) claimed.traceRoot = keccak256("another");
        if (which == 1) claimed.end.root = keccak256("another");
        if (which == 2) claimed.end.chainHash = keccak256("another");
        if (which == 3) claimed.end.sequence += 1;
        if (which == 4) claimed.end.step -= 1;
        BatchOpening memory batch = commitBlob("three", claimed);
        challenges.challengeBlob(batch, 0, contents("three", elementsOf(all)), 0);
        assertEq(settlement.batches(), 0);
        assertEq(bonds.bondOf(operator), 0);
    }

    function test_malformedBlobIsFraud() public {
        string[4] memory names = ["highByte", "lengthTooLarge", "cutOff", "empty"];
        for (uint256 i = 0; i < names.length; i++) {
            BatchOpening memory batch = commitBlob(names[i], batchData.post(tip(), commandsOf(3)));
            challenges.challengeBlob(batch, 0, contents(names[i], field(names[i], "elements")), 0);
            assertEq(settlement.batches(), 0, names[i]);
            vm.prank(address(settlement));
            settlement.setOperator(operator);
            bond(operator, BOND);
        }
    }

    function test_calldataChunkIsInNoBlob() public {
        BatchOpening memory batch = commitSome();
        vm.expectRevert(abi.encodeWithSelector(IChallenges.ChunkNotInBlob.selector, 0));
        challenges.challengeBlob(batch, 0, contents("three", elementsOf(commandsOf(3))), 0);
    }

    function test_fullBlobFitsOneTransaction() public {
        bytes memory all = commandsOf(657);
        assertGt(all.length + 175, BlobData.MAX_BYTES);
        uint256 execution = refute("full", all);
        vm.snapshotValue("Bonded", "challengeBlob of a full blob, without its calldata", execution);
    }

    /// @dev As many commands as a chunk may have, of the kind that takes most to read, in as many bytes as it may have.
    function test_densestBlobFitsOneTransaction() public {
        DynamicBufferLib.DynamicBuffer memory buffer;
        buffer.reserve(1280 * 89);
        for (uint256 i = 0; i < 1280; i++) {
            bytes memory record = abi.encodePacked(uint8(1), uint64(1_770_163_200e9), uint64(i), new bytes(35));
            buffer.p(abi.encodePacked(uint16(52), record, uint16(1), uint8(7), keccak256(abi.encode(i))));
        }
        assertGt(buffer.data.length + 1280, BlobData.MAX_BYTES);
        uint256 execution = refute("dense", buffer.data);
        vm.snapshotValue("Bonded", "challengeBlob of the densest blob, without its calldata", execution);
    }

    /// @dev Says something wrong of a blob, and has it refuted with an opening of as many chunks as a batch may have.
    function refute(string memory name, bytes memory all) internal returns (uint256 execution) {
        Progress memory start = tip();
        Chunk[] memory chunks = new Chunk[](24);
        for (uint256 i = 0; i < 23; i++) {
            bytes memory record = recordOf(8, abi.encode(i));
            chunks[i] = batchData.post(
                start, abi.encodePacked(uint16(record.length), record, uint16(1), uint8(7), keccak256(record))
            );
            start = chunks[i].end;
        }
        Chunk memory claimed;
        bool wellFormed;
        (wellFormed, claimed.traceRoot, claimed.end) = batchData.read(start, all);
        assertTrue(wellFormed);
        // The inbox has no such items; that the reader counts them is no matter for what is refuted.
        (claimed.end.inboxCursor, claimed.end.inboxHash) = (start.inboxCursor, start.inboxHash);
        claimed.traceRoot = keccak256("another");
        claimed.source = Source.Blob;
        bytes32[] memory hashes = new bytes32[](1);
        hashes[0] = bytes32(field(name, "versionedHash"));
        vm.blobhashes(hashes);
        claimed.content = hashes[0];
        chunks[23] = claimed;
        BatchOpening memory batch = commitChunks(chunks, new Withdrawal[](0));
        BlobContents memory whole = contents(name, elementsOf(all));
        bytes memory call_ = abi.encodeCall(challenges.challengeBlob, (batch, 23, whole, 0));
        uint256 before = gasleft();
        challenges.challengeBlob(batch, 23, whole, 0);
        execution = before - gasleft();
        // A transaction may use this much by EIP-7825, its calldata at most 16 gas a byte. Nodes pass on 128 KiB, of which
        // all but the call is some two hundred bytes.
        assertLt(21_000 + 16 * call_.length + execution, 16_777_216);
        assertLt(call_.length + 256, 128 * 1024);
        assertEq(settlement.batches(), 0);
    }

    // Single elements.

    function element(string memory name, uint16 index, bytes32 value) internal view returns (BlobElement memory) {
        return BlobElement(index, value, field(name, "commitment"), field(name, "proof"));
    }

    function test_elementBehindWhatMayBeUsedIsFraud() public {
        BatchOpening memory batch = commitBlob("stray", batchData.post(tip(), commandsOf(3)));
        challenges.challengeElement(batch, 0, element("stray", 3712, bytes32(uint256(2))), 0);
        assertEq(settlement.batches(), 0);
        assertEq(bonds.bondOf(operator), 0);
    }

    function test_elementThatMayBeThereProvesNothing() public {
        BatchOpening memory batch = commitBlob("stray", batchData.post(tip(), commandsOf(3)));
        BlobElement memory used = element("lastUsed", 3711, bytes32(uint256(1)));
        vm.expectRevert(IChallenges.NothingProven.selector);
        challenges.challengeElement(batch, 0, used, 0);
        BlobElement memory zero = element("zero", 4095, 0);
        vm.expectRevert(IChallenges.NothingProven.selector);
        challenges.challengeElement(batch, 0, zero, 0);
    }

    function test_elementThatIsNotThereProvesNothing() public {
        BatchOpening memory batch = commitBlob("stray", batchData.post(tip(), commandsOf(3)));
        BlobElement memory wrong = element("stray", 3712, bytes32(uint256(3)));
        vm.expectPartialRevert(BlobData.BlobMismatch.selector);
        challenges.challengeElement(batch, 0, wrong, 0);
        wrong = element("stray", 4096, bytes32(uint256(2)));
        vm.expectRevert(abi.encodeWithSelector(BlobData.ElementsMalformed.selector, 4096));
        challenges.challengeElement(batch, 0, wrong, 0);
        batch = commitSome();
        vm.expectRevert(abi.encodeWithSelector(IChallenges.ChunkNotInBlob.selector, 0));
        challenges.challengeElement(batch, 0, wrong, 0);
    }
}
