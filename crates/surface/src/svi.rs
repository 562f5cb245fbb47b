//! Raw SVI in double precision: value, slopes, Durrleman's g, rounding to the wire.

use pricing::round::round_half_even;
use protocol::SviSlice;

/// The fixed point of the wire.
const NANO: f64 = 1e9;

/// w(k) = a + b·(ρ(k − m) + √((k − m)² + σ²)), total variance at log-moneyness k = ln(K/F) (Gatheral 2004).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Svi {
    /// Level.
    pub a: f64,
    /// Slope of the wings.
    pub b: f64,
    /// Rotation.
    pub rho: f64,
    /// Shift.
    pub m: f64,
    /// Smoothness.
    pub sigma: f64,
}

/// Total variance and its first two slopes in k.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curve {
    /// w.
    pub value: f64,
    /// dw/dk.
    pub first: f64,
    /// d²w/dk².
    pub second: f64,
}

impl Curve {
    /// Durrleman's g = (1 − k·w'/2w)² − w'²/4·(1/w + 1/4) + w''/2, the density of the slice up to a positive factor
    /// (Gatheral and Jacquier 2014, equation 2.1). Minus infinity where there is no variance.
    #[inline]
    #[must_use]
    pub fn durrleman(&self, k: f64) -> f64 {
        if self.value > 0.0 {
            let bend = 1.0 - k * self.first / (2.0 * self.value);
            bend * bend - self.first * self.first / 4.0 * (1.0 / self.value + 0.25) + self.second / 2.0
        } else {
            f64::NEG_INFINITY
        }
    }
}

impl Svi {
    /// The slice with these lowest variance, slopes of the right and left wing (both positive), shift and smoothness.
    #[must_use]
    pub fn from_wings(lowest: f64, right: f64, left: f64, m: f64, sigma: f64) -> Self {
        let b = (right + left) / 2.0;
        Self { a: lowest - sigma * (right * left).sqrt(), b, rho: (right - left) / (right + left), m, sigma }
    }

    /// Total variance at `k`.
    #[inline]
    #[must_use]
    pub fn variance(&self, k: f64) -> f64 {
        let x = k - self.m;
        self.a + self.b * (self.rho * x + (x * x + self.sigma * self.sigma).sqrt())
    }

    /// Total variance and its slopes at `k`.
    #[inline]
    #[must_use]
    pub fn curve(&self, k: f64) -> Curve {
        let x = k - self.m;
        let square = x * x + self.sigma * self.sigma;
        let root = square.sqrt();
        Curve {
            value: self.a + self.b * (self.rho * x + root),
            first: self.b * (self.rho + x / root),
            second: self.b * self.sigma * self.sigma / (square * root),
        }
    }

    /// Slope of the right wing, b(1 + ρ).
    #[must_use]
    pub fn right(&self) -> f64 {
        self.b * (1.0 + self.rho)
    }

    /// Slope of the left wing, b(1 − ρ).
    #[must_use]
    pub fn left(&self) -> f64 {
        self.b * (1.0 - self.rho)
    }

    /// Lowest total variance, a + bσ√(1 − ρ²).
    #[must_use]
    pub fn lowest(&self) -> f64 {
        self.a + self.b * self.sigma * (1.0 - self.rho * self.rho).sqrt()
    }

    /// The slice moved up by `variance`.
    #[must_use]
    pub fn lifted(&self, variance: f64) -> Self {
        Self { a: self.a + variance, ..*self }
    }

    /// The slice on the way to `other` (share 1), linear in lowest variance, wing slopes, shift and smoothness.
    #[must_use]
    pub fn mixed(&self, other: &Self, share: f64) -> Self {
        let mix = |mine: f64, theirs: f64| mine + (theirs - mine) * share;
        Self::from_wings(
            mix(self.lowest(), other.lowest()),
            mix(self.right(), other.right()),
            mix(self.left(), other.left()),
            mix(self.m, other.m),
            mix(self.sigma, other.sigma),
        )
    }

    /// The slice on the wire; `None` when a parameter does not fit.
    #[must_use]
    pub fn to_wire(&self) -> Option<SviSlice> {
        let nano = |value: f64| round_half_even(value * NANO);
        Some(SviSlice {
            a: nano(self.a)?,
            b: nano(self.b)?,
            rho: nano(self.rho)?,
            m: nano(self.m)?,
            sigma: nano(self.sigma)?,
        })
    }

    /// The slice that the wire's integers say.
    #[must_use]
    pub fn from_wire(slice: &SviSlice) -> Self {
        let value = |nano: i64| nano as f64 / NANO;
        Self {
            a: value(slice.a),
            b: value(slice.b),
            rho: value(slice.rho),
            m: value(slice.m),
            sigma: value(slice.sigma),
        }
    }

    /// The slice as the wire rounds it; `None` when that is no slice any more: a parameter does not fit, or lies outside
    /// b ≥ 0, |ρ| < 1, σ > 0.
    #[must_use]
    pub fn rounded(&self) -> Option<Self> {
        let slice = Self::from_wire(&self.to_wire()?);
        let sound = slice.b >= 0.0 && slice.rho.abs() < 1.0 && slice.sigma > 0.0;
        sound.then_some(slice)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Axel Vogt's smile, which has butterfly arbitrage (Gatheral and Jacquier 2014, example 3.1).
    pub(crate) const VOGT: Svi = Svi { a: -0.0410, b: 0.1331, rho: 0.3060, m: 0.3586, sigma: 0.4153 };

    /// Slices of any shape with positive variance.
    pub(crate) fn any_slice() -> impl Strategy<Value = Svi> {
        (1e-5f64..0.3, 1e-4f64..1.2, 1e-4f64..1.2, -0.5f64..0.5, 1e-3f64..0.8)
            .prop_map(|(lowest, right, left, m, sigma)| Svi::from_wings(lowest, right, left, m, sigma))
    }

    proptest! {
        #[test]
        fn wings_and_lowest_variance_are_the_parameters(
            lowest in 1e-5f64..0.3, right in 1e-4f64..1.9, left in 1e-4f64..1.9, m in -0.5f64..0.5, sigma in 1e-3f64..1.0
        ) {
            let slice = Svi::from_wings(lowest, right, left, m, sigma);
            prop_assert!((slice.lowest() - lowest).abs() < 1e-12);
            prop_assert!((slice.right() - right).abs() < 1e-12 && (slice.left() - left).abs() < 1e-12);
            for k in [-3.0, -0.2, m, 0.1, 3.0] {
                prop_assert!(slice.variance(k) >= lowest - 1e-12);
            }
        }

        #[test]
        fn slopes_are_those_of_the_value(slice in any_slice(), k in -1.0f64..1.0) {
            let step = 1e-4 * slice.sigma;
            let (below, here, above) = (slice.variance(k - step), slice.curve(k), slice.variance(k + step));
            prop_assert!(((above - below) / (2.0 * step) - here.first).abs() < 1e-5);
            let second = (above - 2.0 * here.value + below) / (step * step);
            prop_assert!((second - here.second).abs() < 1e-3 * (1.0 + here.second) + 1e-15 / (step * step));
        }

        #[test]
        fn rounding_moves_the_variance_by_few_units(slice in any_slice(), k in -2.0f64..2.0) {
            let rounded = slice.rounded().expect("inside the domain");
            prop_assert!((rounded.variance(k) - slice.variance(k)).abs() < 8e-9);
            prop_assert_eq!(Svi::from_wire(&rounded.to_wire().expect("fits")), rounded);
        }
    }

    #[test]
    fn the_vogt_smile_has_arbitrage() {
        let g = |k: f64| VOGT.curve(k).durrleman(k);
        assert!((g(0.879) + 0.0329).abs() < 1e-4, "{}", g(0.879));
        assert!(g(0.0) > 0.0);
    }

    #[test]
    fn what_the_wire_cannot_carry_is_refused() {
        let slice = Svi::from_wings(0.01, 0.1, 0.2, 0.0, 0.1);
        assert!(Svi { sigma: 1e-10, ..slice }.rounded().is_none());
        assert!(Svi { rho: 1.0 - 1e-10, ..slice }.rounded().is_none());
        assert!(Svi { a: f64::NAN, ..slice }.rounded().is_none());
        assert!(Svi { m: 1e10, ..slice }.rounded().is_none());
    }
}
