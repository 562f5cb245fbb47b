//! Black-76, implied vol, chains and marks for Python: buffers in, buffers out, without the GIL.
//!
//! `synchromesh.pricing` broadcasts, allocates the outputs and hands both over as C-contiguous buffers: outputs of one
//! length, inputs of that length or of one number for all.

mod black;
mod chain;
mod columns;
mod implied;

use ::protocol::{InstrumentSpec, MarkInputs, Wire};
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

/// Adds this part of the module.
///
/// # Errors
/// When Python refuses a name.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("PricingError", py.get_type::<PricingError>())?;
    module.add("MarkError", py.get_type::<MarkError>())?;
    module.add_function(wrap_pyfunction!(black::py_black76_into, module)?)?;
    module.add_function(wrap_pyfunction!(black::py_second_order_into, module)?)?;
    module.add_function(wrap_pyfunction!(implied::py_implied_vol_into, module)?)?;
    module.add_class::<chain::PyChain>()?;
    module.add_class::<chain::PyChainColumn>()?;
    module.add_function(wrap_pyfunction!(py_mark_arrays, module)?)
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
