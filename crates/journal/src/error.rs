//! Everything that can go wrong, with where.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::payload::PayloadError;

/// The system refused an operation.
#[derive(Debug, Error)]
#[error("cannot {operation} {}: {source}", path.display())]
pub struct IoFailure {
    /// What was tried.
    pub operation: &'static str,
    /// On which file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Bytes on disk that no power cut can explain.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}: offset {offset}: {reason}", path.display())]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// Offset in it, in bytes.
    pub offset: u64,
    /// What is wrong there.
    pub reason: Reason,
}

/// How a frame is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Fault {
    /// No intact header where one belongs.
    #[error("no intact header")]
    Header,
    /// The header is intact, header and payload together are not.
    #[error("checksum of the payload")]
    Payload,
}

/// What is wrong with damaged bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Reason {
    /// A segment's header is not intact.
    #[error("the segment header is not intact")]
    SegmentHeader,
    /// The format is one that this version does not know.
    #[error("format version {0} is not known here")]
    Version(u16),
    /// A file is not as long as it must be.
    #[error("the file holds {found} bytes, it must hold {expected}")]
    Length {
        /// Bytes found.
        found: u64,
        /// Bytes that belong there.
        expected: u64,
    },
    /// A number that does not follow from what came before.
    #[error("{what} is {found} where {expected} follows")]
    Misplaced {
        /// The field.
        what: &'static str,
        /// Its value.
        found: u64,
        /// The value that would follow.
        expected: u64,
    },
    /// The hash of the previous frame is not that of the frame before.
    #[error("frame {frame} does not chain to the frame before it")]
    Chain {
        /// The frame at this place.
        frame: u64,
    },
    /// Bytes behind an intact frame, in its last block, are not zero.
    #[error("the padding of frame {frame} is not zero")]
    Padding {
        /// The frame at this place.
        frame: u64,
    },
    /// A frame whose checksum is right holds a payload that cannot be.
    #[error("frame {frame}: {error}")]
    Payload {
        /// The frame.
        frame: u64,
        /// What is wrong with its payload.
        error: PayloadError,
    },
    /// A bad frame with a later one behind it: the bad one was durable.
    #[error("frame {frame} is bad ({fault}), but frame {later} follows it at offset {at}")]
    Followed {
        /// The bad frame.
        frame: u64,
        /// How it is bad.
        fault: Fault,
        /// The later frame.
        later: u64,
        /// Where the later frame lies.
        at: u64,
    },
    /// A bad frame in a segment that is not the last.
    #[error("frame {frame} is bad ({fault}), but segment {segment} follows")]
    FollowedBySegment {
        /// The bad frame.
        frame: u64,
        /// How it is bad.
        fault: Fault,
        /// The segment that follows.
        segment: u64,
    },
    /// A bad frame that was acknowledged.
    #[error("frame {frame} is bad ({fault}), but it was acknowledged")]
    Acknowledged {
        /// The bad frame.
        frame: u64,
        /// How it is bad.
        fault: Fault,
    },
    /// An acknowledged frame is not there.
    #[error("frame {frame} was acknowledged, but nothing is here")]
    Lost {
        /// The missing frame.
        frame: u64,
    },
    /// Bytes where the one frame that can have been in flight does not reach.
    #[error("frame {frame} is bad ({fault}) and cannot reach as far as the bytes at offset {at}")]
    Stray {
        /// The bad frame.
        frame: u64,
        /// How it is bad.
        fault: Fault,
        /// The last byte that is not zero.
        at: u64,
    },
    /// A segment is not there.
    #[error("segment {0} is missing")]
    MissingSegment(u64),
    /// Neither slot of the watermark is intact, or the file is gone.
    #[error("the watermark is not intact")]
    Watermark,
}

/// Why a journal does not open. Nothing was changed on disk.
#[derive(Debug, Error)]
pub enum OpenError {
    /// A setting makes no sense.
    #[error("configuration: {0}")]
    Config(&'static str),
    /// Another process (or another value in this one) is the writer.
    #[error("{} has another writer", .0.display())]
    Locked(PathBuf),
    /// The journal is damaged; it stays as it is for a person to look at.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The system refused an operation.
    #[error(transparent)]
    Io(#[from] IoFailure),
}

/// Why nothing was appended.
#[derive(Debug, Error)]
pub enum AppendError {
    /// An earlier operation failed, so nobody knows what is durable. The process must end; opening again finds
    /// out.
    #[error("the journal is poisoned: {cause}")]
    Poisoned {
        /// The failure that poisoned it.
        cause: String,
    },
    /// This operation failed and poisoned the journal. The frame may or may not be found at the next opening;
    /// it must not be acknowledged.
    #[error(transparent)]
    Io(IoFailure),
    /// The payload is larger than a frame may be.
    #[error("a payload of {bytes} bytes, at most {max} fit in a frame")]
    TooLarge {
        /// Size of the payload in bytes.
        bytes: usize,
        /// Largest payload in bytes.
        max: usize,
    },
    /// The sequence is not the next one.
    #[error("first sequence {found}, the next one is {expected}")]
    Sequence {
        /// Sequence given.
        found: u64,
        /// Sequence that comes next.
        expected: u64,
    },
    /// The payload holds another number of records than stated, or none.
    #[error("{stated} records stated, the payload holds {found}")]
    Count {
        /// Number stated.
        stated: u32,
        /// Number found.
        found: u32,
    },
    /// The payload is not a packing of records.
    #[error(transparent)]
    Payload(#[from] PayloadError),
}

/// Why a reader cannot go on.
#[derive(Debug, Error)]
pub enum ReadError {
    /// Acknowledged bytes are damaged.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The system refused an operation.
    #[error(transparent)]
    Io(#[from] IoFailure),
}

/// Why a snapshot was not saved, or the store not searched.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// A setting or argument makes no sense.
    #[error("snapshot: {0}")]
    Argument(&'static str),
    /// The system refused an operation.
    #[error(transparent)]
    Io(#[from] IoFailure),
}
