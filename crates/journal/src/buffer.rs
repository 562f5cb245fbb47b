//! The writer's one buffer: block-aligned, as large as the largest frame, reused for every commit.

use crate::frame::BLOCK_BYTES;

/// A fixed number of bytes, aligned to a block.
pub(crate) struct AlignedBuffer {
    storage: Vec<u8>,
    start: usize,
    length: usize,
}

impl AlignedBuffer {
    /// Makes a buffer of `length` zeros.
    pub(crate) fn new(length: usize) -> Self {
        let storage = vec![0; length + BLOCK_BYTES];
        let start = storage.as_ptr().align_offset(BLOCK_BYTES);
        assert!(start < BLOCK_BYTES, "a byte pointer can always be aligned");
        Self { storage, start, length }
    }

    /// The first `length` bytes.
    pub(crate) fn first_mut(&mut self, length: usize) -> &mut [u8] {
        assert!(length <= self.length, "a frame fits in the buffer");
        &mut self.storage[self.start..self.start + length]
    }
}
