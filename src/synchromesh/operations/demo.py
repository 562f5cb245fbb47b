"""The demo: a whole venue trades a recorded market in compressed time, and ends with a summary."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from synchromesh.agents.base import read_stats
from synchromesh.agents.market import MarketPath, open_path
from synchromesh.agents.red_team.accounts import read_score
from synchromesh.client import Client, ClientError
from synchromesh.clock import SECOND
from synchromesh.config import VenueConfig
from synchromesh.operations.dashboard import WATCHTOWER, View, read_status
from synchromesh.operations.funding import deposit_new, fund_insurance
from synchromesh.operations.launch import DAY_SECONDS, ORACLES, LaunchPlan, VenueStack, oracle_name
from synchromesh.operations.market_terms import market_terms
from synchromesh.operations.processes import ProcessSpec
from synchromesh.operations.summary import JournalCounter, Summary, add_chain, percentiles
from synchromesh.operations.watchtower import start_watchtower
from synchromesh.risk.monitor import read_report
from synchromesh.settlement.service import SettlementStatus
from synchromesh.settlement.terms import Windows
from synchromesh.verification.status import WatchStatus

log = structlog.get_logger(__name__)

REFRESH_SECONDS = 1.0
SETTLE_SECONDS = 60.0
"""Real seconds that settlement and watchtower may take to catch up at the end."""
CHALLENGE_SECONDS = 8.0
"""Real seconds in which a batch can be challenged: few, so that withdrawals are seen to be paid."""
SERVE_SECONDS = 90.0
"""Real seconds in which an inbox item must be in a batch: more than it takes to start every process again."""
START_SECONDS = 12.0
"""Real seconds that a venue takes to come up."""
MAKER_DEPOSIT = 500_000_000
TAKER_DEPOSIT = 5_000_000
LEVERAGED_DEPOSIT = 20_000
LIQUIDATOR_DEPOSIT = 20_000_000
INSURANCE = 2_000_000
"""What the operator puts into the insurance fund, USDC."""
COLLATERAL_DEPOSITS = {"leveraged-1": (8, "WETH"), "leveraged-5": (6, "WSTETH"), "liquidator": (2, "WBTC")}
"""Assets beside USDC that some users bring, in whole units."""
RISK_AGENTS = ("leveraged", "liquidator", "red-team", "risk-monitor")
"""Processes around the margin engine."""


class DemoPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the demo does.

    Attributes:
        directory: Venue directory; must not hold a venue yet.
        duration: Real seconds of trading.
        speed: Venue seconds per real second; 0: the whole recording fits in ``duration``.
        data: Recorded chains; None: the bundled set.
        port: Port of the WebSocket API; 0: a free one.
        mode: ``bridge`` or ``jump``.
        seed: Of bridge and agents.
        makers: Market makers; they share the chain between them.
        users: Takers.
        rate: Orders a real second of all takers together.
        leveraged: Users with as much risk as their margin allows.
    """

    directory: Path
    duration: float = 120.0
    speed: float = 0.0
    data: Path | None = None
    port: int = 0
    mode: str = "bridge"
    seed: int = 1
    makers: int = 2
    users: int = 4
    rate: float = 60.0
    leveraged: int = 9


class Demo:
    """Runs the demo.

    Args:
        plan: What to do.
        show: Gets the view every second.

    Attributes:
        view: What the dashboard shows, now; after the run as it ended.
    """

    def __init__(self, plan: DemoPlan, show: Callable[[View], None]) -> None:
        self._plan = plan
        self._show = show
        self.view = View(duration=plan.duration)

    async def run(self) -> Summary:
        """Brings up the venue, trades, ends it, and returns the summary."""
        plan = self._plan
        started = time.monotonic()
        plan.directory.mkdir(parents=True, exist_ok=True)
        market_file = plan.directory / "market.msgpack"
        path = open_path(plan.data, mode=plan.mode, seed=plan.seed, cache=market_file)
        speed = plan.speed or max((path.end_ns - path.start_ns) / SECOND / plan.duration, 1.0)
        stack = VenueStack(self._launch_plan(path, speed))
        try:
            config = await stack.start()
            await self._start_agents(stack, market_file, config)
            await start_watchtower(stack)
            log.info(
                "venue_up", seconds=round(time.monotonic() - started, 1), api=config.websocket_url, speed=round(speed)
            )
            counter = JournalCounter(stack.venue.journal)
            await self._watch(stack, config, counter)
            await self._stop_agents(stack)
            summary = await self._finish(stack, config, counter)
        finally:
            await stack.stop()
        summary.wall_s = round(time.monotonic() - started, 1)
        return summary

    def _launch_plan(self, path: MarketPath, speed: float) -> LaunchPlan:
        window, serve = (max(60, round(seconds * speed)) for seconds in (CHALLENGE_SECONDS, SERVE_SECONDS))
        return LaunchPlan(
            directory=self._plan.directory,
            # The recording begins once the venue has come up; until then the first snapshot stands.
            venue_start_ns=path.start_ns - round(START_SECONDS * speed) * SECOND,
            speed=speed,
            websocket_port=self._plan.port,
            windows=Windows.of(window, serve),
            **market_terms(path),
            # Windows are venue time; clients live in real time.
            parameters={
                "nonce_past": min(round(60 * speed), 7 * DAY_SECONDS) * SECOND,
                "nonce_future": min(round(5 * speed), DAY_SECONDS) * SECOND,
                "mark_staleness": min(round(60 * speed) + 300, 30 * DAY_SECONDS) * SECOND,
            },
        )

    async def _start_agents(self, stack: VenueStack, market_file: Path, config: VenueConfig) -> None:
        plan = self._plan
        common = ("--directory", str(plan.directory), "--seed", str(plan.seed))
        market = ("--data", str(market_file), "--mode", plan.mode)
        await stack.start_oracles("--seed", str(plan.seed), *market)
        accounts = {f"maker-{number}": MAKER_DEPOSIT for number in range(plan.makers)}
        accounts |= {f"taker-{number}": TAKER_DEPOSIT for number in range(plan.users)}
        accounts |= {f"leveraged-{number}": LEVERAGED_DEPOSIT for number in range(plan.leveraged)}
        accounts |= {"liquidator": LIQUIDATOR_DEPOSIT, "insurance": INSURANCE}
        await asyncio.gather(
            *(deposit_new(config, stack.venue.ensure_key(name), amount) for name, amount in accounts.items())
        )
        # A second deposit of the same owner: by now the first one's transactions are through.
        await asyncio.gather(
            *(
                deposit_new(config, stack.venue.ensure_key(name), amount, symbol)
                for name, (amount, symbol) in COLLATERAL_DEPOSITS.items()
                if name in accounts
            )
        )
        for number in range(plan.makers):
            part = ("--number", str(number), "--share", str(plan.makers), "--offset", str(number), "--deposit", "0")
            arguments = (*common, *market, *part)
            await stack.supervisor.start(
                ProcessSpec(name=f"maker-{number}", module="synchromesh.agents.maker", arguments=arguments)
            )
        takers = ("--users", str(plan.users), "--rate", str(plan.rate), "--deposit", "0")
        await stack.supervisor.start(
            ProcessSpec(name="takers", module="synchromesh.agents.taker", arguments=(*common, *takers))
        )
        await self._start_risk_agents(stack, config, common, market_file)

    async def _start_risk_agents(
        self, stack: VenueStack, config: VenueConfig, common: tuple[str, ...], market_file: Path
    ) -> None:
        """Starts who takes too much risk, who buys it, who attacks and who watches; then fills the insurance fund."""
        directory, market = ("--directory", str(self._plan.directory)), ("--data", str(market_file))
        users = (*common, "--users", str(self._plan.leveraged), "--deposit", "0")
        for spec in (
            ProcessSpec(name="leveraged", module="synchromesh.agents.leveraged", arguments=users),
            ProcessSpec(
                name="liquidator", module="synchromesh.agents.liquidator", arguments=(*common, "--deposit", "0")
            ),
            ProcessSpec(name="red-team", module="synchromesh.agents.red_team", arguments=(*common, *market)),
            ProcessSpec(name="risk-monitor", module="synchromesh.risk.monitor", arguments=(*directory, "--act")),
        ):
            await stack.supervisor.start(spec)
        await fund_insurance(config, stack.venue.ensure_key("insurance"), INSURANCE)

    async def _stop_agents(self, stack: VenueStack) -> None:
        makers = [f"maker-{number}" for number in range(self._plan.makers)]
        await stack.supervisor.stop([*map(oracle_name, reversed(range(ORACLES))), *makers, "takers", *RISK_AGENTS])

    async def _watch(self, stack: VenueStack, config: VenueConfig, counter: JournalCounter) -> None:
        begin = time.monotonic()
        async with Client(config.websocket_url) as client:
            while (elapsed := time.monotonic() - begin) < self._plan.duration:
                await self._refresh(stack, client, counter, elapsed)
                await asyncio.sleep(REFRESH_SECONDS)

    async def _refresh(self, stack: VenueStack, client: Client, counter: JournalCounter, elapsed: float) -> None:
        view, directory = self.view, self._plan.directory
        await asyncio.to_thread(counter.poll)
        view.counted = counter.summary
        view.elapsed, view.venue_ns = elapsed, client.now_ns()
        with contextlib.suppress(ClientError):
            view.chain = await client.book_summaries()
            symbols = stack.plan.underlyings
            view.indices = {symbol: float(await client.index_price(symbol)) for symbol in symbols}
        view.settlement = read_status(directory, "settlement.json", SettlementStatus)
        view.watch = read_status(directory, WATCHTOWER, WatchStatus)
        view.risk, view.attacks = read_report(directory), read_score(directory)
        view.agents = read_stats(directory)
        view.latency = percentiles([sample for stats in view.agents.values() for sample in stats.ack_ms])
        self._show(view)

    async def _finish(self, stack: VenueStack, config: VenueConfig, counter: JournalCounter) -> Summary:
        """Waits until chain and watchtower have everything that was journaled, and counts."""
        await stack.supervisor.stop(["execution"])
        counter.poll()
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            verdict = self._watched().verdict
            if not verdict.ok or verdict.commands >= counter.summary.commands:
                break
            await asyncio.sleep(0.5)
        summary = counter.summary
        await add_chain(summary, config)
        watch = self.view.watch = self._watched()
        summary.root_verifier, summary.frauds_proven = watch.verdict.root, len(watch.challenges)
        summary.frozen = watch.frozen
        summary.invariants_ok = counter.check()
        samples = [sample for stats in read_stats(self._plan.directory).values() for sample in stats.ack_ms]
        summary.ack_ms = self.view.latency = percentiles(samples)
        self.view.settlement = read_status(self._plan.directory, "settlement.json", SettlementStatus)
        self._add_risk(summary)
        summary.restarts = {name: count for name, count in stack.supervisor.restarts.items() if count}
        return summary

    def _watched(self) -> WatchStatus:
        return read_status(self._plan.directory, WATCHTOWER, WatchStatus)

    def _add_risk(self, summary: Summary) -> None:
        """Adds what the red team and the risk monitor say."""
        score = read_score(self._plan.directory).values()
        summary.red_team_profit = max((float(result.best_profit) for result in score), default=None)
        summary.red_team_owed = max((float(result.worst_owed) for result in score), default=None)
        report = read_report(self._plan.directory)
        summary.shortfall_usd = None if report is None else report.expected_shortfall
