"""Volatility surfaces: raw SVI per expiry, fitted to quotes, free of butterfly and calendar arbitrage.

:func:`fit_surface` fits a recorded chain, :func:`fit_quotes` live quotes; ``docs/surfaces.md`` has the method.

Example:
    >>> from pathlib import Path
    >>> from synchromesh.risk.chains import read_snapshots
    >>> from synchromesh.risk.surface import fit_surface
    >>> chain = read_snapshots(Path("chain.csv.gz"))[0]                               # doctest: +SKIP
    >>> [(each.t, float(each.vol(70_000.0))) for each in fit_surface(chain)]          # doctest: +SKIP
"""

from synchromesh._native import SurfaceError
from synchromesh.risk.surface.calibration import (
    Essvi,
    ExpiryQuotes,
    Fate,
    Method,
    SliceReport,
    Surface,
    SurfaceSlice,
    VolQuotes,
    fit_quotes,
    fit_surface,
)
from synchromesh.risk.surface.smile import Smile

__all__ = [
    "Essvi",
    "ExpiryQuotes",
    "Fate",
    "Method",
    "SliceReport",
    "Smile",
    "Surface",
    "SurfaceError",
    "SurfaceSlice",
    "VolQuotes",
    "fit_quotes",
    "fit_surface",
]
