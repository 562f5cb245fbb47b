//! Raw SVI: total variance of a smile over log-moneyness.

use crate::block::{BLOCK, Block};
use crate::path::{Batch, Path};
use protocol::SviSlice;
use thiserror::Error;

/// Why parameters are not a smile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SmileError {
    /// The slope `b` is negative.
    #[error("smile slope b is {0}e-9, must not be negative")]
    Slope(i64),
    /// The rotation is not inside (−1, 1).
    #[error("smile rotation rho is {0}e-9, must lie inside (-1, 1)")]
    Rotation(i64),
    /// The smoothness is not positive.
    #[error("smile smoothness sigma is {0}e-9, must be positive")]
    Smoothness(i64),
}

/// w(k) = a + b·(ρ(k − m) + √((k − m)² + σ²)), total variance at log-moneyness k = ln(K/F).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smile {
    a: f64,
    b: f64,
    rho: f64,
    m: f64,
    sigma_squared: f64,
}

impl Smile {
    /// From the fixed point of the wire.
    ///
    /// # Errors
    /// [`SmileError`] for parameters outside their domain.
    pub fn from_slice(slice: &SviSlice) -> Result<Self, SmileError> {
        const ONE: i64 = 1_000_000_000;
        if slice.b < 0 {
            return Err(SmileError::Slope(slice.b));
        }
        if slice.rho <= -ONE || slice.rho >= ONE {
            return Err(SmileError::Rotation(slice.rho));
        }
        if slice.sigma <= 0 {
            return Err(SmileError::Smoothness(slice.sigma));
        }
        let nano = |value: i64| value as f64 / 1e9;
        let sigma = nano(slice.sigma);
        Ok(Self {
            a: nano(slice.a),
            b: nano(slice.b),
            rho: nano(slice.rho),
            m: nano(slice.m),
            sigma_squared: sigma * sigma,
        })
    }

    /// Total variance σ²T at log-moneyness `k`; negative where the parameters make no sense.
    #[inline(always)]
    #[must_use]
    pub fn total_variance(&self, k: f64) -> f64 {
        let x = k - self.m;
        self.a + self.b * (self.rho * x + (x * x + self.sigma_squared).sqrt())
    }

    /// √(w/T) at each strike, with k = ln(K/F); NaN where the variance is negative. `t` is positive.
    pub(crate) fn vols_into(&self, forward: f64, t: f64, strikes: &[f64], vols: &mut [f64]) {
        Path::best().run(Vols { smile: self, forward, t, strikes, vols });
    }
}

struct Vols<'a> {
    smile: &'a Smile,
    forward: f64,
    t: f64,
    strikes: &'a [f64],
    vols: &'a mut [f64],
}

impl Batch for Vols<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { smile, forward, t, strikes, vols } = self;
        let mut block = Block::new();
        block.forward.fill(forward);
        for (strikes, vols) in strikes.chunks(BLOCK).zip(vols.chunks_mut(BLOCK)) {
            let count = strikes.len();
            block.strike[..count].copy_from_slice(strikes);
            block.log_moneyness(count);
            for (vol, log_moneyness) in vols.iter_mut().zip(&block.log_moneyness) {
                *vol = (smile.total_variance(-log_moneyness) / t).sqrt();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice() -> SviSlice {
        SviSlice { a: 40_000_000, b: 400_000_000, rho: -400_000_000, m: 100_000_000, sigma: 100_000_000 }
    }

    #[test]
    fn evaluates_the_formula() {
        let smile = Smile::from_slice(&slice()).expect("valid");
        assert!((smile.total_variance(0.1) - (0.04 + 0.4 * 0.1)).abs() < 1e-16);
        let wing = smile.total_variance(1000.1) - smile.total_variance(1000.0);
        assert!((wing - 0.4 * 0.6 * 0.1).abs() < 1e-9, "the right wing rises by b(1 + rho)");
    }

    #[test]
    fn refuses_what_is_no_smile() {
        assert_eq!(Smile::from_slice(&SviSlice { b: -1, ..slice() }), Err(SmileError::Slope(-1)));
        for rho in [1_000_000_000, -1_000_000_000, i64::MAX, i64::MIN] {
            assert_eq!(Smile::from_slice(&SviSlice { rho, ..slice() }), Err(SmileError::Rotation(rho)));
        }
        assert_eq!(Smile::from_slice(&SviSlice { sigma: 0, ..slice() }), Err(SmileError::Smoothness(0)));
    }
}
