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
            return self._perpetual_initial(abs(position))
        return fit(ceil_div(self._short_initial_per_lot() * max(0, -position), 1000))

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
        lots, side = fit(sum(order.lots for order in orders)), orders[0].side
        price = max(order.price for order in orders) if side == Side.BUY else min(order.price for order in orders)
        cash = self.cash(lots, price)
        fee = self.worst_fee(lots, cash)
        if not self.perpetual:
            return fit(sign(side) * cash + fee)
        adverse = max(0, sign(side) * (fit(price * self.spec.tick_size) - self.mark))
        return fit(ceil_div(lots * adverse * self.spec.lot_size, CONTRACT) + fee)

    def _perpetual_initial(self, lots: int) -> int:
        notional = fit(ceil_div(lots * self.mark * self.spec.lot_size, CONTRACT))
        rate = self.parameters[Parameter.PERPETUAL_INITIAL]
        size_term = self.parameters[Parameter.PERPETUAL_SIZE_TERM]
        # The only product that may exceed 128 bits although its quotient fits in 64.
        return fit(ceil_div(fit(notional * (rate * 10**12 + size_term * notional), 128), 10**21))

    def _short_initial_per_lot(self) -> int:
        """Nano-USDC."""
        index, mark, strike = self.index_micros, self.mark, self.spec.strike
        call = self.spec.option_type == OptionType.CALL
        out_of_the_money = max(0, strike - index if call else index - strike)
        floor = self._share(Parameter.OPTION_INITIAL_FLOOR, index)
        initial = max(self._share(Parameter.OPTION_INITIAL, index) - out_of_the_money, floor) + mark
        if not call:
            of_index = self._share(Parameter.OPTION_MAINTENANCE, index)
            of_mark = self._share(Parameter.OPTION_MAINTENANCE, mark)
            initial = max(initial, max(of_index, of_mark) + mark)
        return ceil_div(initial * self.spec.lot_size, CONTRACT // 1000)

    def _share(self, rate: Parameter, of: int) -> int:
        return ceil_div(self.parameters[rate] * of, NANO_ONE)

    # Value of a perpetual position

    def unrealised(self, position: Position) -> int:
        """P&L at the mark without pending funding; options count nothing."""
        if not self.perpetual:
            return 0
        return fit(position.lots * self.mark * self.spec.lot_size // CONTRACT - position.cost)

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
        realised = -signed * closed // lots - share
    cost = fit(position.cost + signed + realised)
    after = Position(fit(position.lots + sign(side) * lots), cost, terms.funding_index)
    return after, realised if terms.perpetual else -signed
