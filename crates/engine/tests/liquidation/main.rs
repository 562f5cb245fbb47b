//! Margin calls and liquidation: every stage by itself, and random streams with crashes.

#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod auctions;
mod calls;
mod collateral;
mod deleveraging;
mod funds;
mod slices;
mod streams;
mod support;
