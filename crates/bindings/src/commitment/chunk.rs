//! Chunks and their steps, for Python.

use ::commitment::chunk;
use ::commitment::{Chunk, ChunkError, Entry, PostedStep, Progress};
use ::protocol::Hash;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::protocol::{CodecError, array};

/// Adds this part of the module.
///
/// # Errors
/// When Python refuses a name.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("MAX_CHUNK_BYTES", chunk::MAX_BYTES)?;
    module.add("MAX_CHUNK_UNITS", chunk::MAX_UNITS)?;
    module.add_class::<PyStep>()?;
    module.add_class::<PyProgress>()?;
    module.add_class::<PyEntry>()?;
    module.add_function(wrap_pyfunction!(py_pack_chunk, module)?)?;
    module.add_function(wrap_pyfunction!(py_read_chunk, module)?)?;
    module.add_function(wrap_pyfunction!(py_trace_leaf, module)?)
}

fn hash(what: &str, bytes: &[u8]) -> PyResult<Hash> {
    array(what, bytes).map(Hash)
}

fn chunk_error(error: ChunkError) -> PyErr {
    CodecError::new_err(error.to_string())
}

#[pyclass(name = "Step", module = "synchromesh._native", frozen, eq, from_py_object)]
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PyStep(pub PostedStep);

#[pymethods]
impl PyStep {
    #[new]
    fn py_new(kind: u8, last: bool, subject: &[u8], root: &[u8]) -> PyResult<Self> {
        Ok(Self(PostedStep { kind, last, subject: hash("subject", subject)?, root: hash("root", root)? }))
    }

    #[getter(kind)]
    fn py_kind(&self) -> u8 {
        self.0.kind
    }

    #[getter(last)]
    fn py_last(&self) -> bool {
        self.0.last
    }

    #[getter(subject)]
    fn py_subject<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.subject.0)
    }

    #[getter(root)]
    fn py_root<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.root.0)
    }

    fn __repr__(&self) -> String {
        let PostedStep { kind, last, subject, root } = &self.0;
        format!("Step(kind={kind}, last={last}, subject={subject}, root={root})")
    }
}

#[pyclass(name = "Progress", module = "synchromesh._native", frozen, eq, from_py_object)]
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PyProgress(pub Progress);

/// The words of a progress in the order of the contract's struct.
type ProgressWords<'py> =
    (Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyBytes>, u64, u64, u64, u32);

#[pymethods]
impl PyProgress {
    #[new]
    #[allow(clippy::too_many_arguments)]
    fn py_new(
        root: &[u8],
        chain_hash: &[u8],
        command: &[u8],
        inbox_hash: &[u8],
        sequence: u64,
        inbox_cursor: u64,
        last_time: u64,
        step: u32,
    ) -> PyResult<Self> {
        Ok(Self(Progress {
            root: hash("root", root)?,
            chain_hash: hash("chain hash", chain_hash)?,
            command: hash("command", command)?,
            inbox_hash: hash("inbox hash", inbox_hash)?,
            sequence,
            inbox_cursor,
            last_time,
            step,
        }))
    }

    #[getter(root)]
    fn py_root<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.root.0)
    }

    #[getter(chain_hash)]
    fn py_chain_hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.chain_hash.0)
    }

    #[getter(command)]
    fn py_command<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.command.0)
    }

    #[getter(inbox_hash)]
    fn py_inbox_hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.inbox_hash.0)
    }

    #[getter(sequence)]
    fn py_sequence(&self) -> u64 {
        self.0.sequence
    }

    #[getter(inbox_cursor)]
    fn py_inbox_cursor(&self) -> u64 {
        self.0.inbox_cursor
    }

    #[getter(last_time)]
    fn py_last_time(&self) -> u64 {
        self.0.last_time
    }

    #[getter(step)]
    fn py_step(&self) -> u32 {
        self.0.step
    }

    #[pyo3(name = "as_tuple")]
    fn py_as_tuple<'py>(&self, py: Python<'py>) -> ProgressWords<'py> {
        let Progress { root, chain_hash, command, inbox_hash, sequence, inbox_cursor, last_time, step } =
            &self.0;
        let [root, chain_hash, command, inbox_hash] =
            [root, chain_hash, command, inbox_hash].map(|hash| PyBytes::new(py, &hash.0));
        (root, chain_hash, command, inbox_hash, *sequence, *inbox_cursor, *last_time, *step)
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }
}

#[pyclass(name = "Entry", module = "synchromesh._native", frozen, eq, from_py_object)]
#[derive(Clone, PartialEq, Eq)]
struct PyEntry(Entry);

#[pymethods]
impl PyEntry {
    #[new]
    #[pyo3(signature = (record, steps, goes_on=false))]
    fn py_new(record: Option<Vec<u8>>, steps: Vec<PyStep>, goes_on: bool) -> Self {
        let steps = steps.into_iter().map(|PyStep(step)| step).collect();
        Self(Entry { record, steps, goes_on })
    }

    #[getter(record)]
    fn py_record<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.0.record.as_ref().map(|record| PyBytes::new(py, record))
    }

    #[getter(steps)]
    fn py_steps(&self) -> Vec<PyStep> {
        self.0.steps.iter().cloned().map(PyStep).collect()
    }

    #[getter(goes_on)]
    fn py_goes_on(&self) -> bool {
        self.0.goes_on
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }
}

#[pyfunction]
#[pyo3(name = "pack_chunk")]
fn py_pack_chunk<'py>(
    py: Python<'py>,
    start: &PyProgress,
    entries: Vec<PyEntry>,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>, PyProgress)> {
    let entries: Vec<Entry> = entries.into_iter().map(|PyEntry(entry)| entry).collect();
    let (data, Chunk { trace_root, end, .. }) =
        py.detach(|| chunk::pack(&start.0, &entries)).map_err(chunk_error)?;
    Ok((PyBytes::new(py, &data), PyBytes::new(py, &trace_root.0), PyProgress(end)))
}

#[pyfunction]
#[pyo3(name = "read_chunk")]
fn py_read_chunk<'py>(
    py: Python<'py>,
    start: &PyProgress,
    data: &[u8],
) -> PyResult<(Vec<PyEntry>, Bound<'py, PyBytes>, PyProgress)> {
    let Chunk { entries, trace_root, end } =
        py.detach(|| chunk::read(&start.0, data)).map_err(chunk_error)?;
    let entries = entries.into_iter().map(PyEntry).collect();
    Ok((entries, PyBytes::new(py, &trace_root.0), PyProgress(end)))
}

#[pyfunction]
#[pyo3(name = "trace_leaf")]
fn py_trace_leaf<'py>(
    py: Python<'py>,
    index: u32,
    command: &[u8],
    step: &PyStep,
) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &step.0.trace_leaf(index, &hash("command", command)?).0))
}
