"""Markets, orders and accounts, typed.

Prices and cash in USDC, amounts in contracts, times in ms unless named ``_ns``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Where a command stands in the journal."""

    sequence: int = 0
    chain_hash: str = ""


class Venue(msgspec.Struct, frozen=True):
    """What a client needs to know to sign."""

    chain_id: int
    contract: str
    operator: str
    login_domain: str
    settlement_currency: str
    assets: list[dict[str, Any]]
    underlyings: list[dict[str, Any]]
    parameters: dict[str, int]
    clock: dict[str, float | int]
    nonce_window_ns: list[int]


class Status(msgspec.Struct, frozen=True):
    """Modes and states of the underlyings, and where journal and inbox stand."""

    locked: str
    modes: dict[str, str]
    states: dict[str, str]
    mark_faults: dict[str, str]
    sequence: int
    chain_hash: str
    epoch: int
    inbox_next: int
    inbox_hash: str
    admin_nonce: int
    time_ns: int


class Instrument(msgspec.Struct, frozen=True):
    """An instrument."""

    instrument_id: int
    instrument_name: str
    kind: str
    base_currency: str
    quote_currency: str
    is_active: bool
    state: str
    min_trade_amount: Decimal
    tick_size: Decimal
    maker_commission: Decimal
    taker_commission: Decimal
    expiration_timestamp: int
    option_type: str = ""
    strike: Decimal = Decimal(0)


class Greeks(msgspec.Struct, frozen=True):
    """Greeks: vega per vol point, theta per day, rho per 1 %."""

    delta: Decimal
    gamma: Decimal
    vega: Decimal
    theta: Decimal
    rho: Decimal


class Ticker(msgspec.Struct, frozen=True):
    """Prices, vols (per cent) and Greeks of an instrument."""

    instrument_name: str
    timestamp: int
    state: str
    mark_price: Decimal
    index_price: Decimal
    best_bid_price: Decimal
    best_bid_amount: Decimal
    best_ask_price: Decimal
    best_ask_amount: Decimal
    open_interest: Decimal
    last_price: Decimal | None = None
    underlying_price: Decimal | None = None
    interest_rate: Decimal | None = None
    mark_iv: Decimal | None = None
    bid_iv: Decimal | None = None
    ask_iv: Decimal | None = None
    greeks: Greeks | None = None
    current_funding: Decimal | None = None


class Quote(msgspec.Struct, frozen=True):
    """Best bid and offer."""

    instrument_name: str
    timestamp: int
    best_bid_price: Decimal
    best_bid_amount: Decimal
    best_ask_price: Decimal
    best_ask_amount: Decimal


class Book(msgspec.Struct, frozen=True):
    """The best levels of a book as ``(price, amount)``, best first."""

    instrument_name: str
    timestamp: int
    change_id: int
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]


class BookUpdate(msgspec.Struct, frozen=True):
    """A push of a book channel; levels are ``(new|change|delete, price, amount)``."""

    type: str
    timestamp: int
    instrument_name: str
    change_id: int
    bids: list[tuple[str, Decimal, Decimal]]
    asks: list[tuple[str, Decimal, Decimal]]
    prev_change_id: int = 0


class BookSummary(msgspec.Struct, frozen=True):
    """One line of a chain."""

    instrument_name: str
    mark_price: Decimal
    volume: Decimal
    open_interest: Decimal
    bid_price: Decimal | None = None
    ask_price: Decimal | None = None
    mid_price: Decimal | None = None
    last: Decimal | None = None
    mark_iv: Decimal | None = None
    underlying_price: Decimal | None = None


class Trade(msgspec.Struct, frozen=True):
    """A public trade; direction is the taker's."""

    trade_id: str
    sequence: int
    timestamp: int
    instrument_name: str
    direction: str
    price: Decimal
    amount: Decimal
    mark_price: Decimal
    iv: Decimal
    index_price: Decimal


class UserTrade(msgspec.Struct, frozen=True):
    """One side of a trade, as its owner sees it; liquidity is M (maker) or T (taker)."""

    trade_id: str
    sequence: int
    timestamp: int
    instrument_name: str
    direction: str
    price: Decimal
    amount: Decimal
    order_id: str
    subaccount_id: int
    fee: Decimal
    liquidity: str
    client_order_id: str = ""


class Order(msgspec.Struct, frozen=True):
    """An order as it stands: open, filled or cancelled (then ``cancel_reason`` says why)."""

    order_id: str
    order_state: str
    instrument_name: str
    subaccount_id: int
    direction: str
    order_type: str
    time_in_force: str
    price: Decimal
    amount: Decimal
    filled_amount: Decimal
    average_price: Decimal
    commission: Decimal
    max_fee: Decimal
    post_only: bool
    reject_post_only: bool
    reduce_only: bool
    client_order_id: str
    cancel_reason: str
    replaced: bool
    creation_timestamp: int
    last_update_timestamp: int
    sequence: int = 0
    chain_hash: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it may still trade."""
        return self.order_state == "open"


class OrderResult(Result, frozen=True, kw_only=True):
    """What became of an order request; ``duplicate`` when its client order id named an order already."""

    order: Order
    trades: list[UserTrade]
    duplicate: bool = False


class CancelAllResult(Result, frozen=True, kw_only=True):
    """Orders that were cancelled."""

    cancelled: int
    order_ids: list[str]


class WithdrawResult(Result, frozen=True, kw_only=True):
    """A withdrawal that can be claimed on chain once its batch is final."""

    withdrawal_id: int
    state: str


class SubaccountResult(Result, frozen=True, kw_only=True):
    """A new subaccount."""

    id: int


class Position(msgspec.Struct, frozen=True):
    """A position; size is signed."""

    instrument_name: str
    kind: str
    direction: str
    size: Decimal
    average_price: Decimal
    mark_price: Decimal
    index_price: Decimal
    value: Decimal
    floating_profit_loss: Decimal
    delta: Decimal
    gamma: Decimal
    vega: Decimal
    theta: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    subaccount_id: int


class CollateralLine(msgspec.Struct, frozen=True):
    """An asset beside USDC, and what it counts for.

    ``initial_counted`` and ``maintenance_counted`` are the amounts within the caps, ``initial_value`` and
    ``maintenance_value`` their values after the haircut.
    """

    currency: str
    amount: Decimal
    price: Decimal
    value: Decimal
    initial_counted: Decimal
    maintenance_counted: Decimal
    initial_value: Decimal
    maintenance_value: Decimal
    initial_depeg: Decimal
    maintenance_depeg: Decimal


class Account(msgspec.Struct, frozen=True):
    """Balance, margin and Greeks of a subaccount: ``balance`` is cash, ``equity`` counts options too.

    ``model`` is standard or portfolio; ``margin_call`` tells what equity falls short of, none, initial or maintenance,
    and ``liquidation_id`` is the running liquidation's. Deltas are contracts, gamma deltas per USD, vega USDC per vol
    point, theta USDC per day; the maps have them by index.
    """

    subaccount_id: int
    owner: str
    currency: str
    balance: Decimal
    margin_balance: Decimal
    maintenance_balance: Decimal
    equity: Decimal
    options_value: Decimal
    total_pl: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    available_funds: Decimal
    available_withdrawal_funds: Decimal
    open_orders: int
    close_only: bool
    model: str
    margin_call: str
    liquidation_id: int | None
    collateral: list[CollateralLine]
    delta_total: Decimal
    options_delta: Decimal
    options_gamma: Decimal
    options_vega: Decimal
    options_theta: Decimal
    delta_total_map: dict[str, Decimal]
    options_delta_map: dict[str, Decimal]
    options_gamma_map: dict[str, Decimal]
    options_vega_map: dict[str, Decimal]
    options_theta_map: dict[str, Decimal]


class Login(msgspec.Struct, frozen=True):
    """A login: the token of HTTP requests, and read-only credentials for clients that cannot sign."""

    access_token: str
    expires_in: int
    scope: str
    client_id: str
    client_secret: str
    owner: str
    signer: str
    subaccounts: list[int]


class PriceIndex(msgspec.Struct, frozen=True):
    """An index."""

    index_name: str
    price: Decimal
    timestamp: int


class MarkPrice(msgspec.Struct, frozen=True):
    """Mark of an option; vol and delta as fractions."""

    instrument_name: str
    mark_price: Decimal
    iv: Decimal
    delta: Decimal
    vega: Decimal


class OptionGreeks(msgspec.Struct, frozen=True):
    """Mark, its vol (per cent) and Greeks of an option, and the forward that they are of."""

    instrument_name: str
    mark_price: Decimal
    mark_iv: Decimal
    underlying_price: Decimal
    greeks: Greeks


class GreeksUpdate(msgspec.Struct, frozen=True):
    """A push of ``greeks.{currency}.{interval}``: every option, as of the mark at ``timestamp``."""

    currency: str
    timestamp: int
    index_price: Decimal
    options: list[OptionGreeks]


class PlatformState(msgspec.Struct, frozen=True):
    """What an underlying accepts (``state``), and what is wrong with its marks (``mark_fault``)."""

    price_index: str
    currency: str
    locked: bool
    state: str
    mark_fault: str
    mode: str
    timestamp: int
