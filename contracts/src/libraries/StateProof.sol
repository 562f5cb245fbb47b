// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice A leaf of the state and its path.
/// @param trees Roots of the five trees: accounts, books, instruments, keys, globals
/// @param key Key of the leaf
/// @param value Value of the leaf
/// @param bits Bits of the nodes above it, from the leaf up, strictly descending
/// @param siblings Their other children
struct StatePath {
    bytes32[5] trees;
    bytes32 key;
    bytes value;
    uint16[] bits;
    bytes32[] siblings;
}

/// @title Proofs about one leaf of the state
/// @notice Membership and absence in the path-compressed trees of docs/protocol/state.md.
library StateProof {
    /// @notice Number of the tree of accounts.
    uint256 internal constant ACCOUNTS = 0;
    /// @notice Number of the tree of instruments.
    uint256 internal constant INSTRUMENTS = 2;
    /// @notice Number of the tree of globals.
    uint256 internal constant GLOBALS = 4;
    /// @notice Key of the counters among the globals.
    bytes32 internal constant COUNTERS = bytes32(uint256(3) << 248);
    /// @notice Key of the totals among the globals.
    bytes32 internal constant TOTALS = bytes32(uint256(9) << 248);

    /// @dev What every state root starts with.
    bytes private constant _DOMAIN = "synchromesh.state.v1";

    /// @notice The trees are not those of the root.
    error StateRootWrong(bytes32 root, bytes32 expected);

    /// @notice The path leads to another root of the tree.
    error TreeRootWrong(bytes32 root, bytes32 expected);

    /// @notice Bits and siblings differ in number, or the bits do not descend below 256.
    error PathMalformed();

    /// @notice The leaf has another key than the one in question, or shows nothing about its absence.
    error LeafElsewhere(bytes32 key);

    /// @notice The value of a leaf that the state holds; reverts when the path does not show it.
    /// @param root The state root
    /// @param tree Number of the tree
    /// @param key Key of the leaf
    /// @param path The leaf and its path
    function member(bytes32 root, uint256 tree, bytes32 key, StatePath calldata path)
        internal
        pure
        returns (bytes calldata)
    {
        require(path.key == key, LeafElsewhere(path.key));
        _requireInTree(root, tree, path);
        return path.value;
    }

    /// @notice Reverts unless the path shows that the state holds the key, or that it does not.
    /// @return present Whether it does
    function lookUp(bytes32 root, uint256 tree, bytes32 key, StatePath calldata path)
        internal
        pure
        returns (bool present)
    {
        if (path.key == key) {
            _requireInTree(root, tree, path);
            return true;
        }
        if (path.trees[tree] == 0) {
            _requireTrees(root, path);
            return false;
        }
        // A search for the key tests the bits of the path; where they agree it ends at this leaf.
        for (uint256 i = 0; i < path.bits.length; i++) {
            require(_bit(key, path.bits[i]) == _bit(path.key, path.bits[i]), LeafElsewhere(path.key));
        }
        _requireInTree(root, tree, path);
        return false;
    }

    function _requireInTree(bytes32 root, uint256 tree, StatePath calldata path) private pure {
        _requireTrees(root, path);
        bytes32 found = _fold(path);
        require(found == path.trees[tree], TreeRootWrong(found, path.trees[tree]));
    }

    function _requireTrees(bytes32 root, StatePath calldata path) private pure {
        bytes32 found = keccak256(abi.encodePacked(_DOMAIN, path.trees));
        require(found == root, StateRootWrong(found, root));
    }

    function _fold(StatePath calldata path) private pure returns (bytes32 node) {
        require(path.bits.length == path.siblings.length, PathMalformed());
        node = keccak256(abi.encodePacked(bytes1(0x00), path.key, keccak256(path.value)));
        uint256 above = 256;
        for (uint256 i = 0; i < path.bits.length; i++) {
            uint16 bit = path.bits[i];
            require(bit < above, PathMalformed());
            above = bit;
            (bytes32 left, bytes32 right) = _bit(path.key, bit) ? (path.siblings[i], node) : (node, path.siblings[i]);
            node = keccak256(abi.encodePacked(bytes1(0x01), bit, left, right));
        }
    }

    function _bit(bytes32 key, uint16 bit) private pure returns (bool) {
        return (uint256(key) >> (255 - uint256(bit))) & 1 == 1;
    }
}
