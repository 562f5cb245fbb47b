"""The first command of a venue, from its configuration."""

from __future__ import annotations

from synchromesh.clock import DAY_NS, SECOND
from synchromesh.config import ConfigError, VenueConfig, address_bytes
from synchromesh.protocol import AssetSpec, Genesis, Parameter, ParameterValue, UnderlyingSpec

_PERCENT = 10_000_000

DEFAULT_PARAMETERS: dict[Parameter, int] = {
    Parameter.OPTION_MAKER_FEE: 300_000,
    Parameter.OPTION_TAKER_FEE: 300_000,
    Parameter.OPTION_FEE_CAP: 125_000_000,
    Parameter.PERPETUAL_MAKER_FEE: 0,
    Parameter.PERPETUAL_TAKER_FEE: 500_000,
    Parameter.NONCE_PAST: 60 * SECOND,
    Parameter.NONCE_FUTURE: 5 * SECOND,
    # What the step verifier can judge in one transaction: docs/protocol/steps.md, "What fits".
    Parameter.MAX_OPEN_ORDERS: 512,
    Parameter.MAX_INSTRUMENTS: 64,
    Parameter.OPTION_INITIAL: 15 * _PERCENT,
    Parameter.OPTION_INITIAL_FLOOR: 10 * _PERCENT,
    Parameter.OPTION_MAINTENANCE: 75 * _PERCENT // 10,
    Parameter.PERPETUAL_INITIAL: 4 * _PERCENT,
    Parameter.PERPETUAL_MAINTENANCE: 2 * _PERCENT,
    Parameter.PERPETUAL_SIZE_TERM: 5_000_000,
    Parameter.PRICE_BAND: 100 * _PERCENT,
    Parameter.MARK_STALENESS: 300 * SECOND,
    Parameter.MIN_INDEX_SOURCES: 3,
    Parameter.MAX_INDEX_JUMP: 20 * _PERCENT,
    Parameter.PNL_OFFSET: 60 * _PERCENT,
    Parameter.PNL_OFFSET_CAP: 50 * _PERCENT,
    Parameter.RISK_DELAY: DAY_NS,
    Parameter.MARGIN_CALL_BUFFER: 10 * _PERCENT,
    Parameter.LIQUIDATION_INTERVAL: SECOND,
    Parameter.LIQUIDATION_SLICE: 20 * _PERCENT,
    Parameter.LIQUIDATION_PRICE_LIMIT: 2 * _PERCENT,
    Parameter.LIQUIDATION_FEE: 500_000,
    Parameter.AUCTION_START: 95 * _PERCENT,
    Parameter.AUCTION_MIDDLE: 70 * _PERCENT,
    Parameter.AUCTION_MIDDLE_TIME: 900 * SECOND,
    Parameter.AUCTION_END_TIME: 3_600 * SECOND,
    Parameter.INSURANCE_CAP: 50 * _PERCENT,
    Parameter.AUCTION_TRIGGER: 50 * _PERCENT,
}
"""Values of a venue whose configuration says nothing else; rates 1e-9, times ns."""

LARGEST_ACCOUNTS = {Parameter.MAX_OPEN_ORDERS: 10_000, Parameter.MAX_INSTRUMENTS: 4_096}
"""The most that the engine allows: for simulations, which post nothing to a chain."""


def genesis_of(config: VenueConfig) -> Genesis:
    """The genesis that a configuration describes; `ConfigError` when it names a parameter that does not exist."""
    values = dict(DEFAULT_PARAMETERS)
    for word, value in config.parameters.items():
        try:
            values[Parameter.from_word(word)] = value
        except ValueError as error:
            raise ConfigError(str(error)) from None
    return Genesis(
        chain_id=config.chain_id,
        contract=address_bytes(config.contract),
        operator=address_bytes(config.operator),
        admins=tuple(sorted(map(address_bytes, config.admins))),
        admin_quorum=config.admin_quorum,
        oracles=tuple(sorted(map(address_bytes, config.oracles))),
        oracle_quorum=config.oracle_quorum,
        assets=tuple(
            AssetSpec(number, asset.symbol, address_bytes(asset.token), asset.decimals)
            for number, asset in enumerate(config.assets)
        ),
        underlyings=tuple(UnderlyingSpec(number, symbol) for number, symbol in enumerate(config.underlyings, start=1)),
        parameters=tuple(ParameterValue(parameter, values[parameter]) for parameter in sorted(values)),
    )
