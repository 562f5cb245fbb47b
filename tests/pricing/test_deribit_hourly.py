"""Deribit's five published Greeks, hour by hour, and the marks of a crash.

The hourly chains say neither the forward nor the minute at which they were taken. Both follow from the published
numbers: the time, one per hour for the whole chain, from the ratio of theta to vega of the options near the money that
have one and a half to thirty days to go; the forward, one per expiry, from their deltas. All else is recomputed.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from scipy.special import ndtri

from synchromesh.pricing import black76

YEAR = timedelta(days=365)
GREEKS = ("delta", "gamma", "vega", "theta", "rho")


class Expiry(NamedTuple):
    """An expiry of one hour's chain; `t` counts from the full hour."""

    t: float
    strike: np.ndarray
    sigma: np.ndarray
    is_call: np.ndarray
    published: dict[str, np.ndarray]

    def near_the_money(self) -> np.ndarray:
        above = np.where(self.is_call, self.published["delta"], 1 + self.published["delta"])
        return np.flatnonzero((above > 0.3) & (above < 0.7))

    def times(self) -> np.ndarray:
        """Years to expiry by theta/vega = −σ/(2T)·100/365."""
        at = self.near_the_money()
        return -self.sigma[at] * 100 / (2 * 365) * self.published["vega"][at] / self.published["theta"][at]

    def forward(self, t: float) -> float:
        """F = K·exp(d1·σ√T − σ²T/2) with d1 from the delta."""
        at = self.near_the_money()
        deviation = self.sigma[at] * np.sqrt(t)
        above = np.where(self.is_call, self.published["delta"], 1 + self.published["delta"])[at]
        return float(np.median(self.strike[at] * np.exp(ndtri(above) * deviation - deviation**2 / 2)))


def expiry(rows: list[dict[str, str]]) -> Expiry:
    def column(name: str) -> np.ndarray:
        return np.array([float(row[name]) for row in rows])

    at = datetime.fromisoformat(rows[0]["expiry_date"]) + timedelta(hours=8)
    return Expiry(
        t=(at - datetime.fromisoformat(rows[0]["date"])) / YEAR,
        strike=column("strike"),
        sigma=column("mark_iv") / 100,
        is_call=np.array([row["type"] == "call" for row in rows]),
        published={name: column(name) for name in GREEKS},
    )


class Recomputed(NamedTuple):
    ours: dict[str, np.ndarray]
    published: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def recomputed(data_folder: Path) -> Recomputed:
    hours: dict[str, dict[str, list[dict[str, str]]]] = defaultdict(lambda: defaultdict(list))
    with gzip.open(data_folder / "deribit" / "hourly_greeks" / "BTC_2026-01-23_hourly.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            hours[row["date"]][row["expiry_date"]].append(row)
    columns: dict[str, list[np.ndarray]] = defaultdict(list)
    for chain in hours.values():
        expiries = [expiry(rows) for rows in chain.values()]
        clear = [e for e in expiries if 1.5 / 365 < e.t < 30 / 365 and e.near_the_money().size]
        late = np.median(np.concatenate([e.t - e.times() for e in clear]))
        for e in expiries:
            if e.t <= late or not e.near_the_money().size:
                continue
            forward = e.forward(e.t - late)
            ours = black76(forward, e.strike, e.t - late, e.sigma, e.is_call)
            for name in GREEKS:
                columns[name].append(getattr(ours, name))
                columns[f"published {name}"].append(e.published[name])
            columns["price"].append(ours.price)
    whole = {name: np.concatenate(parts) for name, parts in columns.items()}
    # Deribit lets no option lose more in a day than it is worth.
    whole["theta"] = np.maximum(whole["theta"], -whole["price"])
    return Recomputed(whole, {name: whole[f"published {name}"] for name in GREEKS})


@pytest.mark.parametrize(
    ("name", "median_max", "most"),
    [("delta", 1e-5, 5e-4), ("gamma", 5e-6, 6e-6), ("vega", 5e-3, 0.05), ("theta", 1e-2, 0.5), ("rho", 2e-3, 0.03)],
)
def test_all_five_greeks_of_every_hour(recomputed: Recomputed, name: str, median_max: float, most: float) -> None:
    error = np.abs(recomputed.ours[name] - recomputed.published[name])
    assert error.size > 14_000
    assert np.median(error) <= median_max
    assert np.percentile(error, 99) <= most


def test_prices_of_a_crash(data_folder: Path) -> None:
    """The marks of 48 chains, some of them from the days of a fall of 17 %, by their vols."""
    errors = []
    for path in sorted((data_folder / "deribit" / "snapshots_2026").glob("BTC_ETH_*.csv.gz")):
        with gzip.open(path, "rt") as file:
            rows = [row for row in csv.DictReader(file) if float(row["implied_volatility"] or 0) > 0]
        forward, strike, sigma, mark = (
            np.array([float(row[name]) for row in rows])
            for name in ("underlying", "strike", "implied_volatility", "mark_price")
        )
        t = [
            (datetime.fromisoformat(row["expiry_datetime"]) - datetime.fromisoformat(row["timestamp"])) for row in rows
        ]
        ours = black76(
            forward,
            strike,
            np.array([left / YEAR for left in t]),
            sigma,
            [row["option_type"] == "call" for row in rows],
        )
        errors.append(np.abs(ours.price / forward - mark))
    assert np.concatenate(errors).size > 60_000
    assert np.median(np.concatenate(errors)) <= 1e-5
