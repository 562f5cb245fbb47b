//! The durable journal: what the venue has acknowledged, in order, on one machine's disk.
//!
//! Bytes only; it knows no commands. A *frame* is one group commit: every record that one `fdatasync` made
//! durable, behind one header that carries a checksum and the hash of the frame before. Frames lie in
//! preallocated *segments* that are never reused. [`Journal`] is the one writer, [`JournalReader`] follows it
//! from other processes and yields nothing that a power cut could still take back, [`SnapshotStore`] keeps
//! states to start from. All input and output goes through [`Disk`], so that tests can cut the power.
//!
//! `docs/journal.md` is the prose of this crate: the formats and what recovery may and may not decide.

mod buffer;
mod disk;
mod error;
mod frame;
mod inspect;
mod journal;
mod local;
mod payload;
mod reader;
mod recovery;
mod segment;
mod snapshot;
mod spare;
mod watermark;

pub use disk::{Access, Disk, DiskFile};
pub use error::{AppendError, Damage, Fault, IoFailure, OpenError, ReadError, Reason, SnapshotError};
pub use frame::BLOCK_BYTES;
pub use inspect::{Inspection, SegmentSummary, inspect};
pub use journal::{Config, FrameInfo, Journal, Recovered};
pub use local::LocalDisk;
pub use payload::{PayloadError, Records, check, pack, push, records};
pub use reader::{Frame, JournalReader};
pub use recovery::Quarantine;
pub use segment::FORMAT_VERSION;
pub use snapshot::{BadSnapshot, Search, Snapshot, SnapshotStore};
pub use watermark::declare_durable;

/// A BLAKE3 hash.
pub type Hash = [u8; 32];
