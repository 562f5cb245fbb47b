"""Types of the pushes, by channel."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from synchromesh.client.chain import ChainUpdate
from synchromesh.client.types import (
    Account,
    BookUpdate,
    GreeksUpdate,
    Liquidation,
    MarginCall,
    MarkPrice,
    Order,
    PlatformState,
    PriceIndex,
    Quote,
    RiskReport,
    Ticker,
    Trade,
    UserTrade,
)


class DepthUpdate(msgspec.Struct, frozen=True):
    """A push of ``book.{instrument}.none.{depth}.{interval}``: the best levels, whole."""

    timestamp: int
    instrument_name: str
    change_id: int
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]


_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    "book": msgspec.json.Decoder(BookUpdate),
    "depth": msgspec.json.Decoder(DepthUpdate),
    "ticker": msgspec.json.Decoder(Ticker),
    "quote": msgspec.json.Decoder(Quote),
    "trades": msgspec.json.Decoder(list[Trade]),
    "user.orders": msgspec.json.Decoder(Order | list[Order]),
    "user.trades": msgspec.json.Decoder(list[UserTrade]),
    "user.portfolio": msgspec.json.Decoder(Account),
    "user.margin_calls": msgspec.json.Decoder(MarginCall),
    "liquidations": msgspec.json.Decoder(Liquidation),
    "chain": msgspec.json.Decoder(ChainUpdate),
    "greeks": msgspec.json.Decoder(GreeksUpdate),
    "risk": msgspec.json.Decoder(RiskReport),
    "platform_state": msgspec.json.Decoder(PlatformState),
    "deribit_price_index": msgspec.json.Decoder(PriceIndex),
    "markprice": msgspec.json.Decoder(list[MarkPrice]),
}
_PLAIN: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def decode_push(channel: str, data: msgspec.Raw) -> Any:
    """The typed data of a push; plain values for a channel that is not known."""
    words = channel.split(".")
    family = ".".join(words[:2]) if words[0] == "user" else words[0]
    if family == "book" and len(words) == 5:
        family = "depth"
    return _DECODERS.get(family, _PLAIN).decode(data)
