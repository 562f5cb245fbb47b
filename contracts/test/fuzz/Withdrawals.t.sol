// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IWithdrawals} from "src/interfaces/IWithdrawals.sol";
import {BinaryMerkle} from "src/libraries/BinaryMerkle.sol";
import {Withdrawal} from "src/types/Withdrawal.sol";

import {ClaimsFixture} from "../utils/ClaimsFixture.sol";
import {MerkleReference} from "../utils/MerkleReference.sol";

contract WithdrawalsFuzzTest is ClaimsFixture {
    function fold(bytes32 leaf, uint64 index, uint64 count, bytes32[] calldata siblings)
        external
        pure
        returns (bytes32)
    {
        return BinaryMerkle.fold(leaf, index, count, siblings);
    }

    function random(uint256 seed, uint256 count) internal pure returns (Withdrawal[] memory withdrawals) {
        withdrawals = new Withdrawal[](count);
        for (uint256 i = 0; i < count; i++) {
            uint256 word = uint256(keccak256(abi.encode(seed, i)));
            withdrawals[i] = Withdrawal(uint64(i), USDC, uint64(1 + (word >> 192) % 1e6), address(uint160(word) | 1));
        }
    }

    function testFuzz_claimsOfARandomTree(uint256 seed, uint8 size) public {
        Withdrawal[] memory all = random(seed, bound(size, 1, 40));
        deposit(alice, 40e6);
        uint64 batch = commitWithdrawals(all);
        skip(WINDOW);
        uint256 paid = 0;
        for (uint64 i = 0; i < all.length; i++) {
            claim(batch, all, i);
            paid += all[i].amount;
        }
        assertEq(usdc.balanceOf(address(settlement)), 40e6 - paid);
        assertEq(settlement.assetAt(USDC).custody, 40e6 - paid);
    }

    function testFuzz_claimsOfWhatIsNotInTheTree(uint256 seed, uint8 size, Withdrawal memory other, uint8 position)
        public
    {
        Withdrawal[] memory all = random(seed, bound(size, 1, 40));
        uint64 index = uint64(bound(position, 0, all.length - 1));
        deposit(alice, 40e6);
        uint64 batch = commitWithdrawals(all);
        skip(WINDOW);
        bytes32[] memory leaves = leavesOf(all);
        for (uint256 i = 0; i < leaves.length; i++) {
            vm.assume(leaves[i] != leafOf(other));
        }
        bytes32[] memory proof = MerkleReference.proof(leaves, index);
        vm.expectPartialRevert(IWithdrawals.WithdrawalProofWrong.selector);
        settlement.claimWithdrawal(batch, other, index, uint64(all.length), proof);
    }

    function testFuzz_foldAgreesWithTheReference(bytes32[] memory leaves, uint256 position) public view {
        vm.assume(leaves.length > 0);
        uint64 index = uint64(bound(position, 0, leaves.length - 1));
        bytes32[] memory proof = MerkleReference.proof(leaves, index);
        bytes32 root = this.fold(leaves[index], index, uint64(leaves.length), proof);
        assertEq(root, MerkleReference.root(leaves));
    }

    function testFuzz_foldOfAnyPositionEnds(bytes32 leaf, uint64 index, uint64 count, bytes32[] calldata siblings)
        public
    {
        // Whatever a prover claims, the fold ends within 64 levels, with a root or one of its two errors.
        (bool folded, bytes memory answer) =
            address(this).call(abi.encodeCall(this.fold, (leaf, index, count, siblings)));
        if (folded) {
            assertLt(index, count);
        } else {
            bytes4 reason = bytes4(answer);
            assertTrue(
                reason == BinaryMerkle.LeafOutOfRange.selector || reason == BinaryMerkle.ProofLengthWrong.selector
            );
        }
    }
}
