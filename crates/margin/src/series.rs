//! What add-ons look at: delta by expiry, net position by strike, vega.

use crate::instrument::InstrumentRisk;
use crate::numbers::{Checked, Overflow, add, mul, sub, wide_add};
use protocol::{Micros, Nanos};

/// A change of what is held and of what is open, in lots or in 1e-8 contracts. Everything here is linear in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    pub position: i64,
    pub bids: i64,
    pub offers: i64,
}

impl Change {
    /// From lots to 1e-8 contracts.
    fn sizes(&self, instrument: &InstrumentRisk<'_>) -> Checked<Self> {
        let size = |lots| mul(lots, instrument.lot_size);
        Ok(Self { position: size(self.position)?, bids: size(self.bids)?, offers: size(self.offers)? })
    }
}

/// A quantity of the positions, and how far open orders may move it either way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Range {
    /// Of the positions.
    positions: i128,
    /// Most that orders add.
    up: i128,
    /// Most that orders take away, not positive.
    down: i128,
}

impl Range {
    /// Of a change at `each` per 1e-8 contracts.
    fn of(sizes: &Change, each: i64) -> Self {
        let product = |size: i64| i128::from(size) * i128::from(each);
        let (bids, offers) = (product(sizes.bids), -product(sizes.offers));
        let (up, down) = if each < 0 { (offers, bids) } else { (bids, offers) };
        Self { positions: product(sizes.position), up, down }
    }

    /// Joins two ranges whose orders fill independently.
    pub fn join(self, other: Self) -> Checked<Self> {
        Ok(Self {
            positions: wide_add(self.positions, other.positions)?,
            up: wide_add(self.up, other.up)?,
            down: wide_add(self.down, other.down)?,
        })
    }

    /// Largest magnitude, with or without orders.
    pub fn magnitude(self, with_orders: bool) -> Checked<i128> {
        if !with_orders {
            return self.positions.checked_abs().ok_or(Overflow);
        }
        let high = wide_add(self.positions, self.up)?.checked_abs().ok_or(Overflow)?;
        Ok(high.max(wide_add(self.positions, self.down)?.checked_abs().ok_or(Overflow)?))
    }
}

/// Net position of a strike, and how far open orders may move it either way; 1e-8 contracts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Net {
    positions: i64,
    up: i64,
    down: i64,
}

impl Net {
    fn moved(self, sizes: &Change) -> Checked<Self> {
        Ok(Self {
            positions: add(self.positions, sizes.position)?,
            up: add(self.up, sizes.bids)?,
            down: sub(self.down, sizes.offers)?,
        })
    }

    /// What it adds to the totals of its expiry.
    fn totals(self) -> Checked<Totals> {
        let low = add(self.positions, self.down)?;
        let high = add(self.positions, self.up)?;
        let magnitude = |net: i64| net.checked_abs().ok_or(Overflow);
        let alone = magnitude(self.positions)?;
        let short = |net: i64| if net < 0 { magnitude(net) } else { Ok(0) };
        Ok(Totals {
            short: [short(self.positions)?, short(low)?],
            gross: [alone, magnitude(low)?.max(magnitude(high)?)],
        })
    }

    /// Largest magnitude, with or without orders.
    pub fn magnitude(self, with_orders: bool) -> Checked<i64> {
        Ok(self.totals()?.gross[usize::from(with_orders)])
    }
}

/// Sums over the strikes of an expiry, 1e-8 contracts: of the positions alone, and with open orders at their worst.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Totals {
    /// How far the strikes are net short.
    short: [i64; 2],
    /// Magnitudes of the strikes.
    gross: [i64; 2],
}

impl Totals {
    /// With `after` in the place of `before`.
    fn replaced(self, before: Self, after: Self) -> Checked<Self> {
        // All are magnitudes: their differences fit.
        let replace = |sum: i64, before: i64, after: i64| add(sum, after - before);
        let both = |sum: [i64; 2], before: [i64; 2], after: [i64; 2]| {
            Ok([replace(sum[0], before[0], after[0])?, replace(sum[1], before[1], after[1])?])
        };
        Ok(Self {
            short: both(self.short, before.short, after.short)?,
            gross: both(self.gross, before.gross, after.gross)?,
        })
    }
}

/// What an account has in one expiry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Expiry {
    /// 1e-17 contracts.
    pub delta: Range,
    strikes: Totals,
}

impl Expiry {
    /// How far its strikes are net short, each by itself, 1e-8 contracts.
    pub fn short(&self, with_orders: bool) -> i64 {
        self.strikes.short[usize::from(with_orders)]
    }

    /// Magnitudes of its strikes, added up, 1e-8 contracts.
    pub fn gross(&self, with_orders: bool) -> i64 {
        self.strikes.gross[usize::from(with_orders)]
    }
}

/// Where a key is, or where it would stand.
type Place = Result<usize, usize>;

/// Values in ascending order of their keys; each goes with the last exposure in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Keyed<K, V> {
    keys: Vec<K>,
    /// With the number of exposures.
    values: Vec<(V, u32)>,
}

impl<K, V> Default for Keyed<K, V> {
    fn default() -> Self {
        Self { keys: Vec::new(), values: Vec::new() }
    }
}

impl<K: Ord + Copy, V: Copy + Default + PartialEq + std::fmt::Debug> Keyed<K, V> {
    /// Where `key` is, and what stands there.
    fn get(&self, key: K) -> (Place, V) {
        let place = self.keys.binary_search(&key);
        (place, place.map_or_else(|_| V::default(), |at| self.values[at].0))
    }

    /// Puts a value at the place of `key`, which gains or loses `members` exposures.
    fn put(&mut self, key: K, place: Place, value: V, members: i32) {
        let at = place.unwrap_or_else(|at| {
            assert!(members > 0, "what is taken away was added");
            self.keys.insert(at, key);
            self.values.insert(at, (V::default(), 0));
            at
        });
        let count = self.values[at].1.checked_add_signed(members).expect("what is taken away was added");
        if count > 0 {
            self.values[at] = (value, count);
        } else {
            assert_eq!(value, V::default(), "what is taken away is what was added");
            self.keys.remove(at);
            self.values.remove(at);
        }
    }

    fn clear(&mut self) {
        self.keys.clear();
        self.values.clear();
    }
}

/// Deltas, strikes and vega of one account in one underlying.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SeriesSums {
    /// By expiry; a perpetual's is 0.
    expiries: Keyed<Nanos, Expiry>,
    /// Calls and puts together by expiry and strike.
    strikes: Keyed<(Nanos, Micros), Net>,
    /// 1e-8 micro-USDC per vol point.
    pub vega: Range,
}

impl SeriesSums {
    /// Takes everything away.
    pub fn clear(&mut self) {
        self.expiries.clear();
        self.strikes.clear();
        self.vega = Range::default();
    }

    /// Makes a change of lots, by which the instrument's expiry and strike gain or lose `members` exposures. Unchanged on
    /// an error.
    pub fn apply(&mut self, instrument: &InstrumentRisk<'_>, change: &Change, members: i32) -> Checked<()> {
        let sizes = change.sizes(instrument)?;
        let (place, mut expiry) = self.expiries.get(instrument.expiry);
        expiry.delta = expiry.delta.join(Range::of(&sizes, instrument.delta))?;
        if instrument.is_option() {
            let key = (instrument.expiry, instrument.strike);
            let (place, before) = self.strikes.get(key);
            let after = before.moved(&sizes)?;
            expiry.strikes = expiry.strikes.replaced(before.totals()?, after.totals()?)?;
            self.vega = self.vega.join(Range::of(&sizes, instrument.vega))?;
            self.strikes.put(key, place, after, members);
        }
        self.expiries.put(instrument.expiry, place, expiry, members);
        Ok(())
    }

    /// Expiries, ascending.
    pub fn expiries(&self) -> impl Iterator<Item = (Nanos, &Expiry)> {
        self.expiries.keys.iter().zip(&self.expiries.values).map(|(key, (expiry, _))| (*key, expiry))
    }

    /// Net positions of the strikes of an expiry, ascending.
    pub fn strikes_of(&self, expiry: Nanos) -> impl Iterator<Item = Net> {
        let from = self.strikes.keys.partition_point(|(at, _)| *at < expiry);
        let to = from + self.strikes.keys[from..].partition_point(|(at, _)| *at == expiry);
        self.strikes.values[from..to].iter().map(|(net, _)| *net)
    }
}
