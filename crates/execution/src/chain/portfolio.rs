//! Greeks of whole portfolios.

use crate::view::View;
use protocol::{CONTRACT, InstrumentKind, SubaccountId, UnderlyingId};
use std::collections::BTreeMap;

/// Sums over a subaccount's positions in one underlying, rounded down once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PortfolioGreeks {
    /// Delta of everything, 1e-9.
    pub delta: i64,
    /// Delta of the options, 1e-9.
    pub options_delta: i64,
    /// Gamma, 1e-12.
    pub gamma: i64,
    /// Vega, micro-USDC per vol point.
    pub vega: i64,
    /// Theta, micro-USDC per day.
    pub theta: i64,
}

/// Sums of Greeks times amounts, not yet rounded.
#[derive(Default)]
struct Sums([i128; 5]);

impl PortfolioGreeks {
    /// By underlying, of those in which the subaccount has a position.
    #[must_use]
    pub fn of(view: &View, subaccount: SubaccountId) -> BTreeMap<UnderlyingId, Self> {
        let mut sums: BTreeMap<UnderlyingId, Sums> = BTreeMap::new();
        for position in view.engine.positions(subaccount) {
            let listed =
                view.engine.instrument(position.instrument).expect("a position is in a listed instrument");
            let amount = i128::from(position.lots) * i128::from(listed.spec.lot_size);
            let sum = sums.entry(listed.spec.underlying).or_default();
            let Some(row) = view.chains.row(listed) else { continue };
            let greeks = &row.mark.value;
            let options = i64::from(listed.spec.kind == InstrumentKind::Option);
            let values = [greeks.delta, options * greeks.delta, greeks.gamma, greeks.vega, greeks.theta];
            for (sum, value) in sum.0.iter_mut().zip(values) {
                *sum += i128::from(value) * amount;
            }
        }
        sums.into_iter().map(|(underlying, sums)| (underlying, sums.rounded())).collect()
    }
}

impl Sums {
    fn rounded(&self) -> PortfolioGreeks {
        let contracts = i128::from(CONTRACT);
        // what does not fit is shown at the bound
        let bound = |sum: i128| sum.div_euclid(contracts).clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        let [delta, options_delta, gamma, vega, theta] = self.0.map(bound);
        PortfolioGreeks { delta, options_delta, gamma, vega, theta }
    }
}
