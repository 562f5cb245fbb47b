"""What an account has and what it needs, in both margin models, from scratch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from model.margin import Terms
from model.portfolio import Exposure, Part, Stage, joined_margin, underlying_margin
from model.state import (
    Account,
    Instrument,
    Order,
    OverflowRefusal,
    Refused,
    Scheduled,
    Underlying,
    ceil_div,
    fit,
    require,
)
from synchromesh.protocol import (
    CONTRACT,
    NANO_ONE,
    USDC,
    CollateralTerms,
    MarginModel,
    Parameter,
    Side,
)

MAX_CONFIDENCE = 10_000_000


@dataclass
class Line:
    """What an asset counts for, for new risk and for maintenance."""

    scenario_underlying: int
    value: int
    initial: int
    maintenance: int
    depeg_initial: int
    depeg_maintenance: int

    def counted(self, stage: Stage) -> int:
        return self.maintenance if stage == Stage.MAINTENANCE else self.initial

    def depeg(self, stage: Stage) -> int:
        return self.depeg_maintenance if stage == Stage.MAINTENANCE else self.depeg_initial


@dataclass
class Standing:
    """Funds and requirements of the positions alone."""

    equity: int
    initial_equity: int
    initial: int
    maintenance: int


class Standings:
    """Margin of accounts."""

    time: int
    parameters: dict[Parameter, int]
    accounts: list[Account]
    instruments: list[Instrument]
    underlyings: list[Underlying]
    collateral: list[Scheduled[CollateralTerms]]
    vault: dict[int, int]
    """Deposited less withdrawn, by asset."""

    def terms(self, instrument: int) -> Terms:
        return Terms(self.instruments[instrument - 1], self.parameters)

    def check_marks_sound(self, underlying: int) -> None:
        inputs = self.underlyings[underlying - 1].inputs
        if inputs is None:
            raise Refused("no_underlying_mark")
        require(self.time - inputs.time <= self.parameters[Parameter.MARK_STALENESS], "stale_mark")
        require(inputs.sources >= self.parameters[Parameter.MIN_INDEX_SOURCES], "few_sources")
        require(inputs.confidence <= MAX_CONFIDENCE, "low_confidence")

    def are_marks_sound(self, underlying: int) -> bool:
        try:
            self.check_marks_sound(underlying)
        except Refused:
            return False
        return True

    # What it has

    def asset_value(self, asset: int, amount: int) -> int:
        """At the index, without haircut; 0 of what is no collateral."""
        terms = self.collateral[asset].active
        return 0 if terms is None else fit(amount * self.price(terms.price_underlying) // CONTRACT)

    def price(self, underlying: int) -> int:
        inputs = self.underlyings[underlying - 1].inputs
        return 0 if inputs is None else inputs.index // 1000

    def collateral_held(self, account: Account) -> list[tuple[int, int, CollateralTerms]]:
        """Assets that are collateral, with what the account has of them."""
        held = [(asset, amount, self.collateral[asset].active) for asset, amount in sorted(account.balances.items())]
        return [(asset, amount, terms) for asset, amount, terms in held if amount and terms is not None]

    def lines(self, account: Account) -> list[Line]:
        return [self.line(account, *held) for held in self.collateral_held(account)]

    def line(self, account: Account, asset: int, amount: int, terms: CollateralTerms) -> Line:
        upkeep = min(amount, terms.account_cap)
        fresh = upkeep if self.are_marks_sound(terms.price_underlying) else 0
        shocked = terms.scenario_underlying
        if account.model == MarginModel.PORTFOLIO and shocked and self.underlyings[shocked - 1].risk.active is None:
            fresh = 0
        if self.vault.get(asset, 0) > terms.venue_cap:
            fresh = fresh * terms.venue_cap // self.vault[asset]

        def counted(units: int, haircut: int) -> int:
            return fit(self.asset_value(asset, units) * (NANO_ONE - haircut) // NANO_ONE)

        def depeg(units: int) -> int:
            return fit(ceil_div(self.asset_value(asset, units) * terms.depeg, NANO_ONE))

        return Line(
            shocked,
            self.asset_value(asset, amount),
            counted(fresh, terms.haircut_initial),
            counted(upkeep, terms.haircut_maintenance),
            depeg(fresh),
            depeg(upkeep),
        )

    def unrealised(self, account: Account) -> int:
        """P&L of perpetuals without pending funding."""
        held = account.positions.items()
        return fit(sum(self.terms(number).profit(one) for number, one in held if self.terms(number).perpetual))

    def option_value(self, account: Account) -> int:
        held = account.positions.items()
        return fit(sum(self.terms(number).value(one.lots) for number, one in held if not self.terms(number).perpetual))

    def profit(self, account: Account) -> int:
        """What was not realised of the account's funds."""
        total = self.unrealised(account)
        if account.model == MarginModel.PORTFOLIO:
            costs = [one.cost for number, one in account.positions.items() if not self.terms(number).perpetual]
            total += self.option_value(account) - sum(costs)
        return fit(total)

    def pending_funding(self, account: Account) -> int:
        return fit(sum(self.terms(number).funding_due(held) for number, held in account.positions.items()))

    def funds(self, account: Account, stage: Stage = Stage.INITIAL) -> int:
        """What margin is compared with."""
        total = account.balance(USDC) + self.unrealised(account) + self.pending_funding(account)
        if account.model == MarginModel.PORTFOLIO:
            total += self.option_value(account)
        return fit(total + sum(line.counted(stage) for line in self.lines(account)))

    def mark_value(self, account: Account) -> int:
        """Of everything, at marks and indices."""
        cash = account.balance(USDC) + self.unrealised(account) + self.pending_funding(account)
        return fit(cash + self.option_value(account) + sum(line.value for line in self.lines(account)))

    # What it needs

    def requirement(self, account: Account, stage: Stage = Stage.INITIAL) -> int:
        if account.model == MarginModel.PORTFOLIO:
            offset, cap = self.parameters[Parameter.PNL_OFFSET], self.parameters[Parameter.PNL_OFFSET_CAP]
            lines = self.lines(account)
            margin = joined_margin(self.parts(account, lines, stage), stage, offset, cap)
            return fit(margin + sum(line.depeg(stage) for line in lines))
        return fit(sum(self.requirement_in(account, instrument, stage) for instrument in account.held()))

    def requirement_in(self, account: Account, instrument: int, stage: Stage = Stage.INITIAL) -> int:
        """Of one instrument, in the standard model."""
        terms, lots = self.terms(instrument), account.position(instrument).lots
        if stage == Stage.MAINTENANCE:
            return terms.maintenance(lots)
        orders = account.open_orders(instrument) if stage == Stage.INITIAL else []
        return terms.requirement(lots, orders)

    def parts(self, account: Account, lines: Iterable[Line], stage: Stage) -> list[Part]:
        """By underlying, ascending: those in which it has something, and those that move its collateral."""
        numbers = {self.instruments[number - 1].spec.underlying for number in account.held()}
        moving: dict[int, int] = {}
        for line in lines:
            shocked = line.scenario_underlying
            if shocked and self.underlyings[shocked - 1].risk.active is not None:
                moving[shocked] = moving.get(shocked, 0) + line.counted(stage)
        return [self.part(account, number, moving.get(number, 0)) for number in sorted({*numbers, *moving})]

    def part(self, account: Account, number: int, collateral: int = 0) -> Part:
        underlying = self.underlyings[number - 1]
        assert underlying.inputs is not None
        assert underlying.risk.active is not None
        held = [one for one in account.held() if self.instruments[one - 1].spec.underlying == number]
        exposures = [self.exposure(account, one) for one in held]
        return Part(underlying.inputs, underlying.risk.active.parameters, exposures, collateral)

    def exposure(self, account: Account, number: int) -> Exposure:
        instrument, terms = self.instruments[number - 1], self.terms(number)
        assert instrument.mark is not None
        if instrument.mark.risk is None:
            raise OverflowRefusal
        orders = account.open_orders(number)
        bids = [order for order in orders if order.side == Side.BUY]
        offers = [order for order in orders if order.side == Side.SELL]
        lots = [fit(sum(order.lots for order in side)) for side in (bids, offers)]
        costs = [self.exposure_cost(terms, side) for side in (bids, offers)]
        return Exposure(instrument.spec, instrument.mark, account.position(number).lots, *lots, *costs)

    @staticmethod
    def exposure_cost(terms: Terms, orders: list[Order]) -> int:
        """What filling these orders of one side costs against the mark; nothing is given back."""
        if not orders:
            return 0
        lots, price = terms.worst(orders)
        adverse = terms.adverse(orders[0].side, price)
        fee = terms.worst_fee(lots, terms.cash(lots, price))
        return fit(ceil_div(lots * adverse * terms.spec.lot_size, CONTRACT) + fee)

    def has_lanes(self, instrument: int) -> bool:
        one = self.instruments[instrument - 1]
        marked = one.mark is not None and one.mark.risk is not None
        return marked and self.underlyings[one.spec.underlying - 1].risk.active is not None

    def standing(self, account: Account) -> Standing:
        return Standing(
            self.funds(account, Stage.MAINTENANCE),
            self.funds(account),
            self.requirement(account, Stage.POSITIONS),
            self.maintenance(account),
        )

    def maintenance(self, account: Account) -> int:
        return self.requirement(account, Stage.MAINTENANCE)

    def scan(self, account: Account, underlying: int) -> int:
        """Of the positions in one underlying, without collateral."""
        return underlying_margin(self.part(account, underlying), Stage.POSITIONS).scan

    def excess(self, account: Account) -> int:
        return fit(self.funds(account, Stage.MAINTENANCE) - self.maintenance(account))

    # What may leave

    def uncommitted(self, account: Account) -> int:
        return fit(self.funds(account) - max(0, self.profit(account)) - self.requirement(account))

    def withdrawable(self, account: Account, asset: int) -> int:
        return self.leaving(account, asset, 2**63 - 1)

    def leaving(self, account: Account, asset: int, wanted: int) -> int:
        """As much of `wanted` as can leave."""
        most = max(0, min(wanted, self.present(account, asset)))
        if not self.is_collateral(asset) or self.can_spare(account, asset, most):
            return most
        low, high = 0, most
        while high - low > 1:
            middle = low + (high - low) // 2
            low, high = (middle, high) if self.can_spare(account, asset, middle) else (low, middle)
        return low

    def may_leave(self, account: Account, asset: int, amount: int) -> bool:
        spared = not self.is_collateral(asset) or self.can_spare(account, asset, amount)
        return amount <= self.present(account, asset) and spared

    def present(self, account: Account, asset: int) -> int:
        kept = self.vault.get(asset, 0)
        if asset != USDC:
            return min(account.balance(asset), kept)
        return min(fit(account.balance(USDC) + self.pending_funding(account)), self.uncommitted(account), kept)

    def is_collateral(self, asset: int) -> bool:
        return asset != USDC and self.collateral[asset].active is not None

    def can_spare(self, account: Account, asset: int, amount: int) -> bool:
        """Whether margin stays covered when `amount` leaves; a number that does not fit covers nothing."""
        left = replace(account, balances={**account.balances, asset: account.balance(asset) - amount})
        try:
            return self.uncommitted(left) >= 0
        except Refused:
            return False
