//! States: the scenarios in which a loss is counted, and their names.
//!
//! A state is a cell of a vol row, a tail, a skew lane in either direction or a term lane, or the crash lane. Lanes are what an instrument
//! has; states are what a portfolio's loss is taken over.

use protocol::{GAPS, LANES, PRICE_NODES};

/// Vol rows: up, flat, down.
pub const ROWS: usize = 3;
/// Cells of all vol rows.
pub const CELLS: usize = ROWS * GAPS;
/// Scenarios beyond the price range.
pub const TAILS: usize = 8;
/// Skew states: two lanes, each in both directions.
pub const SKEWS: usize = 4;
/// Term states.
pub const TERMS: usize = 2;
/// All states.
pub const STATES: usize = CELLS + TAILS + SKEWS + TERMS + 1;

/// First tail lane.
pub const TAIL_LANE: usize = ROWS * PRICE_NODES;
/// First skew lane.
pub const SKEW_LANE: usize = TAIL_LANE + TAILS;
/// First term lane.
pub const TERM_LANE: usize = SKEW_LANE + 2;
/// The crash lane.
pub const CRASH_LANE: usize = TERM_LANE + TERMS;
/// Where sums keep the skew lanes with their sign reversed, behind the lanes that instruments have.
pub const REVERSED_LANE: usize = LANES;
/// Lanes of a sum: those of an instrument and the two reversed ones.
pub const WIDTH: usize = LANES + 2;

/// Lanes of the states that are no cells, in the order of the states.
pub const SINGLE_LANES: [usize; STATES - CELLS] = [
    TAIL_LANE,
    TAIL_LANE + 1,
    TAIL_LANE + 2,
    TAIL_LANE + 3,
    TAIL_LANE + 4,
    TAIL_LANE + 5,
    TAIL_LANE + 6,
    TAIL_LANE + 7,
    SKEW_LANE,
    SKEW_LANE + 1,
    REVERSED_LANE,
    REVERSED_LANE + 1,
    TERM_LANE,
    TERM_LANE + 1,
    CRASH_LANE,
];

/// Names of the vol rows.
const ROW_NAMES: [&str; ROWS] = ["up", "flat", "down"];

/// Names of the lanes and states beyond the rows.
const TAIL_NAMES: [&str; TAILS] = [
    "tail_down_66",
    "tail_down_33",
    "tail_up_50",
    "tail_up_100",
    "tail_up_200",
    "tail_up_300",
    "tail_up_400",
    "tail_up_500",
];
const SKEW_NAMES: [&str; SKEWS] =
    ["skew_linear", "skew_absolute", "skew_linear_reversed", "skew_absolute_reversed"];
const TERM_NAMES: [&str; TERMS] = ["term_front_up", "term_front_down"];

/// Name of a state: `up_3_4` is the cell between nodes 3 and 4 of the vol-up row.
///
/// # Panics
/// When there is no such state.
#[must_use]
pub fn state_name(state: usize) -> String {
    assert!(state < STATES, "state {state} of {STATES}");
    match state.checked_sub(CELLS) {
        None => format!("{}_{}_{}", ROW_NAMES[state / GAPS], state % GAPS, state % GAPS + 1),
        Some(at) => name_beyond_rows(at).to_owned(),
    }
}

/// Name of a lane: `up_3` is node 3 of the vol-up row. Lanes 64 and 65 are the skew lanes reversed.
///
/// # Panics
/// When there is no such lane.
#[must_use]
pub fn lane_name(lane: usize) -> String {
    assert!(lane < WIDTH, "lane {lane} of {WIDTH}");
    match SINGLE_LANES.iter().position(|&single| single == lane) {
        Some(at) => name_beyond_rows(at).to_owned(),
        None => format!("{}_{}", ROW_NAMES[lane / PRICE_NODES], lane % PRICE_NODES),
    }
}

fn name_beyond_rows(at: usize) -> &'static str {
    if at < TAILS {
        TAIL_NAMES[at]
    } else if at < TAILS + SKEWS {
        SKEW_NAMES[at - TAILS]
    } else if at < TAILS + SKEWS + TERMS {
        TERM_NAMES[at - TAILS - SKEWS]
    } else {
        "crash"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_lane_and_state_has_its_own_name() {
        assert_eq!((STATES, CELLS, CRASH_LANE), (63, 48, LANES - 1));
        let states: BTreeSet<_> = (0..STATES).map(state_name).collect();
        let lanes: BTreeSet<_> = (0..WIDTH).map(lane_name).collect();
        assert_eq!((states.len(), lanes.len()), (STATES, WIDTH));
        assert_eq!((state_name(0), state_name(47)), ("up_0_1".into(), "down_15_16".into()));
        assert_eq!(
            (lane_name(17), lane_name(63), lane_name(58)),
            ("flat_0".into(), "crash".into(), state_name(55))
        );
    }
}
