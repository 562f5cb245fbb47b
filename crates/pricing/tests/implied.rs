//! Implied vol: exact against 50-digit arithmetic, the same on every path, and a status for what has none.

use pricing::{
    BatchError, Contract, ImpliedVolError, Path, Quotes, VolStatus, black76, implied_vol, implied_vols_into,
    implied_vols_into_on,
};
use proptest::prelude::*;

/// (price, forward, strike, t, is_call, vol): the vol that belongs to these very doubles, by 50-digit arithmetic.
const REFERENCE: [(f64, f64, f64, f64, bool, f64); 20] = [
    (4398.81062738058, 70000.0, 70000.0, 0.0821917808219178, true, 0.55),
    (1486.72414570566, 70000.0, 72000.0, 0.019178082191780823, true, 0.6),
    (2612.42299175229, 70000.0, 50000.0, 0.25, false, 0.8),
    (1756.8137709157118, 70000.0, 140000.0, 0.5, true, 0.7),
    (65.52593764239226, 3500.0, 3500.5, 0.0027397260273972603, true, 0.9),
    (2.8369113117637855e-98, 3500.0, 3499.0, 1.902587519025875e-06, false, 0.01),
    (0.01925974052742048, 3500.0, 3500.0, 1.902587519025875e-06, true, 0.01),
    (8.331548012774517e-09, 100.0, 100.0000001, 1.0, true, 1e-09),
    (8.15901219622323e-13, 100.0, 250.0, 0.02, true, 0.9),
    (2.2562983653771137e-18, 100.0, 5.0, 3.0, false, 0.2),
    (0.4248914080890657, 100.0, 2000.0, 1.0, true, 1.1),
    (3.698860767665596, 100.0, 103.0, 0.0625, true, 0.5),
    (8.866442162363153, 100.0, 103.0, 0.25, true, 0.51),
    (95.22890313051542, 100.0, 110.0, 1.0, true, 3.9999999999999996),
    (19.976764910002974, 100.0, 20.0, 3.0, false, 4.000000000000022),
    (99.99999999999362, 100.0, 100.0, 1.0, true, 15.00004558452844),
    (30.821806571506915, 100.0, 400.0, 1.0, true, 1.6651092223153954),
    (7.774453920826424e-134, 1e+120, 1e+121, 1.0, true, 0.068),
    (9.965820310992055e-151, 1e+150, 1e-150, 1.0, false, 40.0),
    (3.5968576389377173e-286, 100.0, 150.0, 0.25, true, 0.0225),
];

/// Columns of a batch, and what it should and does give.
#[derive(Debug, Default)]
struct Columns {
    price: Vec<f64>,
    forward: Vec<f64>,
    strike: Vec<f64>,
    t: Vec<f64>,
    is_call: Vec<u8>,
}

impl Columns {
    fn push(&mut self, price: f64, forward: f64, strike: f64, t: f64, is_call: bool) {
        self.price.push(price);
        self.forward.push(forward);
        self.strike.push(strike);
        self.t.push(t);
        self.is_call.push(u8::from(is_call));
    }

    fn quotes(&self) -> Quotes<'_> {
        Quotes {
            price: &self.price,
            forward: &self.forward,
            strike: &self.strike,
            t: &self.t,
            is_call: &self.is_call,
        }
    }

    fn one_by_one(&self) -> Vec<Result<f64, ImpliedVolError>> {
        let one =
            |i: usize| (self.price[i], self.forward[i], self.strike[i], self.t[i], self.is_call[i] != 0);
        (0..self.price.len())
            .map(|i| {
                let (price, forward, strike, t, is_call) = one(i);
                implied_vol(price, forward, strike, t, is_call)
            })
            .collect()
    }

    /// Asserts that every path gives the bits and statuses of the options taken one by one.
    fn assert_paths_agree(&self) {
        let expected = self.one_by_one();
        for path in Path::available() {
            let (mut vol, mut status) = (vec![f64::NAN; expected.len()], vec![u8::MAX; expected.len()]);
            implied_vols_into_on(path, &self.quotes(), &mut vol, &mut status).expect("equal lengths");
            for (i, one) in expected.iter().enumerate() {
                assert_eq!(status[i], status_of(one), "{path:?} option {i}: {one:?}");
                assert_eq!(vol[i].to_bits(), one.unwrap_or(0.0).to_bits(), "{path:?} option {i}: {one:?}");
            }
        }
    }
}

fn status_of(result: &Result<f64, ImpliedVolError>) -> u8 {
    let status = match result {
        Ok(_) => VolStatus::Found,
        Err(ImpliedVolError::BelowIntrinsic { .. }) => VolStatus::BelowIntrinsic,
        Err(ImpliedVolError::AboveBound { .. }) => VolStatus::AboveBound,
        Err(ImpliedVolError::Input { .. }) => VolStatus::BadInput,
    };
    status as u8
}

/// The out-of-the-money price, and the option's type.
fn otm(forward: f64, strike: f64, t: f64, sigma: f64) -> (f64, bool) {
    let is_call = strike >= forward;
    (black76(&Contract { forward, strike, t, sigma, is_call }).price, is_call)
}

#[test]
fn finds_the_vol_to_its_last_digits() {
    for (price, forward, strike, t, is_call, vol) in REFERENCE {
        let found = implied_vol(price, forward, strike, t, is_call).expect("valid");
        assert!((found / vol - 1.0).abs() <= 2e-15, "F {forward} K {strike} T {t}: {found} is not {vol}");
    }
}

#[test]
fn the_reference_has_the_same_bits_on_every_path() {
    let mut columns = Columns::default();
    REFERENCE.iter().for_each(|&(price, forward, strike, t, is_call, _)| {
        columns.push(price, forward, strike, t, is_call);
    });
    columns.assert_paths_agree();
}

#[test]
fn refuses_prices_that_no_vol_gives() {
    let below = ImpliedVolError::BelowIntrinsic { price: 9.99, intrinsic: 10.0 };
    assert_eq!(implied_vol(9.99, 110.0, 100.0, 1.0, true), Err(below));
    assert_eq!(implied_vol(9.99, 100.0, 110.0, 1.0, false), Err(below));
    let negative = ImpliedVolError::BelowIntrinsic { price: -1.0, intrinsic: 0.0 };
    assert_eq!(implied_vol(-1.0, 90.0, 100.0, 1.0, true), Err(negative));
    let above = |bound| Err(ImpliedVolError::AboveBound { price: bound, bound });
    assert_eq!(implied_vol(110.0, 110.0, 100.0, 1.0, true), above(110.0));
    assert_eq!(implied_vol(100.0, 110.0, 100.0, 1.0, false), above(100.0));
    assert_eq!(implied_vol(90.0, 90.0, 100.0, 1.0, true), above(90.0));
}

#[test]
fn refuses_inputs_outside_their_domain_by_name() {
    let good = [1.0, 100.0, 100.0, 1.0];
    for (place, name) in ["price", "forward", "strike", "time to expiry"].into_iter().enumerate() {
        let bad: &[f64] = if place == 0 {
            &[f64::NAN, f64::INFINITY]
        } else {
            &[0.0, -1.0, 1e200, f64::NAN, f64::INFINITY]
        };
        for value in bad {
            let mut inputs = good;
            inputs[place] = *value;
            let [price, forward, strike, t] = inputs;
            match implied_vol(price, forward, strike, t, true) {
                Err(ImpliedVolError::Input { what, .. }) => assert_eq!(what, name),
                other => panic!("{name} {value}: {other:?}"),
            }
        }
    }
}

#[test]
fn the_intrinsic_value_has_no_vol() {
    assert_eq!(implied_vol(10.0, 110.0, 100.0, 1.0, true), Ok(0.0));
    assert_eq!(implied_vol(0.0, 90.0, 100.0, 1.0, true), Ok(0.0));
    assert_eq!(implied_vol(0.0, 100.0, 100.0, 1.0, false), Ok(0.0));
}

#[test]
fn reaches_the_smallest_and_the_largest_prices() {
    for wanted in [1e-300, 1e-200, 1e-50, 1e-10] {
        let sigma = implied_vol(wanted, 100.0, 150.0, 0.25, true).expect("valid");
        let (back, _) = otm(100.0, 150.0, 0.25, sigma);
        // At such depths a rounding of d1² is a 1e-11 of the price.
        assert!((back / wanted - 1.0).abs() < 1e-9, "{wanted} {back}");
    }
    // At the money a small price is F·σ√T/√(2π).
    for wanted in [1e-300, 1e-200, 1e-50, 1e-12] {
        let sigma = implied_vol(wanted, 100.0, 100.0, 0.25, true).expect("valid");
        let expected = wanted / 100.0 / 0.5 * 2.5066282746310002;
        assert!((sigma / expected - 1.0).abs() < 2e-15, "{wanted} {sigma}");
    }
    let last = implied_vol(100.0f64.next_down(), 100.0, 150.0, 0.25, true).expect("valid");
    assert!((30.0..40.0).contains(&last), "{last}");
}

#[test]
fn minutes_to_expiry_lose_no_digits() {
    let minute = 60.0 / 31_536_000.0;
    for sigma in [0.01, 0.3, 4.0] {
        for deviations in [-3.0, -0.5, 0.0, 1e-3, 2.0] {
            let strike = 70_000.0 * f64::exp(deviations * sigma * f64::sqrt(minute));
            let (price, is_call) = otm(70_000.0, strike, minute, sigma);
            let found = implied_vol(price, 70_000.0, strike, minute, is_call).expect("valid");
            // What is left is the rounding of the price, 4e-16 of the forward at most.
            let vega = 70_000.0 * 0.4 * f64::exp(-0.5 * deviations * deviations) * minute.sqrt();
            assert!((found - sigma).abs() <= 1e-15 + 4e-16 * 70_000.0 / vega, "{sigma} {deviations} {found}");
        }
    }
}

#[test]
fn remainders_and_broadcast_columns() {
    for length in [0, 1, 2, 7, 8, 9, 63, 64, 65, 130] {
        let mut columns = Columns::default();
        for i in 0..length {
            let strike = 60.0 + f64::from(i);
            let (price, is_call) = otm(100.0, strike, 0.1, 0.4);
            columns.push(price, 100.0, strike, 0.1, is_call);
        }
        columns.assert_paths_agree();
        let full = columns.one_by_one();
        let quotes = Quotes { forward: &[100.0], t: &[0.1], ..columns.quotes() };
        let count = full.len();
        let (mut vol, mut status) = (vec![f64::NAN; count], vec![u8::MAX; count]);
        implied_vols_into(&quotes, &mut vol, &mut status).expect("one value for all");
        for (vol, one) in vol.iter().zip(&full) {
            assert_eq!(Ok(*vol), *one);
        }
        // A part is solved like the whole.
        let half = count / 2;
        let mut part = vec![f64::NAN; count - half];
        implied_vols_into(&quotes.part(half..count), &mut part, &mut status[half..]).expect("a part");
        assert_eq!(part, vol[half..]);
    }
}

#[test]
fn every_broadcast_input_fills_its_column() {
    let (mut vol, mut status) = ([0.0; 3], [u8::MAX; 3]);
    let quotes =
        Quotes { price: &[4.0, 5.0, 6.0], forward: &[100.0], strike: &[105.0], t: &[0.5], is_call: &[1] };
    implied_vols_into(&quotes, &mut vol, &mut status).expect("one value for all");
    for (price, vol) in quotes.price.iter().zip(vol) {
        assert_eq!(implied_vol(*price, 100.0, 105.0, 0.5, true), Ok(vol));
    }
    let one_price = Quotes { price: &[4.0], strike: &[105.0, 106.0, 107.0], is_call: &[1, 0, 1], ..quotes };
    implied_vols_into(&one_price, &mut vol, &mut status).expect("one value for all");
    assert_eq!(implied_vol(4.0, 100.0, 107.0, 0.5, true), Ok(vol[2]));
    assert_eq!((vol[1], status[1]), (0.0, VolStatus::BelowIntrinsic as u8));
}

#[test]
fn lengths_must_agree() {
    let quotes =
        Quotes { price: &[4.0, 5.0], forward: &[100.0], strike: &[105.0; 3], t: &[0.5], is_call: &[1] };
    let (mut vol, mut status) = ([7.0; 2], [7; 2]);
    let wrong = BatchError::Length { column: "strike", found: 3, expected: 2 };
    assert_eq!(implied_vols_into(&quotes, &mut vol, &mut status), Err(wrong));
    let short = BatchError::Length { column: "status", found: 1, expected: 2 };
    let quotes = Quotes { strike: &[105.0], ..quotes };
    assert_eq!(implied_vols_into(&quotes, &mut vol, &mut status[..1]), Err(short));
    assert_eq!((vol, status), ([7.0; 2], [7; 2]), "nothing was written");
}

/// Any double, with the edges more often than chance would have them.
fn any_number() -> impl Strategy<Value = f64> {
    let edges =
        [0.0, -0.0, 5e-324, 1e-150, 1.0, 100.0, 1e150, 1e100, -1.0, f64::MAX, f64::INFINITY, f64::NAN];
    prop_oneof![
        2 => (-345.0f64..345.0).prop_map(f64::exp),
        2 => 0.0f64..200.0,
        1 => proptest::sample::select(edges.to_vec()),
        1 => any::<u64>().prop_map(f64::from_bits),
    ]
}

proptest! {
    #[test]
    fn any_bits_have_one_answer_and_it_is_finite(
        options in proptest::collection::vec(
            (any_number(), any_number(), any_number(), any_number(), any::<bool>()), 0..150
        )
    ) {
        let mut columns = Columns::default();
        for (price, forward, strike, t, is_call) in options {
            columns.push(price, forward, strike, t, is_call);
        }
        columns.assert_paths_agree();
        for vol in columns.one_by_one().into_iter().flatten() {
            prop_assert!(vol >= 0.0 && vol.is_finite());
        }
    }

    #[test]
    fn prices_between_the_bounds_have_a_vol_on_every_path(
        options in proptest::collection::vec(
            (-3.0f64..3.0, -12.0f64..1.1, 0.0f64..40.0, any::<bool>(), any::<bool>()), 1..150
        )
    ) {
        let mut columns = Columns::default();
        for (log_k, log_t, fall, is_high, is_call) in options {
            let strike = 100.0 * log_k.exp();
            let share = if is_high { 1.0 - (-0.9 * fall).exp() } else { (-fall).exp() };
            let intrinsic = if is_call { 100.0 - strike } else { strike - 100.0 }.max(0.0);
            columns.push(intrinsic + share * strike.min(100.0), 100.0, strike, log_t.exp(), is_call);
        }
        columns.assert_paths_agree();
    }

    #[test]
    fn undoes_the_price_of_otm_options(
        deviations in -4.0f64..4.0, log_t in -5.9f64..0.7, sigma in 0.1f64..2.0, log_f in 0.0f64..12.0
    ) {
        let (forward, t) = (log_f.exp(), log_t.exp());
        let strike = forward * (deviations * sigma * t.sqrt()).exp();
        let (price, is_call) = otm(forward, strike, t, sigma);
        let found = implied_vol(price, forward, strike, t, is_call).expect("valid");
        prop_assert!((found - sigma).abs() <= 1e-13, "{} {}", sigma, found);
    }

    #[test]
    fn undoes_the_price_in_the_money_within_what_the_price_resolves(
        deviations in -2.0f64..2.0, t in 0.01f64..2.0, sigma in 0.1f64..2.0
    ) {
        let strike = 100.0 * (deviations * sigma * t.sqrt()).exp();
        let contract = Contract { forward: 100.0, strike, t, sigma, is_call: strike < 100.0 };
        let value = black76(&contract);
        let found = implied_vol(value.price, 100.0, strike, t, contract.is_call).expect("valid");
        let resolution = 4e-16 * strike.max(100.0) / (100.0 * value.vega);
        prop_assert!((found - sigma).abs() <= 1e-14 + 2.0 * resolution, "{} {}", sigma, found);
    }

    #[test]
    fn a_higher_price_has_a_higher_vol(
        log_k in -1.0f64..1.0, t in 0.01f64..2.0, share in 1e-6f64..0.99, is_call: bool
    ) {
        let strike = 100.0 * log_k.exp();
        let intrinsic = if is_call { 100.0 - strike } else { strike - 100.0 }.max(0.0);
        let price = |share: f64| intrinsic + share * strike.min(100.0);
        let low = implied_vol(price(share), 100.0, strike, t, is_call).expect("valid");
        let high = implied_vol(price(share * (1.0 + 1e-9)), 100.0, strike, t, is_call).expect("valid");
        prop_assert!(high >= low);
    }
}
