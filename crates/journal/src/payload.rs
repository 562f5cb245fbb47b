//! Records packed into one payload: each is `u16 length ‖ bytes`, the packing that batches have on chain.

use thiserror::Error;

const PREFIX_BYTES: usize = 2;

/// Why bytes are not a packing of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PayloadError {
    /// A record is empty.
    #[error("record {index} is empty")]
    Empty {
        /// Its place, from 0.
        index: u32,
    },
    /// A record is longer than its length prefix can say.
    #[error("record {index} holds {bytes} bytes, at most 65535 allowed")]
    TooLong {
        /// Its place, from 0.
        index: u32,
        /// Its length in bytes.
        bytes: usize,
    },
    /// The payload ends inside a record.
    #[error("the payload ends inside record {index}")]
    Truncated {
        /// Its place, from 0.
        index: u32,
    },
    /// More records than can be counted.
    #[error("more than 4294967295 records")]
    TooMany,
}

/// Appends one record, the `index`-th, to a payload.
///
/// # Errors
/// [`PayloadError`] when the record is empty or too long; `payload` is then unchanged.
pub fn push(record: &[u8], index: u32, payload: &mut Vec<u8>) -> Result<(), PayloadError> {
    if record.is_empty() {
        return Err(PayloadError::Empty { index });
    }
    let length =
        u16::try_from(record.len()).map_err(|_| PayloadError::TooLong { index, bytes: record.len() })?;
    payload.extend_from_slice(&length.to_be_bytes());
    payload.extend_from_slice(record);
    Ok(())
}

/// Packs `records` into `payload` after clearing it and returns their number.
///
/// # Errors
/// [`PayloadError`] when a record cannot be packed.
pub fn pack<R: AsRef<[u8]>>(records: &[R], payload: &mut Vec<u8>) -> Result<u32, PayloadError> {
    payload.clear();
    let count = u32::try_from(records.len()).map_err(|_| PayloadError::TooMany)?;
    for (index, record) in (0..count).zip(records) {
        push(record.as_ref(), index, payload)?;
    }
    Ok(count)
}

/// Checks a packing and counts its records.
///
/// # Errors
/// [`PayloadError`] at the first record that is not whole.
pub fn check(payload: &[u8]) -> Result<u32, PayloadError> {
    let mut records = records(payload);
    records.by_ref().try_for_each(|record| record.map(drop))?;
    Ok(records.index)
}

/// The records of a payload.
#[must_use]
pub fn records(payload: &[u8]) -> Records<'_> {
    Records { rest: payload, index: 0 }
}

/// An iterator over the records of a payload; it ends after the first error.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    rest: &'a [u8],
    index: u32,
}

impl<'a> Records<'a> {
    fn take(&mut self) -> Result<&'a [u8], PayloadError> {
        let index = self.index;
        let (prefix, rest) =
            self.rest.split_first_chunk::<PREFIX_BYTES>().ok_or(PayloadError::Truncated { index })?;
        let length = usize::from(u16::from_be_bytes(*prefix));
        if length == 0 {
            return Err(PayloadError::Empty { index });
        }
        let (record, rest) = rest.split_at_checked(length).ok_or(PayloadError::Truncated { index })?;
        self.index = index.checked_add(1).ok_or(PayloadError::TooMany)?;
        self.rest = rest;
        Ok(record)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<&'a [u8], PayloadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let record = self.take();
        if record.is_err() {
            self.rest = &[];
        }
        Some(record)
    }
}
