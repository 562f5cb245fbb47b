//! SoftFloat64 and the elementary functions of the contracts against this processor, bit for bit.

use crate::mixer::Mixer;
use pricing::math::{exp, ln, ln_ratio, tail_shortfall};
use pricing::round::round_half_even;
use referee::Value;

/// Operands of one call.
const BATCH: usize = 250;

/// An operation of `FloatHarness`, with what this processor makes of it.
struct Operation {
    name: &'static str,
    native: fn(f64, f64) -> u64,
    /// Operands that it is meant for.
    draw: fn(&mut Mixer) -> (f64, f64),
    /// How many calls of [`BATCH`] pairs.
    batches: usize,
}

const fn arithmetic(name: &'static str, native: fn(f64, f64) -> u64, batches: usize) -> Operation {
    Operation { name, native, draw: any_pair, batches }
}

/// In the order of the contract's enumeration.
const OPERATIONS: [Operation; 18] = [
    arithmetic("add", |a, b| (a + b).to_bits(), 160),
    arithmetic("sub", |a, b| (a - b).to_bits(), 160),
    arithmetic("mul", |a, b| (a * b).to_bits(), 160),
    arithmetic("div", |a, b| (a / b).to_bits(), 160),
    arithmetic("neg", |a, _| (-a).to_bits(), 8),
    arithmetic("abs", |a, _| a.abs().to_bits(), 8),
    arithmetic("sqrt", |a, _| a.sqrt().to_bits(), 120),
    arithmetic("less", |a, b| (a < b).into(), 20),
    arithmetic("greater", |a, b| (a > b).into(), 20),
    arithmetic("greater or equal", |a, b| (a >= b).into(), 20),
    arithmetic("from int", |a, _| (a.to_bits() as i64 as f64).to_bits(), 40),
    Operation {
        name: "fits",
        native: |a, _| round_half_even(a).is_some().into(),
        draw: to_round,
        batches: 40,
    },
    Operation {
        name: "half even",
        native: |a, _| round_half_even(a).unwrap_or(0) as u64,
        draw: to_round,
        batches: 120,
    },
    Operation { name: "floor", native: |a, _| floor(a) as u64, draw: to_round, batches: 80 },
    Operation { name: "exp", native: |a, _| exp(a).to_bits(), draw: exponent, batches: 40 },
    Operation { name: "ln", native: |a, _| ln(a).to_bits(), draw: positives, batches: 40 },
    Operation {
        name: "ln of a ratio",
        native: |a, b| ln_ratio(a, b).to_bits(),
        draw: positives,
        batches: 40,
    },
    Operation { name: "tail", native: |a, _| tail_shortfall(a).to_bits(), draw: distance, batches: 40 },
];

/// The floor within an i32; its least for a NaN.
fn floor(value: f64) -> i64 {
    let (least, most) = (f64::from(i32::MIN), f64::from(i32::MAX));
    if value > least { value.floor().min(most) as i64 } else { i32::MIN.into() }
}

/// Numbers at which something changes.
const CORNERS: [u64; 26] = [
    0,
    1,
    2,
    0x000f_ffff_ffff_ffff,
    0x0010_0000_0000_0000,
    0x0010_0000_0000_0001,
    0x001f_ffff_ffff_ffff,
    0x0350_0000_0000_0000,
    0x1ff0_0000_0000_0000,
    0x3c90_0000_0000_0000,
    0x3ca0_0000_0000_0000,
    0x3ca0_0000_0000_0001,
    0x3fdf_ffff_ffff_ffff,
    0x3fe0_0000_0000_0000,
    0x3fe0_0000_0000_0001,
    0x3fef_ffff_ffff_ffff,
    0x3ff0_0000_0000_0000,
    0x3ff0_0000_0000_0001,
    0x3ff8_0000_0000_0000,
    // Their roots are next to a tie.
    0x3ff2_b035_c119_7f48,
    0x3ffb_a44c_2a07_37a2,
    0x43e0_0000_0000_0000,
    0x7fef_ffff_ffff_ffff,
    0x7ff0_0000_0000_0000,
    0x7ff0_0000_0000_0001,
    0x7ff8_0000_0000_0000,
];

/// Any bits: everywhere, in a corner, near one, or with few digits, so that ties and cancellations come up.
fn any(mixer: &mut Mixer) -> u64 {
    let bits = mixer.bits();
    let sign = bits & (1 << 63);
    match mixer.below(6) {
        0 => bits,
        1 => sign | mixer.one_of(&CORNERS),
        2 => sign | mixer.one_of(&CORNERS).wrapping_add(mixer.below(5)).wrapping_sub(2) & !(1 << 63),
        3 => sign | (bits & 0x000f_ffff_ffff_ffff),
        // Few digits, at the top and at the bottom of the significand.
        4 => sign | (1003 + mixer.below(40)) << 52 | (bits & 0x000f_c000_0000_0003),
        _ => sign | (1013 + mixer.below(20)) << 52 | (bits & 0x000f_ffff_ffff_ffff),
    }
}

/// A pair without relation, of neighbours of either sign that cancel to a few digits, so far apart that the smaller one decides
/// how the larger one rounds, or with a product at the edge of the subnormal numbers.
fn any_pair(mixer: &mut Mixer) -> (f64, f64) {
    let a = any(mixer);
    let near = (a ^ mixer.below(2) << 63).wrapping_add(mixer.below(9)).wrapping_sub(4);
    let b = match mixer.below(4) {
        0 => near,
        // 50 to 58 binary places below: the half of the last place, and what is beside it.
        1 => {
            let exponent = (a >> 52 & 0x7ff).saturating_sub(50 + mixer.below(9));
            mixer.below(2) << 63 | exponent << 52 | mixer.one_of(&[0, 1, 1 << 51, (1 << 52) - 1])
        }
        // A product or quotient at the edge of the subnormal numbers.
        2 => {
            let exponent = (2047 - (a >> 52 & 0x7ff)).saturating_sub(1023 + mixer.below(60)).min(2046);
            exponent << 52 | mixer.bits() & 0x000f_ffff_ffff_ffff
        }
        _ => any(mixer),
    };
    (f64::from_bits(a), f64::from_bits(b))
}

fn to_round(mixer: &mut Mixer) -> (f64, f64) {
    let whole = mixer.bits() as i64 >> mixer.below(64);
    let value = match mixer.below(4) {
        0 => f64::from_bits(any(mixer)),
        1 => whole as f64 / 2.0,
        2 => f64::from_bits((whole as f64 / 2.0).to_bits().wrapping_add(mixer.below(5)).wrapping_sub(2)),
        _ => mixer.between(-3e9, 3e9),
    };
    (value, 0.0)
}

fn exponent(mixer: &mut Mixer) -> (f64, f64) {
    let size = mixer.one_of(&[1e-20, 1e-3, 1.0, 40.0, 800.0, 1e12]);
    (mixer.between(-size, size), 0.0)
}

/// Two positive normal numbers, near each other or not.
fn positives(mixer: &mut Mixer) -> (f64, f64) {
    let spread = mixer.one_of(&[1e-12, 1e-3, 0.5, 5.0, 300.0]);
    let a = mixer.between(-spread, spread).exp();
    (a, a * mixer.between(-spread, spread).exp())
}

fn distance(mixer: &mut Mixer) -> (f64, f64) {
    let furthest = mixer.one_of(&[1e-9, 1.0, 10.0, 45.0, 1e10]);
    (mixer.between(0.0, furthest), 0.0)
}

#[test]
fn every_operation_gives_the_bits_of_the_processor() {
    let Some(mut contracts) = crate::contracts() else { return };
    let mut mixer = Mixer(1);
    for (place, operation) in OPERATIONS.iter().enumerate() {
        let mut gas = 0;
        for _ in 0..operation.batches {
            let pairs: Vec<_> = (0..BATCH).map(|_| (operation.draw)(&mut mixer)).collect();
            let column = |of: fn(&(f64, f64)) -> f64| {
                Value::List(pairs.iter().map(|pair| Value::uint(of(pair).to_bits().into())).collect())
            };
            let arguments = [Value::uint(place as u128), column(|pair| pair.0), column(|pair| pair.1)];
            let called = contracts.call("FloatHarness", "evaluate", &arguments).expect("a contract");
            gas += called.execution_gas;
            let results = called.result.expect("an answer");
            let Value::List(results) = &results[0] else { panic!("a list") };
            assert_eq!(results.len(), BATCH);
            for (&(a, b), result) in pairs.iter().zip(results) {
                let found = result.as_u128().expect("64 bits") as u64;
                let expected = (operation.native)(a, b);
                let both_nan =
                    place < 7 && f64::from_bits(found).is_nan() && f64::from_bits(expected).is_nan();
                assert!(
                    found == expected || both_nan,
                    "{} of {a:e} ({:#018x}) and {b:e} ({:#018x}): {found:#018x}, not {expected:#018x}",
                    operation.name,
                    a.to_bits(),
                    b.to_bits(),
                );
            }
        }
        println!(
            "{:18} {:6} cases, {} gas each",
            operation.name,
            operation.batches * BATCH,
            gas / (operation.batches * BATCH) as u64
        );
    }
}
