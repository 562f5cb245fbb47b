//! Pricing: Black-76 with Greeks, implied vol, SVI smiles, and the marks and scenario lanes that follow from an oracle's
//! signed inputs.
//!
//! Everything here is a pure function of its arguments, bit for bit the same on every machine: the elementary functions
//! are our own ([`math`]), built from IEEE-754 binary64 addition, subtraction, multiplication, division and square root
//! in one fixed order, without fused multiply-add and without the platform's mathematical library. Floating point only
//! prices; what enters the state machine are the integers of [`mark_arrays`].
//!
//! Conventions are Deribit's: T = seconds / (365·86,400); delta undiscounted; vega per vol point; theta per day, or per
//! the time left where that is less than a day; rho per 1 %.

pub mod batch;
pub mod black76;
mod block;
pub mod chain;
pub mod implied;
mod kernel;
pub mod lanes;
pub mod marks;
pub mod math;
pub mod path;
pub mod round;
pub mod smile;

pub use batch::{
    BatchError, GreekColumns, Options, SecondOrderColumns, black76_into, black76_into_on, second_order_into,
    second_order_into_on,
};
pub use black76::{Black76, Contract, black76, discounted};
pub use chain::{Chain, ChainError, ChainExpiry, ChainValues};
pub use implied::{ImpliedVolError, Quotes, VolStatus, implied_vol, implied_vols_into, implied_vols_into_on};
pub use kernel::flops;
pub use lanes::ScenarioError;
pub use marks::{MarkError, mark_arrays, mark_arrays_on, settlement_share, year_fraction};
pub use path::Path;
pub use smile::{Smile, SmileError};
