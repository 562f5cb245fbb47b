"""What the accounts of a venue stand to lose: positions, equity and maintenance margin, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synchromesh.risk.monitor.market import FloatArray, Paths
from synchromesh.risk.revaluation import Positions, Scenarios, position_pnl


@dataclass(frozen=True, slots=True)
class Instruments:
    """What accounts hold, columns of one length n.

    Attributes:
        symbol: Symbol of the underlying, (n,).
        linear: Whether it is a perpetual, (n,).
        price: Forward of an option's expiry, mark of a perpetual, (n,), USD.
        strike: (n,), USD; 0 for a perpetual.
        t: Years to expiry, (n,).
        sigma: Implied vol of the mark, (n,), 1 = 100 %.
        is_call: (n,).
    """

    symbol: npt.NDArray[np.str_]
    linear: npt.NDArray[np.bool_]
    price: FloatArray
    strike: FloatArray
    t: FloatArray
    sigma: FloatArray
    is_call: npt.NDArray[np.bool_]

    def pnl(self, paths: Paths, step: int) -> FloatArray:
        """Returns what one contract of each makes up to ``step`` of each path, (n, paths), USD."""
        result = np.zeros((len(self.symbol), paths.count))
        for symbol in paths.spot:
            ours = self.symbol == symbol
            moved = paths.spot[symbol][step]
            perpetual, option = ours & self.linear, ours & ~self.linear
            result[perpetual] = np.multiply.outer(self.price[perpetual], moved - 1.0)
            if option.any():
                book = Positions(
                    forward=self.price[option],
                    strike=self.strike[option],
                    t=self.t[option],
                    sigma=self.sigma[option],
                    is_call=self.is_call[option],
                    size=1.0,
                )
                shocks = Scenarios(spot=moved - 1.0, vol=paths.vol[symbol][step] - 1.0, days=paths.days[step])
                result[option] = position_pnl(book, shocks)
        return result


@dataclass(frozen=True, slots=True)
class Exposure:
    """The accounts that hold something.

    Attributes:
        instruments: What they hold, n of them.
        contracts: Signed size, (accounts, n), contracts.
        account: Their ids, (accounts,).
        equity: What the trigger of a liquidation compares, (accounts,), USD.
        maintenance: Maintenance margin, (accounts,), USD.
        insurance: The insurance fund, USD.
    """

    instruments: Instruments
    contracts: FloatArray
    account: npt.NDArray[np.int64]
    equity: FloatArray
    maintenance: FloatArray
    insurance: float

    @property
    def notional(self) -> FloatArray:
        """Sum over positions of size × price of the underlying, (accounts,), USD: closing pays slippage on it."""
        return np.abs(self.contracts) @ self.instruments.price
