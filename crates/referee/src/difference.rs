//! Where two states differ, leaf by leaf: the engine's, and the one that a contract ended with. A contract returns a root
//! only; what it hashed on the way shows the trees below it, as far as they are not those of the state before.

use crate::abi::hex;
use crate::hashes::Hashes;
use commitment::leaf::{
    AccountLeaf, AssetTotals, ClockLeaf, CountersLeaf, ExpiryLeaf, FundsLeaf, HoldingLeaf, InboxLeaf,
    InstrumentLeaf, KeyLeaf, OrderLeaf, TakerLeaf, UnderlyingLeaf, VenueLeaf, global,
};
use commitment::merkle::{bit_of, first_difference, inner_hash, leaf_hash};
use commitment::opening::Leaves;
use commitment::state::STATE_DOMAIN;
use commitment::tree_key::BookPlace;
use commitment::{Key, Opening};
use protocol::{Hash, InstrumentId, OrderId, Side, SubaccountId, Wire, keccak256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;

/// Most differences that are told.
const MOST: usize = 40;

/// A tree of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Subaccounts.
    Accounts,
    /// Resting orders.
    Books,
    /// Instruments, underlyings, expiries, names.
    Instruments,
    /// Addresses that sign.
    Keys,
    /// Everything else.
    Globals,
    /// Open orders of a subaccount.
    Orders(SubaccountId),
    /// Holdings of a subaccount.
    Holdings(SubaccountId),
    /// Open orders of a subaccount on a side of an instrument, worst price first.
    Own(SubaccountId, InstrumentId, Side),
}

/// Subtrees and values that are known from the engine's states, by hash.
#[derive(Default)]
struct Known {
    nodes: HashMap<Hash, Leaves>,
    values: HashMap<Hash, Vec<u8>>,
}

impl Known {
    fn add(&mut self, opening: &Opening) {
        let trees =
            [&opening.accounts, &opening.books, &opening.instruments, &opening.keys, &opening.globals];
        trees.into_iter().for_each(|leaves| self.add_tree(leaves));
        for below in opening.below.values() {
            self.add_tree(&below.orders);
            self.add_tree(&below.holdings);
            below.sides.values().for_each(|side| self.add_tree(side));
        }
    }

    fn add_tree(&mut self, leaves: &Leaves) {
        let hashed: Vec<(Key, Hash)> =
            leaves.iter().map(|(key, value)| (*key, keccak256(&[value]))).collect();
        for ((_, hash), value) in hashed.iter().zip(leaves.values()) {
            self.values.insert(*hash, value.clone());
        }
        self.add_node(&hashed, leaves);
    }

    fn add_node(&mut self, hashed: &[(Key, Hash)], leaves: &Leaves) -> Hash {
        let hash = match hashed {
            [] => return Hash::ZERO,
            [(key, value)] => leaf_hash(key, value),
            [(first, _), .., (last, _)] => {
                let bit = first_difference(first, last).expect("keys of a map differ");
                let split = hashed.partition_point(|(key, _)| !bit_of(key, bit));
                let (left, right) = hashed.split_at(split);
                inner_hash(bit, &self.add_node(left, leaves), &self.add_node(right, leaves))
            }
        };
        let below = hashed.iter().map(|(key, _)| (*key, leaves[key].clone()));
        self.nodes.insert(hash, below.collect());
        hash
    }
}

/// The contract's state, as far as it is known.
struct Contract<'a> {
    hashes: &'a Hashes,
    known: Known,
}

impl Contract<'_> {
    /// Leaves below a node; a value is `None` where its hash is all that is known.
    fn leaves(&self, node: Hash, out: &mut BTreeMap<Key, Option<Vec<u8>>>) -> bool {
        if node == Hash::ZERO {
            return true;
        }
        if let Some(leaves) = self.known.nodes.get(&node) {
            out.extend(leaves.iter().map(|(key, value)| (*key, Some(value.clone()))));
            return true;
        }
        match self.hashes.preimage(&node) {
            Some([0, rest @ ..]) if rest.len() == 64 => {
                let key = rest[..32].try_into().expect("32 bytes");
                let hash = Hash(rest[32..].try_into().expect("32 bytes"));
                let seen = self.hashes.preimage(&hash).map(<[u8]>::to_vec);
                out.insert(key, seen.or_else(|| self.known.values.get(&hash).cloned()));
                true
            }
            Some([1, _, _, rest @ ..]) if rest.len() == 64 => {
                let child = |at: usize| Hash(rest[at..at + 32].try_into().expect("32 bytes"));
                let left = self.leaves(child(0), out);
                self.leaves(child(32), out) && left
            }
            _ => false,
        }
    }
}

/// The differences of the engine's state `after` a step and the state with root `root` that a contract ended with, whose
/// hashed data are `hashes`; `before` is the state that both started from.
#[must_use]
pub fn difference(before: &Opening, after: &Opening, hashes: &Hashes, root: &Hash) -> Vec<String> {
    let roots = hashes.preimage(root).and_then(|preimage| preimage.strip_prefix(STATE_DOMAIN));
    let Some(roots) = roots.filter(|roots| roots.len() == 160) else {
        return vec!["the contract's root is no state root that it hashed".into()];
    };
    let mut known = Known::default();
    known.add(before);
    known.add(after);
    let contract = Contract { hashes, known };
    let mut out = Vec::new();
    let trees = [
        (Place::Accounts, &before.accounts, &after.accounts),
        (Place::Books, &before.books, &after.books),
        (Place::Instruments, &before.instruments, &after.instruments),
        (Place::Keys, &before.keys, &after.keys),
        (Place::Globals, &before.globals, &after.globals),
    ];
    for ((place, from, to), root) in trees.into_iter().zip(roots.chunks(32)) {
        let root = Hash(root.try_into().expect("chunks of 32 bytes"));
        compare(place, &contract, [from, to], root, before, after, &mut out);
    }
    if out.len() > MOST {
        let left = out.len() - MOST;
        out.truncate(MOST);
        out.push(format!("… and {left} more"));
    }
    out
}

fn compare(
    place: Place,
    contract: &Contract<'_>,
    [from, to]: [&Leaves; 2],
    root: Hash,
    before: &Opening,
    after: &Opening,
    out: &mut Vec<String>,
) {
    if commitment::opening::root(to) == root {
        return;
    }
    let mut theirs = BTreeMap::new();
    if !contract.leaves(root, &mut theirs) {
        out.push(format!("{place:?}: the contract has parts that it never hashed"));
    }
    let keys: BTreeSet<&Key> = to.keys().chain(theirs.keys()).collect();
    for key in keys {
        let name = describe_key(place, key);
        match (to.get(key), theirs.get(key)) {
            (Some(ours), Some(Some(theirs))) if ours != theirs => {
                let old = from.get(key).map(Vec::as_slice);
                out.extend(
                    describe_values(place, key, old, ours, theirs).map(|line| format!("{name}: {line}")),
                );
                nested(place, key, contract, theirs, before, after, out);
            }
            (Some(_), Some(None)) => out.push(format!("{name}: differs, the contract's value is not known")),
            (Some(ours), None) => {
                out.push(format!("{name}: missing in the contract: {}", describe_value(place, key, ours)));
            }
            (None, Some(theirs)) => {
                let value = theirs.as_ref().map_or("?".into(), |value| describe_value(place, key, value));
                out.push(format!("{name}: only in the contract: {value}"));
            }
            _ => {}
        }
    }
}

/// Goes below a leaf that holds roots of its own.
fn nested(
    place: Place,
    key: &Key,
    contract: &Contract<'_>,
    theirs: &[u8],
    before: &Opening,
    after: &Opening,
    out: &mut Vec<String>,
) {
    let none = Leaves::new();
    match place {
        Place::Accounts => {
            let (id, Ok(leaf)) = (number(key, 0), AccountLeaf::from_bytes(theirs)) else { return };
            let below = |opening: &Opening| opening.below.get(&id).cloned().unwrap_or_default();
            let (old, new) = (below(before), below(after));
            let mut go = |place, from: &Leaves, to: &Leaves, root| {
                compare(place, contract, [from, to], root, before, after, out);
            };
            go(Place::Orders(id), &old.orders, &new.orders, leaf.orders_root);
            go(Place::Holdings(id), &old.holdings, &new.holdings, leaf.holdings_root);
        }
        Place::Holdings(id) => {
            let Ok(leaf) = HoldingLeaf::from_bytes(theirs) else { return };
            let instrument = u32::from_be_bytes([key[0], key[1], key[2], key[3]]);
            for (side, root) in [(Side::Buy, leaf.bids.root), (Side::Sell, leaf.offers.root)] {
                let of = |opening: &'_ Opening| {
                    let sides = opening.below.get(&id).map(|below| &below.sides);
                    sides.and_then(|sides| sides.get(&(instrument, side))).cloned().unwrap_or(none.clone())
                };
                let (old, new) = (of(before), of(after));
                compare(Place::Own(id, instrument, side), contract, [&old, &new], root, before, after, out);
            }
        }
        _ => {}
    }
}

fn number(key: &Key, at: usize) -> u64 {
    u64::from_be_bytes(key[at..at + 8].try_into().expect("eight bytes"))
}

fn describe_key(place: Place, key: &Key) -> String {
    let short = |at: usize| u32::from_be_bytes(key[at..at + 4].try_into().expect("four bytes"));
    let tiny = |at: usize| u16::from_be_bytes([key[at], key[at + 1]]);
    match (place, key[0]) {
        (Place::Accounts, _) => format!("account {}", number(key, 0)),
        (Place::Books, _) => match BookPlace::from_bytes(&key[1..22]) {
            Ok(place) => format!(
                "book {} {} {} place {}",
                place.instrument,
                place.side.word(),
                place.ticks(),
                place.place
            ),
            Err(_) => format!("book 0x{}", hex(key)),
        },
        (Place::Instruments, 0) => format!("instrument {}", short(1)),
        (Place::Instruments, 1) => format!("underlying {}", tiny(1)),
        (Place::Instruments, 2) => format!("expiry {} of underlying {}", number(key, 3), tiny(1)),
        (Place::Instruments, _) => format!("name 0x{}", hex(key)),
        (Place::Keys, _) => format!("key 0x{}", hex(&key[..20])),
        (Place::Globals, which) => format!("globals {}", global_name(which)),
        (Place::Orders(id), _) => format!("account {id}: order {:?}", OrderId(number(key, 0))),
        (Place::Holdings(id), _) => format!("account {id}: holding in {}", short(0)),
        (Place::Own(id, instrument, side), _) => {
            format!("account {id}: own {} of {instrument} at place {}", side.word(), number(key, 8))
        }
    }
}

fn global_name(number: u8) -> &'static str {
    match number {
        global::CLOCK => "clock",
        global::FUNDS => "funds",
        global::INBOX => "inbox",
        global::COUNTERS => "counters",
        global::TAKER => "taker",
        global::PARAMETERS => "parameters",
        global::VENUE => "venue",
        global::TOTALS => "totals",
        global::COLLATERAL => "collateral",
        _ => "unknown",
    }
}

/// A value with its fields, a line each.
fn fields(place: Place, key: &Key, value: &[u8]) -> String {
    fn of<T: Wire + Debug>(value: &[u8]) -> Option<String> {
        T::from_bytes(value).ok().map(|leaf| format!("{leaf:#?}"))
    }
    let text = match (place, key[0]) {
        (Place::Accounts, _) => of::<AccountLeaf>(value),
        (Place::Books, _) => of::<OrderLeaf>(value),
        (Place::Instruments, 0) => of::<InstrumentLeaf>(value),
        (Place::Instruments, 1) => of::<UnderlyingLeaf>(value),
        (Place::Instruments, 2) => of::<ExpiryLeaf>(value),
        (Place::Keys, _) => of::<KeyLeaf>(value),
        (Place::Globals, global::CLOCK) => of::<ClockLeaf>(value),
        (Place::Globals, global::FUNDS) => of::<FundsLeaf>(value),
        (Place::Globals, global::INBOX) => of::<InboxLeaf>(value),
        (Place::Globals, global::COUNTERS) => of::<CountersLeaf>(value),
        (Place::Globals, global::TAKER) => of::<TakerLeaf>(value),
        (Place::Globals, global::VENUE) => of::<VenueLeaf>(value),
        (Place::Globals, global::TOTALS) => of::<Vec<AssetTotals>>(value),
        (Place::Orders(_), _) => of::<BookPlace>(value),
        (Place::Holdings(_), _) => of::<HoldingLeaf>(value),
        _ => None,
    };
    text.unwrap_or_else(|| format!("0x{}", hex(value)))
}

fn describe_value(place: Place, key: &Key, value: &[u8]) -> String {
    let words: Vec<_> = fields(place, key, value).lines().map(|line| line.trim().to_owned()).collect();
    words.join(" ")
}

/// The fields in which two values differ, with what they were before.
fn describe_values(
    place: Place,
    key: &Key,
    old: Option<&[u8]>,
    ours: &[u8],
    theirs: &[u8],
) -> impl Iterator<Item = String> {
    let text = |value: &[u8]| {
        fields(place, key, value).lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    let (ours, theirs, old) = (text(ours), text(theirs), old.map(text).unwrap_or_default());
    let lines: Vec<String> = if ours.len() == theirs.len() {
        let differ = ours.iter().zip(&theirs).enumerate().filter(|(_, (ours, theirs))| ours != theirs);
        let line = |(at, (ours, theirs)): (usize, (&String, &String))| {
            let was = old.get(at).map_or(String::new(), |was| format!("  (before {})", value_of(was)));
            format!("engine {ours}  contract {}{was}", value_of(theirs))
        };
        differ.map(line).collect()
    } else {
        vec![format!("engine {}", ours.join(" ")), format!("contract {}", theirs.join(" "))]
    };
    lines.into_iter()
}

/// What stands behind the name of a field.
fn value_of(line: &str) -> &str {
    line.split_once(": ").map_or(line, |(_, value)| value)
}

/// What sort of leaf stands at a key.
#[must_use]
pub fn describe_place(place: Place, key: &Key) -> String {
    let name = match (place, key[0]) {
        (Place::Accounts, _) => "account",
        (Place::Books, _) => "resting order",
        (Place::Instruments, 0) => "instrument",
        (Place::Instruments, 1) => "underlying",
        (Place::Instruments, 2) => "expiry",
        (Place::Instruments, _) => "name",
        (Place::Keys, _) => "key",
        (Place::Globals, which) => global_name(which),
        (Place::Orders(_), _) => "order",
        (Place::Holdings(_), _) => "holding",
        (Place::Own(..), _) => "own order",
    };
    name.into()
}

/// The first field in which two values of a leaf differ.
#[must_use]
pub fn changed_field(place: Place, key: &Key, old: &[u8], new: &[u8]) -> String {
    let (old, new) = (fields(place, key, old), fields(place, key, new));
    let mut lines = old.lines().zip(new.lines());
    let line = lines.find(|(old, new)| old != new).map_or("", |(old, _)| old.trim());
    match line.split_once(": ") {
        Some((name, _)) => name.into(),
        None if new.starts_with("0x") && !old.starts_with("0x") => "(no longer a leaf)".into(),
        None => String::new(),
    }
}
