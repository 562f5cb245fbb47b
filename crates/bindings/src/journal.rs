//! The journal for Python: following one, looking into one, and writing one in tests and benchmarks.
//!
//! Disk operations run without the GIL. A reader or writer serves one thread at a time.

use std::path::PathBuf;

use ::journal::{AppendError, Config, FrameInfo, Journal, OpenError, PayloadError, ReadError};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyList};

pyo3::create_exception!(_native, JournalError, PyRuntimeError, "A journal that cannot be used.");
pyo3::create_exception!(_native, JournalDamaged, JournalError, "Bytes that no power cut can explain.");
pyo3::create_exception!(_native, JournalLocked, JournalError, "The journal has another writer.");
pyo3::create_exception!(
    _native,
    JournalPoisoned,
    JournalError,
    "A disk operation failed; nothing more is written."
);

/// Adds this part of the module.
///
/// # Errors
/// When Python refuses a name.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("JournalError", py.get_type::<JournalError>())?;
    module.add("JournalDamaged", py.get_type::<JournalDamaged>())?;
    module.add("JournalLocked", py.get_type::<JournalLocked>())?;
    module.add("JournalPoisoned", py.get_type::<JournalPoisoned>())?;
    module.add_class::<JournalFrame>()?;
    module.add_class::<JournalReader>()?;
    module.add_class::<JournalWriter>()?;
    module.add_function(wrap_pyfunction!(py_inspect, module)?)?;
    module.add_function(wrap_pyfunction!(py_pack, module)?)?;
    module.add_function(wrap_pyfunction!(py_unpack, module)?)
}

fn read_error(error: ReadError) -> PyErr {
    match error {
        ReadError::Damaged(damage) => JournalDamaged::new_err(damage.to_string()),
        ReadError::Io(failure) => PyOSError::new_err(failure.to_string()),
    }
}

fn open_error(error: OpenError) -> PyErr {
    match error {
        OpenError::Config(_) => PyValueError::new_err(error.to_string()),
        OpenError::Locked(_) => JournalLocked::new_err(error.to_string()),
        OpenError::Damaged(damage) => JournalDamaged::new_err(damage.to_string()),
        OpenError::Io(failure) => PyOSError::new_err(failure.to_string()),
    }
}

fn append_error(error: AppendError) -> PyErr {
    match error {
        AppendError::Poisoned { .. } | AppendError::Io(_) => JournalPoisoned::new_err(error.to_string()),
        _ => PyValueError::new_err(error.to_string()),
    }
}

fn payload_error(error: PayloadError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn unpacked<'py>(py: Python<'py>, payload: &[u8]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for record in ::journal::records(payload) {
        list.append(PyBytes::new(py, record.map_err(payload_error)?))?;
    }
    Ok(list)
}

/// A durable frame.
#[pyclass(frozen, get_all, module = "synchromesh._native")]
pub struct JournalFrame {
    number: u64,
    epoch: u64,
    first_sequence: u64,
    hash: Py<PyBytes>,
    records: Py<PyList>,
}

#[pymethods]
impl JournalFrame {
    fn __repr__(&self, py: Python<'_>) -> String {
        let (number, epoch, first) = (self.number, self.epoch, self.first_sequence);
        let count = self.records.bind(py).len();
        format!("JournalFrame(number={number}, epoch={epoch}, first_sequence={first}, records=<{count}>)")
    }
}

/// Follows a journal that another process may be writing.
#[pyclass(module = "synchromesh._native")]
pub struct JournalReader(::journal::JournalReader);

#[pymethods]
impl JournalReader {
    #[new]
    #[pyo3(signature = (directory, sequence = 1))]
    fn py_new(directory: PathBuf, sequence: u64) -> Self {
        Self(::journal::JournalReader::open_at(directory, sequence))
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<JournalFrame>> {
        let read = py.detach(|| {
            let frame = self.0.next_frame()?;
            Ok(frame
                .map(|frame| (frame.number, frame.epoch, frame.first_sequence, frame.hash, contents(&frame))))
        });
        let Some((number, epoch, first_sequence, hash, payload)) = read.map_err(read_error)? else {
            return Ok(None);
        };
        let (hash, records) = (PyBytes::new(py, &hash).unbind(), unpacked(py, &payload)?.unbind());
        Ok(Some(JournalFrame { number, epoch, first_sequence, hash, records }))
    }
}

/// A copy of the packed records, which the reader's buffer holds only until the next frame.
fn contents(frame: &::journal::Frame<'_>) -> Vec<u8> {
    if frame.opens_epoch() { Vec::new() } else { frame.payload.to_vec() }
}

/// The one writer of a journal.
#[pyclass(module = "synchromesh._native")]
pub struct JournalWriter {
    journal: Option<Journal>,
    #[pyo3(get)]
    quarantined: Option<PathBuf>,
}

impl JournalWriter {
    fn open(&mut self) -> PyResult<&mut Journal> {
        self.journal.as_mut().ok_or_else(|| JournalError::new_err("the journal is closed"))
    }
}

#[pymethods]
impl JournalWriter {
    #[new]
    #[pyo3(signature = (directory, segment_bytes = 64 << 20, frame_bytes = 8 << 20, shard = 0))]
    fn py_new(
        py: Python<'_>,
        directory: PathBuf,
        segment_bytes: u64,
        frame_bytes: u64,
        shard: u32,
    ) -> PyResult<Self> {
        let config = Config { segment_bytes, frame_bytes, shard, ..Config::default() };
        let (journal, recovered) = py.detach(|| Journal::open(directory, config)).map_err(open_error)?;
        let quarantined = recovered.quarantined.map(|quarantine| quarantine.path);
        Ok(Self { journal: Some(journal), quarantined })
    }

    #[getter]
    fn next_sequence(&mut self) -> PyResult<u64> {
        Ok(self.open()?.next_sequence())
    }

    #[getter]
    fn epoch(&mut self) -> PyResult<u64> {
        Ok(self.open()?.epoch())
    }

    fn append(&mut self, py: Python<'_>, records: Vec<PyBackedBytes>) -> PyResult<u64> {
        let journal = self.open()?;
        let info = py.detach(|| journal.append_records(journal.next_sequence(), &records));
        Ok(info.map_err(append_error)?.frame)
    }

    fn append_packed(&mut self, py: Python<'_>, payload: PyBackedBytes, count: u32) -> PyResult<u64> {
        let journal = self.open()?;
        let info: Result<FrameInfo, _> =
            py.detach(|| journal.append(journal.next_sequence(), &payload, count));
        Ok(info.map_err(append_error)?.frame)
    }

    fn close(&mut self, py: Python<'_>) {
        let journal = self.journal.take();
        py.detach(|| drop(journal));
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&mut self, py: Python<'_>, _exception: &Bound<'_, pyo3::types::PyTuple>) {
        self.close(py);
    }
}

#[pyfunction]
#[pyo3(name = "inspect_journal")]
fn py_inspect(py: Python<'_>, directory: PathBuf) -> PyResult<Option<Bound<'_, PyDict>>> {
    let inspection = py.detach(|| ::journal::inspect(directory)).map_err(read_error)?;
    let Some(inspection) = inspection else { return Ok(None) };
    let segments = PyList::empty(py);
    for segment in &inspection.segments {
        let entry = PyDict::new(py);
        entry.set_item("path", segment.path.display().to_string())?;
        entry.set_item("number", segment.number)?;
        entry.set_item("first_frame", segment.first_frame)?;
        entry.set_item("first_sequence", segment.first_sequence)?;
        entry.set_item("frames", segment.frames)?;
        entry.set_item("used_bytes", segment.used_bytes)?;
        entry.set_item("bytes", segment.bytes)?;
        segments.append(entry)?;
    }
    let result = PyDict::new(py);
    result.set_item("shard", inspection.shard)?;
    result.set_item("epoch", inspection.epoch)?;
    result.set_item("last_frame", inspection.last_frame)?;
    result.set_item("frame_hash", PyBytes::new(py, &inspection.frame_hash))?;
    result.set_item("next_sequence", inspection.next_sequence)?;
    result.set_item("tail_bytes", inspection.tail_bytes)?;
    result.set_item("segments", segments)?;
    Ok(Some(result))
}

#[pyfunction]
#[pyo3(name = "pack_records")]
fn py_pack<'py>(py: Python<'py>, records: Vec<PyBackedBytes>) -> PyResult<Bound<'py, PyBytes>> {
    let mut payload = Vec::new();
    ::journal::pack(&records, &mut payload).map_err(payload_error)?;
    Ok(PyBytes::new(py, &payload))
}

#[pyfunction]
#[pyo3(name = "unpack_records")]
fn py_unpack<'py>(py: Python<'py>, payload: &[u8]) -> PyResult<Bound<'py, PyList>> {
    unpacked(py, payload)
}
