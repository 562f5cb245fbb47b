"""Quotes as marks are made from: two-sided prices of one instrument, and the options of one expiry as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

HALF_LIFE_SECONDS = 10.0
"""Age at which a quote counts half: a maker that quotes the chain looks at it every few seconds."""
AGE_MAX_SECONDS = 60.0
"""Age beyond which a quote does not count."""


def age_weights(seconds: npt.ArrayLike) -> FloatArray:
    """Returns how much quotes of those ages count: ``2^(−age/10 s)``, 0 beyond a minute."""
    age = np.maximum(np.asarray(seconds, np.float64), 0.0)
    return np.where(age <= AGE_MAX_SECONDS, 2.0 ** (-age / HALF_LIFE_SECONDS), 0.0)


@dataclass(frozen=True, slots=True)
class TwoSided:
    """Bid and ask in USD, 0 where there is none, and their age in seconds."""

    bid: float
    ask: float
    age: float = 0.0

    @property
    def weight(self) -> float:
        """How much its age lets it count."""
        return float(age_weights(self.age))

    @property
    def is_sound(self) -> bool:
        """Whether both sides are there, not crossed, and not too old."""
        return 0 < self.bid < self.ask < float("inf") and self.weight > 0

    @property
    def mid(self) -> float:
        """The middle, USD."""
        return (self.bid + self.ask) / 2

    @property
    def half(self) -> float:
        """Half the spread, USD."""
        return (self.ask - self.bid) / 2


@dataclass(frozen=True, slots=True)
class OptionQuotes:
    """Quotes of one expiry: columns of one length.

    Attributes:
        strike: USD.
        is_call: Call or put.
        bid: USD, 0 where there is none.
        ask: USD, 0 where there is none.
        age: Seconds since each was fresh.
    """

    strike: FloatArray
    is_call: BoolArray
    bid: FloatArray
    ask: FloatArray
    age: FloatArray

    @classmethod
    def empty(cls) -> Self:
        """No quotes."""
        none = np.zeros(0)
        return cls(none, np.zeros(0, np.bool_), none, none, none)

    @classmethod
    def merged(cls, parts: Sequence[Self]) -> Self:
        """Returns one quote per option, ascending by strike, the put first: the best of several places.

        The best is the two-sided one with the smallest spread, a spread counting twice as wide with every
        ``HALF_LIFE_SECONDS`` of age; one-sided quotes come after all others, and those that are too old not at all.
        """
        if not parts:
            return cls.empty()
        joined = [np.concatenate(column) for column in zip(*(part.columns for part in parts), strict=True)]
        young = joined[4] <= AGE_MAX_SECONDS
        strike, is_call, bid, ask, age = (column[young] for column in joined)
        two_sided = (bid > 0) & (ask > bid)
        badness = np.where(two_sided, (ask - bid) * 2.0 ** (age / HALF_LIFE_SECONDS), np.inf)
        order = np.lexsort((badness, is_call, strike))
        strike, is_call = strike[order], is_call[order]
        first = np.ones(len(order), np.bool_)
        first[1:] = (strike[1:] != strike[:-1]) | (is_call[1:] != is_call[:-1])
        return cls(strike[first], is_call[first], *(column[order][first] for column in (bid, ask, age)))

    @property
    def columns(self) -> tuple[FloatArray, BoolArray, FloatArray, FloatArray, FloatArray]:
        """The columns in the order of the attributes."""
        return self.strike, self.is_call, self.bid, self.ask, self.age

    def __len__(self) -> int:
        return len(self.strike)
