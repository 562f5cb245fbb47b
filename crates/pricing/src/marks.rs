//! Marks: the integers that follow from an oracle's signed inputs, the same on every machine.

use crate::chain::{Chain, ChainExpiry};
use crate::math::exp;
use crate::round::{divide_half_even, round_half_even};
use crate::smile::{Smile, SmileError};
use protocol::{
    ExpiryInputs, InstrumentId, InstrumentKind, InstrumentMark, InstrumentSpec, MarkArrays, MarkInputs,
    Nanos, OptionType, SETTLEMENT_WINDOW_NS, UnderlyingId,
};
use thiserror::Error;

/// Version of the arrays: marks and Greeks, no lanes.
const ARRAYS_VERSION: u8 = 0;
/// Nanoseconds of a year of 365 days.
const NANOS_PER_YEAR: f64 = 31_536_000e9;
/// 1e-9, the fixed point of the inputs, as a divisor.
const NANO: f64 = 1e9;
/// Micro-USDC per USD, as a factor.
const MICRO: f64 = 1e6;
/// Fixed-point units of a price in the inputs (1e-9 USD) per micro-USDC.
const NANO_PER_MICRO: i64 = 1_000;

/// Why no marks follow from the inputs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MarkError {
    /// An instrument belongs to another underlying.
    #[error("instrument {instrument} belongs to underlying {found}, the inputs to {expected}")]
    Underlying {
        /// The instrument.
        instrument: InstrumentId,
        /// Underlying of the inputs.
        expected: UnderlyingId,
        /// Underlying of the instrument.
        found: UnderlyingId,
    },
    /// Instruments must ascend.
    #[error("instrument {instrument} follows {previous}; instruments must ascend")]
    InstrumentOrder {
        /// The one before.
        previous: InstrumentId,
        /// The one out of order.
        instrument: InstrumentId,
    },
    /// Expiries must ascend.
    #[error("expiry {expiry} follows {previous}; expiries must ascend")]
    ExpiryOrder {
        /// The one before.
        previous: Nanos,
        /// The one out of order.
        expiry: Nanos,
    },
    /// A price that must be positive is not.
    #[error("{what} is {value}, must be positive")]
    NotPositive {
        /// Which price.
        what: &'static str,
        /// Its fixed-point value.
        value: i64,
    },
    /// An instrument's expiry is not among the inputs.
    #[error("instrument {instrument} expires at {expiry}, which the inputs do not cover")]
    MissingExpiry {
        /// The instrument.
        instrument: InstrumentId,
        /// Its expiry.
        expiry: Nanos,
    },
    /// The smile of an expiry is none.
    #[error("expiry {expiry}: {error}")]
    Smile {
        /// The expiry.
        expiry: Nanos,
        /// What is wrong.
        error: SmileError,
    },
    /// The smile gives a negative variance at an instrument's strike.
    #[error("instrument {0}: the smile's variance is negative at its strike")]
    NegativeVariance(InstrumentId),
    /// A result is not finite or does not fit its integer.
    #[error("instrument {instrument}: {what} is out of range")]
    OutOfRange {
        /// The instrument.
        instrument: InstrumentId,
        /// Which result.
        what: &'static str,
    },
}

/// Years of 365 days from `now` to `expiry`, 0 when it has passed.
#[must_use]
pub fn year_fraction(now: Nanos, expiry: Nanos) -> f64 {
    expiry.saturating_sub(now) as f64 / NANOS_PER_YEAR
}

/// The share of the settlement window that `now` leaves before `expiry`: 1 before the window, 0 at its end.
///
/// The settlement price is the average over the window, so this is the part of it that is still to come, and by which
/// the delta of an option on it decays.
#[must_use]
pub fn settlement_share(now: Nanos, expiry: Nanos) -> f64 {
    let left = expiry.saturating_sub(now).min(SETTLEMENT_WINDOW_NS);
    left as f64 / SETTLEMENT_WINDOW_NS as f64
}

/// Marks of the given instruments (ascending, all of the inputs' underlying), version 0: without lanes.
///
/// A perpetual's mark is the inputs' perpetual mark. An option is priced by Black-76 on its expiry's forward with the
/// smile's variance at its strike; once its expiry has come it is its intrinsic value on the forward, with vol 0. Its
/// delta is multiplied by [`settlement_share`].
///
/// # Errors
/// [`MarkError`] when the inputs are not consistent, do not cover an instrument, or give a result that does not fit.
pub fn mark_arrays<'a>(
    inputs: &MarkInputs,
    specs: impl IntoIterator<Item = (InstrumentId, &'a InstrumentSpec)>,
) -> Result<MarkArrays, MarkError> {
    positive("the index", inputs.index)?;
    positive("the perpetual mark", inputs.perpetual_mark)?;
    let mut series = inputs
        .expiries
        .iter()
        .map(|expiry| Series::new(inputs.time, expiry))
        .collect::<Result<Vec<_>, _>>()?;
    for pair in inputs.expiries.windows(2) {
        let (previous, expiry) = (pair[0].expiry, pair[1].expiry);
        if expiry <= previous {
            return Err(MarkError::ExpiryOrder { previous, expiry });
        }
    }
    let (mut marks, mut listed): (Vec<InstrumentMark>, Vec<Listed>) = (Vec::new(), Vec::new());
    for (instrument, spec) in specs {
        if spec.underlying != inputs.underlying {
            let (expected, found) = (inputs.underlying, spec.underlying);
            return Err(MarkError::Underlying { instrument, expected, found });
        }
        if let Some(previous) = marks.last().map(|mark| mark.instrument).filter(|&last| last >= instrument) {
            return Err(MarkError::InstrumentOrder { previous, instrument });
        }
        match spec.kind {
            InstrumentKind::Perpetual => marks.push(perpetual_mark(instrument, inputs)),
            InstrumentKind::Option => {
                positive("a strike", spec.strike)?;
                let missing = MarkError::MissingExpiry { instrument, expiry: spec.expiry };
                let place = inputs.expiries.binary_search_by_key(&spec.expiry, |expiry| expiry.expiry);
                let expiry = place.map_err(|_| missing)?;
                let strike = series[expiry].strike(spec.strike as f64 / MICRO);
                listed.push(Listed { mark: marks.len(), expiry, strike, option_type: spec.option_type });
                marks.push(InstrumentMark { instrument, mark: 0, iv: 0, delta: 0, vega: 0, risk: None });
            }
        }
    }
    mark_options(&mut series, &listed, &mut marks)?;
    Ok(MarkArrays { underlying: inputs.underlying, version: ARRAYS_VERSION, marks })
}

fn positive(what: &'static str, value: i64) -> Result<(), MarkError> {
    if value > 0 { Ok(()) } else { Err(MarkError::NotPositive { what, value }) }
}

fn perpetual_mark(instrument: InstrumentId, inputs: &MarkInputs) -> InstrumentMark {
    InstrumentMark {
        instrument,
        mark: divide_half_even(inputs.perpetual_mark, NANO_PER_MICRO),
        iv: 0,
        delta: protocol::NANO_ONE,
        vega: 0,
        risk: None,
    }
}

/// An option among the instruments.
struct Listed {
    /// Place among the marks.
    mark: usize,
    /// Place of its expiry.
    expiry: usize,
    /// Place of its strike in the expiry.
    strike: usize,
    option_type: OptionType,
}

/// Prices a chain of the listed strikes, and fills in the marks of the options.
fn mark_options(
    series: &mut [Series],
    listed: &[Listed],
    marks: &mut [InstrumentMark],
) -> Result<(), MarkError> {
    series.iter_mut().for_each(Series::find_vols);
    for option in listed {
        let vol = series[option.expiry].vols[option.strike];
        if vol.is_nan() {
            return Err(MarkError::NegativeVariance(marks[option.mark].instrument));
        }
    }
    let expiries: Vec<_> = series.iter().map(Series::chain_expiry).collect();
    let chain = Chain::new(&expiries).expect("every number of the wire lies inside the domain");
    let values = chain.values();
    for option in listed {
        let series = &series[option.expiry];
        let at = chain.strikes_of(option.expiry).start + option.strike;
        let (price, delta) = match option.option_type {
            OptionType::Call => (values.call_price[at], values.call_delta[at]),
            OptionType::Put => (values.put_price[at], values.put_delta[at]),
        };
        let mark = &mut marks[option.mark];
        let instrument = mark.instrument;
        let integer = |what, value| round_half_even(value).ok_or(MarkError::OutOfRange { instrument, what });
        mark.mark = integer("the mark", price * series.discount * MICRO)?;
        mark.iv = integer("the implied vol", series.vols[option.strike] * NANO)?;
        mark.delta = integer("delta", delta * series.settlement_share * NANO)?;
        mark.vega = integer("vega", values.vega[at] * series.discount * MICRO)?;
    }
    Ok(())
}

/// One expiry and the strikes listed on it.
struct Series {
    t: f64,
    forward: f64,
    discount: f64,
    settlement_share: f64,
    smile: Smile,
    strikes: Vec<f64>,
    /// The smile's vol at each strike, 0 at expiry; NaN where the variance is negative.
    vols: Vec<f64>,
}

impl Series {
    fn new(now: Nanos, inputs: &ExpiryInputs) -> Result<Self, MarkError> {
        positive("a forward", inputs.forward)?;
        let smile = Smile::from_slice(&inputs.smile)
            .map_err(|error| MarkError::Smile { expiry: inputs.expiry, error })?;
        let t = year_fraction(now, inputs.expiry);
        Ok(Self {
            t,
            forward: inputs.forward as f64 / NANO,
            discount: exp(-(inputs.rate as f64 / NANO) * t),
            settlement_share: settlement_share(now, inputs.expiry),
            smile,
            strikes: Vec::new(),
            vols: Vec::new(),
        })
    }

    /// Place of a strike; a call and a put of one strike share it when they follow each other.
    fn strike(&mut self, strike: f64) -> usize {
        if self.strikes.last() != Some(&strike) {
            self.strikes.push(strike);
        }
        self.strikes.len() - 1
    }

    fn find_vols(&mut self) {
        self.vols.resize(self.strikes.len(), 0.0);
        if self.t > 0.0 {
            self.smile.vols_into(self.forward, self.t, &self.strikes, &mut self.vols);
        }
    }

    fn chain_expiry(&self) -> ChainExpiry<'_> {
        ChainExpiry { forward: self.forward, t: self.t, strike: &self.strikes, sigma: &self.vols }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{NANO_ONE, SviSlice, Wire};

    const DAY: u64 = 86_400_000_000_000;
    const NOW: u64 = 1_770_336_000_000_000_000;

    /// A flat smile of total variance `a`·1e-9.
    fn flat(a: i64) -> SviSlice {
        SviSlice { a, b: 0, rho: 0, m: 0, sigma: 1 }
    }

    fn inputs() -> MarkInputs {
        let expiry = |days: u64, a| ExpiryInputs {
            expiry: NOW + days * DAY,
            forward: 70_000 * NANO_ONE,
            rate: 0,
            smile: flat(a),
        };
        MarkInputs {
            underlying: 1,
            time: NOW,
            index: 70_000 * NANO_ONE,
            confidence: 0,
            sources: 3,
            perpetual_mark: 70_001_500_000_500,
            funding_rate: 0,
            expiries: vec![expiry(0, 1), expiry(365, 250_000_000)],
        }
    }

    fn option(instrument: u32, days: u64, strike: i64, option_type: OptionType) -> InstrumentSpec {
        InstrumentSpec {
            instrument,
            name: format!("BTC-{instrument}"),
            underlying: 1,
            kind: InstrumentKind::Option,
            option_type,
            strike: strike * protocol::USD,
            expiry: NOW + days * DAY,
            tick_size: 5 * protocol::USD,
            lot_size: 1_000_000,
            lane_unit: 1,
        }
    }

    fn perpetual(instrument: u32) -> InstrumentSpec {
        let kind = InstrumentKind::Perpetual;
        InstrumentSpec { kind, expiry: 0, strike: 0, ..option(instrument, 0, 1, OptionType::Call) }
    }

    fn marks(inputs: &MarkInputs, specs: &[InstrumentSpec]) -> Result<Vec<InstrumentMark>, MarkError> {
        mark_arrays(inputs, specs.iter().map(|spec| (spec.instrument, spec))).map(|arrays| arrays.marks)
    }

    #[test]
    fn prices_options_and_the_perpetual() {
        let specs = [
            perpetual(1),
            option(2, 365, 70_000, OptionType::Call),
            option(3, 365, 70_000, OptionType::Put),
            option(4, 0, 69_000, OptionType::Call),
            option(5, 0, 69_000, OptionType::Put),
        ];
        let marks = marks(&inputs(), &specs).expect("consistent inputs");
        // 70,000.0015000005 is no tie; the perpetual is never priced through a float.
        assert_eq!((marks[0].mark, marks[0].delta), (70_001_500_000, NANO_ONE));
        // F·(2Φ(0.25) − 1) with 2Φ(0.25) − 1 = 0.19741265136584729…
        assert_eq!((marks[1].mark, marks[1].iv), (13_818_885_596, 500_000_000));
        assert_eq!(marks[2].mark, marks[1].mark);
        assert_eq!((marks[1].delta, marks[2].delta), (598_706_326, -401_293_674));
        // At its expiry an option is settled: nothing of the window is left, and no delta.
        assert_eq!((marks[3].mark, marks[3].iv, marks[3].delta), (1_000 * protocol::USD, 0, 0));
        assert_eq!((marks[4].mark, marks[4].iv, marks[4].delta), (0, 0, 0));
    }

    #[test]
    fn the_arrays_are_pinned() {
        let specs = [
            perpetual(1),
            option(2, 365, 120_000, OptionType::Call),
            option(7, 365, 40_000, OptionType::Put),
        ];
        let arrays = mark_arrays(&inputs(), specs.iter().map(|spec| (spec.instrument, spec)))
            .expect("consistent inputs");
        assert_eq!(arrays.version, 0);
        // By 40-digit arithmetic, rounded.
        let numbers: Vec<_> = arrays.marks.iter().map(|m| (m.mark, m.iv, m.delta, m.vega)).collect();
        assert_eq!(
            numbers,
            [
                (70_001_500_000, 0, NANO_ONE, 0),
                (3_217_781_082, 500_000_000, 203_837_232, 198_215_653),
                (1_711_968_140, 500_000_000, -85_463_449, 109_370_833),
            ]
        );
        assert_eq!(MarkArrays::from_bytes(&arrays.to_bytes()), Ok(arrays));
    }

    #[test]
    fn a_rate_discounts() {
        let specs = [option(2, 365, 70_000, OptionType::Call)];
        let mut discounted = inputs();
        discounted.expiries[1].rate = 50_000_000;
        let (plain, with_rate) = (
            marks(&inputs(), &specs).expect("consistent inputs"),
            marks(&discounted, &specs).expect("consistent inputs"),
        );
        let expected = plain[0].mark as f64 * (-0.05f64).exp();
        assert!((with_rate[0].mark as f64 - expected).abs() <= 1.0);
        assert_eq!(with_rate[0].delta, plain[0].delta);
    }

    #[test]
    fn delta_decays_over_the_settlement_window() {
        let minute = 60_000_000_000;
        let deltas = |time: u64| {
            let mut inputs = inputs();
            inputs.time = NOW + 365 * DAY - time;
            inputs.expiries[1].smile = flat(1);
            let specs = [option(2, 365, 10_000, OptionType::Call), option(3, 365, 10_000, OptionType::Put)];
            let found = marks(&inputs, &specs).expect("consistent inputs");
            (found[0].delta, found[1].delta, found[0].mark)
        };
        let deep = 60_000 * protocol::USD;
        assert_eq!(deltas(31 * minute), (NANO_ONE, 0, deep));
        assert_eq!(deltas(30 * minute), (NANO_ONE, 0, deep));
        assert_eq!(deltas(15 * minute), (NANO_ONE / 2, 0, deep));
        assert_eq!(deltas(3 * minute), (NANO_ONE / 10, 0, deep));
        assert_eq!(deltas(0), (0, 0, deep));
    }

    #[test]
    fn strikes_listed_in_any_order_are_marked_alike() {
        let side = |first: u32, option_type| {
            (0..5).map(move |n| option(first + n, 365, 90_000 - 10_000 * i64::from(n), option_type))
        };
        let apart: Vec<_> = side(1, OptionType::Call).chain(side(6, OptionType::Put)).collect();
        let together: Vec<_> = (0..10)
            .map(|n| InstrumentSpec { instrument: n + 1, ..apart[(n / 2 + n % 2 * 5) as usize].clone() })
            .collect();
        let (apart, together) = (marks(&inputs(), &apart), marks(&inputs(), &together));
        let (apart, together) = (apart.expect("consistent inputs"), together.expect("consistent inputs"));
        for n in 0..10 {
            let moved = InstrumentMark { instrument: n as u32 + 1, ..apart[n / 2 + n % 2 * 5].clone() };
            assert_eq!(together[n], moved);
        }
    }

    #[test]
    fn refuses_inconsistent_inputs() {
        let call = option(2, 365, 70_000, OptionType::Call);
        let foreign = InstrumentSpec { underlying: 2, ..call.clone() };
        assert!(matches!(marks(&inputs(), &[foreign]), Err(MarkError::Underlying { found: 2, .. })));
        let twice = marks(&inputs(), &[call.clone(), call.clone()]);
        assert_eq!(twice, Err(MarkError::InstrumentOrder { previous: 2, instrument: 2 }));
        let missing = marks(&inputs(), &[option(2, 7, 70_000, OptionType::Call)]);
        assert_eq!(missing, Err(MarkError::MissingExpiry { instrument: 2, expiry: NOW + 7 * DAY }));

        let with = |change: &dyn Fn(&mut MarkInputs)| {
            let mut inputs = inputs();
            change(&mut inputs);
            marks(&inputs, std::slice::from_ref(&call))
        };
        assert!(matches!(with(&|i| i.expiries.reverse()), Err(MarkError::ExpiryOrder { .. })));
        assert!(matches!(with(&|i| i.index = 0), Err(MarkError::NotPositive { .. })));
        assert!(matches!(with(&|i| i.expiries[1].forward = -1), Err(MarkError::NotPositive { .. })));
        assert!(matches!(with(&|i| i.expiries[1].smile.sigma = 0), Err(MarkError::Smile { .. })));
        assert_eq!(with(&|i| i.expiries[1].smile = flat(-1)), Err(MarkError::NegativeVariance(2)));
        let huge = with(&|i| i.expiries[1] = ExpiryInputs { forward: i64::MAX, ..i.expiries[1].clone() });
        assert!(huge.is_ok(), "the largest forward of the wire still fits: {huge:?}");
    }
}
