//! Time of a mark of a whole chain in the engine: the hash of its arrays, and its application.
//!
//! `cargo run --release -p synchromesh-engine --example mark_apply [options] [marks]`
//!
//! The index moves with every mark, so that all terms change. Prints a JSON object for marks without scenario lanes, and one
//! for marks with them.

#![allow(clippy::unwrap_used)]

use engine::Engine;
use protocol::*;
use std::hint::black_box;
use std::time::Instant;
use support::*;

#[path = "../support/mod.rs"]
mod support;

/// Between two marks.
const STEP: Nanos = 100_000_000;

fn venue(options: u32, with_lanes: bool) -> Engine {
    let mut engine = Engine::new();
    let mut apply = |command: Command| {
        let sequence = engine.sequence() + 1;
        engine.apply(sequence, &Record { time: T0, command }, None, &mut Vec::new()).unwrap();
    };
    apply(genesis().into());
    let specs: Vec<_> = (1..=options).map(spec).collect();
    for (nonce, chunk) in (0..).zip(specs.chunks(256)) {
        let admin = Administration { nonce, cosignatures: cosigned() };
        apply(ListInstruments { instruments: chunk.to_vec(), admin }.into());
    }
    if with_lanes {
        let admin = Administration { nonce: specs.chunks(256).len() as u64, cosignatures: cosigned() };
        let parameters = risk_parameters();
        apply(SetRiskParameters { underlying: 1, parameters, effective: T0, admin }.into());
    }
    engine
}

fn median(mut times: Vec<u64>) -> u64 {
    times.sort_unstable();
    times[times.len() / 2]
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
    let (options, count) = (arguments.next().unwrap_or(1_000), arguments.next().unwrap_or(500));
    for with_lanes in [false, true] {
        measure(options, count, with_lanes);
    }
}

fn measure(options: u64, count: u64, with_lanes: bool) {
    let mut engine = venue(options as u32, with_lanes);
    let (mut hashes, mut applications) = (Vec::new(), Vec::new());
    let mut events = Vec::new();
    for mark in 1..=count {
        let time = T0 + mark * STEP;
        let (update, arrays) = marks(&engine, time, INDEX + (mark % 100) as i64);
        let start = Instant::now();
        black_box(arrays.arrays().hash());
        hashes.push(start.elapsed().as_nanos() as u64);
        let record = Record { time, command: update.into() };
        events.clear();
        let start = Instant::now();
        engine.apply(engine.sequence() + 1, &record, Some(&arrays), &mut events).unwrap();
        applications.push(start.elapsed().as_nanos() as u64);
    }
    let lanes = if with_lanes { " with lanes" } else { "" };
    println!(
        "{{\"name\": \"mark of {options} options{lanes}\", \"hash_ns\": {}, \"apply_ns\": {}}}",
        median(hashes),
        median(applications)
    );
}
