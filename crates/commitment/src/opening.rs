//! Every leaf of a state, spelled out: what an exit is proved from, and the plain way to its root.
//!
//! Nothing here is incremental, and it shares no tree with [`StateTree`](crate::StateTree), so the two check each other.

use crate::from_engine;
use crate::merkle::{Key, root_of};
use crate::state::{Part, Roots, state_root};
use crate::tree_key;
use engine::{Account, Engine, PendingTaker};
use protocol::{Hash, InstrumentId, Side, SubaccountId, Wire, keccak256};
use std::collections::BTreeMap;

/// Values of one tree by key.
pub type Leaves = BTreeMap<Key, Vec<u8>>;

/// Root of the tree with these leaves.
#[must_use]
pub fn root(leaves: &Leaves) -> Hash {
    root_of(&leaves.iter().map(|(key, value)| (*key, keccak256(&[value]))).collect::<Vec<_>>())
}

/// The leaves below one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountOpening {
    /// Its open orders by id.
    pub orders: Leaves,
    /// Its holdings.
    pub holdings: Leaves,
    /// Its open orders by instrument and side, worst price first.
    pub sides: BTreeMap<(InstrumentId, Side), Leaves>,
}

/// Every leaf of a state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opening {
    /// Subaccounts.
    pub accounts: Leaves,
    /// Resting orders.
    pub books: Leaves,
    /// Instruments, underlyings, expiries, names.
    pub instruments: Leaves,
    /// Addresses that sign.
    pub keys: Leaves,
    /// Everything else.
    pub globals: Leaves,
    /// What is below the leaves of `accounts`.
    pub below: BTreeMap<SubaccountId, AccountOpening>,
}

impl Opening {
    /// The state of `engine`; `chain` is the command chain behind its last command.
    #[must_use]
    pub fn of(engine: &Engine, chain: &Hash) -> Self {
        Self::between(engine, chain, None)
    }

    /// The state between two steps of a command, with the order that is being matched.
    #[must_use]
    pub fn between(engine: &Engine, chain: &Hash, taker: Option<&PendingTaker>) -> Self {
        let mut opening = Self::default();
        for account in engine.accounts() {
            opening.add_account(engine, account);
        }
        for instrument in engine.instruments() {
            let id = instrument.spec.instrument;
            let name_hash = from_engine::name_hash(instrument);
            opening.instruments.insert(tree_key::name(&name_hash), id.to_bytes());
            if let Some(leaf) = from_engine::instrument(instrument, name_hash) {
                opening.instruments.insert(tree_key::instrument(id), leaf.to_bytes());
            }
        }
        for underlying in engine.underlyings() {
            let id = underlying.id();
            opening
                .instruments
                .insert(tree_key::underlying(id), from_engine::underlying(underlying).to_bytes());
            for (expiry, leaf) in from_engine::expiries(underlying) {
                opening.instruments.insert(tree_key::expiry(id, expiry), leaf.to_bytes());
            }
        }
        for key in engine.keys() {
            opening.keys.insert(tree_key::signer(&key.address), from_engine::key(key).to_bytes());
        }
        for (number, value) in from_engine::globals(engine, chain, taker) {
            opening.globals.insert(tree_key::global(number), value);
        }
        opening
    }

    /// Leaves of one of the five trees.
    #[must_use]
    pub fn part(&self, part: Part) -> &Leaves {
        match part {
            Part::Accounts => &self.accounts,
            Part::Books => &self.books,
            Part::Instruments => &self.instruments,
            Part::Keys => &self.keys,
            Part::Globals => &self.globals,
        }
    }

    /// Roots of accounts, books, instruments, keys and globals.
    #[must_use]
    pub fn roots(&self) -> Roots {
        [&self.accounts, &self.books, &self.instruments, &self.keys, &self.globals].map(root)
    }

    /// The state root.
    #[must_use]
    pub fn root(&self) -> Hash {
        state_root(&self.roots())
    }

    fn add_account(&mut self, engine: &Engine, account: &Account) {
        let mut below = AccountOpening::default();
        for open in account.orders() {
            let place = from_engine::place_of(open);
            self.books.insert(place.book_key(), from_engine::order(engine, open).to_bytes());
            below.orders.insert(tree_key::order(open.order), place.to_bytes());
            let side = below.sides.entry((open.instrument, open.side)).or_default();
            side.insert(place.own_key(), open.order.to_bytes());
        }
        for holding in account.holdings() {
            let side = |side| below.sides.get(&(holding.instrument, side)).map_or(Hash::ZERO, root);
            let leaf = from_engine::holding(holding, side(Side::Buy), side(Side::Sell));
            below.holdings.insert(tree_key::holding(holding.instrument), leaf.to_bytes());
        }
        let leaf = from_engine::account(engine, account, root(&below.orders), root(&below.holdings));
        self.accounts.insert(tree_key::account(account.id()), leaf.to_bytes());
        self.below.insert(account.id(), below);
    }
}
