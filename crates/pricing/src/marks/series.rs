//! One expiry of the inputs, with the strikes that are listed on it.

use super::{MarkError, NANO, positive};
use crate::chain::ChainExpiry;
use crate::lanes::{LaneExpiry, Scenario};
use crate::math::exp;
use crate::smile::Smile;
use protocol::{ExpiryInputs, Nanos, SETTLEMENT_WINDOW_NS};

/// Nanoseconds of a year of 365 days.
const NANOS_PER_YEAR: f64 = 31_536_000e9;

/// Years of 365 days from `now` to `expiry`, 0 when it has passed.
#[must_use]
pub fn year_fraction(now: Nanos, expiry: Nanos) -> f64 {
    expiry.saturating_sub(now) as f64 / NANOS_PER_YEAR
}

/// The share of the settlement window that `now` leaves before `expiry`: 1 before the window, 0 at its end.
///
/// The settlement price is the average over the window, so this is the part of it that is still to come, and by which
/// the delta of an option on it decays.
#[must_use]
pub fn settlement_share(now: Nanos, expiry: Nanos) -> f64 {
    let left = expiry.saturating_sub(now).min(SETTLEMENT_WINDOW_NS);
    left as f64 / SETTLEMENT_WINDOW_NS as f64
}

/// One expiry and the strikes listed on it.
pub(super) struct Series {
    t: f64,
    forward: f64,
    pub discount: f64,
    pub settlement_share: f64,
    smile: Smile,
    pub strikes: Vec<f64>,
    /// The smile's vol at each strike, 0 at expiry; NaN where the variance is negative.
    pub vols: Vec<f64>,
}

impl Series {
    pub(super) fn new(now: Nanos, inputs: &ExpiryInputs) -> Result<Self, MarkError> {
        positive("a forward", inputs.forward)?;
        let smile = Smile::from_slice(&inputs.smile)
            .map_err(|error| MarkError::Smile { expiry: inputs.expiry, error })?;
        let t = year_fraction(now, inputs.expiry);
        Ok(Self {
            t,
            forward: inputs.forward as f64 / NANO,
            discount: exp(-(inputs.rate as f64 / NANO) * t),
            settlement_share: settlement_share(now, inputs.expiry),
            smile,
            strikes: Vec::new(),
            vols: Vec::new(),
        })
    }

    /// Place of a strike; a call and a put of one strike share it when they follow each other.
    pub(super) fn strike(&mut self, strike: f64) -> usize {
        if self.strikes.last() != Some(&strike) {
            self.strikes.push(strike);
        }
        self.strikes.len() - 1
    }

    pub(super) fn find_vols(&mut self) {
        self.vols.resize(self.strikes.len(), 0.0);
        if self.t > 0.0 {
            self.smile.vols_into(self.forward, self.t, &self.strikes, &mut self.vols);
        }
    }

    pub(super) fn chain_expiry(&self) -> ChainExpiry<'_> {
        ChainExpiry { forward: self.forward, t: self.t, strike: &self.strikes, sigma: &self.vols }
    }

    pub(super) fn lane_expiry(&self, scenario: &Scenario) -> LaneExpiry {
        LaneExpiry::new(self.forward, self.t, self.discount, scenario.shocks(self.t, self.settlement_share))
    }
}
