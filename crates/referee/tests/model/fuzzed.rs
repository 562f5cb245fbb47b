//! Figures of inputs that no market would give, and of inputs from which no marks follow.

use crate::guard::{Case, Challenge, Figure, Guard};
use crate::mixer::Mixer;
use pricing::mark_arrays;
use protocol::{
    ExpiryInputs, InstrumentKind, InstrumentMark, InstrumentSpec, MarkInputs, NANO_ONE, Nanos, OptionType,
    SETTLEMENT_WINDOW_NS, ScenarioParameters, SviSlice,
};
use std::path::Path;

pub const NOW: Nanos = 1_770_336_000_000_000_000;
const SECOND: i64 = 1_000_000_000;
pub const DAY: i64 = 86_400 * SECOND;

fn nano(value: f64) -> i64 {
    (value * NANO_ONE as f64) as i64
}

/// The mark of the case's instrument; `None` where no marks follow from the inputs.
pub fn native(case: &Case) -> Option<InstrumentMark> {
    let specs = [(case.spec.instrument, &case.spec)];
    mark_arrays(&case.inputs, specs, Some(&case.scenario)).ok().map(|mut arrays| arrays.marks.remove(0))
}

fn case(mixer: &mut Mixer) -> Case {
    let left = match mixer.below(5) {
        0 => mixer.whole(1, SECOND),
        1 => mixer.whole(SECOND, SETTLEMENT_WINDOW_NS as i64 + SECOND),
        2 => mixer.whole(SECOND, 2 * DAY),
        3 => mixer.whole(DAY, 40 * DAY),
        _ => mixer.whole(DAY, 4_000 * DAY),
    };
    let forward = mixer.between(-1.0, 16.0).exp();
    let spread = mixer.one_of(&[0.0, 1e-6, 0.1, 1.0, 4.0]);
    let strike = forward * mixer.between(-spread, spread).exp();
    let expiry = NOW + left as u64;
    let inputs = MarkInputs {
        underlying: 1,
        time: NOW,
        index: nano(forward * mixer.between(0.9, 1.1)),
        confidence: 0,
        sources: 3,
        perpetual_mark: nano(forward) + 1,
        funding_rate: 0,
        expiries: vec![ExpiryInputs {
            expiry,
            forward: nano(forward),
            rate: mixer.one_of(&[0, 40_000_000, -300_000_000, mixer.0 as i64 >> 20]),
            smile: smile(mixer, left),
        }],
    };
    let perpetual = mixer.below(16) == 0;
    let spec = InstrumentSpec {
        instrument: 1 + mixer.below(1 << 30) as u32,
        name: String::from("anything"),
        underlying: 1,
        kind: if perpetual { InstrumentKind::Perpetual } else { InstrumentKind::Option },
        option_type: mixer.one_of(&[OptionType::Call, OptionType::Put]),
        strike: if perpetual { 0 } else { (strike * 1e6) as i64 },
        expiry: if perpetual { 0 } else { expiry },
        tick_size: 1_000_000,
        lot_size: mixer.one_of(&[1, 100_000, 1_000_000, 100_000_000, 1_000_000_000_000]),
        lane_unit: mixer.one_of(&[1, 10, 13, 4_000, u32::MAX]),
    };
    Case { inputs, spec, scenario: scenario(mixer) }
}

/// A smile of some vol; one in eight is any numbers at all.
fn smile(mixer: &mut Mixer, left: i64) -> SviSlice {
    if mixer.below(8) == 0 {
        let mut any = || mixer.bits() as i64 >> mixer.below(64);
        return SviSlice { a: any(), b: any(), rho: any() % NANO_ONE, m: any(), sigma: any() };
    }
    let t = left as f64 / (365.0 * DAY as f64);
    let variance = mixer.between(-4.0, 1.5).exp().powi(2) * t;
    let b = variance * mixer.one_of(&[0.0, 0.2, 1.0, 5.0]);
    SviSlice {
        a: nano(variance),
        b: nano(b),
        rho: nano(mixer.between(-0.99, 0.99)),
        m: nano(mixer.between(-0.3, 0.3)),
        sigma: nano(mixer.between(0.01, 0.5)).max(1),
    }
}

/// Parameters within the bounds that the engine has for them.
fn scenario(mixer: &mut Mixer) -> ScenarioParameters {
    let mut share = |least: f64, most: f64| nano(mixer.between(least, most));
    ScenarioParameters {
        range: share(0.01, 0.5),
        vol_up: share(0.0, 1.5),
        vol_down: share(0.0, 1.0),
        power_short: share(0.0, 1.0),
        power_long: share(0.0, 1.0),
        vol_floor: share(0.0, 1.0),
        skew_linear: share(-5.0, 5.0),
        skew_absolute: share(-5.0, 5.0),
        term_front: share(0.0, 5.0),
        term_back: share(0.0, 1.0),
    }
}

#[test]
fn figures_of_any_inputs_are_those_of_the_kernel() {
    let Some(mut guard) = Guard::new() else { return };
    any_inputs(&mut guard);
}

fn any_inputs(guard: &mut Guard) {
    let mut mixer = Mixer(2);
    let (mut checked, mut without) = (0, 0);
    while checked < crate::figures() {
        let case = case(&mut mixer);
        let Some(mark) = native(&case) else {
            // The figures of a mark that cannot be are at fault whatever they are.
            let anything = InstrumentMark { instrument: 1, mark: 0, iv: 0, delta: 0, vega: 0, risk: None };
            without += usize::from(guard.proves(&case, &anything, Figure::Mark));
            continue;
        };
        for _ in 0..8 {
            guard.check(&case, &mark, Figure::draw(&mut mixer));
            checked += 1;
        }
    }
    println!("{checked} figures; {without} instruments whose inputs give no mark");
    assert!(without > 0);
    guard.report();
}

/// An option that has a mark.
fn sound() -> Case {
    let case = case(&mut Mixer(5));
    assert_eq!(case.spec.kind, InstrumentKind::Option);
    case
}

#[test]
fn inputs_without_marks_convict() {
    let Some(mut guard) = Guard::new() else { return };
    without_marks(&mut guard);
}

fn without_marks(guard: &mut Guard) {
    let sound = sound();
    let breaks: [fn(&mut MarkInputs); 6] = [
        |inputs| inputs.index = 0,
        |inputs| inputs.perpetual_mark = -1,
        |inputs| inputs.expiries[0].forward = 0,
        |inputs| inputs.expiries[0].smile.b = -1,
        |inputs| inputs.expiries[0].smile.rho = NANO_ONE,
        |inputs| inputs.expiries[0].smile.sigma = 0,
    ];
    let mark = native(&sound).expect("a mark");
    assert!(!guard.proves(&sound, &mark, Figure::Mark));
    for change in breaks {
        let mut case = sound.clone();
        change(&mut case.inputs);
        assert_eq!(native(&case), None);
        assert!(guard.proves(&case, &mark, Figure::Mark));
    }
}

#[test]
fn the_widest_mark_fits_a_transaction() {
    let Some(mut guard) = Guard::new() else { return };
    let mut case = sound();
    let expiry = case.inputs.expiries[0].clone();
    let others = (1..256).map(|later| ExpiryInputs { expiry: expiry.expiry + later, ..expiry.clone() });
    case.inputs.expiries.extend(others);
    case.spec.expiry = expiry.expiry + 255;
    let mark = native(&case).expect("a mark");
    guard.check(&case, &mark, Figure::Gap(0));
    guard.report();
}

#[test]
fn what_is_no_challenge_of_a_mark_is_refused() {
    let Some(mut guard) = Guard::new() else { return };
    no_challenges(&mut guard);
}

fn no_challenges(guard: &mut Guard) {
    let case = sound();
    let mark = native(&case).expect("a mark");
    let figure = Figure::Lane(3);
    let wrong = figure.moved(&mark, 1);
    assert!(guard.proves(&case, &wrong, figure));
    let mut refuses = |change: fn(&mut Challenge), case: &Case, mark: &InstrumentMark| {
        let mut challenge = Challenge::new(case, mark, figure);
        change(&mut challenge);
        guard.refuses(&challenge)
    };
    assert_eq!(refuses(|it| it.kind = 34, &case, &wrong), "NotAMark");
    assert_eq!(refuses(|it| it.record[0] += 1, &case, &wrong), "NotAMark");
    assert_eq!(refuses(|it| it.record.truncate(40), &case, &wrong), "StepIllegal");
    assert_eq!(refuses(|it| it.root.0[0] ^= 1, &case, &wrong), "WitnessMalformed");
    assert_eq!(refuses(|it| it.witness.truncate(200), &case, &wrong), "WitnessMalformed");
    assert_eq!(refuses(|it| it.instrument += 1, &case, &wrong), "NoSuchInstrument");
    assert_eq!(refuses(|it| it.index = 64, &case, &wrong), "NoSuchFigure");
    assert_eq!(refuses(|it| it.figure = 6, &case, &wrong), "Stopped");

    let mut elsewhere = case.clone();
    elsewhere.inputs.underlying = 2;
    assert_eq!(refuses(|_| {}, &elsewhere, &wrong), "NoSuchInstrument");
    let mut later = case.clone();
    later.spec.expiry += 1;
    assert_eq!(refuses(|_| {}, &later, &wrong), "NotMarked");
    let without = InstrumentMark { risk: None, ..wrong };
    assert_eq!(refuses(|_| {}, &case, &without), "NoSuchInstrument");
}

#[test]
#[ignore = "writes what contracts/test/verifier/model/ModelGuard.t.sol reads"]
fn write_fixtures() {
    let Some(mut guard) = Guard::new() else { return };
    without_marks(&mut guard);
    no_challenges(&mut guard);
    any_inputs(&mut guard);
    let path = "../../contracts/test/verifier/fixtures/marks.txt";
    let count = guard.calls.write(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file");
    println!("{count} challenges written");
}
