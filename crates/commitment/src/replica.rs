//! A replica: engine, command chain and state trees that follow the journal, or the data posted on chain.
//!
//! Settlement and verification run one each. It recomputes everything that follows from commands, marks included, and
//! trusts none of it.

use crate::chunk::Progress;
use crate::fault::{Fault, ReplayError};
use crate::merkle::Key;
use crate::opening::Opening;
use crate::signatures;
use crate::state::{Part, StateTree};
use crate::state_path::StatePath;
use crate::withdrawals::Withdrawal;
use engine::{Dirty, Engine, NamedStep, StepMark, StepObserver, Unobserved, Violation};
use pricing::{MarkError, mark_arrays};
use protocol::{
    CodecError, Command, Event, Hash, HashedArrays, Nanos, Reader, Record, Wire, chain_hash, command_hash,
};
use std::num::NonZero;

/// By whose choices a command is applied, where the rules leave any. See `docs/protocol/steps.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choices<'a> {
    /// The engine's: the command is refused where it is not what an honest operator would have journaled.
    Own,
    /// The engine's, of a command that is somebody else's: what no step judges is not asked.
    Lenient,
    /// Those of whoever names these steps. What no step judges is not asked.
    Named(&'a [NamedStep]),
}

/// Engine, command chain and state trees that move together.
#[derive(Debug, Clone)]
pub struct Replica {
    pub(crate) engine: Engine,
    pub(crate) chain: Hash,
    pub(crate) state: StateTree,
    withdrawals: Vec<Withdrawal>,
    events: Vec<Event>,
}

impl Default for Replica {
    fn default() -> Self {
        Self::new()
    }
}

impl Replica {
    /// A replica of the empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self {
            engine: Engine::new(),
            chain: Hash::ZERO,
            state: StateTree::new(),
            withdrawals: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Applies the next command, and returns what it did. Checks its signatures when `verify` is set.
    ///
    /// # Errors
    /// [`ReplayError`]; then the replica is as it was.
    pub fn apply(&mut self, record: &[u8], verify: bool) -> Result<&[Event], ReplayError> {
        let decoded = self.decoded(record, verify)?;
        self.advance(record, &decoded, Choices::Own, &mut Unobserved)?;
        Ok(&self.events)
    }

    /// Applies the next command, and shows `visit` the state behind each of its steps. Checks its signatures when `verify`
    /// is set.
    ///
    /// # Errors
    /// [`ReplayError`]; then the replica is as it was, and there were no steps.
    pub fn apply_steps(
        &mut self,
        record: &[u8],
        verify: bool,
        visit: impl FnMut(Boundary<'_>),
    ) -> Result<&[Event], ReplayError> {
        self.apply_by(record, Choices::Own, verify, visit)
    }

    /// The same by somebody's choices. Steps that somebody names cost a copy of the state, and `visit` is shown those before
    /// the first that cannot be taken.
    ///
    /// # Errors
    /// [`ReplayError`]; then the replica is as it was.
    pub fn apply_by(
        &mut self,
        record: &[u8],
        choices: Choices<'_>,
        verify: bool,
        visit: impl FnMut(Boundary<'_>),
    ) -> Result<&[Event], ReplayError> {
        let decoded = self.decoded(record, verify)?;
        self.state();
        let before = matches!(choices, Choices::Named(_)).then(|| self.clone());
        let state = std::mem::take(&mut self.state);
        let chain = chain_hash(&self.chain, &command_hash(record));
        let mut follower = Follower { state, chain, visit };
        let outcome = self.advance(record, &decoded, choices, &mut follower);
        self.state = follower.state;
        if let (Err(_), Some(before)) = (&outcome, before) {
            *self = before;
        }
        outcome?;
        Ok(&self.events)
    }

    /// Applies packed records (see [`journal::pack`]); checks their signatures before, on `threads` threads, when `verify`
    /// is set. Returns how many there were.
    ///
    /// # Errors
    /// [`ReplayError`] of the first command with a fault; the commands before it are applied.
    pub fn apply_many(
        &mut self,
        data: &[u8],
        verify: bool,
        threads: NonZero<usize>,
    ) -> Result<usize, ReplayError> {
        let first = self.engine.sequence() + 1;
        let (raw, records, mut end) = decode(data, first);
        if verify && let Err((index, error)) = signatures::check(&self.engine, &records, threads) {
            let sequence = first + index as u64;
            end = Err((index, ReplayError::new(sequence, Some(&records[index]), error)));
        }
        let sound = end.as_ref().map_or_else(|(index, _)| *index, |()| records.len());
        for (raw, record) in raw.iter().zip(&records).take(sound) {
            self.advance(raw, record, Choices::Own, &mut Unobserved)?;
        }
        end.map_or_else(|(_, error)| Err(error), |()| Ok(sound))
    }

    /// Sequence of the last command; 0 before the first.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.engine.sequence()
    }

    /// Venue time of the last command.
    #[must_use]
    pub fn time(&self) -> Nanos {
        self.engine.time()
    }

    /// The command chain behind the last command.
    #[must_use]
    pub fn chain_hash(&self) -> Hash {
        self.chain
    }

    /// The engine, for reading.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The state trees, up to date.
    pub fn state(&mut self) -> &mut StateTree {
        let dirty = self.engine.take_dirty();
        self.state.update(&self.engine, &dirty, &self.chain, None);
        &mut self.state
    }

    /// The state root behind the last command. Costs what changed since it was last asked for.
    pub fn state_root(&mut self) -> Hash {
        self.state().root()
    }

    /// Where reading of the journal stands behind the last command, as a batch that follows begins.
    pub fn progress(&mut self) -> Progress {
        let (inbox_cursor, inbox_hash) = self.inbox();
        Progress {
            root: self.state_root(),
            chain_hash: self.chain,
            command: Hash::ZERO,
            inbox_hash,
            sequence: self.sequence(),
            inbox_cursor,
            last_time: self.time(),
            step: 0,
        }
    }

    /// The path of `key` in one of the five trees, or of the leaf that shows its absence. Spells out the whole state.
    pub fn prove(&mut self, part: Part, key: &Key) -> StatePath {
        let opening = self.opening();
        StatePath::of(self.state(), &opening, part, key)
    }

    /// Every leaf of the state, from scratch.
    #[must_use]
    pub fn opening(&self) -> Opening {
        Opening::of(&self.engine, &self.chain)
    }

    /// Withdrawals with numbers from `first` on, ascending, that are still remembered.
    #[must_use]
    pub fn withdrawals_since(&self, first: u64) -> &[Withdrawal] {
        &self.withdrawals[self.withdrawals.partition_point(|withdrawal| withdrawal.number < first)..]
    }

    /// Number that the next withdrawal gets.
    #[must_use]
    pub fn next_withdrawal(&self) -> u64 {
        self.engine.globals().withdrawals
    }

    /// Forgets the withdrawals with numbers below `first`: their batches are done.
    pub fn forget_withdrawals(&mut self, first: u64) {
        self.withdrawals.retain(|withdrawal| withdrawal.number >= first);
    }

    /// Next inbox index, and the inbox chain behind the items before it.
    #[must_use]
    pub fn inbox(&self) -> (u64, Hash) {
        let globals = self.engine.globals();
        (globals.inbox_next, globals.inbox_hash)
    }

    /// Checks the invariants of the state, from scratch.
    ///
    /// # Errors
    /// The first [`Violation`].
    pub fn check_invariants(&self) -> Result<(), Violation> {
        self.engine.check_invariants()
    }

    /// Everything in bytes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.chain.put(&mut out);
        (self.withdrawals.len() as u64).put(&mut out);
        self.withdrawals.iter().for_each(|withdrawal| withdrawal.put(&mut out));
        self.engine.put(&mut out);
        out
    }

    /// A replica from a [`Self::snapshot`]. What it says is not checked: compare the root with one that is known.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are none.
    pub fn restore(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let chain = Wire::take(&mut reader)?;
        let count = u64::take(&mut reader)?;
        let withdrawals = (0..count).map(|_| Wire::take(&mut reader)).collect::<Result<_, _>>()?;
        let mut engine = Engine::take(&mut reader)?;
        reader.finish()?;
        engine.take_dirty();
        let state = StateTree::of(&engine, &chain);
        Ok(Self { engine, chain, state, withdrawals, events: Vec::new() })
    }

    pub(crate) fn decoded(&self, record: &[u8], verify: bool) -> Result<Record, ReplayError> {
        let sequence = self.engine.sequence() + 1;
        let decoded = Record::from_bytes(record).map_err(|error| ReplayError::new(sequence, None, error))?;
        if verify {
            signatures::check(&self.engine, std::slice::from_ref(&decoded), NonZero::<usize>::MIN)
                .map_err(|(_, error)| ReplayError::new(sequence, Some(&decoded), error))?;
        }
        Ok(decoded)
    }

    /// Applies one decoded command; its events are then in `self.events`.
    pub(crate) fn advance<O: StepObserver>(
        &mut self,
        raw: &[u8],
        record: &Record,
        choices: Choices<'_>,
        steps: &mut O,
    ) -> Result<(), ReplayError> {
        let sequence = self.engine.sequence() + 1;
        let fault = |fault| ReplayError::new(sequence, Some(record), fault);
        let arrays = self.arrays(&record.command, choices).map_err(|error| fault(error.into()))?;
        let (arrays, events, engine) = (arrays.as_ref(), &mut self.events, &mut self.engine);
        events.clear();
        let outcome = match choices {
            Choices::Own => {
                engine.apply_observed(sequence, record, arrays, events, steps).map_err(Fault::from)
            }
            Choices::Lenient => {
                engine.apply_lenient(sequence, record, arrays, events, steps).map_err(Fault::from)
            }
            Choices::Named(named) => {
                engine.apply_named(sequence, record, arrays, named, events, steps).map_err(Fault::from)
            }
        };
        outcome.map_err(fault)?;
        self.chain = chain_hash(&self.chain, &command_hash(raw));
        let queued = self.events.iter().filter_map(|event| match event {
            Event::WithdrawalQueued(queued) => Some(Withdrawal::from(queued)),
            _ => None,
        });
        self.withdrawals.extend(queued);
        Ok(())
    }

    /// The arrays that a mark names, recomputed; under the hash that it names, where that is its author's.
    fn arrays(&self, command: &Command, choices: Choices<'_>) -> Result<Option<HashedArrays>, MarkError> {
        let Command::MarkUpdate(update) = command else {
            return Ok(None);
        };
        let inputs = &update.inputs;
        let (underlying, time) = (inputs.underlying, inputs.time);
        let specs = self.engine.mark_arrays_spec(underlying, time);
        let arrays = mark_arrays(inputs, specs, self.engine.mark_scenario(underlying, time))?;
        Ok(Some(match choices {
            Choices::Own => HashedArrays::new(arrays),
            Choices::Lenient | Choices::Named(_) => HashedArrays::named(arrays, update.arrays_hash),
        }))
    }
}

/// The state behind one step of a command.
#[derive(Debug)]
pub struct Boundary<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// The state trees, up to date.
    pub state: &'a mut StateTree,
    /// The command chain, the step's command included.
    pub chain: &'a Hash,
    /// What the step touched, beside globals.
    pub dirty: &'a Dirty,
    /// The step.
    pub step: &'a StepMark,
}

/// Keeps the state trees up with the engine, step by step.
struct Follower<F> {
    state: StateTree,
    chain: Hash,
    visit: F,
}

impl<F: FnMut(Boundary<'_>)> StepObserver for Follower<F> {
    fn step(&mut self, engine: &Engine, dirty: Dirty, step: StepMark) {
        let Self { state, chain, visit } = self;
        state.update(engine, &dirty, chain, step.taker.as_ref());
        visit(Boundary { engine, state, chain, dirty: &dirty, step: &step });
    }
}

/// Records in bytes, records decoded, and, when the data does not decode to its end, the index and fault of the first
/// that does not.
type Decoded<'a> = (Vec<&'a [u8]>, Vec<Record>, Result<(), (usize, ReplayError)>);

fn decode(data: &[u8], first: u64) -> Decoded<'_> {
    let (mut raw, mut records) = (Vec::new(), Vec::new());
    for (index, bytes) in journal::records(data).enumerate() {
        let decoded = bytes
            .map_err(Fault::from)
            .and_then(|bytes| Ok((bytes, Record::from_bytes(bytes).map_err(Fault::from)?)));
        match decoded {
            Ok((bytes, record)) => {
                raw.push(bytes);
                records.push(record);
            }
            Err(error) => {
                return (raw, records, Err((index, ReplayError::new(first + index as u64, None, error))));
            }
        }
    }
    (raw, records, Ok(()))
}
