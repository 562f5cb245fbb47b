//! A disk in memory that keeps what was written apart from what is safe, and can lose the difference.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use journal::{Access, Disk, DiskFile};

use crate::support::Random;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

#[derive(Clone)]
struct Node {
    /// What programs see.
    cached: Vec<u8>,
    /// What the disk holds.
    stored: Vec<u8>,
    /// Sectors that programs wrote and the system has yet to write.
    dirty: BTreeSet<usize>,
}

#[derive(Clone)]
enum NameChange {
    Link(String, usize),
    Unlink(String),
    Rename(String, String),
}

fn apply(names: &mut BTreeMap<String, usize>, change: &NameChange) {
    match change {
        NameChange::Link(name, node) => {
            names.insert(name.clone(), *node);
        }
        NameChange::Unlink(name) => {
            names.remove(name);
        }
        NameChange::Rename(from, to) => {
            if let Some(node) = names.remove(from) {
                names.insert(to.clone(), node);
            }
        }
    }
}

#[derive(Clone)]
struct State {
    nodes: Vec<Node>,
    names: BTreeMap<String, usize>,
    stored_names: BTreeMap<String, usize>,
    changes: Vec<NameChange>,
    locked: bool,
    random: Random,
    /// Operations until the power goes.
    operations_left: Option<u64>,
    /// Syncs until one fails.
    syncs_left: Option<u64>,
    short_writes: bool,
}

/// The disk; clones are the same disk.
#[derive(Clone)]
pub struct SimDisk(Arc<Mutex<State>>);

/// The writer's lock.
pub struct SimLock(SimDisk);

/// An open file.
pub struct SimFile {
    disk: SimDisk,
    node: usize,
}

fn no_power() -> io::Error {
    io::Error::other("no power")
}

impl State {
    fn step(&mut self) -> io::Result<()> {
        match &mut self.operations_left {
            Some(0) => Err(no_power()),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Whether the power stays on for the whole of the next operation.
    fn step_into(&self) -> io::Result<()> {
        if self.operations_left == Some(1) { Err(no_power()) } else { Ok(()) }
    }

    fn node(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn change(&mut self, change: NameChange) {
        apply(&mut self.names, &change);
        self.changes.push(change);
    }
}

impl Node {
    fn store(&mut self, sector: usize) {
        let (from, to) = (sector * SECTOR, self.cached.len().min((sector + 1) * SECTOR));
        self.stored[from..to].copy_from_slice(&self.cached[from..to]);
    }

    /// Stores some of the dirty sectors, in whatever order and however incompletely a disk may.
    fn lose_power(&mut self, random: &mut Random) {
        let dirty: Vec<usize> = std::mem::take(&mut self.dirty).into_iter().collect();
        let some = random.below(dirty.len() as u64 + 1) as usize;
        let policy = random.below(9);
        for (index, &sector) in dirty.iter().enumerate() {
            let kept = match policy {
                0 => false,
                1 => true,
                2 => index < some,
                3 => index >= some,
                4 => index != some,
                5 => index == some,
                6 => random.below(8) != 0,
                7 => random.below(8) == 0,
                _ => random.below(2) == 0,
            };
            if kept {
                self.store(sector);
            } else if index == some && random.below(4) == 0 {
                self.store_torn(sector, random);
            }
        }
        self.cached.clone_from(&self.stored);
    }

    /// Stores the beginning of a sector: some disks promise less than whole sectors.
    fn store_torn(&mut self, sector: usize, random: &mut Random) {
        let from = sector * SECTOR;
        let to = self.cached.len().min(from + random.below(SECTOR as u64) as usize);
        self.stored[from..to].copy_from_slice(&self.cached[from..to]);
    }
}

impl SimDisk {
    /// An empty disk.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            nodes: Vec::new(),
            names: BTreeMap::new(),
            stored_names: BTreeMap::new(),
            changes: Vec::new(),
            locked: false,
            random: Random::new(seed),
            operations_left: None,
            syncs_left: None,
            short_writes: false,
        })))
    }

    /// Another disk with the same contents.
    pub fn copy(&self) -> Self {
        let mut state = self.state().clone();
        state.locked = false;
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds the disk")
    }

    /// The power goes after so many operations: every one after that fails.
    pub fn cut_after(&self, operations: u64) {
        self.state().operations_left = Some(operations);
    }

    /// The sync after so many others fails, and what it should have written is forgotten.
    pub fn fail_sync_after(&self, syncs: u64) {
        self.state().syncs_left = Some(syncs);
    }

    /// Writes become short.
    pub fn shorten_writes(&self) {
        self.state().short_writes = true;
    }

    /// The disk behaves from here on.
    pub fn heal(&self) {
        let mut state = self.state();
        (state.operations_left, state.syncs_left, state.short_writes) = (None, None, false);
    }

    /// The machine starts again after a power cut, with what the disk holds.
    pub fn restart(&self) {
        let state = &mut *self.state();
        for node in &mut state.nodes {
            node.lose_power(&mut state.random);
        }
        let survived = state.random.below(state.changes.len() as u64 + 1) as usize;
        for change in state.changes.drain(..).take(survived) {
            apply(&mut state.stored_names, &change);
        }
        state.names = state.stored_names.clone();
        state.locked = false;
        (state.operations_left, state.syncs_left, state.short_writes) = (None, None, false);
    }

    /// The bytes of a file.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let state = self.state();
        state.nodes[state.node(name).expect("the file is there")].cached.clone()
    }

    /// Replaces the bytes of a file, durably.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let state = &mut *self.state();
        let node = state.node(name).expect("the file is there");
        state.nodes[node] = Node { cached: bytes.to_vec(), stored: bytes.to_vec(), dirty: BTreeSet::new() };
    }

    /// Flips one bit, durably.
    pub fn flip(&self, name: &str, bit: usize) {
        let state = &mut *self.state();
        let node = state.node(name).expect("the file is there");
        state.nodes[node].cached[bit / 8] ^= 1 << (bit % 8);
        state.nodes[node].stored[bit / 8] ^= 1 << (bit % 8);
    }

    /// Every file's name and bytes.
    pub fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        state.names.iter().map(|(name, &node)| (name.clone(), state.nodes[node].cached.clone())).collect()
    }
}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.0.state().locked = false;
    }
}

impl Disk for SimDisk {
    type File = SimFile;
    type Lock = SimLock;

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("simulated").join(name)
    }

    fn lock(&self) -> io::Result<SimLock> {
        let mut state = self.state();
        if std::mem::replace(&mut state.locked, true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(SimLock(self.clone()))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<SimFile> {
        let mut state = self.state();
        state.step()?;
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let zeros = vec![0; bytes as usize];
        let node = state.nodes.len();
        state.nodes.push(Node { cached: zeros.clone(), stored: zeros, dirty: BTreeSet::new() });
        state.change(NameChange::Link(name.to_owned(), node));
        Ok(SimFile { disk: self.clone(), node })
    }

    fn open(&self, name: &str, _access: Access) -> io::Result<SimFile> {
        Ok(SimFile { disk: self.clone(), node: self.state().node(name)? })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.node(from)?;
        state.change(NameChange::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.node(name)?;
        state.change(NameChange::Unlink(name.to_owned()));
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.changes.clear();
        state.stored_names = state.names.clone();
        Ok(())
    }

    fn salt(&self) -> io::Result<[u8; 16]> {
        let mut state = self.state();
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&state.random.next().to_be_bytes());
        salt[8..].copy_from_slice(&state.random.next().to_be_bytes());
        Ok(salt)
    }
}

impl DiskFile for SimFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.state().nodes[self.node].cached.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state();
        let bytes = &state.nodes[self.node].cached;
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let state = &mut *self.disk.state();
        let powered = state.step_into();
        state.step()?;
        // what lies within one sector is copied in one go
        let length = match state.short_writes && bytes.len() > SECTOR {
            true => 1 + state.random.below(bytes.len() as u64) as usize,
            false => bytes.len(),
        };
        let (from, node) = (offset as usize, &mut state.nodes[self.node]);
        assert!(from + length <= node.cached.len(), "the journal writes into space that it reserved");
        node.cached[from..from + length].copy_from_slice(&bytes[..length]);
        node.dirty.extend(from / SECTOR..(from + length).div_ceil(SECTOR));
        powered.map(|()| length)
    }

    fn sync(&self) -> io::Result<()> {
        let state = &mut *self.disk.state();
        let powered = state.step_into();
        state.step()?;
        powered?;
        let node = &mut state.nodes[self.node];
        match &mut state.syncs_left {
            Some(0) => {
                state.syncs_left = None;
                let seen = node.cached.clone();
                node.lose_power(&mut state.random);
                node.cached = seen;
                return Err(io::Error::other("the disk failed"));
            }
            Some(left) => *left -= 1,
            None => {}
        }
        for sector in std::mem::take(&mut node.dirty) {
            node.store(sector);
        }
        Ok(())
    }

    fn drop_cache(&self) -> io::Result<()> {
        let state = &mut *self.disk.state();
        let node = &mut state.nodes[self.node];
        assert!(node.dirty.is_empty(), "only synced files are dropped from the cache");
        node.cached.clone_from(&node.stored);
        Ok(())
    }
}
