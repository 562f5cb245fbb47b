"""Replays one batch and compares every step that was posted with the step that follows.

The contract computes headers, chains, inbox and trace from the data, so none of them can be wrong. What is left are the
steps themselves, the list of withdrawals, and what was said of blobs.
"""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

from synchromesh._native import ReplayError, Replica, Step
from synchromesh.settlement.posted import PostedBatch
from synchromesh.verification.findings import Case, Finding, Fraud
from synchromesh.verification.trace import ChunkUntrue, PostedCommand, posted_commands

MARK = 33
"""Kind of the step whose root behind it is asserted, not computed."""
LIQUIDATION_START = 38
MARGIN_CALL = 46
LIQUIDATION_ROUND = 49


class Home(NamedTuple):
    """What the venue's first command must name.

    Attributes:
        chain_id: Id of the chain.
        contract: Settlement contract, 20 bytes.
        operators: Everybody who ever was its operator.
    """

    chain_id: int
    contract: bytes
    operators: list[bytes]


class Examination:
    """One batch, while it is replayed.

    Args:
        replica: Stands before the batch; moves on command by command.
        batch: The batch.
        home: Where the venue is.
    """

    def __init__(self, replica: Replica, batch: PostedBatch, home: Home) -> None:
        self._replica, self._batch, self._home = replica, batch, home
        self._makers: list[PostedCommand] = []
        self.records: list[bytes] = []

    def run(self) -> None:
        """Replays it to its end.

        Raises:
            Fraud: With the first thing that is wrong.
            ChunkGone: When a blob cannot be had.
        """
        try:
            for command in posted_commands(self._batch):
                self._follow(command)
        except ChunkUntrue as error:
            raise self._fraud(0, "blob", str(error), chunk=error.chunk) from error
        self._check_withdrawals()

    def _follow(self, command: PostedCommand) -> None:
        replica, made = self._replica, self._replica.next_withdrawal
        try:
            own = replica.apply_steps(command.record, verify=True)
        except ReplayError as error:
            self._accuse(command, 0, None, error.code, error.reason)
        if own != command.steps:
            at = _difference(own, command.steps)
            code, reason = _describe(own, command.steps, at)
            self._accuse(command, at, own, code, reason)
        if command.sequence == 1:
            self._check_genesis()
        self.records.append(command.record)
        if replica.next_withdrawal != made:
            self._makers.append(command)

    def _accuse(self, command: PostedCommand, at: int, own: list[Step] | None, code: str, reason: str) -> NoReturn:
        raise self._fraud(command.sequence, code, reason, command.first + at, command=command, at=at, own=own)

    def _check_genesis(self) -> None:
        """The venue's first command names this contract on this chain, and an operator of it."""
        venue = self._replica.venue
        assert venue is not None, "no other command applies first"
        chain_id, contract, operator = venue
        if (chain_id, contract) != (self._home.chain_id, self._home.contract):
            reason = f"signatures are for 0x{contract.hex()} on chain {chain_id}, not for this venue"
        elif operator not in self._home.operators:
            reason = f"0x{operator.hex()} was never the contract's operator"
        else:
            return
        raise Fraud(Finding(self._batch.header.index, 1, "genesis", reason))

    def _check_withdrawals(self) -> None:
        """The withdrawals that were listed are those that were made."""
        made = self._replica.withdrawals_since(self._batch.first_withdrawal)
        listed = self._batch.withdrawals
        if len(made) != len(listed):
            raise self._fraud(0, "withdrawal_count", f"{len(listed)} withdrawals are listed, {len(made)} were made")
        for place, (own, said) in enumerate(zip(made, listed, strict=True)):
            number, asset, amount, recipient = own
            if (asset, amount, recipient) != (said.asset, said.amount, said.recipient):
                maker = self._makers[place]
                reason = (
                    f"withdrawal {number} is of {amount} of asset {asset} to 0x{recipient.hex()}, "
                    f"listed as {said.amount} of asset {said.asset} to 0x{said.recipient.hex()}"
                )
                raise self._fraud(maker.sequence, "withdrawal", reason, maker.first, command=maker, withdrawal=place)
        self._replica.forget_withdrawals(self._replica.next_withdrawal)

    def _fraud(self, sequence: int, code: str, reason: str, step: int | None = None, **evidence: Any) -> Fraud:
        finding = Finding(self._batch.header.index, sequence, code, reason, step)
        return Fraud(finding, Case(finding=finding, batch=self._batch, **evidence))


def _difference(own: list[Step], claimed: list[Step]) -> int:
    """Returns the first step in which two lists differ. Neither is a prefix of the other: only its own end is last."""
    return next(at for at, (step, said) in enumerate(zip(own, claimed, strict=False)) if step != said)


def _describe(own: list[Step], claimed: list[Step], at: int) -> tuple[str, str]:
    """Returns a code for the first difference, and what it is."""
    step, said = own[at], claimed[at]
    omitted = omitted_at(own, claimed, at)
    if omitted is not None:
        account = int.from_bytes(own[omitted].subject[:8], "big")
        if own[omitted].kind == MARGIN_CALL:
            return "omitted_call", f"the margin call of subaccount {account} is left out"
        return "omitted_liquidation", f"the liquidation of subaccount {account} is left out"
    if step.kind != said.kind:
        return "kind", f"it is of kind {said.kind}, {step.kind} is what follows"
    if step.subject != said.subject:
        return "subject", f"it is about 0x{said.subject.hex()}, 0x{step.subject.hex()} is what follows"
    if step.root != said.root:
        reason = f"0x{said.root.hex()} is committed, 0x{step.root.hex()} follows"
        return ("marks" if said.kind == MARK else "root"), reason
    rest = abs(len(own) - len(claimed))
    if said.last:
        return "missing_steps", f"{rest} steps of the command are left out behind it"
    return "surplus_steps", f"{rest} steps stand behind the last one of the command"


def omitted_at(own: list[Step], claimed: list[Step], at: int) -> int | None:
    """Returns which own step should have called or liquidated somebody, when the claim is done with looking at accounts
    without it: where the two first differ it ends, or goes on with a round.
    """
    step, said = own[at], claimed[at]
    ends = said.last and not step.last and (step.kind, step.subject, step.root) == (said.kind, said.subject, said.root)
    if not ends and said.kind != LIQUIDATION_ROUND:
        return None
    following = at + 1 if ends else at
    return following if own[following].kind in (MARGIN_CALL, LIQUIDATION_START) else None
