"""Random orders, replacements and cancels."""

from model.draws import Draws
from model.state import Account, Instrument
from model.venue import (
    MINUTE,
    SECOND,
)
from synchromesh.protocol import (
    CONTRACT,
    USD,
    USDC,
    CancelAll,
    CancelOrder,
    Clock,
    Command,
    InstrumentKind,
    OrderType,
    PlaceOrder,
    PostOnly,
    ReplaceOrder,
    SelfTrade,
    Side,
    TimeInForce,
    order_id,
)


class OrderDraws(Draws):
    """Trading actions."""

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
            self._amount(instrument, account),
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

    def _amount(self, instrument: Instrument, account: Account) -> int:
        lots = self.random.choice((self.random.randint(1, 10), self.random.randint(1, 150)))
        if instrument.spec.kind == InstrumentKind.PERPETUAL:
            lots *= self.random.choice((1, 7, 30, 100))
        if instrument.mark is not None and self._chance(0.08):
            wealth = self.random.choice((2, 6, 12)) * max(USD, account.balance(USDC))
            lots = max(1, wealth * CONTRACT * 1000 // (instrument.mark_index * instrument.spec.lot_size))
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
