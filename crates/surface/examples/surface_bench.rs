//! Calibration times, one JSON line each: `{"name": …, "us": …}`, the median of many runs on one core.
//!
//! `cargo run --release -p synchromesh-surface --example surface_bench`

use pricing::{Contract, black76};
use std::hint::black_box;
use std::time::Instant;
use surface::{ExpiryQuotes, Svi, fit};

const FORWARD: f64 = 70_000.0;
const RUNS: usize = 301;
/// Days to expiry and strikes of a chain of the size that BTC has: 12 expiries, 904 options.
const CHAIN: [(f64, usize); 12] = [
    (0.3, 28),
    (1.3, 28),
    (2.3, 26),
    (3.3, 24),
    (8.3, 42),
    (15.3, 42),
    (22.3, 44),
    (50.3, 54),
    (78.3, 40),
    (141.3, 42),
    (232.3, 42),
    (323.3, 40),
];

/// Calls and puts of one expiry about an SVI smile, each with a bid and an ask a vol point apart, and some noise.
struct Expiry {
    t: f64,
    strike: Vec<f64>,
    is_call: Vec<bool>,
    bid: Vec<f64>,
    ask: Vec<f64>,
}

impl Expiry {
    fn new(days: f64, strikes: usize) -> Self {
        let t = days / 365.0;
        let level = 0.3 * t;
        let deviation = level.sqrt();
        let smile =
            Svi::from_wings(0.8 * level, 0.25 * deviation, 0.35 * deviation, 0.2 * deviation, deviation);
        let mut expiry =
            Self { t, strike: Vec::new(), is_call: Vec::new(), bid: Vec::new(), ask: Vec::new() };
        for number in 0..strikes {
            let k = deviation * 3.0 * (2.0 * number as f64 / (strikes - 1) as f64 - 1.0);
            let noise = 0.004 * f64::from((number * 7919 % 13) as u8) / 13.0;
            let vol = (smile.variance(k) / t).sqrt() + noise;
            for is_call in [false, true] {
                let strike = FORWARD * k.exp();
                let price = |sigma| black76(&Contract { forward: FORWARD, strike, t, sigma, is_call }).price;
                expiry.strike.push(strike);
                expiry.is_call.push(is_call);
                expiry.bid.push(price(vol - 0.005));
                expiry.ask.push(price(vol + 0.005));
            }
        }
        expiry
    }

    fn quotes(&self) -> ExpiryQuotes<'_> {
        ExpiryQuotes {
            forward: FORWARD,
            t: self.t,
            strike: &self.strike,
            is_call: &self.is_call,
            bid: &self.bid,
            ask: &self.ask,
            age: None,
            previous: None,
        }
    }
}

fn report(name: &str, expiries: &[Expiry]) {
    let quotes: Vec<ExpiryQuotes<'_>> = expiries.iter().map(Expiry::quotes).collect();
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            black_box(fit(black_box(&quotes)).expect("a surface"));
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!(r#"{{"name": "{name}", "us": {:.1}}}"#, times[RUNS / 2]);
}

fn main() {
    // 80 options on 40 strikes: a call and a put of one strike are one quote.
    report("slice of 40 quotes", &[Expiry::new(30.0, 40)]);
    report("chain of 904 options", &CHAIN.map(|(days, strikes)| Expiry::new(days, strikes)));
}
