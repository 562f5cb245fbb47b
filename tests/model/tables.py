"""Risk tables and collateral terms: their bounds, who sets them, and from which mark on they count."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from model.accounts import Accounts
from model.state import Scheduled, require
from synchromesh.protocol import (
    CONTRACT,
    NANO_ONE,
    USD,
    USDC,
    Administration,
    CollateralActive,
    CollateralSet,
    Message,
    Parameter,
    RiskParametersActive,
    RiskParametersSet,
    RiskTable,
    SetCollateral,
    SetRiskParameters,
)

MAX_DEPTH = 10**8 * CONTRACT
Bounds = Mapping[str, tuple[int, int]]

SCENARIO: Bounds = {
    "range": (NANO_ONE // 100, NANO_ONE // 2),
    "vol_up": (0, 10 * NANO_ONE),
    "vol_down": (0, NANO_ONE),
    "power_short": (0, NANO_ONE),
    "power_long": (0, NANO_ONE),
    "vol_floor": (0, 5 * NANO_ONE),
    "skew_linear": (-5 * NANO_ONE, 5 * NANO_ONE),
    "skew_absolute": (-5 * NANO_ONE, 5 * NANO_ONE),
    "term_front": (0, 5 * NANO_ONE),
    "term_back": (0, NANO_ONE),
}
MARGIN: Bounds = {
    "maintenance_share": (NANO_ONE // 10, NANO_ONE),
    "basis_min_move": (0, NANO_ONE),
    "basis_rate": (0, NANO_ONE),
    "short_floor": (0, NANO_ONE),
    "short_floor_last_day": (0, NANO_ONE),
    "delta_depth": (1, MAX_DEPTH),
    "delta_impact": (0, NANO_ONE),
    "vega_depth": (1, 10**9 * USD),
    "vega_impact": (0, 1000 * NANO_ONE),
    "strike_depth": (1, MAX_DEPTH),
    "strike_impact": (0, NANO_ONE),
    "impact_max": (0, NANO_ONE),
    "confidence_multiplier": (0, 100 * NANO_ONE),
}
COLLATERAL: Bounds = {
    "haircut_initial": (0, NANO_ONE),
    "haircut_maintenance": (0, NANO_ONE),
    "depeg": (0, NANO_ONE),
    "account_cap": (0, 10**10 * CONTRACT),
    "venue_cap": (0, 10**10 * CONTRACT),
}


def check_bounds(table: Message, bounds: Bounds) -> None:
    for name, (low, high) in bounds.items():
        require(low <= getattr(table, name) <= high, "risk_range")


class Tables(Accounts):
    """The tables of the margin model."""

    admin_nonce: int
    check_administration: Callable[[Administration], None]

    def set_risk_parameters(self, command: SetRiskParameters) -> None:
        underlying = self.underlying(command.underlying)
        self.check_administration(command.admin)
        margin = command.parameters.margin
        check_bounds(command.parameters.scenario, SCENARIO)
        check_bounds(margin, MARGIN)
        require(
            margin.short_floor <= margin.short_floor_last_day
            and max(margin.delta_impact, margin.strike_impact) <= margin.impact_max,
            "risk_conflict",
        )
        last = underlying.risk.last()
        require(last is None or last.parameters != command.parameters, "nothing_to_do")
        self.check_effective(underlying.risk, command.effective)
        version = 1 if last is None else last.version + 1
        self.admin_nonce += 1
        underlying.risk.next = command.effective, RiskTable(version, command.parameters)
        underlying.listing_epoch += 1
        self.events.append(RiskParametersSet(command.underlying, version, command.effective))

    def set_collateral(self, command: SetCollateral) -> None:
        self.check_asset(command.asset)
        self.check_administration(command.admin)
        terms = command.terms
        require(command.asset != USDC, "risk_conflict")
        self.underlying(terms.price_underlying)
        if terms.scenario_underlying:
            self.underlying(terms.scenario_underlying)
        check_bounds(terms, COLLATERAL)
        require(terms.haircut_maintenance <= terms.haircut_initial, "risk_conflict")
        scheduled = self.collateral[command.asset]
        require(scheduled.last() != terms, "nothing_to_do")
        self.check_effective(scheduled, command.effective)
        self.admin_nonce += 1
        scheduled.next = command.effective, terms
        self.events.append(CollateralSet(command.asset, command.effective))

    def check_effective(self, scheduled: Scheduled[Message], effective: int) -> None:
        delayed = effective >= self.time + self.parameters[Parameter.RISK_DELAY]
        require(scheduled.active is None or delayed, "effective_too_early")

    def activate_tables(self, number: int, time: int) -> None:
        """What waits for a mark of an underlying with an oracle time becomes active."""
        risk = self.underlying(number).risk
        if risk.activate(time):
            assert risk.active is not None
            self.events.append(RiskParametersActive(number, risk.active.version))
        for asset, scheduled in enumerate(self.collateral):
            if scheduled.activate(time):
                self.events.append(CollateralActive(asset))
