"""Replays one batch and compares every step that was posted with the step that follows.

The contract computes headers, chains, inbox and trace from the data, so none of them can be wrong. What is left are the
steps themselves, the list of withdrawals, and what was said of blobs.

Where the rules leave a choice, the operator may have made another one than the engine makes. Such a command is followed
as it was posted, and noted as a deviation: whether its steps were legal is for the chain to say.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from typing import Any, NamedTuple

from synchromesh._native import ReplayError, Replica, Step
from synchromesh.protocol import pack
from synchromesh.settlement.posted import PostedBatch
from synchromesh.settlement.trace import ChunkGone, ChunkUntrue, PostedCommand, posted_commands
from synchromesh.verification.findings import Case, Finding, Fraud
from synchromesh.verification.replay import replay

MARK = 33
"""Kind of the step whose root behind it is asserted, not computed."""
LIQUIDATION_START = 38
MARGIN_CALL = 46
LIQUIDATION_ROUND = 49
DEVIATIONS_AT_ONCE = 16
"""Deviations that wait to be judged, each with a state; then they are judged before the replay goes on."""


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
        before: Stands before the batch; not to be changed.
        batch: The batch.
        home: Where the venue is.
        at_once: Whether it is tried first if all of it is as the engine makes it: that takes a fraction of the time,
            which is lost where it is not.

    Attributes:
        replica: Behind what was replayed.
        records: Those of the commands that were replayed.
        chosen: Sequences of the commands that deviate.
    """

    def __init__(self, before: Replica, batch: PostedBatch, home: Home, at_once: bool = False) -> None:
        self._before, self._batch, self._home = before, batch, home
        # The first batch has the genesis, which is looked at by itself.
        self._at_once = at_once and before.venue is not None
        self._commands = posted_commands(batch)
        self._makers: list[PostedCommand] = []
        # A state, and the commands behind it that were replayed without a choice.
        self._kept, self._since = before, list[PostedCommand]()
        self._deviations: list[Case] = []
        self.replica = before.copy()
        self.records: list[bytes] = []
        self.chosen: set[int] = set()

    def run(self) -> bool:
        """Replays it on, and returns whether it is at its end; else so many deviations were found that they have to be
        taken first.

        Raises:
            Fraud: With the first thing that is wrong.
            ChunkGone: When a blob cannot be had.
        """
        try:
            if self._at_once and self._agrees():
                return True
            self._at_once = False
            for command in self._commands:
                self._follow(command)
                if len(self._deviations) >= DEVIATIONS_AT_ONCE:
                    return False
        except ChunkUntrue as error:
            raise self._fraud(0, "blob", str(error), chunk=error.chunk) from error
        self._check_withdrawals()
        return True

    def take_deviations(self) -> list[Case]:
        """Returns the deviations since the last call; their steps are not judged yet."""
        found, self._deviations = self._deviations, []
        return found

    def _agrees(self) -> bool:
        """Replays it to its end if nothing in it differs, whatever that is; else nothing happened."""
        try:
            commands = list(posted_commands(self._batch))
        except (ChunkUntrue, ChunkGone):
            # What stands before that comes first.
            return False
        records, replica = [command.record for command in commands], self._before.copy()
        with ThreadPoolExecutor(1) as beside:
            signed = beside.submit(self._before.copy().apply_many, pack(records), verify=True)
            try:
                own = replica.follow_many(records)
                signed.result()
            except ReplayError:
                return False
        listed = [(each.number, each.asset, each.amount, each.recipient) for each in self._batch.withdrawals]
        if [command.steps for command in commands] != own or self._withdrawals(replica) != listed:
            return False
        self.replica, self.records = replica, records
        replica.forget_withdrawals(replica.next_withdrawal)
        return True

    def _follow(self, command: PostedCommand) -> None:
        made = self.replica.next_withdrawal
        try:
            own = self.replica.apply_steps(command.record, verify=True)
        except ReplayError as error:
            self._deviate(command, self.replica.copy(), *self._refused(command, error))
        else:
            if own == command.steps:
                self._since.append(command)
            else:
                self._deviate(command, self._state_before(), own, None)
        if command.sequence == 1:
            self._check_genesis()
        self.records.append(command.record)
        if self.replica.next_withdrawal != made:
            self._makers.append(command)

    def _refused(self, command: PostedCommand, error: ReplayError) -> tuple[list[Step] | None, ReplayError]:
        """What the engine makes of a command that it refuses, when it refuses it for what no step judges."""
        try:
            return self.replica.copy().apply_named(command.record, None, verify=True), error
        except ReplayError:
            return None, error

    def _state_before(self) -> Replica:
        """The state before the command which the replica has just applied in its own way."""
        state = self._kept.copy()
        replay(state, self._since)
        return state

    def _deviate(
        self, command: PostedCommand, before: Replica, own: list[Step] | None, refusal: ReplayError | None
    ) -> None:
        """Follows a command that the engine takes in another way, or not at all.

        Args:
            command: The command.
            before: Stands before it.
            own: What the engine makes of it; None: nothing.
            refusal: Why the engine refuses it.

        Raises:
            Fraud: When it cannot be followed.
        """
        replica, taken = before.copy(), 0
        try:
            found = replica.apply_named(command.record, command.named, verify=True)
        except ReplayError as error:
            taken = error.step
        else:
            pairs = zip(found, command.steps, strict=True)
            taken = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        at, (code, reason) = 0, (refusal.code, refusal.reason) if refusal else ("", "")
        if own is not None and own != command.steps:
            at = _difference(own, command.steps)
            code, reason = _describe(own, command.steps, at)
        evidence = {"command": command, "at": at, "own": own, "state": before, "taken": taken}
        fraud = self._fraud(command.sequence, code, reason, command.first + at, **evidence)
        if taken < len(command.steps) or fraud.case is None:
            raise fraud
        self._deviations.append(fraud.case)
        self.chosen.add(command.sequence)
        self.replica, self._kept, self._since = replica, replica.copy(), []

    def _check_genesis(self) -> None:
        """The venue's first command names this contract on this chain, and an operator of it."""
        venue = self.replica.venue
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
        made = self._withdrawals(self.replica)
        listed = self._batch.withdrawals
        if len(made) != len(listed):
            reason = f"{len(listed)} withdrawals are listed, {len(made)} were made"
            raise self._fraud(0, "withdrawal_count", reason, state=self.replica)
        for place, (own, said) in enumerate(zip(made, listed, strict=True)):
            number, asset, amount, recipient = own
            if (asset, amount, recipient) != (said.asset, said.amount, said.recipient):
                maker = self._makers[place]
                reason = (
                    f"withdrawal {number} is of {amount} of asset {asset} to 0x{recipient.hex()}, "
                    f"listed as {said.amount} of asset {said.asset} to 0x{said.recipient.hex()}"
                )
                evidence = {"command": maker, "withdrawal": place, "state": self._state_at(maker.sequence)}
                raise self._fraud(maker.sequence, "withdrawal", reason, maker.first, **evidence)
        self.replica.forget_withdrawals(self.replica.next_withdrawal)

    def _withdrawals(self, replica: Replica) -> list[tuple[int, int, int, bytes]]:
        """What a replica behind the batch says was withdrawn in it."""
        return replica.withdrawals_since(self._batch.first_withdrawal)

    def _state_at(self, sequence: int) -> Replica:
        """The state before one of its commands."""
        state, commands = self._before.copy(), posted_commands(self._batch)
        replay(state, takewhile(lambda command: command.sequence < sequence, commands), self.chosen)
        return state

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
