"""The risk monitor: simulates the next day over the live accounts, over and over, and publishes what it finds."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import structlog

from synchromesh.client import Client, ClientError
from synchromesh.client.types import RiskReport
from synchromesh.config import ConfigError, VenueDirectory
from synchromesh.files import write_json
from synchromesh.operations.administration import Administrators
from synchromesh.protocol import Mode, SetMode
from synchromesh.risk.monitor.follower import Follower
from synchromesh.risk.monitor.guard import Guard
from synchromesh.risk.monitor.market import JumpDiffusion, simulate
from synchromesh.risk.monitor.report import assess

log = structlog.get_logger(__name__)

REPORT_NAME = "risk.json"
"""File of the venue directory with the last report."""


class MonitorPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the monitor does.

    Attributes:
        paths: Simulated paths of a report.
        steps: Steps of a path.
        days: Horizon.
        slippage: Share of the notional that closing an account costs.
        interval: Real seconds from one report to the next, at least.
        seed: Of the draws.
        model: How markets move.
    """

    paths: int = 500
    steps: int = 12
    days: float = 1.0
    slippage: float = 0.005
    interval: float = 2.0
    seed: int = 1
    model: JumpDiffusion = JumpDiffusion()


class Monitor:
    """Follows a venue directory.

    Args:
        directory: The venue directory.
        plan: What to do.
        guard: Moves the venue's mode; None: only reports.
    """

    def __init__(self, directory: Path, plan: MonitorPlan, guard: Guard | None = None) -> None:
        self._path = directory / REPORT_NAME
        self._venue = VenueDirectory(directory)
        self._follower = Follower(self._venue.journal)
        self._plan = plan
        self._guard = guard
        self._rng = np.random.default_rng(plan.seed)

    async def run(self) -> None:
        """Reports until cancelled."""
        while True:
            begun = time.monotonic()
            report = await asyncio.to_thread(self.report)
            if report is not None:
                await self._publish(report)
                await self._act(report)
            await asyncio.sleep(max(self._plan.interval - (time.monotonic() - begun), 0.1))

    def report(self) -> RiskReport | None:
        """Takes what was journaled, and returns the next report; None while nobody holds anything."""
        begun = time.monotonic()
        self._follower.poll()
        vols = self._follower.vols()
        exposure = self._follower.exposure()
        if not vols or not len(exposure.account):
            return None
        plan = self._plan
        paths = simulate(plan.model, vols, paths=plan.paths, steps=plan.steps, days=plan.days, rng=self._rng)
        report = assess(exposure, paths, slippage=plan.slippage)
        return msgspec.structs.replace(
            report, time=self._follower.time, sequence=self._follower.sequence, seconds=time.monotonic() - begun
        )

    async def _publish(self, report: RiskReport) -> None:
        """To the venue's API, and to a file, which survives the venue."""
        write_json(self._path, report)
        try:
            async with Client(self._venue.read().websocket_url) as client:
                token = self._venue.operator_token()
                await client.request("operator/risk_report", token=token, report=msgspec.to_builtins(report))
        except (ClientError, OSError) as error:
            log.warning("risk_report", error=str(error))

    async def _act(self, report: RiskReport) -> None:
        changes = {} if self._guard is None else self._guard.decide(report)
        for symbol, mode in changes.items():
            log.warning("risk_moves_mode", symbol=symbol, mode=mode.word, insurance=report.insurance)
            try:
                await self._set_mode(symbol, mode)
            except (ClientError, ConfigError, OSError) as error:
                log.warning("mode_refused", symbol=symbol, mode=mode.word, error=str(error))

    async def _set_mode(self, symbol: str, mode: Mode) -> None:
        underlying = self._venue.read().underlying_id(symbol)
        async with Client(self._venue.read().websocket_url) as client:
            await Administrators(self._venue, client).send(partial(SetMode, underlying, mode))


def read_report(directory: Path) -> RiskReport | None:
    """Returns the last report of a venue; None before the first."""
    try:
        return msgspec.json.decode((directory / REPORT_NAME).read_bytes(), type=RiskReport)
    except FileNotFoundError:
        return None
