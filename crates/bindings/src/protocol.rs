//! Hashes, signatures, digests and Merkle proofs of the protocol, for Python.
//!
//! Bytes in, bytes out. Whatever costs more than a few microseconds runs without the GIL.

use ::protocol::{Address, Domain, Event, Hash, MarkArrays, Names, Record, Signature, Wire, eip712, merkle};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use std::collections::HashMap;
use std::fmt::Debug;

pyo3::create_exception!(_native, CodecError, PyValueError, "Bytes that are no canonical encoding.");
pyo3::create_exception!(_native, SigningError, PyValueError, "A command that nobody can sign.");
pyo3::create_exception!(_native, SignatureError, PyValueError, "A signature that proves nothing.");

/// Adds this part of the module.
///
/// # Errors
/// When Python refuses a name.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("CodecError", py.get_type::<CodecError>())?;
    module.add("SigningError", py.get_type::<SigningError>())?;
    module.add("SignatureError", py.get_type::<SignatureError>())?;
    module.add("SETTLEMENT_WINDOW_NS", ::protocol::SETTLEMENT_WINDOW_NS)?;
    module.add_function(wrap_pyfunction!(py_keccak256, module)?)?;
    module.add_function(wrap_pyfunction!(py_blake3, module)?)?;
    module.add_function(wrap_pyfunction!(py_recover, module)?)?;
    module.add_function(wrap_pyfunction!(py_recover_many, module)?)?;
    module.add_function(wrap_pyfunction!(py_sign, module)?)?;
    module.add_function(wrap_pyfunction!(py_address_of, module)?)?;
    module.add_function(wrap_pyfunction!(py_personal_digest, module)?)?;
    module.add_function(wrap_pyfunction!(py_command_digests, module)?)?;
    module.add_function(wrap_pyfunction!(py_frame_digest, module)?)?;
    module.add_function(wrap_pyfunction!(py_record_hash, module)?)?;
    module.add_function(wrap_pyfunction!(py_record_text, module)?)?;
    module.add_function(wrap_pyfunction!(py_event_text, module)?)?;
    module.add_function(wrap_pyfunction!(py_mark_arrays_text, module)?)?;
    module.add_function(wrap_pyfunction!(py_chain_hash, module)?)?;
    module.add_function(wrap_pyfunction!(py_merkle_leaf, module)?)?;
    module.add_function(wrap_pyfunction!(py_merkle_root, module)?)?;
    module.add_function(wrap_pyfunction!(py_merkle_proof, module)?)?;
    module.add_function(wrap_pyfunction!(py_merkle_directions, module)?)?;
    module.add_function(wrap_pyfunction!(py_merkle_verify, module)?)
}

pub(crate) fn array<const N: usize>(what: &str, bytes: &[u8]) -> PyResult<[u8; N]> {
    bytes.try_into().map_err(|_| PyValueError::new_err(format!("{what} has {} bytes, not {N}", bytes.len())))
}

fn hashes(what: &str, items: &[PyBackedBytes]) -> PyResult<Vec<Hash>> {
    items.iter().map(|item| array(what, item).map(Hash)).collect()
}

fn signature_error(error: ::protocol::SignatureError) -> PyErr {
    SignatureError::new_err(error.to_string())
}

#[pyfunction]
#[pyo3(name = "keccak256")]
fn py_keccak256<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &::protocol::keccak256(&[data]).0)
}

#[pyfunction]
#[pyo3(name = "blake3")]
fn py_blake3<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &::protocol::blake3(data).0)
}

#[pyfunction]
#[pyo3(name = "recover")]
fn py_recover<'py>(py: Python<'py>, digest: &[u8], signature: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let (digest, signature) = (Hash(array("digest", digest)?), Signature(array("signature", signature)?));
    let signer = py.detach(|| ::protocol::recover(&digest, &signature)).map_err(signature_error)?;
    Ok(PyBytes::new(py, &signer.0))
}

#[pyfunction]
#[pyo3(name = "recover_many")]
fn py_recover_many(
    py: Python<'_>,
    items: Vec<(PyBackedBytes, PyBackedBytes)>,
) -> PyResult<Vec<Option<Py<PyBytes>>>> {
    let items = items
        .iter()
        .map(|(digest, signature)| {
            Ok((Hash(array("digest", digest)?), Signature(array("signature", signature)?)))
        })
        .collect::<PyResult<Vec<_>>>()?;
    let signers: Vec<Option<Address>> = py.detach(|| {
        items.iter().map(|(digest, signature)| ::protocol::recover(digest, signature).ok()).collect()
    });
    Ok(signers.into_iter().map(|signer| signer.map(|signer| PyBytes::new(py, &signer.0).unbind())).collect())
}

#[pyfunction]
#[pyo3(name = "sign")]
fn py_sign<'py>(py: Python<'py>, digest: &[u8], secret: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let (digest, secret) = (Hash(array("digest", digest)?), array("secret key", secret)?);
    let signature = py.detach(|| ::protocol::sign(&digest, &secret)).map_err(signature_error)?;
    Ok(PyBytes::new(py, &signature.0))
}

#[pyfunction]
#[pyo3(name = "address_of")]
fn py_address_of<'py>(py: Python<'py>, secret: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let address = ::protocol::address_of(&array("secret key", secret)?).map_err(signature_error)?;
    Ok(PyBytes::new(py, &address.0))
}

#[pyfunction]
#[pyo3(name = "personal_digest")]
fn py_personal_digest<'py>(py: Python<'py>, message: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &::protocol::personal_digest(message).0)
}

/// Names given as dictionaries.
struct Dictionaries {
    instruments: HashMap<u32, String>,
    underlyings: HashMap<u16, String>,
    assets: HashMap<u16, String>,
}

impl Names for Dictionaries {
    fn instrument(&self, id: u32) -> Option<&str> {
        self.instruments.get(&id).map(String::as_str)
    }
    fn underlying(&self, id: u16) -> Option<&str> {
        self.underlyings.get(&id).map(String::as_str)
    }
    fn asset(&self, id: u16) -> Option<&str> {
        self.assets.get(&id).map(String::as_str)
    }
}

/// Signer, digest and signature of one claim.
type PyClaim<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyBytes>);

#[pyfunction]
#[pyo3(name = "command_digests")]
fn py_command_digests<'py>(
    py: Python<'py>,
    record: &[u8],
    chain_id: u64,
    contract: &[u8],
    instruments: HashMap<u32, String>,
    underlyings: HashMap<u16, String>,
    assets: HashMap<u16, String>,
) -> PyResult<Vec<PyClaim<'py>>> {
    let record = Record::from_bytes(record).map_err(|error| CodecError::new_err(error.to_string()))?;
    let domain = Domain::new(chain_id, Address(array("contract", contract)?));
    let names = Dictionaries { instruments, underlyings, assets };
    let claims = eip712::signatures(&record.command, &domain, &names)
        .map_err(|error| SigningError::new_err(error.to_string()))?;
    Ok(claims
        .iter()
        .map(|claim| {
            let bytes = |bytes: &[u8]| PyBytes::new(py, bytes);
            (bytes(&claim.signer.0), bytes(&claim.digest.0), bytes(&claim.signature.0))
        })
        .collect())
}

#[pyfunction]
#[pyo3(name = "frame_digest")]
fn py_frame_digest<'py>(
    py: Python<'py>,
    frame: &[u8],
    chain_id: u64,
    contract: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    let frame =
        ::protocol::Frame::from_bytes(frame).map_err(|error| CodecError::new_err(error.to_string()))?;
    let domain = Domain::new(chain_id, Address(array("contract", contract)?));
    Ok(PyBytes::new(py, &::protocol::frame_digest(&frame, &domain).0))
}

#[pyfunction]
#[pyo3(name = "record_hash")]
fn py_record_hash<'py>(py: Python<'py>, record: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &::protocol::command_hash(record).0)
}

#[pyfunction]
#[pyo3(name = "record_text")]
fn py_record_text(record: &[u8]) -> PyResult<String> {
    text_of::<Record>(record)
}

#[pyfunction]
#[pyo3(name = "event_text")]
fn py_event_text(event: &[u8]) -> PyResult<String> {
    text_of::<Event>(event)
}

#[pyfunction]
#[pyo3(name = "mark_arrays_text")]
fn py_mark_arrays_text(arrays: &[u8]) -> PyResult<String> {
    text_of::<MarkArrays>(arrays)
}

fn text_of<T: Wire + Debug>(bytes: &[u8]) -> PyResult<String> {
    T::from_bytes(bytes)
        .map(|value| format!("{value:?}"))
        .map_err(|error| CodecError::new_err(error.to_string()))
}

#[pyfunction]
#[pyo3(name = "chain_hash")]
fn py_chain_hash<'py>(py: Python<'py>, chain: &[u8], command: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let (chain, command) = (Hash(array("chain hash", chain)?), Hash(array("command hash", command)?));
    Ok(PyBytes::new(py, &::protocol::chain_hash(&chain, &command).0))
}

#[pyfunction]
#[pyo3(name = "merkle_leaf")]
fn py_merkle_leaf<'py>(py: Python<'py>, item: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &merkle::leaf(item).0)
}

#[pyfunction]
#[pyo3(name = "merkle_root")]
fn py_merkle_root<'py>(py: Python<'py>, leaves: Vec<PyBackedBytes>) -> PyResult<Bound<'py, PyBytes>> {
    let leaves = hashes("leaf", &leaves)?;
    let root = py.detach(|| merkle::root(&leaves));
    Ok(PyBytes::new(py, &root.0))
}

#[pyfunction]
#[pyo3(name = "merkle_proof")]
fn py_merkle_proof<'py>(
    py: Python<'py>,
    leaves: Vec<PyBackedBytes>,
    index: usize,
) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let leaves = hashes("leaf", &leaves)?;
    let path = py.detach(|| merkle::proof(&leaves, index)).ok_or_else(|| no_leaf(index, leaves.len()))?;
    Ok(path.iter().map(|node| PyBytes::new(py, &node.0)).collect())
}

#[pyfunction]
#[pyo3(name = "merkle_directions")]
fn py_merkle_directions(index: usize, count: usize) -> PyResult<u64> {
    merkle::directions(index, count).map(|(bits, _)| bits).ok_or_else(|| no_leaf(index, count))
}

fn no_leaf(index: usize, count: usize) -> PyErr {
    PyValueError::new_err(format!("there is no leaf {index} among {count}"))
}

#[pyfunction]
#[pyo3(name = "merkle_verify")]
fn py_merkle_verify(
    root: &[u8],
    leaf: &[u8],
    index: usize,
    count: usize,
    path: Vec<PyBackedBytes>,
) -> PyResult<bool> {
    let (root, leaf) = (Hash(array("root", root)?), Hash(array("leaf", leaf)?));
    Ok(merkle::verify(&root, &leaf, index, count, &hashes("sibling", &path)?))
}
