"""A margin simulation as text."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from rich.console import RenderableType
from rich.table import Table

from synchromesh.client.types import MarginSimulation, State, UnderlyingMargin

ADD_ONS = (
    ("basis", "basis and roll"),
    ("short_floor", "naked-short floor"),
    ("delta_concentration", "concentration: delta"),
    ("vega_concentration", "concentration: vega"),
    ("strike_concentration", "concentration: strikes"),
    ("confidence", "confidence of the index"),
)
"""Add-ons of an underlying in the order shown: field, words."""
WORST_SHOWN = 5
"""Largest losses that are listed."""


def simulation_tables(found: MarginSimulation) -> Iterator[RenderableType]:
    """Yields what to print: the account, positions, collateral, and for each underlying its margin and worst states."""
    yield _account(found)
    if found.positions:
        yield _positions(found)
    if found.collateral:
        yield _collateral(found)
    if found.underlyings:
        yield _margins(found)
        yield _total(found)
    for each in found.underlyings:
        yield _worst(each)


def describe(state: State) -> str:
    """A state in words: what happens to price and vol."""
    if state.kind == "cell":
        return f"price {_percent(state.price_from)} to {_percent(state.price_to)}, vol {state.vol}"
    moved = f"price {_percent(state.price_from)}, " if state.price_from else ""
    words = {"tail": "vol up", "crash": "vol × 2.5"}.get(state.kind, f"{state.kind} {state.vol.replace('_', ' ')}")
    return f"{moved}{words}"


def _account(found: MarginSimulation) -> Table:
    verdict = "[green]accepted[/]" if found.accepted else "[red]not accepted[/]"
    table = Table(title=f"{found.model} margin: {verdict}", title_justify="left", show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    rows = [
        ("cash", found.cash),
        ("perpetuals, unrealised", found.unrealised),
        ("options at their marks", found.options_value),
        ("collateral after haircut", sum((line.initial_value for line in found.collateral), Decimal(0))),
        ("equity", found.equity),
        ("margin balance", found.margin_balance),
        ("initial margin", found.initial_margin),
        ("maintenance margin", found.maintenance_margin),
        ("available", found.margin_balance - found.initial_margin),
    ]
    for words, value in rows:
        table.add_row(words, _money(value))
    return table


def _positions(found: MarginSimulation) -> Table:
    table = _table("positions", "instrument", "amount", "mark", "value", "IM alone", "MM alone")
    for each in found.positions:
        alone = ("" if value is None else _money(value) for value in (each.initial_margin, each.maintenance_margin))
        table.add_row(each.instrument_name, f"{each.size:f}", _money(each.mark_price), _money(each.value), *alone)
    return table


def _collateral(found: MarginSimulation) -> Table:
    table = _table("collateral", "asset", "amount", "price", "value", "counts (IM)", "counts (MM)", "depeg add-on")
    for each in found.collateral:
        money = (each.price, each.value, each.initial_value, each.maintenance_value, each.initial_depeg)
        table.add_row(each.currency, f"{each.amount:f}", *map(_money, money))
    return table


def _margins(found: MarginSimulation) -> Table:
    columns = [name for each in found.underlyings for name in (f"{each.currency} IM", f"{each.currency} MM")]
    table = _table("margin by name", "", *columns)
    stages = [stage for each in found.underlyings for stage in (each.initial, each.maintenance)]
    table.add_row("scan: the worst state", *(_money(stage.scan) for stage in stages))
    for field, words in ADD_ONS:
        table.add_row(words, *(_money(getattr(stage, field)) for stage in stages))
    table.add_row("[bold]sum[/]", *(f"[bold]{_money(stage.margin)}[/]" for stage in stages))
    return table


def _total(found: MarginSimulation) -> Table:
    table = _table("in all", "", "IM", "MM")
    initial = sum((each.initial.margin for each in found.underlyings), Decimal(0))
    maintenance = sum((each.maintenance.margin for each in found.underlyings), Decimal(0))
    table.add_row("underlyings", _money(initial), _money(maintenance))
    table.add_row("offset between them", _money(-found.initial_offset), _money(-found.maintenance_offset))
    depegs = ((line.initial_depeg, line.maintenance_depeg) for line in found.collateral)
    charges = [sum(side, Decimal(0)) for side in zip(*depegs, strict=True)] or [Decimal(0)] * 2
    table.add_row("depeg of the collateral", *map(_money, charges))
    table.add_row(
        "[bold]margin[/]", f"[bold]{_money(found.initial_margin)}[/]", f"[bold]{_money(found.maintenance_margin)}[/]"
    )
    return table


def _worst(each: UnderlyingMargin) -> Table:
    table = _table(
        f"{each.currency}: largest losses, index {_money(each.index_price)}", "state", "what happens", "loss"
    )
    worst = sorted(each.states, key=lambda state: -state.initial_loss)[:WORST_SHOWN]
    for state in worst:
        marked = " ←" if state.name == each.initial.worst_state else ""
        table.add_row(state.name, describe(state), _money(state.initial_loss) + marked)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    texts = ("instrument", "asset", "", "state", "what happens")
    for name in columns:
        table.add_column(name, justify="left" if name in texts else "right", no_wrap=True)
    return table


def _money(value: Decimal) -> str:
    return f"{value:,.2f}"


def _percent(move: Decimal) -> str:
    return f"{float(move) * 100:+.4g} %" if move else "0"
