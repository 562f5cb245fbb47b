// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {PartialTree, Tree} from "src/verifier/state/PartialTree.sol";
import {WitnessMalformed, WitnessMissing} from "src/verifier/state/Witness.sol";
import {AccountLeaf} from "src/verifier/state/leaves/AccountLeaf.sol";

/// @notice A subaccount that is being worked on: its leaf and the trees below it. See `Accounts`.
/// @param next Address of the one that was opened before it; 0: none
/// @param id Its id
/// @param leaf Its leaf; roots and numbers of the trees below follow when the step closes
/// @param orders Its open orders by id
/// @param holdings What it has, by instrument
struct Account {
    uint256 next;
    uint256 id;
    AccountLeaf leaf;
    Tree orders;
    Tree holdings;
}

/// @notice The state as far as a witness shows it.
/// @param accounts Subaccounts
/// @param books Resting orders
/// @param instruments Instruments, underlyings, expiries and names
/// @param keys Addresses that sign
/// @param globals Everything else
/// @param nodes Other trees, and those that a step made: their upper nodes, in a table by root with free places
/// @param free Free places of it
/// @param preimages Where the preimages start: what tables of the state hash to
/// @param end Where the witness ends
/// @param opened Address of the subaccount that was opened last; 0: none
/// @param parameters The parameter table, empty until it is read
struct Ledger {
    Tree accounts;
    Tree books;
    Tree instruments;
    Tree keys;
    Tree globals;
    uint256[] nodes;
    uint256 free;
    uint256 preimages;
    uint256 end;
    uint256 opened;
    bytes parameters;
}

/// @title Ledgers
/// @notice Reads a witness, checks it against the state root, and gives the state root behind the step.
library Ledgers {
    using PartialTree for Tree;

    bytes20 private constant STATE_DOMAIN = "synchromesh.state.v1";

    /// @notice The ledger that a witness shows.
    /// @param witness `trees u16 ‖ (length u24 ‖ node)* ‖ preimages u16 ‖ (length u24 ‖ bytes)*`
    /// @param stateRoot The root that its five trees must have
    function open(bytes memory witness, bytes32 stateRoot) internal pure returns (Ledger memory ledger) {
        uint256 at;
        assembly ("memory-safe") {
            at := add(witness, 0x20)
        }
        uint256 end = at + witness.length;
        uint256 trees;
        (trees, at) = _number(at, end, 2);
        require(trees >= 5, WitnessMalformed());
        (ledger.accounts, at) = _tree(at, end);
        (ledger.books, at) = _tree(at, end);
        (ledger.instruments, at) = _tree(at, end);
        (ledger.keys, at) = _tree(at, end);
        (ledger.globals, at) = _tree(at, end);
        require(root(ledger) == stateRoot, WitnessMalformed());

        // More than twice the places: there is room for what a step makes, and searches end soon.
        uint256 places = 64;
        while (places < 2 * trees + 64) {
            places *= 2;
        }
        ledger.nodes = new uint256[](places);
        ledger.free = places;
        for (uint256 i = 5; i < trees; ++i) {
            Tree memory tree;
            (tree, at) = _tree(at, end);
            keep(ledger, tree);
        }
        (ledger.preimages, ledger.end) = (at, end);
    }

    /// @notice The state root.
    function root(Ledger memory ledger) internal pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                STATE_DOMAIN,
                ledger.accounts.root(),
                ledger.books.root(),
                ledger.instruments.root(),
                ledger.keys.root(),
                ledger.globals.root()
            )
        );
    }

    /// @notice The tree with a root: one of the witness beside the five, or one that was kept. Changes to it are seen by
    /// nobody else until it is kept again.
    function nested(Ledger memory ledger, bytes32 treeRoot) internal pure returns (Tree memory tree) {
        if (treeRoot == 0) return tree;
        tree.node = ledger.nodes[_place(ledger, treeRoot)];
        require(tree.node != 0, WitnessMissing(treeRoot));
    }

    /// @notice Whether `nested` finds a tree with that root.
    function hasNested(Ledger memory ledger, bytes32 treeRoot) internal pure returns (bool) {
        return treeRoot == 0 || ledger.nodes[_place(ledger, treeRoot)] != 0;
    }

    /// @notice Keeps a tree, so that its root finds it, and returns the root.
    function keep(Ledger memory ledger, Tree memory tree) internal pure returns (bytes32 treeRoot) {
        treeRoot = tree.root();
        if (treeRoot == 0) return 0;
        uint256 place = _place(ledger, treeRoot);
        if (ledger.nodes[place] == 0) {
            ledger.nodes[place] = tree.node;
            // A search needs a free place to end at; no step makes as many trees as there are.
            require(--ledger.free != 0, WitnessMalformed());
        }
    }

    /// @notice The bytes with a hash.
    function preimage(Ledger memory ledger, bytes32 hash) internal pure returns (bytes memory data) {
        (uint256 count, uint256 at) = _number(ledger.preimages, ledger.end, 2);
        for (; count != 0; --count) {
            uint256 length;
            (length, at) = _number(at, ledger.end, 3);
            require(at + length <= ledger.end, WitnessMalformed());
            bytes32 found;
            assembly ("memory-safe") {
                found := keccak256(at, length)
            }
            if (found == hash) {
                data = new bytes(length);
                assembly ("memory-safe") {
                    mcopy(add(data, 0x20), at, length)
                }
                return data;
            }
            at += length;
        }
        revert WitnessMissing(hash);
    }

    /// Where a tree with that root is, or would be.
    function _place(Ledger memory ledger, bytes32 treeRoot) private pure returns (uint256 place) {
        uint256 mask = ledger.nodes.length - 1;
        for (place = uint256(treeRoot) & mask;; place = (place + 1) & mask) {
            uint256 node = ledger.nodes[place];
            if (node == 0 || PartialTree.hashOf(node) == treeRoot) return place;
        }
    }

    function _tree(uint256 at, uint256 end) private pure returns (Tree memory tree, uint256 next) {
        uint256 length;
        (length, at) = _number(at, end, 3);
        next = at + length;
        require(next <= end, WitnessMalformed());
        if (length == 0) return (tree, next);
        uint256 behind;
        (tree, behind) = PartialTree.parse(at, next);
        require(behind == next, WitnessMalformed());
    }

    function _number(uint256 at, uint256 end, uint256 width) private pure returns (uint256 value, uint256 next) {
        next = at + width;
        require(next <= end, WitnessMalformed());
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, width)), mload(at))
        }
    }
}
