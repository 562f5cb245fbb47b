//! Witnesses of random streams: they read back, fold to the root before, and show what steps need.

use commitment::merkle::{Key, bit_of, inner_hash, leaf_hash};
use commitment::state::{STATE_DOMAIN, state_root};
use commitment::witness::{self, WitnessedStep, tag};
use commitment::{Choices, Replica, StepKind, tree_key};
use engine::Subject;
use protocol::{Command, Hash, Reader, Record, Wire, keccak256};
use std::collections::{BTreeMap, BTreeSet};
use streams::{Random, Venue};

/// A pruned tree read back.
struct Pruned {
    root: Hash,
    shown: BTreeMap<Key, Vec<u8>>,
    closed: BTreeSet<Key>,
}

struct Parsed {
    trees: Vec<Pruned>,
    preimages: BTreeMap<Hash, Vec<u8>>,
}

fn key(reader: &mut Reader<'_>) -> Key {
    Hash::take(reader).expect("a key has 32 bytes").0
}

/// Reads a node, checks that its keys stand where their bits say, and returns its hash.
fn node(reader: &mut Reader<'_>, path: &mut Vec<(u16, bool)>, tree: &mut Pruned) -> Hash {
    let placed = |key: &Key, path: &[(u16, bool)]| path.iter().all(|&(bit, right)| bit_of(key, bit) == right);
    match u8::take(reader).expect("a node has a tag") {
        tag::FOLDED => Hash::take(reader).expect("a folded node is a hash"),
        tag::INNER => {
            let bit = u16::take(reader).expect("an inner node has a bit");
            assert!(path.last().is_none_or(|&(above, _)| above < bit), "bits ascend from the root");
            let [left, right] = [false, true].map(|right| {
                path.push((bit, right));
                let hash = node(reader, path, tree);
                path.pop();
                hash
            });
            inner_hash(bit, &left, &right)
        }
        tag::LEAF => {
            let key = key(reader);
            let length = u16::take(reader).expect("a value has a length");
            let value: Vec<u8> = (0..length).map(|_| u8::take(reader).expect("it is there")).collect();
            assert!(placed(&key, path));
            let hash = leaf_hash(&key, &keccak256(&[&value]));
            tree.shown.insert(key, value);
            hash
        }
        tag::CLOSED_LEAF => {
            let key = key(reader);
            assert!(placed(&key, path));
            tree.closed.insert(key);
            leaf_hash(&key, &Hash::take(reader).expect("a closed leaf has a hash"))
        }
        other => panic!("no node has the tag {other}"),
    }
}

fn parts(reader: &mut Reader<'_>) -> Vec<Vec<u8>> {
    let count = u16::take(reader).expect("a list has a count");
    let part = |_| {
        let [high, middle, low] = [(); 3].map(|()| u8::take(reader).expect("a part has a length"));
        let length = u32::from_be_bytes([0, high, middle, low]);
        (0..length).map(|_| u8::take(reader).expect("it is there")).collect()
    };
    (0..count).map(part).collect()
}

fn parse(bytes: &[u8]) -> Parsed {
    let mut reader = Reader::new(bytes);
    let trees = parts(&mut reader).into_iter().map(|bytes| {
        let mut tree = Pruned { root: Hash::ZERO, shown: BTreeMap::new(), closed: BTreeSet::new() };
        if !bytes.is_empty() {
            let mut reader = Reader::new(&bytes);
            tree.root = node(&mut reader, &mut Vec::new(), &mut tree);
            reader.finish().expect("a tree is one node");
        }
        tree
    });
    let trees = trees.collect();
    let preimages = parts(&mut reader).into_iter().map(|bytes| (keccak256(&[&bytes]), bytes)).collect();
    reader.finish().expect("a witness is trees and preimages");
    Parsed { trees, preimages }
}

/// The roots of the first five trees are those of the state before; every other tree is below a leaf that is shown, or the
/// instruments behind a mark.
fn check(step: &WitnessedStep) -> Parsed {
    let parsed = parse(&step.witness);
    let roots: [Hash; 5] = std::array::from_fn(|at| parsed.trees[at].root);
    assert_eq!(state_root(&roots), step.root_before, "{:?}", step.step);
    let contains = |value: &[u8], root: &Hash| value.windows(32).any(|window| window == root.0);
    let mut known = BTreeSet::new();
    for tree in &parsed.trees {
        for value in tree.shown.values() {
            known.extend(parsed.trees.iter().map(|tree| tree.root).filter(|root| contains(value, root)));
        }
    }
    let claimed = parsed.preimages.get(&step.step.root_after);
    for tree in &parsed.trees[5..] {
        let after = claimed.is_some_and(|preimage| contains(preimage, &tree.root));
        assert!(known.contains(&tree.root) || after, "a tree that nothing leads to: {:?}", step.step);
    }
    assert_eq!(claimed.is_some(), step.step.kind == StepKind::Mark);
    assert!(claimed.is_none_or(|preimage| preimage.starts_with(STATE_DOMAIN)));
    parsed
}

/// The journal of a venue after random acts.
fn journal(seed: u64, acts: usize) -> Vec<Vec<u8>> {
    let (mut venue, mut random) = (Venue::open(), Random::new(seed));
    for _ in 0..acts {
        venue.act(random.act());
    }
    venue.records
}

/// Every command of a journal, with the replica before it and the witnesses of its steps.
fn each_command(records: &[Vec<u8>], mut look: impl FnMut(&mut Replica, &[u8], &[WitnessedStep])) {
    let mut replica = Replica::new();
    for record in records {
        let steps = witness::of_command(&replica, record).expect("it was applied before");
        look(&mut replica, record, &steps);
        replica.apply(record, false).expect("it was applied before");
    }
}

#[test]
fn witnesses_fold_to_the_root_before_their_step() {
    let mut kinds: BTreeMap<StepKind, usize> = BTreeMap::new();
    for seed in 0..3 {
        let mut last = None;
        each_command(&journal(seed, 500), |replica, _, steps| {
            let mut root = replica.state_root();
            assert!(last.is_none_or(|last| last == root));
            for (at, step) in steps.iter().enumerate() {
                assert_eq!((step.root_before, step.first), (root, at == 0));
                assert_eq!((step.step.index as usize, step.step.last), (at, at + 1 == steps.len()));
                check(step);
                root = step.step.root_after;
                *kinds.entry(step.step.kind).or_default() += 1;
            }
            last = Some(root);
        });
    }
    assert!(kinds.len() >= 36, "{kinds:?}");
}

/// The root that the first five trees of a witness come to.
fn root_of(bytes: &[u8]) -> Hash {
    let parsed = parse(bytes);
    state_root(&std::array::from_fn(|at| parsed.trees[at].root))
}

/// A claim is judged in the state that it stands on: between the steps of a command, behind the last of them, or before a
/// command that is refused.
#[test]
fn claims_are_witnessed_where_they_stand() {
    let claim = Subject { account: 2, other: 77, instrument: 1, amount: 5 };
    let mut between = 0;
    each_command(&journal(6, 250), |replica, record, steps| {
        let kind = StepKind::ALL[record.len() % StepKind::ALL.len()];
        for (index, WitnessedStep { step, root_before, witness: honest, .. }) in (0..).zip(steps) {
            let claimed =
                |kind, subject| witness::of_claim(replica, record, Choices::Own, index, kind, subject);
            assert_eq!(claimed(step.kind, &step.subject), *honest, "an honest claim is no other");
            assert_eq!(root_of(&claimed(kind, &claim)), *root_before);
            between += usize::from(index > 0);
        }
        let last = steps.last().expect("a command has a step").step.root_after;
        for more in 0..2 {
            let index = steps.len() as u32 + more;
            let beyond = witness::of_claim(replica, record, Choices::Own, index, kind, &claim);
            assert_eq!(root_of(&beyond), last);
        }
        let mut after = replica.clone();
        after.apply(record, false).expect("it was applied before");
        let refused = witness::of_claim(&after, record, Choices::Own, 0, kind, &claim);
        assert_eq!(root_of(&refused), last);
        let garbage = witness::of_claim(&after, &record[..record.len() - 1], Choices::Own, 0, None, &claim);
        assert_eq!(root_of(&garbage), last);
    });
    assert!(between > 20, "{between}");
}

#[test]
fn a_state_is_witnessed_without_a_step() {
    let mut replica = Replica::new();
    for record in journal(7, 200) {
        replica.apply(&record, false).expect("it was applied before");
    }
    let witness = witness::of_state(&mut replica, &[1, 2, 1_000], &[1]);
    assert_eq!(root_of(&witness), replica.state_root());
    let [accounts, _, instruments, ..] = &parse(&witness).trees[..] else { panic!("five trees") };
    assert_eq!(
        [1, 2, 1_000].map(|id| accounts.shown.contains_key(&tree_key::account(id))),
        [true, true, false]
    );
    assert!(instruments.shown.contains_key(&tree_key::instrument(1)));
}

/// What a place step reads is there: the signer's key, the account, its instrument, and the best opposite order or that there
/// is none.
#[test]
fn the_witness_of_an_order_shows_what_it_reads() {
    let mut seen = 0;
    each_command(&journal(5, 300), |replica, record, steps| {
        let Command::PlaceOrder(order) = Record::from_bytes(record).expect("encoded").command else { return };
        let Parsed { trees, .. } = check(&steps[0]);
        let [accounts, books, instruments, keys, globals] = &trees[..5] else { panic!("five trees") };
        assert!(accounts.shown.contains_key(&tree_key::account(order.subaccount)));
        assert!(instruments.shown.contains_key(&tree_key::instrument(order.instrument)));
        assert!(keys.shown.contains_key(&tree_key::signer(&order.auth.signer)));
        assert!(globals.shown.contains_key(&tree_key::global(0)));
        let prefix = tree_key::book_side(order.instrument, order.side.opposite());
        let best = replica.engine().books().best_price(order.instrument, order.side.opposite());
        assert_eq!(books.shown.keys().any(|key| key.starts_with(&prefix)), best.is_some());
        seen += 1;
    });
    assert!(seen > 50, "{seen}");
}
