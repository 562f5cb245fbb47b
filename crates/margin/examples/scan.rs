//! Nanoseconds of the margin arithmetic on one core: one JSON line per figure.
//!
//!     cargo run --release -p synchromesh-margin --example scan

use margin::{
    Exposure, InstrumentRisk, OpenLots, Part, PnlOffset, Portfolio, Stage, Sums, UnderlyingRisk, combine,
};
use protocol::{
    ExpiryInputs, GAPS, LANES, MarginParameters, MarkInputs, NANO_ONE, RiskArray, RiskParameters,
    ScenarioParameters, SviSlice,
};
use std::hint::black_box;
use std::time::Instant;

const DAY: u64 = 86_400_000_000_000;
const POSITIONS: usize = 20;
const EXPIRIES: u64 = 8;
const RUNS: usize = 200;
const CALLS: u32 = 2_000;

/// Prints the least mean of [`RUNS`] runs.
fn report(what: &str, mut call: impl FnMut()) {
    let mut least = f64::INFINITY;
    for _ in 0..RUNS {
        let start = Instant::now();
        (0..CALLS).for_each(|_| call());
        least = least.min(start.elapsed().as_nanos() as f64 / f64::from(CALLS));
    }
    println!("{{\"what\": \"{what}\", \"nanoseconds\": {least:.1}}}");
}

/// Arrays that look like options at different strikes.
fn arrays() -> Vec<RiskArray> {
    (0..POSITIONS as i32)
        .map(|option| RiskArray {
            lanes: std::array::from_fn(|lane| (lane as i32 % 17 - 8 + option % 5) * 1_700 - 40 * option),
            gaps: std::array::from_fn::<u32, GAPS, _>(|cell| 40 + cell as u32),
        })
        .collect()
}

fn instrument(option: usize, risk: &RiskArray) -> InstrumentRisk<'_> {
    InstrumentRisk {
        expiry: DAY * (1 + option as u64 % EXPIRIES),
        strike: 1_000_000_000 * (90 + option as i64),
        lot_size: 1_000_000,
        lane_unit: 10,
        mark: 2_000_000_000,
        delta: 40_000_000 * option as i64,
        vega: 60_000_000,
        risk,
    }
}

fn underlying() -> UnderlyingRisk {
    let percent = NANO_ONE / 100;
    let margin = MarginParameters {
        maintenance_share: 80 * percent,
        basis_min_move: percent / 3,
        basis_rate: 3 * percent,
        short_floor: percent,
        short_floor_last_day: percent,
        delta_depth: 500 * 100_000_000,
        delta_impact: percent / 2,
        vega_depth: 200_000_000_000,
        vega_impact: 2 * NANO_ONE,
        strike_depth: 250 * 100_000_000,
        strike_impact: percent / 5,
        impact_max: 5 * percent,
        confidence_multiplier: NANO_ONE,
    };
    let scenario = ScenarioParameters {
        range: 16 * percent,
        vol_up: 50 * percent,
        vol_down: 25 * percent,
        power_short: 30 * percent,
        power_long: 13 * percent,
        vol_floor: 50 * percent,
        skew_linear: 0,
        skew_absolute: 0,
        term_front: 0,
        term_back: 0,
    };
    let at = |day: u64| ExpiryInputs {
        expiry: DAY * day,
        forward: 100_000 * NANO_ONE,
        rate: 0,
        smile: SviSlice { a: 0, b: 0, rho: 0, m: 0, sigma: 1 },
    };
    let inputs = MarkInputs {
        underlying: 1,
        time: 1,
        index: 100_000 * NANO_ONE,
        confidence: 100_000,
        sources: 5,
        perpetual_mark: 100_000 * NANO_ONE,
        funding_rate: 0,
        expiries: (1..=EXPIRIES).map(at).collect(),
    };
    UnderlyingRisk::new(&inputs, &RiskParameters { scenario, margin }).expect("sound parameters")
}

fn main() {
    assert_eq!(LANES, 64);
    let (arrays, risk) = (arrays(), underlying());
    let instruments: Vec<_> = arrays.iter().enumerate().map(|(at, risk)| instrument(at, risk)).collect();
    let held = |at: usize| Exposure::of(37 - 5 * at as i64);
    let side = OpenLots { lots: 20, price: 2_000_000_000, fees: 1_000 };
    let quoted = |at: usize| Exposure { bids: side, offers: side, ..held(at) };
    let mut sums = Sums::new();
    for (at, instrument) in instruments.iter().enumerate() {
        sums.add(instrument, &held(at)).expect("in range");
    }

    report("position out and in", || {
        let (instrument, exposure) = (black_box(&instruments[7]), held(7));
        sums.remove(instrument, &exposure).expect("was added");
        sums.add(instrument, &exposure).expect("in range");
    });
    report("quoted instrument in and out", || {
        let instrument = InstrumentRisk { strike: 1, ..*black_box(&instruments[7]) };
        sums.add(&instrument, &quoted(7)).expect("in range");
        sums.remove(&instrument, &quoted(7)).expect("was added");
    });
    report("scan and add-ons of an underlying", || {
        black_box(sums.evaluate(black_box(&risk), Stage::Maintenance, 0).expect("in range"));
    });
    let margin = sums.evaluate(&risk, Stage::Maintenance, 0).expect("in range");
    let offset = PnlOffset { share: 600_000_000, cap: 300_000_000 };
    report("two underlyings combined", || {
        black_box(combine(black_box([&margin, &margin]), offset).expect("in range"));
    });
    let mut scratch = Sums::new();
    report("20 positions from scratch", || {
        scratch.clear();
        for (at, instrument) in black_box(&instruments).iter().enumerate() {
            scratch.add(instrument, &held(at)).expect("in range");
        }
        let parts = [Part { sums: &scratch, risk: &risk }];
        black_box(Portfolio { parts: &parts, collateral: &[], offset }.maintenance().expect("in range"));
    });
}
