//! Marks of random venues: as they are journaled, in the state that the engine leaves behind them.

use crate::guard::{Challenge, Figure, Guard, opened};
use crate::mixer::Mixer;
use commitment::leaf::InstrumentLeaf;
use commitment::{Opening, Replica, StepKind, tree_key};
use protocol::{Command, InstrumentId, InstrumentMark, MarkInputs, Record, Wire};
use referee::trials;

/// Acts of a venue.
const ACTS: usize = 300;
/// Venues.
const VENUES: u64 = 3;
/// Figures that are challenged of each mark.
const CHALLENGES: usize = 6;

/// The challenge of a figure, with `mark` in the place of what the engine committed.
fn challenge(
    replica: &Replica,
    record: &[u8],
    inputs: &MarkInputs,
    mark: &InstrumentMark,
    figure: Figure,
) -> Challenge {
    let engine = replica.engine();
    let mut behind = Opening::of(engine, &replica.chain_hash());
    let keys = [tree_key::instrument(mark.instrument), tree_key::underlying(inputs.underlying)];
    let leaf = InstrumentLeaf::from_bytes(&behind.instruments[&keys[0]]).expect("a leaf");
    let risk = mark.risk.as_deref().cloned();
    let leaf =
        InstrumentLeaf { mark: mark.mark, iv: mark.iv, delta: mark.delta, vega: mark.vega, risk, ..leaf };
    behind.instruments.insert(keys[0], leaf.to_bytes());
    let table = engine.underlying(inputs.underlying).expect("it was marked").risk.active();
    let preimage = table.map_or(Vec::new(), |table| table.parameters.to_bytes());
    let (root, witness) = opened(behind.roots(), &behind.instruments, &keys, &preimage);
    let (_, number, index) = figure.number();
    let (kind, record) = (StepKind::Mark as u8, record.to_vec());
    Challenge { kind, record, root, instrument: mark.instrument, figure: number, index, witness }
}

/// What the engine committed of an instrument.
fn committed(replica: &Replica, instrument: InstrumentId) -> Option<InstrumentMark> {
    replica.engine().instrument(instrument)?.mark.clone()
}

#[test]
fn marks_of_a_journal_are_never_convicted_and_altered_ones_always() {
    let Some(mut guard) = Guard::new() else { return };
    let mut mixer = Mixer(4);
    let mut marks = 0;
    for seed in 1..=VENUES {
        let mut replica = Replica::new();
        for record in trials::venue(seed, ACTS).records {
            let steps = replica.follow(&record, false).expect("the venue accepted it");
            let Command::MarkUpdate(update) = Record::from_bytes(&record).expect("a record").command else {
                continue;
            };
            // Behind a mark that moves accounts the engine stands in a later state than behind its first step.
            let [step] = &steps[..] else { continue };
            marks += 1;
            let inputs = &update.inputs;
            let live: Vec<_> = replica
                .engine()
                .mark_arrays_spec(inputs.underlying, inputs.time)
                .map(|(instrument, _)| instrument)
                .collect();
            for _ in 0..CHALLENGES {
                let mark = committed(&replica, mixer.one_of(&live)).expect("it is marked");
                let figure = Figure::draw(&mut mixer);
                if mark.risk.is_none() && matches!(figure, Figure::Lane(_) | Figure::Gap(_)) {
                    continue;
                }
                let honest = challenge(&replica, &record, inputs, &mark, figure);
                assert_eq!(honest.root, step.root, "the opening is the state behind the step");
                assert!(!guard.convicts(&honest, figure), "{figure:?} of {mark:?}");
                for unit in [1, -1] {
                    let altered = figure.moved(&mark, unit);
                    assert!(guard.convicts(&challenge(&replica, &record, inputs, &altered, figure), figure));
                }
            }
        }
    }
    println!("{marks} marks of {VENUES} journals");
    assert!(marks > 20);
    guard.report();
}
