"""Requests as they arrive: JSON read strictly, parameters typed, replies in the dialect's envelope."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

import msgspec

from synchromesh.execution.errors import ApiError, ErrorCode, invalid_param

Params = TypeVar("Params", bound=msgspec.Struct)


class Request(msgspec.Struct):
    """One request."""

    id: int | str | None
    method: str
    params: dict[str, Any]


class _Refused(ValueError):
    """JSON that is well formed for others, not for us."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Refused(f"member {next(name for name in names if names.count(name) > 1)!r} occurs twice")
    return members


def _constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=Decimal, parse_constant=_constant)
_FAST = msgspec.json.Decoder(float_hook=Decimal)
_NESTING = frozenset("[{")


def decode_json(data: bytes, depth_max: int) -> Any:
    """The document in ``data``, fractions as `Decimal`.

    `ApiError` -32700 when it is not UTF-8 JSON, nests deeper than ``depth_max`` or names a member twice.
    """
    brackets = data.count(b"{") + data.count(b"[")
    if brackets <= depth_max:
        try:
            fast = _FAST.decode(data)
        except (ValueError, ArithmeticError):
            pass  # the strict decoder says what is wrong
        else:
            # As many colons as members: none stands in a text, so no member was named twice.
            if data.count(b":") == _count_members(fast):
                return fast
    return _decode_strictly(data, depth_max)


def _count_members(document: Any) -> int:
    if isinstance(document, dict):
        return len(document) + sum(map(_count_members, document.values()))
    if isinstance(document, list):
        return sum(map(_count_members, document))
    return 0


def _decode_strictly(data: bytes, depth_max: int) -> Any:
    try:
        document = data.decode()
        if sum(map(document.count, _NESTING)) > depth_max:
            _check_depth(document, depth_max)
        decoded = _DECODER.decode(document)
        if "\\u" in document:
            # An escaped half of a surrogate pair is no text: no reply could quote it.
            json.dumps(decoded, ensure_ascii=False, default=str).encode()
        return decoded
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise ApiError(ErrorCode.PARSE_ERROR, "parse_error", str(error)) from None


def _check_depth(document: str, depth_max: int) -> None:
    depth, quoted, escaped = 0, False, False
    for character in document:
        if quoted:
            quoted, escaped = (character != '"' or escaped), (character == "\\" and not escaped)
        elif character == '"':
            quoted = True
        elif character in "[{":
            depth += 1
            if depth > depth_max:
                raise _Refused(f"nested deeper than {depth_max}")
        elif character in "]}":
            depth -= 1


def parse_request(document: Any) -> Request:
    """The request that a JSON document is; `ApiError` -32600 when it is none."""
    if not isinstance(document, dict):
        raise ApiError(ErrorCode.INVALID_REQUEST, "invalid_request", "a request is a JSON object")
    identity = document.get("id")
    if identity is not None and request_id(document) is None:
        raise ApiError(ErrorCode.INVALID_REQUEST, "invalid_request", "id is a string or an integer of 64 bits")
    if document.get("jsonrpc", "2.0") != "2.0":
        raise ApiError(ErrorCode.INVALID_REQUEST, "invalid_request", 'jsonrpc is "2.0"')
    method = document.get("method")
    if not isinstance(method, str):
        raise ApiError(ErrorCode.INVALID_REQUEST, "invalid_request", "method is a string")
    params = document.get("params")
    if params is None:
        params = {}
    if not isinstance(params, dict):
        raise invalid_param("params", "params is an object")
    return Request(identity, method, params)


def request_id(document: Any) -> int | str | None:
    """The id to answer a refused document with."""
    identity = document.get("id") if isinstance(document, dict) else None
    if isinstance(identity, bool):
        return None
    if isinstance(identity, int):
        return identity if abs(identity) < 1 << 63 else None
    return identity if isinstance(identity, str) else None


def typed(params: dict[str, Any], kind: type[Params]) -> Params:
    """``params`` as ``kind``; numbers and flags may be texts. `ApiError` -32602 names the one that does not fit."""
    try:
        return msgspec.convert(params, kind, strict=False)
    except msgspec.ValidationError as error:
        message = str(error)
        raise invalid_param(_param_name(message), message) from None


def _param_name(message: str) -> str:
    if "`$." in message:
        return message.split("`$.")[1].rstrip("`")
    quoted = message.split("`")
    return quoted[1] if len(quoted) > 1 else ""


_encode = msgspec.json.Encoder().encode


def micros() -> int:
    """Real time, µs since the Unix epoch."""
    return time.time_ns() // 1000


def reply(identity: int | str | None, result: Any, received: int, testnet: bool) -> bytes:
    """The envelope of a result; ``received`` is when the request came, µs."""
    return _envelope(identity, b"result", result, received, testnet)


def refused(identity: int | str | None, error: ApiError, received: int, testnet: bool) -> bytes:
    """The envelope of an error."""
    return _envelope(identity, b"error", error.body(), received, testnet)


def _envelope(identity: int | str | None, member: bytes, body: Any, received: int, testnet: bool) -> bytes:
    encoded = _encode(body)
    now = micros()
    # An absent id is 0 in the reply: some clients insist on an integer.
    return b'{"jsonrpc":"2.0","id":%b,"%b":%b,"usIn":%d,"usOut":%d,"usDiff":%d,"testnet":%b}' % (
        _encode(0 if identity is None else identity),
        member,
        encoded,
        received,
        now,
        now - received,
        b"true" if testnet else b"false",
    )


def notification(channel: str, data: Any) -> bytes:
    """A push of a channel."""
    return b'{"jsonrpc":"2.0","method":"subscription","params":{"channel":%b,"data":%b}}' % (
        _encode(channel),
        _encode(data),
    )


def heartbeat(kind: str) -> bytes:
    """A heartbeat of the connection."""
    return b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":%b}}' % _encode(kind)
