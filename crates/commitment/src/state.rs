//! The five trees over an engine's state, kept up with what each command touched.
//!
//! Nothing is hashed when it changes: its hash is queued, with those that depend on it, and so are state roots that are
//! asked for later. The queue settles when somebody reads a hash, or when it is full.

use crate::from_engine;
use crate::leaf::{AccountLeaf, HoldingLeaf, global, wire_hash};
use crate::merkle::Tree;
use crate::merkle::hashing::{Digest, Ticket};
use crate::merkle::queue::Queue;
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

/// What an account has in one instrument: its leaf without the roots, and the trees of its resting orders there.
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
    queue: Queue,
    /// Trees below accounts that have hashes in the queue; some more than once.
    queued: Queued,
    /// State roots in the queue, and those that came out of it since they were last taken.
    noted: Vec<Ticket>,
    roots: Vec<Hash>,
}

/// Trees below accounts.
#[derive(Debug, Clone, Default)]
struct Queued {
    accounts: Vec<SubaccountId>,
    sides: Vec<(SubaccountId, InstrumentId)>,
}

impl Queued {
    /// The trees of orders and of holdings of an account.
    fn account(&mut self, id: SubaccountId) {
        if self.accounts.last() != Some(&id) {
            self.accounts.push(id);
        }
    }

    /// Those of its orders in one instrument.
    fn sides(&mut self, id: SubaccountId, instrument: InstrumentId) {
        if self.sides.last() != Some(&(id, instrument)) {
            self.sides.push((id, instrument));
        }
    }
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
            self.settle_if_full();
        }
        for &id in &dirty.accounts {
            self.update_account(engine, id, dirty);
            self.settle_if_full();
        }
        for &id in &dirty.instruments {
            self.update_instrument(engine, id);
            self.settle_if_full();
        }
        for &id in &dirty.underlyings {
            self.update_underlying(engine, id);
        }
        for address in &dirty.keys {
            let key = engine.key(address).expect("a key is never forgotten");
            let value = self.queue.value(&from_engine::key(key));
            self.keys.put(&mut self.queue, &tree_key::signer(address), value);
            self.settle_if_full();
        }
        self.update_globals(engine, chain, taker);
    }

    /// The state root.
    pub fn root(&mut self) -> Hash {
        state_root(&self.roots())
    }

    /// Roots of the five trees.
    pub fn roots(&mut self) -> Roots {
        self.root_digests();
        self.settle();
        self.trees().map(Tree::root)
    }

    /// Queues the state root of this moment: cheaper than [`Self::root`] for whoever wants those of many moments.
    pub fn note_root(&mut self) {
        let roots = self.root_digests();
        let mut message = [0; STATE_DOMAIN.len() + 5 * size_of::<Hash>()];
        message[..STATE_DOMAIN.len()].copy_from_slice(STATE_DOMAIN);
        let at = std::array::from_fn(|tree| STATE_DOMAIN.len() + tree * size_of::<Hash>());
        self.noted.push(self.queue.message(&message, at, roots));
        self.settle_if_full();
    }

    /// The state roots that were noted since the last call, in their order.
    pub fn take_noted(&mut self) -> Vec<Hash> {
        self.settle();
        std::mem::take(&mut self.roots)
    }

    /// One of the five trees.
    pub fn part(&mut self, part: Part) -> &mut Tree {
        self.settle();
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
        self.settle();
        self.below.get_mut(&subaccount).map(|trees| &mut trees.orders)
    }

    /// The tree of a subaccount's holdings.
    pub fn holdings_of(&mut self, subaccount: SubaccountId) -> Option<&mut Tree> {
        self.settle();
        self.below.get_mut(&subaccount).map(|trees| &mut trees.holdings)
    }

    /// The tree of a subaccount's open orders on one side of an instrument, worst price first.
    pub fn side_of(
        &mut self,
        subaccount: SubaccountId,
        instrument: InstrumentId,
        side: Side,
    ) -> Option<&mut Tree> {
        self.settle();
        self.below.get_mut(&subaccount)?.instruments.get_mut(&instrument).map(|trees| trees.side(side))
    }

    fn trees(&mut self) -> [&mut Tree; 5] {
        [&mut self.accounts, &mut self.books, &mut self.instruments, &mut self.keys, &mut self.globals]
    }

    fn root_digests(&mut self) -> [Digest; 5] {
        let Self { accounts, books, instruments, keys, globals, queue, .. } = self;
        [accounts, books, instruments, keys, globals].map(|tree| tree.root_digest(queue))
    }

    fn settle_if_full(&mut self) {
        if self.queue.is_full() {
            self.settle();
        }
    }

    /// Computes what is queued, and puts it where it is waited for.
    fn settle(&mut self) {
        if self.queue.is_empty() {
            return;
        }
        let Self { accounts, books, instruments, keys, globals, below, queue, queued, .. } = self;
        queue.settle();
        for tree in [accounts, books, instruments, keys, globals] {
            tree.settle(queue);
        }
        for id in queued.accounts.drain(..) {
            if let Some(trees) = below.get_mut(&id) {
                trees.orders.settle(queue);
                trees.holdings.settle(queue);
            }
        }
        for (id, instrument) in queued.sides.drain(..) {
            if let Some(trees) = below.get_mut(&id).and_then(|trees| trees.instruments.get_mut(&instrument)) {
                trees.bids.settle(queue);
                trees.offers.settle(queue);
            }
        }
        self.roots.extend(self.noted.drain(..).map(|ticket| queue.hash(ticket)));
    }

    fn update_order(&mut self, engine: &Engine, touched: &engine::BookPlace) {
        let &engine::BookPlace { instrument, side, price, priority, order, subaccount } = touched;
        let place = BookPlace::new(instrument, side, price, OrderId(priority));
        let open = engine.account(subaccount).and_then(|account| account.order(order));
        let Self { books, below, queue, queued, .. } = self;
        let trees = below.entry(subaccount).or_default();
        let own = trees.instruments.entry(instrument).or_default().side(side);
        let (book_key, own_key, key) = (place.book_key(), place.own_key(), tree_key::order(order));
        queued.account(subaccount);
        queued.sides(subaccount, instrument);
        match open.filter(|open| from_engine::place_of(open) == place) {
            Some(open) => {
                let value = queue.value(&from_engine::order(engine, open));
                books.put(queue, &book_key, value);
                // What stands at a place in its book is the same order until it leaves.
                if !own.contains(&own_key) {
                    let (id, place) = (queue.value(&order), queue.value(&place));
                    own.put(queue, &own_key, id);
                    trees.orders.put(queue, &key, place);
                }
            }
            None => {
                books.remove(&book_key);
                own.remove(&own_key);
                // An order that moved touched two places, and its entry by id says where it is now.
                if open.is_none() {
                    trees.orders.remove(&key);
                }
            }
        }
    }

    fn update_account(&mut self, engine: &Engine, id: SubaccountId, dirty: &Dirty) {
        let account = engine.account(id).expect("a subaccount is never forgotten");
        let Self { accounts, below, queue, queued, .. } = self;
        let trees = below.entry(id).or_default();
        queued.account(id);
        trees.follow_holdings(account, dirty, queue, queued);
        let leaf = from_engine::account(engine, account, Hash::ZERO, Hash::ZERO);
        debug_assert_eq!(leaf.open_orders as usize, trees.orders.len(), "the tree has every open order");
        debug_assert_eq!(leaf.holdings as usize, trees.holdings.len(), "the tree has every holding");
        let roots = [trees.orders.root_digest(queue), trees.holdings.root_digest(queue)];
        let value = leaf.to_bytes();
        let value = Digest::Queued(queue.message(&value, AccountLeaf::roots_at(&value), roots));
        accounts.put(queue, &tree_key::account(id), value);
    }

    fn update_instrument(&mut self, engine: &Engine, id: InstrumentId) {
        let instrument = engine.instrument(id).expect("an instrument is never forgotten");
        let Self { instruments, names, queue, .. } = self;
        let name_hash = *names.entry(id).or_insert_with(|| {
            let name_hash = from_engine::name_hash(instrument);
            let value = queue.value(&id);
            instruments.put(queue, &tree_key::name(&name_hash), value);
            name_hash
        });
        let key = tree_key::instrument(id);
        match from_engine::instrument(instrument, name_hash) {
            Some(leaf) => {
                let value = queue.value(&leaf);
                instruments.put(queue, &key, value);
            }
            None => {
                instruments.remove(&key);
            }
        }
    }

    fn update_underlying(&mut self, engine: &Engine, id: UnderlyingId) {
        let underlying = engine.underlying(id).expect("an underlying is never forgotten");
        let Self { instruments, expiries, queue, .. } = self;
        let value = queue.value(&from_engine::underlying(underlying));
        instruments.put(queue, &tree_key::underlying(id), value);
        let leaves = from_engine::expiries(underlying);
        let present: BTreeSet<Nanos> = leaves.iter().map(|(expiry, _)| *expiry).collect();
        let before = expiries.entry(id).or_default();
        for &gone in before.difference(&present) {
            instruments.remove(&tree_key::expiry(id, gone));
        }
        for (expiry, leaf) in leaves {
            let value = queue.value(&leaf);
            instruments.put(queue, &tree_key::expiry(id, expiry), value);
        }
        *before = present;
    }

    fn update_globals(&mut self, engine: &Engine, chain: &Hash, taker: Option<&PendingTaker>) {
        let Some(governance) = engine.genesis() else { return };
        let Self { globals, queue, seen, .. } = self;
        for (number, value) in from_engine::moving_globals(engine, chain, taker) {
            if seen.moving.get(&number) == value.as_ref() {
                continue;
            }
            let key = tree_key::global(number);
            match value {
                Some(bytes) => {
                    let value = queue.bytes(&bytes);
                    globals.put(queue, &key, value);
                    seen.moving.insert(number, bytes);
                }
                None => {
                    globals.remove(&key);
                    seen.moving.remove(&number);
                }
            }
        }
        let (parameters, collateral) = (engine.parameters(), engine.collateral_table());
        match &seen.tables {
            Some((before, terms)) if before == parameters && terms == collateral => return,
            Some(_) => {}
            None => {
                let venue = queue.value(&from_engine::venue(engine, governance));
                globals.put(queue, &tree_key::global(global::VENUE), venue);
            }
        }
        let mut set = |number, value: Hash| {
            let value = queue.value(&value);
            globals.put(queue, &tree_key::global(number), value);
        };
        set(global::PARAMETERS, wire_hash(&from_engine::parameters(engine)));
        set(global::COLLATERAL, wire_hash(&collateral.to_vec()));
        seen.tables = Some((parameters.clone(), collateral.to_vec()));
    }
}

impl AccountTrees {
    /// Makes the tree of holdings that of `account`. The trees of open orders are up to date before.
    fn follow_holdings(&mut self, account: &Account, dirty: &Dirty, queue: &mut Queue, queued: &mut Queued) {
        if dirty.orders.len() + dirty.instruments.len() > account.holdings().len().max(self.instruments.len())
        {
            let known: Vec<InstrumentId> = self.instruments.keys().copied().collect();
            let held = account.holdings().map(|holding| holding.instrument);
            known.into_iter().chain(held).for_each(|id| self.follow_holding(account, id, queue, queued));
            return;
        }
        let own = dirty.orders.iter().filter(|place| place.subaccount == account.id());
        let touched = own.map(|place| place.instrument).chain(dirty.instruments.iter().copied());
        touched.for_each(|id| self.follow_holding(account, id, queue, queued));
    }

    fn follow_holding(
        &mut self,
        account: &Account,
        id: InstrumentId,
        queue: &mut Queue,
        queued: &mut Queued,
    ) {
        let key = tree_key::holding(id);
        let Some(holding) = account.holding(id) else {
            if let Some(trees) = self.instruments.remove(&id) {
                debug_assert!(trees.bids.is_empty() && trees.offers.is_empty(), "no order without a holding");
                self.holdings.remove(&key);
            }
            return;
        };
        let HoldingTrees { leaf: seen, bids, offers } = self.instruments.entry(id).or_default();
        let leaf = from_engine::holding(holding, Hash::ZERO, Hash::ZERO);
        if seen.as_ref() != Some(&leaf) || bids.is_stale() || offers.is_stale() {
            let roots = [bids.root_digest(queue), offers.root_digest(queue)];
            let value = Digest::Queued(queue.message(&leaf.to_bytes(), HoldingLeaf::ROOTS_AT, roots));
            self.holdings.put(queue, &key, value);
            queued.sides(account.id(), id);
            *seen = Some(leaf);
        }
    }
}
