//! Inputs that make integers of the last bits of what they come from.
//!
//! A figure of a market has some thirty bits, a price 53: an operation out of order would move one figure in a million. Here
//! marks and vegas are larger than 2^53 of their units, shocks so small that the difference of two prices is made of their last
//! bits, and lots so large that a lane shows it.

use crate::fuzzed::{DAY, NOW, native};
use crate::guard::{Case, Figure, Guard};
use crate::mixer::Mixer;
use protocol::{
    ExpiryInputs, GAPS, InstrumentKind, InstrumentMark, InstrumentSpec, LANES, MarkInputs, OptionType,
    ScenarioParameters, SviSlice,
};

/// Figures of each kind.
const FIGURES: usize = 60;
/// Largest lot, a power of ten.
const LOT_DIGITS: u32 = 18;

fn case(mixer: &mut Mixer) -> Case {
    // Outside of the settlement window, or inside.
    let left =
        if mixer.below(3) > 0 { mixer.whole(DAY, 400 * DAY) } else { mixer.whole(DAY / 800, DAY / 48) };
    let days = left as f64 / DAY as f64;
    let t = days / 365.0;
    let forward = mixer.whole(1_000_000_000_000_000_000, i64::MAX);
    let distance = mixer.one_of(&[0.02, 0.3, 1.0]);
    let strike = forward as f64 / 1e3 * mixer.between(-distance, distance).exp();
    let variance = mixer.between(-2.0, 0.5).exp().powi(2) * t;
    // Discounts of 10 to 100 make room for three more digits, and leave the mark below 2^63.
    let rate = -mixer.between(2.3, 4.6) / t;
    let expiry = NOW + left as u64;
    let inputs = MarkInputs {
        underlying: 1,
        time: NOW,
        index: forward,
        confidence: 0,
        sources: 3,
        perpetual_mark: forward,
        funding_rate: 0,
        expiries: vec![ExpiryInputs {
            expiry,
            forward,
            rate: (rate * 1e9) as i64,
            smile: SviSlice {
                a: (variance * 5e8) as i64 + 1,
                b: (variance * 2e9) as i64,
                rho: mixer.whole(-900_000_000, 900_000_000),
                m: mixer.whole(-200_000_000, 200_000_000),
                sigma: mixer.whole(1_000_000, 300_000_000),
            },
        }],
    };
    // Front and back of the term twist are large, and leave next to nothing of each other.
    let front = 30.0 / (30.0 + days.max(1.0));
    let term_front = mixer.whole(1_000_000_000, 5_000_000_000);
    let mut tiny = |most| mixer.whole(1, most);
    let scenario = ScenarioParameters {
        range: tiny(2_000),
        vol_up: tiny(2_000),
        vol_down: tiny(2_000),
        power_short: tiny(1_000_000_000),
        power_long: tiny(1_000_000_000),
        vol_floor: 0,
        skew_linear: tiny(2_000),
        skew_absolute: tiny(2_000),
        term_front,
        term_back: (front / (1.0 - front) * term_front as f64) as i64 + tiny(2_000),
    };
    let spec = InstrumentSpec {
        instrument: 1,
        name: String::from("anything"),
        underlying: 1,
        kind: InstrumentKind::Option,
        option_type: mixer.one_of(&[OptionType::Call, OptionType::Put]),
        strike: strike as i64,
        expiry,
        tick_size: 1_000_000,
        lot_size: 1,
        lane_unit: 1,
    };
    Case { inputs, spec, scenario }
}

/// The case with the largest lot with which a lane or a gap fits its integer.
fn enlarged(mut case: Case, fits: impl Fn(&InstrumentMark) -> bool) -> Option<(Case, InstrumentMark)> {
    let mut best = None;
    for digits in 0..=LOT_DIGITS {
        case.spec.lot_size = 10i64.pow(digits);
        let mark = native(&case)?;
        if !fits(&mark) {
            break;
        }
        best = Some((case.clone(), mark));
    }
    best
}

#[test]
fn the_last_bits_agree() {
    let Some(mut guard) = Guard::new() else { return };
    let mut mixer = Mixer(6);
    let mut checked = 0;
    while checked < FIGURES {
        let (lane, gap) = (mixer.below(LANES as u64) as usize, mixer.below(GAPS as u64) as usize);
        let case = case(&mut mixer);
        let lanes = enlarged(case.clone(), |mark| {
            let lane = mark.risk.as_ref().expect("with lanes").lanes[lane];
            lane > i32::MIN && lane < i32::MAX
        });
        let gaps = enlarged(case, |mark| mark.risk.as_ref().expect("with lanes").gaps[gap] < u32::MAX);
        let (Some((of_lane, lane_mark)), Some((of_gap, gap_mark))) = (lanes, gaps) else { continue };
        for figure in [Figure::Mark, Figure::Vega, Figure::Iv, Figure::Delta, Figure::Lane(lane)] {
            guard.check(&of_lane, &lane_mark, figure);
        }
        guard.check(&of_gap, &gap_mark, Figure::Gap(gap));
        checked += 1;
    }
    guard.report();
}
