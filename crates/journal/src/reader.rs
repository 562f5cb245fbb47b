//! Reading the journal, from the writer's process or another, while it grows.

use std::path::Path;

use crate::Hash;
use crate::disk::{Access, Disk, read_exact};
use crate::error::{Damage, Fault, IoFailure, ReadError, Reason};
use crate::frame::{BLOCK_BYTES, Header, Position};
use crate::local::LocalDisk;
use crate::payload::{Records, records};
use crate::segment::{self, SegmentHeader};
use crate::watermark::Watermark;

/// A durable frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Number of the frame, from 1.
    pub number: u64,
    /// The epoch it was written in.
    pub epoch: u64,
    /// Sequence of its first record.
    pub first_sequence: u64,
    /// How many records it holds; 0 when it only opens an epoch.
    pub count: u32,
    /// Its hash.
    pub hash: Hash,
    /// The packed records, or the notice of an epoch.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Whether the frame opens an epoch and holds no records.
    #[must_use]
    pub fn opens_epoch(&self) -> bool {
        self.count == 0
    }

    /// The records with their sequences.
    pub fn records(&self) -> impl Iterator<Item = (u64, &'a [u8])> + use<'a> {
        let records: Records<'a> = if self.opens_epoch() { records(&[]) } else { records(self.payload) };
        (self.first_sequence..).zip(records.map(|record| record.expect("the reader checked the packing")))
    }
}

/// Follows a journal without locking it. A frame is yielded once the watermark says that it is durable, never
/// before, so nothing that was yielded can be taken back by a power cut or by recovery.
pub struct JournalReader<D: Disk = LocalDisk> {
    disk: D,
    from_sequence: u64,
    watermark: Option<Watermark<D>>,
    /// The last watermark read.
    durable: u64,
    place: Option<Place<D>>,
    buffer: Vec<u8>,
}

struct Place<D: Disk> {
    file: D::File,
    segment: SegmentHeader,
    offset: u64,
    position: Position,
}

impl JournalReader<LocalDisk> {
    /// Reads from the first frame. The journal need not exist yet.
    #[must_use]
    pub fn open(directory: impl AsRef<Path>) -> Self {
        Self::open_at(directory, 1)
    }

    /// Reads from the frame that holds `sequence`.
    #[must_use]
    pub fn open_at(directory: impl AsRef<Path>, sequence: u64) -> Self {
        Self::open_on(LocalDisk::new(directory), sequence)
    }
}

impl<D: Disk> JournalReader<D> {
    /// Reads from the frame that holds `sequence`, on a disk of any kind.
    #[must_use]
    pub fn open_on(disk: D, sequence: u64) -> Self {
        Self { disk, from_sequence: sequence, watermark: None, durable: 0, place: None, buffer: Vec::new() }
    }

    /// The next frame, or `None` when every durable frame was yielded; ask again later. Frames that only open an
    /// epoch are yielded, too, unless they lie before the first sequence asked for.
    ///
    /// # Errors
    /// [`ReadError`] when a durable frame is not intact; asking again tries again.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, ReadError> {
        let (header, hash) = loop {
            if !self.next_is_durable()? {
                return Ok(None);
            }
            let (header, hash) = self.read()?;
            let end = header.first_sequence + u64::from(header.count);
            if end > self.from_sequence || self.from_sequence <= 1 {
                break (header, hash);
            }
        };
        Ok(Some(Frame {
            number: header.frame,
            epoch: header.epoch,
            first_sequence: header.first_sequence,
            count: header.count,
            hash,
            payload: header.payload(&self.buffer),
        }))
    }

    /// Number of the frame that comes next, as far as it is known.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.place.as_ref().map_or(1, |place| place.position.frame)
    }

    pub(crate) fn place(&self) -> Option<(&SegmentHeader, u64, &Position)> {
        self.place.as_ref().map(|place| (&place.segment, place.offset, &place.position))
    }

    fn next_is_durable(&mut self) -> Result<bool, ReadError> {
        if self.next_number() <= self.durable {
            return Ok(true);
        }
        if self.watermark.is_none() {
            self.watermark = Watermark::open(&self.disk, Access::Read)?;
        }
        let Some(watermark) = &self.watermark else { return Ok(false) };
        self.durable = watermark.load()?;
        if self.durable > 0 && self.place.is_none() {
            self.place = Some(self.find()?);
        }
        Ok(self.place.is_some() && self.next_number() <= self.durable)
    }

    /// The start of the segment that holds the first sequence asked for.
    fn find(&self) -> Result<Place<D>, ReadError> {
        let mut number = if self.from_sequence <= 1 { 1 } else { segment::numbers(&self.disk)?.max(1) };
        loop {
            let (file, segment) = segment::open(&self.disk, number, Access::Read)?;
            if number == 1 || segment.start.sequence <= self.from_sequence {
                let position = segment.start.clone();
                return Ok(Place { file, segment, offset: BLOCK_BYTES as u64, position });
            }
            number -= 1;
        }
    }

    /// Reads the next frame, which is durable, into the buffer.
    fn read(&mut self) -> Result<(Header, Hash), ReadError> {
        let mut place = self.place.take().expect("a durable frame has a place");
        let read = read_at(&self.disk, &mut place, &mut self.buffer);
        self.place = Some(place);
        read
    }
}

fn read_at<D: Disk>(
    disk: &D,
    place: &mut Place<D>,
    buffer: &mut Vec<u8>,
) -> Result<(Header, Hash), ReadError> {
    if !read_block(disk, place, buffer)? {
        // a durable frame that is not here is in the next segment
        let (file, segment) = segment::open(disk, place.segment.number + 1, Access::Read)?;
        segment.follows(&place.position).map_err(|reason| damage(disk, segment.number, 0, reason))?;
        let position = segment.start.clone();
        *place = Place { file, segment, offset: BLOCK_BYTES as u64, position };
        if !read_block(disk, place, buffer)? {
            let reason = Reason::Lost { frame: place.position.frame };
            return Err(damage(disk, place.segment.number, place.offset, reason).into());
        }
    }
    let wrong = |reason| damage(disk, place.segment.number, place.offset, reason);
    let frame = place.position.frame;
    let bad = |fault| wrong(Reason::Acknowledged { frame, fault });
    let header = Header::decode(buffer, &place.segment.salt).ok_or_else(|| bad(Fault::Header))?;
    place.position.admit(&header, place.segment.room(place.offset)).map_err(wrong)?;
    buffer.resize(header.extent(), 0);
    read_exact(&place.file, &mut buffer[BLOCK_BYTES..], place.offset + BLOCK_BYTES as u64)
        .map_err(|source| segment::failure(disk, place.segment.number, "read", source))?;
    let hash = header.check_body(buffer, &place.segment.salt).map_err(bad)?;
    place.position.check_contents(&header, buffer).map_err(wrong)?;
    place.position.advance(&header, hash);
    place.offset += header.extent() as u64;
    Ok((header, hash))
}

/// Reads the block at the reader's place; false when the segment ends there or the block was never written.
fn read_block<D: Disk>(disk: &D, place: &Place<D>, buffer: &mut Vec<u8>) -> Result<bool, IoFailure> {
    if place.segment.room(place.offset) < BLOCK_BYTES {
        return Ok(false);
    }
    buffer.resize(BLOCK_BYTES, 0);
    read_exact(&place.file, buffer, place.offset)
        .map_err(|source| segment::failure(disk, place.segment.number, "read", source))?;
    Ok(buffer.iter().any(|&byte| byte != 0))
}

fn damage<D: Disk>(disk: &D, number: u64, offset: u64, reason: Reason) -> Damage {
    Damage { path: disk.path(&segment::name(number)), offset, reason }
}
