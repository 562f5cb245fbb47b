//! The journal on a disk that behaves.

use journal::{
    AppendError, Config, FORMAT_VERSION, Journal, JournalReader, LocalDisk, OpenError, PayloadError,
};

use crate::disks::SimDisk;
use crate::support::{Scratch, batch, read_all, record, small};

#[test]
fn every_opening_begins_an_epoch_and_keeps_every_record() {
    let scratch = Scratch::new();
    let mut expected = Vec::new();
    for round in 1..=5 {
        let (mut journal, recovered) = Journal::open(scratch.path(), small()).expect("it opens");
        assert_eq!((recovered.epoch, recovered.next_sequence), (round, expected.len() as u64 + 1));
        assert_eq!(recovered.quarantined, None);
        for count in 1..=20 {
            let first = journal.next_sequence();
            let records = batch(first, count);
            let info = journal.append_records(first, &records).expect("it appends");
            assert_eq!((info.epoch, info.first_sequence, info.count), (round, first, count as u32));
            expected.extend(records);
        }
    }
    assert_eq!(read_all(&LocalDisk::new(scratch.path())), expected);
    let segments = journal::inspect(scratch.path()).expect("it is intact").expect("it is there").segments;
    assert!(segments.len() > 30, "the test rotates: {} segments", segments.len());
}

#[test]
fn the_bytes_on_disk_are_those_that_the_format_says() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = Journal::open_on(disk.clone(), Config { shard: 7, ..small() }).expect("it opens");
    let info = journal.append(1, b"\x00\x03abc\x00\x01d", 2).expect("it appends");
    let bytes = disk.bytes("00000001.segment");
    assert_eq!((&bytes[..8], bytes.len()), (&b"SYNCMSEG"[..], 16384));
    assert_eq!(bytes[8..10], FORMAT_VERSION.to_be_bytes());
    assert_eq!(bytes[12..16], 7u32.to_be_bytes());
    let salt = &bytes[40..56];

    let frame = &bytes[8192..8192 + 88 + 8];
    let numbers = |at: usize| u64::from_be_bytes(frame[at..at + 8].try_into().expect("eight bytes"));
    assert_eq!(frame[..4], *b"SMJF");
    assert_eq!(frame[4..8], crc32c::crc32c_append(crc32c::crc32c(salt), &frame[8..]).to_be_bytes());
    assert_eq!(frame[8..12], crc32c::crc32c_append(crc32c::crc32c(salt), &frame[12..88]).to_be_bytes());
    assert_eq!(frame[12..24], [0, 0, 0, 8, 0, 0, 0, 2, 0, 0, 0, 7]);
    assert_eq!((numbers(24), numbers(32), numbers(40), numbers(48)), (2, 1, 1, 1));
    assert_eq!(frame[56..88], *blake3::hash(&bytes[4096..4096 + 88]).as_bytes());
    assert_eq!(frame[88..], *b"\x00\x03abc\x00\x01d");
    assert_eq!(info.hash, *blake3::hash(frame).as_bytes());
    assert!(bytes[8192 + 96..].iter().all(|&byte| byte == 0));

    let watermark = disk.bytes("watermark");
    assert_eq!(watermark.len(), 8192);
    for (slot, frame) in [(0, 2u64), (4096, 1)] {
        let sum = crc32c::crc32c_append(crc32c::crc32c(b"synchromesh watermark"), &frame.to_be_bytes());
        assert_eq!(watermark[slot..slot + 8], frame.to_be_bytes());
        assert_eq!(watermark[slot + 8..slot + 12], sum.to_be_bytes());
    }
}

#[test]
fn wrong_arguments_change_nothing() {
    let disk = SimDisk::new(2);
    let (mut journal, _) = Journal::open_on(disk.clone(), small()).expect("it opens");
    let before = disk.contents();
    let none: [&[u8]; 0] = [];
    let error = journal.append_records(1, &none).expect_err("a frame holds records");
    assert!(matches!(error, AppendError::Count { stated: 0, found: 0 }), "{error}");
    let error = journal.append(2, b"\x00\x01a", 1).expect_err("2 does not follow");
    assert!(matches!(error, AppendError::Sequence { found: 2, expected: 1 }), "{error}");
    let error = journal.append(1, b"\x00\x01a", 2).expect_err("it holds one");
    assert!(matches!(error, AppendError::Count { stated: 2, found: 1 }), "{error}");
    let error = journal.append(1, b"\x00\x02a", 1).expect_err("it is cut");
    assert!(matches!(error, AppendError::Payload(PayloadError::Truncated { index: 0 })), "{error}");
    let error = journal.append_records(1, &[vec![0; 65536]]).expect_err("a record has a bound");
    assert!(
        matches!(error, AppendError::Payload(PayloadError::TooLong { index: 0, bytes: 65536 })),
        "{error}"
    );
    let error = journal.append_records(1, &[vec![1; 10], Vec::new()]).expect_err("a record has bytes");
    assert!(matches!(error, AppendError::Payload(PayloadError::Empty { index: 1 })), "{error}");
    let error = journal.append_records(1, &[vec![1; 9000]]).expect_err("a frame has a bound");
    assert!(matches!(error, AppendError::TooLarge { bytes: 9002, max: 8104 }), "{error}");
    assert_eq!(disk.contents(), before);
    journal.append_records(1, &[vec![1; 8102]]).expect("the largest payload fits");
}

#[test]
fn configurations_that_make_no_sense_are_refused() {
    for (segment_bytes, frame_bytes) in
        [(16384, 4095), (16383, 4096), (4096, 4096), (16384, 16384), (16384, 0), (2 << 30, 4096), (0, 4096)]
    {
        let config = Config { segment_bytes, frame_bytes, ..small() };
        let opened = Journal::open_on(SimDisk::new(3), config).map(drop);
        assert!(matches!(opened, Err(OpenError::Config(_))), "{segment_bytes} {frame_bytes}");
    }
}

#[test]
fn there_is_one_writer() {
    let scratch = Scratch::new();
    let (journal, _) = Journal::open(scratch.path(), small()).expect("it opens");
    let second = Journal::open(scratch.path(), small()).map(drop);
    assert!(matches!(second, Err(OpenError::Locked(_))), "{second:?}");
    drop(journal);
    Journal::open(scratch.path(), small()).expect("the lock went with the writer");
}

#[test]
fn settings_may_change_between_openings() {
    let disk = SimDisk::new(4);
    let sizes = [(16384, 8192), (65536, 32768), (12288, 4096), (16384, 12288)];
    let mut expected = Vec::new();
    for (segment_bytes, frame_bytes) in sizes {
        let config = Config { segment_bytes, frame_bytes, ..small() };
        let largest = config.payload_bytes();
        let (mut journal, _) = Journal::open_on(disk.clone(), config).expect("it opens");
        for record in [record(journal.next_sequence()), vec![9; largest - 2], vec![8; largest - 2]] {
            journal.append_records(journal.next_sequence(), &[&record]).expect("it appends");
            expected.push(record);
        }
    }
    assert_eq!(read_all(&disk), expected);
}

#[test]
fn checking_may_begin_at_a_later_segment() {
    let disk = SimDisk::new(5);
    let (mut journal, _) = Journal::open_on(disk.clone(), small()).expect("it opens");
    for sequence in 1..=30 {
        journal.append_records(sequence, &[record(sequence)]).expect("it appends");
    }
    drop(journal);
    disk.flip("00000002.segment", 8 * 5000);
    let whole = Journal::open_on(disk.copy(), small()).map(drop);
    assert!(matches!(whole, Err(OpenError::Damaged(_))), "{whole:?}");
    let config = Config { verify_from: 20, ..small() };
    let (_, recovered) = Journal::open_on(disk.clone(), config).expect("later segments are intact");
    assert_eq!(recovered.next_sequence, 31);
    let mut reader = JournalReader::open_on(disk, 20);
    let frame = reader.next_frame().expect("it is intact").expect("it is there");
    assert_eq!((frame.first_sequence, frame.count), (20, 1));
}

#[test]
fn another_shards_journal_is_refused() {
    let disk = SimDisk::new(6);
    drop(Journal::open_on(disk.clone(), small()).expect("it opens"));
    let other = Journal::open_on(disk, Config { shard: 1, ..small() }).map(drop);
    let Err(OpenError::Damaged(damage)) = other else { panic!("{other:?}") };
    assert_eq!(damage.reason.to_string(), "shard is 0 where 1 follows");
}
