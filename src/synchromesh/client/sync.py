"""The synchronous client: the asynchronous one on a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterable
from decimal import Decimal
from typing import Any, Self, TypeVar

from synchromesh.client.book import LocalBook
from synchromesh.client.chain import LocalChain
from synchromesh.client.client import MAX_FEE, Client, Handler
from synchromesh.client.risk import Amounts
from synchromesh.client.types import (
    Account,
    BidResult,
    Book,
    BookSummary,
    CancelAllResult,
    Instrument,
    Insurance,
    Liquidation,
    MarginEstimate,
    MarginSimulation,
    ModelResult,
    Order,
    OrderResult,
    Position,
    Result,
    RiskParameters,
    RiskReport,
    Status,
    SubaccountResult,
    Ticker,
    Trade,
    UserTrade,
    Venue,
    WithdrawResult,
)
from synchromesh.client.units import Number
from synchromesh.protocol import MarginModel, Receipt, Side

T = TypeVar("T")


class SyncClient:
    """A client for code without an event loop: ``with SyncClient(url, secret) as client: …``.

    Methods, parameters and errors are those of `Client`. Handlers of subscriptions run on the client's thread.
    """

    def __init__(
        self, url: str, secret: bytes | None = None, *, subaccount: int | None = None, max_fee: Number = MAX_FEE
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="synchromesh client", daemon=True)
        self._thread.start()
        self._client = self._run(_make(url, secret, subaccount, max_fee))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> None:
        """Connect and log in."""
        self._run(self._client.connect())

    def close(self) -> None:
        """End the connection and the thread."""
        self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def venue(self) -> Venue:
        """What the venue signs with."""
        return self._client.venue

    @property
    def subaccount(self) -> int | None:
        """Subaccount of orders that name none."""
        return self._client.subaccount

    def now_ns(self) -> int:
        """Venue time, ns."""
        return self._client.now_ns()

    def request(self, method: str, /, **params: Any) -> Any:
        """The result of any method as plain values."""
        return self._run(self._client.request(method, **params))

    def status(self) -> Status:
        """Modes, and where the journal stands."""
        return self._run(self._client.status())

    def instruments(self, currency: str = "any", kind: str = "any", *, expired: bool = False) -> list[Instrument]:
        """Instruments that fit."""
        return self._run(self._client.instruments(currency, kind, expired=expired))

    def ticker(self, instrument_name: str) -> Ticker:
        """Prices, vols and Greeks."""
        return self._run(self._client.ticker(instrument_name))

    def order_book(self, instrument_name: str, depth: int = 20) -> Book:
        """The best levels."""
        return self._run(self._client.order_book(instrument_name, depth))

    def book_summaries(self, currency: str = "any", kind: str = "any") -> list[BookSummary]:
        """One line per open instrument."""
        return self._run(self._client.book_summaries(currency, kind))

    def index_price(self, currency: str) -> Decimal:
        """The index of an underlying."""
        return self._run(self._client.index_price(currency))

    def last_trades(self, instrument_name: str, count: int = 10) -> list[Trade]:
        """The newest trades of an instrument."""
        return self._run(self._client.last_trades(instrument_name, count))

    def receipt(self, sequence: int) -> Receipt:
        """The operator's signed proof of a command's place."""
        return self._run(self._client.receipt(sequence))

    def place(self, side: Side, instrument_name: str, amount: Number, price: Number, **options: Any) -> OrderResult:
        """Place a signed order; options as of `Client.place`."""
        return self._run(self._client.place(side, instrument_name, amount, price, **options))

    def buy(self, instrument_name: str, amount: Number, price: Number, **options: Any) -> OrderResult:
        """Place a bid; options as of `Client.place`."""
        return self._run(self._client.buy(instrument_name, amount, price, **options))

    def sell(self, instrument_name: str, amount: Number, price: Number, **options: Any) -> OrderResult:
        """Place an offer; options as of `Client.place`."""
        return self._run(self._client.sell(instrument_name, amount, price, **options))

    def edit(self, order_id: str, amount: Number, price: Number, **options: Any) -> OrderResult:
        """Change a resting order; options as of `Client.edit`."""
        return self._run(self._client.edit(order_id, amount, price, **options))

    def cancel(self, order_id: str) -> Order:
        """Cancel an order."""
        return self._run(self._client.cancel(order_id))

    def cancel_all(
        self, instrument_name: str = "", currency: str = "", *, subaccount: int | None = None
    ) -> CancelAllResult:
        """Cancel the orders that fit."""
        return self._run(self._client.cancel_all(instrument_name, currency, subaccount=subaccount))

    def open_orders(self, instrument_name: str = "", currency: str = "any") -> list[Order]:
        """Open orders that fit."""
        return self._run(self._client.open_orders(instrument_name, currency))

    def order(self, order_id: str) -> Order:
        """An order as it stands."""
        return self._run(self._client.order(order_id))

    def order_by_client_id(self, client_order_id: str) -> Order:
        """An order by its client id."""
        return self._run(self._client.order_by_client_id(client_order_id))

    def user_trades(self, currency: str = "any", count: int = 100) -> list[UserTrade]:
        """Own trades, newest first."""
        return self._run(self._client.user_trades(currency, count))

    def positions(self, currency: str = "any") -> list[Position]:
        """Positions of all subaccounts that the login sees."""
        return self._run(self._client.positions(currency))

    def account(self, subaccount: int | None = None) -> Account:
        """Balance and margin of a subaccount."""
        return self._run(self._client.account(subaccount))

    def subaccounts(self) -> list[int]:
        """Subaccounts that the login sees."""
        return self._run(self._client.subaccounts())

    def simulate_margin(
        self,
        positions: Amounts,
        *,
        cash: Number = 0,
        collateral: Amounts | None = None,
        model: str = MarginModel.PORTFOLIO.word,
    ) -> MarginSimulation:
        """Margin of any portfolio at the venue's marks."""
        return self._run(self._client.simulate_margin(positions, cash=cash, collateral=collateral, model=model))

    def simulate_account(self, positions: Amounts | None = None, **options: Any) -> MarginSimulation:
        """Margin of a subaccount after changes; options as of `Client.simulate_account`."""
        return self._run(self._client.simulate_account(positions, **options))

    def margin_estimate(
        self, instrument_name: str, amount: Number, price: Number, *, subaccount: int | None = None
    ) -> MarginEstimate:
        """Initial margin that an order would need on top."""
        return self._run(self._client.margin_estimate(instrument_name, amount, price, subaccount=subaccount))

    def set_margin_model(self, model: str, *, dry_run: bool = False, subaccount: int | None = None) -> ModelResult:
        """Choose how a subaccount is margined."""
        return self._run(self._client.set_margin_model(model, dry_run=dry_run, subaccount=subaccount))

    def risk_parameters(self, currency: str = "any") -> RiskParameters:
        """Risk tables of the underlyings and terms of the collateral."""
        return self._run(self._client.risk_parameters(currency))

    def insurance(self) -> Insurance:
        """The insurance fund."""
        return self._run(self._client.insurance())

    def risk_report(self) -> RiskReport | None:
        """What the risk monitor last published; None before its first report."""
        return self._run(self._client.risk_report())

    def fund_insurance(self, amount: Number, *, subaccount: int | None = None) -> Result:
        """Give USDC of a subaccount to the insurance fund."""
        return self._run(self._client.fund_insurance(amount, subaccount=subaccount))

    def liquidations(self, currency: str = "any", **options: Any) -> list[Liquidation]:
        """Liquidations, newest first; options as of `Client.liquidations`."""
        return self._run(self._client.liquidations(currency, **options))

    def liquidation_bid(self, target: int, share: Number, limit: Number, *, subaccount: int | None = None) -> BidResult:
        """Take over a share of a portfolio that is being auctioned."""
        return self._run(self._client.liquidation_bid(target, share, limit, subaccount=subaccount))

    def withdraw(
        self, amount: Number, recipient: bytes, *, currency: str = "USDC", subaccount: int | None = None
    ) -> WithdrawResult:
        """Take assets out."""
        return self._run(self._client.withdraw(amount, recipient, currency=currency, subaccount=subaccount))

    def transfer(
        self, amount: Number, destination: int, *, currency: str = "USDC", subaccount: int | None = None
    ) -> Result:
        """Move assets to another subaccount of the owner."""
        return self._run(self._client.transfer(amount, destination, currency=currency, subaccount=subaccount))

    def create_subaccount(self) -> SubaccountResult:
        """One more subaccount."""
        return self._run(self._client.create_subaccount())

    def register_session_key(
        self, secret: bytes, scopes: Iterable[str], key_expiry: int, subaccounts: Iterable[int] = ()
    ) -> Result:
        """Let the key of ``secret`` act for the owner."""
        return self._run(self._client.register_session_key(secret, scopes, key_expiry, subaccounts))

    def revoke_session_key(self, key: bytes) -> Result:
        """Take a session key back."""
        return self._run(self._client.revoke_session_key(key))

    def raise_nonce_floor(self, floor: int | None = None) -> Result:
        """Kill every message of the key with a nonce below the floor."""
        return self._run(self._client.raise_nonce_floor(floor))

    def set_cancel_on_disconnect(self, on: bool) -> None:
        """Whether the orders end with the connection."""
        self._run(self._client.set_cancel_on_disconnect(on))

    def subscribe(self, channels: str | Iterable[str], handler: Handler) -> None:
        """Hand pushes to ``handler``, on the client's thread."""
        self._run(self._client.subscribe(channels, handler))

    def unsubscribe(self, channels: str | Iterable[str]) -> None:
        """End subscriptions."""
        self._run(self._client.unsubscribe(channels))

    def book(self, instrument_name: str, interval: str = "raw") -> LocalBook:
        """A local book that follows the venue's."""
        return self._run(self._client.book(instrument_name, interval))

    def local_chain(self, currency: str, interval: str = "raw") -> LocalChain:
        """A local chain that follows the venue's."""
        return self._run(self._client.local_chain(currency, interval))


async def _make(url: str, secret: bytes | None, subaccount: int | None, max_fee: Number) -> Client:
    return Client(url, secret, subaccount=subaccount, max_fee=max_fee)
