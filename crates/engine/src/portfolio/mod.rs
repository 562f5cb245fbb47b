//! Portfolio margin of an account: the sums it caches, one pool for each underlying, and what they require.
//!
//! A pool is the sum of its holdings' exposures at the last mark of the underlying. Orders, cancels and fills change it
//! by one exposure; a mark makes the pools of its underlying stale, and each account sums again when it is next needed.
//! `docs/margin.md` has the formulas, crate `margin` computes them.

mod exposure;
mod model;
mod moved;
mod pools;
mod scan;
mod simulate;

pub(crate) use moved::MarginMoved;
pub(crate) use pools::Pools;
pub use simulate::{SimulatedMargin, Simulation};
