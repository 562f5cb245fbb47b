"""Random books of options, and the shocks that tests meet them with."""

from __future__ import annotations

import numpy as np

from synchromesh.risk.revaluation import Positions, Scenarios


def random_book(count: int, accounts: int = 1) -> Positions:
    """From expired to a year, vols of 5–200 %, strikes far on both sides; accounts in no order."""
    random = np.random.default_rng(count)
    forward = 70_000.0 * np.exp(random.normal(0, 0.1, count))
    return Positions(
        forward=forward,
        strike=forward * np.exp(random.normal(0, 0.3, count)),
        t=random.choice([0.0, 1 / 8_760, 1 / 365, 0.1, 1.0], count),
        sigma=random.uniform(0.05, 2.0, count),
        is_call=random.random(count) < 0.5,
        size=random.normal(0, 10, count),
        account=random.integers(0, accounts, count),
        accounts=accounts,
    )


def shocks() -> Scenarios:
    """Crashes and rallies, vols to nothing and doubled, hours to a month."""
    return Scenarios.grid(spot=[-0.6, -0.2, 0.0, 0.001, 2.0], vol=[-1.0, -0.5, 0.0, 1.0], days=[0.0, 0.02, 1.0, 30.0])
