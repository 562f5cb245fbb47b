//! Fees: a share of the index notional, for options capped at a share of the premium.

use crate::numbers::{Checked, mul_div_ceil, mul_div_floor};
use crate::terms::{NANOS_PER_MICRO, Terms, of_lot};
use protocol::{CONTRACT, Micros, NANO_ONE};

impl Terms {
    /// Fee of a maker, micro-USDC, rounded up; negative is a rebate.
    pub fn maker_fee_of(&self, lots: i64, cash: Micros) -> Checked<Micros> {
        self.capped(self.maker_fee, lots, cash)
    }

    /// Fee of a taker, micro-USDC, rounded up.
    pub fn taker_fee_of(&self, lots: i64, cash: Micros) -> Checked<Micros> {
        self.capped(self.taker_fee, lots, cash)
    }

    /// The most that filling `lots` could cost, as maker or taker; `cash` is their premium.
    pub fn worst_fee_of(&self, lots: i64, cash: Micros) -> Checked<Micros> {
        self.capped(self.maker_fee.max(self.taker_fee).max(0), lots, cash)
    }

    fn capped(&self, per_lot: i64, lots: i64, cash: Micros) -> Checked<Micros> {
        let fee = mul_div_ceil(of_lot(per_lot)?, lots, NANOS_PER_MICRO)?;
        let Some(share) = self.fee_cap else { return Ok(fee) };
        if fee >= 0 {
            Ok(fee.min(mul_div_ceil(share, cash, NANO_ONE)?))
        } else {
            Ok(fee.max(-mul_div_floor(share, cash, NANO_ONE)?))
        }
    }

    /// Whether `fee` is within what was signed: at most `⌈max_fee × contracts⌉`.
    pub fn fee_allowed(&self, fee: Micros, max_fee: Micros, lots: i64) -> bool {
        if fee <= 0 {
            return true;
        }
        let allowed = i128::from(max_fee) * i128::from(lots) * i128::from(self.lot_size);
        (i128::from(fee) - 1) * i128::from(CONTRACT) < allowed
    }
}
