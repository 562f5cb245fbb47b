"""What the API answers about margin and liquidation, typed.

Prices and cash in USDC, amounts in contracts or units of the asset, shares and moves as fractions, times in ms unless
named ``_ns``.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from synchromesh.client.types.trading import CollateralLine, Result


class MarginShape(msgspec.Struct, frozen=True):
    """Parts of the margin of one underlying: ``margin`` is the scan and all add-ons.

    ``worst_state`` is the state whose loss is the scan; its name is one of the underlying's ``states``.
    """

    margin: Decimal
    scan: Decimal
    worst_state: str
    basis: Decimal
    short_floor: Decimal
    delta_concentration: Decimal
    vega_concentration: Decimal
    strike_concentration: Decimal
    confidence: Decimal
    order_cost: Decimal


class Lane(msgspec.Struct, frozen=True):
    """P&L of a portfolio in one scenario; ``kind`` is node, tail, skew or term."""

    name: str
    kind: str
    price_move: Decimal
    vol: str
    pnl: Decimal
    pnl_with_orders: Decimal


class State(msgspec.Struct, frozen=True):
    """Loss that margin counts in one state; ``kind`` is cell, tail, skew or term.

    A cell is the span between two neighbouring price nodes of one vol row: its loss bounds every price in between.
    """

    name: str
    kind: str
    price_from: Decimal
    price_to: Decimal
    vol: str
    initial_loss: Decimal
    maintenance_loss: Decimal


class UnderlyingMargin(msgspec.Struct, frozen=True):
    """Portfolio margin of one underlying, everything by name."""

    currency: str
    index_price: Decimal
    initial: MarginShape
    maintenance: MarginShape
    lanes: list[Lane]
    states: list[State]


class SimulatedPosition(msgspec.Struct, frozen=True):
    """A position of a simulated portfolio; margins of its own in the standard model only."""

    instrument_name: str
    size: Decimal
    mark_price: Decimal
    value: Decimal
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None


class MarginSimulation(msgspec.Struct, frozen=True):
    """The margin of a portfolio, every scenario and add-on by name.

    ``equity`` counts everything; ``margin_balance`` is what initial margin is compared with, ``maintenance_balance``
    what maintenance margin is. ``accepted`` tells whether the portfolio meets its initial margin. The standard model
    has no ``underlyings`` and no offset.
    """

    model: str
    timestamp: int
    cash: Decimal
    unrealised: Decimal
    options_value: Decimal
    equity: Decimal
    margin_balance: Decimal
    maintenance_balance: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    available_funds: Decimal
    accepted: bool
    positions: list[SimulatedPosition]
    collateral: list[CollateralLine]
    underlyings: list[UnderlyingMargin]
    initial_offset: Decimal
    maintenance_offset: Decimal


class ModelResult(Result, frozen=True, kw_only=True):
    """A margin model that was chosen, or what choosing it would do (a dry run has no ``sequence``)."""

    model: str
    accepted: bool = True
    equity: Decimal | None = None
    margin_balance: Decimal | None = None
    maintenance_balance: Decimal | None = None
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None
    available_funds: Decimal | None = None


class ScenarioTable(msgspec.Struct, frozen=True):
    """What the lanes of an underlying are made with, as fractions."""

    range: Decimal
    vol_up: Decimal
    vol_down: Decimal
    power_short: Decimal
    power_long: Decimal
    vol_floor: Decimal
    skew_linear: Decimal
    skew_absolute: Decimal
    term_front: Decimal
    term_back: Decimal


class MarginTable(msgspec.Struct, frozen=True):
    """How the lanes become margin: fractions, and depths in contracts or USDC per vol point."""

    maintenance_share: Decimal
    basis_min_move: Decimal
    basis_rate: Decimal
    short_floor: Decimal
    short_floor_last_day: Decimal
    delta_depth: Decimal
    delta_impact: Decimal
    vega_depth: Decimal
    vega_impact: Decimal
    strike_depth: Decimal
    strike_impact: Decimal
    impact_max: Decimal
    confidence_multiplier: Decimal


class RiskTable(msgspec.Struct, frozen=True):
    """The risk table number ``version``; a pending one counts from marks at ``effective_timestamp`` on."""

    version: int
    scenario: ScenarioTable
    margin: MarginTable
    effective_timestamp: int | None = None


class UnderlyingRisk(msgspec.Struct, frozen=True):
    """Risk tables of an underlying: the active one, and the one that follows."""

    currency: str
    active: RiskTable | None
    pending: RiskTable | None


class CollateralTable(msgspec.Struct, frozen=True):
    """What an asset counts for; caps in units of the asset. ``scenario_index`` is empty when no lanes move it."""

    price_index: str
    scenario_index: str
    haircut_initial: Decimal
    haircut_maintenance: Decimal
    depeg: Decimal
    account_cap: Decimal
    venue_cap: Decimal
    effective_timestamp: int | None = None


class CollateralRisk(msgspec.Struct, frozen=True):
    """Terms of an asset: the active ones, and those that follow."""

    currency: str
    active: CollateralTable | None
    pending: CollateralTable | None


class RiskParameters(msgspec.Struct, frozen=True):
    """Risk tables of all underlyings, and terms of all assets beside USDC."""

    underlyings: list[UnderlyingRisk]
    collateral: list[CollateralRisk]


class Insurance(msgspec.Struct, frozen=True):
    """The insurance fund."""

    currency: str
    balance: Decimal
    timestamp: int


class MarginEstimate(msgspec.Struct, frozen=True):
    """Initial margin that an order would need on top of the subaccount's, as a bid and as an offer."""

    buy: Decimal
    sell: Decimal
    min_price: Decimal
    max_price: Decimal
