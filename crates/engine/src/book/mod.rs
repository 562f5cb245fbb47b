//! Resting orders: price-time books of all instruments over one slab of order nodes.
//!
//! [`Books`] stores and orders; it never trades. The engine walks it with [`Books::best`] and
//! [`Books::next`], decides, and calls [`Books::reduce`] or [`Books::remove`]. [`matching::MatchingBook`] is
//! a whole book of one instrument on the same structures, for use without the venue. [`naive`] is the slow,
//! obvious version that tests and replays compare with.
//!
//! Orders are named by [`Handle`]s, so no operation hashes. [`Books::iter`] yields the canonical order
//! (instrument, bids before offers, price priority, time); inserting the orders again in that order rebuilds
//! the same books, which is how a snapshot is taken and restored.

mod levels;
pub mod matching;
pub mod naive;
mod slab;
#[cfg(test)]
mod tests;
mod window;

use levels::{Levels, Queue, rank};
use protocol::{Hash, InstrumentId, Micros, Nanos, OrderId, SelfTrade, Side, SubaccountId, Wire, keccak256};
use slab::{NIL, Node, Slab, link};

pub use slab::Handle;

/// A resting order: what matching needs to know about it, in one cache line with its links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resting {
    /// The order; ids are unique and never reused. `u64::MAX` is reserved.
    pub order: OrderId,
    /// Open size, lots, positive.
    pub lots: i64,
    /// Price, ticks.
    pub price: i64,
    /// Whose order.
    pub subaccount: SubaccountId,
    /// Highest fee per contract that its owner signed, micro-USDC.
    pub max_fee: Micros,
    /// When it ends; 0: never.
    pub valid_until: Nanos,
    /// In which instrument.
    pub instrument: InstrumentId,
    /// Bid or offer.
    pub side: Side,
    /// May only shrink its owner's position.
    pub reduce_only: bool,
    /// What its owner chose for meeting its own orders.
    pub self_trade: SelfTrade,
}

impl Resting {
    /// Appends the bytes that [`Books::state_hash`] covers.
    fn put(&self, out: &mut Vec<u8>) {
        self.instrument.put(out);
        self.side.put(out);
        self.price.put(out);
        self.order.put(out);
        self.subaccount.put(out);
        self.lots.put(out);
        self.max_fee.put(out);
        self.valid_until.put(out);
        self.reduce_only.put(out);
        self.self_trade.put(out);
    }
}

/// One price of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelView {
    /// Price, ticks.
    pub price: i64,
    /// Sum of the open sizes, lots.
    pub lots: i64,
    /// Orders.
    pub count: u32,
}

impl LevelView {
    fn new(side: Side, level: (i64, &Queue)) -> Self {
        Self { price: rank(side, level.0), lots: level.1.lots, count: level.1.count }
    }
}

/// The two sides of one instrument, by [`Side`] as index.
type Sides = [Levels; 2];

/// The books of all instruments.
#[derive(Debug, Clone)]
pub struct Books {
    slab: Slab,
    /// By instrument id; ids are dense.
    sides: Vec<Sides>,
}

impl Default for Books {
    fn default() -> Self {
        Self::new()
    }
}

impl Books {
    /// No instrument, no order.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// Like [`Self::new`], with room for `orders` before the slab grows.
    #[must_use]
    pub fn with_capacity(orders: usize) -> Self {
        Self { slab: Slab::with_capacity(orders), sides: Vec::new() }
    }

    /// Makes room for `instrument` and every lower id.
    pub fn ensure(&mut self, instrument: InstrumentId) {
        let wanted = instrument as usize + 1;
        if self.sides.len() < wanted {
            self.sides.resize_with(wanted, Sides::default);
        }
    }

    /// Orders resting, over all instruments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether no order rests.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts an order behind all others at its price. The book does not mind if that crosses the other side;
    /// whoever calls matches first.
    ///
    /// # Panics
    /// When its size is not positive, its id is reserved, or the sizes at its price sum to more than
    /// `i64::MAX`: broken promises of the caller, none of it reachable by input.
    pub fn insert(&mut self, resting: Resting) -> Handle {
        assert!(resting.lots > 0, "a resting order has a positive size, not {}", resting.lots);
        self.ensure(resting.instrument);
        let index = self.slab.insert(resting);
        self.link(index);
        Handle { index, order: resting.order }
    }

    /// The order that `handle` names, while it rests.
    #[must_use]
    pub fn get(&self, handle: Handle) -> Option<&Resting> {
        self.slab.get(handle)
    }

    /// Takes an order out. `None` when it rests no more.
    pub fn remove(&mut self, handle: Handle) -> Option<Resting> {
        let resting = *self.slab.get(handle)?;
        self.unlink(handle.index);
        self.slab.release(handle.index);
        Some(resting)
    }

    /// Gives an order a new price and size and puts it behind all others there. Returns it as it now is,
    /// `None` when it rests no more. The handle stays good.
    ///
    /// # Panics
    /// When `lots` is not positive, or the sizes at the new price sum to more than `i64::MAX`.
    pub fn relocate(&mut self, handle: Handle, price: i64, lots: i64) -> Option<&Resting> {
        assert!(lots > 0, "a resting order has a positive size, not {lots}");
        self.slab.get(handle)?;
        self.unlink(handle.index);
        let resting = &mut self.slab.node_mut(handle.index).resting;
        (resting.price, resting.lots) = (price, lots);
        self.link(handle.index);
        Some(&self.slab.node(handle.index).resting)
    }

    /// Shrinks an order to `lots`, in its place. Returns it as it now is, `None` when it rests no more.
    ///
    /// # Panics
    /// When `lots` is not positive or more than the order has.
    pub fn reduce(&mut self, handle: Handle, lots: i64) -> Option<&Resting> {
        let resting = *self.slab.get(handle)?;
        assert!(0 < lots && lots <= resting.lots, "{lots} of {} lots is no reduction", resting.lots);
        let levels = &mut self.sides[resting.instrument as usize][resting.side as usize];
        let place = levels.find(rank(resting.side, resting.price)).expect("a resting order has a level");
        levels.queue_mut(place).lots -= resting.lots - lots;
        let node = self.slab.node_mut(handle.index);
        node.resting.lots = lots;
        Some(&node.resting)
    }

    /// Changes what its owner signed for a resting order, in its place. Returns it as it now is, `None` when
    /// it rests no more.
    pub fn amend(&mut self, handle: Handle, max_fee: Micros, reduce_only: bool) -> Option<&Resting> {
        self.slab.get(handle)?;
        let resting = &mut self.slab.node_mut(handle.index).resting;
        (resting.max_fee, resting.reduce_only) = (max_fee, reduce_only);
        Some(resting)
    }

    /// The order that trades first on `side`: the oldest at the best price.
    #[must_use]
    pub fn best(&self, instrument: InstrumentId, side: Side) -> Option<(Handle, &Resting)> {
        let (_, queue) = self.levels_of(instrument, side)?.best()?;
        Some((self.slab.handle(queue.first), &self.slab.node(queue.first).resting))
    }

    /// The best price of `side`, ticks.
    #[must_use]
    pub fn best_price(&self, instrument: InstrumentId, side: Side) -> Option<i64> {
        self.levels_of(instrument, side)?.best().map(|(best, _)| rank(side, best))
    }

    /// Whether an order on `side` at `price` would trade.
    #[must_use]
    pub fn crosses(&self, instrument: InstrumentId, side: Side, price: i64) -> bool {
        self.best_price(instrument, side.opposite()).is_some_and(|best| reaches(side, price, best))
    }

    /// The order that trades after `handle`'s: the next at its price, else the oldest at the next worse price.
    #[must_use]
    pub fn next(&self, handle: Handle) -> Option<Handle> {
        let resting = self.slab.get(handle)?;
        let index = match self.slab.node(handle.index).behind {
            NIL => {
                let levels = self.levels_of(resting.instrument, resting.side)?;
                levels.below(rank(resting.side, resting.price))?.1.first
            }
            behind => behind,
        };
        Some(self.slab.handle(index))
    }

    /// The levels of one side, best first.
    pub fn levels(&self, instrument: InstrumentId, side: Side) -> impl Iterator<Item = LevelView> + '_ {
        self.levels_of(instrument, side)
            .into_iter()
            .flat_map(Levels::iter)
            .map(move |level| LevelView::new(side, level))
    }

    /// What rests at one price.
    #[must_use]
    pub fn level(&self, instrument: InstrumentId, side: Side, price: i64) -> Option<LevelView> {
        let (levels, rank) = (self.levels_of(instrument, side)?, rank(side, price));
        Some(LevelView::new(side, (rank, levels.queue(levels.find(rank)?))))
    }

    /// The orders of one side in the sequence in which they trade.
    pub fn orders(
        &self,
        instrument: InstrumentId,
        side: Side,
    ) -> impl Iterator<Item = (Handle, &Resting)> + Clone {
        self.levels_of(instrument, side).into_iter().flat_map(Levels::iter).flat_map(|(_, queue)| {
            std::iter::successors(Some(queue.first), |&index| link(self.slab.node(index).behind))
                .map(|index| (self.slab.handle(index), &self.slab.node(index).resting))
        })
    }

    /// Every order in canonical order: instrument, bids before offers, price priority, time.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, &Resting)> + Clone {
        (0..self.sides.len() as InstrumentId)
            .flat_map(move |instrument| Side::ALL.iter().flat_map(move |&side| self.orders(instrument, side)))
    }

    /// Hash of every order in canonical order; equal books hash equal however they came about.
    #[must_use]
    pub fn state_hash(&self) -> Hash {
        state_hash(self.iter().map(|(_, resting)| resting))
    }

    /// Puts the node at the end of the queue of its price.
    fn link(&mut self, index: u32) {
        let Self { slab, sides } = self;
        let Resting { instrument, side, price, lots, .. } = slab.node(index).resting;
        let levels = &mut sides[instrument as usize][side as usize];
        let queue = levels.find_or_insert(rank(side, price));
        let last = std::mem::replace(&mut queue.last, index);
        queue.count += 1;
        queue.lots = queue.lots.checked_add(lots).expect("the sizes at one price fit in i64");
        match last {
            NIL => queue.first = index,
            last => slab.node_mut(last).behind = index,
        }
        let node = slab.node_mut(index);
        (node.ahead, node.behind) = (last, NIL);
    }

    /// Takes the node out of the queue of its price, and the level away with its last order.
    fn unlink(&mut self, index: u32) {
        let Self { slab, sides } = self;
        let Node { resting: Resting { instrument, side, price, lots, .. }, ahead, behind } =
            *slab.node(index);
        let levels = &mut sides[instrument as usize][side as usize];
        let place = levels.find(rank(side, price)).expect("a resting order has a level");
        let queue = levels.queue_mut(place);
        queue.lots -= lots;
        queue.count -= 1;
        if queue.count == 0 {
            debug_assert!(queue.lots == 0 && ahead == NIL && behind == NIL, "an empty level holds nothing");
            levels.remove(place);
            return;
        }
        match ahead {
            NIL => queue.first = behind,
            ahead => slab.node_mut(ahead).behind = behind,
        }
        match behind {
            NIL => queue.last = ahead,
            behind => slab.node_mut(behind).ahead = ahead,
        }
    }

    /// Brings what the next operations will touch into the cache: of each its instrument and, if it acts on
    /// an order, the order's handle. The loads of one call do not wait for each other, which is the point: an
    /// operation on a cold book waits for a dozen in turn. Changes nothing.
    pub fn warm(&self, upcoming: &[(InstrumentId, Handle)]) {
        let nodes = || upcoming.iter().filter_map(|(_, handle)| self.slab.peek(handle.index));
        let sides =
            || upcoming.iter().filter_map(|(instrument, _)| self.sides.get(*instrument as usize)).flatten();
        let links = nodes().fold(0, |sum, node| sum ^ node.ahead);
        let lengths = sides().fold(0, |sum, levels| sum ^ levels.len());
        let neighbours = nodes().flat_map(|node| [node.ahead, node.behind]);
        let neighbours =
            neighbours.filter_map(|index| self.slab.peek(index)).fold(0, |sum, node| sum ^ node.ahead);
        let levels = sides().fold(0, |sum, levels| sum ^ levels.touch());
        let places = nodes().filter_map(|node| {
            let Resting { instrument, side, price, .. } = node.resting;
            self.levels_of(instrument, side)?.find(rank(side, price))
        });
        std::hint::black_box((links, lengths, neighbours, levels, places.count()));
    }

    fn levels_of(&self, instrument: InstrumentId, side: Side) -> Option<&Levels> {
        self.sides.get(instrument as usize).map(|sides| &sides[side as usize])
    }
}

/// Whether an order on `side` at `price` trades with one at `other`.
fn reaches(side: Side, price: i64, other: i64) -> bool {
    match side {
        Side::Buy => price >= other,
        Side::Sell => price <= other,
    }
}

/// Hash of `orders`, which come in canonical order.
fn state_hash<'a>(orders: impl Iterator<Item = &'a Resting>) -> Hash {
    let mut bytes = Vec::new();
    orders.for_each(|resting| resting.put(&mut bytes));
    keccak256(&[&bytes])
}
