"""The venue that streams run on: who governs it, who trades, what a mark implies."""

from __future__ import annotations

from model.engine import Model
from synchromesh._native import MarkError, mark_arrays
from synchromesh.protocol import (
    CONTRACT,
    NANO_ONE,
    USD,
    AssetSpec,
    Genesis,
    MarkArrays,
    MarkInputs,
    Parameter,
    ParameterValue,
    SviSlice,
    UnderlyingSpec,
)

SECOND = 10**9
MINUTE = 60 * SECOND
START = 1_770_192_000 * SECOND
INDEX = {1: 76_000 * NANO_ONE, 2: 2_250 * NANO_ONE}
SIZES = {1: (5 * USD, CONTRACT // 100), 2: (USD // 5, CONTRACT // 10)}
"""Tick and lot size of the options of an underlying."""
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
}
CHANGES = {
    Parameter.OPTION_MAKER_FEE: (-100_000, 0, 100_000, 400_000),
    Parameter.OPTION_TAKER_FEE: (300_000, 350_000, 50_000),
    Parameter.OPTION_FEE_CAP: (125_000_000, 1_000_003, 0),
    Parameter.PERPETUAL_MAKER_FEE: (-50_000, 0, 123_457),
    Parameter.PERPETUAL_TAKER_FEE: (500_000, 400_001, 10_000),
    Parameter.MAX_OPEN_ORDERS: (8, 5, 20, 0),
    Parameter.MAX_INSTRUMENTS: (10, 4, 12),
    Parameter.OPTION_INITIAL: (150_000_000, 160_000_001, 90_000_000),
    Parameter.PERPETUAL_INITIAL: (40_000_000, 50_000_003, 10_000_000),
    Parameter.PERPETUAL_SIZE_TERM: (5_000_000, 0, 20_000_000, -1),
    Parameter.PRICE_BAND: (NANO_ONE // 2, NANO_ONE, NANO_ONE // 20),
}

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
    try:
        return MarkArrays.decode(mark_arrays(inputs.encode(), specs))
    except MarkError:
        return None
