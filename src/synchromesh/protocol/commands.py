"""Commands: everything that changes state is one of these, and is journaled.

Amounts are 1e-8 contracts, prices micro-USDC per contract, exactly as signed. Field for field these are the commands
of ``docs/protocol/commands.md``; only ``Transfer``'s two subaccounts are called ``source`` and ``target`` here,
because ``from`` is a Python keyword.
"""

from operator import attrgetter
from typing import Annotated, Any

from synchromesh.protocol.marks import MAX_QUORUM, MarkUpdate, Quorum
from synchromesh.protocol.primitives import (
    NO_SIGNATURE,
    SCOPES,
    InstrumentKind,
    MarginModel,
    Mode,
    OptionType,
    OrderType,
    Parameter,
    PostOnly,
    SelfTrade,
    Side,
    TimeInForce,
)
from synchromesh.protocol.risk import CollateralTerms, RiskParameters
from synchromesh.protocol.wire import (
    I64,
    U8,
    U16,
    U32,
    U64,
    Address,
    CodecError,
    Int,
    Listed,
    Message,
    Reader,
    Signature,
    Tagged,
    Text,
)

MAX_CLIENT_ID = 36
MAX_INSTRUMENT_NAME = 48
MAX_SYMBOL = 16
MAX_LISTING = 256
MAX_KEY_SUBACCOUNTS = 256
MAX_SPECS = 256

Symbol = Annotated[str, Text(MAX_SYMBOL)]
Keys = Annotated[tuple[Address, ...], Listed(MAX_QUORUM, bytes)]


class Scopes(Int):
    """Scope bits, all of them known."""

    def put(self, value: int, out: bytearray) -> None:
        """Append the bits; `CodecError` when one means nothing."""
        super().put(self._known(value), out)

    def take(self, reader: Reader) -> int:
        """Decode the bits."""
        return self._known(super().take(reader))

    @staticmethod
    def _known(value: int) -> int:
        if value & ~sum(SCOPES.values()):
            raise CodecError(f"scope bits {value:#04x} are not all known")
        return value


class Authorization(Message, frozen=True):
    """Who signed an action, and which use of the key this is.

    Trading actions take a nonce in Unix nanoseconds, owner actions the owner's next sequential number. The signature
    is void from venue time ``expiry`` (ns) on.
    """

    signer: Address
    nonce: U64
    expiry: U64
    signature: Signature = NO_SIGNATURE


class Administration(Message, frozen=True):
    """M of N administrators signed a command; ``nonce`` is the venue's next administration number."""

    nonce: U64
    cosignatures: Quorum = ()


class AssetSpec(Message, frozen=True):
    """An asset that the vault holds; asset 0 is USDC."""

    asset: U16
    symbol: Symbol
    token: Address
    decimals: U8


class UnderlyingSpec(Message, frozen=True):
    """An underlying, numbered from 1."""

    underlying: U16
    symbol: Symbol


class ParameterValue(Message, frozen=True):
    """One parameter's value."""

    parameter: Parameter
    value: I64


class Genesis(Message, frozen=True):
    """The first command of every journal: who governs this venue, and where its vault is."""

    KIND = 0

    chain_id: U64
    contract: Address
    operator: Address
    admins: Keys
    admin_quorum: U8
    oracles: Keys
    oracle_quorum: U8
    assets: Annotated[tuple[AssetSpec, ...], Listed(MAX_SPECS, attrgetter("asset"))]
    underlyings: Annotated[tuple[UnderlyingSpec, ...], Listed(MAX_SPECS, attrgetter("underlying"))]
    parameters: Annotated[tuple[ParameterValue, ...], Listed(key=attrgetter("parameter"))]


class Deposit(Message, frozen=True):
    """Assets arrived in the vault. Subaccount 0 is the owner's first one, created when it has none."""

    KIND = 1

    owner: Address
    subaccount: U64
    asset: U16
    amount: I64


class ForcedWithdraw(Message, frozen=True):
    """The owner demands a withdrawal of up to ``amount``."""

    KIND = 2

    owner: Address
    subaccount: U64
    asset: U16
    amount: I64
    recipient: Address


class ForcedCancelAll(Message, frozen=True):
    """The owner demands that all orders of a subaccount be cancelled."""

    KIND = 3

    owner: Address
    subaccount: U64


class ForcedCloseOnly(Message, frozen=True):
    """From now on the subaccount may only reduce its positions."""

    KIND = 4

    owner: Address
    subaccount: U64


class RegisterKey(Message, frozen=True):
    """An owner (a contract wallet, say) registers a session key by transaction."""

    KIND = 5

    owner: Address
    key: Address
    scopes: U8
    expiry: U64


class InboxNonceFloor(Message, frozen=True):
    """All trading nonces of ``signer`` below ``floor`` are dead; its owner said so by transaction."""

    KIND = 6

    owner: Address
    signer: Address
    floor: U64


InboxBody = Deposit | ForcedWithdraw | ForcedCancelAll | ForcedCloseOnly | RegisterKey | InboxNonceFloor
_INBOX = Tagged(
    "inbox item",
    {
        kind.KIND: kind
        for kind in (Deposit, ForcedWithdraw, ForcedCancelAll, ForcedCloseOnly, RegisterKey, InboxNonceFloor)
    },
)


def encode_inbox_body(body: InboxBody) -> bytes:
    """The item's bytes as the contract packs them: kind and fields."""
    out = bytearray()
    _INBOX.put(body, out)
    return bytes(out)


def decode_inbox_body(data: bytes) -> InboxBody:
    """The item that fills ``data`` exactly; `CodecError` when there is none."""
    reader = Reader(data)
    body: Any = _INBOX.take(reader)
    reader.finish()
    return body  # type: ignore[no-any-return]


class InboxItem(Message, frozen=True):
    """The next item of the contract's inbox, whose chain is ``keccak(chain ‖ index u64 ‖ item bytes)``."""

    KIND = 1

    index: U64
    body: Annotated[InboxBody, _INBOX]


class Withdraw(Message, frozen=True):
    """The owner takes assets out."""

    KIND = 2

    subaccount: U64
    asset: U16
    amount: I64
    recipient: Address
    auth: Authorization


class Transfer(Message, frozen=True):
    """The owner moves assets between its subaccounts."""

    KIND = 3

    source: U64
    target: U64
    asset: U16
    amount: I64
    auth: Authorization


class CreateSubaccount(Message, frozen=True):
    """The signer gets one more subaccount."""

    KIND = 4

    auth: Authorization


class RegisterSessionKey(Message, frozen=True):
    """The owner lets ``key`` act for it; no subaccounts means all of the owner's. Both sign the same digest."""

    KIND = 5

    key: Address
    scopes: Annotated[int, Scopes("B")]
    subaccounts: Annotated[tuple[U64, ...], Listed(MAX_KEY_SUBACCOUNTS, int)]
    key_expiry: U64
    auth: Authorization
    consent: Signature = NO_SIGNATURE


class RevokeSessionKey(Message, frozen=True):
    """The owner takes a session key back, at once."""

    KIND = 6

    key: Address
    auth: Authorization


class RaiseNonceFloor(Message, frozen=True):
    """The signer kills all its trading nonces below ``floor``."""

    KIND = 7

    floor: U64
    auth: Authorization


class PlaceOrder(Message, frozen=True):
    """A new order."""

    KIND = 8

    subaccount: U64
    instrument: U32
    side: Side
    amount: I64
    limit_price: I64
    order_type: OrderType
    time_in_force: TimeInForce
    valid_until: U64
    post_only: PostOnly
    reduce_only: bool
    self_trade: SelfTrade
    max_fee: I64
    client_id: Annotated[str, Text(MAX_CLIENT_ID)]
    auth: Authorization


class CancelOrder(Message, frozen=True):
    """Ends an order; unsigned for an authenticated session."""

    KIND = 9

    subaccount: U64
    order: U64
    auth: Authorization | None = None


class ReplaceOrder(Message, frozen=True):
    """Changes amount (the total, what is filled included) or price of a resting order."""

    KIND = 10

    subaccount: U64
    order: U64
    amount: I64
    limit_price: I64
    post_only: PostOnly
    reduce_only: bool
    max_fee: I64
    auth: Authorization


class CancelAll(Message, frozen=True):
    """Ends all orders of a subaccount that fit; 0 is any instrument or underlying."""

    KIND = 11

    subaccount: U64
    instrument: U32 = 0
    underlying: U16 = 0
    auth: Authorization | None = None


class InstrumentSpec(Message, frozen=True):
    """What an instrument is. Strike and tick size in micro-USDC, lot size in 1e-8 contracts, expiry in ns."""

    instrument: U32
    name: Annotated[str, Text(MAX_INSTRUMENT_NAME)]
    underlying: U16
    kind: InstrumentKind
    option_type: OptionType
    strike: I64
    expiry: U64
    tick_size: I64
    lot_size: I64
    lane_unit: U32


class ListInstruments(Message, frozen=True):
    """New instruments."""

    KIND = 17

    instruments: Annotated[tuple[InstrumentSpec, ...], Listed(MAX_LISTING)]
    admin: Administration


class FundingTick(Message, frozen=True):
    """Funding of the perpetual accrues up to this command's time, at the rate of the last mark."""

    KIND = 19

    underlying: U16


class Expire(Message, frozen=True):
    """Fixes the settlement price of an expiry, once."""

    KIND = 20

    underlying: U16
    expiry: U64
    price: I64
    cosignatures: Quorum = ()


class LiquidationBid(Message, frozen=True):
    """Takes over up to ``share`` (1e-9) of a portfolio that is being auctioned.

    The bidder pays at most ``limit`` micro-USDC in all; a negative limit is the least that it is paid.
    """

    KIND = 21

    subaccount: U64
    target: U64
    share: I64
    limit: I64
    auth: Authorization


class Clock(Message, frozen=True):
    """Time passes: up to ``limit`` orders past their ``valid_until`` end."""

    KIND = 22

    limit: U16


class SetMode(Message, frozen=True):
    """Changes the mode of an underlying."""

    KIND = 23

    underlying: U16
    mode: Mode
    admin: Administration


class SetMarginModel(Message, frozen=True):
    """The owner chooses how a subaccount is margined."""

    KIND = 24

    subaccount: U64
    model: MarginModel
    auth: Authorization


class SetParameter(Message, frozen=True):
    """Changes one parameter."""

    KIND = 25

    change: ParameterValue
    admin: Administration


class SettleExpired(Message, frozen=True):
    """Next chunk of an expiry's settlement: touches at most ``limit`` orders and positions."""

    KIND = 26

    underlying: U16
    expiry: U64
    limit: U16


class SetRiskParameters(Message, frozen=True):
    """Replaces the risk table of an underlying, for marks with an oracle time not before ``effective``."""

    KIND = 27

    underlying: U16
    parameters: RiskParameters
    effective: U64
    admin: Administration


class SetCollateral(Message, frozen=True):
    """Replaces what an asset counts for as collateral, from the first mark with an oracle time not before it."""

    KIND = 28

    asset: U16
    terms: CollateralTerms
    effective: U64
    admin: Administration


class FundInsurance(Message, frozen=True):
    """Moves USDC from a subaccount to the insurance fund, for good."""

    KIND = 29

    subaccount: U64
    amount: I64
    auth: Authorization


Command = (
    Genesis
    | InboxItem
    | Withdraw
    | Transfer
    | CreateSubaccount
    | RegisterSessionKey
    | RevokeSessionKey
    | RaiseNonceFloor
    | PlaceOrder
    | CancelOrder
    | ReplaceOrder
    | CancelAll
    | ListInstruments
    | MarkUpdate
    | FundingTick
    | Expire
    | LiquidationBid
    | Clock
    | SetMode
    | SetMarginModel
    | SetParameter
    | SettleExpired
    | SetRiskParameters
    | SetCollateral
    | FundInsurance
)
"""A command."""

COMMANDS: dict[int, type[Command]] = {kind.KIND: kind for kind in Command.__args__}
"""Commands by kind number."""
