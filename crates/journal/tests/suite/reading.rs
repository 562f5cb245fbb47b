//! Readers that follow a journal while it grows.

use std::sync::atomic::{AtomicU64, Ordering};

use journal::{Config, Journal, JournalReader, LocalDisk, ReadError, Reason};

use crate::disks::SimDisk;
use crate::support::{Random, Scratch, batch, record, small};

#[test]
fn a_reader_may_come_before_the_journal() {
    let disk = SimDisk::new(31);
    let mut reader = JournalReader::open_on(disk.clone(), 1);
    assert_eq!(reader.next_frame().expect("nothing is wrong"), None);
    let (mut journal, _) = Journal::open_on(disk, small()).expect("it opens");
    let frame = reader.next_frame().expect("it is intact").expect("the epoch is there");
    assert!(frame.opens_epoch() && frame.records().next().is_none());
    assert_eq!(reader.next_frame().expect("nothing is wrong"), None);
    let info = journal.append_records(1, &batch(1, 2)).expect("it appends");
    let frame = reader.next_frame().expect("it is intact").expect("it is there");
    assert_eq!((frame.number, frame.epoch, frame.hash), (info.frame, info.epoch, info.hash));
    let records: Vec<_> = frame.records().map(|(sequence, record)| (sequence, record.to_vec())).collect();
    assert_eq!(records, [(1, record(1)), (2, record(2))]);
}

#[test]
fn a_reader_starts_at_the_frame_that_holds_the_sequence() {
    let disk = SimDisk::new(32);
    for _ in 0..3 {
        let (mut journal, _) = Journal::open_on(disk.clone(), small()).expect("it opens");
        for _ in 0..10 {
            journal
                .append_records(journal.next_sequence(), &batch(journal.next_sequence(), 5))
                .expect("it appends");
        }
    }
    for sequence in 2..=150 {
        let mut reader = JournalReader::open_on(disk.clone(), sequence);
        let frame = reader.next_frame().expect("it is intact").expect("it is there");
        assert_eq!(frame.first_sequence, sequence - (sequence - 1) % 5);
    }
    let mut reader = JournalReader::open_on(disk.clone(), 151);
    assert_eq!(reader.next_frame().expect("nothing is wrong"), None);
    let (mut journal, _) = Journal::open_on(disk, small()).expect("it opens");
    journal.append_records(151, &[record(151)]).expect("it appends");
    assert_eq!(reader.next_frame().expect("it is intact").map(|frame| frame.first_sequence), Some(151));
}

#[test]
fn a_reader_refuses_damage_and_goes_on_when_it_is_repaired() {
    let disk = SimDisk::new(33);
    let (mut journal, _) = Journal::open_on(disk.clone(), small()).expect("it opens");
    for sequence in 1..=4 {
        journal.append_records(sequence, &[record(sequence)]).expect("it appends");
    }
    let mut reader = JournalReader::open_on(disk.clone(), 2);
    disk.flip("00000001.segment", (3 * 4096 + 90) * 8);
    for _ in 0..2 {
        let Err(ReadError::Damaged(damage)) = reader.next_frame() else { panic!("damage was read") };
        assert!(matches!(damage.reason, Reason::Acknowledged { frame: 3, .. }), "{damage}");
        assert_eq!(damage.offset, 3 * 4096);
    }
    disk.flip("00000001.segment", (3 * 4096 + 90) * 8);
    let sequences =
        std::iter::from_fn(|| reader.next_frame().expect("it is intact").map(|f| f.first_sequence));
    assert_eq!(sequences.collect::<Vec<_>>(), [2, 3, 4]);
}

/// A writer and a reader on a real disk at the same time: the reader is never ahead of the acknowledgement by
/// more than the frame whose append is just returning, and misses nothing over rotations and epochs.
#[test]
fn a_reader_keeps_up_with_a_writer() {
    const FRAMES: u64 = 400;
    let scratch = Scratch::new();
    let (started, written) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = Random::new(34);
            let config = Config { prepare_ahead: true, ..small() };
            for _ in 0..4 {
                let (mut journal, _) = Journal::open(scratch.path(), config.clone()).expect("it opens");
                for _ in 0..FRAMES / 4 {
                    let first = journal.next_sequence();
                    let records = batch(first, 1 + random.below(25));
                    started.store(first + records.len() as u64 - 1, Ordering::SeqCst);
                    journal.append_records(first, &records).expect("it appends");
                    written.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        let mut reader = JournalReader::open_on(LocalDisk::new(scratch.path()), 1);
        let (mut next, mut frames) = (1, 0);
        while frames < FRAMES {
            let done = written.load(Ordering::SeqCst);
            match reader.next_frame().expect("durable frames are intact") {
                Some(frame) => {
                    assert_eq!(frame.first_sequence, next);
                    for (sequence, bytes) in frame.records() {
                        assert_eq!(bytes, record(sequence));
                    }
                    next += u64::from(frame.count);
                    frames += u64::from(!frame.opens_epoch());
                    assert!(next - 1 <= started.load(Ordering::SeqCst));
                }
                None => {
                    assert!(frames >= done, "every acknowledged frame can be read");
                    std::thread::yield_now();
                }
            }
        }
    });
}

#[test]
fn an_inspection_counts_what_is_there() {
    let scratch = Scratch::new();
    assert_eq!(journal::inspect(scratch.path()).expect("nothing is wrong"), None);
    let (mut journal, _) = Journal::open(scratch.path(), Config { shard: 3, ..small() }).expect("it opens");
    for sequence in 1..=5 {
        journal.append_records(sequence, &[record(sequence)]).expect("it appends");
    }
    let inspection = journal::inspect(scratch.path()).expect("it is intact").expect("it is there");
    assert_eq!((inspection.shard, inspection.epoch, inspection.last_frame), (3, 1, 6));
    assert_eq!((inspection.next_sequence, inspection.tail_bytes), (6, 0));
    let summaries = inspection.segments.iter();
    let summaries: Vec<_> =
        summaries.map(|s| (s.number, s.first_frame, s.first_sequence, s.frames)).collect();
    assert_eq!(summaries, [(1, 1, 1, 3), (2, 4, 3, 3)]);
    assert!(inspection.segments.iter().all(|s| s.used_bytes == 16384 && s.bytes == 16384));
}
