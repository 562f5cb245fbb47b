//! Damage of every kind: what recovery may forgive, and what it must refuse and leave alone.

use journal::{Damage, Fault, Journal, JournalReader, OpenError, Reason, Recovered};

use crate::disks::SimDisk;
use crate::support::{batch, read_all, small};

const BLOCK: usize = 4096;

/// A small journal, closed in order.
struct Sample {
    disk: SimDisk,
    records: Vec<Vec<u8>>,
    last_frame: u64,
}

/// Frame n > 1 holds n records in one block; 1, 2 and 3 fill the first segment, 4 begins the second.
fn sample(frames: u64) -> Sample {
    let disk = SimDisk::new(11);
    let (mut journal, _) = Journal::open_on(disk.clone(), small()).expect("it opens");
    for frame in 2..=frames {
        let records = batch(journal.next_sequence(), frame);
        assert_eq!(
            journal.append_records(journal.next_sequence(), &records).expect("it appends").frame,
            frame
        );
    }
    drop(journal);
    let records = read_all(&disk);
    Sample { disk, records, last_frame: frames }
}

impl Sample {
    /// The same with the watermark as it was after `frame`: a power cut may leave any since the opening.
    fn with_watermark(&self, frame: u64) -> SimDisk {
        let disk = self.disk.copy();
        let before = sample(frame).disk;
        disk.put("watermark", &before.bytes("watermark"));
        disk
    }
}

/// Where the payload of the frame at `offset` of a segment ends.
fn payload_end(segment: &[u8], offset: usize) -> usize {
    let length = segment[offset + 12..offset + 16].try_into().expect("four bytes");
    offset + 88 + u32::from_be_bytes(length) as usize
}

fn open(disk: &SimDisk) -> Result<Recovered, OpenError> {
    Journal::open_on(disk.clone(), small()).map(|(_, recovered)| recovered)
}

fn must_refuse(disk: &SimDisk) -> Damage {
    let before = disk.contents();
    match open(disk) {
        Err(OpenError::Damaged(damage)) => {
            assert_eq!(disk.contents(), before, "a refused journal is left as it is");
            damage
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Judgement {
    Refused,
    /// Every record is there, something behind them was quarantined.
    Whole,
    /// The last frame was quarantined, every record before it is there.
    LastTorn,
}

fn judge(sample: &Sample, disk: &SimDisk) -> Judgement {
    let recovered = match open(disk) {
        Err(OpenError::Damaged(_)) => return Judgement::Refused,
        other => other.expect("only damage stops an opening"),
    };
    let quarantined = recovered.quarantined.expect("a changed byte never goes unnoticed");
    let records = read_all(disk);
    assert!(sample.records.starts_with(&records), "what is there is what was written");
    let missing = sample.records.len() - records.len();
    if missing == 0 {
        assert_eq!(quarantined.frame, sample.last_frame + 1);
        Judgement::Whole
    } else {
        assert_eq!((quarantined.frame, missing as u64), (sample.last_frame, sample.last_frame));
        Judgement::LastTorn
    }
}

#[test]
fn no_flipped_bit_goes_unnoticed() {
    let sample = sample(5);
    let old = sample.with_watermark(1);
    // of the padding a power cut leaves the zeros that were there
    let last = 2 * BLOCK..payload_end(&sample.disk.bytes("00000002.segment"), 2 * BLOCK);
    for (segment, used) in [("00000001.segment", 16384), ("00000002.segment", 3 * BLOCK)] {
        for bit in 0..16384 * 8 {
            let in_last = segment == "00000002.segment" && last.contains(&(bit / 8));
            for (disk, acknowledged) in [(&sample.disk, true), (&old, false)] {
                let disk = disk.copy();
                disk.flip(segment, bit);
                let expected = match bit / 8 {
                    byte if byte >= used => Judgement::Whole,
                    _ if in_last && !acknowledged => Judgement::LastTorn,
                    _ => Judgement::Refused,
                };
                assert_eq!(judge(&sample, &disk), expected, "{segment} bit {bit}");
            }
        }
    }
}

#[test]
fn a_flip_in_the_watermark_is_outvoted_by_the_other_slot() {
    let sample = sample(5);
    for bit in 0..2 * BLOCK * 8 {
        let disk = sample.disk.copy();
        disk.flip("watermark", bit);
        assert_eq!(open(&disk).expect("one slot is intact").next_sequence, 15);
    }
    sample.disk.flip("watermark", 5);
    sample.disk.flip("watermark", BLOCK * 8 + 90);
    assert_eq!(must_refuse(&sample.disk).reason, Reason::Watermark);
}

#[test]
fn a_shortened_file_is_refused() {
    let sample = sample(5);
    for segment in ["00000001.segment", "00000002.segment"] {
        let bytes = sample.disk.bytes(segment);
        for length in 0..bytes.len() {
            let disk = sample.disk.copy();
            disk.put(segment, &bytes[..length]);
            let damage = must_refuse(&disk);
            assert_eq!((damage.path.ends_with(segment), damage.offset), (true, length as u64));
        }
    }
}

/// The truncation of a preallocated file: everything behind a byte is as if it had never been written.
#[test]
fn a_journal_cut_at_any_byte_is_torn_only_in_a_frame_that_was_not_acknowledged() {
    let sample = sample(5);
    let old = sample.with_watermark(sample.last_frame - 1);
    let bytes = sample.disk.bytes("00000002.segment");
    // a frame whose padding is cut is whole
    let (before_ends, last_ends) = (payload_end(&bytes, BLOCK), payload_end(&bytes, 2 * BLOCK));
    for cut in 0..last_ends {
        let mut bytes = bytes.clone();
        bytes[cut..].fill(0);
        let acknowledged = sample.disk.copy();
        acknowledged.put("00000002.segment", &bytes);
        must_refuse(&acknowledged);
        let disk = old.copy();
        disk.put("00000002.segment", &bytes);
        if cut < before_ends {
            must_refuse(&disk);
        } else if cut <= 2 * BLOCK {
            assert_eq!(open(&disk).expect("the frame was never written").quarantined, None);
        } else {
            assert_eq!(judge(&sample, &disk), Judgement::LastTorn, "cut at {cut}");
        }
    }
}

#[test]
fn a_torn_tail_is_kept_aside_and_recorded() {
    let sample = sample(5);
    let disk = sample.with_watermark(4);
    disk.flip("00000002.segment", (2 * BLOCK + 100) * 8);
    let torn = disk.bytes("00000002.segment")[2 * BLOCK..3 * BLOCK].to_vec();
    let recovered = open(&disk).expect("the last frame may be torn");
    let quarantined = recovered.quarantined.expect("it is torn");
    assert_eq!((quarantined.segment, quarantined.offset, quarantined.bytes), (2, 8192, 4096));
    assert_eq!((quarantined.frame, quarantined.fault), (5, Fault::Payload));
    assert_eq!(disk.bytes("00000002-0000008192-0.quarantine"), torn);
    assert_eq!(quarantined.hash, *blake3::hash(&torn).as_bytes());

    let mut reader = JournalReader::open_on(disk.clone(), 1);
    let mut last = Vec::new();
    while let Some(frame) = reader.next_frame().expect("the journal is intact") {
        last = frame.payload.to_vec();
    }
    let mut notice = [2u64, 8192, 4096].map(u64::to_be_bytes).concat();
    notice.extend_from_slice(&quarantined.hash);
    assert_eq!(last, notice, "the epoch says what was moved");
    assert_eq!(open(&disk).expect("it is whole again").quarantined, None);
}

fn frames_of(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes[BLOCK..].chunks(BLOCK).map(<[u8]>::to_vec).collect()
}

fn rebuilt(bytes: &[u8], frames: &[Vec<u8>]) -> Vec<u8> {
    let mut rebuilt = bytes[..BLOCK].to_vec();
    frames.iter().for_each(|frame| rebuilt.extend_from_slice(frame));
    rebuilt.resize(bytes.len(), 0);
    rebuilt
}

#[test]
fn dropped_repeated_and_swapped_frames_are_refused() {
    let sample = sample(6);
    let old = sample.with_watermark(sample.last_frame - 1);
    for segment in ["00000001.segment", "00000002.segment"] {
        let bytes = sample.disk.bytes(segment);
        let frames = frames_of(&bytes);
        let mut variants = Vec::new();
        for index in 0..frames.len() {
            let mut dropped = frames.clone();
            dropped.remove(index);
            variants.push(("dropped", index, dropped));
            let mut blank = frames.clone();
            blank[index].fill(0);
            variants.push(("blanked", index, blank));
            for other in (0..frames.len()).filter(|&other| other != index) {
                let mut swapped = frames.clone();
                swapped.swap(index, other);
                variants.push(("swapped", index, swapped));
                let mut repeated = frames.clone();
                repeated[other] = frames[index].clone();
                variants.push(("repeated", index, repeated));
            }
        }
        for (what, index, frames) in variants {
            for (disk, acknowledged) in [(&sample.disk, true), (&old, false)] {
                let disk = disk.copy();
                disk.put(segment, &rebuilt(&bytes, &frames));
                let last = segment == "00000002.segment" && index == 2;
                if last && !acknowledged && what != "swapped" && what != "repeated" {
                    assert_eq!(read_all(&disk).len() + 6, sample.records.len(), "it was never acknowledged");
                    continue;
                }
                must_refuse(&disk);
            }
        }
    }
}

#[test]
fn missing_swapped_and_foreign_segments_are_refused() {
    let sample = sample(8);
    let [one, two, three] = [1, 2, 3].map(|number| sample.disk.bytes(&format!("{number:08}.segment")));
    let put = |first: &[u8], second: &[u8], third: &[u8]| {
        let disk = sample.disk.copy();
        disk.put("00000001.segment", first);
        disk.put("00000002.segment", second);
        disk.put("00000003.segment", third);
        must_refuse(&disk).reason
    };
    let misplaced = |found, expected| Reason::Misplaced { what: "segment number", found, expected };
    assert_eq!(put(&two, &one, &three), misplaced(2, 1));
    assert_eq!(put(&one, &three, &two), misplaced(3, 2));
    assert_eq!(put(&one, &one, &three), misplaced(1, 2));

    let stranger = SimDisk::new(99);
    let (mut journal, _) = Journal::open_on(stranger.clone(), small()).expect("it opens");
    for _ in 2..=8 {
        journal.append_records(journal.next_sequence(), &[b"another journal"]).expect("it appends");
    }
    let foreign = stranger.bytes("00000002.segment");
    assert!(matches!(put(&one, &foreign, &three), Reason::Misplaced { .. } | Reason::Chain { .. }));
    let mut graft = two.clone();
    graft[2 * BLOCK..].copy_from_slice(&foreign[2 * BLOCK..]);
    assert!(matches!(put(&one, &graft, &three), Reason::FollowedBySegment { fault: Fault::Header, .. }));

    for number in 1..=3 {
        let disk = sample.disk.copy();
        journal::Disk::remove(&disk, &format!("{number:08}.segment")).expect("it can be removed");
        let reason = must_refuse(&disk).reason;
        match number {
            3 => assert_eq!(reason, Reason::Lost { frame: 7 }),
            _ => assert_eq!(reason, Reason::MissingSegment(number)),
        }
    }
}

/// Two copies of a journal that went on apart agree on salt, numbers and sequences; only the chain tells.
#[test]
fn frames_of_a_copy_that_went_its_own_way_are_refused() {
    let [ours, theirs] = [b"ours", b"them"].map(|record| {
        let disk = sample(2).disk;
        let (mut journal, _) = Journal::open_on(disk.clone(), small()).expect("it opens");
        for _ in 4..=7 {
            journal.append_records(journal.next_sequence(), &[record]).expect("it appends");
        }
        drop(journal);
        disk
    });
    let [one, two] = ["00000001.segment", "00000002.segment"];
    assert_eq!(ours.bytes(one), theirs.bytes(one), "they part in the second segment");
    let mut graft = ours.bytes(two);
    graft[2 * BLOCK..3 * BLOCK].copy_from_slice(&theirs.bytes(two)[2 * BLOCK..3 * BLOCK]);
    let disk = ours.copy();
    disk.put(two, &graft);
    assert_eq!(must_refuse(&disk).reason, Reason::Chain { frame: 5 });

    let disk = ours.copy();
    disk.put("00000003.segment", &theirs.bytes("00000003.segment"));
    assert_eq!(must_refuse(&disk).reason, Reason::Chain { frame: 7 });
}

#[test]
fn an_opening_and_a_closing_are_remembered_over_a_power_cut() {
    for (seed, appended) in (0..50).zip([0, 1].into_iter().cycle()) {
        let disk = SimDisk::new(seed);
        let (mut journal, _) = Journal::open_on(disk.clone(), small()).expect("it opens");
        if appended == 0 {
            // as if the process had been killed: nothing is closed
            std::mem::forget(journal);
        } else {
            journal.append_records(1, &[b"x"]).expect("it appends");
            drop(journal);
        }
        disk.restart();
        let mut bytes = disk.bytes("00000001.segment");
        bytes[(1 + appended) * BLOCK..].fill(0);
        disk.put("00000001.segment", &bytes);
        assert_eq!(must_refuse(&disk).reason, Reason::Lost { frame: 1 + appended as u64 });
    }
}

#[test]
fn what_others_acknowledged_must_be_there() {
    let sample = sample(5);
    let disk = sample.with_watermark(4);
    disk.flip("00000002.segment", (2 * BLOCK + 100) * 8);
    let config = journal::Config { acknowledged_sequence: 10, ..small() };
    let refused = Journal::open_on(disk.copy(), config).map(drop);
    let Err(OpenError::Damaged(damage)) = refused else { panic!("{refused:?}") };
    assert_eq!(damage.reason, Reason::Acknowledged { frame: 5, fault: Fault::Payload });
    let config = journal::Config { acknowledged_sequence: 9, ..small() };
    Journal::open_on(disk.copy(), config).expect("frame 5 begins with 10");

    let config = journal::Config { acknowledged_sequence: 15, ..small() };
    let refused = Journal::open_on(sample.disk.copy(), config).map(drop);
    let Err(OpenError::Damaged(damage)) = refused else { panic!("{refused:?}") };
    assert_eq!(damage.reason, Reason::Lost { frame: 6 });
}

#[test]
fn bytes_that_no_commit_can_reach_are_refused() {
    let disk = SimDisk::new(12);
    let config = journal::Config { segment_bytes: 65536, ..small() };
    drop(Journal::open_on(disk.clone(), config.clone()).expect("it opens"));
    disk.flip("00000001.segment", 40000 * 8);
    let refused = Journal::open_on(disk, config).map(drop);
    let Err(OpenError::Damaged(damage)) = refused else { panic!("{refused:?}") };
    assert_eq!(damage.reason, Reason::Stray { frame: 2, fault: Fault::Header, at: 40000 });
}

#[test]
fn a_lost_watermark_needs_a_persons_word() {
    let scratch = crate::support::Scratch::new();
    drop(Journal::open(scratch.path(), small()).expect("it opens"));
    std::fs::remove_file(scratch.path().join("watermark")).expect("it is there");
    let refused = Journal::open(scratch.path(), small()).map(drop);
    let Err(OpenError::Damaged(damage)) = refused else { panic!("{refused:?}") };
    assert_eq!(damage.reason, Reason::Watermark);
    journal::declare_durable(scratch.path(), 1).expect("it can be written");
    Journal::open(scratch.path(), small()).expect("it opens again");
}
