"""The chain as the settlement layer uses it: contracts, transactions that arrive, and what they cost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import Any, cast

import msgspec
import structlog
from aiohttp import ClientError
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.abi import abi_to_signature, function_signature_to_4byte_selector
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.contract import AsyncContract
from web3.contract.async_contract import AsyncContractConstructor, AsyncContractFunction
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3Exception, Web3RPCError
from web3.types import TxParams, TxReceipt, Wei

log = structlog.get_logger(__name__)

GAS_HEADROOM = 1.2
"""Estimated gas is multiplied by this."""
FEE_BUMP = 1.25
"""A replacement pays this much more than the transaction that it replaces; nodes ask for 10 %."""
FEE_BUMPS_MAX = 8
"""Replacements of one transaction before giving up."""
RECEIPT_SECONDS = 30.0
"""Real seconds to wait for a transaction before replacing it."""


class ChainError(Exception):
    """The chain cannot be reached, or refuses what was asked of it."""


class Reverted(ChainError):
    """A contract refused a call; the message names its error."""


@contextmanager
def chain_errors() -> Iterator[None]:
    """Turns what a node, its connection or web3 raise into `ChainError`, and a contract's refusal into `Reverted`."""
    try:
        yield
    except ContractLogicError as error:
        raise Reverted(decode_revert(error)) from error
    except (Web3Exception, ClientError, OSError, TimeoutError) as error:
        raise ChainError(f"{type(error).__name__}: {error}") from error


class GasUse(msgspec.Struct):
    """What transactions have cost so far.

    Attributes:
        transactions: How many were mined.
        gas: Gas used.
        wei: Wei paid.
        replaced: How many replacements were sent.
    """

    transactions: int = 0
    gas: int = 0
    wei: int = 0
    replaced: int = 0


def load_abi(name: str) -> dict[str, Any]:
    """Returns ABI and bytecode of one of our contracts, ``Settlement``, ``TestUSDC`` or ``TestToken``."""
    text = resources.files("synchromesh.settlement").joinpath("abi", f"{name}.json").read_text()
    return cast(dict[str, Any], json.loads(text))


def address_from_secret(secret: bytes) -> str:
    """Returns the checksummed address of a secret key."""
    account: LocalAccount = Account.from_key(secret)
    return account.address


class Chain:
    """A JSON-RPC endpoint.

    Args:
        url: Any JSON-RPC URL; loopback anvil by default elsewhere.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.web3: AsyncWeb3[AsyncHTTPProvider] = AsyncWeb3(AsyncHTTPProvider(url))

    async def close(self) -> None:
        """Closes the connection pool."""
        await self.web3.provider.disconnect()

    async def wait_ready(self, seconds: float = 30.0) -> int:
        """Waits until the node answers and returns its chain id.

        Raises:
            ChainError: When it does not answer in time.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            try:
                with chain_errors():
                    return await self.web3.eth.chain_id
            except ChainError as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise ChainError(f"no answer from {self.url}: {error}") from error
                await asyncio.sleep(0.1)

    def contract(self, name: str, address: str) -> AsyncContract:
        """Returns one of our contracts at ``address``."""
        abi = load_abi(name)["abi"]
        return self.web3.eth.contract(address=self.web3.to_checksum_address(address), abi=abi)

    async def finalized_block(self, confirmations: int | None = None) -> int:
        """Returns the newest block that counts as final.

        Args:
            confirmations: Blocks on top of it; None: what the node calls ``finalized``.
        """
        with chain_errors():
            if confirmations is None:
                block = await self.web3.eth.get_block("finalized")
                return int(block["number"])
            return max(int(await self.web3.eth.block_number) - confirmations, 0)

    async def call(self, function: AsyncContractFunction, block: int | str = "latest") -> Any:
        """Returns what a view of a contract answers, by the state after ``block``.

        Raises:
            Reverted: When the contract refuses.
            ChainError: When the node does not answer.
        """
        with chain_errors():
            return await function.call(block_identifier=cast(Any, block))


class Sender:
    """Sends transactions of one account, one after the other, each until it is mined.

    A transaction that is not mined in time is replaced at a higher fee, same nonce; one that was dropped is sent again.

    Args:
        chain: The chain.
        secret: The account's key.
        patience: Real seconds to wait for a transaction before replacing it.
    """

    def __init__(self, chain: Chain, secret: bytes, patience: float = RECEIPT_SECONDS) -> None:
        self._chain = chain
        self._account: LocalAccount = Account.from_key(secret)
        self._patience = patience
        self._lock = asyncio.Lock()
        self.used = GasUse()

    @property
    def address(self) -> str:
        """The account's address."""
        return self._account.address

    async def deploy(self, name: str, *arguments: Any) -> AsyncContract:
        """Deploys one of our contracts and returns it.

        Raises:
            ChainError: When it is not mined; Reverted when its constructor refuses.
        """
        artifact = load_abi(name)
        factory = self._chain.web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        receipt = await self.send(factory.constructor(*arguments))
        address = receipt.get("contractAddress")
        if address is None:
            raise ChainError(f"deploying {name} made no contract")
        return self._chain.contract(name, address)

    async def send(self, call: AsyncContractFunction | AsyncContractConstructor, value: int = 0) -> TxReceipt:
        """Sends ``call`` and returns the receipt once it is mined.

        Raises:
            Reverted: When the contract refuses it, before or after it was mined.
            ChainError: When it cannot be brought into a block.
        """
        async with self._lock:
            with chain_errors():
                return await self._send(call, value)

    async def _send(self, call: AsyncContractFunction | AsyncContractConstructor, value: int) -> TxReceipt:
        eth = self._chain.web3.eth
        # The nonce behind the mined ones, not the pending ones: what an earlier life of this process left in the pool
        # is replaced instead of queued behind.
        nonce = await eth.get_transaction_count(self._account.address, "latest")
        block = await eth.get_block("latest")
        tip = Wei(max(int(await eth.max_priority_fee), 1))
        cap = int(block.get("baseFeePerGas", 0)) * 2 + tip
        base: TxParams = {"from": self._account.address, "value": Wei(value), "nonce": nonce}
        base["gas"] = int(await call.estimate_gas(base) * GAS_HEADROOM)
        hashes: list[bytes] = []
        for attempt in range(FEE_BUMPS_MAX):
            bump = FEE_BUMP**attempt
            fees: TxParams = {"maxFeePerGas": Wei(int(cap * bump)), "maxPriorityFeePerGas": Wei(int(tip * bump))}
            transaction = await call.build_transaction({**base, **fees})
            signed = self._account.sign_transaction(cast(dict[str, Any], transaction))
            if not await self._offer(bytes(signed.raw_transaction), known=bool(hashes)):
                continue
            hashes.append(bytes(signed.hash))
            receipt = await self._any_receipt(hashes)
            if receipt is not None:
                return self._account_for(receipt)
            self.used.replaced += 1
            log.warning("transaction_replaced", nonce=nonce, attempt=attempt + 1)
        raise ChainError(f"transaction with nonce {nonce} was not mined after {FEE_BUMPS_MAX} attempts")

    async def _offer(self, raw: bytes, known: bool) -> bool:
        """Hands a transaction to the node; False when it asks for a higher fee.

        Args:
            raw: The signed transaction.
            known: Whether another transaction of ours with this nonce was taken before, and may have been mined.
        """
        try:
            await self._chain.web3.eth.send_raw_transaction(raw)
        except Web3RPCError as error:
            text = str(error).lower()
            if "underpriced" in text:
                return False
            if "already" in text or (known and "nonce" in text):
                return True
            raise
        return True

    async def _any_receipt(self, hashes: list[bytes]) -> TxReceipt | None:
        deadline = asyncio.get_running_loop().time() + self._patience
        delay = 0.02
        while asyncio.get_running_loop().time() < deadline:
            for known in reversed(hashes):
                try:
                    return await self._chain.web3.eth.get_transaction_receipt(cast(Any, known))
                except TransactionNotFound:
                    continue
            await asyncio.sleep(delay)
            delay = min(delay * 1.5, 0.5)
        return None

    def _account_for(self, receipt: TxReceipt) -> TxReceipt:
        self.used.transactions += 1
        self.used.gas += int(receipt["gasUsed"])
        self.used.wei += int(receipt["gasUsed"]) * int(receipt.get("effectiveGasPrice", 0))
        if receipt["status"] != 1:
            raise Reverted(f"transaction {receipt['transactionHash'].hex()} was mined and reverted")
        return receipt


@cache
def _error_selectors() -> dict[str, str]:
    entries = [entry for name in ("Settlement", "TestUSDC") for entry in load_abi(name)["abi"]]
    signatures = [abi_to_signature(entry) for entry in entries if entry["type"] == "error"]
    return {"0x" + function_signature_to_4byte_selector(text).hex(): text for text in signatures}


def decode_revert(error: ContractLogicError) -> str:
    """Returns the name of the contract's error, or what the node said."""
    data = error.data if isinstance(error.data, str) else ""
    return _error_selectors().get(data[:10], str(error.message or error))
