//! Volatility surfaces from quotes, free of static arbitrage by construction.
//!
//! [`fit`] takes the quotes of a chain and gives one raw SVI slice per expiry, on the fixed point of the wire, such that
//! no slice has butterfly arbitrage (Durrleman's g ≥ 0) and total variance never falls from an expiry to the next at
//! equal log-moneyness. The steps, each a module:
//!
//! 1. [`quotes`]: bad rows are dropped with a reason; a call and a put of one strike become one interval of vol.
//! 2. [`essvi`]: a whole surface of three numbers per expiry, free of arbitrage by inequalities between them.
//! 3. [`slice`](mod@slice): five-parameter slices, from the shortest expiry on, each above the one before and with g ≥ 0.
//! 4. [`arbitrage`]: the check that every slice passes after rounding, or else gives way to a safer one.
//!
//! Floating point only calibrates. A fit is a pure function of its arguments: the elementary functions are those of
//! `pricing`, so it gives the same parameters on every machine.

pub mod arbitrage;
pub mod essvi;
pub mod fit;
pub mod least_squares;
pub mod quotes;
pub mod slice;
pub mod svi;

pub use arbitrage::{Extreme, butterfly, calendar};
pub use essvi::Essvi;
pub use fit::{ExpiryQuotes, FitError, FittedSlice, FittedSurface, Method, fit};
pub use quotes::{Fate, VolQuote};
pub use svi::Svi;
