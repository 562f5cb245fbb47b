//! Steps of random streams: their roots are those of the state behind them, whatever the way there.

use commitment::{Boundary, Opening, PostedStep, Replica, StepKind};
use protocol::{Hash, Record, Wire};
use std::collections::BTreeMap;
use streams::{Random, Venue};

/// The journal of a venue after random acts.
fn journal(seed: u64, acts: usize) -> Vec<Vec<u8>> {
    let (mut venue, mut random) = (Venue::open(), Random::new(seed));
    for _ in 0..acts {
        venue.act(random.act());
    }
    venue.records
}

fn follow(replica: &mut Replica, records: &[Vec<u8>]) -> Vec<PostedStep> {
    let steps = records.iter().map(|record| replica.follow(record, false));
    steps.flat_map(|steps| steps.expect("it was applied before")).collect()
}

/// At every boundary the trees that followed are those of every leaf spelled out, the register included, and a command
/// leaves no register behind.
#[test]
fn every_root_is_that_of_the_state_behind_its_step() {
    for seed in 0..3 {
        let mut replica = Replica::new();
        for record in journal(seed, 500) {
            let (mut last, mut pending) = (None, false);
            replica
                .apply_steps(&record, false, |boundary| {
                    let taker = boundary.step.taker.as_ref();
                    let opening = Opening::between(boundary.engine, boundary.chain, taker);
                    assert_eq!(boundary.state.roots(), opening.roots(), "seed {seed}, {:?}", boundary.step);
                    (last, pending) = (Some(opening.root()), taker.is_some());
                })
                .expect("it was applied before");
            let command = Record::from_bytes(&record).expect("it was encoded").command.name();
            assert_eq!(last, Some(replica.opening().root()), "seed {seed}, {command}");
            assert!(!pending, "{command} left its order behind");
        }
    }
}

/// A replica that takes no steps comes to the same roots as one that does, and one that goes on from a snapshot to the same
/// steps.
#[test]
fn steps_end_in_state_roots_and_survive_a_restart() {
    for seed in 10..12 {
        let records = journal(seed, 600);
        let (mut replica, mut plain) = (Replica::new(), Replica::new());
        for (at, record) in records.iter().enumerate() {
            let steps = replica.follow(record, false).expect("it was applied before");
            plain.apply(record, false).expect("it was applied before");
            let last = steps.last().map(|step| step.root);
            assert_eq!(last, Some(plain.state_root()), "seed {seed}, command {at}");
            let end = steps.iter().position(|step| step.last);
            assert_eq!(end, Some(steps.len() - 1), "seed {seed}, command {at}");
        }
        let cut = records.len() / 2;
        let mut whole = Replica::new();
        follow(&mut whole, &records[..cut]);
        let mut restored = Replica::restore(&whole.snapshot()).expect("it is a snapshot");
        let [ours, theirs] = [&mut whole, &mut restored].map(|replica| follow(replica, &records[cut..]));
        assert_eq!(ours, theirs, "seed {seed}");
    }
}

/// Roots that are computed together are those that are computed one by one, whatever is taken at once, and a run ends with
/// the command that fills the room.
#[test]
fn many_commands_at_once_have_the_roots_of_one_by_one() {
    for (seed, room) in [(30, 0), (31, 3_000), (32, 40_000), (33, usize::MAX)] {
        let records = journal(seed, 600);
        let (mut together, mut single) = (Replica::new(), Replica::new());
        let mut rest = records.as_slice();
        while !rest.is_empty() {
            let taken = together.follow_many(rest, room).expect("it was applied before");
            let (these, others) = rest.split_at(taken.len());
            let mut used = 0;
            for (record, steps) in these.iter().zip(taken) {
                assert!(used < room || (used, room) == (0, 0), "seed {seed}: the run was over");
                let mut roots = Vec::new();
                let visit = |boundary: Boundary<'_>| roots.push(boundary.state.root());
                single.apply_steps(record, false, visit).expect("it was applied before");
                assert!(steps.iter().map(|step| step.root).eq(roots), "seed {seed}");
                let subjects = steps.iter().filter(|step| step.subject != Hash::ZERO).count();
                used += 4 + record.len() + 33 * steps.len() + 32 * subjects;
            }
            assert!(used >= room || others.is_empty(), "seed {seed}: the run went on");
            assert_eq!(together.progress(), single.progress(), "seed {seed}");
            rest = others;
        }
    }
}

/// What is refused has no steps, and changes nothing.
#[test]
fn a_refused_command_has_no_steps() {
    let records = journal(20, 60);
    let mut replica = Replica::new();
    follow(&mut replica, &records);
    let before = replica.progress();
    for record in &records {
        replica.follow(record, false).expect_err("every command is sequenced once");
        assert_eq!(replica.progress(), before);
    }
}

#[test]
fn streams_reach_every_kind_that_the_engine_yields() {
    let mut seen: BTreeMap<StepKind, usize> = BTreeMap::new();
    for seed in 0..16 {
        for step in follow(&mut Replica::new(), &journal(seed, 800)) {
            *seen.entry(StepKind::ALL[usize::from(step.kind)]).or_default() += 1;
        }
    }
    // Kinds of commands that version 1 has not, and the margin of accounts that one step cannot hold.
    let never = [
        StepKind::FillComboLeg,
        StepKind::FillRfq,
        StepKind::QuoteChunk,
        StepKind::SetMmp,
        StepKind::MmpTrigger,
        StepKind::CreateRfq,
        StepKind::QuoteRfq,
        StepKind::AcceptRfq,
        StepKind::MarginChunk,
    ];
    let missing: Vec<_> =
        StepKind::ALL.iter().filter(|kind| !never.contains(kind) && !seen.contains_key(kind)).collect();
    assert!(missing.is_empty(), "{missing:?} of {seen:?}");
    assert!(never.iter().all(|kind| !seen.contains_key(kind)));
}
