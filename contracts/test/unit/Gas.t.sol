// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {BatchHeader} from "src/types/BatchHeader.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {Fixture} from "../utils/Fixture.sol";
import {MerkleReference} from "../utils/MerkleReference.sol";

/// @notice Gas of whole transactions that users and the operator pay for, calldata included; the snapshot is part of
/// the repository.
/// forge-config: default.isolate = true
contract GasTest is Fixture {
    function setUp() public override {
        super.setUp();
        deposit(bob, 1e6);
    }

    /// @dev Bytes without a zero among them, as hashes and signatures nearly are.
    function filled(uint256 length) internal pure returns (bytes memory data) {
        data = new bytes(length);
        for (uint256 i = 0; i < length; i++) {
            data[i] = 0xa5;
        }
    }

    function commitOf(uint256 length) internal {
        bytes memory first = filled(32);
        commit(nextHeader(first), first);
        bytes memory data = filled(length);
        BatchHeader memory header = nextHeader(data);
        header.withdrawalRoot = keccak256("withdrawals");
        vm.prank(operator);
        settlement.commitBatch(header, data);
    }

    function test_deposit() public {
        usdc.mint(alice, 5e6);
        vm.startPrank(alice);
        usdc.approve(address(settlement), 5e6);
        settlement.deposit(USDC, 5e6, 0);
        vm.snapshotGasLastCall("Settlement", "deposit");
    }

    function test_forceWithdraw() public {
        vm.prank(alice);
        settlement.forceWithdraw(1, USDC, 1e6, alice);
        vm.snapshotGasLastCall("Settlement", "forceWithdraw");
    }

    function test_commitBatch1kB() public {
        commitOf(1000);
        vm.snapshotGasLastCall("Settlement", "commitBatch 1 kB");
    }

    function test_commitBatch50kB() public {
        commitOf(50_000);
        vm.snapshotGasLastCall("Settlement", "commitBatch 50 kB");
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
        vm.snapshotGasLastCall("Settlement", "claimWithdrawal of 64");
    }
}
