//! One line of a chain: what is shown of an instrument, as integers.

use engine::Instrument;
use protocol::{InstrumentId, InstrumentKind, Nanos, OptionType};

/// Micro-USDC per USD, as a divisor.
pub(super) const MICRO: f64 = 1e6;

/// A value, and the change of the chain that it came with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stamped<T> {
    /// Change id at which it became what it is.
    pub at: u64,
    /// The value.
    pub value: T,
}

impl<T: PartialEq> Stamped<T> {
    /// Takes `value`; one that is no news keeps its stamp.
    pub(super) fn set(&mut self, at: u64, value: T) {
        if self.value != value {
            *self = Self { at, value };
        }
    }
}

/// The mark and its Greeks, per contract, in the conventions of [`pricing`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MarkValues {
    /// Mark, micro-USDC.
    pub mark: i64,
    /// Vol of the mark, 1e-9.
    pub iv: i64,
    /// Delta, 1e-9.
    pub delta: i64,
    /// Gamma, 1e-12.
    pub gamma: i64,
    /// Vega, micro-USDC per vol point.
    pub vega: i64,
    /// Theta, micro-USDC per day.
    pub theta: i64,
    /// Rho, micro-USDC per 1 %.
    pub rho: i64,
}

/// Best prices and open interest; zeros where there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quote {
    /// Best bid, micro-USDC.
    pub bid: i64,
    /// Its size, 1e-8 contracts.
    pub bid_amount: i64,
    /// Best offer, micro-USDC.
    pub ask: i64,
    /// Its size, 1e-8 contracts.
    pub ask_amount: i64,
    /// Open interest, 1e-8 contracts.
    pub open_interest: i64,
}

/// Vols of the best prices, 0.01 %; 0 where there is no price, or none that a vol gives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuotedVols {
    /// Of the bid.
    pub bid: i64,
    /// Of the offer.
    pub ask: i64,
}

/// What pricing needs to know of an option.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) strike: f64,
    pub(super) is_call: bool,
    pub(super) expiry: Nanos,
}

/// A line of the chain.
#[derive(Debug, Clone)]
pub struct Row {
    /// The instrument.
    pub instrument: InstrumentId,
    /// Mark and Greeks.
    pub mark: Stamped<MarkValues>,
    /// Best prices.
    pub quote: Stamped<Quote>,
    /// Their vols.
    pub vols: Stamped<QuotedVols>,
    /// Change id at which the line appeared.
    pub(super) listed: u64,
    /// `None` for a perpetual.
    pub(super) terms: Option<Terms>,
}

impl Row {
    pub(super) fn new(listed: u64, instrument: &Instrument) -> Self {
        let spec = &instrument.spec;
        let terms = (spec.kind == InstrumentKind::Option).then(|| Terms {
            strike: spec.strike as f64 / MICRO,
            is_call: spec.option_type == OptionType::Call,
            expiry: spec.expiry,
        });
        Self {
            instrument: spec.instrument,
            mark: Stamped { at: listed, ..Stamped::default() },
            quote: Stamped { at: listed, ..Stamped::default() },
            vols: Stamped { at: listed, ..Stamped::default() },
            listed,
            terms,
        }
    }
}
