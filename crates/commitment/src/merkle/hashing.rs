//! When the hashes of a tree are computed: at once, or later and several at a time.

use super::{Key, inner_hash, leaf_hash};
use protocol::Hash;

/// A hash that is waited for: its number in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket([u8; 4]);

impl Ticket {
    /// The number `number` of a queue.
    pub(super) fn new(number: usize) -> Self {
        Self(u32::try_from(number).expect("a queue is settled long before").to_le_bytes())
    }

    /// Its number in the queue.
    pub(super) fn number(self) -> usize {
        u32::from_le_bytes(self.0) as usize
    }
}

/// A hash, or who waits for it. Bytes throughout, so that it takes one more than the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Digest {
    /// It is known.
    Known(Hash),
    /// It is queued.
    Queued(Ticket),
}

impl Digest {
    /// What an empty tree has for a root.
    pub const EMPTY: Self = Self::Known(Hash::ZERO);

    /// The hash.
    ///
    /// # Panics
    /// When it is queued: who reads hashes settles them before.
    pub fn known(&self) -> &Hash {
        match self {
            Self::Known(hash) => hash,
            Self::Queued(_) => panic!("hashes are settled before they are read"),
        }
    }
}

/// Who computes the hashes of a tree.
pub(crate) trait Hashing {
    /// [`leaf_hash`].
    fn leaf(&mut self, key: &Key, value: &Digest) -> Digest;

    /// [`inner_hash`].
    fn inner(&mut self, bit: u16, left: &Digest, right: &Digest) -> Digest;
}

/// Every hash at once, for a tree by itself: none is ever queued.
pub(crate) struct AtOnce;

impl Hashing for AtOnce {
    fn leaf(&mut self, key: &Key, value: &Digest) -> Digest {
        Digest::Known(leaf_hash(key, value.known()))
    }

    fn inner(&mut self, bit: u16, left: &Digest, right: &Digest) -> Digest {
        Digest::Known(inner_hash(bit, left.known(), right.known()))
    }
}
