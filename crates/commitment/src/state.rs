//! The five trees over an engine's state, kept up with what each command touched.

use crate::from_engine;
use crate::leaf::{HoldingLeaf, global, wire_hash};
use crate::merkle::Tree;
use crate::tree_key::{self, BookPlace};
use engine::{Account, Dirty, Engine, Parameters, PendingTaker};
use protocol::{
    CollateralTerms, Hash, InstrumentId, Nanos, OrderId, Scheduled, Side, SubaccountId, UnderlyingId, Wire,
    keccak256,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What the state root starts with.
pub const STATE_DOMAIN: &[u8] = b"synchromesh.state.v1";

/// Roots of accounts, books, instruments, keys and globals.
pub type Roots = [Hash; 5];

/// One of the five trees, in the order of [`Roots`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
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
}

/// The state root over the roots of the five trees.
#[must_use]
pub fn state_root(roots: &Roots) -> Hash {
    let [accounts, books, instruments, keys, globals] = roots;
    keccak256(&[STATE_DOMAIN, &accounts.0, &books.0, &instruments.0, &keys.0, &globals.0])
}

/// What an account has in one instrument: its leaf, and the trees of its resting orders there.
#[derive(Debug, Clone, Default)]
struct HoldingTrees {
    leaf: Option<HoldingLeaf>,
    bids: Tree,
    offers: Tree,
}

impl HoldingTrees {
    fn side(&mut self, side: Side) -> &mut Tree {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.offers,
        }
    }
}

/// The trees below the leaf of one account.
#[derive(Debug, Clone, Default)]
struct AccountTrees {
    orders: Tree,
    holdings: Tree,
    instruments: BTreeMap<InstrumentId, HoldingTrees>,
}

/// What the globals tree was last made of, so that a leaf that did not change costs no hash.
#[derive(Debug, Clone, Default)]
struct Globals {
    moving: BTreeMap<u8, Vec<u8>>,
    /// The tables behind hashes; none before Genesis, with which the leaf of who governs is made for good.
    tables: Option<(Parameters, Vec<Scheduled<CollateralTerms>>)>,
}

/// The state trees of one engine.
#[derive(Debug, Clone, Default)]
pub struct StateTree {
    accounts: Tree,
    books: Tree,
    instruments: Tree,
    keys: Tree,
    globals: Tree,
    /// Trees below the leaves of `accounts`.
    below: HashMap<SubaccountId, AccountTrees>,
    /// Expiries that have a leaf.
    expiries: BTreeMap<UnderlyingId, BTreeSet<Nanos>>,
    /// Hashes of the names that have a leaf.
    names: HashMap<InstrumentId, Hash>,
    seen: Globals,
}

impl StateTree {
    /// The trees of the empty state.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The trees of `engine`, from scratch; `chain` is the command chain behind its last command.
    #[must_use]
    pub fn of(engine: &Engine, chain: &Hash) -> Self {
        let mut state = Self::new();
        state.update(engine, &from_engine::everything(engine), chain, None);
        state
    }

    /// Follows `engine`, which since the last call touched nothing but what `dirty` says, and globals. `chain` is the
    /// command chain behind its last command; `taker` is the order that is being matched, between two steps of a command.
    pub fn update(&mut self, engine: &Engine, dirty: &Dirty, chain: &Hash, taker: Option<&PendingTaker>) {
        for place in &dirty.orders {
            self.update_order(engine, place);
        }
        for &id in &dirty.accounts {
            self.update_account(engine, id, dirty);
        }
        for &id in &dirty.instruments {
            self.update_instrument(engine, id);
        }
        for &id in &dirty.underlyings {
            self.update_underlying(engine, id);
        }
        for address in &dirty.keys {
            let key = engine.key(address).expect("a key is never forgotten");
            self.keys.set(&tree_key::signer(address), &from_engine::key(key).to_bytes());
        }
        self.update_globals(engine, chain, taker);
    }

    /// The state root.
    pub fn root(&mut self) -> Hash {
        state_root(&self.roots())
    }

    /// Roots of the five trees.
    pub fn roots(&mut self) -> Roots {
        [&mut self.accounts, &mut self.books, &mut self.instruments, &mut self.keys, &mut self.globals]
            .map(Tree::root)
    }

    /// One of the five trees.
    pub fn part(&mut self, part: Part) -> &mut Tree {
        match part {
            Part::Accounts => &mut self.accounts,
            Part::Books => &mut self.books,
            Part::Instruments => &mut self.instruments,
            Part::Keys => &mut self.keys,
            Part::Globals => &mut self.globals,
        }
    }

    /// The tree of a subaccount's open orders by id.
    pub fn orders_of(&mut self, subaccount: SubaccountId) -> Option<&mut Tree> {
        self.below.get_mut(&subaccount).map(|trees| &mut trees.orders)
    }

    /// The tree of a subaccount's holdings.
    pub fn holdings_of(&mut self, subaccount: SubaccountId) -> Option<&mut Tree> {
        self.below.get_mut(&subaccount).map(|trees| &mut trees.holdings)
    }

    /// The tree of a subaccount's open orders on one side of an instrument, worst price first.
    pub fn side_of(
        &mut self,
        subaccount: SubaccountId,
        instrument: InstrumentId,
        side: Side,
    ) -> Option<&mut Tree> {
        self.below.get_mut(&subaccount)?.instruments.get_mut(&instrument).map(|trees| trees.side(side))
    }

    fn update_order(&mut self, engine: &Engine, touched: &engine::BookPlace) {
        let place =
            BookPlace::new(touched.instrument, touched.side, touched.price, OrderId(touched.priority));
        let open = engine.account(touched.subaccount).and_then(|account| account.order(touched.order));
        let trees = self.below.entry(touched.subaccount).or_default();
        let side = trees.instruments.entry(touched.instrument).or_default().side(touched.side);
        let key = tree_key::order(touched.order);
        match open.filter(|open| from_engine::place_of(open) == place) {
            Some(open) => {
                self.books.set(&place.book_key(), &from_engine::order(engine, open).to_bytes());
                if side.set(&place.own_key(), &touched.order.to_bytes()) {
                    trees.orders.set(&key, &place.to_bytes());
                }
            }
            None => {
                self.books.remove(&place.book_key());
                side.remove(&place.own_key());
                // An order that moved touched two places, and its entry by id says where it is now.
                if open.is_none() {
                    trees.orders.remove(&key);
                }
            }
        }
    }

    fn update_account(&mut self, engine: &Engine, id: SubaccountId, dirty: &Dirty) {
        let account = engine.account(id).expect("a subaccount is never forgotten");
        let trees = self.below.entry(id).or_default();
        trees.follow_holdings(account, dirty);
        let leaf = from_engine::account(engine, account, trees.orders.root(), trees.holdings.root());
        debug_assert_eq!(leaf.open_orders as usize, trees.orders.len(), "the tree has every open order");
        debug_assert_eq!(leaf.holdings as usize, trees.holdings.len(), "the tree has every holding");
        self.accounts.set(&tree_key::account(id), &leaf.to_bytes());
    }

    fn update_instrument(&mut self, engine: &Engine, id: InstrumentId) {
        let instrument = engine.instrument(id).expect("an instrument is never forgotten");
        let name_hash = *self.names.entry(id).or_insert_with(|| {
            let name_hash = from_engine::name_hash(instrument);
            self.instruments.set(&tree_key::name(&name_hash), &id.to_bytes());
            name_hash
        });
        match from_engine::instrument(instrument, name_hash) {
            Some(leaf) => drop(self.instruments.set(&tree_key::instrument(id), &leaf.to_bytes())),
            None => drop(self.instruments.remove(&tree_key::instrument(id))),
        }
    }

    fn update_underlying(&mut self, engine: &Engine, id: UnderlyingId) {
        let underlying = engine.underlying(id).expect("an underlying is never forgotten");
        self.instruments.set(&tree_key::underlying(id), &from_engine::underlying(underlying).to_bytes());
        let leaves = from_engine::expiries(underlying);
        let present: BTreeSet<Nanos> = leaves.iter().map(|(expiry, _)| *expiry).collect();
        let before = self.expiries.entry(id).or_default();
        for &gone in before.difference(&present) {
            self.instruments.remove(&tree_key::expiry(id, gone));
        }
        for (expiry, leaf) in leaves {
            self.instruments.set(&tree_key::expiry(id, expiry), &leaf.to_bytes());
        }
        *before = present;
    }

    fn update_globals(&mut self, engine: &Engine, chain: &Hash, taker: Option<&PendingTaker>) {
        let Some(governance) = engine.genesis() else { return };
        for (number, value) in from_engine::moving_globals(engine, chain, taker) {
            if self.seen.moving.get(&number) == value.as_ref() {
                continue;
            }
            let key = tree_key::global(number);
            match value {
                Some(value) => {
                    self.globals.set(&key, &value);
                    self.seen.moving.insert(number, value);
                }
                None => {
                    self.globals.remove(&key);
                    self.seen.moving.remove(&number);
                }
            }
        }
        let (parameters, collateral) = (engine.parameters(), engine.collateral_table());
        match &self.seen.tables {
            Some((before, terms)) if before == parameters && terms == collateral => return,
            Some(_) => {}
            None => {
                let venue = from_engine::venue(engine, governance);
                self.globals.set(&tree_key::global(global::VENUE), &venue.to_bytes());
            }
        }
        let mut set = |number, value: Hash| self.globals.set(&tree_key::global(number), &value.to_bytes());
        set(global::PARAMETERS, wire_hash(&from_engine::parameters(engine)));
        set(global::COLLATERAL, wire_hash(&collateral.to_vec()));
        self.seen.tables = Some((parameters.clone(), collateral.to_vec()));
    }
}

impl AccountTrees {
    /// Makes the tree of holdings that of `account`. The trees of open orders are up to date before.
    fn follow_holdings(&mut self, account: &Account, dirty: &Dirty) {
        if dirty.orders.len() + dirty.instruments.len() > account.holdings().len().max(self.instruments.len())
        {
            let known: Vec<InstrumentId> = self.instruments.keys().copied().collect();
            let held = account.holdings().map(|holding| holding.instrument);
            known.into_iter().chain(held).for_each(|id| self.follow_holding(account, id));
            return;
        }
        let own = dirty.orders.iter().filter(|place| place.subaccount == account.id());
        let touched = own.map(|place| place.instrument).chain(dirty.instruments.iter().copied());
        touched.for_each(|id| self.follow_holding(account, id));
    }

    fn follow_holding(&mut self, account: &Account, id: InstrumentId) {
        let key = tree_key::holding(id);
        let Some(holding) = account.holding(id) else {
            if let Some(trees) = self.instruments.remove(&id) {
                debug_assert!(trees.bids.is_empty() && trees.offers.is_empty(), "no order without a holding");
                self.holdings.remove(&key);
            }
            return;
        };
        let trees = self.instruments.entry(id).or_default();
        let leaf = from_engine::holding(holding, trees.bids.root(), trees.offers.root());
        if trees.leaf.as_ref() != Some(&leaf) {
            self.holdings.set(&key, &leaf.to_bytes());
            trees.leaf = Some(leaf);
        }
    }
}
