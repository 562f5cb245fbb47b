//! What the benchmarks need of Rust outside the venue's own crates.
//!
//! * `bench-native implied-vol REPEATS < OPTIONS`: the `implied-vol` crate on options given as little-endian columns
//!   (`u64` count, then that many `f64` each of price, forward, strike, time, vol, then `u8` calls). Prints one JSON line per
//!   solver: nanoseconds per option of the fastest repeat, and the largest distance to the vol given.
//! * `bench-native jmt LEAVES UPDATES ROUNDS`: nanoseconds of the `jmt` crate for a root behind that many changed leaves.
//! * `bench-native clock`: the clock of this core in GHz, from a chain of additions that depend on each other, by itself and
//!   beside 512-bit multiplications.

mod clock;
mod merkle;

use std::error::Error;
use std::hint::black_box;
use std::io::Read;
use std::time::Instant;

use implied_vol::solver::{BlackSolver, Experimental, Hybrid, Jaeckel};
use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};

struct Quote {
    price: f64,
    forward: f64,
    strike: f64,
    t: f64,
    sigma: f64,
    is_call: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["implied-vol", repeats] => {
            let repeats = repeats.parse()?;
            let mut input = Vec::new();
            std::io::stdin().lock().read_to_end(&mut input)?;
            let quotes = quotes_of(&input).ok_or("the columns are not as long as their count says")?;
            report::<Hybrid<DefaultSpecialFn>>("default", &quotes, repeats);
            report::<Jaeckel<DefaultSpecialFn>>("Jaeckel", &quotes, repeats);
            report::<Experimental>("Experimental", &quotes, repeats);
        }
        ["jmt", leaves, updates, rounds] => {
            let ns = merkle::root_ns(leaves.parse()?, updates.parse()?, rounds.parse()?)?;
            println!("{{\"ns\": {ns}}}");
        }
        ["clock"] => {
            let ghz = clock::gigahertz();
            let wide = clock::gigahertz_wide().map_or("null".to_owned(), |ghz| ghz.to_string());
            println!("{{\"ghz\": {ghz}, \"ghz_wide\": {wide}}}");
        }
        _ => {
            return Err(
                "usage: bench-native implied-vol REPEATS < OPTIONS | jmt LEAVES UPDATES ROUNDS | clock"
                    .into(),
            );
        }
    }
    Ok(())
}

fn quotes_of(input: &[u8]) -> Option<Vec<Quote>> {
    let (count, columns) = input.split_first_chunk::<8>()?;
    let count = usize::try_from(u64::from_le_bytes(*count)).ok()?;
    if columns.len() != count.checked_mul(5 * 8 + 1)? {
        return None;
    }
    let (numbers, calls) = columns.split_at(count * 40);
    let number = |column: usize, row: usize| {
        let at = (column * count + row) * 8;
        numbers[at..at + 8].try_into().ok().map(f64::from_le_bytes)
    };
    (0..count)
        .map(|row| {
            Some(Quote {
                price: number(0, row)?,
                forward: number(1, row)?,
                strike: number(2, row)?,
                t: number(3, row)?,
                sigma: number(4, row)?,
                is_call: calls[row] != 0,
            })
        })
        .collect()
}

/// Times one solver, inputs checked as its documentation advises.
fn report<S: BlackSolver>(solver: &str, quotes: &[Quote], repeats: usize) {
    let mut vols = vec![0.0; quotes.len()];
    let mut best_ns = f64::INFINITY;
    for _ in 0..repeats {
        let start = Instant::now();
        for (vol, quote) in vols.iter_mut().zip(black_box(quotes)) {
            *vol = ImpliedBlackVolatility::builder()
                .option_price(quote.price)
                .forward(quote.forward)
                .strike(quote.strike)
                .expiry(quote.t)
                .is_call(quote.is_call)
                .build()
                .and_then(|option| option.calculate_with::<S>())
                .unwrap_or(f64::NAN);
        }
        best_ns = best_ns.min(start.elapsed().as_nanos() as f64);
        black_box(&mut vols);
    }
    let error = vols.iter().zip(quotes).map(|(vol, quote)| (vol - quote.sigma).abs()).fold(0.0, f64::max);
    let failed = vols.iter().filter(|vol| vol.is_nan()).count();
    println!(
        "{{\"solver\": \"{solver}\", \"ns\": {:.2}, \"error\": {error:e}, \"failed\": {failed}}}",
        best_ns / quotes.len() as f64
    );
}
