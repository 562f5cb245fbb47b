//! `synchromesh._native`: what Python sees of the crates. Each submodule adds its own names.

use pyo3::prelude::*;

#[macro_use]
mod record;

mod breakdown;
mod commitment;
mod engine;
mod host;
mod host_risk;
mod journal;
mod margin;
mod order_book;
mod pricing;
mod protocol;
mod surface;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    protocol::register(module)?;
    breakdown::register(module)?;
    commitment::register(module)?;
    engine::register(module)?;
    host::register(module)?;
    host_risk::register(module)?;
    journal::register(module)?;
    margin::register(module)?;
    order_book::register(module)?;
    pricing::register(module)?;
    surface::register(module)
}
