"""Bad input of every kind gets a typed error, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from support.orders import fresh_nonce, order_params
from support.venue import CALL, PERPETUAL, PUT, TestVenue, VenueError, secret
from synchromesh.clock import SECOND
from synchromesh.protocol import Mode, Side, address_of

SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture(scope="module")
def rich(shared_venue: TestVenue) -> TestVenue:
    """The shared venue, where alice owns subaccount 1 and bob 2, with little."""
    shared_venue.deposit(address_of(secret("alice")), 1_000_000)
    shared_venue.deposit(address_of(secret("bob")), 10)
    return shared_venue


@pytest.fixture
def socket(rich: TestVenue) -> Iterator[ClientConnection]:
    with connect(rich.config.websocket_url, max_size=None) as connection:
        yield connection


def ask(socket: ClientConnection, text: str | bytes) -> dict[str, Any]:
    socket.send(text)
    reply: dict[str, Any] = json.loads(socket.recv(10))
    return reply


def request(method: str, params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})


BUY_ONCE = '{"jsonrpc":"2.0","id":7,"method":"public/get_time","params":{}'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", -32700),
        ("{", -32700),
        ("nul", -32700),
        ("NaN", -32700),
        ('{"id":1,"method":"public/test","params":{"x":NaN}}', -32700),
        ('{"id":1,"id":2,"method":"public/test"}', -32700),
        ('{"id":1,"method":"public/test","params":{"a":1,"a":2}}', -32700),
        (BUY_ONCE + "} trailing", -32700),
        (BUY_ONCE, -32700),
        (b'{"id":1,"method":"public/\xff"}', -32700),
        ("[" * 5_000 + "]" * 5_000, -32700),
        ('{"id":1,"method":"public/test","params":{"x":' + '{"y":' * 20 + "1" + "}" * 20 + "}}", -32700),
        ('{"id":1,"method":"public/ticker","params":{"depth":1e99999999999999999999}}', -32700),
        ('{"id":1,"method":"public/\\ud800"}', -32700),
        ('{"id":1,"method":"public/test","params":{"\\udfff":1}}', -32700),
        ('{"id":99999999999999999999,"method":"public/test"}', -32600),
        ("[]", -32600),
        ('"text"', -32600),
        ("17", -32600),
        ("[" + BUY_ONCE + "}]", -32600),
        ('{"id":1}', -32600),
        ('{"id":1,"method":5}', -32600),
        ('{"id":true,"method":"public/test"}', -32600),
        ('{"id":1.5,"method":"public/test"}', -32600),
        ('{"id":1,"jsonrpc":"1.0","method":"public/test"}', -32600),
        ('{"id":1,"method":"public/test","params":[1]}', -32602),
        ('{"id":1,"method":"public/nonsense"}', -32601),
        ('{"id":1,"method":"private/__class__"}', -32601),
        (request("public/ticker", {}), -32602),
        (request("public/ticker", {"instrument_name": 5}), -32602),
        (request("public/ticker", {"instrument_name": None}), -32602),
        (request("public/ticker", {"instrument_name": "DOGE_USDC-PERPETUAL"}), 13020),
        (request("public/get_order_book", {"instrument_name": CALL, "depth": 0}), -32602),
        (request("public/get_order_book", {"instrument_name": CALL, "depth": 1.5}), -32602),
        (request("public/get_order_book", {"instrument_name": CALL, "depth": True}), -32602),
        (request("public/get_order_book", {"instrument_name": CALL, "depth": 1 << 70}), -32602),
        (request("public/get_index_price", {"index_name": "doge_usdc"}), -32602),
        (request("public/get_instruments", {"kind": "swaption"}), -32602),
        (request("public/get_last_trades_by_instrument", {"instrument_name": CALL, "count": -1}), -32602),
        (request("public/subscribe", {"channels": ["nonsense"]}), 11052),
        (request("public/subscribe", {"channels": [f"book.{CALL}.5s"]}), 11052),
        (request("public/subscribe", {"channels": "book"}), -32602),
        (request("private/subscribe", {"channels": ["user.orders.any.any.raw"]}), 13009),
        (request("private/get_positions", {}), 13009),
        (request("private/cancel_all", {}), 13009),
        (request("public/get_receipt", {"sequence": 999_999}), 13020),
        (request("public/get_receipt", {"sequence": -1}), 13020),
        (request("operator/inbox_item", {"token": "guess", "index": 0, "item": "00"}), 13009),
        (request("operator/command", {"token": "guess", "command": "00"}), 13009),
        (request("public/submit_mark", {"body": "zz"}), -32602),
        (request("public/submit_mark", {"body": "00"}), 11043),
        (request("public/submit_settlement_price", {"body": ""}), 11043),
        (request("public/auth", {"grant_type": "password"}), -32602),
        (request("public/auth", {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}), 13004),
        (request("public/set_heartbeat", {"interval": 1}), -32602),
    ],
)
def test_malformed_requests(rich: TestVenue, socket: ClientConnection, text: str | bytes, code: int) -> None:
    before = rich.sequence
    reply = ask(socket, text)
    assert reply["error"]["code"] == code, reply
    assert reply["error"]["data"]["reason"]
    assert rich.sequence == before
    assert "result" in ask(socket, request("public/test", {})), "the connection survives"


def test_oversized_message_is_refused_and_oversized_frame_closes(rich: TestVenue, socket: ClientConnection) -> None:
    limits = rich.config.limits
    reply = ask(socket, request("public/test", {"x": "a" * limits.message_bytes}))
    assert (reply["error"]["code"], reply["error"]["data"]["reason"]) == (-32600, "message_too_large")
    assert "result" in ask(socket, request("public/test", {}))
    with pytest.raises(ConnectionClosed) as closed:
        ask(socket, "a" * (limits.frame_bytes + 1))
    assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
    reply = rich.http.post("/api/v2/public/test", content=b"{" + b" " * limits.message_bytes).json()
    assert reply["error"]["data"]["reason"] == "message_too_large"


def flip(signature: str) -> str:
    data = bytearray.fromhex(signature[2:])
    data[40] ^= 1
    return "0x" + data.hex()


def high_s(signature: str) -> str:
    """The other signature of the same message by the same key, which a careless verifier takes for a new one."""
    data = bytes.fromhex(signature[2:])
    s = SECP256K1_ORDER - int.from_bytes(data[32:64])
    return "0x" + (data[:32] + s.to_bytes(32) + bytes([27 + 28 - data[64]])).hex()


Spoil = Callable[[TestVenue], dict[str, Any]]


def signed(**changes: Any) -> Spoil:
    """An order of alice that was signed with these fields."""
    return lambda venue: order_params(venue, "alice", 1, **changes)


def altered(**changes: Any) -> Spoil:
    """An order of alice whose fields were changed after it was signed."""
    return lambda venue: order_params(venue, "alice", 1) | changes


def resigned(change: Callable[[str], str]) -> Spoil:
    def spoil(venue: TestVenue) -> dict[str, Any]:
        params = order_params(venue, "alice", 1)
        return params | {"signature": change(params["signature"])}

    return spoil


BAD_ORDERS: list[tuple[str, Spoil, int, str]] = [
    ("unknown instrument", altered(instrument_name="BTC_USDC-6FEB26-1-C"), 13020, "unknown_instrument"),
    ("off-tick price", signed(price="1501"), 10043, "invalid_price"),
    ("price finer than micro-USDC", altered(price="1500.0000001"), 10026, "price_precision"),
    ("negative price", altered(price="-5"), 10023, "invalid_price"),
    ("zero price", signed(price="0"), 10043, "invalid_price"),
    ("price beyond 64 bits", altered(price="1e30"), 10026, "price_precision"),
    ("price that is no number", altered(price="cheap"), -32602, "invalid_param"),
    ("price NaN", altered(price="NaN"), -32602, "invalid_param"),
    ("price infinite", altered(price="Infinity"), -32602, "invalid_param"),
    ("zero amount", altered(amount="0"), 10021, "invalid_amount"),
    ("negative amount", altered(amount="-1"), 10021, "invalid_amount"),
    ("amount finer than 1e-8", altered(amount="0.000000001"), 10021, "invalid_amount"),
    ("amount off the lot", signed(amount="0.015"), 10021, "invalid_amount"),
    ("amount true", altered(amount=True), -32602, "invalid_param"),
    ("amount list", altered(amount=["0.1"]), -32602, "invalid_param"),
    ("unknown time in force", altered(time_in_force="forever"), -32602, "invalid_param"),
    ("unknown type", altered(type="stop_limit"), -32602, "invalid_param"),
    ("unknown parameter", altered(trigger_price="1"), -32602, "invalid_param"),
    ("long client id", altered(client_order_id="x" * 37), -32602, "invalid_param"),
    ("client id not ASCII", altered(client_order_id="é"), -32602, "malformed"),
    ("nonce no number", altered(nonce="now"), -32602, "invalid_param"),
    ("negative nonce", altered(nonce=-1), -32602, "invalid_param"),
    ("nonce beyond 64 bits", altered(nonce=1 << 64), -32602, "invalid_param"),
    ("signature no hex", altered(signature="0xzz"), -32602, "invalid_param"),
    ("signature short", altered(signature="0x00"), -32602, "invalid_param"),
    ("signature zero", altered(signature="0x" + "00" * 65), 13009, "invalid_signature"),
    ("signature flipped", resigned(flip), 13009, "invalid_signature"),
    ("signature with high s", resigned(high_s), 13009, "invalid_signature"),
    ("altered amount", altered(amount="0.2"), 13009, "invalid_signature"),
    ("altered price", altered(price="1505"), 13009, "invalid_signature"),
    ("altered instrument", altered(instrument_name=PUT), 13009, "invalid_signature"),
    ("altered fee bound", altered(max_fee="5"), 13009, "invalid_signature"),
    ("altered subaccount", altered(subaccount_id=2), 13009, "invalid_signature"),
    ("forged signer", altered(signer="0x" + address_of(secret("bob")).hex()), 13009, "invalid_signature"),
    ("somebody else's subaccount", lambda v: order_params(v, "alice", 2), 13009, "not_authorized"),
    ("unknown subaccount", lambda v: order_params(v, "alice", 99), 11043, "unknown_subaccount"),
    ("unknown signer", lambda v: order_params(v, "mallory", 1), 13009, ""),
    (
        "expired signature",
        lambda v: order_params(v, "alice", 1, signature_expiry=v.now - 1),
        13009,
        "signature_expired",
    ),
    ("old nonce", lambda v: order_params(v, "alice", 1, nonce=v.now - 10_000 * SECOND), 13009, "nonce_too_old"),
    ("new nonce", lambda v: order_params(v, "alice", 1, nonce=v.now + 10_000 * SECOND), 13009, "nonce_too_new"),
    ("no margin", lambda v: order_params(v, "bob", 2, amount="1"), 10009, "not_enough_margin"),
    ("GTD without an end", signed(time_in_force="good_til_date"), 11043, "invalid_valid_until"),
    ("post-only market order", signed(type="market", post_only=True), 11047, "invalid_flags"),
    ("reduce-only without a position", signed(reduce_only=True), 11030, "nothing_to_reduce"),
    ("fill-or-kill into an empty book", signed(time_in_force="fill_or_kill"), 11030, "fill_or_kill"),
]


@pytest.mark.parametrize(
    ("spoil", "code", "reason"), [row[1:] for row in BAD_ORDERS], ids=[row[0] for row in BAD_ORDERS]
)
@pytest.mark.parametrize("transport", ["websocket", "get"])
def test_bad_orders(
    rich: TestVenue, socket: ClientConnection, transport: str, spoil: Spoil, code: int, reason: str
) -> None:
    params = spoil(rich)
    before = rich.sequence
    if transport == "websocket":
        reply = ask(socket, request("private/buy", params))
    else:
        texts = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in params.items()}
        reply = rich.http.get("/api/v2/private/buy", params=texts).json()
    assert "error" in reply, reply
    assert reply["error"]["code"] == code, reply
    if reason:
        assert reply["error"]["data"]["reason"] == reason
    assert rich.sequence == before


@pytest.mark.parametrize("missing", ["signature", "signer", "nonce", "signature_expiry", "max_fee", "price", "amount"])
def test_order_without_a_field(rich: TestVenue, missing: str) -> None:
    params = order_params(rich, "alice", 1)
    del params[missing]
    with pytest.raises(VenueError) as refused:
        rich.call("private/buy", **params)
    assert (refused.value.code, refused.value.error["data"]["param"]) == (-32602, missing)


def test_bad_signature_names_hash_and_recovered_signer(rich: TestVenue) -> None:
    params = order_params(rich, "alice", 1)
    stages = rich.call("public/debug_order_hash", direction="buy", **params)
    assert stages["valid"]
    assert stages["recovered"] == params["signer"]
    spoiled = params | {"amount": "0.3"}
    stages = rich.call("public/debug_order_hash", direction="buy", **spoiled)
    assert not stages["valid"]
    with pytest.raises(VenueError) as refused:
        rich.call("private/buy", **spoiled)
    detail = refused.value.error["data"]["detail"]
    assert stages["digest"] in detail, detail
    assert stages["recovered"] in detail, detail


def test_replayed_order_places_nothing(rich: TestVenue) -> None:
    params = order_params(rich, "alice", 1)
    first = rich.call("private/buy", **params)
    before = rich.sequence
    with pytest.raises(VenueError) as refused:
        rich.call("private/buy", **params)
    assert (refused.value.code, refused.value.reason) == (13009, "nonce_used")
    with pytest.raises(VenueError) as refused:
        rich.call("private/sell", **params)
    assert refused.value.reason == "invalid_signature", "a buy's signature is not a sell's"
    assert rich.sequence == before == first["sequence"]


def test_post_only_and_modes(rich: TestVenue) -> None:
    offer = rich.call("private/sell", **order_params(rich, "alice", 1, Side.SELL, price="2500"))
    with pytest.raises(VenueError) as refused:
        rich.call("private/buy", **order_params(rich, "alice", 1, price="2500", post_only=True, reject_post_only=True))
    assert (refused.value.code, refused.value.reason) == (11054, "post_only_would_trade")
    rich.set_mode(1, Mode.HALT)
    try:
        with pytest.raises(VenueError) as refused:
            rich.call("private/buy", **order_params(rich, "alice", 1))
        assert (refused.value.code, refused.value.reason) == (10019, "mode")
    finally:
        rich.set_mode(1, Mode.NORMAL)
    assert offer["order"]["order_state"] == "open"


def test_cancel_by_strangers(rich: TestVenue) -> None:
    order = rich.call("private/buy", **order_params(rich, "alice", 1))["order"]["order_id"]
    before = rich.sequence
    for order_id, code in [(order, 13009), ("12345678", 10004), ("abc", 10025), ("-1", 10025), ("9" * 30, 10025)]:
        with pytest.raises(VenueError) as refused:
            rich.call("private/cancel", order_id=order_id)
        assert refused.value.code == code
    bob = secret("bob")
    nonce, expiry = fresh_nonce(rich), rich.now + SECOND * 60
    from synchromesh.protocol import sign

    digest = rich.domain.cancel(subaccount=1, order=int(order), nonce=nonce, expiry=expiry, signer=address_of(bob))
    with pytest.raises(VenueError) as refused:
        rich.call(
            "private/cancel",
            order_id=order,
            signer=address_of(bob).hex(),
            nonce=nonce,
            signature_expiry=expiry,
            signature=sign(digest, bob).hex(),
        )
    assert refused.value.reason == "not_authorized"
    assert rich.sequence == before


def test_http_oddities(rich: TestVenue) -> None:
    for url, code in [
        ("/api/v2/public/nonsense", -32601),
        ("/api/v2/public/ticker?instrument_name=a&instrument_name=b", -32700),
        ("/api/v2/public/subscribe?channels=book", -32602),
        ("/api/v2/public/set_heartbeat?interval=10", 10030),
    ]:
        assert rich.http.get(url).json()["error"]["code"] == code, url
    body = {"jsonrpc": "2.0", "id": 1, "method": "public/test", "params": {}}
    assert rich.http.post("/api/v2/public/get_time", json=body).json()["error"]["code"] == -32600
    assert rich.http.get("/api/v2/private/get_positions", headers={"Authorization": "Bearer x.y"}).status_code == 401
    assert rich.http.get("/api/v2/private/get_positions", headers={"Authorization": "Basic x"}).status_code == 401
    assert rich.http.get(f"/api/v2/public/ticker?instrument_name={PERPETUAL}").json()["result"]["state"] == "open"
