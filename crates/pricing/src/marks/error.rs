//! Why no marks follow from inputs.

use crate::lanes::ScenarioError;
use crate::smile::SmileError;
use protocol::{InstrumentId, Nanos, UnderlyingId};
use thiserror::Error;

/// Why no marks follow from the inputs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MarkError {
    /// An instrument belongs to another underlying.
    #[error("instrument {instrument} belongs to underlying {found}, the inputs to {expected}")]
    Underlying {
        /// The instrument.
        instrument: InstrumentId,
        /// Underlying of the inputs.
        expected: UnderlyingId,
        /// Underlying of the instrument.
        found: UnderlyingId,
    },
    /// Instruments must ascend.
    #[error("instrument {instrument} follows {previous}; instruments must ascend")]
    InstrumentOrder {
        /// The one before.
        previous: InstrumentId,
        /// The one out of order.
        instrument: InstrumentId,
    },
    /// Expiries must ascend.
    #[error("expiry {expiry} follows {previous}; expiries must ascend")]
    ExpiryOrder {
        /// The one before.
        previous: Nanos,
        /// The one out of order.
        expiry: Nanos,
    },
    /// A price that must be positive is not.
    #[error("{what} is {value}, must be positive")]
    NotPositive {
        /// Which price.
        what: &'static str,
        /// Its fixed-point value.
        value: i64,
    },
    /// An instrument's expiry is not among the inputs.
    #[error("instrument {instrument} expires at {expiry}, which the inputs do not cover")]
    MissingExpiry {
        /// The instrument.
        instrument: InstrumentId,
        /// Its expiry.
        expiry: Nanos,
    },
    /// A parameter of the scenarios makes no sense.
    #[error("scenario parameter {0}")]
    Scenario(#[from] ScenarioError),
    /// The smile of an expiry is none.
    #[error("expiry {expiry}: {error}")]
    Smile {
        /// The expiry.
        expiry: Nanos,
        /// What is wrong.
        error: SmileError,
    },
    /// The smile gives a negative variance at an instrument's strike.
    #[error("instrument {0}: the smile's variance is negative at its strike")]
    NegativeVariance(InstrumentId),
    /// A result is not finite or does not fit its integer.
    #[error("instrument {instrument}: {what} is out of range")]
    OutOfRange {
        /// The instrument.
        instrument: InstrumentId,
        /// Which result.
        what: &'static str,
    },
}
