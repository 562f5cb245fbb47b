"""Liquidations and margin calls as the API shows them: what was done, at which marks, and who paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synchromesh._native import AuctionInfo, LiquidationInfo
from synchromesh.execution.catalog import Catalog
from synchromesh.execution.numbers import amount, nano, price
from synchromesh.execution.present import millis
from synchromesh.protocol import (
    CONTRACT,
    AuctionFill,
    AuctionOpened,
    Deleveraged,
    InsurancePaid,
    LiquidationEnded,
    LiquidationSlice,
    LiquidationStarted,
    MarginCall,
    PositionMoved,
    decode_event,
)

if TYPE_CHECKING:
    from synchromesh.execution.gateway import Gateway

_STATES = {"book": "book", "auction": "auction", "insolvent": "insolvent_auction"}


def liquidation_view(gateway: Gateway, found: LiquidationInfo) -> dict[str, Any]:
    """The public record of a liquidation as it stands."""
    catalog = gateway.catalog
    auction = gateway.host.auction(found.subaccount) if found.stage in ("auction", "insolvent") else None
    record: dict[str, Any] = {
        "liquidation_id": found.liquidation,
        "subaccount_id": found.subaccount,
        "state": _STATES.get(found.stage, "ended"),
        "outcome": None,
        "start_timestamp": 0,
        "end_timestamp": None,
        "trigger": None,
        "slices": [],
        "auction": None if auction is None else auction_view(catalog, auction),
        "auctions": [],
        "auction_fills": [],
        "moved": [],
        "deleveraged": [],
        "fees": price(found.fees),
        "insurance_paid": price(found.insurance),
        "dropped": found.dropped,
    }
    for sequence, time, mark, index, data in found.entries:
        event = decode_event(data)
        when = {"sequence": sequence, "timestamp": millis(time)}
        match event:
            case LiquidationStarted():
                record["start_timestamp"] = millis(time)
                record["trigger"] = _trigger(catalog, event, index)
            case LiquidationSlice():
                record["slices"].append(when | _slice(catalog, event, mark))
            case AuctionOpened():
                record["auctions"].append(when | _opening(event))
            case AuctionFill():
                record["auction_fills"].append(when | auction_fill_view(event))
            case PositionMoved():
                record["moved"].append(when | _moved(catalog, event))
            case Deleveraged():
                record["deleveraged"].append(when | _moved(catalog, event))
            case InsurancePaid():
                pass  # the record has the sum
            case LiquidationEnded():
                record |= {"end_timestamp": millis(time), "outcome": event.outcome.word}
            case _:
                raise AssertionError(f"{event} is no event of a liquidation")
    return record


def auction_view(catalog: Catalog, found: AuctionInfo) -> dict[str, Any]:
    """A running auction as it stands now."""
    positions = {
        catalog.spec(instrument).name: amount(lots * catalog.spec(instrument).lot_size)
        for instrument, lots in found.positions
    }
    return {
        "insolvent": found.insolvent,
        "price_factor": nano(found.price_factor),
        "price": price(found.price),
        "share_max": nano(found.share_max),
        "portfolio": {
            "value": price(found.value),
            "cash": price(found.cash),
            "positions": positions,
            "collateral": {catalog.assets[asset].symbol: amount(balance) for asset, balance in found.assets},
        },
    }


def auction_fill_view(event: AuctionFill) -> dict[str, Any]:
    """What a bid got."""
    return {
        "bidder": event.bidder,
        "share": nano(event.share),
        "price_factor": nano(event.price),
        "cash": price(event.cash),
        "insurance": price(event.insurance),
    }


def margin_call_view(event: MarginCall, now: int) -> dict[str, Any]:
    """A margin call, or its end."""
    return {
        "subaccount_id": event.subaccount,
        "level": event.level.word,
        "equity": price(event.equity),
        "initial_margin": price(event.initial),
        "maintenance_margin": price(event.maintenance),
        "timestamp": millis(now),
    }


def _trigger(catalog: Catalog, event: LiquidationStarted, index: int) -> dict[str, Any]:
    return {
        "currency": catalog.symbols.get(event.underlying, ""),
        "mark_epoch": event.mark_epoch,
        "index_price": nano(index),
        "equity": price(event.equity),
        "maintenance_margin": price(event.maintenance),
        "mark_value": price(event.value),
    }


def _slice(catalog: Catalog, event: LiquidationSlice, mark: int) -> dict[str, Any]:
    spec = catalog.spec(event.instrument)
    size = event.lots * spec.lot_size
    return {
        "instrument_name": spec.name,
        "direction": event.side.word,
        "amount": amount(size),
        "limit_price": price(event.limit * spec.tick_size),
        "average_price": price(abs(event.cash) * CONTRACT // size if size else 0),
        "mark_price": price(mark),
        "cash": price(event.cash),
        "fee": price(event.fee),
    }


def _opening(event: AuctionOpened) -> dict[str, Any]:
    return {
        "start_timestamp": millis(event.time),
        "insolvent": event.insolvent,
        "mark_value": price(event.value),
    }


def _moved(catalog: Catalog, event: PositionMoved | Deleveraged) -> dict[str, Any]:
    spec = catalog.spec(event.instrument)
    return {
        "counterparty": event.counterparty,
        "instrument_name": spec.name,
        "amount": amount(event.lots * spec.lot_size),
        "price": price(event.price),
        "cash": price(event.cash),
    }
