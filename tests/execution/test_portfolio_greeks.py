"""Portfolio Greeks: sums over the positions, by underlying, new with every mark."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from support.venue import CALL, ETH_CALL, PERPETUAL, PUT, TestVenue, secret, settled
from synchromesh.client import Client
from synchromesh.client.types import Account, Position, Ticker
from synchromesh.protocol import address_of

POSITIONS = {CALL: "0.3", PUT: "-0.2", PERPETUAL: "0.05", ETH_CALL: "1.5"}
FIELDS = ("delta", "gamma", "vega", "theta")


async def trade(alice: Client, bob: Client) -> None:
    for name, size in POSITIONS.items():
        price = (await alice.ticker(name)).mark_price
        tick = {PERPETUAL: Decimal("0.5"), ETH_CALL: Decimal("0.2")}.get(name, Decimal(5))
        price = price // tick * tick
        buyer, seller = (alice, bob) if not size.startswith("-") else (bob, alice)
        await buyer.buy(name, size.removeprefix("-"), price)
        await seller.sell(name, size.removeprefix("-"), price)


def close(shown: Decimal, expected: Decimal, places: int) -> bool:
    return abs(shown - expected) <= Decimal(10) ** -places


def check(account: Account, tickers: dict[str, Ticker], positions: dict[str, Position], index: str) -> None:
    """The sums of one underlying are those over its positions."""
    names = [name for name in POSITIONS if name.startswith(index[:3].upper())]
    options = [name for name in names if name != PERPETUAL]
    sizes = {name: Decimal(POSITIONS[name]) for name in names}
    sums = {
        field: sum((sizes[name] * getattr(tickers[name].greeks, field) for name in options), Decimal(0))
        for field in FIELDS
    }
    perpetual = sizes.get(PERPETUAL, Decimal(0))
    assert close(account.options_delta_map[index], sums["delta"], 9)
    assert close(account.delta_total_map[index], sums["delta"] + perpetual, 9)
    assert close(account.options_gamma_map[index], sums["gamma"], 12)
    assert close(account.options_vega_map[index], sums["vega"], 6)
    assert close(account.options_theta_map[index], sums["theta"], 6)
    for field, places in (("delta", 9), ("gamma", 12), ("vega", 6), ("theta", 6)):
        for name in options:
            one = sizes[name] * getattr(tickers[name].greeks, field)
            assert close(getattr(positions[name], field), one, places)


async def test_portfolio_greeks_are_sums_over_positions(venue: TestVenue) -> None:
    for who in ("alice", "bob"):
        venue.deposit(address_of(secret(who)), 10_000_000)
    url = venue.config.websocket_url
    async with Client(url, secret("alice")) as alice, Client(url, secret("bob")) as bob:
        empty = await alice.account()
        assert (empty.delta_total, empty.options_vega, empty.options_vega_map) == (0, 0, {})
        await trade(alice, bob)
        pushes: dict[str, list[Account]] = {}
        channels = [f"user.portfolio.{currency}" for currency in ("btc", "eth", "any")]
        await alice.subscribe(channels, lambda channel, data: pushes.setdefault(channel, []).append(data))

        async def told() -> bool:
            """Each channel has shown the account as it is now."""
            account = await alice.account()
            deltas = [pushes[channel][-1].delta_total_map for channel in channels]
            return all(shown.items() <= account.delta_total_map.items() for shown in deltas)

        for index in (75_000, 78_000):
            await asyncio.to_thread(venue.mark, BTC=index, ETH=index / 34)
            await settled(told)
            tickers = {name: await alice.ticker(name) for name in POSITIONS}
            positions = {found.instrument_name: found for found in await alice.positions()}
            everything = pushes["user.portfolio.any"][-1]
            assert set(everything.options_vega_map) == {"btc_usdc", "eth_usdc"}
            for name in ("btc_usdc", "eth_usdc"):
                check(everything, tickers, positions, name)
                own = pushes[f"user.portfolio.{name[:3]}"][-1]
                assert set(own.delta_total_map) == {name}
                check(own, tickers, positions, name)
                assert own.delta_total == own.delta_total_map[name]
            assert everything.options_theta == sum(everything.options_theta_map.values())
            assert everything.equity == (await alice.account()).equity
