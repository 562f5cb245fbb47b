//! Every path gives the bits of the scalar functions, whatever the length of a batch and however odd its numbers.

use pricing::{
    Chain, ChainExpiry, Contract, GreekColumns, Options, Path, SecondOrderColumns, black76, black76_into_on,
    second_order_into_on,
};
use proptest::prelude::*;

/// Columns of options, and what a path made of them.
#[derive(Debug, Default, Clone)]
struct Columns {
    forward: Vec<f64>,
    strike: Vec<f64>,
    t: Vec<f64>,
    sigma: Vec<f64>,
    is_call: Vec<u8>,
}

impl Columns {
    fn from_contracts(contracts: &[Contract]) -> Self {
        let column = |field: fn(&Contract) -> f64| contracts.iter().map(field).collect();
        Self {
            forward: column(|c| c.forward),
            strike: column(|c| c.strike),
            t: column(|c| c.t),
            sigma: column(|c| c.sigma),
            is_call: contracts.iter().map(|c| u8::from(c.is_call)).collect(),
        }
    }

    fn options(&self) -> Options<'_> {
        let Self { forward, strike, t, sigma, is_call } = self;
        Options { forward, strike, t, sigma, is_call }
    }
}

/// The bits of price and Greeks, a row per option.
fn first_order(path: Path, options: &Options<'_>, length: usize) -> Vec<[u64; 6]> {
    let mut out: [Vec<f64>; 6] = std::array::from_fn(|_| vec![f64::NAN; length]);
    let [price, delta, gamma, vega, theta, rho] = &mut out;
    let mut greeks = GreekColumns { price, delta, gamma, vega, theta, rho };
    black76_into_on(path, options, &mut greeks).expect("in the domain");
    (0..length).map(|i| std::array::from_fn(|column| out[column][i].to_bits())).collect()
}

fn second_order(path: Path, options: &Options<'_>, length: usize) -> Vec<[u64; 4]> {
    let mut out: [Vec<f64>; 4] = std::array::from_fn(|_| vec![f64::NAN; length]);
    let [vanna, volga, charm, speed] = &mut out;
    let mut second = SecondOrderColumns { vanna, volga, charm, speed };
    second_order_into_on(path, options, &mut second).expect("in the domain");
    assert!(out.iter().flatten().all(|value| value.is_finite()));
    (0..length).map(|i| std::array::from_fn(|column| out[column][i].to_bits())).collect()
}

fn scalar_bits(contract: &Contract) -> [u64; 6] {
    let value = black76(contract);
    let row = [value.price, value.delta, value.gamma, value.vega, value.theta, value.rho];
    assert!(row.iter().all(|value| value.is_finite()), "{contract:?} {value:?}");
    row.map(f64::to_bits)
}

/// Checks the batch on every path against the scalar function, and the second order on every path against each other.
fn assert_same_bits(contracts: &[Contract]) {
    let columns = Columns::from_contracts(contracts);
    let expected: Vec<_> = contracts.iter().map(scalar_bits).collect();
    let baseline = second_order(Path::Scalar, &columns.options(), contracts.len());
    for path in Path::available() {
        for (i, row) in first_order(path, &columns.options(), contracts.len()).iter().enumerate() {
            assert_eq!(*row, expected[i], "{path:?} {:?}", contracts[i]);
        }
        for (i, row) in second_order(path, &columns.options(), contracts.len()).iter().enumerate() {
            assert_eq!(*row, baseline[i], "{path:?} {:?}", contracts[i]);
        }
    }
}

/// Corners of the domain: no time, no vol, the ends of every range, and deep in and out of the money.
fn corners() -> Vec<Contract> {
    let mut contracts = Vec::new();
    for forward in [1e-150, 1.0, 70_000.0, 1e150] {
        for ratio in [1e-300, 0.05, 1.0 - f64::EPSILON, 1.0, 1.0 + f64::EPSILON, 20.0, 1e300] {
            let strike = forward * ratio;
            if !(1e-150..=1e150).contains(&strike) {
                continue;
            }
            for t in [-1.0, 0.0, 5e-324, 1e-300, 1.9e-6, 1.0, 3.0, 1e100] {
                for sigma in [0.0, 5e-324, 1e-100, 1e-9, 0.01, 0.6, 4.0, 1e100] {
                    for is_call in [true, false] {
                        contracts.push(Contract { forward, strike, t, sigma, is_call });
                    }
                }
            }
        }
    }
    contracts
}

#[test]
fn corners_of_the_domain() {
    assert_same_bits(&corners());
}

#[test]
fn subnormal_prices() {
    let contracts: Vec<Contract> = (0..400)
        .map(|i| {
            let strike = 100.0 * (3.0 + 0.005 * f64::from(i)).exp();
            Contract { forward: 100.0, strike, t: 0.01, sigma: 1.0, is_call: true }
        })
        .collect();
    let prices: Vec<f64> = contracts.iter().map(|contract| black76(contract).price).collect();
    assert!(prices.iter().any(|price| *price > 0.0 && *price < f64::MIN_POSITIVE), "a price is subnormal");
    assert!(prices.contains(&0.0), "and one is too small for that");
    assert_same_bits(&contracts);
}

#[test]
fn every_remainder_of_a_block() {
    let contracts: Vec<Contract> = corners().into_iter().step_by(17).take(150).collect();
    for length in 0..contracts.len() {
        assert_same_bits(&contracts[..length]);
    }
}

#[test]
fn a_column_of_one_value_is_that_value_for_all() {
    let strikes: Vec<f64> = (0..77).map(|i| 40_000.0 + 1_000.0 * f64::from(i)).collect();
    let calls: Vec<u8> = (0..77).map(|i| i % 2).collect();
    let spread =
        Options { forward: &[70_000.0], strike: &strikes, t: &[0.1], sigma: &[0.6], is_call: &calls };
    let full = Columns::from_contracts(
        &strikes
            .iter()
            .zip(&calls)
            .map(|(&strike, &is_call)| Contract {
                forward: 70_000.0,
                strike,
                t: 0.1,
                sigma: 0.6,
                is_call: is_call != 0,
            })
            .collect::<Vec<_>>(),
    );
    for path in Path::available() {
        assert_eq!(first_order(path, &spread, 77), first_order(path, &full.options(), 77));
        assert_eq!(second_order(path, &spread, 77), second_order(path, &full.options(), 77));
        assert_eq!(
            first_order(path, &spread.part(13..50), 37),
            first_order(path, &full.options(), 77)[13..50],
            "a part of a batch is priced like the whole"
        );
    }
}

/// Every value of a chain as rows of the scalar function: the call and the put of each strike.
fn assert_chain_is_scalar(chain: &Chain) {
    let values = chain.values();
    for expiry in 0..chain.expiries() {
        for at in chain.strikes_of(expiry) {
            let (forward, t) = (chain.forward(expiry), chain.t(expiry));
            let (strike, sigma) = (chain.strike()[at], chain.sigma()[at]);
            let shared = [values.gamma[at], values.vega[at], values.theta[at]];
            for (is_call, price, delta, rho) in [
                (true, values.call_price[at], values.call_delta[at], values.call_rho[at]),
                (false, values.put_price[at], values.put_delta[at], values.put_rho[at]),
            ] {
                let contract = Contract { forward, strike, t, sigma, is_call };
                let row = [price, delta, shared[0], shared[1], shared[2], rho].map(f64::to_bits);
                assert_eq!(row, scalar_bits(&contract), "{contract:?}");
            }
        }
    }
}

/// Two expiries of 70 strikes, more than a block, and one of a single strike.
fn chain(strikes: &[f64]) -> Chain {
    let expiry = |forward, t, strike, sigma| ChainExpiry { forward, t, strike, sigma };
    Chain::new(&[
        expiry(70_000.0, 0.01, strikes, &[0.7]),
        expiry(70_500.0, 0.1, &strikes[30..31], &[0.65]),
        expiry(71_000.0, 0.5, strikes, &[0.6]),
    ])
    .expect("in the domain")
}

#[test]
fn a_chain_prices_again_what_changed_and_nothing_else() {
    let strikes: Vec<f64> = (0..70).map(|i| 35_000.0 + 1_000.0 * f64::from(i)).collect();
    let smile: Vec<f64> = (0..70).map(|i| 0.5 + 0.004 * f64::from(i)).collect();
    for path in Path::available() {
        let mut chain = chain(&strikes);
        assert_chain_is_scalar(&chain);
        assert_eq!(chain.reprice_on(path), 0, "a new chain is priced");
        let before = chain.values().clone();

        chain.set_forward(2, 71_250.0).expect("in the domain");
        chain.set_t(1, 0.09).expect("in the domain");
        assert_eq!(*chain.values(), before, "values change when they are asked to");
        assert_eq!(chain.reprice_on(path), 71);
        assert_eq!(chain.values().call_price[..70], before.call_price[..70]);
        assert_chain_is_scalar(&chain);

        chain.set_sigma(0, &smile).expect("in the domain");
        assert_eq!(chain.reprice_on(path), 70);
        assert_chain_is_scalar(&chain);

        chain.set_forward(0, 70_000.0).expect("in the domain");
        chain.set_t(0, 0.01).expect("in the domain");
        assert_eq!(chain.reprice_on(path), 0, "the same values are no change");
    }
}

#[test]
fn a_refused_change_changes_nothing() {
    let strikes: Vec<f64> = (0..70).map(|i| 35_000.0 + 1_000.0 * f64::from(i)).collect();
    let mut chain = chain(&strikes);
    let before = chain.values().clone();
    for (error, message) in [
        (chain.set_forward(0, 0.0), "expiry 0: option 0: forward is 0, must be in [1e-150, 1e150]"),
        (chain.set_t(1, f64::NAN), "expiry 1: option 0: t is NaN, must be in [-1e100, 1e100]"),
        (chain.set_sigma(2, &[0.1, 0.2]), "expiry 2: sigma has 2 values, not 70"),
        (chain.set_sigma(1, &[-0.1]), "expiry 1: option 0: sigma is -0.1, must be in [0, 1e100]"),
    ] {
        assert_eq!(error.map_err(|error| error.to_string()), Err(message.to_owned()));
    }
    assert_eq!(chain.reprice(), 0);
    assert_eq!(*chain.values(), before);
}

#[test]
fn a_bad_column_is_named_and_nothing_is_written() {
    let good = [100.0; 5];
    let bad = [100.0, 100.0, f64::NAN, -1.0, 100.0];
    let price = |options: &Options<'_>, length: usize| {
        let mut out: [Vec<f64>; 6] = std::array::from_fn(|_| vec![7.0; length]);
        let [price, delta, gamma, vega, theta, rho] = &mut out;
        let mut greeks = GreekColumns { price, delta, gamma, vega, theta, rho };
        let result = black76_into_on(Path::best(), options, &mut greeks);
        assert!(out.iter().flatten().all(|value| *value == 7.0), "nothing is written");
        result.expect_err("outside the domain").to_string()
    };
    let all = Options { forward: &good, strike: &good, t: &[1.0], sigma: &[0.5], is_call: &[1] };
    let message = |options| price(&options, 5);
    assert_eq!(
        message(Options { strike: &bad, ..all }),
        "option 2: strike is NaN, must be in [1e-150, 1e150]"
    );
    assert_eq!(message(Options { sigma: &[-0.5], ..all }), "option 0: sigma is -0.5, must be in [0, 1e100]");
    assert_eq!(
        message(Options { t: &[f64::INFINITY], ..all }),
        "option 0: t is inf, must be in [-1e100, 1e100]"
    );
    assert_eq!(message(Options { is_call: &[1, 0], ..all }), "is_call has 2 values, not 5");
    assert_eq!(price(&all, 4), "forward has 5 values, not 4");
}

/// Mostly what is traded, with the whole domain in the tails.
fn any_contract() -> impl Strategy<Value = Contract> {
    let usual = (-2.0f64..12.0, -3.0f64..3.0, -16.0f64..1.5, -5.0f64..1.4);
    let wide = (-345.0f64..345.0, -690.0f64..690.0, -744.0f64..230.0, -744.0f64..230.0);
    (prop_oneof![3 => usual, 1 => wide], any::<bool>()).prop_map(|((f, k, t, sigma), is_call)| {
        let forward = f.exp();
        let strike = (forward * k.exp()).clamp(1e-150, 1e150);
        Contract { forward, strike, t: t.exp(), sigma: sigma.exp(), is_call }
    })
}

proptest! {
    #[test]
    fn random_batches(contracts in prop::collection::vec(any_contract(), 0..200)) {
        assert_same_bits(&contracts);
    }

    #[test]
    fn second_order_greeks_are_slopes(
        log_k in -0.4f64..0.4, t in 0.05f64..2.0, sigma in 0.2f64..1.5, is_call in any::<bool>()
    ) {
        let contract = Contract { forward: 100.0, strike: 100.0 * log_k.exp(), t, sigma, is_call };
        let columns = Columns::from_contracts(&[contract]);
        let row = second_order(Path::best(), &columns.options(), 1)[0].map(f64::from_bits);
        let slope = |step: f64, value: &dyn Fn(f64) -> f64| (value(step) - value(-step)) / (2.0 * step);
        let vanna = slope(1e-5, &|h| black76(&Contract { sigma: sigma + h, ..contract }).delta) / 100.0;
        let volga = slope(1e-5, &|h| black76(&Contract { sigma: sigma + h, ..contract }).vega) / 100.0;
        let charm = -slope(1e-5, &|h| black76(&Contract { t: t + h, ..contract }).delta) / 365.0;
        let speed = slope(1e-3, &|h| black76(&Contract { forward: 100.0 + h, ..contract }).gamma);
        for (found, expected) in row.into_iter().zip([vanna, volga, charm, speed]) {
            prop_assert!((found - expected).abs() <= 1e-7, "{row:?} {vanna} {volga} {charm} {speed}");
        }
    }
}
