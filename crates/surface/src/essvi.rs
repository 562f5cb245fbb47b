//! eSSVI: a whole surface of three numbers per expiry whose conditions against arbitrage are inequalities between them.
//!
//! A slice is w(k) = ½(θ + ρψk + √((ψk + θρ)² + θ²(1 − ρ²))) with θ the total variance at the money and ψ = θφ (Hendriks
//! and Martini 2019). With the slopes of the wings R = ψ(1 + ρ)/2 and L = ψ(1 − ρ)/2 the sufficient conditions of that
//! paper, and of Gatheral and Jacquier 2014, are
//!
//! * calendar: θ, R and L do not fall from an expiry to the next, and (R + L)/θ does not rise;
//! * butterfly: max(R, L) < 2 and (R + L)·max(R, L) ≤ 2θ.
//!
//! Each expiry is fitted by itself; isotonic regression, weighted by the quotes, makes the three sequences rise; and a
//! pass from the first expiry on moves the wings back towards those of the expiry before until the rest holds.

use crate::least_squares::{Normal, Problem, minimise};
use crate::slice::Target;
use crate::svi::Svi;

/// Rise of θ and of the wings' slopes from an expiry to the next, at least: more than rounding takes away.
const RISE: f64 = 5e-8;
/// Share of each bound that is left as room for rounding.
const ROOM: f64 = 1e-3;
/// Flattest wing.
const FLATTEST: f64 = 1e-6;
/// Quotes from which the three numbers of a slice are fitted; with fewer, its wings are those of its neighbours.
pub const QUOTES_MIN: usize = 3;

/// One eSSVI slice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Essvi {
    /// Total variance at the money, θ.
    pub theta: f64,
    /// Slope of the right wing, R.
    pub right: f64,
    /// Slope of the left wing, L.
    pub left: f64,
}

impl Essvi {
    /// ψ = θφ = R + L.
    #[must_use]
    pub fn psi(&self) -> f64 {
        self.right + self.left
    }

    /// ρ = (R − L)/(R + L).
    #[must_use]
    pub fn rho(&self) -> f64 {
        (self.right - self.left) / self.psi()
    }

    /// The slice in the parameters of raw SVI.
    #[must_use]
    pub fn svi(&self) -> Svi {
        let (rho, scale) = (self.rho(), self.theta / self.psi());
        let rest = 1.0 - rho * rho;
        Svi {
            a: self.theta * rest / 2.0,
            b: self.psi() / 2.0,
            rho,
            m: -rho * scale,
            sigma: rest.sqrt() * scale,
        }
    }

    /// Whether the slice satisfies the butterfly conditions.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let steeper = self.right.max(self.left);
        steeper < 2.0 && self.psi() * steeper <= 2.0 * self.theta
    }

    /// Whether the slice satisfies the calendar conditions against the one before.
    #[must_use]
    pub fn follows(&self, before: &Self) -> bool {
        self.theta >= before.theta
            && self.right >= before.right
            && self.left >= before.left
            && self.psi() * before.theta <= before.psi() * self.theta
    }
}

/// What one slice is fitted to.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// Years to expiry.
    pub t: f64,
    /// Targets; may be none.
    pub targets: &'a [Target],
    /// Total variance at the money, about; not used when there are no targets.
    pub level: f64,
}

/// Fits the whole surface. `None` when no expiry has a target.
#[must_use]
pub fn fit(samples: &[Sample<'_>]) -> Option<Vec<Essvi>> {
    let free: Vec<Option<Essvi>> = samples
        .iter()
        .map(|sample| (sample.targets.len() >= QUOTES_MIN).then(|| fit_slice(sample)))
        .collect();
    let filled = fill(samples, &free)?;
    let weights: Vec<f64> = samples
        .iter()
        .zip(&free)
        .map(|(sample, own)| own.map_or(0.01, |_| sample.targets.len() as f64))
        .collect();
    let rising = |of: fn(&Essvi) -> f64| isotonic(&filled.iter().map(of).collect::<Vec<_>>(), &weights);
    let theta = rising(|slice| slice.theta);
    let (right, left) = (rising(|slice| slice.right), rising(|slice| slice.left));
    let mut surface: Vec<Essvi> = Vec::with_capacity(samples.len());
    for index in 0..samples.len() {
        let wish = Essvi { theta: theta[index], right: right[index], left: left[index] };
        surface.push(admit(&wish, surface.last()));
    }
    Some(surface)
}

/// The slice nearest to `wish`, on the way from the wings of the slice before, that has no arbitrage.
fn admit(wish: &Essvi, before: Option<&Essvi>) -> Essvi {
    let floor = before.map_or(Essvi { theta: 0.0, right: FLATTEST, left: FLATTEST }, |slice| Essvi {
        theta: slice.theta * (1.0 + ROOM) + RISE,
        right: slice.right + RISE,
        left: slice.left + RISE,
    });
    let theta = wish.theta.max(floor.theta);
    let (right, left) = (wish.right.max(floor.right), wish.left.max(floor.left));
    let at = |share: f64| Essvi {
        theta,
        right: floor.right + (right - floor.right) * share,
        left: floor.left + (left - floor.left) * share,
    };
    let holds = |slice: &Essvi| {
        let inner = Essvi { theta: slice.theta * (1.0 - ROOM), ..*slice };
        inner.is_sound()
            && slice.right.max(slice.left) < 1.9
            && before.is_none_or(|before| slice.follows(before))
    };
    if holds(&at(1.0)) {
        return at(1.0);
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..40 {
        let share = (low + high) / 2.0;
        if holds(&at(share)) { low = share } else { high = share }
    }
    at(low)
}

/// Slices without quotes of their own get θ and wings linear in time between those of their neighbours; before the
/// first and after the last of these, in proportion to time.
fn fill(samples: &[Sample<'_>], free: &[Option<Essvi>]) -> Option<Vec<Essvi>> {
    let known = |index: usize| free[index].map(|slice| (samples[index].t, slice));
    let one = |index: usize, sample: &Sample<'_>| {
        let before = (0..index).rev().find_map(known);
        let after = (index..samples.len()).find_map(known);
        let shape = match (before, after) {
            (Some((t0, slice0)), Some((t1, slice1))) => {
                let share = (sample.t - t0) / (t1 - t0);
                let mix = |from: f64, to: f64| from + (to - from) * share;
                Essvi {
                    theta: mix(slice0.theta, slice1.theta),
                    right: mix(slice0.right, slice1.right),
                    left: mix(slice0.left, slice1.left),
                }
            }
            (Some((t, slice)), None) | (None, Some((t, slice))) => {
                let ratio = sample.t / t;
                Essvi { theta: slice.theta * ratio, right: slice.right * ratio, left: slice.left * ratio }
            }
            // Nobody has three quotes: a flat smile at the level of those that there are.
            (None, None) => {
                let (t, level) = samples
                    .iter()
                    .find(|other| !other.targets.is_empty())
                    .map(|other| (other.t, other.level))?;
                Essvi { theta: level * sample.t / t, right: FLATTEST, left: FLATTEST }
            }
        };
        let theta = if sample.targets.is_empty() { shape.theta } else { sample.level };
        Some(Essvi { theta, ..shape })
    };
    samples
        .iter()
        .enumerate()
        .map(|(index, sample)| free[index].map_or_else(|| one(index, sample), Some))
        .collect()
}

/// The non-decreasing sequence nearest to `values` in weighted squares (pool adjacent violators).
fn isotonic(values: &[f64], weights: &[f64]) -> Vec<f64> {
    let mut pools: Vec<(f64, f64, usize)> = Vec::with_capacity(values.len());
    for (&value, &weight) in values.iter().zip(weights) {
        let mut pool = (value, weight, 1);
        while let Some(&(level, mass, count)) = pools.last()
            && level > pool.0
        {
            pools.pop();
            let total = mass + pool.1;
            pool = ((level * mass + pool.0 * pool.1) / total, total, count + pool.2);
        }
        pools.push(pool);
    }
    pools.into_iter().flat_map(|(level, _, count)| std::iter::repeat_n(level, count)).collect()
}

/// θ, R and L of one expiry.
struct SliceFit<'a> {
    sample: &'a Sample<'a>,
}

fn fit_slice(sample: &Sample<'_>) -> Essvi {
    let slope = sample.level.sqrt().min(0.5) * 0.3;
    let [theta, right, left] = minimise(&SliceFit { sample }, [sample.level, slope, slope]);
    Essvi { theta, right, left }
}

impl Problem<3> for SliceFit<'_> {
    fn residuals(&self, &[theta, right, left]: &[f64; 3], normal: &mut Normal<3>) {
        let (psi, skew) = (right + left, right - left);
        for target in self.sample.targets {
            let k = target.k;
            let root = (psi * psi * k * k + 2.0 * theta * skew * k + theta * theta).sqrt();
            let residual = ((theta + skew * k + root) / 2.0 - target.variance) / target.tolerance;
            let in_theta = (1.0 + (skew * k + theta) / root) / 2.0;
            let in_skew = (k + theta * k / root) / 2.0;
            let in_psi = psi * k * k / (2.0 * root);
            let slopes = [in_theta, in_psi + in_skew, in_psi - in_skew];
            normal.add_robust(residual, &slopes.map(|slope| slope / target.tolerance), target.weight);
        }
    }

    fn bounds(&self) -> ([f64; 3], [f64; 3]) {
        let level = self.sample.level;
        // From (R + L)·max(R, L) ≤ 2θ neither wing is steeper than √(2θ).
        let steepest = (2.0 * level).sqrt().min(1.9);
        ([level / 4.0, FLATTEST, FLATTEST], [level * 2.0, steepest, steepest])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrage::{butterfly, calendar};
    use proptest::prelude::*;

    /// A surface that keeps all conditions, from free numbers.
    fn any_surface() -> impl Strategy<Value = Vec<Essvi>> {
        prop::collection::vec((1e-4f64..0.05, 0.01f64..1.0, 0.01f64..1.0), 1..8).prop_map(|steps| {
            let mut surface: Vec<Essvi> = Vec::new();
            let mut theta = 0.0;
            for (rise, right, left) in steps {
                theta += rise;
                let slope = (2.0 * theta).sqrt();
                surface
                    .push(admit(&Essvi { theta, right: right * slope, left: left * slope }, surface.last()));
            }
            surface
        })
    }

    fn targets(slice: &Essvi) -> Vec<Target> {
        let svi = slice.svi();
        (-8..=8)
            .map(|number| {
                let k = f64::from(number) * slice.theta.sqrt() / 3.0;
                Target { k, variance: svi.variance(k), tolerance: 0.01 * svi.variance(k), weight: 1.0 }
            })
            .collect()
    }

    proptest! {
        #[test]
        fn what_is_admitted_has_no_arbitrage(surface in any_surface()) {
            for (index, slice) in surface.iter().enumerate() {
                prop_assert!(slice.is_sound());
                let rounded = slice.svi().rounded().expect("fits");
                prop_assert!(butterfly(&rounded).value > 0.0);
                if let Some(before) = index.checked_sub(1).map(|before| surface[before]) {
                    prop_assert!(slice.follows(&before));
                    prop_assert!(calendar(&before.svi().rounded().expect("fits"), &rounded).value >= 0.0);
                }
            }
        }

        #[test]
        fn recovers_a_surface_from_its_points(surface in any_surface()) {
            let points: Vec<Vec<Target>> = surface.iter().map(targets).collect();
            let samples: Vec<Sample<'_>> = surface
                .iter()
                .zip(&points)
                .enumerate()
                .map(|(index, (slice, targets))| Sample { t: 0.1 * (index + 1) as f64, targets, level: slice.theta })
                .collect();
            for (found, truth) in fit(&samples).expect("has targets").iter().zip(&surface) {
                prop_assert!((found.theta / truth.theta - 1.0).abs() < 0.01, "{found:?} {truth:?}");
                for k in [-1.5, 0.0, 1.5].map(|deviations| deviations * truth.theta.sqrt()) {
                    let (found, truth) = (found.svi().variance(k), truth.svi().variance(k));
                    prop_assert!((found / truth - 1.0).abs() < 0.02, "{found} {truth}");
                }
            }
        }
    }

    #[test]
    fn the_raw_form_is_the_same_curve() {
        let slice = Essvi { theta: 0.04, right: 0.12, left: 0.2 };
        let (rho, psi) = (slice.rho(), slice.psi());
        for k in [-1.0, -0.1, 0.0, 0.3, 2.0f64] {
            let x = psi * k + slice.theta * rho;
            let w = (slice.theta
                + rho * psi * k
                + (x * x + slice.theta * slice.theta * (1.0 - rho * rho)).sqrt())
                / 2.0;
            assert!((slice.svi().variance(k) - w).abs() < 1e-15);
        }
        assert!((slice.svi().right() - 0.12).abs() < 1e-15 && (slice.svi().left() - 0.2).abs() < 1e-15);
    }

    #[test]
    fn violators_are_pooled() {
        assert_eq!(isotonic(&[1.0, 3.0, 2.0, 4.0], &[1.0, 1.0, 3.0, 1.0]), [1.0, 2.25, 2.25, 4.0]);
        assert_eq!(isotonic(&[3.0, 2.0, 1.0], &[1.0; 3]), [2.0; 3]);
    }
}
