"""Order requests by hand: every field and its signature, so that a test can spoil one of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from support.venue import CALL, TestVenue, secret
from synchromesh.client.units import units
from synchromesh.clock import SECOND
from synchromesh.protocol import (
    OrderType,
    PostOnly,
    SelfTrade,
    Side,
    TimeInForce,
    address_of,
    sign,
)

_last_nonce = 0


def fresh_nonce(venue: TestVenue) -> int:
    """A trading nonce that no test used."""
    global _last_nonce
    _last_nonce = max(_last_nonce + 1, venue.now)
    return _last_nonce


def order_params(venue: TestVenue, who: str, subaccount: int, side: Side = Side.BUY, **changes: Any) -> dict[str, Any]:
    """Parameters of ``private/buy`` or ``sell``, signed after ``changes`` were made to them."""
    key = secret(who)
    params: dict[str, Any] = {
        "subaccount_id": subaccount,
        "instrument_name": CALL,
        "amount": "0.1",
        "price": "1500",
        "type": "limit",
        "time_in_force": "good_til_cancelled",
        "valid_until": 0,
        "post_only": False,
        "reject_post_only": False,
        "reduce_only": False,
        "self_trade": "cancel_newest",
        "max_fee": "100",
        "client_order_id": "",
        "signer": "0x" + address_of(key).hex(),
        "nonce": str(fresh_nonce(venue)),
        "signature_expiry": str(venue.now + 3600 * SECOND),
    }
    params |= changes
    post = PostOnly.NO
    if params["post_only"]:
        post = PostOnly.REJECT if params["reject_post_only"] else PostOnly.SLIDE
    digest = venue.domain.order(
        subaccount=params["subaccount_id"],
        instrument=params["instrument_name"],
        side=side,
        amount=units(Decimal(params["amount"]), 8),
        limit_price=units(Decimal(params["price"]), 6),
        order_type=OrderType.from_word(params["type"]),
        time_in_force=TimeInForce.from_word(params["time_in_force"]),
        valid_until=params["valid_until"],
        post_only=post,
        reduce_only=params["reduce_only"],
        self_trade=SelfTrade.from_word(params["self_trade"]),
        max_fee=units(Decimal(params["max_fee"]), 6),
        client_id=params["client_order_id"],
        nonce=int(params["nonce"]),
        expiry=int(params["signature_expiry"]),
        signer=bytes.fromhex(params["signer"][2:]),
    )
    params.setdefault("signature", "0x" + sign(digest, key).hex())
    return params
