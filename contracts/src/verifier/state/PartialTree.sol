// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {LibBit} from "solady/utils/LibBit.sol";
import {WitnessMalformed, WitnessMissing} from "src/verifier/state/Witness.sol";

/// @notice A tree of the state, as far as a witness opens it.
/// @param node Its upper node, 0 for the empty tree
struct Tree {
    uint256 node;
}

/// @title Partial Merkle trees
/// @notice The path-compressed tries of docs/protocol/state.md in memory. Subtrees that the witness does not open are known
/// by their hash only; whatever would have to look into one reverts with `WitnessMissing`, so a tree never answers
/// what it does not prove.
/// @dev A node is four words: `kind | bit << 8`, hash, left child or key, right child or value. A hash of zero is not yet
/// computed. Only nodes that changed have none, and only they are changed in place; all others are copied first. So
/// trees may share nodes, and none disturbs another.
///
/// The structure of a tree is bound by its root. That its bits descend and its keys fit them was true when each leaf
/// came in, so it is not checked again.
library PartialTree {
    /// A subtree that is not opened.
    uint256 private constant CLOSED = 0;
    /// An inner node.
    uint256 private constant INNER = 1;
    /// A leaf with its value.
    uint256 private constant LEAF = 2;
    /// A leaf of which only the hash of the value is known.
    uint256 private constant SHADE = 3;

    /// @notice Reads one tree, a node in preorder.
    /// @dev A value stays where it is: its length word is written over its key, which the node holds.
    /// @param at Where it starts in memory
    /// @param end Where the witness ends
    /// @return tree The tree
    /// @return next Where it ends
    function parse(uint256 at, uint256 end) internal pure returns (Tree memory tree, uint256 next) {
        uint256 malformed = 0;
        uint256 node = 0;
        assembly ("memory-safe") {
            let start := mload(0x40)
            let free := start
            // Inner nodes whose right child is still to come are chained through it.
            let pending := 0
            let slot := 0
            for {} 1 {} {
                let head := mload(at)
                let kind := byte(0, head)
                if slot { mstore(slot, free) }
                switch kind
                case 0 {
                    mstore(free, CLOSED)
                    mstore(add(free, 0x20), mload(add(at, 1)))
                    at := add(at, 33)
                }
                case 1 {
                    mstore(free, or(INNER, shl(8, and(shr(232, head), 0xffff))))
                    at := add(at, 3)
                }
                case 2 {
                    let length := shr(240, mload(add(at, 33)))
                    let value := add(at, 35)
                    mstore(free, LEAF)
                    mstore(add(free, 0x40), mload(add(at, 1)))
                    mstore(add(free, 0x60), sub(value, 0x20))
                    at := add(value, length)
                    if iszero(gt(at, end)) { mstore(sub(value, 0x20), length) }
                }
                case 3 {
                    mstore(free, SHADE)
                    mstore(add(free, 0x40), mload(add(at, 1)))
                    mstore(add(free, 0x60), mload(add(at, 33)))
                    at := add(at, 65)
                }
                default { malformed := 1 }
                if or(malformed, gt(at, end)) {
                    malformed := 1
                    break
                }
                if eq(kind, INNER) {
                    mstore(add(free, 0x60), pending)
                    pending := free
                    slot := add(free, 0x40)
                    free := add(free, 0x80)
                    continue
                }
                free := add(free, 0x80)
                if iszero(pending) { break }
                slot := add(pending, 0x60)
                pending := mload(slot)
            }
            mstore(0x40, free)
            // Children come behind their parents.
            if iszero(malformed) {
                node := start
                for { let n := sub(free, 0x80) } iszero(lt(n, start)) { n := sub(n, 0x80) } {
                    let meta := mload(n)
                    switch and(meta, 0xff)
                    case 1 {
                        mstore(free, or(shl(248, 1), shl(232, shr(8, meta))))
                        mstore(add(free, 3), mload(add(mload(add(n, 0x40)), 0x20)))
                        mstore(add(free, 35), mload(add(mload(add(n, 0x60)), 0x20)))
                        mstore(add(n, 0x20), keccak256(free, 67))
                    }
                    case 2 {
                        let value := mload(add(n, 0x60))
                        mstore8(free, 0)
                        mstore(add(free, 1), mload(add(n, 0x40)))
                        mstore(add(free, 33), keccak256(add(value, 0x20), mload(value)))
                        mstore(add(n, 0x20), keccak256(free, 65))
                    }
                    case 3 {
                        mstore8(free, 0)
                        mstore(add(free, 1), mload(add(n, 0x40)))
                        mstore(add(free, 33), mload(add(n, 0x60)))
                        mstore(add(n, 0x20), keccak256(free, 65))
                    }
                }
            }
        }
        require(malformed == 0, WitnessMalformed());
        tree.node = node;
        next = at;
    }

    /// @notice A tree of which only the root is known.
    function closed(bytes32 hash) internal pure returns (Tree memory tree) {
        uint256 node = _newNode(CLOSED, 0, 0);
        assembly ("memory-safe") {
            mstore(add(node, 0x20), hash)
        }
        tree.node = node;
    }

    /// @notice The value under a key.
    /// @param value A view into the witness, not to be written into
    function get(Tree memory tree, bytes32 key) internal pure returns (bool found, bytes memory value) {
        uint256 node = _closest(tree.node, key);
        if (node == 0 || _key(node) != key) return (false, "");
        return (true, _value(node));
    }

    /// @notice The leftmost leaf whose key starts with the first `bits` bits of `prefix`.
    function first(Tree memory tree, bytes32 prefix, uint256 bits)
        internal
        pure
        returns (bool found, bytes32 key, bytes memory value)
    {
        uint256 node = _leftmost(tree.node, prefix, bits);
        if (node == 0) return (false, 0, "");
        return (true, _key(node), _value(node));
    }

    /// @notice The key of that leaf, whether the witness shows its value or not.
    function firstKey(Tree memory tree, bytes32 prefix, uint256 bits) internal pure returns (bool found, bytes32 key) {
        uint256 node = _leftmost(tree.node, prefix, bits);
        return node == 0 ? (false, bytes32(0)) : (true, _key(node));
    }

    /// @notice Every leaf, ascending.
    function all(Tree memory tree) internal pure returns (bytes32[] memory keys, bytes[] memory values) {
        uint256 count = tree.node == 0 ? 0 : _count(tree.node, true);
        keys = new bytes32[](count);
        values = new bytes[](count);
        if (count != 0) _collect(tree.node, keys, values, 0);
    }

    /// @notice The leaves that the witness shows with their value, ascending; there may be more.
    function opened(Tree memory tree) internal pure returns (bytes32[] memory keys, bytes[] memory values) {
        uint256 count = tree.node == 0 ? 0 : _count(tree.node, false);
        keys = new bytes32[](count);
        values = new bytes[](count);
        if (count != 0) _collect(tree.node, keys, values, 0);
    }

    /// @notice Puts a value under a key.
    function set(Tree memory tree, bytes32 key, bytes memory value) internal pure {
        uint256 leaf = _newNode(LEAF, uint256(key), _pointer(value));
        uint256 closest = _closest(tree.node, key);
        if (closest == 0) {
            tree.node = leaf;
            return;
        }
        bytes32 other = _key(closest);
        uint256 bit = other == key ? 256 : LibBit.clz(uint256(other ^ key));
        (uint256 slot, uint256 node) = _ownedPath(tree, key, bit);
        if (bit < 256) {
            leaf = _bitOf(key, bit) == 0
                ? _newNode(INNER | (bit << 8), leaf, node)
                : _newNode(INNER | (bit << 8), node, leaf);
        }
        assembly ("memory-safe") {
            mstore(slot, leaf)
        }
    }

    /// @notice Takes a key out; says whether it was there.
    function remove(Tree memory tree, bytes32 key) internal pure returns (bool found) {
        uint256 leaf = _closest(tree.node, key);
        if (leaf == 0 || _key(leaf) != key) return false;
        if (leaf == tree.node) {
            tree.node = 0;
            return true;
        }
        uint256 bit = _parentBit(tree.node, key);
        (uint256 slot, uint256 parent) = _ownedPath(tree, key, bit);
        // The sibling takes the place of the parent.
        assembly ("memory-safe") {
            mstore(slot, mload(add(parent, xor(0x60, shl(5, and(1, shr(sub(255, bit), key)))))))
        }
        return true;
    }

    /// @notice The root.
    function root(Tree memory tree) internal pure returns (bytes32 hash) {
        uint256 node = tree.node;
        if (node == 0) return 0;
        assembly ("memory-safe") {
            // A stack of nodes to hash grows from the free memory; what is hashed is put together above it.
            let base := mload(0x40)
            mstore(base, node)
            for { let top := add(base, 0x20) } gt(top, base) {} {
                let n := mload(sub(top, 0x20))
                let meta := mload(n)
                let kind := and(meta, 0xff)
                // A closed node is what it says to be; a hash that is known stays.
                if or(iszero(kind), iszero(iszero(mload(add(n, 0x20))))) {
                    top := sub(top, 0x20)
                    continue
                }
                if eq(kind, LEAF) {
                    let value := mload(add(n, 0x60))
                    mstore8(top, 0)
                    mstore(add(top, 1), mload(add(n, 0x40)))
                    mstore(add(top, 33), keccak256(add(value, 0x20), mload(value)))
                    mstore(add(n, 0x20), keccak256(top, 65))
                    top := sub(top, 0x20)
                    continue
                }
                let left := mload(add(n, 0x40))
                let right := mload(add(n, 0x60))
                let waits := 0
                if iszero(or(mload(add(left, 0x20)), iszero(and(mload(left), 0xff)))) {
                    mstore(top, left)
                    top := add(top, 0x20)
                    waits := 1
                }
                if iszero(or(mload(add(right, 0x20)), iszero(and(mload(right), 0xff)))) {
                    mstore(top, right)
                    top := add(top, 0x20)
                    waits := 1
                }
                if waits { continue }
                mstore(top, or(shl(248, 1), shl(232, shr(8, meta))))
                mstore(add(top, 3), mload(add(left, 0x20)))
                mstore(add(top, 35), mload(add(right, 0x20)))
                mstore(add(n, 0x20), keccak256(top, 67))
                top := sub(top, 0x20)
            }
            hash := mload(add(node, 0x20))
        }
    }

    /// @notice The hash of a node that was hashed: the root of the tree below it.
    function hashOf(uint256 node) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            hash := mload(add(node, 0x20))
        }
    }

    /// The leaf at which a search for `key` ends; 0 in the empty tree.
    function _closest(uint256 node, bytes32 key) private pure returns (uint256) {
        uint256 kind = CLOSED;
        assembly ("memory-safe") {
            // The empty tree has no node; what lies in memory at 0 is not looked at.
            if node {
                let meta := mload(node)
                for {} eq(and(meta, 0xff), INNER) {} {
                    node := mload(add(add(node, 0x40), shl(5, and(1, shr(sub(255, shr(8, meta)), key)))))
                    meta := mload(node)
                }
                kind := and(meta, 0xff)
            }
        }
        require(node == 0 || kind != CLOSED, WitnessMissing(key));
        return node;
    }

    /// The leftmost leaf under a prefix; 0 when there is none.
    function _leftmost(uint256 node, bytes32 prefix, uint256 bits) private pure returns (uint256) {
        // A search that goes left wherever the prefix does not say otherwise.
        bytes32 mask = bits == 0 ? bytes32(0) : bytes32(type(uint256).max << (256 - bits));
        bytes32 low = prefix & mask;
        node = _closest(node, low);
        return node == 0 || _key(node) & mask != low ? 0 : node;
    }

    /// Makes the nodes with a bit below `bit` on the way to `key` changeable. Returns the first node behind them and the
    /// place that points to it.
    function _ownedPath(Tree memory tree, bytes32 key, uint256 bit) private pure returns (uint256 slot, uint256 node) {
        assembly ("memory-safe") {
            slot := tree
            node := mload(slot)
            let free := mload(0x40)
            for {} 1 {} {
                let meta := mload(node)
                if iszero(and(eq(and(meta, 0xff), INNER), lt(shr(8, meta), bit))) { break }
                if mload(add(node, 0x20)) {
                    mstore(free, meta)
                    mstore(add(free, 0x20), 0)
                    mcopy(add(free, 0x40), add(node, 0x40), 0x40)
                    mstore(slot, free)
                    node := free
                    free := add(free, 0x80)
                }
                slot := add(add(node, 0x40), shl(5, and(1, shr(sub(255, shr(8, meta)), key))))
                node := mload(slot)
            }
            mstore(0x40, free)
        }
    }

    /// The bit of the last inner node on the way to `key`, whose search ends at a leaf below the node.
    function _parentBit(uint256 node, bytes32 key) private pure returns (uint256 bit) {
        assembly ("memory-safe") {
            for { let meta := mload(node) } eq(and(meta, 0xff), INNER) { meta := mload(node) } {
                bit := shr(8, meta)
                node := mload(add(add(node, 0x40), shl(5, and(1, shr(sub(255, bit), key)))))
            }
        }
    }

    /// Leaves with a value below a node; with `complete`, there may be nothing else.
    function _count(uint256 node, bool complete) private pure returns (uint256) {
        (uint256 kind, uint256 left, uint256 right) = _parts(node);
        if (kind == INNER) return _count(left, complete) + _count(right, complete);
        require(kind == LEAF || !complete, WitnessMissing(bytes32(left)));
        return kind == LEAF ? 1 : 0;
    }

    /// Puts the leaves with a value below a node into the lists from `at` on; returns where they end.
    function _collect(uint256 node, bytes32[] memory keys, bytes[] memory values, uint256 at)
        private
        pure
        returns (uint256)
    {
        (uint256 kind, uint256 left, uint256 right) = _parts(node);
        if (kind == INNER) return _collect(right, keys, values, _collect(left, keys, values, at));
        if (kind != LEAF) return at;
        keys[at] = bytes32(left);
        values[at] = _value(node);
        return at + 1;
    }

    function _parts(uint256 node) private pure returns (uint256 kind, uint256 left, uint256 right) {
        assembly ("memory-safe") {
            kind := and(mload(node), 0xff)
            left := mload(add(node, 0x40))
            right := mload(add(node, 0x60))
        }
    }

    function _newNode(uint256 meta, uint256 left, uint256 right) private pure returns (uint256 node) {
        assembly ("memory-safe") {
            node := mload(0x40)
            mstore(node, meta)
            mstore(add(node, 0x20), 0)
            mstore(add(node, 0x40), left)
            mstore(add(node, 0x60), right)
            mstore(0x40, add(node, 0x80))
        }
    }

    function _key(uint256 leaf) private pure returns (bytes32 key) {
        assembly ("memory-safe") {
            key := mload(add(leaf, 0x40))
        }
    }

    function _value(uint256 leaf) private pure returns (bytes memory value) {
        uint256 kind = 0;
        assembly ("memory-safe") {
            kind := and(mload(leaf), 0xff)
            value := mload(add(leaf, 0x60))
        }
        require(kind == LEAF, WitnessMissing(_key(leaf)));
    }

    function _pointer(bytes memory value) private pure returns (uint256 pointer) {
        assembly ("memory-safe") {
            pointer := value
        }
    }

    function _bitOf(bytes32 key, uint256 bit) private pure returns (uint256) {
        return (uint256(key) >> (255 - bit)) & 1;
    }
}
