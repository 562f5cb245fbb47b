"""Risk tables and collateral terms as the API shows them, with those that follow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from msgspec import Raw

from synchromesh.execution.numbers import amount, nano, price
from synchromesh.execution.present import millis
from synchromesh.protocol.risk import CollateralTerms, MarginParameters, RiskTable, ScenarioParameters

if TYPE_CHECKING:
    from synchromesh.execution.gateway import Gateway

_CONTRACTS = ("delta_depth", "strike_depth", "account_cap", "venue_cap")
_CASH = ("vega_depth",)


def risk_tables(gateway: Gateway, underlyings: Iterable[int]) -> list[dict[str, Any]]:
    """Risk tables of those underlyings that have one, now or soon."""
    shown = []
    for underlying in sorted(underlyings):
        active, following = gateway.host.risk_tables(underlying)
        if active is None and following is None:
            continue
        entry: dict[str, Any] = {"currency": gateway.catalog.symbols[underlying], "active": None, "pending": None}
        if active is not None:
            entry["active"] = _table(RiskTable.decode(active))
        if following is not None:
            effective, table = following
            entry["pending"] = _table(RiskTable.decode(table)) | {"effective_timestamp": millis(effective)}
        shown.append(entry)
    return shown


def collateral_tables(gateway: Gateway) -> list[dict[str, Any]]:
    """Terms of those assets that count as collateral, now or soon."""
    shown = []
    for asset, spec in sorted(gateway.catalog.assets.items()):
        active, following = gateway.host.collateral_terms(asset)
        if active is None and following is None:
            continue
        entry: dict[str, Any] = {"currency": spec.symbol, "active": None, "pending": None}
        if active is not None:
            entry["active"] = _terms(gateway, CollateralTerms.decode(active))
        if following is not None:
            effective, terms = following
            decoded = CollateralTerms.decode(terms)
            entry["pending"] = _terms(gateway, decoded) | {"effective_timestamp": millis(effective)}
        shown.append(entry)
    return shown


def scenario_range(gateway: Gateway, underlying: int) -> int:
    """Range of an underlying's price nodes, 1e-9; 0 without a risk table."""
    active, _ = gateway.host.risk_tables(underlying)
    return RiskTable.decode(active).parameters.scenario.range if active is not None else 0


def _table(table: RiskTable) -> dict[str, Any]:
    parameters = table.parameters
    return {
        "version": table.version,
        "scenario": _fields(parameters.scenario),
        "margin": _fields(parameters.margin),
    }


def _terms(gateway: Gateway, terms: CollateralTerms) -> dict[str, Any]:
    def index(underlying: int) -> str:
        return f"{gateway.catalog.symbols[underlying].lower()}_usdc" if underlying else ""

    fields = _fields(terms)
    del fields["price_underlying"], fields["scenario_underlying"]
    indices = {"price_index": index(terms.price_underlying), "scenario_index": index(terms.scenario_underlying)}
    return indices | fields


def _fields(message: ScenarioParameters | MarginParameters | CollateralTerms) -> dict[str, Any]:
    return {name: _figure(name, getattr(message, name)) for name in message.__struct_fields__}


def _figure(name: str, value: int) -> Raw:
    if name in _CONTRACTS:
        return amount(value)
    return price(value) if name in _CASH else nano(value)
