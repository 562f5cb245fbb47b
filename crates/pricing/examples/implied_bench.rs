//! Nanoseconds per implied vol on one core, for each path: one JSON line per figure.
//!
//!     cargo run --release -p synchromesh-pricing --example implied_bench

use std::hint::black_box;
use std::time::Instant;

use pricing::{Contract, Path, Quotes, VolStatus, black76, implied_vol, implied_vols_into_on};

const REPEATS: usize = 200;
const SEED: u64 = 2015;

/// A small generator, so that everybody measures the same options.
struct SplitMix(u64);

impl SplitMix {
    /// Uniform in [low, high).
    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        low + (high - low) * ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Columns of priced options.
#[derive(Default)]
struct Book {
    price: Vec<f64>,
    forward: Vec<f64>,
    strike: Vec<f64>,
    t: Vec<f64>,
    is_call: Vec<u8>,
}

impl Book {
    fn push(&mut self, contract: Contract) {
        self.price.push(black76(&contract).price);
        self.forward.push(contract.forward);
        self.strike.push(contract.strike);
        self.t.push(contract.t);
        self.is_call.push(u8::from(contract.is_call));
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

    /// The out-of-the-money options of twelve expiries, as an exchange lists them: strikes on a grid within three
    /// standard deviations, with a smile.
    fn chain() -> Self {
        let mut book = Self::default();
        for days in [0.3, 1.3, 2.3, 7.3, 14.3, 21.3, 35.3, 63.3, 98.3, 189.3, 280.3, 371.3] {
            let (t, forward) = (days / 365.0, 70_000.0 * (1.0 + 0.00015 * days));
            let deviation = 0.55 * f64::sqrt(t);
            for step in -42..=42 {
                let k = 3.0 * deviation * f64::from(step) / 42.0;
                let strike = (forward * k.exp() / 50.0).round() * 50.0;
                let k = (strike / forward).ln() / deviation;
                let sigma = 0.55 + 0.02 * k * k - 0.02 * k;
                book.push(Contract { forward, strike, t, sigma, is_call: strike >= forward });
            }
        }
        book
    }

    /// Out-of-the-money options within four deviations, a day to two years, vol 10 % to 200 %.
    fn random(count: usize) -> Self {
        let (mut book, mut random) = (Self::default(), SplitMix(SEED));
        for _ in 0..count {
            let forward = random.uniform(0.0, 12.0).exp();
            let t = random.uniform((1.0f64 / 365.0).ln(), 2f64.ln()).exp();
            let sigma = random.uniform(0.1, 2.0);
            let k = random.uniform(-4.0, 4.0) * sigma * t.sqrt();
            book.push(Contract { forward, strike: forward * k.exp(), t, sigma, is_call: k >= 0.0 });
        }
        book
    }
}

/// The least time of [`REPEATS`] runs, in nanoseconds per option.
fn least_ns(options: usize, mut run: impl FnMut()) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..REPEATS {
        let start = Instant::now();
        run();
        least = least.min(start.elapsed().as_nanos() as f64);
    }
    least / options as f64
}

fn report(name: &str, ns: f64) {
    println!("{{\"name\": \"implied_vol/{name}\", \"ns\": {ns:.2}}}");
}

fn main() {
    for (name, book) in [("chain", Book::chain()), ("random_otm", Book::random(4_000))] {
        let options = book.price.len();
        let one_by_one = least_ns(options, || {
            for i in 0..options {
                let is_call = book.is_call[i] != 0;
                let vol = implied_vol(book.price[i], book.forward[i], book.strike[i], book.t[i], is_call);
                black_box(vol.expect("priced"));
            }
        });
        report(&format!("{name}/one_by_one"), one_by_one);
        let (mut vol, mut status) = (vec![0.0; options], vec![0; options]);
        for path in Path::available() {
            let ns = least_ns(options, || {
                implied_vols_into_on(path, black_box(&book.quotes()), &mut vol, &mut status)
                    .expect("lengths");
            });
            assert!(status.iter().all(|status| *status == VolStatus::Found as u8));
            report(&format!("{name}/{}", path.name()), ns);
        }
    }
}
