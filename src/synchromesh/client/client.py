"""The asynchronous client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from decimal import Decimal
from typing import Any, Self, TypeVar

import msgspec

from synchromesh.client.book import BookGap, LocalBook
from synchromesh.client.chain import ChainGap, ChainUpdate, LocalChain
from synchromesh.client.channels import decode_push
from synchromesh.client.connection import Connection
from synchromesh.client.errors import ClientError, ConnectionLost
from synchromesh.client.risk import RiskMethods
from synchromesh.client.signing import Signer
from synchromesh.client.types import (
    Account,
    Book,
    BookSummary,
    BookUpdate,
    CancelAllResult,
    Instrument,
    Login,
    Order,
    OrderResult,
    Position,
    Result,
    Status,
    SubaccountResult,
    Ticker,
    Trade,
    UserTrade,
    Venue,
    WithdrawResult,
)
from synchromesh.client.units import AMOUNT_PLACES, PRICE_PLACES, Number, decimal, units
from synchromesh.clock import VenueClock
from synchromesh.protocol import (
    SCOPES,
    OrderType,
    PostOnly,
    Receipt,
    SelfTrade,
    Side,
    TimeInForce,
    TypedDomain,
    address_of,
)

RECONNECT_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
"""Waits between attempts to connect again; the last one repeats."""
MAX_FEE = Decimal(100)
"""Fee bound that orders sign when none is given, USDC per contract."""

Handler = Callable[[str, Any], None]
"""Gets the channel and the typed data of every push."""

T = TypeVar("T")


class Client(RiskMethods):
    """A connection to a venue that heals itself.

    ``async with Client(url, secret) as client: …``. After a reconnect it logs in again and subscribes again; requests
    that were under way fail with `ConnectionLost`.

    Parameters
    ----------
    url
        ``ws://host:port/ws/api/v2``.
    secret
        The key that signs, an owner's own or a session key; None to read only.
    subaccount
        Subaccount of orders that name none; by default the first that the login sees.
    max_fee
        Fee bound of orders that name none, USDC per contract.
    """

    def __init__(
        self, url: str, secret: bytes | None = None, *, subaccount: int | None = None, max_fee: Number = MAX_FEE
    ) -> None:
        self._url = url
        self._secret = secret
        self._connection: Connection | None = None
        self._handlers: dict[str, list[Handler]] = {}
        self._books: dict[str, LocalBook] = {}
        self._chains: dict[str, LocalChain] = {}
        self._chain_watchers: dict[str, set[asyncio.Event]] = {}
        self._resyncing: set[str] = set()
        self._healer: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._lost = asyncio.Event()
        self._cancel_on_disconnect = False
        self._venue: Venue | None = None
        self._signer: Signer | None = None
        self._clock = VenueClock.real()
        self._owner = b""
        self.subaccount = subaccount
        self.max_fee = decimal(max_fee)
        self.reconnects = 0

    # Connection

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self) -> None:
        """Connect, learn what the venue signs with, and log in when there is a key; OSError or `ClientError`."""
        await self._open()
        self._healer = asyncio.create_task(self._heal())

    async def _open(self) -> None:
        self._lost.clear()
        self._connection = await Connection.connect(self._url, self._pushed, self._lost.set)
        self._venue = await self._ask("public/get_venue", Venue)
        domain = TypedDomain(self._venue.chain_id, bytes.fromhex(self._venue.contract.removeprefix("0x")))
        self._clock = msgspec.convert(self._venue.clock, VenueClock)
        if self._secret is not None:
            self._signer = self._signer or Signer(self._secret, domain, self._clock)
            await self.login()

    async def close(self) -> None:
        """End the connection for good."""
        if self._healer is not None:
            self._healer.cancel()
            await asyncio.gather(self._healer, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()

    async def _heal(self) -> None:
        while True:
            await self._lost.wait()
            for book in self._books.values():
                book.reset()
            for chain in self._chains.values():
                chain.reset()
            for attempt in range(1 << 31):
                await asyncio.sleep(RECONNECT_SECONDS[min(attempt, len(RECONNECT_SECONDS) - 1)])
                with contextlib.suppress(OSError, ClientError):
                    await self._open()
                    await self._restore()
                    self.reconnects += 1
                    break

    async def _restore(self) -> None:
        if self._cancel_on_disconnect:
            await self.set_cancel_on_disconnect(True)
        if self._handlers:
            await self._subscribe(list(self._handlers))

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self._connection is not None and self._connection.open

    @property
    def venue(self) -> Venue:
        """What the venue signs with; known once connected."""
        if self._venue is None:
            raise ClientError("not connected yet")
        return self._venue

    @property
    def signer(self) -> Signer:
        """The key; `ClientError` when there is none."""
        if self._signer is None:
            raise ClientError("this needs a key")
        return self._signer

    def now_ns(self) -> int:
        """Venue time, ns."""
        return self._clock.now_ns()

    # Requests

    async def request(self, method: str, /, **params: Any) -> Any:
        """The result of any method as plain values; `RequestRefused`, `ConnectionLost`."""
        return msgspec.json.decode(await self._post(method, params))

    def _post(self, method: str, params: dict[str, Any]) -> Awaitable[msgspec.Raw]:
        if self._connection is None:
            raise ConnectionLost(f"{method}: not connected")
        return self._connection.post(method, params)

    async def _ask(self, method: str, kind: type[T], /, **params: Any) -> T:
        return msgspec.json.decode(await self._post(method, params), type=kind, strict=False)

    async def login(self) -> Login:
        """Log the connection in with the key."""
        login = await self._ask("public/auth", Login, **self.signer.login(self.venue.login_domain))
        self._owner = bytes.fromhex(login.owner.removeprefix("0x"))
        if self.subaccount is None and login.subaccounts:
            self.subaccount = login.subaccounts[0]
        return login

    async def set_cancel_on_disconnect(self, on: bool) -> None:
        """Whether the orders end with the connection; holds after reconnects too."""
        word = "enable" if on else "disable"
        await self.request(f"private/{word}_cancel_on_disconnect", scope="connection")
        self._cancel_on_disconnect = on

    # Market data

    async def status(self) -> Status:
        """Modes, and where the journal stands."""
        return await self._ask("public/status", Status)

    async def instruments(self, currency: str = "any", kind: str = "any", *, expired: bool = False) -> list[Instrument]:
        """Instruments that fit."""
        params = {"currency": currency, "kind": kind, "expired": expired}
        return await self._ask("public/get_instruments", list[Instrument], **params)

    async def ticker(self, instrument_name: str) -> Ticker:
        """Prices, vols and Greeks."""
        return await self._ask("public/ticker", Ticker, instrument_name=instrument_name)

    async def order_book(self, instrument_name: str, depth: int = 20) -> Book:
        """The best levels."""
        return await self._ask("public/get_order_book", Book, instrument_name=instrument_name, depth=depth)

    async def book_summaries(self, currency: str = "any", kind: str = "any") -> list[BookSummary]:
        """One line per open instrument."""
        method = "public/get_book_summary_by_currency"
        return await self._ask(method, list[BookSummary], currency=currency, kind=kind)

    async def index_price(self, currency: str) -> Decimal:
        """The index of an underlying."""
        result = await self._ask("public/get_index_price", dict[str, Decimal], index_name=f"{currency.lower()}_usdc")
        return result["index_price"]

    async def last_trades(self, instrument_name: str, count: int = 10) -> list[Trade]:
        """The newest trades of an instrument."""
        method = "public/get_last_trades_by_instrument"
        return (await self._ask(method, _Trades, instrument_name=instrument_name, count=count)).trades

    async def receipt(self, sequence: int) -> Receipt:
        """The operator's signed proof that a command has its place in the journal; check it with ``verify``."""
        result = await self.request("public/get_receipt", sequence=sequence)
        return Receipt.decode(bytes.fromhex(result["encoded"].removeprefix("0x")))

    # Orders

    async def place(
        self,
        side: Side,
        instrument_name: str,
        amount: Number,
        price: Number,
        *,
        order_type: OrderType = OrderType.LIMIT,
        time_in_force: TimeInForce = TimeInForce.GTC,
        valid_until: int = 0,
        post_only: PostOnly = PostOnly.NO,
        reduce_only: bool = False,
        self_trade: SelfTrade = SelfTrade.CANCEL_NEWEST,
        max_fee: Number | None = None,
        client_order_id: str = "",
        subaccount: int | None = None,
    ) -> OrderResult:
        """Place a signed order. ``price`` is the worst price, of market orders too; ``valid_until`` is venue ns."""
        account = self._account(subaccount)
        fee = self.max_fee if max_fee is None else decimal(max_fee)
        params: dict[str, Any] = {
            "subaccount_id": account,
            "instrument_name": instrument_name,
            "amount": decimal(amount),
            "price": decimal(price),
            "type": order_type.word,
            "time_in_force": time_in_force.word,
            "valid_until": str(valid_until),
            "post_only": post_only != PostOnly.NO,
            "reject_post_only": post_only == PostOnly.REJECT,
            "reduce_only": reduce_only,
            "self_trade": self_trade.word,
            "max_fee": fee,
            "client_order_id": client_order_id,
        }
        params |= self.signer.order(
            subaccount=account,
            instrument=instrument_name,
            side=side,
            amount=units(amount, AMOUNT_PLACES),
            limit_price=units(price, PRICE_PLACES),
            order_type=order_type,
            time_in_force=time_in_force,
            valid_until=valid_until,
            post_only=post_only,
            reduce_only=reduce_only,
            self_trade=self_trade,
            max_fee=units(fee, PRICE_PLACES),
            client_id=client_order_id,
        )
        return await self._ask(f"private/{side.word}", OrderResult, **params)

    async def buy(self, instrument_name: str, amount: Number, price: Number, **options: Any) -> OrderResult:
        """Place a bid; options as of `place`."""
        return await self.place(Side.BUY, instrument_name, amount, price, **options)

    async def sell(self, instrument_name: str, amount: Number, price: Number, **options: Any) -> OrderResult:
        """Place an offer; options as of `place`."""
        return await self.place(Side.SELL, instrument_name, amount, price, **options)

    async def edit(
        self,
        order_id: str,
        amount: Number,
        price: Number,
        *,
        post_only: PostOnly = PostOnly.NO,
        reduce_only: bool = False,
        max_fee: Number | None = None,
        subaccount: int | None = None,
    ) -> OrderResult:
        """Change amount (the total, what is filled included) and price of a resting order."""
        fee = self.max_fee if max_fee is None else decimal(max_fee)
        params: dict[str, Any] = {
            "order_id": order_id,
            "amount": decimal(amount),
            "price": decimal(price),
            "post_only": post_only != PostOnly.NO,
            "reject_post_only": post_only == PostOnly.REJECT,
            "reduce_only": reduce_only,
            "max_fee": fee,
        }
        params |= self.signer.replace(
            subaccount=self._account(subaccount),
            order=int(order_id),
            amount=units(amount, AMOUNT_PLACES),
            limit_price=units(price, PRICE_PLACES),
            post_only=post_only,
            reduce_only=reduce_only,
            max_fee=units(fee, PRICE_PLACES),
        )
        return await self._ask("private/edit", OrderResult, **params)

    async def cancel(self, order_id: str) -> Order:
        """Cancel an order, by the login."""
        return await self._ask("private/cancel", Order, order_id=order_id)

    async def cancel_all(
        self, instrument_name: str = "", currency: str = "", *, subaccount: int | None = None
    ) -> CancelAllResult:
        """Cancel the orders that fit, by the login; without a subaccount, of all that it sees."""
        params: dict[str, Any] = {} if subaccount is None else {"subaccount_id": subaccount}
        if instrument_name:
            params["instrument_name"] = instrument_name
            return await self._ask("private/cancel_all_by_instrument", CancelAllResult, **params)
        if currency:
            params["currency"] = currency
            return await self._ask("private/cancel_all_by_currency", CancelAllResult, **params)
        return await self._ask("private/cancel_all", CancelAllResult, **params)

    async def open_orders(self, instrument_name: str = "", currency: str = "any") -> list[Order]:
        """Open orders that fit."""
        params = {"instrument_name": instrument_name, "currency": currency}
        return await self._ask("private/get_open_orders", list[Order], **params)

    async def order(self, order_id: str) -> Order:
        """An order as it stands."""
        return await self._ask("private/get_order_state", Order, order_id=order_id)

    async def order_by_client_id(self, client_order_id: str) -> Order:
        """An order by its client id: what became of a request whose reply was lost."""
        method = "private/get_order_state_by_client_order_id"
        return await self._ask(method, Order, client_order_id=client_order_id)

    async def user_trades(self, currency: str = "any", count: int = 100) -> list[UserTrade]:
        """Own trades, newest first."""
        method = "private/get_user_trades_by_currency"
        return (await self._ask(method, _UserTrades, currency=currency, count=count)).trades

    # Accounts

    async def positions(self, currency: str = "any") -> list[Position]:
        """Positions of all subaccounts that the login sees."""
        return await self._ask("private/get_positions", list[Position], currency=currency)

    async def account(self, subaccount: int | None = None) -> Account:
        """Balance and margin of a subaccount."""
        number = self._account(subaccount)
        return await self._ask("private/get_account_summary", Account, subaccount_id=number)

    async def subaccounts(self) -> list[int]:
        """Subaccounts that the login sees."""
        numbers = [entry["id"] for entry in await self.request("private/get_subaccounts")]
        if self.subaccount is None and numbers:
            self.subaccount = numbers[0]
        return numbers

    async def owner_nonce(self) -> int:
        """Next number of the owner actions of the key's owner."""
        return int((await self.request("public/get_owner_nonce", owner=self._owner.hex()))["nonce"])

    async def withdraw(
        self, amount: Number, recipient: bytes, *, currency: str = "USDC", subaccount: int | None = None
    ) -> WithdrawResult:
        """Take assets out; they can be claimed on chain once their batch is final."""
        account = self._account(subaccount)
        fields = {"subaccount": account, "asset": currency, "amount": _asset_units(amount, currency)}
        signature = self.signer.withdraw(await self.owner_nonce(), recipient=recipient, **fields)
        params = {"subaccount_id": account, "currency": currency, "amount": decimal(amount)}
        return await self._ask(
            "private/withdraw", WithdrawResult, recipient="0x" + recipient.hex(), **params, **signature
        )

    async def transfer(
        self, amount: Number, destination: int, *, currency: str = "USDC", subaccount: int | None = None
    ) -> Result:
        """Move assets to another subaccount of the owner."""
        account = self._account(subaccount)
        fields = {"source": account, "target": destination, "asset": currency}
        signature = self.signer.transfer(await self.owner_nonce(), amount=_asset_units(amount, currency), **fields)
        params = {"subaccount_id": account, "destination": destination, "currency": currency}
        return await self._ask("private/transfer", Result, amount=decimal(amount), **params, **signature)

    async def create_subaccount(self) -> SubaccountResult:
        """One more subaccount of the key's owner."""
        signature = self.signer.create_subaccount(await self.owner_nonce())
        return await self._ask("private/create_subaccount", SubaccountResult, **signature)

    async def register_session_key(
        self, secret: bytes, scopes: Iterable[str], key_expiry: int, subaccounts: Iterable[int] = ()
    ) -> Result:
        """Let the key of ``secret`` act for the owner until ``key_expiry`` (venue ns); no subaccounts means all.

        The secret signs its consent here, and goes nowhere.
        """
        words = [word for word in SCOPES if word in set(scopes)]
        only = tuple(sorted(set(subaccounts)))
        signature = self.signer.register_session_key(
            await self.owner_nonce(),
            secret,
            scopes=sum(SCOPES[word] for word in words),
            key_expiry=key_expiry,
            subaccounts=only,
        )
        key = "0x" + address_of(secret).hex()
        params = {"key": key, "scopes": words, "key_expiry": str(key_expiry), "subaccounts": only}
        return await self._ask("private/register_session_key", Result, **params, **signature)

    async def revoke_session_key(self, key: bytes) -> Result:
        """Take a session key back, at once."""
        signature = self.signer.revoke_session_key(await self.owner_nonce(), key)
        return await self._ask("private/revoke_session_key", Result, key="0x" + key.hex(), **signature)

    async def raise_nonce_floor(self, floor: int | None = None) -> Result:
        """Kill every message of the key with a nonce below ``floor``; by default below now."""
        floor = self.signer.nonce() if floor is None else floor
        signature = self.signer.raise_nonce_floor(floor)
        return await self._ask("private/raise_nonce_floor", Result, floor=str(floor), **signature)

    def _account(self, subaccount: int | None) -> int:
        account = self.subaccount if subaccount is None else subaccount
        if account is None:
            raise ClientError("no subaccount yet: deposit first, then ask for subaccounts()")
        return account

    # Channels

    async def subscribe(self, channels: str | Iterable[str], handler: Handler) -> None:
        """Hand the pushes of channels to ``handler``, typed where the channel is known."""
        names = [channels] if isinstance(channels, str) else list(channels)
        fresh = [name for name in names if name not in self._handlers]
        for name in names:
            self._handlers.setdefault(name, []).append(handler)
        try:
            await self._subscribe(fresh)
        except ClientError:
            for name in fresh:
                del self._handlers[name]
            raise

    async def _subscribe(self, names: list[str]) -> None:
        if names:
            private = any(name.startswith("user.") for name in names)
            await self.request("private/subscribe" if private else "public/subscribe", channels=names)

    async def unsubscribe(self, channels: str | Iterable[str]) -> None:
        """End subscriptions."""
        names = [channels] if isinstance(channels, str) else list(channels)
        for name in names:
            self._handlers.pop(name, None)
            self._books.pop(name, None)
            self._chains.pop(name, None)
        await self.request("public/unsubscribe", channels=names)

    async def book(self, instrument_name: str, interval: str = "raw") -> LocalBook:
        """A local book that follows the venue's; ``ready`` is False while it waits for a snapshot."""
        name = f"book.{instrument_name}.{interval}"
        if name not in self._books:
            self._books[name] = LocalBook(instrument_name)
            await self.subscribe(name, self._follow_book)
        return self._books[name]

    def _follow_book(self, channel: str, update: BookUpdate) -> None:
        book = self._books.get(channel)
        if book is None:
            return
        try:
            book.apply(update)
        except BookGap:
            self._resync_once(channel)

    async def local_chain(self, currency: str, interval: str = "raw") -> LocalChain:
        """A local chain that follows the venue's; ``ready`` is False while it waits for a snapshot."""
        name = f"chain.{currency}.{interval}"
        if name not in self._chains:
            self._chains[name] = LocalChain(currency)
            await self.subscribe(name, self._follow_chain)
        return self._chains[name]

    async def chain(self, currency: str, interval: str = "raw") -> AsyncIterator[LocalChain]:
        """The chain of a currency, first at once, then whenever something of it changed.

        It is the same object each time. Changes that come while the caller is busy with one are applied together.
        """
        name = f"chain.{currency}.{interval}"
        changed = asyncio.Event()
        watchers = self._chain_watchers.setdefault(name, set())
        watchers.add(changed)
        try:
            chain = await self.local_chain(currency, interval)
            if chain.ready:
                changed.set()
            while True:
                await changed.wait()
                changed.clear()
                yield chain
        finally:
            watchers.discard(changed)

    def _follow_chain(self, channel: str, update: ChainUpdate) -> None:
        chain = self._chains.get(channel)
        if chain is None:
            return
        try:
            chain.apply(update)
        except ChainGap:
            self._resync_once(channel)
            return
        for watcher in self._chain_watchers.get(channel, ()):
            watcher.set()

    def _resync_once(self, channel: str) -> None:
        # Until the snapshot comes, every push is a gap.
        if channel not in self._resyncing:
            self._resyncing.add(channel)
            self._spawn(self._resync(channel))

    async def _resync(self, channel: str) -> None:
        try:
            with contextlib.suppress(ConnectionLost):
                await self.request("public/unsubscribe", channels=[channel])
                await self._subscribe([channel])
        finally:
            self._resyncing.discard(channel)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _pushed(self, channel: str, data: msgspec.Raw) -> None:
        handlers = self._handlers.get(channel)
        if handlers:
            value = decode_push(channel, data)
            for handler in list(handlers):
                handler(channel, value)


class _Trades(msgspec.Struct):
    trades: list[Trade]


class _UserTrades(msgspec.Struct):
    trades: list[UserTrade]


def _asset_units(amount: Number, currency: str) -> int:
    return units(amount, PRICE_PLACES if currency == "USDC" else AMOUNT_PLACES)
