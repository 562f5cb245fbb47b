//! Holdings and instruments as crate `margin` sees them.

use crate::accounts::{Holding, OpenSide};
use crate::instruments::Instrument;
use crate::numbers::{Checked, Overflow, mul};
use crate::terms::Terms;
use margin::{Exposure, InstrumentRisk, OpenLots};

/// An instrument at its last mark.
///
/// # Errors
/// [`Overflow`] when the mark has no lanes: what is not admitted cannot be summed either.
pub(super) fn risk_of(instrument: &Instrument) -> Checked<InstrumentRisk<'_>> {
    let mark = instrument.mark.as_ref().ok_or(Overflow)?;
    let spec = &instrument.spec;
    Ok(InstrumentRisk {
        expiry: spec.expiry,
        strike: spec.strike,
        lot_size: spec.lot_size,
        lane_unit: spec.lane_unit,
        mark: mark.mark,
        delta: mark.delta,
        vega: mark.vega,
        risk: mark.risk.as_deref().ok_or(Overflow)?,
    })
}

/// A position with its open orders at the worst price of each side.
pub(super) fn exposure_of(holding: &Holding, terms: &Terms) -> Checked<Exposure> {
    Ok(Exposure {
        position: holding.position,
        bids: open_lots(holding.bids, terms)?,
        offers: open_lots(holding.offers, terms)?,
    })
}

fn open_lots(open: OpenSide, terms: &Terms) -> Checked<OpenLots> {
    if open.lots == 0 {
        return Ok(OpenLots::default());
    }
    Ok(OpenLots {
        lots: open.lots,
        price: mul(open.worst, terms.tick_size)?,
        fees: terms.worst_fee_of(open.lots, terms.cash(open.lots, open.worst)?)?,
    })
}
