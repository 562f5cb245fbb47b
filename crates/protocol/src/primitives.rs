//! Identities, units and the small enumerations that commands and events share.

use crate::wire::{CodecError, Reader, Wire};
use std::fmt;

/// Subaccount, numbered from 1 in creation order.
pub type SubaccountId = u64;
/// Instrument, numbered from 1 in listing order, never reused.
pub type InstrumentId = u32;
/// Underlying, numbered from 1.
pub type UnderlyingId = u16;
/// Asset of the vault; 0 is the settlement currency USDC.
pub type AssetId = u16;
/// Nanoseconds since the Unix epoch, venue time.
pub type Nanos = u64;
/// Cash in micro-USDC (1e-6).
pub type Micros = i64;

/// The settlement currency.
pub const USDC: AssetId = 0;
/// One whole contract (one unit of the underlying) in amount units: amounts are 1e-8 contracts.
pub const CONTRACT: i64 = 100_000_000;
/// One USDC in micro-USDC.
pub const USD: i64 = 1_000_000;
/// One in the fixed point of forwards, vols, rates and surface parameters.
pub const NANO_ONE: i64 = 1_000_000_000;

macro_rules! bytes_newtype {
    ($(#[$meta:meta])* $name:ident, $len:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// All bytes zero.
            pub const ZERO: Self = Self([0; $len]);
        }

        impl Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0);
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
                let mut array = [0u8; $len];
                array.copy_from_slice(reader.bytes($len, stringify!($name))?);
                Ok(Self(array))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("0x")?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}
bytes_newtype!(
    /// An Ethereum address: an owner, a session key, a recipient.
    Address, 20
);
bytes_newtype!(
    /// A 256-bit hash.
    Hash, 32
);
bytes_newtype!(
    /// A secp256k1 signature `r ‖ s ‖ v`, low s only, v 27 or 28.
    Signature, 65
);

/// Public order id: the sequence of the command that created the order, and the order's place in that command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderId(pub u64);

impl OrderId {
    /// Orders one command can create.
    pub const PER_COMMAND: u64 = 1 << 10;

    /// The id of order `index` of command `sequence`.
    ///
    /// # Panics
    /// When `index` is not below [`Self::PER_COMMAND`] or `sequence` needs more than 54 bits.
    #[must_use]
    pub fn new(sequence: u64, index: u16) -> Self {
        assert!(u64::from(index) < Self::PER_COMMAND && sequence < 1 << 54, "order id out of range");
        Self((sequence << 10) | u64::from(index))
    }

    /// Sequence of the command that created the order.
    #[must_use]
    pub fn sequence(self) -> u64 {
        self.0 >> 10
    }

    /// Place of the order in that command.
    #[must_use]
    pub fn index(self) -> u16 {
        (self.0 & (Self::PER_COMMAND - 1)) as u16
    }
}

/// `sequence` for the only or first order of a command, else `sequence-index`.
impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index() {
            0 => write!(f, "{}", self.sequence()),
            index => write!(f, "{}-{index}", self.sequence()),
        }
    }
}

impl Wire for OrderId {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        u64::take(reader).map(Self)
    }
}

wire_enum! {
    /// Side of an order.
    pub enum Side {
        /// Bid.
        Buy = 0 => "buy",
        /// Offer.
        Sell = 1 => "sell",
    }
}

impl Side {
    /// The other side.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// +1 for a buy, −1 for a sell.
    #[must_use]
    pub fn sign(self) -> i64 {
        match self {
            Self::Buy => 1,
            Self::Sell => -1,
        }
    }
}

wire_enum! {
    /// Order type.
    pub enum OrderType {
        /// Rests or trades at its limit price or better.
        Limit = 0 => "limit",
        /// Trades at once, no worse than its signed limit price (its protection); never rests.
        Market = 1 => "market",
    }
}

wire_enum! {
    /// Time in force.
    pub enum TimeInForce {
        /// Good till cancelled.
        Gtc = 0 => "good_til_cancelled",
        /// Good till `valid_until`.
        Gtd = 1 => "good_til_date",
        /// Immediate or cancel.
        Ioc = 2 => "immediate_or_cancel",
        /// Fill or kill.
        Fok = 3 => "fill_or_kill",
    }
}

wire_enum! {
    /// What a maker-only order does when it would trade.
    pub enum PostOnly {
        /// Not post-only.
        No = 0 => "no",
        /// The order is refused.
        Reject = 1 => "reject",
        /// The order rests one tick behind the opposite best.
        Slide = 2 => "slide",
    }
}

wire_enum! {
    /// What happens when an order meets another one of the same owner.
    pub enum SelfTrade {
        /// The incoming order's remainder is cancelled.
        CancelNewest = 0 => "cancel_newest",
        /// The resting order is cancelled and matching goes on.
        CancelOldest = 1 => "cancel_oldest",
        /// Both are cancelled.
        CancelBoth = 2 => "cancel_both",
    }
}

wire_enum! {
    /// Kind of instrument.
    pub enum InstrumentKind {
        /// European cash-settled linear option.
        Option = 0 => "option",
        /// Perpetual.
        Perpetual = 1 => "future",
    }
}

wire_enum! {
    /// Call or put.
    pub enum OptionType {
        /// Right to buy.
        Call = 0 => "call",
        /// Right to sell.
        Put = 1 => "put",
    }
}

wire_enum! {
    /// What an underlying accepts.
    pub enum Mode {
        /// Everything.
        Normal = 0 => "normal",
        /// Only orders that cannot trade on arrival, and cancels.
        PostOnly = 1 => "post_only",
        /// Only cancels, and what lowers risk.
        CancelOnly = 2 => "cancel_only",
        /// Nothing but marks and administration.
        Halt = 3 => "halt",
    }
}

wire_enum! {
    /// What an underlying accepts now: its mode, and whether its marks are sound.
    pub enum MarketStatus {
        /// Everything.
        Open = 0 => "open",
        /// By its mode: only orders that cannot trade on arrival, and cancels.
        PostOnly = 1 => "post_only",
        /// By its marks: only cancels, and what lowers risk.
        ReduceOnly = 2 => "reduce_only",
        /// By its mode: only cancels, and what lowers risk.
        CancelOnly = 3 => "cancel_only",
        /// Nothing but marks and administration.
        Halted = 4 => "halted",
    }
}

wire_enum! {
    /// Why the marks of an underlying are not sound, by the word with which they refuse new risk.
    pub enum MarkFault {
        /// They are.
        None = 0 => "none",
        /// There is none yet.
        NoUnderlyingMark = 1 => "no_underlying_mark",
        /// The last one is too old.
        StaleMark = 2 => "stale_mark",
        /// The index has too few sources.
        FewSources = 3 => "few_sources",
        /// The index is not known well enough.
        LowConfidence = 4 => "low_confidence",
    }
}
