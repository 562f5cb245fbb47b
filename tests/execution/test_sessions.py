"""Logins, tokens, credentials, session keys, heartbeats, limits, disconnects."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from support.venue import CALL, CHAIN_ID, DAY, PATIENCE_SECONDS, PUT, TestVenue, VenueError, secret, settled
from synchromesh.client import Client, RequestRefused
from synchromesh.client.login import LoginMessage, LoginMessageError
from synchromesh.clock import SECOND
from synchromesh.config import LimitsConfig
from synchromesh.protocol import address_of, personal_digest, sign

ALICE = secret("alice")


@pytest.fixture(scope="module")
def open_venue(shared_venue: TestVenue) -> TestVenue:
    shared_venue.deposit(address_of(ALICE))
    shared_venue.deposit(address_of(secret("bob")))
    return shared_venue


def message(venue: TestVenue, **changes: Any) -> LoginMessage:
    base = LoginMessage(
        domain="venue.test",
        address=address_of(ALICE),
        uri="https://venue.test/",
        chain_id=CHAIN_ID,
        nonce=f"n{time.time_ns()}",
        issued_at=venue.now // 1000 * 1000,
        expiration=(venue.now + 3600 * SECOND) // 1000 * 1000,
    )
    return replace(base, **changes)


def login(venue: TestVenue, text: str, key: bytes = ALICE) -> Any:
    signature = sign(personal_digest(text.encode()), key)
    return venue.call("public/auth", grant_type="signature", message=text, signature=signature.hex())


def test_login_message_round_trip() -> None:
    text = LoginMessage("d.example", bytes(20), "https://d.example", 1, "abcdefgh", 10**18, 2 * 10**18, "Hello.").text()
    assert LoginMessage.parse(text).text() == text
    for spoiled in (
        "",
        text + "\nResources:",
        text.replace("Version: 1", "Version: 2"),
        text.replace("Nonce", "nonce"),
    ):
        with pytest.raises(LoginMessageError):
            LoginMessage.parse(spoiled)


def test_login_yields_token_and_readonly_credentials(open_venue: TestVenue) -> None:
    made = login(open_venue, message(open_venue).text())
    assert made["subaccounts"] == [1]
    bearer = {"Authorization": f"Bearer {made['access_token']}"}
    summary = open_venue.http.get("/api/v2/private/get_account_summary", headers=bearer).json()["result"]
    assert summary["subaccount_id"] == 1
    readonly = open_venue.call(
        "public/auth", grant_type="client_credentials", client_id=made["client_id"], client_secret=made["client_secret"]
    )
    assert "read_write" not in readonly["scope"]
    headers = {"Authorization": f"Bearer {readonly['access_token']}"}
    assert open_venue.http.get("/api/v2/private/get_positions", headers=headers).json()["result"] == []
    refused = open_venue.http.get("/api/v2/private/cancel_all", headers=headers).json()
    assert (refused["error"]["code"], refused["error"]["data"]["reason"]) == (13021, "read_only")
    forged = made["access_token"][:-1] + ("0" if made["access_token"][-1] != "0" else "1")
    reply = open_venue.http.get("/api/v2/private/get_positions", headers={"Authorization": f"Bearer {forged}"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, 13009)
    # Read-only credentials are no token, and their secret opens no others'.
    for credentials in ((made["client_id"], made["access_token"]), (made["access_token"], made["client_secret"])):
        with pytest.raises(VenueError) as error:
            open_venue.call(
                "public/auth", grant_type="client_credentials", client_id=credentials[0], client_secret=credentials[1]
            )
        assert error.value.code == 13004


def test_login_is_refused(open_venue: TestVenue) -> None:
    now = open_venue.now
    wrong = [
        message(open_venue, domain="other.test"),
        message(open_venue, chain_id=1),
        message(open_venue, expiration=now - SECOND),
        message(open_venue, issued_at=now + 600 * SECOND, expiration=now + 900 * SECOND),
        message(open_venue, issued_at=now - DAY, expiration=now + DAY),
        message(open_venue, expiration=now + 40 * DAY),
        message(open_venue, address=address_of(secret("bob"))),
    ]
    for one in wrong:
        with pytest.raises(VenueError) as refused:
            login(open_venue, one.text())
        assert refused.value.code == 13004, one
    text = message(open_venue).text()
    login(open_venue, text)
    with pytest.raises(VenueError) as refused:
        login(open_venue, text)
    assert "used before" in refused.value.error["data"]["detail"]
    with pytest.raises(VenueError) as refused:
        open_venue.call("public/auth", grant_type="signature", message="hello", signature="00" * 65)
    assert refused.value.code == 13004


def test_a_key_is_registered_only_with_its_consent(open_venue: TestVenue) -> None:
    key, expiry = secret("somebody's"), open_venue.now + DAY
    signed = {"nonce": open_venue.call("public/get_owner_nonce", owner="0x" + address_of(ALICE).hex())["nonce"]}
    digest = open_venue.domain.register_session_key(
        key=address_of(key), scopes=1, key_expiry=expiry, expiry=expiry, signer=address_of(ALICE), **signed
    )
    params = {
        "key": "0x" + address_of(key).hex(),
        "scopes": "trade",
        "key_expiry": str(expiry),
        "signer": "0x" + address_of(ALICE).hex(),
        "signature_expiry": str(expiry),
        "signature": "0x" + sign(digest, ALICE).hex(),
        **signed,
    }
    for consenting in (ALICE, secret("squatter")):
        with pytest.raises(VenueError) as refused:
            open_venue.call("private/register_session_key", consent="0x" + sign(digest, consenting).hex(), **params)
        assert refused.value.code == 13009
    made = open_venue.call("private/register_session_key", consent="0x" + sign(digest, key).hex(), **params)
    assert made["key"] == params["key"]


async def test_session_key_scopes_and_revocation(open_venue: TestVenue) -> None:
    url = open_venue.config.websocket_url
    key, canceller = secret("session"), secret("canceller")
    async with Client(url, ALICE) as alice:
        second = (await alice.create_subaccount()).id
        expiry = open_venue.now + DAY
        await alice.register_session_key(key, ["trade"], expiry, [1])
        await alice.register_session_key(canceller, ["cancel"], expiry)
        async with Client(url, key) as session, Client(url, canceller) as cancels:
            assert await session.subaccounts() == [1]
            assert await cancels.subaccounts() == [1, second]
            order = (await session.buy(CALL, "0.1", 1500)).order
            with pytest.raises(RequestRefused) as refused:
                await session.buy(CALL, "0.1", 1500, subaccount=second)
            assert refused.value.reason == "key_not_for_subaccount"
            with pytest.raises(RequestRefused) as refused:
                await session.account(second)
            assert refused.value.code == 13021
            with pytest.raises(RequestRefused) as refused:
                await cancels.buy(CALL, "0.1", 1500)
            assert refused.value.reason == "scope_missing"
            assert (await cancels.cancel(order.order_id)).cancel_reason == "cancelled"
            with pytest.raises(RequestRefused) as refused:
                await session.withdraw(1, address_of(key))
            assert refused.value.code in (13009, 13021)
            await session.subscribe("user.orders.any.any.raw", lambda channel, data: seen.append(data))
            seen: list[Any] = []
            await alice.revoke_session_key(address_of(key))
            for attempt in (session.buy(CALL, "0.1", 1500), session.positions(), session.cancel_all()):
                with pytest.raises(RequestRefused) as refused:
                    await attempt
                assert refused.value.code == 13009
            await alice.buy(CALL, "0.1", 1400)
            await alice.cancel_all()
            assert seen == [], "a revoked key hears nothing more"


async def test_cancel_on_disconnect(open_venue: TestVenue) -> None:
    url = open_venue.config.websocket_url
    async with Client(url, ALICE) as watcher:
        kept = Client(url, secret("bob"))
        await kept.connect()
        order = (await kept.buy(CALL, "0.1", 1450)).order
        await kept.close()
        await asyncio.sleep(0.2)
        async with Client(url, secret("bob")) as bob:
            assert (await bob.order(order.order_id)).is_open, "without cancel-on-disconnect orders stay"
            await bob.cancel_all()

        doomed = Client(url, ALICE)
        await doomed.connect()
        await doomed.set_cancel_on_disconnect(True)
        state = await doomed.request("private/get_cancel_on_disconnect")
        assert state == {"scope": "connection", "enabled": True}
        for price in (1400, 1405):
            await doomed.buy(CALL, "0.1", price)
        before = (await watcher.status()).sequence
        await doomed.close()

        async def gone() -> bool:
            return not await watcher.open_orders()

        await settled(gone)
        after = (await watcher.status()).sequence
        assert after == before + 1, "one journaled CancelAll"
        history = await watcher.request("private/get_order_history_by_currency", currency="BTC")
        assert [order["cancel_reason"] for order in history[:2]] == ["cancelled", "cancelled"]


async def test_cancel_on_disconnect_of_an_account_outlives_its_key(open_venue: TestVenue) -> None:
    url = open_venue.config.websocket_url
    key = secret("doomed key")
    async with Client(url, ALICE) as alice:
        await alice.register_session_key(key, ["trade"], open_venue.now + DAY, [1])
        await alice.request("private/set_cancel_on_disconnect", scope="account", enabled=True)
        doomed = Client(url, key)
        await doomed.connect()
        assert (await doomed.request("private/get_cancel_on_disconnect"))["enabled"]
        order = (await doomed.buy(CALL, "0.1", 1410)).order
        await alice.revoke_session_key(address_of(key))
        await doomed.close()

        async def gone() -> bool:
            return not (await alice.order(order.order_id)).is_open

        await settled(gone)
        await alice.request("private/set_cancel_on_disconnect", scope="account", enabled=False)
        assert not (await alice.request("private/get_cancel_on_disconnect", scope="account"))["enabled"]


def test_tokens_outlive_a_restart_and_old_logins_do_not(venue: TestVenue) -> None:
    venue.deposit(address_of(ALICE))
    unused = message(venue).text()
    token = login(venue, message(venue).text())["access_token"]
    venue.stop()
    venue.start()
    bearer = {"Authorization": f"Bearer {token}"}
    assert venue.http.get("/api/v2/private/get_account_summary", headers=bearer).status_code == 200
    with pytest.raises(VenueError) as refused:
        login(venue, unused)
    assert "before the gateway started" in refused.value.error["data"]["detail"]


async def test_cancel_all_variants(open_venue: TestVenue) -> None:
    async with Client(open_venue.config.websocket_url, ALICE) as alice:
        await alice.buy(CALL, "0.1", 1400)
        await alice.buy(PUT, "0.1", 1400)
        await alice.buy("ETH_USDC-6FEB26-2200-C", "0.1", 10)
        assert (await alice.cancel_all(instrument_name=PUT)).cancelled == 1
        assert (await alice.cancel_all(currency="ETH")).cancelled == 1
        assert (await alice.cancel_all(currency="ETH")).cancelled == 0
        assert [order.instrument_name for order in await alice.open_orders()] == [CALL]
        assert (await alice.cancel_all()).cancelled == 1
        assert (await alice.cancel_all()).cancelled == 0


@pytest.mark.slow
async def test_heartbeats(open_venue: TestVenue) -> None:
    async with connect(open_venue.config.websocket_url) as raw:
        await raw.send(json.dumps({"id": 1, "method": "public/set_heartbeat", "params": {"interval": 10}}))
        assert json.loads(await raw.recv())["result"] == "ok"
        async with asyncio.timeout(PATIENCE_SECONDS):
            beat = json.loads(await raw.recv())
        assert (beat["method"], beat["params"]["type"]) == ("heartbeat", "test_request")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await raw.wait_closed()
        assert raw.close_code == 1001


@pytest.fixture
def strict_venue(tmp_path: Path) -> Any:
    limits = LimitsConfig(burst=20, rate=1.0, cancel_burst=5, cancel_rate=1.0, output_bytes=200_000, connections=3)
    one = TestVenue(tmp_path / "venue", limits=limits)
    try:
        one.start()
        yield one
    finally:
        one.down()


async def test_credits_and_the_lane_of_cancels(strict_venue: TestVenue) -> None:
    async with connect(strict_venue.config.websocket_url) as raw:

        async def call(method: str) -> Any:
            await raw.send(json.dumps({"id": 1, "method": method, "params": {"order_id": "1"}}))
            return json.loads(await raw.recv())

        replies = [await call("public/test") for _ in range(25)]
        refused = [reply["error"] for reply in replies if "error" in reply]
        assert len(refused) in (4, 5)
        assert {error["code"] for error in refused} == {10028}
        assert refused[0]["data"]["retry_after_ms"] > 0
        assert (await call("private/cancel"))["error"]["code"] == 10004, "cancels have their own credits"
        assert {(await call("private/cancel"))["error"]["code"] for _ in range(8)} == {10004, 10028}
    replies = [strict_venue.http.get("/api/v2/public/test") for _ in range(25)]
    assert replies[-1].status_code == 429
    assert int(replies[-1].headers["Retry-After"]) >= 1


async def test_slow_consumers_and_too_many_connections(strict_venue: TestVenue) -> None:
    config = strict_venue.config
    idle = [await connect(config.websocket_url) for _ in range(3)]
    with pytest.raises(Exception, match="503"):
        await connect(config.websocket_url)
    for one in idle:
        await one.close()

    async def nobody_is_connected() -> bool:
        metrics = await asyncio.to_thread(httpx.get, config.http_url + "/metrics")
        return "gateway_connections 0.0" in metrics.text

    await settled(nobody_is_connected)
    slow = socket.create_connection((config.host, config.websocket_port))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    key = b"dGhlIHNhbXBsZSBub25jZQ=="
    slow.sendall(
        b"GET /ws/api/v2 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n"
    )
    assert b"101" in slow.recv(4096)
    text = json.dumps({"id": "x" * 60_000, "method": "public/test"}).encode()
    frame = b"\x81\xfe" + len(text).to_bytes(2) + bytes(4) + text
    slow.settimeout(2)
    deadline = time.monotonic() + PATIENCE_SECONDS
    metrics = ""
    while "gateway_slow_consumers_total 1.0" not in metrics and time.monotonic() < deadline:
        try:
            for _ in range(20):
                slow.sendall(frame)
        except OSError:
            pass
        metrics = (await asyncio.to_thread(httpx.get, config.http_url + "/metrics")).text
    slow.close()
    assert "gateway_slow_consumers_total 1.0" in metrics


async def test_wrong_path_is_404(open_venue: TestVenue) -> None:
    with pytest.raises(Exception, match="404"):
        await connect(open_venue.config.websocket_url + "/nonsense")


async def test_health_and_metrics(open_venue: TestVenue) -> None:
    assert open_venue.http.get("/health").json()["status"] == "ok"
    text = open_venue.http.get("/metrics").text
    assert 'gateway_reply_seconds_count{method="public/status"}' in text
    assert f"journal_sequence {float(open_venue.sequence)}" in text
