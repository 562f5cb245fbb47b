"""A venue in this process for stress tests: the real engine, driven by commands as a host would give them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from synchromesh._native import Engine, EngineRefused
from synchromesh.agents.market import Series
from synchromesh.execution.genesis import DEFAULT_PARAMETERS, LARGEST_ACCOUNTS
from synchromesh.protocol import (
    NANO_ONE,
    NO_SIGNATURE,
    USD,
    USDC,
    ZERO_ADDRESS,
    Administration,
    AssetSpec,
    AuctionFill,
    AuctionOpened,
    Authorization,
    CancelAll,
    Clock,
    Command,
    Cosignature,
    Deleveraged,
    Deposit,
    Event,
    Expire,
    FundInsurance,
    Genesis,
    InboxItem,
    InstrumentSpec,
    InsurancePaid,
    LiquidationBid,
    LiquidationEnded,
    LiquidationSlice,
    LiquidationStarted,
    ListInstruments,
    MarginCall,
    MarginModel,
    MarkInputs,
    Parameter,
    ParameterValue,
    Record,
    RiskParameters,
    SetMarginModel,
    SetRiskParameters,
    SettleExpired,
    SubaccountCreated,
    UnderlyingSpec,
    Withdraw,
    decode_event,
)

ADMIN = b"\x0a" * 20
ORACLE = b"\x0b" * 20
TREASURY = b"\x0c" * 20
RECIPIENT = b"\x0d" * 20
LISTING_CHUNK = 200
ACTION_LIFE = 60 * 10**9
SETTLE_LIMIT = 60_000


NOTED = frozenset(
    kind.KIND
    for kind in (
        AuctionFill,
        AuctionOpened,
        Deleveraged,
        InsurancePaid,
        LiquidationEnded,
        LiquidationSlice,
        LiquidationStarted,
        MarginCall,
        SubaccountCreated,
    )
)
"""Kinds of events that are told: the others, fills and balances of every trade, would take most of the time."""


def _noted(events: Sequence[bytes]) -> list[Event]:
    return [decode_event(event) for event in events if event[0] in NOTED]


Columns = tuple[
    npt.NDArray[np.uint64], npt.NDArray[np.uint32], npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]
]
"""Subaccount, instrument, side, amount, price."""


@dataclass(frozen=True, slots=True)
class Orders:
    """Limit orders as columns: subaccount, instrument, whether it sells, 1e-8 contracts, micro-USDC per contract."""

    subaccount: list[int] = field(default_factory=list)
    instrument: list[int] = field(default_factory=list)
    side: list[int] = field(default_factory=list)
    amount: list[int] = field(default_factory=list)
    price: list[int] = field(default_factory=list)

    def add(self, subaccount: int, instrument: int, side: int, amount: int, price: int) -> None:
        """Appends an order; side 0 buys, 1 sells."""
        self.subaccount.append(subaccount)
        self.instrument.append(instrument)
        self.side.append(side)
        self.amount.append(amount)
        self.price.append(price)

    def __len__(self) -> int:
        return len(self.subaccount)

    def columns(self) -> Columns:
        """Returns the columns as the engine takes them."""
        return (
            np.array(self.subaccount, dtype=np.uint64),
            np.array(self.instrument, dtype=np.uint32),
            np.array(self.side, dtype=np.uint8),
            np.array(self.amount, dtype=np.int64),
            np.array(self.price, dtype=np.int64),
        )


@dataclass(frozen=True, slots=True)
class Timed:
    """What a mark did: events, and the ns that arrays and engine took."""

    events: list[Event]
    arrays_ns: int
    engine_ns: int


class StressVenue:
    """Genesis, listing, money, orders and marks.

    Attributes:
        engine: The engine.
        specs: Instruments by id from 1 (index 0 is the first).
        owners: Owner of each subaccount, by id from 1.
    """

    def __init__(self, symbols: Sequence[str], time: int, parameters: Mapping[Parameter, int] | None = None) -> None:
        self.engine = Engine()
        self.specs: list[InstrumentSpec] = []
        self.owners: list[bytes] = []
        self.symbols = tuple(symbols)
        self.time = time
        self._admin = self._inbox = 0
        self._nonces: dict[bytes, int] = {}
        self._trading = 0
        values = DEFAULT_PARAMETERS | LARGEST_ACCOUNTS | dict(parameters or {})
        self.parameters = values
        self.apply(
            Genesis(
                chain_id=1,
                contract=ZERO_ADDRESS[:-1] + b"\x01",
                operator=ADMIN,
                admins=(ADMIN,),
                admin_quorum=1,
                oracles=(ORACLE,),
                oracle_quorum=1,
                assets=(AssetSpec(USDC, "USDC", ZERO_ADDRESS[:-1] + b"\x02", 6),),
                underlyings=tuple(UnderlyingSpec(number, each) for number, each in enumerate(symbols, 1)),
                parameters=tuple(ParameterValue(key, values[key]) for key in sorted(values)),
            )
        )

    def copy(self) -> StressVenue:
        """Returns a venue in the same state that goes its own way from here."""
        other = copy(self)
        other.engine = self.engine.copy()
        other.specs, other.owners, other._nonces = list(self.specs), list(self.owners), dict(self._nonces)
        return other

    def apply(self, command: Command) -> list[Event]:
        """Applies a command at the venue's time; the events of :data:`NOTED`.

        Raises:
            EngineRefused: When the engine refuses it.
        """
        return _noted(self.engine.apply(Record(self.time, command).encode()))

    def at(self, time: int) -> None:
        """Moves the venue's time forward."""
        self.time = max(self.time, time)

    # Operators and oracles

    def list_series(self, underlying: int, series: Sequence[Series]) -> None:
        """Lists instruments of an underlying."""
        for start in range(0, len(series), LISTING_CHUNK):
            first = len(self.specs) + 1
            chunk = [
                each.spec(first + place, underlying) for place, each in enumerate(series[start : start + LISTING_CHUNK])
            ]
            self.apply(ListInstruments(tuple(chunk), self._administration()))
            self.specs += chunk

    def set_risk(self, underlying: int, parameters: RiskParameters) -> None:
        """Sets the risk table of an underlying, from the next mark on."""
        self.apply(SetRiskParameters(underlying, parameters, self.time, self._administration()))

    def mark(self, inputs: MarkInputs) -> Timed:
        """Marks an underlying at the inputs' time.

        Raises:
            EngineRefused: When the mark is refused.
        """
        self.at(inputs.time)
        events, arrays, engine = self.engine.mark(self.time, inputs.encode(), [ORACLE])
        return Timed(_noted(events), arrays, engine)

    def clock(self) -> list[Event]:
        """Lets time pass."""
        return self.apply(Clock(SETTLE_LIMIT))

    def settle(self, underlying: int, expiry: int, price: float) -> list[Event]:
        """Fixes the price of an expiry, USD, and settles it."""
        events = self.apply(Expire(underlying, expiry, round(price * USD), (Cosignature(ORACLE, NO_SIGNATURE),)))
        return events + self.apply(SettleExpired(underlying, expiry, SETTLE_LIMIT))

    # Accounts

    def deposit(self, amount: float, owner: bytes | None = None) -> int:
        """Credits an owner in USDC, a new one when none is named; returns the subaccount."""
        owner = owner or (len(self.owners) + 1).to_bytes(20)
        body = Deposit(owner, 0, USDC, round(amount * USD))
        events = self.apply(InboxItem(self._inbox, body))
        self._inbox += 1
        created = [event.subaccount for event in events if isinstance(event, SubaccountCreated)]
        self.owners += [owner] * len(created)
        return created[0] if created else self.owners.index(owner) + 1

    def withdraw(self, subaccount: int, amount: int) -> None:
        """Takes micro-USDC out of a subaccount."""
        self.apply(Withdraw(subaccount, USDC, amount, RECIPIENT, self._owner(subaccount)))

    def set_model(self, subaccount: int, model: MarginModel) -> None:
        """Chooses how a subaccount is margined."""
        self.apply(SetMarginModel(subaccount, model, self._owner(subaccount)))

    def fund_insurance(self, amount: float) -> None:
        """Gives USDC to the insurance fund."""
        subaccount = self.deposit(amount, TREASURY)
        self.apply(FundInsurance(subaccount, round(amount * USD), self._owner(subaccount)))

    def place(self, orders: Orders) -> list[str | None]:
        """Places orders, one after the other; the code of each refusal."""
        return self.engine.place(self.time, *orders.columns())

    def cancel_all(self, subaccount: int) -> None:
        """Ends the orders of a subaccount, if it has any."""
        try:
            self.apply(CancelAll(subaccount))
        except EngineRefused as refused:
            if refused.code != "nothing_to_cancel":
                raise

    def bid(self, subaccount: int, target: int, share: float, limit: float) -> list[Event]:
        """Bids in an auction: a share of the portfolio, and USDC to be paid at most."""
        self._trading = max(self._trading + 1, self.time)
        auth = Authorization(self.owners[subaccount - 1], self._trading, self.time + ACTION_LIFE)
        return self.apply(LiquidationBid(subaccount, target, round(share * NANO_ONE), round(limit * USD), auth))

    def tick(self, instrument: int, price: float, *, up: bool) -> int:
        """Returns a price in USD as micro-USDC on the instrument's grid, at least one tick."""
        size = self.specs[instrument - 1].tick_size
        ticks = price * USD / size
        return max(math.ceil(ticks) if up else math.floor(ticks), 1) * size

    def lots(self, instrument: int, contracts: float) -> int:
        """Returns contracts as an amount in whole lots, 1e-8, rounded down."""
        lot = self.specs[instrument - 1].lot_size
        return int(contracts * 1e8) // lot * lot

    def _administration(self) -> Administration:
        self._admin += 1
        return Administration(self._admin - 1, (Cosignature(ADMIN, NO_SIGNATURE),))

    def _owner(self, subaccount: int) -> Authorization:
        owner = self.owners[subaccount - 1]
        nonce = self._nonces.get(owner, 0)
        self._nonces[owner] = nonce + 1
        return Authorization(owner, nonce, self.time + ACTION_LIFE)
