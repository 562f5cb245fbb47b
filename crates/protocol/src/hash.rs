//! Hashes: Keccak-256, the one that the chain can recompute, and BLAKE3 for what it never does.

#[cfg(target_arch = "x86_64")]
mod lanes;

use crate::Hash;
use keccak_asm::{Digest, Keccak256};

/// Messages that [`keccak256_each`] takes at once.
pub const LANES: usize = 4;

/// Keccak-256 of the concatenation of `parts`.
#[must_use]
pub fn keccak256(parts: &[&[u8]]) -> Hash {
    let mut hasher = Keccak256::new();
    for part in parts {
        hasher.update(part);
    }
    Hash(hasher.finalize().into())
}

/// Keccak-256 of each of `messages`. A machine with AVX2 takes some 40 % more time for all than for one, if they are of
/// much the same length; any other hashes one after the other.
#[must_use]
pub fn keccak256_each(messages: [&[u8]; LANES]) -> [Hash; LANES] {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the machine has AVX2.
        return unsafe { lanes::keccak256_each(messages) };
    }
    messages.map(|message| keccak256(&[message]))
}

/// BLAKE3 of `bytes`, for what no contract hashes.
#[must_use]
pub fn blake3(bytes: &[u8]) -> Hash {
    Hash(*::blake3::hash(bytes).as_bytes())
}
