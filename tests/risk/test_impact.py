"""The impact model: recorded books in, a law that beats the half spread out of sample."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from synchromesh.risk.impact import (
    BookDataError,
    ImpactModel,
    Ladder,
    Study,
    fit,
    observe,
    read_chain_books,
    read_depth_stream,
    score,
    study,
)
from synchromesh.risk.impact.study import CHAIN_BOOKS
from synchromesh.risk.parameters import DEFAULT_RISK


def ladder(group: int, distance: list[float], size: list[float], vol: float = 0.8) -> Ladder:
    return Ladder(group, np.array(distance), np.array(size), distance[0], vol, 10.0, 10_000.0)


def test_the_cost_of_a_size_is_the_mean_over_the_levels_it_takes() -> None:
    one = ladder(0, [1.0, 2.0, 4.0], [10.0, 10.0, 20.0])
    costs = one.cost(np.array([5.0, 10.0, 15.0, 40.0, 41.0]))
    np.testing.assert_allclose(costs[:4], [1.0, 1.0, (10 + 10) / 15, (10 + 20 + 80) / 40])
    assert np.isnan(costs[4]), "the book holds less"


def test_a_known_law_is_found_again() -> None:
    truth = ImpactModel(a=1.5, beta=0.8, gamma=1.2)
    random = np.random.default_rng(1)
    seen = observe(ladder(group, [1.0, 9.0], [5.0, 5.0], float(random.uniform(0.4, 1.4))) for group in range(60))
    noise = np.exp(random.normal(0, 0.05, len(seen)))
    known = type(seen)(seen.group, seen.half_spread, seen.depth, seen.vol, seen.size, truth.predict(seen) * noise)
    found = fit(known)
    assert found.a == pytest.approx(truth.a, rel=0.05)
    assert found.beta == pytest.approx(truth.beta, abs=0.05)
    assert found.gamma == pytest.approx(truth.gamma, abs=0.1)
    assert score(found.predict(known), known.cost).log_error < 0.07


def test_a_stream_is_rebuilt_from_its_snapshot_and_updates(tmp_path: Path) -> None:
    file = tmp_path / "stream.gz"
    update = {"data": {"e": "depthUpdate", "b": [["99.99", "0"], ["99.98", "2"]], "a": [["100.03", "7"]]}}
    snapshot = {"lastUpdateId": 1, "bids": [["99.99", "5"]], "asks": [["100.01", "3"]]}
    lines = (f"1 {json.dumps(update)}", f"2 {json.dumps(snapshot)}", f"3 {json.dumps(update)}")
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    below, above = read_depth_stream(file, 0.6)
    assert below.size.tolist() == [2.0]
    assert above.size.tolist() == [3.0, 7.0]
    assert below.distance[0] == pytest.approx(above.distance[0])


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "bids,asks,greeks,underlying_price,mark_iv\n[[,x,{},1,1\n"])
def test_a_file_that_holds_no_books_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "books.csv.gz"
    file.write_bytes(gzip.compress(text.encode()))
    with pytest.raises(BookDataError):
        read_chain_books(file)


@pytest.fixture(scope="module")
def data() -> Path:
    folder = os.environ.get("SYNCHROMESH_DATA")
    if folder is None or not (Path(folder) / CHAIN_BOOKS).exists():
        pytest.skip("needs the recorded books of SYNCHROMESH_DATA")
    return Path(folder)


@pytest.fixture(scope="module")
def found(data: Path) -> Study:
    return study(data)


def test_the_law_beats_the_half_spread_on_what_it_has_not_seen(found: Study) -> None:
    assert found.options.power.log_error < 0.7 * found.options.constant.log_error
    assert found.options.power.absolute < 0.9 * found.options.constant.absolute
    assert found.unseen.log_error < 0.7 * found.unseen_constant.log_error
    assert found.perpetual.power.absolute < 0.5 * found.perpetual.constant.absolute
    assert abs(found.options.power.bias) < 0.1, "it is not cheap on average"


def test_margin_assumes_no_deeper_markets_than_were_recorded(found: Study) -> None:
    for depths in found.depths:
        margin = DEFAULT_RISK[depths.symbol].margin
        assert margin.delta_depth / 1e8 <= depths.delta
        assert margin.vega_depth / 1e6 <= depths.vega
        assert margin.strike_depth / 1e8 <= depths.strike
