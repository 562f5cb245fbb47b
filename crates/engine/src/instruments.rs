//! Instruments and underlyings.

use crate::market::Market;
use crate::numbers::Checked;
use crate::terms::Terms;
use margin::UnderlyingRisk;
use protocol::{
    InstrumentId, InstrumentMark, InstrumentSpec, MarkInputs, Mode, Nanos, RiskTable, Scheduled,
    SubaccountId, UnderlyingId, UnderlyingSpec, wire_enum,
};
use std::collections::BTreeSet;

wire_enum! {
    /// Where an instrument is in its life.
    pub enum InstrumentStatus {
        /// Listed. An option past its expiry no longer trades, settled or not.
        Open = 0 => "open",
        /// Its settlement price is fixed; orders and positions are being settled.
        Expired = 1 => "expired",
        /// No order and no position is left, and none will ever be.
        Closed = 2 => "closed",
    }
}

/// An instrument.
#[derive(Debug, Clone)]
pub struct Instrument {
    /// What was listed.
    pub spec: InstrumentSpec,
    /// Where it is in its life.
    pub status: InstrumentStatus,
    /// Its last mark.
    pub mark: Option<InstrumentMark>,
    /// Mark epoch of the underlying at which that mark came; 0 before the first.
    pub mark_epoch: u32,
    /// Index price under which that mark came, 1e-9 USD.
    pub mark_index: i64,
    /// Cumulative funding of a perpetual, 1e-9 USDC per contract, paid by longs.
    pub funding_index: i64,
    /// Up to when funding has accrued.
    pub funding_time: Nanos,
    /// Sum of the long positions, lots.
    pub open_interest: i64,
    /// Subaccounts with a position.
    pub holders: BTreeSet<SubaccountId>,
    pub(crate) terms: Terms,
}

/// A series with a settlement ahead of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// When it expires.
    pub expiry: Nanos,
    /// Settlement price, micro-USDC, once fixed.
    pub price: Option<i64>,
    /// Its instruments that are not closed, ascending.
    pub instruments: Vec<InstrumentId>,
}

/// An underlying.
#[derive(Debug, Clone)]
pub struct Underlying {
    /// What the genesis says of it.
    pub spec: UnderlyingSpec,
    /// What it accepts.
    pub mode: Mode,
    /// Rises whenever what the arrays of its marks must be changes: its set of open instruments, its risk table.
    pub listing_epoch: u32,
    /// Rises with each mark.
    pub mark_epoch: u32,
    /// Inputs of the last mark.
    pub inputs: Option<MarkInputs>,
    /// Its risk table, and the one that follows; without one it has no portfolio margin.
    pub risk: Scheduled<RiskTable>,
    /// Its open instruments, ascending.
    pub open: Vec<InstrumentId>,
    /// Its perpetual.
    pub perpetual: Option<InstrumentId>,
    /// Its series that are not wholly settled, ascending.
    pub expiries: Vec<Expiry>,
    /// Its risk table at its last mark; not state. Without one it has no portfolio margin.
    pub(crate) margin: Option<UnderlyingRisk>,
    /// Generation of its marks, funding and parameters that cached sums are made under; not state.
    pub(crate) generation: u64,
    /// What it accepted after the last command; not state, see [`crate::market`].
    pub(crate) market: Market,
}

impl Underlying {
    pub(crate) fn new(spec: UnderlyingSpec) -> Self {
        Self {
            spec,
            mode: Mode::Normal,
            listing_epoch: 0,
            mark_epoch: 0,
            inputs: None,
            risk: Scheduled::default(),
            open: Vec::new(),
            perpetual: None,
            expiries: Vec::new(),
            margin: None,
            generation: 1,
            market: Market::UNMARKED,
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> UnderlyingId {
        self.spec.underlying
    }

    /// What portfolio margin makes of a mark with these inputs, before what waits for it becomes active; nothing without
    /// a risk table.
    pub(crate) fn margin_at(&self, inputs: &MarkInputs) -> Checked<Option<UnderlyingRisk>> {
        self.risk.at(inputs.time).map(|table| UnderlyingRisk::new(inputs, &table.parameters)).transpose()
    }

    /// The same of the last mark, afterwards: a table that waits now came later, whatever its effective time.
    pub(crate) fn margin_again(&self) -> Checked<Option<UnderlyingRisk>> {
        let last = self.inputs.as_ref().zip(self.risk.active());
        last.map(|(inputs, table)| UnderlyingRisk::new(inputs, &table.parameters)).transpose()
    }

    /// The series that expires at `expiry`.
    #[must_use]
    pub fn expiry(&self, expiry: Nanos) -> Option<&Expiry> {
        self.expiry_place(expiry).ok().map(|at| &self.expiries[at])
    }

    pub(crate) fn expiry_place(&self, expiry: Nanos) -> Result<usize, usize> {
        self.expiries.binary_search_by_key(&expiry, |series| series.expiry)
    }
}
