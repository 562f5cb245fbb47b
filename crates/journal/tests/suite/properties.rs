//! Properties over random journals and random damage.

use journal::{Config, Journal, OpenError};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::disks::SimDisk;
use crate::support::{read_all, small};

fn frames() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    vec(vec(vec(any::<u8>(), 1..600), 1..12), 1..20)
}

fn written(frames: &[Vec<Vec<u8>>]) -> SimDisk {
    let disk = SimDisk::new(51);
    let (mut journal, _) = Journal::open_on(disk.clone(), small()).expect("it opens");
    for records in frames {
        journal.append_records(journal.next_sequence(), records).expect("it appends");
    }
    disk
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn packing_and_unpacking_are_inverse(records in vec(vec(any::<u8>(), 1..3000), 0..40)) {
        let mut payload = Vec::new();
        prop_assert_eq!(journal::pack(&records, &mut payload), Ok(records.len() as u32));
        prop_assert_eq!(journal::check(&payload), Ok(records.len() as u32));
        let unpacked: Result<Vec<_>, _> = journal::records(&payload).map(|r| r.map(<[u8]>::to_vec)).collect();
        prop_assert_eq!(unpacked, Ok(records));
    }

    #[test]
    fn unpacking_any_bytes_ends(bytes in vec(any::<u8>(), 0..300)) {
        let mut records = journal::records(&bytes);
        let whole = records.by_ref().take_while(Result::is_ok).count();
        prop_assert!(whole <= bytes.len() / 3 && records.next().is_none());
    }

    #[test]
    fn what_is_appended_is_what_is_read(frames in frames()) {
        let disk = written(&frames);
        disk.restart();
        drop(Journal::open_on(disk.clone(), small()).expect("it opens"));
        prop_assert_eq!(read_all(&disk), frames.concat());
    }

    #[test]
    fn damage_never_changes_or_loses_a_record(
        frames in frames(),
        place in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        bytes in vec(any::<u8>(), 1..9000),
    ) {
        let disk = written(&frames);
        let contents = disk.contents();
        let segments: Vec<_> = contents.iter().filter(|(name, _)| name.ends_with(".segment")).collect();
        let (name, original) = segments[place.index(segments.len())];
        let mut damaged = original.clone();
        let from = at.index(damaged.len());
        let to = damaged.len().min(from + bytes.len());
        damaged[from..to].copy_from_slice(&bytes[..to - from]);
        disk.put(name, &damaged);
        match Journal::open_on(disk.clone(), Config { acknowledged_sequence: 1, ..small() }).map(|(_, r)| r) {
            Ok(recovered) => {
                prop_assert_eq!(read_all(&disk), frames.concat());
                prop_assert!(recovered.quarantined.is_some() || damaged == *original);
            }
            Err(OpenError::Damaged(_)) => prop_assert_eq!(disk.bytes(name), damaged),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}
