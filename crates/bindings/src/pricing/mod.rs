//! Black-76, implied vol, chains and marks for Python: buffers in, buffers out, without the GIL.
//!
//! `synchromesh.pricing` broadcasts, allocates the outputs and hands both over as C-contiguous buffers: outputs of one
//! length, inputs of that length or of one number for all.

mod black;
mod chain;
pub(crate) mod columns;
mod implied;
mod marks;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

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
    module.add_function(wrap_pyfunction!(marks::py_mark_arrays, module)?)?;
    module.add_function(wrap_pyfunction!(marks::py_risk_arrays_into, module)?)
}
