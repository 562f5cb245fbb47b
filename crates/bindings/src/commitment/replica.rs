//! Replicas, with the steps, proofs and witnesses of their state, for Python.

use ::commitment::opening::{Leaves, Opening};
use ::commitment::witness::{self, WitnessedStep};
use ::commitment::{
    Choices, Fault, Part, ReplayError as ReplayFault, Replica, StatePath, StepKind, Withdrawal,
};
use ::engine::{NamedStep, Subject};
use ::protocol::Wire;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict};
use std::num::NonZero;

use super::chunk::{PyProgress, PyStep};
use super::{ReplayError, WithdrawalTuple};
use crate::protocol::{CodecError, array};

/// A path as the contract's `StatePath`: roots of the five trees, key, value, bits, siblings.
type PathTuple<'py> =
    (Roots<'py>, Bound<'py, PyBytes>, Bound<'py, PyBytes>, Vec<u16>, Vec<Bound<'py, PyBytes>>);

/// Roots of the five trees.
type Roots<'py> =
    (Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyBytes>);

/// A step, the root before it, whether it is the first of its command, and its witness.
type WitnessedTuple<'py> = (PyStep, Bound<'py, PyBytes>, bool, Bound<'py, PyBytes>);

/// A step as it is named: number of its kind, subject.
type Name<'py> = (u8, Bound<'py, PyBytes>);

/// Steps as they are named, if they are.
fn names_of(named: Option<Vec<Name<'_>>>) -> PyResult<Option<Vec<NamedStep>>> {
    let step = |(kind, subject): Name<'_>| {
        let subject = Subject::from_bytes(&array::<32>("subject", subject.as_bytes())?);
        let subject = subject.map_err(|error| CodecError::new_err(error.to_string()))?;
        Ok(NamedStep { kind, subject })
    };
    named.map(|named| named.into_iter().map(step).collect()).transpose()
}

/// The choices of who names steps, or the engine's own about a command that is somebody else's.
fn choices_of(named: Option<&Vec<NamedStep>>) -> Choices<'_> {
    named.map_or(Choices::Lenient, |named| Choices::Named(named))
}

/// The fault as an exception that carries its parts.
fn replay_error(py: Python<'_>, error: &ReplayFault) -> PyErr {
    let exception = ReplayError::new_err(error.to_string());
    let value = exception.value(py);
    let step = match error.fault {
        Fault::Step { step, .. } => step,
        _ => 0,
    };
    let parts = value
        .setattr("sequence", error.sequence)
        .and_then(|()| value.setattr("command", error.name))
        .and_then(|()| value.setattr("code", error.fault.code()))
        .and_then(|()| value.setattr("reason", error.fault.to_string()))
        .and_then(|()| value.setattr("step", step));
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
pub(super) struct PyReplica {
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

    #[pyo3(name = "apply_steps", signature = (record, verify=false))]
    fn py_apply_steps(
        &mut self,
        py: Python<'_>,
        record: PyBackedBytes,
        verify: bool,
    ) -> PyResult<Vec<PyStep>> {
        let replica = &mut self.replica;
        let steps = py.detach(|| replica.follow(&record, verify));
        let steps = steps.map_err(|error| replay_error(py, &error))?;
        Ok(steps.into_iter().map(PyStep).collect())
    }

    #[pyo3(name = "follow_many", signature = (records, room=None))]
    fn py_follow_many(
        &mut self,
        py: Python<'_>,
        records: Vec<PyBackedBytes>,
        room: Option<usize>,
    ) -> PyResult<Vec<Vec<PyStep>>> {
        let (replica, room) = (&mut self.replica, room.unwrap_or(usize::MAX));
        let commands = py.detach(|| replica.follow_many(&records, room));
        let commands = commands.map_err(|error| replay_error(py, &error))?;
        Ok(commands.into_iter().map(|steps| steps.into_iter().map(PyStep).collect()).collect())
    }

    #[pyo3(name = "apply_named", signature = (record, named, verify=false))]
    fn py_apply_named(
        &mut self,
        py: Python<'_>,
        record: PyBackedBytes,
        named: Option<Vec<Name<'_>>>,
        verify: bool,
    ) -> PyResult<Vec<PyStep>> {
        let (replica, named) = (&mut self.replica, names_of(named)?);
        let steps = py.detach(|| replica.follow_by(&record, choices_of(named.as_ref()), verify));
        let steps = steps.map_err(|error| replay_error(py, &error))?;
        Ok(steps.into_iter().map(PyStep).collect())
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

    #[pyo3(name = "progress")]
    fn py_progress(&mut self, py: Python<'_>) -> PyProgress {
        let replica = &mut self.replica;
        PyProgress(py.detach(|| replica.progress()))
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
        python_opening(py, &opening)
    }

    #[pyo3(name = "step_openings")]
    fn py_step_openings<'py>(
        &self,
        py: Python<'py>,
        record: PyBackedBytes,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let mut replica = self.replica.clone();
        let openings = py.detach(|| {
            let mut openings = Vec::new();
            replica.apply_by(&record, Choices::Lenient, false, |boundary| {
                let taker = boundary.step.taker.as_ref();
                openings.push(Opening::between(boundary.engine, boundary.chain, taker));
            })?;
            Ok(openings)
        });
        let openings = openings.map_err(|error| replay_error(py, &error))?;
        openings.iter().map(|opening| python_opening(py, opening)).collect()
    }

    #[pyo3(name = "prove", signature = (tree, key, record=None, steps=0, named=None))]
    fn py_prove<'py>(
        &mut self,
        py: Python<'py>,
        tree: &str,
        key: &[u8],
        record: Option<PyBackedBytes>,
        steps: u32,
        named: Option<Vec<Name<'py>>>,
    ) -> PyResult<PathTuple<'py>> {
        let (part, key, named) = (part_of(tree)?, array("key", key)?, names_of(named)?);
        let choices = choices_of(named.as_ref());
        let replica = &mut self.replica;
        let path = py.detach(|| match record {
            Some(record) => StatePath::behind_steps(replica, &record, choices, steps, part, &key),
            None => Ok((steps == 0).then(|| replica.prove(part, &key))),
        });
        let path = path.map_err(|error| replay_error(py, &error))?;
        let StatePath { trees, key, value, path } =
            path.ok_or_else(|| PyValueError::new_err(format!("the record has fewer than {steps} steps")))?;
        let [accounts, books, instruments, keys, globals] = trees.map(|root| PyBytes::new(py, &root.0));
        let bits = path.iter().map(|item| item.bit).collect();
        let siblings = path.iter().map(|item| PyBytes::new(py, &item.sibling.0)).collect();
        let trees = (accounts, books, instruments, keys, globals);
        Ok((trees, PyBytes::new(py, &key), PyBytes::new(py, &value), bits, siblings))
    }

    #[pyo3(name = "witness_command")]
    fn py_witness_command<'py>(
        &self,
        py: Python<'py>,
        record: PyBackedBytes,
    ) -> PyResult<Vec<WitnessedTuple<'py>>> {
        let replica = &self.replica;
        let steps = py.detach(|| witness::of_command(replica, &record));
        let steps = steps.map_err(|error| replay_error(py, &error))?;
        Ok(steps.iter().map(|step| python_witness(py, step)).collect())
    }

    #[pyo3(name = "witness_named", signature = (record, named, first=0, count=usize::MAX))]
    fn py_witness_named<'py>(
        &self,
        py: Python<'py>,
        record: PyBackedBytes,
        named: Vec<Name<'py>>,
        first: usize,
        count: usize,
    ) -> PyResult<Vec<WitnessedTuple<'py>>> {
        let (replica, named) = (&self.replica, names_of(Some(named))?.unwrap_or_default());
        let window = first..first.saturating_add(count);
        let steps = py.detach(|| witness::of_named(replica, &record, &named, window));
        let steps = steps.map_err(|error| replay_error(py, &error))?;
        Ok(steps.iter().map(|step| python_witness(py, step)).collect())
    }

    #[pyo3(name = "witness_claim", signature = (record, index, kind, subject, named=None))]
    fn py_witness_claim<'py>(
        &self,
        py: Python<'py>,
        record: PyBackedBytes,
        index: u32,
        kind: u8,
        subject: &[u8],
        named: Option<Vec<Name<'py>>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let named = names_of(named)?;
        let choices = choices_of(named.as_ref());
        let subject = Subject::from_bytes(&array::<32>("subject", subject)?);
        let subject = subject.map_err(|error| CodecError::new_err(error.to_string()))?;
        let (replica, kind) = (&self.replica, StepKind::from_bytes(&[kind]).ok());
        let witness = py.detach(|| witness::of_claim(replica, &record, choices, index, kind, &subject));
        Ok(PyBytes::new(py, &witness))
    }

    #[pyo3(name = "witness_state")]
    fn py_witness_state<'py>(
        &mut self,
        py: Python<'py>,
        accounts: Vec<u64>,
        instruments: Vec<u32>,
    ) -> Bound<'py, PyBytes> {
        let replica = &mut self.replica;
        let witness = py.detach(|| witness::of_state(replica, &accounts, &instruments));
        PyBytes::new(py, &witness)
    }

    #[pyo3(name = "copy")]
    fn py_copy(&self, py: Python<'_>) -> Self {
        let replica = &self.replica;
        Self { replica: py.detach(|| replica.clone()) }
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

fn python_witness<'py>(py: Python<'py>, step: &WitnessedStep) -> WitnessedTuple<'py> {
    let WitnessedStep { step, first, root_before, witness } = step;
    let root_before = PyBytes::new(py, &root_before.0);
    (PyStep(step.into()), root_before, *first, PyBytes::new(py, witness))
}

fn python_leaves<'py>(py: Python<'py>, leaves: &Leaves) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in leaves {
        dict.set_item(PyBytes::new(py, key), PyBytes::new(py, value))?;
    }
    Ok(dict)
}

fn python_opening<'py>(py: Python<'py>, opening: &Opening) -> PyResult<Bound<'py, PyDict>> {
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

fn part_of(tree: &str) -> PyResult<Part> {
    match tree {
        "accounts" => Ok(Part::Accounts),
        "books" => Ok(Part::Books),
        "instruments" => Ok(Part::Instruments),
        "keys" => Ok(Part::Keys),
        "globals" => Ok(Part::Globals),
        _ => Err(PyValueError::new_err(format!("the state has no tree of {tree}"))),
    }
}
