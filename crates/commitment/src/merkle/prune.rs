//! A tree with most of it folded into hashes: the part of a witness.

use super::{Inner, Key, Leaf, Node, Place, Tree, bit_of};
use protocol::{Hash, Wire};

/// What a node of a pruned tree starts with.
pub mod tag {
    /// A subtree that is not opened: its hash.
    pub const FOLDED: u8 = 0;
    /// An inner node: bit, left, right.
    pub const INNER: u8 = 1;
    /// A leaf with its value: key, length, value.
    pub const LEAF: u8 = 2;
    /// A leaf without: key, hash of the value.
    pub const CLOSED_LEAF: u8 = 3;
}

impl Tree {
    /// The tree in preorder, folded but for the searches for `keys`: each ends at its leaf, or at the one that shows its
    /// absence. A leaf shows its value where `value` knows it.
    ///
    /// # Panics
    /// When a value has more than 65,535 bytes.
    pub fn prune(&mut self, keys: &[Key], mut value: impl FnMut(&Key) -> Option<Vec<u8>>) -> Vec<u8> {
        let hash = self.root();
        let mut out = Vec::new();
        if let Some(root) = self.root {
            let keys: Vec<&Key> = keys.iter().collect();
            self.prune_node(root, hash, &keys, &mut value, &mut out);
        }
        out
    }

    /// Leaves from the left on, `count` of them at most.
    #[must_use]
    pub fn first_keys(&self, count: usize) -> Vec<Key> {
        self.iter().take(count).map(|(key, _)| *key).collect()
    }

    /// Those of `keys` whose search ends at `node`, a leaf of another key. If that leaf goes before they come, the search
    /// goes on beside it.
    fn astray<'a>(&self, node: Node, keys: &[&'a Key]) -> Vec<&'a Key> {
        match node.place() {
            Place::Leaf(index) => {
                keys.iter().copied().filter(|key| **key != self.leaves[index].key).collect()
            }
            Place::Inner(_) => Vec::new(),
        }
    }

    fn prune_node(
        &self,
        node: Node,
        hash: Hash,
        keys: &[&Key],
        value: &mut impl FnMut(&Key) -> Option<Vec<u8>>,
        out: &mut Vec<u8>,
    ) {
        if keys.is_empty() {
            out.push(tag::FOLDED);
            hash.put(out);
            return;
        }
        match node.place() {
            Place::Inner(index) => {
                let Inner { bit, children: [left, right] } = self.inners[index];
                out.push(tag::INNER);
                bit.put(out);
                let (mut on_right, mut on_left): (Vec<&Key>, Vec<&Key>) =
                    keys.iter().partition(|key| bit_of(key, bit));
                let (astray_left, astray_right) =
                    (self.astray(left, &on_left), self.astray(right, &on_right));
                on_right.extend(astray_left);
                on_left.extend(astray_right);
                self.prune_node(left, self.child_hash(index, false), &on_left, value, out);
                self.prune_node(right, self.child_hash(index, true), &on_right, value, out);
            }
            Place::Leaf(index) => {
                let Leaf { key, value: digest } = &self.leaves[index];
                match value(key) {
                    Some(value) => {
                        out.push(tag::LEAF);
                        out.extend_from_slice(key);
                        u16::try_from(value.len()).expect("a leaf's value is short").put(out);
                        out.extend_from_slice(&value);
                    }
                    None => {
                        out.push(tag::CLOSED_LEAF);
                        out.extend_from_slice(key);
                        digest.known().put(out);
                    }
                }
            }
        }
    }
}
