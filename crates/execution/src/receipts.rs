//! Receipts: the operator's signature over a frame, and a command's path in it.

use crate::host::{HostError, journal_directory};
use crate::view::{FrameMark, View};
use journal::JournalReader;
use protocol::eip712::Domain;
use protocol::receipt::{Frame, Receipt, command_path, command_root, frame_digest};
use protocol::{Hash, command_hash, recover};
use std::path::Path;

/// The receipt of a durable command with its record, or `None` when the sequence is not durable or lies before the
/// snapshot that this host started from. The signature is deterministic, so it is made when somebody asks.
///
/// # Errors
/// [`HostError`] when the journal cannot be read.
///
/// # Panics
/// When `secret` is not a secp256k1 secret.
pub fn receipt(
    directory: &Path,
    mark: FrameMark,
    sequence: u64,
    domain: &Domain,
    secret: &[u8; 32],
) -> Result<Option<(Receipt, Vec<u8>)>, HostError> {
    let mut reader = JournalReader::open_at(journal_directory(directory), sequence);
    loop {
        let Some(found) = reader.next_frame()? else { return Ok(None) };
        if found.number != mark.frame {
            continue;
        }
        let records: Vec<(u64, Vec<u8>)> = found.records().map(|(at, bytes)| (at, bytes.to_vec())).collect();
        let hashes: Vec<Hash> = records.iter().map(|(_, bytes)| command_hash(bytes)).collect();
        let index = usize::try_from(sequence - mark.first_sequence).expect("a frame is small");
        let frame = Frame {
            epoch: mark.epoch,
            frame: mark.frame,
            first_sequence: mark.first_sequence,
            count: mark.count,
            command_root: command_root(&hashes),
            chain_hash: mark.chain_hash,
        };
        let signature =
            recover::sign(&frame_digest(&frame, domain), secret).expect("the operator's key is sound");
        let path = command_path(&hashes, index).expect("the frame holds the command");
        let receipt = Receipt { frame, signature, sequence, command_hash: hashes[index], path };
        return Ok(Some((receipt, records[index].1.clone())));
    }
}

/// The frame that holds `sequence`, if this host has seen it.
#[must_use]
pub fn frame_of(view: &View, sequence: u64) -> Option<FrameMark> {
    let at = view.frames.partition_point(|mark| mark.first_sequence <= sequence).checked_sub(1)?;
    let mark = view.frames[at];
    (sequence < mark.first_sequence + u64::from(mark.count)).then_some(mark)
}
