//! Margin calls and liquidation: who is watched, who is called, who is taken apart, and how.
//!
//! After every command that moves marks, funding, parameters or settlements, and with every clock,
//! [`Engine::supervise`] looks at the accounts that may have crossed a boundary ([`watch`], [`distance`]), calls or
//! starts on them ([`calls`]), and advances the liquidations that are due, worst first ([`rounds`]): slices in the book
//! ([`slices`]), then an auction ([`auction`]) in which anybody may take a share of the whole portfolio, and, when nobody
//! does or the insurance fund ([`insurance`]) cannot pay, closing against counterparties ([`deleverage`]). What somebody
//! else chose is followed step by step ([`chosen`]).
//! `docs/liquidation.md` states every rule.

mod auction;
mod book_of;
mod calls;
mod chosen;
mod deleverage;
mod distance;
mod insurance;
mod moves;
mod rounds;
mod shortfall;
mod slices;
mod watch;

pub use auction::Auction;
pub(crate) use chosen::Course;
pub(crate) use watch::Watch;

use crate::state::Engine;
use protocol::{CodecError, Micros, Nanos, Reader, SubaccountId, Wire, wire_enum};
use std::collections::BTreeSet;

wire_enum! {
    /// How far a liquidation has come.
    pub enum LiquidationStage {
        /// Positions are reduced in the book.
        Book = 0 => "book",
        /// Shares of the whole portfolio are sold at a falling price.
        Auction = 1 => "auction",
        /// The portfolio is worth nothing: the insurance fund pays who takes a share.
        Insolvent = 2 => "insolvent",
    }
}

/// A liquidation that is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Liquidation {
    /// Its number, venue wide, from 1.
    pub id: u64,
    /// How far it has come.
    pub stage: LiquidationStage,
    /// When that stage began; the price of an auction runs from here.
    pub opened: Nanos,
    /// When its next round is due.
    pub due: Nanos,
    /// What bidders paid so far, less the part of it that later bidders took over: not discounted again, micro-USDC.
    pub reserve: Micros,
    /// What the insurance fund paid so far, micro-USDC.
    pub insurance: Micros,
}

impl Wire for Liquidation {
    fn put(&self, out: &mut Vec<u8>) {
        self.id.put(out);
        self.stage.put(out);
        self.opened.put(out);
        self.due.put(out);
        self.reserve.put(out);
        self.insurance.put(out);
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            id: Wire::take(reader)?,
            stage: Wire::take(reader)?,
            opened: Wire::take(reader)?,
            due: Wire::take(reader)?,
            reserve: Wire::take(reader)?,
            insurance: Wire::take(reader)?,
        })
    }
}

/// Index 1e-9 USD times contracts 1e-8, in micro-USDC.
const NOTIONAL_DIVISOR: i128 = 100_000_000_000;

impl Engine {
    /// Makes the watch anew, of a state that was restored.
    pub(crate) fn watch_everybody(&mut self) {
        self.watch.touch_everybody();
        for (place, account) in self.accounts.iter().enumerate() {
            if account.liquidation.is_some() {
                self.watch.set_running(place, true);
            }
        }
    }

    /// An account in liquidation that has open orders, or is not among those that are advanced, or is without reason.
    pub(crate) fn misplaced_liquidation(&self) -> Option<SubaccountId> {
        let advanced: BTreeSet<usize> = self.watch.running().collect();
        let mut accounts = self.accounts.iter().enumerate();
        let wrong = accounts.find(|(place, account)| {
            let running = account.liquidation.is_some();
            running != advanced.contains(place) || (running && account.orders().len() > 0)
        });
        wrong.map(|(_, account)| account.id)
    }
}
