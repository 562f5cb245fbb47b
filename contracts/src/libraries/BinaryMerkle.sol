// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";

/// @title Merkle tree of lists
/// @notice `leaf = keccak(0x00 ‖ item)`, `inner = keccak(0x01 ‖ left ‖ right)`, an odd node is promoted unchanged and
/// the empty list has the root zero. The prefixes keep a leaf from passing for an inner node, so a position that a
/// prover makes up leads to another item of the list or to no root at all, never to an item that is not in it.
library BinaryMerkle {
    /// @notice The claimed leaf position does not exist in a list of the claimed length.
    error LeafOutOfRange(uint64 index, uint64 count);

    /// @notice A proof has too few or too many siblings for its position.
    error ProofLengthWrong(uint256 length, uint256 expected);

    /// @notice The leaf of an item.
    function leaf(bytes memory item) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x00), item));
    }

    /// @notice The parent of two nodes.
    function inner(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x01), left, right));
    }

    /// @notice The root over the first `count` of `nodes`, whose memory is used up for it.
    function root(bytes32[] memory nodes, uint256 count) internal pure returns (bytes32) {
        if (count == 0) return bytes32(0);
        // The preimage of a node is scratch: its memory is used again for the next one.
        Memory.Pointer free = Memory.getFreeMemoryPointer();
        for (; count > 1; count = count / 2 + count % 2) {
            for (uint256 i = 0; i + 1 < count; i += 2) {
                nodes[i / 2] = inner(nodes[i], nodes[i + 1]);
                Memory.unsafeSetFreeMemoryPointer(free);
            }
            if (count % 2 == 1) nodes[count / 2] = nodes[count - 1];
        }
        return nodes[0];
    }

    /// @notice The root that follows from a leaf and its siblings.
    /// @param node The leaf
    /// @param index Position of the leaf, from 0
    /// @param count Number of leaves
    /// @param siblings Siblings from the leaf up; a level where the node is promoted has none
    function fold(bytes32 node, uint64 index, uint64 count, bytes32[] calldata siblings)
        internal
        pure
        returns (bytes32)
    {
        require(index < count, LeafOutOfRange(index, count));
        uint256 used = 0;
        uint64 position = index;
        for (uint64 width = count; width > 1; width = width / 2 + width % 2) {
            bool right = position % 2 == 1;
            if (right || position + 1 < width) {
                require(used < siblings.length, ProofLengthWrong(siblings.length, used + 1));
                bytes32 sibling = siblings[used++];
                node = right ? inner(sibling, node) : inner(node, sibling);
            }
            position /= 2;
        }
        require(used == siblings.length, ProofLengthWrong(siblings.length, used));
        return node;
    }
}
