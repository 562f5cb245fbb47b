//! The tree that commits state: a path-compressed Merkle trie of 32-byte keys, held in an arena.
//!
//! `leaf = keccak(0x00 ‖ key ‖ keccak(value))`, `inner = keccak(0x01 ‖ bit u16 ‖ left ‖ right)` where `bit` is the first
//! bit in which the keys below differ, the empty tree is zero. The shape follows from the keys alone, so equal
//! contents have equal roots whatever the history. Hashes are cached and renewed when a root is asked for, so a change
//! costs its own path, and many changes between two roots share the upper part of theirs.

pub mod prune;

use crate::proof::{PathItem, Prefix, Proof};
use protocol::{Hash, keccak256};

/// A key. Bit 0 is the most significant bit of byte 0; leaves ascend by key from left to right.
pub type Key = [u8; 32];

/// Bits of a key.
pub const KEY_BITS: u16 = 256;

/// Hash of a leaf.
#[must_use]
pub fn leaf_hash(key: &Key, value_hash: &Hash) -> Hash {
    keccak256(&[&[0], key, &value_hash.0])
}

/// Hash of the inner node at `bit`.
#[must_use]
pub fn inner_hash(bit: u16, left: &Hash, right: &Hash) -> Hash {
    keccak256(&[&[1], &bit.to_be_bytes(), &left.0, &right.0])
}

/// Value of one bit of a key.
#[must_use]
pub fn bit_of(key: &Key, bit: u16) -> bool {
    key[usize::from(bit / 8)] >> (7 - bit % 8) & 1 == 1
}

/// The first bit in which two keys differ; `None` when they are equal.
#[must_use]
pub fn first_difference(a: &Key, b: &Key) -> Option<u16> {
    let byte = a.iter().zip(b).position(|(x, y)| x != y)?;
    Some(byte as u16 * 8 + (a[byte] ^ b[byte]).leading_zeros() as u16)
}

/// Root over `leaves` (keys and hashes of values), built without any cache; they must ascend strictly by key.
///
/// # Panics
/// When the keys do not ascend strictly.
#[must_use]
pub fn root_of(leaves: &[(Key, Hash)]) -> Hash {
    match leaves {
        [] => Hash::ZERO,
        [(key, value_hash)] => leaf_hash(key, value_hash),
        [(first, _), .., (last, _)] => {
            assert!(first < last, "leaves must ascend strictly by key");
            let bit = first_difference(first, last).expect("distinct keys differ in a bit");
            let split = leaves.partition_point(|(key, _)| !bit_of(key, bit));
            inner_hash(bit, &root_of(&leaves[..split]), &root_of(&leaves[split..]))
        }
    }
}

/// Index into one of the two arenas: leaves have the top bit set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Node(u32);

/// Where a node is, resolved.
enum Place {
    Leaf(usize),
    Inner(usize),
}

impl Node {
    const LEAF: u32 = 1 << 31;

    fn leaf(index: usize) -> Self {
        Self(Self::bounded(index) | Self::LEAF)
    }

    fn inner(index: usize) -> Self {
        Self(Self::bounded(index))
    }

    fn bounded(index: usize) -> u32 {
        assert!(index < Self::LEAF as usize, "a tree holds fewer than 2^31 leaves");
        index as u32
    }

    fn place(self) -> Place {
        let index = (self.0 & !Self::LEAF) as usize;
        if self.0 & Self::LEAF == 0 { Place::Inner(index) } else { Place::Leaf(index) }
    }
}

#[derive(Debug, Clone)]
struct Leaf {
    key: Key,
    value_hash: Hash,
    hash: Hash,
}

/// Hashes stand where they are read: a node holds those of its children, so that a way up touches no other node.
#[derive(Debug, Clone)]
struct Inner {
    bit: u16,
    children: [Node; 2],
    /// `None` until they are renewed.
    hashes: [Option<Hash>; 2],
}

/// A Merkle tree of keys and hashes of values.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    root: Option<Node>,
    /// `None` until it is renewed.
    root_hash: Option<Hash>,
    leaves: Vec<Leaf>,
    inners: Vec<Inner>,
    free_leaves: Vec<u32>,
    free_inners: Vec<u32>,
}

impl Tree {
    /// An empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of leaves.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leaves.len() - self.free_leaves.len()
    }

    /// Whether there is no leaf.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Hash of the value under `key`.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Hash> {
        let leaf = &self.leaves[self.closest(key)?];
        (leaf.key == *key).then_some(leaf.value_hash)
    }

    /// Puts `value` under `key`; says whether the key is new.
    pub fn set(&mut self, key: &Key, value: &[u8]) -> bool {
        self.set_hash(key, keccak256(&[value]))
    }

    /// Puts the value with hash `value_hash` under `key`; says whether the key is new.
    pub fn set_hash(&mut self, key: &Key, value_hash: Hash) -> bool {
        let Some(closest) = self.closest(key) else {
            self.root = Some(self.new_leaf(key, value_hash));
            self.root_hash = None;
            return true;
        };
        let Some(bit) = first_difference(&self.leaves[closest].key, key) else {
            self.update_leaf(closest, value_hash);
            return false;
        };
        self.split(key, value_hash, bit);
        true
    }

    /// Takes `key` out; says whether it was there.
    pub fn remove(&mut self, key: &Key) -> bool {
        match self.closest(key) {
            Some(index) if self.leaves[index].key == *key => self.unlink(key, index),
            _ => return false,
        }
        true
    }

    /// The root; renews what changed since it was last asked for.
    pub fn root(&mut self) -> Hash {
        if let Some(hash) = self.root_hash {
            return hash;
        }
        let hash = self.root.map_or(Hash::ZERO, |node| self.renew(node));
        self.root_hash = Some(hash);
        hash
    }

    /// Keys and value hashes, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Hash)> {
        let mut stack: Vec<Node> = self.root.into_iter().collect();
        std::iter::from_fn(move || {
            loop {
                match stack.pop()?.place() {
                    Place::Leaf(index) => {
                        return Some((&self.leaves[index].key, &self.leaves[index].value_hash));
                    }
                    Place::Inner(index) => stack.extend(self.inners[index].children.iter().rev()),
                }
            }
        })
    }

    /// The leftmost key with `prefix`.
    #[must_use]
    pub fn first(&self, prefix: &Prefix) -> Option<&Key> {
        let key = &self.leaves[self.descend(|bit| prefix.bit(bit).unwrap_or(false))?].key;
        prefix.covers(key).then_some(key)
    }

    /// Proof that `key` is a member, or of the leaf that shows its absence; `None` when the tree is empty.
    pub fn prove(&mut self, key: &Key) -> Option<Proof> {
        self.prove_along(|bit| bit_of(key, bit))
    }

    /// Proof of the leftmost leaf with `prefix`, or of a leaf that shows that there is none; `None` when the tree is
    /// empty.
    pub fn prove_first(&mut self, prefix: &Prefix) -> Option<Proof> {
        self.prove_along(|bit| prefix.bit(bit).unwrap_or(false))
    }

    fn prove_along(&mut self, direction: impl Fn(u16) -> bool) -> Option<Proof> {
        self.root();
        let (mut node, mut path) = (self.root?, Vec::new());
        loop {
            match node.place() {
                Place::Leaf(index) => {
                    path.reverse();
                    let Leaf { key, value_hash, .. } = self.leaves[index];
                    return Some(Proof { key, value_hash, path });
                }
                Place::Inner(index) => {
                    let Inner { bit, children, hashes } = self.inners[index];
                    let right = direction(bit);
                    path.push(PathItem { bit, sibling: renewed(hashes[usize::from(!right)]) });
                    node = children[usize::from(right)];
                }
            }
        }
    }

    /// The leaf at the end of the search for `key`.
    fn closest(&self, key: &Key) -> Option<usize> {
        self.descend(|bit| bit_of(key, bit))
    }

    fn descend(&self, direction: impl Fn(u16) -> bool) -> Option<usize> {
        let mut node = self.root?;
        loop {
            match node.place() {
                Place::Leaf(index) => return Some(index),
                Place::Inner(index) => {
                    let inner = &self.inners[index];
                    node = inner.children[usize::from(direction(inner.bit))];
                }
            }
        }
    }

    fn update_leaf(&mut self, index: usize, value_hash: Hash) {
        let leaf = &mut self.leaves[index];
        if leaf.value_hash == value_hash {
            return;
        }
        leaf.value_hash = value_hash;
        leaf.hash = leaf_hash(&leaf.key, &value_hash);
        let key = leaf.key;
        self.mark_stale(&key, KEY_BITS);
    }

    /// Forgets the hashes on the way to `key`, of children of nodes with a bit below `until`. Returns the last of these
    /// nodes, and what was known of the hash below it, or of the root.
    fn mark_stale(&mut self, key: &Key, until: u16) -> (Option<usize>, Option<Hash>) {
        let (mut below, mut last) = (self.root_hash.take(), None);
        let Some(mut node) = self.root else { return (None, below) };
        while let Place::Inner(index) = node.place() {
            let inner = &mut self.inners[index];
            if inner.bit >= until {
                break;
            }
            let side = usize::from(bit_of(key, inner.bit));
            (below, last) = (inner.hashes[side].take(), Some(index));
            node = inner.children[side];
        }
        (last, below)
    }

    /// Adds a leaf that parts from the keys of the tree at `bit`.
    fn split(&mut self, key: &Key, value_hash: Hash, bit: u16) {
        let leaf = self.new_leaf(key, value_hash);
        let right = bit_of(key, bit);
        let (parent, below) = self.mark_stale(key, bit);
        let slot = match parent {
            Some(index) => self.child_of(index, key),
            None => self.root.expect("a split needs a tree"),
        };
        let inner = if right {
            Inner { bit, children: [slot, leaf], hashes: [below, None] }
        } else {
            Inner { bit, children: [leaf, slot], hashes: [None, below] }
        };
        let inner = self.new_inner(inner);
        self.set_child(parent, key, inner, None);
    }

    /// Takes out the leaf `index` of `key` and its parent; the sibling moves up.
    fn unlink(&mut self, key: &Key, index: usize) {
        self.free_leaves.push(index as u32);
        let (Some(parent), _) = self.mark_stale(key, KEY_BITS) else {
            self.root = None;
            return;
        };
        let Inner { bit, children, hashes } = self.inners[parent];
        let side = usize::from(!bit_of(key, bit));
        let (grandparent, _) = self.mark_stale(key, bit);
        self.free_inners.push(parent as u32);
        self.set_child(grandparent, key, children[side], hashes[side]);
    }

    fn child_of(&self, parent: usize, key: &Key) -> Node {
        let inner = &self.inners[parent];
        inner.children[usize::from(bit_of(key, inner.bit))]
    }

    fn set_child(&mut self, parent: Option<usize>, key: &Key, child: Node, hash: Option<Hash>) {
        match parent {
            Some(index) => {
                let inner = &mut self.inners[index];
                let side = usize::from(bit_of(key, inner.bit));
                (inner.children[side], inner.hashes[side]) = (child, hash);
            }
            None => (self.root, self.root_hash) = (Some(child), hash),
        }
    }

    fn new_leaf(&mut self, key: &Key, value_hash: Hash) -> Node {
        let leaf = Leaf { key: *key, value_hash, hash: leaf_hash(key, &value_hash) };
        Node::leaf(place_in(&mut self.leaves, &mut self.free_leaves, leaf))
    }

    fn new_inner(&mut self, inner: Inner) -> Node {
        Node::inner(place_in(&mut self.inners, &mut self.free_inners, inner))
    }

    /// The hash of `node`, with those that are missing below it. The depth is bounded by the bits of a key.
    fn renew(&mut self, node: Node) -> Hash {
        let index = match node.place() {
            Place::Leaf(index) => return self.leaves[index].hash,
            Place::Inner(index) => index,
        };
        let Inner { bit, children, hashes } = self.inners[index];
        let [left, right] = [0, 1].map(|side| hashes[side].unwrap_or_else(|| self.renew(children[side])));
        self.inners[index].hashes = [Some(left), Some(right)];
        inner_hash(bit, &left, &right)
    }
}

/// A hash of a tree whose root was asked for.
fn renewed(hash: Option<Hash>) -> Hash {
    hash.expect("hashes are renewed before they are read")
}

/// Puts `item` into a free slot of the arena, or behind its end.
fn place_in<T>(arena: &mut Vec<T>, free: &mut Vec<u32>, item: T) -> usize {
    match free.pop() {
        Some(slot) => {
            arena[slot as usize] = item;
            slot as usize
        }
        None => {
            arena.push(item);
            arena.len() - 1
        }
    }
}
