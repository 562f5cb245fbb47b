//! Frames: their header, their checksums, and what the next one must say.
//!
//! A frame starts on a block and its last block is filled with zeros, so a block that holds acknowledged bytes
//! is never written again and no power cut can hurt it.

use crate::error::{Fault, Reason};
use crate::{Hash, payload};

/// Frames and headers start at multiples of this many bytes.
pub const BLOCK_BYTES: usize = 4096;

/// Size of a frame's header in bytes.
pub(crate) const HEADER_BYTES: usize = 88;

const MAGIC: [u8; 4] = *b"SMJF";
/// Where the bytes that the frame's checksum covers begin: behind the magic and itself.
const CHECKED_FROM: usize = 8;
/// Where the bytes that the header's own checksum covers begin.
const HEADER_CHECKED_FROM: usize = 12;
const PREVIOUS_AT: usize = 56;

/// Bytes that a frame occupies: header and payload, up to the end of the block.
pub(crate) fn extent(payload_bytes: usize) -> usize {
    (HEADER_BYTES + payload_bytes).next_multiple_of(BLOCK_BYTES)
}

/// What a frame says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) payload_bytes: u32,
    pub(crate) count: u32,
    pub(crate) shard: u32,
    pub(crate) frame: u64,
    pub(crate) first_sequence: u64,
    pub(crate) epoch: u64,
    pub(crate) durable_upto: u64,
    pub(crate) previous: Hash,
}

impl Header {
    /// Bytes that the frame occupies.
    pub(crate) fn extent(&self) -> usize {
        extent(self.payload_bytes as usize)
    }

    /// Writes the header in front of a payload that already lies in `frame`, zeroes the padding behind it and
    /// returns the frame's hash.
    pub(crate) fn seal(&self, frame: &mut [u8], salt: &[u8; 16]) -> Hash {
        assert_eq!(frame.len(), self.extent(), "the frame is as long as its header says");
        let end = HEADER_BYTES + self.payload_bytes as usize;
        frame[end..].fill(0);
        frame[..4].copy_from_slice(&MAGIC);
        frame[12..16].copy_from_slice(&self.payload_bytes.to_be_bytes());
        frame[16..20].copy_from_slice(&self.count.to_be_bytes());
        frame[20..24].copy_from_slice(&self.shard.to_be_bytes());
        frame[24..32].copy_from_slice(&self.frame.to_be_bytes());
        frame[32..40].copy_from_slice(&self.first_sequence.to_be_bytes());
        frame[40..48].copy_from_slice(&self.epoch.to_be_bytes());
        frame[48..56].copy_from_slice(&self.durable_upto.to_be_bytes());
        frame[PREVIOUS_AT..HEADER_BYTES].copy_from_slice(&self.previous);
        let header_sum = checksum(salt, &frame[HEADER_CHECKED_FROM..HEADER_BYTES]);
        frame[8..12].copy_from_slice(&header_sum.to_be_bytes());
        let sum = checksum(salt, &frame[CHECKED_FROM..end]);
        frame[4..8].copy_from_slice(&sum.to_be_bytes());
        *blake3::hash(&frame[..end]).as_bytes()
    }

    /// Reads an intact header at the start of `bytes`; `None` when there is none.
    pub(crate) fn decode(bytes: &[u8], salt: &[u8; 16]) -> Option<Self> {
        let bytes = bytes.first_chunk::<HEADER_BYTES>()?;
        let sum = checksum(salt, &bytes[HEADER_CHECKED_FROM..]);
        if bytes[..4] != MAGIC || u32_at(bytes, 8) != sum {
            return None;
        }
        let mut previous = [0; 32];
        previous.copy_from_slice(&bytes[PREVIOUS_AT..]);
        Some(Self {
            payload_bytes: u32_at(bytes, 12),
            count: u32_at(bytes, 16),
            shard: u32_at(bytes, 20),
            frame: u64_at(bytes, 24),
            first_sequence: u64_at(bytes, 32),
            epoch: u64_at(bytes, 40),
            durable_upto: u64_at(bytes, 48),
            previous,
        })
    }

    /// Checks a frame of [`Self::extent`] bytes and returns its hash.
    pub(crate) fn check_body(&self, frame: &[u8], salt: &[u8; 16]) -> Result<Hash, Fault> {
        assert_eq!(frame.len(), self.extent(), "the whole frame was read");
        let frame = &frame[..HEADER_BYTES + self.payload_bytes as usize];
        if u32_at(frame, 4) != checksum(salt, &frame[CHECKED_FROM..]) {
            return Err(Fault::Payload);
        }
        Ok(*blake3::hash(frame).as_bytes())
    }

    /// The payload of a frame.
    pub(crate) fn payload<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        &frame[HEADER_BYTES..HEADER_BYTES + self.payload_bytes as usize]
    }
}

/// A place between two frames: what is known of those before it, and so what the next one must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) shard: u32,
    /// Number of the next frame, from 1.
    pub(crate) frame: u64,
    /// Sequence of the next record, from 1.
    pub(crate) sequence: u64,
    /// Epoch of the frame before; 0 before the first.
    pub(crate) epoch: u64,
    /// Hash of the frame before; zero before the first.
    pub(crate) chain: Hash,
}

impl Position {
    /// Before the first frame.
    pub(crate) fn start(shard: u32) -> Self {
        Self { shard, frame: 1, sequence: 1, epoch: 0, chain: [0; 32] }
    }

    /// The header of the next frame of `count` records; none make the frame that opens an epoch.
    pub(crate) fn next_header(&self, payload_bytes: u32, count: u32) -> Header {
        Header {
            payload_bytes,
            count,
            shard: self.shard,
            frame: self.frame,
            first_sequence: self.sequence,
            epoch: self.epoch + u64::from(count == 0),
            durable_upto: self.frame - 1,
            previous: self.chain,
        }
    }

    /// Checks that a frame with an intact header belongs here and fits in the `room` bytes left for it.
    pub(crate) fn admit(&self, header: &Header, room: usize) -> Result<(), Reason> {
        let expected = self.next_header(header.payload_bytes, header.count);
        let numbers = [
            ("shard", u64::from(header.shard), u64::from(expected.shard)),
            ("frame number", header.frame, expected.frame),
            ("first sequence", header.first_sequence, expected.first_sequence),
            ("epoch", header.epoch, expected.epoch),
            ("durable watermark", header.durable_upto, expected.durable_upto),
        ];
        for (what, found, expected) in numbers {
            if found != expected {
                return Err(Reason::Misplaced { what, found, expected });
            }
        }
        if header.previous != expected.previous {
            return Err(Reason::Chain { frame: header.frame });
        }
        if header.extent() > room {
            let (found, expected) = (header.extent() as u64, room as u64);
            return Err(Reason::Misplaced { what: "frame size", found, expected });
        }
        Ok(())
    }

    /// Checks that an intact frame holds what its header counts and nothing behind it.
    pub(crate) fn check_contents(&self, header: &Header, frame: &[u8]) -> Result<(), Reason> {
        if frame[HEADER_BYTES + header.payload_bytes as usize..].iter().any(|&byte| byte != 0) {
            return Err(Reason::Padding { frame: self.frame });
        }
        if header.count == 0 {
            return Ok(());
        }
        let found = payload::check(header.payload(frame))
            .map_err(|error| Reason::Payload { frame: self.frame, error })?;
        if found != header.count {
            let (found, expected) = (found.into(), header.count.into());
            return Err(Reason::Misplaced { what: "number of records", found, expected });
        }
        Ok(())
    }

    /// Steps over a frame that was admitted.
    pub(crate) fn advance(&mut self, header: &Header, hash: Hash) {
        assert_eq!(header.frame, self.frame, "frames are stepped over in order");
        self.frame += 1;
        self.sequence += u64::from(header.count);
        self.epoch = header.epoch;
        self.chain = hash;
    }
}

/// CRC32C of `bytes`, which only makes sense in the segment with this salt.
fn checksum(salt: &[u8; 16], bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(salt), bytes)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
