"""A market as parameters: index path, forwards, smiles and strikes, fitted from recorded chains."""

from __future__ import annotations

import gzip
from importlib import resources
from pathlib import Path

import msgspec
import numpy as np

from synchromesh.pricing import black76
from synchromesh.risk.chains import ChainSlice, ChainSnapshot, read_snapshots
from synchromesh.risk.surface import Smile, SurfaceError, fit_surface

BUNDLED = "market_2026-02.json.gz"
"""The set that ships with the package; ``python -m synchromesh.agents.market.fit`` makes it."""
CRASH_DAYS = tuple(f"BTC_ETH_2026-02-{day:02d}.csv.gz" for day in range(4, 8))
"""Recorded files that the demo replays."""
HALF_SPREAD_DEFAULT = 0.01
"""Half bid-ask spread in vol, 1 = 100 %, where none could be measured."""
SIZE_MAX = 5.0
"""Most contracts that a quote shows."""


class MarketDataError(ValueError):
    """Recorded data that cannot be used."""


class FittedSlice(msgspec.Struct, array_like=True):
    """A smile at one snapshot: index of the snapshot, forward in USD, raw SVI parameters."""

    snapshot: int
    forward: float
    a: float
    b: float
    rho: float
    m: float
    sigma: float

    @property
    def smile(self) -> Smile:
        """The slice."""
        return Smile(self.a, self.b, self.rho, self.m, self.sigma)


class RecordedQuote(msgspec.Struct, array_like=True):
    """Where bid and ask stood below and above the fitted mark, USD; None where that side was empty."""

    strike: float
    is_call: bool
    below: float | None
    above: float | None
    size: float


class FittedExpiry(msgspec.Struct):
    """One expiry.

    Attributes:
        expiry: When, ns.
        strikes: Strikes in USD, ascending.
        slices: Its smiles, ascending by snapshot.
        half_spread: Median half spread in vol, 1 = 100 %.
        quotes: Recorded quotes by snapshot; empty in the bundled set.
    """

    expiry: int
    strikes: list[float]
    slices: list[FittedSlice]
    half_spread: float = HALF_SPREAD_DEFAULT
    quotes: dict[int, list[RecordedQuote]] = {}


class FittedUnderlying(msgspec.Struct):
    """One underlying: snapshot times in ns, index at each in USD, expiries ascending."""

    symbol: str
    times: list[int]
    index: list[float]
    expiries: list[FittedExpiry]


class FittedMarket(msgspec.Struct):
    """All underlyings; ``source`` says where the parameters come from."""

    source: str
    underlyings: list[FittedUnderlying]

    def without_quotes(self) -> FittedMarket:
        """Returns the parameters alone, without a row of recorded data."""
        return FittedMarket(
            self.source,
            [
                FittedUnderlying(
                    market.symbol,
                    market.times,
                    market.index,
                    [
                        FittedExpiry(each.expiry, each.strikes, each.slices, each.half_spread)
                        for each in market.expiries
                    ],
                )
                for market in self.underlyings
            ],
        )


def load_bundled() -> FittedMarket:
    """Returns the set that ships with the package."""
    packed = resources.files("synchromesh.data").joinpath(BUNDLED).read_bytes()
    return msgspec.json.decode(gzip.decompress(packed), type=FittedMarket)


def load_recorded(data: Path) -> FittedMarket:
    """Returns the recorded crash days, fitted.

    Args:
        data: Folder that holds ``deribit/snapshots_2026``.

    Raises:
        MarketDataError: When the files are not there.
    """
    folder = data / "deribit" / "snapshots_2026"
    missing = [name for name in CRASH_DAYS if not (folder / name).exists()]
    if missing:
        raise MarketDataError(f"{folder} lacks {', '.join(missing)}")
    snapshots = [snapshot for name in CRASH_DAYS for snapshot in read_snapshots(folder / name)]
    symbols = sorted({snapshot.symbol for snapshot in snapshots})
    parts = [fit_underlying(symbol, [found for found in snapshots if found.symbol == symbol]) for symbol in symbols]
    return FittedMarket("Deribit chains of 2026-02-04 to 2026-02-07", parts)


def fit_underlying(symbol: str, snapshots: list[ChainSnapshot]) -> FittedUnderlying:
    """Fits every slice of every snapshot of one underlying; a snapshot without a sound quote has none."""
    expiries: dict[int, FittedExpiry] = {}
    spreads: dict[int, list[float]] = {}
    for number, snapshot in enumerate(snapshots):
        try:
            surface = fit_surface(snapshot)
        except SurfaceError:
            continue
        for chain, found in zip(snapshot.slices, surface, strict=True):
            fitted = expiries.setdefault(chain.expiry, FittedExpiry(chain.expiry, [], [], quotes={}))
            fitted.slices.append(FittedSlice(number, round(chain.forward, 2), *found.smile.parameters))
            fitted.strikes = sorted({*fitted.strikes, *(float(strike) for strike in chain.strike)})
            fitted.quotes[number] = _quotes(chain, found.smile)
            quotes = found.report.quotes
            spreads.setdefault(chain.expiry, []).extend(((quotes.ask - quotes.bid) / 2).tolist())
    for expiry, half_spreads in spreads.items():
        if half_spreads:
            expiries[expiry].half_spread = round(float(np.median(half_spreads)), 5)
    return FittedUnderlying(
        symbol,
        [snapshot.time for snapshot in snapshots],
        # The front forward, not the recorded index: that one was taken minutes later than the chain's prices.
        [round(snapshot.slices[0].forward, 2) for snapshot in snapshots],
        [expiries[expiry] for expiry in sorted(expiries)],
    )


def _quotes(chain: ChainSlice, smile: Smile) -> list[RecordedQuote]:
    vols = smile.vol(np.log(chain.strike / chain.forward), chain.t)
    mark = np.asarray(black76(chain.forward, chain.strike, chain.t, vols, chain.is_call).price)
    bid, ask = chain.bid * chain.forward, chain.ask * chain.forward
    size = np.clip(chain.open_interest * 0.01, 0.1, SIZE_MAX)
    return [
        RecordedQuote(
            float(chain.strike[row]),
            bool(chain.is_call[row]),
            round(float(mark[row] - bid[row]), 4) if bid[row] > 0 else None,
            round(float(ask[row] - mark[row]), 4) if ask[row] > 0 else None,
            round(float(size[row]), 2),
        )
        for row in range(len(chain.strike))
    ]
