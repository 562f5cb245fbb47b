"""A watchtower: replays the chain, proves what is wrong, and keeps the venue's deadlines."""

from __future__ import annotations

from pathlib import Path

import structlog

from synchromesh.settlement.blob_sources import BlobSource
from synchromesh.settlement.chain import Chain, ChainError, Reverted, chain_errors
from synchromesh.settlement.contracts import ZERO_ADDRESS, VenueContracts
from synchromesh.settlement.trace import ChunkGone
from synchromesh.verification.alerts import Alerts, Metrics, Webhook
from synchromesh.verification.answers import RETRY_SECONDS, Answers
from synchromesh.verification.challenger import Challenger, ProofStuck
from synchromesh.verification.dispute import Unprovable
from synchromesh.verification.hunter import Hunter
from synchromesh.verification.openings import OpeningBook
from synchromesh.verification.proofs import disputes_of
from synchromesh.verification.reconciliation.requests import Reconciliations
from synchromesh.verification.reconciliation.responder import Responder
from synchromesh.verification.status import ChallengeMade, WatchStatus
from synchromesh.verification.verify import Verifier

log = structlog.get_logger(__name__)

CHALLENGES_AFFORDED = 2
"""The account should be able to pay this many of the dearest challenges."""


class Watcher:
    """Watches one venue. All that it knows it finds on the chain again after a restart.

    Args:
        chain: The chain; the only thing that is trusted.
        contract: Settlement contract, hex.
        secret: Key of the account that challenges, freezes and answers; None: it only reports.
        metrics: Where figures go; None: nowhere.
        webhook: Gets each alert; None: nobody.
        blobs: Where blobs are found; None: on a local chain itself.
        folder: Where states are saved, to start from; None: nowhere.
    """

    def __init__(
        self,
        chain: Chain,
        contract: str,
        secret: bytes | None = None,
        metrics: Metrics | None = None,
        webhook: Webhook | None = None,
        blobs: BlobSource | None = None,
        folder: Path | None = None,
    ) -> None:
        self._chain, self._address, self._secret = chain, contract, secret
        self._verifier = Verifier(chain, contract, blobs=blobs, folder=folder)
        self.status = WatchStatus()
        self._metrics = metrics if metrics is not None else Metrics()
        self._alerts = Alerts(self.status, self._metrics, webhook)
        self._contracts: VenueContracts | None = None
        self._challenger: Challenger | None = None
        self._hunter: Hunter | None = None
        self._answers: Answers | None = None
        self._responder: Responder | None = None
        # Until when, by the chain's clock, a fraud is left alone that nothing proved.
        self._later = 0
        self._time = 0

    @property
    def proven(self) -> bool:
        """Whether it has proven a fraud, or frozen the venue."""
        return bool(self.status.challenges or self.status.freeze)

    async def look(self) -> WatchStatus:
        """Looks at the chain once, and does what is to be done.

        Raises:
            ChainError: When the chain does not answer.
        """
        contracts = await self._find()
        with chain_errors():
            self._time = int((await self._chain.web3.eth.get_block("latest"))["timestamp"])
        # What fails in one duty must not keep it from the others: each has a deadline of its own.
        failed: list[ChainError] = []
        for duty in (
            self._finish,
            lambda: self._guard_deadline(contracts),
            self._verify,
            self._book.update,
            self._dispute,
            self._answer,
            self._reclaim,
            self._reconcile,
            self._check_balance,
        ):
            try:
                await duty()
            except ChainError as error:
                failed.append(error)
        if failed:
            raise failed[0]
        self._metrics.looked(self.status, self._time)
        return self.status

    async def _finish(self) -> None:
        """Sends a proof that was sealed at an earlier look."""
        if self._challenger is None:
            return
        try:
            self._note(await self._challenger.finish())
        except ProofStuck as error:
            self._alerts.tell("proof_stuck", self._time, reason=str(error))
            raise

    async def _reconcile(self) -> None:
        """Shows accounts that somebody asked for."""
        if self._responder is not None:
            self.status.reconciled += await self._responder.look()

    async def _find(self) -> VenueContracts:
        """The venue's contracts; its owner may have announced other judges since the last look."""
        known = self._contracts
        if known is not None:
            ask = known.settlement.functions
            named = [str(await self._chain.call(asked)) for asked in (ask.challenges(), ask.reconciliation())]
            if named == [str(known.challenges.address), str(known.reconciliation.address)]:
                return known
        found = self._contracts = await VenueContracts.find(self._chain, self._address)
        self._book = OpeningBook(self._chain, found.challenges)
        if self._secret is not None:
            self._challenger = Challenger(self._chain, found, self._secret)
            self._hunter = Hunter(self._book, self._challenger)
            # Demands are numbered by each contract on its own.
            self._answers = Answers(self._book, self._verifier, self._challenger)
            self.status.address = self._challenger.address
            self._responder = None
            if str(found.reconciliation.address) != ZERO_ADDRESS:
                questions = Reconciliations(self._chain, found.settlement, found.reconciliation)
                self._responder = Responder(questions, self._verifier, self._challenger.sender)
        return found

    async def _verify(self) -> None:
        """Replays what is new."""
        try:
            self.status.verdict = await self._verifier.advance()
        except ChunkGone as error:
            # Data that nobody shows may hide anything.
            self._alerts.keep("data_missing", str(error), self._time, reason=str(error))
            raise
        self._alerts.keep("data_missing", None, self._time)
        self._note_deviation()

    def _note_deviation(self) -> None:
        """Tells of choices that are not the engine's: once for each batch that has any."""
        verdict = self.status.verdict
        found = verdict.deviation
        if found is None:
            return
        details = {name: getattr(found, name) for name in ("batch", "command", "step", "code", "reason")}
        self._alerts.keep(
            "deviation", found, self._time, **details, deviations=verdict.deviations, unjudged=verdict.unjudged
        )

    async def _guard_deadline(self, contracts: VenueContracts) -> None:
        """Freezes a venue that leaves an inbox item unserved."""
        ask = contracts.settlement.functions
        self.status.frozen = bool(await self._chain.call(ask.frozen()))
        overdue = not self.status.frozen and bool(await self._chain.call(ask.isOverdue()))
        self._alerts.keep("inbox_overdue", overdue or None, self._time)
        if overdue and self._challenger is not None:
            try:
                self.status.freeze = await self._challenger.freeze()
                self.status.frozen = True
            except Reverted as error:
                log.info("freeze_overtaken", reason=str(error))
        self._alerts.keep("venue_frozen", self.status.frozen or None, self._time, transaction=self.status.freeze)

    async def _dispute(self) -> None:
        """Proves what is wrong, or does what has to come before."""
        fraud, case = self.status.verdict.fraud, self._verifier.case
        if fraud is None:
            self._alerts.keep("fraud", None, self._time)
            self._alerts.keep("fraud_unproven", None, self._time)
            self._later = 0
            return
        self._alerts.keep(
            "fraud",
            fraud,
            self._time,
            batch=fraud.batch,
            command=fraud.command,
            step=fraud.step,
            code=fraud.code,
            reason=fraud.reason,
        )
        if self._challenger is None or self._challenger.is_waiting or self._time < self._later:
            return
        try:
            if case is None or self._hunter is None:
                raise Unprovable("the chain judges no such thing")
            if not case.is_hidden:
                self._note(await self._challenger.prove(disputes_of(case)))
            elif disputes := await self._hunter.disputes_of(case, self._time):
                self._note(await self._challenger.prove(disputes))
        except (Unprovable, Reverted) as error:
            # What proves nothing now may do so later: once the account has the stake, say, or the node has caught up.
            self._later = self._time + RETRY_SECONDS
            reason = str(error)
            self._alerts.keep(
                "fraud_unproven", (fraud, reason), self._time, batch=fraud.batch, code=fraud.code, reason=reason
            )

    def _note(self, made: ChallengeMade | None) -> None:
        """Notes a fraud that was proven."""
        if made is None:
            return
        self.status.challenges.append(made)
        self._metrics.challenged(made.kind, made.fraud)
        details = {name: getattr(made, name) for name in ("batch", "kind", "fraud", "command", "step")}
        self._alerts.tell(
            "fraud_proven", self._time, **details, transaction=made.transaction, gas=made.gas, rewarded=made.rewarded
        )

    async def _answer(self) -> None:
        """Shows leaves that are demanded of batches that are right."""
        if self._answers is not None:
            answered = await self._answers.look(self._time)
            self.status.openings_answered += answered
            self._metrics.answered(answered)

    async def _reclaim(self) -> None:
        """Takes back what was staked on demands of its own that nobody answered."""
        if self._hunter is not None:
            case = self._verifier.case
            await self._hunter.reclaim({case.batch.hash} if case is not None else set(), self._time)

    async def _check_balance(self) -> None:
        if self._challenger is None:
            return
        self.status.balance = await self._challenger.balance()
        low = self.status.balance < CHALLENGES_AFFORDED * await self._challenger.challenge_cost()
        self._alerts.keep("balance_low", low or None, self._time, wei=self.status.balance)
