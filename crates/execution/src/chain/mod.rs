//! Chains: everything that is shown of one underlying's open instruments, kept current with every durable frame, so that
//! one subscription serves a whole chain and each message is encoded once for all of its readers.
//!
//! A chain has a change id, the sequence of the last command that changed it. Every value remembers the change it came
//! with, so the message that brings any reader up to date is "what is younger than what you have": however slow a
//! reader, it sees the chain of one moment, never a mixture of two.
//!
//! A mark that is on its way to the disk is valued ahead ([`Chain::value`]): Greeks, vols and their text are ready when
//! it is durable, unless something else changed meanwhile.

mod fixed;
mod portfolio;
mod row;
mod text;
mod valuation;

pub use portfolio::PortfolioGreeks;
pub use row::{MarkValues, Quote, QuotedVols, Row, Stamped};

use crate::levels::LevelBooks;
use crate::view::Touched;
use engine::{Engine, Instrument, Underlying};
use protocol::{InstrumentId, InstrumentMark, MarkInputs, UnderlyingId};
use valuation::Valuation;

/// The chain of one underlying.
#[derive(Debug, Default)]
pub struct Chain {
    /// Sequence of the last command that changed something of it.
    pub change: u64,
    /// Change with the last mark.
    marked: u64,
    listing_epoch: u32,
    /// Ascending by instrument.
    rows: Vec<Row>,
    /// Instruments that left.
    closed: Vec<Closed>,
    valuation: Valuation,
    /// Text of the marks that changed with the last mark, if that was valued ahead.
    marks_text: Vec<u8>,
}

/// An instrument that has left a chain.
#[derive(Debug, Clone, Copy)]
struct Closed {
    instrument: InstrumentId,
    /// Change that brought it.
    listed: u64,
    /// Change that took it.
    at: u64,
}

impl Closed {
    /// Whether a reader who has the chain as of change `since` knows it, and does not know that it is gone.
    fn concerns(&self, since: u64) -> bool {
        self.listed <= since && since < self.at
    }
}

/// What a mark makes of a chain as it stood at one change.
#[derive(Debug)]
pub struct Valued {
    inputs: MarkInputs,
    /// Change id and listing epoch of the chain.
    change: u64,
    marked: u64,
    listing_epoch: u32,
    valuation: Valuation,
    marks: Vec<MarkValues>,
    vols: Vec<QuotedVols>,
    marks_text: Vec<u8>,
    vols_text: Vec<u8>,
}

impl Valued {
    /// What was valued.
    #[must_use]
    pub fn inputs(&self) -> &MarkInputs {
        &self.inputs
    }

    /// Change id of the chain that was valued.
    #[must_use]
    pub fn change(&self) -> u64 {
        self.change
    }

    /// Whether these are the marks that `inputs` make of `chain` now, vols of best prices apart.
    fn holds(&self, chain: &Chain, inputs: &MarkInputs) -> bool {
        self.inputs == *inputs && self.marked == chain.marked && self.listing_epoch == chain.listing_epoch
    }

    /// Whether `chain` is as it was valued, and `inputs` are what it was valued by.
    #[must_use]
    pub fn is_of(&self, chain: &Chain, inputs: &MarkInputs) -> bool {
        self.holds(chain, inputs) && self.change == chain.change
    }
}

/// The chains of all underlyings.
#[derive(Debug, Default)]
pub struct Chains(Vec<Chain>);

impl Chains {
    /// The chains of a venue as it stands.
    #[must_use]
    pub fn of(engine: &Engine, levels: &LevelBooks) -> Self {
        let mut chains = Self::default();
        let everything = Touched {
            underlyings: engine.underlyings().iter().map(Underlying::id).collect(),
            ..Touched::default()
        };
        chains.follow(engine, levels, &everything, None);
        chains
    }

    /// Follows a durable frame; the chains that it changed, each with its change id before. `valued` is what was valued
    /// ahead, used where it still holds.
    pub fn follow(
        &mut self,
        engine: &Engine,
        levels: &LevelBooks,
        touched: &Touched,
        valued: Option<Valued>,
    ) -> Vec<(UnderlyingId, u64)> {
        self.0.resize_with(engine.underlyings().len(), Chain::default);
        let mut changed = Vec::new();
        let mut valued = valued;
        for (chain, underlying) in self.0.iter_mut().zip(engine.underlyings()) {
            let before = chain.change;
            let ahead = valued.take_if(|valued| valued.inputs.underlying == underlying.id());
            if chain.follow(engine, levels, underlying, touched, ahead) {
                chain.change = engine.sequence();
                changed.push((underlying.id(), before));
            }
        }
        changed
    }

    /// One chain.
    #[must_use]
    pub fn get(&self, underlying: UnderlyingId) -> Option<&Chain> {
        self.0.get(usize::from(underlying.checked_sub(1)?))
    }

    /// The line of an instrument; `None` once it has left its chain.
    #[must_use]
    pub fn row(&self, instrument: &Instrument) -> Option<&Row> {
        self.get(instrument.spec.underlying)?.row(instrument.spec.instrument)
    }
}

impl Chain {
    /// The line of an instrument.
    #[must_use]
    pub fn row(&self, instrument: InstrumentId) -> Option<&Row> {
        self.place(instrument).map(|place| &self.rows[place])
    }

    fn place(&self, instrument: InstrumentId) -> Option<usize> {
        self.rows.binary_search_by_key(&instrument, |row| row.instrument).ok()
    }

    /// What `marks`, ascending by instrument, make of the chain as it stands.
    #[must_use]
    pub fn value(&self, inputs: &MarkInputs, marks: &[InstrumentMark]) -> Valued {
        let mut marks = marks.iter().peekable();
        let aligned = self.rows.iter().map(|row| {
            while marks.next_if(|mark| mark.instrument < row.instrument).is_some() {}
            marks.next_if(|mark| mark.instrument == row.instrument)
        });
        let aligned: Vec<Option<&InstrumentMark>> = aligned.collect();
        let valuation = Valuation::of(inputs);
        let marks = valuation.marks(&self.rows, &aligned);
        let vols = valuation.quoted(self.rows.iter().map(|row| (row, &row.quote.value)));
        Valued {
            inputs: inputs.clone(),
            change: self.change,
            marked: self.marked,
            listing_epoch: self.listing_epoch,
            valuation,
            marks_text: text::changed_marks(&self.rows, &marks),
            vols_text: text::changed_vols(&self.rows, &vols),
            marks,
            vols,
        }
    }

    /// Whether anything changed.
    fn follow(
        &mut self,
        engine: &Engine,
        levels: &LevelBooks,
        underlying: &Underlying,
        touched: &Touched,
        valued: Option<Valued>,
    ) -> bool {
        let at = engine.sequence();
        let relisted = self.listing_epoch != underlying.listing_epoch;
        if relisted {
            self.relist(engine, levels, underlying);
        }
        let mut quoted = false;
        for &instrument in &touched.instruments {
            if let Some(place) = self.place(instrument) {
                requote(&mut self.rows[place], at, engine, levels, &self.valuation);
                quoted = true;
            }
        }
        let marked = touched.underlyings.contains(&underlying.id());
        if marked {
            self.remark(engine, underlying, valued);
        }
        relisted || marked || quoted
    }

    fn relist(&mut self, engine: &Engine, levels: &LevelBooks, underlying: &Underlying) {
        let at = engine.sequence();
        self.listing_epoch = underlying.listing_epoch;
        let (kept, gone): (Vec<Row>, Vec<Row>) = std::mem::take(&mut self.rows)
            .into_iter()
            .partition(|row| underlying.open.binary_search(&row.instrument).is_ok());
        self.closed.extend(gone.iter().map(|row| Closed {
            instrument: row.instrument,
            listed: row.listed,
            at,
        }));
        self.rows = kept;
        for &id in &underlying.open {
            if let Err(place) = self.rows.binary_search_by_key(&id, |row| row.instrument) {
                let listed = engine.instrument(id).expect("an open instrument is listed");
                let mut row = Row::new(at, listed);
                requote(&mut row, at, engine, levels, &self.valuation);
                self.rows.insert(place, row);
            }
        }
    }

    fn remark(&mut self, engine: &Engine, underlying: &Underlying, valued: Option<Valued>) {
        let Some(inputs) = &underlying.inputs else { return };
        let valued = valued.filter(|valued| valued.holds(self, inputs)).unwrap_or_else(|| {
            let listed = self.rows.iter().filter_map(|row| engine.instrument(row.instrument));
            let marks: Vec<InstrumentMark> = listed.filter_map(|listed| listed.mark.clone()).collect();
            self.value(inputs, &marks)
        });
        let at = engine.sequence();
        self.marked = at;
        for ((row, mark), vols) in self.rows.iter_mut().zip(valued.marks).zip(valued.vols) {
            row.mark.set(at, mark);
            if row.quote.at <= valued.change {
                row.vols.set(at, vols);
            } else {
                // the book moved after the valuation
                let found = valued.valuation.quoted(std::iter::once((&*row, &row.quote.value)));
                row.vols.set(at, found[0]);
            }
        }
        self.valuation = valued.valuation;
        self.marks_text = valued.marks_text;
    }
}

fn requote(row: &mut Row, at: u64, engine: &Engine, levels: &LevelBooks, valuation: &Valuation) {
    let listed = engine.instrument(row.instrument).expect("a chain's instruments are listed");
    let (tick, lot) = (listed.spec.tick_size, listed.spec.lot_size);
    let [bid, ask] = levels.best(row.instrument).map(|level| level.unwrap_or_default());
    let quote = Quote {
        bid: bid.0 * tick,
        bid_amount: bid.1 * lot,
        ask: ask.0 * tick,
        ask_amount: ask.1 * lot,
        open_interest: listed.open_interest * lot,
    };
    row.quote.set(at, quote);
    let vols = valuation.quoted(std::iter::once((&*row, &quote)));
    row.vols.set(at, vols[0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_hears_only_of_instruments_that_it_has() {
        let closed = Closed { instrument: 7, listed: 10, at: 20 };
        let told: Vec<u64> = (8..=22).filter(|&since| closed.concerns(since)).collect();
        assert_eq!(told, (10..=19).collect::<Vec<_>>());
    }
}
