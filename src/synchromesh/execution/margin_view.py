"""Margin as the API shows it: every scenario, state and add-on by name, in USDC."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec import Raw

from synchromesh._native import (
    LANE_NAMES,
    STATE_NAMES,
    BreakdownInfo,
    CollateralInfo,
    SimulationInfo,
    StageMargin,
    UnderlyingBreakdownInfo,
)
from synchromesh.execution.numbers import amount, nano, number, price
from synchromesh.protocol import MarginModel

MODELS = {model.value: model.word for model in MarginModel}
"""Words of the margin models by number."""

NODES = 17
"""Price nodes of a vol row."""
_MIDDLE = NODES // 2
_ROWS = ("up", "flat", "down")
_MOVE_PLACES = 12
_CRASH_MOVE = -300_000_000_000
"""Price move of the crash lane, 1e-12."""
_ADD_ONS = (
    "basis",
    "short_floor",
    "delta_concentration",
    "vega_concentration",
    "strike_concentration",
    "confidence",
    "order_cost",
)


@dataclass(frozen=True, slots=True)
class UnderlyingTerms:
    """What names an underlying's scenarios: its symbol, its index (1e-9 USD), and the range of its nodes (1e-9)."""

    symbol: str
    index: int
    price_range: int


class Named(Protocol):
    """What a position's instrument is called, and its lot, 1e-8 contracts."""

    @property
    def name(self) -> str:
        """``BTC_USDC-PERPETUAL``."""

    @property
    def lot_size(self) -> int:
        """Smallest amount."""


def figures_view(found: SimulationInfo) -> dict[str, Any]:
    """Equity and margin of a simulation, and whether it meets its initial margin."""
    return {
        "model": MODELS[found.model],
        "accepted": found.balance >= found.initial,
        "equity": price(found.equity),
        "margin_balance": price(found.balance),
        "maintenance_balance": price(found.balance_maintenance),
        "initial_margin": price(found.initial),
        "maintenance_margin": price(found.maintenance),
        "available_funds": price(max(found.balance - found.initial, 0)),
    }


def simulation_view(
    found: SimulationInfo,
    spec: Callable[[int], Named],
    assets: Mapping[int, str],
    terms: Mapping[int, UnderlyingTerms],
) -> dict[str, Any]:
    """A simulation; instruments by ``spec``, symbols of assets, ``terms`` by underlying."""
    shown = figures_view(found) | {
        "cash": price(found.cash),
        "unrealised": price(found.unrealised),
        "options_value": price(found.option_value),
        "positions": [
            _position(spec(instrument), lots, mark, value, margins)
            for instrument, lots, mark, value, margins in found.positions
        ],
        "collateral": collateral_view(found.collateral, assets),
    }
    if found.breakdown is None:
        return shown | {"underlyings": [], "initial_offset": price(0), "maintenance_offset": price(0)}
    return shown | breakdown_view(found.breakdown, terms)


def _position(spec: Named, lots: int, mark: int, value: int, margins: tuple[int, int] | None) -> dict[str, Any]:
    initial, maintenance = (None, None) if margins is None else map(price, margins)
    return {
        "instrument_name": spec.name,
        "size": amount(lots * spec.lot_size),
        "mark_price": price(mark),
        "value": price(value),
        "initial_margin": initial,
        "maintenance_margin": maintenance,
    }


def breakdown_view(found: BreakdownInfo, terms: Mapping[int, UnderlyingTerms]) -> dict[str, Any]:
    """The underlyings of a breakdown, and the offset between them; ``terms`` by underlying."""
    return {
        "underlyings": [underlying_view(each, terms[each.underlying]) for each in found.underlyings],
        "initial_offset": price(found.initial_gross - found.initial_scan),
        "maintenance_offset": price(found.maintenance_gross - found.maintenance_scan),
    }


def underlying_view(found: UnderlyingBreakdownInfo, terms: UnderlyingTerms) -> dict[str, Any]:
    """One underlying of a breakdown."""
    return {
        "currency": terms.symbol,
        "index_price": nano(terms.index),
        "initial": _stage(found.initial),
        "maintenance": _stage(found.maintenance),
        "lanes": [
            _scenario(name, terms.price_range) | {"pnl": price(pnl), "pnl_with_orders": price(pnl + orders)}
            for name, pnl, orders in zip(LANE_NAMES, found.lanes, found.order_lanes, strict=True)
        ],
        "states": [
            _state(name, terms.price_range)
            | {"initial_loss": price(initial), "maintenance_loss": price(_share(maintenance, found.maintenance.share))}
            for name, initial, maintenance in zip(
                STATE_NAMES, found.initial.losses, found.maintenance.losses, strict=True
            )
        ],
    }


def collateral_view(lines: Sequence[CollateralInfo], symbols: Mapping[int, str]) -> list[dict[str, Any]]:
    """Assets beside USDC; ``symbols`` by asset."""
    return [
        {
            "currency": symbols[line.asset],
            "amount": amount(line.balance),
            "price": price(line.price),
            "value": price(line.value),
            "initial_counted": amount(line.eligible_initial),
            "maintenance_counted": amount(line.eligible_maintenance),
            "initial_value": price(line.initial),
            "maintenance_value": price(line.maintenance),
            "initial_depeg": price(line.depeg_initial),
            "maintenance_depeg": price(line.depeg_maintenance),
        }
        for line in lines
    ]


def _stage(margin: StageMargin) -> dict[str, Any]:
    """Parts of a margin, each times the share that counts."""
    scan = _share(margin.scan, margin.share)
    shown: dict[str, Any] = {
        "margin": price(scan + margin.add_ons),
        "scan": price(scan),
        "worst_state": STATE_NAMES[margin.state],
    }
    return shown | {name: price(_share(getattr(margin, name), margin.share)) for name in _ADD_ONS}


def _share(value: int, share: int) -> int:
    """What counts of a loss or an add-on, against the account."""
    return -(-value * share // 10**9)


def _move(value: int) -> Raw:
    return number(value, _MOVE_PLACES)


def _node(place: int, price_range: int) -> int:
    """Price move of a node, 1e-12."""
    return price_range * (place - _MIDDLE) * 1_000 // _MIDDLE


def _scenario(name: str, price_range: int) -> dict[str, Any]:
    """What a lane supposes: price move, and what happens to the vols."""
    kind, _, rest = name.partition("_")
    if kind in _ROWS:
        return _lane(name, "node", _node(int(rest), price_range), kind)
    if kind == "tail":
        return _lane(name, kind, _tail_move(rest), "up")
    return _lane(name, kind, _CRASH_MOVE if kind == "crash" else 0, rest or kind)


def _lane(name: str, kind: str, move: int, vol: str) -> dict[str, Any]:
    return {"name": name, "kind": kind, "price_move": _move(move), "vol": vol}


def _tail_move(words: str) -> int:
    """Price move of a tail called ``down_66`` or ``up_100``, 1e-12."""
    direction, _, percent = words.partition("_")
    return int(percent) * 10**10 * (1 if direction == "up" else -1)


def _state(name: str, price_range: int) -> dict[str, Any]:
    """What a state spans: a cell of a vol row, or one lane."""
    kind, _, rest = name.partition("_")
    if kind in _ROWS:
        first, last = (_move(_node(int(node), price_range)) for node in rest.split("_"))
        return {"name": name, "kind": "cell", "price_from": first, "price_to": last, "vol": kind}
    lane = _scenario(name, price_range)
    move = lane["price_move"]
    return {"name": name, "kind": lane["kind"], "price_from": move, "price_to": move, "vol": lane["vol"]}
