//! Portfolio margin: what a portfolio requires, from the risk arrays of its instruments.
//!
//! Pure functions of integers; `docs/margin.md` states every formula. [`Sums`] adds up what an account has in one
//! underlying, instrument by instrument; [`Sums::evaluate`] turns the sums into losses by state and add-ons by name;
//! [`combine`] joins underlyings; [`Portfolio`] is the whole account. Amounts are micro-USDC, rates 1e-9, and
//! everything rounds against the account.

mod collateral;
mod combine;
mod evaluate;
mod exponential;
mod group;
mod instrument;
mod lanes;
mod moves;
pub mod numbers;
mod portfolio;
mod series;
mod states;
mod sums;
mod underlying;
mod vector;

pub use collateral::{CollateralHolding, CollateralLine};
pub use combine::{Combined, PnlOffset, combine};
pub use evaluate::{Stage, UnderlyingMargin};
pub use group::{GroupMember, GroupOrders};
pub use instrument::{Exposure, InstrumentRisk, OpenLots};
pub use moves::{ChargesMoved, VEGA_SLOPE};
pub use numbers::{Checked, Overflow};
pub use portfolio::{Breakdown, Equity, Part, Portfolio, UnderlyingBreakdown};
pub use states::{CELLS, STATES, lane_name, state_name};
pub use sums::Sums;
pub use underlying::UnderlyingRisk;
