"""A local chain for tests, with a settlement contract of one test's own on it."""

from __future__ import annotations

from typing import Any

from web3.types import TxReceipt

from support.ledger import ALICE, BOB, OPERATOR, Ledger
from support.venue import CHAIN_ID, START, secret
from synchromesh.clock import SECOND
from synchromesh.settlement.anvil import Anvil, AnvilConfig
from synchromesh.settlement.batches import BatchHeader
from synchromesh.settlement.chain import Chain, Sender, address_from_secret
from synchromesh.settlement.deploy import Deployment, deploy
from synchromesh.settlement.inbox import InboxFollower
from synchromesh.settlement.wallet import Wallet

OWNER = secret("owner")
WINDOW = 600
"""Challenge window, s."""
LEAD = 86_400
"""How far venue time may lead the chain's, s."""


class LocalChain:
    """An anvil that mines each transaction at once, and a connection to it. Use as an async context manager."""

    def __init__(self) -> None:
        self.node = Anvil(AnvilConfig(chain_id=CHAIN_ID, timestamp=START // SECOND))

    async def __aenter__(self) -> LocalChain:
        await self.node.start()
        await self.node.rpc("evm_setAutomine", True)
        self.chain = Chain(self.node.url)
        for key in (OWNER, OPERATOR, ALICE, BOB):
            await self.node.rpc("anvil_setBalance", address_from_secret(key), hex(10**22))
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.chain.close()
        await self.node.stop()

    async def mine(self, blocks: int = 1) -> None:
        """Mines empty blocks."""
        for _ in range(blocks):
            await self.node.rpc("evm_mine")

    async def pass_time(self, seconds: int) -> None:
        """Lets the chain's time pass."""
        await self.node.rpc("evm_increaseTime", seconds)
        await self.mine()

    async def snapshot(self) -> object:
        """Remembers the chain as it is."""
        return await self.node.rpc("evm_snapshot")

    async def revert(self, snapshot: object) -> None:
        """Goes back to a snapshot: to everybody else, a reorg."""
        assert await self.node.rpc("evm_revert", snapshot)


class LocalVenue:
    """A settlement contract, its users' wallets, and the journal of an honest venue on it."""

    def __init__(self, local: LocalChain, deployment: Deployment) -> None:
        self.local, self.chain, self.deployment = local, local.chain, deployment
        self.contract = local.chain.contract("Settlement", deployment.settlement)
        self.address = bytes.fromhex(deployment.settlement.removeprefix("0x"))
        self.operator = Sender(local.chain, OPERATOR)
        self.ledger = Ledger(CHAIN_ID, self.address, bytes.fromhex(deployment.usdc.removeprefix("0x")))
        self._inbox = self.follower()

    @classmethod
    async def new(cls, local: LocalChain) -> LocalVenue:
        """Deploys one."""
        deployment = await deploy(
            Sender(local.chain, OWNER),
            operator=address_from_secret(OPERATOR),
            guardian=address_from_secret(OWNER),
            challenge_window=WINDOW,
            max_time_lead=LEAD,
            deposit_cap=10**15,
        )
        return cls(local, deployment)

    def wallet(self, key: bytes) -> Wallet:
        """A user's wallet."""
        return Wallet(self.chain, self.deployment.settlement, self.deployment.usdc, key)

    def follower(self, cursor: int = 0, chain: bytes = bytes(32), confirmations: int = 0) -> InboxFollower:
        """A follower of the contract's inbox."""
        return InboxFollower(self.chain, self.deployment.settlement, cursor, chain, confirmations)

    async def deposit(self, key: bytes, usdc: int) -> None:
        """Mints and deposits."""
        wallet = self.wallet(key)
        await wallet.mint(usdc * 10**6)
        await wallet.deposit(usdc * 10**6)

    async def credit(self) -> None:
        """Takes what is new in the inbox into the journal."""
        for entry in await self._inbox.poll():
            self.ledger.credit(entry.item)

    async def open(self) -> Ledger:
        """Opens the venue: genesis, listing, marks, and a deposit of each user, in subaccounts 1 and 2."""
        self.ledger.open()
        await self.deposit(ALICE, 100_000)
        await self.deposit(BOB, 100_000)
        await self.credit()
        return self.ledger

    async def commit(self, header: BatchHeader, data: bytes) -> TxReceipt:
        """Commits a batch, whatever it says."""
        return await self.operator.send(self.contract.functions.commitBatch(header.as_tuple(), data))

    async def tip(self) -> Any:
        """Where the next batch must continue: root, chain hash, batches, last sequence, inbox cursor, last time."""
        return await self.chain.call(self.contract.functions.tip())
