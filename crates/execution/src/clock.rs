//! The venue clock: real time, shifted and stretched, so that a recorded market can be traded in compressed time.

use protocol::Nanos;
use std::time::{SystemTime, UNIX_EPOCH};

/// `venue = venue_start + (real − real_start) · speed`; all processes of a venue share the three numbers.
#[derive(Debug, Clone, Copy)]
pub struct VenueClock {
    /// Venue time at `real_start`.
    pub venue_start: Nanos,
    /// Real time, ns since the Unix epoch, at which the venue clock read `venue_start`.
    pub real_start: Nanos,
    /// Venue seconds per real second.
    pub speed: f64,
}

impl VenueClock {
    /// The venue time that belongs to a real time.
    #[must_use]
    pub fn at(&self, real: Nanos) -> Nanos {
        let elapsed = real.saturating_sub(self.real_start) as f64 * self.speed;
        self.venue_start.saturating_add(elapsed as Nanos)
    }

    /// Venue time now.
    ///
    /// # Panics
    /// When the machine's clock stands before 1970.
    #[must_use]
    pub fn now(&self) -> Nanos {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
        self.at(real.as_nanos() as Nanos)
    }
}
