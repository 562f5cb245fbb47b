"""A local chain for tests, with a settlement contract of one test's own on it."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
from web3.types import TxReceipt

from support.ledger import ALICE, BOB, OPERATOR, Ledger
from support.venue import CHAIN_ID, START, secret
from synchromesh._native import MAX_CHUNK_BYTES, Progress, Replica
from synchromesh.clock import SECOND
from synchromesh.protocol import AssetSpec
from synchromesh.settlement.anvil import Anvil, AnvilConfig
from synchromesh.settlement.batches import Batch, QueuedWithdrawal, Source, progress_from_chain
from synchromesh.settlement.chain import Chain, address_from_secret
from synchromesh.settlement.construction import Construction
from synchromesh.settlement.contracts import VenueContracts
from synchromesh.settlement.deploy import TEST_TOKENS, Deployment, deploy, post_bond
from synchromesh.settlement.inbox import InboxFollower
from synchromesh.settlement.judges import Judges, add_judges
from synchromesh.settlement.packing import Packer
from synchromesh.settlement.posting import post_batch
from synchromesh.settlement.sender import Sender
from synchromesh.settlement.terms import VenueTerms, Windows
from synchromesh.settlement.wallet import Wallet

OWNER = secret("owner")
STANDBY = secret("standby")
WINDOW = 600
"""Challenge window, s."""
LEAD = 86_400
"""How far venue time may lead the chain's, s."""
BOND = 50_000 * 10**6
"""What an operator has at stake, token units."""


def terms(**changes: Any) -> VenueTerms:
    """What a venue of the tests is deployed with."""
    found = VenueTerms(
        operator=address_from_secret(OPERATOR),
        guardian=address_from_secret(OWNER),
        insurance=address_from_secret(OWNER),
        standbys=(address_from_secret(STANDBY),),
        windows=Windows.of(WINDOW),
        max_time_lead=LEAD,
        deposit_cap=10**15,
        bond=BOND,
    )
    return msgspec.structs.replace(found, **changes)


class LocalChain:
    """An anvil that mines each transaction at once, and a connection to it. Use as an async context manager."""

    def __init__(self) -> None:
        self.node = Anvil(AnvilConfig(chain_id=CHAIN_ID, timestamp=START // SECOND))
        self._judges: Judges | None = None

    async def __aenter__(self) -> LocalChain:
        await self.node.start()
        await self.node.rpc("evm_setAutomine", True)
        self.chain = Chain(self.node.url)
        for key in (OWNER, OPERATOR, STANDBY, ALICE, BOB):
            await self.node.rpc("anvil_setBalance", address_from_secret(key), hex(10**22))
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.chain.close()
        await self.node.stop()

    async def judges(self) -> Judges:
        """Contracts that all venues of the chain share, deployed once."""
        if self._judges is None:
            site = await Construction.begin(Sender(self.chain, OWNER))
            judges = add_judges(site)
            await site.build()
            self._judges = judges
        return self._judges

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
        self.contract = local.chain.contract("BondedSettlement", deployment.settlement)
        self.address = _address(deployment.settlement)
        self.operator = Sender(local.chain, OPERATOR)
        further = tuple(
            AssetSpec(asset, symbol, _address(token), TEST_TOKENS[symbol])
            for asset, (symbol, token) in enumerate(deployment.tokens.items(), start=1)
        )
        self.ledger = Ledger(CHAIN_ID, self.address, _address(deployment.usdc), further)
        self._inbox = self.follower()
        self._committed = Replica()
        self._batches = 0

    @classmethod
    async def new(cls, local: LocalChain, **changes: Any) -> LocalVenue:
        """Deploys one, of an operator and a standby with bonds; ``changes`` are terms that differ from `terms`."""
        deployment = await deploy(Sender(local.chain, OWNER), terms(**changes), await local.judges())
        for bonded in (OPERATOR, STANDBY):
            await post_bond(local.chain, deployment.settlement, bonded, BOND)
        return cls(local, deployment)

    def fork(self) -> LocalVenue:
        """The same again: for a test that reverts the chain, and leaves this one as it was."""
        other = copy.copy(self)
        other.ledger, other._committed = self.ledger.fork(), self._committed.copy()
        other._inbox = copy.copy(self._inbox)
        return other

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

    def batch(self, source: Source = Source.CALLDATA, chunk_bytes: int = MAX_CHUNK_BYTES) -> Batch:
        """The next batch: all that the journal holds and no batch before."""
        replica, start = self._committed, self._committed.progress()
        first_withdrawal, packer = replica.next_withdrawal, Packer(start, chunk_bytes)
        for record in self.ledger.records[start.sequence :]:
            packer.add(record, replica.apply_steps(record))
        withdrawals = [QueuedWithdrawal(*found) for found in replica.withdrawals_since(first_withdrawal)]
        self._batches += 1
        return Batch.make(self._batches - 1, start, packer.finish(), first_withdrawal, withdrawals, source)

    async def commit(self, batch: Batch) -> TxReceipt:
        """Commits a batch, whatever it says."""
        return await post_batch(self.operator, await self.contracts(), batch)

    async def commit_journal(self, source: Source = Source.CALLDATA) -> Batch:
        """Commits all that the journal holds and no batch before, and returns the batch."""
        batch = self.batch(source)
        await self.commit(batch)
        return batch

    async def take_back(self, batch: Batch) -> None:
        """Has the contract for challenges take back a batch, as a proof does: its operator loses bond and office."""
        node, contracts = self.local.node, await self.contracts()
        judge = contracts.challenges.address
        data = contracts.settlement.encode_abi("revertBatches", [batch.header.index, batch.start.as_tuple()])
        await node.rpc("anvil_impersonateAccount", judge)
        await node.rpc("anvil_setBalance", judge, hex(10**18))
        await node.rpc("eth_sendTransaction", {"from": judge, "to": contracts.settlement.address, "data": data})
        await node.rpc("anvil_stopImpersonatingAccount", judge)

    async def contracts(self) -> VenueContracts:
        """The venue's contracts."""
        return await VenueContracts.find(self.chain, self.deployment.settlement)

    async def tip(self) -> tuple[int, Progress]:
        """How many batches there are, and where the journal stands behind them."""
        batches = await self.chain.call(self.contract.functions.batches())
        return int(batches), progress_from_chain(await self.chain.call(self.contract.functions.tip()))


def _address(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
