//! State trees, batches and replicas, for Python.

mod chunk;
mod replica;
mod tree;

use ::commitment::{BatchHeader, Withdrawal, withdrawals};
use ::protocol::Wire;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::protocol::{CodecError, array};

pyo3::create_exception!(
    _native,
    MerkleError,
    PyValueError,
    "A proof that does not show what it is said to show."
);

pyo3::create_exception!(
    _native,
    ReplayError,
    PyRuntimeError,
    "A command that no honest operator would have journaled."
);

/// Adds this part of the module.
///
/// # Errors
/// When Python refuses a name.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("MerkleError", module.py().get_type::<MerkleError>())?;
    module.add("ReplayError", module.py().get_type::<ReplayError>())?;
    chunk::register(module)?;
    module.add_class::<tree::PyMerkleTree>()?;
    module.add_class::<replica::PyReplica>()?;
    module.add_function(wrap_pyfunction!(py_batch_hash, module)?)?;
    module.add_function(wrap_pyfunction!(py_withdrawal_root, module)?)?;
    module.add_function(wrap_pyfunction!(py_withdrawal_proof, module)?)
}

#[pyfunction]
#[pyo3(name = "batch_hash")]
fn py_batch_hash<'py>(py: Python<'py>, header: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let header = BatchHeader::from_bytes(header).map_err(|error| CodecError::new_err(error.to_string()))?;
    Ok(PyBytes::new(py, &header.hash().0))
}

/// A withdrawal as Python holds it: number, asset, amount, recipient.
pub(crate) type WithdrawalTuple<'a> = (u64, u16, u64, Bound<'a, PyBytes>);

fn withdrawals_of(items: &[WithdrawalTuple<'_>]) -> PyResult<Vec<Withdrawal>> {
    let list = items
        .iter()
        .map(|(number, asset, amount, recipient)| {
            let recipient = ::protocol::Address(array("recipient", recipient.as_bytes())?);
            Ok(Withdrawal { number: *number, asset: *asset, amount: *amount, recipient })
        })
        .collect::<PyResult<Vec<_>>>()?;
    match list.windows(2).find(|pair| pair[0].number.checked_add(1) != Some(pair[1].number)) {
        Some(pair) => Err(PyValueError::new_err(format!(
            "withdrawal {} follows {}: they are numbered one after the other",
            pair[1].number, pair[0].number
        ))),
        None => Ok(list),
    }
}

#[pyfunction]
#[pyo3(name = "withdrawal_root")]
fn py_withdrawal_root<'py>(
    py: Python<'py>,
    items: Vec<WithdrawalTuple<'py>>,
) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &withdrawals::withdrawal_root(&withdrawals_of(&items)?).0))
}

#[pyfunction]
#[pyo3(name = "withdrawal_proof")]
fn py_withdrawal_proof<'py>(
    py: Python<'py>,
    items: Vec<WithdrawalTuple<'py>>,
    index: usize,
) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let proof = withdrawals::prove(&withdrawals_of(&items)?, index)
        .ok_or_else(|| PyValueError::new_err(format!("no withdrawal at index {index}")))?;
    Ok(proof.path.iter().map(|sibling| PyBytes::new(py, &sibling.0)).collect())
}
