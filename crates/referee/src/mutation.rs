//! Corruption with a known answer. What must be caught: a claim that is not the step, a record that the engine refuses.
//! What must never be caught: an honest step, whatever the witness of it is made into.

use crate::abi::hex;
use crate::contracts::ContractError;
use crate::figures::kind_name;
use crate::trials::{Follower, Trial};
use crate::verifier::{Claim, Judged, Verdict, Verifier};
use crate::witness_tree::{Node, Parts};
use commitment::{Choices, Replica, StepKind, witness};
use engine::Subject;
use protocol::{Hash, Record, Wire, keccak256};
use std::collections::BTreeMap;
use std::fmt;
use streams::Random;

/// Corruptions of each sort that are tried on one step.
const CLAIMS: usize = 6;
const RECORDS: usize = 8;
const WITNESSES: usize = 12;
/// Faults of one sort and kind that are told.
const TOLD: usize = 3;

/// What was corrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// The claimed root.
    RootAfter,
    /// The root before.
    RootBefore,
    /// Whether the step is the first.
    First,
    /// Whether it is the last.
    Last,
    /// The kind.
    Kind,
    /// The subject.
    Subject,
    /// A record that the engine then refuses.
    RefusedRecord,
    /// A record that the engine takes all the same.
    AcceptedRecord,
    /// The witness of an honest step.
    Witness,
}

/// How often what was said of a corruption.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    honest: u64,
    fraud: u64,
    undecided: u64,
}

/// Counts by sort and kind, and what went wrong.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    counts: BTreeMap<(Sort, u8), Counts>,
    faults: BTreeMap<(Sort, u8), Vec<String>>,
    /// Wrong claims that were not decided: nobody could prove them with such a witness.
    unproven: BTreeMap<(Sort, u8), Vec<String>>,
}

impl Tally {
    /// Whether nothing passed that must not.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// The counts as comma-separated values.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut out = String::from("corrupted,kind,honest,fraud,undecided,wrong\n");
        for (key @ (sort, kind), Counts { honest, fraud, undecided }) in &self.counts {
            let wrong = self.faults.get(key).map_or(0, Vec::len);
            out += &format!("{sort:?},{},{honest},{fraud},{undecided},{wrong}\n", kind_name(*kind));
        }
        out
    }

    /// Counts a corruption; `wrong` says of what was said that it must not be.
    fn add(
        &mut self,
        sort: Sort,
        trial: &Trial,
        claim: &Claim,
        judged: &Judged,
        detail: impl Fn() -> String,
    ) {
        let key = (sort, trial.claim.kind);
        let counts = self.counts.entry(key).or_default();
        let (honest, fraud) = (judged.agrees(claim), judged.is_fraud(claim));
        match (honest, fraud) {
            (true, _) => counts.honest += 1,
            (_, true) => counts.fraud += 1,
            _ => counts.undecided += 1,
        }
        let told = || format!("{}: {} said of {}", trial.name(), describe(&judged.verdict), detail());
        if !honest && !fraud && matches!(sort, Sort::Kind | Sort::Subject | Sort::RefusedRecord) {
            self.unproven.entry(key).or_default().push(told());
        }
        let wrong = match sort {
            Sort::Witness => fraud,
            Sort::AcceptedRecord => !honest,
            Sort::Last if last_is_free(&trial.claim) => false,
            _ => honest,
        };
        if wrong {
            self.faults.entry(key).or_default().push(told());
        }
    }
}

fn describe(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Executed(root) => format!("executed to {root:?}"),
        Verdict::Illegal(reason) | Verdict::Undecided(reason) => reason.clone(),
    }
}

/// Whether the claim's command looks at accounts after what it did: then no single step tells that it is the last.
fn last_is_free(claim: &Claim) -> bool {
    use protocol::Command as C;
    let command = Record::from_bytes(&claim.record).map(|record| record.command);
    matches!(
        command,
        Ok(C::MarkUpdate(_) | C::FundingTick(_) | C::SetParameter(_) | C::SettleExpired(_) | C::Clock(_))
    )
}

/// Corrupts a step that was found honest, in every way; `before` is before its command.
///
/// # Errors
/// [`ContractError`] when a module is none.
pub fn mutate(
    verifier: &mut Verifier,
    before: &Replica,
    trial: &Trial,
    tally: &mut Tally,
) -> Result<(), ContractError> {
    let seed = keccak256(&[&trial.claim.root_before.0, &trial.claim.root_after.0]).0;
    let mut random = Random::new(u64::from_be_bytes(seed[..8].try_into().expect("eight bytes")));
    claims(verifier, before, trial, &mut random, tally)?;
    if trial.index == 0 {
        records(verifier, before, trial, &mut random, tally)?;
    }
    witnesses(verifier, trial, &mut random, tally)
}

fn flip(bytes: &mut [u8], random: &mut Random) {
    if !bytes.is_empty() {
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
    }
}

fn claims(
    verifier: &mut Verifier,
    before: &Replica,
    trial: &Trial,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<(), ContractError> {
    let mut try_one = |sort, claim: Claim| -> Result<(), ContractError> {
        let witness = match sort {
            Sort::Kind | Sort::Subject => claimed(before, trial.index, &claim),
            _ => trial.witness.clone(),
        };
        if let Some(judged) = verifier.judge(&claim, &witness)? {
            tally.add(sort, trial, &claim, &judged, || {
                format!("{sort:?} as {} of {}", kind_name(claim.kind), hex(&claim.subject))
            });
        }
        Ok(())
    };
    let claim = || trial.claim.clone();
    let flipped = |hash: &Hash, random: &mut Random| {
        let mut hash = *hash;
        flip(&mut hash.0, random);
        hash
    };
    try_one(Sort::RootAfter, Claim { root_after: flipped(&claim().root_after, random), ..claim() })?;
    try_one(Sort::RootBefore, Claim { root_before: flipped(&claim().root_before, random), ..claim() })?;
    try_one(Sort::First, Claim { first: !claim().first, ..claim() })?;
    try_one(Sort::Last, Claim { last: !claim().last, ..claim() })?;
    for _ in 0..CLAIMS {
        let kind = random.below(StepKind::ALL.len()) as u8;
        if kind != trial.claim.kind {
            try_one(Sort::Kind, Claim { kind, ..claim() })?;
        }
        let mut subject = claim().subject;
        flip(&mut subject, random);
        try_one(Sort::Subject, Claim { subject, ..claim() })?;
    }
    Ok(())
}

/// The record changes, or is cut off. The engine says what must come of it: a command that it refuses must not be executed, and one
/// that it takes must be executed to the same root.
fn records(
    verifier: &mut Verifier,
    before: &Replica,
    trial: &Trial,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<(), ContractError> {
    for _ in 0..RECORDS {
        let (_, record) = garbled(trial.claim.record.clone(), random);
        let applied = before.clone().apply(&record, true).map(drop);
        match applied {
            Err(error) => {
                let claim = Claim { record, ..trial.claim.clone() };
                let witness = claimed(before, 0, &claim);
                if let Some(judged) = verifier.judge(&claim, &witness)? {
                    // The operator would claim whatever root it leads to.
                    let claim = match judged.verdict {
                        Verdict::Executed(root_after) => Claim { root_after, ..claim },
                        _ => claim,
                    };
                    tally.add(Sort::RefusedRecord, trial, &claim, &judged, || {
                        format!("a record that the engine refuses: {error}")
                    });
                }
            }
            Ok(()) => {
                let mut follower = Follower::at(before.clone());
                let Some(other) = follower.next(&record).ok().and_then(|mut steps| steps.drain(..1).next())
                else {
                    continue;
                };
                if let Some(judged) = verifier.judge(&other.claim, &other.witness)? {
                    tally.add(Sort::AcceptedRecord, trial, &other.claim, &judged, || {
                        "a changed record that the engine accepts".into()
                    });
                }
            }
        }
    }
    Ok(())
}

/// What a watcher shows of the state against a claim that is not what its own replica did.
fn claimed(before: &Replica, index: usize, claim: &Claim) -> Vec<u8> {
    let kind = StepKind::ALL.get(usize::from(claim.kind)).copied();
    let subject = Subject::from_bytes(&claim.subject).expect("any 32 bytes are one");
    witness::of_claim(before, &claim.record, Choices::Lenient, index as u32, kind, &subject)
}

fn witnesses(
    verifier: &mut Verifier,
    trial: &Trial,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<(), ContractError> {
    let parts = Parts::from_bytes(&trial.witness);
    for _ in 0..WITNESSES {
        let (how, witness) = match &parts {
            Some(parts) if random.below(4) != 0 => corrupted(parts.clone(), random),
            _ => garbled(trial.witness.clone(), random),
        };
        if let Some(judged) = verifier.judge(&trial.claim, &witness)? {
            tally.add(Sort::Witness, trial, &trial.claim, &judged, || format!("a witness with {how}"));
        }
    }
    Ok(())
}

/// Bytes that change without sense.
fn garbled(mut witness: Vec<u8>, random: &mut Random) -> (&'static str, Vec<u8>) {
    match random.below(4) {
        0 => {
            witness.truncate(random.below(witness.len().max(1)));
            ("its end cut off", witness)
        }
        1 => {
            let at = random.below(witness.len().max(1));
            witness.insert(at, random.number() as u8);
            ("a byte more", witness)
        }
        _ => {
            flip(&mut witness, random);
            ("a bit flipped", witness)
        }
    }
}

/// A witness that is well-formed, and lacks something, or says something else.
fn corrupted(mut parts: Parts, random: &mut Random) -> (&'static str, Vec<u8>) {
    let how = match random.below(8) {
        0 if parts.trees.len() > 5 => {
            let at = 5 + random.below(parts.trees.len() - 5);
            parts.trees.remove(at);
            "a nested tree left out"
        }
        1 if !parts.preimages.is_empty() => {
            let at = random.below(parts.preimages.len());
            parts.preimages.remove(at);
            "a preimage left out"
        }
        2 if !parts.preimages.is_empty() => {
            let at = random.below(parts.preimages.len());
            flip(&mut parts.preimages[at], random);
            "a preimage changed"
        }
        3 => {
            let (a, b) = (random.below(parts.trees.len().max(1)), random.below(parts.trees.len().max(1)));
            parts.trees.swap(a, b);
            "two trees swapped"
        }
        4 => {
            let at = random.below(parts.trees.len().max(1));
            let double = parts.trees[at].clone();
            parts.trees.push(double);
            "a tree twice"
        }
        _ => change_node(&mut parts, random),
    };
    (how, parts.to_bytes())
}

fn change_node(parts: &mut Parts, random: &mut Random) -> &'static str {
    let tree = random.below(parts.trees.len().max(1));
    let Some(root) = parts.trees.get_mut(tree).and_then(Option::as_mut) else {
        return "nothing changed";
    };
    let at = random.below(root.count());
    let Some(node) = root.node_mut(at) else { return "nothing changed" };
    let what = random.below(4);
    match node {
        _ if what == 0 => {
            *node = Node::Hidden(node.hash().0);
            "a subtree hidden"
        }
        Node::Leaf(key, value) if what == 1 => {
            *node = Node::Closed(*key, keccak256(&[value]).0);
            "a leaf closed"
        }
        Node::Leaf(_, value) if what == 2 => {
            flip(value, random);
            "a value changed"
        }
        Node::Leaf(key, _) | Node::Closed(key, _) => {
            flip(key, random);
            "a key changed"
        }
        Node::Inner(bit, children) => {
            if what == 1 {
                children.swap(0, 1);
                return "two subtrees swapped";
            }
            *bit ^= 1 << random.below(9);
            "a bit of an inner node changed"
        }
        Node::Hidden(hash) => {
            flip(hash, random);
            "a hash changed"
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:<16} {:<22} {:>8} {:>8} {:>9} {:>8}",
            "corrupted", "kind", "honest", "fraud", "undecided", "wrong"
        )?;
        for (key @ (sort, kind), counts) in &self.counts {
            let wrong = self.faults.get(key).map_or(0, Vec::len);
            writeln!(
                out,
                "{:<16} {:<22} {:>8} {:>8} {:>9} {:>8}",
                format!("{sort:?}"),
                kind_name(*kind),
                counts.honest,
                counts.fraud,
                counts.undecided,
                wrong
            )?;
        }
        for told in self.faults.values().chain(self.unproven.values()) {
            told.iter().take(TOLD).try_for_each(|told| writeln!(out, "{told}"))?;
        }
        Ok(())
    }
}
