"""Tables of the margin model: scenarios and margin of an underlying, and what an asset counts for as collateral.

Rates and shares are 1e-9. ``docs/protocol/commands.md`` says what each number means.
"""

from synchromesh.protocol.wire import I64, U16, U32, Message


class ScenarioParameters(Message, frozen=True):
    """What the lanes of an underlying are made with.

    ``range`` is the price range R as a share of the index; the vol moves are those at 30 days, shares of the vol;
    the skew lanes move the vol per unit of k = ln(K/F) at 30 days, and of its absolute value; the term lanes move the
    front by ``term_front`` of the vol and the back by ``term_back`` the other way.
    """

    range: I64
    vol_up: I64
    vol_down: I64
    power_short: I64
    power_long: I64
    vol_floor: I64
    skew_linear: I64
    skew_absolute: I64
    term_front: I64
    term_back: I64


class MarginParameters(Message, frozen=True):
    """How the lanes of an underlying become margin.

    Shares are of the index; ``delta_depth`` and ``strike_depth`` are 1e-8 contracts, ``vega_depth`` is micro-USDC per
    vol point and ``vega_impact`` vol points.
    """

    maintenance_share: I64
    basis_min_move: I64
    basis_rate: I64
    short_floor: I64
    short_floor_last_day: I64
    delta_depth: I64
    delta_impact: I64
    vega_depth: I64
    vega_impact: I64
    strike_depth: I64
    strike_impact: I64
    impact_max: I64
    confidence_multiplier: I64


class RiskParameters(Message, frozen=True):
    """Everything that the portfolio margin of one underlying depends on, beside marks and positions."""

    scenario: ScenarioParameters
    margin: MarginParameters


class RiskTable(Message, frozen=True):
    """A risk table of an underlying with its number, from 1."""

    version: U32
    parameters: RiskParameters


class CollateralTerms(Message, frozen=True):
    """What an asset counts for as collateral.

    ``price_underlying`` prices one whole unit; ``scenario_underlying`` (0: none) moves it in its lanes. The two caps
    are 1e-8 units of the asset, everything else shares of its value.
    """

    price_underlying: U16
    scenario_underlying: U16
    haircut_initial: I64
    haircut_maintenance: I64
    depeg: I64
    account_cap: I64
    venue_cap: I64
