//! States to start from: a state with its root and sequence in a file that is whole or not there.

use std::io;
use std::path::{Path, PathBuf};

use crate::Hash;
use crate::disk::{ASIDE, Disk, read_file, write_file};
use crate::error::{IoFailure, SnapshotError};
use crate::frame::u64_at;
use crate::local::LocalDisk;

const MAGIC: [u8; 8] = *b"SYNCMSNP";
const VERSION: u16 = 1;
const SUFFIX: &str = ".snapshot";
/// Magic, version, number of sections, sequence, root, length of the state.
const HEADER_BYTES: usize = 60;
const HASH_BYTES: usize = 32;

/// A state of the venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Sequence of the last record applied to it.
    pub sequence: u64,
    /// Its root, to be compared with that of the state once it is loaded.
    pub root: Hash,
    /// The state, opaque here.
    pub state: Vec<u8>,
    /// What else belongs to it, by name, in the order in which it was saved.
    pub sections: Vec<(String, Vec<u8>)>,
}

/// A snapshot that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadSnapshot {
    /// Its file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The newest good snapshot.
    pub newest: Option<Snapshot>,
    /// Newer ones that are not good.
    pub bad: Vec<BadSnapshot>,
}

/// A directory of snapshots.
#[derive(Debug, Clone)]
pub struct SnapshotStore<D: Disk = LocalDisk> {
    disk: D,
    keep: usize,
}

impl SnapshotStore<LocalDisk> {
    /// Opens the store in `directory`, making it if need be, to keep the newest `keep` snapshots.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn open(directory: impl AsRef<Path>, keep: usize) -> Result<Self, SnapshotError> {
        let directory = directory.as_ref();
        let disk = LocalDisk::create(directory).map_err(|source| IoFailure {
            operation: "create",
            path: directory.to_path_buf(),
            source,
        })?;
        Self::open_on(disk, keep)
    }
}

impl<D: Disk> SnapshotStore<D> {
    /// Opens a store on a disk of any kind.
    ///
    /// # Errors
    /// [`SnapshotError::Argument`] when none are to be kept.
    pub fn open_on(disk: D, keep: usize) -> Result<Self, SnapshotError> {
        if keep == 0 { Err(SnapshotError::Argument("keep at least one")) } else { Ok(Self { disk, keep }) }
    }

    /// Saves a snapshot durably, then removes all but the newest. `sequence` is that of the last record applied;
    /// a section's name is at most 255 bytes.
    ///
    /// # Errors
    /// [`SnapshotError`]; older snapshots are then still there.
    pub fn save(
        &self,
        sequence: u64,
        root: &Hash,
        state: &[u8],
        sections: &[(&str, &[u8])],
    ) -> Result<(), SnapshotError> {
        let header = header(sequence, root, state, sections)?;
        let heads = sections.iter().map(|(name, bytes)| section_head(name, bytes));
        let heads = heads.collect::<Result<Vec<_>, _>>()?;
        let mut pieces: Vec<&[u8]> = vec![&header, state];
        for (head, (_, bytes)) in heads.iter().zip(sections) {
            pieces.extend([head.as_slice(), bytes]);
        }
        let mut hasher = blake3::Hasher::new();
        for piece in &pieces {
            hasher.update(piece);
        }
        let hash = hasher.finalize();
        pieces.push(hash.as_bytes());
        write_file(&self.disk, &name(sequence), &pieces)?;
        self.forget_old()
    }

    /// The newest snapshot that is good, and the newer ones that are not.
    ///
    /// # Errors
    /// [`SnapshotError`] when the system refuses to read.
    pub fn newest_good(&self) -> Result<Search, SnapshotError> {
        let mut bad = Vec::new();
        for sequence in self.sequences()?.into_iter().rev() {
            let name = name(sequence);
            match parse(&read_file(&self.disk, &name)?, sequence) {
                Ok(snapshot) => return Ok(Search { newest: Some(snapshot), bad }),
                Err(reason) => bad.push(BadSnapshot { path: self.disk.path(&name), reason }),
            }
        }
        Ok(Search { newest: None, bad })
    }

    /// Sequences of the snapshots that are there, good or bad, ascending.
    ///
    /// # Errors
    /// [`SnapshotError`] when the system refuses to list.
    pub fn sequences(&self) -> Result<Vec<u64>, SnapshotError> {
        let names = self.disk.names().map_err(|source| self.failure("list", source))?;
        let mut sequences: Vec<u64> = names.iter().filter_map(|name| sequence(name)).collect();
        sequences.sort_unstable();
        Ok(sequences)
    }

    fn forget_old(&self) -> Result<(), SnapshotError> {
        let sequences = self.sequences()?;
        let old = &sequences[..sequences.len().saturating_sub(self.keep)];
        let names = self.disk.names().map_err(|source| self.failure("list", source))?;
        let leftovers = names.into_iter().filter(|name| name.ends_with(ASIDE));
        for name in old.iter().map(|&sequence| name(sequence)).chain(leftovers) {
            self.disk.remove(&name).map_err(|source| self.failure("remove", source))?;
        }
        Ok(())
    }

    fn failure(&self, operation: &'static str, source: io::Error) -> SnapshotError {
        IoFailure { operation, path: self.disk.path(""), source }.into()
    }
}

fn name(sequence: u64) -> String {
    format!("{sequence:020}{SUFFIX}")
}

fn sequence(file_name: &str) -> Option<u64> {
    let sequence = file_name.strip_suffix(SUFFIX)?.parse().ok()?;
    (name(sequence) == file_name).then_some(sequence)
}

fn header(
    sequence: u64,
    root: &Hash,
    state: &[u8],
    sections: &[(&str, &[u8])],
) -> Result<Vec<u8>, SnapshotError> {
    let count = u16::try_from(sections.len()).map_err(|_| SnapshotError::Argument("too many sections"))?;
    let mut header = Vec::with_capacity(HEADER_BYTES);
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&VERSION.to_be_bytes());
    header.extend_from_slice(&count.to_be_bytes());
    header.extend_from_slice(&sequence.to_be_bytes());
    header.extend_from_slice(root);
    header.extend_from_slice(&(state.len() as u64).to_be_bytes());
    assert_eq!(header.len(), HEADER_BYTES, "the header has a fixed size");
    Ok(header)
}

fn section_head(name: &str, bytes: &[u8]) -> Result<Vec<u8>, SnapshotError> {
    let length =
        u8::try_from(name.len()).map_err(|_| SnapshotError::Argument("a section's name is too long"))?;
    let mut head = vec![length];
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    Ok(head)
}

fn parse(bytes: &[u8], sequence: u64) -> Result<Snapshot, &'static str> {
    let (body, hash) = bytes.split_last_chunk::<HASH_BYTES>().ok_or("too short")?;
    if blake3::hash(body).as_bytes() != hash {
        return Err("the hash does not match");
    }
    let (header, mut rest) = body.split_first_chunk::<HEADER_BYTES>().ok_or("too short")?;
    if header[..8] != MAGIC {
        return Err("not a snapshot");
    }
    if header[8..10] != VERSION.to_be_bytes() {
        return Err("a version that is not known here");
    }
    if u64_at(header, 12) != sequence {
        return Err("the sequence is not that of the file's name");
    }
    let mut root = [0; 32];
    root.copy_from_slice(&header[20..52]);
    let state = take(&mut rest, u64_at(header, 52))?.to_vec();
    let count = u16::from_be_bytes([header[10], header[11]]);
    let sections = (0..count).map(|_| take_section(&mut rest)).collect::<Result<_, _>>()?;
    if !rest.is_empty() {
        return Err("bytes behind the last section");
    }
    Ok(Snapshot { sequence, root, state, sections })
}

fn take_section(rest: &mut &[u8]) -> Result<(String, Vec<u8>), &'static str> {
    let length = u64::from(take(rest, 1)?[0]);
    let name =
        std::str::from_utf8(take(rest, length)?).map_err(|_| "a section's name is not text")?.to_owned();
    let length = u64_at(take(rest, 8)?, 0);
    Ok((name, take(rest, length)?.to_vec()))
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], &'static str> {
    let split = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
    let (taken, left) = split.ok_or("it ends early")?;
    *rest = left;
    Ok(taken)
}
