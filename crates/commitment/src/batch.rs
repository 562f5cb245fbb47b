//! Batches: what is committed to the chain. See `docs/protocol/batches.md`; their data are [chunks](crate::chunk).

use protocol::{Hash, keccak256, wire_struct};

wire_struct! {
    /// Header of a batch, field by field as the contract's struct.
    pub struct BatchHeader {
        /// Number of the batch, from 0.
        pub index: u64,
        /// State root before.
        pub previous_root: Hash,
        /// State root behind the last command.
        pub new_root: Hash,
        /// Version of commands and leaves.
        pub protocol_version: u16,
        /// What the chain can check of it.
        pub verifier_version: u16,
        /// Sequence of its first command.
        pub first_sequence: u64,
        /// Sequence of its last command.
        pub last_sequence: u64,
        /// Command chain before.
        pub previous_chain_hash: Hash,
        /// Command chain behind.
        pub chain_hash: Hash,
        /// Inbox items processed so far.
        pub inbox_cursor: u64,
        /// Inbox chain behind them.
        pub inbox_hash: Hash,
        /// Root over the trace roots of its chunks; zero without a trace.
        pub trace_root: Hash,
        /// Root over the withdrawals.
        pub withdrawal_root: Hash,
        /// Hash of what is said of its data.
        pub data_hash: Hash,
        /// Venue time of the last command.
        pub last_time: u64,
    }
}

impl BatchHeader {
    /// Its hash: keccak of its ABI encoding, fifteen words.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let word = |number: u64| {
            let mut word = Hash::ZERO;
            word.0[24..].copy_from_slice(&number.to_be_bytes());
            word
        };
        let words = [
            word(self.index),
            self.previous_root,
            self.new_root,
            word(self.protocol_version.into()),
            word(self.verifier_version.into()),
            word(self.first_sequence),
            word(self.last_sequence),
            self.previous_chain_hash,
            self.chain_hash,
            word(self.inbox_cursor),
            self.inbox_hash,
            self.trace_root,
            self.withdrawal_root,
            self.data_hash,
            word(self.last_time),
        ];
        keccak256(&words.each_ref().map(|word| word.0.as_slice()))
    }
}
