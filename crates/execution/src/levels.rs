//! Aggregated books for market data, kept from events alone.

use engine::Engine;
use protocol::{Event, InstrumentId, Side};
use std::collections::{BTreeMap, BTreeSet};

/// What happened to a price level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LevelAction {
    /// It was empty before.
    New = 0,
    /// Its size changed.
    Change = 1,
    /// It is empty now.
    Delete = 2,
}

/// One changed level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelChange {
    /// Side of the book.
    pub side: Side,
    /// What happened.
    pub action: LevelAction,
    /// Price, ticks.
    pub price: i64,
    /// Size now, lots.
    pub lots: i64,
}

/// Everything that one frame changed in one book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookChange {
    /// The instrument.
    pub instrument: InstrumentId,
    /// Change id before.
    pub previous: u64,
    /// Change id now: the sequence of the last command that touched the book.
    pub change: u64,
    /// The levels.
    pub levels: Vec<LevelChange>,
}

#[derive(Debug, Default)]
struct Ladder {
    sides: [BTreeMap<i64, i64>; 2],
    change: u64,
}

/// Price levels of all books.
#[derive(Debug, Default)]
pub struct LevelBooks {
    ladders: Vec<Ladder>,
    /// Levels touched in the current frame, with their size before it.
    touched: BTreeMap<(InstrumentId, Side, i64), i64>,
}

impl LevelBooks {
    /// The levels of `engine`'s books, as of its last command.
    #[must_use]
    pub fn of(engine: &Engine) -> Self {
        let mut books = Self::default();
        for instrument in engine.instruments().iter().map(|listed| listed.spec.instrument) {
            for side in [Side::Buy, Side::Sell] {
                for level in engine.books().levels(instrument, side) {
                    books.add(engine.sequence(), instrument, side, level.price, level.lots);
                }
            }
        }
        books.touched.clear();
        books
    }

    /// Follows one event of command `sequence`.
    pub fn follow(&mut self, sequence: u64, event: &Event) {
        match event {
            Event::OrderRested(e) => self.add(sequence, e.instrument, e.side, e.price, e.lots),
            Event::Fill(e) => self.add(sequence, e.instrument, e.taker_side.opposite(), e.price, -e.lots),
            Event::OrderClosed(e) if e.rested => self.add(sequence, e.instrument, e.side, e.price, -e.lots),
            Event::OrderReplaced(e) => {
                let left = if e.kept_priority { e.lots } else { 0 };
                self.add(sequence, e.instrument, e.side, e.old_price, left - e.old_lots);
            }
            _ => {}
        }
    }

    fn add(&mut self, sequence: u64, instrument: InstrumentId, side: Side, price: i64, lots: i64) {
        let index = instrument as usize;
        if self.ladders.len() <= index {
            self.ladders.resize_with(index + 1, Ladder::default);
        }
        let ladder = &mut self.ladders[index];
        ladder.change = sequence;
        let level = ladder.sides[side as usize].entry(price).or_insert(0);
        self.touched.entry((instrument, side, price)).or_insert(*level);
        *level += lots;
        assert!(*level >= 0, "level {price} of instrument {instrument} holds {level} lots");
        if *level == 0 {
            ladder.sides[side as usize].remove(&price);
        }
    }

    /// Ends a frame: what it changed, book by book. `published` holds the change id last published, by instrument.
    pub fn take_changes(&mut self, published: &mut Vec<u64>) -> Vec<BookChange> {
        published.resize(self.ladders.len(), 0);
        let touched = std::mem::take(&mut self.touched);
        let instruments: BTreeSet<InstrumentId> = touched.keys().map(|key| key.0).collect();
        let mut changes: BTreeMap<InstrumentId, Vec<LevelChange>> =
            instruments.into_iter().map(|instrument| (instrument, Vec::new())).collect();
        for ((instrument, side, price), before) in touched {
            let lots =
                self.ladders[instrument as usize].sides[side as usize].get(&price).copied().unwrap_or(0);
            let action = match (before, lots) {
                (before, lots) if before == lots => continue,
                (0, _) => LevelAction::New,
                (_, 0) => LevelAction::Delete,
                _ => LevelAction::Change,
            };
            changes.entry(instrument).or_default().push(LevelChange { side, action, price, lots });
        }
        changes
            .into_iter()
            .map(|(instrument, levels)| {
                let change = self.ladders[instrument as usize].change;
                let previous = std::mem::replace(&mut published[instrument as usize], change);
                BookChange { instrument, previous, change, levels }
            })
            .collect()
    }

    /// Best bid and best offer of a book.
    #[must_use]
    pub fn best(&self, instrument: InstrumentId) -> [Option<(i64, i64)>; 2] {
        let Some(ladder) = self.ladders.get(instrument as usize) else { return [None, None] };
        let [bids, offers] = &ladder.sides;
        let level = |(price, lots): (&i64, &i64)| (*price, *lots);
        [bids.last_key_value().map(level), offers.first_key_value().map(level)]
    }

    /// Change id, bids and offers of a book, best first, at most `depth` levels a side.
    #[must_use]
    #[allow(clippy::type_complexity)]
    pub fn book(&self, instrument: InstrumentId, depth: usize) -> (u64, Vec<(i64, i64)>, Vec<(i64, i64)>) {
        let Some(ladder) = self.ladders.get(instrument as usize) else { return (0, Vec::new(), Vec::new()) };
        let [bids, offers] = &ladder.sides;
        let level = |(price, lots): (&i64, &i64)| (*price, *lots);
        (
            ladder.change,
            bids.iter().rev().take(depth).map(level).collect(),
            offers.iter().take(depth).map(level).collect(),
        )
    }
}
