// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IChallenges} from "src/interfaces/IChallenges.sol";
import {BatchOpening} from "src/types/BatchOpening.sol";
import {Chunk, Progress} from "src/types/Chunk.sol";
import {StepOpening} from "src/types/StepOpening.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {ClaimsFixture} from "../utils/ClaimsFixture.sol";
import {MerkleReference} from "../utils/MerkleReference.sol";

/// @notice Gas of whole transactions, calldata included; the snapshot is part of the repository.
/// forge-config: default.isolate = true
contract BondedGasTest is ClaimsFixture {
    /// @dev Orders of 180 bytes with two steps each, one in two with a subject.
    function fill(uint256 count) internal {
        delete commands;
        for (uint256 i = 0; i < count; i++) {
            add(recordOf(8, abi.encode(keccak256(abi.encode(i)), keccak256("a"), keccak256("b"), keccak256("c"), i)), 2);
        }
    }

    function test_deposit() public {
        deposit(bob, 1e6);
        usdc.mint(alice, 5e6);
        vm.startPrank(alice);
        usdc.approve(address(settlement), 5e6);
        settlement.deposit(USDC, 5e6, 0);
        vm.snapshotGasLastCall("Bonded", "deposit");
    }

    function test_forceWithdraw() public {
        deposit(bob, 1e6);
        vm.prank(alice);
        settlement.forceWithdraw(1, USDC, 1e6, alice);
        vm.snapshotGasLastCall("Bonded", "forceWithdraw");
    }

    function test_claimWithdrawal() public {
        deposit(alice, 1000e6);
        Withdrawal[] memory all = new Withdrawal[](64);
        for (uint64 i = 0; i < 64; i++) {
            all[i] = Withdrawal(i, USDC, 1e6, alice);
        }
        uint64 batch = commitWithdrawals(all);
        skip(WINDOW);
        claim(batch, all, 0);
        bytes32[] memory proof = MerkleReference.proof(leavesOf(all), 37);
        settlement.claimWithdrawal(batch, all[37], 37, 64, proof);
        vm.snapshotGasLastCall("Bonded", "claimWithdrawal of 64");
    }

    function test_post() public {
        fill(1);
        batchData.post(tip(), data());
        fill(100);
        batchData.post(tip(), data());
        vm.snapshotGasLastCall("Bonded", "post of 100 orders, 27 kB");
    }

    function test_commitBatch() public {
        commitSome();
        fill(10);
        Progress memory start = tip();
        Chunk[] memory chunks = new Chunk[](1);
        chunks[0] = batchData.post(start, data());
        vm.prank(operator);
        settlement.commitBatch(start.root, chunks, one(Withdrawal(0, USDC, 1, alice)));
        vm.snapshotGasLastCall("Bonded", "commitBatch of a posted chunk");
    }

    function test_challengeStep() public {
        commitSome();
        fill(40);
        BatchOpening memory batch = commit();
        bytes32 batchHash = keccak256(abi.encode(batch.header));
        vm.startPrank(challenger);
        challenges.sealProof(challenges.sealOf(challenger, batchHash, IChallenges.Fraud.Step, 33, "salt"));
        vm.snapshotGasLastCall("Bonded", "sealProof");
        vm.roll(block.number + 1);
        (StepOpening memory opening, bytes memory record) = openStep(33);
        challenges.challengeStep(batch, opening, record, hex"01", "salt");
        vm.snapshotGasLastCall("Bonded", "challengeStep, without witness and execution");
        assertEq(settlement.batches(), 1);
    }
}
