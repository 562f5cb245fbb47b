//! Where each leaf stands in its tree. The rest of a key behind the bytes given here is zero.

use crate::merkle::Key;
use protocol::{
    Address, Hash, InstrumentId, Nanos, OrderId, Side, SubaccountId, UnderlyingId, Wire, wire_struct,
};

const SIGN: u64 = 1 << 63;

fn key(parts: &[&[u8]]) -> Key {
    let (mut key, mut at) = ([0; 32], 0);
    for part in parts {
        key[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    key
}

/// Accounts tree: a subaccount.
#[must_use]
pub fn account(subaccount: SubaccountId) -> Key {
    key(&[&subaccount.to_be_bytes()])
}

/// Holdings tree of an account: an instrument.
#[must_use]
pub fn holding(instrument: InstrumentId) -> Key {
    key(&[&instrument.to_be_bytes()])
}

/// Orders tree of an account: an open order.
#[must_use]
pub fn order(order: OrderId) -> Key {
    key(&[&order.0.to_be_bytes()])
}

/// Rank of a price in ticks: the best of its side is the lowest.
#[must_use]
pub fn price_rank(side: Side, ticks: i64) -> u64 {
    let ascending = ticks as u64 ^ SIGN;
    match side {
        Side::Buy => !ascending,
        Side::Sell => ascending,
    }
}

wire_struct! {
    /// Where a resting order stands; ascends from the best to the worst of a side.
    #[derive(Copy, Hash, PartialOrd, Ord)]
    pub struct BookPlace {
        /// Its instrument.
        pub instrument: InstrumentId,
        /// Its side.
        pub side: Side,
        /// Rank of its price, see [`price_rank`].
        pub rank: u64,
        /// Its place in time: the id that an order created by the same command at the same place would have.
        pub place: u64,
    }
}

impl BookPlace {
    /// The place of an order of price `ticks` that came in at `place`.
    #[must_use]
    pub fn new(instrument: InstrumentId, side: Side, ticks: i64, place: OrderId) -> Self {
        Self { instrument, side, rank: price_rank(side, ticks), place: place.0 }
    }

    /// The price in ticks.
    #[must_use]
    pub fn ticks(&self) -> i64 {
        let ascending = match self.side {
            Side::Buy => !self.rank,
            Side::Sell => self.rank,
        };
        (ascending ^ SIGN) as i64
    }

    /// Its key in the books tree.
    #[must_use]
    pub fn book_key(&self) -> Key {
        key(&[&[0], &self.to_bytes()])
    }

    /// Its key in the tree of an account's own orders of that instrument and side.
    #[must_use]
    pub fn own_key(&self) -> Key {
        key(&[&self.rank.to_be_bytes(), &self.place.to_be_bytes()])
    }
}

/// Books tree: what all orders of one side of a book start with.
#[must_use]
pub fn book_side(instrument: InstrumentId, side: Side) -> [u8; 6] {
    let mut prefix = [0; 6];
    prefix[1..5].copy_from_slice(&instrument.to_be_bytes());
    prefix[5] = side as u8;
    prefix
}

/// Instruments tree: an instrument.
#[must_use]
pub fn instrument(instrument: InstrumentId) -> Key {
    key(&[&[0], &instrument.to_be_bytes()])
}

/// Instruments tree: an underlying.
#[must_use]
pub fn underlying(underlying: UnderlyingId) -> Key {
    key(&[&[1], &underlying.to_be_bytes()])
}

/// Instruments tree: an expiry of an underlying.
#[must_use]
pub fn expiry(underlying: UnderlyingId, expiry: Nanos) -> Key {
    key(&[&[2], &underlying.to_be_bytes(), &expiry.to_be_bytes()])
}

/// Instruments tree: the name of an instrument, by its hash.
#[must_use]
pub fn name(name_hash: &Hash) -> Key {
    key(&[&[3], &name_hash.0[..31]])
}

/// Keys tree: an address that signs.
#[must_use]
pub fn signer(address: &Address) -> Key {
    key(&[&address.0])
}

/// Globals tree: one of the numbered leaves, see [`crate::leaf::global`].
#[must_use]
pub fn global(number: u8) -> Key {
    key(&[&[number]])
}
