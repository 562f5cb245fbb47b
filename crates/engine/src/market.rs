//! Market status: what an underlying accepts now.
//!
//! It follows from mode, last mark, parameters and time, and is part of no leaf and no snapshot. What it was after the
//! command before is kept, so that a change is an event of the command after which it first shows.

use crate::instruments::Underlying;
use crate::parameters::Parameters;
use crate::reject::Reject;
use crate::state::Engine;
use protocol::{Event, MarkFault, MarketStatus, MarketStatusChanged, Mode, Nanos, Parameter};

/// Widest index confidence under which new risk is accepted, 1e-9 of the index.
pub const CONFIDENCE_MAX: u32 = 10_000_000;

/// What an underlying accepts, and what is wrong with its marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Market {
    /// What it accepts.
    pub status: MarketStatus,
    /// Why its marks are not sound.
    pub fault: MarkFault,
}

impl Market {
    /// Of an underlying that has no mark yet.
    pub(crate) const UNMARKED: Self =
        Self { status: MarketStatus::ReduceOnly, fault: MarkFault::NoUnderlyingMark };

    fn of(mode: Mode, fault: MarkFault) -> Self {
        let status = match (mode, fault) {
            (Mode::Halt, _) => MarketStatus::Halted,
            (Mode::CancelOnly, _) => MarketStatus::CancelOnly,
            (Mode::Normal, MarkFault::None) => MarketStatus::Open,
            (Mode::PostOnly, MarkFault::None) => MarketStatus::PostOnly,
            (Mode::Normal | Mode::PostOnly, _) => MarketStatus::ReduceOnly,
        };
        Self { status, fault }
    }
}

impl Underlying {
    /// What it accepts, as of the last command.
    #[must_use]
    pub fn market(&self) -> Market {
        self.market
    }

    /// What is wrong with the last mark at `time`.
    pub(crate) fn fault_at(&self, time: Nanos, parameters: &Parameters) -> MarkFault {
        let Some(inputs) = &self.inputs else { return MarkFault::NoUnderlyingMark };
        if time > self.fresh_until(parameters) {
            MarkFault::StaleMark
        } else if i64::from(inputs.sources) < parameters.get(Parameter::MinIndexSources) {
            MarkFault::FewSources
        } else if inputs.confidence > CONFIDENCE_MAX {
            MarkFault::LowConfidence
        } else {
            MarkFault::None
        }
    }

    /// The last moment at which its last mark is not stale; the end of time when there is none.
    fn fresh_until(&self, parameters: &Parameters) -> Nanos {
        let staleness = parameters.get(Parameter::MarkStaleness).unsigned_abs();
        self.inputs.as_ref().map_or(Nanos::MAX, |inputs| inputs.time.saturating_add(staleness))
    }

    pub(crate) fn market_at(&self, time: Nanos, parameters: &Parameters) -> Market {
        Market::of(self.mode, self.fault_at(time, parameters))
    }
}

impl Engine {
    /// The last mark of an underlying is fresh, from enough sources, and sure enough for new risk.
    pub(crate) fn check_marks_sound(&self, place: usize) -> Result<(), Reject> {
        let underlying = &self.underlyings[place];
        let (time, parameters) = (self.globals.time, &self.parameters);
        match (underlying.fault_at(time, parameters), &underlying.inputs) {
            (MarkFault::None, _) => Ok(()),
            (_, None) | (MarkFault::NoUnderlyingMark, _) => {
                Err(Reject::NoUnderlyingMark { underlying: underlying.id() })
            }
            (MarkFault::StaleMark, Some(inputs)) => Err(Reject::StaleMark {
                age: time - inputs.time,
                max: parameters.get(Parameter::MarkStaleness).unsigned_abs(),
            }),
            (MarkFault::FewSources, Some(inputs)) => Err(Reject::FewSources {
                sources: inputs.sources,
                min: parameters.get(Parameter::MinIndexSources),
            }),
            (MarkFault::LowConfidence, Some(inputs)) => {
                Err(Reject::LowConfidence { confidence: inputs.confidence, max: CONFIDENCE_MAX })
            }
        }
    }

    /// Has every market reviewed after this command: something else than time changed.
    pub(crate) fn markets_changed(&mut self) {
        self.markets_due = 0;
    }

    /// Says which markets are not what they were after the command before. Most commands end at the first comparison.
    #[inline]
    pub(crate) fn publish_markets(&mut self, events: &mut Vec<Event>) {
        if self.globals.time >= self.markets_due {
            self.review_markets(|underlying, Market { status, fault }| {
                events.push(MarketStatusChanged { underlying, status, fault }.into());
            });
        }
    }

    /// Brings every market up to date, and tells `changed` of those that were not.
    #[cold]
    pub(crate) fn review_markets(&mut self, mut changed: impl FnMut(protocol::UnderlyingId, Market)) {
        let (time, parameters) = (self.globals.time, &self.parameters);
        self.markets_due = Nanos::MAX;
        for underlying in &mut self.underlyings {
            let market = underlying.market_at(time, parameters);
            if std::mem::replace(&mut underlying.market, market) != market {
                changed(underlying.id(), market);
            }
            let fresh_until = underlying.fresh_until(parameters);
            if fresh_until >= time {
                self.markets_due = self.markets_due.min(fresh_until.saturating_add(1));
            }
        }
    }
}
