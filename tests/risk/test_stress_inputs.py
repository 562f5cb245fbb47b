"""Bars, the path through them, and the vols of the rule."""

from __future__ import annotations

import gzip
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from synchromesh.clock import DAY_NS, SECOND
from synchromesh.risk.stress.bars import Bars, PriceDataError, price_path, read_bars
from synchromesh.risk.stress.vols import VolRule, ssvi

MINUTE = 60 * SECOND
START = 1_621_382_400 * SECOND


def bars(prices: list[float], step: int = MINUTE) -> Bars:
    close = np.array(prices)
    opened = np.concatenate([close[:1], close[:-1]])
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    return Bars("BTC", step, START + step * np.arange(len(close)), opened, high, low, close)


@pytest.mark.parametrize(
    ("header", "times"),
    [
        ("ts_ms,open,high,low,close,volume", ["1621382400000", "1621382460000", "1621382520000"]),
        ("timestamp,open,high,low,close", ["2021-05-19 00:00:00", "2021-05-19T00:01:00Z", "2021-05-19T00:02:00+00:00"]),
        ("Time,Open,High,Low,Close", ["1621382400", "1621382460", "1621382520"]),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_layouts_of_other_recorders_are_read(tmp_path: Path, header: str, times: list[str], packed: bool) -> None:
    text = "\n".join([header, *(f"{time},100,102,99,101,7" for time in reversed(times))])
    file = tmp_path / ("BTCUSDT_1m.csv.gz" if packed else "BTCUSDT_1m.csv")
    file.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    found = read_bars(file)
    assert (found.symbol, found.step, len(found)) == ("BTC", MINUTE, 3)
    assert found.time[0] == START
    assert found.dropped == 0


def test_rows_that_are_no_bar_are_dropped_and_gaps_counted(tmp_path: Path) -> None:
    rows = ["1621382400000,100,102,99,101", "1621382460000,100,x,99,101", "1621382460000,-1,2,1,1", ",1,1,1,1"]
    rows += ["1621382400000,1,1,1,1", "1621382520000,100,nan,99,101", "1621382580000,101,100.5,102,103"]
    rows += ["1621382580000,101,103,102,103", "1621382640000,103,104,102,103"]
    file = tmp_path / "ETH.csv"
    file.write_text("ts_ms,open,high,low,close\n" + "\n".join(rows))
    found = read_bars(file)
    assert found.symbol == "ETH"
    assert len(found) == 3
    assert found.dropped == 6
    assert found.gaps == 1
    assert found.low[1] == 101, "a bar reaches what it traded"


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8bjunk", b"a,b\n1,2", b"ts_ms,open,high,low\n1,1,1,1", b"ts_ms,open,high,low,close\n1,1,1,1,1"],
)
def test_a_file_without_bars_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "BTC.csv"
    file.write_bytes(content)
    with pytest.raises(PriceDataError, match=r"BTC\.csv"):
        read_bars(file)


def test_the_path_meets_all_four_prices_of_a_bar_in_their_order() -> None:
    up = Bars("BTC", MINUTE, np.array([START]), *(np.array([price]) for price in (100.0, 110.0, 90.0, 105.0)))
    path = price_path(up, 7 * SECOND)
    assert [path.price[0], path.price.min(), path.price.max(), path.price[-1]] == pytest.approx([100, 90, 110, 105])
    assert path.price.argmin() < path.price.argmax(), "it closes above its open: the low comes first"
    assert np.diff(path.time).max() <= 7 * SECOND
    down = Bars("BTC", MINUTE, np.array([START]), *(np.array([price]) for price in (105.0, 110.0, 90.0, 100.0)))
    path = price_path(down, 7 * SECOND)
    assert path.price.argmax() < path.price.argmin()


def test_the_deepest_fall_within_a_day_is_found() -> None:
    prices = [100.0] * 24 + [100, 80] * 12 + [100.0, 70.0] + [70.0] * 22
    found = bars(prices, 3_600 * SECOND)
    assert found.widest_day() == START + 2 * DAY_NS


def test_vols_rise_in_a_fall_most_at_the_front_and_stay_free_of_arbitrage() -> None:
    calm = [50_000 * (1 + 0.0003 * (-1) ** place) for place in range(600)]
    crash = [50_000 * 0.9993**place for place in range(1, 600)]
    rule = VolRule(bars(calm + crash), START + 600 * MINUTE)
    before, after = START + 600 * MINUTE, START + 1_190 * MINUTE
    years = [1 / 365, 7 / 365, 30 / 365, 90 / 365]
    index = crash[589]
    first = [rule.at_the_money(rule.state(before), 50_000, each) for each in years]
    last = [rule.at_the_money(rule.state(after), index, each) for each in years]
    rises = [late - early for early, late in zip(first, last, strict=True)]
    assert all(rise > 0.2 for rise in rises)
    assert rises == sorted(rises, reverse=True)
    smiles = rule.smiles(after, index, years)
    k = np.linspace(-2, 2, 401)
    for near, far in pairwise(smiles):
        assert (far.variance(k) >= near.variance(k) - 1e-12).all(), "no calendar arbitrage"
    assert all((smile.durrleman(k) >= -1e-9).all() for smile in smiles), "no butterfly arbitrage"


def test_the_slope_of_a_smile_is_the_recorded_one() -> None:
    years, sigma = 30 / 365, 0.7
    smile = ssvi(sigma**2 * years)
    step = 1e-4
    slope = np.diff(smile.vol(np.array([-step, step]), years))[0] / (2 * step)
    assert slope * np.sqrt(years) == pytest.approx(-0.155, abs=0.002)
