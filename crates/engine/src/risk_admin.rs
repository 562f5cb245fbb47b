//! Tables of the margin model: who may replace them, which numbers make sense, and when a table becomes active.

use crate::reject::Reject;
use crate::state::Engine;
use protocol::{
    AssetId, CONTRACT, CollateralActive, CollateralSet, CollateralTerms, Event, MarginParameters, NANO_ONE,
    Nanos, Parameter, RiskParameters, RiskParametersActive, RiskParametersSet, RiskTable, ScenarioParameters,
    SetCollateral, SetRiskParameters, USD, USDC, UnderlyingId,
};

/// Largest depth of a market, 1e-8 contracts.
const DEPTH_MAX: i64 = 100_000_000 * CONTRACT;
/// Largest depth of a vol, micro-USDC per vol point.
const VEGA_DEPTH_MAX: i64 = 1_000_000_000 * USD;
/// Highest cap of an asset, 1e-8 units.
const CAP_MAX: i64 = 10_000_000_000 * CONTRACT;

/// A number of a table with the values that it may take.
type Bounded = (&'static str, i64, i64, i64);

impl Engine {
    pub(crate) fn set_risk_parameters(
        &mut self,
        command: &SetRiskParameters,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let place = self.underlying_place(command.underlying)?;
        self.check_administration(&command.admin)?;
        check_risk(&command.parameters)?;
        let risk = &self.underlyings[place].risk;
        let last = risk.next().map(|(_, table)| table).or(risk.active());
        if last.is_some_and(|last| last.parameters == command.parameters) {
            return Err(Reject::NothingToDo);
        }
        self.check_effective(command.effective, risk.active().is_none())?;
        let version = last.map_or(0, |last| last.version).checked_add(1).ok_or(Reject::Overflow)?;

        self.globals.admin_nonce += 1;
        let underlying = &mut self.underlyings[place];
        underlying.risk.schedule(command.effective, RiskTable { version, parameters: command.parameters });
        // Arrays that were computed before this command may be of another table than a mark of their time needs.
        underlying.listing_epoch += 1;
        self.tracker.underlying(command.underlying);
        let (underlying, effective) = (command.underlying, command.effective);
        events.push(RiskParametersSet { underlying, version, effective }.into());
        Ok(())
    }

    pub(crate) fn set_collateral(
        &mut self,
        command: &SetCollateral,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let asset = usize::from(command.asset);
        let Some(terms) = self.collateral.get(asset) else {
            return Err(Reject::UnknownAsset { asset: command.asset });
        };
        self.check_administration(&command.admin)?;
        self.check_collateral(command.asset, &command.terms)?;
        let last = terms.next().map(|(_, terms)| terms).or(terms.active());
        if last == Some(&command.terms) {
            return Err(Reject::NothingToDo);
        }
        self.check_effective(command.effective, terms.active().is_none())?;

        self.globals.admin_nonce += 1;
        self.collateral[asset].schedule(command.effective, command.terms);
        events.push(CollateralSet { asset: command.asset, effective: command.effective }.into());
        Ok(())
    }

    /// Makes active what waited for a mark of `underlying` with oracle time `time`. Everything that is cached is stale
    /// after a mark anyway.
    pub(crate) fn activate_tables(&mut self, underlying: UnderlyingId, time: Nanos, events: &mut Vec<Event>) {
        if let Some(table) = self.underlyings[usize::from(underlying) - 1].risk.activate(time) {
            self.watch.touch_everybody();
            events.push(RiskParametersActive { underlying, version: table.version }.into());
        }
        for (asset, terms) in (0..).zip(&mut self.collateral) {
            if terms.activate(time).is_some() {
                self.watch.touch_everybody();
                events.push(CollateralActive { asset }.into());
            }
        }
    }

    /// The first table may count at once, later ones only after [`Parameter::RiskDelay`]: nobody finds his margin
    /// raised over night, and everybody can leave before a table that he does not trust.
    fn check_effective(&self, effective: Nanos, first: bool) -> Result<(), Reject> {
        let delay = self.parameters.get(Parameter::RiskDelay).unsigned_abs();
        let earliest = if first { 0 } else { self.globals.time.saturating_add(delay) };
        if effective >= earliest { Ok(()) } else { Err(Reject::EffectiveTooEarly { effective, earliest }) }
    }

    fn check_collateral(&self, asset: AssetId, terms: &CollateralTerms) -> Result<(), Reject> {
        if asset == USDC {
            return Err(Reject::RiskConflict { what: "USDC is cash, not collateral" });
        }
        self.underlying_place(terms.price_underlying)?;
        if terms.scenario_underlying != 0 {
            self.underlying_place(terms.scenario_underlying)?;
        }
        check_bounds(&[
            ("haircut_initial", terms.haircut_initial, 0, NANO_ONE),
            ("haircut_maintenance", terms.haircut_maintenance, 0, NANO_ONE),
            ("depeg", terms.depeg, 0, NANO_ONE),
            ("account_cap", terms.account_cap, 0, CAP_MAX),
            ("venue_cap", terms.venue_cap, 0, CAP_MAX),
        ])?;
        if terms.haircut_maintenance > terms.haircut_initial {
            return Err(Reject::RiskConflict { what: "maintenance haircut above the initial one" });
        }
        Ok(())
    }
}

/// Whether the numbers of a risk table make sense: each by itself, and together.
pub(crate) fn check_risk(parameters: &RiskParameters) -> Result<(), Reject> {
    let RiskParameters { scenario, margin } = parameters;
    check_bounds(&scenario_bounds(scenario))?;
    check_bounds(&margin_bounds(margin))?;
    let conflict = |what| Err(Reject::RiskConflict { what });
    if margin.short_floor > margin.short_floor_last_day {
        return conflict("short floor above that of the last day");
    }
    if margin.delta_impact > margin.impact_max || margin.strike_impact > margin.impact_max {
        return conflict("an impact above its cap");
    }
    Ok(())
}

fn scenario_bounds(scenario: &ScenarioParameters) -> [Bounded; 10] {
    [
        ("range", scenario.range, NANO_ONE / 100, NANO_ONE / 2),
        ("vol_up", scenario.vol_up, 0, 10 * NANO_ONE),
        // Near an expiry the fall grows to more than this; pricing floors what is left of the vol.
        ("vol_down", scenario.vol_down, 0, NANO_ONE),
        ("power_short", scenario.power_short, 0, NANO_ONE),
        ("power_long", scenario.power_long, 0, NANO_ONE),
        ("vol_floor", scenario.vol_floor, 0, 5 * NANO_ONE),
        ("skew_linear", scenario.skew_linear, -5 * NANO_ONE, 5 * NANO_ONE),
        ("skew_absolute", scenario.skew_absolute, -5 * NANO_ONE, 5 * NANO_ONE),
        ("term_front", scenario.term_front, 0, 5 * NANO_ONE),
        ("term_back", scenario.term_back, 0, NANO_ONE),
    ]
}

fn margin_bounds(margin: &MarginParameters) -> [Bounded; 13] {
    [
        ("maintenance_share", margin.maintenance_share, NANO_ONE / 10, NANO_ONE),
        ("basis_min_move", margin.basis_min_move, 0, NANO_ONE),
        ("basis_rate", margin.basis_rate, 0, NANO_ONE),
        ("short_floor", margin.short_floor, 0, NANO_ONE),
        ("short_floor_last_day", margin.short_floor_last_day, 0, NANO_ONE),
        ("delta_depth", margin.delta_depth, 1, DEPTH_MAX),
        ("delta_impact", margin.delta_impact, 0, NANO_ONE),
        ("vega_depth", margin.vega_depth, 1, VEGA_DEPTH_MAX),
        ("vega_impact", margin.vega_impact, 0, 1_000 * NANO_ONE),
        ("strike_depth", margin.strike_depth, 1, DEPTH_MAX),
        ("strike_impact", margin.strike_impact, 0, NANO_ONE),
        ("impact_max", margin.impact_max, 0, NANO_ONE),
        ("confidence_multiplier", margin.confidence_multiplier, 0, 100 * NANO_ONE),
    ]
}

fn check_bounds(numbers: &[Bounded]) -> Result<(), Reject> {
    match numbers.iter().find(|(_, value, min, max)| !(min..=max).contains(&value)) {
        Some(&(what, value, min, max)) => Err(Reject::RiskRange { what, value, min, max }),
        None => Ok(()),
    }
}
