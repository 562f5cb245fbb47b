"""Random command streams: mostly valid, mostly interesting, and every kind of mistake now and then.

A stream looks at the model to know what would be interesting next. It draws from a `random.Random`, which may be
hypothesis's own, so that a failure shrinks.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from model.cash_draws import CashDraws
from model.engine import Model
from model.order_draws import OrderDraws
from model.venue import (
    ADMINS,
    CHANGES,
    INDEX,
    LANE_UNIT,
    LONGEST_LIFE,
    MINUTE,
    ORACLES,
    OWNERS,
    PARAMETERS,
    RISK,
    SECOND,
    SESSION_KEYS,
    SIZES,
    SMILE,
    START,
    WETH,
    arrays_of,
    genesis,
)
from synchromesh.protocol import (
    CONTRACT,
    NANO_ONE,
    USD,
    ZERO_HASH,
    Clock,
    Command,
    Deposit,
    Expire,
    ExpiryInputs,
    FundingTick,
    InstrumentKind,
    InstrumentSpec,
    ListInstruments,
    MarginModel,
    MarkInputs,
    MarkUpdate,
    Mode,
    OptionType,
    ParameterValue,
    Record,
    RegisterSessionKey,
    SetCollateral,
    SetMarginModel,
    SetMode,
    SetParameter,
    SetRiskParameters,
    SettleExpired,
)


class Stream(OrderDraws, CashDraws):
    """The records of one venue, one after the other, each drawn after the one before was applied to ``model``."""

    def __init__(self, random: Random, model: Model) -> None:
        super().__init__(random, model)
        self.opening = self._opening()

    def next(self) -> Record:
        """The next record."""
        if self.opening:
            command = self.opening[0]()
            del self.opening[0]
            return Record(self.time, command)
        self.time += self.random.choice((0, SECOND // 10, SECOND // 2, SECOND))
        if self._chance(0.001):
            self.time += MINUTE * 2
        record_time = self.time - (SECOND * 3 if self._chance(0.002) else 0)
        weights = self._weights()
        [kind] = self.random.choices(list(weights), list(weights.values()))
        return Record(record_time, kind())

    def _weights(self) -> dict[Callable[[], Command], int]:
        return {
            self.place: 520,
            self.replace: 100,
            self.cancel: 40,
            self.cancel_all: 8,
            self.mark: 90,
            self.funding: 15,
            self.clock: 15,
            self.inbox: 30,
            self.withdraw: 25,
            self.transfer: 25,
            self.register: 12,
            self.revoke: 5,
            self.floor: 5,
            self.subaccount: 4,
            self.listing: 10,
            self.expire: 5,
            self.settle: 8,
            self.mode: 8 if all(one.mode == Mode.NORMAL for one in self.model.underlyings) else 40,
            self.parameter: 12,
            self.risk_table: 4,
            self.collateral: 3,
            self.insurance: 4,
            self.margin_model: 8,
            self.bid: 100 if any(one.liquidation for one in self.model.accounts) else 2,
            genesis: 1,
        }

    def _opening(self) -> list[Callable[[], Command]]:
        """Genesis, perpetuals, options, marks, deposits, a session key for each owner."""
        commands: list[Callable[[], Command]] = [genesis]
        perpetuals = (
            ("BTC_USDC-PERPETUAL", 1, USD // 2, CONTRACT // 1000),
            ("ETH_USDC-PERPETUAL", 2, USD // 20, CONTRACT // 100),
        )
        specs = [
            InstrumentSpec(
                number, symbol, number, InstrumentKind.PERPETUAL, OptionType.CALL, 0, 0, tick, lot, LANE_UNIT
            )
            for symbol, number, tick, lot in perpetuals
        ]
        commands.append(lambda: ListInstruments(tuple(specs), self._administration()))
        commands += [lambda at=at: self._list_options(1 + at % 2, START + (at + 2) * 7 * MINUTE) for at in range(3)]
        commands += [
            lambda number=number: SetRiskParameters(number, RISK, 0, self._administration())
            for number in self.random.choice(((1, 2), (1,)))
        ]
        commands.append(lambda: SetCollateral(1, WETH, 0, self._administration()))
        commands += [lambda number=number: self._mark(number) for number in (1, 2)]
        for at, owner in enumerate(OWNERS):
            amount = (at + 1) ** 2 * 2_000 * USD
            commands.append(lambda owner=owner, amount=amount: self._item(Deposit(owner, 0, 0, amount)))
            key = SESSION_KEYS[at]
            commands.append(
                lambda owner=owner, key=key: RegisterSessionKey(key, 15, (), START + LONGEST_LIFE, self._owner(owner))
            )
        for owner in OWNERS[::2]:
            commands.append(lambda owner=owner: self._item(Deposit(owner, 0, 1, 4 * CONTRACT)))
            commands.append(
                lambda owner=owner: SetMarginModel(
                    self.model.keys[owner].subaccounts[0], MarginModel.PORTFOLIO, self._owner(owner)
                )
            )
        return commands

    # Marks, funding, time

    def mark(self) -> Command:
        return self._mark(self._underlying())

    def _mark(self, number: int) -> MarkUpdate:
        known = number in (1, 2) and self.model.underlyings[number - 1]
        last = known.inputs if known else None
        index = last.index if last else INDEX.get(number, NANO_ONE)
        moved = self.random.choices((0, 0.001, 0.005, 0.03, 0.08, 0.12), (2, 5, 3, 1, 0.6, 0.05))[0]
        index += int(index * moved * self.random.choice((-1, 1)))
        index = max(NANO_ONE, index + self.random.randint(-999, 999))
        time = self.time - self.random.choice((0, 0, SECOND // 4, SECOND * 2))
        if self._chance(0.01):
            time = self.time + 6 * SECOND
        expiries = []
        if known:
            ahead = [expiry for expiry in self.model.series(number) if expiry > time and expiry not in known.prices]
            expiries = [ExpiryInputs(expiry, index + index // 1000, 40_000_000, SMILE) for expiry in ahead]
        if expiries and self._chance(0.01):
            expiries.append(ExpiryInputs(expiries[-1].expiry + 1, index, 0, SMILE))
        inputs = MarkInputs(
            number,
            time,
            index,
            20_000_000 if self._chance(0.015) else 100_000,
            2 if self._chance(0.005) else 4,
            index + self.random.randint(-index // 500, index // 500),
            10**8 + 1 if self._chance(0.01) else self.random.randint(-300_000, 300_000) * 100,
            tuple(expiries),
        )
        arrays = arrays_of(self.model, inputs)
        arrays_hash = ZERO_HASH if arrays is None or self._chance(0.01) else arrays.hash()
        epoch = (known.listing_epoch if known else 0) + (1 if self._chance(0.01) else 0)
        return MarkUpdate(inputs, self._cosigned(ORACLES, ADMINS[0]), epoch, arrays_hash)

    def funding(self) -> Command:
        return FundingTick(self._underlying())

    def clock(self) -> Command:
        return Clock(self.random.choice((0, 1, 5, 1000)))

    # Governance

    def listing(self) -> Command:
        live = [expiry for number in (1, 2) for expiry in self.model.series(number)]
        if len(live) > 5 and self._chance(0.9):
            return FundingTick(1)
        return self._list_options(self._underlying(), self.time + self.random.randint(-1, 25) * MINUTE)

    def _list_options(self, underlying: int, expiry: int) -> Command:
        expiry -= expiry % MINUTE
        tick, lot = SIZES.get(underlying, (USD, CONTRACT))
        known = underlying in SIZES and self.model.underlyings[underlying - 1].inputs
        index = (known.index if known else INDEX.get(underlying, NANO_ONE)) // 1000
        first = len(self.model.instruments) + (2 if self._chance(0.02) else 1)
        specs = []
        for share in (400 if self._chance(0.1) else 99, 101):
            for right in OptionType:
                strike = index * share // 100 // USD * USD
                number = first + len(specs)
                name = f"{underlying}-{expiry // SECOND}-{strike}-{right.word}"
                option = (InstrumentKind.OPTION, right, strike, expiry, tick, lot, LANE_UNIT)
                specs.append(InstrumentSpec(number, name, underlying, *option))
        return ListInstruments(tuple(specs[: self.random.randint(1, 4)]), self._administration())

    def _series(self, priced: bool) -> tuple[int, int]:
        """An underlying and one of its series, preferably an expired one that has its price, or that has none."""
        all_series = [(number, expiry) for number in (1, 2) for expiry in self.model.series(number)]
        over = [
            (number, expiry)
            for number, expiry in all_series
            if expiry <= self.time and priced == (expiry in self.model.underlyings[number - 1].prices)
        ]
        if self._chance(0.02) or not all_series:
            return self._underlying(), START
        return self.random.choice(over if over and self._chance(0.98) else all_series)

    def expire(self) -> Command:
        underlying, expiry = self._series(priced=False)
        index = INDEX.get(underlying, NANO_ONE) // 1000
        if underlying in (1, 2) and self.model.underlyings[underlying - 1].inputs is not None:
            index = self.model.underlyings[underlying - 1].inputs.index // 1000
        price = 0 if self._chance(0.08) else index + self.random.randint(-index // 50, index // 50)
        if self._chance(0.05):
            price = price // 3
        return Expire(underlying, expiry, price, self._cosigned(ORACLES, ADMINS[0]))

    def settle(self) -> Command:
        return SettleExpired(*self._series(priced=True), self.random.choice((0, 1, 3, 8, 100)))

    def mode(self) -> Command:
        number = self._underlying()
        upset = [one.spec.underlying for one in self.model.underlyings if one.mode != Mode.NORMAL]
        number = self.random.choice(upset or [number])
        mode = self.random.choice(list(Mode)) if not upset or self._chance(0.2) else Mode.NORMAL
        return SetMode(number, mode, self._administration())

    def parameter(self) -> Command:
        parameter = self.random.choice(list(CHANGES))
        changed = self.model.parameters[parameter] != PARAMETERS[parameter]
        value = PARAMETERS[parameter] if changed and self._chance(0.5) else self.random.choice(CHANGES[parameter])
        return SetParameter(ParameterValue(parameter, value), self._administration())
