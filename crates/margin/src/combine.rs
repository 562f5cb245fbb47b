//! Several underlyings in common-shock states: losses add, gains offset in part.

use crate::evaluate::UnderlyingMargin;
use crate::numbers::{Checked, div_ceil, mul, mul_div_ceil, wide_add};
use crate::states::STATES;
use protocol::{Micros, NANO_ONE};

/// How far a gain in one underlying covers a loss in another. Shares, 1e-9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PnlOffset {
    /// Share of a gain that counts.
    pub share: i64,
    /// Most that all offsets together may take off the sum of the scans, share of it.
    pub cap: i64,
}

/// Scans joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Combined {
    /// Joint scan, micro-USDC, rounded up.
    pub scan: Micros,
    /// Sum of the scans without any offset.
    pub gross: Micros,
    /// State of the worst joint loss.
    pub state: usize,
}

/// Losses carry two rates: the share of the underlying and that of the offset.
const RATES: i128 = NANO_ONE as i128 * NANO_ONE as i128;

/// The joint scan: the worst state of losses plus `share` of gains, and no less than `1 − cap` of the sum of scans.
///
/// With open orders at their worst a gain may hold costs that are certain when the orders fill. With `X` the loss and
/// `C` the cost of filling, the loss before cost is at least `X − C`, so what counts is `max(X, share·X + (1 − share)·C)`.
/// For one underlying the result is its scan.
///
/// # Errors
/// [`crate::Overflow`] when a number does not fit.
pub fn combine<'a>(
    margins: impl IntoIterator<Item = &'a UnderlyingMargin>,
    offset: PnlOffset,
) -> Checked<Combined> {
    let mut margins = margins.into_iter();
    let Some(first) = margins.next() else { return Ok(Combined::default()) };
    let Some(second) = margins.next() else { return alone(first) };
    let mut joint = Joint { losses: [0; STATES], least: 0, gross: 0 };
    for margin in [first, second].into_iter().chain(margins) {
        joint.add(margin, offset)?;
    }
    let (state, most) = joint.worst();
    Ok(Combined { scan: rounded(most.max(joint.least).max(0))?, gross: rounded(joint.gross)?, state })
}

/// One underlying is its own joint scan.
fn alone(margin: &UnderlyingMargin) -> Checked<Combined> {
    let scan = if margin.share == NANO_ONE {
        margin.scan
    } else {
        mul_div_ceil(margin.scan, margin.share, NANO_ONE)?
    };
    Ok(Combined { scan, gross: scan, state: margin.state })
}

/// Sums over underlyings, in micro-USDC times both rates.
struct Joint {
    losses: [i128; STATES],
    /// What the cap on offsets leaves of the scans.
    least: i128,
    gross: i128,
}

impl Joint {
    fn add(&mut self, margin: &UnderlyingMargin, offset: PnlOffset) -> Checked<()> {
        let product = |a: i64, b: i64| i128::from(a) * i128::from(b);
        let (share, cost) = (margin.share, margin.order_cost);
        let whole = mul(share, NANO_ONE)?;
        let part = mul(share, offset.share)?;
        let certain = product(whole - part, cost);
        for (sum, &loss) in self.losses.iter_mut().zip(&margin.losses) {
            *sum = wide_add(*sum, product(loss, whole).max(product(loss, part) + certain))?;
        }
        let capped = mul(share, offset.cap)?;
        let kept = product(margin.scan, whole - capped) + product(cost.min(margin.scan), capped);
        self.least = wide_add(self.least, kept)?;
        self.gross = wide_add(self.gross, product(margin.scan, whole))?;
        Ok(())
    }

    /// The first state of the largest loss, and that loss.
    fn worst(&self) -> (usize, i128) {
        let most = self.losses.iter().copied().fold(i128::MIN, i128::max);
        (self.losses.iter().position(|&loss| loss == most).unwrap_or_default(), most)
    }
}

/// `⌈rated ÷ rates⌉`.
fn rounded(rated: i128) -> Checked<Micros> {
    div_ceil(rated, RATES)
}
