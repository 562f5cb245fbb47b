//! The binary codec: big-endian, fixed width where a width exists, no padding, nothing optional without a flag.
//!
//! Encoding is canonical: a value has exactly one encoding, and decoding refuses every other one. The chain
//! reads these bytes, so they are tight, and they never go through a general compressor.

use thiserror::Error;

/// Why bytes are not a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CodecError {
    /// The input ended inside a value.
    #[error("input ended {missing} bytes early while reading {what}")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// How many bytes were missing.
        missing: usize,
    },
    /// Bytes were left after the value.
    #[error("{0} bytes left after the value")]
    Trailing(usize),
    /// An enumeration or flag held a number that means nothing.
    #[error("{value} is not a {what}")]
    Unknown {
        /// The enumeration.
        what: &'static str,
        /// The number found.
        value: u64,
    },
    /// A text was not printable ASCII.
    #[error("text is not printable ASCII")]
    Text,
    /// A list or text was longer than its bound.
    #[error("{what} holds {len}, at most {max} allowed")]
    TooLong {
        /// The field.
        what: &'static str,
        /// Length found.
        len: usize,
        /// Longest allowed.
        max: usize,
    },
    /// A list that has one order was in another, or held something twice.
    #[error("{0} do not ascend")]
    Order(&'static str),
}

/// A cursor over bytes being decoded.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Takes the next `len` bytes.
    ///
    /// # Errors
    /// [`CodecError::Truncated`] when fewer are left.
    pub fn bytes(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], CodecError> {
        match self.rest.split_at_checked(len) {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(head)
            }
            None => Err(CodecError::Truncated { what, missing: len - self.rest.len() }),
        }
    }

    /// How many bytes are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Succeeds when nothing is left.
    ///
    /// # Errors
    /// [`CodecError::Trailing`] with the number of bytes left.
    pub fn finish(self) -> Result<(), CodecError> {
        if self.rest.is_empty() { Ok(()) } else { Err(CodecError::Trailing(self.rest.len())) }
    }
}

/// A value with one canonical encoding.
pub trait Wire: Sized {
    /// Appends the encoding of `self`.
    ///
    /// # Panics
    /// When a list holds more than 65,535 items or a text more than 255 bytes. A command that passed
    /// [`crate::Command::check`] holds neither.
    fn put(&self, out: &mut Vec<u8>);

    /// Decodes one value and leaves the reader behind it.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not a canonical encoding.
    fn take(reader: &mut Reader<'_>) -> Result<Self, CodecError>;

    /// The encoding of `self`.
    fn to_bytes(&self) -> Vec<u8> {
        // Room for every message without a list, so that encoding one allocates once.
        let mut out = Vec::with_capacity(256);
        self.put(&mut out);
        out
    }

    /// Decodes a value that fills `bytes` exactly.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not exactly one canonical encoding.
    fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let value = Self::take(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }
}

macro_rules! wire_int {
    ($($int:ty),*) => {$(
        impl Wire for $int {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
                let bytes = reader.bytes(size_of::<$int>(), stringify!($int))?;
                let mut array = [0u8; size_of::<$int>()];
                array.copy_from_slice(bytes);
                Ok(<$int>::from_be_bytes(array))
            }
        }
    )*};
}
wire_int!(u8, u16, u32, u64, u128, i32, i64, i128);

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        match u8::take(reader)? {
            0 => Ok(false),
            1 => Ok(true),
            value => Err(CodecError::Unknown { what: "flag", value: value.into() }),
        }
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        if bool::take(reader)? { Ok(Some(T::take(reader)?)) } else { Ok(None) }
    }
}

/// Lists carry a u16 count.
impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        let count = u16::try_from(self.len()).expect("a list on the wire holds at most 65,535 items");
        count.put(out);
        for item in self {
            item.put(out);
        }
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let count = u16::take(reader)?;
        (0..count).map(|_| T::take(reader)).collect()
    }
}

/// Texts are printable ASCII with a u8 length.
impl Wire for String {
    fn put(&self, out: &mut Vec<u8>) {
        let len = u8::try_from(self.len()).expect("a text on the wire holds at most 255 bytes");
        len.put(out);
        out.extend_from_slice(self.as_bytes());
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let len = u8::take(reader)?;
        let bytes = reader.bytes(len.into(), "text")?;
        match std::str::from_utf8(bytes) {
            Ok(text) if is_printable(text) => Ok(text.to_owned()),
            _ => Err(CodecError::Text),
        }
    }
}

/// Whether a text may be encoded: printable ASCII only.
#[must_use]
pub fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

/// A struct whose encoding is its fields in order.
#[macro_export]
macro_rules! wire_struct {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$fmeta:meta])* pub $field:ident : $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name { $($(#[$fmeta])* pub $field: $ty),* }

        impl $crate::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }
            fn take(reader: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::wire::CodecError> {
                Ok(Self { $($field: $crate::wire::Wire::take(reader)?),* })
            }
        }
    };
}

/// A field-less enumeration encoded as one byte, with the word that users read and sign.
#[macro_export]
macro_rules! wire_enum {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $value:literal => $word:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $($(#[$vmeta])* $variant = $value),* }

        impl $name {
            /// Every value, in encoding order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word that the API speaks and wallets show.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// Keccak of the word, as it stands in a signed struct; computed once.
            #[must_use]
            pub fn word_hash(self) -> $crate::Hash {
                static HASHES: std::sync::OnceLock<Vec<$crate::Hash>> = std::sync::OnceLock::new();
                let hash = |value: &Self| $crate::keccak256(&[value.word().as_bytes()]);
                HASHES.get_or_init(|| Self::ALL.iter().map(hash).collect())[self as usize]
            }

            /// The value that `word` names.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        // Values count from 0 without a gap, so that they index `ALL`.
        const _: () = {
            let mut index = 0;
            while index < $name::ALL.len() {
                assert!($name::ALL[index] as usize == index);
                index += 1;
            }
        };

        impl $crate::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                out.push(*self as u8);
            }
            fn take(reader: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::wire::CodecError> {
                match <u8 as $crate::wire::Wire>::take(reader)? {
                    $($value => Ok(Self::$variant),)*
                    value => Err($crate::wire::CodecError::Unknown { what: stringify!($name), value: value.into() }),
                }
            }
        }
    };
}
