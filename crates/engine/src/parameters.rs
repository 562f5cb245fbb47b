//! The numbers that govern the venue, with the values that each may take.

use crate::reject::Reject;
use protocol::{NANO_ONE, Parameter, ParameterValue};

const COUNT: usize = Parameter::ALL.len();
const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Every parameter's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    values: [i64; COUNT],
}

impl Parameters {
    /// All zero: the venue before its genesis.
    pub(crate) const UNSET: Self = Self { values: [0; COUNT] };

    /// Takes a complete, ascending list.
    ///
    /// # Errors
    /// [`Reject::InvalidGenesis`] when one is missing, else as [`Self::with`].
    pub(crate) fn from_list(list: &[ParameterValue]) -> Result<Self, Reject> {
        if list.len() != COUNT
            || list.iter().zip(Parameter::ALL).any(|(value, want)| value.parameter != *want)
        {
            return Err(Reject::InvalidGenesis { what: "every parameter, ascending" });
        }
        let mut parameters = Self::UNSET;
        for value in list {
            check_range(value)?;
            parameters.values[value.parameter as usize] = value.value;
        }
        parameters.check_agreement()?;
        Ok(parameters)
    }

    /// With one value changed.
    ///
    /// # Errors
    /// [`Reject::ParameterRange`] or [`Reject::ParameterConflict`].
    pub(crate) fn with(&self, change: &ParameterValue) -> Result<Self, Reject> {
        let (min, max) = range(change.parameter);
        let judged = most_judged(change.parameter).map_or(max, |most| most.max(self.get(change.parameter)));
        check_within(change, min, max.min(judged))?;
        let mut parameters = self.clone();
        parameters.values[change.parameter as usize] = change.value;
        parameters.check_agreement()?;
        Ok(parameters)
    }

    /// The value of one parameter.
    #[must_use]
    pub fn get(&self, parameter: Parameter) -> i64 {
        self.values[parameter as usize]
    }

    /// Every parameter with its value, ascending.
    pub fn iter(&self) -> impl Iterator<Item = ParameterValue> + '_ {
        Parameter::ALL.iter().map(|&parameter| ParameterValue { parameter, value: self.get(parameter) })
    }

    fn check_agreement(&self) -> Result<(), Reject> {
        let conflict = |what| Err(Reject::ParameterConflict { what });
        let get = |parameter| self.get(parameter);
        if get(Parameter::OptionMakerFee) + get(Parameter::OptionTakerFee) < 0 {
            return conflict("option maker rebate above the taker fee");
        }
        if get(Parameter::PerpetualMakerFee) + get(Parameter::PerpetualTakerFee) < 0 {
            return conflict("perpetual maker rebate above the taker fee");
        }
        if get(Parameter::OptionInitialFloor) > get(Parameter::OptionInitial) {
            return conflict("option initial margin below its floor");
        }
        if get(Parameter::OptionMaintenance) > get(Parameter::OptionInitialFloor) {
            return conflict("option maintenance margin above the floor of the initial margin");
        }
        if get(Parameter::PerpetualMaintenance) > get(Parameter::PerpetualInitial) {
            return conflict("perpetual maintenance margin above the initial margin");
        }
        if get(Parameter::AuctionMiddle) > get(Parameter::AuctionStart) {
            return conflict("an auction's price rises to its middle");
        }
        if get(Parameter::AuctionMiddleTime) > get(Parameter::AuctionEndTime) {
            return conflict("an auction ends before its middle");
        }
        Ok(())
    }
}

fn check_range(value: &ParameterValue) -> Result<(), Reject> {
    let (min, max) = range(value.parameter);
    check_within(value, min, max)
}

fn check_within(value: &ParameterValue, min: i64, max: i64) -> Result<(), Reject> {
    if (min..=max).contains(&value.value) {
        return Ok(());
    }
    Err(Reject::ParameterRange { parameter: value.parameter, value: value.value, min, max })
}

/// What administrators may raise a parameter to that bounds an account: beyond, steps of an account do not fit a
/// transaction (docs/protocol/steps.md), and nobody could be convicted of what is done to it. What a venue opened with
/// may stay.
fn most_judged(parameter: Parameter) -> Option<i64> {
    match parameter {
        Parameter::MaxInstruments => Some(64),
        Parameter::MaxOpenOrders => Some(512),
        _ => None,
    }
}

/// Least and greatest value allowed at the opening.
#[must_use]
pub fn range(parameter: Parameter) -> (i64, i64) {
    match parameter {
        Parameter::OptionMakerFee | Parameter::PerpetualMakerFee => (-NANO_ONE / 1_000, NANO_ONE / 100),
        Parameter::OptionTakerFee | Parameter::PerpetualTakerFee => (0, NANO_ONE / 100),
        Parameter::OptionFeeCap => (0, NANO_ONE / 2),
        Parameter::NoncePast => (SECOND, 7 * DAY),
        Parameter::NonceFuture => (0, DAY),
        Parameter::MaxOpenOrders => (1, 10_000),
        Parameter::MaxInstruments => (1, 4_096),
        Parameter::OptionInitial | Parameter::OptionInitialFloor | Parameter::OptionMaintenance => {
            (0, NANO_ONE)
        }
        Parameter::PerpetualInitial | Parameter::PerpetualMaintenance => (NANO_ONE / 1_000, NANO_ONE),
        Parameter::PerpetualSizeTerm => (0, NANO_ONE),
        Parameter::PriceBand => (NANO_ONE / 1_000, 100 * NANO_ONE),
        Parameter::MarkStaleness => (SECOND, 30 * DAY),
        Parameter::MinIndexSources => (0, 255),
        Parameter::MaxIndexJump => (NANO_ONE / 1_000, 10 * NANO_ONE),
        Parameter::PnlOffset
        | Parameter::PnlOffsetCap
        | Parameter::MarginCallBuffer
        | Parameter::LiquidationPriceLimit
        | Parameter::AuctionStart
        | Parameter::AuctionMiddle
        | Parameter::InsuranceCap
        | Parameter::AuctionTrigger => (0, NANO_ONE),
        Parameter::RiskDelay => (0, 30 * DAY),
        Parameter::LiquidationInterval => (0, DAY),
        Parameter::LiquidationSlice => (NANO_ONE / 1_000, NANO_ONE),
        Parameter::LiquidationFee => (0, NANO_ONE / 10),
        Parameter::AuctionMiddleTime | Parameter::AuctionEndTime => (SECOND, 7 * DAY),
    }
}
