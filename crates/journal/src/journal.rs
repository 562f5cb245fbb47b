//! The writer.

use std::io;
use std::path::Path;

use crate::buffer::AlignedBuffer;
use crate::disk::{ASIDE, Access, Disk, DiskFile, write_all};
use crate::error::{AppendError, IoFailure, OpenError, ReadError};
use crate::frame::{BLOCK_BYTES, HEADER_BYTES, Position, extent};
use crate::local::LocalDisk;
use crate::recovery::{Acknowledged, End, Quarantine, find_end, quarantine};
use crate::segment::{self, SegmentHeader};
use crate::spare::Spare;
use crate::watermark::{self, Watermark};
use crate::{Hash, payload};

const SEGMENT_BYTES_MAX: u64 = 1 << 30;
/// The next segment is begun once this part of the current one is used: early, because zeroing it shares the disk
/// with commits, but not at once, because many openings write little.
const SPARE_AFTER: u64 = 16;

/// How a journal is opened.
#[derive(Debug, Clone)]
pub struct Config {
    /// Size of new segments in bytes, a multiple of [`BLOCK_BYTES`], at most 1 GiB.
    pub segment_bytes: u64,
    /// Space that one frame may take in new segments in bytes, a multiple of [`BLOCK_BYTES`].
    pub frame_bytes: u64,
    /// The shard, in every header; a journal of another shard is refused.
    pub shard: u32,
    /// Frames are checked from the segment that holds this sequence; of earlier segments only the headers are. 1
    /// checks everything.
    pub verify_from: u64,
    /// The last sequence known to be acknowledged from elsewhere: a snapshot, a posted batch, a receipt. A journal
    /// that ends below is refused.
    pub acknowledged_sequence: u64,
    /// Makes the next segment in a thread while the current one fills up.
    pub prepare_ahead: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            frame_bytes: 8 << 20,
            shard: 0,
            verify_from: 1,
            acknowledged_sequence: 0,
            prepare_ahead: true,
        }
    }
}

impl Config {
    fn check(&self) -> Result<(), OpenError> {
        let block = BLOCK_BYTES as u64;
        if !self.segment_bytes.is_multiple_of(block) || !self.frame_bytes.is_multiple_of(block) {
            return Err(OpenError::Config("sizes must be multiples of the block"));
        }
        if self.segment_bytes > SEGMENT_BYTES_MAX {
            return Err(OpenError::Config("a segment is larger than 1 GiB"));
        }
        if self.frame_bytes < block || self.frame_bytes > self.segment_bytes.saturating_sub(block) {
            return Err(OpenError::Config("a frame must fit in a segment, behind its header"));
        }
        Ok(())
    }

    /// The largest payload of one frame in bytes.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        usize::try_from(self.frame_bytes).expect("a frame fits in memory") - HEADER_BYTES
    }
}

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Sequence of the next record.
    pub next_sequence: u64,
    /// Number of the last frame, the one that opened this epoch.
    pub last_frame: u64,
    /// Hash of that frame.
    pub frame_hash: Hash,
    /// The epoch that this opening began.
    pub epoch: u64,
    /// The torn tail that was moved aside, if there was one.
    pub quarantined: Option<Quarantine>,
}

/// Where a commit went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameInfo {
    /// The epoch.
    pub epoch: u64,
    /// Number of the frame.
    pub frame: u64,
    /// Sequence of its first record.
    pub first_sequence: u64,
    /// How many records it holds.
    pub count: u32,
    /// Its hash, which the next frame carries.
    pub hash: Hash,
}

/// The one writer of a journal directory.
pub struct Journal<D: Disk = LocalDisk> {
    disk: D,
    config: Config,
    file: D::File,
    segment: SegmentHeader,
    /// Where the next frame goes.
    offset: u64,
    position: Position,
    buffer: AlignedBuffer,
    packed: Vec<u8>,
    watermark: Watermark<D>,
    poisoned: Option<String>,
    spare: Spare<D>,
    // last, so that it is let go last
    _lock: D::Lock,
}

impl Journal<LocalDisk> {
    /// Opens the journal in `directory`, making it if need be, and begins a new epoch.
    ///
    /// # Errors
    /// [`OpenError`]; a damaged journal is left as it is.
    pub fn open(directory: impl AsRef<Path>, config: Config) -> Result<(Self, Recovered), OpenError> {
        let directory = directory.as_ref();
        let disk = LocalDisk::create(directory).map_err(|source| IoFailure {
            operation: "create",
            path: directory.to_path_buf(),
            source,
        })?;
        Self::open_on(disk, config)
    }
}

impl<D: Disk> Journal<D> {
    /// Opens the journal on a disk of any kind and begins a new epoch.
    ///
    /// # Errors
    /// [`OpenError`]; a damaged journal is left as it is.
    pub fn open_on(disk: D, config: Config) -> Result<(Self, Recovered), OpenError> {
        config.check()?;
        let lock = lock(&disk)?;
        remove_leftovers(&disk)?;
        let segments = segment::numbers(&disk)?;
        let watermark = open_watermark(&disk, segments)?;
        let acknowledged = Acknowledged { frame: watermark.load()?, sequence: config.acknowledged_sequence };
        if segments == 0 {
            if acknowledged.frame > 0 || acknowledged.sequence > 0 {
                return Err(segment::missing(&disk, 1).into());
            }
            let start = Position::start(config.shard);
            let file = segment::prepare(&disk, 1, config.segment_bytes).map_err(|source| IoFailure {
                operation: "prepare",
                path: disk.path(""),
                source,
            })?;
            new_segment(&disk, &config, &file, 1, &start)?;
        }
        let end = find_end(&disk, segments.max(1), config.verify_from, acknowledged)?;
        if end.position.shard != config.shard {
            return Err(segment::other_shard(&disk, &end.header, config.shard).into());
        }
        let (file, _) = segment::open(&disk, end.header.number, Access::Write)?;
        let quarantined = end.torn.as_ref().map(|torn| quarantine(&disk, &file, &end, torn)).transpose()?;
        let mut journal = Self::at_end(disk, config, file, end, watermark, lock);
        let notice = quarantined.as_ref().map_or_else(Vec::new, Quarantine::notice);
        let opened = journal.commit(&notice, 0)?;
        journal.watermark.sync()?;
        let recovered = Recovered {
            next_sequence: journal.position.sequence,
            last_frame: opened.frame,
            frame_hash: opened.hash,
            epoch: opened.epoch,
            quarantined,
        };
        Ok((journal, recovered))
    }

    fn at_end(
        disk: D,
        config: Config,
        file: D::File,
        end: End,
        watermark: Watermark<D>,
        lock: D::Lock,
    ) -> Self {
        let End { header, offset, position, .. } = end;
        // a segment made under another configuration may hold larger frames
        let largest = config.frame_bytes.max(header.frame_bytes);
        Self {
            buffer: AlignedBuffer::new(usize::try_from(largest).expect("a frame fits in memory")),
            spare: Spare::new(disk.clone(), config.prepare_ahead),
            packed: Vec::new(),
            poisoned: None,
            segment: header,
            _lock: lock,
            disk,
            config,
            file,
            offset,
            position,
            watermark,
        }
    }

    /// Sequence of the next record.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.position.sequence
    }

    /// Number of the next frame.
    #[must_use]
    pub fn next_frame(&self) -> u64 {
        self.position.frame
    }

    /// The epoch that this opening began.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.position.epoch
    }

    /// The largest payload of one frame in bytes.
    #[must_use]
    pub fn payload_bytes_max(&self) -> usize {
        self.config.payload_bytes()
    }

    /// Commits one frame of `count` records, packed as [`crate::pack`] does, the first of which has
    /// `first_sequence`. When it returns, the frame is durable and readers see it. Allocates nothing, but for one
    /// new segment in many frames.
    ///
    /// # Errors
    /// [`AppendError`]. A wrong argument changes nothing; [`AppendError::Io`] poisons the journal for good.
    pub fn append(
        &mut self,
        first_sequence: u64,
        payload: &[u8],
        count: u32,
    ) -> Result<FrameInfo, AppendError> {
        if let Some(cause) = &self.poisoned {
            return Err(AppendError::Poisoned { cause: cause.clone() });
        }
        if first_sequence != self.position.sequence {
            return Err(AppendError::Sequence { found: first_sequence, expected: self.position.sequence });
        }
        let max = self.payload_bytes_max();
        if payload.len() > max {
            return Err(AppendError::TooLarge { bytes: payload.len(), max });
        }
        let found = payload::check(payload)?;
        if found != count || count == 0 {
            return Err(AppendError::Count { stated: count, found });
        }
        self.commit(payload, count).map_err(|failure| {
            self.poisoned = Some(failure.to_string());
            AppendError::Io(failure)
        })
    }

    /// Packs `records` and commits them as one frame.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_records<R: AsRef<[u8]>>(
        &mut self,
        first_sequence: u64,
        records: &[R],
    ) -> Result<FrameInfo, AppendError> {
        let mut packed = std::mem::take(&mut self.packed);
        let count = payload::pack(records, &mut packed);
        let appended = match count {
            Ok(count) => self.append(first_sequence, &packed, count),
            Err(error) => Err(error.into()),
        };
        self.packed = packed;
        appended
    }

    fn commit(&mut self, payload: &[u8], count: u32) -> Result<FrameInfo, IoFailure> {
        let bytes = extent(payload.len());
        if bytes > self.segment.room(self.offset) {
            self.rotate()?;
        }
        let length = u32::try_from(payload.len()).expect("a payload fits in a frame");
        let header = self.position.next_header(length, count);
        let frame = self.buffer.first_mut(bytes);
        frame[HEADER_BYTES..HEADER_BYTES + payload.len()].copy_from_slice(payload);
        let hash = header.seal(frame, &self.segment.salt);

        let number = self.segment.number;
        let failure = |operation, source| segment::failure(&self.disk, number, operation, source);
        write_all(&self.file, frame, self.offset).map_err(|source| failure("write", source))?;
        self.file.sync().map_err(|source| failure("sync", source))?;

        self.offset += bytes as u64;
        self.position.advance(&header, hash);
        self.watermark.publish(header.frame)?;
        if self.offset > self.segment.segment_bytes / SPARE_AFTER {
            self.spare.begin(number + 1, self.config.segment_bytes);
        }
        let (epoch, frame, first_sequence) = (header.epoch, header.frame, header.first_sequence);
        Ok(FrameInfo { epoch, frame, first_sequence, count, hash })
    }

    /// Goes on in a new segment. What is left of this one stays zero.
    fn rotate(&mut self) -> Result<(), IoFailure> {
        let number = self.segment.number + 1;
        let file = self
            .spare
            .take(number, self.config.segment_bytes)
            .map_err(|source| segment::failure(&self.disk, number, "prepare", source))?;
        self.segment = new_segment(&self.disk, &self.config, &file, number, &self.position)?;
        self.file = file;
        self.offset = BLOCK_BYTES as u64;
        Ok(())
    }
}

impl<D: Disk> Drop for Journal<D> {
    /// Syncs the watermark, so that the next opening knows the last frame even after a power cut. It does without.
    fn drop(&mut self) {
        drop(self.watermark.sync());
    }
}

fn new_segment<D: Disk>(
    disk: &D,
    config: &Config,
    file: &D::File,
    number: u64,
    start: &Position,
) -> Result<SegmentHeader, IoFailure> {
    let failure = |source| segment::failure(disk, number, "commission", source);
    let header = SegmentHeader {
        number,
        segment_bytes: config.segment_bytes,
        frame_bytes: config.frame_bytes,
        salt: disk.salt().map_err(failure)?,
        start: start.clone(),
    };
    segment::commission(disk, file, &header).map_err(failure)?;
    Ok(header)
}

fn lock<D: Disk>(disk: &D) -> Result<D::Lock, OpenError> {
    disk.lock().map_err(|source| {
        if source.kind() == io::ErrorKind::WouldBlock {
            OpenError::Locked(disk.path(""))
        } else {
            IoFailure { operation: "lock", path: disk.path(""), source }.into()
        }
    })
}

/// Removes files that were being made when the last writer ended, and makes all other names durable: the last
/// writer may have ended between a rename and its sync.
fn remove_leftovers<D: Disk>(disk: &D) -> Result<(), IoFailure> {
    let failure = |operation, source| IoFailure { operation, path: disk.path(""), source };
    for name in disk.names().map_err(|source| failure("list", source))? {
        if name.ends_with(ASIDE) {
            disk.remove(&name).map_err(|source| failure("clean", source))?;
        }
    }
    disk.sync_directory().map_err(|source| failure("sync", source))
}

/// The watermark, made before the first segment is; segments without one are damage.
fn open_watermark<D: Disk>(disk: &D, segments: u64) -> Result<Watermark<D>, OpenError> {
    match Watermark::open(disk, Access::Write)? {
        Some(watermark) => Ok(watermark),
        None if segments == 0 => Ok(Watermark::create(disk, 0)?),
        None => Err(watermark::damage(disk).into()),
    }
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Damaged(damage) => Self::Damaged(damage),
            ReadError::Io(failure) => Self::Io(failure),
        }
    }
}
