"""Recomputes a recorded Deribit chain with all its Greeks (inverse options: prices in coin)."""

from __future__ import annotations

import ast
import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from synchromesh.pricing import Greeks, VolStatus, black76, implied_vol_status

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def rows(data_folder: Path) -> Rows:
    with gzip.open(data_folder / "deribit" / "full_greeks" / "BTC_2020-05-21T2319Z.csv.gz", "rt") as file:
        return [row for row in csv.DictReader(file) if float(row["mark_iv"]) > 0]


def column(rows: Rows, name: str) -> np.ndarray:
    return np.array([float(row[name]) for row in rows])


def years(rows: Rows) -> np.ndarray:
    return (column(rows, "expiration_timestamp") - column(rows, "timestamp")) / 1000 / 31_536_000


def recompute(rows: Rows) -> Greeks:
    calls = [row["option_type"] == "call" for row in rows]
    forward, strike = column(rows, "underlying_price"), column(rows, "strike")
    return black76(forward, strike, years(rows), column(rows, "mark_iv") / 100, calls)


def published(rows: Rows, name: str) -> np.ndarray:
    return np.array([ast.literal_eval(row["greeks"])[name] for row in rows])


def test_prices_and_deltas_match(rows: Rows) -> None:
    assert len(rows) > 300
    ours = recompute(rows)
    price_error = np.abs(ours.price / column(rows, "underlying_price") - column(rows, "mark_price"))
    delta_error = np.abs(ours.delta - published(rows, "delta"))
    assert np.median(price_error) <= 1e-5
    assert np.percentile(price_error, 99) <= 2e-4
    assert np.median(delta_error) <= 1e-5
    assert np.max(delta_error) <= 2e-4


@pytest.mark.parametrize(("name", "median_max"), [("gamma", 5e-6), ("vega", 2e-4), ("theta", 2e-3), ("rho", 1e-4)])
def test_the_other_greeks_follow_the_conventions(rows: Rows, name: str, median_max: float) -> None:
    error = np.abs(getattr(recompute(rows), name) - published(rows, name))
    assert np.median(error) <= median_max


def test_vols_are_found_from_mark_prices(rows: Rows) -> None:
    ours = recompute(rows)
    # Mark prices carry eight decimals: enough for the vol where a vol point moves them by far more than that.
    forward = column(rows, "underlying_price")
    clear = ours.vega / forward > 1e-4
    calls = np.array([row["option_type"] == "call" for row in rows])
    found, status = implied_vol_status(
        column(rows, "mark_price") * forward, forward, column(rows, "strike"), years(rows), calls
    )
    assert np.count_nonzero(clear) > 200
    assert np.all(status[clear] == VolStatus.FOUND)
    assert np.median(np.abs(found * 100 - column(rows, "mark_iv"))[clear]) < 0.05
