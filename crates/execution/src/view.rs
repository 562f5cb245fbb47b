//! The publisher's replica: what the venue looks like after the last durable command. Queries read it, never the
//! sequencer's engine, so nobody sees a state that a crash could take back.

use crate::chain::{Chains, Valued};
use crate::history::{History, MarkAt};
use crate::levels::LevelBooks;
use crate::liquidations::{self, Liquidations, Place};
use engine::Engine;
use protocol::{Command, Event, Hash, HashedArrays, InstrumentId, Record, UnderlyingId, chain_hash};
use std::collections::BTreeSet;

/// A frame of the journal, as receipts need it.
#[derive(Debug, Clone, Copy)]
pub struct FrameMark {
    /// Journal epoch.
    pub epoch: u64,
    /// Frame number.
    pub frame: u64,
    /// Sequence of its first command.
    pub first_sequence: u64,
    /// Commands in it.
    pub count: u32,
    /// Command chain after its last one.
    pub chain_hash: Hash,
}

/// Engine replica, market data and history, as of the last durable frame.
#[derive(Debug)]
pub struct View {
    /// The replica.
    pub engine: Engine,
    /// Aggregated books.
    pub levels: LevelBooks,
    /// Chains, as of the last frame.
    pub chains: Chains,
    /// Orders and trades.
    pub history: History,
    /// Liquidations.
    pub liquidations: Liquidations,
    /// Command chain after the last command.
    pub chain: Hash,
    /// Genesis as journaled.
    pub genesis: Vec<u8>,
    /// Frames since the snapshot that was loaded, ascending.
    pub frames: Vec<FrameMark>,
}

impl Default for View {
    fn default() -> Self {
        Self {
            engine: Engine::new(),
            levels: LevelBooks::default(),
            chains: Chains::default(),
            history: History::default(),
            liquidations: Liquidations::default(),
            chain: Hash::ZERO,
            genesis: Vec::new(),
            frames: Vec::new(),
        }
    }
}

/// What one command changed, for whoever publishes it.
#[derive(Debug, Default)]
pub struct Touched {
    /// Orders.
    pub orders: BTreeSet<u64>,
    /// Subaccounts whose portfolio changed.
    pub subaccounts: BTreeSet<u64>,
    /// Underlyings with new marks, or with another market status.
    pub underlyings: BTreeSet<u16>,
    /// Instruments whose book or open interest changed.
    pub instruments: BTreeSet<InstrumentId>,
}

impl View {
    /// Applies a durable command, whose hash is `hash`.
    ///
    /// # Panics
    /// When the command does not apply: the replica would differ from the sequencer's engine, which stops the venue.
    pub fn apply(
        &mut self,
        sequence: u64,
        record: &Record,
        hash: &Hash,
        arrays: Option<&HashedArrays>,
        events: &mut Vec<Event>,
        touched: &mut Touched,
    ) {
        events.clear();
        if let Err(reject) = self.engine.apply(sequence, record, arrays, events) {
            panic!("replica refuses journaled command {sequence}: {reject}");
        }
        self.chain = chain_hash(&self.chain, hash);
        match &record.command {
            Command::Genesis(_) => {
                record.command.put_body(&mut self.genesis);
            }
            Command::PlaceOrder(place) => {
                self.history.placed(protocol::OrderId::new(sequence, 0), record.time, place);
                touched.orders.insert(protocol::OrderId::new(sequence, 0).0);
            }
            Command::ReplaceOrder(replace) => self.history.replaced(record.time, replace),
            _ => {}
        }
        let engine = &self.engine;
        let specs = |instrument: InstrumentId| {
            let listed = engine.instrument(instrument).expect("events name listed instruments");
            let (mark, iv) = listed.mark.as_ref().map_or((0, 0), |mark| (mark.mark, mark.iv));
            (listed.spec.clone(), MarkAt { mark, iv, index: listed.mark_index })
        };
        for event in events.iter() {
            self.levels.follow(sequence, event);
            self.history.follow(sequence, record.time, event, &specs, &mut touched.orders);
            if let Some((_, place)) = liquidations::of_event(event) {
                let (mark, index) = marks_at(engine, place);
                self.liquidations.follow(sequence, record.time, event, mark, index);
            }
            touched.note(event);
        }
    }
}

/// Mark and index of a place, 0 where there is none.
fn marks_at(engine: &Engine, place: Place) -> (i64, i64) {
    match place {
        Place::Instrument(instrument) => engine
            .instrument(instrument)
            .map_or((0, 0), |listed| (listed.mark.as_ref().map_or(0, |mark| mark.mark), listed.mark_index)),
        Place::Underlying(underlying) => {
            let inputs = engine.underlying(underlying).and_then(|found| found.inputs.as_ref());
            (0, inputs.map_or(0, |inputs| inputs.index))
        }
        Place::Nowhere => (0, 0),
    }
}

impl View {
    /// Brings the chains up to date at the end of a frame; those that changed, each with its change id before. `valued`
    /// is what was valued ahead.
    pub fn follow_chains(&mut self, touched: &Touched, valued: Option<Valued>) -> Vec<(UnderlyingId, u64)> {
        self.chains.follow(&self.engine, &self.levels, touched, valued)
    }

    /// A chain as a push of `channel`, for a reader who has it as of change `since`; `None`: for one who has nothing.
    #[must_use]
    pub fn chain_message(
        &self,
        underlying: UnderlyingId,
        channel: &str,
        since: Option<u64>,
    ) -> Option<Vec<u8>> {
        let chain = self.chains.get(underlying)?;
        Some(chain.message(&self.engine, self.engine.underlying(underlying)?, channel, since))
    }

    /// Marks and Greeks of an underlying's options as a push of `channel`.
    #[must_use]
    pub fn greeks_message(&self, underlying: UnderlyingId, channel: &str) -> Option<Vec<u8>> {
        let chain = self.chains.get(underlying)?;
        Some(chain.greeks(&self.engine, self.engine.underlying(underlying)?, channel))
    }
}

impl Touched {
    fn note(&mut self, event: &Event) {
        match event {
            Event::Fill(fill) => {
                self.subaccounts.extend([fill.maker_subaccount, fill.taker_subaccount]);
                self.instruments.insert(fill.instrument);
            }
            Event::OrderRested(event) => {
                self.instruments.insert(event.instrument);
                self.subaccounts.insert(event.subaccount);
            }
            Event::OrderClosed(event) => {
                self.instruments.insert(event.instrument);
                self.subaccounts.insert(event.subaccount);
            }
            Event::OrderReplaced(event) => {
                self.instruments.insert(event.instrument);
                self.subaccounts.insert(event.subaccount);
            }
            Event::BalanceChanged(event) => {
                self.subaccounts.insert(event.subaccount);
            }
            Event::PositionSettled(event) => {
                self.instruments.insert(event.instrument);
                self.subaccounts.insert(event.subaccount);
            }
            Event::LiquidationStarted(event) => {
                self.subaccounts.insert(event.subaccount);
            }
            Event::LiquidationEnded(event) => {
                self.subaccounts.insert(event.subaccount);
            }
            Event::MarginModelChanged(event) => {
                self.subaccounts.insert(event.subaccount);
            }
            Event::MarginCall(event) => {
                self.subaccounts.insert(event.subaccount);
            }
            Event::PositionMoved(event) => {
                self.subaccounts.extend([event.subaccount, event.counterparty]);
                self.instruments.insert(event.instrument);
            }
            Event::Deleveraged(event) => {
                self.subaccounts.extend([event.subaccount, event.counterparty]);
                self.instruments.insert(event.instrument);
            }
            Event::MarkUpdated(event) => {
                self.underlyings.insert(event.underlying);
            }
            Event::MarketStatusChanged(event) => {
                self.underlyings.insert(event.underlying);
            }
            _ => {}
        }
    }
}
