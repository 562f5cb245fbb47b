//! In front of the sequencer: decodes commands, recovers signatures, computes the arrays of marks. Off the sequencer's
//! thread and off the GIL; the order of arrival is kept.

use crate::listing::Listing;
use parking_lot::RwLock;
use protocol::{Command, HashedArrays, MarkInputs, Reader, Wire, eip712, recover};
use std::sync::Arc;

/// A command as it arrives: `kind u8 ‖ body`, and the caller's tag for the reply.
#[derive(Debug)]
pub struct Submission {
    /// Comes back with the outcome.
    pub tag: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A refusal: a stable word and a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Stable snake_case word.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// The order that a duplicate client id names; 0 otherwise.
    pub order: u64,
}

impl Refusal {
    fn new(code: &'static str, error: impl ToString) -> Self {
        Self { code, message: error.to_string(), order: 0 }
    }
}

/// A command ready for the sequencer.
#[derive(Debug)]
pub struct Checked {
    /// The caller's tag.
    pub tag: u64,
    /// The command with the arrays of its marks, or why it cannot be.
    pub verdict: Result<(Command, Option<Arc<HashedArrays>>), Refusal>,
}

/// A mark that may pass: what there is to know of it before it does.
#[derive(Debug, Clone)]
pub struct ComingMark {
    /// Its inputs.
    pub inputs: MarkInputs,
    /// Listing epoch that the arrays cover.
    pub listing_epoch: u32,
    /// Its arrays.
    pub arrays: Arc<HashedArrays>,
}

impl Checked {
    /// The mark, if it is one and was not refused.
    #[must_use]
    pub fn mark(&self) -> Option<ComingMark> {
        let Ok((Command::MarkUpdate(update), Some(arrays))) = &self.verdict else { return None };
        let (inputs, listing_epoch) = (update.inputs.clone(), update.listing_epoch);
        Some(ComingMark { inputs, listing_epoch, arrays: Arc::clone(arrays) })
    }
}

/// Fewest submissions worth a second thread.
const SPLIT_MIN: usize = 16;

/// Checks a batch on up to `threads` threads.
#[must_use]
pub fn check_batch(batch: Vec<Submission>, listing: &RwLock<Listing>, threads: usize) -> Vec<Checked> {
    let listing = listing.read();
    let share = batch.len().div_ceil(threads.max(1)).max(SPLIT_MIN);
    if batch.len() <= share {
        return batch.into_iter().map(|submission| check(submission, &listing)).collect();
    }
    let mut rest = batch.into_iter();
    let listing = &*listing;
    std::thread::scope(|scope| {
        let mut workers = Vec::new();
        loop {
            let part: Vec<Submission> = rest.by_ref().take(share).collect();
            if part.is_empty() {
                break;
            }
            workers.push(scope.spawn(move || {
                part.into_iter().map(|submission| check(submission, listing)).collect::<Vec<_>>()
            }));
        }
        workers.into_iter().flat_map(|worker| worker.join().expect("checking does not panic")).collect()
    })
}

fn check(submission: Submission, listing: &Listing) -> Checked {
    Checked { tag: submission.tag, verdict: verdict(&submission.bytes, listing) }
}

fn verdict(bytes: &[u8], listing: &Listing) -> Result<(Command, Option<Arc<HashedArrays>>), Refusal> {
    let mut reader = Reader::new(bytes);
    let command = u8::take(&mut reader)
        .and_then(|kind| Command::take_body(kind, &mut reader))
        .and_then(|command| reader.finish().map(|()| command))
        .map_err(|error| Refusal::new("malformed", error))?;
    let claims = match listing.domain() {
        Some(domain) => eip712::signatures(&command, domain, listing)
            .map_err(|error| Refusal::new("unknown_name", error))?,
        None => Vec::new(),
    };
    recover::verify(&claims).map_err(|error| Refusal::new("invalid_signature", error))?;
    let Command::MarkUpdate(mut update) = command else { return Ok((command, None)) };
    let arrays = arrays(&update.inputs, listing)?;
    update.listing_epoch = listing.epoch(update.inputs.underlying).unwrap_or_default();
    update.arrays_hash = arrays.hash();
    Ok((Command::MarkUpdate(update), Some(Arc::new(arrays))))
}

fn arrays(inputs: &MarkInputs, listing: &Listing) -> Result<HashedArrays, Refusal> {
    let (underlying, time) = (inputs.underlying, inputs.time);
    pricing::mark_arrays(inputs, listing.live(underlying, time), listing.scenario(underlying, time))
        .map(HashedArrays::new)
        .map_err(|error| Refusal::new("invalid_mark", error))
}
