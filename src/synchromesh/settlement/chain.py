"""The chain as the settlement layer uses it: our contracts, calls of them, and what their refusals mean."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import Any, cast

from aiohttp import ClientError
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.abi import abi_to_signature, function_signature_to_4byte_selector
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.contract import AsyncContract
from web3.contract.async_contract import AsyncContractEvent, AsyncContractFunction
from web3.exceptions import ContractLogicError, Web3Exception
from web3.types import EventData, RPCEndpoint

BLOCKS_PER_QUERY = 2_000
"""Most blocks asked for in one log query."""
REORG_BLOCKS = 64
"""Blocks that whoever follows events reads again at each look: what they held may have gone back."""
METHOD_NOT_FOUND = -32601
"""JSON-RPC's code for a method that a node does not have."""
_ABIS = resources.files("synchromesh.settlement").joinpath("abi")


class ChainError(Exception):
    """The chain cannot be reached, or refuses what was asked of it."""


class MethodUnknown(ChainError):
    """The node has no such method."""


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


@cache
def load_abi(name: str) -> dict[str, Any]:
    """Returns ABI and bytecode of one of our contracts: ``BondedSettlement``, ``Bonds``, ``TestUSDC`` …"""
    return cast(dict[str, Any], json.loads(_ABIS.joinpath(f"{name}.json").read_text()))


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
        self._chain_id: int | None = None
        # To check an ABI takes far longer than to use it.
        self._factories: dict[str, type[AsyncContract]] = {}

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

    async def chain_id(self) -> int:
        """Returns the chain's EIP-155 id."""
        if self._chain_id is None:
            with chain_errors():
                self._chain_id = int(await self.web3.eth.chain_id)
        return self._chain_id

    async def request(self, method: str, *parameters: object) -> Any:
        """Returns the result of any JSON-RPC method.

        Raises:
            MethodUnknown: When the node does not have the method.
            ChainError: When it does not answer, or refuses.
        """
        with chain_errors():
            answer = await self.web3.provider.make_request(RPCEndpoint(method), list(parameters))
        if "error" in answer:
            error: Any = answer["error"]
            unknown = isinstance(error, dict) and error.get("code") == METHOD_NOT_FOUND
            raise (MethodUnknown if unknown else ChainError)(f"{method}: {error}")
        return answer["result"]

    def contract(self, name: str, address: str) -> AsyncContract:
        """Returns one of our contracts at ``address``."""
        if name not in self._factories:
            self._factories[name] = self.web3.eth.contract(abi=load_abi(name)["abi"])
        return self._factories[name](self.web3.to_checksum_address(address))

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

    async def logs(
        self, event: AsyncContractEvent, from_block: int = 0, to_block: int | None = None, **filters: Any
    ) -> AsyncIterator[EventData]:
        """Yields a contract's events of one name in the order of the chain.

        Args:
            event: The event, ``contract.events.NAME``.
            from_block: The first block looked at.
            to_block: The last one; None: the newest.
            filters: Values of indexed fields.

        Raises:
            ChainError: When the node does not answer.
        """
        with chain_errors():
            latest = int(await self.web3.eth.block_number) if to_block is None else to_block
        while from_block <= latest:
            last = min(latest, from_block + BLOCKS_PER_QUERY - 1)
            with chain_errors():
                found = await event.get_logs(from_block=from_block, to_block=last, argument_filters=filters)
            for log in sorted(found, key=lambda each: (each["blockNumber"], each["logIndex"])):
                yield log
            from_block = last + 1


@cache
def _error_selectors() -> dict[str, str]:
    files = [file for file in _ABIS.iterdir() if file.name.endswith(".json")]
    entries = [entry for file in files for entry in json.loads(file.read_text())["abi"]]
    signatures = [abi_to_signature(entry) for entry in entries if entry["type"] == "error"]
    return {"0x" + function_signature_to_4byte_selector(text).hex(): text for text in signatures}


def decode_revert(error: ContractLogicError) -> str:
    """Returns the name of the contract's error, or what the node said."""
    data = error.data if isinstance(error.data, str) else ""
    return _error_selectors().get(data[:10], str(error.message or error))
