//! The scenarios of an underlying, and what they are at one expiry.

use super::{
    CRASH, CRASH_MOVE, CRASH_VOL, FRONT_DOWN, FRONT_UP, MIDDLE, SKEW_ABSOLUTE, SKEW_LINEAR, TAIL_LANES,
    TAILS, VOL_DOWN, VOL_UNCHANGED, VOL_UP,
};
use crate::block::{BLOCK, Lanes};
use crate::kernel::DAYS_PER_YEAR;
use crate::math::{exp, ln, ln_ratio};
use protocol::{NANO_ONE, ScenarioParameters};
use thiserror::Error;

/// Days at which the vol moves by its parameters.
const REFERENCE_DAYS: f64 = 30.0;
/// Fewest days that an expiry counts.
const LEAST_DAYS: f64 = 1.0;
/// What every scenario leaves of a vol that it lowers.
const LEAST_VOL_SHARE: f64 = 0.05;

/// A parameter outside its domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{what} is {value}e-9, must be from {least}e-9 to {most}e-9")]
pub struct ScenarioError {
    /// Which parameter.
    pub what: &'static str,
    /// Its value, 1e-9.
    pub value: i64,
    /// Least value, 1e-9.
    pub least: i64,
    /// Largest value, 1e-9.
    pub most: i64,
}

/// [`ScenarioParameters`] as numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scenario {
    range_nano: i64,
    range: f64,
    vol_up: f64,
    vol_down: f64,
    power_short: f64,
    power_long: f64,
    vol_floor: f64,
    skew_linear: f64,
    skew_absolute: f64,
    term_front: f64,
    term_back: f64,
}

impl Scenario {
    /// From the fixed point of the wire.
    ///
    /// # Errors
    /// [`ScenarioError`] for a parameter with which a shocked forward, or a vol, could make no sense.
    pub(crate) fn new(parameters: &ScenarioParameters) -> Result<Self, ScenarioError> {
        let within = |what, value: i64, least, most| {
            if (least..=most).contains(&value) {
                Ok(value as f64 / NANO_ONE as f64)
            } else {
                Err(ScenarioError { what, value, least, most })
            }
        };
        Ok(Self {
            range_nano: parameters.range,
            range: within("range", parameters.range, 1, NANO_ONE - 1)?,
            vol_up: within("vol_up", parameters.vol_up, 0, i64::MAX)?,
            vol_down: within("vol_down", parameters.vol_down, 0, i64::MAX)?,
            power_short: within("power_short", parameters.power_short, 0, NANO_ONE)?,
            power_long: within("power_long", parameters.power_long, 0, NANO_ONE)?,
            vol_floor: within("vol_floor", parameters.vol_floor, 0, i64::MAX)?,
            skew_linear: within("skew_linear", parameters.skew_linear, i64::MIN, i64::MAX)?,
            skew_absolute: within("skew_absolute", parameters.skew_absolute, i64::MIN, i64::MAX)?,
            term_front: within("term_front", parameters.term_front, 0, i64::MAX)?,
            term_back: within("term_back", parameters.term_back, 0, i64::MAX)?,
        })
    }

    /// Range of the price nodes as on the wire, 1e-9.
    pub(crate) fn range_nano(&self) -> i64 {
        self.range_nano
    }

    /// What the scenarios do to an expiry `t` years away; `share` is what is left of its settlement window.
    pub(crate) fn shocks(&self, t: f64, share: f64) -> Shocks {
        let days = t * DAYS_PER_YEAR;
        let days = if days > LEAST_DAYS { days } else { LEAST_DAYS };
        let power = if days < REFERENCE_DAYS { self.power_short } else { self.power_long };
        let vol_move = exp(power * ln_ratio(REFERENCE_DAYS, days));
        let front = REFERENCE_DAYS / (REFERENCE_DAYS + days);
        let twist = self.term_front * front - self.term_back * (1.0 - front);
        let (factor, weight) = self.price_shocks(share);
        Shocks {
            log_factor: factor.map(ln),
            factor,
            weight,
            vol_up: 1.0 + self.vol_up * vol_move,
            vol_floor: self.vol_floor,
            vol_down: at_least(1.0 - self.vol_down * vol_move, LEAST_VOL_SHARE),
            distance_scale: (REFERENCE_DAYS / days).sqrt(),
            skew_linear: self.skew_linear,
            skew_absolute: self.skew_absolute,
            front_up: at_least(1.0 + twist, LEAST_VOL_SHARE),
            front_down: at_least(1.0 - twist, LEAST_VOL_SHARE),
        }
    }

    /// Factor of the forward and weight of the P&L, by lane.
    fn price_shocks(&self, share: f64) -> (Lanes, Lanes) {
        let (mut factor, mut weight) = ([1.0; BLOCK], [1.0; BLOCK]);
        for row in [VOL_UP, VOL_UNCHANGED, VOL_DOWN] {
            for (node, factor) in factor[row].iter_mut().enumerate() {
                let eighths = node as f64 - MIDDLE as f64;
                *factor = 1.0 + self.range * eighths / MIDDLE as f64 * share;
            }
        }
        for (lane, change) in TAIL_LANES.zip(TAILS).chain([(CRASH, CRASH_MOVE)]) {
            factor[lane] = 1.0 + change * share;
            weight[lane] = self.range / change.abs();
        }
        (factor, weight)
    }
}

/// The scenarios at one expiry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shocks {
    /// Forward in each lane over the forward.
    pub factor: Lanes,
    /// Its logarithm.
    pub log_factor: Lanes,
    /// What the P&L of each lane counts.
    pub weight: Lanes,
    vol_up: f64,
    vol_floor: f64,
    vol_down: f64,
    /// √(30/DTE): what ln(K/F) is measured in for the skew.
    distance_scale: f64,
    skew_linear: f64,
    skew_absolute: f64,
    front_up: f64,
    front_down: f64,
}

impl Shocks {
    /// The vol of each lane, for a strike with vol `sigma` at `k` = ln(K/F).
    #[inline(always)]
    pub(crate) fn vols_into(&self, sigma: f64, k: f64, vols: &mut Lanes) {
        let up = at_least(sigma * self.vol_up, self.vol_floor);
        let least = sigma * LEAST_VOL_SHARE;
        let distance = at_least(-at_least(-(k * self.distance_scale), -1.0), -1.0);
        vols[VOL_UP].fill(up);
        vols[VOL_UNCHANGED].fill(sigma);
        vols[VOL_DOWN].fill(sigma * self.vol_down);
        vols[TAIL_LANES].fill(up);
        vols[SKEW_LINEAR] = at_least(sigma + self.skew_linear * distance, least);
        vols[SKEW_ABSOLUTE] = at_least(sigma + self.skew_absolute * distance.abs(), least);
        vols[FRONT_UP] = sigma * self.front_up;
        vols[FRONT_DOWN] = sigma * self.front_down;
        vols[CRASH] = sigma * CRASH_VOL;
    }
}

#[inline(always)]
fn at_least(value: f64, least: f64) -> f64 {
    if value > least { value } else { least }
}
