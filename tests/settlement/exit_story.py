"""A venue that traded until its operator went away, and what its users should take out of it: counted a second time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from support.ledger import ADMIN, ALICE, BOB, ORACLE
from support.local import LEAD, LocalChain, LocalVenue
from support.venue import EXPIRY, SMILE, START, secret
from synchromesh._native import Replica, blake3, mark_arrays
from synchromesh.clock import SECOND
from synchromesh.protocol import (
    CONTRACT,
    USD,
    USDC,
    Administration,
    CollateralTerms,
    Expire,
    ExpiryInputs,
    Fill,
    FundingAccrued,
    FundingTick,
    InstrumentKind,
    MarkArrays,
    MarkInputs,
    MarkUpdate,
    OptionType,
    SetCollateral,
    Side,
    decode_event,
)
from synchromesh.settlement.chain import address_from_secret
from synchromesh.settlement.sender import Sender
from synchromesh.settlement.wallet import Wallet

CAROL, DAVE, ERIN = secret("carol"), secret("dave"), secret("erin")
USERS = {1: ALICE, 2: BOB, 3: CAROL, 4: DAVE}
"""Owners by subaccount."""
ERIN_USDC = 500
WETH, WBTC = 1, 2
"""Assets behind USDC."""
TOKENS = {"WETH": 18, "WBTC": 8}
PERPETUAL, CALL, ETH_PUT = 1, 5, 10
"""Instruments by their place in the test listing."""
DEPOSITS = {1: {USDC: 100_000}, 2: {WETH: 50}, 3: {USDC: 40_000}, 4: {WBTC: 2}}
"""Whole units that each subaccount starts with."""
WITHDRAWN = 1_000
"""USDC that carol takes out of the running venue."""
HOURS = 4
BEFORE = {"BTC": 76_000, "ETH": 2_250}
AFTER = {"BTC": 83_000, "ETH": 2_201}
"""Index prices, USD: bob, who is short, loses more than he has in USDC."""
SETTLEMENT = 2_150
"""USD at which ether's options are settled, before they were paid out."""


@dataclass
class Book:
    """What a subaccount has, by our own count."""

    cash: int = 0
    collateral: dict[int, int] = field(default_factory=dict)
    positions: dict[int, list[int]] = field(default_factory=dict)
    """Lots, cost in micro-USDC and funding index at entry, by instrument."""


class ExitStory:
    """The venue, what happened in it, and what follows for its users."""

    def __init__(self, venue: LocalVenue) -> None:
        self.venue, self.ledger = venue, venue.ledger
        self.marks: dict[int, int] = {}
        """What a contract is worth, micro-USDC."""
        self.index: dict[str, int] = {}

    @classmethod
    async def play(cls, local: LocalChain) -> ExitStory:
        """Deposits, trades, moves the market, and commits two batches; then erin deposits, and nobody credits it."""
        for key in (CAROL, DAVE, ERIN):
            await local.node.rpc("anvil_setBalance", address_from_secret(key), hex(10**22))
        story = cls(await LocalVenue.new(local, tokens=TOKENS))
        story._open()
        for subaccount, assets in DEPOSITS.items():
            for asset, whole in assets.items():
                await story.deposit(USERS[subaccount], asset, whole)
        await story.venue.credit()
        story._trade()
        await story.venue.commit_journal()
        story._move_on()
        await local.pass_time((EXPIRY - START) // SECOND - LEAD)
        await story.venue.commit_journal()
        await story.deposit(ERIN, USDC, ERIN_USDC)
        return story

    def fork(self) -> ExitStory:
        """The same again, for a test that goes on with it."""
        other = ExitStory(self.venue.fork())
        other.marks, other.index = dict(self.marks), dict(self.index)
        return other

    def wallet(self, key: bytes, asset: int = USDC) -> Wallet:
        """A user's wallet of an asset."""
        deployed = self.venue.deployment
        token = [deployed.usdc, *deployed.tokens.values()][asset]
        return Wallet(self.venue.chain, deployed.settlement, token, key, asset)

    def sender(self, key: bytes) -> Sender:
        """Transactions of a user."""
        return Sender(self.venue.chain, key)

    async def deposit(self, key: bytes, asset: int, whole: int) -> None:
        """Mints and deposits whole units, in the token's own decimals."""
        wallet, units = self.wallet(key, asset), whole * 10 ** [6, *TOKENS.values()][asset]
        await wallet.mint(units)
        await wallet.deposit(units)

    def _open(self) -> None:
        self.ledger.open()
        self.mark("ETH", BEFORE["ETH"])
        terms = CollateralTerms(2, 2, 100_000_000, 50_000_000, 0, 10**11, 10**13)
        collateral = SetCollateral(WETH, terms, 0, Administration(1))
        self.ledger.submit(self.ledger.domain.cosigned(collateral, [ADMIN], self.ledger.names))
        for symbol, price in BEFORE.items():
            self.mark(symbol, price)

    def _trade(self) -> None:
        """Alice buys bitcoin of bob and calls of carol; carol buys a put of alice, and withdraws; orders stay open."""
        self.trade(PERPETUAL, 1, 2, lots=4_000, usdc=76_010)
        self.trade(CALL, 1, 3, lots=150, usdc=1_900)
        self.trade(ETH_PUT, 3, 1, lots=30, usdc=40)
        self.ledger.place(ALICE, 1, Side.BUY, 1_000)
        self.ledger.withdraw(CAROL, 3, WITHDRAWN)

    def _move_on(self) -> None:
        """Funding accrues, the market moves, and the price of an expiry is fixed."""
        self.mark("BTC", BEFORE["BTC"], funding=300_000)
        self.ledger.pass_time(HOURS * 3_600)
        self.ledger.submit(FundingTick(1))
        for symbol, price in AFTER.items():
            self.mark(symbol, price)
        self.ledger.time = EXPIRY
        expire = Expire(2, EXPIRY, SETTLEMENT * USD)
        self.ledger.submit(self.ledger.domain.cosigned(expire, [ORACLE], self.ledger.names))
        for spec in self.ledger.specs:
            if spec.underlying == 2 and spec.kind is InstrumentKind.OPTION:
                sign = 1 if spec.option_type is OptionType.CALL else -1
                self.marks[spec.instrument] = max(sign * (SETTLEMENT * USD - spec.strike), 0)

    def trade(self, instrument: int, buyer: int, seller: int, *, lots: int, usdc: int) -> None:
        """A trade between two subaccounts."""
        amount = lots * self.ledger.specs[instrument - 1].lot_size
        for subaccount, side in ((seller, Side.SELL), (buyer, Side.BUY)):
            order = self.ledger.order(USERS[subaccount], subaccount, side, usdc, instrument=instrument, amount=amount)
            self.ledger.submit(order)

    def mark(self, symbol: str, usd: int, funding: int = 10_000) -> None:
        """Sets marks of an underlying; the perpetual 7 USD above the index."""
        underlying, index = list(BEFORE).index(symbol) + 1, usd * 10**9
        expiries = (ExpiryInputs(EXPIRY, index, 0, SMILE),)
        inputs = MarkInputs(
            underlying, self.ledger.time + 1_000, index, 100_000, 3, index + 7 * 10**9, funding, expiries
        )
        live = [spec.encode() for spec in self.ledger.specs if spec.underlying == underlying]
        arrays = mark_arrays(inputs.encode(), live)
        self.marks |= {mark.instrument: mark.mark for mark in MarkArrays.decode(arrays).marks}
        self.index[symbol] = usd
        update = MarkUpdate(inputs, (), 1, blake3(arrays))
        self.ledger.submit(self.ledger.domain.cosigned(update, [ORACLE], self.ledger.names))

    # What should come out

    def books(self) -> dict[int, Book]:
        """What every subaccount has: from deposits, fills, funding and the withdrawal, and nothing else."""
        found = {subaccount: Book() for subaccount in USERS}
        for subaccount, assets in DEPOSITS.items():
            for asset, whole in assets.items():
                if asset == USDC:
                    found[subaccount].cash += whole * 10**6
                else:
                    found[subaccount].collateral[asset] = whole * 10**8
        found[3].cash -= WITHDRAWN * 10**6
        replica, accrued = Replica(), {}
        for record in self.ledger.records:
            for event in map(decode_event, replica.apply(record)):
                if isinstance(event, FundingAccrued):
                    accrued[event.instrument] = event.index
                if isinstance(event, Fill):
                    self._fill(found, event, accrued.get(event.instrument, 0))
        self.accrued = accrued
        return found

    def _fill(self, books: dict[int, Book], fill: Fill, accrued: int) -> None:
        spec = self.ledger.specs[fill.instrument - 1]
        worth = fill.lots * spec.lot_size * fill.price * spec.tick_size // CONTRACT
        taker = 1 if fill.taker_side is Side.BUY else -1
        sides = ((fill.taker_subaccount, taker, fill.taker_fee), (fill.maker_subaccount, -taker, fill.maker_fee))
        for subaccount, sign, fee in sides:
            book = books[subaccount]
            assert fill.instrument not in book.positions, "every account trades an instrument once"
            book.positions[fill.instrument] = [sign * fill.lots, sign * worth, accrued]
            book.cash -= fee
            if spec.kind is InstrumentKind.OPTION:
                book.cash -= sign * worth

    def claims(self) -> dict[int, dict[int, int]]:
        """What every subaccount may claim by the last marks, engine units by asset."""
        found = {}
        for subaccount, book in self.books().items():
            worth = book.cash + sum(self._worth(number, *held) for number, held in book.positions.items())
            amounts = dict(book.collateral)
            if worth < 0:
                price = self.prices()[WETH]
                amounts[WETH] -= -(worth * CONTRACT // price)
            amounts[USDC] = max(worth, 0)
            found[subaccount] = {asset: amount for asset, amount in sorted(amounts.items()) if amount}
        return found

    def _worth(self, number: int, lots: int, cost: int, entry: int) -> int:
        spec = self.ledger.specs[number - 1]
        size = lots * spec.lot_size
        worth = size * self.marks[number] // CONTRACT
        if spec.kind is InstrumentKind.OPTION:
            return worth
        return worth - cost + size * (entry - self.accrued[number]) // (CONTRACT * 1_000)

    def prices(self) -> dict[int, int]:
        """Micro-USDC of a whole unit, by asset; WBTC is no collateral here."""
        return {USDC: 10**6, WETH: self.index["ETH"] * 10**6, WBTC: 0}

    def pools(self) -> dict[int, int]:
        """What the venue's books hold, engine units by asset."""
        total = {USDC: -WITHDRAWN * 10**6, WETH: 0, WBTC: 0}
        for assets in DEPOSITS.values():
            for asset, whole in assets.items():
                total[asset] += whole * (10**6 if asset == USDC else 10**8)
        return total

    def payments(self, late: Collection[int] = ()) -> dict[int, dict[int, int]]:
        """What every subaccount is paid, engine units by asset: ``late`` ones, in this order, from what is left."""
        claims, pools, prices = self.claims(), self.pools(), self.prices()
        timely = {asset: sum(c.get(asset, 0) for n, c in claims.items() if n not in late) for asset in pools}
        covered = {asset: min(timely[asset], pools[asset]) for asset in pools}
        spare = {asset: pools[asset] - covered[asset] for asset in pools}
        short = timely[USDC] - covered[USDC]
        worth = sum(spare[asset] * prices[asset] // CONTRACT for asset in pools if asset != USDC)
        bonus = dict.fromkeys(pools, 0)
        for asset in pools:
            if asset != USDC and short and prices[asset]:
                bonus[asset] = spare[asset] * min(short, worth) // worth if worth else 0
                spare[asset] -= bonus[asset]
        paid: dict[int, dict[int, int]] = {}
        for subaccount in [n for n in claims if n not in late]:
            claim = claims[subaccount]
            amounts = {}
            for asset in pools:
                share = claim.get(asset, 0) * covered[asset] // timely[asset] if timely[asset] else 0
                share += bonus[asset] * claim.get(USDC, 0) // timely[USDC] if bonus[asset] else 0
                amounts[asset] = share
            paid[subaccount] = {asset: amount for asset, amount in amounts.items() if amount}
        for subaccount in late:
            amounts = {asset: min(claims[subaccount].get(asset, 0), spare[asset]) for asset in pools}
            spare = {asset: spare[asset] - amounts[asset] for asset in pools}
            paid[subaccount] = {asset: amount for asset, amount in amounts.items() if amount}
        return paid
