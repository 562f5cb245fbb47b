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

/// A number of a lot that does not fit.
const UNFIT: i64 = i64::MAX;

/// A number of a lot, if it fits.
pub(crate) fn of_lot(number: i64) -> Checked<i64> {
    if number == UNFIT { Err(Overflow) } else { Ok(number) }
}

/// Numbers of one instrument, all of them a function of its spec, the last mark and the parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    pub instrument: InstrumentId,
    pub underlying: UnderlyingId,
    pub perpetual: bool,
    pub expiry: Nanos,
    pub strike: Micros,
    pub option_type: OptionType,
    pub tick_size: i64,
    pub lot_size: i64,
    /// Cash of one lot per tick, micro-USDC.
    pub tick_value: i64,
    /// Whether a mark has come; without one nothing below this field means anything.
    pub marked: bool,
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
            expiry: spec.expiry,
            strike: spec.strike,
            option_type: spec.option_type,
            tick_size: spec.tick_size,
            lot_size: spec.lot_size,
            tick_value,
            marked: false,
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

    /// What these terms become at `mark`, micro-USDC per contract. Ask [`Marked::fitting`] whether all of it fits.
    pub fn at(&self, mark: Micros, basis: &mut Basis<'_>) -> Checked<Marked> {
        let (maker_fee, taker_fee) = basis.fees(self);
        let band = basis.share(Parameter::PriceBand, mark.max(basis.index / 100))?;
        let mut marked = Marked { mark, band, maker_fee, taker_fee, short_initial: 0, short_maintenance: 0 };
        if !self.perpetual {
            let (initial, maintenance) = self.short_option_margins(mark, basis)?;
            let per_lot =
                |margin| mul_div_ceil(margin, self.lot_size, CONTRACT / NANOS_PER_MICRO).unwrap_or(UNFIT);
            (marked.short_initial, marked.short_maintenance) = (per_lot(initial), per_lot(maintenance));
        }
        Ok(marked)
    }

    /// How far a position can move per contract when these terms become `marked`, margin included: the change of the mark,
    /// and the larger of that of a short option's initial margin and twice that of its maintenance margin. Micro-USDC,
    /// rounded up.
    pub fn moved_to(&self, marked: &Marked) -> Micros {
        let margin = |before: i64, after: i64| {
            let moved = i128::from(before.abs_diff(after)) * i128::from(CONTRACT / NANOS_PER_MICRO);
            moved / i128::from(self.lot_size) + 1
        };
        let initial = margin(self.short_initial, marked.short_initial);
        let maintenance = 2 * margin(self.short_maintenance, marked.short_maintenance);
        let moved = i128::from(self.mark.abs_diff(marked.mark)) + initial.max(maintenance);
        narrow(moved).unwrap_or(Micros::MAX)
    }

    /// Takes over what [`Self::at`] found.
    pub fn mark(&mut self, marked: Marked, parameters: &Parameters) {
        let Marked { mark, band, maker_fee, taker_fee, short_initial, short_maintenance } = marked;
        (self.marked, self.mark, self.band) = (true, mark, band);
        (self.maker_fee, self.taker_fee) = (maker_fee, taker_fee);
        if self.perpetual {
            self.initial_rate = parameters.get(Parameter::PerpetualInitial);
            self.maintenance_rate = parameters.get(Parameter::PerpetualMaintenance);
            self.size_term = parameters.get(Parameter::PerpetualSizeTerm);
        } else {
            self.fee_cap = Some(parameters.get(Parameter::OptionFeeCap));
            (self.short_initial, self.short_maintenance) = (short_initial, short_maintenance);
        }
    }

    /// Initial and maintenance margin of one short contract, micro-USDC.
    fn short_option_margins(&self, mark: Micros, basis: &Basis<'_>) -> Checked<(Micros, Micros)> {
        let out_of_the_money = match self.option_type {
            OptionType::Call => self.strike - basis.index,
            OptionType::Put => basis.index - self.strike,
        };
        let base = (basis.initial - out_of_the_money.max(0)).max(basis.initial_floor);
        let initial = base.checked_add(mark).ok_or(Overflow)?;
        match self.option_type {
            OptionType::Call => Ok((initial, basis.maintenance.checked_add(mark).ok_or(Overflow)?)),
            OptionType::Put => {
                let worst = basis.maintenance.max(basis.share(Parameter::OptionMaintenance, mark)?);
                let maintenance = worst.checked_add(mark).ok_or(Overflow)?;
                Ok((initial.max(maintenance), maintenance))
            }
        }
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

/// The part of an instrument's terms that changes with each mark.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marked {
    mark: Micros,
    band: i64,
    maker_fee: i64,
    taker_fee: i64,
    short_initial: i64,
    short_maintenance: i64,
}

impl Marked {
    /// The same, unless a number of a lot does not fit and that is asked.
    pub fn fitting(self, asked: bool) -> Checked<Self> {
        let Self { maker_fee, taker_fee, short_initial, short_maintenance, .. } = self;
        if asked {
            for number in [maker_fee, taker_fee, short_initial, short_maintenance] {
                of_lot(number)?;
            }
        }
        Ok(self)
    }
}

/// What the terms of all instruments have in common at one index.
#[derive(Debug)]
pub(crate) struct Basis<'a> {
    parameters: &'a Parameters,
    /// 1e-9 USD.
    index_nanos: i64,
    /// Micro-USDC.
    index: Micros,
    /// Shares of the index in the margins of a short option.
    initial: Micros,
    initial_floor: Micros,
    maintenance: Micros,
    /// Whether of perpetuals, lot size, maker's and taker's fee of one lot: instruments that follow each other mostly
    /// have these in common as well.
    fees: Option<(bool, i64, i64, i64)>,
}

impl<'a> Basis<'a> {
    /// At `index`, 1e-9 USD.
    pub fn new(index: i64, parameters: &'a Parameters) -> Checked<Self> {
        let mut basis = Self {
            parameters,
            index_nanos: index,
            index: index / NANOS_PER_MICRO,
            initial: 0,
            initial_floor: 0,
            maintenance: 0,
            fees: None,
        };
        basis.initial = basis.share(Parameter::OptionInitial, basis.index)?;
        basis.initial_floor = basis.share(Parameter::OptionInitialFloor, basis.index)?;
        basis.maintenance = basis.share(Parameter::OptionMaintenance, basis.index)?;
        Ok(basis)
    }

    /// A rate's share of an amount, rounded up.
    fn share(&self, rate: Parameter, of: i64) -> Checked<i64> {
        mul_div_ceil(self.parameters.get(rate), of, NANO_ONE)
    }

    /// Maker's and taker's fee of one lot, nano-USDC, rounded up.
    fn fees(&mut self, terms: &Terms) -> (i64, i64) {
        if let Some((perpetual, lot_size, maker, taker)) = self.fees
            && (perpetual, lot_size) == (terms.perpetual, terms.lot_size)
        {
            return (maker, taker);
        }
        let (maker, taker) = if terms.perpetual {
            (Parameter::PerpetualMakerFee, Parameter::PerpetualTakerFee)
        } else {
            (Parameter::OptionMakerFee, Parameter::OptionTakerFee)
        };
        let notional = i128::from(self.index_nanos) * i128::from(terms.lot_size);
        let fee = |rate| {
            let product = wide_mul(notional, self.parameters.get(rate));
            product.and_then(|it| div_ceil(it, i128::from(NANO_ONE) * i128::from(CONTRACT))).unwrap_or(UNFIT)
        };
        let (maker, taker) = (fee(maker), fee(taker));
        self.fees = Some((terms.perpetual, terms.lot_size, maker, taker));
        (maker, taker)
    }
}
