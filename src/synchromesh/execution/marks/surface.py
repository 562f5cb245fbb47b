"""The surface that marks options: fitted to quotes, moving no faster than it may, frozen where quotes fall silent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from synchromesh._native import lowest_butterfly, lowest_calendar
from synchromesh.clock import SECOND
from synchromesh.execution.marks.errors import NoSurfaceError
from synchromesh.execution.marks.forward import Forward
from synchromesh.execution.marks.quotes import OptionQuotes
from synchromesh.execution.marks.settlement import WINDOW_NS, variance_years
from synchromesh.pricing import year_fraction
from synchromesh.risk.surface import ExpiryQuotes, Smile, Surface, SurfaceError, SurfaceSlice, fit_quotes

VOL_PER_SECOND = 0.01
"""Most that a vol of 30 days or more moves in a second, 1 = 100 %. One quote gone wrong, or one maker that wants the
marks elsewhere, needs as many seconds as vol points, in sight of everybody."""
VOL_DAYS = 30.0
"""Nearer vols move faster, by √(30 days / T): the same news is a larger share of a shorter life."""
PROBES = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
"""Standard deviations at which two smiles are compared."""
ROUNDS = 8
"""Shares that are tried: vols do not move in proportion to the share of the way."""
AIM = 0.98
"""Part of the limit that a round aims at, so that one or two suffice."""
FROZEN_MAX = 600 * SECOND
"""Time without a fit, ns, after which there is no surface: what is older than ten minutes is no price."""


@dataclass(frozen=True, slots=True)
class QuotedExpiry:
    """One expiry that is to be marked: its forward and what is quoted."""

    forward: Forward
    options: OptionQuotes


@dataclass(frozen=True, slots=True)
class MarkSlice:
    """One expiry of the surface that marks are read from.

    Attributes:
        expiry: When, ns.
        forward: The forward that the smile's log-moneyness counts from.
        smile: Total variance of the *settlement price*, which is an average.
        share: Share of the way to the fit that the surface could move; 1: all of it.
    """

    expiry: int
    forward: Forward
    smile: Smile
    share: float = 1.0


class SurfaceTracker:
    """Follows the surface of one underlying."""

    def __init__(self) -> None:
        self._pieces: dict[int, SurfaceSlice] = {}
        self._quoted: set[int] = set()
        self._fit_time = 0
        self._time = 0
        self._last: dict[int, Smile] = {}

    def update(self, now: int, expiries: Sequence[QuotedExpiry]) -> tuple[MarkSlice, ...]:
        """Returns the surface at ``now``, later than the last: one slice per expiry.

        Expiries outside their settlement window are fitted together, from their quotes and the last surface. Inside it
        quotes say little, for most of the price is known: the last smile is carried on in variance time.

        A quoted expiry that is left out this time is carried on too: nobody resets its limit by not asking for it.

        Args:
            now: Time, ns.
            expiries: Ascending, all ahead of ``now``.

        Raises:
            NoSurfaceError: When nothing can be fitted and the last surface is older than ``FROZEN_MAX``.
        """
        assert now > self._time, "time goes on"
        carried = self._carried(now)
        outside = [each for each in expiries if each.forward.expiry - now > WINDOW_NS]
        fitted = self._fitted(now, outside, carried)
        smiles, share = self._limited(now, carried, fitted)
        for each in expiries:
            if each.forward.expiry not in smiles:
                smiles[each.forward.expiry] = _inside(now, each.forward.expiry, carried, smiles)
        kept = {expiry: smile for expiry, smile in carried.items() if expiry in self._quoted}
        self._time, self._last = now, kept | smiles
        return tuple(
            MarkSlice(each.forward.expiry, each.forward, smiles[each.forward.expiry], share) for each in expiries
        )

    def _carried(self, now: int) -> dict[int, Smile]:
        """The last smiles, with the variance that has passed taken off."""
        return {
            expiry: smile.scaled(variance_years(now, expiry) / variance_years(self._time, expiry))
            for expiry, smile in self._last.items()
            if expiry > now
        }

    def _fitted(self, now: int, expiries: Sequence[QuotedExpiry], carried: dict[int, Smile]) -> dict[int, Smile]:
        if not expiries:
            return {}
        try:
            fit = fit_quotes([_quotes(now, each) for each in expiries], previous=self._standing(now, carried))
        except SurfaceError as error:
            raise NoSurfaceError(str(error)) from error
        quoted = {piece.expiry for piece in fit if len(piece.report.quotes)}
        if quoted:
            self._fit_time = now
        elif now - self._fit_time > FROZEN_MAX:
            raise NoSurfaceError(f"nothing was quoted for {(now - self._fit_time) // SECOND} s")
        self._quoted = {expiry for expiry in self._quoted if expiry > now} | quoted
        carried_on = {expiry: piece for expiry, piece in self._pieces.items() if expiry in carried}
        self._pieces = carried_on | {piece.expiry: piece for piece in fit}
        return {piece.expiry: piece.smile for piece in fit}

    def _standing(self, now: int, carried: dict[int, Smile]) -> Surface | None:
        """The last surface as it was signed and as it stands now: a fit must not carry it on in plain time."""
        pieces = (piece for piece in self._pieces.values() if piece.expiry in carried)
        standing = (replace(each, t=year_fraction(now, each.expiry), smile=carried[each.expiry]) for each in pieces)
        return Surface(tuple(standing), 0.0)

    def _limited(self, now: int, carried: dict[int, Smile], fitted: dict[int, Smile]) -> tuple[dict[int, Smile], float]:
        """The surface as far on the way to the fit as no vol moves too fast, and the share of the way.

        One share for all expiries. Both ends are free of arbitrage, but the way between them need not be: two expiries
        may cross. Where they do, the surface without arbitrage that is nearest to that point of the way is taken.
        """
        smiles, share = fitted, 1.0
        for _ in range(ROUNDS):
            speed = self._speed(now, carried, smiles)
            if speed <= 1.0:
                break
            share *= AIM / speed
            smiles = _mixed(now, carried, fitted, share)
        if share == 1.0 or _is_sound(list(smiles.values())):
            return smiles, share
        pieces = tuple(replace(self._pieces[expiry], smile=smile) for expiry, smile in smiles.items())
        nearest = fit_quotes([_silent(piece) for piece in pieces], previous=Surface(pieces, 0.0))
        return {piece.expiry: piece.smile for piece in nearest}, share

    def _speed(self, now: int, carried: dict[int, Smile], smiles: dict[int, Smile]) -> float:
        """The fastest move of a vol, as a multiple of how fast it may move."""
        seconds, fastest = (now - self._time) / SECOND, 0.0
        for expiry, before in carried.items():
            if expiry not in smiles:
                continue
            t = year_fraction(now, expiry)
            k = PROBES * math.sqrt(before.variance(np.zeros(1))[0])
            limit = VOL_PER_SECOND * seconds * max(1.0, math.sqrt(VOL_DAYS / 365 / t))
            fastest = max(fastest, float(np.abs(smiles[expiry].vol(k, t) - before.vol(k, t)).max()) / limit)
        return fastest


def _mixed(now: int, carried: dict[int, Smile], fitted: dict[int, Smile], share: float) -> dict[int, Smile]:
    """That share of the way, in the fixed point of marks; an expiry without a past starts from the one after it."""
    mixed: dict[int, Smile] = {}
    for expiry, smile in fitted.items():
        before = carried[expiry] if expiry in carried else _scaled_from_later(now, expiry, carried)
        mixed[expiry] = smile if before is None else Smile.from_fixed(before.mixed(smile, share).fixed())
    return mixed


def _quotes(now: int, each: QuotedExpiry) -> ExpiryQuotes:
    options, forward = each.options, each.forward
    return ExpiryQuotes(
        expiry=forward.expiry,
        t=year_fraction(now, forward.expiry),
        forward=forward.price,
        strike=options.strike,
        is_call=options.is_call,
        bid=options.bid,
        ask=options.ask,
        age=options.age,
    )


def _silent(piece: SurfaceSlice) -> ExpiryQuotes:
    none = OptionQuotes.empty()
    return ExpiryQuotes(piece.expiry, piece.t, piece.forward, none.strike, none.is_call, none.bid, none.ask)


def _is_sound(smiles: Sequence[Smile]) -> bool:
    """Whether no smile has butterfly arbitrage, and none crosses the one before."""
    return all(lowest_butterfly(smile.parameters)[0] >= 0 for smile in smiles) and all(
        lowest_calendar(before.parameters, after.parameters)[0] >= 0 for before, after in pairwise(smiles)
    )


def _inside(now: int, expiry: int, carried: dict[int, Smile], fitted: dict[int, Smile]) -> Smile:
    """The smile of an expiry in its window: its own, or (an oracle that has just started) the next expiry's."""
    if expiry in carried:
        return carried[expiry]
    smile = _scaled_from_later(now, expiry, fitted)
    if smile is None:
        raise NoSurfaceError(f"expiry {expiry} is in its settlement window, and no smile is known")
    return smile


def _scaled_from_later(now: int, expiry: int, smiles: dict[int, Smile]) -> Smile | None:
    """The smile of the next expiry that has one, in variance time; None when none is later."""
    later = min((other for other in smiles if other > expiry), default=None)
    return None if later is None else smiles[later].scaled(variance_years(now, expiry) / variance_years(now, later))
