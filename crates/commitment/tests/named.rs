//! A replica that follows what an operator chose, where no step judges it.

use commitment::{Choices, Fault, Replica, StepKind};
use engine::{Engine, NamedStep, StepFault, Subject, Violation};
use protocol::{Command, Record, Wire};
use std::collections::BTreeMap;
use streams::{Contrarian, Random, Venue};

/// Kinds of steps that are somebody's choice.
const CHOSEN: [StepKind; 12] = [
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
/// Contrarians within whose journals every one comes up.
const JOURNALS: u64 = 32;

/// The journal of a venue after random acts.
fn journal(seed: u64, acts: usize) -> Vec<Vec<u8>> {
    let (mut venue, mut random) = (Venue::open(), Random::new(seed));
    for _ in 0..acts {
        venue.act(random.act());
    }
    venue.records
}

fn command_of(record: &[u8]) -> Command {
    Record::from_bytes(record).expect("it was encoded").command
}

/// By the steps that the engine chooses a command comes to the same state.
#[test]
fn own_choices_lead_to_the_own_state() {
    for seed in 0..3 {
        let mut replica = Replica::new();
        for record in journal(seed, 500) {
            let (mut named, mut lenient) = (replica.clone(), replica.clone());
            let steps = replica.follow(&record, false).expect("it was applied before");
            let names: Vec<_> = steps.iter().map(NamedStep::from).collect();
            assert_eq!(named.follow_by(&record, Choices::Named(&names), false).as_ref(), Ok(&steps));
            assert_eq!(lenient.follow_by(&record, Choices::Lenient, false), Ok(steps));
            assert!(named.snapshot() == replica.snapshot() && lenient.snapshot() == replica.snapshot());
            assert_eq!(named.state_root(), replica.opening().root());
        }
    }
}

/// Every state that a contrarian comes to is sound, and what follows it is applied in the ordinary way: to that replica as to
/// one that was restored, which has no caches.
#[test]
fn other_choices_leave_sound_states() {
    let mut deviations: BTreeMap<StepKind, usize> = BTreeMap::new();
    let mut lenient: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..JOURNALS {
        if seed >= 4 && CHOSEN.iter().all(|kind| deviations.contains_key(kind)) {
            break;
        }
        let mut contrarian = Contrarian::open(seed);
        for act in 0..500 {
            let mut restored =
                Replica::restore(&contrarian.venue.replica.snapshot()).expect("it is a snapshot");
            for chosen in contrarian.act() {
                for (_, step) in chosen.named.iter().enumerate().filter(|(at, _)| chosen.deviates(*at)) {
                    *deviations.entry(StepKind::ALL[usize::from(step.kind)]).or_default() += 1;
                }
                if chosen.refused {
                    *lenient.entry(command_of(&chosen.record).name()).or_default() += 1;
                }
                let own = restored.clone().follow_by(&chosen.record, Choices::Lenient, false);
                let own: Vec<_> = own.expect("the replica takes it").iter().map(NamedStep::from).collect();
                assert_eq!(own, chosen.own, "seed {seed}, act {act}");
                let followed = restored.follow_by(&chosen.record, Choices::Named(&chosen.named), false);
                assert!(followed.is_ok(), "seed {seed}, act {act}: {followed:?}");
            }
            let replica = &mut contrarian.venue.replica;
            assert_eq!(replica.check_invariants(), Ok(()), "seed {seed}, act {act}");
            assert_eq!(replica.state_root(), replica.opening().root());
            assert!(restored.snapshot() == replica.snapshot(), "seed {seed}, act {act}");
        }
    }
    for kind in CHOSEN {
        assert!(deviations.contains_key(&kind), "{kind:?} of {deviations:?}");
    }
    assert!(lenient.keys().eq(["MarkUpdate", "PlaceOrder"].iter()), "{lenient:?}");
}

/// A number that a step might name: often one that means something.
fn number(random: &mut Random) -> u64 {
    match random.below(4) {
        0 => random.number(),
        1 => [0, i64::MAX as u64, u64::MAX, 1 << 63][random.below(4)],
        _ => random.number() % 12,
    }
}

/// Whatever is named, nothing panics, every state is sound, and on an error the replica is as it was.
#[test]
fn no_name_breaks_a_replica() {
    let (mut taken, mut refused) = (0, BTreeMap::<String, usize>::new());
    for seed in 0..4 {
        let mut random = Random::new(100 + seed);
        let mut contrarian = Contrarian::open(50 + seed);
        for chosen in (0..400).flat_map(|_| contrarian.act()) {
            let mut named = chosen.named.clone();
            let at = random.below(named.len() + 1);
            let subject = match named.get(at) {
                Some(step) if random.below(2) == 0 => step.subject,
                _ => Subject {
                    account: number(&mut random),
                    other: number(&mut random),
                    instrument: number(&mut random),
                    amount: number(&mut random) as i64,
                },
            };
            let kind = if random.below(2) == 0 { random.number() as u8 } else { 36 + random.below(16) as u8 };
            named.truncate(at);
            if at == 0 || random.below(3) > 0 {
                named.push(NamedStep { kind, subject });
            }
            let mut replica = chosen.before.clone();
            let error = match replica.follow_by(&chosen.record, Choices::Named(&named), false) {
                Ok(steps) => {
                    assert_eq!(steps.iter().map(NamedStep::from).collect::<Vec<_>>(), named);
                    // A start may be the last that is named: a proof of its own says that orders were left.
                    let sound = replica.check_invariants();
                    assert!(
                        matches!(sound, Ok(()) | Err(Violation::Liquidation { .. })),
                        "{sound:?} {named:?}"
                    );
                    taken += 1;
                    continue;
                }
                Err(error) => error,
            };
            assert!(replica.snapshot() == chosen.before.snapshot());
            let word = match error.fault {
                Fault::Step { step, fault } => {
                    let goes_on = matches!(fault, StepFault::GoesOn(_));
                    assert_eq!(step, if goes_on { named.len() } else { at }, "{error}");
                    fault.to_string()
                }
                // What a bid asks of the fund is named with its first step.
                Fault::Refused(_) if at == 0 => "refused".into(),
                _ => panic!("{error}"),
            };
            *refused.entry(word).or_default() += 1;
        }
    }
    assert!(taken > 10, "{taken}");
    for fault in ["another subject", "goes on with", "no command takes", "nothing of the kind"] {
        assert!(refused.keys().any(|word| word.contains(fault)), "{fault} of {refused:?}");
    }
}

/// A command takes a step at least, and one that does not apply is refused whatever is named.
#[test]
fn no_names_and_no_command() {
    let records = journal(3, 60);
    let mut replica = Replica::new();
    for record in &records {
        let error = replica.follow_by(record, Choices::Named(&[]), false).expect_err("nothing is named");
        let settles = matches!(command_of(record), Command::SettleExpired(_));
        let Fault::Step { step: 0, fault } = error.fault else { panic!("{error}") };
        assert_eq!(fault == StepFault::Nothing, settles, "{fault}");
        replica.follow(record, false).expect("it was applied before");
    }
    let again = replica.follow_by(&records[0], Choices::Named(&[]), false).expect_err("it is open already");
    assert!(matches!(again.fault, Fault::Refused(_)), "{again}");
}

/// Of the orders under one client id the newest is found, in a restored engine as well.
#[test]
fn the_newest_order_has_the_client_id() {
    let mut seen = 0;
    let acts = (0..JOURNALS).flat_map(|seed| {
        let mut contrarian = Contrarian::open(seed);
        (0..400).flat_map(move |_| contrarian.act())
    });
    for chosen in acts.filter(|chosen| chosen.refused) {
        let Command::PlaceOrder(order) = command_of(&chosen.record) else { continue };
        let mut replica = chosen.before.clone();
        let sequence = replica.sequence() + 1;
        replica.follow_by(&chosen.record, Choices::Lenient, false).expect("no step judges client ids");
        let restored = Engine::from_bytes(&replica.engine().to_bytes()).expect("it is a snapshot");
        for engine in [replica.engine(), &restored] {
            let found = engine.account(order.subaccount).and_then(|it| it.client_order(&order.client_id));
            assert_eq!(found.map(|order| order.sequence()), Some(sequence));
        }
        seen += 1;
        if seen == 3 {
            return;
        }
    }
    panic!("{seen} orders have a client id that is taken");
}
