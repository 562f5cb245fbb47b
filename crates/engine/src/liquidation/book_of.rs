//! The books of accounts in one underlying, as vectors of positions: who stands against whom, and by how much.

use crate::instruments::InstrumentStatus;
use crate::state::Engine;
use protocol::{InstrumentId, NANO_ONE, Nanos};
use std::collections::{BTreeMap, BTreeSet};

/// Bits that the contracts of a whole market keep in a product, so that sums of squares fit in 128.
const BITS: u32 = 40;

/// Positions of one account in one underlying, lots by instrument, none zero.
pub(super) type Book = BTreeMap<InstrumentId, i64>;

/// The tradable instruments of one underlying, and how their lots compare.
#[derive(Debug, Clone)]
pub(super) struct Market {
    /// Place of the underlying.
    pub underlying: usize,
    /// Lot size by instrument, ascending.
    lots: BTreeMap<InstrumentId, i64>,
    /// Contracts lose as many bits before they are multiplied.
    shift: u32,
}

impl Market {
    /// Contracts of a position, with what the product can bear of their precision.
    fn scaled(&self, instrument: InstrumentId, lots: i64) -> i128 {
        (i128::from(lots) * i128::from(self.lots[&instrument])) >> self.shift
    }

    /// Sum of the products of two books' contracts.
    pub fn product(&self, a: &Book, b: &Book) -> i128 {
        let (few, many) = if a.len() < b.len() { (a, b) } else { (b, a) };
        let common = few.iter().filter_map(|(id, &lots)| Some((id, lots, *many.get(id)?)));
        common.map(|(&id, lots, other)| self.scaled(id, lots) * self.scaled(id, other)).sum()
    }
}

/// Adds `factor` times `other` to a book.
pub(super) fn join(book: &mut Book, other: &Book, factor: i64) {
    for (&id, &lots) in other {
        let sum = book.entry(id).or_insert(0);
        *sum += factor * lots;
        if *sum == 0 {
            book.remove(&id);
        }
    }
}

/// How a share of a position becomes whole lots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    /// No lot more than the share.
    Down,
    /// No lot less.
    Up,
}

/// `share` (1e-9) of every position of a book, none of more lots than it has.
pub(super) fn slice(book: &Book, share: i64, whole: Whole) -> Book {
    let part = |(&id, &lots): (&InstrumentId, &i64)| {
        let product = i128::from(lots.unsigned_abs()) * i128::from(share);
        let up = if whole == Whole::Up { i128::from(NANO_ONE) - 1 } else { 0 };
        // Not more than the position, as the share is not more than one.
        let size = ((product + up) / i128::from(NANO_ONE)) as i64;
        (size != 0).then_some((id, lots.signum() * size))
    };
    book.iter().filter_map(part).collect()
}

impl Engine {
    /// The market of an underlying, without what has expired.
    pub(super) fn market_of(&self, underlying: usize) -> Market {
        let open = self.underlyings[underlying].open.iter();
        let open = open.map(|&id| &self.instruments[id as usize - 1]);
        let open: Vec<_> = open.filter(|instrument| !instrument.has_expired(self.globals.time)).collect();
        let interest = open.iter().map(|instrument| {
            let size = i128::from(instrument.open_interest) * i128::from(instrument.terms.lot_size);
            128 - size.leading_zeros()
        });
        let shift = interest.max().unwrap_or(0).saturating_sub(BITS);
        let lots = open.iter().map(|instrument| (instrument.terms.instrument, instrument.terms.lot_size));
        Market { underlying, lots: lots.collect(), shift }
    }

    /// The book of an account in a market.
    pub(super) fn book_of(&self, place: usize, market: &Market) -> Book {
        let held = self.accounts[place].holdings().filter(|holding| holding.position != 0);
        let held = held.filter(|holding| market.lots.contains_key(&holding.instrument));
        held.map(|holding| (holding.instrument, holding.position)).collect()
    }

    /// Places of the accounts with positions in a market, ascending, the one at `place` left out.
    pub(super) fn others_in(&self, market: &Market, place: usize) -> BTreeSet<usize> {
        let holders = market.lots.keys().flat_map(|&id| &self.instruments[id as usize - 1].holders);
        holders.map(|&holder| holder as usize - 1).filter(|&holder| holder != place).collect()
    }

    /// Whether an account has a position in something that has expired and is not settled.
    pub(super) fn awaits_settlement(&self, place: usize) -> bool {
        let held = self.accounts[place].holdings().filter(|holding| holding.position != 0);
        held.map(|holding| &self.instruments[holding.instrument as usize - 1])
            .any(|instrument| instrument.has_expired(self.globals.time))
    }
}

impl crate::instruments::Instrument {
    /// Whether it trades no more at `time`.
    pub(super) fn has_expired(&self, time: Nanos) -> bool {
        self.status != InstrumentStatus::Open || (!self.terms.perpetual && time >= self.terms.expiry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_round_by_magnitude() {
        let book: Book = [(1, 10), (2, -10), (3, 1)].into();
        assert_eq!(slice(&book, NANO_ONE / 4, Whole::Down), [(1, 2), (2, -2)].into());
        assert_eq!(slice(&book, NANO_ONE / 4, Whole::Up), [(1, 3), (2, -3), (3, 1)].into());
        assert_eq!(slice(&book, NANO_ONE, Whole::Up), book);
    }

    #[test]
    fn books_join_and_cancel() {
        let mut book: Book = [(1, 10), (2, -10)].into();
        join(&mut book, &[(1, -10), (3, 4)].into(), 1);
        assert_eq!(book, [(2, -10), (3, 4)].into());
        join(&mut book, &[(3, 2)].into(), -2);
        assert_eq!(book, [(2, -10)].into());
    }
}
