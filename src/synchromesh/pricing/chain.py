"""A whole option chain, held as an exchange holds it and priced in place."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from synchromesh import _native
from synchromesh._native import PricingError
from synchromesh.pricing.arrow import record_batch
from synchromesh.pricing.black import Greeks
from synchromesh.pricing.columns import FloatArray, flat, floats

if TYPE_CHECKING:
    import pyarrow

Label = TypeVar("Label", bound=Hashable)
PerExpiry: TypeAlias = npt.ArrayLike | Mapping[Label, npt.ArrayLike]
PerStrike: TypeAlias = npt.ArrayLike | Mapping[Label, npt.ArrayLike]


@dataclass(frozen=True, slots=True)
class ChainExpiry(Generic[Label]):
    """One expiry of a chain: read-only views, which show its numbers as they change.

    Attributes:
        label: What the chain calls it.
        forward: The forward, an array of shape ().
        t: Years of 365 days to expiry, an array of shape ().
        strike: Strikes; this and all below have one number per strike.
        sigma: Implied vols, 1 = 100 %.
        call: Prices and Greeks of the calls.
        put: Prices and Greeks of the puts; gamma, vega and theta are those of the calls.
    """

    label: Label
    forward: FloatArray
    t: FloatArray
    strike: FloatArray
    sigma: FloatArray
    call: Greeks
    put: Greeks


class Chain(Generic[Label]):
    """Calls and puts of several expiries, priced together and kept up to date in place.

    The layout is the exchange's: an expiry holds its forward and √T once, a strike holds ln(F/K), and one evaluation
    gives the call and the put. An update prices again only what it changes; the arrays below stay where they are and
    show the new numbers.

    Formulas, units and domains are those of :func:`~synchromesh.pricing.black76`, and so are the results, bit for bit.

    Args:
        strikes: Strikes of each expiry, in any order, by a label of your choice (a name, a date, nanoseconds).
        forward: Forwards in [1e-150, 1e150]: one number for all, one per expiry, or a mapping by label.
        t: Years of 365 days to expiry, likewise; 0 or less prices the intrinsic value.
        sigma: Implied vols, 1 = 100 %: one number for all, one per strike of the chain, or a mapping by label to one
            number or one per strike of that expiry.

    Attributes:
        expiries: The labels, in the order of `strikes`.
        forward: Forwards, one per expiry.
        t: Years to expiry, one per expiry.
        strike: Strikes, expiries one after the other; this and all below have one number per strike of the chain.
        sigma: Implied vols.
        place: Which expiry a strike belongs to, counted from 0.
        call: Prices and Greeks of the calls.
        put: Prices and Greeks of the puts; gamma, vega and theta are the very arrays of the calls.

    All arrays are read-only views. One that is read in another thread during an update shows old and new numbers.

    Raises:
        PricingError: Names the first expiry and strike with an input outside its domain.

    Example:
        >>> strikes = {"27NOV": [60e3, 70e3], "25DEC": [70e3, 80e3, 90e3]}
        >>> chain = Chain(strikes, forward=70e3, t=[7 / 365, 35 / 365], sigma=0.5)
        >>> chain.call.price.round(1)
        array([10020.3,  1933.3,  4319.5,  1243.7,   269.8])
        >>> chain.update(forward={"27NOV": 70_500.0})
        2
        >>> chain["27NOV"].call.delta.round(4)
        array([0.991 , 0.5546])
    """

    def __init__(
        self,
        strikes: Mapping[Label, npt.ArrayLike],
        *,
        forward: PerExpiry[Label],
        t: PerExpiry[Label],
        sigma: PerStrike[Label],
    ) -> None:
        columns = [flat(np.ascontiguousarray(floats("strike", column))) for column in strikes.values()]
        self.expiries: tuple[Label, ...] = tuple(strikes)
        self._places = {label: place for place, label in enumerate(strikes)}
        ends = np.cumsum([0, *(column.size for column in columns)])
        self._slices = [slice(start, end) for start, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]
        self._forward = self._per_expiry("forward", forward, None)
        self._t = self._per_expiry("t", t, None)
        vols = self._per_strike(sigma, None)
        labels = [str(label) for label in strikes]
        self._kernel = _native.ChainKernel(labels, columns, self._forward, self._t, vols)
        self.forward, self.t = _read_only(self._forward), _read_only(self._t)
        self.strike, self.sigma = self._column("strike"), self._column("sigma")
        self.place = np.repeat(np.arange(len(columns)), np.diff(ends))
        self.place.flags.writeable = False
        gamma, vega, theta = self._column("gamma"), self._column("vega"), self._column("theta")
        self.call, self.put = (
            Greeks(
                price=self._column(f"{side}_price"),
                delta=self._column(f"{side}_delta"),
                gamma=gamma,
                vega=vega,
                theta=theta,
                rho=self._column(f"{side}_rho"),
            )
            for side in ("call", "put")
        )

    def update(
        self,
        *,
        forward: PerExpiry[Label] | None = None,
        t: PerExpiry[Label] | None = None,
        sigma: PerStrike[Label] | None = None,
    ) -> int:
        """Takes new numbers, given as to the constructor, and prices again what they change.

        What is not given stays, and so does an expiry that a mapping leaves out. Runs without the GIL.

        Returns:
            How many strikes were priced again.

        Raises:
            PricingError: Names the first expiry and strike with an input outside its domain; nothing has changed then.
            RuntimeError: When another thread is updating the chain.
        """
        new_forward = None if forward is None else self._per_expiry("forward", forward, self._forward)
        new_t = None if t is None else self._per_expiry("t", t, self._t)
        new_sigma = None if sigma is None else self._per_strike(sigma, self.sigma)
        priced = self._kernel.update(new_forward, new_t, new_sigma)
        for held, taken in ((self._forward, new_forward), (self._t, new_t)):
            if taken is not None:
                held[:] = taken
        return priced

    def __getitem__(self, label: Label) -> ChainExpiry[Label]:
        place = self._places[label]
        part = self._slices[place]
        call, put = (
            Greeks(
                side.price[part], side.delta[part], side.gamma[part], side.vega[part], side.theta[part], side.rho[part]
            )
            for side in (self.call, self.put)
        )
        forward, t = (terms[place : place + 1].reshape(()) for terms in (self.forward, self.t))
        return ChainExpiry(label, forward, t, self.strike[part], self.sigma[part], call, put)

    def __repr__(self) -> str:
        return f"Chain({len(self.expiries)} expiries, {self.strike.size} strikes)"

    def to_arrow(self) -> pyarrow.RecordBatch:
        """Returns the numbers of this moment as a table with a row per strike, a copy that later updates leave alone.

        Its columns are expiry (the label), forward, t, strike, sigma; price, delta and rho as ``call_…`` and ``put_…``;
        gamma, vega and theta.

        Raises:
            ArrowMissing: When pyarrow is not installed.
        """
        labels = np.empty(len(self.expiries), object)
        labels[:] = self.expiries
        sides = {
            f"{side}_{name}": getattr(greeks, name).copy()
            for side, greeks in (("call", self.call), ("put", self.put))
            for name in ("price", "delta", "rho")
        }
        shared = {name: getattr(self.call, name).copy() for name in ("gamma", "vega", "theta")}
        terms = {"forward": self.forward[self.place], "t": self.t[self.place]}
        options = {"strike": self.strike.copy(), "sigma": self.sigma.copy()}
        return record_batch({"expiry": labels[self.place], **terms, **options, **sides, **shared})

    def _column(self, name: str) -> FloatArray:
        return np.frombuffer(memoryview(self._kernel.column(name)), np.float64)

    def _per_expiry(self, name: str, given: PerExpiry[Label], held: FloatArray | None) -> FloatArray:
        count = len(self.expiries)
        if not isinstance(given, Mapping):
            return _spread(name, given, count)
        values = self._start(name, given, held, count)
        for label, number in given.items():
            values[self._places[label]] = floats(name, number)
        return values

    def _per_strike(self, given: PerStrike[Label], held: FloatArray | None) -> FloatArray:
        count = self._slices[-1].stop if self._slices else 0
        if not isinstance(given, Mapping):
            return _spread("sigma", given, count)
        values = self._start("sigma", given, held, count)
        for label, numbers in given.items():
            part = self._slices[self._places[label]]
            values[part] = _spread(f"sigma of {label}", numbers, part.stop - part.start)
        return values

    def _start(
        self, name: str, given: Mapping[Label, npt.ArrayLike], held: FloatArray | None, count: int
    ) -> FloatArray:
        """What a mapping is written over: the numbers held, or at first any, because it names every expiry."""
        if unknown := [label for label in given if label not in self._places]:
            raise PricingError(f"{name} names {unknown[0]}, which is no expiry of the chain")
        if held is not None:
            return held.copy()
        if missing := [label for label in self.expiries if label not in given]:
            raise PricingError(f"{name} lacks {missing[0]}")
        return np.empty(count)


def _spread(name: str, given: npt.ArrayLike, count: int) -> FloatArray:
    """A column of `count` numbers, from one for all or one each; never the caller's own memory."""
    numbers = floats(name, given)
    if numbers.shape not in ((), (1,), (count,)):
        raise PricingError(f"{name} has shape {numbers.shape}, must be one number or {count}")
    column = np.empty(count)
    column[:] = numbers
    return column


def _read_only(array: FloatArray) -> FloatArray:
    view = array.view()
    view.flags.writeable = False
    return view
