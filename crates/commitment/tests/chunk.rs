//! Chunks: what is packed reads back, what follows from the bytes is what their definition says, nothing else is one.

use commitment::chunk::{MAX_BYTES, MAX_UNITS, pack, read};
use commitment::{Chunk, ChunkError, Entry, PostedStep, Progress, Replica, StepKind};
use proptest::prelude::*;
use protocol::{Hash, chain_hash, keccak256, merkle};
use streams::{Random, Venue};

const HEAD: usize = 9;
const INBOX_ITEM: u8 = 1;

fn start() -> Progress {
    Progress {
        root: Hash([1; 32]),
        chain_hash: Hash([2; 32]),
        command: Hash::ZERO,
        inbox_hash: Hash([3; 32]),
        sequence: 40,
        inbox_cursor: 7,
        last_time: 5,
        step: 11,
    }
}

/// A place where the command with this hash goes on.
fn open(command: u8) -> Progress {
    Progress { command: Hash([command; 32]), ..start() }
}

fn step(kind: u8, subject: u8, root: u8) -> PostedStep {
    PostedStep { kind, last: false, subject: Hash([subject; 32]), root: Hash([root; 32]) }
}

/// An entry with the last of its steps marked, as one has to be.
fn entry(record: Option<Vec<u8>>, mut steps: Vec<PostedStep>, goes_on: bool) -> Entry {
    if let Some(last) = steps.last_mut() {
        last.last = !goes_on;
    }
    Entry { record, steps, goes_on }
}

fn record(kind: u8, time: u64, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &time.to_be_bytes(), body].concat()
}

/// A chunk of one command that is none of the inbox.
fn plain(steps: Vec<PostedStep>) -> Entry {
    entry(Some(record(8, 9, b"order")), steps, false)
}

/// A record of any kind, of the inbox with the index that is next; its steps.
type Drawn = (u8, u64, Vec<u8>, Vec<PostedStep>);

fn steps() -> impl Strategy<Value = Vec<PostedStep>> {
    let subject = prop_oneof![Just(0), any::<u8>()];
    prop::collection::vec((0..128u8, subject, any::<u8>()), 1..6)
        .prop_map(|steps| steps.into_iter().map(|(kind, subject, root)| step(kind, subject, root)).collect())
}

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let kind = prop_oneof![Just(INBOX_ITEM), any::<u8>()];
    prop::collection::vec((kind, any::<u64>(), prop::collection::vec(any::<u8>(), 0..40), steps()), 1..8)
}

/// Entries with items of the inbox in their order; the first without its record when `headless`.
fn entries(drawn: Vec<Drawn>, headless: bool, goes_on: bool) -> Vec<Entry> {
    let (count, mut next) = (drawn.len(), start().inbox_cursor);
    let entry_of = |(at, (kind, time, body, steps)): (usize, Drawn)| {
        let has_record = !(headless && at == 0);
        let body = match kind {
            INBOX_ITEM if has_record => {
                next += 1;
                [&(next - 1).to_be_bytes()[..], &body].concat()
            }
            _ => body,
        };
        entry(has_record.then(|| record(kind, time, &body)), steps, goes_on && at + 1 == count)
    };
    drawn.into_iter().enumerate().map(entry_of).collect()
}

/// The definition, spelled out.
fn expected(from: &Progress, entries: &[Entry]) -> (Hash, Progress) {
    let (mut at, mut leaves) = (from.clone(), Vec::new());
    for entry in entries {
        let command = entry.record.as_ref().map_or(from.command, |record| {
            at.sequence += 1;
            at.last_time = u64::from_be_bytes(record[1..HEAD].try_into().expect("eight bytes"));
            if record[0] == INBOX_ITEM {
                at.inbox_hash = keccak256(&[&at.inbox_hash.0, &record[HEAD..]]);
                at.inbox_cursor += 1;
            }
            let command = keccak256(&[record]);
            at.chain_hash = chain_hash(&at.chain_hash, &command);
            command
        });
        for step in &entry.steps {
            let index = at.step.to_be_bytes();
            let parts: [&[u8]; 6] =
                [&index, &command.0, &[step.kind], &[step.last.into()], &step.subject.0, &step.root.0];
            leaves.push(keccak256(&[&parts.concat()]));
            at.step += 1;
            at.root = step.root;
        }
        at.command = if entry.goes_on { command } else { Hash::ZERO };
    }
    (merkle::root(&leaves), at)
}

proptest! {
    #[test]
    fn what_is_packed_reads_back(drawn in drawn(), headless in any::<bool>(), goes_on in any::<bool>()) {
        let (from, entries) = (if headless { open(6) } else { start() }, entries(drawn, headless, goes_on));
        let (data, chunk) = pack(&from, &entries).expect("it is a chunk");
        prop_assert_eq!(read(&from, &data), Ok(chunk.clone()));
        let (trace_root, end) = expected(&from, &entries);
        prop_assert_eq!(chunk, Chunk { entries, trace_root, end });
    }

    /// A chunk is over where its last step is: no part of it is one, unless it ends behind a command.
    #[test]
    fn no_part_is_a_chunk(drawn in drawn()) {
        let entries = entries(drawn, false, false);
        let (data, _) = pack(&start(), &entries).expect("it is a chunk");
        let ends: Vec<usize> =
            (1..=entries.len()).map(|count| pack(&start(), &entries[..count]).expect("a chunk").0.len()).collect();
        for length in 0..data.len() {
            prop_assert_eq!(read(&start(), &data[..length]).is_ok(), ends.contains(&length), "{} bytes", length);
        }
        for tail in 1..HEAD {
            let longer = [&data[..], &vec![0; tail]].concat();
            prop_assert!(read(&start(), &longer).is_err());
        }
    }

    /// Whatever the bytes are, reading ends; what it accepts packs to a chunk that says the same.
    #[test]
    fn noise_is_refused_or_read(drawn in drawn(), at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let (mut data, before) = pack(&start(), &entries(drawn, false, false)).expect("it is a chunk");
        let at = at.index(data.len());
        let same = data[at] == value;
        data[at] = value;
        if let Ok(chunk) = read(&start(), &data) {
            prop_assert_eq!(same, chunk == before, "byte {}", at);
            let (_, again) = pack(&start(), &chunk.entries).expect("it was read");
            prop_assert_eq!(again, chunk);
        }
    }
}

#[test]
fn a_chunk_is_spelled_as_documented() {
    let steps = vec![step(14, 0, 0xAA), step(20, 0xBB, 0xCC)];
    let (data, _) = pack(&start(), &[plain(steps)]).expect("it is a chunk");
    let record = record(8, 9, b"order");
    let bytes = [&[0, 14][..], &record, &[0, 2], &[14], &[0xAA; 32], &[0x80 | 20], &[0xBB; 32], &[0xCC; 32]];
    assert_eq!(data, bytes.concat());
}

/// A command whose steps lie in three chunks: its record is in the first, and its last step is the last of the third.
#[test]
fn a_command_goes_on_in_the_next_chunk() {
    let whole: Vec<PostedStep> = (0..6).map(|at| step(36, at, at)).collect();
    let parts = [(true, &whole[..3]), (true, &whole[3..5]), (false, &whole[5..])];
    let (mut at, mut leaves) = (start(), Vec::new());
    for (count, (goes_on, steps)) in parts.into_iter().enumerate() {
        let first = (count == 0).then(|| record(26, 9, b"expiry"));
        let command = keccak256(&[&record(26, 9, b"expiry")]);
        let (data, chunk) = pack(&at, &[entry(first, steps.to_vec(), goes_on)]).expect("it is a chunk");
        assert_eq!(u16::from_be_bytes([data[0], data[1]]) == 0, count > 0);
        for step in &chunk.entries[0].steps {
            leaves.push(step.trace_leaf(11 + leaves.len() as u32, &command));
        }
        at = chunk.end;
        assert_eq!(at.command, if goes_on { command } else { Hash::ZERO });
    }
    assert_eq!((at.sequence, at.step, at.root), (41, 17, whole[5].root));
    assert_eq!(leaves.len(), 6);
}

#[test]
fn entries_stand_only_where_they_may() {
    let one = vec![step(8, 0, 1)];
    let refused = |from: &Progress, entries: &[Entry]| pack(from, entries).expect_err("it is no chunk");
    let rest = entry(None, one.clone(), false);
    assert_eq!(refused(&start(), std::slice::from_ref(&rest)), ChunkError::NoRecord);
    assert_eq!(refused(&open(6), &[plain(one.clone())]), ChunkError::Unfinished);
    assert_eq!(refused(&open(6), &[rest.clone(), rest.clone()]), ChunkError::NoRecord);
    let goes_on = entry(Some(record(8, 9, b"")), one.clone(), true);
    assert_eq!(refused(&start(), &[goes_on.clone(), plain(one.clone())]), ChunkError::Unfinished);
    assert_eq!(refused(&start(), &[goes_on, rest]), ChunkError::Unfinished);
    assert_eq!(refused(&start(), &[plain(Vec::new())]), ChunkError::Steps(0));
    assert_eq!(refused(&start(), &[plain(vec![one[0].clone(); 0x8000])]), ChunkError::Steps(0x8000));
    assert_eq!(
        refused(&start(), &[entry(Some(vec![8; HEAD - 1]), one.clone(), false)]),
        ChunkError::Record(8)
    );
    assert_eq!(refused(&start(), &[entry(Some(Vec::new()), one.clone(), false)]), ChunkError::Record(0));
    let long = vec![8; 65_536];
    assert_eq!(refused(&start(), &[entry(Some(long), one.clone(), false)]), ChunkError::Record(65_536));
    assert_eq!(refused(&start(), &[plain(vec![step(0x80, 0, 1)])]), ChunkError::Kind(0x80));
    let unmarked = Entry { record: Some(record(8, 9, b"")), steps: one.clone(), goes_on: false };
    assert_eq!(refused(&start(), &[unmarked]), ChunkError::Last(0));
    let mut marked = plain(vec![one[0].clone(); 2]);
    marked.steps[0].last = true;
    assert_eq!(refused(&start(), &[marked]), ChunkError::Last(0));
    assert!(matches!(refused(&start(), &[]), ChunkError::Truncated(_)));
}

#[test]
fn items_of_the_inbox_come_in_their_order() {
    let item = |body: &[u8]| [entry(Some(record(INBOX_ITEM, 9, body)), vec![step(1, 0, 1)], false)];
    let refused = |body: &[u8]| pack(&start(), &item(body)).expect_err("it is no chunk");
    for found in [0, 6, 8] {
        assert_eq!(refused(&u64::to_be_bytes(found)), ChunkError::Item { expected: 7, found });
    }
    assert_eq!(refused(&[0; 7]), ChunkError::Record(HEAD + 7));
    assert!(pack(&start(), &item(&7u64.to_be_bytes())).is_ok());
}

#[test]
fn a_chunk_is_no_longer_than_a_blob_carries() {
    // The head of an entry, and steps of 33 and 65 bytes that fill the rest.
    let room = MAX_BYTES - 2 - record(8, 9, b"order").len() - 2;
    let (short, long) = (1_000..)
        .map(|long| (room.wrapping_sub(65 * long), long))
        .find(|(left, _)| left % 33 == 0)
        .expect("some fit");
    let mut steps = vec![step(8, 0, 1); short / 33];
    steps.extend(vec![step(8, 2, 1); long]);
    let (data, _) = pack(&start(), &[plain(steps.clone())]).expect("it fits");
    assert_eq!(data.len(), MAX_BYTES);
    steps[0] = step(8, 2, 1);
    assert_eq!(pack(&start(), &[plain(steps)]), Err(ChunkError::TooLong(MAX_BYTES + 32)));
}

#[test]
fn a_chunk_is_no_denser_than_can_be_read_again() {
    let dense = |steps: usize| [plain(vec![step(8, 0, 1); 2]), plain(vec![step(8, 0, 1); steps])];
    assert!(pack(&start(), &dense(MAX_UNITS - 4)).is_ok());
    assert_eq!(pack(&start(), &dense(MAX_UNITS - 3)), Err(ChunkError::TooDense));
    let tiny = vec![plain(vec![step(8, 0, 1)]); MAX_UNITS / 2];
    assert!(pack(&start(), &tiny).is_ok());
    assert_eq!(pack(&start(), &[tiny, vec![plain(vec![step(8, 0, 1)])]].concat()), Err(ChunkError::TooDense));
}

#[test]
fn numbers_that_are_at_their_end_do_not_turn_over() {
    let one = [plain(vec![step(8, 0, 1)])];
    for from in [Progress { sequence: u64::MAX, ..start() }, Progress { step: u32::MAX, ..start() }] {
        assert!(matches!(pack(&from, &one), Err(ChunkError::Exhausted(_))));
    }
    let item = record(INBOX_ITEM, 9, &u64::MAX.to_be_bytes());
    let from = Progress { inbox_cursor: u64::MAX, ..start() };
    let item = [entry(Some(item), vec![step(1, 0, 1)], false)];
    assert_eq!(pack(&from, &item), Err(ChunkError::Exhausted("the inbox")));
}

/// The journal of a venue in chunks: reading them ends where the replica stands that applied it.
#[test]
fn reading_ends_where_the_replica_stands() {
    let (mut venue, mut random) = (Venue::open(), Random::new(30));
    for _ in 0..400 {
        venue.act(random.act());
    }
    let mut replica = Replica::new();
    let mut at = replica.progress();
    for records in venue.records.chunks(50) {
        let follow = |record: &Vec<u8>| {
            let steps = replica.follow(record, false).expect("it was applied before");
            Entry { record: Some(record.clone()), steps, goes_on: false }
        };
        let entries: Vec<Entry> = records.iter().map(follow).collect();
        let (_, chunk) = pack(&at, &entries).expect("it is a chunk");
        let steps: usize = entries.iter().map(|entry| entry.steps.len()).sum();
        let step = at.step + steps as u32;
        assert_eq!(chunk.end, Progress { step, ..replica.progress() });
        at = chunk.end;
    }
    assert!(usize::try_from(at.step).expect("a few") > venue.records.len());
    assert!(StepKind::ALL.len() < 128, "kinds fit beside the bit");
}
