"""Closing a portfolio that nobody takes against those who stand on the other side."""

from __future__ import annotations

from collections.abc import Sequence

from model.auctions import Auctions
from model.state import Account, Instrument, OverflowRefusal, ceil_div, fit
from model.transfers import Transfer
from synchromesh.protocol import NANO_ONE, USDC, BalanceReason, Deleveraged

PASSES, LAST_RESORTS, PRODUCT_BITS = 16, 32, 40
Book = dict[int, int]
"""Lots by instrument, none zero."""


def joined(book: Book, other: Book) -> Book:
    sums = {number: book.get(number, 0) + other.get(number, 0) for number in {*book, *other}}
    return {number: sums[number] for number in sorted(sums) if sums[number]}


def part_of(book: Book, share: int, up: bool) -> Book:
    """A share of every position in whole lots."""
    sizes = {number: (abs(lots) * share + (NANO_ONE - 1 if up else 0)) // NANO_ONE for number, lots in book.items()}
    return {number: size if book[number] > 0 else -size for number, size in sizes.items() if size}


def divide(total: int, weights: Sequence[int], most: Sequence[int]) -> list[int]:
    """In proportion to the weights, nobody above its most."""
    parts, left = [0] * len(weights), total
    while True:
        able = [at for at in range(len(parts)) if weights[at] > 0 and parts[at] < most[at]]
        if not able or left <= 0:
            return parts
        whole, sum_of_weights = left, sum(weights[at] for at in able)
        for at in able:
            part = min(whole * weights[at] // sum_of_weights, most[at] - parts[at])
            parts[at] += part
            left -= part
        if left == whole:
            for at in able[:left]:
                parts[at] += 1
                left -= 1


class Closing:
    """A portfolio that is being closed in one underlying."""

    def __init__(self, account: Account, underlying: int, instruments: list[Instrument], interest: list[int]) -> None:
        self.account, self.underlying = account, underlying
        self.sizes = {one.spec.instrument: one.spec.lot_size for one in instruments}
        bits = [(lots * one.spec.lot_size).bit_length() for one, lots in zip(instruments, interest, strict=True)]
        self.shift = max(0, max(bits, default=0) - PRODUCT_BITS)
        self.book = self.book_of(account)

    def book_of(self, account: Account) -> Book:
        return {number: held.lots for number, held in sorted(account.positions.items()) if number in self.sizes}

    def product(self, a: Book, b: Book) -> int:
        def scaled(book: Book, number: int) -> int:
            return book[number] * self.sizes[number] >> self.shift

        return sum(scaled(a, number) * scaled(b, number) for number in a if number in b)


class Deleverage(Auctions):
    """Auto-deleveraging, and the debt that is left."""

    def deleverage(self, account: Account) -> bool:
        """Close every position; whether counterparties were closed."""
        if self.awaits_settlement(account):
            return False
        closed: dict[int, int] = {}
        for underlying in [one for one in self.underlyings if not self.is_doubtful(one)]:
            number = underlying.spec.underlying
            market = [one for one in self.of_underlying(number) if not self.has_expired(one)]
            positions = [[one.position(each.spec.instrument).lots for one in self.accounts] for each in market]
            interest = [sum(max(0, lots) for lots in held) for held in positions]
            closing = Closing(account, number, market, interest)
            if closing.book:
                self.close_underlying(closing, closed)
        self.settle_debt(account, closed)
        return bool(closed)

    def close_underlying(self, closing: Closing, closed: dict[int, int]) -> None:
        for resort in range(LAST_RESORTS + 1):
            self.close_slices(closing, closed)
            self.close_positions(closing, closed)
            if not closing.book:
                return
            against = self.against(closing, next(iter(closing.book)))
            if resort < LAST_RESORTS and against:
                self.close_part(closing, against[0], closing.book_of(against[0]), closed, whole=True)
        for other in self.others(closing):
            self.close_part(closing, other, closing.book_of(other), closed, whole=True)

    def others(self, closing: Closing) -> list[Account]:
        return [other for other in self.accounts if other is not closing.account and closing.book_of(other)]

    def close_slices(self, closing: Closing, closed: dict[int, int]) -> None:
        up = False
        for _ in range(PASSES):
            if not closing.book:
                return
            opposed, together = [], Book()
            for other in self.others(closing):
                book = closing.book_of(other)
                product = closing.product(closing.book, book)
                if product < 0:
                    opposed.append((product, other.number))
                    together = joined(together, book)
            square = max(1, closing.product(together, together))
            share = ceil_div(-closing.product(closing.book, together) * NANO_ONE, square)
            share = max(1, min(NANO_ONE, share))
            progress = False
            for _, number in sorted(opposed):
                other = self.account(number)
                part = part_of(closing.book_of(other), share, up)
                after = joined(closing.book, part)
                if part and closing.product(after, after) < closing.product(closing.book, closing.book):
                    progress |= self.close_part(closing, other, part, closed)
            if not progress:
                if up:
                    return
                up = True

    def close_positions(self, closing: Closing, closed: dict[int, int]) -> None:
        for instrument in list(closing.book):
            if instrument not in closing.book:
                continue
            for other in self.against(closing, instrument):
                if instrument not in closing.book:
                    break
                held = other.position(instrument).lots
                size = min(abs(held), abs(closing.book[instrument]))
                self.close_part(closing, other, {instrument: size if held > 0 else -size}, closed)

    def against(self, closing: Closing, instrument: int) -> list[Account]:
        """Accounts with a position against what is left of an instrument, the largest first."""
        lots = closing.book[instrument]
        opposite = [one for one in self.accounts if one.position(instrument).lots * lots < 0]
        return sorted(opposite, key=lambda one: (-abs(one.position(instrument).lots), one.number))

    def close_part(
        self, closing: Closing, other: Account, part: Book, closed: dict[int, int], whole: bool = False
    ) -> bool:
        """Close a part of a counterparty's book, unless that would do it harm."""
        transfer, number = Transfer(closing.account, other), self.running(closing.account).number

        def record(instrument: int, lots: int, mark: int, cash: int) -> Deleveraged:
            return Deleveraged(number, closing.account.number, other.number, instrument, lots, mark, cash)

        try:
            notional = 0
            for instrument, lots in part.items():
                self.move(transfer, instrument, -lots, record)
                index = self.terms(instrument).index
                notional += max(1, abs(lots) * closing.sizes[instrument] * index // 10**11)
            after = transfer.taker
            if self.lane_loss(after, closing.underlying) > self.lane_loss(other, closing.underlying):
                return False
            if not whole and self.maintenance(after) > self.maintenance(other):
                return False
        except OverflowRefusal:
            return False
        self.commit(transfer)
        closed[other.number] = closed.get(other.number, 0) + notional
        closing.book = joined(closing.book, part)
        return True

    # The debt

    def settle_debt(self, account: Account, closed: dict[int, int]) -> None:
        debt = max(0, -account.balance(USDC))
        if not debt or account.positions:
            return
        running = self.running(account)
        insured = min(max(0, -self.mark_value(account)), self.insurance_left(running))
        self.pay_insurance(running, account, insured)
        charges = self.charges(closed, debt - insured)
        self.hand_out_collateral(account, charges)
        for number, amount in charges.items():
            self.credit(self.account(number), USDC, -amount, BalanceReason.DELEVERAGE)
        if charges:
            self.credit(account, USDC, sum(charges.values()), BalanceReason.DELEVERAGE)

    def charges(self, closed: dict[int, int], debt: int) -> dict[int, int]:
        numbers = sorted(closed)
        weights = [closed[number] for number in numbers]
        accounts = [self.account(number) for number in numbers]
        first = divide(debt, weights, [max(0, self.excess(one)) for one in accounts])
        spare = [max(0, self.mark_value(one) - paid) for one, paid in zip(accounts, first, strict=True)]
        second = divide(debt - sum(first), weights, spare)
        totals = [a + b for a, b in zip(first, second, strict=True)]
        return {number: total for number, total in zip(numbers, totals, strict=True) if total}

    def hand_out_collateral(self, account: Account, charges: dict[int, int]) -> None:
        held, total = self.collateral_held(account), sum(charges.values())
        worth = fit(sum(self.asset_value(asset, amount) for asset, amount, _ in held))
        if not total or not worth:
            return
        for asset, amount, _ in held:
            given = amount if total >= worth else ceil_div(amount * total, worth)
            left, last = given, max(charges)
            for number, charge in charges.items():
                part = left if number == last else given * charge // total
                left -= part
                if part:
                    self.credit(account, asset, -part, BalanceReason.DELEVERAGE)
                    self.credit(self.account(number), asset, part, BalanceReason.DELEVERAGE)
