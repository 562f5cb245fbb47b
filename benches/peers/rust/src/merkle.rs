//! A Jellyfish Merkle tree in memory: some leaves change, and the root behind them is asked for.

use std::error::Error;
use std::time::Instant;

use jmt::mock::MockTreeStore;
use jmt::{JellyfishMerkleTree, KeyHash};
use keccak_asm::Keccak256;

/// Leaves of one write while the tree is filled.
const FILL: u64 = 10_000;
/// Bytes of a value: those of a resting order's leaf.
const VALUE_BYTES: usize = 51;

/// Nanoseconds of one root behind `updates` changed leaves of `leaves`: the median of `rounds`.
pub fn root_ns(leaves: u64, updates: u64, rounds: u64) -> Result<u128, Box<dyn Error>> {
    let store = MockTreeStore::default();
    let mut version = 0;
    let mut write = |set: Vec<(KeyHash, Option<Vec<u8>>)>| -> Result<u128, Box<dyn Error>> {
        let start = Instant::now();
        let (_, batch) = JellyfishMerkleTree::<_, Keccak256>::new(&store).put_value_set(set, version)?;
        store.write_tree_update_batch(batch)?;
        version += 1;
        Ok(start.elapsed().as_nanos())
    };
    for first in (0..leaves).step_by(FILL as usize) {
        write((first..leaves.min(first + FILL)).map(|leaf| entry(leaf, 0)).collect())?;
    }
    let mut times = Vec::new();
    for round in 1..=rounds {
        // Spread over the tree, because the keys are hashes.
        let changed = (0..updates).map(|at| entry((round * updates + at) % leaves, round));
        times.push(write(changed.collect())?);
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

fn entry(leaf: u64, round: u64) -> (KeyHash, Option<Vec<u8>>) {
    let mut value = vec![0; VALUE_BYTES];
    value[..8].copy_from_slice(&round.to_be_bytes());
    (KeyHash(Keccak256::digest(leaf.to_be_bytes()).into()), Some(value))
}
