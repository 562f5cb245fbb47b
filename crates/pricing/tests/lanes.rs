//! Lanes and gaps: what they promise of every price between the nodes, and that every machine finds the same.

use pricing::lanes::{CRASH_MOVE, CRASH_VOL, TAILS};
use pricing::{Contract, MarkError, Path, black76, mark_arrays, mark_arrays_on, year_fraction};
use proptest::prelude::*;
use protocol::{
    ExpiryInputs, InstrumentKind, InstrumentSpec, MarkArrays, MarkInputs, NANO_ONE, Nanos, OptionType,
    RiskArray, SETTLEMENT_WINDOW_NS, ScenarioParameters, SviSlice, USD, Wire,
};

const NOW: Nanos = 1_770_336_000_000_000_000;
const DAY: Nanos = 86_400_000_000_000;
const PARAMETERS: ScenarioParameters = ScenarioParameters {
    range: 160_000_000,
    vol_up: 500_000_000,
    vol_down: 250_000_000,
    power_short: 300_000_000,
    power_long: 130_000_000,
    vol_floor: 500_000_000,
    skew_linear: 400_000_000,
    skew_absolute: 300_000_000,
    term_front: 1_500_000_000,
    term_back: 300_000_000,
};
/// First lanes of the rows: vol up, unchanged, down.
const ROWS: [usize; 3] = [0, 17, 34];
const UNSHOCKED: usize = 25;

/// One expiry with a flat smile.
#[derive(Debug, Clone, Copy)]
struct Market {
    forward: f64,
    left: Nanos,
    sigma: f64,
}

impl Market {
    fn expiry(&self) -> Nanos {
        NOW + self.left
    }

    fn t(&self) -> f64 {
        year_fraction(NOW, self.expiry())
    }

    fn inputs(&self) -> MarkInputs {
        let nano = |value: f64| (value * NANO_ONE as f64).round() as i64;
        let a = nano(self.sigma * self.sigma * self.t()).max(1);
        let smile = SviSlice { a, b: 0, rho: 0, m: 0, sigma: 1 };
        MarkInputs {
            underlying: 1,
            time: NOW,
            index: nano(self.forward),
            confidence: 0,
            sources: 3,
            perpetual_mark: nano(self.forward) + 333,
            funding_rate: 0,
            expiries: vec![ExpiryInputs {
                expiry: self.expiry(),
                forward: nano(self.forward),
                rate: 0,
                smile,
            }],
        }
    }

    fn option(&self, instrument: u32, strike: i64, option_type: OptionType) -> InstrumentSpec {
        InstrumentSpec {
            instrument,
            name: String::new(),
            underlying: 1,
            kind: InstrumentKind::Option,
            option_type,
            strike,
            expiry: self.expiry(),
            tick_size: USD,
            lot_size: 1_000_000,
            lane_unit: 10,
        }
    }

    /// The call and the put at a strike.
    fn pair(&self, strike: i64) -> [RiskArray; 2] {
        let specs = [self.option(1, strike, OptionType::Call), self.option(2, strike, OptionType::Put)];
        let arrays = arrays(&self.inputs(), &specs);
        [0, 1].map(|place| RiskArray::clone(arrays.marks[place].risk.as_deref().expect("with lanes")))
    }
}

fn perpetual(lot_size: i64, lane_unit: u32) -> InstrumentSpec {
    let market = Market { forward: 1.0, left: 0, sigma: 0.0 };
    let option = market.option(1, 0, OptionType::Call);
    InstrumentSpec { kind: InstrumentKind::Perpetual, expiry: 0, lot_size, lane_unit, ..option }
}

fn arrays(inputs: &MarkInputs, specs: &[InstrumentSpec]) -> MarkArrays {
    let listed = specs.iter().map(|spec| (spec.instrument, spec));
    mark_arrays(inputs, listed, Some(&PARAMETERS)).expect("sound inputs")
}

/// The vols of the three rows of an option `t` years away, as `docs/protocol/marks.md` has them.
fn row_vols(sigma: f64, t: f64) -> [f64; 3] {
    let days = (t * 365.0).max(1.0);
    let moved = (30.0 / days).powf(if days < 30.0 { 0.3 } else { 0.13 });
    [(sigma * (1.0 + 0.5 * moved)).max(0.5), sigma, sigma * (1.0 - 0.25 * moved).max(0.05)]
}

fn options() -> impl Strategy<Value = (Market, i64)> {
    let left = prop_oneof![60_000_000_000..2 * DAY, DAY..40 * DAY, 40 * DAY..1_000 * DAY];
    (1.0f64..11.5, -0.7f64..0.7, left, -3.0f64..1.0).prop_map(|(size, distance, left, vol)| {
        let market = Market { forward: (size.exp() * 1e3).round() / 1e3, left, sigma: vol.exp() };
        (market, ((market.forward * distance.exp() * 1e6).round() as i64).max(1))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The promise of the gaps, with the integers as they are: one long and one short lot of a call and a put, anywhere in
    /// a cell on each row.
    #[test]
    fn no_price_in_a_cell_is_worse_than_its_bound(
        (market, strike) in options(), moves in prop::collection::vec(-1.0f64..1.0, 12)
    ) {
        let t = market.t();
        let share = market.left.min(SETTLEMENT_WINDOW_NS) as f64 / SETTLEMENT_WINDOW_NS as f64;
        let sigma = (market.inputs().expiries[0].smile.a as f64 / 1e9 / t).sqrt();
        for (risk, is_call) in market.pair(strike).iter().zip([true, false]) {
            let price = |forward, sigma| {
                black76(&Contract { forward, strike: strike as f64 / 1e6, t, sigma, is_call }).price
            };
            let unshocked = price(market.forward, sigma);
            for (row, vol) in ROWS.into_iter().zip(row_vols(sigma, t)) {
                for &s in &moves {
                    let forward = market.forward * (1.0 + 0.16 * s * share);
                    // 1,000 lane units of 10 micro-USDC are one USD for a lot of 0.01.
                    let value = (price(forward, vol) - unshocked) * 1_000.0;
                    let place = (s + 1.0) * 8.0;
                    let cell = (place.floor() as usize).min(15);
                    let (first, last) = (risk.lanes[row + cell], risk.lanes[row + cell + 1]);
                    let (first, last) = (f64::from(first), f64::from(last));
                    let chord = first + (last - first) * (place - cell as f64);
                    let gap = f64::from(risk.gaps[cell]);
                    // The nodes' forwards are rounded, and so is this one: a thousandth of a unit.
                    prop_assert!(value >= chord - gap - 1e-3, "long {value} {chord} {gap}");
                    prop_assert!(value <= chord + 1.0 + 1e-3, "short {value} {chord}");
                    prop_assert!(value >= first.min(last) - gap - 1e-3);
                }
            }
        }
    }

    #[test]
    fn a_call_less_its_put_moves_like_the_forward((market, strike) in options()) {
        let [call, put] = market.pair(strike);
        let share = market.left.min(SETTLEMENT_WINDOW_NS) as f64 / SETTLEMENT_WINDOW_NS as f64;
        let mut moves: Vec<f64> = (0..51).map(|lane| (f64::from(lane % 17) / 8.0 - 1.0) * 0.16).collect();
        moves.extend(TAILS.map(|change| 0.16 * change.signum()));
        moves.extend([0.0, 0.0, 0.0, 0.0, 0.16 * CRASH_MOVE.signum()]);
        for (lane, s) in moves.into_iter().enumerate() {
            let forward = market.forward * 1_000.0 * s * share;
            let difference = f64::from(call.lanes[lane]) - f64::from(put.lanes[lane]);
            prop_assert!((difference - forward).abs() < 1.0 + 1e-3, "{lane}: {difference} {forward}");
        }
        prop_assert_eq!(call.gaps, put.gaps);
        prop_assert_eq!((call.lanes[UNSHOCKED], put.lanes[UNSHOCKED]), (0, 0));
    }

    /// A call gains with the price and with the vol, whatever it is; a put gains with a falling price.
    #[test]
    fn lanes_are_monotone((market, strike) in options()) {
        let [call, put] = market.pair(strike);
        for row in ROWS {
            prop_assert!(call.lanes[row..row + 17].is_sorted());
            prop_assert!(put.lanes[row..row + 17].iter().rev().is_sorted());
        }
        for node in 0..17 {
            for side in [&call, &put] {
                let [up, unchanged, down] = ROWS.map(|row| side.lanes[row + node]);
                prop_assert!(up >= unchanged && unchanged >= down);
            }
        }
    }

    #[test]
    fn every_path_finds_the_same_arrays(markets in prop::collection::vec(options(), 1..4)) {
        let mut specs = Vec::new();
        let (first, _) = markets[0];
        for (place, (_, strike)) in (0..).zip(&markets) {
            specs.push(first.option(2 * place + 1, *strike, OptionType::Call));
            specs.push(first.option(2 * place + 2, *strike, OptionType::Put));
        }
        let on = |path| {
            let listed = specs.iter().map(|spec| (spec.instrument, spec));
            mark_arrays_on(path, &first.inputs(), listed, Some(&PARAMETERS)).expect("sound inputs")
        };
        for path in Path::available() {
            prop_assert_eq!(on(path), on(Path::Scalar));
        }
        // A strike's lanes are its own: they do not depend on what is listed beside it.
        for (place, spec) in specs.iter().enumerate() {
            let alone = arrays(&first.inputs(), std::slice::from_ref(spec));
            prop_assert_eq!(&alone.marks[0], &on(Path::best()).marks[place]);
        }
    }

    #[test]
    fn a_perpetual_is_exact(mark in 1i64..1_000_000_000_000_000, lot_size in 1i64..10_000_000_000, unit in 1u32..1_000_000) {
        let market = Market { forward: 1.0, left: 0, sigma: 0.0 };
        let inputs = MarkInputs { perpetual_mark: mark, ..market.inputs() };
        let found = arrays(&inputs, &[perpetual(lot_size, unit)]);
        let (mark, risk) = (found.marks[0].mark, found.marks[0].risk.as_deref().expect("with lanes"));
        let value = |eighths: i128| {
            let exact = i128::from(mark) * i128::from(lot_size) * i128::from(PARAMETERS.range) * eighths;
            let value = exact.div_euclid(8 * i128::from(NANO_ONE) * 100_000_000 * i128::from(unit));
            value.clamp(i32::MIN.into(), i32::MAX.into()) as i32
        };
        for row in ROWS {
            for node in 0..17 {
                prop_assert_eq!(risk.lanes[row + node], value(node as i128 - 8));
            }
        }
        for lane in 51..59 {
            prop_assert_eq!(risk.lanes[lane], value(if TAILS[lane - 51] < 0.0 { -8 } else { 8 }));
        }
        prop_assert_eq!(&risk.lanes[59..63], &[0; 4]);
        prop_assert_eq!(risk.lanes[63], value(-8));
        prop_assert_eq!(risk.gaps, [0; 16]);
    }
}

/// Journals name the hashes of arrays, so a bit that changes here makes old ones unreadable.
#[test]
fn the_bits_are_pinned() {
    let market = Market { forward: 70_250.5, left: 9 * DAY, sigma: 0.55 };
    let mut inputs = market.inputs();
    inputs.expiries[0].smile =
        SviSlice { a: 1_000_000, b: 20_000_000, rho: -300_000_000, m: 10_000_000, sigma: 100_000_000 };
    inputs.expiries[0].rate = 30_000_000;
    let strikes = (0..40i64).map(|n| (30_000 + 2_500 * n) * USD);
    let sides = strikes.flat_map(|strike| [(strike, OptionType::Call), (strike, OptionType::Put)]);
    let mut specs: Vec<_> =
        (2..).zip(sides).map(|(id, (strike, side))| market.option(id, strike, side)).collect();
    specs.insert(0, perpetual(100_000, 10));
    let pinned = "0xd2ad23270157f5ab254896c288bd2bd9218044ecadaa99ea17ab6fc0811757ef";
    assert_eq!(arrays(&inputs, &specs).hash().to_string(), pinned);
}

#[test]
fn tails_and_crash_count_in_proportion() {
    let market = Market { forward: 70_000.0, left: 30 * DAY, sigma: 0.6 };
    let [call, put] = market.pair(70_000 * USD);
    let t = market.t();
    let sigma = (market.inputs().expiries[0].smile.a as f64 / 1e9 / t).sqrt();
    let value = |change: f64, sigma| {
        let option = Contract { forward: 70_000.0, strike: 70_000.0, t, sigma, is_call: true };
        let shocked = black76(&Contract { forward: 70_000.0 * (1.0 + change), ..option }).price;
        (shocked, black76(&option).price)
    };
    let unshocked = value(0.0, sigma).1;
    let lanes = (51..).zip(TAILS).map(|(lane, change)| (lane, change, sigma * 1.5));
    for (lane, change, vol) in lanes.chain([(63, CRASH_MOVE, sigma * CRASH_VOL)]) {
        let pnl = (value(change, vol).0 - unshocked) * 1_000.0 * 0.16 / change.abs();
        assert_eq!(call.lanes[lane], pnl.floor() as i32, "{change}");
    }
    assert!(put.lanes[63] > put.lanes[52], "the crash is worse for a short put than the tail of a third");
}

/// Almost without vol the price is a kink at the strike, where the tangents at the nodes cross: the gap is what lies
/// between the kink and the chord.
#[test]
fn the_gap_is_no_larger_than_it_must_be() {
    let market = Market { forward: 70_000.0, left: 30 * DAY, sigma: 0.0001 };
    let sharp = ScenarioParameters { vol_floor: 0, ..PARAMETERS };
    let spec = market.option(1, 70_500 * USD, OptionType::Put);
    let found = mark_arrays(&market.inputs(), [(1, &spec)], Some(&sharp)).expect("sound inputs");
    let gaps = found.marks[0].risk.as_deref().expect("with lanes").gaps;
    // Nodes at 70,000 and 71,400 USD: 500·900/1,400 USD, 1,000 units each. Elsewhere it is straight, up to rounding.
    let expected = std::array::from_fn(|cell| if cell == 8 { 321_429 } else { 1 });
    assert_eq!(gaps, expected);
}

#[test]
fn in_the_settlement_window_only_what_is_left_of_it_moves() {
    let minutes = |left: u64| {
        let market = Market { forward: 70_000.0, left: left * 60_000_000_000, sigma: 0.0001 };
        market.pair(50_000 * USD)[0].clone()
    };
    // Deep in the money the call is its forward: 16 % of 70,000 USD up, 1,000 units a USD.
    let (before, half, tenth) = (minutes(31), minutes(15), minutes(3));
    assert_eq!((before.lanes[33], half.lanes[33], tenth.lanes[33]), (11_200_000, 5_600_000, 1_120_000));
    assert_eq!(tenth.lanes[58], 1_120_000);
    let settled = minutes(0);
    assert_eq!((settled.lanes, settled.gaps), ([0; 64], [0; 16]));
}

#[test]
fn what_a_rate_discounts_is_discounted_in_lanes() {
    let market = Market { forward: 70_000.0, left: 365 * DAY, sigma: 0.6 };
    let spec = [market.option(1, 80_000 * USD, OptionType::Call)];
    let mut inputs = market.inputs();
    let plain = arrays(&inputs, &spec).marks[0].risk.clone().expect("with lanes");
    inputs.expiries[0].rate = 100_000_000;
    let discounted = arrays(&inputs, &spec).marks[0].risk.clone().expect("with lanes");
    for (plain, discounted) in plain.lanes.iter().zip(discounted.lanes) {
        assert!((f64::from(*plain) * (-0.1f64).exp() - f64::from(discounted)).abs() <= 2.0);
    }
}

/// The unit that listings need: with R at most one half, 2.7·forward·lot/2^31 keeps every lane inside an i32.
#[test]
fn lanes_fit_with_the_unit_that_a_listing_needs() {
    let widest = ScenarioParameters { range: NANO_ONE / 2, vol_up: 10 * NANO_ONE, ..PARAMETERS };
    let market = Market { forward: 790_000.0, left: 10 * DAY, sigma: 3.0 };
    let strikes = [1, 100_000, 790_000, 3_000_000, 100_000_000];
    let specs: Vec<_> = (1..)
        .zip(strikes)
        .flat_map(|(place, strike)| {
            [(0, OptionType::Call), (1, OptionType::Put)]
                .map(|(side, kind)| market.option(2 * place + side, strike * USD, kind))
        })
        .collect();
    let listed = specs.iter().map(|spec| (spec.instrument, spec));
    let found = mark_arrays(&market.inputs(), listed, Some(&widest)).expect("sound inputs");
    let lanes = || found.marks.iter().flat_map(|mark| mark.risk.as_deref().expect("with lanes").lanes);
    assert!(lanes().all(|lane| lane != i32::MAX && lane != i32::MIN));
    assert!(lanes().any(|lane| lane.unsigned_abs() > 1 << 29), "the unit is not wasted either");
    assert_eq!(MarkArrays::from_bytes(&found.to_bytes()), Ok(found));
}

#[test]
fn refuses_parameters_without_sense() {
    let market = Market { forward: 70_000.0, left: DAY, sigma: 0.6 };
    let with = |parameters: ScenarioParameters| {
        mark_arrays(&market.inputs(), [], Some(&parameters)).expect_err("no scenario")
    };
    let refused = [
        ("range", ScenarioParameters { range: 0, ..PARAMETERS }),
        ("range", ScenarioParameters { range: NANO_ONE, ..PARAMETERS }),
        ("vol_up", ScenarioParameters { vol_up: -1, ..PARAMETERS }),
        ("power_long", ScenarioParameters { power_long: NANO_ONE + 1, ..PARAMETERS }),
        ("term_back", ScenarioParameters { term_back: i64::MIN, ..PARAMETERS }),
    ];
    for (name, parameters) in refused {
        assert!(matches!(with(parameters), MarkError::Scenario(error) if error.what == name), "{name}");
    }
    let unlisted = InstrumentSpec { lane_unit: 0, ..market.option(1, USD, OptionType::Call) };
    let refused = mark_arrays(&market.inputs(), [(1, &unlisted)], Some(&PARAMETERS));
    assert!(matches!(refused, Err(MarkError::NotPositive { what: "a lane unit", .. })));
}
