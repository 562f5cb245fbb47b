"""Sends proofs with a key of its own: sealed first, so that who copies one from the pool earns nothing by it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog
from web3.logs import DISCARD
from web3.types import TxReceipt

from synchromesh.settlement.allowance import allow
from synchromesh.settlement.chain import Chain, ChainError, Reverted, chain_errors
from synchromesh.settlement.contracts import VenueContracts
from synchromesh.settlement.sender import GAS_HEADROOM, Sender, action_of
from synchromesh.verification.dispute import Dispute, Kind, Unprovable, rehearse, try_out
from synchromesh.verification.pruned import StatePath
from synchromesh.verification.status import ChallengeMade

log = structlog.get_logger(__name__)

CHALLENGE_GAS_MAX = 16_777_216
"""The cap of a transaction (EIP-7825): no challenge takes more."""
REWARD_GAS = 150_000
"""More than it takes to pay a reward."""
ANSWERS_AT_ONCE = 32
"""Demands that one transaction answers."""
CLOSED = "RequestClosed"
"""What the contract says of a demand that was answered, proven or reclaimed."""
REFUSALS_TOLD = 8
"""Most reasons that are told why nothing was proven."""
ATTEMPTS_MAX = 5
"""Times that a sealed proof is offered to a chain that does not take it; then it is made anew, if the batch stands."""
PATIENCE_SECONDS = 60.0
"""Real seconds that one attempt may keep everything else waiting."""


class ProofStuck(ChainError):
    """A sealed proof could not be sent, however often it was tried."""


class Challenger:
    """Proves fraud on the chain.

    Args:
        chain: The chain.
        contracts: The venue's contracts.
        secret: Key that pays; it never leaves this object.

    Attributes:
        sender: Sends its transactions.
    """

    def __init__(self, chain: Chain, contracts: VenueContracts, secret: bytes) -> None:
        self._chain, self._contracts, self._secret = chain, contracts, secret
        self.sender = Sender(chain, secret)
        # A proof that was sealed, and is to be sent whatever becomes of the batch: its reward may wait for it.
        self._sealed: tuple[Dispute, bytes] | None = None
        self._attempts = 0

    @property
    def address(self) -> str:
        """The account's address."""
        return self.sender.address

    @property
    def is_waiting(self) -> bool:
        """Whether a proof was sealed and not sent yet: `finish` sends it."""
        return self._sealed is not None

    async def balance(self) -> int:
        """Returns what the account holds, wei."""
        with chain_errors():
            return int(await self._chain.web3.eth.get_balance(self._chain.web3.to_checksum_address(self.address)))

    async def challenge_cost(self) -> int:
        """Returns what the dearest challenge would cost now, wei."""
        with chain_errors():
            return CHALLENGE_GAS_MAX * int(await self._chain.web3.eth.gas_price)

    async def prove(self, disputes: Iterable[Dispute]) -> ChallengeMade | None:
        """Sends the first of some challenges that proves something; None when somebody else had been faster.

        Raises:
            Unprovable: When none of them does.
            ChainError: When the node does not answer; a sealed proof is kept for `finish`.
        """
        refusals, left = dict[str, None](), iter(disputes)
        # To make one may take a while.
        while (dispute := await asyncio.to_thread(next, left, None)) is not None:
            try:
                ready = await rehearse(dispute, self._contracts.challenges, self.address)
            except Reverted as error:
                refusals[f"{dispute.function}: {error}"] = None
                continue
            return await self._send(ready)
        raise Unprovable("; ".join(list(refusals)[:REFUSALS_TOLD]) or "the chain judges no such thing")

    async def finish(self) -> ChallengeMade | None:
        """Sends the proof that was sealed, when sending it failed.

        Raises:
            ChainError: When the node still does not answer.
            ProofStuck: When that was the last attempt: nothing is kept any more.
        """
        if self._sealed is None:
            return None
        dispute, salt = self._sealed
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                made = await self._offer(dispute, salt)
        except (ChainError, TimeoutError) as error:
            self._attempts += 1
            if self._attempts < ATTEMPTS_MAX:
                raise ChainError(f"the proof was not taken: {error or type(error).__name__}") from error
            self._sealed, self._attempts = None, 0
            raise ProofStuck(f"{dispute.function} of batch {dispute.finding.batch}: {error}") from error
        self._sealed, self._attempts = None, 0
        return made

    async def _offer(self, dispute: Dispute, salt: bytes) -> ChallengeMade | None:
        try:
            await try_out(dispute, self._contracts.challenges, self.address)
            # The rehearsal did not see the seal, and so not what paying the reward takes.
            gas = min(int(dispute.gas * GAS_HEADROOM) + REWARD_GAS, CHALLENGE_GAS_MAX)
            action = action_of(dispute.call(self._contracts.challenges, salt), gas=gas)
            (receipt,) = await self.sender.send_all([action])
        except Reverted as error:
            log.info("proof_overtaken", fraud=dispute.fraud, batch=dispute.finding.batch, reason=str(error))
            return None
        return self._made(dispute, receipt)

    async def freeze(self) -> str:
        """Freezes the venue and returns the transaction.

        Raises:
            Reverted: When somebody did it before, or nothing is overdue any more.
            ChainError: When the node does not answer.
        """
        receipt = await self.sender.send(self._contracts.settlement.functions.freeze())
        return "0x" + bytes(receipt["transactionHash"]).hex()

    async def ask(self, step: tuple[Any, ...], keys: Sequence[bytes]) -> None:
        """Demands leaves behind a mark, as many as the account's tokens are enough for.

        Args:
            step: Batch, opening and record of the mark.
            keys: Keys of the leaves, the most useful first.

        Raises:
            Reverted: When it is too late to ask, or there are not enough tokens for one.
            ChainError: When the node does not answer.
        """
        challenges = self._contracts.challenges
        token = str(await self._chain.call(self._contracts.bonds.functions.token()))
        held = int(await self._chain.call(self._chain.contract("TestUSDC", token).functions.balanceOf(self.address)))
        stake = int(await self._chain.call(challenges.functions.stakeNow()))
        # The price may rise while the demands are on their way: to the double, and no further.
        await allow(self._chain, self.sender, token, challenges.address, min(held, 2 * stake * len(keys)))
        asked = [challenges.functions.requestOpening(*step, key) for key in keys[: max(held // stake, 1)]]
        made = await self.sender.send_each([action_of(call) for call in asked])
        if isinstance(made[0], Reverted):
            raise made[0]

    async def demands_are_dear(self) -> bool:
        """Whether so many demands are open that new ones cost more.

        Raises:
            ChainError: When the node does not answer.
        """
        ask = self._contracts.challenges.functions
        return int(await self._chain.call(ask.stakeNow())) > int(await self._chain.call(ask.requestStake()))

    async def answer(self, paths: Mapping[int, StatePath]) -> set[int]:
        """Shows leaves that somebody demanded; returns the demands that were open until then.

        Args:
            paths: The leaves, by the ids of the demands, the most urgent first.

        Raises:
            ChainError: When the node does not answer.
        """
        functions, waiting = self._contracts.challenges.functions, list(paths)
        groups = [waiting[at : at + ANSWERS_AT_ONCE] for at in range(0, len(waiting), ANSWERS_AT_ONCE)]
        shown = [functions.answerOpenings(ids, [tuple(paths[each]) for each in ids]) for ids in groups]
        found: set[int] = set()
        for outcome in await self.sender.send_each([action_of(call) for call in shown]):
            if isinstance(outcome, Reverted):
                log.info("answers_not_taken", reason=str(outcome))
                continue
            events = self._contracts.challenges.events.OpeningAnswered().process_receipt(outcome, errors=DISCARD)
            found |= {int(event["args"]["id"]) for event in events}
        return found

    async def reclaim(self, requests: Sequence[int]) -> set[int]:
        """Takes back stakes of demands that nobody answered; returns those with which nothing is left to be done.

        Args:
            requests: Their ids.

        Raises:
            ChainError: When the node does not answer.
        """
        reclaim = self._contracts.challenges.functions.reclaimStake
        sent = await self.sender.send_each([action_of(reclaim(request)) for request in requests]) if requests else []
        done = zip(requests, sent, strict=True)
        return {request for request, outcome in done if not isinstance(outcome, Reverted) or CLOSED in str(outcome)}

    async def _send(self, dispute: Dispute) -> ChallengeMade | None:
        salt = self._salt(dispute)
        if dispute.kind is not Kind.SILENCE:
            seal = dispute.seal(self.address, salt)
            try:
                await self.sender.send(self._contracts.challenges.functions.sealProof(seal))
            except Reverted as error:
                # By an earlier life of this process: it counts just as well.
                log.info("proof_sealed_before", reason=str(error))
        self._sealed = (dispute, salt)
        return await self.finish()

    def _salt(self, dispute: Dispute) -> bytes:
        """A secret that a restart finds again, and nobody else."""
        named = dispute.batch_hash + bytes([dispute.kind]) + dispute.position.to_bytes(8, "big")
        return hmac.digest(self._secret, b"synchromesh.seal" + named, hashlib.sha256)

    def _made(self, dispute: Dispute, receipt: TxReceipt) -> ChallengeMade:
        proven = self._contracts.challenges.events.FraudProven().process_receipt(receipt, errors=DISCARD)
        rewarded = any(str(event["args"]["rewarded"]) == self.address for event in proven)
        gas = int(receipt["gasUsed"])
        return ChallengeMade(
            batch=dispute.finding.batch,
            kind=dispute.kind.word,
            fraud=dispute.fraud,
            reason=dispute.finding.reason,
            command=dispute.finding.command,
            step=dispute.finding.step,
            transaction="0x" + bytes(receipt["transactionHash"]).hex(),
            gas=gas,
            wei=gas * int(receipt.get("effectiveGasPrice", 0)),
            rewarded=rewarded,
        )
