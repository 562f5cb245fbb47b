//! Proofs about one leaf of a [`Tree`](crate::Tree), and the roots that follow from changing it.
//!
//! A proof is a leaf and its path. What it shows depends on the question: that the leaf is there, that another key is
//! not, that the leaf is the first with a prefix, or that there is none. `docs/protocol/state.md` says why.

use crate::merkle::{KEY_BITS, Key, bit_of, first_difference, inner_hash, leaf_hash};
use protocol::{CodecError, Hash, Reader, Wire, keccak256, wire_struct};
use thiserror::Error;

/// The first bits of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    key: Key,
    bits: u16,
}

impl Prefix {
    /// The prefix of nothing: every key has it.
    pub const ALL: Self = Self { key: [0; 32], bits: 0 };

    /// All of the bits of `bytes`.
    ///
    /// # Panics
    /// When there are more than 32 bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut key = [0; 32];
        key[..bytes.len()].copy_from_slice(bytes);
        Self { key, bits: bytes.len() as u16 * 8 }
    }

    /// One bit of it; `None` behind its end.
    #[must_use]
    pub fn bit(&self, bit: u16) -> Option<bool> {
        (bit < self.bits).then(|| bit_of(&self.key, bit))
    }

    /// Whether `key` starts with it.
    #[must_use]
    pub fn covers(&self, key: &Key) -> bool {
        first_difference(&self.key, key).is_none_or(|bit| bit >= self.bits)
    }
}

wire_struct! {
    /// One inner node above a leaf.
    pub struct PathItem {
        /// Its bit.
        pub bit: u16,
        /// The child that is not on the way to the leaf.
        pub sibling: Hash,
    }
}

/// Why a proof does not show what it is said to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The path names a bit that no key has, or its bits do not descend.
    #[error("bits of the path do not descend below 256")]
    Path,
    /// The path leads to another root.
    #[error("path leads to root {found}, not to {expected}")]
    Root {
        /// The root asked about.
        expected: Hash,
        /// Where the path leads.
        found: Hash,
    },
    /// The leaf has another key.
    #[error("proof is about another key")]
    Key,
    /// The leaf has another value.
    #[error("leaf holds another value")]
    Value,
    /// The leaf is the very key that is said to be absent, or has the prefix that is said to be unused.
    #[error("the leaf is there")]
    Present,
    /// The search for the key, or for the prefix, does not end at this leaf.
    #[error("the search ends at another leaf")]
    Elsewhere,
    /// A leaf further left has the prefix, too.
    #[error("another leaf stands further left")]
    NotFirst,
    /// The tree has leaves, so that only one of them can show an absence.
    #[error("the tree is not empty")]
    NotEmpty,
}

/// A leaf and its path, from the leaf up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Key of the leaf.
    pub key: Key,
    /// Hash of its value.
    pub value_hash: Hash,
    /// Nodes above it, bits strictly descending.
    pub path: Vec<PathItem>,
}

impl Wire for Proof {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key);
        self.value_hash.put(out);
        self.path.put(out);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let Hash(key) = Wire::take(reader)?;
        Ok(Self { key, value_hash: Wire::take(reader)?, path: Wire::take(reader)? })
    }
}

impl Proof {
    /// The root that the path leads to.
    ///
    /// # Errors
    /// [`ProofError::Path`] when it is not a path.
    pub fn root(&self) -> Result<Hash, ProofError> {
        self.root_with(&self.value_hash)
    }

    /// Shows that `key` holds `value`.
    ///
    /// # Errors
    /// [`ProofError`] says why it does not.
    pub fn verify_member(&self, root: &Hash, key: &Key, value: &[u8]) -> Result<(), ProofError> {
        if self.key != *key {
            return Err(ProofError::Key);
        }
        if self.value_hash != keccak256(&[value]) {
            return Err(ProofError::Value);
        }
        self.leads_to(root)
    }

    /// Shows that `key` is not in the tree.
    ///
    /// # Errors
    /// [`ProofError`] says why it does not.
    pub fn verify_absent(&self, root: &Hash, key: &Key) -> Result<(), ProofError> {
        if self.key == *key {
            return Err(ProofError::Present);
        }
        self.check_path()?;
        if self.path.iter().any(|item| bit_of(&self.key, item.bit) != bit_of(key, item.bit)) {
            return Err(ProofError::Elsewhere);
        }
        self.leads_to(root)
    }

    /// Shows that this leaf is the leftmost with `prefix`.
    ///
    /// # Errors
    /// [`ProofError`] says why it does not.
    pub fn verify_first(&self, root: &Hash, prefix: &Prefix) -> Result<(), ProofError> {
        if !prefix.covers(&self.key) {
            return Err(ProofError::Key);
        }
        self.check_path()?;
        if self.path.iter().any(|item| prefix.bit(item.bit).is_none() && bit_of(&self.key, item.bit)) {
            return Err(ProofError::NotFirst);
        }
        self.leads_to(root)
    }

    /// Shows that no leaf has `prefix`.
    ///
    /// # Errors
    /// [`ProofError`] says why it does not.
    pub fn verify_none(&self, root: &Hash, prefix: &Prefix) -> Result<(), ProofError> {
        if prefix.covers(&self.key) {
            return Err(ProofError::Present);
        }
        self.check_path()?;
        let strays =
            |item: &PathItem| prefix.bit(item.bit).is_some_and(|bit| bit != bit_of(&self.key, item.bit));
        if self.path.iter().any(strays) {
            return Err(ProofError::Elsewhere);
        }
        self.leads_to(root)
    }

    /// The root after this leaf's value changed to one with hash `value_hash`.
    ///
    /// # Errors
    /// [`ProofError::Path`] when it is not a path.
    pub fn root_with(&self, value_hash: &Hash) -> Result<Hash, ProofError> {
        self.check_path()?;
        Ok(fold(leaf_hash(&self.key, value_hash), &self.key, &self.path))
    }

    /// The root after this leaf left.
    ///
    /// # Errors
    /// [`ProofError::Path`] when it is not a path.
    pub fn root_without(&self) -> Result<Hash, ProofError> {
        self.check_path()?;
        Ok(match self.path.split_first() {
            Some((parent, rest)) => fold(parent.sibling, &self.key, rest),
            None => Hash::ZERO,
        })
    }

    /// The root after `key`, whose absence this proof shows, came in with a value of hash `value_hash`.
    ///
    /// # Errors
    /// [`ProofError::Path`] when it is not a path, [`ProofError::Present`] or [`ProofError::Elsewhere`] when it does not
    /// show the absence of `key`.
    pub fn root_inserting(&self, key: &Key, value_hash: &Hash) -> Result<Hash, ProofError> {
        self.check_path()?;
        let bit = first_difference(&self.key, key).ok_or(ProofError::Present)?;
        let (below, above) = self.path.split_at(self.path.partition_point(|item| item.bit > bit));
        if below.iter().any(|item| bit_of(&self.key, item.bit) != bit_of(key, item.bit))
            || above.first().is_some_and(|item| item.bit == bit)
        {
            return Err(ProofError::Elsewhere);
        }
        let old = fold(leaf_hash(&self.key, &self.value_hash), &self.key, below);
        let new = leaf_hash(key, value_hash);
        let joined = if bit_of(key, bit) { inner_hash(bit, &old, &new) } else { inner_hash(bit, &new, &old) };
        Ok(fold(joined, key, above))
    }

    fn leads_to(&self, root: &Hash) -> Result<(), ProofError> {
        match self.root()? {
            found if found == *root => Ok(()),
            found => Err(ProofError::Root { expected: *root, found }),
        }
    }

    fn check_path(&self) -> Result<(), ProofError> {
        let descends = self.path.windows(2).all(|pair| pair[0].bit > pair[1].bit);
        let bounded = self.path.first().is_none_or(|item| item.bit < KEY_BITS);
        if descends && bounded { Ok(()) } else { Err(ProofError::Path) }
    }
}

/// Shows that `key` is not in the tree: by a proof, or, without one, by the tree being empty.
///
/// # Errors
/// [`ProofError`] says why it does not.
pub fn verify_absent(root: &Hash, key: &Key, proof: Option<&Proof>) -> Result<(), ProofError> {
    match proof {
        Some(proof) => proof.verify_absent(root, key),
        None if *root == Hash::ZERO => Ok(()),
        None => Err(ProofError::NotEmpty),
    }
}

/// Folds the nodes of `path` over `node`; bits of `key` say where each stands.
fn fold(node: Hash, key: &Key, path: &[PathItem]) -> Hash {
    path.iter().fold(node, |node, PathItem { bit, sibling }| match bit_of(key, *bit) {
        true => inner_hash(*bit, sibling, &node),
        false => inner_hash(*bit, &node, sibling),
    })
}
