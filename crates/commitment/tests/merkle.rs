//! The tree against its definition: any history of the same contents, any proof, any forged proof.

use commitment::merkle::{Key, Tree, first_difference, root_of};
use commitment::proof::{Prefix, Proof, ProofError, verify_absent};
use proptest::prelude::*;
use protocol::{Hash, Wire, keccak256};
use std::collections::BTreeMap;

/// Keys that share long prefixes, as those of the state do, so that trees get deep.
fn key() -> impl Strategy<Value = Key> {
    (0..4u8, 0..3u8, prop_oneof![Just(0u64), any::<u64>(), (0..16u64).prop_map(|n| 1 << n)], 0..4u8).prop_map(
        |(kind, middle, number, last)| {
            let mut key = [0; 32];
            key[0] = kind;
            key[4] = middle;
            key[8..16].copy_from_slice(&number.to_be_bytes());
            key[31] = last;
            key
        },
    )
}

fn contents() -> impl Strategy<Value = BTreeMap<Key, Vec<u8>>> {
    prop::collection::btree_map(key(), prop::collection::vec(any::<u8>(), 0..40), 0..60)
}

fn tree_of<'a>(items: impl IntoIterator<Item = (&'a Key, &'a Vec<u8>)>) -> Tree {
    let mut tree = Tree::new();
    for (key, value) in items {
        tree.set(key, value);
    }
    tree
}

fn scratch(items: &BTreeMap<Key, Vec<u8>>) -> Hash {
    root_of(&items.iter().map(|(key, value)| (*key, keccak256(&[value]))).collect::<Vec<_>>())
}

#[test]
fn the_smallest_trees_have_the_documented_roots() {
    let (low, high) = ([0u8; 32], [0x80; 32]);
    let leaf = |key: &Key, value: &[u8]| keccak256(&[&[0], key, &keccak256(&[value]).0]);
    let mut tree = Tree::new();
    assert_eq!(tree.root(), Hash::ZERO);
    tree.set(&high, b"b");
    assert_eq!(tree.root(), leaf(&high, b"b"));
    tree.set(&low, b"a");
    let inner = keccak256(&[&[1], &[0, 0], &leaf(&low, b"a").0, &leaf(&high, b"b").0]);
    assert_eq!(tree.root(), inner);
}

#[test]
fn a_path_with_a_bit_that_no_key_has_is_refused() {
    let mut tree = tree_of(&BTreeMap::from([([0; 32], vec![1]), ([1; 32], vec![2])]));
    let root = tree.root();
    let mut proof = tree.prove(&[0; 32]).expect("the tree has leaves");
    proof.path[0].bit = 256;
    assert_eq!(proof.root(), Err(ProofError::Path));
    assert_eq!(proof.verify_absent(&root, &[2; 32]), Err(ProofError::Path));
    assert_eq!(proof.verify_first(&root, &Prefix::ALL), Err(ProofError::Path));
    assert_eq!(proof.verify_none(&root, &Prefix::new(&[9])), Err(ProofError::Path));
    assert_eq!(proof.root_inserting(&[2; 32], &Hash::ZERO), Err(ProofError::Path));
}

#[test]
fn only_an_empty_tree_shows_absence_without_a_leaf() {
    assert_eq!(verify_absent(&Hash::ZERO, &[7; 32], None), Ok(()));
    assert_eq!(verify_absent(&Hash([1; 32]), &[7; 32], None), Err(ProofError::NotEmpty));
}

proptest! {
    #[test]
    fn the_root_depends_on_the_contents_only(
        items in contents(),
        order in any::<prop::sample::Index>(),
        noise in contents(),
    ) {
        let expected = scratch(&items);
        prop_assert_eq!(tree_of(&items).root(), expected);
        prop_assert_eq!(tree_of(items.iter().rev()).root(), expected);

        // The same contents by a detour: start elsewhere, add noise with roots in between, take the noise out again.
        let mut tree = Tree::new();
        let start = if items.is_empty() { 0 } else { order.index(items.len()) };
        for (key, value) in items.iter().skip(start).chain(&noise).chain(items.iter().take(start)) {
            tree.set(key, value);
            tree.root();
        }
        for key in noise.keys() {
            match items.get(key) {
                Some(value) => prop_assert!(!tree.set(key, value)),
                None => prop_assert!(tree.remove(key)),
            }
        }
        prop_assert_eq!(tree.root(), expected);
        prop_assert_eq!(tree.len(), items.len());
        prop_assert!(tree.iter().map(|(key, _)| key).eq(items.keys()));
    }

    #[test]
    fn every_change_gives_the_root_from_scratch(changes in prop::collection::vec((key(), any::<Option<u8>>()), 1..80)) {
        let (mut tree, mut items) = (Tree::new(), BTreeMap::new());
        for (key, change) in changes {
            match change {
                Some(value) => prop_assert_eq!(tree.set(&key, &[value]), items.insert(key, vec![value]).is_none()),
                None => prop_assert_eq!(tree.remove(&key), items.remove(&key).is_some()),
            }
            prop_assert_eq!(tree.root(), scratch(&items));
            prop_assert_eq!(tree.get(&key), items.get(&key).map(|value| keccak256(&[value])));
        }
    }

    #[test]
    fn membership_and_absence_are_proved(items in contents(), other in key()) {
        let mut tree = tree_of(&items);
        let root = tree.root();
        for (key, value) in &items {
            let proof = tree.prove(key).expect("the tree has leaves");
            prop_assert_eq!(proof.verify_member(&root, key, value), Ok(()));
            prop_assert_eq!(proof.verify_absent(&root, key), Err(ProofError::Present));
            prop_assert_eq!(Proof::from_bytes(&proof.to_bytes()), Ok(proof));
        }
        let proof = tree.prove(&other);
        prop_assert_eq!(verify_absent(&root, &other, proof.as_ref()).is_ok(), !items.contains_key(&other));
    }

    #[test]
    fn no_member_can_be_shown_absent(items in contents(), pick in any::<(prop::sample::Index, prop::sample::Index)>()) {
        prop_assume!(items.len() > 1);
        let mut tree = tree_of(&items);
        let root = tree.root();
        let keys: Vec<&Key> = items.keys().collect();
        let (member, claimed) = (keys[pick.0.index(keys.len())], keys[pick.1.index(keys.len())]);
        let proof = tree.prove(claimed).expect("the tree has leaves");
        prop_assert!(proof.verify_absent(&root, member).is_err());
    }

    #[test]
    fn the_first_leaf_under_a_prefix_is_proved(items in contents(), kind in 0..5u8, middle in 0..4u8, long in any::<bool>()) {
        let bytes = [kind, 0, 0, 0, middle];
        let prefix = Prefix::new(if long { &bytes } else { &bytes[..1] });
        let mut tree = tree_of(&items);
        let root = tree.root();
        let first = items.keys().find(|key| prefix.covers(key));
        prop_assert_eq!(tree.first(&prefix), first);
        let Some(proof) = tree.prove_first(&prefix) else {
            prop_assert!(items.is_empty());
            return Ok(());
        };
        match first {
            Some(first) => {
                prop_assert_eq!(proof.key, *first);
                prop_assert_eq!(proof.verify_first(&root, &prefix), Ok(()));
                prop_assert_eq!(proof.verify_none(&root, &prefix), Err(ProofError::Present));
            }
            None => {
                prop_assert_eq!(proof.verify_none(&root, &prefix), Ok(()));
                prop_assert_eq!(proof.verify_first(&root, &prefix), Err(ProofError::Key));
            }
        }
        for key in items.keys() {
            let other = tree.prove(key).expect("the tree has leaves");
            prop_assert_eq!(other.verify_first(&root, &prefix).is_ok(), Some(key) == first);
            prop_assert!(first.is_none() || other.verify_none(&root, &prefix).is_err());
        }
    }

    #[test]
    fn a_mutated_proof_fails(items in contents(), pick in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>()) {
        prop_assume!(!items.is_empty());
        let mut tree = tree_of(&items);
        let root = tree.root();
        let (key, value) = items.iter().nth(pick.index(items.len())).expect("the index is below the length");
        let proof = tree.prove(key).expect("the tree has leaves");
        let mut bytes = proof.to_bytes();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(forged) = Proof::from_bytes(&bytes) {
            prop_assert!(forged.verify_member(&root, key, value).is_err());
        }
        let mut cut = proof.clone();
        if cut.path.pop().is_some() {
            prop_assert!(cut.verify_member(&root, key, value).is_err());
        }
        prop_assert!(proof.verify_member(&root, key, &[value.as_slice(), &[0]].concat()).is_err());
    }

    #[test]
    fn changes_without_the_tree_give_its_root(items in contents(), key in key(), value in any::<u8>()) {
        let mut tree = tree_of(&items);
        let value_hash = keccak256(&[&[value]]);
        match tree.prove(&key) {
            None => prop_assert!(items.is_empty()),
            Some(proof) if proof.key == key => {
                let mut shorter = tree.clone();
                prop_assert!(shorter.remove(&key));
                prop_assert_eq!(proof.root_without(), Ok(shorter.root()));
                tree.set(&key, &[value]);
                prop_assert_eq!(proof.root_with(&value_hash), Ok(tree.root()));
                prop_assert_eq!(proof.root_inserting(&key, &value_hash), Err(ProofError::Present));
            }
            Some(proof) => {
                tree.set(&key, &[value]);
                prop_assert_eq!(proof.root_inserting(&key, &value_hash), Ok(tree.root()));
            }
        }
    }

    #[test]
    fn the_first_difference_is_the_first_bit_that_differs(a in key(), b in key()) {
        let bits = |key: &Key| (0..256).map(|bit| key[bit / 8] >> (7 - bit % 8) & 1).collect::<Vec<_>>();
        let expected = bits(&a).iter().zip(&bits(&b)).position(|(x, y)| x != y);
        prop_assert_eq!(first_difference(&a, &b).map(usize::from), expected);
    }
}
