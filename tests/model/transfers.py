"""What liquidations have in common: who is frozen, what the insurance fund may pay, what moves outside of the book."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from model.margin import after_fill
from model.state import Account, Instrument, Liquidation, OverflowRefusal, Underlying, ceil_div, fit
from model.trading import Trading
from synchromesh.protocol import (
    NANO_ONE,
    USDC,
    BalanceChanged,
    BalanceReason,
    Event,
    InsurancePaid,
    Mode,
    OptionType,
    Parameter,
    Side,
)


class Transfer:
    """Two accounts as a transfer leaves them, on copies, and the events that tell of it."""

    def __init__(self, giver: Account, taker: Account) -> None:
        self.giver, self.taker = giver.copied(), taker.copied()
        self.events: list[Event] = []
        self.funding = 0
        """What leaves the funding pool."""

    def credit(self, account: Account, asset: int, delta: int, reason: BalanceReason) -> None:
        """Event and all; nothing when nothing moves."""
        account.balances[asset] = fit(account.balance(asset) + delta)
        if delta:
            self.events.append(BalanceChanged(account.number, asset, delta, reason))

    def hand_over(self, asset: int, amount: int, reason: BalanceReason) -> None:
        self.credit(self.giver, asset, -amount, reason)
        self.credit(self.taker, asset, amount, reason)


Record = Callable[[int, int, int, int], Event]
"""The event of a leg: instrument, lots, mark and cash."""


class Transfers(Trading):
    """Positions and money that move between accounts and the fund."""

    liquidations: int

    @staticmethod
    def running(account: Account) -> Liquidation:
        assert account.liquidation is not None
        return account.liquidation

    def buffered(self, maintenance: int) -> int:
        return fit(maintenance + ceil_div(maintenance * self.parameters[Parameter.MARGIN_CALL_BUFFER], NANO_ONE))

    def depends_on(self, account: Account) -> list[Underlying]:
        """Underlyings of what the account holds, and those that price its collateral, ascending."""
        held = {self.instrument(number).spec.underlying for number in account.held()}
        pricing = {terms.price_underlying for _, _, terms in self.collateral_held(account)}
        return [self.underlying(number) for number in sorted(held | pricing)]

    def is_frozen(self, account: Account) -> bool:
        doubtful = {one.spec.underlying for one in self.depends_on(account) if self.is_doubtful(one)}
        return bool(doubtful) and self.may_make_up(account, doubtful)

    def is_doubtful(self, underlying: Underlying) -> bool:
        return underlying.mode == Mode.HALT or not self.are_marks_sound(underlying.spec.underlying)

    def may_make_up(self, account: Account, underlyings: set[int]) -> bool:
        """Whether what it lacks is not more than all it has in some underlyings would gain by its notional."""
        most = 0
        for number, position in account.positions.items():
            instrument = self.instrument(number)
            if instrument.spec.underlying in underlyings:
                most += abs(position.lots) * instrument.spec.lot_size * instrument.mark_index // 10**11
        try:
            for asset, amount, terms in self.collateral_held(account):
                if terms.price_underlying in underlyings:
                    most += self.asset_value(asset, amount)
            standing = self.standing(account)
        except OverflowRefusal:
            return True
        return most >= standing.maintenance - standing.equity

    def has_expired(self, instrument: Instrument) -> bool:
        return instrument.status != "open" or (instrument.spec.expiry != 0 and self.time >= instrument.spec.expiry)

    def awaits_settlement(self, account: Account) -> bool:
        return any(self.has_expired(self.instrument(number)) for number in account.positions)

    # The fund

    def insurance_free(self) -> int:
        owed = 0
        for instrument in self.instruments:
            spec = instrument.spec
            price = self.underlying(spec.underlying).prices.get(spec.expiry)
            if instrument.status == "expired" and price is not None:
                lots = sum(account.position(spec.instrument).lots for account in self.accounts)
                call = spec.option_type == OptionType.CALL
                payoff = max(0, price - spec.strike if call else spec.strike - price)
                owed += lots * spec.lot_size * payoff // 10**8
        return max(0, self.insurance - owed)

    def insurance_left(self, running: Liquidation) -> int:
        """What one liquidation may still draw."""
        free = self.insurance_free()
        whole = (free + running.insurance) * self.parameters[Parameter.INSURANCE_CAP] // NANO_ONE
        return max(0, min(free, whole - running.insurance))

    def pay_insurance(self, running: Liquidation, to: Account, amount: int) -> None:
        if amount:
            self.insurance -= amount
            running.insurance += amount
            self.credit(to, USDC, amount, BalanceReason.INSURANCE)
            self.events.append(InsurancePaid(running.number, amount, self.insurance))

    # Positions

    def move(self, transfer: Transfer, instrument: int, lots: int, record: Record) -> None:
        """Move lots (those that the taker buys) at the mark."""
        terms = self.terms(instrument)
        value = terms.value(abs(lots))
        buys = Side.BUY if lots > 0 else Side.SELL
        legs = []
        for account, side in (
            (transfer.giver, Side.SELL if buys == Side.BUY else Side.BUY),
            (transfer.taker, buys),
        ):
            before = account.position(instrument)
            funding = terms.funding_due(before)
            position, received = after_fill(before, terms, side, abs(lots), value)
            transfer.credit(account, USDC, funding, BalanceReason.FUNDING)
            transfer.funding += funding
            legs.append((account, position, received))
        for account, position, received in legs:
            account.balances[USDC] = fit(account.balance(USDC) + received)
            account.positions[instrument] = position
            if position.lots == 0:
                del account.positions[instrument]
        transfer.events.append(record(instrument, lots, terms.mark, value if lots > 0 else -value))

    def commit(self, transfer: Transfer) -> None:
        self.funding_pool -= transfer.funding
        for copy in (transfer.giver, transfer.taker):
            account = self.account(copy.number)
            account.balances, account.positions = copy.balances, copy.positions
        self.events += transfer.events

    def lane_loss(self, account: Account, underlying: int) -> int:
        """Worst lane of the positions in an underlying, whatever the account's model."""
        bare = replace(account, orders={})
        held = [one for one in bare.held() if self.instrument(one).spec.underlying == underlying]
        if self.underlying(underlying).risk.active is None:
            return fit(sum(self.terms(one).maintenance(bare.position(one).lots) for one in held))
        return self.scan(bare, underlying)
