"""An honest journal without processes: signed commands, sequenced as the venue would do it."""

from __future__ import annotations

import copy
from typing import Any

from support.venue import EXPIRY, INDEX, SMILE, START, secret, specs
from synchromesh._native import Replica, blake3, mark_arrays
from synchromesh.clock import SECOND
from synchromesh.execution.genesis import DEFAULT_PARAMETERS
from synchromesh.protocol import (
    Administration,
    AssetSpec,
    Authorization,
    Command,
    CreateSubaccount,
    ExpiryInputs,
    Genesis,
    InboxItem,
    ListInstruments,
    MarkInputs,
    MarkUpdate,
    Names,
    OrderType,
    ParameterValue,
    PlaceOrder,
    PostOnly,
    Record,
    SelfTrade,
    Side,
    TimeInForce,
    TypedDomain,
    UnderlyingSpec,
    Withdraw,
    address_of,
    decode_inbox_body,
)

ADMIN, ORACLE, OPERATOR = secret("admin"), secret("oracle"), secret("operator")
ALICE, BOB = secret("alice"), secret("bob")
FOREVER = 2**62
CALL = 5
"""The at-the-money call of the test listing."""


class Ledger:
    """A journal in memory, and the replica that it was checked with.

    Args:
        chain_id: EIP-155 chain id of the signing domain.
        contract: Settlement contract, 20 bytes.
        token: The ERC-20 of asset 0, 20 bytes.
        further: Assets behind it.
    """

    def __init__(self, chain_id: int, contract: bytes, token: bytes, further: tuple[AssetSpec, ...] = ()) -> None:
        self.replica = Replica()
        self.records: list[bytes] = []
        self.time = START
        self.domain = TypedDomain(chain_id, contract)
        self.specs = specs()
        self._assets = (AssetSpec(0, "USDC", token, 6), *further)
        self.names = Names(
            {spec.instrument: spec.name for spec in self.specs},
            {1: "BTC", 2: "ETH"},
            {asset.asset: asset.symbol for asset in self._assets},
        )
        self._nonces: dict[bytes, int] = {}

    def fork(self) -> Ledger:
        """The same again, to be continued in another way."""
        other = copy.copy(self)
        other.replica, other.records, other._nonces = self.replica.copy(), list(self.records), dict(self._nonces)
        return other

    def open(self) -> None:
        """Genesis, the listing and the first marks of BTC."""
        self.submit(
            Genesis(
                chain_id=self.domain.chain_id,
                contract=self.domain.contract,
                operator=address_of(OPERATOR),
                admins=(address_of(ADMIN),),
                admin_quorum=1,
                oracles=(address_of(ORACLE),),
                oracle_quorum=1,
                assets=self._assets,
                underlyings=(UnderlyingSpec(1, "BTC"), UnderlyingSpec(2, "ETH")),
                parameters=tuple(ParameterValue(each, DEFAULT_PARAMETERS[each]) for each in sorted(DEFAULT_PARAMETERS)),
            )
        )
        listing = ListInstruments(tuple(self.specs), Administration(0))
        self.submit(self.domain.cosigned(listing, [ADMIN], self.names))
        self.mark()

    def record(self, command: Command) -> bytes:
        """The record that a command would be now."""
        self.time += 1_000
        return Record(self.time, command).encode()

    def submit(self, command: Command) -> bytes:
        """Sequences a command and returns its record."""
        record = self.record(command)
        self.replica.apply(record, verify=True)
        self.records.append(record)
        return record

    def mark(self) -> bytes:
        """Sets marks of BTC, at its usual index."""
        index = INDEX["BTC"]
        inputs = MarkInputs(
            1, self.time + 1_000, index, 100_000, 3, index, 10_000, (ExpiryInputs(EXPIRY, index, 0, SMILE),)
        )
        arrays = mark_arrays(inputs.encode(), [spec.encode() for spec in self.specs if spec.underlying == 1])
        update = MarkUpdate(inputs, (), 1, blake3(arrays))
        return self.submit(self.domain.cosigned(update, [ORACLE], self.names))

    def credit(self, item: bytes) -> bytes:
        """Takes the next item of the contract's inbox."""
        return self.submit(InboxItem(self.replica.inbox_cursor, decode_inbox_body(item)))

    def order(self, owner: bytes, subaccount: int, side: Side, usdc: int, **changes: Any) -> PlaceOrder:
        """A signed order for a lot of the call, at a price in USDC; ``changes`` come before the signature."""
        fields: dict[str, Any] = {
            "subaccount": subaccount,
            "instrument": CALL,
            "side": side,
            "amount": self.specs[CALL - 1].lot_size,
            "limit_price": usdc * 10**6,
            "order_type": OrderType.LIMIT,
            "time_in_force": TimeInForce.GTC,
            "valid_until": 0,
            "post_only": PostOnly.NO,
            "reduce_only": False,
            "self_trade": SelfTrade.CANCEL_NEWEST,
            "max_fee": 10**12,
            "client_id": "",
            "auth": Authorization(address_of(owner), self.time + 1_000, FOREVER),
        }
        return self.domain.signed(PlaceOrder(**(fields | changes)), owner, self.names)

    def place(self, owner: bytes, subaccount: int, side: Side, usdc: int) -> bytes:
        """Places such an order."""
        return self.submit(self.order(owner, subaccount, side, usdc))

    def withdrawal(self, owner: bytes, subaccount: int, usdc: int) -> Withdraw:
        """A signed withdrawal to the owner itself, with the owner's next nonce."""
        auth = Authorization(address_of(owner), self._nonces.get(owner, 0), FOREVER)
        return self.domain.signed(Withdraw(subaccount, 0, usdc * 10**6, address_of(owner), auth), owner, self.names)

    def withdraw(self, owner: bytes, subaccount: int, usdc: int) -> bytes:
        """Withdraws."""
        record = self.submit(self.withdrawal(owner, subaccount, usdc))
        self._nonces[owner] = self._nonces.get(owner, 0) + 1
        return record

    def create_subaccount(self, owner: bytes) -> bytes:
        """Gives an owner one more subaccount."""
        auth = Authorization(address_of(owner), self._nonces.get(owner, 0), FOREVER)
        record = self.submit(self.domain.signed(CreateSubaccount(auth), owner, self.names))
        self._nonces[owner] = self._nonces.get(owner, 0) + 1
        return record

    def pass_time(self, seconds: int) -> None:
        """Lets venue time pass."""
        self.time += seconds * SECOND
