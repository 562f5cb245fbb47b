//! Scenario lanes and interval gaps: what one long lot of an instrument gains in each scenario of its underlying.
//!
//! The 64 lanes are three vol rows of 17 price nodes (up, unchanged, down), eight tails, two skews, two term twists and a
//! crash. A lane is the difference of two discounted Black-76 prices in the instrument's lane unit, rounded down; a
//! perpetual's is exact integer arithmetic. `docs/protocol/marks.md` has the formulas in the order they are computed.
//!
//! # Gaps
//!
//! Within a vol row a price V is convex in the forward, because vol sticks to the strike. Between two nodes with values
//! V0, V1, slopes d0, d1 and h between their forwards, V lies below the chord and above both end tangents. The chord
//! exceeds the higher tangent by min(a·u, b·(1 − u)) at the share u of the cell, with a = V1 − V0 − d0·h and
//! b = d1·h − (V1 − V0), both ≥ 0 by convexity; that is largest where the tangents cross, a·b/(a + b). No price between
//! the nodes is needed, and by parity a call and a put have the same gap.
//!
//! So one long lot is worth at least its chord less the gap, and one short lot at least its chord, anywhere in the cell.
//! Since a chord is at least the lower of its ends, a portfolio of `q` lots each is worth at least
//! min(V_i, V_i+1) − Σ max(q, 0)·gap_i in the whole cell, on each of the three rows.
//!
//! # Rounding
//!
//! With the integers of the arrays in place of the numbers above the bound still holds for long lots. Write M for the sum
//! of the highest node's forward and the strike. Prices are within ε = 2^-48·M of the truth (the kernel's tests bound
//! their error by 4e-16, about 2^-51, of the larger of forward and strike; the sum of two logarithms adds less than as
//! much again), slopes times h too. The partial derivatives of a·b/(a + b) lie in [0, 1], so a gap errs by at most the
//! errors of a and b together, 6ε with that of h. The chord of the rounded-down lanes lies above the true chord by at most
//! the error of a difference of prices, 2ε. The gap is therefore raised by 8ε = 2^-45·M, then rounded up. For a short lot
//! the chord of lane + 1 lies above the true one less 2ε, which is under 1e-5 of a lane unit while lanes fit an i32.
//!
//! The listing keeps lanes inside an i32. A price lies between the intrinsic value and the forward above it, so nodes are
//! at most 1 + 2R of the forward, tails and the crash 2R + R/0.3 and gaps R/8: with R up to one half a lane unit of
//! 2.7·forward·lot/2^31 or more never clamps.

mod linear;
mod options;
mod scenario;

pub use scenario::ScenarioError;

pub(crate) use linear::linear_risk;
pub(crate) use options::{LaneExpiry, LaneOption, option_risks};
pub(crate) use scenario::Scenario;

use protocol::PRICE_NODES;
use std::ops::Range;

/// Moves of the tail lanes, relative to the price.
pub const TAILS: [f64; 8] = [-0.66, -0.33, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0];
/// Move of the crash lane, relative to the price.
pub const CRASH_MOVE: f64 = -0.3;
/// What the crash lane multiplies vols with.
pub const CRASH_VOL: f64 = 2.5;
/// Place of the node without a move in its row.
const MIDDLE: usize = PRICE_NODES / 2;

const VOL_UP: Range<usize> = 0..PRICE_NODES;
const VOL_UNCHANGED: Range<usize> = VOL_UP.end..2 * PRICE_NODES;
const VOL_DOWN: Range<usize> = VOL_UNCHANGED.end..3 * PRICE_NODES;
/// Lanes of the tails.
const TAIL_LANES: Range<usize> = VOL_DOWN.end..VOL_DOWN.end + TAILS.len();
const SKEW_LINEAR: usize = TAIL_LANES.end;
const SKEW_ABSOLUTE: usize = SKEW_LINEAR + 1;
const FRONT_UP: usize = SKEW_ABSOLUTE + 1;
const FRONT_DOWN: usize = FRONT_UP + 1;
const CRASH: usize = FRONT_DOWN + 1;
/// The lane without a shock: the middle node of its row.
const UNSHOCKED: usize = VOL_UNCHANGED.start + MIDDLE;

const _: () = assert!(CRASH + 1 == protocol::LANES && protocol::LANES == crate::block::BLOCK);
