//! State trees, batches and replicas, for Python.

use ::commitment::merkle::Key;
use ::commitment::opening::Leaves;
use ::commitment::proof::verify_absent;
use ::commitment::{
    BatchHeader, Prefix, Proof, ProofError, ReplayError as ReplayFault, Replica, Tree, Withdrawal,
    withdrawals,
};
use ::protocol::{Hash, Wire};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict};
use std::num::NonZero;

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
    module.add_class::<PyMerkleTree>()?;
    module.add_class::<PyReplica>()?;
    module.add_function(wrap_pyfunction!(py_batch_hash, module)?)?;
    module.add_function(wrap_pyfunction!(py_withdrawal_root, module)?)?;
    module.add_function(wrap_pyfunction!(py_withdrawal_proof, module)?)
}

fn proof_of(bytes: &[u8]) -> PyResult<Proof> {
    Proof::from_bytes(bytes).map_err(|error| CodecError::new_err(error.to_string()))
}

fn merkle_error(error: ProofError) -> PyErr {
    MerkleError::new_err(error.to_string())
}

fn prefix_of(bytes: &[u8]) -> PyResult<Prefix> {
    if bytes.len() > size_of::<Key>() {
        return Err(PyValueError::new_err(format!("prefix has {} bytes, at most 32 fit", bytes.len())));
    }
    Ok(Prefix::new(bytes))
}

fn python_bytes<'py>(py: Python<'py>, value: &impl Wire) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &value.to_bytes())
}

#[pyclass(name = "MerkleTree", module = "synchromesh._native")]
struct PyMerkleTree {
    tree: Tree,
}

#[pymethods]
impl PyMerkleTree {
    #[new]
    fn py_new() -> Self {
        Self { tree: Tree::new() }
    }

    fn __len__(&self) -> usize {
        self.tree.len()
    }

    #[pyo3(name = "set")]
    fn py_set(&mut self, key: &[u8], value: &[u8]) -> PyResult<bool> {
        Ok(self.tree.set(&array("key", key)?, value))
    }

    #[pyo3(name = "delete")]
    fn py_delete(&mut self, key: &[u8]) -> PyResult<bool> {
        Ok(self.tree.remove(&array("key", key)?))
    }

    #[pyo3(name = "root")]
    fn py_root<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.tree.root().0)
    }

    #[pyo3(name = "prove")]
    fn py_prove<'py>(&mut self, py: Python<'py>, key: &[u8]) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let proof = self.tree.prove(&array("key", key)?);
        Ok(proof.map(|proof| python_bytes(py, &proof)))
    }

    #[pyo3(name = "prove_first")]
    fn py_prove_first<'py>(
        &mut self,
        py: Python<'py>,
        prefix: &[u8],
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let proof = self.tree.prove_first(&prefix_of(prefix)?);
        Ok(proof.map(|proof| python_bytes(py, &proof)))
    }

    #[staticmethod]
    #[pyo3(name = "verify")]
    fn py_verify(root: &[u8], key: &[u8], value: &[u8], proof: &[u8]) -> PyResult<()> {
        let (root, key) = (Hash(array("root", root)?), array("key", key)?);
        proof_of(proof)?.verify_member(&root, &key, value).map_err(merkle_error)
    }

    #[staticmethod]
    #[pyo3(name = "verify_absent")]
    fn py_verify_absent(root: &[u8], key: &[u8], proof: Option<&[u8]>) -> PyResult<()> {
        let (root, key) = (Hash(array("root", root)?), array("key", key)?);
        let proof = proof.map(proof_of).transpose()?;
        verify_absent(&root, &key, proof.as_ref()).map_err(merkle_error)
    }

    #[staticmethod]
    #[pyo3(name = "verify_first")]
    fn py_verify_first<'py>(
        py: Python<'py>,
        root: &[u8],
        prefix: &[u8],
        proof: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (root, prefix, proof) = (Hash(array("root", root)?), prefix_of(prefix)?, proof_of(proof)?);
        proof.verify_first(&root, &prefix).map_err(merkle_error)?;
        Ok(PyBytes::new(py, &proof.key))
    }
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

/// The fault as an exception that carries its parts.
fn replay_error(py: Python<'_>, error: &ReplayFault) -> PyErr {
    let exception = ReplayError::new_err(error.to_string());
    let value = exception.value(py);
    let parts = value
        .setattr("sequence", error.sequence)
        .and_then(|()| value.setattr("command", error.name))
        .and_then(|()| value.setattr("code", error.fault.code()))
        .and_then(|()| value.setattr("reason", error.fault.to_string()));
    match parts {
        Ok(()) => exception,
        Err(error) => error,
    }
}

/// As many threads as there are processors, when `threads` is 0.
fn threads_of(threads: usize) -> NonZero<usize> {
    let available = || std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    NonZero::new(threads).unwrap_or_else(available)
}

#[pyclass(name = "Replica", module = "synchromesh._native")]
struct PyReplica {
    replica: Replica,
}

#[pymethods]
impl PyReplica {
    #[new]
    fn py_new() -> Self {
        Self { replica: Replica::new() }
    }

    #[pyo3(name = "apply", signature = (record, verify=false))]
    fn py_apply<'py>(
        &mut self,
        py: Python<'py>,
        record: PyBackedBytes,
        verify: bool,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let replica = &mut self.replica;
        let events = py.detach(|| {
            replica.apply(&record, verify).map(|events| events.iter().map(Wire::to_bytes).collect::<Vec<_>>())
        });
        let events = events.map_err(|error| replay_error(py, &error))?;
        Ok(events.iter().map(|event| PyBytes::new(py, event)).collect())
    }

    #[pyo3(name = "apply_many", signature = (data, verify=true, threads=0))]
    fn py_apply_many(
        &mut self,
        py: Python<'_>,
        data: PyBackedBytes,
        verify: bool,
        threads: usize,
    ) -> PyResult<usize> {
        let replica = &mut self.replica;
        let outcome = py.detach(|| replica.apply_many(&data, verify, threads_of(threads)));
        outcome.map_err(|error| replay_error(py, &error))
    }

    #[getter(sequence)]
    fn py_sequence(&self) -> u64 {
        self.replica.sequence()
    }

    #[getter(time)]
    fn py_time(&self) -> u64 {
        self.replica.time()
    }

    #[getter(chain_hash)]
    fn py_chain_hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.replica.chain_hash().0)
    }

    #[getter(inbox_cursor)]
    fn py_inbox_cursor(&self) -> u64 {
        self.replica.inbox().0
    }

    #[getter(inbox_hash)]
    fn py_inbox_hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.replica.inbox().1.0)
    }

    #[getter(next_withdrawal)]
    fn py_next_withdrawal(&self) -> u64 {
        self.replica.next_withdrawal()
    }

    #[getter(venue)]
    fn py_venue<'py>(&self, py: Python<'py>) -> Option<(u64, Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
        let genesis = self.replica.engine().genesis()?;
        let address = |address: ::protocol::Address| PyBytes::new(py, &address.0);
        Some((genesis.chain_id, address(genesis.contract), address(genesis.operator)))
    }

    #[pyo3(name = "state_root")]
    fn py_state_root<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let replica = &mut self.replica;
        let root = py.detach(|| replica.state_root());
        PyBytes::new(py, &root.0)
    }

    #[pyo3(name = "withdrawals_since")]
    fn py_withdrawals_since<'py>(&self, py: Python<'py>, first: u64) -> Vec<WithdrawalTuple<'py>> {
        let tuple = |withdrawal: &Withdrawal| {
            let recipient = PyBytes::new(py, &withdrawal.recipient.0);
            (withdrawal.number, withdrawal.asset, withdrawal.amount, recipient)
        };
        self.replica.withdrawals_since(first).iter().map(tuple).collect()
    }

    #[pyo3(name = "forget_withdrawals")]
    fn py_forget_withdrawals(&mut self, first: u64) {
        self.replica.forget_withdrawals(first);
    }

    #[pyo3(name = "check_invariants")]
    fn py_check_invariants(&self, py: Python<'_>) -> PyResult<()> {
        let replica = &self.replica;
        py.detach(|| replica.check_invariants())
            .map_err(|violation| PyRuntimeError::new_err(violation.to_string()))
    }

    #[pyo3(name = "opening")]
    fn py_opening<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let replica = &self.replica;
        let opening = py.detach(|| replica.opening());
        let below = PyDict::new(py);
        for (subaccount, account) in &opening.below {
            let sides = PyDict::new(py);
            for ((instrument, side), leaves) in &account.sides {
                sides.set_item((*instrument, *side as u8), python_leaves(py, leaves)?)?;
            }
            let entry = PyDict::new(py);
            entry.set_item("orders", python_leaves(py, &account.orders)?)?;
            entry.set_item("holdings", python_leaves(py, &account.holdings)?)?;
            entry.set_item("sides", sides)?;
            below.set_item(subaccount, entry)?;
        }
        let parts = PyDict::new(py);
        parts.set_item("accounts", python_leaves(py, &opening.accounts)?)?;
        parts.set_item("books", python_leaves(py, &opening.books)?)?;
        parts.set_item("instruments", python_leaves(py, &opening.instruments)?)?;
        parts.set_item("keys", python_leaves(py, &opening.keys)?)?;
        parts.set_item("globals", python_leaves(py, &opening.globals)?)?;
        parts.set_item("below", below)?;
        Ok(parts)
    }

    #[pyo3(name = "snapshot")]
    fn py_snapshot<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let replica = &self.replica;
        let snapshot = py.detach(|| replica.snapshot());
        PyBytes::new(py, &snapshot)
    }

    #[pyo3(name = "restore")]
    fn py_restore(&mut self, py: Python<'_>, snapshot: PyBackedBytes) -> PyResult<()> {
        let replica = py.detach(|| Replica::restore(&snapshot));
        self.replica = replica.map_err(|error| CodecError::new_err(error.to_string()))?;
        Ok(())
    }
}

fn python_leaves<'py>(py: Python<'py>, leaves: &Leaves) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in leaves {
        dict.set_item(PyBytes::new(py, key), PyBytes::new(py, value))?;
    }
    Ok(dict)
}
