//! The publisher: follows the journal with a replica, and tells of everything that became durable.

use crate::chain::Valued;
use crate::feed::Feed;
use crate::host::{
    Ahead, Applied, CHAIN, DurableFrame, HISTORY, LIQUIDATIONS, Outcome, Sequenced, Settled, Update,
};
use crate::view::{FrameMark, Touched, View};
use commitment::StateTree;
use crossbeam_channel::Receiver;
use journal::{FrameInfo, SnapshotStore};
use parking_lot::{Mutex, RwLock, RwLockWriteGuard};
use protocol::{Command, Event, OrderId, Wire};
use rustix::fd::OwnedFd;
use std::sync::Arc;

pub(crate) struct Publisher {
    pub(crate) view: Arc<RwLock<View>>,
    pub(crate) output: Arc<Mutex<Update>>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) signal: Arc<OwnedFd>,
    pub(crate) store: SnapshotStore,
    pub(crate) snapshot_every: u64,
    pub(crate) snapshot_at: u64,
    /// Change id last published, by instrument.
    pub(crate) published: Vec<u64>,
    /// The mark that comes next.
    pub(crate) valued: Ahead,
}

impl Publisher {
    pub(crate) fn run(mut self, durable: &Receiver<DurableFrame>) {
        let mut events = Vec::new();
        while let Ok(frame) = durable.recv() {
            self.publish(frame, &mut events);
            self.snapshot_when_due();
        }
    }

    fn publish(&mut self, frame: DurableFrame, events: &mut Vec<Event>) {
        // before the view is locked: who values reads it
        let valued = frame.settled.iter().any(is_mark).then(|| self.valued.lock().take()).flatten();
        let held = valued.as_ref().map(|valued| self.push_ahead(&frame, valued)).unwrap_or_default();
        let mut update = Update { held, ..Update::default() };
        let mut touched = Touched::default();
        {
            let mut view = self.view.write();
            for item in frame.settled {
                update.outcomes.push(match item {
                    Settled::Refused { tag, refusal } => Outcome { tag, result: Err(refusal) },
                    Settled::Applied(sequenced) => {
                        let outcome = apply(&mut view, &sequenced, events, &mut touched);
                        let time = sequenced.record.time;
                        let rare = events.drain(..).filter(is_rare);
                        update.events.extend(rare.map(|event| (sequenced.sequence, time, event)));
                        update.trades.extend(outcome.trades.iter().cloned());
                        Outcome { tag: sequenced.tag, result: Ok(outcome) }
                    }
                });
            }
            if let Some(info) = frame.info {
                let chain_hash = view.chain;
                let FrameInfo { epoch, frame, first_sequence, count, .. } = info;
                view.frames.push(FrameMark { epoch, frame, first_sequence, count, chain_hash });
            }
            update.books = view.levels.take_changes(&mut self.published);
            let changed = view.follow_chains(&touched, valued);
            // queries need not wait while messages are written
            let view = RwLockWriteGuard::downgrade(view);
            for (underlying, previous) in changed {
                update.chains.insert(underlying);
                update.held.extend(self.feed.changed(&view, underlying, previous));
            }
            update.orders =
                touched.orders.iter().filter_map(|order| view.history.order(*order)).cloned().collect();
        }
        touched.orders.clear();
        touched.instruments.clear();
        update.touched = touched;
        merge(&mut self.output.lock(), update);
        // a full counter only means that the reader is already signalled
        let _ = rustix::io::write(&*self.signal, &1u64.to_ne_bytes());
    }

    /// Pushes a frame's one mark before anything else is done with it, when it was valued ahead and nothing changed since.
    fn push_ahead(&self, frame: &DurableFrame, valued: &Valued) -> Vec<u64> {
        let [Settled::Applied(one)] = frame.settled.as_slice() else { return Vec::new() };
        let (Command::MarkUpdate(mark), Some(market)) = (&one.record.command, one.market) else {
            return Vec::new();
        };
        let view = self.view.read();
        match view.chains.get(mark.inputs.underlying) {
            Some(chain) if valued.is_of(chain, &mark.inputs) => {
                self.feed.marked(&view, valued, one.sequence, one.record.time, market)
            }
            _ => Vec::new(),
        }
    }

    fn snapshot_when_due(&mut self) {
        let view = self.view.read();
        let sequence = view.engine.sequence();
        if sequence < self.snapshot_at + self.snapshot_every {
            return;
        }
        self.snapshot_at = sequence;
        let root = StateTree::of(&view.engine, &view.chain).root();
        let mut chain = view.chain.to_bytes();
        chain.extend_from_slice(&view.genesis);
        let sections = [
            (HISTORY, view.history.to_bytes()),
            (LIQUIDATIONS, view.liquidations.to_bytes()),
            (CHAIN, chain),
        ];
        let sections: Vec<(&str, &[u8])> =
            sections.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        if let Err(error) = self.store.save(sequence, &root.0, &view.engine.to_bytes(), &sections) {
            // the journal alone is enough to recover; the next snapshot tries again
            eprintln!("snapshot at {sequence} failed: {error}");
        }
    }
}

fn is_mark(item: &Settled) -> bool {
    matches!(item, Settled::Applied(sequenced) if matches!(sequenced.record.command, Command::MarkUpdate(_)))
}

fn apply(view: &mut View, sequenced: &Sequenced, events: &mut Vec<Event>, touched: &mut Touched) -> Applied {
    let Sequenced { sequence, record, hash, arrays, .. } = sequenced;
    view.apply(*sequence, record, hash, arrays.as_deref(), events, touched);
    let order = match &record.command {
        Command::PlaceOrder(_) => OrderId::new(*sequence, 0).0,
        Command::ReplaceOrder(replace) => replace.order.0,
        Command::CancelOrder(cancel) => cancel.order.0,
        _ => 0,
    };
    let trades = events.iter().filter_map(|event| match event {
        Event::Fill(fill) => view.history.trade(fill.trade).cloned(),
        _ => None,
    });
    Applied {
        sequence: *sequence,
        time: record.time,
        chain_hash: view.chain,
        order,
        trades: trades.collect(),
    }
}

fn is_rare(event: &Event) -> bool {
    !matches!(event, Event::OrderRested(_) | Event::Fill(_) | Event::OrderClosed(_) | Event::OrderReplaced(_))
}

fn merge(into: &mut Update, update: Update) {
    into.outcomes.extend(update.outcomes);
    into.books.extend(update.books);
    into.trades.extend(update.trades);
    into.orders.extend(update.orders);
    into.events.extend(update.events);
    into.chains.extend(update.chains);
    into.held.extend(update.held);
    into.touched.subaccounts.extend(update.touched.subaccounts);
    into.touched.underlyings.extend(update.touched.underlyings);
}
