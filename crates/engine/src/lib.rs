//! The deterministic state machine of the venue: `apply(state, sequenced command) -> events`.
//!
//! Integers only: no floating point, no clock, no I/O, no iteration over hashes. A command is validated first and
//! then applied; one that is refused changes nothing. `docs/engine.md` states every rule.

mod accounts;
mod admin;
mod admission;
mod authority;
pub mod book;
mod cash;
mod clients;
mod collateral;
mod dirty;
mod expiry;
mod fees;
mod fills;
mod inbox;
mod instruments;
mod invariants;
mod keys;
mod liquidation;
mod market;
mod marks;
mod matching;
mod named;
mod numbers;
mod orders;
mod parameters;
mod portfolio;
mod reject;
mod risk_admin;
mod setting;
mod snapshot;
mod standard;
mod standing;
mod state;
mod steps;
mod sums;
mod table;
mod terms;
mod view;

pub use accounts::{Account, Holding, OpenOrder, OpenSide};
pub use admin::OPEN_INSTRUMENTS_MAX;
pub use admission::{ORDER_LOTS_MAX, ORDER_PRICE_MAX};
pub use authority::SUBACCOUNTS_MAX;
pub use dirty::{BookPlace, Dirty};
pub use instruments::{Expiry, Instrument, InstrumentStatus, Underlying};
pub use invariants::Violation;
pub use keys::{Grant, Key, NONCES_KEPT};
pub use liquidation::{Auction, Liquidation, LiquidationStage};
pub use market::{CONFIDENCE_MAX, Market};
pub use marks::{FUNDING_RATE_MAX, JUMP_GROWN_MAX};
pub use named::{NotFollowed, StepFault};
pub use numbers::Overflow;
pub use parameters::{Parameters, range};
pub use portfolio::{SimulatedMargin, Simulation};
pub use reject::Reject;
pub use standard::standard_margin;
pub use standing::Standing;
pub use state::{Engine, Globals, Governance};
pub use steps::{NamedStep, PendingTaker, StepAction, StepMark, StepObserver, Subject, Unobserved};
pub use view::{MarginSummary, PositionSummary};
