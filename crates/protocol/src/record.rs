//! A command as it is journaled and posted: kind, venue time, body. Its sequence is its place in the journal.

use crate::{CodecError, Command, Hash, Nanos, Reader, Wire, keccak256};

/// Longest record, bytes: a journal frame and a batch give its length two bytes. The bounds of commands
/// ([`Command::check`]) keep every record below it.
pub const MAX_RECORD_BYTES: usize = 65_535;

/// A sequenced command's bytes: `kind u8 ‖ time u64 ‖ body`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Venue time, set by the sequencer, never decreasing.
    pub time: Nanos,
    /// The command.
    pub command: Command,
}

impl Wire for Record {
    fn put(&self, out: &mut Vec<u8>) {
        self.command.kind().put(out);
        self.time.put(out);
        self.command.put_body(out);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let kind = u8::take(reader)?;
        let time = u64::take(reader)?;
        Ok(Self { time, command: Command::take_body(kind, reader)? })
    }
}

impl Record {
    /// The encoding of a record whose command comes from outside.
    ///
    /// # Errors
    /// [`CodecError`] when the command is not within its bounds; nothing then decodes from its bytes.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        self.command.check()?;
        let bytes = self.to_bytes();
        assert!(bytes.len() <= MAX_RECORD_BYTES, "the bounds of commands keep a record below its limit");
        Ok(bytes)
    }
}

/// Hash of one record's bytes.
#[must_use]
pub fn command_hash(record: &[u8]) -> Hash {
    keccak256(&[record])
}

/// The command chain: `chain' = keccak(chain ‖ command hash)`, starting from [`Hash::ZERO`].
#[must_use]
pub fn chain_hash(chain: &Hash, command: &Hash) -> Hash {
    keccak256(&[&chain.0, &command.0])
}
