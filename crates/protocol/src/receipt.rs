//! Receipts: the operator's signed word that a command has its place in the journal.
//!
//! One signature per frame (group commit) over the Merkle root of its command hashes; a receipt is that signature and
//! the path of one command. A receipt that no batch honours is evidence against the operator.

use crate::eip712::{Domain, FRAME, Words};
use crate::primitives::{Address, Hash, Signature};
use crate::{SignatureError, merkle, recover};
use thiserror::Error;

wire_struct! {
    /// What the operator signs for one frame of the journal. EIP-712 `Frame`.
    pub struct Frame {
        /// Times the journal had been opened for writing when the frame was written.
        pub epoch: u64,
        /// Number of the frame.
        pub frame: u64,
        /// Sequence of its first command.
        pub first_sequence: u64,
        /// How many commands it holds.
        pub count: u32,
        /// Merkle root of their hashes.
        pub command_root: Hash,
        /// The command chain after its last command.
        pub chain_hash: Hash,
    }
}

wire_struct! {
    /// Proof that the operator acknowledged one command.
    pub struct Receipt {
        /// The frame that holds the command.
        pub frame: Frame,
        /// The operator's signature over the frame.
        pub signature: Signature,
        /// Sequence of the command.
        pub sequence: u64,
        /// Its hash.
        pub command_hash: Hash,
        /// Siblings of its leaf, from the leaf up.
        pub path: Vec<Hash>,
    }
}

/// Why a receipt proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReceiptError {
    /// The sequence is not one of the frame's.
    #[error("sequence {sequence} is not one of the {count} of the frame that starts at {first}")]
    Sequence {
        /// The receipt's sequence.
        sequence: u64,
        /// First sequence of the frame.
        first: u64,
        /// Number of commands of the frame.
        count: u32,
    },
    /// The path does not lead from the command to the frame's root.
    #[error("path does not lead to the frame's command root")]
    Path,
    /// The operator did not sign the frame.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// The digest that the operator signs for `frame`.
#[must_use]
pub fn frame_digest(frame: &Frame, domain: &Domain) -> Hash {
    domain.digest(
        &Words::of(&FRAME)
            .uint(frame.epoch)
            .uint(frame.frame)
            .uint(frame.first_sequence)
            .uint(frame.count.into())
            .word(&frame.command_root)
            .word(&frame.chain_hash)
            .hash(),
    )
}

/// Root over the hashes of a frame's commands, in order.
#[must_use]
pub fn command_root(command_hashes: &[Hash]) -> Hash {
    merkle::root(&leaves(command_hashes))
}

/// Path of command `index` under [`command_root`]; `None` when there is no such command.
#[must_use]
pub fn command_path(command_hashes: &[Hash], index: usize) -> Option<Vec<Hash>> {
    merkle::proof(&leaves(command_hashes), index)
}

fn leaves(command_hashes: &[Hash]) -> Vec<Hash> {
    command_hashes.iter().map(|hash| merkle::leaf(&hash.0)).collect()
}

impl Receipt {
    /// Checks that `operator` acknowledged the command at this sequence.
    ///
    /// # Errors
    /// [`ReceiptError`] says what does not fit.
    pub fn verify(&self, operator: &Address, domain: &Domain) -> Result<(), ReceiptError> {
        let Frame { first_sequence: first, count, command_root, .. } = self.frame;
        let outside = ReceiptError::Sequence { sequence: self.sequence, first, count };
        let index = self.sequence.checked_sub(first).filter(|index| *index < count.into()).ok_or(outside)?;
        let leaf = merkle::leaf(&self.command_hash.0);
        if !merkle::verify(&command_root, &leaf, index as usize, count as usize, &self.path) {
            return Err(ReceiptError::Path);
        }
        let digest = frame_digest(&self.frame, domain);
        match recover(&digest, &self.signature)? {
            recovered if recovered == *operator => Ok(()),
            recovered => Err(SignatureError::Mismatch { digest, claimed: *operator, recovered }.into()),
        }
    }
}
