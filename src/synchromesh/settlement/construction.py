"""Building a venue: transactions that are laid out first and sent together, so that contracts may name one another."""

from __future__ import annotations

from typing import Any, cast

from eth_typing import HexAddress
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.types import Nonce
from web3.utils.address import get_create_address

from synchromesh.settlement.chain import ChainError, load_abi
from synchromesh.settlement.sender import Action, Sender

CALL_GAS = 400_000
"""Gas limit of a call while building."""
CREATION_GAS = 2_500_000
"""Gas limit of a creation, beside what follows from the size of its code: what the constructor may use."""
GAS_PER_BYTE = 220
"""Gas of a byte of code: 200 to keep it, up to 16 to send it, and what it costs to scan."""


class Construction:
    """Collects creations and calls of one account; each has its nonce, and a creation its address, before it is sent.

    Args:
        sender: The account; it sends nothing else until this is built.
        nonce: Its next nonce.
    """

    def __init__(self, sender: Sender, nonce: int) -> None:
        self._sender = sender
        self._first = nonce
        self._actions: list[Action] = []
        self._web3: AsyncWeb3[AsyncHTTPProvider] = AsyncWeb3()

    @classmethod
    async def begin(cls, sender: Sender) -> Construction:
        """Begins to build with an account.

        Raises:
            ChainError: When the node does not answer.
        """
        return cls(sender, await sender.nonce())

    def address(self, ahead: int = 0) -> str:
        """Returns the address of what is created next, or so many transactions later."""
        nonce = self._first + len(self._actions) + ahead
        return str(get_create_address(cast(HexAddress, self._sender.address), Nonce(nonce)))

    def create(self, name: str, *arguments: Any) -> str:
        """Adds the creation of one of our contracts and returns its address."""
        artifact = load_abi(name)
        factory = self._web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        data = str(factory.constructor(*arguments).data_in_transaction)
        address = self.address()
        self._actions.append(Action(data, gas=CREATION_GAS + len(data) // 2 * GAS_PER_BYTE))
        return address

    def call(self, name: str, address: str, function: str, *arguments: Any) -> None:
        """Adds a call of one of our contracts."""
        self._actions.append(Action(self.encode(name, function, *arguments), address, gas=CALL_GAS))

    def encode(self, name: str, function: str, *arguments: Any) -> str:
        """Returns the calldata of a call."""
        return str(self._web3.eth.contract(abi=load_abi(name)["abi"]).encode_abi(function, list(arguments)))

    async def build(self) -> None:
        """Sends all of it, in order.

        Raises:
            ChainError: When a transaction is refused, or another one of the account came between.
        """
        if await self._sender.nonce() != self._first:
            raise ChainError(f"{self._sender.address} has sent something else meanwhile")
        actions, self._actions = self._actions, []
        self._first += len(actions)
        await self._sender.send_all(actions)
