//! Marks and funding.

use crate::instruments::{Instrument, Underlying};
use crate::numbers::narrow;
use crate::portfolio::MarginMoved;
use crate::reject::Reject;
use crate::state::Engine;
use crate::terms::{Basis, Marked, NANOS_PER_MICRO};
use protocol::{
    Event, FundingAccrued, FundingTick, HashedArrays, InstrumentId, InstrumentMark, InstrumentSpec,
    MarkArrays, MarkInputs, MarkUpdate, MarkUpdated, Micros, NANO_ONE, Nanos, Parameter, ScenarioParameters,
    UnderlyingId,
};

/// Highest index, 1e-9 USD.
pub(crate) const INDEX_MAX: i64 = 100_000_000 * NANO_ONE;
/// Highest mark of an instrument, micro-USDC per contract.
pub(crate) const MARK_MAX: i64 = 1_000_000_000_000_000;
/// Highest funding rate either way, 1e-9 per eight hours.
pub const FUNDING_RATE_MAX: i64 = NANO_ONE / 10;
/// Eight hours, ns: the period that funding rates are quoted for.
const FUNDING_PERIOD: i128 = 8 * 3_600 * 1_000_000_000;
/// How far the allowed move of the index grows by waiting, 1e-9 of it: never to nothing, never to twice.
pub const JUMP_GROWN_MAX: i64 = NANO_ONE / 2;

impl Engine {
    /// The instruments that a mark at `time` must cover, ascending: what pricing needs to make the arrays. Options that
    /// have expired by then are not among them.
    ///
    /// Empty when there is no such underlying.
    pub fn mark_arrays_spec(
        &self,
        underlying: UnderlyingId,
        time: Nanos,
    ) -> impl Iterator<Item = (InstrumentId, &InstrumentSpec)> + '_ {
        self.live(underlying, time).map(|instrument| (instrument.terms.instrument, &instrument.spec))
    }

    /// Scenario parameters that the arrays of a mark with oracle time `time` need; `None`: they have no lanes.
    #[must_use]
    pub fn mark_scenario(&self, underlying: UnderlyingId, time: Nanos) -> Option<&ScenarioParameters> {
        let place = self.underlying_place(underlying).ok()?;
        self.underlyings[place].risk.at(time).map(|table| &table.parameters.scenario)
    }

    /// Open instruments of an underlying that are perpetual or expire after `time`, ascending.
    fn live(&self, underlying: UnderlyingId, time: Nanos) -> impl Iterator<Item = &Instrument> + '_ {
        let place = self.underlying_place(underlying).ok();
        let open = place.map_or(&[][..], |place| &self.underlyings[place].open);
        let instruments = open.iter().map(|&id| &self.instruments[id as usize - 1]);
        instruments.filter(move |instrument| instrument.terms.perpetual || instrument.terms.expiry > time)
    }

    /// `strict`: whether marks are refused of which a number does not fit.
    pub(crate) fn update_marks(
        &mut self,
        command: &MarkUpdate,
        arrays: Option<&HashedArrays>,
        strict: bool,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let place = self.underlying_place(command.inputs.underlying)?;
        self.check_oracles(&command.cosignatures)?;
        self.check_inputs(&self.underlyings[place], &command.inputs)?;
        let expected = self.underlyings[place].listing_epoch;
        if command.listing_epoch != expected {
            return Err(Reject::ListingEpoch { expected, got: command.listing_epoch });
        }
        let arrays = arrays.ok_or(Reject::MarkArraysMissing)?;
        let (arrays, got) = (arrays.arrays(), arrays.hash());
        if got != command.arrays_hash {
            return Err(Reject::MarkArraysHash { expected: command.arrays_hash, got });
        }
        let marked = self.check_arrays(&command.inputs, arrays, strict)?;
        let margin = self.underlyings[place].margin_at(&command.inputs)?;
        let moves = MarginMoved::new(&self.underlyings[place], margin.as_ref(), &self.parameters);

        self.activate_tables(command.inputs.underlying, command.inputs.time, events);
        let underlying = &mut self.underlyings[place];
        let last_index = underlying.inputs.as_ref().map_or(0, |inputs| inputs.index);
        let moved_index =
            last_index.abs_diff(command.inputs.index).div_ceil(NANOS_PER_MICRO.unsigned_abs()) as i64;
        (underlying.inputs, underlying.margin) = (Some(command.inputs.clone()), margin);
        underlying.mark_epoch += 1;
        let epoch = underlying.mark_epoch;
        let mut moved = moved_index.max(match &moves {
            Ok(Some(moves)) => moves.least(),
            Ok(None) => 1,
            Err(_) => Micros::MAX,
        });
        for (mark, marked) in arrays.marks.iter().zip(marked) {
            let instrument = &mut self.instruments[mark.instrument as usize - 1];
            if let Ok(Some(moves)) = &moves {
                moved = moved.max(moves.of(instrument, mark).unwrap_or(Micros::MAX));
            }
            instrument.mark = Some(mark.clone());
            (instrument.mark_epoch, instrument.mark_index) = (epoch, command.inputs.index);
            moved = moved.max(instrument.terms.moved_to(&marked));
            instrument.terms.mark(marked, &self.parameters);
            self.tracker.instrument(mark.instrument);
        }
        self.watch.raise(place, moved);
        self.outdate(place);
        self.markets_changed();
        self.tracker.underlying(command.inputs.underlying);
        events.push(MarkUpdated { underlying: command.inputs.underlying, epoch }.into());
        Ok(())
    }

    /// Makes every sum stale that an account caches over what it holds of an underlying.
    fn outdate(&mut self, underlying: usize) {
        self.generation += 1;
        self.underlyings[underlying].generation = self.generation;
    }

    fn check_inputs(&self, underlying: &Underlying, inputs: &MarkInputs) -> Result<(), Reject> {
        let last = underlying.inputs.as_ref();
        if let Some(last) = last.map(|last| last.time).filter(|&last| inputs.time <= last) {
            return Err(Reject::MarkTime { last, got: inputs.time });
        }
        let ahead = self.parameters.get(Parameter::NonceFuture).unsigned_abs();
        let latest = self.globals.time.saturating_add(ahead);
        if inputs.time > latest {
            return Err(Reject::MarkFromFuture { latest, got: inputs.time });
        }
        let (age, max) =
            (self.globals.time.saturating_sub(inputs.time), self.parameters.get(Parameter::MarkStaleness));
        if age > max.unsigned_abs() {
            return Err(Reject::StaleMark { age, max: max.unsigned_abs() });
        }
        let unsound = |what| Err(Reject::InvalidMark { what });
        if !(1..=INDEX_MAX).contains(&inputs.index) {
            return unsound("index out of range");
        }
        if let Some(last) = last {
            self.check_jump(last, inputs)?;
        }
        let near = inputs.index - inputs.index / 2..=2 * inputs.index;
        let perpetual = if underlying.perpetual.is_some() { near.clone() } else { 0..=INDEX_MAX };
        if !perpetual.contains(&inputs.perpetual_mark) {
            return unsound("perpetual mark out of range");
        }
        if !(-FUNDING_RATE_MAX..=FUNDING_RATE_MAX).contains(&inputs.funding_rate) {
            return unsound("funding rate out of range");
        }
        if inputs.expiries.iter().any(|series| !near.contains(&series.forward)) {
            return unsound("forward out of range");
        }
        check_expiries(underlying, inputs)
    }

    /// How far the index may be from that of the last mark: [`Parameter::MaxIndexJump`], and as much again for each
    /// [`Parameter::MarkStaleness`] since then, so that a venue that missed a real move finds back by itself.
    fn check_jump(&self, last: &MarkInputs, inputs: &MarkInputs) -> Result<(), Reject> {
        let once = self.parameters.get(Parameter::MaxIndexJump);
        let staleness = self.parameters.get(Parameter::MarkStaleness).unsigned_abs();
        let periods = i64::try_from((inputs.time - last.time) / staleness).unwrap_or(i64::MAX);
        let grown = once.saturating_mul(periods.saturating_add(1));
        let max = grown.min(JUMP_GROWN_MAX).max(once);
        let (from, to) = (last.index, inputs.index);
        let moved = i128::from(from.abs_diff(to)) * i128::from(NANO_ONE);
        if moved <= i128::from(max) * i128::from(from) {
            Ok(())
        } else {
            Err(Reject::IndexJump { from, to, max })
        }
    }

    /// Checks that the arrays cover exactly the live instruments; returns what their terms become.
    fn check_arrays(
        &self,
        inputs: &MarkInputs,
        arrays: &MarkArrays,
        strict: bool,
    ) -> Result<Vec<Marked>, Reject> {
        if arrays.underlying != inputs.underlying {
            return Err(Reject::InvalidMark { what: "the arrays are of another underlying" });
        }
        let with_risk = self.mark_scenario(inputs.underlying, inputs.time).is_some();
        if arrays.version != u8::from(with_risk) {
            return Err(Reject::InvalidMark { what: "the arrays are of another version" });
        }
        let mut basis = Basis::new(inputs.index, &self.parameters)?;
        let mut marked = Vec::with_capacity(arrays.marks.len());
        let mut marks = arrays.marks.iter();
        for instrument in self.live(inputs.underlying, inputs.time) {
            let id = instrument.terms.instrument;
            let mark = marks.next().filter(|mark| mark.instrument == id);
            let mark = mark.ok_or(Reject::MarkCoverage { instrument: id })?;
            check_mark(mark, with_risk)?;
            marked.push(instrument.terms.at(mark.mark, &mut basis)?.fitting(strict)?);
        }
        match marks.next() {
            Some(extra) => Err(Reject::MarkCoverage { instrument: extra.instrument }),
            None => Ok(marked),
        }
    }

    /// Funding accrues to a cumulative index; accounts settle against it when they next trade the perpetual or take
    /// assets out.
    pub(crate) fn accrue_funding(
        &mut self,
        command: &FundingTick,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let place = self.underlying_place(command.underlying)?;
        let underlying = &self.underlyings[place];
        let id = underlying.perpetual.ok_or(Reject::NoPerpetual { underlying: command.underlying })?;
        let inputs =
            underlying.inputs.as_ref().ok_or(Reject::NoUnderlyingMark { underlying: command.underlying })?;
        let instrument = &mut self.instruments[id as usize - 1];
        let elapsed = self.globals.time - instrument.funding_time;
        if elapsed == 0 {
            return Err(Reject::NothingToDo);
        }
        let rate = i128::from(inputs.perpetual_mark) * i128::from(inputs.funding_rate);
        let accrued = rate.checked_mul(elapsed.into()).ok_or(Reject::Overflow)?;
        let accrued = accrued.div_euclid(FUNDING_PERIOD * i128::from(NANO_ONE));
        let index = narrow(i128::from(instrument.funding_index) + accrued)?;

        let moved = instrument.funding_index.abs_diff(index).div_ceil(NANOS_PER_MICRO.unsigned_abs());
        (instrument.funding_index, instrument.funding_time) = (index, self.globals.time);
        // A 64-bit number divided by a thousand.
        self.watch.raise(place, moved as i64);
        self.outdate(place);
        self.tracker.instrument(id);
        events.push(FundingAccrued { instrument: id, index }.into());
        Ok(())
    }
}

/// A mark in range, with a risk array if and only if there is a risk table.
fn check_mark(mark: &InstrumentMark, with_risk: bool) -> Result<(), Reject> {
    let unsound = |what| Err(Reject::InvalidMark { what });
    if !(0..=MARK_MAX).contains(&mark.mark) {
        return unsound("a mark is out of range");
    }
    if mark.risk.is_some() != with_risk {
        return unsound("risk arrays come with a risk table");
    }
    Ok(())
}

/// The inputs name exactly the expiries that have open instruments and lie ahead of their time, ascending.
fn check_expiries(underlying: &Underlying, inputs: &MarkInputs) -> Result<(), Reject> {
    let ahead =
        underlying.expiries.iter().filter(|series| series.price.is_none() && series.expiry > inputs.time);
    let mut given = inputs.expiries.iter().map(|series| series.expiry);
    for series in ahead {
        if given.next() != Some(series.expiry) {
            return Err(Reject::ExpiryCoverage { expiry: series.expiry });
        }
    }
    match given.next() {
        Some(expiry) => Err(Reject::ExpiryCoverage { expiry }),
        None => Ok(()),
    }
}
