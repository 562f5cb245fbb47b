"""Scenario revaluation: the P&L of a book of options under shocks of spot, vol and time, on the processor or a GPU.

A position is revalued in full under each scenario, by Black-76 on the shocked forward, vol and time:

    pnl = size · (V(F·(1 + spot), K, max(T − days/365, 0), σ·(1 + vol)) − V(F, K, T, σ))

in the currency of the forward. `account_pnl` adds it up by account, in pieces, so that a million options under a
thousand scenarios need no more memory than the result; `position_pnl` keeps every position apart.

Two backends do the same work. `Native`, the default, is the kernel that marks positions (`synchromesh.pricing`), on
any number of threads. `Accelerator` runs the same formulas as one JAX program on a GPU; it needs the extra
``synchromesh[gpu]``. They agree within `TOLERANCE` (see there); neither is part of the venue's state machine, which
computes with the native kernel alone.

Example:
    >>> import numpy as np
    >>> from synchromesh.risk import revaluation
    >>> strangle = {"strike": [60_000.0, 80_000.0], "is_call": [False, True]}
    >>> book = revaluation.Positions(forward=70_000.0, t=30 / 365, sigma=0.55, size=-1.0, **strangle)
    >>> crash = revaluation.Scenarios.grid(spot=[-0.3, 0.0], vol=[0.5])
    >>> revaluation.account_pnl(book, crash).round(0)
    array([[-12228.,  -2827.]])
"""

from synchromesh.risk.revaluation.accelerator import Accelerator, AcceleratorMissing, Program
from synchromesh.risk.revaluation.book import BookError, Positions, ScenarioError, Scenarios
from synchromesh.risk.revaluation.native import Native
from synchromesh.risk.revaluation.revalue import TOLERANCE, Backend, account_pnl, position_pnl

__all__ = [
    "TOLERANCE",
    "Accelerator",
    "AcceleratorMissing",
    "Backend",
    "BookError",
    "Native",
    "Positions",
    "Program",
    "ScenarioError",
    "Scenarios",
    "account_pnl",
    "position_pnl",
]
