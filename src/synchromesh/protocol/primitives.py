"""Units, order ids and the small enumerations that commands and events share."""

from synchromesh.protocol.wire import CodecError, WordEnum

PROTOCOL_VERSION = 1
"""Version of commands, events and state leaves; a batch names the one it was made under."""
USDC = 0
"""Asset id of the settlement currency."""
CONTRACT = 100_000_000
"""One whole contract in amount units: amounts are 1e-8 contracts."""
USD = 1_000_000
"""One USDC in micro-USDC."""
NANO_ONE = 1_000_000_000
"""One in the fixed point of forwards, vols, rates and surface parameters."""

ZERO_ADDRESS = bytes(20)
ZERO_HASH = bytes(32)
NO_SIGNATURE = bytes(65)
"""What stands in the place of a signature until it is made."""

_ORDER_INDEX_BITS = 10


def order_id(sequence: int, index: int = 0) -> int:
    """The public id of order ``index`` of the command at ``sequence``; ValueError when out of range."""
    if not (0 <= index < 1 << _ORDER_INDEX_BITS and 0 <= sequence < 1 << 54):
        raise ValueError(f"there is no order {index} of command {sequence}")
    return sequence << _ORDER_INDEX_BITS | index


def order_sequence(order: int) -> int:
    """Sequence of the command that created the order."""
    return order >> _ORDER_INDEX_BITS


def order_index(order: int) -> int:
    """Place of the order in that command."""
    return order & (1 << _ORDER_INDEX_BITS) - 1


def order_text(order: int) -> str:
    """``sequence`` for the only or first order of a command, else ``sequence-index``."""
    index = order_index(order)
    return f"{order_sequence(order)}-{index}" if index else str(order_sequence(order))


def parse_order(text: str) -> int:
    """The order id that `order_text` prints as ``text``; `CodecError` when there is none."""
    sequence, dash, index = text.partition("-")
    digits = sequence.isascii() and sequence.isdigit() and (not dash or (index.isascii() and index.isdigit()))
    try:
        order = order_id(int(sequence), int(index) if dash else 0) if digits else None
    except ValueError:
        order = None
    if order is None or order_text(order) != text:
        raise CodecError(f"{text!r} is not an order id")
    return order


class Side(WordEnum):
    """Side of an order."""

    BUY = 0, "buy"
    SELL = 1, "sell"


class OrderType(WordEnum):
    """Order type; a market order trades at once, no worse than its signed limit price."""

    LIMIT = 0, "limit"
    MARKET = 1, "market"


class TimeInForce(WordEnum):
    """Time in force."""

    GTC = 0, "good_til_cancelled"
    GTD = 1, "good_til_date"
    IOC = 2, "immediate_or_cancel"
    FOK = 3, "fill_or_kill"


class PostOnly(WordEnum):
    """What a maker-only order does when it would trade: is refused, or rests one tick behind the opposite best."""

    NO = 0, "no"
    REJECT = 1, "reject"
    SLIDE = 2, "slide"


class SelfTrade(WordEnum):
    """Which order is cancelled when an order meets another one of the same owner."""

    CANCEL_NEWEST = 0, "cancel_newest"
    CANCEL_OLDEST = 1, "cancel_oldest"
    CANCEL_BOTH = 2, "cancel_both"


class InstrumentKind(WordEnum):
    """Kind of instrument."""

    OPTION = 0, "option"
    PERPETUAL = 1, "future"


class OptionType(WordEnum):
    """Call or put."""

    CALL = 0, "call"
    PUT = 1, "put"


class Mode(WordEnum):
    """What an underlying accepts."""

    NORMAL = 0, "normal"
    POST_ONLY = 1, "post_only"
    CANCEL_ONLY = 2, "cancel_only"
    HALT = 3, "halt"


class MarketStatus(WordEnum):
    """What an underlying accepts now: its mode, and whether its marks are sound."""

    OPEN = 0, "open"
    POST_ONLY = 1, "post_only"
    REDUCE_ONLY = 2, "reduce_only"
    CANCEL_ONLY = 3, "cancel_only"
    HALTED = 4, "halted"


class MarkFault(WordEnum):
    """Why the marks of an underlying are not sound, by the word with which they refuse new risk."""

    NONE = 0, "none"
    NO_UNDERLYING_MARK = 1, "no_underlying_mark"
    STALE_MARK = 2, "stale_mark"
    FEW_SOURCES = 3, "few_sources"
    LOW_CONFIDENCE = 4, "low_confidence"


class Parameter(WordEnum):
    """A number that governs the venue; rates are 1e-9. See ``docs/protocol/commands.md``."""

    OPTION_MAKER_FEE = 0, "option_maker_fee"
    OPTION_TAKER_FEE = 1, "option_taker_fee"
    OPTION_FEE_CAP = 2, "option_fee_cap"
    PERPETUAL_MAKER_FEE = 3, "perpetual_maker_fee"
    PERPETUAL_TAKER_FEE = 4, "perpetual_taker_fee"
    NONCE_PAST = 5, "nonce_past"
    NONCE_FUTURE = 6, "nonce_future"
    MAX_OPEN_ORDERS = 7, "max_open_orders"
    MAX_INSTRUMENTS = 8, "max_instruments"
    OPTION_INITIAL = 9, "option_initial"
    OPTION_INITIAL_FLOOR = 10, "option_initial_floor"
    OPTION_MAINTENANCE = 11, "option_maintenance"
    PERPETUAL_INITIAL = 12, "perpetual_initial"
    PERPETUAL_MAINTENANCE = 13, "perpetual_maintenance"
    PERPETUAL_SIZE_TERM = 14, "perpetual_size_term"
    PRICE_BAND = 15, "price_band"
    MARK_STALENESS = 16, "mark_staleness"
    MIN_INDEX_SOURCES = 17, "min_index_sources"
    MAX_INDEX_JUMP = 18, "max_index_jump"
    PNL_OFFSET = 19, "pnl_offset"
    PNL_OFFSET_CAP = 20, "pnl_offset_cap"
    RISK_DELAY = 21, "risk_delay"
    MARGIN_CALL_BUFFER = 22, "margin_call_buffer"
    LIQUIDATION_INTERVAL = 23, "liquidation_interval"
    LIQUIDATION_SLICE = 24, "liquidation_slice"
    LIQUIDATION_PRICE_LIMIT = 25, "liquidation_price_limit"
    LIQUIDATION_FEE = 26, "liquidation_fee"
    AUCTION_START = 27, "auction_start"
    AUCTION_MIDDLE = 28, "auction_middle"
    AUCTION_MIDDLE_TIME = 29, "auction_middle_time"
    AUCTION_END_TIME = 30, "auction_end_time"
    INSURANCE_CAP = 31, "insurance_cap"
    AUCTION_TRIGGER = 32, "auction_trigger"


class CloseReason(WordEnum):
    """Why an order ended."""

    FILLED = 0, "filled"
    CANCELLED = 1, "cancelled"
    UNFILLED = 2, "immediate_or_cancel"
    EXPIRED = 3, "expired"
    SELF_TRADE = 4, "self_trade"
    MARGIN = 5, "margin"
    REDUCE_ONLY = 6, "reduce_only"
    MAX_FEE = 7, "max_fee"
    INSTRUMENT_EXPIRED = 8, "instrument_expired"
    FORCED = 9, "forced"
    LIQUIDATION = 10, "liquidation"


class BalanceReason(WordEnum):
    """Why a balance changed outside of fills."""

    DEPOSIT = 0, "deposit"
    WITHDRAWAL = 1, "withdrawal"
    TRANSFER = 2, "transfer"
    SETTLEMENT = 3, "settlement"
    FUNDING = 4, "funding"
    LIQUIDATION = 5, "liquidation"
    AUCTION = 6, "auction"
    INSURANCE = 7, "insurance"
    DELEVERAGE = 8, "deleverage"


class MarginModel(WordEnum):
    """How a subaccount is margined: each instrument by itself, or the whole portfolio by scenario lanes."""

    STANDARD = 0, "standard"
    PORTFOLIO = 1, "portfolio"


class CallLevel(WordEnum):
    """What a subaccount's equity falls short of: nothing, its initial margin, its maintenance margin and buffer."""

    NONE = 0, "none"
    INITIAL = 1, "initial"
    MAINTENANCE = 2, "maintenance"


class LiquidationOutcome(WordEnum):
    """How a liquidation ended."""

    RECOVERED = 0, "recovered"
    CLOSED = 1, "closed"
    INSURED = 2, "insured"
    DELEVERAGED = 3, "deleveraged"


SCOPE_TRADE, SCOPE_CANCEL, SCOPE_RFQ, SCOPE_TRANSFER = 1, 2, 4, 8
"""Scope bits of a session key. No scope lets a session key withdraw."""
SCOPES = {"trade": SCOPE_TRADE, "cancel": SCOPE_CANCEL, "rfq": SCOPE_RFQ, "transfer": SCOPE_TRANSFER}
"""Scope bits by their word, in bit order."""
