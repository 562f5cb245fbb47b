"""Channels about the subaccounts of a login: orders, trades, portfolios."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from synchromesh._native import OrderInfo, TradeInfo
from synchromesh.execution.channels import Channel, Filter
from synchromesh.execution.errors import ApiError
from synchromesh.execution.liquidation_view import margin_call_view
from synchromesh.execution.session import Session
from synchromesh.protocol import MarginCall

if TYPE_CHECKING:
    from synchromesh.execution.gateway import Gateway


class UserChannel(Channel):
    """A channel about the subaccounts of the one session that subscribed."""

    def __init__(self, gateway: Gateway, name: str, interval: str, session: Session) -> None:
        super().__init__(gateway, name, interval)
        self._session = session
        self.principal = session.require()
        self._gathered: dict[Any, Any] = {}

    def visible(self) -> frozenset[int]:
        """Subaccounts that the session sees now; none once its login or key has ended."""
        try:
            return frozenset(self.gateway.auth.subaccounts(self.principal))
        except ApiError:
            return frozenset()

    def take(self) -> list[Any]:
        """What was gathered, in order; the gathering starts anew."""
        gathered, self._gathered = self._gathered, {}
        return list(gathered.values())


class UserOrdersChannel(UserChannel):
    """``user.orders.…``: single orders when raw, lists otherwise."""

    def __init__(self, gateway: Gateway, name: str, interval: str, session: Session, selected: Filter) -> None:
        super().__init__(gateway, name, interval, session)
        self._selected = selected

    def touched(self, orders: Sequence[OrderInfo], visible: frozenset[int]) -> bool:
        """Gather orders; whether one of them is this channel's."""
        for order in orders:
            if order.subaccount in visible and self._selected.accepts(order.instrument):
                self._gathered[order.order] = self.gateway.present.order(order)
        return bool(self._gathered)

    def flush(self) -> None:
        """Push the orders that changed."""
        gathered = self.take()
        if self.interval != "raw":
            if gathered:
                self.push(self.sessions, gathered)
            return
        for order in gathered:
            self.push(self.sessions, order)


class UserTradesChannel(UserChannel):
    """``user.trades.…``."""

    def __init__(self, gateway: Gateway, name: str, interval: str, session: Session, selected: Filter) -> None:
        super().__init__(gateway, name, interval, session)
        self._selected = selected

    def traded(self, trades: Sequence[TradeInfo], visible: frozenset[int]) -> bool:
        """Gather trades; whether one of them is this channel's."""
        for trade in trades:
            if self._selected.accepts(trade.instrument):
                for side in self.gateway.present.user_trades(trade, visible):
                    self._gathered[side["trade_id"], side["liquidity"]] = side
        return bool(self._gathered)

    def flush(self) -> None:
        """Push the trades since the last push."""
        gathered = self.take()
        if gathered:
            self.push(self.sessions, gathered)


class MarginCallsChannel(UserChannel):
    """``user.margin_calls``: every change of a subaccount's margin call."""

    def __init__(self, gateway: Gateway, name: str, session: Session) -> None:
        super().__init__(gateway, name, "raw", session)

    def called(self, calls: Sequence[MarginCall], visible: frozenset[int]) -> bool:
        """Gather margin calls; whether one of them is this channel's."""
        for call in calls:
            if call.subaccount in visible:
                self._gathered[call.subaccount] = margin_call_view(call, self.gateway.clock.now_ns())
        return bool(self._gathered)

    def flush(self) -> None:
        """Push the calls that changed."""
        for call in self.take():
            self.push(self.sessions, call)


class PortfolioChannel(UserChannel):
    """``user.portfolio.{currency}``: one push per subaccount that changed, or whose positions have new marks."""

    def __init__(self, gateway: Gateway, name: str, session: Session, underlyings: set[int]) -> None:
        super().__init__(gateway, name, "raw", session)
        self._underlyings = underlyings

    def join(self, session: Session) -> None:
        """Add the subscriber and send it every subaccount."""
        self.sessions.add(session)
        self.touched(sorted(self.visible()), self.visible())
        self.flush()

    def touched(self, subaccounts: Sequence[int], visible: frozenset[int]) -> bool:
        """Gather subaccounts; whether one of them is this channel's."""
        for subaccount in subaccounts:
            if subaccount in visible:
                self._gathered[subaccount] = subaccount
        return bool(self._gathered)

    def marked(self, underlying: int) -> bool:
        """Gather the subaccounts with positions in an underlying; whether there are any."""
        if underlying not in self._underlyings:
            return False
        for subaccount in self.visible():
            if any(entry[0] == underlying for entry in self.gateway.host.portfolio_greeks(subaccount)):
                self._gathered[subaccount] = subaccount
        return bool(self._gathered)

    def flush(self) -> None:
        """Push the subaccounts that changed."""
        for subaccount in self.take():
            info = self.gateway.host.account(subaccount)
            if info is not None:
                self.push(self.sessions, self.gateway.present.account(info, self._underlyings))
