"""The demo's live view in the terminal: chain excerpt, volumes, latency, batches, roots."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table

from synchromesh.agents.base import AgentStats
from synchromesh.agents.red_team.accounts import AttackResult
from synchromesh.client.types import BookSummary
from synchromesh.clock import SECOND
from synchromesh.operations.summary import Latency, Summary
from synchromesh.risk.monitor import RiskReport
from synchromesh.settlement.service import SettlementStatus
from synchromesh.verification.status import WatchStatus

Status = TypeVar("Status", SettlementStatus, WatchStatus)

WATCHTOWER = "watchtower.json"
"""Where the watchtower of a local venue reports, in the venue directory."""
ROWS = 9
"""Strikes shown around the forward."""


class View(msgspec.Struct, kw_only=True):
    """What the dashboard shows.

    Attributes:
        venue_ns: Venue time.
        elapsed: Real seconds since the start.
        duration: Real seconds that the demo takes.
        indices: Index by symbol.
        chain: Lines of the whole chain.
        counted: Figures so far.
        settlement: What the settlement service says.
        watch: What the watchtower says.
        agents: What the agents say.
        latency: Of all agents.
        risk: The risk monitor's last report.
        attacks: What the red team has got out, by attack.
    """

    venue_ns: int = 0
    elapsed: float = 0.0
    duration: float = 0.0
    indices: dict[str, float] = {}
    chain: list[BookSummary] = []
    counted: Summary = msgspec.field(default_factory=Summary)
    settlement: SettlementStatus = msgspec.field(default_factory=SettlementStatus)
    watch: WatchStatus = msgspec.field(default_factory=WatchStatus)
    agents: dict[str, AgentStats] = {}
    latency: Latency = msgspec.field(default_factory=Latency)
    risk: RiskReport | None = None
    attacks: dict[str, AttackResult] = {}


def read_status(directory: Path, name: str, kind: type[Status]) -> Status:
    """Reads a process's status file; its empty form when there is none yet."""
    try:
        return msgspec.json.decode((directory / name).read_bytes(), type=kind)
    except FileNotFoundError:
        return kind()


def render(view: View) -> RenderableType:
    """Returns the dashboard."""
    moment = datetime.fromtimestamp(view.venue_ns // SECOND, UTC)
    indices = "   ".join(f"{symbol} {price:,.2f}" for symbol, price in view.indices.items())
    progress = f"{view.elapsed:.0f}/{view.duration:.0f} s"
    title = f"[bold]Synchromesh[/]   venue {moment:%Y-%m-%d %H:%M:%S}   {indices}   {progress}"
    return Group(Panel(title), _figures(view), _risk(view), _chain(view))


def _figures(view: View) -> RenderableType:
    table = Table.grid(expand=True, padding=(0, 2))
    for _ in range(4):
        table.add_column()
    counted, settlement, verdict = view.counted, view.settlement, view.watch.verdict
    table.add_row(
        f"orders {counted.orders:,}",
        f"fills {counted.fills:,}",
        f"cancels {counted.cancels:,}",
        f"notional {counted.notional_usd / 1e6:,.1f} M USD",
    )
    table.add_row(
        f"ack p50 {view.latency.p50:.2f} ms",
        f"p99 {view.latency.p99:.2f} ms",
        f"commands {counted.commands:,}",
        f"deposits {counted.deposits}   settled {counted.settled}",
    )
    table.add_row(
        f"batches {settlement.batches_committed}/{settlement.batches_made}",
        f"gas {settlement.gas.gas / 1e6:,.1f} M",
        f"on chain {settlement.root[:18]}",
        f"watchtower {verdict.root[:18]} {_finding(view.watch)} ({verdict.batches})",
    )
    return Panel(table, title="venue")


def _finding(watch: WatchStatus) -> str:
    """What the watchtower found so far, in a word."""
    if watch.verdict.fraud is not None:
        return f"[red]FRAUD {watch.verdict.fraud}[/]"
    if watch.frozen:
        return "[red]frozen[/]"
    proven = f" [red]{len(watch.challenges)} frauds proven[/]" if watch.challenges else ""
    return f"[green]verified[/]{proven}"


def _risk(view: View) -> RenderableType:
    """Calls and liquidations, what the monitor expects, and what the red team got."""
    table = Table.grid(expand=True, padding=(0, 2))
    for _ in range(4):
        table.add_column()
    risk, report = view.counted.risk, view.risk
    insolvent = f"[red]{len(risk.insolvent)} insolvent[/]" if risk.insolvent else "[green]0 insolvent[/]"
    table.add_row(
        f"margin calls {risk.margin_calls}",
        f"liquidations {risk.liquidations} ({risk.running} running)",
        f"slices {risk.slices}   auction fills {risk.auction_fills}",
        f"{insolvent}   fund paid {risk.insurance_paid:,.0f}",
    )
    if report is not None:
        table.add_row(
            f"fund {report.insurance:,.0f} USD",
            f"shortfall of a day, worst 1 %: {report.expected_shortfall:,.0f} USD",
            f"odds that it exceeds the fund {report.fund_exhausted:.1%}",
            f"{report.paths} paths, {report.accounts} accounts, {report.seconds:.1f} s",
        )
    if view.attacks:
        best = max(view.attacks, key=lambda name: view.attacks[name].best_profit)
        table.add_row(
            f"red team's best {view.attacks[best].best_profit:,.0f} USDC ({best})",
            f"left for others to pay {max(each.worst_owed for each in view.attacks.values()):,.0f} USDC",
            f"requests {sum(each.requests for each in view.attacks.values())}",
            f"refused {sum(sum(each.refused.values()) for each in view.attacks.values())}",
        )
    return Panel(table, title="risk")


def _chain(view: View) -> RenderableType:
    """The nearest strikes of the series that is quoted most."""
    options = [line for line in view.chain if line.instrument_name.count("-") == 3]
    series: dict[str, list[BookSummary]] = {}
    for line in options:
        series.setdefault(line.instrument_name.rsplit("-", 2)[0], []).append(line)
    table = Table(expand=True, show_edge=False)
    for column in ("call bid", "call ask", "iv", "strike", "put bid", "put ask", "iv"):
        table.add_column(column, justify="right")
    if not series:
        return Panel(table, title="chain")
    name = max(series, key=lambda key: (sum(1 for line in series[key] if line.bid_price), key))
    by_strike: dict[float, dict[str, BookSummary]] = {}
    for line in series[name]:
        _, strike, letter = line.instrument_name.rsplit("-", 2)
        by_strike.setdefault(float(strike), {})[letter] = line
    forward = float(series[name][0].underlying_price or 0)
    nearest = sorted(sorted(by_strike, key=lambda strike: abs(strike - forward))[:ROWS])
    for level in nearest:
        call, put = by_strike[level].get("C"), by_strike[level].get("P")
        table.add_row(*_side(call), f"[bold]{level:,.0f}[/]", *_side(put))
    return Panel(table, title=f"{name}   forward {forward:,.1f}")


def _side(line: BookSummary | None) -> tuple[str, str, str]:
    if line is None:
        return "", "", ""
    show = ["" if value is None else f"{value:,.1f}" for value in (line.bid_price, line.ask_price, line.mark_iv)]
    return show[0], show[1], show[2]
