"""Orders: what may enter, how it matches, what becomes of it. A rehearsal of matching is matching on a copy."""

from __future__ import annotations

from bisect import insort
from copy import copy
from dataclasses import dataclass, replace
from typing import Self

from model.accounts import CANCELS
from model.governance import MAX_PRICE, Governance
from model.margin import Terms, after_fill
from model.portfolio import Stage
from model.state import (
    Account,
    Instrument,
    Order,
    OverflowRefusal,
    Position,
    Refused,
    crosses,
    fit,
    opposite,
    require,
    sign,
)
from synchromesh.protocol import (
    SCOPE_TRADE,
    USDC,
    BalanceChanged,
    BalanceReason,
    CancelAll,
    CancelOrder,
    Clock,
    CloseReason,
    Fill,
    MarginModel,
    Mode,
    OrderReplaced,
    OrderType,
    Parameter,
    PlaceOrder,
    PostOnly,
    ReplaceOrder,
    SelfTrade,
    TimeInForce,
    order_id,
)

MAX_LOTS = 10**11


@dataclass
class Leg:
    """One account's side of a fill, not yet applied."""

    cash: int
    position: Position
    fee: int
    funding: int
    balance: int
    requirement: int


class Trading(Governance):
    """Orders and matching."""

    trades: int

    # Commands

    def place_order(self, command: PlaceOrder) -> None:
        account = self.account(command.subaccount)
        instrument = self.instrument(command.instrument)
        self.authorize(account, command.auth, SCOPE_TRADE)
        known = {order.client_id for order in account.orders.values()} | set(account.closed_ids)
        require(not command.client_id or command.client_id not in known, "duplicate_client_id")
        self.check_nonce(command.auth)
        self.check_flags(command)
        market = command.order_type == OrderType.MARKET
        order = Order(
            number=order_id(self.sequence),
            subaccount=account.number,
            instrument=command.instrument,
            side=command.side,
            price=self.ticks(command.limit_price, instrument),
            lots=self.lots(command.amount, instrument),
            filled=0,
            max_fee=command.max_fee,
            valid_until=command.valid_until,
            reduce_only=command.reduce_only,
            self_trade=command.self_trade,
            client_id=command.client_id,
            rests=not market and command.time_in_force in (TimeInForce.GTC, TimeInForce.GTD),
        )
        self.check_computable(account)
        self.admit(order, command.post_only, market=market)
        require(command.time_in_force != TimeInForce.FOK or self.would_fill(order), "fill_or_kill")
        self.use_nonce(command.auth)
        self.enter(order)

    def replace_order(self, command: ReplaceOrder) -> None:
        account = self.account(command.subaccount)
        self.authorize(account, command.auth, SCOPE_TRADE)
        self.check_nonce(command.auth)
        old = self.open_order(account, command.order)
        require(not self.is_over(old), "order_expired")
        require(command.max_fee >= 0, "invalid_max_fee")
        instrument = self.instrument(old.instrument)
        price, total = self.ticks(command.limit_price, instrument), self.lots(command.amount, instrument)
        require(total > old.filled, "amount_below_filled")
        terms = {"max_fee": command.max_fee, "reduce_only": command.reduce_only}
        new = replace(old, price=price, lots=total - old.filled, **terms)
        self.check_computable(account)
        keeps_place = price == old.price and new.lots <= old.lots
        if keeps_place:
            self.check_tradable(instrument)
            self.check_reduces(new, account)
        else:
            self.admit(new, command.post_only, replaced=old)
        self.use_nonce(command.auth)
        place = (old.number, old.subaccount, old.instrument, old.side, old.price, old.lots)
        self.events.append(OrderReplaced(*place, new.price, new.lots, keeps_place))
        if keeps_place:
            old.lots, old.max_fee, old.reduce_only = new.lots, new.max_fee, new.reduce_only
        else:
            self.take_out(old)
            self.enter(new)

    def cancel_order(self, command: CancelOrder) -> None:
        account = self.account(command.subaccount)
        if command.auth is not None:
            self.authorize(account, command.auth, CANCELS)
            self.check_nonce(command.auth)
        order = self.open_order(account, command.order)
        require(self.mode(order.instrument) != Mode.HALT, "mode")
        if command.auth is not None:
            self.use_nonce(command.auth)
        self.close_order(order, CloseReason.CANCELLED)

    def cancel_all(self, command: CancelAll) -> None:
        account = self.account(command.subaccount)
        if command.instrument:
            self.instrument(command.instrument)
        if command.underlying:
            self.underlying(command.underlying)
        if command.auth is not None:
            self.authorize(account, command.auth, CANCELS)
            self.check_nonce(command.auth)
        fitting = [
            order
            for _, order in sorted(account.orders.items())
            if command.instrument in (0, order.instrument)
            and command.underlying in (0, self.instrument(order.instrument).spec.underlying)
            and self.mode(order.instrument) != Mode.HALT
        ]
        require(bool(fitting), "nothing_to_cancel")
        if command.auth is not None:
            self.use_nonce(command.auth)
        for order in fitting:
            self.close_order(order, CloseReason.CANCELLED)

    def end_expired_orders(self, command: Clock) -> None:
        over = [order for account in self.accounts for order in account.orders.values() if self.is_over(order)]
        over.sort(key=lambda order: (order.valid_until, order.number))
        for order in over[: command.limit]:
            self.close_order(order, CloseReason.EXPIRED)

    # Form

    def check_flags(self, command: PlaceOrder) -> None:
        post_only = command.post_only != PostOnly.NO
        if command.order_type == OrderType.MARKET:
            require(command.time_in_force != TimeInForce.GTD and not post_only, "invalid_flags")
        immediate = command.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
        require(not (immediate and post_only), "invalid_flags")
        if command.time_in_force == TimeInForce.GTD:
            require(command.valid_until > self.time, "invalid_valid_until")
        else:
            require(command.valid_until == 0, "invalid_valid_until")
        require(command.max_fee >= 0, "invalid_max_fee")

    @staticmethod
    def ticks(price: int, instrument: Instrument) -> int:
        require(0 < price <= MAX_PRICE and price % instrument.spec.tick_size == 0, "invalid_price")
        return price // instrument.spec.tick_size

    @staticmethod
    def lots(amount: int, instrument: Instrument) -> int:
        require(amount > 0 and amount % instrument.spec.lot_size == 0, "invalid_amount")
        require(amount // instrument.spec.lot_size <= MAX_LOTS, "invalid_amount")
        return amount // instrument.spec.lot_size

    # Admission

    def mode(self, instrument: int) -> Mode:
        return self.underlyings[self.instrument(instrument).spec.underlying - 1].mode

    def check_tradable(self, instrument: Instrument) -> None:
        spec = instrument.spec
        require(instrument.status == "open" and (spec.expiry == 0 or self.time < spec.expiry), "instrument_not_open")
        require(instrument.mark is not None, "no_mark")
        require(self.mode(spec.instrument) != Mode.HALT, "mode")

    def admit(self, order: Order, post_only: PostOnly, market: bool = False, replaced: Order | None = None) -> None:
        """Refuse the order or fit its price to band and post-only, as if ``replaced`` were gone."""
        account, instrument = self.account(order.subaccount), self.instrument(order.instrument)
        self.check_not_liquidated(account)
        self.check_tradable(instrument)
        portfolio = account.model == MarginModel.PORTFOLIO
        require(not portfolio or self.has_lanes(order.instrument), "no_lanes")
        others = [other for other in account.open_orders(order.instrument) if other is not replaced]
        self.check_risk_allowed(order, account, others)
        self.fit_to_band(order, market)
        if replaced is None:
            self.check_limits(order, account)
        self.check_reduces(order, account)
        self.fit_to_book(order, post_only)
        self.check_margin(order, account, others)

    def check_risk_allowed(self, order: Order, account: Account, others: list[Order]) -> None:
        try:
            require(self.mode(order.instrument) != Mode.CANCEL_ONLY, "mode")
            require(not account.close_only, "close_only")
            self.check_marks_sound(self.instrument(order.instrument).spec.underlying)
        except Refused:
            same_side = sum(other.lots for other in others if other.side == order.side)
            if same_side + order.lots > account.position(order.instrument).reducible(order.side):
                raise

    def fit_to_band(self, order: Order, market: bool) -> None:
        limit = self.terms(order.instrument).band_limit(order.side)
        if sign(order.side) * order.price > sign(order.side) * limit:
            require(market and limit >= 1, "price_band")
            order.price = limit

    def check_limits(self, order: Order, account: Account) -> None:
        room = len(account.orders) < self.parameters[Parameter.MAX_OPEN_ORDERS]
        require(not order.rests or room, "too_many_orders")
        held = account.held()
        room = len(held) < self.parameters[Parameter.MAX_INSTRUMENTS]
        require(order.instrument in held or room, "too_many_instruments")

    @staticmethod
    def check_reduces(order: Order, account: Account) -> None:
        reducible = account.position(order.instrument).reducible(order.side)
        require(not order.reduce_only or reducible > 0, "nothing_to_reduce")

    def fit_to_book(self, order: Order, post_only: PostOnly) -> None:
        venue_posts_only = self.mode(order.instrument) == Mode.POST_ONLY
        require(order.rests or not venue_posts_only, "mode")
        opposite_side = self.instrument(order.instrument).sides[opposite(order.side)]
        if not (venue_posts_only or post_only != PostOnly.NO) or not opposite_side:
            return
        best = opposite_side[0].price
        if not crosses(order.side, order.price, best):
            return
        require(post_only != PostOnly.NO, "mode")
        require(post_only == PostOnly.SLIDE and best - sign(order.side) >= 1, "post_only_would_trade")
        order.price = best - sign(order.side)

    def check_computable(self, account: Account) -> None:
        """Refuse when the account's margin does not fit in 64 bits as it is."""
        self.requirement(account)
        self.funds(account)

    def is_computable(self, account: Account) -> bool:
        try:
            self.check_computable(account)
        except OverflowRefusal:
            return False
        return True

    def check_margin(self, order: Order, account: Account, others: list[Order]) -> None:
        side = [other.lots for other in others if other.side == order.side]
        self.terms(order.instrument).cash(fit(sum(side) + order.lots), order.price)
        elsewhere = [other for other in account.orders.values() if other.instrument != order.instrument]
        orders = {other.number: other for other in (*elsewhere, *others, order)}
        after = replace(account, orders=orders)
        if self.funds(account) >= self.requirement(after):
            return
        if account.model == MarginModel.PORTFOLIO:
            raised = self.requirement(after) > self.requirement(account)
        else:
            raised = self.requirement_in(after, order.instrument) > self.requirement_in(account, order.instrument)
        lots = sign(order.side) * order.lots
        require(not raised and not self.positions_raise(account, order.instrument, lots), "not_enough_margin")

    def positions_raise(self, account: Account, instrument: int, lots: int) -> bool:
        """Whether the positions alone would need more initial margin with so many lots more of an instrument."""
        held = account.position(instrument)
        after = replace(account, positions={**account.positions, instrument: replace(held, lots=fit(held.lots + lots))})
        if account.model == MarginModel.PORTFOLIO:
            return self.requirement(after, Stage.POSITIONS) > self.requirement(account, Stage.POSITIONS)
        before = self.requirement_in(account, instrument, Stage.POSITIONS)
        return self.requirement_in(after, instrument, Stage.POSITIONS) > before

    def would_fill(self, order: Order) -> bool:
        taker = replace(order)
        self.rehearsal(order.instrument).match(taker)
        return taker.lots == 0

    def rehearsal(self, number: int) -> Self:
        """A venue like this one, in which orders of one instrument may be matched without any effect here."""
        rehearsal = copy(self)
        rehearsal.events = []
        rehearsal.accounts = [account.copied() for account in self.accounts]
        rehearsal.instruments = list(self.instruments)
        instrument = self.instrument(number)
        sides = {
            side: [rehearsal.account(other.subaccount).orders[other.number] for other in orders]
            for side, orders in instrument.sides.items()
        }
        rehearsal.instruments[number - 1] = replace(instrument, sides=sides)
        return rehearsal

    # Matching

    def enter(self, order: Order) -> None:
        """Match an admitted order; what is left rests or ends."""
        reason = self.match(order)
        account = self.account(order.subaccount)
        if order.lots == 0:
            reason = CloseReason.FILLED
        elif reason is None and not order.rests:
            reason = CloseReason.UNFILLED
        elif reason is None and order.reduce_only and account.position(order.instrument).reducible(order.side) == 0:
            reason = CloseReason.REDUCE_ONLY
        if reason is None:
            order.priority = self.sequence
            insort(self.instrument(order.instrument).sides[order.side], order, key=Order.place)
            account.orders[order.number] = order
            self.events.append(order.rested())
        else:
            account.remember(order.client_id)
            self.events.append(order.ended(reason, order.lots, rested=False))

    def match(self, taker: Order) -> CloseReason | None:
        """Trade while something crosses; the reason when the rest of the order must end."""
        makers = self.instrument(taker.instrument).sides[opposite(taker.side)]
        while taker.lots and makers and crosses(taker.side, taker.price, makers[0].price):
            stopped = self.meet(taker, makers[0])
            if stopped is not None:
                return stopped
        return None

    def meet(self, taker: Order, maker: Order) -> CloseReason | None:
        """One meeting: a fill, the end of the maker, or the reason that stops the taker."""
        taking, making = self.account(taker.subaccount), self.account(maker.subaccount)
        if self.is_over(maker):
            return self.close_order(maker, CloseReason.EXPIRED)
        if taking.owner == making.owner:
            if taker.self_trade != SelfTrade.CANCEL_NEWEST:
                self.close_order(maker, CloseReason.SELF_TRADE)
            return None if taker.self_trade == SelfTrade.CANCEL_OLDEST else CloseReason.SELF_TRADE
        if not self.is_computable(making):
            return self.close_order(maker, CloseReason.MARGIN)
        if not self.is_computable(taking):
            return CloseReason.MARGIN
        lots = min(taker.lots, maker.lots)
        if maker.reduce_only:
            lots = min(lots, making.position(maker.instrument).reducible(maker.side))
            if lots == 0:
                return self.close_order(maker, CloseReason.REDUCE_ONLY)
        if taker.reduce_only:
            lots = min(lots, taking.position(taker.instrument).reducible(taker.side))
            if lots == 0:
                return CloseReason.REDUCE_ONLY
        terms = self.terms(taker.instrument)
        cash = terms.cash(lots, maker.price)
        fee = terms.fee("TAKER", lots, cash)
        if not terms.fee_allowed(fee, taker.max_fee, lots):
            return CloseReason.MAX_FEE
        maker_fee = terms.fee("MAKER", lots, cash)
        if not terms.fee_allowed(maker_fee, maker.max_fee, lots):
            return self.close_order(maker, CloseReason.MAX_FEE)
        try:
            left = {**making.orders, maker.number: replace(maker, lots=maker.lots - lots)}
            if lots == maker.lots:
                del left[maker.number]
            made = self.leg(making, left, terms, maker, lots, cash, maker_fee)
        except OverflowRefusal:
            return self.close_order(maker, CloseReason.MARGIN)
        only_shrinks = lots <= making.position(maker.instrument).reducible(maker.side)
        mends = only_shrinks and not self.positions_raise(making, maker.instrument, sign(maker.side) * lots)
        if not mends and made.balance < made.requirement:
            return self.close_order(maker, CloseReason.MARGIN)
        try:
            taken = self.leg(taking, taking.orders, terms, taker, lots, cash, fee)
        except OverflowRefusal:
            return CloseReason.MARGIN
        self.fill(taker, maker, lots, made, taken)
        return None

    def leg(
        self, account: Account, left: dict[int, Order], terms: Terms, order: Order, lots: int, cash: int, fee: int
    ) -> Leg:
        """An account's side of a fill, with the orders ``left`` open after it."""
        before = account.position(order.instrument)
        funding = terms.funding_due(before)
        position, received = after_fill(before, terms, order.side, lots, cash)
        cash_after = fit(account.balance(USDC) + funding + received - fee)
        after = replace(
            account,
            balances={**account.balances, USDC: cash_after},
            positions={**account.positions, order.instrument: position},
            orders=left,
        )
        return Leg(cash_after, position, fee, funding, self.funds(after), self.requirement(after))

    def fill(self, taker: Order, maker: Order, lots: int, made: Leg, taken: Leg) -> None:
        for order, leg in ((maker, made), (taker, taken)):
            account = self.account(order.subaccount)
            account.balances[USDC] = leg.cash
            account.positions[order.instrument] = leg.position
            if leg.position.lots == 0:
                del account.positions[order.instrument]
            self.fees += leg.fee
            self.funding_pool -= leg.funding
            if leg.funding:
                self.events.append(BalanceChanged(account.number, USDC, leg.funding, BalanceReason.FUNDING))
            order.lots -= lots
            order.filled += lots
        self.trades += 1
        head = (self.trades, taker.instrument, taker.side, maker.price, lots)
        of_maker = (maker.number, maker.subaccount, made.fee)
        self.events.append(Fill(*head, *of_maker, taker.number, taker.subaccount, taken.fee))
        if maker.lots == 0:
            self.close_order(maker, CloseReason.FILLED)

    # Open orders

    @staticmethod
    def open_order(account: Account, number: int) -> Order:
        require(number in account.orders, "unknown_order")
        return account.orders[number]

    def is_over(self, order: Order) -> bool:
        return order.valid_until != 0 and self.time >= order.valid_until

    def take_out(self, order: Order) -> None:
        self.instrument(order.instrument).sides[order.side].remove(order)
        del self.account(order.subaccount).orders[order.number]

    def close_order(self, order: Order, reason: CloseReason) -> None:
        self.take_out(order)
        self.account(order.subaccount).remember(order.client_id)
        self.events.append(order.ended(reason, order.lots, rested=True))
