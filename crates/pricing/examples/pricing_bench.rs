//! Speed of the pricing kernel, as JSON lines:
//!
//! ```text
//! pricing_bench [SECONDS]          seconds per measurement, 0.5 unless told
//! ```
//!
//! Each line is one measurement of one path, the fastest of its rounds:
//!
//! ```text
//! {"name": "black76", "path": "avx2", "options": 1024, "ns_per_option": 14.3002, "ns_per_call": 14643.0,
//!  "flops_per_option": 169, "cycles_per_option": 40.012}
//! ```
//!
//! `path` is `scalar`, `avx2`, `avx512`, or `best` where there is no choice. `options` are those of one call, which takes
//! `ns_per_call`. `flops_per_option` counts the additions, multiplications, divisions and square roots of one option; it
//! is absent where an option is more than arithmetic, as in `mark_arrays`. `cycles_per_option` counts cycles of the time
//! stamp counter, whose rate is the nominal clock; it is absent where the machine has none. Names:
//!
//! * `black76_scalar`: one option at a time, by `black76`.
//! * `black76`: price and five Greeks over columns that all differ.
//! * `black76_expiry`: the same, one forward and one time for all.
//! * `second_order`: vanna, volga, charm and speed.
//! * `chain`: 512 strikes in 8 expiries, calls and puts, all forwards changed.
//! * `chain_vols`: the same, all vols changed and no forward.
//! * `peak`: independent multiplications in registers and nothing else, an option being one multiplication: the roofline.
//!   A kernel cannot spend less than `flops_per_option` times this per option on the same path.
//! * `mark_arrays`: marks of 1,000 options in 10 expiries from SVI slices.
//! * `risk_arrays`: the same with 64 lanes and 16 gaps each.

use std::hint::black_box;
use std::time::{Duration, Instant};

use pricing::{
    Chain, ChainExpiry, Contract, GreekColumns, Options, Path, SecondOrderColumns, black76, black76_into_on,
    flops, mark_arrays, mark_arrays_on, second_order_into_on,
};
use protocol::{
    ExpiryInputs, InstrumentKind, InstrumentSpec, MarkInputs, NANO_ONE, OptionType, ScenarioParameters,
    SviSlice, USD,
};

/// Options of one batch: inputs and results stay near the core.
const BATCH: usize = 1_024;
const EXPIRIES: usize = 8;
const STRIKES: usize = 64;
const MARKED_EXPIRIES: u64 = 10;
const MARKED_STRIKES: i64 = 50;
const NOW: u64 = 1_770_336_000_000_000_000;
const HOUR: u64 = 3_600_000_000_000;

fn main() {
    let seconds =
        std::env::args().nth(1).map_or(0.5, |argument| argument.parse().expect("seconds, a number"));
    let time = Duration::from_secs_f64(seconds);
    let book = Book::new(BATCH);
    scalar(&book, time);
    for path in Path::available() {
        peak(path, time);
        columns(path, &book, time);
        chain(path, time);
    }
    marks(time);
}

/// Options whose every field differs, from a fixed sequence.
struct Book {
    forward: Vec<f64>,
    strike: Vec<f64>,
    t: Vec<f64>,
    sigma: Vec<f64>,
    is_call: Vec<u8>,
}

impl Book {
    fn new(options: usize) -> Self {
        let column = |low: f64, high: f64, step: f64| {
            (0..options).map(|i| low + (high - low) * (i as f64 * step).fract()).collect::<Vec<_>>()
        };
        Self {
            forward: column(60_000.0, 80_000.0, 0.618_033_988_7),
            strike: column(30_000.0, 140_000.0, 0.414_213_562_4),
            t: column(1.0 / 365.0, 1.0, 0.732_050_807_6),
            sigma: column(0.3, 1.2, 0.236_067_977_5),
            is_call: (0..options).map(|i| (i % 2) as u8).collect(),
        }
    }

    fn options(&self) -> Options<'_> {
        let Self { forward, strike, t, sigma, is_call } = self;
        Options { forward, strike, t, sigma, is_call }
    }
}

/// Runs `call` for about `time`, and prints the fastest of its runs.
fn measure(
    name: &str,
    path: &str,
    options: usize,
    flops: Option<usize>,
    time: Duration,
    mut call: impl FnMut(),
) {
    let (mut fastest, mut cycles) = (f64::INFINITY, f64::INFINITY);
    let end = Instant::now() + time;
    while Instant::now() < end {
        let (start, start_cycles) = (Instant::now(), time_stamp());
        call();
        let (ns, ticks) = (start.elapsed().as_nanos() as f64, time_stamp().wrapping_sub(start_cycles) as f64);
        fastest = fastest.min(ns);
        cycles = cycles.min(ticks);
    }
    let per_option = fastest / options as f64;
    print!(
        r#"{{"name": "{name}", "path": "{path}", "options": {options}, "ns_per_option": {per_option:.4}, "#
    );
    print!(r#""ns_per_call": {fastest}"#);
    if let Some(flops) = flops {
        print!(r#", "flops_per_option": {flops}"#);
    }
    if cycles > 0.0 {
        print!(r#", "cycles_per_option": {:.3}"#, cycles / options as f64);
    }
    println!("}}");
}

/// The time stamp counter, 0 on machines without one.
fn time_stamp() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has the instruction, and it touches no memory.
    unsafe {
        std::arch::x86_64::_rdtsc()
    }
    #[cfg(not(target_arch = "x86_64"))]
    0
}

/// Rounds of multiplications in one call.
const ROUNDS: usize = 1_000;

/// As many chains of multiplications as keep every multiplier of a processor busy.
#[inline(always)]
fn multiply<const LANES: usize>(factor: f64) -> usize {
    let mut values = [1.0; LANES];
    for _ in 0..ROUNDS {
        for value in &mut values {
            *value *= factor;
        }
    }
    black_box(values);
    LANES * ROUNDS
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn multiply_avx2(factor: f64) -> usize {
    multiply::<40>(factor)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq")]
fn multiply_avx512(factor: f64) -> usize {
    multiply::<80>(factor)
}

fn peak(path: Path, time: Duration) {
    let call = || match path {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: only available paths are measured.
        Path::Avx2 => unsafe { multiply_avx2(black_box(1.0)) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: only available paths are measured.
        Path::Avx512 => unsafe { multiply_avx512(black_box(1.0)) },
        _ => multiply::<20>(black_box(1.0)),
    };
    measure("peak", path.name(), call(), Some(1), time, || {
        black_box(call());
    });
}

fn scalar(book: &Book, time: Duration) {
    let contracts: Vec<Contract> = (0..BATCH)
        .map(|i| Contract {
            forward: book.forward[i],
            strike: book.strike[i],
            t: book.t[i],
            sigma: book.sigma[i],
            is_call: book.is_call[i] != 0,
        })
        .collect();
    measure("black76_scalar", "scalar", BATCH, Some(flops::OPTION), time, || {
        for contract in &contracts {
            black_box(black76(black_box(contract)));
        }
    });
}

fn columns(path: Path, book: &Book, time: Duration) {
    let mut out: [Vec<f64>; 6] = std::array::from_fn(|_| vec![0.0; BATCH]);
    let each = book.options();
    let one_expiry = Options { forward: &each.forward[..1], t: &each.t[..1], ..each };
    let alone = flops::OPTION;
    for (name, options, flops) in
        [("black76", each, alone), ("black76_expiry", one_expiry, alone - flops::TERMS)]
    {
        let [price, delta, gamma, vega, theta, rho] = &mut out;
        measure(name, path.name(), BATCH, Some(flops), time, || {
            let mut greeks = GreekColumns { price, delta, gamma, vega, theta, rho };
            black76_into_on(path, black_box(&options), &mut greeks).expect("in the domain");
            black_box(&greeks);
        });
    }
    let [vanna, volga, charm, speed, ..] = &mut out;
    let count = flops::TERMS + flops::LOG_MONEYNESS + flops::LOCATE + flops::SECOND;
    measure("second_order", path.name(), BATCH, Some(count), time, || {
        let mut second = SecondOrderColumns { vanna, volga, charm, speed };
        second_order_into_on(path, black_box(&each), &mut second).expect("in the domain");
        black_box(&second);
    });
}

fn chain(path: Path, time: Duration) {
    let strikes: Vec<f64> = (0..STRIKES).map(|i| 30_000.0 + 1_500.0 * i as f64).collect();
    let sigmas: Vec<f64> = (0..STRIKES).map(|i| 0.5 + 0.005 * i as f64).collect();
    let expiries: Vec<ChainExpiry<'_>> = (0..EXPIRIES)
        .map(|i| ChainExpiry {
            forward: 70_000.0 + 100.0 * i as f64,
            t: (1 << i) as f64 / 365.0,
            strike: &strikes,
            sigma: &sigmas,
        })
        .collect();
    let mut chain = Chain::new(&expiries).expect("in the domain");
    let options = 2 * EXPIRIES * STRIKES;
    let mut tick = 0.0;
    measure("chain", path.name(), options, Some(flops::STRIKE.div_ceil(2)), time, || {
        tick = 1.0 - tick;
        for (expiry, given) in expiries.iter().enumerate() {
            chain.set_forward(expiry, given.forward + tick).expect("in the domain");
        }
        assert_eq!(black_box(&mut chain).reprice_on(path), EXPIRIES * STRIKES);
    });
    measure(
        "chain_vols",
        path.name(),
        options,
        Some((flops::STRIKE - flops::LOG_MONEYNESS) / 2),
        time,
        || {
            for expiry in 0..EXPIRIES {
                chain.set_sigma(expiry, &sigmas).expect("in the domain");
            }
            assert_eq!(black_box(&mut chain).reprice_on(path), EXPIRIES * STRIKES);
        },
    );
}

/// Parameters as a venue has them.
const SCENARIO: ScenarioParameters = ScenarioParameters {
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

fn marks(time: Duration) {
    let expiry = |n: u64| NOW + HOUR * 24 * (1 + 9 * n);
    let smile = |n: u64| SviSlice {
        a: 1_000_000 * (1 + n as i64),
        b: 20_000_000 * (1 + n as i64),
        rho: -300_000_000,
        m: 10_000_000,
        sigma: 100_000_000,
    };
    let inputs = MarkInputs {
        underlying: 1,
        time: NOW,
        index: 70_000 * NANO_ONE,
        confidence: 0,
        sources: 3,
        perpetual_mark: 70_000 * NANO_ONE,
        funding_rate: 0,
        expiries: (0..MARKED_EXPIRIES)
            .map(|n| ExpiryInputs { expiry: expiry(n), forward: 70_000 * NANO_ONE, rate: 0, smile: smile(n) })
            .collect(),
    };
    let mut specs = Vec::new();
    for n in 0..MARKED_EXPIRIES {
        for strike in 0..MARKED_STRIKES {
            for option_type in [OptionType::Call, OptionType::Put] {
                specs.push(InstrumentSpec {
                    instrument: specs.len() as u32 + 1,
                    name: String::new(),
                    underlying: 1,
                    kind: InstrumentKind::Option,
                    option_type,
                    strike: (40_000 + 2_000 * strike) * USD,
                    expiry: expiry(n),
                    tick_size: USD,
                    lot_size: 1_000_000,
                    lane_unit: 50_000,
                });
            }
        }
    }
    let listed = || specs.iter().map(|spec| (spec.instrument, spec));
    measure("mark_arrays", "best", specs.len(), None, time, || {
        black_box(mark_arrays(black_box(&inputs), listed(), None).expect("consistent inputs"));
    });
    for path in Path::available() {
        measure("risk_arrays", path.name(), specs.len(), None, time, || {
            let arrays = mark_arrays_on(path, black_box(&inputs), listed(), Some(&SCENARIO));
            black_box(arrays.expect("consistent inputs"));
        });
    }
}
