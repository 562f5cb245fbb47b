use super::*;
use protocol::{ExpiryInputs, NANO_ONE, SviSlice, Wire};

const DAY: u64 = 86_400_000_000_000;
const NOW: u64 = 1_770_336_000_000_000_000;

/// A flat smile of total variance `a`·1e-9.
fn flat(a: i64) -> SviSlice {
    SviSlice { a, b: 0, rho: 0, m: 0, sigma: 1 }
}

fn inputs() -> MarkInputs {
    let expiry = |days: u64, a| ExpiryInputs {
        expiry: NOW + days * DAY,
        forward: 70_000 * NANO_ONE,
        rate: 0,
        smile: flat(a),
    };
    MarkInputs {
        underlying: 1,
        time: NOW,
        index: 70_000 * NANO_ONE,
        confidence: 0,
        sources: 3,
        perpetual_mark: 70_001_500_000_500,
        funding_rate: 0,
        expiries: vec![expiry(0, 1), expiry(365, 250_000_000)],
    }
}

fn option(instrument: u32, days: u64, strike: i64, option_type: OptionType) -> InstrumentSpec {
    InstrumentSpec {
        instrument,
        name: format!("BTC-{instrument}"),
        underlying: 1,
        kind: InstrumentKind::Option,
        option_type,
        strike: strike * protocol::USD,
        expiry: NOW + days * DAY,
        tick_size: 5 * protocol::USD,
        lot_size: 1_000_000,
        lane_unit: 1,
    }
}

fn perpetual(instrument: u32) -> InstrumentSpec {
    let kind = InstrumentKind::Perpetual;
    InstrumentSpec { kind, expiry: 0, strike: 0, ..option(instrument, 0, 1, OptionType::Call) }
}

fn marks(inputs: &MarkInputs, specs: &[InstrumentSpec]) -> Result<Vec<InstrumentMark>, MarkError> {
    mark_arrays(inputs, specs.iter().map(|spec| (spec.instrument, spec)), None).map(|arrays| arrays.marks)
}

#[test]
fn prices_options_and_the_perpetual() {
    let specs = [
        perpetual(1),
        option(2, 365, 70_000, OptionType::Call),
        option(3, 365, 70_000, OptionType::Put),
        option(4, 0, 69_000, OptionType::Call),
        option(5, 0, 69_000, OptionType::Put),
    ];
    let marks = marks(&inputs(), &specs).expect("consistent inputs");
    // 70,000.0015000005 is no tie; the perpetual is never priced through a float.
    assert_eq!((marks[0].mark, marks[0].delta), (70_001_500_000, NANO_ONE));
    // F·(2Φ(0.25) − 1) with 2Φ(0.25) − 1 = 0.19741265136584729…
    assert_eq!((marks[1].mark, marks[1].iv), (13_818_885_596, 500_000_000));
    assert_eq!(marks[2].mark, marks[1].mark);
    assert_eq!((marks[1].delta, marks[2].delta), (598_706_326, -401_293_674));
    // At its expiry an option is settled: nothing of the window is left, and no delta.
    assert_eq!((marks[3].mark, marks[3].iv, marks[3].delta), (1_000 * protocol::USD, 0, 0));
    assert_eq!((marks[4].mark, marks[4].iv, marks[4].delta), (0, 0, 0));
}

#[test]
fn the_arrays_are_pinned() {
    let specs =
        [perpetual(1), option(2, 365, 120_000, OptionType::Call), option(7, 365, 40_000, OptionType::Put)];
    let arrays = mark_arrays(&inputs(), specs.iter().map(|spec| (spec.instrument, spec)), None)
        .expect("consistent inputs");
    assert_eq!(arrays.version, 0);
    // By 40-digit arithmetic, rounded.
    let numbers: Vec<_> = arrays.marks.iter().map(|m| (m.mark, m.iv, m.delta, m.vega)).collect();
    assert_eq!(
        numbers,
        [
            (70_001_500_000, 0, NANO_ONE, 0),
            (3_217_781_082, 500_000_000, 203_837_232, 198_215_653),
            (1_711_968_140, 500_000_000, -85_463_449, 109_370_833),
        ]
    );
    assert_eq!(MarkArrays::from_bytes(&arrays.to_bytes()), Ok(arrays));
}

#[test]
fn a_rate_discounts() {
    let specs = [option(2, 365, 70_000, OptionType::Call)];
    let mut discounted = inputs();
    discounted.expiries[1].rate = 50_000_000;
    let (plain, with_rate) = (
        marks(&inputs(), &specs).expect("consistent inputs"),
        marks(&discounted, &specs).expect("consistent inputs"),
    );
    let expected = plain[0].mark as f64 * (-0.05f64).exp();
    assert!((with_rate[0].mark as f64 - expected).abs() <= 1.0);
    assert_eq!(with_rate[0].delta, plain[0].delta);
}

#[test]
fn delta_decays_over_the_settlement_window() {
    let minute = 60_000_000_000;
    let deltas = |time: u64| {
        let mut inputs = inputs();
        inputs.time = NOW + 365 * DAY - time;
        inputs.expiries[1].smile = flat(1);
        let specs = [option(2, 365, 10_000, OptionType::Call), option(3, 365, 10_000, OptionType::Put)];
        let found = marks(&inputs, &specs).expect("consistent inputs");
        (found[0].delta, found[1].delta, found[0].mark)
    };
    let deep = 60_000 * protocol::USD;
    assert_eq!(deltas(31 * minute), (NANO_ONE, 0, deep));
    assert_eq!(deltas(30 * minute), (NANO_ONE, 0, deep));
    assert_eq!(deltas(15 * minute), (NANO_ONE / 2, 0, deep));
    assert_eq!(deltas(3 * minute), (NANO_ONE / 10, 0, deep));
    assert_eq!(deltas(0), (0, 0, deep));
}

#[test]
fn strikes_listed_in_any_order_are_marked_alike() {
    let side = |first: u32, option_type| {
        (0..5).map(move |n| option(first + n, 365, 90_000 - 10_000 * i64::from(n), option_type))
    };
    let apart: Vec<_> = side(1, OptionType::Call).chain(side(6, OptionType::Put)).collect();
    let together: Vec<_> = (0..10)
        .map(|n| InstrumentSpec { instrument: n + 1, ..apart[(n / 2 + n % 2 * 5) as usize].clone() })
        .collect();
    let (apart, together) = (marks(&inputs(), &apart), marks(&inputs(), &together));
    let (apart, together) = (apart.expect("consistent inputs"), together.expect("consistent inputs"));
    for n in 0..10 {
        let moved = InstrumentMark { instrument: n as u32 + 1, ..apart[n / 2 + n % 2 * 5].clone() };
        assert_eq!(together[n], moved);
    }
}

#[test]
fn refuses_inconsistent_inputs() {
    let call = option(2, 365, 70_000, OptionType::Call);
    let foreign = InstrumentSpec { underlying: 2, ..call.clone() };
    assert!(matches!(marks(&inputs(), &[foreign]), Err(MarkError::Underlying { found: 2, .. })));
    let twice = marks(&inputs(), &[call.clone(), call.clone()]);
    assert_eq!(twice, Err(MarkError::InstrumentOrder { previous: 2, instrument: 2 }));
    let missing = marks(&inputs(), &[option(2, 7, 70_000, OptionType::Call)]);
    assert_eq!(missing, Err(MarkError::MissingExpiry { instrument: 2, expiry: NOW + 7 * DAY }));

    let with = |change: &dyn Fn(&mut MarkInputs)| {
        let mut inputs = inputs();
        change(&mut inputs);
        marks(&inputs, std::slice::from_ref(&call))
    };
    assert!(matches!(with(&|i| i.expiries.reverse()), Err(MarkError::ExpiryOrder { .. })));
    assert!(matches!(with(&|i| i.index = 0), Err(MarkError::NotPositive { .. })));
    assert!(matches!(with(&|i| i.expiries[1].forward = -1), Err(MarkError::NotPositive { .. })));
    assert!(matches!(with(&|i| i.expiries[1].smile.sigma = 0), Err(MarkError::Smile { .. })));
    assert_eq!(with(&|i| i.expiries[1].smile = flat(-1)), Err(MarkError::NegativeVariance(2)));
    let huge = with(&|i| i.expiries[1] = ExpiryInputs { forward: i64::MAX, ..i.expiries[1].clone() });
    assert!(huge.is_ok(), "the largest forward of the wire still fits: {huge:?}");
}
