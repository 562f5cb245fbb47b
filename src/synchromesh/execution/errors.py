"""Errors of the API: the dialect's codes, and which of them each refusal of the engine becomes."""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class ErrorCode(IntEnum):
    """Codes as clients of the dialect map them; the message is the name in lower case unless given below."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    ORDER_NOT_FOUND = 10004
    NOT_ENOUGH_FUNDS = 10009
    ALREADY_CLOSED = 10010
    PRICE_NOT_ALLOWED = 10011
    BOOK_CLOSED = 10012
    MAX_OPEN_ORDERS = 10013
    LOCKED_BY_ADMIN = 10019
    INVALID_AMOUNT = 10021
    INVALID_PRICE = 10023
    INVALID_ORDER_ID = 10025
    PRICE_PRECISION_EXCEEDED = 10026
    TOO_MANY_REQUESTS = 10028
    MUST_BE_WEBSOCKET_REQUEST = 10030
    RETRY = 10040
    PRICE_WRONG_TICK = 10043
    MATCHING_ENGINE_QUEUE_FULL = 10047
    ALREADY_FILLED = 11008
    OTHER_REJECT = 11030
    PERMISSION_DENIED = 11042
    BAD_ARGUMENT = 11043
    UNSUPPORTED_ARG_COMBINATION = 11047
    SUBSCRIBE_ERROR = 11052
    POST_ONLY_REJECT = 11054
    INTERNAL_SERVER_ERROR = 11094
    TOO_MANY_SUBACCOUNTS = 12001
    TRANSFER_NOT_ALLOWED = 12100
    INVALID_CREDENTIALS = 13004
    UNAUTHORIZED = 13009
    NOT_FOUND = 13020
    FORBIDDEN = 13021


_MESSAGES = {
    ErrorCode.PARSE_ERROR: "Parse error",
    ErrorCode.INVALID_REQUEST: "Invalid request",
    ErrorCode.METHOD_NOT_FOUND: "Method not found",
    ErrorCode.INVALID_PARAMS: "Invalid params",
}


class ApiError(Exception):
    """A request that is refused.

    Parameters
    ----------
    code
        The dialect's code.
    reason
        A stable word for programs.
    detail
        What happened, for people.
    data
        More fields of the error's ``data``.
    """

    def __init__(self, code: ErrorCode, reason: str, detail: str = "", **data: Any) -> None:
        super().__init__(detail or reason)
        self.code = code
        self.reason = reason
        self.detail = detail
        self.data = data

    def body(self) -> dict[str, Any]:
        """The ``error`` member of the reply."""
        data: dict[str, Any] = {"reason": self.reason}
        if self.detail:
            data["detail"] = self.detail
        message = _MESSAGES.get(self.code, self.code.name.lower())
        return {"code": int(self.code), "message": message, "data": data | self.data}


def invalid_param(param: str, detail: str) -> ApiError:
    """The error of a parameter that is missing, of the wrong type or out of range."""
    return ApiError(ErrorCode.INVALID_PARAMS, "invalid_param", detail, param=param)


_CODES = {
    ErrorCode.ORDER_NOT_FOUND: ["unknown_order"],
    ErrorCode.NOT_ENOUGH_FUNDS: ["not_enough_margin", "insufficient_funds", "margin_model_refused"],
    ErrorCode.ALREADY_CLOSED: ["order_expired"],
    ErrorCode.ALREADY_FILLED: ["amount_below_filled"],
    ErrorCode.PRICE_NOT_ALLOWED: ["price_band", "bid_limit"],
    ErrorCode.BOOK_CLOSED: ["instrument_not_open"],
    ErrorCode.MAX_OPEN_ORDERS: ["too_many_orders"],
    ErrorCode.LOCKED_BY_ADMIN: ["mode"],
    ErrorCode.INVALID_AMOUNT: ["invalid_amount", "amount_not_positive"],
    ErrorCode.PRICE_WRONG_TICK: ["invalid_price"],
    ErrorCode.RETRY: [
        "no_mark",
        "stale_mark",
        "few_sources",
        "low_confidence",
        "no_underlying_mark",
        "liquidation_frozen",
    ],
    ErrorCode.PERMISSION_DENIED: ["close_only", "in_liquidation"],
    ErrorCode.BAD_ARGUMENT: [
        "malformed",
        "unknown_name",
        "unknown_subaccount",
        "unknown_asset",
        "unknown_underlying",
        "invalid_valid_until",
        "invalid_recipient",
        "invalid_key",
        "key_taken",
        "no_scopes",
        "key_expiry_past",
        "key_not_registered",
        "floor_not_raised",
        "risk_range",
        "risk_conflict",
        "effective_too_early",
        "bid_share",
        "own_portfolio",
    ],
    ErrorCode.UNSUPPORTED_ARG_COMBINATION: ["invalid_flags", "no_lanes"],
    ErrorCode.POST_ONLY_REJECT: ["post_only_would_trade"],
    ErrorCode.INTERNAL_SERVER_ERROR: ["overflow", "journal", "not_open", "wrong_sequence", "closed"],
    ErrorCode.MATCHING_ENGINE_QUEUE_FULL: ["queue_full"],
    ErrorCode.TOO_MANY_SUBACCOUNTS: ["too_many_subaccounts"],
    ErrorCode.TRANSFER_NOT_ALLOWED: ["same_subaccount"],
    ErrorCode.NOT_FOUND: ["unknown_instrument"],
    ErrorCode.FORBIDDEN: ["scope_missing", "key_not_for_subaccount", "foreign_subaccount"],
    ErrorCode.UNAUTHORIZED: [
        "invalid_signature",
        "signature_expired",
        "not_authorized",
        "key_revoked",
        "key_expired",
        "unknown_signer",
        "nonce_below_floor",
        "nonce_too_old",
        "nonce_too_new",
        "nonce_used",
        "nonce_below_window",
        "wrong_owner_nonce",
        "wrong_admin_nonce",
        "quorum_missing",
        "not_administrator",
        "not_oracle",
    ],
}
_CODE_OF = {reason: code for code, reasons in _CODES.items() for reason in reasons}


def refusal(reason: str, detail: str, **data: Any) -> ApiError:
    """The error of a command that the engine or the host refused."""
    return ApiError(_CODE_OF.get(reason, ErrorCode.OTHER_REJECT), reason, detail, **data)
