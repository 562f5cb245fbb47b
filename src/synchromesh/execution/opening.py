"""Which channel a name names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from synchromesh.execution.chains import ChainChannel, GreeksChannel, RawChainChannel
from synchromesh.execution.channels import (
    INTERVALS,
    BookChannel,
    Channel,
    DepthChannel,
    Filter,
    LiquidationsChannel,
    MarkPricesChannel,
    PlatformStateChannel,
    PriceIndexChannel,
    QuoteChannel,
    RiskChannel,
    TickerChannel,
    TradesChannel,
)
from synchromesh.execution.errors import ApiError, ErrorCode
from synchromesh.execution.session import Session
from synchromesh.execution.user_channels import (
    MarginCallsChannel,
    PortfolioChannel,
    UserOrdersChannel,
    UserTradesChannel,
)

if TYPE_CHECKING:
    from synchromesh.execution.gateway import Gateway

DEPTHS = (1, 10, 20)
"""Depths of the grouped book channel."""


def subscribe_error(name: str, why: str) -> ApiError:
    """The error of a channel that cannot be subscribed to."""
    return ApiError(ErrorCode.SUBSCRIBE_ERROR, "invalid_channel", f"channel {name!r}: {why}", channel=name)


def interval_of(name: str, word: str) -> str:
    """A channel's interval; `ApiError` 11052 when there is no such interval."""
    if word not in INTERVALS:
        raise subscribe_error(name, f"interval is one of {', '.join(INTERVALS)}")
    return word


def currency_of(gateway: Gateway, name: str, word: str) -> int:
    """The underlying of a channel for one currency; `ApiError` 11052 when there is no such underlying."""
    underlying = gateway.catalog.underlying_ids.get(word)
    if underlying is None:
        raise subscribe_error(name, f"currency is one of {', '.join(gateway.catalog.underlying_ids)}")
    return underlying


def open_channel(gateway: Gateway, name: str, session: Session) -> Channel:
    """A new channel called ``name``; `ApiError` when there is none, or the session may not see it."""
    words = name.split(".")
    match words:
        case ["book", instrument, interval]:
            spec = gateway.catalog.named(instrument)
            return BookChannel(gateway, name, interval_of(name, interval), spec.instrument)
        case ["book", instrument, "none", depth, interval]:
            if not depth.isdigit() or int(depth) not in DEPTHS:
                raise subscribe_error(name, f"depth is one of {', '.join(map(str, DEPTHS))}")
            spec = gateway.catalog.named(instrument)
            return DepthChannel(gateway, name, interval_of(name, interval), spec.instrument, int(depth))
        case ["ticker", instrument, interval]:
            spec = gateway.catalog.named(instrument)
            return TickerChannel(gateway, name, interval_of(name, interval), spec.instrument)
        case ["quote", instrument]:
            return QuoteChannel(gateway, name, "raw", gateway.catalog.named(instrument).instrument)
        case ["trades", *selected, interval] if len(selected) in (1, 2):
            return TradesChannel(gateway, name, interval_of(name, interval), Filter(gateway, selected))
        case ["deribit_price_index", index]:
            return PriceIndexChannel(gateway, name, gateway.catalog.index(index))
        case ["markprice", "options", index]:
            return MarkPricesChannel(gateway, name, gateway.catalog.index(index))
        case ["chain", currency, interval]:
            underlying = currency_of(gateway, name, currency)
            if interval_of(name, interval) == "raw":
                return RawChainChannel(gateway, name, underlying)
            return ChainChannel(gateway, name, interval, underlying)
        case ["greeks", currency, interval]:
            return GreeksChannel(gateway, name, interval_of(name, interval), currency_of(gateway, name, currency))
        case ["liquidations", currency]:
            return LiquidationsChannel(gateway, name, gateway.catalog.currency_underlyings(currency))
        case ["risk"]:
            return RiskChannel(gateway, name)
        case ["platform_state"]:
            return PlatformStateChannel(gateway, name)
        case ["user", *rest]:
            return _open_user_channel(gateway, name, rest, session)
        case _:
            raise subscribe_error(name, "there is no such channel")


def _open_user_channel(gateway: Gateway, name: str, words: Sequence[str], session: Session) -> Channel:
    session.require()
    match words:
        case ["orders", *selected, interval] if len(selected) in (1, 2):
            return UserOrdersChannel(gateway, name, interval_of(name, interval), session, Filter(gateway, selected))
        case ["trades", *selected, interval] if len(selected) in (1, 2):
            return UserTradesChannel(gateway, name, interval_of(name, interval), session, Filter(gateway, selected))
        case ["margin_calls"]:
            return MarginCallsChannel(gateway, name, session)
        case ["portfolio", currency]:
            return PortfolioChannel(gateway, name, session, gateway.catalog.currency_underlyings(currency))
        case _:
            raise subscribe_error(name, "there is no such channel")
