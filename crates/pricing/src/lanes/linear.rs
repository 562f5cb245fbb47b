//! Lanes of instruments whose value is linear in the price.

use super::{CRASH, CRASH_MOVE, MIDDLE, TAIL_LANES, TAILS, VOL_DOWN, VOL_UNCHANGED, VOL_UP};
use protocol::{GAPS, InstrumentSpec, LANES, NANO_ONE, RiskArray};

/// 1e-8 contracts per contract.
const CONTRACT: i128 = protocol::CONTRACT as i128;

/// Lanes of a perpetual: its mark moves by the shock, in tails and the crash by the range and no more. Vols do not touch it, and its
/// chords are its value, so its gaps are 0.
///
/// The arithmetic is exact: ⌊mark·R·e·lot / (8·lane unit)⌋ for a move of e eighths of the range R. `mark` is in micro-USDC
/// per contract, `range` 1e-9; lot size and lane unit are positive.
pub(crate) fn linear_risk(mark: i64, range: i64, spec: &InstrumentSpec) -> RiskArray {
    let per_eighth = i128::from(mark).saturating_mul(range.into()).saturating_mul(spec.lot_size.into());
    let divisor = MIDDLE as i128 * i128::from(NANO_ONE) * CONTRACT * i128::from(spec.lane_unit);
    let lane = |eighths: i128| {
        let value = per_eighth.saturating_mul(eighths).div_euclid(divisor);
        value.clamp(i32::MIN.into(), i32::MAX.into()) as i32
    };
    let whole = MIDDLE as i128;
    let mut lanes = [0; LANES];
    for row in [VOL_UP, VOL_UNCHANGED, VOL_DOWN] {
        for (node, place) in (0i128..).zip(&mut lanes[row]) {
            *place = lane(node - whole);
        }
    }
    for (place, change) in TAIL_LANES.zip(TAILS).chain([(CRASH, CRASH_MOVE)]) {
        lanes[place] = lane(if change < 0.0 { -whole } else { whole });
    }
    RiskArray { lanes, gaps: [0; GAPS] }
}
