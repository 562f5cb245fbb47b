//! Steps of random journals, put before the verifier.

use crate::abi::hex;
use crate::contracts::ContractError;
use crate::difference::difference;
use crate::figures::kind_name;
use crate::verifier::{Claim, Judged, Verdict, Verifier};
use commitment::witness::{self, WitnessedStep};
use commitment::{Opening, ReplayError, Replica};
use protocol::{Hash, Record, Wire};
use std::fmt::Write as _;
use streams::{Random, Venue};

/// One step of a journal.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Sequence of its command.
    pub sequence: u64,
    /// Which step of it.
    pub index: usize,
    /// How it is put before the verifier.
    pub claim: Claim,
    /// What it reads of the state before it.
    pub witness: Vec<u8>,
}

impl Trial {
    /// Step `index` of a command that is the `sequence`-th.
    #[must_use]
    pub fn new(sequence: u64, index: usize, record: &[u8], step: WitnessedStep) -> Self {
        let mut subject = [0; 32];
        let bytes = step.step.subject.to_bytes();
        subject[..bytes.len()].copy_from_slice(&bytes);
        let claim = Claim {
            root_before: step.root_before,
            record: record.to_vec(),
            kind: step.step.kind as u8,
            subject,
            first: step.first,
            last: step.step.last,
            root_after: step.step.root_after,
        };
        Self { sequence, index, claim, witness: step.witness }
    }

    /// Its name in a report.
    #[must_use]
    pub fn name(&self) -> String {
        let kind = self.claim.kind;
        format!("command {} step {} {} ({kind})", self.sequence, self.index, kind_name(kind))
    }
}

/// A venue after random acts from a seed.
#[must_use]
pub fn venue(seed: u64, acts: usize) -> Venue {
    let (mut venue, mut random) = (Venue::open(), Random::new(seed));
    for _ in 0..acts {
        venue.act(random.act());
    }
    venue
}

/// Follows a journal, and has every step that is wanted.
#[derive(Debug, Clone, Default)]
pub struct Follower {
    replica: Replica,
}

impl Follower {
    /// Before the first command.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where a replica is.
    #[must_use]
    pub fn at(replica: Replica) -> Self {
        Self { replica }
    }

    /// The steps of the next command, which the follower then goes on from.
    ///
    /// # Errors
    /// [`ReplayError`] when the command does not apply.
    pub fn next(&mut self, record: &[u8]) -> Result<Vec<Trial>, ReplayError> {
        let steps = witness::of_command(&self.replica, record)?;
        self.replica.apply(record, false)?;
        let sequence = self.replica.sequence();
        let trial = |(index, step)| Trial::new(sequence, index, record, step);
        Ok(steps.into_iter().enumerate().map(trial).collect())
    }

    /// The replica behind the last command.
    #[must_use]
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// The same, to ask for its root.
    pub fn replica_mut(&mut self) -> &mut Replica {
        &mut self.replica
    }
}

/// Every leaf before and after one step of a command, `replica` being before the command.
///
/// # Errors
/// [`ReplayError`] when the command does not apply.
pub fn states(replica: &Replica, record: &[u8], index: usize) -> Result<[Opening; 2], ReplayError> {
    let mut states = [replica.opening(), Opening::default()];
    let mut at = 0;
    replica.clone().apply_steps(record, false, |boundary| {
        let opening = || Opening::between(boundary.engine, boundary.chain, boundary.step.taker.as_ref());
        if at + 1 == index {
            states[0] = opening();
        } else if at == index {
            states[1] = opening();
        }
        at += 1;
    })?;
    Ok(states)
}

/// What a reader needs to find the fault: the command, what was said, and the leaves that differ. `replica` is before the
/// command.
///
/// # Errors
/// [`ContractError`] when the module is none.
pub fn explain(
    verifier: &mut Verifier,
    replica: &Replica,
    trial: &Trial,
    judged: &Judged,
) -> Result<String, ContractError> {
    let claim = &trial.claim;
    let mut out = String::new();
    let record = Record::from_bytes(&claim.record);
    let command = record.map_or_else(|error| error.to_string(), |record| format!("{record:?}"));
    let module = verifier.module(claim.kind).unwrap_or("none");
    let _ = writeln!(out, "{}, module {module}, first {}, last {}", trial.name(), claim.first, claim.last);
    let _ = writeln!(out, "  {command}");
    if claim.subject != [0; 32] {
        let _ = writeln!(out, "  subject 0x{}", hex(&claim.subject));
    }
    let _ =
        writeln!(out, "  gas {}, calldata {}, witness {}", judged.gas, judged.calldata, trial.witness.len());
    match &judged.verdict {
        Verdict::Executed(root) => {
            let _ = writeln!(out, "  another root:");
            for line in differences(verifier, replica, trial, root)? {
                let _ = writeln!(out, "    {line}");
            }
        }
        Verdict::Illegal(reason) | Verdict::Undecided(reason) => {
            let _ = writeln!(out, "  {reason}");
        }
    }
    Ok(out)
}

fn differences(
    verifier: &mut Verifier,
    replica: &Replica,
    trial: &Trial,
    root: &Hash,
) -> Result<Vec<String>, ContractError> {
    let Ok([before, after]) = states(replica, &trial.claim.record, trial.index) else {
        return Ok(vec!["the command does not apply again".into()]);
    };
    let Some((_, trace)) = verifier.judge_traced(&trial.claim, &trial.witness)? else {
        return Ok(Vec::new());
    };
    Ok(difference(&before, &after, &trace.hashes, root))
}
