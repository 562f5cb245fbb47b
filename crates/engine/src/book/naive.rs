//! The books again, obvious and slow: ordered maps of queues. The oracle of property tests and replays, and
//! the peer of the book benchmark.

use super::{LevelView, Resting, state_hash};
use crate::book::levels::rank;
use protocol::{Hash, InstrumentId, OrderId, Side};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// One side: queues by rank, the best first.
type Queues = BTreeMap<Reverse<i64>, VecDeque<Resting>>;

/// The books of all instruments, orders named by their id.
#[derive(Debug, Clone, Default)]
pub struct NaiveBooks {
    sides: BTreeMap<(InstrumentId, Side), Queues>,
    /// Where each order rests: instrument, side, price.
    places: HashMap<OrderId, (InstrumentId, Side, i64)>,
}

impl NaiveBooks {
    /// No instrument, no order.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Orders resting, over all instruments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether no order rests.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Puts an order behind all others at its price.
    pub fn insert(&mut self, resting: Resting) {
        let Resting { order, instrument, side, price, .. } = resting;
        self.places.insert(order, (instrument, side, price));
        let queues = self.sides.entry((instrument, side)).or_default();
        queues.entry(Reverse(rank(side, price))).or_default().push_back(resting);
    }

    /// The order, while it rests.
    #[must_use]
    pub fn get(&self, order: OrderId) -> Option<&Resting> {
        let &(instrument, side, price) = self.places.get(&order)?;
        let queue = self.sides.get(&(instrument, side))?.get(&Reverse(rank(side, price)))?;
        queue.iter().find(|resting| resting.order == order)
    }

    /// The order, to be changed in its place, while it rests.
    pub fn get_mut(&mut self, order: OrderId) -> Option<&mut Resting> {
        let &(instrument, side, price) = self.places.get(&order)?;
        let queue = self.sides.get_mut(&(instrument, side))?.get_mut(&Reverse(rank(side, price)))?;
        queue.iter_mut().find(|resting| resting.order == order)
    }

    /// Takes an order out. `None` when it rests no more.
    pub fn remove(&mut self, order: OrderId) -> Option<Resting> {
        let (instrument, side, price) = self.places.remove(&order)?;
        let queues = self.sides.get_mut(&(instrument, side))?;
        let queue = queues.get_mut(&Reverse(rank(side, price)))?;
        let at = queue.iter().position(|resting| resting.order == order)?;
        let resting = queue.remove(at);
        if queue.is_empty() {
            queues.remove(&Reverse(rank(side, price)));
        }
        resting
    }

    /// Shrinks an order to `lots`, in its place. `None` when it rests no more.
    pub fn reduce(&mut self, order: OrderId, lots: i64) -> Option<&Resting> {
        let resting = self.get_mut(order)?;
        resting.lots = lots;
        Some(resting)
    }

    /// The order that trades first on `side`.
    #[must_use]
    pub fn best(&self, instrument: InstrumentId, side: Side) -> Option<&Resting> {
        self.sides.get(&(instrument, side))?.first_key_value()?.1.front()
    }

    /// Trades `lots` on `side` with the other one, no worse than `limit`, as [`super::matching::cross`] does.
    pub fn cross(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        limit: Option<i64>,
        mut lots: i64,
        mut fill: impl FnMut(&Resting, i64),
    ) -> i64 {
        while lots > 0 {
            let Some(maker) = self.best(instrument, side.opposite()).copied() else { break };
            let trades = match (limit, side) {
                (None, _) => true,
                (Some(limit), Side::Buy) => maker.price <= limit,
                (Some(limit), Side::Sell) => maker.price >= limit,
            };
            if !trades {
                break;
            }
            let size = lots.min(maker.lots);
            fill(&maker, size);
            lots -= size;
            if size == maker.lots {
                self.remove(maker.order);
            } else {
                self.reduce(maker.order, maker.lots - size);
            }
        }
        lots
    }

    /// The levels of one side, best first.
    pub fn levels(&self, instrument: InstrumentId, side: Side) -> impl Iterator<Item = LevelView> + '_ {
        self.sides.get(&(instrument, side)).into_iter().flatten().map(|(_, queue)| LevelView {
            price: queue[0].price,
            lots: queue.iter().map(|resting| resting.lots).sum(),
            count: queue.len() as u32,
        })
    }

    /// Every order in canonical order.
    pub fn iter(&self) -> impl Iterator<Item = &Resting> {
        self.sides.values().flat_map(BTreeMap::values).flatten()
    }

    /// Equal to the hash of [`super::Books`] that hold the same orders.
    #[must_use]
    pub fn state_hash(&self) -> Hash {
        state_hash(self.iter())
    }
}
