"""What a contract may take of an account's tokens."""

from __future__ import annotations

from synchromesh.settlement.chain import Chain
from synchromesh.settlement.sender import Sender


async def allow(chain: Chain, sender: Sender, token: str, spender: str, amount: int) -> None:
    """Approves ``amount`` token units for a spender, unless it may take as much already.

    Raises:
        Reverted: When the token refuses.
        ChainError: When the node does not answer.
    """
    # Of the token's interface only ERC-20 is used here, whatever token it is.
    functions = chain.contract("TestUSDC", token).functions
    if int(await chain.call(functions.allowance(sender.address, spender))) < amount:
        await sender.send(functions.approve(spender, amount))
