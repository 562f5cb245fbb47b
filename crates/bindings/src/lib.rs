//! `synchromesh._native`: what Python sees of the crates. Each submodule adds its own names.

use pyo3::prelude::*;

mod commitment;
mod host;
mod journal;
mod order_book;
mod pricing;
mod protocol;
mod surface;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    protocol::register(module)?;
    commitment::register(module)?;
    host::register(module)?;
    journal::register(module)?;
    order_book::register(module)?;
    pricing::register(module)?;
    surface::register(module)
}
