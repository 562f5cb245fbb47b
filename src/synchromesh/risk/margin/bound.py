"""How tight the bound between price nodes is: true losses inside the cells against what the scan says.

``python -m synchromesh.risk.margin.bound`` prints the over-charge of random books in plain markets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synchromesh.protocol import NANO_ONE, USD, RiskParameters
from synchromesh.risk.adversary.market import Expiry, LabMarket
from synchromesh.risk.adversary.moves import Move
from synchromesh.risk.margin.market import MarginMarket
from synchromesh.risk.parameters import DEFAULT_RISK
from synchromesh.risk.surface import Smile

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

ROWS = (1.0, 0.0, -1.0)
"""Vol rows as moves: up, unchanged, down."""
CELLS = 16
NODES = CELLS + 1
HOUR_NS = 3_600 * 10**9
DAYS = 24.0
"""Hours of a day."""


def plain_market(index: float, hours: float, strikes: int = 25, vol: float = 0.6) -> LabMarket:
    """Returns a market with one expiry: strikes within five deviations, at least 8 %, and a mild smile."""
    t = hours / DAYS / 365
    width = max(0.08, 5 * vol * np.sqrt(t))
    total = vol**2 * t
    smile = Smile.from_wings(0.9 * total, 0.5 * np.sqrt(total), 0.8 * np.sqrt(total), 0.0, 0.2 * float(np.sqrt(total)))
    # Strikes are whole dollars.
    listed = tuple(float(k) for k in np.unique(np.round(index * np.linspace(1 - min(width, 0.7), 1 + width, strikes))))
    time = 10**18
    expiry = Expiry(time + round(hours * HOUR_NS), index * 1.002, smile, listed)
    return LabMarket("BTC", time, index, (expiry,), f"{hours:g} h")


@dataclass(frozen=True)
class CellLosses:
    """Losses of books by vol row and cell, USD, shape (books, 3, 16).

    Attributes:
        true: Largest on a dense grid.
        bound: What the scan says.
    """

    true: FloatArray
    bound: FloatArray

    @property
    def excess(self) -> FloatArray:
        """Largest true loss above its bound over all cells of each book, USD; at most 0 when the bound holds."""
        found: FloatArray = np.max(self.true - self.bound, axis=(1, 2))
        return found

    @property
    def overcharge(self) -> FloatArray:
        """What the scan asks above the largest true loss of each book, USD."""
        true, bound = (np.maximum(np.max(losses, axis=(1, 2)), 0) for losses in (self.true, self.bound))
        found: FloatArray = bound - true
        return found

    @property
    def relative_overcharge(self) -> FloatArray:
        """The same as a share of the loss; books that lose nothing are left out."""
        true = np.max(self.true, axis=(1, 2))
        found: FloatArray = self.overcharge[true > 0] / true[true > 0]
        return found


def cell_losses(market: LabMarket, parameters: RiskParameters, lots: IntArray, points: int = 12) -> CellLosses:
    """Returns true and bounded losses of books, with ``points`` prices inside each cell beside its ends.

    Args:
        market: The market.
        parameters: Its risk table.
        lots: Lots by book and instrument, shape (books, n).
    """
    return CellLosses(_true(market, parameters, lots, points), _bound(market, parameters, lots))


def _true(market: LabMarket, parameters: RiskParameters, lots: IntArray, points: int) -> FloatArray:
    reach = parameters.scenario.range / NANO_ONE
    held = lots * market.lot * market.index
    losses = np.empty((len(lots), len(ROWS), CELLS))
    for at, row in enumerate(ROWS):
        spots = np.linspace(-reach, reach, CELLS * (points + 1) + 1)
        pnl = np.array([market.pnl(Move(spot=float(spot), row=row), parameters.scenario) for spot in spots])
        loss = -(held @ pnl.T)
        for cell in range(CELLS):
            first = cell * (points + 1)
            losses[:, at, cell] = loss[:, first : first + points + 2].max(axis=1)
    return losses


def _bound(market: LabMarket, parameters: RiskParameters, lots: IntArray) -> FloatArray:
    """The cell bound from the venue's lanes and gaps, as `docs/margin.md` states it."""
    arrays = market.arrays(parameters.scenario)
    unit = np.array([spec.lane_unit for spec in market.specs], np.int64)
    lanes = arrays.lanes.astype(np.int64)
    longs, shorts = np.maximum(lots, 0) * unit, np.minimum(lots, 0) * unit
    values = longs @ lanes + shorts @ (lanes + 1)
    nodes = values[:, : len(ROWS) * NODES].reshape(-1, len(ROWS), NODES)
    gaps = longs @ arrays.gaps.astype(np.int64)
    bound: FloatArray = (gaps[:, None, :] - np.minimum(nodes[:, :, :-1], nodes[:, :, 1:])) / USD
    return bound


def random_books(market: LabMarket, count: int, seed: int) -> IntArray:
    """Returns books of up to eight legs of any size, every other one with a fly of neighbouring strikes beside them,
    every third hedged with the perpetual.
    """
    rng = np.random.default_rng(seed)
    n = len(market.specs)
    lots = np.zeros((count, n), np.int64)
    for book in lots:
        legs = rng.choice(n - 1, size=int(rng.integers(1, 9)), replace=False)
        book[legs] = rng.integers(-500, 501, len(legs))
    for book in lots[1::2]:
        strike = int(rng.integers(1, (n - 1) // 2 - 1))
        size, kind = int(rng.integers(1, 2_000)), int(rng.integers(2))
        book[2 * strike + kind + np.array([-2, 0, 2])] += (
            size * np.array([-1, 2, -1]) * (1 if rng.random() < 0.5 else -1)
        )
    delta = np.append(market.greeks.delta, 1.0) * market.lot
    hedge = -np.round(lots[::3] @ delta / market.lot[-1]).astype(np.int64)
    lots[::3, -1] += hedge
    return lots


def margin_market(market: LabMarket, parameters: RiskParameters) -> MarginMarket:
    """Returns a lab market as the native arithmetic takes it."""
    return MarginMarket(market.inputs, market.specs, parameters, market.arrays(parameters.scenario))


def main() -> None:
    """Prints the over-charge by time to expiry: shares of the true loss, and of the gross notional."""
    parameters = DEFAULT_RISK["BTC"]
    print(
        "| time to expiry | books | violations | of the loss: median | 90 % | 99 % | of the notional: median | 99 % |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for hours in (1, 6, DAYS, 7 * DAYS, 30 * DAYS, 180 * DAYS):
        market = plain_market(100_000.0, hours)
        lots = random_books(market, 2_000, round(hours))
        losses = cell_losses(market, parameters, lots)
        notional = np.abs(lots) @ market.lot * market.index
        relative = np.quantile(losses.relative_overcharge, (0.5, 0.9, 0.99))
        absolute = np.quantile(losses.overcharge / notional, (0.5, 0.99))
        # A millionth of a dollar is the unit of account.
        violations = int(np.sum(losses.excess > 1 / USD))
        label = f"{hours:g} h" if hours < DAYS else f"{hours / DAYS:g} d"
        shares = " | ".join([*(f"{share:.1%}" for share in relative), *(f"{share:.4%}" for share in absolute)])
        print(f"| {label} | {len(lots):,} | {violations} | {shares} |")


if __name__ == "__main__":
    main()
