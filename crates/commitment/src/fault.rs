//! Why a replica cannot go on.

use crate::signatures::BadSignature;
use engine::{NotFollowed, Reject, StepFault};
use journal::PayloadError;
use pricing::MarkError;
use protocol::{CodecError, Record};
use thiserror::Error;

/// Why a replica cannot go on: the first command that is not what an honest operator would have journaled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("command {sequence}{}: {fault}", name.map(|name| format!(" ({name})")).unwrap_or_default())]
pub struct ReplayError {
    /// Its sequence.
    pub sequence: u64,
    /// Its kind; `None` when it could not be decoded.
    pub name: Option<&'static str>,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a command.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// The packed data is broken at this record.
    #[error(transparent)]
    Data(#[from] PayloadError),
    /// The record is no canonical encoding.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A signature is missing or wrong.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// The marks cannot be computed from the inputs.
    #[error("marks: {0}")]
    Marks(#[from] MarkError),
    /// The command does not apply.
    #[error(transparent)]
    Refused(#[from] Reject),
    /// The command cannot take the steps that somebody names.
    #[error("step {step}: {fault}")]
    Step {
        /// The first that it cannot take, from 0.
        step: usize,
        /// Why.
        fault: StepFault,
    },
}

impl From<NotFollowed> for Fault {
    fn from(error: NotFollowed) -> Self {
        match error {
            NotFollowed::Refused(reject) => Self::Refused(reject),
            NotFollowed::Step { step, fault } => Self::Step { step, fault },
        }
    }
}

impl Fault {
    /// A stable word for it: `data`, `codec`, `signature`, `marks`, `step`, or the code of the refusal.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Data(_) => "data",
            Self::Codec(_) => "codec",
            Self::Signature(_) => "signature",
            Self::Marks(_) => "marks",
            Self::Refused(reject) => reject.code(),
            Self::Step { .. } => "step",
        }
    }
}

impl ReplayError {
    pub(crate) fn new(sequence: u64, record: Option<&Record>, fault: impl Into<Fault>) -> Self {
        Self { sequence, name: record.map(|record| record.command.name()), fault: fault.into() }
    }
}
