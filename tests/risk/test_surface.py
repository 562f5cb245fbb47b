"""Smiles: the formula, its arbitrage test, and fits to synthetic and recorded chains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from synchromesh.clock import parse_iso
from synchromesh.pricing import black76
from synchromesh.protocol import NANO_ONE
from synchromesh.risk.chains import ChainError, ChainSlice, read_snapshots
from synchromesh.risk.surface import Smile, SurfaceError, fit_smile, vol_quotes

TRUTH = Smile(a=0.004, b=0.09, rho=-0.35, m=0.03, sigma=0.14)
VOGT = Smile(a=-0.0410, b=0.1331, rho=0.3060, m=0.3586, sigma=0.4153)
"""Axel Vogt's smile (Gatheral and Jacquier 2014, example 3.1), which has butterfly arbitrage."""


def chain_of(smile: Smile, *, t: float = 30 / 365, half_vol: float = 0.01, forward: float = 70_000.0) -> ChainSlice:
    """A chain whose bids and asks straddle ``smile`` by ``half_vol``; prices in coin."""
    strike = np.repeat(np.arange(40_000.0, 120_000.0, 2_500.0), 2)
    is_call = np.arange(len(strike)) % 2 == 1
    vol = smile.vol(np.log(strike / forward), t)
    bid, ask = (black76(forward, strike, t, vol + shift, is_call).price / forward for shift in (-half_vol, half_vol))
    return ChainSlice(0, t, forward, strike, is_call, bid, ask, vol, np.full(len(strike), 10.0))


def test_finds_the_arbitrage_of_the_vogt_smile() -> None:
    k = np.linspace(-1.5, 1.5, 3_001)
    g = VOGT.durrleman(k)
    assert g.min() == pytest.approx(-0.0329, abs=2e-4)
    assert k[g.argmin()] == pytest.approx(0.879, abs=2e-3)
    assert TRUTH.durrleman(k).min() > 0


def test_recovers_a_known_smile() -> None:
    fit = fit_smile(chain_of(TRUTH))
    k = np.linspace(-0.5, 0.5, 101)
    assert fit.error < 5e-4
    assert np.max(np.abs(fit.smile.vol(k, 30 / 365) - TRUTH.vol(k, 30 / 365))) < 5e-3
    assert fit.worst_g > 0


def test_stale_quotes_do_not_bend_the_smile() -> None:
    chain = chain_of(TRUTH)
    stale = np.zeros(len(chain.strike), dtype=bool)
    stale[np.flatnonzero(chain.is_call & (chain.strike > 75_000))[2:5]] = True
    stretched = np.where(stale, 1.6, 1.0)
    broken = ChainSlice(
        0, chain.t, chain.forward, chain.strike, chain.is_call, chain.bid * stretched, chain.ask * stretched,
        chain.mark_iv, chain.open_interest,
    )  # fmt: skip
    k = np.linspace(-0.4, 0.4, 81)
    assert np.median(np.abs(fit_smile(broken).smile.vol(k, chain.t) - TRUTH.vol(k, chain.t))) < 0.01


def test_one_sided_and_crossed_quotes_are_left_out() -> None:
    chain = chain_of(TRUTH)
    all_quotes = len(vol_quotes(chain).k)
    otm = np.flatnonzero(chain.is_call & (chain.strike > chain.forward))
    chain.bid[otm[0]] = 0.0
    chain.ask[otm[1]] = 0.0
    chain.bid[otm[2]], chain.ask[otm[2]] = chain.ask[otm[2]], chain.bid[otm[2]]
    quotes = vol_quotes(chain)
    assert len(quotes.k) == all_quotes - 3
    assert np.all(np.diff(quotes.k) > 0)
    assert np.all(quotes.half > 0)


def test_too_few_quotes_are_refused() -> None:
    chain = chain_of(TRUTH)
    chain.bid[4:-4] = 0.0
    with pytest.raises(SurfaceError, match="are needed"):
        fit_smile(chain)


def test_calendar_total_variance_does_not_fall() -> None:
    later = Smile(a=0.003, b=0.085, rho=-0.35, m=0.03, sigma=0.14)
    fit = fit_smile(chain_of(later, t=31 / 365, half_vol=0.05), TRUTH)
    k = np.linspace(-0.15, 0.15, 61)
    assert np.all(fit.smile.variance(k) >= TRUTH.variance(k) * 0.995)


def test_the_fixed_point_keeps_the_vol() -> None:
    fixed = TRUTH.fixed()
    again = Smile(*(value / NANO_ONE for value in (fixed.a, fixed.b, fixed.rho, fixed.m, fixed.sigma)))
    k = np.linspace(-1, 1, 201)
    assert np.max(np.abs(again.vol(k, 1 / 365) - TRUTH.vol(k, 1 / 365))) < 1e-6


def test_the_fixed_point_never_has_negative_variance() -> None:
    fixed = Smile(a=-0.01, b=0.01, rho=0.1, m=0.0, sigma=0.1).fixed()
    lowest = fixed.a + fixed.b * fixed.sigma / NANO_ONE * (1 - (fixed.rho / NANO_ONE) ** 2) ** 0.5
    assert lowest > 0


def test_mixing_keeps_variance_positive_and_ends_where_it_should() -> None:
    other = Smile(a=-0.009, b=0.2, rho=0.5, m=-0.1, sigma=0.06)
    k = np.linspace(-2, 2, 401)
    assert np.all(other.variance(k) > 0)
    for share in np.linspace(0, 1, 21):
        assert np.all(TRUTH.mixed(other, float(share)).variance(k) > 0)
    np.testing.assert_allclose(TRUTH.mixed(other, 0.0).variance(k), TRUTH.variance(k), rtol=1e-12)
    np.testing.assert_allclose(TRUTH.mixed(other, 1.0).variance(k), other.variance(k), rtol=1e-9)


def test_reads_a_recorded_day(data_folder: Path) -> None:
    snapshots = read_snapshots(data_folder / "deribit" / "snapshots_2026" / "BTC_ETH_2026-02-05.csv.gz")
    assert [snapshot.symbol for snapshot in snapshots] == ["BTC", "ETH"] * 4
    first = snapshots[0]
    assert first.time == parse_iso("2026-02-05T04:29:52.233617+00:00")
    assert 70_000 < first.index < 71_500
    for chain in first.slices:
        assert abs(chain.forward / first.index - 1) < 0.06
        assert np.all(np.diff(chain.strike) >= 0)
        assert chain.t > 0
    assert [chain.expiry for chain in first.slices] == sorted(chain.expiry for chain in first.slices)


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("timestamp,currency,price\n2026-02-05T00:00:00Z,BTC,1\n")
    with pytest.raises(ChainError, match=r"other\.csv is no chain snapshot"):
        read_snapshots(path)


def test_fits_the_crash(data_folder: Path) -> None:
    """The snapshot at the bottom of 5 February: fitted vols lie inside the market, close to the exchange's marks."""
    snapshots = read_snapshots(data_folder / "deribit" / "snapshots_2026" / "BTC_ETH_2026-02-05.csv.gz")
    inside, errors = [], []
    for snapshot in snapshots[-2:]:
        below = None
        for chain in snapshot.slices:
            fit = fit_smile(chain, below)
            below = fit.smile
            vol = fit.smile.vol(np.log(chain.strike / chain.forward), chain.t)
            marked = chain.mark_iv > 0
            greeks = black76(chain.forward, chain.strike, chain.t, np.where(marked, chain.mark_iv, 0.5), chain.is_call)
            delta = np.abs(greeks.delta)
            central = marked & (delta > 0.05) & (delta < 0.95)
            price = black76(chain.forward, chain.strike, chain.t, vol, chain.is_call).price / chain.forward
            quoted = central & (chain.bid > 0) & (chain.ask > chain.bid)
            inside.extend(((price >= chain.bid) & (price <= chain.ask))[quoted].tolist())
            errors.extend(np.abs(vol - chain.mark_iv)[central].tolist())
            assert fit.worst_g > -0.01
    assert len(inside) > 300
    assert np.mean(inside) > 0.9
    assert np.median(errors) < 0.01
