"""An unmodified ccxt reads the venue; only its URLs are overridden."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import ccxt
import ccxt.async_support as ccxt_async
import ccxt.pro as ccxt_pro
import pytest

from support.orders import order_params
from support.venue import CALL, PATIENCE_SECONDS, TestVenue, secret, settled
from synchromesh.client import Client
from synchromesh.protocol import Side, address_of

SYMBOL = "BTC/USDC:USDC-260206-76000-C"
PERPETUAL = "BTC/USDC:USDC"


def urls(venue: TestVenue) -> dict[str, Any]:
    return {"urls": {"api": {"rest": venue.config.http_url, "ws": venue.config.websocket_url}}}


@pytest.fixture(scope="module")
def traded(shared_venue: TestVenue) -> TestVenue:
    """The shared venue with a book and a trade in one option."""
    venue = shared_venue
    for who in ("alice", "bob"):
        venue.deposit(address_of(secret(who)))
    for price in ("1900", "1895"):
        venue.call("private/buy", **order_params(venue, "alice", 1, price=price))
    for price in ("1950", "1960"):
        venue.call("private/sell", **order_params(venue, "alice", 1, Side.SELL, price=price))
    venue.call("private/buy", **order_params(venue, "bob", 2, price="1950", amount="0.04"))
    return venue


@pytest.fixture
def exchange(traded: TestVenue) -> ccxt.deribit:
    return ccxt.deribit(urls(traded))


def test_rest_market_data(exchange: ccxt.deribit, traded: TestVenue) -> None:
    markets = exchange.load_markets()
    assert len(markets) == len(traded.specs)
    option, perpetual = markets[SYMBOL], markets[PERPETUAL]
    assert (option["id"], option["option"], option["linear"], option["active"]) == (CALL, True, True, True)
    assert (option["strike"], option["optionType"], option["settle"]) == (76_000, "call", "USDC")
    assert (option["precision"]["amount"], option["precision"]["price"]) == (0.01, 5.0)
    assert (perpetual["swap"], perpetual["expiry"] is not None) == (True, True)

    ticker = exchange.fetch_ticker(SYMBOL)
    assert (ticker["bid"], ticker["bidVolume"], ticker["ask"], ticker["last"]) == (1900, 0.1, 1950, 1950)
    assert ticker["baseVolume"] == 0.04
    tickers = exchange.fetch_tickers(params={"currency": "BTC"})
    assert tickers[SYMBOL]["bid"] == 1900

    book = exchange.fetch_order_book(SYMBOL)
    assert book["bids"] == [[1900, 0.1], [1895, 0.1]]
    assert book["asks"] == [[1950, 0.06], [1960, 0.1]]

    trades = exchange.fetch_trades(SYMBOL)
    assert [(trade["price"], trade["amount"], trade["side"]) for trade in trades] == [(1950, 0.04, "buy")]
    assert exchange.fetch_trades(SYMBOL, since=trades[0]["timestamp"]) == trades
    assert exchange.fetch_trades(SYMBOL, since=trades[0]["timestamp"] + 1) == []
    greeks = exchange.fetch_greeks(SYMBOL)
    assert 0.4 < greeks["delta"] < 0.6
    assert exchange.fetch_status()["status"] == "ok"
    assert abs(exchange.fetch_time() - traded.now // 10**6) < 5_000


async def test_async_rest(traded: TestVenue) -> None:
    exchange = ccxt_async.deribit(urls(traded))
    try:
        await exchange.load_markets()
        assert (await exchange.fetch_ticker(SYMBOL))["ask"] == 1950
        assert len((await exchange.fetch_order_book(SYMBOL, limit=1))["bids"]) == 1
    finally:
        await exchange.close()


async def test_private_requests_with_derived_credentials(traded: TestVenue) -> None:
    async with Client(traded.config.websocket_url, secret("bob")) as client:
        login = await client.login()
    keys = {"apiKey": login.client_id, "secret": login.client_secret}
    exchange = ccxt_async.deribit(urls(traded) | keys)
    try:
        await exchange.load_markets()
        balance = await exchange.fetch_balance()
        assert 999_000 < balance["USDC"]["total"] < 1_000_100
        [position] = await exchange.fetch_positions()
        assert (position["symbol"], position["contracts"]) == (SYMBOL, 0.04)
        trades = await exchange.fetch_my_trades(SYMBOL)
        assert [(trade["amount"], trade["takerOrMaker"]) for trade in trades] == [(0.04, "taker")]
        extras = order_params(traded, "bob", 2, price="1800")
        signed = ("subaccount_id", "max_fee", "nonce", "signature_expiry", "signer", "signature")
        order = await exchange.create_order(SYMBOL, "limit", "buy", 0.1, 1800, {name: extras[name] for name in signed})
        assert (order["status"], order["price"], order["amount"]) == ("open", 1800, 0.1)
        assert [item["id"] for item in await exchange.fetch_open_orders(SYMBOL)] == [order["id"]]
        assert (await exchange.fetch_order(order["id"]))["id"] == order["id"]
        with pytest.raises(ccxt.PermissionDenied):
            await exchange.cancel_order(order["id"])
        wrong = ccxt_async.deribit(urls(traded) | keys | {"secret": "0" * 64})
        try:
            with pytest.raises(ccxt.AuthenticationError):
                await wrong.fetch_balance()
        finally:
            await wrong.close()
    finally:
        await exchange.close()


@pytest.fixture
async def stream(traded: TestVenue) -> AsyncIterator[Any]:
    exchange = ccxt_pro.deribit(urls(traded))
    yield exchange
    await exchange.close()


async def follows_all(exchange: Any) -> None:
    """Wait until the venue has what was subscribed so far: it answers a connection's requests in their order."""
    await asyncio.create_task(exchange.watch_ticker(PERPETUAL))


async def test_websocket_streams(stream: Any, traded: TestVenue) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await stream.load_markets()
        book = await stream.watch_order_book(SYMBOL)
        assert book["bids"][0][:2] == [1900, 0.1]
        ticker = await stream.watch_ticker(SYMBOL)
        assert ticker["bid"] == 1900
        change = asyncio.create_task(stream.watch_order_book(SYMBOL))
        fill = asyncio.create_task(stream.watch_trades(SYMBOL))
        await follows_all(stream)
        order = await asyncio.to_thread(
            traded.call, "private/buy", **order_params(traded, "bob", 2, price="1950", amount="0.01")
        )
        assert order["order"]["order_state"] == "filled"
        book = await change
        assert book["asks"][0][:2] == [1950, 0.05]
        trades = await fill
        assert (trades[-1]["price"], trades[-1]["amount"]) == (1950, 0.01)
        await settled(lambda: stream.tickers[SYMBOL]["askVolume"] == 0.05)


async def test_websocket_private_streams(traded: TestVenue) -> None:
    async with Client(traded.config.websocket_url, secret("bob")) as client:
        login = await client.login()
        exchange = ccxt_pro.deribit(urls(traded) | {"apiKey": login.client_id, "secret": login.client_secret})
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await exchange.load_markets()
                await exchange.authenticate()
                watched = asyncio.create_task(exchange.watch_orders(SYMBOL))
                await follows_all(exchange)
                await client.buy(CALL, "0.1", 1700)
                orders = await watched
                assert (orders[-1]["price"], orders[-1]["status"]) == (1700, "open")
        finally:
            await exchange.close()
