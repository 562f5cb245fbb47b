//! The pricing model on chain against the native kernel: every operation to the bit, every figure to the unit.
//!
//! `SYNCHROMESH_MODEL_FIGURES` says how many figures a test checks, `SYNCHROMESH_DATA` where recorded chains are.

mod chains;
mod float64;
mod fuzzed;
mod guard;
mod last_bits;
mod mixer;
mod recorded;
mod streamed;

use referee::{Contracts, compiled};
use std::env;

/// The compiled contracts; `None` where there are none.
fn contracts() -> Option<Contracts> {
    Some(Contracts::new(&compiled::folders(&["ModelGuard", "FloatHarness"])?))
}

/// How many figures a test checks.
fn figures() -> usize {
    env::var("SYNCHROMESH_MODEL_FIGURES").map_or(400, |count| count.parse().expect("a number of figures"))
}
