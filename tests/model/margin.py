"""Fees, margins and values of one instrument under its last mark: functions of numbers alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from model.state import Instrument, Order, Position, ceil_div, fit, sign
from synchromesh.protocol import CONTRACT, NANO_ONE, InstrumentKind, OptionType, Parameter, Side

Parameters = Mapping[Parameter, int]


class Terms:
    """An instrument's mark and the venue's parameters."""

    def __init__(self, instrument: Instrument, parameters: Parameters) -> None:
        assert instrument.mark is not None
        self.spec, self.parameters = instrument.spec, parameters
        self.perpetual = instrument.spec.kind == InstrumentKind.PERPETUAL
        self.mark, self.index = instrument.mark.mark, instrument.mark_index
        self.funding_index = instrument.funding_index
        self.index_micros = self.index // 1000

    def cash(self, lots: int, price: int) -> int:
        return fit(lots * price * (self.spec.tick_size * self.spec.lot_size // CONTRACT))

    # Fees

    def fee_per_lot(self, role: str) -> int:
        kind = "PERPETUAL" if self.perpetual else "OPTION"
        return self._fee_per_lot(self.parameters[Parameter[f"{kind}_{role}_FEE"]])

    def fee(self, role: str, lots: int, cash: int) -> int:
        return self._capped(self.fee_per_lot(role), lots, cash)

    def worst_fee(self, lots: int, cash: int) -> int:
        return self._capped(max(self.fee_per_lot("MAKER"), self.fee_per_lot("TAKER"), 0), lots, cash)

    def fee_allowed(self, fee: int, max_fee: int, lots: int) -> bool:
        return fee <= 0 or fee <= ceil_div(max_fee * lots * self.spec.lot_size, CONTRACT)

    def _fee_per_lot(self, rate: int) -> int:
        return ceil_div(self.index * self.spec.lot_size * rate, NANO_ONE * CONTRACT)

    def _capped(self, per_lot: int, lots: int, cash: int) -> int:
        fee = fit(ceil_div(per_lot * lots, 1000))
        if self.perpetual:
            return fee
        cap = self.parameters[Parameter.OPTION_FEE_CAP]
        return min(fee, ceil_div(cap * cash, NANO_ONE)) if fee >= 0 else max(fee, -(cap * cash // NANO_ONE))

    # Margin

    def initial(self, position: int) -> int:
        """Initial margin of a position without orders."""
        if self.perpetual:
            return self._perpetual_margin(Parameter.PERPETUAL_INITIAL, abs(position))
        return self._short_margin(self._short_contract()[0], position)

    def maintenance(self, position: int) -> int:
        if self.perpetual:
            return self._perpetual_margin(Parameter.PERPETUAL_MAINTENANCE, abs(position))
        return self._short_margin(self._short_contract()[1], position)

    def requirement(self, position: int, orders: Iterable[Order]) -> int:
        """Initial margin of a position with its open orders, either side filled at its worst price or not at all."""
        bids = [order for order in orders if order.side == Side.BUY]
        offers = [order for order in orders if order.side == Side.SELL]
        corners = []
        for bought in ([], bids) if bids else ([],):
            for sold in ([], offers) if offers else ([],):
                after = position + sum(order.lots for order in bought) - sum(order.lots for order in sold)
                corners.append(self.initial(fit(after)) + self._fill_cost(bought) + self._fill_cost(sold))
        return fit(max(corners))

    def _fill_cost(self, orders: list[Order]) -> int:
        """Balance that is lost when these orders of one side all fill at the worst of their prices."""
        if not orders:
            return 0
        lots, price = self.worst(orders)
        cash = self.cash(lots, price)
        fee = self.worst_fee(lots, cash)
        if not self.perpetual:
            return fit(sign(orders[0].side) * cash + fee)
        adverse = self.adverse(orders[0].side, price)
        return fit(ceil_div(lots * adverse * self.spec.lot_size, CONTRACT) + fee)

    @staticmethod
    def worst(orders: list[Order]) -> tuple[int, int]:
        """All lots of orders of one side, and the worst of their prices in ticks."""
        prices = [order.price for order in orders]
        worst = max(prices) if orders[0].side == Side.BUY else min(prices)
        return fit(sum(order.lots for order in orders)), worst

    def adverse(self, side: Side, price: int) -> int:
        """By how much a price in ticks is worse than the mark, micro-USDC."""
        return max(0, sign(side) * (fit(price * self.spec.tick_size) - self.mark))

    def _perpetual_margin(self, rate: Parameter, lots: int) -> int:
        notional = fit(ceil_div(lots * self.mark * self.spec.lot_size, CONTRACT))
        scaled = self.parameters[rate] * 10**12 + self.parameters[Parameter.PERPETUAL_SIZE_TERM] * notional
        # The only product that may exceed 128 bits although its quotient fits in 64.
        return fit(ceil_div(fit(notional * scaled, 128), 10**21))

    def _short_margin(self, contract: int, position: int) -> int:
        """Of a position, with the margin of one short contract."""
        per_lot = ceil_div(contract * self.spec.lot_size, CONTRACT // 1000)
        return fit(ceil_div(per_lot * max(0, -position), 1000))

    def _short_contract(self) -> tuple[int, int]:
        """Initial and maintenance margin of one short contract, micro-USDC."""
        index, mark, strike = self.index_micros, self.mark, self.spec.strike
        call = self.spec.option_type == OptionType.CALL
        out_of_the_money = max(0, strike - index if call else index - strike)
        floor = self._share(Parameter.OPTION_INITIAL_FLOOR, index)
        initial = max(self._share(Parameter.OPTION_INITIAL, index) - out_of_the_money, floor) + mark
        of_index = self._share(Parameter.OPTION_MAINTENANCE, index)
        if call:
            return initial, of_index + mark
        maintenance = max(of_index, self._share(Parameter.OPTION_MAINTENANCE, mark)) + mark
        return max(initial, maintenance), maintenance

    def _share(self, rate: Parameter, of: int) -> int:
        return ceil_div(self.parameters[rate] * of, NANO_ONE)

    # Value of a position

    def value(self, lots: int) -> int:
        """At the mark."""
        return fit(lots * self.mark * self.spec.lot_size // CONTRACT)

    def profit(self, position: Position) -> int:
        """Value less cost, without pending funding."""
        return fit(self.value(position.lots) - position.cost)

    def funding_due(self, position: Position) -> int:
        if not self.perpetual:
            return 0
        return fit(position.lots * self.spec.lot_size * (position.funding - self.funding_index) // 10**11)

    # Prices

    def band_limit(self, side: Side) -> int:
        """The worst price in ticks that an order of ``side`` may name."""
        band = self._share(Parameter.PRICE_BAND, max(self.mark, self.index_micros // 100))
        if side == Side.BUY:
            return (self.mark + band) // self.spec.tick_size
        return max(1, ceil_div(self.mark - band, self.spec.tick_size))


def after_fill(position: Position, terms: Terms, side: Side, lots: int, cash: int) -> tuple[Position, int]:
    """The position after trading ``lots`` for ``cash``, and the cash that its account receives, fees aside."""
    signed = sign(side) * cash
    closed = min(lots, position.reducible(side))
    realised = 0
    if closed:
        share = ceil_div(position.cost * closed, abs(position.lots))
        realised = -sign(side) * (cash * closed // lots) - share
    cost = fit(position.cost + signed + realised)
    after = Position(fit(position.lots + sign(side) * lots), cost, terms.funding_index)
    return after, realised if terms.perpetual else -signed
