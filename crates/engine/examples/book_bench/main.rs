//! Times the books on exchange-core's mix, beside the naive book on the same commands, and prints one JSON
//! object per workload. Both books must end in the same state, or there is no figure.
//!
//! `cargo run --release -p synchromesh-engine --example book_bench -- [hot|medium] [commands]`

mod naive;
mod workload;

use engine::book::naive::NaiveBooks;
use engine::book::{Books, Handle};
use protocol::Hash;
use std::time::Instant;
use workload::{Command, Kind, Shape, Workload};

const REPEATS: usize = 3;
/// Commands whose books are warmed together.
const BATCH: usize = 32;
/// Commands between two looks at the clock.
const SEGMENT: usize = 1_000 * BATCH;

/// What a book made of a workload.
struct Outcome {
    /// Nanoseconds of each segment.
    segments: Vec<u64>,
    trades: u64,
    state: Hash,
}

impl Outcome {
    /// Keeps the faster time of each segment. The work is the same in every repeat, so what differs is the
    /// machine's.
    fn keep_fastest(&mut self, other: Self) {
        assert_eq!(other.trades, self.trades, "all books make the same trades");
        assert_eq!(other.state, self.state, "all books end in the same state");
        for (fastest, ns) in self.segments.iter_mut().zip(other.segments) {
            *fastest = ns.min(*fastest);
        }
    }

    fn ns_per_op(&self, workload: &Workload) -> f64 {
        self.segments.iter().sum::<u64>() as f64 / workload.run.len() as f64
    }
}

/// Times `execute` on the batches of the workload, segment by segment.
fn time(workload: &Workload, mut execute: impl FnMut(&[Command])) -> Vec<u64> {
    let segment = |commands: &[Command]| {
        let start = Instant::now();
        commands.chunks(BATCH).for_each(&mut execute);
        start.elapsed().as_nanos() as u64
    };
    workload.run.chunks(SEGMENT).map(segment).collect()
}

fn run_books(workload: &Workload, warm: bool) -> Outcome {
    let mut books = Books::with_capacity(workload.orders.min(1 << 20));
    let mut handles = vec![Handle::NONE; workload.orders];
    for &command in &workload.fill {
        workload::execute(&mut books, &mut handles, command, |_| ());
    }
    let (mut trades, mut upcoming) = (0, Vec::with_capacity(BATCH));
    let segments = time(workload, |batch| {
        if warm {
            upcoming.clear();
            upcoming.extend(batch.iter().map(|command| (command.symbol, handles[command.order as usize])));
            books.warm(&upcoming);
        }
        for &command in batch {
            workload::execute(&mut books, &mut handles, command, |_| trades += 1);
        }
    });
    Outcome { segments, trades, state: books.state_hash() }
}

fn run_naive(workload: &Workload) -> Outcome {
    let mut books = NaiveBooks::new();
    for &command in &workload.fill {
        naive::execute(&mut books, command, |_| ());
    }
    let mut trades = 0;
    let segments = time(workload, |batch| {
        for &command in batch {
            naive::execute(&mut books, command, |_| trades += 1);
        }
    });
    Outcome { segments, trades, state: books.state_hash() }
}

fn share(run: &[Command], kind: Kind) -> f64 {
    100.0 * run.iter().filter(|command| command.kind == kind).count() as f64 / run.len() as f64
}

fn report(name: &str, shape: Shape) {
    let workload = Workload::generate(shape);
    let (mut naive, mut ours) = (run_naive(&workload), run_books(&workload, false));
    let mut warmed = run_books(&workload, true);
    for outcome in [&ours, &warmed] {
        assert_eq!(
            (outcome.trades, outcome.state),
            (naive.trades, naive.state),
            "fast and naive books agree"
        );
    }
    for _ in 1..REPEATS {
        naive.keep_fastest(run_naive(&workload));
        ours.keep_fastest(run_books(&workload, false));
        warmed.keep_fastest(run_books(&workload, true));
    }
    let trades = naive.trades;
    let [naive, ours, warmed] = [naive, ours, warmed].map(|outcome| outcome.ns_per_op(&workload));
    let mix = [Kind::Place, Kind::Immediate, Kind::Cancel, Kind::Reduce, Kind::Move];
    let mix = mix.map(|kind| format!("\"{kind:?}\": {:.1}", share(&workload.run, kind))).join(", ");
    println!(
        "{{\"name\": \"{name}\", \"ns_per_op\": {ours:.1}, \"warmed_ns_per_op\": {warmed:.1}, \
         \"naive_ns_per_op\": {naive:.1}, \"commands\": {}, \"trades\": {trades}, \"mix\": {{{mix}}}}}",
        workload.run.len(),
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = arguments.first().map(String::as_str);
    let commands = arguments.get(1).map_or(3_000_000, |text| text.parse().expect("a number of commands"));
    let hot = Shape {
        symbols: 1,
        orders: 1_000,
        users: 1_000,
        commands,
        deviation: 2_000,
        look_every: 512,
        seed: 1,
    };
    // A symbol gets a hundred commands here: looks are frequent, so that the mix is the long run's all the same.
    let wide = Shape { symbols: 10_000, orders: 1_000_000, users: 1_000_000, look_every: 8, ..hot };
    let medium = Shape { commands: commands / 3, ..wide };
    for (name, shape) in [("hot", hot), ("medium", medium)] {
        if wanted.is_none_or(|wanted| wanted == name) {
            report(name, shape);
        }
    }
}
