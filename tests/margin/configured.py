"""A scan whose lanes and parameters are given: other venues' rules run through our arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synchromesh.pricing import RiskArrays
from synchromesh.protocol import (
    CONTRACT,
    NANO_ONE,
    USD,
    ExpiryInputs,
    InstrumentKind,
    InstrumentSpec,
    MarginParameters,
    MarkInputs,
    OptionType,
    RiskParameters,
    ScenarioParameters,
    SviSlice,
)
from synchromesh.risk.margin import Collateral, MarginBreakdown, MarginMarket, portfolio_margin

NOW = 10**18
DAY = 86_400 * 10**9
LARGEST_LANE = 2**31 - 2

NO_MARGIN = MarginParameters(
    maintenance_share=NANO_ONE,
    basis_min_move=0,
    basis_rate=0,
    short_floor=0,
    short_floor_last_day=0,
    delta_depth=0,
    delta_impact=0,
    vega_depth=0,
    vega_impact=0,
    strike_depth=0,
    strike_impact=0,
    impact_max=0,
    confidence_multiplier=0,
)
"""Parameters under which nothing is charged but the scan."""


@dataclass(frozen=True)
class Row:
    """One instrument and what is held of it.

    Attributes:
        lots: Lots held.
        lanes: P&L of one long lot by lane, USD; lanes that are not named are 0.
        lot_size: 1e-8 contracts.
        delta: Of one contract.
        strike: USD; 0 for a linear instrument.
        expiry: Seconds from now; 0 for a linear instrument.
    """

    lots: int
    lanes: Mapping[int, float]
    lot_size: int = CONTRACT
    delta: float = 0.0
    strike: float = 0.0
    expiry: int = 0


def configured_margin(
    rows: Sequence[Row],
    *,
    index: float,
    price_range: float,
    parameters: MarginParameters = NO_MARGIN,
    collateral: Sequence[Collateral] = (),
    funds: float = 0.0,
) -> MarginBreakdown:
    """Returns the margin of rows under given parameters."""
    scenario = ScenarioParameters(round(price_range * NANO_ONE), 0, 0, 0, 0, 0, 0, 0, 0, 0)
    expiries = sorted({NOW + row.expiry * 10**9 for row in rows if row.strike})
    smile = SviSlice(0, 0, 0, 0, 1)
    price = round(index * NANO_ONE)
    inputs = MarkInputs(
        underlying=1,
        time=NOW,
        index=price,
        confidence=0,
        sources=1,
        perpetual_mark=price,
        funding_rate=0,
        expiries=tuple(ExpiryInputs(expiry, price, 0, smile) for expiry in expiries),
    )
    specs, lanes = [], np.zeros((len(rows), 64), np.int32)
    for at, row in enumerate(rows):
        unit = max(1, -(-round(max(map(abs, row.lanes.values()), default=0.0) * USD) // LARGEST_LANE))
        for lane, value in row.lanes.items():
            lanes[at, lane] = np.floor(value * USD / unit)
        specs.append(
            InstrumentSpec(
                instrument=at + 1,
                name=f"row {at + 1}",
                underlying=1,
                kind=InstrumentKind.OPTION if row.strike else InstrumentKind.PERPETUAL,
                option_type=OptionType.CALL,
                strike=round(row.strike * USD),
                expiry=NOW + row.expiry * 10**9 if row.strike else 0,
                tick_size=USD,
                lot_size=max(row.lot_size, 1),
                lane_unit=unit,
            )
        )
    zeros = np.zeros(len(rows), np.int64)
    delta = np.array([round(row.delta * NANO_ONE) for row in rows], np.int64)
    arrays = RiskArrays(zeros, zeros, delta, zeros, lanes, np.zeros((len(rows), 16), np.uint32))
    market = MarginMarket(inputs, specs, RiskParameters(scenario, parameters), arrays)
    held = {spec.instrument: row.lots for spec, row in zip(specs, rows, strict=True)}
    return portfolio_margin([market], held, collateral=collateral, funds=round(funds * USD))


def charging(**charges: float) -> MarginParameters:
    """Returns parameters that charge nothing but these shares."""
    return replace_message(NO_MARGIN, {name: round(share * NANO_ONE) for name, share in charges.items()})


def replace_message(message: MarginParameters, changes: Mapping[str, int]) -> MarginParameters:
    """Returns parameters with some of them changed."""
    fields = {name: getattr(message, name) for name in message.__struct_fields__}
    return MarginParameters(**{**fields, **changes})
