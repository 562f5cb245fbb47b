"""Revaluation by the kernel that marks positions, on any number of threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from synchromesh.pricing import Greeks, black76
from synchromesh.risk.revaluation.book import DAYS_PER_YEAR, FloatArray, IntArray, Positions, Scenarios

CHUNK = 8_192
"""Positions priced at a time: their columns, shocked and priced, stay in the second-level cache."""


@dataclass(frozen=True, slots=True)
class Native:
    """The processor.

    Attributes:
        threads: Threads that share the scenarios. The result does not depend on it, to the last bit.
    """

    threads: int = 1

    def account_pnl(self, book: Positions, scenarios: Scenarios) -> FloatArray:
        """Returns (accounts, scenarios); the positions of an account must lie beside each other."""
        assert book.is_by_account()
        base = black76(book.forward, book.strike, book.t, book.sigma, book.is_call).price
        pieces = [_Piece.of(book, base, at) for at in range(0, len(book), CHUNK)]
        # Scenario by scenario in memory, so that threads write to lines of their own.
        result = np.zeros((len(scenarios), book.accounts))

        def work(share: range) -> None:
            space = _Workspace()
            for piece in pieces:
                for at in share:
                    spot, vol, days = (float(shocks[at]) for shocks in (scenarios.spot, scenarios.vol, scenarios.days))
                    piece.add_pnl(result[at], spot, vol, days, space)

        shares = [range(first, len(scenarios), self.threads) for first in range(self.threads)]
        if self.threads == 1:
            work(shares[0])
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(work, shares))
        return np.ascontiguousarray(result.T)


class _Workspace:
    """What one thread writes to, used again for every piece."""

    def __init__(self) -> None:
        self.forward, self.t, self.sigma = (np.empty(CHUNK) for _ in range(3))
        self.greeks = Greeks(*(np.empty(CHUNK) for _ in range(6)))

    def outputs(self, count: int) -> Greeks:
        if count == CHUNK:
            return self.greeks
        whole = self.greeks
        columns = (whole.price, whole.delta, whole.gamma, whole.vega, whole.theta, whole.rho)
        return Greeks(*(column[:count] for column in columns))


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some neighbouring positions, and where the accounts among them begin."""

    book: Positions
    base: FloatArray
    holders: IntArray
    starts: IntArray

    @classmethod
    def of(cls, book: Positions, base: FloatArray, at: int) -> _Piece:
        part = slice(at, at + CHUNK)
        account = book.account[part]
        starts = np.concatenate([[0], np.flatnonzero(np.diff(account)) + 1])
        return cls(book.rows(part), base[part], account[starts], starts)

    def add_pnl(self, result: FloatArray, spot: float, vol: float, days: float, space: _Workspace) -> None:
        """Adds the P&L of one scenario to the accounts' row ``result``."""
        book, count = self.book, len(self.base)
        forward, t, sigma = (column[:count] for column in (space.forward, space.t, space.sigma))
        np.multiply(book.forward, 1.0 + spot, out=forward)
        np.multiply(book.sigma, 1.0 + vol, out=sigma)
        np.subtract(book.t, days / DAYS_PER_YEAR, out=t)  # less than nothing is nothing to the kernel
        pnl = black76(forward, book.strike, t, sigma, book.is_call, out=space.outputs(count)).price
        np.subtract(pnl, self.base, out=pnl)
        np.multiply(pnl, book.size, out=pnl)
        result[self.holders] += np.add.reduceat(pnl, self.starts)
