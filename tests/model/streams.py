"""Random command streams: mostly valid, mostly interesting, and every kind of mistake now and then.

A stream looks at the model to know what would be interesting next. It draws from a `random.Random`, which may be
hypothesis's own, so that a failure shrinks.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from model.engine import Model
from model.state import Account, Instrument, Order
from model.venue import (
    ADMINS,
    CHANGES,
    INDEX,
    LONGEST_LIFE,
    MINUTE,
    ORACLES,
    OWNERS,
    PARAMETERS,
    SECOND,
    SESSION_KEYS,
    SIZES,
    SMILE,
    START,
    STRANGER,
    arrays_of,
    genesis,
)
from synchromesh.protocol import (
    CONTRACT,
    NANO_ONE,
    NO_SIGNATURE,
    USD,
    USDC,
    ZERO_ADDRESS,
    ZERO_HASH,
    Administration,
    Authorization,
    CancelAll,
    CancelOrder,
    Clock,
    Command,
    Cosignature,
    CreateSubaccount,
    Deposit,
    Expire,
    ExpiryInputs,
    ForcedCancelAll,
    ForcedCloseOnly,
    ForcedWithdraw,
    FundingTick,
    InboxBody,
    InboxItem,
    InboxNonceFloor,
    InstrumentKind,
    InstrumentSpec,
    ListInstruments,
    MarkInputs,
    MarkUpdate,
    Mode,
    OptionType,
    OrderType,
    ParameterValue,
    PlaceOrder,
    PostOnly,
    RaiseNonceFloor,
    Record,
    RegisterKey,
    RegisterSessionKey,
    ReplaceOrder,
    RevokeSessionKey,
    SelfTrade,
    SetMode,
    SetParameter,
    SettleExpired,
    Side,
    TimeInForce,
    Transfer,
    Withdraw,
    order_id,
)


class Stream:
    """The records of one venue, one after the other, each drawn after the one before was applied to ``model``."""

    def __init__(self, random: Random, model: Model) -> None:
        self.random, self.model = random, model
        self.time = START
        self.nonce = START
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
            InstrumentSpec(number, symbol, number, InstrumentKind.PERPETUAL, OptionType.CALL, 0, 0, tick, lot, 1)
            for symbol, number, tick, lot in perpetuals
        ]
        commands.append(lambda: ListInstruments(tuple(specs), self._administration()))
        commands += [lambda at=at: self._list_options(1 + at % 2, START + (at + 2) * 7 * MINUTE) for at in range(3)]
        commands += [lambda number=number: self._mark(number) for number in (1, 2)]
        for at, owner in enumerate(OWNERS):
            amount = (at + 1) ** 2 * 10_000 * USD
            commands.append(lambda owner=owner, amount=amount: self._item(Deposit(owner, 0, 0, amount)))
            key = SESSION_KEYS[at]
            commands.append(
                lambda owner=owner, key=key: RegisterSessionKey(key, 15, (), START + LONGEST_LIFE, self._owner(owner))
            )
        return commands

    # Choices

    def _chance(self, share: float) -> bool:
        """True now and then, but never while the venue is being set up."""
        return not self.opening and self.random.random() < share

    def _account(self) -> Account:
        rich = [account for account in self.model.accounts if account.balance(USDC) >= 1_000 * USD]
        return self.random.choice(rich if rich and self._chance(0.95) else self.model.accounts)

    def _subaccount(self, account: Account) -> int:
        return self.random.randint(0, len(self.model.accounts) + 2) if self._chance(0.005) else account.number

    def _order(self) -> Order | None:
        orders = [order for account in self.model.accounts for order in account.orders.values()]
        return self.random.choice(orders) if orders else None

    def _instrument(self) -> Instrument:
        live = [one for one in self.model.instruments if one.status == "open"]
        perpetuals = [one for one in live if one.spec.kind == InstrumentKind.PERPETUAL]
        busy = [one for one in live if one.sides[Side.BUY] or one.sides[Side.SELL]]
        pools = (self.model.instruments if self._chance(0.02) else live, perpetuals, busy or live)
        return self.random.choice(self.random.choices(pools, (2, 2, 3))[0])

    def _underlying(self) -> int:
        return self.random.randint(0, 3) if self._chance(0.02) else self.random.randint(1, 2)

    def _own_key(self, owner: bytes) -> bytes:
        grants = {key: held.grant for key, held in self.model.keys.items() if held.grant is not None}
        mine = [key for key, grant in grants.items() if grant.owner == owner]
        able = [key for key in mine if not grants[key].revoked and grants[key].scopes == 15]
        pool = self.random.choices(([owner], able, mine, OWNERS + SESSION_KEYS), (70, 25, 4, 1))[0]
        return self.random.choice(pool or [owner])

    def _trading(self, owner: bytes) -> Authorization:
        self.nonce = max(self.nonce + 1, self.time)
        signer, nonce, expiry = self._own_key(owner), self.nonce, self.time + MINUTE
        if self._chance(0.01):
            known = self.model.keys.get(signer)
            nonces = [*(known.nonces if known else ()), 0, self.time - 61 * SECOND, self.time + 6 * SECOND]
            nonce = max(0, self.random.choice([*nonces, self.time - 30 * SECOND, self.time + SECOND]))
        if self._chance(0.002):
            expiry = self.time
        return Authorization(signer, nonce, expiry, NO_SIGNATURE)

    def _owner(self, owner: bytes) -> Authorization:
        known = self.model.keys.get(owner)
        nonce = (known.next_nonce if known else 0) + (1 if self._chance(0.02) else 0)
        return Authorization(owner, nonce, self.time + (0 if self._chance(0.01) else MINUTE), NO_SIGNATURE)

    def _cosigned(self, keys: list[bytes], stranger: bytes) -> tuple[Cosignature, ...]:
        signers = keys[: 1 if self._chance(0.03) else self.random.randint(2, 3)]
        if self._chance(0.02):
            signers = sorted({*signers, stranger})
        return tuple(Cosignature(signer, NO_SIGNATURE) for signer in signers)

    def _administration(self) -> Administration:
        nonce = self.model.admin_nonce + (1 if self._chance(0.02) else 0)
        return Administration(nonce, self._cosigned(ADMINS, ORACLES[0]))

    def _item(self, body: InboxBody) -> InboxItem:
        return InboxItem(self.model.inbox_next + (1 if self._chance(0.01) else 0), body)

    # Orders

    def place(self) -> Command:
        account, instrument = self._account(), self._instrument()
        side = self.random.choice(list(Side))
        held = account.position(instrument.spec.instrument).lots
        if held and self._chance(0.4):
            side = Side.SELL if held > 0 else Side.BUY
        order_type = OrderType.MARKET if self._chance(0.1) else OrderType.LIMIT
        time_in_force = self.random.choices(list(TimeInForce), (60, 15, 15, 10))[0]
        if order_type == OrderType.MARKET and time_in_force == TimeInForce.GTD and self._chance(0.9):
            time_in_force = TimeInForce.GTC
        post_only = PostOnly.NO
        if self._chance(0.15 if time_in_force in (TimeInForce.GTC, TimeInForce.GTD) else 0.02):
            post_only = self.random.choice(list(PostOnly))
        life = self.random.choice((SECOND, 10 * SECOND, MINUTE))
        ends = time_in_force == TimeInForce.GTD and not self._chance(0.02)
        return PlaceOrder(
            self._subaccount(account),
            instrument.spec.instrument if self._chance(0.997) else 999,
            side,
            self._amount(instrument),
            self._price(instrument, side, aggressive=order_type == OrderType.MARKET),
            order_type,
            time_in_force,
            self.time + life if ends else 0,
            post_only,
            self._chance(0.3 if held else 0.03),
            self.random.choice(list(SelfTrade)),
            self._max_fee(instrument),
            self._client_id(account),
            self._trading(account.owner),
        )

    def replace(self) -> Command:
        order = self._order()
        if order is None:
            return self.place()
        account = self.model.accounts[order.subaccount - 1]
        instrument = self.model.instruments[order.instrument - 1]
        price, lots = order.price * instrument.spec.tick_size, order.lots + order.filled
        match self.random.randint(0, 3):
            case 0:
                lots = self.random.randint(order.filled, lots)
            case 1:
                lots += self.random.randint(0, 5)
            case 2:
                price = self._price(instrument, order.side)
            case _:
                price, lots = self._price(instrument, order.side), self.random.randint(1, lots + 5)
        number = order.number if self._chance(0.99) else order_id(self.random.randint(1, self.model.sequence))
        amount = lots * instrument.spec.lot_size
        flags = (self.random.choices(list(PostOnly), (8, 1, 1))[0], self._chance(0.05), self._max_fee(instrument))
        return ReplaceOrder(self._subaccount(account), number, amount, price, *flags, self._trading(account.owner))

    def cancel(self) -> Command:
        order = self._order()
        if order is None:
            return Clock(3)
        auth = self._trading(self.model.accounts[order.subaccount - 1].owner) if self._chance(0.6) else None
        number = order.number if self._chance(0.98) else order_id(self.random.randint(1, self.model.sequence))
        return CancelOrder(order.subaccount, number, auth)

    def cancel_all(self) -> Command:
        account = self._account()
        auth = self._trading(account.owner) if self._chance(0.6) else None
        instrument = self._instrument().spec.instrument if self._chance(0.4) else 0
        return CancelAll(self._subaccount(account), instrument, self._underlying() if self._chance(0.4) else 0, auth)

    def _amount(self, instrument: Instrument) -> int:
        lots = self.random.choice((self.random.randint(1, 10), self.random.randint(1, 150)))
        if instrument.spec.kind == InstrumentKind.PERPETUAL:
            lots *= self.random.choice((1, 7, 30, 100))
        amount = lots * instrument.spec.lot_size
        if self._chance(0.01):
            return self.random.choice((0, -amount, amount + 1, 2**63 - 1, (10**11 + 1) * instrument.spec.lot_size))
        return amount

    def _price(self, instrument: Instrument, side: Side, aggressive: bool = False) -> int:
        tick = instrument.spec.tick_size
        mark = instrument.mark.mark if instrument.mark is not None else 100 * tick
        through = 1 if side == Side.BUY else -1
        away = self.random.choice((1, 2, 6, 10)) if aggressive else self.random.randint(-7, 3)
        others = instrument.sides[Side.SELL if side == Side.BUY else Side.BUY]
        start = self.random.choice(others[:3]).price if others and self._chance(0.4) else mark // tick
        ticks = max(1, start + through * away)
        if self._chance(0.02):
            ticks = max(1, ticks * self.random.choice((1, 2, 3, 10)) // self.random.choice((1, 2, 10)))
        if self._chance(0.005):
            return self.random.choice((0, -tick, ticks * tick + 1, 2**63 - 1, (2**63 - 1) // tick * tick))
        return min(ticks, (2**63 - 1) // tick) * tick

    def _max_fee(self, instrument: Instrument) -> int:
        if instrument.mark is not None and self._chance(0.06):
            terms = self.model.terms(instrument.spec.instrument)
            lots = self.random.randint(1, 5)
            exact = terms.fee(self.random.choice(("MAKER", "TAKER")), lots, 10**15) * CONTRACT
            return max(0, exact // (lots * instrument.spec.lot_size) + self.random.randint(-1, 1))
        return self.random.choices((1_000 * USD, 50 * USD, 10 * USD, USD, 0, -1), (80, 8, 4, 4, 3, 0.3))[0]

    def _client_id(self, account: Account) -> str:
        if not self._chance(0.3):
            return ""
        known = [order.client_id for order in account.orders.values()] + account.closed_ids
        if known and self._chance(0.03):
            return self.random.choice(known)
        return f"{self.model.sequence % 600}"

    # Marks, funding, time

    def mark(self) -> Command:
        return self._mark(self._underlying())

    def _mark(self, number: int) -> MarkUpdate:
        known = number in (1, 2) and self.model.underlyings[number - 1]
        last = known.inputs if known else None
        index = last.index if last else INDEX.get(number, NANO_ONE)
        moved = self.random.choices((0, 0.001, 0.005, 0.03, 0.12), (2, 5, 3, 0.8, 0.05))[0]
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
            20_000_000 if self._chance(0.005) else 100_000,
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

    # Cash and keys

    def inbox(self) -> Command:
        account = self._account()
        owner = account.owner if self._chance(0.95) else self.random.choice([*OWNERS, STRANGER])
        recipient = ZERO_ADDRESS if self._chance(0.05) else owner
        asset, amount = self._asset(), self.random.randint(-1, 20_000 * USD)
        key = self.random.choice(SESSION_KEYS + OWNERS)
        floor = self.time - self.random.choice((120 * SECOND, 50 * SECOND, 0))
        scopes, life = self.random.choice((0, 1, 3, 15, 31)), self.random.choice((-1, MINUTE, LONGEST_LIFE))
        bodies: list[InboxBody] = [
            Deposit(owner, self.random.choice((0, account.number)), asset, amount),
            ForcedWithdraw(owner, account.number, asset, amount, recipient),
            ForcedCancelAll(owner, account.number),
            ForcedCloseOnly(owner, account.number),
            RegisterKey(owner, key, scopes, self.time + life),
            InboxNonceFloor(owner, self._own_key(owner), floor),
        ]
        return self._item(self.random.choices(bodies, (12, 6, 3, 0.15, 2, 2))[0])

    def _asset(self) -> int:
        return self.random.choices((0, 1, 2), (90, 10, 2))[0]

    def withdraw(self) -> Command:
        account = self._account()
        auth = self._owner(account.owner if self._chance(0.97) else self.random.choice(OWNERS))
        recipient = ZERO_ADDRESS if self._chance(0.02) else account.owner
        return Withdraw(self._subaccount(account), self._asset(), self._cash(account), recipient, auth)

    def transfer(self) -> Command:
        source = self._account()
        others = [other for other in self.model.accounts if other.owner == source.owner and other is not source]
        target = self.random.choice(others if others and self._chance(0.9) else self.model.accounts)
        auth = self._owner(source.owner)
        signer = self._own_key(source.owner)
        auth = Authorization(signer, auth.nonce, auth.expiry, NO_SIGNATURE)
        return Transfer(source.number, self._subaccount(target), self._asset(), self._cash(source), auth)

    def _cash(self, account: Account) -> int:
        free = self.model.withdrawable(account, USDC) if self.model.is_computable(account) else 0
        amounts = (free + 1, free, free * 9 // 10, free // 50, 5 * USD, 0)
        return self.random.choices(amounts, (40, 10, 10, 20, 20, 1))[0]

    def subaccount(self) -> Command:
        return CreateSubaccount(self._owner(self.random.choice(OWNERS)))

    def register(self) -> Command:
        owner = self._account().owner
        mine = [account.number for account in self.model.accounts if account.owner == owner]
        named = [number for number in mine if self._chance(0.3)]
        if self._chance(0.03):
            named = sorted({*named, len(self.model.accounts)})
        key = self.random.choice(SESSION_KEYS + ([owner, ZERO_ADDRESS] if self._chance(0.05) else []))
        life = self.random.choice((0, 5 * SECOND, LONGEST_LIFE, LONGEST_LIFE))
        return RegisterSessionKey(
            key, self.random.choice((1, 2, 8, 9, 15, 15, 0)), tuple(named), self.time + life, self._owner(owner)
        )

    def revoke(self) -> Command:
        return RevokeSessionKey(self.random.choice(SESSION_KEYS), self._owner(self._account().owner))

    def floor(self) -> Command:
        auth = self._trading(self._account().owner)
        return RaiseNonceFloor(self.time - self.random.choice((100, 40, 10, 1)) * SECOND, auth)

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
                option = (InstrumentKind.OPTION, right, strike, expiry, tick, lot, 1)
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
