//! What was judged as a file, for tests of contracts: few calls that between them go every way that was gone, packed, since
//! they show much of the same states.

use crate::abi::hex;
use crate::branches::{Branch, Branches};
use crate::evm::Trace;
use crate::verifier::{Claim, Judged, Verdict};
use protocol::Address;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

/// Bytes that are looked for in what was written. What repeats and is shorter is written again.
const ALIKE: usize = 16;

/// A call, as its reader wants it.
struct Fixture {
    bytes: Vec<u8>,
    branches: BTreeSet<Branch>,
}

/// Calls, each of which went a way that none before it had gone.
#[derive(Default)]
pub struct Collection {
    fixtures: Vec<Fixture>,
    seen: BTreeSet<Branch>,
}

impl Collection {
    /// Takes a call, if it went a way that is new.
    pub fn add(&mut self, Branches(branches): Branches, bytes: impl FnOnce() -> Vec<u8>) {
        let before = self.seen.len();
        self.seen.extend(branches.iter().copied());
        if self.seen.len() > before {
            self.fixtures.push(Fixture { bytes: bytes(), branches });
        }
    }

    /// Writes the fewest calls that go all these ways, as far as taking the one first that goes most new ways for its
    /// length finds them: a line of hex for each, [packed](Packer::line). Returns how many.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(mut self, path: &Path) -> io::Result<usize> {
        let (mut text, mut packer) = (String::new(), Packer::default());
        // New ways by length, as fractions are compared.
        let worth = |a: &Fixture, b: &Fixture| {
            (a.branches.len() * b.bytes.len()).cmp(&(b.branches.len() * a.bytes.len()))
        };
        loop {
            self.fixtures.retain(|fixture| !fixture.branches.is_empty());
            let places = 0..self.fixtures.len();
            let best = places.max_by(|&a, &b| worth(&self.fixtures[a], &self.fixtures[b]));
            let Some(best) = best else { break };
            let Fixture { bytes, branches } = self.fixtures.swap_remove(best);
            for other in &mut self.fixtures {
                other.branches.retain(|branch| !branches.contains(branch));
            }
            let _ = writeln!(text, "0x{}", hex(&packer.line(bytes)));
        }
        fs::write(path, text)?;
        Ok(packer.lines.len())
    }
}

/// Lines that refer to lines before them.
#[derive(Default)]
struct Packer {
    lines: Vec<Vec<u8>>,
    /// Line and place where bytes stood last.
    seen: HashMap<[u8; ALIKE], (usize, usize)>,
}

impl Packer {
    /// A line as `length u24`, and until it has that length `count u24 ‖ bytes` and `count u24 ‖ line u16 ‖ place u24` by turns:
    /// bytes, and so many of a line before it.
    fn line(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let number = |count: usize| (count as u32).to_be_bytes()[1..].to_vec();
        let mut out = number(bytes.len());
        let (mut at, mut written) = (0, 0);
        while at < bytes.len() {
            let (line, place, count) = self.alike(&bytes[at..]);
            if count == 0 && at + 1 < bytes.len() {
                at += 1;
                continue;
            }
            let end = if count == 0 { bytes.len() } else { at };
            out.extend(number(end - written));
            out.extend(&bytes[written..end]);
            if count != 0 {
                out.extend(number(count));
                out.extend((line as u16).to_be_bytes());
                out.extend(number(place));
            }
            at = end + count;
            written = at;
        }
        let line = self.lines.len();
        for (place, window) in bytes.windows(ALIKE).enumerate() {
            self.seen.insert(window.try_into().expect("as long"), (line, place));
        }
        self.lines.push(bytes);
        out
    }

    /// Where the first bytes of `rest` stand in a line before, and how many of them: none, if too few.
    fn alike(&self, rest: &[u8]) -> (usize, usize, usize) {
        let found = rest.first_chunk().and_then(|first| self.seen.get(first));
        let Some(&(line, place)) = found else { return (0, 0, 0) };
        let there = &self.lines[line][place..];
        let count = there.iter().zip(rest).take_while(|(a, b)| a == b).count();
        (line, place, count)
    }
}

/// The ways of a step that was judged. That it is honest or not counts as one, so that of every kind there is one of each.
pub(crate) fn ways(trace: &Trace, claim: &Claim, judged: &Judged) -> Branches {
    let mut ways = trace.branches.clone();
    // No code is as long.
    ways.0.insert((Address([0; 20]), usize::MAX - usize::from(claim.kind), judged.agrees(claim)));
    ways
}

/// A step: `verdict ‖ root before ‖ kind ‖ subject ‖ first ‖ last ‖ root after ‖ length u24 ‖ record ‖ witness`. Verdicts are
/// 0 honest, 1 another root, 2 illegal, 3 nothing.
pub(crate) fn of_step(claim: &Claim, witness: &[u8], judged: &Judged) -> Vec<u8> {
    let verdict = match &judged.verdict {
        Verdict::Executed(root) => u8::from(*root != claim.root_after),
        Verdict::Illegal(_) => 2,
        Verdict::Undecided(_) => 3,
    };
    let length = (claim.record.len() as u32).to_be_bytes();
    [
        &[verdict],
        claim.root_before.0.as_slice(),
        &[claim.kind],
        &claim.subject,
        &[claim.first.into(), claim.last.into()],
        &claim.root_after.0,
        &length[1..],
        &claim.record,
        witness,
    ]
    .concat()
}
