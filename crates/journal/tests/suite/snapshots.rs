//! Snapshots: whole or not there.

use journal::{Disk, SnapshotError, SnapshotStore};

use crate::disks::SimDisk;
use crate::support::{Random, Scratch};

const ROOT: [u8; 32] = [7; 32];

fn store(disk: &SimDisk, keep: usize) -> SnapshotStore<SimDisk> {
    SnapshotStore::open_on(disk.clone(), keep).expect("it opens")
}

fn name(sequence: u64) -> String {
    format!("{sequence:020}.snapshot")
}

#[test]
fn the_newest_snapshot_comes_back_whole() {
    let scratch = Scratch::new();
    let store = SnapshotStore::open(scratch.path().join("snapshots"), 2).expect("it opens");
    assert_eq!(store.newest_good().expect("it can be searched").newest, None);
    for sequence in [5, 90, 700] {
        let state = vec![sequence as u8; 10_000];
        store.save(sequence, &ROOT, &state, &[("arrays", b"xyz"), ("empty", b"")]).expect("it saves");
    }
    let search = store.newest_good().expect("it can be searched");
    assert!(search.bad.is_empty());
    let newest = search.newest.expect("there is one");
    assert_eq!((newest.sequence, newest.root, newest.state), (700, ROOT, vec![700u64 as u8; 10_000]));
    assert_eq!(newest.sections, [("arrays".to_owned(), b"xyz".to_vec()), ("empty".to_owned(), Vec::new())]);
    assert_eq!(store.sequences().expect("it can be listed"), [90, 700], "only the newest are kept");
}

#[test]
fn bad_snapshots_are_passed_over_and_reported() {
    let disk = SimDisk::new(41);
    let store = store(&disk, 3);
    store.save(1, &ROOT, b"first", &[]).expect("it saves");
    store.save(2, &ROOT, b"second", &[("s", b"section")]).expect("it saves");
    let good = disk.bytes(&name(2));
    let mut cases: Vec<Vec<u8>> = (0..good.len()).map(|length| good[..length].to_vec()).collect();
    cases.extend((0..good.len() * 8).map(|bit| {
        let mut flipped = good.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    }));
    cases.push([good.as_slice(), b"more"].concat());
    cases.push(disk.bytes(&name(1)));
    for bytes in cases {
        disk.put(&name(2), &bytes);
        let search = store.newest_good().expect("it can be searched");
        assert_eq!(search.newest.expect("the older one is good").state, b"first");
        assert_eq!(search.bad.len(), 1);
        assert!(search.bad[0].path.ends_with(name(2)));
    }
    disk.put(&name(1), b"");
    let search = store.newest_good().expect("it can be searched");
    assert_eq!((search.newest, search.bad.len()), (None, 2));
}

#[test]
fn a_power_cut_leaves_a_snapshot_whole_or_absent() {
    let (mut kept, mut absent) = (0, 0);
    for seed in 0..500 {
        let disk = SimDisk::new(seed);
        let mut random = Random::new(seed);
        let store = store(&disk, 2);
        let mut saved = 0;
        for round in 1..8 {
            disk.cut_after(random.below(16));
            let state = vec![round as u8; random.below(5000) as usize];
            let result = store.save(round, &ROOT, &state, &[("n", &round.to_be_bytes())]);
            disk.restart();
            let search = store.newest_good().expect("it can be searched");
            assert!(search.bad.is_empty(), "seed {seed}: {:?}", search.bad);
            let newest = search.newest.map_or(0, |newest| newest.sequence);
            if result.is_ok() {
                assert_eq!(newest, round, "seed {seed}: a saved snapshot stays");
                kept += 1;
            } else {
                assert!(newest == saved || newest == round, "seed {seed}");
                absent += 1;
            }
            saved = newest;
        }
    }
    assert!(kept > 300 && absent > 300, "{kept} {absent}");
}

#[test]
fn a_failed_save_leaves_the_older_ones_and_may_be_tried_again() {
    let disk = SimDisk::new(42);
    let store = store(&disk, 1);
    store.save(1, &ROOT, b"first", &[]).expect("it saves");
    disk.fail_sync_after(0);
    let error = store.save(2, &ROOT, b"second", &[]).expect_err("the sync failed");
    assert!(matches!(error, SnapshotError::Io(_)), "{error}");
    assert_eq!(store.newest_good().expect("it can be searched").newest.expect("it is there").sequence, 1);
    store.save(2, &ROOT, b"second", &[]).expect("it saves");
    disk.restart();
    assert_eq!(disk.names().expect("it can be listed"), [name(2)]);
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    assert!(matches!(SnapshotStore::open_on(SimDisk::new(43), 0).map(drop), Err(SnapshotError::Argument(_))));
    let store = store(&SimDisk::new(43), 1);
    let long = "n".repeat(256);
    assert!(matches!(store.save(1, &ROOT, b"", &[(&long, b"")]), Err(SnapshotError::Argument(_))));
}
