//! Hashes: Keccak-256, the one that the chain can recompute, and BLAKE3 for what it never does.

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

/// BLAKE3 of `bytes`, for what no contract hashes.
#[must_use]
pub fn blake3(bytes: &[u8]) -> Hash {
    Hash(*::blake3::hash(bytes).as_bytes())
}
