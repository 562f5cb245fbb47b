//! The watermark: the number of the last frame that is durable, where other processes can read it.
//!
//! Written after each `fdatasync` and not synced itself, so after a power cut it may be old, which is safe: it
//! never says more than is durable. Two slots in blocks of their own take turns, so that one is always whole.

use std::io;
use std::path::Path;

use crate::disk::{Access, Disk, DiskFile, read_exact, write_all, write_file};
use crate::error::{Damage, IoFailure, ReadError, Reason};
use crate::frame::{BLOCK_BYTES, u32_at, u64_at};
use crate::local::LocalDisk;

const NAME: &str = "watermark";
const SLOT_BYTES: usize = 12;
const FILE_BYTES: usize = 2 * BLOCK_BYTES;
const SALT: &[u8] = b"synchromesh watermark";

/// The open watermark file.
pub(crate) struct Watermark<D: Disk> {
    file: D::File,
    disk: D,
}

impl<D: Disk> Watermark<D> {
    /// Opens the file; `None` when there is none.
    pub(crate) fn open(disk: &D, access: Access) -> Result<Option<Self>, IoFailure> {
        match disk.open(NAME, access) {
            Ok(file) => Ok(Some(Self { file, disk: disk.clone() })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(IoFailure { operation: "open", path: disk.path(NAME), source }),
        }
    }

    /// Makes the file, durably, saying `frame`.
    pub(crate) fn create(disk: &D, frame: u64) -> Result<Self, IoFailure> {
        let mut bytes = vec![0; FILE_BYTES];
        for slot in bytes.chunks_mut(BLOCK_BYTES) {
            slot[..SLOT_BYTES].copy_from_slice(&encode(frame));
        }
        write_file(disk, NAME, &[&bytes])?;
        let open = Self::open(disk, Access::Write)?;
        open.ok_or_else(|| IoFailure {
            operation: "open",
            path: disk.path(NAME),
            source: io::ErrorKind::NotFound.into(),
        })
    }

    /// Number of the last durable frame.
    pub(crate) fn load(&self) -> Result<u64, ReadError> {
        let mut bytes = [0; BLOCK_BYTES + SLOT_BYTES];
        match read_exact(&self.file, &mut bytes, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(damage(&self.disk).into());
            }
            read => read.map_err(|source| self.failure("read", source))?,
        }
        let slots = [decode(&bytes), decode(&bytes[BLOCK_BYTES..])];
        slots.into_iter().flatten().max().ok_or_else(|| damage(&self.disk).into())
    }

    /// Says that every frame up to `frame` is durable.
    pub(crate) fn publish(&self, frame: u64) -> Result<(), IoFailure> {
        let offset = (frame % 2) * BLOCK_BYTES as u64;
        write_all(&self.file, &encode(frame), offset).map_err(|source| self.failure("write", source))
    }

    /// Makes the watermark itself durable.
    pub(crate) fn sync(&self) -> Result<(), IoFailure> {
        self.file.sync().map_err(|source| self.failure("sync", source))
    }

    fn failure(&self, operation: &'static str, source: io::Error) -> IoFailure {
        IoFailure { operation, path: self.disk.path(NAME), source }
    }
}

/// The damage of a journal whose watermark is gone or bad.
pub(crate) fn damage<D: Disk>(disk: &D) -> Damage {
    Damage { path: disk.path(NAME), offset: 0, reason: Reason::Watermark }
}

/// Replaces the watermark of a journal that is not open: a person's word that exactly the frames up to `frame`
/// were acknowledged. For a journal whose watermark was lost.
///
/// # Errors
/// [`IoFailure`] when the file cannot be written.
pub fn declare_durable(directory: impl AsRef<Path>, frame: u64) -> Result<(), IoFailure> {
    Watermark::create(&LocalDisk::new(directory), frame).map(drop)
}

fn encode(frame: u64) -> [u8; SLOT_BYTES] {
    let frame = frame.to_be_bytes();
    let mut slot = [0; SLOT_BYTES];
    slot[..8].copy_from_slice(&frame);
    slot[8..].copy_from_slice(&sum(&frame).to_be_bytes());
    slot
}

fn decode(slot: &[u8]) -> Option<u64> {
    (u32_at(slot, 8) == sum(&slot[..8])).then(|| u64_at(slot, 0))
}

fn sum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(SALT), frame)
}
