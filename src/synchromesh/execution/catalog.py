"""What the venue lists: instruments, underlyings and assets by id and by the names that the API speaks."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta

from synchromesh._native import Host, InstrumentInfo, UnderlyingInfo
from synchromesh.clock import SECOND
from synchromesh.execution.errors import ApiError, ErrorCode, invalid_param
from synchromesh.protocol import (
    Event,
    Genesis,
    InstrumentClosed,
    InstrumentKind,
    InstrumentListed,
    Names,
    Parameter,
    ParameterChanged,
)

KINDS = {kind.word: kind for kind in InstrumentKind}
PERPETUAL_EXPIRY_MS = 32_503_708_800_000
"""What the dialect writes as the expiry of a perpetual."""


class Catalog:
    """Names and ids, kept up to date by events.

    Parameters
    ----------
    host
        The running host; its genesis must be durable.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self.genesis = Genesis.decode(host.genesis_info())
        self.assets = {spec.asset: spec for spec in self.genesis.assets}
        self.asset_ids = {spec.symbol: spec.asset for spec in self.genesis.assets}
        self.asset_symbols = {spec.asset: spec.symbol for spec in self.genesis.assets}
        self.symbols = {spec.underlying: spec.symbol for spec in self.genesis.underlyings}
        self.underlying_ids = {spec.symbol: spec.underlying for spec in self.genesis.underlyings}
        self.parameters: dict[Parameter, int] = dict(zip(Parameter, host.parameters(), strict=True))
        self._by_id: dict[int, InstrumentInfo] = {}
        self._by_name: dict[str, InstrumentInfo] = {}
        self._names: dict[int, str] = {}
        self._underlyings: dict[int, UnderlyingInfo] = {}
        self._owners: dict[int, bytes] = {}
        for info in host.instruments():
            self._add(info)
        self.names = Names(self._names, self.symbols, {asset: spec.symbol for asset, spec in self.assets.items()})

    def _add(self, info: InstrumentInfo) -> None:
        self._by_id[info.instrument] = info
        self._by_name[info.name] = info
        self._names[info.instrument] = info.name

    def follow(self, event: Event) -> None:
        """Take note of what an event changed."""
        if isinstance(event, InstrumentListed | InstrumentClosed):
            info = self._host.instrument(event.instrument)
            if info is not None:
                self._add(info)
        elif isinstance(event, ParameterChanged):
            self.parameters[event.change.parameter] = event.change.value

    def all(self) -> list[InstrumentInfo]:
        """Every instrument ever listed, by id; marks as of now."""
        return self._host.instruments()

    def specs(self) -> list[InstrumentInfo]:
        """Fixed fields of every instrument ever listed; marks and state in them are old."""
        return list(self._by_id.values())

    def spec(self, instrument: int) -> InstrumentInfo:
        """An instrument's fixed fields; marks and state in it are old."""
        return self._by_id[instrument]

    def named(self, name: str) -> InstrumentInfo:
        """Fixed fields of the instrument called ``name``; `ApiError` 13020 when there is none."""
        try:
            return self._by_name[name]
        except KeyError:
            detail = f"there is no instrument {name!r}"
            raise ApiError(ErrorCode.NOT_FOUND, "unknown_instrument", detail, param="instrument_name") from None

    def fresh(self, name: str) -> InstrumentInfo:
        """The instrument called ``name`` with its marks and state as of now; `ApiError` 13020 when there is none."""
        info = self._host.instrument(self.named(name).instrument)
        assert info is not None, "listed instruments stay known"
        return info

    def underlying(self, underlying: int) -> UnderlyingInfo:
        """An underlying with its marks as of the last drain."""
        info = self._underlyings.get(underlying)
        if info is None:
            info = self._host.underlying(underlying)
            assert info is not None, "underlyings are fixed at genesis"
            self._underlyings[underlying] = info
        return info

    def drained(self) -> None:
        """Something became durable: what was remembered of underlyings may be old."""
        self._underlyings.clear()

    def owner(self, subaccount: int) -> bytes:
        """The owner of a subaccount that exists."""
        owner = self._owners.get(subaccount)
        if owner is None:
            info = self._host.account(subaccount)
            assert info is not None, "owners are asked for of subaccounts that exist"
            owner = self._owners[subaccount] = info.owner
        return owner

    def index(self, index_name: str) -> int:
        """The underlying of an index (``btc_usdc``); `ApiError` -32602 when there is none."""
        symbol, _, quote = index_name.partition("_")
        underlying = self.underlying_ids.get(symbol.upper())
        if underlying is None or quote not in ("usdc", "usd"):
            raise invalid_param("index_name", f"there is no index {index_name!r}")
        return underlying

    def currency_underlyings(self, currency: str) -> set[int]:
        """Underlyings that a ``currency`` parameter selects: its own symbol's, or all for USDC and any."""
        if currency.upper() in ("ANY", "USDC", ""):
            return set(self.symbols)
        underlying = self.underlying_ids.get(currency.upper())
        if underlying is None:
            raise invalid_param("currency", f"there is no currency {currency!r}")
        return {underlying}


def kind_of(word: str) -> InstrumentKind | None:
    """The kind that a ``kind`` parameter selects, None for any; `ApiError` -32602 when it means nothing."""
    if word in ("", "any"):
        return None
    try:
        return KINDS[word]
    except KeyError:
        raise invalid_param("kind", f"kind is option, future or any, not {word!r}") from None


def is_option(info: InstrumentInfo) -> bool:
    """Whether the instrument is an option."""
    return info.kind == InstrumentKind.OPTION


def expiry_label(expiry_ns: int) -> str:
    """``27MAR26``: how names write a date."""
    moment = datetime.fromtimestamp(expiry_ns // SECOND, UTC)
    return f"{moment.day}{calendar.month_abbr[moment.month].upper()}{moment.year % 100:02d}"


def settlement_period(info: InstrumentInfo) -> str:
    """``perpetual``, or ``month``, ``week`` or ``day`` by the weekday that the expiry falls on."""
    if not is_option(info):
        return "perpetual"
    day = datetime.fromtimestamp(info.expiry // SECOND, UTC).date()
    if day.weekday() != calendar.FRIDAY:
        return "day"
    return "month" if (day + timedelta(days=7)).month != day.month else "week"
