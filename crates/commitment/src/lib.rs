//! What the chain sees of the venue: the state trees, their leaves and proofs, steps, withdrawals and batches.
//!
//! `docs/protocol/state.md`, `steps.md` and `batches.md` are the prose of this crate. Nothing here decides anything:
//! roots follow from the engine's state, and the engine never looks at a root.

pub mod batch;
pub mod chunk;
pub mod fault;
mod follow;
mod from_engine;
pub mod leaf;
pub mod merkle;
pub mod opening;
pub mod proof;
pub mod replica;
pub mod signatures;
pub mod state;
mod state_path;
pub mod steps;
pub mod tree_key;
pub mod withdrawals;
pub mod witness;

pub use batch::BatchHeader;
pub use chunk::{Chunk, ChunkError, Entry, PostedStep, Progress};
pub use fault::{Fault, ReplayError};
pub use merkle::{Key, Tree};
pub use opening::Opening;
pub use proof::{PathItem, Prefix, Proof, ProofError};
pub use replica::{Boundary, Choices, Replica};
pub use signatures::BadSignature;
pub use state::{Part, StateTree};
pub use state_path::StatePath;
pub use steps::{Step, StepKind};
pub use withdrawals::Withdrawal;
