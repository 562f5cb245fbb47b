//! What commands touched, for whoever maintains trees over the state.

use protocol::{Address, InstrumentId, OrderId, Side, SubaccountId, UnderlyingId};

/// Touches kept before duplicates are dropped; what is left after that doubles the bound.
const COMPACT_AT: usize = 1 << 14;

/// A place in a book: the key of an order's leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BookPlace {
    /// The instrument.
    pub instrument: InstrumentId,
    /// The side.
    pub side: Side,
    /// The price, ticks.
    pub price: i64,
    /// When the order got its place in the queue, see [`crate::OpenOrder::priority`].
    pub priority: u64,
    /// The order.
    pub order: OrderId,
    /// Whose order.
    pub subaccount: SubaccountId,
}

/// What was touched since the last [`crate::Engine::take_dirty`], each list ascending and without duplicates. A thing
/// may be as before, or gone. Globals change with every command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dirty {
    /// Subaccounts, their orders included.
    pub accounts: Vec<SubaccountId>,
    /// Instruments, and those in which a position changed. What a subaccount has changes in these and in those of its
    /// `orders` only.
    pub instruments: Vec<InstrumentId>,
    /// Underlyings.
    pub underlyings: Vec<UnderlyingId>,
    /// Places in books that an order took, left, or shrank in.
    pub orders: Vec<BookPlace>,
    /// Keys.
    pub keys: Vec<Address>,
}

impl Dirty {
    /// Whether nothing but globals changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
            && self.instruments.is_empty()
            && self.underlyings.is_empty()
            && self.orders.is_empty()
            && self.keys.is_empty()
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Tracker {
    on: bool,
    dirty: Dirty,
    compact_at: usize,
}

impl Default for Tracker {
    fn default() -> Self {
        Self { on: true, dirty: Dirty::default(), compact_at: COMPACT_AT }
    }
}

impl Tracker {
    pub fn switch(&mut self, on: bool) {
        self.on = on;
        self.dirty = Dirty::default();
    }

    pub fn account(&mut self, id: SubaccountId) {
        if self.on && self.dirty.accounts.last() != Some(&id) {
            self.dirty.accounts.push(id);
            self.bound(self.dirty.accounts.len());
        }
    }

    pub fn instrument(&mut self, id: InstrumentId) {
        if self.on && self.dirty.instruments.last() != Some(&id) {
            self.dirty.instruments.push(id);
            self.bound(self.dirty.instruments.len());
        }
    }

    pub fn underlying(&mut self, id: UnderlyingId) {
        if self.on {
            self.dirty.underlyings.push(id);
            self.bound(self.dirty.underlyings.len());
        }
    }

    pub fn order(&mut self, place: BookPlace) {
        if self.on {
            self.dirty.orders.push(place);
            self.bound(self.dirty.orders.len());
        }
    }

    pub fn key(&mut self, address: Address) {
        if self.on && self.dirty.keys.last() != Some(&address) {
            self.dirty.keys.push(address);
            self.bound(self.dirty.keys.len());
        }
    }

    pub fn take(&mut self) -> Dirty {
        self.compact();
        self.compact_at = COMPACT_AT;
        std::mem::take(&mut self.dirty)
    }

    fn bound(&mut self, len: usize) {
        if len >= self.compact_at {
            self.compact();
            let dirty = &self.dirty;
            let lens = [dirty.accounts.len(), dirty.instruments.len(), dirty.orders.len(), dirty.keys.len()];
            self.compact_at = COMPACT_AT.max(2 * lens.into_iter().max().unwrap_or(0));
        }
    }

    fn compact(&mut self) {
        fn unique<T: Ord>(list: &mut Vec<T>) {
            list.sort_unstable();
            list.dedup();
        }
        unique(&mut self.dirty.accounts);
        unique(&mut self.dirty.instruments);
        unique(&mut self.dirty.underlyings);
        unique(&mut self.dirty.orders);
        unique(&mut self.dirty.keys);
    }
}
