//! Liquidations as everybody may look at them: each with all of its events, the marks at which they happened, bounded,
//! part of every snapshot.

use protocol::wire::{CodecError, Reader, Wire};
use protocol::{Event, InstrumentId, Nanos, SubaccountId, UnderlyingId, wire_struct};
use std::collections::VecDeque;

/// Liquidations that stay known.
const LIQUIDATIONS_MAX: usize = 50_000;
/// Events of one liquidation that stay known; later ones are counted, not kept.
const ENTRIES_MAX: usize = 2_000;

wire_struct! {
    /// An event of a liquidation.
    pub struct LiquidationEntry {
        /// Sequence of the command that caused it.
        pub sequence: u64,
        /// When.
        pub time: Nanos,
        /// Mark of the instrument that it names, micro-USDC per contract; 0 when it names none.
        pub mark: i64,
        /// Index of that instrument, or of the underlying that it names, 1e-9 USD; 0 when it names neither.
        pub index: i64,
        /// What happened.
        pub event: Event,
    }
}

wire_struct! {
    /// A liquidation and what happened in it, in order.
    pub struct LiquidationRecord {
        /// Its number, venue wide.
        pub liquidation: u64,
        /// Whose portfolio.
        pub subaccount: SubaccountId,
        /// The underlying whose mark caused it.
        pub underlying: UnderlyingId,
        /// Whether it is over.
        pub ended: bool,
        /// Liquidation fees so far, micro-USDC.
        pub fees: i64,
        /// What the insurance fund has paid, micro-USDC.
        pub insurance: i64,
        /// Events that were too many to keep.
        pub dropped: u64,
        /// The others, in order, the start first.
        pub entries: Vec<LiquidationEntry>,
    }
}

/// Where a liquidation's event happened.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// In an instrument.
    Instrument(InstrumentId),
    /// In an underlying.
    Underlying(UnderlyingId),
    /// In neither.
    Nowhere,
}

/// The number of the liquidation that an event is part of, and where it happened; `None`: it is of none.
#[must_use]
pub fn of_event(event: &Event) -> Option<(u64, Place)> {
    Some(match event {
        Event::LiquidationStarted(event) => (event.liquidation, Place::Underlying(event.underlying)),
        Event::LiquidationSlice(event) => (event.liquidation, Place::Instrument(event.instrument)),
        Event::AuctionOpened(event) => (event.liquidation, Place::Nowhere),
        Event::AuctionFill(event) => (event.liquidation, Place::Nowhere),
        Event::Deleveraged(event) => (event.liquidation, Place::Instrument(event.instrument)),
        Event::PositionMoved(event) => (event.liquidation, Place::Instrument(event.instrument)),
        Event::LiquidationEnded(event) => (event.liquidation, Place::Nowhere),
        Event::InsurancePaid(event) => (event.liquidation, Place::Nowhere),
        _ => return None,
    })
}

/// All liquidations that are still known.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Liquidations {
    records: VecDeque<LiquidationRecord>,
}

impl Liquidations {
    /// Follows an event; `mark` and `index` are those of the place where it happened.
    pub fn follow(&mut self, sequence: u64, time: Nanos, event: &Event, mark: i64, index: i64) {
        let Some((liquidation, _)) = of_event(event) else { return };
        if let Event::LiquidationStarted(started) = event {
            self.records.push_back(LiquidationRecord {
                liquidation,
                subaccount: started.subaccount,
                underlying: started.underlying,
                ended: false,
                fees: 0,
                insurance: 0,
                dropped: 0,
                entries: Vec::new(),
            });
            if self.records.len() > LIQUIDATIONS_MAX {
                self.records.pop_front();
            }
        }
        let Some(record) = self.record_mut(liquidation) else { return };
        match event {
            Event::LiquidationSlice(slice) => record.fees = record.fees.saturating_add(slice.fee),
            Event::InsurancePaid(paid) => record.insurance = record.insurance.saturating_add(paid.amount),
            Event::LiquidationEnded(_) => record.ended = true,
            _ => {}
        }
        if record.entries.len() < ENTRIES_MAX || record.ended {
            record.entries.push(LiquidationEntry { sequence, time, mark, index, event: event.clone() });
        } else {
            record.dropped += 1;
        }
    }

    fn record_mut(&mut self, liquidation: u64) -> Option<&mut LiquidationRecord> {
        let place = self.place(liquidation)?;
        self.records.get_mut(place)
    }

    fn place(&self, liquidation: u64) -> Option<usize> {
        self.records.binary_search_by_key(&liquidation, |record| record.liquidation).ok()
    }

    /// One liquidation, while it is known.
    #[must_use]
    pub fn record(&self, liquidation: u64) -> Option<&LiquidationRecord> {
        self.place(liquidation).map(|place| &self.records[place])
    }

    /// Liquidations with a number below `before` (0: all), newest first.
    pub fn records(&self, before: u64) -> impl Iterator<Item = &LiquidationRecord> {
        self.records.iter().rev().filter(move |record| before == 0 || record.liquidation < before)
    }

    /// The bytes that a snapshot carries.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        (self.records.len() as u64).put(&mut out);
        self.records.iter().for_each(|record| record.put(&mut out));
        out
    }

    /// Rebuilds what [`Self::to_bytes`] wrote; nothing was written by snapshots without liquidations.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not liquidations.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut liquidations = Self::default();
        if bytes.is_empty() {
            return Ok(liquidations);
        }
        let mut reader = Reader::new(bytes);
        for _ in 0..u64::take(&mut reader)? {
            liquidations.records.push_back(LiquidationRecord::take(&mut reader)?);
        }
        reader.finish()?;
        Ok(liquidations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{LiquidationEnded, LiquidationOutcome, LiquidationSlice, LiquidationStarted, Side};

    fn slice(liquidation: u64) -> Event {
        LiquidationSlice {
            liquidation,
            subaccount: 3,
            instrument: 7,
            side: Side::Sell,
            limit: 10,
            lots: 2,
            cash: 20,
            fee: 1,
        }
        .into()
    }

    fn ended(liquidation: u64) -> Event {
        LiquidationEnded { liquidation, subaccount: 3, outcome: LiquidationOutcome::Recovered }.into()
    }

    fn story() -> Liquidations {
        let mut known = Liquidations::default();
        for number in 1..=3 {
            known.follow(number * 10, 5, &started(number), 0, 77);
            known.follow(number * 10 + 1, 6, &slice(number), 4, 77);
        }
        known.follow(40, 7, &ended(2), 0, 0);
        known
    }

    fn started(liquidation: u64) -> Event {
        LiquidationStarted {
            liquidation,
            subaccount: 3,
            underlying: 1,
            mark_epoch: 5,
            equity: 90,
            maintenance: 100,
            value: 80,
        }
        .into()
    }

    #[test]
    fn events_are_kept_by_liquidation() {
        let known = story();
        let record = known.record(2).expect("it is known");
        assert!(record.ended);
        assert_eq!(record.entries.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [20, 21, 40]);
        assert_eq!(record.entries[1].mark, 4);
        assert!(!known.record(3).expect("it is known").ended);
        assert!(known.record(4).is_none());
        assert_eq!(known.records(3).map(|record| record.liquidation).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn a_snapshot_brings_everything_back() {
        let known = story();
        assert_eq!(Liquidations::from_bytes(&known.to_bytes()), Ok(known));
        assert_eq!(Liquidations::from_bytes(&[]), Ok(Liquidations::default()));
        assert!(Liquidations::from_bytes(&[1, 2, 3]).is_err());
    }

    #[test]
    fn what_is_too_much_is_counted_and_the_end_is_kept() {
        let mut known = Liquidations::default();
        known.follow(1, 1, &started(9), 0, 0);
        for _ in 0..ENTRIES_MAX + 4 {
            known.follow(2, 2, &slice(9), 0, 0);
        }
        known.follow(3, 3, &ended(9), 0, 0);
        let record = known.record(9).expect("it is known");
        assert_eq!((record.entries.len(), record.dropped), (ENTRIES_MAX + 1, 5));
        assert_eq!(record.fees, ENTRIES_MAX as i64 + 4, "the totals miss nothing");
        assert!(matches!(record.entries.last().expect("the end").event, Event::LiquidationEnded(_)));
    }
}
