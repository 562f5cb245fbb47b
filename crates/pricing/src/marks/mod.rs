//! Marks: the integers that follow from an oracle's signed inputs, the same on every machine.

mod error;
mod series;
#[cfg(test)]
mod tests;

pub use error::MarkError;
pub use series::{settlement_share, year_fraction};

use crate::chain::Chain;
use crate::lanes::{LaneOption, Scenario, linear_risk, option_risks};
use crate::path::Path;
use crate::round::{divide_half_even, round_half_even};
use protocol::{
    InstrumentId, InstrumentKind, InstrumentMark, InstrumentSpec, MarkArrays, MarkInputs, OptionType,
    ScenarioParameters,
};
use series::Series;
use std::sync::Arc;

/// Version of arrays with marks and Greeks alone.
const VERSION_MARKS: u8 = 0;
/// Version of arrays with lanes and gaps as well.
const VERSION_LANES: u8 = 1;
/// 1e-9, the fixed point of the inputs, as a divisor.
const NANO: f64 = 1e9;
/// Micro-USDC per USD, as a factor.
const MICRO: f64 = 1e6;
/// Fixed-point units of a price in the inputs (1e-9 USD) per micro-USDC.
const NANO_PER_MICRO: i64 = 1_000;
/// 1e-8 contracts of a lot, over micro-USDC of a lane unit, per contract and USD.
const LOT_UNITS_PER_LANE_UNIT: f64 = 100.0;

/// Marks of the given instruments, ascending, all of the inputs' underlying: version 0, or with `scenario` version 1,
/// which has lanes and gaps.
///
/// A perpetual's mark is the inputs' perpetual mark. An option is priced by Black-76 on its expiry's forward with the
/// smile's variance at its strike; once its expiry has come it is its intrinsic value on the forward, with vol 0. Its
/// delta is multiplied by [`settlement_share`]. [`crate::lanes`] describes the lanes.
///
/// # Errors
/// [`MarkError`] when the inputs are not consistent, do not cover an instrument, or give a result that does not fit, and
/// when a parameter of the scenarios makes no sense.
pub fn mark_arrays<'a>(
    inputs: &MarkInputs,
    specs: impl IntoIterator<Item = (InstrumentId, &'a InstrumentSpec)>,
    scenario: Option<&ScenarioParameters>,
) -> Result<MarkArrays, MarkError> {
    mark_arrays_on(Path::best(), inputs, specs, scenario)
}

/// [`mark_arrays`] with the lanes computed on a given path.
///
/// # Errors
/// As [`mark_arrays`].
///
/// # Panics
/// When this machine lacks the path.
pub fn mark_arrays_on<'a>(
    path: Path,
    inputs: &MarkInputs,
    specs: impl IntoIterator<Item = (InstrumentId, &'a InstrumentSpec)>,
    scenario: Option<&ScenarioParameters>,
) -> Result<MarkArrays, MarkError> {
    positive("the index", inputs.index)?;
    positive("the perpetual mark", inputs.perpetual_mark)?;
    let mut series = series_of(inputs)?;
    let scenario = scenario.map(Scenario::new).transpose()?;
    let (mut marks, mut listed): (Vec<InstrumentMark>, Vec<Listed>) = (Vec::new(), Vec::new());
    for (instrument, spec) in specs {
        if spec.underlying != inputs.underlying {
            let (expected, found) = (inputs.underlying, spec.underlying);
            return Err(MarkError::Underlying { instrument, expected, found });
        }
        if let Some(previous) = marks.last().map(|mark| mark.instrument).filter(|&last| last >= instrument) {
            return Err(MarkError::InstrumentOrder { previous, instrument });
        }
        if scenario.is_some() {
            positive("a lot size", spec.lot_size)?;
            positive("a lane unit", spec.lane_unit.into())?;
        }
        match spec.kind {
            InstrumentKind::Perpetual => {
                marks.push(perpetual_mark(instrument, spec, inputs, scenario.as_ref()));
            }
            InstrumentKind::Option => {
                positive("a strike", spec.strike)?;
                let missing = MarkError::MissingExpiry { instrument, expiry: spec.expiry };
                let place = inputs.expiries.binary_search_by_key(&spec.expiry, |expiry| expiry.expiry);
                let expiry = place.map_err(|_| missing)?;
                let strike = series[expiry].strike(spec.strike as f64 / MICRO);
                listed.push(Listed { mark: marks.len(), expiry, strike, spec });
                marks.push(InstrumentMark { instrument, mark: 0, iv: 0, delta: 0, vega: 0, risk: None });
            }
        }
    }
    mark_options(&mut series, &listed, &mut marks)?;
    if let Some(scenario) = &scenario {
        add_lanes(path, scenario, &series, &listed, &mut marks);
    }
    let version = if scenario.is_some() { VERSION_LANES } else { VERSION_MARKS };
    Ok(MarkArrays { underlying: inputs.underlying, version, marks })
}

fn positive(what: &'static str, value: i64) -> Result<(), MarkError> {
    if value > 0 { Ok(()) } else { Err(MarkError::NotPositive { what, value }) }
}

/// The expiries of the inputs, which ascend.
fn series_of(inputs: &MarkInputs) -> Result<Vec<Series>, MarkError> {
    for pair in inputs.expiries.windows(2) {
        let (previous, expiry) = (pair[0].expiry, pair[1].expiry);
        if expiry <= previous {
            return Err(MarkError::ExpiryOrder { previous, expiry });
        }
    }
    inputs.expiries.iter().map(|expiry| Series::new(inputs.time, expiry)).collect()
}

fn perpetual_mark(
    instrument: InstrumentId,
    spec: &InstrumentSpec,
    inputs: &MarkInputs,
    scenario: Option<&Scenario>,
) -> InstrumentMark {
    let mark = divide_half_even(inputs.perpetual_mark, NANO_PER_MICRO);
    InstrumentMark {
        instrument,
        mark,
        iv: 0,
        delta: protocol::NANO_ONE,
        vega: 0,
        risk: scenario.map(|scenario| Arc::new(linear_risk(mark, scenario.range_nano(), spec))),
    }
}

/// An option among the instruments.
struct Listed<'a> {
    /// Place among the marks.
    mark: usize,
    /// Place of its expiry.
    expiry: usize,
    /// Place of its strike in the expiry.
    strike: usize,
    spec: &'a InstrumentSpec,
}

/// Prices a chain of the listed strikes, and fills in the marks of the options.
fn mark_options(
    series: &mut [Series],
    listed: &[Listed<'_>],
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
        let (price, delta) = match option.spec.option_type {
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

/// Fills in the lanes and gaps of options whose marks are found.
fn add_lanes(
    path: Path,
    scenario: &Scenario,
    series: &[Series],
    listed: &[Listed<'_>],
    marks: &mut [InstrumentMark],
) {
    let expiries: Vec<_> = series.iter().map(|series| series.lane_expiry(scenario)).collect();
    let option = |option: &Listed<'_>| {
        let (series, spec) = (&series[option.expiry], option.spec);
        LaneOption {
            expiry: option.expiry,
            strike: series.strikes[option.strike],
            sigma: series.vols[option.strike],
            is_call: spec.option_type == OptionType::Call,
            units: spec.lot_size as f64 / (LOT_UNITS_PER_LANE_UNIT * spec.lane_unit as f64),
        }
    };
    let options: Vec<_> = listed.iter().map(option).collect();
    let risks = option_risks(path, &expiries, &options);
    for (option, risk) in listed.iter().zip(risks) {
        marks[option.mark].risk = Some(risk);
    }
}
