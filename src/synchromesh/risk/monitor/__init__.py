"""The live risk monitor: odds and depth of insolvency over the accounts as they stand, simulated continuously.

It reads the journal, as any verifier does, and keeps an engine of its own; it never asks the venue's. Every report
simulates the next day of all underlyings by a jump diffusion, revalues every position at every step, and liquidates an
account at the first step at which it is below its maintenance margin, at the prices of that step. What accounts then
cannot pay is what the insurance fund would.
"""

from synchromesh.client.types import AccountOdds, RiskReport, UnderlyingOdds
from synchromesh.risk.monitor.guard import Guard, Limits
from synchromesh.risk.monitor.market import JumpDiffusion, Paths, simulate
from synchromesh.risk.monitor.report import assess
from synchromesh.risk.monitor.service import Monitor, MonitorPlan, read_report

__all__ = [
    "AccountOdds",
    "Guard",
    "JumpDiffusion",
    "Limits",
    "Monitor",
    "MonitorPlan",
    "Paths",
    "RiskReport",
    "UnderlyingOdds",
    "assess",
    "read_report",
    "simulate",
]
