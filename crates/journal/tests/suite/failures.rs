//! Disks that refuse.

use journal::{AppendError, Journal, JournalReader, OpenError};

use crate::disks::SimDisk;
use crate::support::{batch, read_all, record, small};

#[test]
fn a_failed_sync_poisons_the_journal_for_good() {
    let disk = SimDisk::new(21);
    let (mut journal, _) = Journal::open_on(disk.clone(), small()).expect("it opens");
    journal.append_records(1, &batch(1, 3)).expect("it appends");
    disk.fail_sync_after(0);
    let error = journal.append_records(4, &batch(4, 3)).expect_err("the sync failed");
    assert!(matches!(&error, AppendError::Io(failure) if failure.operation == "sync"), "{error}");
    for _ in 0..3 {
        let error =
            journal.append_records(4, &batch(4, 3)).expect_err("the disk works again, the journal not");
        assert!(
            matches!(&error, AppendError::Poisoned { cause } if cause.contains("the disk failed")),
            "{error}"
        );
    }
    let mut reader = JournalReader::open_on(disk.clone(), 4);
    assert_eq!(reader.next_frame().expect("nothing is damaged"), None, "it was never acknowledged");
    assert_eq!(read_all(&disk), batch(1, 3));
}

/// After a failed sync the cache shows the frame as if it were safe. Opening again must not believe it.
#[test]
fn a_frame_that_only_the_cache_holds_is_not_recovered() {
    let mut only_cached = 0;
    for seed in 0..200 {
        let disk = SimDisk::new(seed);
        let (mut journal, _) = Journal::open_on(disk.clone(), small()).expect("it opens");
        disk.fail_sync_after(0);
        journal.append_records(1, &batch(1, 12)).expect_err("the sync failed");
        drop(journal);
        let (mut journal, recovered) = Journal::open_on(disk.clone(), small()).expect("it opens again");
        only_cached += u32::from(recovered.next_sequence == 1);
        let first = journal.next_sequence();
        journal.append_records(first, &[record(first)]).expect("it appends");
        drop(journal);
        let before = read_all(&disk);
        disk.restart();
        drop(Journal::open_on(disk.clone(), small()).expect("it opens after the power cut"));
        assert_eq!(read_all(&disk), before, "seed {seed}: what was acknowledged stays");
    }
    assert!(only_cached > 100, "most of the failures lose something: {only_cached}");
}

#[test]
fn an_opening_that_cannot_sync_fails_and_the_next_one_succeeds() {
    for syncs in 0..20 {
        let disk = SimDisk::new(22);
        disk.fail_sync_after(syncs);
        match Journal::open_on(disk.clone(), small()).map(drop) {
            Ok(()) => assert!(syncs > 4, "opening a new journal syncs more than {syncs} times"),
            Err(error) => assert!(matches!(error, OpenError::Io(_)), "{error}"),
        }
        disk.heal();
        let (_, recovered) = Journal::open_on(disk, small()).expect("the next one opens");
        assert_eq!(recovered.next_sequence, 1);
    }
}

#[test]
fn a_rotation_that_fails_poisons_and_loses_nothing() {
    for syncs in 0..5 {
        let disk = SimDisk::new(23);
        let (mut journal, _) = Journal::open_on(disk.clone(), small()).expect("it opens");
        journal.append_records(1, &[record(1)]).expect("it fits");
        journal.append_records(2, &[record(2)]).expect("it fits");
        disk.fail_sync_after(syncs);
        let rotated = journal.append_records(3, &[record(3)]).is_ok();
        assert_eq!(rotated, syncs > 2, "zeros, header and frame are synced");
        drop(journal);
        disk.restart();
        drop(Journal::open_on(disk.clone(), small()).expect("it opens again"));
        let records = read_all(&disk);
        assert!(records == batch(1, 2) || records == batch(1, 3));
        assert!(!rotated || records.len() == 3);
    }
}

#[test]
fn short_writes_are_finished() {
    let disk = SimDisk::new(24);
    disk.shorten_writes();
    let (mut journal, _) = Journal::open_on(disk.clone(), small()).expect("it opens");
    for _ in 0..20 {
        journal
            .append_records(journal.next_sequence(), &batch(journal.next_sequence(), 9))
            .expect("it appends");
    }
    drop(journal);
    disk.restart();
    assert_eq!(read_all(&disk), batch(1, 180));
}
