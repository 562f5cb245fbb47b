//! Steps per second of one core: engine, state trees and the root behind every step; no signatures, no disk. The second is
//! one of processor time.
//!
//! `cargo run --release -p synchromesh-commitment --example step_rate [commands]`
//!
//! The stream is that of the engine's order path. One JSON object is printed per workload.

#![allow(clippy::unwrap_used)]

use commitment::{Opening, StateTree};
use engine::{Dirty, Engine, StepMark, StepObserver};
use orders::{Generator, SHAPES};
use protocol::{Hash, Wire, chain_hash, command_hash};
use rustix::time::{ClockId, clock_gettime};

#[path = "../../engine/examples/support/orders.rs"]
mod orders;
#[path = "../../engine/examples/support/mod.rs"]
mod support;

/// Commands whose mean is taken at once; the median of these means is robust against a busy machine.
const CHUNK: usize = 500;

/// Leaves of all trees, those below accounts included.
fn leaves(opening: &Opening) -> usize {
    let above = [&opening.accounts, &opening.books, &opening.instruments, &opening.keys, &opening.globals];
    let below = opening.below.values().map(|account| {
        let sides: usize = account.sides.values().map(|leaves| leaves.len()).sum();
        account.orders.len() + account.holdings.len() + sides
    });
    above.map(|leaves| leaves.len()).iter().sum::<usize>() + below.sum::<usize>()
}

/// What this thread took of the processor so far, ns: other work on a busy machine does not count.
fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// The committer: a root behind every step.
struct Committer {
    state: StateTree,
    chain: Hash,
    steps: usize,
}

impl StepObserver for Committer {
    fn step(&mut self, engine: &Engine, dirty: Dirty, step: StepMark) {
        self.state.update(engine, &dirty, &self.chain, step.taker.as_ref());
        self.state.note_root();
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
        let mut committer = Committer { state: StateTree::new(), chain: Hash::ZERO, steps: 0 };
        let (mut events, mut bytes, mut root) = (Vec::new(), Vec::new(), Hash::ZERO);
        let mut times = Vec::new();
        for (chunk, records) in generator.records.chunks(CHUNK).enumerate() {
            let (start, before) = (processor_time(), committer.steps);
            for (at, (record, arrays)) in (chunk * CHUNK + 1..).zip(records) {
                events.clear();
                bytes.clear();
                record.put(&mut bytes);
                committer.chain = chain_hash(&committer.chain, &command_hash(&bytes));
                engine
                    .apply_observed(at as u64, record, arrays.as_ref(), &mut events, &mut committer)
                    .unwrap();
            }
            let roots = committer.state.take_noted();
            assert_eq!(roots.len(), committer.steps - before, "every step has a root");
            root = *roots.last().unwrap();
            if chunk * CHUNK >= skip {
                times.push((processor_time() - start) / roots.len() as f64);
            }
        }
        times.sort_unstable_by(f64::total_cmp);
        let median = times[times.len() / 2];
        println!(
            "{{\"name\": \"{}\", \"steps\": {}, \"leaves\": {}, \"step_ns\": {median:.0}, \"steps_per_second\": {:.0}, \"root\": \"{root}\"}}",
            shape.name,
            committer.steps,
            leaves(&Opening::of(&engine, &committer.chain)),
            1e9 / median,
        );
    }
}
