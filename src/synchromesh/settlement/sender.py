"""Transactions of one account, each until it is in a block: whatever fees, pools and reorganisations do meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import msgspec
import structlog
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3.contract.async_contract import AsyncContractConstructor, AsyncContractFunction
from web3.exceptions import TransactionNotFound, Web3RPCError
from web3.types import TxParams, TxReceipt, Wei

from synchromesh.settlement.blobs import Blob, with_blobs
from synchromesh.settlement.chain import Chain, ChainError, Reverted, chain_errors

log = structlog.get_logger(__name__)

GAS_HEADROOM = 1.2
"""Estimated gas is multiplied by this."""
TRANSACTION_GAS_MAX = 1 << 24
"""Most gas that a transaction may ask for (EIP-7825)."""
IN_FLIGHT_MAX = 16
"""Transactions of one account that every node keeps at once; the next ones follow as these are mined."""
FEE_BUMP = 1.25
"""A replacement pays this much more than the transaction that it replaces; nodes ask for 10 %."""
BLOB_FEE_BUMP = 2.0
"""The same with blobs, where nodes ask for twice as much."""
ATTEMPTS_MAX = 12
"""Times that one transaction is signed before giving up."""
PATIENCE_SECONDS = 30.0
"""Real seconds to wait for a transaction before replacing it."""
FIRST_LOOK_SECONDS = 0.02
LOOK_SECONDS = 0.5
"""Shortest and longest time between two looks at a transaction."""
LOOKS_WITHOUT_RECEIPT = 4
"""Looks after which a nonce that is used up, by none of our transactions, was used by somebody else."""

FEE_TOO_LOW = ("underpriced", "less than block base fee", "less than block blob gas fee")
"""How nodes say that a transaction offers too little."""
OFFERED_BEFORE = ("already known", "alreadyknown", "known transaction", "already imported", "nonce too low")
"""How they say that they have it, or that one of its nonce was mined: what was mined is looked at next."""

Call = AsyncContractFunction | AsyncContractConstructor
Outcome = TxReceipt | Reverted
"""What became of a transaction: it was mined, or refused."""


class NonceTaken(ChainError):
    """Another transaction of the same account took the place of ours: two processes use one key."""


class GasUse(msgspec.Struct):
    """What transactions have cost so far.

    Attributes:
        transactions: How many were mined.
        gas: Gas used.
        wei: Wei paid.
        replaced: How many replacements were sent.
        resent: How many were sent again since no node knew them any more.
    """

    transactions: int = 0
    gas: int = 0
    wei: int = 0
    replaced: int = 0
    resent: int = 0


class Action(msgspec.Struct, frozen=True):
    """What a transaction does.

    Attributes:
        data: Its calldata.
        to: Who is called; None creates a contract.
        gas: Gas limit; None is estimated when it is sent.
        value: Wei that it carries.
        blobs: Its blobs.
    """

    data: str
    to: str | None = None
    gas: int | None = None
    value: int = 0
    blobs: tuple[Blob, ...] = ()


def action_of(call: Call, *, gas: int | None = None, value: int = 0, blobs: tuple[Blob, ...] = ()) -> Action:
    """Returns the action of a call, or of a contract's creation."""
    if isinstance(call, AsyncContractConstructor):
        return Action(str(call.data_in_transaction), None, gas, value)
    return Action(str(call._encode_transaction_data()), str(call.address), gas, value, blobs)


class _Flight:
    """A transaction on its way: one nonce, and all that was signed for it."""

    def __init__(self, action: Action, nonce: int, gas: int) -> None:
        self.action, self.nonce, self.gas = action, nonce, gas
        self.hashes: list[bytes] = []
        self.attempts = 0
        self.raw = b""
        self.tip = self.cap = self.blob_cap = 0
        self.offered = self.looked = 0.0

    def bid(self, tip: int, base_fee: int, blob_fee: int) -> TxParams:
        """Returns fees for the next attempt: today's, and enough more than the last ones to replace them."""
        bump = BLOB_FEE_BUMP if self.action.blobs else FEE_BUMP
        self.tip = max(tip, int(self.tip * bump) + 1)
        self.cap = max(2 * base_fee + tip, int(self.cap * bump) + 1)
        self.attempts += 1
        fees: TxParams = {"maxFeePerGas": Wei(self.cap), "maxPriorityFeePerGas": Wei(self.tip)}
        if self.action.blobs:
            self.blob_cap = max(2 * blob_fee, int(self.blob_cap * bump) + 1)
            fees["maxFeePerBlobGas"] = Wei(self.blob_cap)
        return fees

    def is_outgrown(self, base_fee: int, blob_fee: int) -> bool:
        """Whether no block takes it at today's fees."""
        return base_fee > self.cap or (bool(self.action.blobs) and blob_fee > self.blob_cap)


class Sender:
    """Sends transactions of one account, each until it is mined.

    A transaction is replaced at today's fees, with the same nonce, when it is not mined in time or the base fee has
    outgrown it; it is sent again when it was dropped, or when a reorg takes it back before all of them are mined.

    Args:
        chain: The chain.
        secret: The account's key.
        patience: Real seconds to wait for a transaction before replacing it.
    """

    def __init__(self, chain: Chain, secret: bytes, patience: float = PATIENCE_SECONDS) -> None:
        self._chain = chain
        self._account: LocalAccount = Account.from_key(secret)
        self._patience = patience
        self._lock = asyncio.Lock()
        self.used = GasUse()

    @property
    def address(self) -> str:
        """The account's address."""
        return self._account.address

    async def nonce(self) -> int:
        """Returns the nonce of the next transaction.

        It stands behind the mined ones, not the pending ones: what an earlier life of this process left in the pool is
        replaced instead of queued behind.
        """
        with chain_errors():
            return int(await self._chain.web3.eth.get_transaction_count(self._account.address, "latest"))

    async def send(self, call: Call, value: int = 0) -> TxReceipt:
        """Sends ``call`` and returns the receipt once it is mined.

        Raises:
            Reverted: When the contract refuses it, before or after it was mined.
            NonceTaken: When another transaction of the account was mined in its place.
            ChainError: When it cannot be brought into a block.
        """
        (receipt,) = await self.send_all([action_of(call, value=value)])
        return receipt

    async def send_all(self, actions: Sequence[Action]) -> list[TxReceipt]:
        """Sends transactions with successive nonces without waiting for one another; returns all receipts.

        Nothing is sent when one of them is refused beforehand. The gas of one that depends on another has to be given:
        it is estimated before any of them is mined.

        Raises:
            As `send`.
        """
        async with self._lock:
            with chain_errors():
                ready = [msgspec.structs.replace(action, gas=await self._gas(action)) for action in actions]
            outcomes = await self._deliver(ready)
        for outcome in outcomes:
            if isinstance(outcome, Reverted):
                raise outcome
        return cast(list[TxReceipt], outcomes)

    async def send_each(self, actions: Sequence[Action]) -> list[Outcome]:
        """Sends transactions that do not depend on one another, the most urgent first; returns what became of each.

        What is refused, before or after it was mined, stops no other. After an error, whoever asks what is still to be
        done may call this again, in another life of the process as well.

        Raises:
            NonceTaken: When another transaction of the account was mined in the place of one.
            ChainError: When one cannot be brought into a block; those before it were.
        """
        async with self._lock:
            return await self._deliver(actions)

    async def _deliver(self, actions: Sequence[Action]) -> list[Outcome]:
        outcomes: list[Outcome | None] = [None] * len(actions)
        flights: dict[int, _Flight] = {}
        first, failure = await self.nonce(), None
        for number, action in enumerate(actions):
            try:
                with chain_errors():
                    flight = _Flight(action, first + len(flights), await self._gas(action))
                    await self._until_mined(list(flights.values()), IN_FLIGHT_MAX - 1)
                    await self._bid(flight)
            except Reverted as refusal:
                outcomes[number] = refusal
                continue
            except ChainError as error:
                # What is on its way is looked after all the same: left alone, it would be outbid by the next try.
                failure = error
                break
            flights[number] = flight
        with chain_errors():
            receipts = await self._receipts(list(flights.values()))
        for number, receipt in zip(flights, receipts, strict=True):
            self._account_for(receipt)
            mined = f"transaction {receipt['transactionHash'].hex()} was mined and reverted"
            outcomes[number] = receipt if receipt["status"] == 1 else Reverted(mined)
        if failure is not None:
            raise failure
        return cast(list[Outcome], outcomes)

    async def _gas(self, action: Action) -> int:
        if action.gas is not None:
            return action.gas
        asked: TxParams = {"from": self._account.address, "data": cast(Any, action.data), "value": Wei(action.value)}
        if action.to is not None:
            asked["to"] = cast(Any, action.to)
        if action.blobs:
            asked["blobVersionedHashes"] = [cast(Any, blob.versioned_hash) for blob in action.blobs]
        return min(int(await self._chain.web3.eth.estimate_gas(asked) * GAS_HEADROOM), TRANSACTION_GAS_MAX)

    async def _bid(self, flight: _Flight) -> None:
        """Signs a transaction at today's fees, higher than the last ones, until the node takes it."""
        eth, action = self._chain.web3.eth, flight.action
        while flight.attempts < ATTEMPTS_MAX:
            tip = max(int(await eth.max_priority_fee), 1)
            body: TxParams = {
                "type": 3 if action.blobs else 2,
                "chainId": await self._chain.chain_id(),
                "nonce": cast(Any, flight.nonce),
                "gas": flight.gas,
                "value": Wei(action.value),
                "data": cast(Any, action.data),
                **flight.bid(tip, await self._base_fee(), await self._blob_fee([flight])),
            }
            if action.to is not None:
                body["to"] = cast(Any, action.to)
            flight.raw, identity = await self._sign(body, action.blobs)
            if await self._offer(flight.raw):
                flight.hashes.append(identity)
                flight.offered = flight.looked = asyncio.get_running_loop().time()
                return
        raise ChainError(f"the transaction with nonce {flight.nonce} was not mined after {ATTEMPTS_MAX} attempts")

    async def _sign(self, body: TxParams, blobs: tuple[Blob, ...]) -> tuple[bytes, bytes]:
        """Returns a signed transaction as it is sent, and its hash."""
        unsigned = cast(dict[str, Any], body)
        if blobs:
            unsigned["blobVersionedHashes"] = [blob.versioned_hash for blob in blobs]
        signed = self._account.sign_transaction(unsigned)
        raw = bytes(signed.raw_transaction)
        # Blobs travel beside what is signed. Their proofs take a while.
        return await asyncio.to_thread(with_blobs, raw, blobs) if blobs else raw, bytes(signed.hash)

    async def _base_fee(self) -> int:
        return int((await self._chain.web3.eth.get_block("latest")).get("baseFeePerGas", 0))

    async def _blob_fee(self, flights: Sequence[_Flight]) -> int:
        """Returns the fee of blobs where any of the transactions has some; not every chain knows one."""
        has_blobs = any(flight.action.blobs for flight in flights)
        return int(await self._chain.web3.eth.blob_base_fee) if has_blobs else 0

    async def _offer(self, raw: bytes) -> bool:
        """Hands a transaction to the node; False when it asks for a higher fee."""
        try:
            await self._chain.web3.eth.send_raw_transaction(raw)
        except Web3RPCError as error:
            text = str(error).lower()
            if any(words in text for words in FEE_TOO_LOW):
                return False
            if not any(words in text for words in OFFERED_BEFORE):
                raise
        return True

    async def _until_mined(self, flights: list[_Flight], left: int = 0) -> None:
        """Looks after transactions until no more than ``left`` of them wait for a block."""
        delay = FIRST_LOOK_SECONDS
        while True:
            mined = await self._chain.web3.eth.get_transaction_count(self._account.address, "latest")
            waiting = [flight for flight in flights if flight.nonce >= mined]
            if len(waiting) <= left:
                return
            await self._tend(waiting)
            await asyncio.sleep(delay)
            delay = min(delay * 1.5, LOOK_SECONDS)

    async def _receipts(self, flights: list[_Flight]) -> list[TxReceipt]:
        """Returns the receipts of transactions once all are mined."""
        for _ in range(LOOKS_WITHOUT_RECEIPT):
            await self._until_mined(flights)
            found = [await self._receipt(flight) for flight in flights]
            receipts = [receipt for receipt in found if receipt is not None]
            if len(receipts) == len(flights):
                return receipts
            await asyncio.sleep(LOOK_SECONDS)
        raise NonceTaken(f"another transaction of {self.address} was mined in the place of ours")

    async def _receipt(self, flight: _Flight) -> TxReceipt | None:
        for known in reversed(flight.hashes):
            try:
                return await self._chain.web3.eth.get_transaction_receipt(cast(Any, known))
            except TransactionNotFound:
                continue
        return None

    async def _tend(self, waiting: list[_Flight]) -> None:
        """Looks after transactions that are not mined."""
        now, first = asyncio.get_running_loop().time(), waiting[0]
        base_fee, blob_fee = await self._base_fee(), await self._blob_fee(waiting)
        slow = [
            flight
            for flight in waiting
            if now - flight.offered >= self._patience or flight.is_outgrown(base_fee, blob_fee)
        ]
        if slow:
            log.warning("transactions_replaced", nonces=[flight.nonce for flight in slow], attempt=first.attempts)
            for flight in slow:
                self.used.replaced += 1
                await self._bid(flight)
        elif now - first.looked >= LOOK_SECONDS:
            first.looked = now
            dropped = [flight for flight in waiting if not await self._is_known(flight)]
            for flight in dropped:
                self.used.resent += 1
                if not await self._offer(flight.raw):
                    await self._bid(flight)
            if dropped:
                log.warning("transactions_sent_again", nonces=[flight.nonce for flight in dropped])

    async def _is_known(self, flight: _Flight) -> bool:
        try:
            await self._chain.web3.eth.get_transaction(cast(Any, flight.hashes[-1]))
        except TransactionNotFound:
            return False
        return True

    def _account_for(self, receipt: TxReceipt) -> None:
        self.used.transactions += 1
        self.used.gas += int(receipt["gasUsed"])
        # web3's receipt knows no fields of blobs.
        found = cast(dict[str, int], receipt)
        self.used.wei += found["gasUsed"] * found.get("effectiveGasPrice", 0)
        self.used.wei += found.get("blobGasUsed", 0) * found.get("blobGasPrice", 0)
