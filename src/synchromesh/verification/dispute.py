"""Disputes: the one call of the contract that proves what is wrong with a batch."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import msgspec
from eth_abi.abi import encode
from web3.contract import AsyncContract
from web3.contract.async_contract import AsyncContractFunction

from synchromesh._native import keccak256
from synchromesh.settlement.chain import chain_errors
from synchromesh.verification.findings import Finding

NO_SALT = bytes(32)
"""Of a challenge that was not sealed."""


class Unprovable(Exception):
    """No challenge that can be made of a finding proves it."""


class Kind(IntEnum):
    """What kind of proof it is; the contract's ``Fraud``."""

    STEP = 0
    ASSERTED = 1
    BLOB = 2
    WITHDRAWAL = 3
    WITHDRAWAL_COUNT = 4
    SILENCE = 5
    OMISSION = 6

    @property
    def word(self) -> str:
        """Its name in reports."""
        return self.name.lower()


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A challenge, ready to be sent.

    Attributes:
        kind: What kind of proof it is.
        finding: What it proves.
        batch_hash: The batch.
        position: What its seal names: step of the batch, chunk, or 0.
        function: Function of ``Challenges``.
        arguments: Its arguments, without the salt.
        gas: What it takes, by the node's estimate; 0 before it was rehearsed.
    """

    kind: Kind
    finding: Finding
    batch_hash: bytes
    position: int
    function: str
    arguments: tuple[Any, ...]
    gas: int = 0

    @property
    def fraud(self) -> str:
        """The word for what is wrong."""
        return self.finding.code

    def call(self, challenges: AsyncContract, salt: bytes = NO_SALT) -> AsyncContractFunction:
        """Returns the call that proves it.

        Args:
            challenges: The venue's ``Challenges``.
            salt: Of the seal.
        """
        # Who stays silent was asked for all to see: there is nothing to seal.
        arguments = self.arguments if self.kind is Kind.SILENCE else (*self.arguments, salt)
        function: AsyncContractFunction = getattr(challenges.functions, self.function)(*arguments)
        return function

    def seal(self, challenger: str, salt: bytes) -> bytes:
        """Returns what a challenger seals before the proof, as the contract's ``sealOf``."""
        words = ["address", "bytes32", "uint8", "uint64", "bytes32"]
        return keccak256(encode(words, [challenger, self.batch_hash, int(self.kind), self.position, salt]))


async def try_out(dispute: Dispute, challenges: AsyncContract, challenger: str) -> None:
    """Runs a dispute against the newest state, without sending it.

    Raises:
        Reverted: When it would prove nothing.
        ChainError: When the node does not answer.
    """
    with chain_errors():
        await dispute.call(challenges).call({"from": challenges.w3.to_checksum_address(challenger)})


async def rehearse(dispute: Dispute, challenges: AsyncContract, challenger: str) -> Dispute:
    """Tries a dispute out and returns it with the gas that it takes.

    Raises:
        As `try_out`.
    """
    await try_out(dispute, challenges, challenger)
    with chain_errors():
        sender = challenges.w3.to_checksum_address(challenger)
        gas = int(await dispute.call(challenges).estimate_gas({"from": sender}))
    return msgspec.structs.replace(dispute, gas=gas)
