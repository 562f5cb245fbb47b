//! Witnesses: the part of the state before one step from which the step can be executed again.
//!
//! A witness is pruned trees and the preimages of hashes in their leaves:
//!
//! ```text
//! witness  = trees u16 ‖ tree* ‖ preimages u16 ‖ preimage*
//! tree     = length u24 ‖ node in preorder, see [`tag`]; the first five are accounts, books, instruments, keys, globals
//! preimage = length u24 ‖ bytes
//! ```
//!
//! Trees and preimages are found by their hashes, so it matters little if there is more than a step reads: [`scope`] opens
//! a superset that follows from the command, the subject, and what the step touched.

mod scope;
mod trees;

pub use crate::merkle::prune::tag;

use crate::fault::{Fault, ReplayError};
use crate::replica::{Boundary, Choices, Replica};
use crate::state::{STATE_DOMAIN, StateTree};
use crate::steps::{Step, StepKind};
use engine::{Engine, NamedStep, PendingTaker, Subject};
use protocol::{Hash, InstrumentId, Record, SubaccountId, Wire, command_hash};
use scope::Scope;
use std::ops::Range;

/// A step with what it takes to judge it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessedStep {
    /// The step; its index counts from the first of its command.
    pub step: Step,
    /// Whether it is the first of its command.
    pub first: bool,
    /// The state root before it.
    pub root_before: Hash,
    /// The state before it, as much of it as it reads.
    pub witness: Vec<u8>,
}

/// The state between two steps.
#[derive(Debug, Clone)]
struct Moment {
    engine: Engine,
    state: StateTree,
    chain: Hash,
    taker: Option<PendingTaker>,
}

impl Moment {
    fn of(replica: &mut Replica) -> Self {
        Self {
            state: replica.state().clone(),
            engine: replica.engine().clone(),
            chain: replica.chain_hash(),
            taker: None,
        }
    }

    fn behind(boundary: &Boundary<'_>) -> Self {
        Self {
            engine: boundary.engine.clone(),
            state: boundary.state.clone(),
            chain: *boundary.chain,
            taker: boundary.step.taker,
        }
    }
}

/// Every step of the command that comes next after `before`, with its witness, by the engine's choices. What no step judges
/// is not asked.
///
/// # Errors
/// [`ReplayError`] when the command does not apply.
pub fn of_command(before: &Replica, record: &[u8]) -> Result<Vec<WitnessedStep>, ReplayError> {
    let (steps, outcome) = follow(before, record, Choices::Lenient, 0..usize::MAX);
    outcome.map(|()| steps)
}

/// The same by the steps that somebody names: of those before the first that cannot be taken, the ones with an index in
/// `window`. A witness takes a copy of the state, and a command may have very many steps.
///
/// # Errors
/// [`ReplayError`] when the command does not apply, whatever steps it takes.
pub fn of_named(
    before: &Replica,
    record: &[u8],
    named: &[NamedStep],
    window: Range<usize>,
) -> Result<Vec<WitnessedStep>, ReplayError> {
    match follow(before, record, Choices::Named(named), window) {
        (_, Err(error)) if !matches!(error.fault, Fault::Step { .. }) => Err(error),
        (steps, _) => Ok(steps),
    }
}

/// The steps of a command with an index in `window`, and whether it could take all of them.
fn follow(
    before: &Replica,
    record: &[u8],
    choices: Choices<'_>,
    window: Range<usize>,
) -> (Vec<WitnessedStep>, Result<(), ReplayError>) {
    let mut replica = before.clone();
    let mut moment = Moment::of(&mut replica);
    let command = Record::from_bytes(record).ok().map(|record| record.command);
    let (mut steps, mut taken, command_hash) = (Vec::<WitnessedStep>::new(), 0, command_hash(record));
    let outcome = replica.apply_by(record, choices, false, |boundary| {
        let index = taken;
        taken += 1;
        if !window.contains(&index) && !window.contains(&taken) {
            return;
        }
        let mut behind = Moment::behind(&boundary);
        if !window.contains(&index) {
            moment = behind;
            return;
        }
        let mark = boundary.step;
        let kind = StepKind::from(mark.action);
        let mut scope = Scope::of(&moment, command.as_ref());
        scope.add_claim(&moment, kind, &mark.subject);
        scope.add_touched(&moment, boundary.engine, kind, boundary.dirty);
        let root_before = moment.state.root();
        let after = (kind == StepKind::Mark).then_some(&mut behind);
        let witness = trees::encode(&mut moment, scope, after);
        let step = Step {
            index: index as u32,
            command_hash,
            kind,
            last: false,
            subject: mark.subject,
            root_after: behind.state.root(),
        };
        steps.push(WitnessedStep { step, first: index == 0, root_before, witness });
        moment = behind;
    });
    let outcome = outcome.map(|_| ());
    if let (Ok(()), Some(last)) = (&outcome, steps.last_mut()) {
        last.step.last = last.step.index as usize + 1 == taken;
    }
    (steps, outcome)
}

/// What it takes to judge the step that somebody claims at `index` of the command that comes next after `before`: of
/// another kind than the replica takes there by these choices, about something else, of a command that it refuses (then
/// `index` is 0), or behind the last that it takes. It opens what either step reads; a `kind` that there is none of reads
/// nothing, and a command that cannot be decoded next to nothing.
#[must_use]
pub fn of_claim(
    before: &Replica,
    record: &[u8],
    choices: Choices<'_>,
    index: u32,
    kind: impl Into<Option<StepKind>>,
    subject: &Subject,
) -> Vec<u8> {
    let kind = kind.into();
    let mut replica = before.clone();
    let mut moment = Moment::of(&mut replica);
    let (mut taken, mut at) = (None, 0);
    let outcome = replica.apply_by(record, choices, false, |boundary| {
        if at == index {
            let (mark, dirty) = (boundary.step.clone(), boundary.dirty.clone());
            taken = Some((mark, dirty, Moment::behind(&boundary)));
        }
        at += 1;
        if at == index {
            moment = Moment::behind(&boundary);
        }
    });
    if at < index {
        if outcome.is_err() && at > 0 {
            // It stops at a step that cannot be taken: the state is that before it.
            return of_claim(before, record, choices, at, kind, subject);
        }
        // A command that is refused has no steps: the state stays that before it.
        moment = Moment::of(&mut replica);
    }
    let command = Record::from_bytes(record).ok().map(|record| record.command);
    let mut scope = Scope::of(&moment, command.as_ref());
    if command.is_none() {
        scope.add_undecoded(&moment.engine, record);
    }
    if let Some(kind) = kind {
        scope.add_claim(&moment, kind, subject);
    }
    let mut behind = None;
    if let Some((mark, dirty, after)) = taken {
        let taken = StepKind::from(mark.action);
        scope.add_claim(&moment, taken, &mark.subject);
        scope.add_touched(&moment, &after.engine, taken, &dirty);
        behind = (taken == StepKind::Mark).then_some(after);
    }
    trees::encode(&mut moment, scope, behind.as_mut())
}

/// Accounts and instruments in the state behind the last command of `replica`: what proofs about a state need, that an
/// account should have been liquidated, say, or that a mark is not the model's.
pub fn of_state(replica: &mut Replica, accounts: &[SubaccountId], instruments: &[InstrumentId]) -> Vec<u8> {
    let mut moment = Moment::of(replica);
    let scope = Scope::at_rest(&moment.engine, accounts, instruments);
    trees::encode(&mut moment, scope, None)
}

/// What a state root is the hash of.
fn root_preimage(state: &mut StateTree) -> Vec<u8> {
    let roots = state.roots();
    STATE_DOMAIN.iter().copied().chain(roots.iter().flat_map(|root| root.0)).collect()
}
