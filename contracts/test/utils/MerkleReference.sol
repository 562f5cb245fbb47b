// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice The list tree written down a second time, level by level, with proofs: what {BinaryMerkle} is checked
/// against.
library MerkleReference {
    function root(bytes32[] memory leaves) internal pure returns (bytes32) {
        if (leaves.length == 0) return bytes32(0);
        while (leaves.length > 1) {
            leaves = parents(leaves);
        }
        return leaves[0];
    }

    function proof(bytes32[] memory leaves, uint256 index) internal pure returns (bytes32[] memory siblings) {
        bytes32[] memory path = new bytes32[](64);
        uint256 length = 0;
        while (leaves.length > 1) {
            uint256 sibling = index ^ 1;
            if (sibling < leaves.length) path[length++] = leaves[sibling];
            leaves = parents(leaves);
            index /= 2;
        }
        siblings = new bytes32[](length);
        for (uint256 i = 0; i < length; i++) {
            siblings[i] = path[i];
        }
    }

    function parents(bytes32[] memory level) private pure returns (bytes32[] memory above) {
        above = new bytes32[]((level.length + 1) / 2);
        for (uint256 i = 0; i < above.length; i++) {
            above[i] = 2 * i + 1 < level.length
                ? keccak256(bytes.concat(hex"01", level[2 * i], level[2 * i + 1]))
                : level[2 * i];
        }
    }
}
