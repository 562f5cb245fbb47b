"""What a user does on the chain: deposit, and claim a withdrawal."""

from __future__ import annotations

from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3.types import TxReceipt

from synchromesh.settlement.batches import Batch, QueuedWithdrawal
from synchromesh.settlement.chain import Chain, chain_errors
from synchromesh.settlement.sender import Sender

PERMIT_SECONDS = 3_600
"""How long a permit stays good, by the chain's clock."""
_DOMAIN = ("name string", "version string", "chainId uint256", "verifyingContract address")
_PERMIT = ("owner address", "spender address", "value uint256", "nonce uint256", "deadline uint256")


class Wallet:
    """A user's account on the chain.

    Args:
        chain: The chain.
        settlement: Settlement contract, hex.
        token: The ERC-20 of the asset, hex.
        secret: The account's key.
        asset: The asset that is minted and deposited; USDC if nothing else is said.
    """

    def __init__(self, chain: Chain, settlement: str, token: str, secret: bytes, asset: int = 0) -> None:
        self._chain = chain
        self._asset = asset
        self._settlement = chain.contract("BondedSettlement", settlement)
        self._token = chain.contract("TestUSDC", token)
        self._sender = Sender(chain, secret)
        self._account: LocalAccount = Account.from_key(secret)

    @property
    def address(self) -> str:
        """The account's address."""
        return self._sender.address

    async def balance(self) -> int:
        """Returns the account's tokens, token units."""
        return int(await self._chain.call(self._token.functions.balanceOf(self.address)))

    async def mint(self, amount: int) -> TxReceipt:
        """Mints test tokens to the account; only the test token allows it."""
        return await self._sender.send(self._token.functions.mint(self.address, amount))

    async def deposit(self, amount: int, subaccount: int = 0) -> TxReceipt:
        """Approves and deposits ``amount`` token units.

        Raises:
            Reverted: When token or vault refuses.
        """
        await self._sender.send(self._token.functions.approve(self._settlement.address, amount))
        return await self._sender.send(self._settlement.functions.deposit(self._asset, amount, subaccount))

    async def deposit_with_permit(self, amount: int, subaccount: int = 0) -> TxReceipt:
        """Deposits ``amount`` token units in one transaction, the allowance signed instead of sent (EIP-2612).

        Raises:
            Reverted: When token or vault refuses.
        """
        with chain_errors():
            block = await self._chain.web3.eth.get_block("latest")
        deadline = int(block["timestamp"]) + PERMIT_SECONDS
        signed = self._account.sign_typed_data(full_message=await self._permit(amount, deadline))
        signature = signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")
        call = self._settlement.functions.depositWithPermit(self._asset, amount, subaccount, deadline, *signature)
        return await self._sender.send(call)

    async def _permit(self, amount: int, deadline: int) -> dict[str, Any]:
        """Returns the typed data of a permit that lets the vault take ``amount``."""
        token = self._token
        with chain_errors():
            chain_id = await self._chain.web3.eth.chain_id
        domain = {
            "name": await self._chain.call(token.functions.name()),
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": token.address,
        }
        message = {
            "owner": self.address,
            "spender": self._settlement.address,
            "value": amount,
            "nonce": await self._chain.call(token.functions.nonces(self.address)),
            "deadline": deadline,
        }
        types = {"EIP712Domain": _members(_DOMAIN), "Permit": _members(_PERMIT)}
        return {"types": types, "primaryType": "Permit", "domain": domain, "message": message}

    async def claim(self, batch: Batch, withdrawal: QueuedWithdrawal) -> TxReceipt:
        """Claims a withdrawal of a final batch; its recipient is paid, whoever sends this.

        Raises:
            Reverted: When the batch is not final, the proof is wrong, or it was paid before.
        """
        position, siblings = batch.proof(withdrawal.number)
        leaf, count = withdrawal.as_tuple(), len(batch.withdrawals)
        call = self._settlement.functions.claimWithdrawal(batch.header.index, leaf, position, count, siblings)
        return await self._sender.send(call)


def _members(fields: tuple[str, ...]) -> list[dict[str, str]]:
    return [dict(zip(("name", "type"), field.split(), strict=True)) for field in fields]
