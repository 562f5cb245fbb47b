//! What an operator may choose: every step that the contracts execute, the engine takes as well, to the same root.

use commitment::{StepKind, witness};
use referee::compiled;
use referee::trials::Trial;
use referee::verifier::{Verdict, Verifier};
use std::collections::BTreeMap;
use streams::Contrarian;

/// Acts of one contrarian.
const ACTS: usize = 400;
/// Contrarians within whose journals every choice comes up.
const JOURNALS: u64 = 24;

/// Kinds of steps that are somebody's choice. A client id that is taken is one of an order, a garbled hash one of a mark.
const CHOSEN: [StepKind; 14] = [
    StepKind::Place,
    StepKind::Mark,
    StepKind::Remove,
    StepKind::SettleAccount,
    StepKind::CloseInstrument,
    StepKind::LiquidationStart,
    StepKind::LiquidationSlice,
    StepKind::Deleverage,
    StepKind::MarginCall,
    StepKind::LiquidationStage,
    StepKind::LiquidationEnd,
    StepKind::LiquidationRound,
    StepKind::DeleverageCharge,
    StepKind::Insurance,
];

#[test]
fn what_the_contracts_let_pass_the_engine_follows() {
    let Some(folders) = compiled::folders(&["StepVerifier"]) else { return };
    let mut verifier = Verifier::new(&folders);
    let (mut accepted, mut illegal) = (BTreeMap::new(), BTreeMap::<(StepKind, String), u64>::new());
    let mut told = Vec::new();
    for seed in 1..=JOURNALS {
        let mut contrarian = Contrarian::open(seed);
        for chosen in (0..ACTS).flat_map(|_| contrarian.act()) {
            if chosen.named == chosen.own && !chosen.refused {
                continue;
            }
            let steps = witness::of_named(&chosen.before, &chosen.record, &chosen.named, 0..usize::MAX);
            for (at, step) in steps.expect("the contrarian took them").into_iter().enumerate() {
                let kind = step.step.kind;
                let trial = Trial::new(chosen.before.sequence() + 1, at, &chosen.record, step);
                let judged = verifier.judge(&trial.claim, &trial.witness).expect("the module is one");
                match judged.unwrap_or_else(|| panic!("{} has no module", trial.name())).verdict {
                    Verdict::Executed(root) if root == trial.claim.root_after => {
                        let is_choice = chosen.deviates(at) || (chosen.refused && at == 0);
                        *accepted.entry(kind).or_insert(0) += u64::from(is_choice);
                    }
                    Verdict::Illegal(reason) => *illegal.entry((kind, reason)).or_default() += 1,
                    other => told.push(format!("seed {seed}, {}: {other:?}", trial.name())),
                }
            }
        }
        let enough = CHOSEN.iter().all(|kind| accepted.get(kind).is_some_and(|&count| count >= 2));
        if enough && seed >= 4 {
            break;
        }
    }
    println!("accepted {accepted:?}\nillegal {illegal:?}");
    assert!(told.is_empty(), "{}", told.join("\n"));
    for kind in CHOSEN {
        assert!(
            accepted.get(&kind).is_some_and(|&count| count >= 2),
            "{kind:?} of {accepted:?}, {illegal:?}"
        );
    }
}
