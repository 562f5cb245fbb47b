//! The sequencer host: intake → sequencer (apply, group commit) → publisher, one thread each.
//!
//! A command is applied, its frame made durable, and only then is anything said about it: acks, market data and
//! queries come from the publisher, which follows the journal. Refused commands are answered in order with their frame.

use crate::chain::{Chains, Valued};
use crate::clock::VenueClock;
use crate::feed::Feed;
use crate::history::{OrderInfo, TradeInfo};
use crate::intake::{Checked, ComingMark, Refusal, Submission, check_batch};
use crate::levels::BookChange;
use crate::listing::Listing;
use crate::outlet::Outlet;
use crate::publisher::Publisher;
use crate::view::{FrameMark, Touched, View};
use commitment::StateTree;
use crossbeam_channel::{Receiver, Sender, bounded};
use engine::{Engine, Market, Reject, Underlying};
use journal::{FrameInfo, Journal, JournalReader, SnapshotStore};
use parking_lot::{Mutex, RwLock};
use protocol::{Command, Event, Hash, HashedArrays, Nanos, Record, UnderlyingId, Wire, command_hash};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use thiserror::Error;

/// Commands that may wait in front of the sequencer.
const QUEUE: usize = 1 << 16;
/// Commands taken into one check or one frame at most.
const BATCH: usize = 4096;
/// A frame is closed once its payload has grown this far, bytes.
const FRAME_BYTES: usize = 2 << 20;
/// Snapshots kept.
const SNAPSHOTS: usize = 3;
/// Name of the snapshot section that holds the history.
pub(crate) const HISTORY: &str = "history";
/// Name of the snapshot section that holds the liquidations; snapshots without it knew of none.
pub(crate) const LIQUIDATIONS: &str = "liquidations";
/// Name of the snapshot section that holds the command chain and genesis.
pub(crate) const CHAIN: &str = "chain";

/// Why a host cannot start or go on.
#[derive(Debug, Error)]
pub enum HostError {
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] journal::OpenError),
    /// The journal cannot be read back.
    #[error(transparent)]
    Read(#[from] journal::ReadError),
    /// The snapshots cannot be read.
    #[error(transparent)]
    Snapshot(#[from] journal::SnapshotError),
    /// A snapshot's state does not have the root that it names.
    #[error("snapshot at {sequence} has root {found}, it names {named}")]
    SnapshotRoot {
        /// Its sequence.
        sequence: u64,
        /// Root of the state loaded.
        found: Hash,
        /// Root it names.
        named: Hash,
    },
    /// A snapshot or a record does not decode.
    #[error("{what}: {error}")]
    Decode {
        /// What was read.
        what: &'static str,
        /// The codec's word.
        error: protocol::CodecError,
    },
    /// A journaled command does not apply.
    #[error("journaled command {sequence} does not apply: {reject}")]
    Replay {
        /// Its sequence.
        sequence: u64,
        /// Why.
        reject: Reject,
    },
    /// Marks of a journaled command cannot be computed.
    #[error("marks of journaled command {sequence}: {reason}")]
    Marks {
        /// Its sequence.
        sequence: u64,
        /// Why.
        reason: String,
    },
    /// The system refused.
    #[error(transparent)]
    System(#[from] std::io::Error),
    /// Too many commands are waiting.
    #[error("{QUEUE} commands are waiting")]
    Busy,
    /// The host was closed.
    #[error("the host is closed")]
    Closed,
}

/// What became of a submission.
#[derive(Debug)]
pub struct Outcome {
    /// The caller's tag.
    pub tag: u64,
    /// Sequence and effects, or the refusal.
    pub result: Result<Applied, Refusal>,
}

/// A durable command and what it did to its own order.
#[derive(Debug)]
pub struct Applied {
    /// Its sequence.
    pub sequence: u64,
    /// Its time.
    pub time: Nanos,
    /// The command chain after it.
    pub chain_hash: Hash,
    /// The order it created or changed; 0: none.
    pub order: u64,
    /// Its trades.
    pub trades: Vec<TradeInfo>,
}

/// Everything that became durable since the last drain.
#[derive(Debug, Default)]
pub struct Update {
    /// Outcomes of submissions, in order.
    pub outcomes: Vec<Outcome>,
    /// Changed books.
    pub books: Vec<BookChange>,
    /// Trades.
    pub trades: Vec<TradeInfo>,
    /// Orders touched, as they stand.
    pub orders: Vec<OrderInfo>,
    /// What else was touched.
    pub touched: Touched,
    /// The rarer events: sequence, time, event.
    pub events: Vec<(u64, Nanos, Event)>,
    /// Underlyings whose chain changed.
    pub chains: BTreeSet<UnderlyingId>,
    /// Outlets that hold back what their socket did not take.
    pub held: Vec<u64>,
}

pub(crate) struct Sequenced {
    pub(crate) tag: u64,
    pub(crate) sequence: u64,
    pub(crate) record: Record,
    pub(crate) hash: Hash,
    pub(crate) arrays: Option<Arc<HashedArrays>>,
    /// What the underlying of a mark accepts after it.
    pub(crate) market: Option<Market>,
}

pub(crate) enum Settled {
    Applied(Box<Sequenced>),
    Refused { tag: u64, refusal: Refusal },
}

pub(crate) struct DurableFrame {
    pub(crate) info: Option<FrameInfo>,
    pub(crate) settled: Vec<Settled>,
}

/// A running venue core.
pub struct Host {
    intake: Option<Sender<Submission>>,
    threads: Vec<JoinHandle<()>>,
    view: Arc<RwLock<View>>,
    output: Arc<Mutex<Update>>,
    feed: Arc<Feed>,
    signal: Arc<OwnedFd>,
    clock: VenueClock,
    directory: PathBuf,
    epoch: u64,
}

/// Where a venue lives and how it runs.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Directory of journal and snapshots.
    pub directory: PathBuf,
    /// The venue clock.
    pub clock: VenueClock,
    /// Threads that recover signatures.
    pub threads: usize,
    /// Commands between snapshots.
    pub snapshot_every: u64,
}

/// Journal below the venue's directory; followers read it.
#[must_use]
pub fn journal_directory(directory: &Path) -> PathBuf {
    directory.join("journal")
}

impl Host {
    /// Recovers the venue from its newest good snapshot and the journal after it, and starts.
    ///
    /// # Errors
    /// [`HostError`]; a damaged journal is never repaired silently.
    pub fn start(config: HostConfig) -> Result<Self, HostError> {
        std::fs::create_dir_all(&config.directory)?;
        let store = SnapshotStore::open(config.directory.join("snapshots"), SNAPSHOTS)?;
        let (mut view, engine, acknowledged) = load_snapshot(&store)?;
        let journal_path = journal_directory(&config.directory);
        let options = journal::Config {
            verify_from: acknowledged.max(1),
            acknowledged_sequence: acknowledged,
            ..journal::Config::default()
        };
        let (journal, recovered) = Journal::open(&journal_path, options)?;
        let mut engine = engine;
        // nobody here commits to the state, so nobody takes the touches
        engine.track_dirty(false);
        view.engine.track_dirty(false);
        replay(&journal_path, &mut view, &mut engine)?;
        let listing = Arc::new(RwLock::new(Listing::of(&view.engine)));

        let (intake, submissions) = bounded(QUEUE);
        let (checked_out, checked_in) = bounded(4);
        let (durable_out, durable_in) = bounded(16);
        let view = Arc::new(RwLock::new(view));
        let output = Arc::new(Mutex::new(Update::default()));
        let signal = Arc::new(
            eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).map_err(std::io::Error::from)?,
        );

        let feed = Arc::new(Feed::default());
        let valued = Arc::new(Mutex::new(None));
        let checker = Checker {
            listing: Arc::clone(&listing),
            view: Arc::clone(&view),
            valued: Arc::clone(&valued),
            threads: config.threads,
        };
        let sequencer = Sequencer { engine, journal, clock: config.clock, listing, payload: Vec::new() };
        let publisher = Publisher {
            view: Arc::clone(&view),
            output: Arc::clone(&output),
            feed: Arc::clone(&feed),
            signal: Arc::clone(&signal),
            store,
            snapshot_every: config.snapshot_every,
            snapshot_at: acknowledged,
            published: Vec::new(),
            valued,
        };
        let threads = vec![
            spawn("intake", move || checker.run(&submissions, &checked_out))?,
            spawn("sequencer", move || sequencer.run(&checked_in, &durable_out))?,
            spawn("publisher", move || publisher.run(&durable_in))?,
        ];
        Ok(Self {
            intake: Some(intake),
            threads,
            view,
            output,
            feed,
            signal,
            clock: config.clock,
            directory: config.directory,
            epoch: recovered.epoch,
        })
    }

    /// Hands a command to the venue; its outcome comes with a later [`Self::drain`].
    ///
    /// # Errors
    /// [`HostError::Busy`] when the queue is full, [`HostError::Closed`] after a close.
    pub fn submit(&self, submission: Submission) -> Result<(), HostError> {
        let intake = self.intake.as_ref().ok_or(HostError::Closed)?;
        intake.try_send(submission).map_err(|error| match error {
            crossbeam_channel::TrySendError::Full(_) => HostError::Busy,
            crossbeam_channel::TrySendError::Disconnected(_) => HostError::Closed,
        })
    }

    /// Takes everything that became durable since the last call, and clears the signal.
    #[must_use]
    pub fn drain(&self) -> Update {
        let mut counter = [0u8; 8];
        // an empty counter is no error: somebody else drained
        let _ = rustix::io::read(&*self.signal, &mut counter);
        std::mem::take(&mut self.output.lock())
    }

    /// Subscribes an outlet to the raw channel of an underlying's chain, which begins with the whole of it; false when
    /// there is no such underlying.
    pub fn join_chain(&self, underlying: UnderlyingId, outlet: Arc<Outlet>) -> bool {
        self.feed.join(&self.view.read(), underlying, outlet)
    }

    /// Ends such a subscription.
    pub fn leave_chain(&self, underlying: UnderlyingId, outlet: u64) {
        self.feed.leave(underlying, outlet);
    }

    /// Leads the readers of chains who were behind, and can take it now, to the present. Returns the outlets that hold
    /// something back now.
    pub fn catch_up(&self) -> Vec<u64> {
        self.feed.catch_up(&self.view.read())
    }

    /// The durable state.
    #[must_use]
    pub fn view(&self) -> &RwLock<View> {
        &self.view
    }

    /// Readable when [`Self::drain`] has something.
    #[must_use]
    pub fn signal(&self) -> &OwnedFd {
        &self.signal
    }

    /// The venue clock.
    #[must_use]
    pub fn clock(&self) -> &VenueClock {
        &self.clock
    }

    /// Directory of the venue.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Times the journal was opened, this one included.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Stops after everything submitted is settled.
    pub fn close(&mut self) {
        self.intake = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                // a thread that panicked has lost the right to say that all is well
                std::process::abort();
            }
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.close();
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, HostError> {
    let guarded = move || {
        // a venue with a dead thread must not look alive
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
        if run.is_err() {
            std::process::abort();
        }
    };
    Ok(std::thread::Builder::new().name(name.to_owned()).spawn(guarded)?)
}

fn decode<T>(what: &'static str, result: Result<T, protocol::CodecError>) -> Result<T, HostError> {
    result.map_err(|error| HostError::Decode { what, error })
}

/// The newest snapshot's view, a second engine like it, and its sequence.
fn load_snapshot(store: &SnapshotStore) -> Result<(View, Engine, u64), HostError> {
    let Some(snapshot) = store.newest_good()?.newest else {
        return Ok((View::default(), Engine::new(), 0));
    };
    let named = Hash(snapshot.root);
    let load = || decode("snapshot state", Engine::from_bytes(&snapshot.state));
    let engine = load()?;
    let section = |name: &str| {
        let found = snapshot.sections.iter().find(|(section, _)| section == name);
        found.map(|(_, bytes)| bytes.as_slice()).unwrap_or_default()
    };
    let chain_section = section(CHAIN);
    let mut reader = protocol::Reader::new(chain_section);
    let chain = decode("snapshot chain", Hash::take(&mut reader))?;
    let found = StateTree::of(&engine, &chain).root();
    if found != named {
        return Err(HostError::SnapshotRoot { sequence: snapshot.sequence, found, named });
    }
    let genesis = chain_section[32..].to_vec();
    let history = decode("snapshot history", crate::History::from_bytes(section(HISTORY)))?;
    let kept = crate::Liquidations::from_bytes(section(LIQUIDATIONS));
    let liquidations = decode("snapshot liquidations", kept)?;
    let levels = crate::LevelBooks::of(&engine);
    let chains = Chains::default();
    let view =
        View { engine: load()?, levels, chains, history, liquidations, chain, genesis, frames: Vec::new() };
    Ok((view, engine, snapshot.sequence))
}

/// Applies the journal after the view's sequence to both engines.
fn replay(journal: &Path, view: &mut View, engine: &mut Engine) -> Result<(), HostError> {
    let from = view.engine.sequence() + 1;
    let mut reader = JournalReader::open_at(journal, from);
    let (mut events, mut touched) = (Vec::new(), Touched::default());
    while let Some(frame) = reader.next_frame()? {
        if frame.opens_epoch() {
            continue;
        }
        for (sequence, bytes) in frame.records().filter(|(sequence, _)| *sequence >= from) {
            let record = decode("journaled record", Record::from_bytes(bytes))?;
            let arrays = recompute_arrays(&record.command, engine)
                .map_err(|reason| HostError::Marks { sequence, reason })?;
            events.clear();
            engine
                .apply(sequence, &record, arrays.as_ref(), &mut events)
                .map_err(|reject| HostError::Replay { sequence, reject })?;
            view.apply(sequence, &record, &command_hash(bytes), arrays.as_ref(), &mut events, &mut touched);
        }
        view.frames.push(FrameMark {
            epoch: frame.epoch,
            frame: frame.number,
            first_sequence: frame.first_sequence,
            count: frame.count,
            chain_hash: view.chain,
        });
    }
    view.levels.take_changes(&mut Vec::new());
    view.chains = Chains::of(&view.engine, &view.levels);
    Ok(())
}

/// The arrays that follow from a mark's inputs for the engine's live instruments.
///
/// # Errors
/// Why the inputs cannot be priced.
pub fn recompute_arrays(command: &Command, engine: &Engine) -> Result<Option<HashedArrays>, String> {
    let Command::MarkUpdate(update) = command else { return Ok(None) };
    let inputs = &update.inputs;
    pricing::mark_arrays(
        inputs,
        engine.mark_arrays_spec(inputs.underlying, inputs.time),
        engine.mark_scenario(inputs.underlying, inputs.time),
    )
    .map(|arrays| Some(HashedArrays::new(arrays)))
    .map_err(|error| error.to_string())
}

/// The mark that was valued last, on its way to the disk. Locked while a mark is valued.
pub(crate) type Ahead = Arc<Mutex<Option<Valued>>>;

struct Checker {
    listing: Arc<RwLock<Listing>>,
    view: Arc<RwLock<View>>,
    valued: Ahead,
    threads: usize,
}

impl Checker {
    fn run(self, submissions: &Receiver<Submission>, checked: &Sender<Vec<Checked>>) {
        while let Ok(first) = submissions.recv() {
            let batch: Vec<Submission> =
                std::iter::once(first).chain(submissions.try_iter().take(BATCH - 1)).collect();
            let batch = check_batch(batch, &self.listing, self.threads);
            let mark = batch.iter().rev().find_map(Checked::mark);
            // Locked before the mark leaves, so that the publisher waits for a valuation that has begun; but never while
            // this thread could wait for the sequencer, who may wait for the publisher.
            let ahead = mark.filter(|_| !checked.is_full()).map(|mark| (mark, self.valued.lock()));
            if checked.send(batch).is_err() {
                return;
            }
            if let Some((mark, mut valued)) = ahead {
                *valued = value(&self.view.read(), &mark);
            }
        }
    }
}

/// What a mark on its way makes of its chain; `None` when the chain has other instruments than its arrays.
fn value(view: &View, mark: &ComingMark) -> Option<Valued> {
    let id = mark.inputs.underlying;
    let underlying = view.engine.underlying(id)?;
    let chain = view.chains.get(id).filter(|_| underlying.listing_epoch == mark.listing_epoch)?;
    Some(chain.value(&mark.inputs, &mark.arrays.arrays().marks))
}

struct Sequencer {
    engine: Engine,
    journal: Journal,
    clock: VenueClock,
    listing: Arc<RwLock<Listing>>,
    payload: Vec<u8>,
}

impl Sequencer {
    fn run(mut self, checked: &Receiver<Vec<Checked>>, durable: &Sender<DurableFrame>) {
        let mut events = Vec::new();
        while let Ok(mut batch) = checked.recv() {
            while batch.len() < BATCH {
                let Ok(more) = checked.try_recv() else { break };
                batch.extend(more);
            }
            let mut settled = Vec::with_capacity(batch.len());
            for item in batch {
                settled.push(self.settle(item, &mut events));
                if self.payload.len() > FRAME_BYTES {
                    let part = std::mem::take(&mut settled);
                    if durable.send(self.commit(part)).is_err() {
                        return;
                    }
                }
            }
            if durable.send(self.commit(settled)).is_err() {
                return;
            }
        }
    }

    fn settle(&mut self, item: Checked, events: &mut Vec<Event>) -> Settled {
        let tag = item.tag;
        match item.verdict.and_then(|(command, arrays)| self.apply(tag, command, arrays, events)) {
            Ok(sequenced) => Settled::Applied(Box::new(sequenced)),
            Err(refusal) => Settled::Refused { tag, refusal },
        }
    }

    fn apply(
        &mut self,
        tag: u64,
        mut command: Command,
        mut arrays: Option<Arc<HashedArrays>>,
        events: &mut Vec<Event>,
    ) -> Result<Sequenced, Refusal> {
        if let Command::MarkUpdate(update) = &command {
            let epoch = self.engine.underlying(update.inputs.underlying).map(|found| found.listing_epoch);
            // instruments opened or closed, or a risk table came, since the arrays were computed
            if epoch.is_some_and(|epoch| epoch != update.listing_epoch) {
                let fresh = recompute_arrays(&command, &self.engine).map_err(|message| Refusal {
                    code: "invalid_mark",
                    message,
                    order: 0,
                })?;
                if let (Command::MarkUpdate(update), Some(fresh)) = (&mut command, fresh) {
                    update.listing_epoch = epoch.unwrap_or_default();
                    update.arrays_hash = fresh.hash();
                    arrays = Some(Arc::new(fresh));
                }
            }
        }
        let sequence = self.engine.sequence() + 1;
        let record = Record { time: self.clock.now().max(self.engine.time()), command };
        events.clear();
        self.engine.apply(sequence, &record, arrays.as_deref(), events).map_err(|reject| Refusal {
            code: reject.code(),
            message: reject.to_string(),
            order: if let Reject::DuplicateClientId { order } = reject { order.0 } else { 0 },
        })?;
        let start = self.payload.len();
        0u16.put(&mut self.payload);
        record.put(&mut self.payload);
        let length = u16::try_from(self.payload.len() - start - 2)
            .expect("the protocol's bounds keep records below 64 KiB");
        self.payload[start..start + 2].copy_from_slice(&length.to_be_bytes());
        let hash = command_hash(&self.payload[start + 2..]);
        if Listing::concerns(&record.command) {
            *self.listing.write() = Listing::of(&self.engine);
        }
        let market = match &record.command {
            Command::MarkUpdate(update) => {
                self.engine.underlying(update.inputs.underlying).map(Underlying::market)
            }
            _ => None,
        };
        Ok(Sequenced { tag, sequence, record, hash, arrays, market })
    }

    /// Makes the frame durable. A journal that cannot is the end: nothing that was applied may be acknowledged.
    fn commit(&mut self, settled: Vec<Settled>) -> DurableFrame {
        let mut applied = settled.iter().filter_map(|item| match item {
            Settled::Applied(sequenced) => Some(sequenced.sequence),
            Settled::Refused { .. } => None,
        });
        let Some(first) = applied.next() else { return DurableFrame { info: None, settled } };
        let count = 1 + applied.count() as u32;
        match self.journal.append(first, &self.payload, count) {
            Ok(info) => {
                self.payload.clear();
                DurableFrame { info: Some(info), settled }
            }
            Err(error) => {
                eprintln!("the journal refuses a frame, the venue stops: {error}");
                std::process::abort();
            }
        }
    }
}
