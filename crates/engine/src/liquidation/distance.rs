//! How far the marks must move before an account can cross its next boundary.
//!
//! The bound rests on one number per mark and underlying: the largest move of any of its instruments per contract, margin
//! of either model included ([`Terms::moved_to`], [`crate::portfolio::MarginMoved`]). What an account has above a boundary
//! falls by no more than its contracts times the moves since, so it need not be looked at before they have used up its
//! share.

use super::watch::Key;
use crate::accounts::{Account, Holding};
use crate::numbers::{Checked, Overflow, add, div_ceil, div_floor, mul_div_ceil, sub};
use crate::standing::Standing;
use crate::state::Engine;
use crate::terms::Terms;
use margin::{UnderlyingRisk, VEGA_SLOPE};
use protocol::{CONTRACT, Micros, NANO_ONE, Parameter};
use std::collections::BTreeMap;

/// Micro-USDC by which rounding may shift the numbers of one holding, asset or underlying.
const ROUNDING: i64 = 16;
/// Contracts of 1e-8 times factors of 1e-9.
const MOVE_UNIT: i128 = CONTRACT as i128 * NANO_ONE as i128;
/// Micro-USDC in a million USDC: the unit in which a perpetual's rates grow.
const MILLION_USDC: i128 = 1_000_000_000_000;

/// What moves an account in one underlying.
#[derive(Debug, Clone, Copy)]
struct Weight {
    /// Loss per micro-USDC of move, 1e-8 contracts times 1e-9.
    loss: i128,
    /// Most that the counter may rise while that holds.
    reach: i64,
    /// Micro-USDC that rounding may cost beside [`ROUNDING`].
    slack: i128,
}

impl Default for Weight {
    fn default() -> Self {
        Self { loss: 0, reach: i64::MAX, slack: 0 }
    }
}

impl Engine {
    /// How much an account has above its next boundary: the smaller of what it has above initial margin and above
    /// maintenance margin with its buffer. Negative when it is called.
    pub(super) fn room(&self, standing: &Standing) -> Checked<Micros> {
        let above_initial = sub(standing.initial_equity, standing.initial)?;
        let above_buffer = sub(standing.equity, self.buffered(standing.maintenance)?)?;
        Ok(above_initial.min(above_buffer))
    }

    /// A maintenance margin with the buffer of margin calls, rounded up.
    pub(super) fn buffered(&self, maintenance: Micros) -> Checked<Micros> {
        add(
            maintenance,
            mul_div_ceil(maintenance, self.parameters.get(Parameter::MarginCallBuffer), NANO_ONE)?,
        )
    }

    /// Readings of the counters before which an account that has `room` crosses no boundary.
    pub(super) fn keys_of(&self, place: usize, room: Micros) -> Checked<Vec<Key>> {
        let account = &self.accounts[place];
        let weights = self.weights(account)?;
        let parts = account.holdings.len() + account.assets.len() + weights.len();
        let slack =
            weights.values().map(|weight| weight.slack).sum::<i128>() + i128::from(ROUNDING) * parts as i128;
        let share = (i128::from(room) - slack).max(0) / weights.len().max(1) as i128;
        let key = |(underlying, weight): (usize, Weight)| {
            let product = share.checked_mul(MOVE_UNIT).unwrap_or(i128::MAX);
            let moves = div_floor(product, weight.loss.max(1)).unwrap_or(i64::MAX).min(weight.reach);
            // A mark raises its counter by one at least.
            (underlying, self.watch.moved(underlying).saturating_add(moves.max(1)))
        };
        Ok(weights.into_iter().map(key).collect())
    }

    /// By place of the underlying.
    fn weights(&self, account: &Account) -> Checked<BTreeMap<usize, Weight>> {
        let mut weights: BTreeMap<usize, Weight> = BTreeMap::new();
        let mut vegas: BTreeMap<usize, Vega> = BTreeMap::new();
        for holding in account.holdings().filter(|holding| holding.position != 0) {
            let instrument = &self.instruments[holding.instrument as usize - 1];
            let terms = &instrument.terms;
            let underlying = usize::from(terms.underlying) - 1;
            let weight = weights.entry(underlying).or_default();
            let contracts = i128::from(holding.position).abs() * i128::from(terms.lot_size);
            if account.is_portfolio() {
                weight.loss += contracts * i128::from(NANO_ONE);
                let vega = instrument.mark.as_ref().map_or(0, |mark| mark.vega);
                vegas.entry(underlying).or_default().add(contracts, vega);
            } else {
                weight.loss += contracts.checked_mul(factor_of(terms, holding)?).ok_or(Overflow)?;
                if terms.perpetual {
                    weight.reach = weight.reach.min(terms.mark);
                }
            }
        }
        for (underlying, vega) in vegas {
            let weight = weights.entry(underlying).or_default();
            let margin = self.underlyings[underlying].margin.as_ref().ok_or(Overflow)?;
            weight.reach = weight.reach.min(vega.reach(margin)?);
            // The charge is rounded by 1e-9 of a vol point.
            weight.slack += 2 * i128::from(vega.gross()?) / i128::from(NANO_ONE);
        }
        // In a portfolio an asset also moves its lanes, by at most half of its value, and its add-on, by at most all of it.
        let factor = if account.is_portfolio() { 5 } else { 2 } * i128::from(NANO_ONE);
        for &(asset, balance) in account.assets() {
            let Some(terms) = self.collateral[usize::from(asset)].active() else { continue };
            let weight = weights.entry(usize::from(terms.price_underlying) - 1).or_default();
            weight.loss += i128::from(balance).abs() * factor;
        }
        Ok(weights)
    }
}

/// The vegas of an account in one underlying, by magnitude.
#[derive(Debug, Clone, Copy, Default)]
struct Vega {
    /// 1e-8 contracts.
    contracts: i128,
    /// 1e-8 micro-USDC per vol point.
    sum: i128,
}

impl Vega {
    fn add(&mut self, contracts: i128, vega: i64) {
        self.contracts += contracts;
        self.sum = self.sum.saturating_add(contracts.saturating_mul(vega.unsigned_abs().into()));
    }

    /// Micro-USDC per vol point, rounded up.
    fn gross(&self) -> Checked<Micros> {
        div_ceil(self.sum, CONTRACT.into())
    }

    /// How far the counter may rise before the vegas have grown out of the range in which their charge is bounded: a rise
    /// of one is at most that of one slope's vega per contract.
    fn reach(&self, margin: &UnderlyingRisk) -> Checked<i64> {
        let Some(room) = margin.vega_room(self.gross()?) else { return Ok(i64::MAX) };
        let rises = i128::from(room) * i128::from(VEGA_SLOPE) * i128::from(CONTRACT) / self.contracts.max(1);
        Ok(i64::try_from(rises).unwrap_or(i64::MAX))
    }
}

/// What a holding under standard margin can lose per micro-USDC of move and contract, 1e-9. Of a perpetual while its mark
/// has at most doubled: its margin grows with the notional, by at most the rate plus the size term at four times the
/// notional; the buffer at most doubles that of maintenance margin.
fn factor_of(terms: &Terms, holding: &Holding) -> Checked<i128> {
    if !terms.perpetual {
        return Ok(NANO_ONE.into());
    }
    let notional = i128::from(terms.value(holding.position)?.unsigned_abs());
    let growth = i128::from(terms.size_term) * (4 * notional + 4) / MILLION_USDC + 1;
    let (initial, maintenance) = (i128::from(terms.initial_rate), i128::from(terms.maintenance_rate));
    Ok(i128::from(NANO_ONE) + (initial + growth).max(2 * (maintenance + growth)))
}
