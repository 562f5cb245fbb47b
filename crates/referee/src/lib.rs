//! The referee between the engine and the contracts: it executes the verifier in an EVM, and tells where the two judge
//! a step differently.

pub mod abi;
pub mod artifact;
mod branches;
pub mod compiled;
pub mod contracts;
pub mod difference;
mod evm;
pub mod figures;
pub mod fixtures;
mod hashes;
pub mod mutation;
pub mod refusals;
pub mod trials;
pub mod verifier;
pub mod witness_tree;
pub mod worlds;

pub use abi::Value;
pub use artifact::{Artifact, ArtifactError};
pub use branches::{Branch, Branches};
pub use contracts::{Called, ContractError, Contracts, Revert};
pub use evm::{CODE_SIZE, Evm, Failure, Outcome, TRANSACTION_GAS, Trace};
pub use hashes::Hashes;
