//! Keccak-256, the one hash that the chain can recompute.

use crate::Hash;
use keccak_asm::{Digest, Keccak256};

/// Keccak-256 of the concatenation of `parts`.
#[must_use]
pub fn keccak256(parts: &[&[u8]]) -> Hash {
    let mut hasher = Keccak256::new();
    for part in parts {
        hasher.update(part);
    }
    Hash(hasher.finalize().into())
}
