"""Instruments, prices and books."""

from __future__ import annotations

from typing import Any

import msgspec

from synchromesh.execution.catalog import is_option, kind_of
from synchromesh.execution.dispatch import NoParams, method
from synchromesh.execution.errors import ApiError, ErrorCode, invalid_param
from synchromesh.execution.gateway import Gateway
from synchromesh.execution.numbers import nano
from synchromesh.execution.present import QUOTE, hexed, millis
from synchromesh.execution.session import Session
from synchromesh.protocol import Parameter

DEPTH_MAX = 10_000
"""Deepest order book that one request gets."""
SUMMARY_SECONDS = 0.25
"""Real seconds for which the summary of a chain is remembered: making it takes as long as dozens of orders."""


class InstrumentsParams(msgspec.Struct):
    """Selects instruments."""

    currency: str = "any"
    kind: str = "any"
    expired: bool = False


class InstrumentParams(msgspec.Struct):
    """Names an instrument."""

    instrument_name: str


class BookParams(msgspec.Struct):
    """Names an instrument and a depth."""

    instrument_name: str
    depth: int = 20


class IndexParams(msgspec.Struct):
    """Names an index."""

    index_name: str


class ReceiptParams(msgspec.Struct):
    """Names a command."""

    sequence: int


@method("public/get_instruments", params=InstrumentsParams)
def get_instruments(gateway: Gateway, session: Session, params: InstrumentsParams) -> list[dict[str, Any]]:
    """Every instrument that fits; expired ones only when asked for."""
    underlyings = gateway.catalog.currency_underlyings(params.currency)
    kind = kind_of(params.kind)
    return [
        gateway.present.instrument(info)
        for info in gateway.catalog.all()
        if info.underlying in underlyings
        and (kind is None or info.kind == kind)
        and (info.state != "open") == params.expired
    ]


@method("public/get_instrument", params=InstrumentParams)
def get_instrument(gateway: Gateway, session: Session, params: InstrumentParams) -> dict[str, Any]:
    """One instrument."""
    return gateway.present.instrument(gateway.catalog.fresh(params.instrument_name))


@method("public/get_currencies", params=NoParams)
def get_currencies(gateway: Gateway, session: Session, params: NoParams) -> list[dict[str, Any]]:
    """Assets of the vault and underlyings."""
    decimals = {spec.symbol: spec.decimals for spec in gateway.catalog.assets.values()}
    for symbol in gateway.catalog.underlying_ids:
        decimals.setdefault(symbol, 8)
    return [
        {
            "currency": symbol,
            "currency_long": symbol,
            "coin_type": "ERC20" if symbol in gateway.catalog.asset_ids else "INDEX",
            "decimals": places,
            "fee_precision": places,
            "min_confirmations": 1,
            "min_withdrawal_fee": 0,
            "withdrawal_fee": 0,
            "withdrawal_priorities": [],
            "in_cross_collateral_pool": False,
        }
        for symbol, places in decimals.items()
    ]


@method("public/ticker", params=InstrumentParams)
def ticker(gateway: Gateway, session: Session, params: InstrumentParams) -> dict[str, Any]:
    """Prices, vols and Greeks of an instrument."""
    return gateway.present.ticker(gateway.catalog.fresh(params.instrument_name), gateway.clock.now_ns())


@method("public/get_order_book", params=BookParams)
def get_order_book(gateway: Gateway, session: Session, params: BookParams) -> dict[str, Any]:
    """A ticker with the best levels."""
    if not 1 <= params.depth <= DEPTH_MAX:
        raise invalid_param("depth", f"depth is 1 to {DEPTH_MAX}")
    info = gateway.catalog.fresh(params.instrument_name)
    return gateway.present.order_book(info, params.depth, gateway.clock.now_ns())


@method("public/get_book_summary_by_currency", params=InstrumentsParams)
def get_book_summary_by_currency(gateway: Gateway, session: Session, params: InstrumentsParams) -> msgspec.Raw:
    """One line per open instrument, at most a quarter of a second old."""
    underlyings = gateway.catalog.currency_underlyings(params.currency)
    kind = kind_of(params.kind)

    def make() -> list[dict[str, Any]]:
        now = gateway.clock.now_ns()
        return [
            gateway.present.book_summary(info, now)
            for info in gateway.catalog.all()
            if info.state == "open" and info.underlying in underlyings and (kind is None or info.kind == kind)
        ]

    return gateway.remembered(("book_summary", frozenset(underlyings), kind), SUMMARY_SECONDS, make)


@method("public/get_book_summary_by_instrument", params=InstrumentParams)
def get_book_summary_by_instrument(
    gateway: Gateway, session: Session, params: InstrumentParams
) -> list[dict[str, Any]]:
    """One line for one instrument."""
    return [gateway.present.book_summary(gateway.catalog.fresh(params.instrument_name), gateway.clock.now_ns())]


@method("public/get_index_price", params=IndexParams)
def get_index_price(gateway: Gateway, session: Session, params: IndexParams) -> dict[str, Any]:
    """The index."""
    info = gateway.catalog.underlying(gateway.catalog.index(params.index_name))
    return {
        "index_price": nano(info.index),
        "estimated_delivery_price": nano(info.index),
        "timestamp": millis(info.mark_time),
    }


@method("public/get_index_price_names", params=NoParams)
def get_index_price_names(gateway: Gateway, session: Session, params: NoParams) -> list[str]:
    """Names of the indices."""
    return [f"{symbol.lower()}_usdc" for symbol in gateway.catalog.underlying_ids]


@method("public/get_underlying", params=IndexParams)
def get_underlying(gateway: Gateway, session: Session, params: IndexParams) -> dict[str, Any]:
    """Mode, marks, forwards and smiles of an underlying, as the oracles signed them."""
    info = gateway.catalog.underlying(gateway.catalog.index(params.index_name))
    return {
        "currency": info.symbol,
        "mode": info.mode,
        "index_price": nano(info.index),
        "confidence": nano(info.confidence),
        "sources": info.sources,
        "mark_time": info.mark_time,
        "mark_epoch": info.mark_epoch,
        "listing_epoch": info.listing_epoch,
        "perpetual_mark": nano(info.perpetual_mark),
        "funding_rate": nano(info.funding_rate),
        "funding_index": nano(info.funding_index),
        "expiries": [
            {
                "expiry": expiry,
                "expiration_timestamp": millis(expiry),
                "forward": nano(forward),
                "svi": dict(zip(("a", "b", "rho", "m", "sigma"), map(nano, smile), strict=True)),
            }
            for expiry, forward, smile in info.forwards
        ],
    }


@method("public/get_venue", params=NoParams)
def get_venue(gateway: Gateway, session: Session, params: NoParams) -> dict[str, Any]:
    """What a client needs to sign: domain, assets, underlyings, clock, fees."""
    genesis = gateway.catalog.genesis
    clock = gateway.clock
    return {
        "chain_id": genesis.chain_id,
        "contract": hexed(genesis.contract),
        "operator": hexed(genesis.operator),
        "login_domain": gateway.config.login_domain,
        "settlement_currency": QUOTE,
        "assets": [
            {"asset": spec.asset, "symbol": spec.symbol, "token": hexed(spec.token), "decimals": spec.decimals}
            for spec in genesis.assets
        ],
        "underlyings": [{"underlying": spec.underlying, "symbol": spec.symbol} for spec in genesis.underlyings],
        "parameters": {parameter.word: value for parameter, value in gateway.catalog.parameters.items()},
        "clock": {
            "venue_start_ns": clock.venue_start_ns,
            "real_start_ns": clock.real_start_ns,
            "speed": clock.speed,
        },
        "nonce_window_ns": [
            gateway.catalog.parameters[Parameter.NONCE_PAST],
            gateway.catalog.parameters[Parameter.NONCE_FUTURE],
        ],
    }


@method("public/get_expirations", params=InstrumentsParams)
def get_expirations(gateway: Gateway, session: Session, params: InstrumentsParams) -> list[int]:
    """Expiries of the open options, ms, ascending."""
    underlyings = gateway.catalog.currency_underlyings(params.currency)
    infos = gateway.catalog.all()
    expiries = {
        info.expiry for info in infos if is_option(info) and info.state == "open" and info.underlying in underlyings
    }
    return [millis(expiry) for expiry in sorted(expiries)]


@method("public/get_receipt", "private/get_receipt", params=ReceiptParams)
def get_receipt(gateway: Gateway, session: Session, params: ReceiptParams) -> dict[str, Any]:
    """The operator's signed proof that a command has its place in the journal."""
    receipt = gateway.host.receipt(params.sequence) if 0 < params.sequence < 1 << 54 else None
    if receipt is None:
        raise ApiError(ErrorCode.NOT_FOUND, "unknown_sequence", f"no receipt is kept for sequence {params.sequence}")
    return {
        "sequence": receipt.sequence,
        "record": hexed(receipt.record),
        "command_hash": hexed(receipt.command_hash),
        "chain_hash": hexed(receipt.chain_hash),
        "epoch": receipt.epoch,
        "frame": receipt.frame,
        "first_sequence": receipt.first_sequence,
        "count": receipt.count,
        "command_root": hexed(receipt.command_root),
        "index": receipt.index,
        "path": [hexed(sibling) for sibling in receipt.path],
        "signature": hexed(receipt.signature),
        "encoded": hexed(receipt.encoded),
    }
