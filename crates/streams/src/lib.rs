//! Random venues for tests: numbers become signed commands that a venue accepts or refuses, and what it accepted is a
//! journal. Every kind of command, event and step is reached; the same numbers give the same journal.

mod acts;
mod contrarian;
mod draft;
mod oracle;
mod orders;
mod random;
mod terms;
mod trouble;
mod venue;

pub use acts::Act;
pub use contrarian::{Chosen, Contrarian};
pub use random::Random;
pub use venue::{START, THREADS, Venue, owner};

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400 * SECOND;
