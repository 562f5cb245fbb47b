"""A local copy of a whole chain, kept from the pushes of one channel."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from synchromesh.client.errors import ClientError


class ChainGap(ClientError):
    """A push is missing: the chain must start again from a snapshot."""


class ChainInstrument(msgspec.Struct, frozen=True, array_like=True):
    """What a line of a chain is about; a perpetual has no right, strike and expiry."""

    instrument_id: int
    instrument_name: str
    kind: str
    option_type: str | None
    strike: Decimal | None
    expiration_timestamp: int | None


class ChainForward(msgspec.Struct, frozen=True, array_like=True):
    """What an expiry is priced on: expiry in ms, forward in USD, interest rate as a fraction."""

    expiration_timestamp: int
    underlying_price: float
    interest_rate: float


class ChainMark(msgspec.Struct, frozen=True, array_like=True):
    """Mark (USDC), its vol (per cent) and Greeks: vega per vol point, theta per day, rho per 1 %."""

    instrument_id: int
    mark_price: float
    mark_iv: float
    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float


class ChainQuote(msgspec.Struct, frozen=True, array_like=True):
    """Best prices (USDC), their sizes and the open interest (contracts); zeros where there are none."""

    instrument_id: int
    best_bid_price: Decimal
    best_bid_amount: Decimal
    best_ask_price: Decimal
    best_ask_amount: Decimal
    open_interest: Decimal


class ChainVols(msgspec.Struct, frozen=True, array_like=True):
    """Vols of the best prices, per cent; 0 where there is no price or none that a vol gives."""

    instrument_id: int
    bid_iv: float
    ask_iv: float


class ChainUpdate(msgspec.Struct, frozen=True):
    """A push of ``chain.{currency}.{interval}``: a snapshot, or the lines that changed."""

    type: str
    currency: str
    timestamp: int
    change_id: int
    state: str
    mark_fault: str
    prev_change_id: int | None = None
    mark_timestamp_ns: int | None = None
    index_price: Decimal | None = None
    current_funding: Decimal | None = None
    forwards: list[ChainForward] = []
    closed: list[int] = []
    instruments: list[ChainInstrument] = []
    marks: list[ChainMark] = []
    quotes: list[ChainQuote] = []
    vols: list[ChainVols] = []


class ChainLine(msgspec.Struct, frozen=True):
    """All that is known of one instrument; a perpetual has no vols."""

    instrument: ChainInstrument
    mark: ChainMark
    quote: ChainQuote
    vols: ChainVols | None


class LocalChain:
    """One chain: a mapping from instrument names to lines, in the order of listing.

    Parameters
    ----------
    currency
        Which underlying's.
    """

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.change_id = 0
        self.ready = False
        self.timestamp = 0
        self.state = ""
        self.mark_fault = ""
        self.mark_timestamp_ns = 0
        self.index_price = Decimal(0)
        self.current_funding = Decimal(0)
        self._forwards: dict[int, ChainForward] = {}
        self._instruments: dict[int, ChainInstrument] = {}
        self._names: dict[str, int] = {}
        self._marks: dict[int, ChainMark] = {}
        self._quotes: dict[int, ChainQuote] = {}
        self._vols: dict[int, ChainVols] = {}

    def apply(self, update: ChainUpdate) -> None:
        """Follow a push; `ChainGap` when it does not follow the one before."""
        if update.type == "snapshot":
            self._clear()
        elif not self.ready or update.prev_change_id != self.change_id:
            self.ready = False
            raise ChainGap(f"{self.currency}: change {update.prev_change_id} follows {self.change_id}")
        self._take_header(update)
        for instrument in update.instruments:
            self._instruments[instrument.instrument_id] = instrument
            self._names[instrument.instrument_name] = instrument.instrument_id
        self._marks.update((mark.instrument_id, mark) for mark in update.marks)
        self._quotes.update((quote.instrument_id, quote) for quote in update.quotes)
        self._vols.update((vols.instrument_id, vols) for vols in update.vols)
        for closed in update.closed:
            self._remove(closed)
        self.change_id = update.change_id
        self.ready = True

    def _take_header(self, update: ChainUpdate) -> None:
        self.timestamp = update.timestamp
        self.state, self.mark_fault = update.state, update.mark_fault
        if update.mark_timestamp_ns is not None:
            self.mark_timestamp_ns = update.mark_timestamp_ns
            self.index_price = update.index_price or Decimal(0)
            self.current_funding = update.current_funding or Decimal(0)
            self._forwards = {forward.expiration_timestamp: forward for forward in update.forwards}

    def _remove(self, closed: int) -> None:
        instrument = self._instruments.pop(closed, None)
        # One that came and went between two pushes was never here.
        if instrument is not None:
            del self._names[instrument.instrument_name], self._marks[closed], self._quotes[closed]
            self._vols.pop(closed, None)

    def _clear(self) -> None:
        for table in (self._forwards, self._instruments, self._names, self._marks, self._quotes, self._vols):
            table.clear()

    def reset(self) -> None:
        """Forget everything: the connection was lost."""
        self.ready = False

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __contains__(self, instrument_name: object) -> bool:
        return instrument_name in self._names

    def __getitem__(self, instrument_name: str) -> ChainLine:
        number = self._names[instrument_name]
        return ChainLine(self._instruments[number], self._marks[number], self._quotes[number], self._vols.get(number))

    def lines(self) -> Iterator[ChainLine]:
        """Every line."""
        return map(self.__getitem__, self._names)

    @property
    def forwards(self) -> list[ChainForward]:
        """The expiries, ascending."""
        return list(self._forwards.values())
