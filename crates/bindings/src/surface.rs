//! Surface calibration for Python: columns of quotes in, checked slices out, without the GIL.

use ::surface::{ExpiryQuotes, Extreme, FittedSlice, Svi, VolQuote, arbitrage, fit};
use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

pyo3::create_exception!(_native, SurfaceError, PyValueError, "Quotes from which no surface follows.");

/// Adds this part of the module.
///
/// # Errors
/// When Python refuses a name.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("SurfaceError", module.py().get_type::<SurfaceError>())?;
    module.add_class::<PySlice>()?;
    module.add_function(wrap_pyfunction!(py_fit_surface, module)?)?;
    module.add_function(wrap_pyfunction!(py_lowest_butterfly, module)?)?;
    module.add_function(wrap_pyfunction!(py_lowest_calendar, module)?)
}

/// One fitted slice: `surface::FittedSlice` in plain numbers.
#[pyclass(frozen, get_all, name = "SurfaceSlice")]
struct PySlice {
    /// (a, b, rho, m, sigma) on the wire's fixed point.
    parameters: (i64, i64, i64, i64, i64),
    method: u8,
    /// (θ, R, L).
    essvi: (f64, f64, f64),
    /// (lowest g, where).
    butterfly: (f64, f64),
    /// (lowest excess over the slice before, where); none for the first.
    calendar: Option<(f64, f64)>,
    /// float64 rows (k, bid vol, ask vol, weight).
    quotes: Py<PyBytes>,
    /// One code per row given.
    fates: Py<PyBytes>,
}

impl PySlice {
    fn new(py: Python<'_>, slice: &FittedSlice) -> PyResult<Self> {
        let wire =
            slice.svi.to_wire().ok_or_else(|| SurfaceError::new_err("a slice that is not on the wire"))?;
        let pair = |extreme: Extreme| (extreme.value, extreme.k);
        let row = |quote: &VolQuote| [quote.k, quote.bid, quote.ask, quote.weight];
        let quotes: Vec<u8> = slice.quotes.iter().flat_map(row).flat_map(f64::to_ne_bytes).collect();
        let fates: Vec<u8> = slice.fates.iter().map(|fate| *fate as u8).collect();
        Ok(Self {
            parameters: (wire.a, wire.b, wire.rho, wire.m, wire.sigma),
            method: slice.method as u8,
            essvi: (slice.essvi.theta, slice.essvi.right, slice.essvi.left),
            butterfly: pair(slice.butterfly),
            calendar: slice.calendar.map(pair),
            quotes: PyBytes::new(py, &quotes).unbind(),
            fates: PyBytes::new(py, &fates).unbind(),
        })
    }
}

type Columns = (
    f64,
    f64,
    PyBuffer<f64>,
    PyBuffer<u8>,
    PyBuffer<f64>,
    PyBuffer<f64>,
    Option<PyBuffer<f64>>,
    Option<Parameters>,
);

/// Raw SVI (a, b, ρ, m, σ).
type Parameters = (f64, f64, f64, f64, f64);

/// The columns of one expiry, out of Python's reach.
struct Owned {
    forward: f64,
    t: f64,
    strike: Vec<f64>,
    is_call: Vec<bool>,
    bid: Vec<f64>,
    ask: Vec<f64>,
    age: Option<Vec<f64>>,
    previous: Option<Svi>,
}

impl Owned {
    fn new(
        py: Python<'_>,
        (forward, t, strike, is_call, bid, ask, age, previous): &Columns,
    ) -> PyResult<Self> {
        fn column<T: Element>(py: Python<'_>, buffer: &PyBuffer<T>) -> PyResult<Vec<T>> {
            buffer.to_vec(py)
        }
        Ok(Self {
            forward: *forward,
            t: *t,
            strike: column(py, strike)?,
            is_call: column(py, is_call)?.into_iter().map(|flag| flag != 0).collect(),
            bid: column(py, bid)?,
            ask: column(py, ask)?,
            age: age.as_ref().map(|age| column(py, age)).transpose()?,
            previous: previous.map(slice_of),
        })
    }

    fn quotes(&self) -> ExpiryQuotes<'_> {
        ExpiryQuotes {
            forward: self.forward,
            t: self.t,
            strike: &self.strike,
            is_call: &self.is_call,
            bid: &self.bid,
            ask: &self.ask,
            age: self.age.as_deref(),
            previous: self.previous,
        }
    }
}

/// `expiries` = (forward, t, strike, is_call, bid, ask, age or None, slice of an earlier fit or None) each, ascending
/// by t.
#[pyfunction]
#[pyo3(name = "fit_surface")]
fn py_fit_surface(py: Python<'_>, expiries: Vec<Columns>) -> PyResult<Vec<PySlice>> {
    let owned = expiries.iter().map(|columns| Owned::new(py, columns)).collect::<PyResult<Vec<_>>>()?;
    let quotes: Vec<ExpiryQuotes<'_>> = owned.iter().map(Owned::quotes).collect();
    let surface = py.detach(|| fit(&quotes)).map_err(|error| SurfaceError::new_err(error.to_string()))?;
    surface.slices.iter().map(|slice| PySlice::new(py, slice)).collect()
}

fn slice_of((a, b, rho, m, sigma): Parameters) -> Svi {
    Svi { a, b, rho, m, sigma }
}

/// Lowest Durrleman g of a raw SVI slice (a, b, rho, m, sigma), and where.
#[pyfunction]
#[pyo3(name = "lowest_butterfly")]
fn py_lowest_butterfly(slice: Parameters) -> (f64, f64) {
    let found = arbitrage::butterfly(&slice_of(slice));
    (found.value, found.k)
}

/// Lowest excess of total variance of the later slice over the earlier one, and where.
#[pyfunction]
#[pyo3(name = "lowest_calendar")]
fn py_lowest_calendar(earlier: Parameters, later: Parameters) -> (f64, f64) {
    let found = arbitrage::calendar(&slice_of(earlier), &slice_of(later));
    (found.value, found.k)
}
