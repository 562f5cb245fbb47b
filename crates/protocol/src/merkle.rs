//! The binary Merkle tree of lists: command hashes of a frame, withdrawals of a batch.
//!
//! `leaf = keccak(0x00 ‖ item)`, `inner = keccak(0x01 ‖ left ‖ right)`, an odd node is promoted unchanged, the empty
//! list has the root zero. A proof is the siblings from the leaf up; whether each stands left or right follows from
//! the leaf's index and the number of leaves.

use crate::{Hash, keccak256};

/// The leaf of an item.
#[must_use]
pub fn leaf(item: &[u8]) -> Hash {
    keccak256(&[&[0], item])
}

/// The parent of two nodes.
#[must_use]
pub fn inner(left: &Hash, right: &Hash) -> Hash {
    keccak256(&[&[1], &left.0, &right.0])
}

/// Root over `leaves`.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    if leaves.is_empty() {
        return Hash::ZERO;
    }
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        level = parents(&level);
    }
    level[0]
}

/// Siblings of leaf `index`, from the leaf up; `None` when there is no such leaf.
#[must_use]
pub fn proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let (mut level, mut index, mut path) = (leaves.to_vec(), index, Vec::new());
    while level.len() > 1 {
        path.extend(level.get(index ^ 1));
        level = parents(&level);
        index /= 2;
    }
    Some(path)
}

/// Where the siblings of leaf `index` of `count` stand: bit `i` is set when the `i`-th of a proof stands left. With it,
/// the number of siblings. `None` when there is no such leaf.
#[must_use]
pub fn directions(index: usize, count: usize) -> Option<(u64, u32)> {
    if index >= count {
        return None;
    }
    let (mut index, mut count, mut bits, mut len) = (index, count, 0, 0);
    while count > 1 {
        let left = index % 2 == 1;
        if left || index + 1 < count {
            bits |= u64::from(left) << len;
            len += 1;
        }
        index /= 2;
        count = count.div_ceil(2);
    }
    Some((bits, len))
}

/// The root that `leaf` has with the siblings of `path`, standing as the bits of `directions` say.
#[must_use]
pub fn fold(leaf: &Hash, directions: u64, path: &[Hash]) -> Hash {
    path.iter().enumerate().fold(*leaf, |node, (i, sibling)| {
        match directions.checked_shr(i as u32).unwrap_or(0) & 1 {
            1 => inner(sibling, &node),
            _ => inner(&node, sibling),
        }
    })
}

/// Whether `leaf` is leaf `index` of the `count` leaves under `root`.
#[must_use]
pub fn verify(root: &Hash, leaf: &Hash, index: usize, count: usize, path: &[Hash]) -> bool {
    directions(index, count)
        .is_some_and(|(bits, len)| path.len() == len as usize && fold(leaf, bits, path) == *root)
}

fn parents(level: &[Hash]) -> Vec<Hash> {
    level
        .chunks(2)
        .map(|pair| match pair {
            [left, right] => inner(left, right),
            rest => rest[0],
        })
        .collect()
}
