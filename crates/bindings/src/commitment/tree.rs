//! State trees and proofs about their leaves, for Python.

use ::commitment::merkle::Key;
use ::commitment::proof::verify_absent;
use ::commitment::{Prefix, Proof, ProofError, Tree};
use ::protocol::{Hash, Wire};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::MerkleError;
use crate::protocol::{CodecError, array};

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
pub(super) struct PyMerkleTree {
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
