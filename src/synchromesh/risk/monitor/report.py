"""Odds and depth of insolvency: what the insurance fund would pay on simulated paths."""

from __future__ import annotations

import msgspec
import numpy as np

from synchromesh.client.types import AccountOdds, RiskReport, UnderlyingOdds
from synchromesh.risk.monitor.exposure import Exposure
from synchromesh.risk.monitor.market import FloatArray, Paths, alone

TAIL = 0.01
"""Share of the worst paths that the expected shortfall averages."""
ACCOUNTS_REPORTED = 20
"""Most accounts that a report names, the likeliest to fail first."""


class Outcome(msgspec.Struct, frozen=True):
    """What becomes of each account on each path.

    Attributes:
        liquidated: Whether it fell below its maintenance margin, (accounts, paths).
        deficit: What it could not pay, (accounts, paths), USD.
    """

    liquidated: FloatArray
    deficit: FloatArray


def run_paths(exposure: Exposure, paths: Paths, slippage: float) -> Outcome:
    """Follows every account along every path to the step at which it is liquidated, and closes it there.

    Maintenance margin stays what it is now; closing costs ``slippage`` of the notional. Between two steps nothing is
    done, so a jump is met in full: that errs toward deficits.

    Args:
        exposure: The accounts.
        paths: What happens.
        slippage: Share of the notional that closing costs.
    """
    shape = (len(exposure.account), paths.count)
    liquidated = np.zeros(shape, np.bool_)
    deficit = np.zeros(shape)
    cost = slippage * exposure.notional[:, None]
    for step in range(len(paths.days)):
        equity = exposure.equity[:, None] + exposure.contracts @ exposure.instruments.pnl(paths, step)
        now = ~liquidated & (equity < exposure.maintenance[:, None])
        deficit += np.where(now, np.maximum(cost - equity, 0.0), 0.0)
        liquidated |= now
    return Outcome(liquidated.astype(np.float64), deficit)


def expected_shortfall(losses: FloatArray) -> float:
    """Mean of the worst `TAIL` of ``losses``, at least of one."""
    worst = max(1, round(TAIL * len(losses)))
    return float(np.sort(losses)[-worst:].mean())


def assess(exposure: Exposure, paths: Paths, *, slippage: float) -> RiskReport:
    """Returns the report of one set of paths; time, sequence and seconds are the caller's to fill in."""
    outcome = run_paths(exposure, paths, slippage)
    total = outcome.deficit.sum(axis=0)
    underlyings = {}
    for symbol in paths.spot:
        own = run_paths(exposure, alone(paths, symbol), slippage).deficit
        underlyings[symbol] = UnderlyingOdds(
            insolvency=float((own > 0).any(axis=0).mean()), expected_shortfall=expected_shortfall(own.sum(axis=0))
        )
    return RiskReport(
        horizon_days=float(paths.days[-1]),
        paths=paths.count,
        accounts=len(exposure.account),
        insurance=exposure.insurance,
        mean_deficit=float(total.mean()),
        expected_shortfall=expected_shortfall(total),
        fund_exhausted=float((total > exposure.insurance).mean()),
        underlyings=underlyings,
        worst=_worst(exposure, outcome),
    )


def _worst(exposure: Exposure, outcome: Outcome) -> tuple[AccountOdds, ...]:
    insolvency = (outcome.deficit > 0).mean(axis=1)
    liquidation = outcome.liquidated.mean(axis=1)
    order = np.lexsort((exposure.account, -liquidation, -insolvency))[:ACCOUNTS_REPORTED]
    return tuple(
        AccountOdds(
            subaccount=int(exposure.account[place]),
            equity=float(exposure.equity[place]),
            maintenance=float(exposure.maintenance[place]),
            liquidation=float(liquidation[place]),
            insolvency=float(insolvency[place]),
            mean_deficit=float(outcome.deficit[place].mean()),
        )
        for place in order
        if liquidation[place] > 0
    )
