//! A whole book of one instrument without the venue: orders come in, match, rest, change and leave.
//!
//! No accounts, no fees, no margin, no self-trade prevention: an order carries an owner's number, which fills
//! repeat. Order ids count up from 1, one for each accepted order, whether it rests or not.

use super::{Books, Handle, LevelView, Resting, reaches};
use protocol::{Hash, InstrumentId, OrderId, SelfTrade, Side};
use std::collections::VecDeque;
use thiserror::Error;

/// The only instrument of a [`MatchingBook`].
const INSTRUMENT: InstrumentId = 0;

/// How long a limit order stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// What does not trade rests.
    Rest,
    /// Like [`Self::Rest`], but refused when it would trade.
    PostOnly,
    /// What does not trade at once is dropped.
    Immediate,
    /// Trades in full at once or not at all.
    FillOrKill,
}

/// Why the book refused an operation; it then changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BookError {
    /// The order does not rest: it was filled or cancelled, or never existed.
    #[error("order {0} does not rest in the book")]
    UnknownOrder(u64),
    /// A size that is not positive.
    #[error("size {0} is not positive")]
    Size(i64),
    /// A post-only order that would trade.
    #[error("a post-only order at {price} would trade with the best price {best}")]
    WouldTrade {
        /// The order's price.
        price: i64,
        /// The best price of the other side.
        best: i64,
    },
    /// The sizes on one side would sum to more than `i64::MAX`.
    #[error("size {size} does not fit beside the {resting} that rest on its side")]
    TooLarge {
        /// The order's size.
        size: i64,
        /// What rests on its side.
        resting: i64,
    },
}

/// Two orders met, at the maker's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookFill {
    /// The incoming order.
    pub taker: u64,
    /// The resting order.
    pub maker: u64,
    /// Price.
    pub price: i64,
    /// Size.
    pub size: i64,
    /// Owner of the incoming order.
    pub taker_owner: u64,
    /// Owner of the resting order.
    pub maker_owner: u64,
    /// Side of the incoming order.
    pub side: Side,
}

/// What became of an order that came in or moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Placed {
    /// Its id.
    pub order: u64,
    /// How much of it traded now.
    pub filled: i64,
    /// How much of it rests now.
    pub resting: i64,
}

/// An order that comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incoming {
    /// Its side.
    pub side: Side,
    /// Its size.
    pub size: i64,
    /// Its owner's number.
    pub owner: u64,
}

/// The book of one instrument.
///
/// # Examples
/// ```
/// use engine::book::matching::{Incoming, Lifetime, MatchingBook};
/// use protocol::Side;
///
/// let (mut book, mut fills) = (MatchingBook::new(), Vec::new());
/// let sell = Incoming { side: Side::Sell, size: 5, owner: 1 };
/// let offer = book.limit(sell, 101, Lifetime::Rest, &mut fills)?;
/// let buy = Incoming { side: Side::Buy, size: 2, owner: 2 };
/// let bid = book.limit(buy, 103, Lifetime::Rest, &mut fills)?;
/// assert_eq!((bid.filled, bid.resting), (2, 0));
/// assert_eq!((fills[0].maker, fills[0].price), (offer.order, 101));
/// # Ok::<(), engine::book::matching::BookError>(())
/// ```
#[derive(Debug, Clone)]
pub struct MatchingBook {
    books: Books,
    /// Slab index of each order from id `oldest` on. Entries outlive their orders; the handle's id tells.
    indices: VecDeque<u32>,
    oldest: u64,
    /// Sum of the sizes on each side.
    resting: [i64; 2],
}

impl Default for MatchingBook {
    fn default() -> Self {
        Self::new()
    }
}

impl MatchingBook {
    /// An empty book.
    #[must_use]
    pub fn new() -> Self {
        Self { books: Books::new(), indices: VecDeque::new(), oldest: 1, resting: [0; 2] }
    }

    /// A limit order.
    ///
    /// # Errors
    /// [`BookError::Size`], [`BookError::WouldTrade`], [`BookError::TooLarge`].
    pub fn limit(
        &mut self,
        incoming: Incoming,
        price: i64,
        lifetime: Lifetime,
        fills: &mut Vec<BookFill>,
    ) -> Result<Placed, BookError> {
        self.check_size(incoming.side, incoming.size)?;
        match lifetime {
            Lifetime::PostOnly => self.check_maker(incoming.side, price)?,
            Lifetime::FillOrKill if self.available(incoming.side, price, incoming.size) < incoming.size => {
                return Ok(Placed { order: self.register(u32::MAX), filled: 0, resting: 0 });
            }
            _ => {}
        }
        let order = self.next_order();
        let left = self.take(order, incoming, Some(price), fills);
        let rests = left > 0 && matches!(lifetime, Lifetime::Rest | Lifetime::PostOnly);
        let index = if rests { self.rest(order, incoming, price, left) } else { u32::MAX };
        self.register(index);
        Ok(Placed { order, filled: incoming.size - left, resting: if rests { left } else { 0 } })
    }

    /// A market order: trades with whatever rests; what is left is dropped.
    ///
    /// # Errors
    /// [`BookError::Size`], [`BookError::TooLarge`].
    pub fn market(&mut self, incoming: Incoming, fills: &mut Vec<BookFill>) -> Result<Placed, BookError> {
        self.check_size(incoming.side, incoming.size)?;
        let order = self.register(u32::MAX);
        let left = self.take(order, incoming, None, fills);
        Ok(Placed { order, filled: incoming.size - left, resting: 0 })
    }

    /// Takes an order out and returns the size that it had.
    ///
    /// # Errors
    /// [`BookError::UnknownOrder`].
    pub fn cancel(&mut self, order: u64) -> Result<i64, BookError> {
        let resting = self.books.remove(self.handle(order)?).ok_or(BookError::UnknownOrder(order))?;
        self.resting[resting.side as usize] -= resting.lots;
        Ok(resting.lots)
    }

    /// Takes `by` off an order, in its place, and returns what is left; at 0 the order is gone.
    ///
    /// # Errors
    /// [`BookError::Size`] when `by` is not positive, [`BookError::UnknownOrder`].
    pub fn reduce(&mut self, order: u64, by: i64) -> Result<i64, BookError> {
        if by <= 0 {
            return Err(BookError::Size(by));
        }
        let handle = self.handle(order)?;
        let Resting { lots, side, .. } = *self.books.get(handle).ok_or(BookError::UnknownOrder(order))?;
        if by >= lots {
            return self.cancel(order).map(|_| 0);
        }
        self.books.reduce(handle, lots - by);
        self.resting[side as usize] -= by;
        Ok(lots - by)
    }

    /// Changes an order's price, size, or both. It keeps its place when the price stays and the size does not
    /// grow; else it goes behind all others at its price, and trades first if its new price crosses.
    ///
    /// # Errors
    /// [`BookError::UnknownOrder`], [`BookError::Size`], [`BookError::TooLarge`].
    pub fn move_order(
        &mut self,
        order: u64,
        price: i64,
        size: Option<i64>,
        fills: &mut Vec<BookFill>,
    ) -> Result<Placed, BookError> {
        let handle = self.handle(order)?;
        let old = *self.books.get(handle).ok_or(BookError::UnknownOrder(order))?;
        let (side, size) = (old.side, size.unwrap_or(old.lots));
        if size != old.lots {
            self.check_size(side, size)?;
        }
        if price == old.price && size <= old.lots {
            self.books.reduce(handle, size);
        } else if !self.books.crosses(INSTRUMENT, side, price) {
            self.books.relocate(handle, price, size);
        } else {
            self.books.remove(handle);
            self.resting[side as usize] -= old.lots;
            let incoming = Incoming { side, size, owner: old.subaccount };
            let left = self.take(order, incoming, Some(price), fills);
            if left > 0 {
                let index = self.rest(order, incoming, price, left);
                self.indices[(order - self.oldest) as usize] = index;
            }
            return Ok(Placed { order, filled: size - left, resting: left });
        }
        self.resting[side as usize] += size - old.lots;
        Ok(Placed { order, filled: 0, resting: size })
    }

    /// The id that the next accepted order gets.
    #[must_use]
    pub fn next_order(&self) -> u64 {
        self.oldest + self.indices.len() as u64
    }

    /// The order, while it rests.
    #[must_use]
    pub fn get(&self, order: u64) -> Option<&Resting> {
        self.books.get(self.handle(order).ok()?)
    }

    /// The best level of `side`.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<LevelView> {
        self.levels(side).next()
    }

    /// The levels of `side`, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = LevelView> + '_ {
        self.books.levels(INSTRUMENT, side)
    }

    /// What rests on `side` at `price`.
    #[must_use]
    pub fn level(&self, side: Side, price: i64) -> Option<LevelView> {
        self.books.level(INSTRUMENT, side, price)
    }

    /// The orders of `side` in the sequence in which they trade.
    pub fn orders(&self, side: Side) -> impl Iterator<Item = &Resting> {
        self.books.orders(INSTRUMENT, side).map(|(_, resting)| resting)
    }

    /// Orders resting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.books.len()
    }

    /// Whether no order rests.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.books.is_empty()
    }

    /// Sum of the sizes that rest on `side`.
    #[must_use]
    pub fn volume(&self, side: Side) -> i64 {
        self.resting[side as usize]
    }

    /// Hash of every order in price-time order; equal books hash equal however they came about.
    #[must_use]
    pub fn state_hash(&self) -> Hash {
        self.books.state_hash()
    }

    /// Gives the next id to an order at slab `index`, and forgets the oldest ids while they rest no more.
    fn register(&mut self, index: u32) -> u64 {
        let order = self.next_order();
        self.indices.push_back(index);
        while let Some(&index) = self.indices.front()
            && self.books.get(Handle { index, order: OrderId(self.oldest) }).is_none()
        {
            self.indices.pop_front();
            self.oldest += 1;
        }
        order
    }

    fn handle(&self, order: u64) -> Result<Handle, BookError> {
        let at = order.checked_sub(self.oldest).and_then(|at| usize::try_from(at).ok());
        let index = at.and_then(|at| self.indices.get(at)).ok_or(BookError::UnknownOrder(order))?;
        Ok(Handle { index: *index, order: OrderId(order) })
    }

    fn check_size(&self, side: Side, size: i64) -> Result<(), BookError> {
        if size <= 0 {
            return Err(BookError::Size(size));
        }
        let resting = self.resting[side as usize];
        resting.checked_add(size).map(|_| ()).ok_or(BookError::TooLarge { size, resting })
    }

    fn check_maker(&self, side: Side, price: i64) -> Result<(), BookError> {
        match self.books.best_price(INSTRUMENT, side.opposite()) {
            Some(best) if reaches(side, price, best) => Err(BookError::WouldTrade { price, best }),
            _ => Ok(()),
        }
    }

    /// How much of `wanted` an order at `price` could trade now.
    fn available(&self, side: Side, price: i64, wanted: i64) -> i64 {
        let mut sum = 0;
        for level in self.levels(side.opposite()).take_while(|level| reaches(side, price, level.price)) {
            sum += level.lots;
            if sum >= wanted {
                break;
            }
        }
        sum
    }

    /// Trades `incoming` with the other side, up to `limit`. Returns what is left of it.
    fn take(&mut self, order: u64, incoming: Incoming, limit: Option<i64>, fills: &mut Vec<BookFill>) -> i64 {
        let Incoming { side, owner, size } = incoming;
        let left = cross(&mut self.books, INSTRUMENT, side, limit, size, |maker, size| {
            fills.push(BookFill {
                taker: order,
                maker: maker.order.0,
                price: maker.price,
                size,
                taker_owner: owner,
                maker_owner: maker.subaccount,
                side,
            });
        });
        self.resting[side.opposite() as usize] -= size - left;
        left
    }

    /// Rests what is left of an order and returns its slab index.
    fn rest(&mut self, order: u64, incoming: Incoming, price: i64, left: i64) -> u32 {
        let Incoming { side, owner, .. } = incoming;
        self.resting[side as usize] += left;
        let handle = self.books.insert(Resting {
            order: OrderId(order),
            lots: left,
            price,
            subaccount: owner,
            max_fee: 0,
            valid_until: 0,
            instrument: INSTRUMENT,
            side,
            reduce_only: false,
            self_trade: SelfTrade::CancelNewest,
        });
        handle.index
    }
}

/// Trades `lots` on `side` with the resting orders of the other one, best price and oldest first, no worse
/// than `limit`. Calls `fill` with each maker as it was before the fill, and the size. Returns what is left.
pub fn cross(
    books: &mut Books,
    instrument: InstrumentId,
    side: Side,
    limit: Option<i64>,
    mut lots: i64,
    mut fill: impl FnMut(&Resting, i64),
) -> i64 {
    while lots > 0 {
        let Some((handle, maker)) = books.best(instrument, side.opposite()) else { break };
        if limit.is_some_and(|limit| !reaches(side, limit, maker.price)) {
            break;
        }
        let (size, rest) = (lots.min(maker.lots), maker.lots - lots);
        fill(maker, size);
        lots -= size;
        if rest > 0 {
            books.reduce(handle, rest);
        } else {
            books.remove(handle);
        }
    }
    lots
}
