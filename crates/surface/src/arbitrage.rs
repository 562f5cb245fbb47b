//! Where a slice, or a pair of slices, comes closest to static arbitrage.
//!
//! Both searches walk a grid that is dense where the slices bend and reaches far into the wings, and close in on every
//! dip between its nodes. Beyond the grid the slices are straight, and their slopes decide.

use crate::svi::Svi;
use pricing::math::{exp, ln};

/// Nodes of the grid on either side of its centre.
const NODES: usize = 128;
/// Log-moneyness that the grid reaches at least: strikes of e^±40 forwards.
pub const REACH: f64 = 40.0;
/// Steps of the search between nodes; each leaves 0.618 of the bracket.
const CLOSING_STEPS: usize = 26;
/// Steepest wing that has no arbitrage (Lee 2004).
pub const STEEPEST: f64 = 2.0;

/// The lowest value of a condition and where it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extreme {
    /// The value; below zero is arbitrage.
    pub value: f64,
    /// Log-moneyness at which it is reached.
    pub k: f64,
}

/// Lowest Durrleman g of a slice; minus infinity at the end of the grid when a wing is too steep, where g turns negative
/// however far out.
#[must_use]
pub fn butterfly(slice: &Svi) -> Extreme {
    if slice.right() > STEEPEST || slice.left() > STEEPEST {
        let k = if slice.right() > STEEPEST { REACH } else { -REACH };
        return Extreme { value: f64::NEG_INFINITY, k };
    }
    // g bends where w does, about m on the scale of σ, and at the money on the scale of the deviation.
    let deviation = slice.variance(0.0).max(1e-12).sqrt();
    let g = |k: f64| slice.curve(k).durrleman(k);
    lowest(&g, [slice.m, 0.0], slice.sigma.min(deviation))
}

/// Lowest excess of total variance of the `later` slice over the `earlier` one; minus infinity at the end of the grid when
/// a wing of the later one is flatter, so that they cross however far out.
#[must_use]
pub fn calendar(earlier: &Svi, later: &Svi) -> Extreme {
    let (right, left) = (later.right() - earlier.right(), later.left() - earlier.left());
    if right < 0.0 || left < 0.0 {
        let k = if right < left { REACH } else { -REACH };
        return Extreme { value: f64::NEG_INFINITY, k };
    }
    let gap = |k: f64| later.variance(k) - earlier.variance(k);
    lowest(&gap, [earlier.m, later.m], earlier.sigma.min(later.sigma))
}

/// The lowest value on grids around the centres, whose first step is a quarter of `scale`, and between their nodes.
fn lowest(function: &impl Fn(f64) -> f64, centres: [f64; 2], scale: f64) -> Extreme {
    let near = walk(function, centres[0], scale);
    let other = walk(function, centres[1], scale);
    if other.value < near.value { other } else { near }
}

fn walk(function: &impl Fn(f64) -> f64, centre: f64, scale: f64) -> Extreme {
    let step = scale / 4.0;
    // Steps are even near the centre and grow with the distance further out, so that a few hundred reach the end.
    let ratio = exp(ln(REACH / step).max(1.0) / NODES as f64);
    let mut best = Extreme { value: f64::INFINITY, k: centre };
    for direction in [-1.0, 1.0] {
        let at = |distance: f64| function(centre + direction * distance);
        let (mut before, mut here, mut size) = (0.0, 0.0, step / 4.0);
        let mut values = [f64::INFINITY, at(0.0)];
        for _ in 0..2 * NODES {
            let next = here + size;
            let value = at(next);
            if values[1] <= values[0] && values[1] <= value {
                consider(&mut best, close_in(&at, before, next), centre, direction);
            }
            if value < best.value {
                best = Extreme { value, k: centre + direction * next };
            }
            (before, here, values) = (here, next, [values[1], value]);
            size = (next * (ratio - 1.0)).max(size);
            if here >= REACH + centre.abs() {
                break;
            }
        }
    }
    best
}

fn consider(best: &mut Extreme, found: (f64, f64), centre: f64, direction: f64) {
    let (distance, value) = found;
    if value < best.value {
        *best = Extreme { value, k: centre + direction * distance };
    }
}

/// Golden-section search of a dip between `low` and `high`.
fn close_in(function: &impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> (f64, f64) {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let mut left = high - (high - low) * GOLDEN;
    let mut right = low + (high - low) * GOLDEN;
    let (mut at_left, mut at_right) = (function(left), function(right));
    for _ in 0..CLOSING_STEPS {
        if at_left < at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - (high - low) * GOLDEN;
            at_left = function(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + (high - low) * GOLDEN;
            at_right = function(right);
        }
    }
    if at_left < at_right { (left, at_left) } else { (right, at_right) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::svi::tests::{VOGT, any_slice};
    use proptest::prelude::*;

    #[test]
    fn finds_the_arbitrage_of_the_vogt_smile() {
        let found = butterfly(&VOGT);
        assert!((found.value + 0.0329).abs() < 1e-4 && (found.k - 0.879).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn finds_a_crossing_that_a_coarse_grid_steps_over() {
        // The later slice dips below the earlier one on a thousandth of a unit about its own narrow vertex.
        let earlier = Svi::from_wings(0.01, 0.1, 0.1, 0.0, 0.1);
        let later = Svi { sigma: 1e-4, ..Svi::from_wings(0.0, 0.3, 0.3, 0.7123, 1e-4) };
        let later = later.lifted(earlier.variance(0.7123) - 1e-4 - later.variance(0.7123));
        let found = calendar(&earlier, &later);
        assert!(found.value < -9e-5 && (found.k - 0.7123).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn reaches_every_strike_wherever_the_slices_have_their_vertex() {
        // Far from the vertices the slices of vols of 1000 % over years still cross, at the money and at the end.
        let earlier =
            Svi { a: 655.888889804, b: 0.9500005, rho: -0.999998947, m: 187.80892541, sigma: 375.61785082 };
        let later = Svi { a: 658.344826907, m: 186.977458279, sigma: 373.954916557, ..earlier };
        let found = calendar(&earlier, &later);
        assert!(
            found.value <= later.variance(0.0) - earlier.variance(0.0) && found.value < -0.1,
            "{found:?}"
        );
        let earlier =
            Svi { a: 46.606174497, b: 1.835586055, rho: 0.035091782, m: -2.029660114, sigma: 0.978345096 };
        let later =
            Svi { a: 43.527071907, b: 1.887605653, rho: 0.006566206, m: -2.945335999, sigma: 7.718856237 };
        assert!(calendar(&earlier, &later).value < -0.01);
    }

    #[test]
    fn wings_decide_beyond_the_grid() {
        let earlier = Svi::from_wings(0.01, 0.10, 0.1, 0.0, 0.1);
        let later = Svi::from_wings(5.0, 0.0999, 0.1, 0.0, 0.1);
        assert_eq!(calendar(&earlier, &later), Extreme { value: f64::NEG_INFINITY, k: REACH });
        assert_eq!(calendar(&later, &earlier).value.total_cmp(&0.0), std::cmp::Ordering::Less);
        let steep = Svi::from_wings(0.5, 0.1, 2.01, 0.0, 0.1);
        assert_eq!(butterfly(&steep), Extreme { value: f64::NEG_INFINITY, k: -REACH });
    }

    proptest! {
        #[test]
        fn no_point_of_a_dense_grid_is_lower(slice in any_slice(), other in any_slice()) {
            let (g, gap) = (butterfly(&slice), calendar(&slice, &other));
            for number in -3_000..=3_000 {
                let k = f64::from(number) / 500.0;
                prop_assert!(slice.curve(k).durrleman(k) >= g.value - 1e-4 * (1.0 + g.value.abs()), "at {k}: {g:?}");
                prop_assert!(other.variance(k) - slice.variance(k) >= gap.value - 1e-9, "at {k}: {gap:?}");
            }
        }
    }
}
