//! Power cuts at every kind of moment, with sectors written in any order, whole or not.

use journal::{Config, Journal, JournalReader, OpenError, Recovered};

use crate::disks::SimDisk;
use crate::support::{Random, small};

/// What is known of the journal from outside.
struct Witness {
    disk: SimDisk,
    random: Random,
    /// Acknowledged records.
    acknowledged: Vec<Vec<u8>>,
    /// The frame that was being appended when the power went.
    in_flight: Vec<Vec<u8>>,
    /// How many records readers have been given.
    yielded: usize,
    written: u64,
}

#[derive(Default, Debug)]
struct Tally {
    cuts_in_commit: u32,
    cuts_in_opening: u32,
    torn: u32,
    survived: u32,
    process_ends: u32,
}

impl Witness {
    fn new(seed: u64) -> Self {
        Self {
            disk: SimDisk::new(seed),
            random: Random::new(seed ^ 0x5eed),
            acknowledged: Vec::new(),
            in_flight: Vec::new(),
            yielded: 0,
            written: 0,
        }
    }

    fn config() -> Config {
        Config { segment_bytes: 65536, frame_bytes: 24576, ..small() }
    }

    /// Records unlike any that were ever written, those of lost frames included.
    fn next_batch(&mut self) -> Vec<Vec<u8>> {
        let count = 1 + self.random.below(12);
        let records = (0..count).map(|_| {
            self.written += 1;
            let length = 8 + self.random.below(1800) as usize;
            let mut record = self.written.to_be_bytes().to_vec();
            record.resize(length, self.random.next() as u8 | 1);
            record
        });
        records.collect()
    }

    /// Opens and checks that nothing acknowledged or yielded is gone and nothing is there that was not written.
    fn open(&mut self, tally: &mut Tally) -> Option<Journal<SimDisk>> {
        let (journal, recovered) = match Journal::open_on(self.disk.clone(), Self::config()) {
            Ok(opened) => opened,
            Err(OpenError::Io(_)) => return None,
            Err(misjudged) => panic!("a power cut was called corruption: {misjudged}"),
        };
        self.check(&recovered, tally);
        Some(journal)
    }

    fn check(&mut self, recovered: &Recovered, tally: &mut Tally) {
        let records = crate::support::read_all(&self.disk);
        assert_eq!(recovered.next_sequence, records.len() as u64 + 1);
        assert!(records.len() >= self.yielded, "a reader was given what is gone");
        assert!(records.starts_with(&self.acknowledged), "an acknowledged record is gone");
        let rest = &records[self.acknowledged.len()..];
        assert!(
            rest.is_empty() || rest == self.in_flight,
            "only the commit in flight may be there, and whole"
        );
        tally.torn += u32::from(recovered.quarantined.is_some());
        tally.survived += u32::from(!rest.is_empty());
        assert!(rest.is_empty() || recovered.quarantined.is_none(), "what is there is not torn");
        self.acknowledged = records;
        self.in_flight.clear();
    }

    /// Appends until something fails.
    fn run(&mut self, journal: &mut Journal<SimDisk>) {
        let mut reader = JournalReader::open_on(self.disk.clone(), 1);
        loop {
            let records = self.next_batch();
            let appended = journal.append_records(journal.next_sequence(), &records);
            if appended.is_err() {
                self.in_flight = records;
            } else {
                self.acknowledged.extend(records);
            }
            self.follow(&mut reader);
            if appended.is_err() {
                journal.append_records(journal.next_sequence(), &[b"x"]).expect_err("it is poisoned");
                return;
            }
        }
    }

    fn follow(&mut self, reader: &mut JournalReader<SimDisk>) {
        while let Some(frame) = reader.next_frame().expect("durable frames are intact") {
            let end = (frame.first_sequence - 1) as usize + frame.count as usize;
            self.yielded = self.yielded.max(end);
            // the power may go between the sync and the acknowledgement
            let durable = self.acknowledged.len() + self.in_flight.len();
            assert!(end <= durable, "a reader is never ahead of the disk");
        }
    }
}

/// Each seed lives through several power cuts; between them processes end and syncs fail.
fn live(seed: u64, tally: &mut Tally) {
    let mut witness = Witness::new(seed);
    for _ in 0..8 {
        match witness.random.below(10) {
            0 => witness.disk.fail_sync_after(witness.random.below(40)),
            1 => witness.disk.shorten_writes(),
            _ => {}
        }
        witness.disk.cut_after(witness.random.below(150));
        if let Some(mut journal) = witness.open(tally) {
            witness.run(&mut journal);
            tally.cuts_in_commit += 1;
        } else {
            tally.cuts_in_opening += 1;
        }
        if witness.random.below(8) == 0 {
            // the process ends but the machine goes on: what a failed sync forgot still shows in the cache
            witness.disk.heal();
            tally.process_ends += 1;
            witness.open(tally).expect("nothing is in its way");
        }
        witness.disk.restart();
    }
    witness.open(tally).expect("the power stays on");
}

#[test]
fn no_power_cut_is_misjudged() {
    let mut tally = Tally::default();
    for seed in 0..600 {
        live(seed, &mut tally);
    }
    println!("{tally:?}");
    assert!(tally.cuts_in_commit >= 3000, "{tally:?}");
    assert!(tally.torn >= 1000 && tally.survived >= 300 && tally.process_ends >= 300, "{tally:?}");
    assert!(tally.cuts_in_opening >= 100, "{tally:?}");
}
