//! Recovery: how far the journal is good, and whether what lies behind that is a commit that the power cut short
//! or damage. The first is moved aside, the second is never touched.

use std::path::PathBuf;

use crate::Hash;
use crate::disk::{Access, Disk, DiskFile, read_exact, write_all, write_file};
use crate::error::{Damage, Fault, IoFailure, ReadError, Reason};
use crate::frame::{BLOCK_BYTES, Header, Position};
use crate::segment::{self, SegmentHeader};

/// What may not be lost, whatever the segments look like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acknowledged {
    /// Frames up to this number are durable: the watermark.
    pub(crate) frame: u64,
    /// Records up to this sequence are: snapshots, batches and receipts say so.
    pub(crate) sequence: u64,
}

impl Acknowledged {
    fn covers_next(self, position: &Position) -> bool {
        self.frame >= position.frame || self.sequence >= position.sequence
    }
}

/// The end of a journal.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) header: SegmentHeader,
    /// Where the next frame goes.
    pub(crate) offset: u64,
    pub(crate) position: Position,
    /// What lies there of a frame that was never acknowledged.
    pub(crate) torn: Option<Torn>,
}

/// The remains of a frame whose commit the power cut short.
#[derive(Debug)]
pub(crate) struct Torn {
    pub(crate) bytes: Vec<u8>,
    pub(crate) fault: Fault,
}

/// A torn tail that was moved aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// The file that holds its bytes now.
    pub path: PathBuf,
    /// Number of the segment it was found in.
    pub segment: u64,
    /// Offset in that segment in bytes.
    pub offset: u64,
    /// How many bytes were moved.
    pub bytes: u64,
    /// Number that the frame would have had.
    pub frame: u64,
    /// How the frame was bad.
    pub fault: Fault,
    /// BLAKE3 of the bytes.
    pub hash: Hash,
}

impl Quarantine {
    /// The payload of the frame that opens the next epoch: `segment ‖ offset ‖ bytes ‖ hash`.
    pub(crate) fn notice(&self) -> Vec<u8> {
        let mut notice = Vec::with_capacity(56);
        for number in [self.segment, self.offset, self.bytes] {
            notice.extend_from_slice(&number.to_be_bytes());
        }
        notice.extend_from_slice(&self.hash);
        notice
    }
}

/// Reads `segments` segments, frames from the one that holds sequence `verify_from`, and judges the end. Changes
/// nothing.
pub(crate) fn find_end<D: Disk>(
    disk: &D,
    segments: u64,
    verify_from: u64,
    acknowledged: Acknowledged,
) -> Result<End, ReadError> {
    assert!(segments > 0, "there is a segment to read");
    let mut first = if verify_from <= 1 { 1 } else { segments };
    while first > 1 && segment::open(disk, first, Access::Read)?.1.start.sequence > verify_from {
        first -= 1;
    }
    for skipped in 1..first {
        segment::open(disk, skipped, Access::Read)?;
    }
    let mut bytes = Vec::new();
    let mut end: Option<Position> = None;
    for number in first..segments {
        let (header, walk) = read_segment(disk, number, end.as_ref(), false, &mut bytes)?;
        if let Some((fault, _)) = walk.fault {
            let reason = Reason::FollowedBySegment { frame: walk.position.frame, fault, segment: number + 1 };
            return Err(damage(disk, header.number, walk.offset, reason).into());
        }
        end = Some(walk.position);
    }
    let (header, walk) = read_segment(disk, segments, end.as_ref(), true, &mut bytes)?;
    judge(&bytes, header, walk, acknowledged)
        .map_err(|(offset, reason)| damage(disk, segments, offset, reason).into())
}

/// How far a segment is good.
struct Walk {
    offset: u64,
    position: Position,
    /// What is wrong there and how many bytes the frame can have reached, unless the rest is zero.
    fault: Option<(Fault, usize)>,
}

fn read_segment<D: Disk>(
    disk: &D,
    number: u64,
    end_before: Option<&Position>,
    last: bool,
    bytes: &mut Vec<u8>,
) -> Result<(SegmentHeader, Walk), ReadError> {
    let (file, header) = segment::open(disk, number, Access::Read)?;
    let failure =
        |operation, source| IoFailure { operation, path: disk.path(&segment::name(number)), source };
    if last {
        // the cache may hold what the disk does not: bytes not written yet, or whose writing failed
        file.sync().map_err(|source| failure("sync", source))?;
        file.drop_cache().map_err(|source| failure("reread", source))?;
    }
    if let Some(position) = end_before {
        header.follows(position).map_err(|reason| damage(disk, number, 0, reason))?;
    }
    bytes.resize(usize::try_from(header.segment_bytes).expect("a segment fits in memory"), 0);
    read_exact(&file, bytes, 0).map_err(|source| failure("read", source))?;
    let walk = walk(bytes, &header).map_err(|(offset, reason)| damage(disk, number, offset, reason))?;
    Ok((header, walk))
}

/// Steps over the good frames of a segment.
fn walk(bytes: &[u8], segment: &SegmentHeader) -> Result<Walk, (u64, Reason)> {
    let mut walk = Walk { offset: BLOCK_BYTES as u64, position: segment.start.clone(), fault: None };
    while let Some(rest) = at(bytes, walk.offset) {
        let Some(header) = Header::decode(rest, &segment.salt) else {
            walk.fault = last_written(rest).map(|_| (Fault::Header, segment.room(walk.offset)));
            break;
        };
        let wrong = |reason| (walk.offset, reason);
        walk.position.admit(&header, segment.room(walk.offset)).map_err(wrong)?;
        let frame = &rest[..header.extent()];
        match header.check_body(frame, &segment.salt) {
            Ok(hash) => {
                walk.position.check_contents(&header, frame).map_err(wrong)?;
                walk.position.advance(&header, hash);
                walk.offset += frame.len() as u64;
            }
            Err(fault) => {
                walk.fault = Some((fault, frame.len()));
                break;
            }
        }
    }
    Ok(walk)
}

/// Decides what the end of the last segment means.
fn judge(
    bytes: &[u8],
    header: SegmentHeader,
    walk: Walk,
    acknowledged: Acknowledged,
) -> Result<End, (u64, Reason)> {
    let Walk { offset, position, fault } = walk;
    let frame = position.frame;
    let must_be_there = acknowledged.covers_next(&position);
    let Some((fault, reach)) = fault else {
        return if must_be_there {
            Err((offset, Reason::Lost { frame }))
        } else {
            Ok(End { header, offset, position, torn: None })
        };
    };
    let rest = at(bytes, offset).expect("a bad frame lies within the segment");
    if let Some((later, distance)) = later_frame(rest, &header) {
        return Err((offset, Reason::Followed { frame, fault, later, at: offset + distance }));
    }
    if must_be_there {
        return Err((offset, Reason::Acknowledged { frame, fault }));
    }
    let last = last_written(rest).expect("a bad frame is not all zeros");
    if last >= reach {
        return Err((offset, Reason::Stray { frame, fault, at: offset + last as u64 }));
    }
    let torn = Torn { bytes: rest[..(last + 1).next_multiple_of(BLOCK_BYTES)].to_vec(), fault };
    Ok(End { header, offset, position, torn: Some(torn) })
}

/// The number of an intact header behind the first block, and how far away it lies. Only a writer that knew the
/// frame before to be durable can have put it there.
fn later_frame(rest: &[u8], segment: &SegmentHeader) -> Option<(u64, u64)> {
    let blocks = (0u64..).step_by(BLOCK_BYTES).zip(rest.chunks(BLOCK_BYTES)).skip(1);
    blocks.into_iter().find_map(|(distance, block)| {
        Header::decode(block, &segment.salt).map(|header| (header.frame, distance))
    })
}

/// Index of the last byte that is not zero.
fn last_written(bytes: &[u8]) -> Option<usize> {
    const ZERO: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];
    let block = bytes.chunks(BLOCK_BYTES).rposition(|block| block != &ZERO[..block.len()])?;
    let start = block * BLOCK_BYTES;
    let end = bytes.len().min(start + BLOCK_BYTES);
    bytes[start..end].iter().rposition(|&byte| byte != 0).map(|index| start + index)
}

fn at(bytes: &[u8], offset: u64) -> Option<&[u8]> {
    usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).filter(|rest| !rest.is_empty())
}

fn damage<D: Disk>(disk: &D, number: u64, offset: u64, reason: Reason) -> Damage {
    Damage { path: disk.path(&segment::name(number)), offset, reason }
}

/// Moves a torn tail to a file of its own and leaves zeros in its place. A power cut in between leaves a torn
/// tail again, and the copy.
pub(crate) fn quarantine<D: Disk>(
    disk: &D,
    file: &D::File,
    end: &End,
    torn: &Torn,
) -> Result<Quarantine, IoFailure> {
    let number = end.header.number;
    let failure =
        |operation, source| IoFailure { operation, path: disk.path(&segment::name(number)), source };
    let taken = disk.names().map_err(|source| failure("list", source))?;
    let mut copies = (0..).map(|copy| format!("{number:08}-{:010}-{copy}.quarantine", end.offset));
    let name = copies.find(|name| !taken.contains(name)).expect("numbers do not run out");
    write_file(disk, &name, &[&torn.bytes])?;
    write_all(file, &vec![0; torn.bytes.len()], end.offset).map_err(|source| failure("clear", source))?;
    file.sync().map_err(|source| failure("sync", source))?;
    Ok(Quarantine {
        path: disk.path(&name),
        segment: number,
        offset: end.offset,
        bytes: torn.bytes.len() as u64,
        frame: end.position.frame,
        fault: torn.fault,
        hash: *blake3::hash(&torn.bytes).as_bytes(),
    })
}
