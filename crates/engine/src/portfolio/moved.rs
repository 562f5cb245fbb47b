//! How far portfolio margin can move with a mark.

use crate::instruments::{Instrument, Underlying};
use crate::numbers::{Checked, add, mul_div_ceil};
use crate::parameters::Parameters;
use margin::{ChargesMoved, UnderlyingRisk};
use protocol::{InstrumentMark, Micros, NANO_ONE, Parameter};

/// What a mark changes for a whole underlying.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MarginMoved {
    charges: ChargesMoved,
    /// How much of a change of initial margin the boundary of a margin call may move by, 1e-9, at least 1.
    weight: i64,
}

impl MarginMoved {
    /// From the last mark of `underlying` to one that makes `after`; `None` where there is no portfolio margin, or was none:
    /// then nobody relies on it.
    pub fn new(
        underlying: &Underlying,
        after: Option<&UnderlyingRisk>,
        parameters: &Parameters,
    ) -> Checked<Option<Self>> {
        let (Some(before), Some(after)) = (underlying.margin.as_ref(), after) else { return Ok(None) };
        let share =
            underlying.risk.active().map_or(NANO_ONE, |table| table.parameters.margin.maintenance_share);
        let buffered = add(NANO_ONE, parameters.get(Parameter::MarginCallBuffer))?;
        let weight = mul_div_ceil(buffered, share, NANO_ONE)?.max(NANO_ONE);
        Ok(Some(Self { charges: ChargesMoved::new(before, after)?, weight }))
    }

    /// Of any contract: the change of the charges, micro-USDC, at least 1.
    pub fn least(&self) -> Micros {
        mul_div_ceil(self.charges.moved(), self.weight, NANO_ONE).unwrap_or(Micros::MAX).max(1)
    }

    /// Of an instrument: the change of its value and of its margin per contract, micro-USDC.
    pub fn of(&self, instrument: &Instrument, after: &InstrumentMark) -> Checked<Micros> {
        let Some(before) = &instrument.mark else { return Ok(0) };
        let spec = &instrument.spec;
        let margin = self.charges.of(before, after, spec.lane_unit, spec.lot_size)?;
        add((before.mark - after.mark).abs(), mul_div_ceil(margin, self.weight, NANO_ONE)?)
    }
}
