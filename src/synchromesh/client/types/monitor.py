"""The risk monitor's report, typed: USD, shares of paths, venue ns."""

from __future__ import annotations

import msgspec


class AccountOdds(msgspec.Struct, frozen=True, kw_only=True):
    """An account's odds.

    Attributes:
        subaccount: Its id.
        equity: USD.
        maintenance: Maintenance margin, USD.
        liquidation: Share of paths on which it falls below its maintenance margin.
        insolvency: Share of paths on which it cannot pay.
        mean_deficit: What it cannot pay on average over all paths, USD.
    """

    subaccount: int
    equity: float
    maintenance: float
    liquidation: float
    insolvency: float
    mean_deficit: float


class UnderlyingOdds(msgspec.Struct, frozen=True, kw_only=True):
    """The same paths with only one underlying moving.

    Attributes:
        insolvency: Share of paths on which some account cannot pay.
        expected_shortfall: Mean of the deficits over the worst 1 % of paths, USD.
    """

    insolvency: float
    expected_shortfall: float


class RiskReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the risk monitor publishes: simulated paths of the next day over the accounts as they stand.

    Attributes:
        time: Venue time of the positions, ns.
        sequence: Last command that they include.
        horizon_days: How far ahead the paths go.
        paths: How many there are.
        accounts: Accounts with positions.
        insurance: The insurance fund, USD.
        mean_deficit: What all accounts together cannot pay, on average over all paths, USD.
        expected_shortfall: The same over the worst 1 % of paths: what the fund must stand.
        fund_exhausted: Share of paths on which the deficits exceed the fund.
        underlyings: By symbol.
        worst: The accounts likeliest to fail.
        seconds: Real seconds that the report took.
    """

    time: int = 0
    sequence: int = 0
    horizon_days: float = 0.0
    paths: int = 0
    accounts: int = 0
    insurance: float = 0.0
    mean_deficit: float = 0.0
    expected_shortfall: float = 0.0
    fund_exhausted: float = 0.0
    underlyings: dict[str, UnderlyingOdds] = {}
    worst: tuple[AccountOdds, ...] = ()
    seconds: float = 0.0
