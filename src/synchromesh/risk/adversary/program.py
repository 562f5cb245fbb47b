"""The linear program: the portfolio that is covered worst at one move.

    minimise    margin(l, s)
    such that   Σ (l − s)·pnl(move) = −1,   l, s ≥ 0

so that the optimum is margin per loss, the coverage, and a portfolio of margin 0 is an answer like any other. It is
solved by column generation: a program over few strikes is solved with HiGHS, its dual prices every other strike, and
those that would still lower the margin join it. When none would, the optimum over few is the optimum over all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeResult, linprog
from scipy.sparse import block_array, csr_array, eye_array

from synchromesh.risk.adversary.requirement import Requirement

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

TOLERANCE = 1e-7
"""Reduced cost, share of the index per contract, below which a strike cannot matter."""
ROUNDS_MAX = 60
"""Rounds of column generation, at most."""
NEW_STRIKES = 40
"""Strikes that join the program in a round, at most."""
UNPRESOLVED = {"presolve": False}
"""Options of HiGHS."""
START_PER_EXPIRY = 5
"""Strikes of each expiry in the first program."""


class AdversaryError(RuntimeError):
    """The linear program has no answer, which a sound market excludes."""


@dataclass(frozen=True, slots=True)
class Worst:
    """The worst covered portfolio at a move.

    Attributes:
        coverage: Margin per loss.
        contracts: Of each instrument, per loss of one index, (n,).
    """

    coverage: float
    contracts: FloatArray


class Adversary:
    """Solves the program of one requirement for one move after another, each warm from the strikes of those before.

    Parameters
    ----------
    requirement
        The margin to break.
    """

    def __init__(self, requirement: Requirement) -> None:
        self.requirement = requirement
        self._rows_long, self._rows_short = requirement.scan_rows
        self._scan_states = len(self._rows_long)
        place = requirement.market.place[::2]
        starts = [np.flatnonzero(place == expiry) for expiry in range(len(requirement.market.expiries))]
        spread = [at[np.linspace(0, len(at) - 1, min(START_PER_EXPIRY, len(at))).astype(int)] for at in starts]
        self._strikes: set[int] = {int(strike) for found in spread for strike in found}

    def worst(self, pnl: FloatArray) -> Worst | None:
        """Returns the worst covered portfolio where one long contract of each instrument gains ``pnl``, (n,).

        None when no portfolio can lose: nothing moves.

        Raises:
            AdversaryError: When HiGHS gives up.
        """
        if float(np.max(np.abs(pnl))) < TOLERANCE:
            return None
        self._strikes |= _extremes(pnl)
        for _ in range(ROUNDS_MAX):
            strikes = np.array(sorted(self._strikes))
            columns = np.append(np.stack([2 * strikes, 2 * strikes + 1], axis=1).ravel(), len(pnl) - 1)
            result = self._solve(strikes, columns, pnl)
            better = self._improving(result, pnl)
            if not len(better):
                half = len(columns)
                contracts = np.zeros(len(pnl))
                contracts[columns] = result.x[:half] - result.x[half : 2 * half]
                self._keep(contracts)
                return Worst(float(result.fun), contracts)
            self._strikes.update(int(strike) for strike in better)
        raise AdversaryError(f"no optimum after {ROUNDS_MAX} rounds")

    def _solve(self, strikes: IntArray, columns: IntArray, pnl: FloatArray) -> OptimizeResult:
        """The program over some columns: longs, shorts, scan, basis per expiry, floor per strike."""
        need = self.requirement
        count, states, series = len(columns), self._scan_states, len(need.market.expiries) + 1
        basis = np.zeros((series, count))
        basis[need.series[columns], np.arange(count)] = need.basis[columns]
        basis_rows = csr_array(basis)
        options = np.arange(count - 1)
        share = np.repeat(need.floor[strikes], 2)
        floors = csr_array((share, (options // 2, options)), shape=(len(strikes), count))
        minus = -eye_array(series)
        upper = block_array(
            [
                [csr_array(self._rows_long[:, columns]), csr_array(self._rows_short[:, columns]),
                 csr_array(-np.ones((states, 1))), None, None],
                [basis_rows, -basis_rows, None, minus, None],
                [-basis_rows, basis_rows, None, minus, None],
                [-floors, floors, None, None, -eye_array(len(strikes))],
            ],
            format="csr",
        )  # fmt: skip
        cost = np.concatenate([np.zeros(2 * count), np.ones(1 + series + len(strikes))])
        loss = np.concatenate([pnl[columns], -pnl[columns], np.zeros(1 + series + len(strikes))])
        equal = csr_array(loss[None])
        # Presolve finds nothing to remove here, and costs a third of the time.
        result = linprog(cost, upper, np.zeros(upper.shape[0]), equal, [-1.0], method="highs", options=UNPRESOLVED)
        if result.status != 0:
            raise AdversaryError(result.message)
        return result

    def _improving(self, result: OptimizeResult, pnl: FloatArray) -> IntArray:
        """Strikes outside the program that would lower the margin, the best first.

        With the program's dual the cost of a long or a short contract is what it adds to the priced states less what it
        adds to the priced loss. A strike may still choose the dual of its own floor row, between 0 and 1: it cannot
        matter if some choice leaves none of its four columns with a negative cost.
        """
        need, states, series = self.requirement, self._scan_states, len(self.requirement.market.expiries) + 1
        duals = -result.ineqlin.marginals
        scan, up, down = duals[:states], duals[states : states + series], duals[states + series : states + 2 * series]
        priced = float(result.eqlin.marginals[0])
        tilt = (up - down)[need.series] * need.basis
        long_cost = scan @ self._rows_long + tilt - priced * pnl
        short_cost = scan @ self._rows_short - tilt + priced * pnl
        long_least = long_cost[:-1].reshape(-1, 2).min(axis=1)
        short_least = short_cost[:-1].reshape(-1, 2).min(axis=1)
        lacking = np.maximum(-short_least, 0.0)
        gain = np.maximum(np.maximum(lacking - need.floor, lacking - long_least), 0.0)
        gain[sorted(self._strikes)] = 0.0
        order = np.argsort(-gain)[:NEW_STRIKES]
        better: IntArray = order[gain[order] > TOLERANCE]
        return better

    def _keep(self, contracts: FloatArray) -> None:
        """Forgets strikes that were not used, when the program has grown large."""
        if len(self._strikes) > 8 * NEW_STRIKES:
            used = np.flatnonzero(np.abs(contracts[:-1]).reshape(-1, 2).sum(axis=1) > TOLERANCE)
            place = self.requirement.market.place[::2]
            every = np.flatnonzero(np.diff(place, prepend=-1))
            self._strikes = {int(strike) for strike in (*used, *every)}


def _extremes(pnl: FloatArray) -> set[int]:
    """The strikes that gain and lose most: some column of the program has to lose."""
    options = pnl[:-1]
    return {int(np.argmax(options)) // 2, int(np.argmin(options)) // 2}
