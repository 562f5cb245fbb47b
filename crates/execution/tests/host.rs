//! The host under test as its users see it: submissions in, durable outcomes and a view out, restarts in between.

mod support;

use commitment::{Replica, StateTree};
use execution::{Applied, HostError, LevelBooks, Submission};
use journal::JournalReader;
use protocol::receipt::Receipt;
use protocol::{Command, Hash, Record, Side, Wire, command_hash};
use support::{Market, OPERATOR, SNAPSHOT_EVERY, Scratch, address, domain, secret};

/// Everything that two views of one venue must agree on.
fn picture(market: &Market) -> (u64, Hash, Hash, Vec<u8>) {
    let view = market.host().view().read();
    let root = StateTree::of(&view.engine, &view.chain).root();
    (view.engine.sequence(), view.chain, root, view.history.to_bytes())
}

fn records(market: &Market) -> Vec<Vec<u8>> {
    let mut reader = JournalReader::open(execution::host::journal_directory(market.directory()));
    let mut records = Vec::new();
    while let Some(frame) = reader.next_frame().expect("the journal is sound") {
        records.extend(frame.records().map(|(_, bytes)| bytes.to_vec()));
    }
    records
}

#[test]
fn recovery_from_a_snapshot_and_the_tail_equals_a_full_replay() {
    let scratch = Scratch::new("recovery");
    let mut market = Market::open(scratch.path(), SNAPSHOT_EVERY);
    market.trade(3 * SNAPSHOT_EVERY + 17);
    let before = picture(&market);
    assert!(market.host().view().read().history.trades(0).count() > 20, "the orders hardly met");
    market.close();
    assert!(scratch.snapshots() > 0, "no snapshot was made");

    let from_snapshot = Market::reopen(scratch.path(), SNAPSHOT_EVERY);
    let frames = from_snapshot.host().view().read().frames.len();
    assert_eq!(picture(&from_snapshot), before);
    from_snapshot.close();

    std::fs::remove_dir_all(scratch.path().join("snapshots")).expect("there are snapshots");
    let from_journal = Market::reopen(scratch.path(), SNAPSHOT_EVERY);
    assert_eq!(picture(&from_journal), before);
    assert!(from_journal.host().view().read().frames.len() > frames, "the snapshot saved no replay");

    let mut replica = Replica::new();
    for record in records(&from_journal) {
        replica.apply(&record, true).expect("what is journaled applies, and its signatures are right");
    }
    assert_eq!(
        (replica.sequence(), replica.chain_hash(), replica.state_root()),
        (before.0, before.1, before.2)
    );
}

/// Marks have lanes from the first one on that the table counts for, in the sequencer, the view, and every replay.
#[test]
fn lanes_come_with_the_risk_table_and_survive_a_restart() {
    let scratch = Scratch::new("lanes");
    let mut market = Market::open(scratch.path(), SNAPSHOT_EVERY);
    let lanes = |market: &Market| {
        let view = market.host().view().read();
        let risk = view.engine.instruments().iter().map(|listed| listed.mark.as_ref()?.risk.clone());
        risk.collect::<Option<Vec<_>>>()
    };
    assert_eq!(lanes(&market), None, "without a table marks have none");
    // They arrive together: the arrays of the mark are computed before the table is there, and again when it is.
    let both = [market.risk_table(0), market.marked()];
    for outcome in market.outcomes(&both) {
        outcome.result.expect("a table, and a mark that fits it");
    }
    let first = lanes(&market).expect("every instrument has lanes");
    assert!(first.iter().all(|risk| risk.lanes[0] < 0), "calls and the perpetual lose when the index falls");
    market.trade(SNAPSHOT_EVERY + 11);
    let (before, held) = (picture(&market), lanes(&market));
    assert_ne!(held.as_ref(), Some(&first), "every mark has its own");
    market.close();

    assert!(scratch.snapshots() > 0, "no snapshot was made");
    let from_snapshot = Market::reopen(scratch.path(), SNAPSHOT_EVERY);
    assert_eq!((picture(&from_snapshot), lanes(&from_snapshot)), (before.clone(), held.clone()));
    from_snapshot.close();
    std::fs::remove_dir_all(scratch.path().join("snapshots")).expect("there are snapshots");
    let from_journal = Market::reopen(scratch.path(), SNAPSHOT_EVERY);
    assert_eq!((picture(&from_journal), lanes(&from_journal)), (before.clone(), held));
    let mut replica = Replica::new();
    for record in records(&from_journal) {
        replica.apply(&record, true).expect("what is journaled applies, and its signatures are right");
    }
    assert_eq!((replica.sequence(), replica.state_root()), (before.0, before.2));
}

#[test]
fn a_recovered_venue_goes_on_where_it_stopped() {
    let scratch = Scratch::new("goes-on");
    let mut market = Market::open(scratch.path(), SNAPSHOT_EVERY);
    market.trade(SNAPSHOT_EVERY + 5);
    let (sequence, epoch) = (market.sequence(), market.host().epoch());
    market.close();
    let mut again = Market::reopen(scratch.path(), SNAPSHOT_EVERY);
    assert_eq!(again.host().epoch(), epoch + 1);
    let command = again.order(0, Side::Buy, 1, 70_000);
    let applied = again.must(&command);
    assert_eq!(applied.sequence, sequence + 1);
    let Err(refusal) = again.outcome(&command) else { panic!("the same signed order was taken twice") };
    assert_eq!(refusal.code, "nonce_used");
}

#[test]
fn a_refused_command_leaves_no_trace() {
    let scratch = Scratch::new("refused");
    let mut market = Market::open(scratch.path(), u64::MAX / 2);
    let resting = market.order(0, Side::Buy, 1, 70_000);
    market.must(&resting);
    let before = (picture(&market), records(&market).len());

    let mut forged = market.order(0, Side::Buy, 1, 70_000);
    let last = forged.len() - 3;
    forged[last] ^= 1;
    let mut truncated = market.order(0, Side::Buy, 1, 70_000);
    truncated.pop();
    let unknown = market.order_of(99, 0, Side::Buy, 1, 70_000);
    let cases = [
        (vec![], "malformed"),
        (vec![255, 1, 2], "malformed"),
        (truncated, "malformed"),
        (forged, "invalid_signature"),
        (unknown, "unknown_name"),
        (resting, "nonce_used"),
        (market.order(0, Side::Buy, 1_000_000, 70_000), "not_enough_margin"),
    ];
    for (bytes, code) in cases {
        let Err(refusal) = market.outcome(&bytes) else { panic!("{code}: taken") };
        assert_eq!(refusal.code, code, "{}", refusal.message);
    }
    assert_eq!((picture(&market), records(&market).len()), before);
    let update = market.last_update();
    assert!(update.trades.is_empty() && update.books.is_empty() && update.orders.is_empty());
}

#[test]
fn receipts_hold_the_operator_to_every_command() {
    let scratch = Scratch::new("receipts");
    let mut market = Market::open(scratch.path(), u64::MAX / 2);
    market.trade(150);
    let journaled = records(&market);
    let view = market.host().view().read();
    for (place, record) in journaled.iter().enumerate() {
        let sequence = place as u64 + 1;
        let mark = execution::receipts::frame_of(&view, sequence).expect("the frame is known");
        let made =
            execution::receipts::receipt(market.directory(), mark, sequence, &domain(), &secret(OPERATOR));
        let (receipt, bytes) = made.expect("the journal is sound").expect("the command is durable");
        assert_eq!(&bytes, record);
        assert_eq!(receipt.command_hash, command_hash(record));
        receipt.verify(&address(OPERATOR), &domain()).expect("the operator signed it");
        assert!(receipt.verify(&address(0), &domain()).is_err(), "somebody else's signature counts");
        let other = Receipt { command_hash: Hash([7; 32]), ..receipt };
        assert!(other.verify(&address(OPERATOR), &domain()).is_err(), "the receipt covers any command");
    }
    let beyond = view.engine.sequence() + 1;
    assert!(execution::receipts::frame_of(&view, beyond).is_none());
}

#[test]
fn published_books_agree_with_the_engines() {
    let scratch = Scratch::new("books");
    let mut market = Market::open(scratch.path(), u64::MAX / 2);
    for _ in 0..20 {
        market.trade(15);
        let view = market.host().view().read();
        let from_scratch = LevelBooks::of(&view.engine);
        for instrument in view.engine.instruments() {
            let id = instrument.spec.instrument;
            let (_, bids, offers) = view.levels.book(id, usize::MAX);
            let (_, bids_of_engine, offers_of_engine) = from_scratch.book(id, usize::MAX);
            assert_eq!((&bids, &offers), (&bids_of_engine, &offers_of_engine));
            for (side, levels) in [(Side::Buy, &bids), (Side::Sell, &offers)] {
                let engine: Vec<(i64, i64)> =
                    view.engine.books().levels(id, side).map(|level| (level.price, level.lots)).collect();
                assert_eq!(levels, &engine, "{side:?} of {id}");
            }
            assert!(bids.first().zip(offers.first()).is_none_or(|(bid, offer)| bid.0 < offer.0), "crossed");
        }
    }
    assert_eq!(market.books_followed(), market.books_published(), "the changes do not add up to the books");
}

#[test]
fn outcomes_come_in_the_order_of_submission() {
    let scratch = Scratch::new("order");
    let mut market = Market::open(scratch.path(), u64::MAX / 2);
    let commands: Vec<Vec<u8>> =
        (0..400u64)
            .map(|number| {
                if number % 7 == 3 {
                    vec![255]
                } else {
                    market.order((number % 3) as u8, Side::Buy, 1, 70_000)
                }
            })
            .collect();
    let outcomes = market.outcomes(&commands);
    assert_eq!(outcomes.iter().map(|outcome| outcome.tag).collect::<Vec<_>>(), (0..400).collect::<Vec<_>>());
    let sequences: Vec<u64> = outcomes
        .iter()
        .filter_map(|outcome| outcome.result.as_ref().ok())
        .map(|done| done.sequence)
        .collect();
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1), "sequences have gaps");
    let journaled = records(&market);
    for outcome in &outcomes {
        let Ok(Applied { sequence, chain_hash, time, .. }) = &outcome.result else { continue };
        let record = Record::from_bytes(&journaled[*sequence as usize - 1]).expect("a record");
        let Command::PlaceOrder(_) = record.command else { panic!("{sequence} is no order") };
        assert_eq!(record.time, *time);
        let chain = journaled[..*sequence as usize].iter().map(|bytes| command_hash(bytes));
        let chain = chain.fold(Hash::ZERO, |chain, hash| protocol::chain_hash(&chain, &hash));
        assert_eq!(chain, *chain_hash);
    }
}

#[test]
fn a_full_queue_refuses_and_loses_nothing() {
    let scratch = Scratch::new("busy");
    let mut market = Market::open(scratch.path(), u64::MAX / 2);
    let (before, mut taken, mut busy) = (market.sequence(), 0u64, 0);
    let order = market.order(0, Side::Buy, 1, 70_000);
    while busy < 3 && taken < 10_000_000 {
        match market.host().submit(Submission { tag: taken, bytes: order.clone() }) {
            Ok(()) => taken += 1,
            Err(HostError::Busy) => busy += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(busy, 3, "the queue has no end");
    let outcomes = market.wait(taken as usize);
    assert_eq!(
        outcomes.iter().map(|outcome| outcome.tag).collect::<Vec<_>>(),
        (0..taken).collect::<Vec<_>>()
    );
    assert_eq!(outcomes.iter().filter(|outcome| outcome.result.is_ok()).count(), 1, "one order, sent often");
    assert_eq!(market.sequence(), before + 1);
}

#[test]
fn a_closed_host_has_settled_what_it_took() {
    let scratch = Scratch::new("closed");
    let mut market = Market::open(scratch.path(), u64::MAX / 2);
    let commands: Vec<Vec<u8>> = (0..50).map(|_| market.order(1, Side::Sell, 1, 80_000)).collect();
    let before = market.sequence();
    for (tag, bytes) in commands.iter().enumerate() {
        market.host().submit(Submission { tag: tag as u64, bytes: bytes.clone() }).expect("there is room");
    }
    let mut host = market.into_host();
    host.close();
    assert_eq!(host.drain().outcomes.len(), commands.len());
    let late = host.submit(Submission { tag: 0, bytes: commands[0].clone() });
    assert!(matches!(late, Err(HostError::Closed)));
    drop(host);
    assert_eq!(Market::reopen(scratch.path(), u64::MAX / 2).sequence(), before + 50);
}

#[test]
fn a_snapshot_that_does_not_have_its_root_stops_the_start() {
    let scratch = Scratch::new("root");
    let mut market = Market::open(scratch.path(), SNAPSHOT_EVERY);
    market.trade(SNAPSHOT_EVERY + 5);
    let sequence = market.sequence();
    let (state, chain) = {
        let view = market.host().view().read();
        let mut chain = view.chain.to_bytes();
        chain.extend_from_slice(&view.genesis);
        (view.engine.to_bytes(), chain)
    };
    market.close();
    let store = journal::SnapshotStore::open(scratch.path().join("snapshots"), 3).expect("a store");
    let wrong = Hash([9; 32]);
    store.save(sequence, &wrong.0, &state, &[("chain", &chain)]).expect("a snapshot");
    let Err(error) = support::start(scratch.path(), SNAPSHOT_EVERY) else { panic!("it starts") };
    assert!(matches!(error, HostError::SnapshotRoot { named, .. } if named == wrong), "{error}");
}
