//! Marks and scenario lanes for Python.

use ::protocol::{GAPS, InstrumentSpec, LANES, MarkArrays, MarkInputs, ScenarioParameters, Wire};
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use super::MarkError;
use super::columns::Columns;
use crate::protocol::CodecError;

/// Encoded `MarkArrays` that follow from encoded `MarkInputs` for encoded `InstrumentSpec`s; with encoded
/// `ScenarioParameters` they have lanes.
#[pyfunction]
#[pyo3(name = "mark_arrays", signature = (inputs, specs, scenario = None))]
pub fn py_mark_arrays<'py>(
    py: Python<'py>,
    inputs: &[u8],
    specs: Vec<PyBackedBytes>,
    scenario: Option<&[u8]>,
) -> PyResult<Bound<'py, PyBytes>> {
    let arrays = compute(py, inputs, &specs, scenario)?;
    Ok(PyBytes::new(py, &arrays.to_bytes()))
}

/// The same as columns: mark, vol, delta and vega with a number per instrument, then 64 lanes and 16 gaps of each.
#[pyfunction]
#[pyo3(name = "risk_arrays_into")]
pub fn py_risk_arrays_into(
    py: Python<'_>,
    inputs: &[u8],
    specs: Vec<PyBackedBytes>,
    scenario: &[u8],
    mut numbers: [PyBuffer<i64>; 4],
    mut lanes: PyBuffer<i32>,
    mut gaps: PyBuffer<u32>,
) -> PyResult<()> {
    let count = specs.len();
    let [mark, iv, delta, vega] = Columns::new(count).outputs(&mut numbers)?;
    let lanes = Columns::new(count * LANES).output("lanes", &mut lanes)?.as_chunks_mut::<LANES>().0;
    let gaps = Columns::new(count * GAPS).output("gaps", &mut gaps)?.as_chunks_mut::<GAPS>().0;
    let arrays = compute(py, inputs, &specs, Some(scenario))?;
    for (place, found) in arrays.marks.iter().enumerate() {
        (mark[place], iv[place]) = (found.mark, found.iv);
        (delta[place], vega[place]) = (found.delta, found.vega);
        let risk = found.risk.as_deref().expect("arrays of a scenario have lanes");
        (lanes[place], gaps[place]) = (risk.lanes, risk.gaps);
    }
    Ok(())
}

fn compute(
    py: Python<'_>,
    inputs: &[u8],
    specs: &[PyBackedBytes],
    scenario: Option<&[u8]>,
) -> PyResult<MarkArrays> {
    let codec = |error: ::protocol::CodecError| CodecError::new_err(error.to_string());
    let inputs = MarkInputs::from_bytes(inputs).map_err(codec)?;
    let specs = specs.iter().map(|spec| InstrumentSpec::from_bytes(spec)).collect::<Result<Vec<_>, _>>();
    let specs = specs.map_err(codec)?;
    let scenario = scenario.map(ScenarioParameters::from_bytes).transpose().map_err(codec)?;
    let specs = specs.iter().map(|spec| (spec.instrument, spec));
    let arrays = py.detach(|| ::pricing::mark_arrays(&inputs, specs, scenario.as_ref()));
    arrays.map_err(|error| MarkError::new_err(error.to_string()))
}
