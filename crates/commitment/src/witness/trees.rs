//! The bytes of a witness: pruned trees, their leaves' values, and preimages.

use super::scope::{Depth, Scope};
use super::{Moment, root_preimage};
use crate::from_engine;
use crate::merkle::{Key, Tree};
use crate::state::{Part, StateTree};
use crate::tree_key::{self, BookPlace};
use engine::{Account, Engine, Governance, PendingTaker};
use protocol::{Hash, Side, SubaccountId, Wire, keccak256};
use std::collections::{BTreeMap, BTreeSet};

/// Leaves of a tree of orders up to which it is opened wholly.
const ORDERS_WHOLE: usize = 16;
/// The same where a command ends all that fit.
const ORDERS_WHOLE_CANCELLED: usize = 512;
/// Leaves from the left that are opened of a larger tree: what comes forward when the first of them go.
const ORDERS_FIRST: usize = 3;
/// Numbers of globals.
const GLOBALS: u8 = 11;

/// Keys to search for, with the values of those that are known.
type Values = BTreeMap<Key, Option<Vec<u8>>>;

/// The witness of `scope` in the state of `moment`; of a mark with the state behind it.
pub(super) fn encode(moment: &mut Moment, mut scope: Scope, after: Option<&mut Moment>) -> Vec<u8> {
    scope.add_bests(&moment.engine);
    let scope = &scope;
    let Moment { engine, state, chain, taker } = moment;
    let mut trees = vec![
        pruned(&accounts(engine, state, scope), state.part(Part::Accounts)),
        pruned(&books(engine, scope), state.part(Part::Books)),
        pruned(&instruments(engine, scope), state.part(Part::Instruments)),
        pruned(&keys(engine, scope), state.part(Part::Keys)),
        pruned(&globals(engine, chain, taker.as_ref()), state.part(Part::Globals)),
    ];
    for (&id, &depth) in &scope.accounts {
        if let Some(account) = engine.account(id).filter(|_| depth == Depth::Whole) {
            open_account(state, scope, account, &mut trees);
        }
    }
    let mut preimages = preimages(engine, scope);
    if let Some(Moment { engine, state, .. }) = after {
        trees.push(pruned(&instruments(engine, scope), state.part(Part::Instruments)));
        preimages.insert(root_preimage(state));
    }
    let mut out = Vec::new();
    put_list(&trees, &mut out);
    put_list(&Vec::from_iter(preimages), &mut out);
    out
}

fn put_list(items: &[Vec<u8>], out: &mut Vec<u8>) {
    u16::try_from(items.len()).expect("a witness has fewer than 65,536 parts").put(out);
    for item in items {
        let length = u32::try_from(item.len()).ok().filter(|length| *length < 1 << 24);
        out.extend_from_slice(
            &length.expect("a part of a witness is shorter than 16 MiB").to_be_bytes()[1..],
        );
        out.extend_from_slice(item);
    }
}

fn pruned(values: &Values, tree: &mut Tree) -> Vec<u8> {
    let keys: Vec<Key> = values.keys().copied().collect();
    tree.prune(&keys, |key| values.get(key).cloned().flatten())
}

fn accounts(engine: &Engine, state: &mut StateTree, scope: &Scope) -> Values {
    let mut leaf = |id: SubaccountId| {
        let account = engine.account(id)?;
        let orders = state.orders_of(id).map_or(Hash::ZERO, Tree::root);
        let holdings = state.holdings_of(id).map_or(Hash::ZERO, Tree::root);
        Some(from_engine::account(engine, account, orders, holdings).to_bytes())
    };
    scope.accounts.keys().map(|&id| (tree_key::account(id), leaf(id))).collect()
}

fn books(engine: &Engine, scope: &Scope) -> Values {
    let value = |place: &BookPlace, &(subaccount, order)| {
        let open = engine.account(subaccount)?.order(order)?;
        (from_engine::place_of(open) == *place).then(|| from_engine::order(engine, open).to_bytes())
    };
    let touched = scope.orders.iter().map(|(place, order)| (place.book_key(), value(place, order)));
    // Where a side has no order, the search for its first shows it.
    let sides = scope.traded.iter().flat_map(|&id| Side::ALL.iter().map(move |&side| (id, side)));
    let first = |(id, side)| {
        let mut key = [0; 32];
        let prefix = tree_key::book_side(id, side);
        key[..prefix.len()].copy_from_slice(&prefix);
        (key, None)
    };
    sides.map(first).chain(touched).collect()
}

fn instruments(engine: &Engine, scope: &Scope) -> Values {
    let mut values = Values::new();
    for &id in &scope.instruments {
        let listed = engine.instrument(id);
        let leaf = listed.and_then(|listed| from_engine::instrument(listed, from_engine::name_hash(listed)));
        values.insert(tree_key::instrument(id), leaf.map(|leaf| leaf.to_bytes()));
    }
    for &id in &scope.underlyings {
        let leaf = engine.underlying(id).map(|underlying| from_engine::underlying(underlying).to_bytes());
        values.insert(tree_key::underlying(id), leaf);
        let expiries = engine.underlying(id).map(from_engine::expiries).unwrap_or_default();
        let expiries = expiries.into_iter();
        values.extend(expiries.map(|(expiry, leaf)| (tree_key::expiry(id, expiry), Some(leaf.to_bytes()))));
    }
    for &(id, expiry) in &scope.expiries {
        values.entry(tree_key::expiry(id, expiry)).or_default();
    }
    for name in &scope.names {
        let id = engine.instrument_by_name(name).map(|listed| listed.spec.instrument.to_bytes());
        values.insert(tree_key::name(&keccak256(&[name.as_bytes()])), id);
    }
    values
}

fn keys(engine: &Engine, scope: &Scope) -> Values {
    let leaf = |address| engine.key(address).map(|key| from_engine::key(key).to_bytes());
    scope.keys.iter().map(|address| (tree_key::signer(address), leaf(address))).collect()
}

fn globals(engine: &Engine, chain: &Hash, taker: Option<&PendingTaker>) -> Values {
    let mut values: Values = (0..GLOBALS).map(|number| (tree_key::global(number), None)).collect();
    let present = from_engine::globals(engine, chain, taker).into_iter();
    values.extend(present.map(|(number, value)| (tree_key::global(number), Some(value))));
    values
}

/// The trees below the leaf of an account.
fn open_account(state: &mut StateTree, scope: &Scope, account: &Account, trees: &mut Vec<Vec<u8>>) {
    let id = account.id();
    let whole = if scope.cancels { ORDERS_WHOLE_CANCELLED } else { ORDERS_WHOLE };
    let mut push = |tree: Vec<u8>| {
        if !tree.is_empty() {
            trees.push(tree);
        }
    };
    let touched = scope.orders.iter().filter(|(_, (owner, _))| *owner == id);
    let (places, mut orders): (Vec<&BookPlace>, Vec<Key>) =
        touched.map(|(place, (_, order))| (place, tree_key::order(*order))).unzip();
    let named = scope.named.iter().filter(|(owner, _)| *owner == id);
    orders.extend(named.map(|(_, order)| tree_key::order(*order)));
    if let Some(tree) = state.orders_of(id) {
        let values = account
            .orders()
            .map(|open| (tree_key::order(open.order), from_engine::place_of(open).to_bytes()));
        push(pruned(&of_orders(tree, whole, orders, values), tree));
    }
    let mut holdings: Values = scope.traded.iter().map(|&id| (tree_key::holding(id), None)).collect();
    for holding in account.holdings() {
        let roots = Side::ALL.iter().map(|&side| {
            let tree = state.side_of(id, holding.instrument, side).filter(|tree| !tree.is_empty());
            let Some(tree) = tree else { return Hash::ZERO };
            let own =
                places.iter().filter(|place| (place.instrument, place.side) == (holding.instrument, side));
            let whole = if scope.traded.contains(&holding.instrument) { whole } else { 0 };
            let searched = own.map(|place| place.own_key()).collect();
            let values =
                account.orders().filter(|open| (open.instrument, open.side) == (holding.instrument, side));
            let values = values.map(|open| (from_engine::place_of(open).own_key(), open.order.to_bytes()));
            push(pruned(&of_orders(tree, whole, searched, values), tree));
            tree.root()
        });
        let roots: Vec<Hash> = roots.collect();
        let leaf = from_engine::holding(holding, roots[Side::Buy as usize], roots[Side::Sell as usize]);
        holdings.insert(tree_key::holding(holding.instrument), Some(leaf.to_bytes()));
    }
    if let Some(tree) = state.holdings_of(id) {
        push(pruned(&holdings, tree));
    }
}

/// What is opened of a tree of orders: all of a small one, else the first and those that the step searches for.
fn of_orders(
    tree: &Tree,
    whole: usize,
    searched: Vec<Key>,
    values: impl Iterator<Item = (Key, Vec<u8>)>,
) -> Values {
    let all = tree.len() <= whole;
    let mut wanted: BTreeSet<Key> = searched.into_iter().collect();
    wanted.extend(tree.first_keys(if all { usize::MAX } else { ORDERS_FIRST }));
    let mut found: Values = wanted.into_iter().map(|key| (key, None)).collect();
    for (key, value) in values {
        if let Some(wanted) = found.get_mut(&key) {
            *wanted = Some(value);
        }
    }
    found
}

/// What the leaves have as hashes.
fn preimages(engine: &Engine, scope: &Scope) -> BTreeSet<Vec<u8>> {
    let mut out: BTreeSet<Vec<u8>> = scope.names.iter().map(|name| name.as_bytes().to_vec()).collect();
    if let Some(Governance { admins, oracles, assets, .. }) = engine.genesis() {
        out.extend([
            admins.to_bytes(),
            oracles.to_bytes(),
            assets.to_bytes(),
            from_engine::underlying_specs(engine).to_bytes(),
            from_engine::parameters(engine).to_bytes(),
            engine.collateral_table().to_vec().to_bytes(),
        ]);
    }
    for underlying in scope.underlyings.iter().filter_map(|&id| engine.underlying(id)) {
        out.insert(underlying.spec.symbol.as_bytes().to_vec());
        let tables = [underlying.risk.active(), underlying.risk.next().map(|(_, table)| table)];
        out.extend(tables.into_iter().flatten().map(|table| table.parameters.to_bytes()));
    }
    out
}
