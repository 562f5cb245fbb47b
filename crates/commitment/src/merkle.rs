//! The tree that commits state: a path-compressed Merkle trie of 32-byte keys, held in an arena.
//!
//! `leaf = keccak(0x00 ‖ key ‖ keccak(value))`, `inner = keccak(0x01 ‖ bit u16 ‖ left ‖ right)` where `bit` is the first
//! bit in which the keys below differ, the empty tree is zero. The shape follows from the keys alone, so equal
//! contents have equal roots whatever the history. Hashes are cached and renewed when a root is asked for, so a change
//! costs its own path, and many changes between two roots share the upper part of theirs. A tree of the state does not
//! compute them itself, but queues them, see [`queue`].

pub(crate) mod hashing;
pub mod prune;
pub(crate) mod queue;

use crate::proof::{PathItem, Prefix, Proof};
use hashing::{AtOnce, Digest, Hashing};
use protocol::{Hash, keccak256};
use queue::Queue;

/// A key. Bit 0 is the most significant bit of byte 0; leaves ascend by key from left to right.
pub type Key = [u8; 32];

/// Bits of a key.
pub const KEY_BITS: u16 = 256;

/// What the message of a leaf starts with.
const LEAF: u8 = 0;
/// What the message of an inner node starts with.
const INNER: u8 = 1;

/// Hash of a leaf.
#[must_use]
pub fn leaf_hash(key: &Key, value_hash: &Hash) -> Hash {
    keccak256(&[&[LEAF], key, &value_hash.0])
}

/// Hash of the inner node at `bit`.
#[must_use]
pub fn inner_hash(bit: u16, left: &Hash, right: &Hash) -> Hash {
    keccak256(&[&[INNER], &bit.to_be_bytes(), &left.0, &right.0])
}

/// Value of one bit of a key.
#[must_use]
pub fn bit_of(key: &Key, bit: u16) -> bool {
    key[usize::from(bit / 8)] >> (7 - bit % 8) & 1 == 1
}

/// The first bit in which two keys differ; `None` when they are equal.
#[must_use]
pub fn first_difference(a: &Key, b: &Key) -> Option<u16> {
    let halves = a.as_chunks().0.iter().zip(b.as_chunks().0);
    let differences = halves.map(|(a, b)| u128::from_be_bytes(*a) ^ u128::from_be_bytes(*b));
    let (half, difference) = (0u16..).zip(differences).find(|(_, difference)| *difference != 0)?;
    Some(half * 128 + difference.leading_zeros() as u16)
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
    value: Digest,
}

/// What a search reads, and no more: the hashes of the children, which only the way back up needs, are beside it.
#[derive(Debug, Clone, Copy)]
struct Inner {
    bit: u16,
    children: [Node; 2],
}

/// Hashes of two children; `None` until they are renewed, which that of a leaf always is.
type Digests = [Option<Digest>; 2];

/// A Merkle tree of keys and hashes of values.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    root: Option<Node>,
    /// `None` until it is renewed.
    root_digest: Option<Digest>,
    leaves: Vec<Leaf>,
    inners: Vec<Inner>,
    /// Of the children of each of `inners`.
    digests: Vec<Digests>,
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
        (leaf.key == *key).then(|| *leaf.value.known())
    }

    /// Whether there is a leaf of `key`.
    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.closest(key).is_some_and(|index| self.leaves[index].key == *key)
    }

    /// Puts `value` under `key`; says whether the key is new.
    pub fn set(&mut self, key: &Key, value: &[u8]) -> bool {
        self.set_hash(key, keccak256(&[value]))
    }

    /// Puts the value with hash `value_hash` under `key`; says whether the key is new.
    pub fn set_hash(&mut self, key: &Key, value_hash: Hash) -> bool {
        self.put(&mut AtOnce, key, Digest::Known(value_hash))
    }

    /// [`Self::set_hash`], by way of `hashing`.
    pub(crate) fn put(&mut self, hashing: &mut impl Hashing, key: &Key, value: Digest) -> bool {
        let Some(closest) = self.closest(key) else {
            self.root = Some(self.new_leaf(key, value));
            self.root_digest = Some(hashing.leaf(key, &value));
            return true;
        };
        let leaf = &mut self.leaves[closest];
        let difference = first_difference(&leaf.key, key);
        if difference.is_none() && leaf.value == value {
            return false;
        }
        let digest = hashing.leaf(key, &value);
        match difference {
            None => {
                leaf.value = value;
                let (parent, _) = self.mark_stale(key, KEY_BITS);
                self.set_digest(parent, key, Some(digest));
            }
            Some(bit) => self.split(key, value, digest, bit),
        }
        difference.is_some()
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
        *self.root_digest(&mut AtOnce).known()
    }

    /// [`Self::root`], by way of `hashing`.
    pub(crate) fn root_digest(&mut self, hashing: &mut impl Hashing) -> Digest {
        if let Some(digest) = self.root_digest {
            return digest;
        }
        let digest = self.root.map_or(Digest::EMPTY, |node| self.renew(hashing, node));
        self.root_digest = Some(digest);
        digest
    }

    /// Whether it changed since its root was last asked for.
    pub(crate) fn is_stale(&self) -> bool {
        self.root_digest.is_none()
    }

    /// Takes the hashes that `queue` has settled.
    pub(crate) fn settle(&mut self, queue: &Queue) {
        if let (Some(node), true) = (self.root, settle_digest(&mut self.root_digest, queue)) {
            self.settle_below(node, queue);
        }
    }

    /// Keys and value hashes, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Hash)> {
        let mut stack: Vec<Node> = self.root.into_iter().collect();
        std::iter::from_fn(move || {
            loop {
                match stack.pop()?.place() {
                    Place::Leaf(index) => {
                        let Leaf { key, value } = &self.leaves[index];
                        return Some((key, value.known()));
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
                    let Leaf { key, value } = &self.leaves[index];
                    return Some(Proof { key: *key, value_hash: *value.known(), path });
                }
                Place::Inner(index) => {
                    let Inner { bit, children } = self.inners[index];
                    let right = direction(bit);
                    path.push(PathItem { bit, sibling: self.child_hash(index, !right) });
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

    /// Forgets the hashes on the way to `key`, of children of nodes with a bit below `until`. Returns the last of these
    /// nodes, and what was known of the hash below it, or of the root.
    fn mark_stale(&mut self, key: &Key, until: u16) -> (Option<usize>, Option<Digest>) {
        let (mut below, mut last) = (self.root_digest.take(), None);
        let Some(mut node) = self.root else { return (None, below) };
        while let Place::Inner(index) = node.place() {
            let Inner { bit, children } = self.inners[index];
            if bit >= until {
                break;
            }
            let side = usize::from(bit_of(key, bit));
            (below, last) = (self.digests[index][side].take(), Some(index));
            node = children[side];
        }
        (last, below)
    }

    /// Adds a leaf that parts from the keys of the tree at `bit`.
    fn split(&mut self, key: &Key, value: Digest, digest: Digest, bit: u16) {
        let leaf = self.new_leaf(key, value);
        let right = bit_of(key, bit);
        let (parent, below) = self.mark_stale(key, bit);
        let slot = match parent {
            Some(index) => self.child_of(index, key),
            None => self.root.expect("a split needs a tree"),
        };
        let inner = if right {
            self.new_inner(Inner { bit, children: [slot, leaf] }, [below, Some(digest)])
        } else {
            self.new_inner(Inner { bit, children: [leaf, slot] }, [Some(digest), below])
        };
        self.set_child(parent, key, inner, None);
    }

    /// Takes out the leaf `index` of `key` and its parent; the sibling moves up.
    fn unlink(&mut self, key: &Key, index: usize) {
        self.free_leaves.push(index as u32);
        let (Some(parent), _) = self.mark_stale(key, KEY_BITS) else {
            self.root = None;
            return;
        };
        let Inner { bit, children } = self.inners[parent];
        let side = usize::from(!bit_of(key, bit));
        let digest = self.digests[parent][side];
        let (grandparent, _) = self.mark_stale(key, bit);
        self.free_inners.push(parent as u32);
        self.set_child(grandparent, key, children[side], digest);
    }

    fn child_of(&self, parent: usize, key: &Key) -> Node {
        let inner = &self.inners[parent];
        inner.children[usize::from(bit_of(key, inner.bit))]
    }

    fn set_child(&mut self, parent: Option<usize>, key: &Key, child: Node, digest: Option<Digest>) {
        match parent {
            Some(index) => {
                let inner = &mut self.inners[index];
                inner.children[usize::from(bit_of(key, inner.bit))] = child;
            }
            None => self.root = Some(child),
        }
        self.set_digest(parent, key, digest);
    }

    fn set_digest(&mut self, parent: Option<usize>, key: &Key, digest: Option<Digest>) {
        match parent {
            Some(index) => {
                self.digests[index][usize::from(bit_of(key, self.inners[index].bit))] = digest;
            }
            None => self.root_digest = digest,
        }
    }

    fn new_leaf(&mut self, key: &Key, value: Digest) -> Node {
        let leaf = Leaf { key: *key, value };
        Node::leaf(place_in(&mut self.leaves, self.free_leaves.pop(), leaf))
    }

    fn new_inner(&mut self, inner: Inner, digests: Digests) -> Node {
        let slot = self.free_inners.pop();
        place_in(&mut self.digests, slot, digests);
        Node::inner(place_in(&mut self.inners, slot, inner))
    }

    /// The hash of a child, which was renewed before.
    fn child_hash(&self, inner: usize, right: bool) -> Hash {
        *self.digests[inner][usize::from(right)]
            .as_ref()
            .expect("hashes are renewed before they are read")
            .known()
    }

    /// The hash of `node`, which is not known, with those that are missing below it. The depth is bounded by the bits of a
    /// key.
    fn renew(&mut self, hashing: &mut impl Hashing, node: Node) -> Digest {
        let Place::Inner(index) = node.place() else { unreachable!("the hash of a leaf is always known") };
        let Inner { bit, children } = self.inners[index];
        for (side, child) in children.into_iter().enumerate() {
            if self.digests[index][side].is_none() {
                self.digests[index][side] = Some(self.renew(hashing, child));
            }
        }
        let [left, right] = &self.digests[index];
        let renewed = "both were renewed above";
        hashing.inner(bit, left.as_ref().expect(renewed), right.as_ref().expect(renewed))
    }

    fn settle_below(&mut self, node: Node, queue: &Queue) {
        match node.place() {
            Place::Leaf(index) => queue.resolve(&mut self.leaves[index].value),
            Place::Inner(index) => {
                for (side, child) in self.inners[index].children.into_iter().enumerate() {
                    if settle_digest(&mut self.digests[index][side], queue) {
                        self.settle_below(child, queue);
                    }
                }
            }
        }
    }
}

/// Takes a hash that was queued, and says whether there may be others below: above what is queued, nothing is known.
fn settle_digest(digest: &mut Option<Digest>, queue: &Queue) -> bool {
    match digest {
        Some(Digest::Known(_)) => false,
        Some(queued) => {
            queue.resolve(queued);
            true
        }
        None => true,
    }
}

/// Puts `item` into a free slot of the arena, or behind its end.
fn place_in<T>(arena: &mut Vec<T>, free: Option<u32>, item: T) -> usize {
    match free {
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
