// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice Writes states down as witnesses that open everything, and computes their roots: trees built from the definition in
/// docs/protocol/state.md, not by the verifier's code.
library StateWriter {
    /// @dev Leaves of a tree in ascending order of keys.
    struct Leaves {
        bytes32[] keys;
        bytes[] values;
    }

    function empty() internal pure returns (Leaves memory) {
        return Leaves(new bytes32[](0), new bytes[](0));
    }

    function put(Leaves memory leaves, bytes32 key, bytes memory value) internal pure {
        uint256 length = leaves.keys.length;
        bytes32[] memory keys = new bytes32[](length + 1);
        bytes[] memory values = new bytes[](length + 1);
        uint256 at = 0;
        for (; at < length && leaves.keys[at] < key; at++) {
            (keys[at], values[at]) = (leaves.keys[at], leaves.values[at]);
        }
        (keys[at], values[at]) = (key, value);
        for (uint256 i = at; i < length; i++) {
            (keys[i + 1], values[i + 1]) = (leaves.keys[i], leaves.values[i]);
        }
        (leaves.keys, leaves.values) = (keys, values);
    }

    /// @dev Root of a tree, and its nodes in preorder.
    function write(Leaves memory leaves) internal pure returns (bytes32 root, bytes memory nodes) {
        if (leaves.keys.length == 0) return (0, "");
        return _node(leaves, 0, leaves.keys.length);
    }

    /// @dev The state root of five trees in the order of the protocol, and a witness of them, of other trees and preimages.
    function witness(Leaves[5] memory trees, Leaves[] memory nested, bytes[] memory preimages)
        internal
        pure
        returns (bytes32 root, bytes memory all)
    {
        bytes32[5] memory roots;
        all = abi.encodePacked(uint16(5 + nested.length));
        bytes memory nodes;
        for (uint256 i = 0; i < 5; i++) {
            (roots[i], nodes) = write(trees[i]);
            all = abi.encodePacked(all, uint24(nodes.length), nodes);
        }
        for (uint256 i = 0; i < nested.length; i++) {
            (, nodes) = write(nested[i]);
            all = abi.encodePacked(all, uint24(nodes.length), nodes);
        }
        all = abi.encodePacked(all, uint16(preimages.length));
        for (uint256 i = 0; i < preimages.length; i++) {
            all = abi.encodePacked(all, uint24(preimages[i].length), preimages[i]);
        }
        root = keccak256(abi.encodePacked("synchromesh.state.v1", roots));
    }

    function _node(Leaves memory leaves, uint256 start, uint256 end)
        private
        pure
        returns (bytes32 root, bytes memory nodes)
    {
        bytes32 key = leaves.keys[start];
        bytes memory value = leaves.values[start];
        if (end == start + 1) {
            return (
                keccak256(abi.encodePacked(bytes1(0), key, keccak256(value))),
                abi.encodePacked(uint8(2), key, uint16(value.length), value)
            );
        }
        uint16 bit = 0;
        for (uint256 differ = uint256(key ^ leaves.keys[end - 1]); differ >> 255 == 0; differ <<= 1) {
            bit++;
        }
        uint256 middle = start;
        while (uint256(leaves.keys[middle]) >> (255 - bit) & 1 == 0) {
            middle++;
        }
        (bytes32 left, bytes memory leftNodes) = _node(leaves, start, middle);
        (bytes32 right, bytes memory rightNodes) = _node(leaves, middle, end);
        root = keccak256(abi.encodePacked(bytes1(0x01), bit, left, right));
        nodes = abi.encodePacked(uint8(1), bit, leftNodes, rightNodes);
    }
}
