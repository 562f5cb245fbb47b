//! Time of one command on the order path: authority, nonce, margin, matching, events, encoding for the journal; no
//! signatures, no disk.
//!
//! `cargo run --release -p synchromesh-engine --example order_path [commands]`
//!
//! Commands are generated against one engine and then timed on a fresh one. One JSON object is printed per workload.

#![allow(clippy::unwrap_used)]

use engine::Engine;
use orders::{Generator, SHAPES};
use protocol::*;
use std::time::Instant;

#[path = "../support/orders.rs"]
mod orders;
#[path = "../support/mod.rs"]
mod support;

/// Commands whose mean is taken at once; the median of these means is robust against a busy machine.
const CHUNK: usize = 250;
/// Bytes of a frame; it starts over in the same memory, as the sequencer's does.
const FRAME_BYTES: usize = 64 << 10;

/// Applies `records`; returns the mean time of a command over the first half of those after `skip`, the times of each of
/// the second half, sorted, ns, and the trades.
fn time(records: &[(Record, Option<HashedArrays>)], skip: usize) -> (f64, Vec<u32>, u64) {
    let mut engine = Engine::new();
    engine.track_dirty(false);
    let mut events = Vec::with_capacity(1 << 12);
    let mut frame = Vec::with_capacity(2 * FRAME_BYTES);
    let mut apply =
        |engine: &mut Engine, sequence: usize, (record, arrays): &(Record, Option<HashedArrays>)| {
            events.clear();
            engine.apply(sequence as u64 + 1, record, arrays.as_ref(), &mut events).unwrap();
            if frame.len() > FRAME_BYTES {
                frame.clear();
            }
            record.put(&mut frame);
        };
    records[..skip].iter().enumerate().for_each(|(at, record)| apply(&mut engine, at, record));
    let trades = engine.globals().trades;
    let half = skip + (records.len() - skip) / 2;
    let mut means = Vec::new();
    for (chunk, at) in records[skip..half].chunks(CHUNK).zip((skip..).step_by(CHUNK)) {
        let start = Instant::now();
        chunk.iter().enumerate().for_each(|(offset, record)| apply(&mut engine, at + offset, record));
        means.push(start.elapsed().as_nanos() as f64 / chunk.len() as f64);
    }
    means.sort_unstable_by(f64::total_cmp);
    let mean = means[means.len() / 2];
    let mut each = Vec::with_capacity(records.len() - half);
    for (at, record) in records[half..].iter().enumerate() {
        let start = Instant::now();
        apply(&mut engine, half + at, record);
        each.push(start.elapsed().as_nanos() as u32);
    }
    each.sort_unstable();
    (mean, each, engine.globals().trades - trades)
}

fn main() {
    let commands =
        std::env::args().nth(1).map_or(1_000_000, |text| text.parse().expect("a number of commands"));
    for shape in &SHAPES {
        let mut generator = Generator::new(shape);
        let skip = generator.records.len();
        while generator.records.len() < skip + commands {
            generator.step(shape);
        }
        let (mean, each, trades) = time(&generator.records, skip);
        let percentile = |share: f64| each[((each.len() - 1) as f64 * share) as usize];
        println!(
            "{{\"name\": \"{}\", \"mean_ns\": {mean:.0}, \"p50_ns\": {}, \"p99_ns\": {}, \"p999_ns\": {}, \"trades\": {trades}}}",
            shape.name,
            percentile(0.50),
            percentile(0.99),
            percentile(0.999),
        );
    }
}
