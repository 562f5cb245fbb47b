//! What the tests share.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use journal::{Config, Disk, JournalReader};

/// A small generator with a fixed algorithm, so that a seed means the same everywhere.
#[derive(Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Segments of four blocks, frames of at most two.
pub fn small() -> Config {
    Config { segment_bytes: 16384, frame_bytes: 8192, prepare_ahead: false, ..Config::default() }
}

/// A record that no other sequence has, between 9 and 280 bytes long.
pub fn record(sequence: u64) -> Vec<u8> {
    let mut random = Random::new(sequence);
    let mut record = sequence.to_be_bytes().to_vec();
    record.extend((0..=random.below(272)).map(|_| random.next() as u8));
    record
}

/// `count` records from `first_sequence`.
pub fn batch(first_sequence: u64, count: u64) -> Vec<Vec<u8>> {
    (first_sequence..first_sequence + count).map(record).collect()
}

/// Every durable record of a journal, after checking that sequences are contiguous from 1.
pub fn read_all<D: Disk>(disk: &D) -> Vec<Vec<u8>> {
    let mut reader = JournalReader::open_on(disk.clone(), 1);
    let mut records = Vec::new();
    while let Some(frame) = reader.next_frame().expect("the journal is intact") {
        for (sequence, record) in frame.records() {
            records.push(record.to_vec());
            assert_eq!(sequence, records.len() as u64, "sequences are contiguous");
        }
    }
    records
}

/// A directory that is removed at the end of its test.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("journal-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).expect("a scratch directory can be made");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("the scratch directory can be removed");
    }
}
