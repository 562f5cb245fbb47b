"""What is revalued: positions, and the scenarios they meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DAYS_PER_YEAR = 365.0


class BookError(ValueError):
    """Positions that do not form a book."""


class ScenarioError(ValueError):
    """Shocks that no market can make."""


@dataclass(frozen=True, slots=True, init=False)
class Positions:
    """A book of options on one underlying; columns of one length n.

    Attributes:
        forward: Forward of each option's expiry, (n,), currency.
        strike: (n,), the same currency.
        t: Years of 365 days to expiry, (n,).
        sigma: Implied vol, (n,), 1 = 100 %.
        is_call: (n,), 1 for a call, 0 for a put.
        size: Signed number of options on one unit of the underlying, (n,).
        account: Index of the account that holds it, (n,), from 0.
        accounts: Number of accounts, at least the highest index and one.
    """

    forward: FloatArray
    strike: FloatArray
    t: FloatArray
    sigma: FloatArray
    is_call: npt.NDArray[np.uint8]
    size: FloatArray
    account: IntArray
    accounts: int

    def __init__(
        self,
        *,
        forward: npt.ArrayLike,
        strike: npt.ArrayLike,
        t: npt.ArrayLike,
        sigma: npt.ArrayLike,
        is_call: npt.ArrayLike,
        size: npt.ArrayLike,
        account: npt.ArrayLike = 0,
        accounts: int | None = None,
    ) -> None:
        """Broadcasts the columns to one length; without ``account`` everything is one account's.

        Raises:
            BookError: When the columns do not broadcast to one dimension, or an account is out of range.
        """
        columns = (forward, strike, t, sigma, is_call, size, account)
        try:
            arrays = np.broadcast_arrays(*map(np.atleast_1d, map(np.asarray, columns)))
        except ValueError as error:
            raise BookError(f"the columns differ in length: {error}") from error
        if arrays[0].ndim != 1:
            raise BookError(f"positions are columns, not arrays of {arrays[0].ndim} dimensions")
        holders = np.ascontiguousarray(arrays[6], np.int64)
        last = int(holders.max(initial=-1))
        count = last + 1 if accounts is None else accounts
        if holders.min(initial=0) < 0 or last >= count:
            raise BookError(f"accounts must lie in [0, {count})")
        for name, array in zip(("forward", "strike", "t", "sigma"), arrays, strict=False):
            _set(self, name, np.ascontiguousarray(array, np.float64))
        _set(self, "is_call", np.ascontiguousarray(arrays[4], np.bool_).view(np.uint8))
        _set(self, "size", np.ascontiguousarray(arrays[5], np.float64))
        _set(self, "account", holders)
        _set(self, "accounts", count)

    def __len__(self) -> int:
        return len(self.strike)

    def rows(self, rows: slice | IntArray) -> Positions:
        """Returns some of the positions, held by the accounts that hold them."""
        return self._with(rows, self.account[rows], self.accounts)

    def each_alone(self) -> Positions:
        """Returns the same book with every position an account of its own."""
        return self._with(slice(None), np.arange(len(self)), len(self))

    def by_account(self) -> Positions:
        """Returns the same book, an account's positions beside each other in the order they had."""
        if self.is_by_account():
            return self
        return self.rows(np.argsort(self.account, kind="stable"))

    def is_by_account(self) -> bool:
        """Whether accounts ascend from position to position."""
        return bool(np.all(self.account[1:] >= self.account[:-1]))

    def _with(self, rows: slice | IntArray, account: IntArray, accounts: int) -> Positions:
        book = object.__new__(Positions)
        for name in ("forward", "strike", "t", "sigma", "is_call", "size"):
            _set(book, name, getattr(self, name)[rows])
        _set(book, "account", account)
        _set(book, "accounts", accounts)
        return book


@dataclass(frozen=True, slots=True, init=False)
class Scenarios:
    """Shocks that every position meets; columns of one length s.

    Attributes:
        spot: Relative move of every forward, (s,): −0.2 is a fall by 20 %. Above −1.
        vol: Relative move of every implied vol, (s,): 0.5 makes 60 % out of 40 %. At least −1.
        days: Days that pass, (s,). Not negative; an option that expires meanwhile is worth its intrinsic value.
    """

    spot: FloatArray
    vol: FloatArray
    days: FloatArray

    def __init__(self, *, spot: npt.ArrayLike = 0.0, vol: npt.ArrayLike = 0.0, days: npt.ArrayLike = 0.0) -> None:
        """Broadcasts the columns to one length.

        Raises:
            ScenarioError: When they do not broadcast to one dimension, or a shock is out of range.
        """
        try:
            arrays = np.broadcast_arrays(*(np.atleast_1d(np.asarray(c, np.float64)) for c in (spot, vol, days)))
        except ValueError as error:
            raise ScenarioError(f"the columns differ in length: {error}") from error
        if arrays[0].ndim != 1:
            raise ScenarioError(f"scenarios are columns, not arrays of {arrays[0].ndim} dimensions")
        if not all(np.all(np.isfinite(array)) for array in arrays):
            raise ScenarioError("shocks must be finite")
        if np.any(arrays[0] <= -1) or np.any(arrays[1] < -1) or np.any(arrays[2] < 0):
            raise ScenarioError("spot must be above -1, vol at least -1, days not negative")
        for name, array in zip(("spot", "vol", "days"), arrays, strict=True):
            _set(self, name, np.ascontiguousarray(array))

    @classmethod
    def grid(cls, *, spot: npt.ArrayLike = 0.0, vol: npt.ArrayLike = 0.0, days: npt.ArrayLike = 0.0) -> Scenarios:
        """Returns every combination of the shocks, days slowest and vol fastest."""
        nodes = np.meshgrid(*(np.atleast_1d(np.asarray(c, np.float64)) for c in (days, spot, vol)), indexing="ij")
        passed, moves, vols = (node.ravel() for node in nodes)
        return cls(spot=moves, vol=vols, days=passed)

    def __len__(self) -> int:
        return len(self.spot)


def _set(frozen: object, name: str, value: object) -> None:
    """Sets a field of a frozen dataclass while it is made."""
    object.__setattr__(frozen, name, value)
