// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {DynamicBufferLib} from "solady/utils/DynamicBufferLib.sol";

import {Progress} from "src/types/Chunk.sol";

import {BondedFixture} from "../utils/BondedFixture.sol";
import {MerkleReference} from "../utils/MerkleReference.sol";

contract ChunkReaderFuzz is BondedFixture {
    using DynamicBufferLib for DynamicBufferLib.DynamicBuffer;

    /// @dev Commands of many sizes with many steps, against chain and trace written down a second time.
    function test_read_isWhatTheBytesSay(uint16[6] calldata sizes, uint8[6] calldata steps) public {
        bytes32 chain = GENESIS;
        Progress memory start = Progress(GENESIS, chain, 0, "inbox", 40, 7, 1, 0);
        uint32 count = 0;
        for (uint256 i = 0; i < 6; i++) {
            bytes memory record = recordOf(8, new bytes(bound(sizes[i], 0, 400)));
            add(record, bound(steps[i], 1, 20));
            count += uint32(commands[i].steps.length);
            chain = keccak256(abi.encode(chain, keccak256(record)));
        }
        (bool wellFormed, bytes32 traceRoot, Progress memory end) = batchData.read(start, data());
        assertTrue(wellFormed);
        assertEq(traceRoot, MerkleReference.root(traceLeaves()));
        Progress memory expected = Progress(
            commands[5].steps[commands[5].steps.length - 1].root,
            chain,
            0,
            "inbox",
            46,
            7,
            uint64(block.timestamp) * 1e9,
            count
        );
        assertEq(keccak256(abi.encode(end)), keccak256(abi.encode(expected)));
    }

    /// @dev Nothing but a whole chunk is one, and no bytes make reading fail.
    function test_read_refusesEveryPart(uint256 length) public {
        add(recordOf(8, "place"), 3);
        bytes memory all = data();
        length = bound(length, 0, all.length - 1);
        assembly ("memory-safe") {
            mstore(all, length)
        }
        (bool wellFormed,,) = batchData.read(tip(), all);
        assertFalse(wellFormed);
    }

    function test_read_neverFails(bytes calldata noise, bool open) public view {
        Progress memory start = tip();
        if (open) start.command = "open";
        batchData.read(start, noise);
    }

    /// @dev Noise behind the length of a record, where more of it is read.
    function test_read_neverFailsOnRecords(uint8 kind, bytes calldata noise) public view {
        vm.assume(noise.length < 60_000);
        bytes memory all =
            bytes.concat(bytes2(uint16(noise.length + 1)), bytes1(kind % 2), noise, hex"000107", bytes32("root"));
        batchData.read(tip(), all);
    }

    function test_read_refusesItemsOutOfOrder(uint64 index) public {
        vm.assume(index != 0);
        addItem(index, hex"0102");
        (bool wellFormed,,) = batchData.read(tip(), data());
        assertFalse(wellFormed);
    }

    function test_read_refusesAnEntryWithoutRecordOutOfPlace() public {
        bytes memory entry = abi.encodePacked(uint16(0), uint16(1), uint8(7), bytes32("root"));
        (bool wellFormed,,) = batchData.read(tip(), entry);
        assertFalse(wellFormed);
        Progress memory start = tip();
        start.command = "open";
        Progress memory end;
        (wellFormed,, end) = batchData.read(start, entry);
        assertTrue(wellFormed);
        assertEq(end.sequence, start.sequence);
        add(recordOf(8, "place"), 1);
        (wellFormed,,) = batchData.read(start, data());
        assertFalse(wellFormed);
    }

    function test_read_refusesWhatFollowsAnOpenCommand() public {
        bytes memory entry = abi.encodePacked(uint16(9), uint8(8), uint64(1), uint16(0x8001), uint8(7), bytes32("root"));
        (bool wellFormed,,) = batchData.read(tip(), entry);
        assertTrue(wellFormed);
        add(recordOf(8, "place"), 1);
        (wellFormed,,) = batchData.read(tip(), bytes.concat(entry, data()));
        assertFalse(wellFormed);
    }

    function test_read_refusesACommandWithoutSteps() public view {
        (bool wellFormed,,) = batchData.read(tip(), abi.encodePacked(uint16(9), uint8(8), uint64(1), uint16(0)));
        assertFalse(wellFormed);
    }

    /// @dev Whoever refutes what is said of a blob reads all of it in one transaction.
    function test_read_refusesMoreThanCanBeReadAgain() public {
        add(recordOf(8, "place"), 1);
        bytes memory one = data();
        DynamicBufferLib.DynamicBuffer memory all;
        for (uint256 i = 0; i < 1280; i++) {
            all.p(one);
        }
        (bool wellFormed,,) = batchData.read(tip(), all.data);
        assertTrue(wellFormed);
        (wellFormed,,) = batchData.read(tip(), all.p(one).data);
        assertFalse(wellFormed);
    }
}
