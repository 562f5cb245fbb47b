"""What the API shows of instruments, orders, trades, positions and accounts, in the dialect's fields.

Prices and cash are USDC, amounts contracts, vols per cent, times milliseconds: exact decimals, never rounded floats.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from synchromesh._native import (
    AccountInfo,
    Host,
    InstrumentInfo,
    OrderInfo,
    PositionInfo,
    TradeInfo,
    UnderlyingInfo,
)
from synchromesh.execution.catalog import (
    PERPETUAL_EXPIRY_MS,
    Catalog,
    expiry_label,
    is_option,
    settlement_period,
)
from synchromesh.execution.margin_view import MODELS, collateral_view
from synchromesh.execution.numbers import amount, gamma, nano, percent, price, quoted_vol
from synchromesh.execution.tape import Tape
from synchromesh.protocol import (
    CONTRACT,
    InstrumentKind,
    MarginModel,
    OptionType,
    OrderType,
    Parameter,
    PostOnly,
    Side,
    TimeInForce,
)

QUOTE = "USDC"
"""Quote and settlement currency of every instrument."""

_SIDES = {side.value: side.word for side in Side}
_KINDS = {kind.value: kind.word for kind in InstrumentKind}
_RIGHTS = {right.value: right.word for right in OptionType}
_TYPES = {kind.value: kind.word for kind in OrderType}
_TIMES = {kind.value: kind.word for kind in TimeInForce}
_ZERO = Raw(b"0")
# What a portfolio's Greeks are called, in the host's order, and how each is written.
_PORTFOLIO_GREEKS = (
    ("delta_total", nano),
    ("options_delta", nano),
    ("options_gamma", gamma),
    ("options_vega", price),
    ("options_theta", price),
)


def millis(nanos: int) -> int:
    """Nanoseconds as the dialect's milliseconds."""
    return nanos // 1_000_000


def hexed(data: bytes) -> str:
    """Bytes as ``0x`` text."""
    return "0x" + data.hex()


class Presenter:
    """Turns what the host tells into what the API shows."""

    def __init__(self, host: Host, catalog: Catalog, tape: Tape) -> None:
        self._host = host
        self._catalog = catalog
        self._tape = tape

    def instrument(self, info: InstrumentInfo) -> dict[str, Any]:
        """An entry of ``get_instruments``."""
        option = is_option(info)
        parameters = self._catalog.parameters
        maker, taker = (
            (Parameter.OPTION_MAKER_FEE, Parameter.OPTION_TAKER_FEE)
            if option
            else (Parameter.PERPETUAL_MAKER_FEE, Parameter.PERPETUAL_TAKER_FEE)
        )
        symbol = self._catalog.symbols[info.underlying]
        entry: dict[str, Any] = {
            "instrument_id": info.instrument,
            "instrument_name": info.name,
            "kind": _KINDS[info.kind],
            "instrument_type": "linear",
            "base_currency": symbol,
            "quote_currency": QUOTE,
            "counter_currency": QUOTE,
            "settlement_currency": QUOTE,
            "price_index": f"{symbol.lower()}_usdc",
            "settlement_period": settlement_period(info),
            "is_active": info.state == "open",
            "state": info.state,
            "contract_size": 1,
            "min_trade_amount": amount(info.lot_size),
            "tick_size": price(info.tick_size),
            "tick_size_steps": [],
            "maker_commission": nano(parameters[maker]),
            "taker_commission": nano(parameters[taker]),
            "expiration_timestamp": millis(info.expiry) if option else PERPETUAL_EXPIRY_MS,
        }
        if option:
            entry |= {"option_type": _RIGHTS[info.option_type], "strike": price(info.strike)}
        else:
            entry |= {"future_type": "linear"}
        return entry

    def order(self, info: OrderInfo) -> dict[str, Any]:
        """An order."""
        return {
            "order_id": str(info.order),
            "order_state": self.order_state(info),
            "instrument_name": self._catalog.spec(info.instrument).name,
            "subaccount_id": info.subaccount,
            "direction": _SIDES[info.side],
            "order_type": _TYPES[info.order_type],
            "time_in_force": _TIMES[info.time_in_force],
            "price": price(info.limit_price),
            "amount": amount(info.amount),
            "contracts": amount(info.amount),
            "filled_amount": amount(info.filled),
            "average_price": price(info.filled_notional * CONTRACT // info.filled) if info.filled else _ZERO,
            "commission": price(info.fees),
            "max_fee": price(info.max_fee),
            "post_only": info.post_only != PostOnly.NO,
            "reject_post_only": info.post_only == PostOnly.REJECT,
            "reduce_only": info.reduce_only,
            "valid_until": info.valid_until,
            "client_order_id": info.client_id,
            "label": "",
            "signer": hexed(info.signer),
            "replaced": info.replaced,
            "cancel_reason": "" if info.open else info.reason,
            "is_liquidation": False,
            "api": True,
            "web": False,
            "creation_timestamp": millis(info.created),
            "last_update_timestamp": millis(info.updated),
        }

    @staticmethod
    def order_state(info: OrderInfo) -> str:
        """``open``, ``filled`` or ``cancelled``; ``cancel_reason`` says why the last."""
        if info.open:
            return "open"
        return "filled" if info.reason == "filled" else "cancelled"

    def trade(self, trade: TradeInfo) -> dict[str, Any]:
        """A public trade; direction is the taker's."""
        return {
            "trade_id": str(trade.trade),
            "trade_seq": trade.trade,
            "sequence": trade.sequence,
            "timestamp": millis(trade.time),
            "instrument_name": self._catalog.spec(trade.instrument).name,
            "direction": _SIDES[trade.taker_side],
            "price": price(trade.price),
            "amount": amount(trade.amount),
            "contracts": amount(trade.amount),
            "mark_price": price(trade.mark),
            "iv": percent(trade.iv),
            "index_price": nano(trade.index),
        }

    def user_trade(self, trade: TradeInfo, maker: bool) -> dict[str, Any]:
        """One side of a trade, as its owner sees it."""
        shown = self.trade(trade)
        side = Side.BUY if (trade.taker_side == Side.BUY) != maker else Side.SELL
        order = trade.maker_order if maker else trade.taker_order
        info = self._host.order(order)
        shown |= {
            "direction": side.word,
            "order_id": str(order),
            "subaccount_id": trade.maker_subaccount if maker else trade.taker_subaccount,
            "fee": price(trade.maker_fee if maker else trade.taker_fee),
            "fee_currency": QUOTE,
            "liquidity": "M" if maker else "T",
            "client_order_id": info.client_id if info else "",
            "order_type": _TYPES[info.order_type] if info else "limit",
            "state": self.order_state(info) if info else "filled",
        }
        return shown

    def user_trades(self, trade: TradeInfo, subaccounts: set[int] | frozenset[int]) -> list[dict[str, Any]]:
        """The sides of a trade that belong to some of ``subaccounts``."""
        sides = []
        if trade.maker_subaccount in subaccounts:
            sides.append(self.user_trade(trade, maker=True))
        if trade.taker_subaccount in subaccounts:
            sides.append(self.user_trade(trade, maker=False))
        return sides

    def position(self, info: PositionInfo) -> dict[str, Any]:
        """A position."""
        spec = self._catalog.spec(info.instrument)
        underlying = self._catalog.underlying(spec.underlying)
        fresh = self._host.instrument(info.instrument)
        assert fresh is not None, "positions are in listed instruments"
        average = abs(info.cost) * CONTRACT // abs(info.amount) if info.amount else 0
        return {
            "instrument_name": spec.name,
            "kind": _KINDS[spec.kind],
            "direction": "zero" if not info.amount else "buy" if info.amount > 0 else "sell",
            "size": amount(info.amount),
            "average_price": price(average),
            "mark_price": price(info.mark),
            "index_price": nano(underlying.index),
            "value": price(info.value),
            "floating_profit_loss": price(info.unrealised),
            "total_profit_loss": price(info.unrealised),
            "delta": nano(fresh.delta * info.amount // CONTRACT),
            "gamma": gamma(fresh.gamma * info.amount // CONTRACT),
            "vega": price(fresh.vega * info.amount // CONTRACT),
            "theta": price(fresh.theta * info.amount // CONTRACT),
            "initial_margin": price(info.initial),
            "maintenance_margin": price(info.maintenance),
        }

    def account(self, info: AccountInfo, underlyings: set[int] | None = None) -> dict[str, Any]:
        """A subaccount's summary; its Greeks are sums over the positions in ``underlyings``, by default all."""
        portfolio = info.model == MarginModel.PORTFOLIO
        return {
            "currency": QUOTE,
            "id": info.subaccount,
            "subaccount_id": info.subaccount,
            "owner": hexed(info.owner),
            "type": "main",
            "balance": price(info.cash),
            "margin_balance": price(info.balance),
            "maintenance_balance": price(info.balance_maintenance),
            "equity": price(info.equity),
            "options_value": price(info.option_value),
            "total_pl": price(info.unrealised),
            "session_upl": price(info.unrealised),
            "initial_margin": price(info.initial),
            "maintenance_margin": price(info.maintenance),
            "available_funds": price(max(info.available, 0)),
            "available_withdrawal_funds": price(info.withdrawable),
            "open_orders": info.open_orders,
            "close_only": info.close_only,
            "model": MODELS[info.model],
            "margin_model": "segregated_pm" if portfolio else "segregated_sm",
            "portfolio_margining_enabled": portfolio,
            "margin_call": info.margin_call,
            "liquidation_id": info.liquidation or None,
            "collateral": collateral_view(info.collateral, self._catalog.asset_symbols),
        } | self._portfolio_greeks(info.subaccount, underlyings)

    def _portfolio_greeks(self, subaccount: int, underlyings: set[int] | None) -> dict[str, Any]:
        found = self._host.portfolio_greeks(subaccount)
        wanted = [entry for entry in found if underlyings is None or entry[0] in underlyings]
        names = [f"{self._catalog.symbols[entry[0]].lower()}_usdc" for entry in wanted]
        columns = list(zip(*(entry[1:] for entry in wanted), strict=True)) or [()] * len(_PORTFOLIO_GREEKS)
        shown: dict[str, Any] = {}
        for (field, form), values in zip(_PORTFOLIO_GREEKS, columns, strict=True):
            shown[field] = form(sum(values))
            shown[f"{field}_map"] = {name: form(value) for name, value in zip(names, values, strict=True)}
        return shown

    def platform_state(self, info: UnderlyingInfo, now: int) -> dict[str, Any]:
        """A push of ``platform_state``: what an underlying accepts."""
        return {
            "price_index": f"{info.symbol.lower()}_usdc",
            "currency": info.symbol,
            "locked": info.market_status != "open",
            "state": info.market_status,
            "mark_fault": info.mark_fault,
            "mode": info.mode,
            "timestamp": millis(now),
        }

    def index(self, info: UnderlyingInfo) -> dict[str, Any]:
        """A push of ``deribit_price_index``."""
        return {
            "index_name": f"{info.symbol.lower()}_usdc",
            "price": nano(info.index),
            "timestamp": millis(info.mark_time),
        }

    def quote(self, info: InstrumentInfo, now: int) -> dict[str, Any]:
        """Best bid and offer."""
        _, bids, asks = self._host.book(info.instrument, 1)
        return {"instrument_name": info.name, "timestamp": millis(now)} | _best(bids, asks)

    def ticker(self, info: InstrumentInfo, now: int) -> dict[str, Any]:
        """A ticker."""
        _, bids, asks = self._host.book(info.instrument, 1)
        return self._ticker(info, bids, asks, now)

    def order_book(self, info: InstrumentInfo, depth: int, now: int) -> dict[str, Any]:
        """``get_order_book``: a ticker with the levels."""
        change, bids, asks = self._host.book(info.instrument, depth)
        return self._ticker(info, bids, asks, now) | {
            "change_id": change,
            "bids": [[price(at), amount(size)] for at, size in bids],
            "asks": [[price(at), amount(size)] for at, size in asks],
        }

    def _ticker(
        self, info: InstrumentInfo, bids: list[tuple[int, int]], asks: list[tuple[int, int]], now: int
    ) -> dict[str, Any]:
        underlying = self._catalog.underlying(info.underlying)
        stats = self._tape.stats(info.instrument, now)
        traded = stats.range()
        shown = {
            "instrument_name": info.name,
            "timestamp": millis(now),
            "state": underlying.market_status if info.state == "open" else info.state,
            "mark_price": price(info.mark),
            "index_price": nano(underlying.index),
            "estimated_delivery_price": nano(underlying.index),
            "last_price": None if stats.last is None else price(stats.last),
            "open_interest": amount(info.open_interest),
            "stats": {
                "low": price(traded[0]) if traded else None,
                "high": price(traded[1]) if traded else None,
                "volume": amount(stats.volume),
                "volume_usd": price(stats.notional),
                "volume_notional": price(stats.notional),
                "price_change": None,
            },
        }
        shown |= _best(bids, asks)
        if is_option(info):
            shown |= self._option(info, underlying)
        else:
            rate = nano(underlying.funding_rate)
            shown |= {"current_funding": rate, "funding_8h": rate, "interest_value": rate}
        return shown

    def _option(self, info: InstrumentInfo, underlying: UnderlyingInfo) -> dict[str, Any]:
        return {
            "underlying_price": nano(info.forward),
            "underlying_index": self.underlying_index(underlying, info),
            "interest_rate": nano(info.rate),
            "mark_iv": percent(info.iv),
            "bid_iv": quoted_vol(info.bid_iv),
            "ask_iv": quoted_vol(info.ask_iv),
            "greeks": {
                "delta": nano(info.delta),
                "gamma": gamma(info.gamma),
                "vega": price(info.vega),
                "theta": price(info.theta),
                "rho": price(info.rho),
            },
        }

    @staticmethod
    def underlying_index(underlying: UnderlyingInfo, info: InstrumentInfo) -> str:
        """What an option's forward is called."""
        return f"SYN.{underlying.symbol}_{QUOTE}-{expiry_label(info.expiry)}"

    def book_summary(self, info: InstrumentInfo, now: int) -> dict[str, Any]:
        """An entry of ``get_book_summary_by_currency``."""
        _, bids, asks = self._host.book(info.instrument, 1)
        underlying = self._catalog.underlying(info.underlying)
        stats = self._tape.stats(info.instrument, now)
        traded = stats.range()
        middle = price((bids[0][0] + asks[0][0]) // 2) if bids and asks else None
        shown: dict[str, Any] = {
            "instrument_name": info.name,
            "creation_timestamp": millis(now),
            "base_currency": underlying.symbol,
            "quote_currency": QUOTE,
            "bid_price": price(bids[0][0]) if bids else None,
            "ask_price": price(asks[0][0]) if asks else None,
            "mid_price": middle,
            "mark_price": price(info.mark),
            "last": None if stats.last is None else price(stats.last),
            "low": price(traded[0]) if traded else None,
            "high": price(traded[1]) if traded else None,
            "price_change": None,
            "volume": amount(stats.volume),
            "volume_usd": price(stats.notional),
            "volume_notional": price(stats.notional),
            "open_interest": amount(info.open_interest),
            "estimated_delivery_price": nano(underlying.index),
        }
        if is_option(info):
            shown |= {
                "mark_iv": percent(info.iv),
                "underlying_price": nano(info.forward),
                "underlying_index": self.underlying_index(underlying, info),
                "interest_rate": nano(info.rate),
            }
        return shown

    def mark_prices(self, underlying: int) -> list[dict[str, Any]]:
        """A push of ``markprice.options``: every live option of an underlying."""
        return [
            {
                "instrument_name": info.name,
                "mark_price": price(info.mark),
                "iv": nano(info.iv),
                "delta": nano(info.delta),
                "vega": price(info.vega),
            }
            for info in self._host.instruments()
            if info.underlying == underlying and is_option(info) and info.state == "open"
        ]


def _best(bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> dict[str, Raw]:
    return {
        "best_bid_price": price(bids[0][0]) if bids else _ZERO,
        "best_bid_amount": amount(bids[0][1]) if bids else _ZERO,
        "best_ask_price": price(asks[0][0]) if asks else _ZERO,
        "best_ask_amount": amount(asks[0][1]) if asks else _ZERO,
    }
