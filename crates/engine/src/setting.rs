//! The setting in which an account is margined: all that its margin follows from, beside the account.

use crate::accounts::Account;
use crate::instruments::{Instrument, Underlying};
use crate::parameters::Parameters;
use crate::state::{Engine, Globals};
use crate::terms::Terms;
use margin::PnlOffset;
use protocol::{CollateralTerms, InstrumentId, MarkFault, Parameter, Scheduled, UnderlyingId};

/// The engine without its accounts, so that an account may change while the rest is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub instruments: &'a [Instrument],
    pub underlyings: &'a [Underlying],
    pub collateral: &'a [Scheduled<CollateralTerms>],
    pub parameters: &'a Parameters,
    pub globals: &'a Globals,
    /// What cached sums are compared with.
    pub generation: u64,
}

impl<'a> Setting<'a> {
    pub fn instrument(&self, id: InstrumentId) -> &'a Instrument {
        &self.instruments[id as usize - 1]
    }

    /// Terms of an instrument, and its cumulative funding.
    pub fn terms(&self, id: InstrumentId) -> (&'a Terms, i64) {
        let instrument = self.instrument(id);
        (&instrument.terms, instrument.funding_index)
    }

    pub fn underlying(&self, id: UnderlyingId) -> &'a Underlying {
        &self.underlyings[usize::from(id) - 1]
    }

    /// How far portfolio margin offsets gains in one underlying against losses in others.
    pub fn pnl_offset(&self) -> PnlOffset {
        let get = |parameter| self.parameters.get(parameter);
        PnlOffset { share: get(Parameter::PnlOffset), cap: get(Parameter::PnlOffsetCap) }
    }

    /// Whether portfolio margin knows an instrument: its underlying has a risk table, its mark has lanes.
    pub fn has_lanes(&self, instrument: &Instrument) -> bool {
        let lanes = instrument.mark.as_ref().is_some_and(|mark| mark.risk.is_some());
        lanes && self.underlying(instrument.terms.underlying).margin.is_some()
    }

    /// Whether the marks of an underlying are good enough for new risk.
    pub fn is_sound(&self, id: UnderlyingId) -> bool {
        self.underlying(id).fault_at(self.globals.time, self.parameters) == MarkFault::None
    }
}

impl Engine {
    /// The setting as it is.
    pub(crate) fn setting(&self) -> Setting<'_> {
        let Self { underlyings, instruments, collateral, parameters, globals, generation, .. } = self;
        Setting { instruments, underlyings, collateral, parameters, globals, generation: *generation }
    }

    /// The accounts, to be changed, beside their setting.
    pub(crate) fn split(&mut self) -> (&mut [Account], Setting<'_>) {
        let Self { accounts, underlyings, instruments, collateral, parameters, globals, generation, .. } =
            self;
        (
            accounts,
            Setting { instruments, underlyings, collateral, parameters, globals, generation: *generation },
        )
    }
}
