//! Hashes that wait, and are computed several at a time.
//!
//! A hash of a tree depends on those below it, and on nothing beside them. So the hashes of many steps are queued with
//! holes where a hash belongs that is queued itself, each on the level above the highest of these; then level after level
//! is filled in and hashed, [`LANES`] messages at once.

use super::hashing::{Digest, Hashing, Ticket};
use super::{INNER, Key, LEAF};
use protocol::hash::{LANES, keccak256_each};
use protocol::{Hash, Wire, keccak256};
use std::ops::Range;

/// Bytes of messages at which a queue is full: with its other lists it then about fills a core's own cache.
const FULL_AT: usize = 1 << 18;
/// Longest message of one permutation. Others wait in a list of their own, so that no lane idles while one goes on.
const SHORT: usize = 135;

/// A message, and where the hashes belong that it waits for.
#[derive(Debug, Clone)]
struct Job {
    end: u32,
    holes_end: u32,
    level: u16,
}

/// A place in the messages for a hash that is queued.
#[derive(Debug, Clone)]
struct Hole {
    at: u32,
    waits_for: Ticket,
}

/// Jobs that wait for nothing but lower levels.
#[derive(Debug, Clone, Default)]
struct Level {
    short: Vec<u32>,
    long: Vec<u32>,
}

/// Hashes that wait.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queue {
    messages: Vec<u8>,
    jobs: Vec<Job>,
    holes: Vec<Hole>,
    levels: Vec<Level>,
    /// Levels that have a job; those above are kept for their memory.
    height: usize,
    hashes: Vec<Hash>,
}

impl Queue {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Whether it is time to settle.
    pub fn is_full(&self) -> bool {
        self.messages.len() >= FULL_AT
    }

    /// Queues the hash of the bytes of `value`.
    pub fn value(&mut self, value: &impl Wire) -> Digest {
        value.put(&mut self.messages);
        Digest::Queued(self.push())
    }

    /// Queues the hash of `bytes`.
    pub fn bytes(&mut self, bytes: &[u8]) -> Digest {
        self.messages.extend_from_slice(bytes);
        Digest::Queued(self.push())
    }

    /// Queues the hash of `message`, which has 32 zeros `at` each of the places of `parts`.
    pub fn message<const N: usize>(&mut self, message: &[u8], at: [usize; N], parts: [Digest; N]) -> Ticket {
        let start = self.messages.len();
        self.messages.extend_from_slice(message);
        for (offset, digest) in at.into_iter().zip(&parts) {
            self.fill(start + offset, digest);
        }
        self.push()
    }

    /// Computes what waits. The queue is then empty, and [`Self::hash`] has the hashes until the next is queued.
    pub fn settle(&mut self) {
        self.hashes.clear();
        self.hashes.resize(self.jobs.len(), Hash::ZERO);
        for level in 0..self.height {
            let Level { mut short, mut long } = std::mem::take(&mut self.levels[level]);
            long.sort_by_key(|&job| self.bytes_of(job as usize).len());
            self.hash_all(&short);
            self.hash_all(&long);
            short.clear();
            long.clear();
            self.levels[level] = Level { short, long };
        }
        self.height = 0;
        self.messages.clear();
        self.jobs.clear();
        self.holes.clear();
    }

    /// A hash of those last settled.
    pub fn hash(&self, ticket: Ticket) -> Hash {
        self.hashes[ticket.number()]
    }

    /// Turns a digest that was queued into that hash.
    pub fn resolve(&self, digest: &mut Digest) {
        if let Digest::Queued(ticket) = *digest {
            *digest = Digest::Known(self.hash(ticket));
        }
    }

    fn hash_all(&mut self, jobs: &[u32]) {
        let (groups, rest) = jobs.as_chunks::<LANES>();
        for group in groups {
            self.hash_group(*group);
        }
        match *rest {
            [] => {}
            [only] => {
                self.fill_holes(only as usize);
                self.hashes[only as usize] = keccak256(&[self.bytes_of(only as usize)]);
            }
            [.., last] => {
                // A lane without a message of its own takes the last one again.
                let mut group = [last; LANES];
                group[..rest.len()].copy_from_slice(rest);
                self.hash_group(group);
            }
        }
    }

    fn hash_group(&mut self, group: [u32; LANES]) {
        let group = group.map(|job| job as usize);
        group.into_iter().for_each(|job| self.fill_holes(job));
        let hashes = keccak256_each(group.map(|job| self.bytes_of(job)));
        for (job, hash) in group.into_iter().zip(hashes) {
            self.hashes[job] = hash;
        }
    }

    fn fill_holes(&mut self, job: usize) {
        for Hole { at, waits_for } in &self.holes[self.span(job, |job| job.holes_end)] {
            let at = *at as usize;
            self.messages[at..at + 32].copy_from_slice(&self.hashes[waits_for.number()].0);
        }
    }

    fn bytes_of(&self, job: usize) -> &[u8] {
        &self.messages[self.span(job, |job| job.end)]
    }

    /// From where the job before ended to where this one does.
    fn span(&self, job: usize, end: impl Fn(&Job) -> u32) -> Range<usize> {
        let start = job.checked_sub(1).map_or(0, |before| end(&self.jobs[before]));
        start as usize..end(&self.jobs[job]) as usize
    }

    /// Puts a hash behind the message that is being written.
    fn append(&mut self, digest: &Digest) {
        let at = self.messages.len();
        self.messages.extend_from_slice(&[0; 32]);
        self.fill(at, digest);
    }

    /// Puts a hash at a place of the message that is being written.
    fn fill(&mut self, at: usize, digest: &Digest) {
        match digest {
            Digest::Known(hash) => self.messages[at..at + 32].copy_from_slice(&hash.0),
            Digest::Queued(ticket) => self.holes.push(Hole { at: at as u32, waits_for: *ticket }),
        }
    }

    /// Queues the message that was written behind the last.
    fn push(&mut self) -> Ticket {
        let number = self.jobs.len();
        let (start, holes) = self.jobs.last().map_or((0, 0), |job| (job.end, job.holes_end));
        let waited_for = self.holes[holes as usize..].iter().map(|hole| hole.waits_for.number());
        let level = waited_for.map(|job| self.jobs[job].level + 1).max().unwrap_or(0);
        let end = u32::try_from(self.messages.len()).expect("a queue is settled long before");
        self.jobs.push(Job { end, holes_end: self.holes.len() as u32, level });
        self.height = self.height.max(usize::from(level) + 1);
        if self.levels.len() < self.height {
            self.levels.push(Level::default());
        }
        let ticket = Ticket::new(number);
        let level = &mut self.levels[usize::from(level)];
        let list = if (end - start) as usize > SHORT { &mut level.long } else { &mut level.short };
        list.push(number as u32);
        ticket
    }
}

impl Hashing for Queue {
    fn leaf(&mut self, key: &Key, value: &Digest) -> Digest {
        self.messages.push(LEAF);
        self.messages.extend_from_slice(key);
        self.append(value);
        Digest::Queued(self.push())
    }

    fn inner(&mut self, bit: u16, left: &Digest, right: &Digest) -> Digest {
        self.messages.push(INNER);
        self.messages.extend_from_slice(&bit.to_be_bytes());
        self.append(left);
        self.append(right);
        Digest::Queued(self.push())
    }
}
