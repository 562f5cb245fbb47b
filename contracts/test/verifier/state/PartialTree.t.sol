// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Test} from "forge-std/Test.sol";
import {PartialTree, Tree} from "src/verifier/state/PartialTree.sol";
import {WitnessMalformed, WitnessMissing} from "src/verifier/state/Witness.sol";
import {NaiveTree} from "test/verifier/state/NaiveTree.sol";

/// The tree in memory against a slow one that knows everything.
contract PartialTreeTest is Test {
    using PartialTree for Tree;
    using NaiveTree for NaiveTree.Leaves;

    NaiveTree.Leaves private leaves;

    /// Opens all of a tree, or only what lies on the way to one key.
    function parse(bytes memory node) external pure returns (bytes32) {
        return _parsed(node).root();
    }

    function test_the_empty_tree_has_the_root_zero_and_nothing_in_it() public pure {
        Tree memory tree;
        assertEq(tree.root(), 0);
        (bool found,) = tree.get(bytes32(uint256(1)));
        assertFalse(found);
        (found,) = tree.firstKey(0, 0);
        assertFalse(found);
        (bytes32[] memory keys,) = tree.all();
        assertEq(keys.length, 0);
        assertFalse(tree.remove(bytes32(uint256(1))));
    }

    function testFuzz_follows_the_naive_tree(uint256 seed, uint8 size, uint8 changes) public {
        _fill(seed, size % 24);
        Tree memory tree;
        if (leaves.keys.length != 0) tree = _parsed(leaves.open(0, true));
        assertEq(tree.root(), leaves.root());
        for (uint256 i = 0; i < changes % 16; ++i) {
            bytes32 key = _key(seed, i % 2 == 0 ? i : 1000 + i);
            if (uint256(keccak256(abi.encode(seed, "remove", i))) % 3 == 0) {
                assertEq(tree.remove(key), leaves.remove(key));
            } else {
                bytes memory value = abi.encode(seed, i);
                tree.set(key, value);
                leaves.set(key, value);
            }
            if (i % 4 == 0) assertEq(tree.root(), leaves.root());
        }
        assertEq(tree.root(), leaves.root());
        _assertSameContents(tree);
    }

    function testFuzz_a_pruned_tree_does_what_the_whole_one_does(uint256 seed, uint8 size, uint8 which) public {
        _fill(seed, 1 + size % 24);
        bytes32 key = which % 2 == 0 ? leaves.keys[which % leaves.keys.length] : _key(seed, 5000 + uint256(which));
        bytes memory node = leaves.open(key, false);

        Tree memory tree = _parsed(node);
        assertEq(tree.root(), leaves.root());
        (bool found, bytes memory value) = tree.get(key);
        assertEq(found, leaves.has(key));
        if (found) assertEq(value, leaves.value(key));

        // The same tree twice: what is done to one, the other does not see.
        Tree memory other = Tree(tree.node);
        bytes32 before = leaves.root();
        tree.set(key, "new");
        leaves.set(key, "new");
        assertEq(tree.root(), leaves.root());
        assertEq(tree.remove(key), leaves.remove(key));
        assertEq(tree.root(), leaves.root());
        assertEq(other.root(), before);
        (bool still,) = other.get(key);
        assertEq(still, found);
    }

    function testFuzz_first_under_a_prefix(uint256 seed, uint8 size, uint8 bits) public {
        _fill(seed, 1 + size % 24);
        Tree memory tree = _parsed(leaves.open(0, true));
        bytes32 prefix = _key(seed, size);
        (bool found, bytes32 key) = tree.firstKey(prefix, bits);
        (bool expected, bytes32 expectedKey) = leaves.first(prefix, bits);
        assertEq(found, expected);
        assertEq(key, expectedKey);
        bytes memory value;
        (found, key, value) = tree.first(prefix, bits);
        if (found) assertEq(value, leaves.value(key));
    }

    function test_what_is_closed_is_missing_and_not_absent() public {
        leaves.set(bytes32(uint256(1)), "one");
        leaves.set(bytes32(uint256(1) << 255), "two");
        bytes memory node = leaves.open(bytes32(uint256(1)), false);
        vm.expectRevert(abi.encodeWithSelector(WitnessMissing.selector, bytes32(uint256(3) << 254)));
        this.readOf(node, bytes32(uint256(3) << 254));
        vm.expectRevert(abi.encodeWithSelector(WitnessMissing.selector, bytes32(uint256(1) << 255)));
        this.writeTo(node, bytes32(uint256(1) << 255));
        vm.expectRevert();
        this.allOf(node);
        assertEq(this.readOf(node, bytes32(uint256(1))), "one");
    }

    function test_a_leaf_without_its_value_shows_absence_and_its_key_only() public {
        bytes32 key = bytes32(uint256(1));
        bytes memory node = abi.encodePacked(uint8(3), key, keccak256("one"));
        leaves.set(key, "one");
        assertEq(this.parse(node), leaves.root());
        vm.expectRevert(abi.encodeWithSelector(WitnessMissing.selector, key));
        this.readOf(node, key);
        assertEq(this.readOf(node, bytes32(uint256(2))), "");
        Tree memory tree = _parsed(node);
        (bool found, bytes32 first) = tree.firstKey(0, 0);
        assertTrue(found);
        assertEq(first, key);
        tree.set(bytes32(uint256(2)), "two");
        leaves.set(bytes32(uint256(2)), "two");
        assertEq(tree.root(), leaves.root());
        (bytes32[] memory keys, bytes[] memory values) = tree.opened();
        assertEq(keys.length, 1);
        assertEq(values[0], "two");
        vm.expectRevert(abi.encodeWithSelector(WitnessMissing.selector, key));
        this.allOf(node);
    }

    function testFuzz_bytes_that_are_no_tree_are_refused(bytes memory junk, uint8 cut) public {
        _fill(7, 6);
        bytes memory node = leaves.open(0, true);
        bytes memory shorter = new bytes(uint256(cut) % node.length);
        for (uint256 i = 0; i < shorter.length; ++i) {
            shorter[i] = node[i];
        }
        vm.expectRevert(WitnessMalformed.selector);
        this.parse(shorter);
        // Whatever junk parses to, it does not become this tree.
        try this.parse(junk) returns (bytes32 root) {
            assertTrue(root != leaves.root());
        } catch {}
    }

    function readOf(bytes memory node, bytes32 key) external pure returns (bytes memory value) {
        (, value) = _parsed(node).get(key);
    }

    function writeTo(bytes memory node, bytes32 key) external pure {
        _parsed(node).set(key, "new");
    }

    function allOf(bytes memory node) external pure {
        _parsed(node).all();
    }

    function _assertSameContents(Tree memory tree) private view {
        (bytes32[] memory keys, bytes[] memory values) = tree.all();
        assertEq(keys.length, leaves.keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            assertEq(keys[i], leaves.keys[i]);
            assertEq(values[i], leaves.values[i]);
        }
    }

    function _fill(uint256 seed, uint256 size) private {
        for (uint256 i = 0; i < size; ++i) {
            leaves.set(_key(seed, i), abi.encodePacked(seed, i, "value"));
        }
    }

    /// Keys that share long prefixes as often as none.
    function _key(uint256 seed, uint256 i) private pure returns (bytes32) {
        uint256 word = uint256(keccak256(abi.encode(seed, i)));
        return bytes32((word << (word % 3 == 0 ? 248 : 0)) | (word % 5 == 0 ? word & 7 : 0));
    }

    function _parsed(bytes memory node) private pure returns (Tree memory tree) {
        // A copy, for parsing writes lengths into it.
        bytes memory data = bytes.concat(node);
        uint256 at;
        assembly ("memory-safe") {
            at := add(data, 0x20)
        }
        uint256 next;
        (tree, next) = PartialTree.parse(at, at + data.length);
        require(next == at + data.length, WitnessMalformed());
    }
}
