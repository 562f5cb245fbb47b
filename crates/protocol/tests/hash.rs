//! Keccak of several messages at once against the library that takes one.

use proptest::prelude::*;
use protocol::hash::{LANES, keccak256_each};
use protocol::{Hash, keccak256};

/// Lengths about the ends of blocks, where padding goes wrong, and any others.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let length =
        prop_oneof![0..700usize, (0..4usize, 0..3usize).prop_map(|(block, off)| block * 136 + 135 + off)];
    length.prop_flat_map(|length| prop::collection::vec(any::<u8>(), length))
}

#[test]
fn the_empty_message_has_the_known_hash() {
    let known = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
    for hash in keccak256_each([&[]; LANES]) {
        assert_eq!(hash.to_string(), known);
    }
}

proptest! {
    #[test]
    fn every_lane_is_the_hash_of_its_message(messages in prop::array::uniform4(message())) {
        let expected: [Hash; LANES] = messages.each_ref().map(|message| keccak256(&[message]));
        prop_assert_eq!(keccak256_each(messages.each_ref().map(Vec::as_slice)), expected);
    }
}
