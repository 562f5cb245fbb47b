//! Levenberg–Marquardt for a handful of bounded parameters, with the normal equations accumulated row by row.

use pricing::math::ln;

/// Iterations at most; a slice needs about fifteen.
const ITERATIONS: usize = 60;
/// Relative fall of the cost below which it is converged.
const CONVERGED: f64 = 1e-7;
/// Damping at the start, and beyond which no step is tried.
const DAMPING: f64 = 1e-3;
const DAMPING_MAX: f64 = 1e9;

/// The normal equations of a least-squares problem at one point: JᵀJ, Jᵀr and the cost.
#[derive(Debug, Clone)]
pub struct Normal<const N: usize> {
    matrix: [[f64; N]; N],
    gradient: [f64; N],
    cost: f64,
}

impl<const N: usize> Normal<N> {
    fn new() -> Self {
        Self { matrix: [[0.0; N]; N], gradient: [0.0; N], cost: 0.0 }
    }

    /// Adds a residual with its slopes.
    #[inline]
    pub fn add(&mut self, residual: f64, slopes: &[f64; N]) {
        self.cost += residual * residual;
        self.add_weighted(residual, slopes, 1.0);
    }

    /// Adds a residual that counts in proportion to its size where it is above one: the loss is 2(√(1 + r²) − 1).
    #[inline]
    pub fn add_robust(&mut self, residual: f64, slopes: &[f64; N], weight: f64) {
        let root = (1.0 + residual * residual).sqrt();
        self.cost += 2.0 * weight * (root - 1.0);
        self.add_weighted(residual, slopes, weight / root);
    }

    /// Adds a residual that counts ever less where it is above two: the loss is 4·ln(1 + r²/4), Cauchy's. It ignores what
    /// is far off, so it needs a start that is near.
    #[inline]
    pub fn add_redescending(&mut self, residual: f64, slopes: &[f64; N], weight: f64) {
        const SCALE_SQUARED: f64 = 4.0;
        let growth = 1.0 + residual * residual / SCALE_SQUARED;
        self.cost += weight * SCALE_SQUARED * ln(growth);
        self.add_weighted(residual, slopes, weight / growth);
    }

    #[inline]
    fn add_weighted(&mut self, residual: f64, slopes: &[f64; N], weight: f64) {
        for (row, cells) in self.matrix.iter_mut().enumerate() {
            let scaled = weight * slopes[row];
            self.gradient[row] += scaled * residual;
            for (cell, slope) in cells.iter_mut().zip(slopes).take(row + 1) {
                *cell += scaled * slope;
            }
        }
    }
}

/// What is minimised: a sum of squares over parameters in a box.
pub trait Problem<const N: usize> {
    /// Adds every residual at `x`.
    fn residuals(&self, x: &[f64; N], normal: &mut Normal<N>);
    /// Lowest and highest value of each parameter.
    fn bounds(&self) -> ([f64; N], [f64; N]);
}

/// Minimises from `start`, and returns where it ends; always inside the bounds.
pub fn minimise<const N: usize>(problem: &impl Problem<N>, start: [f64; N]) -> [f64; N] {
    let (low, high) = problem.bounds();
    let clamp = |x: [f64; N]| std::array::from_fn(|i| x[i].max(low[i]).min(high[i]));
    let evaluate = |x: &[f64; N]| {
        let mut normal = Normal::new();
        problem.residuals(x, &mut normal);
        normal
    };
    let mut x: [f64; N] = clamp(start);
    let mut here = evaluate(&x);
    let mut damping = DAMPING;
    for _ in 0..ITERATIONS {
        let Some(next) = step(&here, &x, &low, &high, damping).map(clamp) else {
            damping *= 10.0;
            continue;
        };
        let there = evaluate(&next);
        if there.cost < here.cost {
            let converged = here.cost - there.cost <= CONVERGED * here.cost;
            (x, here) = (next, there);
            damping = (damping / 5.0).max(1e-12);
            if converged {
                break;
            }
        } else {
            damping *= 4.0;
        }
        if damping > DAMPING_MAX {
            break;
        }
    }
    x
}

/// x plus the damped Gauss–Newton step of the parameters that are free to move; `None` when it cannot be solved.
fn step<const N: usize>(
    normal: &Normal<N>,
    x: &[f64; N],
    low: &[f64; N],
    high: &[f64; N],
    damping: f64,
) -> Option<[f64; N]> {
    let held = |i: usize| {
        (x[i] <= low[i] && normal.gradient[i] > 0.0) || (x[i] >= high[i] && normal.gradient[i] < 0.0)
    };
    // Cholesky of the matrix with the rows of held parameters replaced by the identity.
    let mut factor = [[0.0; N]; N];
    for row in 0..N {
        for column in 0..=row {
            let free = !held(row) && !held(column);
            let mut sum = match (free, row == column) {
                (true, true) => normal.matrix[row][row] * (1.0 + damping) + 1e-300,
                (true, false) => normal.matrix[row][column],
                (false, diagonal) => f64::from(u8::from(diagonal)),
            };
            for (left, right) in factor[row].iter().zip(&factor[column]).take(column) {
                sum -= left * right;
            }
            if row == column {
                // Written so that a NaN is refused.
                if !(sum > 0.0 && sum.is_finite()) {
                    return None;
                }
                factor[row][row] = sum.sqrt();
            } else {
                factor[row][column] = sum / factor[column][column];
            }
        }
    }
    let mut solution: [f64; N] = std::array::from_fn(|i| if held(i) { 0.0 } else { -normal.gradient[i] });
    for row in 0..N {
        for column in 0..row {
            solution[row] -= factor[row][column] * solution[column];
        }
        solution[row] /= factor[row][row];
    }
    for row in (0..N).rev() {
        for column in row + 1..N {
            solution[row] -= factor[column][row] * solution[column];
        }
        solution[row] /= factor[row][row];
    }
    Some(std::array::from_fn(|i| x[i] + solution[i]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock's valley: residuals 10(y − x²) and 1 − x.
    struct Valley {
        high: f64,
    }

    impl Problem<2> for Valley {
        fn residuals(&self, &[x, y]: &[f64; 2], normal: &mut Normal<2>) {
            normal.add(10.0 * (y - x * x), &[-20.0 * x, 10.0]);
            normal.add(1.0 - x, &[-1.0, 0.0]);
        }

        fn bounds(&self) -> ([f64; 2], [f64; 2]) {
            ([-2.0, -2.0], [self.high, 2.0])
        }
    }

    #[test]
    fn finds_the_end_of_the_valley() {
        let [x, y] = minimise(&Valley { high: 2.0 }, [-1.2, 1.0]);
        assert!((x - 1.0).abs() < 1e-6 && (y - 1.0).abs() < 1e-6, "{x} {y}");
    }

    #[test]
    fn stops_at_a_bound() {
        let [x, y] = minimise(&Valley { high: 0.5 }, [-1.2, 1.0]);
        assert!(x == 0.5 && (y - 0.25).abs() < 1e-6, "{x} {y}");
    }

    struct Line {
        redescending: bool,
    }

    impl Problem<1> for Line {
        fn residuals(&self, &[x]: &[f64; 1], normal: &mut Normal<1>) {
            for target in [1.0, 1.1, 0.9, 1.0, 50.0] {
                let residual = 10.0 * (x - target);
                if self.redescending {
                    normal.add_redescending(residual, &[10.0], 1.0);
                } else {
                    normal.add_robust(residual, &[10.0], 1.0);
                }
            }
        }

        fn bounds(&self) -> ([f64; 1], [f64; 1]) {
            ([-100.0], [100.0])
        }
    }

    #[test]
    fn an_outlier_moves_a_robust_fit_little_and_a_redescending_one_hardly() {
        let [robust] = minimise(&Line { redescending: false }, [20.0]);
        assert!((robust - 1.0).abs() < 0.1, "{robust}");
        let [redescending] = minimise(&Line { redescending: true }, [robust]);
        assert!((redescending - 1.0).abs() < 0.002, "{redescending}");
    }
}
