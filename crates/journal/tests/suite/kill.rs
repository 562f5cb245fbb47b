//! A real process under load, killed 100 times at random moments.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use journal::{Config, Journal, JournalReader};

use crate::support::{Random, Scratch, batch, record};

const DIRECTORY_VARIABLE: &str = "SYNCHROMESH_TEST_KILL_DIRECTORY";
const JOURNALS: u64 = 10;
const KILLS_PER_JOURNAL: u64 = 10;

fn config() -> Config {
    Config { segment_bytes: 1 << 20, frame_bytes: 256 << 10, ..Config::default() }
}

/// The process that is killed: appends for as long as it lives and prints the last sequence of every
/// acknowledged frame. Does nothing unless its parent named a directory.
#[test]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY_VARIABLE) else { return };
    let (mut journal, recovered) = Journal::open(directory, config()).expect("it opens");
    let mut random = Random::new(recovered.epoch);
    let mut out = std::io::stdout().lock();
    loop {
        let first = journal.next_sequence();
        let count = [1, 1 + random.below(8), 1 + random.below(200)][random.below(3) as usize];
        journal.append_records(first, &batch(first, count)).expect("it appends");
        // the parent may be gone; then there is nobody to acknowledge to
        if writeln!(out, "\nack {}", first + count - 1).and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

fn spawn(directory: &Path) -> Child {
    Command::new(std::env::current_exe().expect("the test has a file"))
        .args(["kill::child", "--exact", "--nocapture"])
        .env(DIRECTORY_VARIABLE, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child starts")
}

/// Runs a child for a random moment and returns the last sequence that it acknowledged, 0 if none.
fn run_and_kill(directory: &Path, random: &mut Random) -> u64 {
    let mut child = spawn(directory);
    let mut lines = BufReader::new(child.stdout.take().expect("the output is a pipe")).lines();
    let mut acknowledged = 0;
    let mut read_until = |done: fn(u64) -> bool| {
        for line in lines.by_ref().map_while(Result::ok) {
            if let Some(sequence) = line.strip_prefix("ack ") {
                // a last line without its end may be cut short, but then it is a smaller number
                acknowledged = acknowledged.max(sequence.parse().expect("a number"));
                if done(acknowledged) {
                    break;
                }
            }
        }
        acknowledged
    };
    if random.below(4) != 0 {
        read_until(|sequence| sequence > 0);
    }
    std::thread::sleep(Duration::from_micros(random.below(40_000)));
    child.kill().expect("the child is ours to kill");
    let acknowledged = read_until(|_| false);
    child.wait().expect("the child can be waited for");
    acknowledged
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_by_a_kill() {
    let mut random = Random::new(61);
    let (mut acknowledging, mut total, mut segments) = (0, 0, 0);
    for _ in 0..JOURNALS {
        let scratch = Scratch::new();
        let directory = scratch.path().join("journal");
        let mut reader = JournalReader::open(&directory);
        let (mut next, mut epochs) = (1, 0);
        for _ in 0..KILLS_PER_JOURNAL {
            let acknowledged = run_and_kill(&directory, &mut random);
            acknowledging += u32::from(acknowledged > 0);
            let (journal, recovered) = Journal::open(&directory, config()).expect("it opens again");
            assert!(recovered.next_sequence > acknowledged, "an acknowledged record is gone");
            while let Some(frame) = reader.next_frame().expect("durable frames are intact") {
                assert!(frame.epoch >= epochs);
                epochs = frame.epoch;
                for (sequence, bytes) in frame.records() {
                    assert_eq!((sequence, bytes), (next, record(next).as_slice()), "once, and in order");
                    next += 1;
                }
            }
            assert_eq!((next, epochs), (recovered.next_sequence, recovered.epoch));
            drop(journal);
        }
        total += next - 1;
        segments += journal::inspect(&directory).expect("it is intact").expect("it is there").segments.len();
    }
    println!("{total} records, {segments} segments, {acknowledging} rounds with acknowledgements");
    assert!(acknowledging >= 70 && total > 20_000 && segments > 20, "{acknowledging} {total} {segments}");
}
