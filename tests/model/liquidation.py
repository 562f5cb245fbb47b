"""Margin calls, the start and the rounds of liquidations, and slices in the book (docs/liquidation.md)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from model.deleverage import Deleverage
from model.standing import Standing
from model.state import (
    Account,
    Instrument,
    Liquidation,
    Order,
    OverflowRefusal,
    Phase,
    Refused,
    Underlying,
    ceil_div,
    crosses,
    fit,
    opposite,
    sign,
)
from synchromesh.protocol import (
    NANO_ONE,
    USDC,
    AuctionOpened,
    BalanceReason,
    CallLevel,
    Clock,
    CloseReason,
    Command,
    Fill,
    FundingTick,
    LiquidationEnded,
    LiquidationOutcome,
    LiquidationSlice,
    LiquidationStarted,
    MarginCall,
    MarkUpdate,
    Parameter,
    SelfTrade,
    SetParameter,
    SettleExpired,
    Side,
    order_id,
)

ROUND_ACCOUNTS, ROUND_SLICES, SLICES = 16, 32, 4
MAX_LOTS = 10**11


@dataclass
class Slice:
    """An order that would help, and by how much at which cost."""

    order: Order
    gain: int
    cost: int


class Liquidations(Deleverage):
    """What follows from marks, funding, parameters, settlements and time."""

    slices: int
    """Slices that the command has traded."""

    def supervise(self, command: Command) -> None:
        if not isinstance(command, MarkUpdate | FundingTick | SetParameter | SettleExpired | Clock):
            return
        cause = None
        if isinstance(command, MarkUpdate):
            cause = self.underlying(command.inputs.underlying)
        elif isinstance(command, FundingTick):
            cause = self.underlying(command.underlying)
        for account in self.accounts:
            self.look_at(account, cause)
        self.run_rounds()

    # Calls

    def look_at(self, account: Account, cause: Underlying | None) -> None:
        if account.liquidation is not None:
            return
        try:
            standing = self.renew_call(account)
        except OverflowRefusal:
            return
        if standing.equity < standing.maintenance and not self.is_frozen(account):
            self.start(account, cause)

    def renew_call(self, account: Account) -> Standing:
        standing = self.standing(account)
        level = CallLevel.NONE
        if standing.equity < self.buffered(standing.maintenance):
            level = CallLevel.MAINTENANCE
        elif standing.initial_equity < standing.initial:
            level = CallLevel.INITIAL
        if level != account.call:
            account.call = level
            numbers = (standing.equity, standing.initial, standing.maintenance)
            self.events.append(MarginCall(account.number, level, *numbers))
        return standing

    def start(self, account: Account, cause: Underlying | None) -> None:
        try:
            standing, value = self.standing(account), self.mark_value(account)
        except OverflowRefusal:
            return
        self.liquidations += 1
        account.liquidation = Liquidation(self.liquidations, self.time, self.time)
        source = (0, 0) if cause is None else (cause.spec.underlying, cause.mark_epoch)
        numbers = (standing.equity, standing.maintenance, value)
        self.events.append(LiquidationStarted(self.liquidations, account.number, *source, *numbers))
        self.close_all(account, CloseReason.LIQUIDATION)

    # Rounds

    def run_rounds(self) -> None:
        self.slices = 0
        due = []
        for account in self.accounts:
            running = account.liquidation
            if running is None or running.due > self.time or self.is_frozen(account):
                continue
            try:
                standing = self.standing(account)
            except OverflowRefusal:
                continue
            due.append((standing.equity - standing.maintenance, account.number))
        for _, number in sorted(due)[:ROUND_ACCOUNTS]:
            if self.slices < ROUND_SLICES:
                try:
                    self.advance(self.account(number))
                except OverflowRefusal:
                    continue

    def advance(self, account: Account) -> None:
        running = self.running(account)
        late = self.time - running.due
        if late > self.parameters[Parameter.MARK_STALENESS]:
            running.opened += late
        running.due = self.time + self.parameters[Parameter.LIQUIDATION_INTERVAL]
        if self.end_if_over(account):
            return
        if running.stage == Phase.BOOK and self.belongs_in_book(account):
            helped = self.trade_slices(account)
            if self.end_if_over(account) or helped:
                return
        value = self.mark_value(account)
        stage = Phase.AUCTION if value > 0 else Phase.INSOLVENT
        if running.stage != stage:
            running.stage, running.opened = stage, self.time
            opened = (stage == Phase.INSOLVENT, self.time, value)
            self.events.append(AuctionOpened(running.number, account.number, *opened))
        if self.auction_failed(account):
            closed = self.deleverage(account)
            self.end_if_over(account, closed)

    def belongs_in_book(self, account: Account) -> bool:
        standing = self.standing(account)
        trigger = standing.maintenance * self.parameters[Parameter.AUCTION_TRIGGER] // NANO_ONE
        return self.mark_value(account) > 0 and standing.equity >= trigger

    def auction_failed(self, account: Account) -> bool:
        running = self.running(account)
        over = self.time - running.opened >= self.parameters[Parameter.AUCTION_END_TIME]
        empty = not account.positions and not self.collateral_held(account)
        return over or empty or max(0, -self.mark_value(account)) > self.insurance_left(running)

    def end_if_over(self, account: Account, deleveraged: bool = False) -> bool:
        running, standing = self.running(account), self.standing(account)
        if running.stage == Phase.BOOK:
            aim = self.is_restored(account)
        else:
            aim = standing.equity >= self.buffered(standing.maintenance)
        flat = not account.positions
        if not aim or (flat and account.balance(USDC) < 0):
            return False
        outcome = LiquidationOutcome.CLOSED if flat else LiquidationOutcome.RECOVERED
        if running.insurance > 0:
            outcome = LiquidationOutcome.INSURED
        if deleveraged:
            outcome = LiquidationOutcome.DELEVERAGED
        account.liquidation = None
        self.events.append(LiquidationEnded(running.number, account.number, outcome))
        with suppress(OverflowRefusal):
            self.renew_call(account)
        return True

    def is_restored(self, account: Account) -> bool:
        standing = self.standing(account)
        return standing.equity >= standing.maintenance and standing.initial_equity >= standing.initial

    # Slices

    def trade_slices(self, account: Account) -> bool:
        done: list[int] = []
        while len(done) < SLICES and self.slices < ROUND_SLICES and not self.is_restored(account):
            best = self.best_slice(account, done)
            if best is None:
                break
            done.append(best.order.instrument)
            self.slices += 1
            self.trade_slice(account, best.order)
        return bool(done)

    def best_slice(self, account: Account, done: list[int]) -> Slice | None:
        before, value = self.excess(account), self.mark_value(account)
        best: Slice | None = None
        for number in sorted(account.positions):
            order = None if number in done else self.slice_order(account, number)
            if order is None:
                continue
            rehearsal = self.rehearsal(order.instrument)
            taker = replace(order)
            rehearsal.match(taker)
            lots, cash = rehearsal.filled(taker)
            if not lots:
                continue
            after = rehearsal.account(account.number)
            try:
                after.balances[USDC] = fit(after.balance(USDC) - self.liquidation_fee(number, lots, cash))
                gain = self.excess(after) - before
                cost = max(1, value - self.mark_value(after))
            except OverflowRefusal:
                continue
            if gain > 0 and (best is None or gain * best.cost > best.gain * cost):
                best = Slice(order, gain, cost)
        return best

    def slice_order(self, account: Account, number: int) -> Order | None:
        """The order that would reduce a position."""
        instrument = self.instrument(number)
        try:
            self.check_tradable(instrument)
            self.check_marks_sound(instrument.spec.underlying)
        except Refused:
            return None
        position = account.position(number).lots
        side = Side.SELL if position > 0 else Side.BUY
        limit = self.slice_limit(instrument, side)
        there = sum(order.lots for order in instrument.sides[opposite(side)] if crosses(side, limit, order.price))
        wanted = ceil_div(self.parameters[Parameter.LIQUIDATION_SLICE] * abs(position), NANO_ONE)
        lots = min(wanted, there, MAX_LOTS)
        if not lots:
            return None
        return Order(
            number=order_id(self.sequence) + self.slices,
            subaccount=account.number,
            instrument=number,
            side=side,
            price=limit,
            lots=lots,
            filled=0,
            max_fee=2**63 - 1,
            valid_until=0,
            reduce_only=True,
            self_trade=SelfTrade.CANCEL_OLDEST,
            client_id="",
            rests=False,
        )

    def slice_limit(self, instrument: Instrument, side: Side) -> int:
        """The worst price of a slice in ticks."""
        terms = self.terms(instrument.spec.instrument)
        rate, tick = self.parameters[Parameter.LIQUIDATION_PRICE_LIMIT], instrument.spec.tick_size
        width = ceil_div(rate * max(terms.mark, terms.index_micros // 100), NANO_ONE)
        if side == Side.BUY:
            return (terms.mark + width) // tick
        return max(1, ceil_div(terms.mark - width, tick))

    def liquidation_fee(self, instrument: int, lots: int, cash: int) -> int:
        terms = self.terms(instrument)
        notional = lots * terms.spec.lot_size * terms.index // 10**11
        fee = ceil_div(self.parameters[Parameter.LIQUIDATION_FEE] * notional, NANO_ONE)
        if terms.perpetual:
            return fit(fee)
        return fit(min(fee, ceil_div(self.parameters[Parameter.OPTION_FEE_CAP] * cash, NANO_ONE)))

    def trade_slice(self, account: Account, order: Order) -> None:
        before = len(self.events)
        stopped = self.match(order)
        lots, cash = self.filled(order, before)
        reason = CloseReason.FILLED if order.lots == 0 else stopped or CloseReason.UNFILLED
        self.events.append(order.ended(reason, order.lots, rested=False))
        fee = self.liquidation_fee(order.instrument, lots, cash)
        if fee:
            self.insurance += fee
            self.credit(account, USDC, -fee, BalanceReason.LIQUIDATION)
        head = (self.running(account).number, account.number, order.instrument, order.side, order.price)
        self.events.append(LiquidationSlice(*head, lots, -sign(order.side) * cash, fee))

    def filled(self, taker: Order, since: int = 0) -> tuple[int, int]:
        """Lots and cash of an order's fills among the events."""
        fills = [event for event in self.events[since:] if isinstance(event, Fill) and event.taker == taker.number]
        terms = self.terms(taker.instrument)
        return sum(fill.lots for fill in fills), sum(terms.cash(fill.lots, fill.price) for fill in fills)
