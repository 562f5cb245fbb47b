"""The replayed market: a function of time alone, faithful to the recorded chains at their moments."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from synchromesh.agents.market import FittedMarket, MarketPath, load_bundled, load_recorded, open_path
from synchromesh.clock import SECOND, parse_iso
from synchromesh.protocol import InstrumentKind
from synchromesh.risk.chains import read_snapshots

DAY = 86_400 * SECOND
FRIDAY = parse_iso("2026-02-06T08:00:00Z")


@pytest.fixture(scope="module")
def bundled() -> FittedMarket:
    return load_bundled()


@pytest.fixture(scope="module")
def recorded() -> FittedMarket:
    folder = os.environ.get("SYNCHROMESH_DATA")
    if not folder:
        pytest.skip("SYNCHROMESH_DATA names no folder of recorded market data")
    return load_recorded(Path(folder))


def moments(path: MarketPath, count: int = 40) -> list[int]:
    rng = np.random.default_rng(3)
    return [int(time) for time in rng.integers(path.start_ns, path.end_ns, count)]


def test_the_bundled_set_is_small_and_holds_no_quotes(bundled: FittedMarket) -> None:
    files = [entry for entry in resources.files("synchromesh.data").iterdir() if not entry.name.endswith(".py")]
    assert sum(len(entry.read_bytes()) for entry in files if entry.is_file()) <= 200_000
    assert [part.symbol for part in bundled.underlyings] == ["BTC", "ETH"]
    assert all(len(part.times) == 16 for part in bundled.underlyings)
    assert not any(expiry.quotes for part in bundled.underlyings for expiry in part.expiries)


def test_the_same_moment_is_the_same_market(bundled: FittedMarket) -> None:
    one, other = MarketPath(bundled), MarketPath(load_bundled())
    times = moments(one, 10)
    forwards = [one.quotes(time) for time in times]
    backwards = [other.quotes(time) for time in reversed(times)]
    assert forwards == backwards[::-1]


def one_expiries(path: MarketPath, symbol: str, time: int) -> set[int]:
    return {series.expiry for series in path.series(symbol, time) if series.expiry}


def test_another_seed_is_another_path_through_the_same_snapshots(bundled: FittedMarket) -> None:
    one, other = MarketPath(bundled, seed=1), MarketPath(bundled, seed=2)
    for part in bundled.underlyings:
        for time, index in zip(part.times, part.index, strict=True):
            assert one.index(part.symbol, time) == pytest.approx(index, rel=1e-12)
            assert other.index(part.symbol, time) == pytest.approx(index, rel=1e-12)
    apart = [abs(one.index("BTC", time) / other.index("BTC", time) - 1) for time in moments(one)]
    assert np.median(apart) > 1e-3


def test_the_bridge_moves_at_the_vol_of_the_surface(bundled: FittedMarket) -> None:
    path = MarketPath(bundled)
    times = range(path.start_ns, path.end_ns, 60 * SECOND)
    returns = {symbol: np.diff(np.log([path.index(symbol, time) for time in times])) for symbol in path.symbols}
    vols = {symbol: float(np.std(moves) * np.sqrt(365 * 1440)) for symbol, moves in returns.items()}
    assert 0.4 < vols["BTC"] < 1.5
    assert vols["BTC"] < vols["ETH"] < 2.0
    assert np.corrcoef(returns["BTC"], returns["ETH"])[0, 1] > 0.7


def test_jump_mode_stands_still_between_snapshots(bundled: FittedMarket) -> None:
    path = MarketPath(bundled, mode="jump")
    btc = bundled.underlyings[0]
    assert path.index("BTC", btc.times[5] - 1) == btc.index[4]
    assert path.index("BTC", btc.times[5]) == btc.index[5]
    with pytest.raises(ValueError, match="mode"):
        MarketPath(bundled, mode="drift")


def test_after_the_last_snapshot_the_index_stands_still(bundled: FittedMarket) -> None:
    path = MarketPath(bundled)
    assert path.index("BTC", path.end_ns + DAY) == bundled.underlyings[0].index[-1]
    assert path.series("BTC", path.end_ns + DAY)


def test_series_come_and_go(bundled: FittedMarket) -> None:
    path = MarketPath(bundled)
    before, after = (one_expiries(path, "BTC", time) for time in (FRIDAY - SECOND, FRIDAY))
    assert FRIDAY in before
    assert FRIDAY not in after
    assert one_expiries(path, "BTC", path.end_ns) - one_expiries(path, "BTC", path.start_ns)
    listed = path.series("BTC", path.start_ns)
    assert (listed[0].name, listed[0].kind) == ("BTC_USDC-PERPETUAL", InstrumentKind.PERPETUAL)
    names = [series.name for series in listed]
    assert "BTC_USDC-6FEB26-88000-P" in names
    assert len(set(names)) == len(names) > 500


def test_specs_are_what_the_engine_lists(bundled: FittedMarket) -> None:
    path = MarketPath(bundled)
    for symbol in path.symbols:
        for series in path.series(symbol, path.start_ns):
            spec = series.spec(1, 1)
            assert spec.tick_size * spec.lot_size % 10**8 == 0, "a fill's cash is a whole number of micro-USDC"
            assert (spec.strike > 0) == (spec.kind == InstrumentKind.OPTION)


def test_the_forward_becomes_the_settlement_price_over_the_last_half_hour(bundled: FittedMarket) -> None:
    path = MarketPath(bundled)

    def forward(time: int) -> float:
        [live] = [live for live in path._paths["BTC"].live(time) if live.fitted.expiry == FRIDAY]
        return live.forward

    start = FRIDAY - 1_800 * SECOND
    window = [path.index("BTC", start + second * SECOND) for second in range(5, 1_800, 10)]
    assert forward(FRIDAY - 1) == pytest.approx(np.mean(window), rel=1e-9)
    assert abs(forward(start) - forward(start - 1)) < 1e-6, "the window begins without a step"
    half = FRIDAY - 900 * SECOND
    assert forward(half) == pytest.approx((np.mean(window[:90]) + path.index("BTC", half)) / 2, rel=1e-6)
    assert abs(np.mean(window) / path.index("BTC", FRIDAY) - 1) > 1e-4, "the average is another price than the last"


def test_the_perpetual_trades_near_the_index(bundled: FittedMarket) -> None:
    path = MarketPath(bundled)
    premia = []
    for time in moments(path, 20):
        quote = path.perpetual_quote("BTC", time)
        assert quote.bid < quote.ask
        premia.append((quote.bid + quote.ask) / 2 / path.index("BTC", time) - 1)
        assert premia[-1] == pytest.approx(path._paths["BTC"].premium(time), abs=1e-12)
    assert 0 < max(map(abs, premia)) <= 0.005


def test_smiles_stay_free_of_arbitrage_between_snapshots(bundled: FittedMarket) -> None:
    path = MarketPath(bundled)
    for time in moments(path, 20):
        for symbol in path.symbols:
            before = None
            for live in path._paths[symbol].live(time):
                deviation = np.sqrt(live.smile.variance(np.zeros(1))[0])
                assert live.smile.durrleman(np.linspace(-4, 4, 161) * deviation).min() >= 0
                if before is not None:
                    k = np.linspace(-2.5, 2.5, 81) * np.sqrt(before.variance(np.zeros(1))[0])
                    assert np.all(live.smile.variance(k) >= before.variance(k))
                before = live.smile


def test_quotes_straddle_the_mark(bundled: FittedMarket) -> None:
    path = MarketPath(bundled)
    for time in moments(path, 5):
        quotes = path.quotes(time)
        assert len(quotes) > 1_000
        assert all(quote.bid < quote.ask for quote in quotes.values())
        assert {series.name for series in path.series("ETH", time)} <= set(quotes)


def test_recorded_quotes_come_back_at_their_snapshot(recorded: FittedMarket) -> None:
    """Bid and ask in coin times the expiry's forward are bid and ask in USDC."""
    path = MarketPath(recorded)
    folder = Path(os.environ["SYNCHROMESH_DATA"]) / "deribit" / "snapshots_2026"
    snapshot = next(found for found in read_snapshots(folder / "BTC_ETH_2026-02-06.csv.gz") if found.symbol == "BTC")
    quotes = path.quotes(snapshot.time)
    compared = 0
    for chain in snapshot.slices:
        day = {series.expiry: series.name.split("-")[1] for series in path.series("BTC", snapshot.time)}[chain.expiry]
        for row, strike in enumerate(chain.strike):
            quote = quotes[f"BTC_USDC-{day}-{strike:g}-{'C' if chain.is_call[row] else 'P'}"]
            # The forward of the fit is rounded to a cent, and the offsets to a hundredth of one.
            assert quote.bid == pytest.approx(chain.bid[row] * chain.forward, abs=0.02)
            assert quote.ask == pytest.approx(chain.ask[row] * chain.forward, abs=0.02)
            compared += 1
    assert compared > 800


def test_a_cached_market_is_the_same_market(bundled: FittedMarket, tmp_path: Path) -> None:
    cache = tmp_path / "market.msgpack"
    first = open_path(None, seed=5, cache=cache)
    again = open_path(cache, seed=5)
    time = moments(first, 1)[0]
    assert again.index("ETH", time) == first.index("ETH", time)
    assert again.quotes(time) == first.quotes(time)
