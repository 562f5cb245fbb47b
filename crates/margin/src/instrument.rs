//! One instrument at its last mark, and what an account has in it.

use crate::numbers::{Checked, add, div_ceil, sub, wide_mul};
use crate::series::Change;
use protocol::{CONTRACT, Micros, Nanos, RiskArray, Side};

/// An instrument as margin sees it: its specification and its last mark.
#[derive(Debug, Clone, Copy)]
pub struct InstrumentRisk<'a> {
    /// Expiry time; 0 for a perpetual.
    pub expiry: Nanos,
    /// Strike, micro-USDC; 0 for a perpetual.
    pub strike: Micros,
    /// Lot, 1e-8 contracts.
    pub lot_size: i64,
    /// Unit of the lanes, micro-USDC.
    pub lane_unit: u32,
    /// Mark, micro-USDC per contract.
    pub mark: Micros,
    /// Delta, 1e-9.
    pub delta: i64,
    /// Vega, micro-USDC per contract and vol point.
    pub vega: i64,
    /// Lanes and gaps.
    pub risk: &'a RiskArray,
}

impl InstrumentRisk<'_> {
    /// Whether the instrument is an option. A perpetual has neither strike nor floor.
    #[must_use]
    pub fn is_option(&self) -> bool {
        self.strike != 0
    }
}

/// Open orders of one side of an instrument.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenLots {
    /// Open lots, not negative.
    pub lots: i64,
    /// Worst price among them, micro-USDC per contract.
    pub price: Micros,
    /// Fees when all of them fill, micro-USDC; a rebate counts as none.
    pub fees: Micros,
}

impl OpenLots {
    /// What filling all lots costs against the mark, micro-USDC, rounded up. A price better than the mark gives
    /// nothing back.
    pub(crate) fn cost(&self, side: Side, instrument: &InstrumentRisk<'_>) -> Checked<Micros> {
        if self.lots == 0 {
            return Ok(0);
        }
        let adverse = match side {
            Side::Buy => sub(self.price, instrument.mark)?,
            Side::Sell => sub(instrument.mark, self.price)?,
        };
        let lost = wide_mul(i128::from(self.lots) * i128::from(adverse.max(0)), instrument.lot_size)?;
        add(div_ceil(lost, CONTRACT.into())?, self.fees.max(0))
    }
}

/// What an account has in one instrument.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Lots held; negative is short.
    pub position: i64,
    /// Open bids.
    pub bids: OpenLots,
    /// Open offers.
    pub offers: OpenLots,
}

impl Exposure {
    /// A position without orders.
    #[must_use]
    pub fn of(position: i64) -> Self {
        Self { position, ..Self::default() }
    }

    /// What changes from `before` to this one, lots.
    pub(crate) fn change_from(&self, before: &Self) -> Checked<Change> {
        Ok(Change {
            position: sub(self.position, before.position)?,
            bids: sub(self.bids.lots, before.bids.lots)?,
            offers: sub(self.offers.lots, before.offers.lots)?,
        })
    }

    pub(crate) fn has_orders(&self) -> bool {
        self.bids.lots != 0 || self.offers.lots != 0
    }
}
