"""Whole chains: what they show, that changes add up to snapshots, that slow readers never see two moments at once."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from support.venue import CALL, EXPIRY, PATIENCE_SECONDS, PERPETUAL, PUT, TestVenue, secret, settled
from synchromesh import pricing
from synchromesh.client import ChainGap, Client, LocalChain, RequestRefused
from synchromesh.client.chain import ChainLine, ChainUpdate
from synchromesh.clock import SECOND
from synchromesh.protocol import InstrumentSpec, Side, address_of

CHAIN = "chain.BTC.raw"


@pytest.fixture
async def traders(venue: TestVenue) -> AsyncIterator[tuple[Client, Client]]:
    for who in ("alice", "bob"):
        venue.deposit(address_of(secret(who)), 10_000_000)
    url = venue.config.websocket_url
    async with Client(url, secret("alice")) as alice, Client(url, secret("bob")) as bob:
        yield alice, bob


async def fresh_chain(venue: TestVenue) -> LocalChain:
    """The chain as a new subscriber gets it."""
    async with Client(venue.config.websocket_url) as client:
        return await client.local_chain("BTC")


def picture(chain: LocalChain) -> dict[str, Any]:
    """Everything that two chains of one moment must agree on."""
    return {
        "lines": {line.instrument.instrument_name: line for line in chain.lines()},
        "forwards": chain.forwards,
        "header": (chain.state, chain.mark_fault, chain.mark_timestamp_ns, chain.index_price, chain.current_funding),
    }


def listed_call(venue: TestVenue, strike: int, expiry: int) -> InstrumentSpec:
    """One more BTC call."""
    name = f"BTC_USDC-6FEB26-{strike}-C"
    number = len(venue.specs) + 1
    return replace(venue.specs[2], instrument=number, name=name, strike=strike * 10**6, expiry=expiry)


def options(chain: LocalChain) -> list[ChainLine]:
    return [line for line in chain.lines() if line.instrument.kind == "option"]


def assert_greeks(chain: LocalChain) -> None:
    """Every line has the Greeks and vols that `pricing` makes of the chain's own forwards, vols and prices."""
    lines = options(chain)
    forwards = {forward.expiration_timestamp: forward.underlying_price for forward in chain.forwards}
    expiries = [line.instrument.expiration_timestamp or 0 for line in lines]
    forward = np.array([forwards[expiry] for expiry in expiries])
    t = np.array([pricing.year_fraction(chain.mark_timestamp_ns, expiry * 1_000_000) for expiry in expiries])
    strike = np.array([float(line.instrument.strike or 0) for line in lines])
    is_call = np.array([line.instrument.option_type == "call" for line in lines])
    vols = np.array([line.mark.mark_iv / 100 for line in lines])
    greeks = pricing.black76(forward, strike, t, vols, is_call)
    for name, unit in (("delta", 1e-9), ("gamma", 1e-12), ("vega", 1e-6), ("theta", 1e-6), ("rho", 1e-6)):
        shown = [getattr(line.mark, name) for line in lines]
        np.testing.assert_allclose(shown, getattr(greeks, name), rtol=0, atol=2 * unit)
    np.testing.assert_allclose([line.mark.mark_price for line in lines], greeks.price, rtol=0, atol=1e-4)
    for side in ("bid", "ask"):
        prices = np.array([float(getattr(line.quote, f"best_{side}_price")) for line in lines])
        shown = [getattr(line.vols, f"{side}_iv") for line in lines]
        vols, _ = pricing.implied_vol_status(prices, forward, strike, t, is_call)
        expected = np.where(prices > 0, vols * 100, 0.0)
        np.testing.assert_allclose(shown, expected, rtol=0, atol=0.0051)


async def activity(venue: TestVenue, clients: tuple[Client, ...], count: int, seed: int) -> None:
    """Orders that rest, trade and go, and marks in between."""
    generator = random.Random(seed)
    names = [spec.name for spec in venue.specs if spec.underlying == 1]
    index = 76_000.0

    async def step(client: Client) -> None:
        name = generator.choice(names)
        side = generator.choice([Side.BUY, Side.SELL])
        ticker = await client.ticker(name)
        tick = Decimal("0.5") if name == PERPETUAL else Decimal(5)
        price = (ticker.mark_price // tick + generator.randint(-4, 4)) * tick
        if generator.random() < 0.15:
            await client.cancel_all(name)
        elif price > 0:
            with contextlib.suppress(RequestRefused):
                await client.place(side, name, Decimal(generator.randint(1, 20)) / 100, price)

    for _ in range(count):
        await asyncio.gather(*(step(generator.choice(clients)) for _ in range(8)))
        index *= 1 + generator.gauss(0, 0.002)
        await asyncio.to_thread(venue.mark, BTC=index)


async def test_a_chain_shows_what_pricing_makes_of_the_marks(venue: TestVenue, traders: tuple[Client, Client]) -> None:
    alice, bob = traders
    await alice.buy(CALL, "0.3", 1500)
    await bob.sell(CALL, "0.1", 1500)
    await bob.sell(CALL, "0.2", 2500)
    await alice.buy(PUT, "0.1", 5)
    await asyncio.to_thread(venue.mark, BTC=76_123.45)
    chain = await fresh_chain(venue)
    assert set(chain) == {spec.name for spec in venue.specs if spec.underlying == 1}
    assert (chain.state, chain.mark_fault, chain.index_price) == ("open", "none", Decimal("76123.45"))
    assert_greeks(chain)
    call = chain[CALL]
    assert call.quote == replace_quote(call, "1500", "0.2", "2500", "0.2", "0.1")
    assert call.vols is not None
    assert 0 < call.vols.bid_iv < call.mark.mark_iv < call.vols.ask_iv
    assert chain[PERPETUAL].vols is None
    assert (chain[PERPETUAL].mark.delta, chain[PERPETUAL].mark.gamma) == (1, 0)
    assert chain[PERPETUAL].mark.mark_price == pytest.approx(76_123.45)

    # Ticker and Greeks channel show the same numbers.
    greeks: list[Any] = []
    await alice.subscribe("greeks.BTC.raw", lambda channel, data: greeks.append(data))
    [push] = greeks
    by_name = {option.instrument_name: option for option in push.options}
    assert set(by_name) == {line.instrument.instrument_name for line in options(chain)}
    for line in options(chain):
        name = line.instrument.instrument_name
        ticker = await alice.ticker(name)
        assert ticker.greeks == by_name[name].greeks
        assert ticker.underlying_price == by_name[name].underlying_price
        for field in ("delta", "gamma", "vega", "theta", "rho"):
            assert float(getattr(ticker.greeks, field)) == getattr(line.mark, field)
        assert line.vols is not None
        assert (float(ticker.mark_iv or 0), float(ticker.bid_iv or 0), float(ticker.ask_iv or 0)) == (
            line.mark.mark_iv,
            line.vols.bid_iv,
            line.vols.ask_iv,
        )


def replace_quote(line: ChainLine, bid: str, bid_amount: str, ask: str, ask_amount: str, interest: str) -> Any:
    """The line's quote with these numbers."""
    return replace(
        line.quote,
        best_bid_price=Decimal(bid),
        best_bid_amount=Decimal(bid_amount),
        best_ask_price=Decimal(ask),
        best_ask_amount=Decimal(ask_amount),
        open_interest=Decimal(interest),
    )


async def test_changes_add_up_to_a_fresh_snapshot(venue: TestVenue, traders: tuple[Client, Client]) -> None:
    alice, bob = traders
    chains = [await alice.local_chain("BTC", interval) for interval in ("raw", "100ms", "agg2")]
    chains.append(await bob.local_chain("BTC"))
    new = listed_call(venue, 90_000, EXPIRY)
    seen = 0
    following = bob.chain("BTC")

    async def count_moments() -> None:
        nonlocal seen
        async for chain in following:
            assert chain is chains[3]
            seen += 1

    watching = asyncio.create_task(count_moments())
    await activity(venue, (alice, bob), 6, seed=5)
    await asyncio.to_thread(venue.list_instruments, [new])
    venue.specs.append(new)
    await activity(venue, (alice, bob), 6, seed=6)
    reference = await fresh_chain(venue)
    assert new.name in reference
    assert any(line.quote.open_interest for line in reference.lines()), "nothing traded"
    await settled(lambda: all(chain.change_id >= reference.change_id for chain in chains))
    for chain in chains:
        assert picture(chain) == picture(reference)
    assert_greeks(reference)
    assert seen > 12, "the iterator moved with every mark"
    watching.cancel()


async def test_an_expired_series_leaves_the_chain(tmp_path: Any) -> None:
    venue = TestVenue(tmp_path / "venue", speed=30)
    name = "BTC_USDC-4FEB26-76000-C"
    try:
        venue.start()
        ends = (venue.now // SECOND + 120) * SECOND
        venue.specs.append(replace(listed_call(venue, 76_000, ends), name=name))
        venue.list_instruments(venue.specs)
        async with Client(venue.config.websocket_url) as client:
            chain = await client.local_chain("BTC")
            assert name in chain
            assert chain.state == "reduce_only", "no mark yet"
            await asyncio.sleep(max(ends - venue.now, 0) / SECOND / venue.speed)
            await asyncio.to_thread(venue.expire, 1, ends, 76_000 * 10**6)
            await settled(lambda: name not in chain)
            assert picture(chain) == picture(await fresh_chain(venue))
            await asyncio.to_thread(venue.mark)
            await settled(lambda: chain.state == "open")
            assert_greeks(chain)
    finally:
        venue.down()


class SlowReader:
    """A subscriber on a bare socket that takes little and reads when it is told to."""

    def __init__(self, venue: TestVenue, channel: str) -> None:
        config = venue.config
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self._socket.connect((config.host, config.websocket_port))
        self._socket.settimeout(PATIENCE_SECONDS)
        upgrade = "GET /ws/api/v2 HTTP/1.1\r\nHost: venue\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        self._socket.sendall((upgrade + key).encode())
        self._data = b""
        while b"\r\n\r\n" not in self._data:
            self._data += self._socket.recv(1 << 16)
        self._data = self._data.split(b"\r\n\r\n", 1)[1]
        request = {"jsonrpc": "2.0", "id": 1, "method": "public/subscribe", "params": {"channels": [channel]}}
        body = msgspec.json.encode(request)
        assert len(body) < 126
        self._socket.sendall(b"\x81" + bytes([0x80 | len(body)]) + bytes(4) + body)

    def messages(self) -> Iterator[Any]:
        """What comes, as it is asked for."""
        while True:
            message = self._take()
            if message is not None:
                yield msgspec.json.decode(message)
            else:
                self._data += self._socket.recv(1 << 16)

    def _take(self) -> bytes | None:
        if len(self._data) < 10:
            return None
        length, head = self._data[1], 2
        if length >= 126:
            head = 4 if length == 126 else 10
            length = int.from_bytes(self._data[2:head])
        if len(self._data) < head + length:
            return None
        message, self._data = self._data[head : head + length], self._data[head + length :]
        return message

    def close(self) -> None:
        self._socket.close()


async def test_a_slow_reader_sees_whole_moments_only(venue: TestVenue, traders: tuple[Client, Client]) -> None:
    # A wide chain, so that a few hundred marks are more than the sockets' buffers hold.
    for strike in range(60_000, 85_000, 100):
        if strike not in (70_000, 76_000, 80_000):
            venue.specs.append(listed_call(venue, strike, EXPIRY))
    await asyncio.to_thread(venue.list_instruments, venue.specs[10:])
    await asyncio.to_thread(venue.mark)
    reader = SlowReader(venue, CHAIN)
    marks = 300
    await asyncio.to_thread(mark_often, venue, marks)
    await activity(venue, traders, 2, seed=9)

    reference = await fresh_chain(venue)
    chain, moments = LocalChain("BTC"), []

    def catch_up() -> None:
        for message in reader.messages():
            if message.get("method") == "subscription":
                chain.apply(msgspec.convert(message["params"]["data"], ChainUpdate, strict=False))
                moments.append(chain.mark_timestamp_ns)
                assert_greeks(chain)
                if chain.change_id >= reference.change_id:
                    return

    await asyncio.to_thread(catch_up)
    reader.close()
    assert picture(chain) == picture(reference)
    assert moments == sorted(moments)
    assert len(set(moments)) < marks, "nothing was merged: the reader was not slow"
    assert len(moments) > 5


def mark_often(venue: TestVenue, count: int) -> None:
    generator = random.Random(1)
    for _ in range(count):
        venue.mark(BTC=generator.uniform(74_000, 78_000))


def update(kind: str, previous: int | None, change: int) -> ChainUpdate:
    return ChainUpdate(kind, "BTC", 0, change, "open", "none", previous)


def test_a_local_chain_notices_gaps() -> None:
    chain = LocalChain("BTC")
    with pytest.raises(ChainGap):
        chain.apply(update("change", 4, 5))
    chain.apply(update("snapshot", None, 5))
    chain.apply(update("change", 5, 7))
    with pytest.raises(ChainGap):
        chain.apply(update("change", 8, 9))
    assert not chain.ready
    chain.apply(update("snapshot", None, 9))
    assert (chain.ready, chain.change_id) == (True, 9)


def test_an_instrument_may_come_and_go_between_two_pushes() -> None:
    chain = LocalChain("BTC")
    chain.apply(update("snapshot", None, 5))
    chain.apply(msgspec.structs.replace(update("change", 5, 9), closed=[7]))
    assert (chain.ready, chain.change_id, len(chain)) == (True, 9, 0)


async def test_a_gap_fetches_a_new_snapshot(venue: TestVenue, traders: tuple[Client, Client]) -> None:
    alice, _ = traders
    chain = await alice.local_chain("BTC")
    chain.change_id -= 1  # as if a push had been lost
    await asyncio.to_thread(venue.mark, BTC=76_500)
    await settled(lambda: chain.ready and chain.index_price == 76_500)
    assert picture(chain) == picture(await fresh_chain(venue))


async def test_a_chain_survives_a_restart_of_the_venue(venue: TestVenue, traders: tuple[Client, Client]) -> None:
    await activity(venue, traders, 2, seed=3)
    before = await fresh_chain(venue)
    await asyncio.to_thread(venue.stop)
    await asyncio.to_thread(venue.start)
    assert picture(await fresh_chain(venue)) == picture(before)


async def test_channels_that_are_none(venue: TestVenue) -> None:
    async with Client(venue.config.websocket_url) as client:
        for name in ("chain.DOGE.raw", "chain.BTC.hourly", "greeks.USDC.raw", "chain.BTC"):
            with pytest.raises(RequestRefused) as refused:
                await client.request("public/subscribe", channels=[name])
            assert refused.value.code == 11052
