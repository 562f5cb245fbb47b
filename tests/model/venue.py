"""The venue that streams run on: who governs it, who trades, what a mark implies."""

from __future__ import annotations

from model.engine import Model
from synchromesh._native import MarkError, mark_arrays
from synchromesh.protocol import (
    CONTRACT,
    NANO_ONE,
    USD,
    AssetSpec,
    CollateralTerms,
    Genesis,
    MarginParameters,
    MarkArrays,
    MarkInputs,
    Parameter,
    ParameterValue,
    RiskParameters,
    ScenarioParameters,
    SviSlice,
    UnderlyingSpec,
)

SECOND = 10**9
MINUTE = 60 * SECOND
START = 1_770_192_000 * SECOND
INDEX = {1: 76_000 * NANO_ONE, 2: 2_250 * NANO_ONE}
SIZES = {1: (5 * USD, CONTRACT // 100), 2: (USD // 5, CONTRACT // 10)}
"""Tick and lot size of the options of an underlying."""
LANE_UNIT = 10
SMILE = SviSlice(a=200_000, b=2_000_000, rho=-300_000_000, m=0, sigma=100_000_000)
LONGEST_LIFE = 200 * MINUTE

PARAMETERS = {
    Parameter.OPTION_MAKER_FEE: 100_000,
    Parameter.OPTION_TAKER_FEE: 300_000,
    Parameter.OPTION_FEE_CAP: 125_000_000,
    Parameter.PERPETUAL_MAKER_FEE: -50_000,
    Parameter.PERPETUAL_TAKER_FEE: 500_000,
    Parameter.NONCE_PAST: 60 * SECOND,
    Parameter.NONCE_FUTURE: 5 * SECOND,
    Parameter.MAX_OPEN_ORDERS: 8,
    Parameter.MAX_INSTRUMENTS: 10,
    Parameter.OPTION_INITIAL: 150_000_000,
    Parameter.OPTION_INITIAL_FLOOR: 100_000_000,
    Parameter.OPTION_MAINTENANCE: 75_000_000,
    Parameter.PERPETUAL_INITIAL: 40_000_000,
    Parameter.PERPETUAL_MAINTENANCE: 20_000_000,
    Parameter.PERPETUAL_SIZE_TERM: 5_000_000,
    Parameter.PRICE_BAND: NANO_ONE // 2,
    Parameter.MARK_STALENESS: 60 * SECOND,
    Parameter.MIN_INDEX_SOURCES: 3,
    Parameter.MAX_INDEX_JUMP: 100_000_000,
    Parameter.PNL_OFFSET: 600_000_000,
    Parameter.PNL_OFFSET_CAP: 500_000_000,
    Parameter.RISK_DELAY: 60 * MINUTE,
    Parameter.MARGIN_CALL_BUFFER: 100_000_000,
    Parameter.LIQUIDATION_INTERVAL: SECOND,
    Parameter.LIQUIDATION_SLICE: 200_000_000,
    Parameter.LIQUIDATION_PRICE_LIMIT: 20_000_000,
    Parameter.LIQUIDATION_FEE: 500_000,
    Parameter.AUCTION_START: 950_000_000,
    Parameter.AUCTION_MIDDLE: 700_000_000,
    Parameter.AUCTION_MIDDLE_TIME: 10 * SECOND,
    Parameter.AUCTION_END_TIME: 40 * SECOND,
    Parameter.INSURANCE_CAP: 500_000_000,
    Parameter.AUCTION_TRIGGER: 500_000_000,
}
CHANGES = {
    Parameter.OPTION_MAKER_FEE: (-100_000, 0, 100_000, 400_000),
    Parameter.OPTION_TAKER_FEE: (300_000, 350_000, 50_000),
    Parameter.OPTION_FEE_CAP: (125_000_000, 1_000_003, 0),
    Parameter.PERPETUAL_MAKER_FEE: (-50_000, 0, 123_457),
    Parameter.PERPETUAL_TAKER_FEE: (500_000, 400_001, 10_000),
    Parameter.MAX_OPEN_ORDERS: (8, 5, 20, 0, 513),
    Parameter.MAX_INSTRUMENTS: (10, 4, 12, 65),
    Parameter.OPTION_INITIAL: (150_000_000, 160_000_001, 90_000_000),
    Parameter.PERPETUAL_INITIAL: (40_000_000, 50_000_003, 10_000_000),
    Parameter.PERPETUAL_SIZE_TERM: (5_000_000, 0, 20_000_000, -1),
    Parameter.PRICE_BAND: (NANO_ONE // 2, NANO_ONE, NANO_ONE // 20),
    Parameter.PNL_OFFSET: (0, NANO_ONE),
    Parameter.PNL_OFFSET_CAP: (0, NANO_ONE),
    Parameter.MARGIN_CALL_BUFFER: (0, 300_000_001),
    Parameter.LIQUIDATION_INTERVAL: (0, 3 * SECOND),
    Parameter.LIQUIDATION_SLICE: (10**6, NANO_ONE),
    Parameter.LIQUIDATION_FEE: (0, 5_000_001),
    Parameter.AUCTION_MIDDLE: (400_000_000, 960_000_000),
    Parameter.AUCTION_MIDDLE_TIME: (SECOND, 40 * SECOND, MINUTE),
    Parameter.INSURANCE_CAP: (0, NANO_ONE),
    Parameter.AUCTION_TRIGGER: (0, NANO_ONE),
}

RISK = RiskParameters(
    ScenarioParameters(
        range=160_000_000,
        vol_up=500_000_000,
        vol_down=250_000_000,
        power_short=300_000_000,
        power_long=130_000_000,
        vol_floor=500_000_000,
        skew_linear=100_000_000,
        skew_absolute=100_000_000,
        term_front=200_000_000,
        term_back=50_000_000,
    ),
    MarginParameters(
        maintenance_share=800_000_000,
        basis_min_move=5_000_000,
        basis_rate=30_000_000,
        short_floor=10_000_000,
        short_floor_last_day=20_000_000,
        delta_depth=1_000 * CONTRACT,
        delta_impact=10_000_000,
        vega_depth=100_000 * USD,
        vega_impact=NANO_ONE,
        strike_depth=1_000 * CONTRACT,
        strike_impact=10_000_000,
        impact_max=200_000_000,
        confidence_multiplier=NANO_ONE,
    ),
)
"""A risk table."""
WETH = CollateralTerms(2, 2, 100_000_000, 50_000_000, 0, 1_000 * CONTRACT, 100_000 * CONTRACT)
"""Terms of asset 1."""

OWNERS = [bytes([0x10 + number]) * 20 for number in range(6)]
SESSION_KEYS = [bytes([0x40 + number]) * 20 for number in range(8)]
STRANGER = b"\x55" * 20
ADMINS = [bytes([0xA0 + number]) * 20 for number in range(3)]
ORACLES = [bytes([0xC0 + number]) * 20 for number in range(3)]


def genesis() -> Genesis:
    values = tuple(ParameterValue(parameter, PARAMETERS[parameter]) for parameter in Parameter)
    assets = (AssetSpec(0, "USDC", b"\x70" * 20, 6), AssetSpec(1, "WETH", b"\x71" * 20, 18))
    underlyings = (UnderlyingSpec(1, "BTC"), UnderlyingSpec(2, "ETH"))
    keys = (b"\x77" * 20, b"\x78" * 20, tuple(ADMINS), 2, tuple(ORACLES), 2)
    return Genesis(31_337, *keys, assets, underlyings, values)


def arrays_of(model: Model, inputs: MarkInputs) -> MarkArrays | None:
    """The arrays that follow from inputs; None when none do."""
    specs = [one.spec.encode() for one in model.marked_instruments(inputs.underlying, inputs.time)]
    known = inputs.underlying - 1 in range(len(model.underlyings))
    table = model.underlyings[inputs.underlying - 1].risk.at(inputs.time) if known else None
    try:
        return MarkArrays.decode(mark_arrays(inputs.encode(), specs, table and table.parameters.scenario.encode()))
    except MarkError:
        return None
