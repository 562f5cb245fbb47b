//! From rows of a chain to intervals of vol: what is unsound is dropped with a reason, and the call and the put of one
//! strike, which parity makes one option, become one quote.

use crate::fit::ExpiryQuotes;
use pricing::implied_vol;
use pricing::math::ln;

/// Half a spread in vol below which a quote counts no more than at it: a tenth of a vol point.
pub const TIGHTEST: f64 = 0.001;
/// Seconds after which a quote counts half.
pub const AGE_HALF: f64 = 60.0;
/// Seconds after which a quote is no longer looked at.
pub const AGE_MAX: f64 = 3_600.0;

/// What became of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Fate {
    /// Its interval was fitted, together with that of the strike's other option.
    Used = 0,
    /// The strike is not a positive number, or so far from the forward that it has no price.
    BadStrike = 1,
    /// Bid or ask is negative or infinite, or the age is.
    BadQuote = 2,
    /// Neither bid nor ask.
    Empty = 3,
    /// An ask alone, and the strike's other option does not give a bid.
    NoBid = 4,
    /// A bid alone, and the strike's other option does not give an ask.
    NoAsk = 5,
    /// The bid is not below the ask.
    Crossed = 6,
    /// The ask is not above the intrinsic value.
    BelowIntrinsic = 7,
    /// The price is at or above what any vol gives.
    AboveBound = 8,
    /// A second row of the same option.
    Duplicate = 9,
    /// Its interval does not meet that of the strike's other option, which is fresher or, at equal ages, out of the money.
    Disparate = 10,
    /// Older than [`AGE_MAX`].
    Stale = 11,
}

/// One strike's quote in vol.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VolQuote {
    /// Log-moneyness ln(K/F).
    pub k: f64,
    /// Vol of the bid.
    pub bid: f64,
    /// Vol of the ask.
    pub ask: f64,
    /// 1 for a fresh quote, less for an older one.
    pub weight: f64,
}

impl VolQuote {
    /// The vol half-way between bid and ask.
    #[must_use]
    pub fn mid(&self) -> f64 {
        (self.bid + self.ask) / 2.0
    }

    /// Half the distance from bid to ask, at least [`TIGHTEST`].
    #[must_use]
    pub fn half(&self) -> f64 {
        ((self.ask - self.bid) / 2.0).max(TIGHTEST)
    }
}

/// The quotes of one expiry, ascending by log-moneyness, and the fate of every row in the order given.
#[derive(Debug, Clone, PartialEq)]
pub struct Cleaned {
    /// Sound quotes.
    pub quotes: Vec<VolQuote>,
    /// One per row.
    pub fates: Vec<Fate>,
}

/// One row that passed the checks of its own; prices less the intrinsic value, 0 where there is none.
#[derive(Clone, Copy)]
struct Side {
    row: usize,
    bid: f64,
    ask: f64,
    age: f64,
}

/// Drops what is unsound, merges calls with puts, and inverts to vols.
#[must_use]
pub fn clean(expiry: &ExpiryQuotes<'_>) -> Cleaned {
    let rows = expiry.strike.len();
    let mut fates: Vec<Fate> = (0..rows).map(|row| inspect(expiry, row)).collect();
    let mut quotes = Vec::with_capacity(rows / 2 + 1);
    let mut order: Vec<usize> = (0..rows).filter(|&row| fates[row] == Fate::Used).collect();
    // Out of the money first within a strike; equal options in the order given, so that the first one counts.
    let key = |&row: &usize| (expiry.strike[row], !is_out_of_the_money(expiry, row));
    order.sort_by(|left, right| key(left).partial_cmp(&key(right)).expect("strikes are numbers"));
    let mut start = 0;
    while start < order.len() {
        let strike = expiry.strike[order[start]];
        let end = start + order[start..].iter().take_while(|&&row| expiry.strike[row] == strike).count();
        let (near, far) = pick(expiry, &order[start..end], &mut fates);
        if let Some(quote) = merge(expiry, strike, near, far, &mut fates) {
            quotes.push(quote);
        }
        start = end;
    }
    Cleaned { quotes, fates }
}

fn is_out_of_the_money(expiry: &ExpiryQuotes<'_>, row: usize) -> bool {
    expiry.is_call[row] == (expiry.strike[row] >= expiry.forward)
}

/// What a row says by itself; [`Fate::Used`] when nothing is wrong with it so far.
fn inspect(expiry: &ExpiryQuotes<'_>, row: usize) -> Fate {
    let (strike, age) = (expiry.strike[row], age(expiry, row));
    let (bid, ask) = prices(expiry, row);
    let moneyness = strike / expiry.forward;
    if !(moneyness > 1e-6 && moneyness < 1e6) {
        Fate::BadStrike
    } else if !(bid >= 0.0 && ask >= 0.0 && age >= 0.0 && bid < f64::INFINITY && ask < f64::INFINITY) {
        Fate::BadQuote
    } else if bid == 0.0 && ask == 0.0 {
        Fate::Empty
    } else if age > AGE_MAX {
        Fate::Stale
    } else if ask > 0.0 && bid >= ask {
        Fate::Crossed
    } else if ask > 0.0 && ask <= intrinsic(expiry, row) {
        Fate::BelowIntrinsic
    } else {
        Fate::Used
    }
}

/// Bid and ask, 0 where there is none.
fn prices(expiry: &ExpiryQuotes<'_>, row: usize) -> (f64, f64) {
    let number = |value: f64| if value.is_nan() { 0.0 } else { value };
    (number(expiry.bid[row]), number(expiry.ask[row]))
}

fn age(expiry: &ExpiryQuotes<'_>, row: usize) -> f64 {
    expiry.age.map_or(0.0, |ages| ages[row])
}

fn intrinsic(expiry: &ExpiryQuotes<'_>, row: usize) -> f64 {
    let difference = expiry.forward - expiry.strike[row];
    (if expiry.is_call[row] { difference } else { -difference }).max(0.0)
}

/// The out-of-the-money and the in-the-money option of the rows of one strike; further rows of either are duplicates.
fn pick(expiry: &ExpiryQuotes<'_>, rows: &[usize], fates: &mut [Fate]) -> (Option<Side>, Option<Side>) {
    let mut sides = [None; 2];
    for &row in rows {
        let side = &mut sides[usize::from(!is_out_of_the_money(expiry, row))];
        if side.is_some() {
            fates[row] = Fate::Duplicate;
            continue;
        }
        let ((bid, ask), intrinsic) = (prices(expiry, row), intrinsic(expiry, row));
        let time_value = |price: f64| (price - intrinsic).max(0.0);
        *side = Some(Side { row, bid: time_value(bid), ask: time_value(ask), age: age(expiry, row) });
    }
    (sides[0], sides[1])
}

/// The interval on which both options of a strike agree, in vol.
fn merge(
    expiry: &ExpiryQuotes<'_>,
    strike: f64,
    near: Option<Side>,
    far: Option<Side>,
    fates: &mut [Fate],
) -> Option<VolQuote> {
    let mut sides = [near, far];
    if let (Some(near), Some(far)) = (near, far) {
        let (bid, ask) = meet(&near, &far);
        if ask > 0.0 && bid >= ask {
            let loser = usize::from(far.age >= near.age);
            fates[[near.row, far.row][loser]] = Fate::Disparate;
            sides[loser] = None;
        }
    }
    let [near, far] = sides;
    let both = near.into_iter().chain(far);
    let whole = both.clone().reduce(|near, far| {
        let (bid, ask) = meet(&near, &far);
        Side { bid, ask, age: near.age.max(far.age), ..near }
    })?;
    let is_call = strike >= expiry.forward;
    let vol = |price: f64| implied_vol(price, expiry.forward, strike, expiry.t, is_call);
    let (bid, ask) = (vol(whole.bid), vol(whole.ask));
    let fate = match (&bid, &ask) {
        _ if whole.ask == 0.0 => Fate::NoAsk,
        _ if whole.bid == 0.0 => Fate::NoBid,
        (Ok(bid), Ok(ask)) if *bid > 0.0 && bid < ask => Fate::Used,
        (_, Err(_)) | (Err(_), _) => Fate::AboveBound,
        _ => Fate::BelowIntrinsic,
    };
    both.for_each(|side| fates[side.row] = fate);
    if fate != Fate::Used {
        return None;
    }
    let weight = AGE_HALF / (AGE_HALF + whole.age);
    Some(VolQuote { k: ln(strike / expiry.forward), bid: bid.ok()?, ask: ask.ok()?, weight })
}

/// The higher bid and the lower of the asks that there are.
fn meet(near: &Side, far: &Side) -> (f64, f64) {
    let ask = match (near.ask > 0.0, far.ask > 0.0) {
        (true, true) => near.ask.min(far.ask),
        (true, false) => near.ask,
        (false, _) => far.ask,
    };
    (near.bid.max(far.bid), ask)
}
