"""Default tables of portfolio margin, as the adversary and the impact model tuned them.

``docs/risk/adversary.md`` says what each number buys, ``docs/risk/efficiency.md`` what it costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from synchromesh.protocol import CONTRACT, NANO_ONE, USD
from synchromesh.protocol.risk import CollateralTerms, MarginParameters, RiskParameters, ScenarioParameters


def nano(share: float) -> int:
    """Returns a share in the fixed point of the protocol, 1e-9."""
    return round(share * NANO_ONE)


def scenario(
    *,
    price_range: float,
    vol_up: float = 0.50,
    vol_down: float = 0.25,
    power_short: float = 0.30,
    power_long: float = 0.13,
    vol_floor: float = 0.50,
    skew_linear: float = 0.80,
    skew_absolute: float = 0.60,
    term_front: float = 1.50,
    term_back: float = 0.45,
) -> ScenarioParameters:
    """Returns scenarios from plain shares, 1 = 100 %."""
    return ScenarioParameters(
        range=nano(price_range),
        vol_up=nano(vol_up),
        vol_down=nano(vol_down),
        power_short=nano(power_short),
        power_long=nano(power_long),
        vol_floor=nano(vol_floor),
        skew_linear=nano(skew_linear),
        skew_absolute=nano(skew_absolute),
        term_front=nano(term_front),
        term_back=nano(term_back),
    )


@dataclass(frozen=True, slots=True)
class Depths:
    """What a market absorbs: sizes, and the impact of trading them.

    Attributes:
        delta: Contracts of net delta.
        delta_impact: Share of the index at that size.
        vega: USDC per vol point.
        vega_impact: Vol points at that size.
        strike: Contracts of one strike and expiry that trade freely.
        strike_impact: Share of the index for as much again.
    """

    delta: float
    delta_impact: float
    vega: float
    vega_impact: float
    strike: float
    strike_impact: float


def margin(
    depths: Depths,
    *,
    maintenance_share: float = 0.80,
    basis_min_move: float = 0.0005,
    basis_rate: float = 0.02,
    short_floor: float = 0.008,
    short_floor_last_day: float = 0.02,
    impact_max: float = 0.05,
    confidence_multiplier: float = 1.0,
) -> MarginParameters:
    """Returns margin parameters from plain shares, contracts and USDC."""
    return MarginParameters(
        maintenance_share=nano(maintenance_share),
        basis_min_move=nano(basis_min_move),
        basis_rate=nano(basis_rate),
        short_floor=nano(short_floor),
        short_floor_last_day=nano(short_floor_last_day),
        delta_depth=round(depths.delta * CONTRACT),
        delta_impact=nano(depths.delta_impact),
        vega_depth=round(depths.vega * USD),
        vega_impact=nano(depths.vega_impact),
        strike_depth=round(depths.strike * CONTRACT),
        strike_impact=nano(depths.strike_impact),
        impact_max=nano(impact_max),
        confidence_multiplier=nano(confidence_multiplier),
    )


DEFAULT_DEPTHS: dict[str, Depths] = {
    "BTC": Depths(500, 0.005, 240_000, 2.0, 140, 0.002),
    "ETH": Depths(4_000, 0.005, 32_000, 2.0, 770, 0.002),
}
"""Depths by symbol, from the impact model of `synchromesh.risk.impact`."""

DEFAULT_RISK: dict[str, RiskParameters] = {
    "BTC": RiskParameters(scenario(price_range=0.16), margin(DEFAULT_DEPTHS["BTC"])),
    "ETH": RiskParameters(scenario(price_range=0.18), margin(DEFAULT_DEPTHS["ETH"])),
}
"""Risk tables by symbol of the underlying."""


@dataclass(frozen=True, slots=True)
class CollateralDefaults:
    """What an asset counts for, by symbols instead of ids.

    Attributes:
        price: Symbol of the underlying that prices it.
        moves_with: Symbol of the underlying in whose lanes it moves.
        haircut_initial: Share of the value that initial margin does not count.
        haircut_maintenance: The same for maintenance margin.
        depeg: Add-on, share of the value.
        account_cap: Units of the asset that one subaccount may count.
        venue_cap: Units that all may count.
    """

    price: str
    moves_with: str
    haircut_initial: float
    haircut_maintenance: float
    depeg: float
    account_cap: float
    venue_cap: float

    def terms(self, underlyings: Mapping[str, int]) -> CollateralTerms:
        """Returns the table for a venue.

        Args:
            underlyings: Ids by symbol.

        Raises:
            KeyError: When the venue lacks an underlying.
        """
        return CollateralTerms(
            price_underlying=underlyings[self.price],
            scenario_underlying=underlyings[self.moves_with],
            haircut_initial=nano(self.haircut_initial),
            haircut_maintenance=nano(self.haircut_maintenance),
            depeg=nano(self.depeg),
            account_cap=round(self.account_cap * CONTRACT),
            venue_cap=round(self.venue_cap * CONTRACT),
        )


DEFAULT_COLLATERAL: dict[str, CollateralDefaults] = {
    "WBTC": CollateralDefaults("BTC", "BTC", 0.05, 0.03, 0.01, 50, 500),
    "WETH": CollateralDefaults("ETH", "ETH", 0.05, 0.03, 0.01, 1_000, 10_000),
    "WSTETH": CollateralDefaults("WSTETH", "ETH", 0.10, 0.07, 0.03, 500, 5_000),
}
"""Collateral by symbol of the asset. wstETH bears yield and has a price of its own, so it is shocked as ETH and pays
for a break of its peg."""
