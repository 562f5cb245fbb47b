//! Assets beside USDC: what counts of them, and what is charged on them.

use crate::numbers::{Checked, mul_div_ceil, mul_div_floor};
use protocol::{AssetId, CONTRACT, CollateralTerms, Micros, NANO_ONE, UnderlyingId};

/// An asset that an account holds.
#[derive(Debug, Clone, Copy)]
pub struct CollateralHolding<'a> {
    /// The asset.
    pub asset: AssetId,
    /// What it counts for.
    pub terms: &'a CollateralTerms,
    /// Amount held, 1e-8 units.
    pub balance: i64,
    /// Amount that may count for new risk: the balance, less what the venue's cap or an unsound price leaves out.
    pub counted: i64,
    /// Last good price, micro-USDC per unit.
    pub price: Micros,
}

/// What an asset counts for. Amounts 1e-8 units, values micro-USDC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollateralLine {
    /// The asset.
    pub asset: AssetId,
    /// The underlying in whose lanes it moves; 0: in none.
    pub scenario_underlying: UnderlyingId,
    /// Amount held.
    pub balance: i64,
    /// Price, micro-USDC per unit.
    pub price: Micros,
    /// Value of all that is held, before caps and haircuts.
    pub value: Micros,
    /// Amount that counts for new risk.
    pub eligible_initial: i64,
    /// Amount that counts for maintenance.
    pub eligible_maintenance: i64,
    /// What equity counts for new risk: eligible value after the haircut. It is this amount that moves in the lanes.
    pub initial: Micros,
    /// The same for maintenance.
    pub maintenance: Micros,
    /// Add-on against a break of the peg, for new risk.
    pub depeg_initial: Micros,
    /// The same for maintenance.
    pub depeg_maintenance: Micros,
}

impl CollateralLine {
    /// Counts a holding: what an account may count at most, at the last price, less the haircut, rounded down.
    ///
    /// # Errors
    /// [`crate::Overflow`] when a value does not fit.
    pub fn new(holding: &CollateralHolding<'_>) -> Checked<Self> {
        let CollateralHolding { asset, terms, balance, counted, price } = *holding;
        let value = |amount: i64| mul_div_floor(amount, price, CONTRACT);
        let after = |value: Micros, haircut: i64| mul_div_floor(value, NANO_ONE - haircut, NANO_ONE);
        let eligible_maintenance = balance.clamp(0, terms.account_cap.max(0));
        let eligible_initial = counted.clamp(0, eligible_maintenance);
        let (initial, maintenance) = (value(eligible_initial)?, value(eligible_maintenance)?);
        Ok(Self {
            asset,
            scenario_underlying: terms.scenario_underlying,
            balance,
            price,
            value: value(balance)?,
            eligible_initial,
            eligible_maintenance,
            initial: after(initial, terms.haircut_initial)?,
            maintenance: after(maintenance, terms.haircut_maintenance)?,
            depeg_initial: mul_div_ceil(initial, terms.depeg, NANO_ONE)?,
            depeg_maintenance: mul_div_ceil(maintenance, terms.depeg, NANO_ONE)?,
        })
    }
}
