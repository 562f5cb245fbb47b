//! What a journal holds, for people.

use std::path::{Path, PathBuf};

use crate::Hash;
use crate::disk::{Access, Disk, read_exact};
use crate::error::ReadError;
use crate::frame::BLOCK_BYTES;
use crate::local::LocalDisk;
use crate::reader::JournalReader;
use crate::segment;

/// One segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentSummary {
    /// Its file.
    pub path: PathBuf,
    /// Its number, from 1.
    pub number: u64,
    /// Number of the first frame in it.
    pub first_frame: u64,
    /// Sequence of the first record in it.
    pub first_sequence: u64,
    /// How many durable frames it holds.
    pub frames: u64,
    /// Bytes used by its header and its durable frames.
    pub used_bytes: u64,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// What a journal holds up to its watermark, every frame checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The shard.
    pub shard: u32,
    /// The segments that hold durable frames.
    pub segments: Vec<SegmentSummary>,
    /// Number of the last durable frame.
    pub last_frame: u64,
    /// Its hash.
    pub frame_hash: Hash,
    /// The last epoch.
    pub epoch: u64,
    /// Sequence of the next record.
    pub next_sequence: u64,
    /// Bytes behind the last durable frame that are not zero: a commit in flight where there is a writer, else for
    /// the next opening to judge.
    pub tail_bytes: u64,
}

/// Checks every durable frame of the journal in `directory`; `None` when there is none. Takes no lock and changes
/// nothing.
///
/// # Errors
/// [`ReadError`] at the first damage.
pub fn inspect(directory: impl AsRef<Path>) -> Result<Option<Inspection>, ReadError> {
    let disk = LocalDisk::new(directory);
    let mut reader = JournalReader::open_on(disk.clone(), 1);
    let mut segments: Vec<SegmentSummary> = Vec::new();
    while reader.next_frame()?.is_some() {
        let (header, offset, _) = reader.place().expect("a reader that has read has a place");
        if segments.last().is_none_or(|last| last.number != header.number) {
            segments.push(SegmentSummary {
                path: disk.path(&segment::name(header.number)),
                number: header.number,
                first_frame: header.start.frame,
                first_sequence: header.start.sequence,
                frames: 0,
                used_bytes: 0,
                bytes: header.segment_bytes,
            });
        }
        let summary = segments.last_mut().expect("one was just added");
        summary.frames += 1;
        summary.used_bytes = offset;
    }
    let Some((header, offset, position)) = reader.place() else { return Ok(None) };
    Ok(Some(Inspection {
        shard: position.shard,
        last_frame: position.frame - 1,
        frame_hash: position.chain,
        epoch: position.epoch,
        next_sequence: position.sequence,
        tail_bytes: tail_bytes(&disk, header.number, offset)?,
        segments,
    }))
}

/// Length of what lies behind `offset` in a segment, without the zeros at its end.
fn tail_bytes(disk: &LocalDisk, number: u64, offset: u64) -> Result<u64, ReadError> {
    let (file, header) = segment::open(disk, number, Access::Read)?;
    let mut block = [0; BLOCK_BYTES];
    let mut tail = 0;
    for at in (offset..header.segment_bytes).step_by(BLOCK_BYTES) {
        read_exact(&file, &mut block, at).map_err(|source| segment::failure(disk, number, "read", source))?;
        if let Some(last) = block.iter().rposition(|&byte| byte != 0) {
            tail = at - offset + last as u64 + 1;
        }
    }
    Ok(tail)
}
