//! What matching and margin need to know of an instrument, derived from its spec, mark and parameters.
//!
//! Rates become amounts per lot once per mark, in nano-USDC and rounded up, so that an order costs multiplications
//! and no wide division.

use crate::numbers::{Checked, Overflow, div_ceil, mul_div_ceil, narrow, wide_mul};
use crate::parameters::Parameters;
use protocol::{
    CONTRACT, InstrumentId, InstrumentKind, InstrumentSpec, Micros, NANO_ONE, Nanos, OptionType, Parameter,
    Side, UnderlyingId,
};

/// Nano-USDC in a micro-USDC.
pub(crate) const NANOS_PER_MICRO: i64 = 1_000;

/// Numbers of one instrument, all of them a function of its spec, the last mark and the parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    pub instrument: InstrumentId,
    pub underlying: UnderlyingId,
    pub perpetual: bool,
    /// Whether a mark has come; without one nothing below this field means anything.
    pub marked: bool,
    pub expiry: Nanos,
    pub tick_size: i64,
    pub lot_size: i64,
    /// Cash of one lot per tick, micro-USDC.
    pub tick_value: i64,
    /// Micro-USDC per contract.
    pub mark: Micros,
    /// Furthest that a limit price may be through the mark, micro-USDC per contract.
    pub band: i64,
    /// Margins of one short option lot, nano-USDC.
    pub short_initial: i64,
    pub short_maintenance: i64,
    /// Fees of one lot before the cap, nano-USDC.
    pub maker_fee: i64,
    pub taker_fee: i64,
    /// Share of the premium that caps an option's fee, 1e-9; `None` for perpetuals.
    pub fee_cap: Option<i64>,
    /// Margin rates of a perpetual, 1e-9, and their growth per million USDC.
    pub initial_rate: i64,
    pub maintenance_rate: i64,
    pub size_term: i64,
}

impl Terms {
    /// Terms of an instrument that has no mark yet.
    pub fn unmarked(spec: &InstrumentSpec) -> Checked<Self> {
        let tick_value =
            narrow(i128::from(spec.tick_size) * i128::from(spec.lot_size) / i128::from(CONTRACT))?;
        Ok(Self {
            instrument: spec.instrument,
            underlying: spec.underlying,
            perpetual: spec.kind == InstrumentKind::Perpetual,
            marked: false,
            expiry: spec.expiry,
            tick_size: spec.tick_size,
            lot_size: spec.lot_size,
            tick_value,
            mark: 0,
            band: 0,
            short_initial: 0,
            short_maintenance: 0,
            maker_fee: 0,
            taker_fee: 0,
            fee_cap: None,
            initial_rate: 0,
            maintenance_rate: 0,
            size_term: 0,
        })
    }

    /// Terms at `mark` (micro-USDC per contract) and `index` (1e-9 USD).
    pub fn marked(spec: &InstrumentSpec, mark: Micros, index: i64, parameters: &Parameters) -> Checked<Self> {
        let get = |parameter| parameters.get(parameter);
        let mut terms = Self { marked: true, mark, ..Self::unmarked(spec)? };
        let index_micros = index / NANOS_PER_MICRO;
        terms.band = mul_div_ceil(get(Parameter::PriceBand), mark.max(index_micros / 100), NANO_ONE)?;
        let fee = |rate| fee_per_lot(index, spec.lot_size, rate);
        if terms.perpetual {
            terms.maker_fee = fee(get(Parameter::PerpetualMakerFee))?;
            terms.taker_fee = fee(get(Parameter::PerpetualTakerFee))?;
            terms.initial_rate = get(Parameter::PerpetualInitial);
            terms.maintenance_rate = get(Parameter::PerpetualMaintenance);
            terms.size_term = get(Parameter::PerpetualSizeTerm);
            return Ok(terms);
        }
        terms.maker_fee = fee(get(Parameter::OptionMakerFee))?;
        terms.taker_fee = fee(get(Parameter::OptionTakerFee))?;
        terms.fee_cap = Some(get(Parameter::OptionFeeCap));
        let (initial, maintenance) = short_option_margins(spec, mark, index_micros, parameters)?;
        let per_lot = |margin| mul_div_ceil(margin, spec.lot_size, CONTRACT / NANOS_PER_MICRO);
        terms.short_initial = per_lot(initial)?;
        terms.short_maintenance = per_lot(maintenance)?;
        Ok(terms)
    }

    /// Premium or notional of a fill, micro-USDC, exact.
    pub fn cash(&self, lots: i64, price: i64) -> Checked<Micros> {
        narrow(wide_mul(i128::from(lots) * i128::from(price), self.tick_value)?)
    }

    /// The worst price, in ticks, that an order of `side` may name.
    pub fn band_limit(&self, side: Side) -> i64 {
        match side {
            Side::Buy => self.mark.saturating_add(self.band).div_euclid(self.tick_size),
            Side::Sell => (self.mark.saturating_sub(self.band).max(1) - 1) / self.tick_size + 1,
        }
    }
}

/// `rate` of the index notional of one lot, nano-USDC, rounded up.
fn fee_per_lot(index: i64, lot_size: i64, rate: i64) -> Checked<i64> {
    let product = wide_mul(i128::from(index) * i128::from(lot_size), rate)?;
    div_ceil(product, i128::from(NANO_ONE) * i128::from(CONTRACT))
}

/// Initial and maintenance margin of one short contract, micro-USDC.
fn short_option_margins(
    spec: &InstrumentSpec,
    mark: Micros,
    index: Micros,
    parameters: &Parameters,
) -> Checked<(Micros, Micros)> {
    let share = |parameter, of| mul_div_ceil(parameters.get(parameter), of, NANO_ONE);
    let out_of_the_money = match spec.option_type {
        OptionType::Call => spec.strike - index,
        OptionType::Put => index - spec.strike,
    }
    .max(0);
    let floor = share(Parameter::OptionInitialFloor, index)?;
    let base = (share(Parameter::OptionInitial, index)? - out_of_the_money).max(floor);
    let initial = base.checked_add(mark).ok_or(Overflow)?;
    let of_index = share(Parameter::OptionMaintenance, index)?;
    Ok(match spec.option_type {
        OptionType::Call => (initial, of_index.checked_add(mark).ok_or(Overflow)?),
        OptionType::Put => {
            let worst = of_index.max(share(Parameter::OptionMaintenance, mark)?);
            let maintenance = worst.checked_add(mark).ok_or(Overflow)?;
            (initial.max(maintenance), maintenance)
        }
    })
}
