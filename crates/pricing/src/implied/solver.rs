//! From a price to its vol, or to the reason why there is none.

use super::normalised::Normalised;
use crate::black76::{LEAST_PRICE, MOST_INPUT, MOST_PRICE};

/// A relative step after which s is at its root: what a step leaves is of the order of its fourth power.
const SETTLED: f64 = 3e-5;
/// Further steps at most. Two are enough for every option but the strangest, four for those.
const MOST_FURTHER_STEPS: usize = 6;

/// Statuses as numbers of the lanes' own type, so that a loop over lanes can choose between them.
pub(super) const FOUND: f64 = 0.0;
/// See [`FOUND`].
pub(super) const BELOW_INTRINSIC: f64 = 1.0;
/// See [`FOUND`].
pub(super) const ABOVE_BOUND: f64 = 2.0;
/// See [`FOUND`].
pub(super) const BAD_INPUT: f64 = 3.0;

/// An option whose inputs have been looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Checked {
    /// One of the four statuses.
    pub status: f64,
    /// √T; infinite where the vol is 0 or none, which makes it 0.
    pub root_t: f64,
    /// What to solve; something harmless where there is nothing.
    pub normalised: Normalised,
}

impl Checked {
    /// `sign` is 1 for a call and −1 for a put.
    #[inline(always)]
    pub(super) fn new(price: f64, forward: f64, strike: f64, t: f64, sign: f64) -> Self {
        // A put is the call with forward and strike exchanged; parity turns in-the-money into out-of-the-money.
        let difference = sign * (forward - strike);
        let intrinsic = if difference > 0.0 { difference } else { 0.0 };
        let bound = if sign > 0.0 { forward } else { strike };
        let (near, far) = if forward < strike { (forward, strike) } else { (strike, forward) };
        let time_value = price - intrinsic;

        // A NaN is near or far, and fails there.
        let is_priced = (near >= LEAST_PRICE) & (far <= MOST_PRICE) & (price.abs() <= f64::MAX);
        let is_timed = (t > 0.0) & (t <= MOST_INPUT);
        let status = if (price >= bound) | (time_value >= near) { ABOVE_BOUND } else { FOUND };
        let status = if price < intrinsic { BELOW_INTRINSIC } else { status };
        let status = if is_priced & is_timed { status } else { BAD_INPUT };

        let is_live = (status == FOUND) & (time_value > 0.0);
        Self {
            status,
            root_t: if is_live { t.sqrt() } else { f64::INFINITY },
            normalised: Normalised::new(
                if is_live { time_value } else { 0.5 },
                if is_live { near } else { 1.0 },
                if is_live { far } else { 1.0 },
            ),
        }
    }

    /// The vol; 0 where there is none.
    #[inline(always)]
    pub(super) fn vol(&self) -> f64 {
        let option = &self.normalised;
        let s = first_step(option, option.start());
        let (s, change) = second_step(option, s);
        further_steps(option, s, change) / self.root_t
    }
}

/// From the start to a few millionths, with rough functions.
#[inline(always)]
pub(super) fn first_step(option: &Normalised, s: f64) -> f64 {
    s + s * option.step::<true>(s)
}

/// To the last digits, and the relative change that it took.
#[inline(always)]
pub(super) fn second_step(option: &Normalised, s: f64) -> (f64, f64) {
    let change = option.step::<false>(s);
    (s + s * change, change)
}

/// Whether a change was so small that nothing is left to do.
#[inline(always)]
pub(super) fn is_settled(change: f64) -> bool {
    change.abs() <= SETTLED
}

/// More of the second step until the change is small. The start of an option far from the money may need it.
#[inline(always)]
pub(super) fn further_steps(option: &Normalised, mut s: f64, mut change: f64) -> f64 {
    let mut steps = 0;
    while !is_settled(change) && steps < MOST_FURTHER_STEPS {
        (s, change) = second_step(option, s);
        steps += 1;
    }
    s
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn steps_of(option: &Normalised) -> usize {
        let mut s = first_step(option, option.start());
        for steps in 2..20 {
            let change;
            (s, change) = second_step(option, s);
            assert!(s > 0.0 && s.is_finite());
            if is_settled(change) {
                return steps;
            }
        }
        20
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn two_steps_settle_what_is_traded(x in 0.0f64..3.0, fall in 1e-3f64..690.0, is_high: bool) {
            let small = (-fall).exp();
            let price = if is_high { 1.0 - (-fall * 0.05).exp() } else { small };
            prop_assert_eq!(steps_of(&Normalised::new(price, 1.0, x.exp())), 2);
        }

        #[test]
        fn four_steps_settle_everything(
            x in 0.0f64..690.0, ln_x in -37.0f64..6.5, share in 1e-3f64..1.0, is_far: bool, is_high: bool
        ) {
            let x = if is_far { x } else { ln_x.exp() };
            let near = 1e150 * (-x).exp();
            // From the least prices, in two factors because e^−1000 is none, to the last one below the bound.
            let root = (-(500.0 - 0.5 * x) * share).exp();
            let price = if is_high { near * (1.0 - (-36.0 * share).exp()) } else { near * root * root };
            prop_assert!(steps_of(&Normalised::new(price, near, 1e150)) <= 4);
        }
    }
}
