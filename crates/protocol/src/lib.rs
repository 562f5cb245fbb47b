//! The language of the venue: what a command is, what an event is, their bytes, and what a user signs.
//!
//! Everything that crosses a process, a disk or the chain is defined here and nowhere else. `docs/protocol`
//! is the prose of this crate. No floating point, no clock, no I/O.

#[macro_use]
pub mod wire;
pub mod bounds;
pub mod command;
pub mod eip712;
pub mod event;
pub mod hash;
pub mod inbox;
pub mod mark;
pub mod merkle;
pub mod primitives;
pub mod receipt;
pub mod record;
pub mod recover;
pub mod risk;

pub use command::*;
pub use eip712::{Claim, Domain, Names, SigningError, digest, signatures};
pub use event::*;
pub use hash::{blake3, keccak256};
pub use inbox::{InboxBody, InboxItem};
pub use mark::*;
pub use primitives::*;
pub use receipt::{Frame, Receipt, ReceiptError, frame_digest};
pub use record::*;
pub use recover::{SignatureError, address_of, personal_digest, recover, sign, verify};
pub use risk::*;
pub use wire::{CodecError, Reader, Wire};

/// Version of commands, events and state leaves; a batch names the one it was made under.
pub const PROTOCOL_VERSION: u16 = 1;
