//! Black-76, implied vol and marks for Python: buffers in, buffers out, without the GIL.
//!
//! `synchromesh.pricing` broadcasts, allocates the outputs and hands both over as C-contiguous buffers of one length.

use ::pricing::{Contract, ImpliedVolError, black76, implied_vol};
use ::protocol::{InstrumentSpec, MarkInputs, Wire};
use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use crate::protocol::CodecError;

pyo3::create_exception!(
    _native,
    PricingError,
    PyValueError,
    "An input outside the domain of a pricing formula."
);
pyo3::create_exception!(_native, MarkError, PyValueError, "Inputs from which no marks follow.");

/// Status of one implied vol: found.
const FOUND: u8 = 0;
/// Status of one implied vol: the price is below the intrinsic value.
const BELOW_INTRINSIC: u8 = 1;
/// Status of one implied vol: the price is above what any vol gives.
const ABOVE_BOUND: u8 = 2;
/// Status of one implied vol: an input is outside its domain.
const BAD_INPUT: u8 = 3;

/// Adds this part of the module.
///
/// # Errors
/// When Python refuses a name.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("PricingError", py.get_type::<PricingError>())?;
    module.add("MarkError", py.get_type::<MarkError>())?;
    module.add_function(wrap_pyfunction!(py_black76_into, module)?)?;
    module.add_function(wrap_pyfunction!(py_implied_vol_into, module)?)?;
    module.add_function(wrap_pyfunction!(py_mark_arrays, module)?)
}

/// A column of a Python array, usable without the GIL.
struct Column<T> {
    data: *mut T,
    length: usize,
}

// SAFETY: the buffer that a column points into is held by its `PyBuffer` for the whole call, and elements are only
// copied in and out. A caller who changes an input from another thread meanwhile gets a mixture of old and new numbers.
unsafe impl<T: Send> Send for Column<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Column<T> {}

impl<T: Element> Column<T> {
    fn new(name: &str, buffer: &PyBuffer<T>, length: usize, writable: bool) -> PyResult<Self> {
        if !buffer.is_c_contiguous() {
            return Err(PyValueError::new_err(format!("{name} is not contiguous")));
        }
        if writable && buffer.readonly() {
            return Err(PyValueError::new_err(format!("{name} cannot be written")));
        }
        if buffer.item_count() != length {
            let found = buffer.item_count();
            return Err(PyValueError::new_err(format!("{name} holds {found} numbers, not {length}")));
        }
        Ok(Self { data: buffer.buf_ptr().cast(), length })
    }

    fn get(&self, index: usize) -> T {
        assert!(index < self.length);
        // SAFETY: inside the buffer, which is aligned for T (PyBuffer checked the format) and held by the caller.
        unsafe { self.data.add(index).read() }
    }

    fn set(&self, index: usize, value: T) {
        assert!(index < self.length);
        // SAFETY: as in `get`; only outputs are set, which `new` found writable.
        unsafe { self.data.add(index).write(value) }
    }
}

/// The columns that describe options.
struct Options {
    forward: Column<f64>,
    strike: Column<f64>,
    t: Column<f64>,
    is_call: Column<u8>,
}

type OptionBuffers = (PyBuffer<f64>, PyBuffer<f64>, PyBuffer<f64>, PyBuffer<u8>);

impl Options {
    fn new(buffers: &OptionBuffers, length: usize) -> PyResult<Self> {
        Ok(Self {
            forward: Column::new("forward", &buffers.0, length, false)?,
            strike: Column::new("strike", &buffers.1, length, false)?,
            t: Column::new("t", &buffers.2, length, false)?,
            is_call: Column::new("is_call", &buffers.3, length, false)?,
        })
    }

    fn contract(&self, index: usize, sigma: f64) -> Contract {
        Contract {
            forward: self.forward.get(index),
            strike: self.strike.get(index),
            t: self.t.get(index),
            sigma,
            is_call: self.is_call.get(index) != 0,
        }
    }
}

/// `options` = (forward, strike, t, is_call), `outputs` = (price, delta, gamma, vega, theta, rho).
#[pyfunction]
#[pyo3(name = "black76_into")]
fn py_black76_into(
    py: Python<'_>,
    options: OptionBuffers,
    sigma: PyBuffer<f64>,
    outputs: [PyBuffer<f64>; 6],
) -> PyResult<()> {
    let length = sigma.item_count();
    let columns = Options::new(&options, length)?;
    let sigmas = Column::new("sigma", &sigma, length, false)?;
    let mut results = Vec::with_capacity(outputs.len());
    for output in &outputs {
        results.push(Column::new("output", output, length, true)?);
    }
    let bad = py.detach(|| {
        for index in 0..length {
            let contract = columns.contract(index, sigmas.get(index));
            if !contract.is_valid() {
                return Some((index, contract));
            }
            let value = black76(&contract);
            let values = [value.price, value.delta, value.gamma, value.vega, value.theta, value.rho];
            results.iter().zip(values).for_each(|(column, value)| column.set(index, value));
        }
        None
    });
    match bad {
        None => Ok(()),
        Some((index, Contract { forward, strike, t, sigma, .. })) => Err(PricingError::new_err(format!(
            "option {index}: forward {forward} and strike {strike} must lie in [1e-150, 1e150], t {t} and sigma {sigma} be \
             at most 1e100, sigma not negative"
        ))),
    }
}

/// `options` as above; writes the vol and a status per option, and returns the message of the first failure.
#[pyfunction]
#[pyo3(name = "implied_vol_into")]
fn py_implied_vol_into(
    py: Python<'_>,
    price: PyBuffer<f64>,
    options: OptionBuffers,
    sigma: PyBuffer<f64>,
    status: PyBuffer<u8>,
) -> PyResult<Option<String>> {
    let length = price.item_count();
    let columns = Options::new(&options, length)?;
    let prices = Column::new("price", &price, length, false)?;
    let sigmas = Column::new("sigma", &sigma, length, true)?;
    let statuses = Column::new("status", &status, length, true)?;
    Ok(py.detach(|| {
        let mut first = None;
        for index in 0..length {
            let Contract { forward, strike, t, is_call, .. } = columns.contract(index, 0.0);
            let (vol, code) = match implied_vol(prices.get(index), forward, strike, t, is_call) {
                Ok(vol) => (vol, FOUND),
                Err(error) => {
                    first.get_or_insert_with(|| format!("option {index}: {error}"));
                    (0.0, status_of(&error))
                }
            };
            sigmas.set(index, vol);
            statuses.set(index, code);
        }
        first
    }))
}

fn status_of(error: &ImpliedVolError) -> u8 {
    match error {
        ImpliedVolError::Input { .. } => BAD_INPUT,
        ImpliedVolError::BelowIntrinsic { .. } => BELOW_INTRINSIC,
        ImpliedVolError::AboveBound { .. } => ABOVE_BOUND,
    }
}

/// Encoded `MarkArrays` that follow from encoded `MarkInputs` for encoded `InstrumentSpec`s.
#[pyfunction]
#[pyo3(name = "mark_arrays")]
fn py_mark_arrays<'py>(
    py: Python<'py>,
    inputs: &[u8],
    specs: Vec<PyBackedBytes>,
) -> PyResult<Bound<'py, PyBytes>> {
    let codec = |error: ::protocol::CodecError| CodecError::new_err(error.to_string());
    let inputs = MarkInputs::from_bytes(inputs).map_err(codec)?;
    let specs = specs
        .iter()
        .map(|spec| InstrumentSpec::from_bytes(spec))
        .collect::<Result<Vec<_>, _>>()
        .map_err(codec)?;
    let arrays =
        py.detach(|| ::pricing::mark_arrays(&inputs, specs.iter().map(|spec| (spec.instrument, spec))));
    let arrays = arrays.map_err(|error| MarkError::new_err(error.to_string()))?;
    Ok(PyBytes::new(py, &arrays.to_bytes()))
}
