//! One raw SVI slice: five parameters fitted to quotes, with penalties where arbitrage would begin.
//!
//! The parameters are the logarithm of the lowest variance, the slopes of both wings, shift, and the logarithm of the
//! smoothness, so that the conditions on wings and positivity are a box. The rest, g ≥ 0 and the slice before, are
//! penalties on a grid. They leave a margin, so that the fit, rounded, passes the check; where it does not, the point at
//! which it fails joins the grid and the penalty grows.

use crate::arbitrage::{Extreme, REACH, butterfly, calendar};
use crate::least_squares::{Normal, Problem, minimise};
use crate::quotes::VolQuote;
use crate::svi::{Curve, Svi};
use pricing::math::{exp, ln};

/// Lowest g that a checked slice may have: above the error of evaluating it.
pub const LEAST_G: f64 = 1e-6;
/// Least excess of total variance over the slice before.
pub const LEAST_GAP: f64 = 2e-9;
/// Lowest total variance of a slice.
pub const LEAST_VARIANCE: f64 = 5e-8;
/// Steepest wing of a slice; below the bound of 2, so that later slices have room above.
pub const STEEPEST: f64 = 1.9;
/// Flattest wing.
const FLATTEST: f64 = 1e-6;
/// Excess of a wing's slope over the slice before; more than rounding takes away.
const SLOPE_ROOM: f64 = 2e-8;
/// The g that the penalty aims at.
const AIM_G: f64 = 4e-3;
/// The excess over the slice before, as a share of its variance, that the penalty aims at.
const AIM_GAP: f64 = 3e-4;
/// Nodes of the penalty grid.
const NODES: usize = 96;
/// Weight of a quote far out of the money; at the money it is 1, in proportion to vega between. Vega is what an error of
/// the vol costs.
const WINGS_WEIGHT: f64 = 0.05;
/// Weight of a g that is short by one, and of a variance that is short by one per cent.
const BUTTERFLY_WEIGHT: f64 = 60.0;
const CALENDAR_WEIGHT: f64 = 6.0;
/// Weight of a variance that is one half spread above a later slice, among that one's quotes.
const CEILING_WEIGHT: f64 = 0.5;
/// Weight of wings twice as steep as those of the eSSVI surface: quotes that say little about the wings leave them there.
const PRIOR_WEIGHT: f64 = 0.3;
/// Largest lift over the slice before, as a share of the variance at the money: a thousandth of the vol.
const LIFT_MAX: f64 = 0.002;
/// Rounds of growing penalties.
const ROUNDS: usize = 5;

/// A variance to fit: total variance at log-moneyness, and the weight of its difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// Log-moneyness.
    pub k: f64,
    /// Total variance.
    pub variance: f64,
    /// Variance that a difference of one half spread is.
    pub tolerance: f64,
    /// How much the quote counts.
    pub weight: f64,
}

impl Target {
    /// A quote as a target, for `t` years.
    #[must_use]
    pub fn of(quote: &VolQuote, t: f64) -> Self {
        let (mid, half) = (quote.mid(), quote.half());
        let variance = mid * mid * t;
        let weight = quote.weight * vega_weight(quote.k, variance);
        Self { k: quote.k, variance, tolerance: 2.0 * mid * half * t, weight }
    }
}

/// Vega of an option as a share of that at the money, and a little more in the wings.
fn vega_weight(k: f64, variance: f64) -> f64 {
    exp(-0.5 * k * k / variance).max(WINGS_WEIGHT)
}

/// A later slice, below which this one should stay where that one was fitted to quotes.
#[derive(Debug, Clone, Copy)]
pub struct Ceiling {
    /// The slice.
    pub slice: Svi,
    /// Log-moneyness of its lowest and highest quote.
    pub quoted: (f64, f64),
    /// Variance that a difference of one half spread is, as a share of the variance; the median of its quotes.
    pub tolerance: f64,
}

/// What one slice is fitted to.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    /// Targets, ascending by log-moneyness; at least one.
    pub targets: &'a [Target],
    /// Total variance at the money, about.
    pub level: f64,
    /// The slice before, checked; total variance may not fall below it.
    pub floor: Option<&'a Svi>,
    /// Slices after.
    pub ceilings: &'a [Ceiling],
    /// Where to start.
    pub start: Svi,
    /// The slice of the eSSVI surface, whose wings are the prior.
    pub anchor: Svi,
}

/// One node of the penalty grid.
#[derive(Clone, Copy)]
struct Node {
    k: f64,
    floor: f64,
    ceiling: f64,
    ceiling_tolerance: f64,
}

struct Fit<'a> {
    task: &'a Task<'a>,
    nodes: Vec<Node>,
    low: [f64; 5],
    high: [f64; 5],
    penalty: f64,
    /// Whether the start is near, so that quotes far off can be told from the others and ignored.
    is_near: bool,
}

/// Fits without regard to other slices; may still have arbitrage, though hardly any.
#[must_use]
pub fn fit_freely(task: &Task<'_>) -> Svi {
    let fit = Fit::new(task, false);
    slice_of(&minimise(&fit, parameters_of(&task.start)))
}

/// Fits a slice that passes [`is_sound`], rounded, and says whether it is the fit; if not, it is on the way from it to
/// `base`, of which the same is true.
#[must_use]
pub fn fit_soundly(task: &Task<'_>, base: impl FnOnce() -> Svi) -> (Svi, bool) {
    let mut fit = Fit::new(task, true);
    let mut x = parameters_of(&task.start);
    let mut slice = task.start;
    for _ in 0..ROUNDS {
        x = minimise(&fit, x);
        slice = slice_of(&x);
        match settle(&slice, task.floor) {
            Ok(sound) => return (sound, true),
            Err(failures) => fit.tighten(&failures),
        }
    }
    (towards(&base(), &slice, task.floor), false)
}

/// The soundest slice found on the way from `base` to `slice`, by bisection.
fn towards(base: &Svi, slice: &Svi, floor: Option<&Svi>) -> Svi {
    let (mut best, mut low, mut high) = (*base, 0.0, 1.0);
    for _ in 0..12 {
        let share = (low + high) / 2.0;
        match settle(&base.mixed(slice, share), floor) {
            Ok(sound) => (best, low) = (sound, share),
            Err(_) => high = share,
        }
    }
    best
}

/// Rounds a slice, lifts it over the slice before where it is short of it by little, and checks it.
///
/// # Errors
/// Where it fails, when it does.
fn settle(slice: &Svi, floor: Option<&Svi>) -> Result<Svi, Vec<f64>> {
    let Some(mut rounded) = slice.rounded() else { return Err(Vec::new()) };
    if let Some(floor) = floor {
        let gap = calendar(floor, &rounded);
        let short = LEAST_GAP - gap.value;
        if short > 0.0 && short < LIFT_MAX * rounded.variance(0.0) {
            let Some(lifted) = rounded.lifted(short + 1e-9).rounded() else { return Err(vec![gap.k]) };
            rounded = lifted;
        }
    }
    let failures = failures(&rounded, floor);
    if failures.is_empty() { Ok(rounded) } else { Err(failures) }
}

/// Whether a slice is free of butterfly arbitrage and lies above the one before.
#[must_use]
pub fn is_sound(slice: &Svi, floor: Option<&Svi>) -> bool {
    failures(slice, floor).is_empty()
}

/// Log-moneyness at which a slice fails.
fn failures(slice: &Svi, floor: Option<&Svi>) -> Vec<f64> {
    let failed = |least: f64, found: Extreme| (found.value < least).then_some(found.k);
    let g = failed(LEAST_G, butterfly(slice));
    let gap = floor.and_then(|floor| failed(LEAST_GAP, calendar(floor, slice)));
    let variance = (slice.lowest() < LEAST_VARIANCE / 2.0).then_some(slice.m);
    g.into_iter().chain(gap).chain(variance).collect()
}

/// Parameters of the fit: ln lowest variance, right slope, left slope, shift, ln smoothness.
fn parameters_of(slice: &Svi) -> [f64; 5] {
    [
        ln(slice.lowest().max(LEAST_VARIANCE)),
        slice.right().max(FLATTEST),
        slice.left().max(FLATTEST),
        slice.m,
        ln(slice.sigma),
    ]
}

fn slice_of(&[lowest, right, left, m, sigma]: &[f64; 5]) -> Svi {
    Svi::from_wings(exp(lowest), right, left, m, exp(sigma))
}

impl<'a> Fit<'a> {
    fn new(task: &'a Task<'a>, is_near: bool) -> Self {
        let deviation = task.level.sqrt();
        let (first, last) = (task.targets[0].k, task.targets[task.targets.len() - 1].k);
        let span = last.max(-first).max(deviation);
        let slope = |of: fn(&Svi) -> f64| task.floor.map_or(FLATTEST, |floor| of(floor) + SLOPE_ROOM);
        // The scale of the quotes and of the variance bounds what they cannot tell.
        let low = [
            ln((task.level * 0.01).max(LEAST_VARIANCE)),
            slope(Svi::right),
            slope(Svi::left),
            -2.0 * span,
            ln((0.05 * deviation).max(1e-4)),
        ];
        let high = [
            ln((task.level * 4.0).max(4.0 * LEAST_VARIANCE)),
            STEEPEST.max(low[1]),
            STEEPEST.max(low[2]),
            2.0 * span,
            ln((4.0 * span).max(0.2 * deviation).max(2e-4)),
        ];
        let mut fit =
            Self { task, nodes: Vec::with_capacity(NODES + 2 * ROUNDS), low, high, penalty: 1.0, is_near };
        // Nodes spread like sinh: a fifth of a deviation apart at the money, geometrically further out.
        let scale = 2.0 * deviation;
        let ratio = REACH / scale;
        let end = ln(ratio + (ratio * ratio + 1.0).sqrt());
        for number in 0..NODES {
            let u = end * (2.0 * number as f64 / (NODES - 1) as f64 - 1.0);
            fit.add_node(scale * (exp(u) - exp(-u)) / 2.0);
        }
        fit
    }

    fn add_node(&mut self, k: f64) {
        let floor = self.task.floor.map_or(0.0, |floor| {
            let variance = floor.variance(k);
            variance * (1.0 + AIM_GAP) + 2.0 * LEAST_GAP
        });
        let (mut ceiling, mut ceiling_tolerance) = (f64::INFINITY, 1.0);
        for later in self.task.ceilings {
            let variance = later.slice.variance(k);
            if k >= later.quoted.0 && k <= later.quoted.1 && variance < ceiling {
                (ceiling, ceiling_tolerance) = (variance, later.tolerance * variance);
            }
        }
        self.nodes.push(Node { k, floor, ceiling, ceiling_tolerance });
    }

    fn tighten(&mut self, failures: &[f64]) {
        self.penalty *= 6.0;
        for &k in failures {
            self.add_node(k);
        }
    }
}

/// Slopes of w, w' and w'' in each parameter.
struct Slopes {
    value: [f64; 5],
    first: [f64; 5],
    second: [f64; 5],
}

/// One point of the parameter space, with what does not depend on k.
struct Point {
    lowest: f64,
    right: f64,
    left: f64,
    m: f64,
    sigma: f64,
    /// √(RL), √(L/R)/2, √(R/L)/2.
    mean: f64,
    left_over_right: f64,
    right_over_left: f64,
}

impl Point {
    fn new(&[lowest, right, left, m, sigma]: &[f64; 5]) -> Self {
        let mean = (right * left).sqrt();
        Self {
            lowest: exp(lowest),
            right,
            left,
            m,
            sigma: exp(sigma),
            mean,
            left_over_right: mean / (2.0 * right),
            right_over_left: mean / (2.0 * left),
        }
    }

    /// w and its slopes in the parameters: w = v + R(s + x)/2 + L(s − x)/2 − σ√(RL), x = k − m, s = √(x² + σ²).
    #[inline]
    fn value(&self, k: f64) -> (f64, [f64; 5]) {
        let x = k - self.m;
        let root = (x * x + self.sigma * self.sigma).sqrt();
        let (rising, falling) = ((root + x) / 2.0, (root - x) / 2.0);
        let value = self.lowest + self.right * rising + self.left * falling - self.sigma * self.mean;
        let b = (self.right + self.left) / 2.0;
        let first = (self.right - self.left) / 2.0 + b * x / root;
        let slopes = [
            self.lowest,
            rising - self.sigma * self.left_over_right,
            falling - self.sigma * self.right_over_left,
            -first,
            self.sigma * (b * self.sigma / root - self.mean),
        ];
        (value, slopes)
    }

    /// The same with w' and w''.
    fn curve(&self, k: f64) -> (Curve, Slopes) {
        let (value, in_value) = self.value(k);
        let x = k - self.m;
        let square = self.sigma * self.sigma;
        let root_squared = x * x + square;
        let root = root_squared.sqrt();
        let cube = root_squared * root;
        let b = (self.right + self.left) / 2.0;
        let second = b * square / cube;
        let third = -3.0 * second * x / root_squared;
        let curve = Curve { value, first: -in_value[3], second };
        let slopes = Slopes {
            value: in_value,
            first: [0.0, (1.0 + x / root) / 2.0, (x / root - 1.0) / 2.0, -second, -b * x * square / cube],
            second: [
                0.0,
                square / (2.0 * cube),
                square / (2.0 * cube),
                -third,
                second * (2.0 - 3.0 * square / root_squared),
            ],
        };
        (curve, slopes)
    }
}

impl Problem<5> for Fit<'_> {
    fn residuals(&self, x: &[f64; 5], normal: &mut Normal<5>) {
        let point = Point::new(x);
        for target in self.task.targets {
            let (value, slopes) = point.value(target.k);
            let residual = (value - target.variance) / target.tolerance;
            let slopes = slopes.map(|slope| slope / target.tolerance);
            if self.is_near {
                normal.add_redescending(residual, &slopes, target.weight);
            } else {
                normal.add_robust(residual, &slopes, target.weight);
            }
        }
        for (index, wing) in [(1, self.task.anchor.right()), (2, self.task.anchor.left())] {
            let mut slopes = [0.0; 5];
            slopes[index] = PRIOR_WEIGHT / wing;
            normal.add_robust(PRIOR_WEIGHT * (x[index] / wing - 1.0), &slopes, 1.0);
        }
        for node in &self.nodes {
            self.penalise(&point, node, normal);
        }
    }

    fn bounds(&self) -> ([f64; 5], [f64; 5]) {
        (self.low, self.high)
    }
}

impl Fit<'_> {
    #[inline]
    fn penalise(&self, point: &Point, node: &Node, normal: &mut Normal<5>) {
        let (curve, slopes) = point.curve(node.k);
        let g = curve.durrleman(node.k);
        if g < AIM_G {
            let weight = BUTTERFLY_WEIGHT * self.penalty;
            normal.add(weight * (g - AIM_G), &durrleman_slopes(node.k, &curve, &slopes).map(|s| weight * s));
        }
        if curve.value < node.floor {
            let weight = CALENDAR_WEIGHT * self.penalty / (0.01 * node.floor);
            normal.add(weight * (curve.value - node.floor), &slopes.value.map(|s| weight * s));
        }
        if curve.value > node.ceiling {
            let residual = (curve.value - node.ceiling) / node.ceiling_tolerance;
            let slopes = slopes.value.map(|slope| slope / node.ceiling_tolerance);
            normal.add_robust(residual, &slopes, CEILING_WEIGHT * vega_weight(node.k, node.ceiling));
        }
    }
}

/// Slopes of g in the parameters.
fn durrleman_slopes(k: f64, curve: &Curve, slopes: &Slopes) -> [f64; 5] {
    let Curve { value, first, .. } = *curve;
    let bend = 1.0 - k * first / (2.0 * value);
    let in_value = bend * k * first / (value * value) + first * first / (4.0 * value * value);
    let in_first = -bend * k / value - first / 2.0 * (1.0 / value + 0.25);
    std::array::from_fn(|i| in_value * slopes.value[i] + in_first * slopes.first[i] + slopes.second[i] / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::svi::tests::{VOGT, any_slice};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn slopes_in_the_parameters_are_those_of_the_values(slice in any_slice(), k in -1.0f64..1.0, index in 0usize..5) {
            let x = parameters_of(&slice);
            let at = |shift: f64| {
                let mut moved = x;
                moved[index] += shift;
                let curve = slice_of(&moved).curve(k);
                [curve.value, curve.first, curve.second, curve.durrleman(k)]
            };
            let (curve, slopes) = Point::new(&x).curve(k);
            let step = 1e-5 * if index == 0 || index == 4 { 1.0 } else { slice.sigma.min(x[1]).min(x[2]) };
            let (low, here, high) = (at(-step), at(0.0), at(step));
            prop_assert!((curve.value - here[0]).abs() < 1e-12);
            let exact =
                [slopes.value, slopes.first, slopes.second, durrleman_slopes(k, &curve, &slopes)].map(|row| row[index]);
            for (place, exact) in exact.into_iter().enumerate() {
                let found = (high[place] - low[place]) / (2.0 * step);
                // What third slopes and rounding leave of a central difference.
                let bend = (high[place] - 2.0 * here[place] + low[place]).abs() / step;
                let rounding = 1e-13 * (1.0 + here[place].abs()) / step;
                prop_assert!((found - exact).abs() <= 1e-4 * exact.abs() + 0.1 * bend + rounding, "{place}: {found} {exact}");
            }
        }
    }

    fn task<'a>(targets: &'a [Target], floor: Option<&'a Svi>) -> Task<'a> {
        let anchor = Svi::from_wings(0.03, 0.1, 0.1, 0.0, 0.3);
        Task { targets, level: 0.04, floor, ceilings: &[], start: anchor, anchor }
    }

    fn targets(slice: &Svi) -> Vec<Target> {
        let at = |k: f64| Target { k, variance: slice.variance(k), tolerance: 1e-4, weight: 1.0 };
        (-12..=12).map(|number| at(f64::from(number) / 10.0)).collect()
    }

    #[test]
    fn a_fit_to_the_vogt_smile_is_sound() {
        let points = targets(&VOGT);
        let base = Svi::from_wings(0.02, 1e-3, 1e-3, 0.0, 0.3).rounded().expect("fits");
        assert!(!is_sound(&VOGT, None));
        let (slice, is_fit) = fit_soundly(&task(&points, None), || base);
        assert!(is_fit && is_sound(&slice, None));
        assert!((slice.variance(0.0) / VOGT.variance(0.0) - 1.0).abs() < 0.03);
    }

    #[test]
    fn a_slice_that_cannot_be_fitted_gives_way_towards_its_base() {
        // Targets half a variance below the slice before: whatever comes out lies above it.
        let before = Svi::from_wings(0.04, 0.2, 0.2, 0.0, 0.3).rounded().expect("fits");
        let points = targets(&Svi::from_wings(0.02, 0.1, 0.1, 0.0, 0.3));
        let base = before.lifted(0.01).rounded().expect("fits");
        let (slice, _) = fit_soundly(&task(&points, Some(&before)), || base);
        assert!(is_sound(&slice, Some(&before)));
        assert!(slice.variance(0.0) < base.variance(0.0), "as near to its targets as it may");
        let blended = towards(&base, &Svi::from_wings(0.02, 0.21, 0.21, 0.0, 0.3), Some(&before));
        assert!(is_sound(&blended, Some(&before)) && blended.variance(0.0) < base.variance(0.0));
    }
}
