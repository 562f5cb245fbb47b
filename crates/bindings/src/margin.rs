//! Portfolio margin for Python: one portfolio line by line, many by their totals.

use ::engine::Reject;
use ::margin::{
    CollateralHolding, CollateralLine, Equity, Exposure, InstrumentRisk, OpenLots, Overflow, Part, PnlOffset,
    Portfolio, Sums, UnderlyingRisk,
};
use ::protocol::{
    CollateralTerms, GAPS, InstrumentSpec, LANES, MarkInputs, Parameter, ParameterValue, RiskArray,
    RiskParameters, Wire,
};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::breakdown::BreakdownInfo;
use crate::pricing::columns::Columns;
use crate::protocol::CodecError;

/// Numbers of one portfolio that [`py_portfolio_margins_into`] writes: joint scan, initial and maintenance margin.
const TOTALS: usize = 3;

/// Adds this part of the module.
///
/// # Errors
/// When Python refuses a name.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyMarket>()?;
    module.add_function(wrap_pyfunction!(py_portfolio_margin, module)?)?;
    module.add_function(wrap_pyfunction!(py_standard_margin, module)?)?;
    module.add_function(wrap_pyfunction!(py_portfolio_margins_into, module)?)
}

/// An underlying at one mark, with its instruments.
#[pyclass(frozen, name = "MarginMarket", module = "synchromesh._native")]
struct PyMarket {
    risk: UnderlyingRisk,
    instruments: Vec<Instrument>,
}

struct Instrument {
    spec: InstrumentSpec,
    mark: i64,
    delta: i64,
    vega: i64,
    risk: RiskArray,
}

impl Instrument {
    fn view(&self) -> InstrumentRisk<'_> {
        InstrumentRisk {
            expiry: self.spec.expiry,
            strike: self.spec.strike,
            lot_size: self.spec.lot_size,
            lane_unit: self.spec.lane_unit,
            mark: self.mark,
            delta: self.delta,
            vega: self.vega,
            risk: &self.risk,
        }
    }
}

#[pymethods]
impl PyMarket {
    /// From encoded `MarkInputs`, `InstrumentSpec`s and `RiskParameters`, and the columns of `RiskArrays`.
    #[new]
    fn py_new(
        inputs: &[u8],
        specs: Vec<PyBackedBytes>,
        parameters: &[u8],
        numbers: [PyBuffer<i64>; 3],
        lanes: PyBuffer<i32>,
        gaps: PyBuffer<u32>,
    ) -> PyResult<Self> {
        let codec = |error: ::protocol::CodecError| CodecError::new_err(error.to_string());
        let inputs = MarkInputs::from_bytes(inputs).map_err(codec)?;
        let parameters = RiskParameters::from_bytes(parameters).map_err(codec)?;
        let count = specs.len();
        let mut columns = Columns::new(count);
        let mark = columns.input("mark", &numbers[0])?;
        let delta = columns.input("delta", &numbers[1])?;
        let vega = columns.input("vega", &numbers[2])?;
        let lanes = Columns::new(count * LANES).input("lanes", &lanes)?.as_chunks::<LANES>().0;
        let gaps = Columns::new(count * GAPS).input("gaps", &gaps)?.as_chunks::<GAPS>().0;
        let mut instruments = Vec::with_capacity(count);
        for (place, spec) in specs.iter().enumerate() {
            let spec = InstrumentSpec::from_bytes(spec).map_err(codec)?;
            let risk = RiskArray { lanes: lanes[place], gaps: gaps[place] };
            instruments.push(Instrument {
                spec,
                mark: mark[place],
                delta: delta[place],
                vega: vega[place],
                risk,
            });
        }
        Ok(Self { risk: UnderlyingRisk::new(&inputs, &parameters).map_err(overflow)?, instruments })
    }

    fn __len__(&self) -> usize {
        self.instruments.len()
    }
}

impl PyMarket {
    /// Sums of positions, one for each instrument.
    fn sum(&self, sums: &mut Sums, positions: &[i64]) -> Result<(), Overflow> {
        sums.clear();
        for (instrument, &position) in self.instruments.iter().zip(positions).filter(|(_, lots)| **lots != 0)
        {
            sums.add(&instrument.view(), &Exposure::of(position))?;
        }
        Ok(())
    }
}

/// What a portfolio has in one instrument: place in its market, position in lots, bids and offers.
type Row = (usize, i64, Side, Side);
/// Open lots, worst price in micro-USDC per contract, fees of all of them in micro-USDC.
type Side = (i64, i64, i64);
/// Asset, encoded `CollateralTerms`, balance and what of it may count for new risk (1e-8 units), price.
type Holding = (u16, PyBackedBytes, i64, i64, i64);

fn exposure(position: i64, bids: Side, offers: Side) -> PyResult<Exposure> {
    let open = |(lots, price, fees): Side| {
        if lots < 0 {
            return Err(PyValueError::new_err(format!("{lots} open lots, must not be negative")));
        }
        Ok(OpenLots { lots, price, fees })
    };
    Ok(Exposure { position, bids: open(bids)?, offers: open(offers)? })
}

/// Margin of one portfolio, line by line. Markets ascend by underlying; `funds` is equity before collateral.
#[pyfunction]
#[pyo3(name = "portfolio_margin")]
fn py_portfolio_margin(
    parts: Vec<(PyRef<'_, PyMarket>, Vec<Row>)>,
    collateral: Vec<Holding>,
    offset: (i64, i64),
    funds: i64,
) -> PyResult<BreakdownInfo> {
    let mut all = Vec::with_capacity(parts.len());
    for (market, rows) in &parts {
        let mut sums = Sums::new();
        for &(place, position, bids, offers) in rows {
            let instrument = market.instruments.get(place);
            let instrument =
                instrument.ok_or_else(|| PyValueError::new_err(format!("no instrument at {place}")))?;
            sums.add(&instrument.view(), &exposure(position, bids, offers)?).map_err(overflow)?;
        }
        all.push(sums);
    }
    let lines = collateral.iter().map(line).collect::<PyResult<Vec<_>>>()?;
    let counted = |of: fn(&CollateralLine) -> i64| {
        lines.iter().try_fold(funds, |sum, line| sum.checked_add(of(line)).ok_or_else(|| overflow(Overflow)))
    };
    let equity =
        Equity { initial: counted(|line| line.initial)?, maintenance: counted(|line| line.maintenance)? };
    let views: Vec<_> =
        parts.iter().zip(&all).map(|((market, _), sums)| Part { sums, risk: &market.risk }).collect();
    let portfolio = Portfolio { parts: &views, collateral: &lines, offset: pnl_offset(offset) };
    BreakdownInfo::try_from(&portfolio.breakdown(equity).map_err(overflow)?).map_err(overflow)
}

fn line(holding: &Holding) -> PyResult<CollateralLine> {
    let (asset, terms, balance, counted, price) = holding;
    let terms = CollateralTerms::from_bytes(terms).map_err(|error| CodecError::new_err(error.to_string()))?;
    let (asset, balance, counted, price) = (*asset, *balance, *counted, *price);
    CollateralLine::new(&CollateralHolding { asset, terms: &terms, balance, counted, price })
        .map_err(overflow)
}

/// Joint scan, initial and maintenance margin of many portfolios without orders: `positions` has one matrix per market,
/// a row per portfolio and a column per instrument, in lots.
#[pyfunction]
#[pyo3(name = "portfolio_margins_into")]
fn py_portfolio_margins_into(
    py: Python<'_>,
    markets: Vec<PyRef<'_, PyMarket>>,
    positions: Vec<PyBuffer<i64>>,
    offset: (i64, i64),
    mut totals: PyBuffer<i64>,
) -> PyResult<()> {
    let count = totals.item_count() / TOTALS;
    if positions.len() != markets.len() {
        let (found, wanted) = (positions.len(), markets.len());
        return Err(PyValueError::new_err(format!("positions of {found} markets, not {wanted}")));
    }
    let mut rows = Vec::with_capacity(markets.len());
    for (market, buffer) in markets.iter().zip(&positions) {
        let width = market.instruments.len();
        let market: &PyMarket = market;
        rows.push((market, Columns::new(count * width).input("positions", buffer)?, width));
    }
    let totals = Columns::new(count * TOTALS).output("totals", &mut totals)?.as_chunks_mut::<TOTALS>().0;
    py.detach(|| {
        let mut sums = vec![Sums::new(); rows.len()];
        for (at, total) in totals.iter_mut().enumerate() {
            for ((market, lots, width), sums) in rows.iter().zip(&mut sums) {
                market.sum(sums, &lots[at * width..(at + 1) * width])?;
            }
            let parts: Vec<Part<'_>> =
                rows.iter().zip(&sums).map(|(row, sums)| Part { sums, risk: &row.0.risk }).collect();
            let portfolio = Portfolio { parts: &parts, collateral: &[], offset: pnl_offset(offset) };
            let (positions, maintenance) = portfolio.positions_and_maintenance()?;
            *total = [portfolio.scan()?, positions, maintenance];
        }
        Ok(())
    })
    .map_err(overflow)
}

/// Initial and maintenance margin of a position in the standard model, at a mark and an index in 1e-9 USD; `parameters`
/// are those of the venue, in their order.
#[pyfunction]
#[pyo3(name = "standard_margin")]
fn py_standard_margin(
    spec: &[u8],
    parameters: Vec<i64>,
    index: i64,
    mark: i64,
    position: i64,
) -> PyResult<(i64, i64)> {
    let spec = InstrumentSpec::from_bytes(spec).map_err(|error| CodecError::new_err(error.to_string()))?;
    let list: Vec<_> = Parameter::ALL
        .iter()
        .zip(parameters)
        .map(|(&parameter, value)| ParameterValue { parameter, value })
        .collect();
    ::engine::standard_margin(&spec, &list, index, mark, position).map_err(|error| match error {
        Reject::Overflow => overflow(Overflow),
        other => PyValueError::new_err(other.to_string()),
    })
}

fn pnl_offset((share, cap): (i64, i64)) -> PnlOffset {
    PnlOffset { share, cap }
}

fn overflow(error: Overflow) -> PyErr {
    PyOverflowError::new_err(error.to_string())
}
