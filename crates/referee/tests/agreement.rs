//! Engine and contracts judge every step alike: a short run. The long one is the program of this crate, see docs/step-gas.md.

use commitment::StepKind;
use referee::compiled;
use referee::mutation::{self, Tally};
use referee::refusals::Refusals;
use referee::trials::{self, Follower, Trial};
use referee::verifier::{Claim, Judged, Verdict, Verifier};
use std::collections::BTreeMap;

/// Kinds of steps that the engine takes; nine numbers are kept for others.
const KINDS: usize = StepKind::Insurance as usize + 1 - 9;
/// Acts of one journal.
const ACTS: usize = 300;
/// Journals within which every kind comes up.
const JOURNALS: u64 = 24;
/// Steps that are put before the verifier.
const STEPS: u64 = 3_000;

/// The verifier, with every module; `None` where it is not compiled.
fn verifier() -> Option<Verifier> {
    let mut verifier = Verifier::new(&compiled::folders(&["StepVerifier"])?);
    assert!(verifier.broken().is_empty(), "{:?}", verifier.broken());
    assert!(verifier.contracts().too_long().is_empty(), "{:?}", verifier.contracts().too_long());
    Some(verifier)
}

fn judge(verifier: &mut Verifier, claim: &Claim, witness: &[u8]) -> Judged {
    let judged = verifier.judge(claim, witness).expect("the module is one");
    judged.unwrap_or_else(|| panic!("kind {} has no module", claim.kind))
}

/// Steps of random journals, `most` of each kind or fewer, until every kind was there and `enough` were visited.
fn sample(enough: u64, most: u64, mut visit: impl FnMut(&Follower, &Trial)) {
    let mut seen: BTreeMap<u8, u64> = BTreeMap::new();
    for seed in 1..=JOURNALS {
        let mut follower = Follower::new();
        for record in trials::venue(seed, ACTS).records {
            let before = follower.clone();
            for trial in follower.next(&record).expect("the venue accepted it") {
                let count = seen.entry(trial.claim.kind).or_default();
                if *count < most {
                    *count += 1;
                    visit(&before, &trial);
                }
            }
        }
        if seen.len() == KINDS && seen.values().sum::<u64>() >= enough {
            return;
        }
    }
    panic!("the streams do not reach every kind: {seen:?}");
}

/// The module of the step's kind finds the engine's root, and the router says so.
#[test]
fn engine_and_contracts_agree() {
    let Some(mut verifier) = verifier() else { return };
    verifier.deploy_router().expect("it takes every module");
    let mut told = Vec::new();
    sample(STEPS, u64::MAX, |before, trial| {
        let judged = judge(&mut verifier, &trial.claim, &trial.witness);
        if !judged.agrees(&trial.claim) {
            let text = trials::explain(&mut verifier, before.replica(), trial, &judged);
            told.push(text.expect("the module is one"));
        }
    });
    assert!(told.is_empty(), "{}", told.join("\n"));
    sample(0, 2, |_, trial| {
        let mut said = |root_after| {
            let claim = Claim { root_after, ..trial.claim.clone() };
            let routed = verifier.route(&claim, &trial.witness).expect("there is a router");
            routed.result.ok()?.first()?.as_u128()
        };
        assert_eq!(said(trial.claim.root_after), Some(0), "{}", trial.name());
        assert_ne!(said(trial.claim.root_before), Some(0), "{}", trial.name());
    });
}

#[test]
fn corruption_is_caught_and_honesty_is_not() {
    let Some(mut verifier) = verifier() else { return };
    let mut tally = Tally::default();
    sample(0, 2, |before, trial| {
        mutation::mutate(&mut verifier, before.replica(), trial, &mut tally).expect("the modules are");
    });
    assert!(tally.is_sound(), "{tally}");
}

/// No instrument has an id of more than 32 bits, whatever the witness shows: a step that names one is decided.
#[test]
fn a_subject_beyond_any_instrument_is_illegal() {
    let Some(mut verifier) = verifier() else { return };
    sample(0, 1, |_, trial| {
        for place in 16..20 {
            let mut claim = trial.claim.clone();
            claim.subject[place] = 1;
            let judged = judge(&mut verifier, &claim, &trial.witness);
            let expected = Verdict::Illegal("StepIllegal(reason: \"subject\")".into());
            assert_eq!(judged.verdict, expected, "{}", trial.name());
        }
    });
}

#[test]
fn what_the_engine_refuses_is_illegal() {
    let Some(mut verifier) = verifier() else { return };
    let mut refusals = Refusals::default();
    for seed in 7..10 {
        let (mut follower, venue) = (Follower::new(), trials::venue(seed, ACTS));
        let mut refused = venue.refused.iter().peekable();
        for (count, record) in venue.records.iter().enumerate() {
            while let Some((_, record)) = refused.next_if(|(accepted, _)| *accepted == count) {
                refusals.judge(&mut verifier, follower.replica_mut(), record).expect("the modules are");
            }
            follower.next(record).expect("the venue accepted it");
        }
    }
    let [illegal, executed, undecided] = refusals.totals();
    assert!(illegal > 200 && executed == 0 && undecided == 0, "{refusals}");
}
