"""Who is asking: signed logins, access tokens, read-only client credentials.

Tokens and credentials carry what they say, sealed with a key of the gateway, so that they outlive a restart. A session
key that was revoked or died loses its tokens at once: every use looks the key up.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

import msgspec

from synchromesh._native import Host
from synchromesh.client.login import LoginMessage, LoginMessageError
from synchromesh.clock import SECOND, VenueClock
from synchromesh.execution.errors import ApiError, ErrorCode
from synchromesh.protocol import SCOPE_CANCEL, SCOPE_TRADE, SignatureError, personal_digest, recover

LOGIN_MAX_NS = 30 * 86_400 * SECOND
"""Longest life of a login, and of what is derived from it."""
_SKEW_NS = 60 * SECOND
_HMAC_SKEW_MS = 300_000
_ALL_SCOPES = 15
_NONCES_MAX = 100_000


class Principal(msgspec.Struct, frozen=True):
    """Whom a session acts for.

    Attributes
    ----------
    signer
        The key that logged in: the owner's own or a session key.
    owner
        The owner.
    expiry
        Venue time at which the login ends, ns.
    write
        Whether unsigned actions (cancels) are allowed; credentials are read-only.
    """

    signer: bytes
    owner: bytes
    expiry: int
    write: bool


class Login(msgspec.Struct, frozen=True):
    """What a login yields."""

    principal: Principal
    token: str
    client_id: str
    client_secret: str


class Authority(msgspec.Struct, frozen=True):
    """What a principal may do right now; an empty ``only`` means all subaccounts of the owner."""

    scopes: int
    only: tuple[int, ...] = ()


def unauthorized(reason: str, detail: str) -> ApiError:
    """The error of a missing, wrong or expired authorization."""
    return ApiError(ErrorCode.UNAUTHORIZED, reason, detail)


def invalid_credentials(detail: str) -> ApiError:
    """The error of a login that proves nothing."""
    return ApiError(ErrorCode.INVALID_CREDENTIALS, "invalid_credentials", detail)


class Authenticator:
    """Checks logins and what is derived from them.

    Parameters
    ----------
    host
        Knows the session keys.
    clock
        Venue time.
    secret
        The gateway's key.
    domain
        The domain that a login must name.
    chain_id
        The chain id that a login must name.
    """

    def __init__(self, host: Host, clock: VenueClock, secret: bytes, domain: str, chain_id: int) -> None:
        self._host = host
        self._clock = clock
        self._secret = secret
        self._domain = domain
        self._chain_id = chain_id
        # Used login nonces are kept in memory only, so a login issued before this process is refused.
        self._started = clock.now_ns()
        self._nonces: dict[tuple[bytes, str], int] = {}

    # Logins

    def login(self, text: str, signature: bytes) -> Login:
        """The login that a signed message proves; `ApiError` 13004 says what is wrong with it."""
        try:
            message = LoginMessage.parse(text)
        except LoginMessageError as error:
            raise invalid_credentials(f"no login message: {error}") from None
        digest = personal_digest(text.encode())
        try:
            signer = recover(digest, signature)
        except SignatureError as error:
            raise invalid_credentials(f"hash 0x{digest.hex()}: {error}") from None
        if signer != message.address:
            raise ApiError(
                ErrorCode.INVALID_CREDENTIALS,
                "invalid_credentials",
                "the message was signed by somebody else",
                hash="0x" + digest.hex(),
                recovered="0x" + signer.hex(),
                claimed="0x" + message.address.hex(),
            )
        self._check_message(message)
        return self._issue(Principal(signer, self._owner_of(signer), message.expiration, True))

    def _check_message(self, message: LoginMessage) -> None:
        now = self._clock.now_ns()
        skew = int(_SKEW_NS * max(1.0, self._clock.speed))
        if message.domain != self._domain:
            raise invalid_credentials(f"the login is for {message.domain!r}, this is {self._domain!r}")
        if message.chain_id != self._chain_id:
            raise invalid_credentials(f"the login names chain {message.chain_id}, this is {self._chain_id}")
        if message.issued_at > now + skew:
            raise invalid_credentials("the login was issued in the future")
        if message.issued_at < self._started:
            raise invalid_credentials("the login was issued before the gateway started: sign a new one")
        if not now < message.expiration <= message.issued_at + LOGIN_MAX_NS:
            raise invalid_credentials("the login has expired, or lives longer than 30 days")
        if (message.address, message.nonce) in self._nonces:
            raise invalid_credentials("the login was used before")
        if len(self._nonces) >= _NONCES_MAX:
            self._nonces = {use: expiry for use, expiry in self._nonces.items() if expiry > now}
        if len(self._nonces) >= _NONCES_MAX:
            raise ApiError(ErrorCode.TOO_MANY_REQUESTS, "too_many_logins", "too many live logins")
        self._nonces[message.address, message.nonce] = message.expiration

    def _owner_of(self, signer: bytes) -> bytes:
        key = self._host.key(signer)
        return signer if key is None else key[0]

    def _issue(self, principal: Principal) -> Login:
        readonly = msgspec.structs.replace(principal, write=False)
        client_id = _seal_text(readonly)
        return Login(principal, self._sealed(principal), client_id, self._mac(b"credential", client_id))

    def refresh(self, token: str) -> Login:
        """A new token for a live one; `ApiError` 13009 when it is not."""
        return self._issue(self.bearer(token))

    # Tokens and credentials

    def bearer(self, token: str) -> Principal:
        """Whom an access token speaks for; `ApiError` 13009 when it is not valid now."""
        payload, _, mac = token.partition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(b"token", payload).encode()):
            raise unauthorized("invalid_token", "the access token is not ours")
        return self._live(_open_text(payload))

    def credentials(self, client_id: str, client_secret: str) -> Login:
        """A read-only login; `ApiError` 13004 when the secret does not fit the id."""
        if not hmac.compare_digest(client_secret.encode(), self._mac(b"credential", client_id).encode()):
            raise invalid_credentials("client_secret does not fit client_id")
        return self._issue(self._live(_open_text(client_id)))

    def client_signature(self, client_id: str, timestamp: str, nonce: str, data: str, signature: str) -> Login:
        """A read-only login by HMAC over ``timestamp\\nnonce\\ndata``; `ApiError` 13004."""
        self._check_hmac(client_id, timestamp, f"{timestamp}\n{nonce}\n{data}", signature)
        return self._issue(self._live(_open_text(client_id)))

    def header(self, value: str, method: str, target: str, body: str) -> Principal:
        """Whom an ``Authorization`` header speaks for; `ApiError` 13004 or 13009."""
        scheme, _, rest = value.partition(" ")
        if scheme.lower() == "bearer":
            return self.bearer(rest.strip())
        if scheme.lower() != "deri-hmac-sha256":
            raise unauthorized("unknown_scheme", f"authorization scheme {scheme!r} is not known")
        fields = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
        missing = {"id", "ts", "sig", "nonce"} - fields.keys()
        if missing:
            raise unauthorized("invalid_header", f"the header lacks {', '.join(sorted(missing))}")
        signed = f"{fields['ts']}\n{fields['nonce']}\n{method}\n{target}\n{body}\n"
        self._check_hmac(fields["id"], fields["ts"], signed, fields["sig"])
        return self._live(_open_text(fields["id"]))

    def _check_hmac(self, client_id: str, timestamp: str, signed: str, signature: str) -> None:
        secret = self._mac(b"credential", client_id)
        expected = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature.lower().encode(), expected.encode()):
            raise invalid_credentials("the HMAC does not fit")
        # Unmodified clients stamp real time, whatever the venue's clock shows.
        if not timestamp.isdigit() or abs(int(timestamp) - time.time_ns() // 1_000_000) > _HMAC_SKEW_MS:
            raise invalid_credentials("the timestamp is not within five minutes of real time")

    # Authority

    def _live(self, principal: Principal) -> Principal:
        self.authority(principal)
        return principal

    def authority(self, principal: Principal) -> Authority:
        """What a principal may do now; `ApiError` 13009 when its login or its key has ended."""
        now = self._clock.now_ns()
        if now >= principal.expiry:
            raise unauthorized("login_expired", "the login has expired")
        if principal.signer == principal.owner:
            return Authority(_ALL_SCOPES)
        key = self._host.key(principal.signer)
        if key is None or key[0] != principal.owner:
            raise unauthorized("key_revoked", "the session key was revoked")
        _, scopes, only, expiry = key
        if now >= expiry:
            raise unauthorized("key_expired", "the session key has died")
        return Authority(scopes, tuple(only))

    def subaccounts(self, principal: Principal) -> list[int]:
        """Subaccounts that a principal sees, ascending; `ApiError` 13009 as `authority`."""
        only = self.authority(principal).only
        owned = self._host.subaccounts_of(principal.owner)
        return [subaccount for subaccount in owned if not only or subaccount in only]

    def check_cancel(self, principal: Principal, subaccount: int) -> None:
        """Succeed when a principal may cancel without a signature; `ApiError` 13009 or 13021."""
        if not principal.write:
            raise ApiError(ErrorCode.FORBIDDEN, "read_only", "credentials are read-only: log in with a signature")
        if not self.authority(principal).scopes & (SCOPE_TRADE | SCOPE_CANCEL):
            raise ApiError(ErrorCode.FORBIDDEN, "scope_missing", "the session key may not cancel")
        if subaccount not in self.subaccounts(principal):
            raise ApiError(ErrorCode.FORBIDDEN, "foreign_subaccount", f"subaccount {subaccount} is not yours")

    # Sealing

    def _mac(self, purpose: bytes, payload: str) -> str:
        return hmac.new(self._secret, purpose + b"\n" + payload.encode(), hashlib.sha256).hexdigest()

    def _sealed(self, principal: Principal) -> str:
        payload = _seal_text(principal)
        return f"{payload}.{self._mac(b'token', payload)}"


def _seal_text(principal: Principal) -> str:
    packed = principal.signer + principal.owner + principal.expiry.to_bytes(8) + bytes([principal.write])
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _open_text(payload: str) -> Principal:
    try:
        packed = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    except ValueError:
        raise unauthorized("invalid_token", "the token is not ours") from None
    if len(packed) != 49:
        raise unauthorized("invalid_token", "the token is not ours")
    return Principal(packed[:20], packed[20:40], int.from_bytes(packed[40:48]), packed[48] == 1)
