"""A key and what it signs: logins, orders and owner actions."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from synchromesh.client.login import LoginMessage
from synchromesh.clock import SECOND, VenueClock
from synchromesh.protocol import (
    OrderType,
    PostOnly,
    SelfTrade,
    Side,
    TimeInForce,
    TypedDomain,
    address_of,
    personal_digest,
    sign,
)

LOGIN_SECONDS = 86_400
"""Life of a login in real seconds."""
SIGNATURE_SECONDS = 3_600
"""Life of a signed action in real seconds."""


class Signer:
    """A secret key that acts on one venue.

    Parameters
    ----------
    secret
        The key, 32 bytes: an owner's own or a session key.
    domain
        The venue's signing domain.
    clock
        The venue's clock; trading nonces come from it.
    """

    def __init__(self, secret: bytes, domain: TypedDomain, clock: VenueClock) -> None:
        self._secret = secret
        self._domain = domain
        self._clock = clock
        self._nonce = 0
        self.address = address_of(secret)
        self._signer = "0x" + self.address.hex()

    def nonce(self) -> int:
        """A trading nonce: venue time, and never the same twice."""
        self._nonce = max(self._nonce + 1, self._clock.now_ns())
        return self._nonce

    def expiry(self) -> int:
        """When a signature made now ends, venue ns."""
        return self._clock.now_ns() + int(SIGNATURE_SECONDS * max(1.0, self._clock.speed)) * SECOND

    def _signed(self, digest: Callable[..., bytes], nonce: int, **fields: Any) -> dict[str, Any]:
        expiry = self.expiry()
        return self._fields(digest(nonce=nonce, expiry=expiry, signer=self.address, **fields), nonce, expiry)

    def _fields(self, digest: bytes, nonce: int, expiry: int) -> dict[str, Any]:
        # Texts, because a nonce has more digits than a JavaScript number.
        return {
            "signer": self._signer,
            "nonce": str(nonce),
            "signature_expiry": str(expiry),
            "signature": "0x" + sign(digest, self._secret).hex(),
        }

    def login(self, login_domain: str) -> dict[str, str]:
        """Parameters of ``public/auth`` for a login of this key."""
        now = self._clock.now_ns() // 1000 * 1000
        life = int(min(LOGIN_SECONDS * max(1.0, self._clock.speed), 30 * 86_400)) * SECOND
        message = LoginMessage(
            domain=login_domain,
            address=self.address,
            uri=f"https://{login_domain}/",
            chain_id=self._domain.chain_id,
            nonce=secrets.token_hex(16),
            issued_at=now,
            expiration=now + life,
            statement="Log in to Synchromesh.",
        ).text()
        signature = sign(personal_digest(message.encode()), self._secret)
        return {"grant_type": "signature", "message": message, "signature": "0x" + signature.hex()}

    def order(
        self,
        *,
        subaccount: int,
        instrument: str,
        side: Side,
        amount: int,
        limit_price: int,
        order_type: OrderType,
        time_in_force: TimeInForce,
        valid_until: int,
        post_only: PostOnly,
        reduce_only: bool,
        self_trade: SelfTrade,
        max_fee: int,
        client_id: str,
    ) -> dict[str, Any]:
        """Signature fields of an order; integers as they are signed."""
        return self._signed(
            self._domain.order,
            self.nonce(),
            subaccount=subaccount,
            instrument=instrument,
            side=side,
            amount=amount,
            limit_price=limit_price,
            order_type=order_type,
            time_in_force=time_in_force,
            valid_until=valid_until,
            post_only=post_only,
            reduce_only=reduce_only,
            self_trade=self_trade,
            max_fee=max_fee,
            client_id=client_id,
        )

    def replace(self, **fields: Any) -> dict[str, Any]:
        """Signature fields of an edit; arguments as of `TypedDomain.replace`."""
        return self._signed(self._domain.replace, self.nonce(), **fields)

    def cancel(self, **fields: Any) -> dict[str, Any]:
        """Signature fields of a cancel; arguments as of `TypedDomain.cancel`."""
        return self._signed(self._domain.cancel, self.nonce(), **fields)

    def cancel_all(self, **fields: Any) -> dict[str, Any]:
        """Signature fields of a cancel-all; arguments as of `TypedDomain.cancel_all`."""
        return self._signed(self._domain.cancel_all, self.nonce(), **fields)

    def raise_nonce_floor(self, floor: int) -> dict[str, Any]:
        """Signature fields of a nonce floor."""
        return self._signed(self._domain.raise_nonce_floor, self.nonce(), floor=floor)

    def withdraw(self, nonce: int, **fields: Any) -> dict[str, Any]:
        """Signature fields of a withdrawal with an owner nonce; arguments as of `TypedDomain.withdraw`."""
        return self._signed(self._domain.withdraw, nonce, **fields)

    def transfer(self, nonce: int, **fields: Any) -> dict[str, Any]:
        """Signature fields of a transfer with an owner nonce; arguments as of `TypedDomain.transfer`."""
        return self._signed(self._domain.transfer, nonce, **fields)

    def set_margin_model(self, nonce: int, **fields: Any) -> dict[str, Any]:
        """Signature fields of a margin model with an owner nonce; arguments as of `TypedDomain.set_margin_model`."""
        return self._signed(self._domain.set_margin_model, nonce, **fields)

    def fund_insurance(self, nonce: int, **fields: Any) -> dict[str, Any]:
        """Signature fields of a gift to the insurance fund; arguments as of `TypedDomain.fund_insurance`."""
        return self._signed(self._domain.fund_insurance, nonce, **fields)

    def liquidation_bid(self, **fields: Any) -> dict[str, Any]:
        """Signature fields of a bid for an auctioned portfolio; arguments as of `TypedDomain.liquidation_bid`."""
        return self._signed(self._domain.liquidation_bid, self.nonce(), **fields)

    def create_subaccount(self, nonce: int) -> dict[str, Any]:
        """Signature fields of a new subaccount with an owner nonce."""
        return self._signed(self._domain.create_subaccount, nonce)

    def register_session_key(self, nonce: int, secret: bytes, **fields: Any) -> dict[str, Any]:
        """Signature fields of a session key with an owner nonce, and the consent of the key, whose secret this is.

        Other arguments as of `TypedDomain.register_session_key`.
        """
        expiry = self.expiry()
        digest = self._domain.register_session_key(
            key=address_of(secret), nonce=nonce, expiry=expiry, signer=self.address, **fields
        )
        return self._fields(digest, nonce, expiry) | {"consent": "0x" + sign(digest, secret).hex()}

    def revoke_session_key(self, nonce: int, key: bytes) -> dict[str, Any]:
        """Signature fields of a revocation with an owner nonce."""
        return self._signed(self._domain.revoke_session_key, nonce, key=key)
