//! Segments: preallocated files of zeros that frames are laid into. A full one is left for good.

use std::io;

use crate::Hash;
use crate::disk::{ASIDE, Access, Disk, DiskFile, read_exact, write_all};
use crate::error::{Damage, IoFailure, ReadError, Reason};
use crate::frame::{BLOCK_BYTES, Position, u32_at, u64_at};

/// Version of the journal's format, in every segment header.
pub const FORMAT_VERSION: u16 = 1;

const MAGIC: [u8; 8] = *b"SYNCMSEG";
const CHECKED_BYTES: usize = 112;
const SUFFIX: &str = ".segment";
/// Zeros are written in pieces of this size, each synced, so that commits elsewhere never queue behind a segment.
const ZEROS: &[u8] = &[0; 1 << 20];

/// The name of a segment's file.
pub(crate) fn name(number: u64) -> String {
    format!("{number:08}{SUFFIX}")
}

/// The number of the segment that a file of this name would be.
pub(crate) fn number(file_name: &str) -> Option<u64> {
    let number = file_name.strip_suffix(SUFFIX)?.parse().ok()?;
    (name(number) == file_name).then_some(number)
}

/// The numbers of the segments in a directory, which must be 1, 2, 3, …
pub(crate) fn numbers<D: Disk>(disk: &D) -> Result<u64, ReadError> {
    let failure = |source| IoFailure { operation: "list", path: disk.path(""), source };
    let names = disk.names().map_err(failure)?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| number(name)).collect();
    numbers.sort_unstable();
    for (expected, &found) in (1..).zip(&numbers) {
        if found != expected {
            let (path, reason) = (disk.path(&name(expected)), Reason::MissingSegment(expected));
            return Err(Damage { path, offset: 0, reason }.into());
        }
    }
    Ok(numbers.len() as u64)
}

/// The first block of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// Number of the segment, from 1.
    pub(crate) number: u64,
    /// Size of the file in bytes.
    pub(crate) segment_bytes: u64,
    /// Largest extent of a frame in it in bytes.
    pub(crate) frame_bytes: u64,
    /// Mixed into every checksum, so that frames of other segments mean nothing here.
    pub(crate) salt: [u8; 16],
    /// The place at its start.
    pub(crate) start: Position,
}

impl SegmentHeader {
    /// The first block of the file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut block = vec![0; BLOCK_BYTES];
        block[..8].copy_from_slice(&MAGIC);
        block[8..10].copy_from_slice(&FORMAT_VERSION.to_be_bytes());
        block[12..16].copy_from_slice(&self.start.shard.to_be_bytes());
        block[16..24].copy_from_slice(&self.number.to_be_bytes());
        block[24..32].copy_from_slice(&self.segment_bytes.to_be_bytes());
        block[32..40].copy_from_slice(&self.frame_bytes.to_be_bytes());
        block[40..56].copy_from_slice(&self.salt);
        block[56..64].copy_from_slice(&self.start.frame.to_be_bytes());
        block[64..72].copy_from_slice(&self.start.sequence.to_be_bytes());
        block[72..80].copy_from_slice(&self.start.epoch.to_be_bytes());
        block[80..CHECKED_BYTES].copy_from_slice(&self.start.chain);
        let sum = crc32c::crc32c(&block[..CHECKED_BYTES]);
        block[CHECKED_BYTES..CHECKED_BYTES + 4].copy_from_slice(&sum.to_be_bytes());
        block
    }

    fn decode(block: &[u8]) -> Result<Self, Reason> {
        let intact = block[..8] == MAGIC
            && u32_at(block, CHECKED_BYTES) == crc32c::crc32c(&block[..CHECKED_BYTES])
            && block[CHECKED_BYTES + 4..].iter().all(|&byte| byte == 0);
        if !intact {
            return Err(Reason::SegmentHeader);
        }
        let version = u16::from_be_bytes([block[8], block[9]]);
        if version != FORMAT_VERSION {
            return Err(Reason::Version(version));
        }
        let (mut salt, mut chain): ([u8; 16], Hash) = ([0; 16], [0; 32]);
        salt.copy_from_slice(&block[40..56]);
        chain.copy_from_slice(&block[80..CHECKED_BYTES]);
        let start = Position {
            shard: u32_at(block, 12),
            frame: u64_at(block, 56),
            sequence: u64_at(block, 64),
            epoch: u64_at(block, 72),
            chain,
        };
        let (number, segment_bytes, frame_bytes) = (u64_at(block, 16), u64_at(block, 24), u64_at(block, 32));
        Ok(Self { number, segment_bytes, frame_bytes, salt, start })
    }

    /// Bytes that a frame at `offset` may occupy.
    pub(crate) fn room(&self, offset: u64) -> usize {
        let room = self.frame_bytes.min(self.segment_bytes.saturating_sub(offset));
        usize::try_from(room).expect("a frame fits in memory")
    }

    /// Checks that this segment starts where the one before ended.
    pub(crate) fn follows(&self, end: &Position) -> Result<(), Reason> {
        let numbers = [
            ("shard", u64::from(self.start.shard), u64::from(end.shard)),
            ("frame number", self.start.frame, end.frame),
            ("first sequence", self.start.sequence, end.sequence),
            ("epoch", self.start.epoch, end.epoch),
        ];
        for (what, found, expected) in numbers {
            if found != expected {
                return Err(Reason::Misplaced { what, found, expected });
            }
        }
        if self.start.chain == end.chain { Ok(()) } else { Err(Reason::Chain { frame: end.frame }) }
    }
}

/// Opens a segment and checks its header and length.
pub(crate) fn open<D: Disk>(
    disk: &D,
    number: u64,
    access: Access,
) -> Result<(D::File, SegmentHeader), ReadError> {
    let name = name(number);
    let damage = |offset, reason| Damage { path: disk.path(&name), offset, reason };
    let failure = |source| IoFailure { operation: "open", path: disk.path(&name), source };
    let file = match disk.open(&name, access) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(damage(0, Reason::MissingSegment(number)).into());
        }
        file => file.map_err(failure)?,
    };
    let found = file.length().map_err(failure)?;
    if found < BLOCK_BYTES as u64 {
        return Err(damage(found, Reason::Length { found, expected: BLOCK_BYTES as u64 }).into());
    }
    let mut block = vec![0; BLOCK_BYTES];
    read_exact(&file, &mut block, 0).map_err(failure)?;
    let header = SegmentHeader::decode(&block).map_err(|reason| damage(0, reason))?;
    if header.number != number {
        let reason = Reason::Misplaced { what: "segment number", found: header.number, expected: number };
        return Err(damage(0, reason).into());
    }
    if found != header.segment_bytes {
        let reason = Reason::Length { found, expected: header.segment_bytes };
        return Err(damage(found.min(header.segment_bytes), reason).into());
    }
    Ok((file, header))
}

/// Makes a file of zeros aside, durable but for its name, so that a later `fdatasync` has no metadata to write.
pub(crate) fn prepare<D: Disk>(disk: &D, number: u64, bytes: u64) -> io::Result<D::File> {
    let file = disk.create(&aside(number), bytes)?;
    let mut offset = 0;
    while offset < bytes {
        let piece = ZEROS.len().min(usize::try_from(bytes - offset).unwrap_or(usize::MAX));
        write_all(&file, &ZEROS[..piece], offset)?;
        file.sync()?;
        offset += piece as u64;
    }
    Ok(file)
}

/// Turns a prepared file into a segment: header, sync, name, sync. Only then may frames be laid into it.
pub(crate) fn commission<D: Disk>(disk: &D, file: &D::File, header: &SegmentHeader) -> io::Result<()> {
    write_all(file, &header.encode(), 0)?;
    file.sync()?;
    disk.rename(&aside(header.number), &name(header.number))?;
    disk.sync_directory()
}

fn aside(number: u64) -> String {
    format!("{}{ASIDE}", name(number))
}

/// The damage of a journal that lacks a segment.
pub(crate) fn missing<D: Disk>(disk: &D, number: u64) -> Damage {
    Damage { path: disk.path(&name(number)), offset: 0, reason: Reason::MissingSegment(number) }
}

/// The damage of a journal that is another shard's.
pub(crate) fn other_shard<D: Disk>(disk: &D, header: &SegmentHeader, shard: u32) -> Damage {
    let reason =
        Reason::Misplaced { what: "shard", found: header.start.shard.into(), expected: shard.into() };
    Damage { path: disk.path(&name(header.number)), offset: 0, reason }
}

/// The system's refusal of an operation on a segment.
pub(crate) fn failure<D: Disk>(
    disk: &D,
    number: u64,
    operation: &'static str,
    source: io::Error,
) -> IoFailure {
    IoFailure { operation, path: disk.path(&name(number)), source }
}
