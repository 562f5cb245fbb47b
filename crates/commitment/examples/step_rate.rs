//! Steps per second of one core: engine, state trees and the root behind every step; no signatures, no disk.
//!
//! `cargo run --release -p synchromesh-commitment --example step_rate [commands]`
//!
//! The stream is that of the engine's order path. One JSON object is printed per workload.

#![allow(clippy::unwrap_used)]

use commitment::{Opening, StateTree};
use engine::{Dirty, Engine, StepMark, StepObserver};
use orders::{Generator, SHAPES};
use protocol::{Hash, Wire, chain_hash, command_hash};
use std::time::Instant;

#[path = "../../engine/examples/support/orders.rs"]
mod orders;
#[path = "../../engine/examples/support/mod.rs"]
mod support;

/// Commands whose mean is taken at once; the median of these means is robust against a busy machine.
const CHUNK: usize = 50;

/// Leaves of all trees, those below accounts included.
fn leaves(engine: &Engine, chain: &Hash) -> usize {
    let opening = Opening::of(engine, chain);
    let above = [&opening.accounts, &opening.books, &opening.instruments, &opening.keys, &opening.globals];
    let below = opening.below.values().map(|account| {
        let sides: usize = account.sides.values().map(|leaves| leaves.len()).sum();
        account.orders.len() + account.holdings.len() + sides
    });
    above.map(|leaves| leaves.len()).iter().sum::<usize>() + below.sum::<usize>()
}

/// The committer: a root behind every step.
struct Committer {
    state: StateTree,
    chain: Hash,
    steps: usize,
    root: Hash,
}

impl StepObserver for Committer {
    fn step(&mut self, engine: &Engine, dirty: Dirty, step: StepMark) {
        self.state.update(engine, &dirty, &self.chain, step.taker.as_ref());
        self.root = self.state.root();
        self.steps += 1;
    }
}

fn main() {
    let commands =
        std::env::args().nth(1).map_or(200_000, |text| text.parse().expect("a number of commands"));
    for shape in &SHAPES {
        let mut generator = Generator::new(shape);
        let skip = generator.records.len();
        while generator.records.len() < skip + commands {
            generator.step(shape);
        }
        let mut engine = Engine::new();
        let state = StateTree::new();
        let mut committer = Committer { state, chain: Hash::ZERO, steps: 0, root: Hash::ZERO };
        let (mut events, mut bytes) = (Vec::new(), Vec::new());
        let mut times = Vec::new();
        for (chunk, records) in generator.records.chunks(CHUNK).enumerate() {
            let (start, before) = (Instant::now(), committer.steps);
            for (at, (record, arrays)) in (chunk * CHUNK + 1..).zip(records) {
                events.clear();
                bytes.clear();
                record.put(&mut bytes);
                committer.chain = chain_hash(&committer.chain, &command_hash(&bytes));
                engine
                    .apply_observed(at as u64, record, arrays.as_ref(), &mut events, &mut committer)
                    .unwrap();
            }
            if chunk * CHUNK >= skip {
                times.push(start.elapsed().as_nanos() as f64 / (committer.steps - before) as f64);
            }
        }
        times.sort_unstable_by(f64::total_cmp);
        let median = times[times.len() / 2];
        println!(
            "{{\"name\": \"{}\", \"steps\": {}, \"leaves\": {}, \"step_ns\": {median:.0}, \"steps_per_second\": {:.0}, \"root\": \"{}\"}}",
            shape.name,
            committer.steps,
            leaves(&engine, &committer.chain),
            1e9 / median,
            committer.root,
        );
    }
}
