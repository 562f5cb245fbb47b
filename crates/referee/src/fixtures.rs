//! What was judged as a file, for tests of contracts: few calls that between them go every way that was gone.

use crate::abi::hex;
use crate::branches::{Branch, Branches};
use crate::verifier::{Claim, Judged, Verdict};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

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
    /// length finds them: a line of hex for each. Returns how many.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(mut self, path: &Path) -> io::Result<usize> {
        let (mut text, mut count) = (String::new(), 0);
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
            let _ = writeln!(text, "0x{}", hex(&bytes));
            count += 1;
        }
        fs::write(path, text)?;
        Ok(count)
    }
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
