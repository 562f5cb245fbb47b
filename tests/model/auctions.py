"""Auctions of portfolios, and the bids that take shares of them."""

from __future__ import annotations

from dataclasses import dataclass

from model.state import Account, Phase, ceil_div, fit, require
from model.transfers import Transfer, Transfers
from synchromesh.protocol import (
    NANO_ONE,
    SCOPE_TRADE,
    USDC,
    AuctionFill,
    BalanceReason,
    LiquidationBid,
    MarginModel,
    Mode,
    Parameter,
    PositionMoved,
)


@dataclass
class Auction:
    """An auction as it stands: prices are those of the whole."""

    factor: int
    value: int
    share: int = NANO_ONE
    price: int = 0
    insurance: int = 0


class Auctions(Transfers):
    """Bids."""

    def auction(self, account: Account) -> Auction | None:
        """None while there is none that fits the sign of the value."""
        running = account.liquidation
        if running is None or running.stage == Phase.BOOK:
            return None
        value = self.mark_value(account)
        if (value <= 0) != (running.stage == Phase.INSOLVENT) or self.awaits_settlement(account):
            return None
        auction = Auction(self.factor(running.stage, running.opened), value)
        standing = self.standing(account)
        if running.stage == Phase.INSOLVENT:
            held = self.collateral_held(account)
            collateral = sum(self.asset_value(asset, amount) for asset, amount, _ in held)
            discount = NANO_ONE - self.parameters[Parameter.AUCTION_MIDDLE]
            whole = max(standing.maintenance, ceil_div(collateral * discount, NANO_ONE)) - value
            auction.insurance = min(fit(whole) * auction.factor // NANO_ONE, self.insurance_left(running))
            return auction
        reserve = min(running.reserve, value // 2)
        auction.price = reserve + ceil_div((value - reserve) * auction.factor, NANO_ONE)
        lacking = self.buffered(standing.maintenance) - standing.equity
        auction.share = min(NANO_ONE, ceil_div(lacking * NANO_ONE, lacking + auction.price)) if lacking > 0 else 0
        return auction

    def factor(self, phase: Phase, opened: int) -> int:
        start, middle = self.parameters[Parameter.AUCTION_START], self.parameters[Parameter.AUCTION_MIDDLE]
        middle_time, end_time = (
            self.parameters[Parameter.AUCTION_MIDDLE_TIME],
            self.parameters[Parameter.AUCTION_END_TIME],
        )
        passed = min(self.time - opened, end_time)
        if phase == Phase.INSOLVENT:
            return NANO_ONE * passed // end_time
        if passed < middle_time:
            return start - (start - middle) * passed // middle_time
        if end_time == middle_time:
            return middle
        return middle - middle * (passed - middle_time) // (end_time - middle_time)

    def bid(self, command: LiquidationBid) -> None:
        bidder, seller = self.account(command.subaccount), self.account(command.target)
        self.authorize(bidder, command.auth, SCOPE_TRADE)
        self.check_nonce(command.auth)
        require(1 <= command.share <= NANO_ONE, "bid_share")
        auction = self.auction(seller)
        if auction is None or auction.share == 0:
            require(False, "not_in_auction")
            return
        self.check_may_bid(bidder, seller)
        share = min(command.share, auction.share)
        price, insurance = ceil_div(auction.price * share, NANO_ONE), auction.insurance * share // NANO_ONE
        transfer = self.sale(bidder, seller, auction, share, price)
        require(price - insurance <= command.limit, "bid_limit")
        require(self.excess(transfer.giver) >= self.excess(seller), "bid_harms")
        self.check_bearable(transfer.taker, insurance)

        self.use_nonce(command.auth)
        self.commit(transfer)
        running = self.running(seller)
        self.pay_insurance(running, bidder, insurance)
        running.reserve = running.reserve * (NANO_ONE - share) // NANO_ONE + price
        head = (running.number, seller.number, bidder.number, share, auction.factor)
        self.events.append(AuctionFill(*head, price - insurance, insurance))
        self.end_if_over(seller)

    def check_may_bid(self, bidder: Account, seller: Account) -> None:
        require(bidder.owner != seller.owner, "own_portfolio")
        self.check_not_liquidated(bidder)
        require(not bidder.close_only, "close_only")
        for account in (bidder, seller):
            for underlying in self.depends_on(account):
                require(underlying.mode not in (Mode.HALT, Mode.CANCEL_ONLY), "mode")
                self.check_marks_sound(underlying.spec.underlying)

    def sale(self, bidder: Account, seller: Account, auction: Auction, share: int, price: int) -> Transfer:
        """A share of everything, for a price, on copies."""
        transfer = Transfer(seller, bidder)

        def record(instrument: int, lots: int, mark: int, cash: int) -> PositionMoved:
            head = (self.running(seller).number, seller.number, bidder.number, instrument)
            return PositionMoved(*head, lots, mark, cash)

        for instrument, held in sorted(seller.positions.items()):
            size = ceil_div(abs(held.lots) * share, NANO_ONE)
            self.move(transfer, instrument, size if held.lots > 0 else -size, record)
        moved = 0
        for asset, amount, _ in self.collateral_held(seller):
            units = amount * share // NANO_ONE
            moved += self.asset_value(asset, units)
            transfer.hand_over(asset, units, BalanceReason.AUCTION)
        cash = auction.value * share // NANO_ONE - moved
        if share == NANO_ONE:
            cash = transfer.giver.balance(USDC)
        transfer.hand_over(USDC, fit(cash - price), BalanceReason.AUCTION)
        return transfer

    def check_bearable(self, bidder: Account, insurance: int) -> None:
        """Whether the bidder may hold what it takes over, with what the fund pays it."""
        require(len(bidder.held()) <= self.parameters[Parameter.MAX_INSTRUMENTS], "too_many_instruments")
        if bidder.model == MarginModel.PORTFOLIO:
            require(all(self.has_lanes(number) for number in bidder.held()), "no_lanes")
        funds = fit(self.funds(bidder) + insurance)
        require(funds >= self.requirement(bidder), "not_enough_margin")

    def end_if_over(self, account: Account, deleveraged: bool = False) -> bool:
        raise NotImplementedError
