//! Chunks: the data of a batch, commands and the steps that they take. See `docs/protocol/batches.md`.
//!
//! ```text
//! chunk  = for each command: length u16 ‖ record ‖ steps u16 ‖ step × steps
//! step   = kind u8 ‖ subject 32, only if bit 7 of the kind is set ‖ root after 32
//! ```
//!
//! What follows from the bytes, the trace root and where reading stands behind them, is computed here as the chain does
//! it, and what the chain calls malformed is refused.

use crate::steps::{Step, subject_word};
use engine::{NamedStep, Subject};
use protocol::{CodecError, Hash, Nanos, Reader, Wire, chain_hash, command_hash, keccak256, merkle};
use thiserror::Error;

/// Most bytes of a chunk: 31 in each of the 3712 elements of a blob that may be used, behind the length. The rest of a blob
/// has to be zero, so that whoever shows its contents to the chain can send them in one transaction.
pub const MAX_BYTES: usize = 3712 * 31 - 4;
/// Most entries and steps of a chunk, together: what the chain can read again in one transaction.
pub const MAX_UNITS: usize = 2560;

/// Bit of the kind that says that a subject follows, which is zero otherwise.
const HAS_SUBJECT: u8 = 0x80;
/// Bit of the number of steps that says that the command goes on in the next chunk.
const GOES_ON: u16 = 0x8000;
/// Bytes of an entry beside its record and steps: two lengths.
pub(crate) const ENTRY_BYTES: usize = 4;
/// Bytes of a step without a subject.
const STEP_BYTES: usize = 33;
/// `kind u8 ‖ time u64` before the body of a record.
const RECORD_HEAD_BYTES: usize = 9;
/// Record kind of an inbox item: `index u64 ‖ item` is its body.
const INBOX_ITEM: u8 = 1;

/// Where reading of the journal stands: before a chunk, or behind it. Fields in the order of the contract's struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// State root after the last step.
    pub root: Hash,
    /// Command chain after the last command.
    pub chain_hash: Hash,
    /// Hash of a command whose steps go on in the next chunk; zero between commands.
    pub command: Hash,
    /// Inbox chain after the items consumed.
    pub inbox_hash: Hash,
    /// Sequence of the last command.
    pub sequence: u64,
    /// Inbox items consumed.
    pub inbox_cursor: u64,
    /// Time of the last command.
    pub last_time: Nanos,
    /// Steps of the batch so far.
    pub step: u32,
}

/// What is posted of a step. Its kind is any number below 128: the operator writes what it will, and the chain judges it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedStep {
    /// What it does, see [`StepKind`](crate::StepKind).
    pub kind: u8,
    /// Whether it is the last of its command.
    pub last: bool,
    /// What it does it to, where that does not follow from the command and the state; else zero.
    pub subject: Hash,
    /// State root after it.
    pub root: Hash,
}

impl PostedStep {
    /// Bytes that it takes of a chunk.
    pub(crate) fn size(&self) -> usize {
        STEP_BYTES + if self.subject == Hash::ZERO { 0 } else { size_of::<Hash>() }
    }

    /// Its leaf in the trace, as step `index` of its batch and one of the command with this hash.
    #[must_use]
    pub fn trace_leaf(&self, index: u32, command: &Hash) -> Hash {
        let flags = [self.kind, self.last.into()];
        keccak256(&[&index.to_be_bytes(), &command.0, &flags, &self.subject.0, &self.root.0])
    }
}

impl From<&PostedStep> for NamedStep {
    fn from(step: &PostedStep) -> Self {
        let subject = Subject::from_bytes(&step.subject.0).expect("any 32 bytes are a subject");
        Self { kind: step.kind, subject }
    }
}

impl From<&Step> for PostedStep {
    fn from(step: &Step) -> Self {
        let Step { kind, last, subject, root_after, .. } = step;
        Self { kind: *kind as u8, last: *last, subject: subject_word(subject), root: *root_after }
    }
}

/// A command of a chunk and its steps there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its record; `None` where its steps go on from the chunk before.
    pub record: Option<Vec<u8>>,
    /// Its steps, at least one.
    pub steps: Vec<PostedStep>,
    /// Whether it has more steps in the next chunk.
    pub goes_on: bool,
}

/// What follows from the bytes of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its commands.
    pub entries: Vec<Entry>,
    /// Root over the trace leaves of its steps.
    pub trace_root: Hash,
    /// Where reading stands behind it.
    pub end: Progress,
}

/// Why bytes are not a chunk that may stand where reading does, or entries do not make one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChunkError {
    /// The bytes end too early.
    #[error(transparent)]
    Truncated(#[from] CodecError),
    /// No blob may hold so much.
    #[error("chunk has {0} bytes, at most {MAX_BYTES} fit")]
    TooLong(usize),
    /// The chain could not read so many again.
    #[error("chunk has more than {MAX_UNITS} entries and steps")]
    TooDense,
    /// A record is too short for what it is, or too long for its length.
    #[error("record has {0} bytes")]
    Record(usize),
    /// The record is of another inbox item than the next.
    #[error("inbox item {found} stands where {expected} is the next")]
    Item {
        /// The index that is next.
        expected: u64,
        /// The index that the record has.
        found: u64,
    },
    /// A command has none, or more than can be counted.
    #[error("command has {0} steps")]
    Steps(usize),
    /// An entry without a record stands where no command goes on.
    #[error("no command goes on here, and the entry has no record")]
    NoRecord,
    /// The command that goes on is not followed by the rest of its steps.
    #[error("a command goes on here, and another stands in its place")]
    Unfinished,
    /// The kind of a step is no number below 128.
    #[error("{0} is no kind of step")]
    Kind(u8),
    /// A step says that it is the last of its command where it is not, or does not where it is.
    #[error("step {0} is wrong about being the last of its command")]
    Last(usize),
    /// A number that counts on would exceed its width.
    #[error("{0} is at its end")]
    Exhausted(&'static str),
}

/// The bytes of a chunk that begins at `start`, and what follows from them.
///
/// # Errors
/// [`ChunkError`] when the entries make none.
pub fn pack(start: &Progress, entries: &[Entry]) -> Result<(Vec<u8>, Chunk), ChunkError> {
    let mut data = Vec::new();
    for entry in entries {
        put(entry, &mut data)?;
    }
    let chunk = read(start, &data)?;
    Ok((data, chunk))
}

/// What follows from `data` where reading stands at `start`.
///
/// # Errors
/// [`ChunkError`] when the bytes are no chunk that may stand there.
pub fn read(start: &Progress, data: &[u8]) -> Result<Chunk, ChunkError> {
    if data.len() > MAX_BYTES {
        return Err(ChunkError::TooLong(data.len()));
    }
    let mut reader = Reader::new(data);
    let (mut entries, mut end) = (Vec::<Entry>::new(), start.clone());
    let mut leaves = Vec::with_capacity(data.len() / STEP_BYTES);
    loop {
        entries.push(take(&mut reader, &mut end, &mut leaves)?);
        if entries.len() + leaves.len() > MAX_UNITS {
            return Err(ChunkError::TooDense);
        }
        if reader.remaining() == 0 {
            return Ok(Chunk { entries, trace_root: merkle::root(&leaves), end });
        }
        // A command that goes on is the last of its chunk.
        if end.command != Hash::ZERO {
            return Err(ChunkError::Unfinished);
        }
    }
}

fn put(entry: &Entry, out: &mut Vec<u8>) -> Result<(), ChunkError> {
    let record = entry.record.as_deref().unwrap_or_default();
    if entry.record.as_ref().is_some_and(Vec::is_empty) {
        return Err(ChunkError::Record(0));
    }
    u16::try_from(record.len()).map_err(|_| ChunkError::Record(record.len()))?.put(out);
    out.extend_from_slice(record);
    let steps = u16::try_from(entry.steps.len()).ok().filter(|steps| steps & GOES_ON == 0);
    let steps = steps.ok_or(ChunkError::Steps(entry.steps.len()))?;
    (if entry.goes_on { steps | GOES_ON } else { steps }).put(out);
    for (at, step) in entry.steps.iter().enumerate() {
        if step.kind & HAS_SUBJECT != 0 {
            return Err(ChunkError::Kind(step.kind));
        }
        if step.last != (at + 1 == entry.steps.len() && !entry.goes_on) {
            return Err(ChunkError::Last(at));
        }
        if step.subject == Hash::ZERO {
            out.push(step.kind);
        } else {
            out.push(step.kind | HAS_SUBJECT);
            step.subject.put(out);
        }
        step.root.put(out);
    }
    Ok(())
}

/// Reads an entry, and moves `at` and the leaves behind it.
fn take(reader: &mut Reader<'_>, at: &mut Progress, leaves: &mut Vec<Hash>) -> Result<Entry, ChunkError> {
    let length = u16::take(reader)?;
    let record = reader.bytes(length.into(), "record")?;
    let command = match (length > 0, at.command != Hash::ZERO) {
        (true, false) => follow(record, at)?,
        (false, true) => at.command,
        (false, false) => return Err(ChunkError::NoRecord),
        (true, true) => return Err(ChunkError::Unfinished),
    };
    let steps = u16::take(reader)?;
    let (goes_on, count) = (steps & GOES_ON != 0, steps & !GOES_ON);
    if count == 0 {
        return Err(ChunkError::Steps(0));
    }
    at.command = if goes_on { command } else { Hash::ZERO };
    let mut steps = Vec::with_capacity(usize::from(count).min(reader.remaining() / STEP_BYTES));
    for left in (0..count).rev() {
        let kind = u8::take(reader)?;
        let subject = if kind & HAS_SUBJECT == 0 { Hash::ZERO } else { Hash::take(reader)? };
        let root = Hash::take(reader)?;
        let step = PostedStep { kind: kind & !HAS_SUBJECT, last: left == 0 && !goes_on, subject, root };
        leaves.push(step.trace_leaf(at.step, &command));
        at.root = root;
        at.step = at.step.checked_add(1).ok_or(ChunkError::Exhausted("the number of steps"))?;
        steps.push(step);
    }
    Ok(Entry { record: (length > 0).then(|| record.to_vec()), steps, goes_on })
}

/// Moves `at` behind a record, and returns its hash.
fn follow(record: &[u8], at: &mut Progress) -> Result<Hash, ChunkError> {
    let too_short = || ChunkError::Record(record.len());
    let (head, body) = record.split_at_checked(RECORD_HEAD_BYTES).ok_or_else(too_short)?;
    let mut head = Reader::new(head);
    let kind = u8::take(&mut head)?;
    at.last_time = Nanos::take(&mut head)?;
    at.sequence = at.sequence.checked_add(1).ok_or(ChunkError::Exhausted("the sequence"))?;
    if kind == INBOX_ITEM {
        let found = u64::take(&mut Reader::new(body)).map_err(|_| too_short())?;
        if found != at.inbox_cursor {
            return Err(ChunkError::Item { expected: at.inbox_cursor, found });
        }
        // The body is `index ‖ item`, which is what the inbox chain hashes.
        at.inbox_hash = keccak256(&[&at.inbox_hash.0, body]);
        at.inbox_cursor = at.inbox_cursor.checked_add(1).ok_or(ChunkError::Exhausted("the inbox"))?;
    }
    let command = command_hash(record);
    at.chain_hash = chain_hash(&at.chain_hash, &command);
    Ok(command)
}
