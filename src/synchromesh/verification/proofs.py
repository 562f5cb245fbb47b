"""From a finding to the challenges that prove it."""

from __future__ import annotations

from typing import Any

from synchromesh._native import Replica, merkle_proof
from synchromesh.protocol import pack
from synchromesh.settlement.blobs import prove_contents
from synchromesh.settlement.judges import FURTHER_JUDGES
from synchromesh.verification.dispute import Dispute, Kind
from synchromesh.verification.examine import omitted_at
from synchromesh.verification.findings import Case
from synchromesh.verification.trace import neighbours, posted_commands, step_opening

COUNTERS = bytes([3]) + bytes(31)
"""Key of the counters among the globals."""
TOTALS = bytes([9]) + bytes(31)
"""Key of what was deposited and withdrawn, among the globals."""
NUMBER_OF = {name: number for number, (name, _) in enumerate(FURTHER_JUDGES)}
"""Numbers of the further judges, by name."""


def disputes_of(case: Case, before: Replica) -> list[Dispute]:
    """Returns the challenges that may prove a finding, the most promising first; none of a mark's root, where only the
    operator knows what is behind it (see `marks`).

    Args:
        case: The finding.
        before: Stands before the batch; is moved.
    """
    match case.finding.code:
        case "blob":
            return [_blob(case)]
        case "withdrawal_count":
            return [_withdrawal_count(case, before)]
        case "withdrawal":
            return [_withdrawal(case, before)]
        case "marks":
            return []
        case _:
            move_to_command(case, before)
            return _steps(case, before)


def move_to_command(case: Case, before: Replica) -> None:
    """Moves a replica that stands before the batch to where the wrong command begins."""
    assert case.command is not None, "it is about a command"
    records = []
    for command in posted_commands(case.batch):
        if command.sequence == case.command.sequence:
            break
        records.append(command.record)
    before.apply_many(pack(records), verify=False)


def step_dispute(case: Case, at: int, witness: bytes) -> Dispute:
    """Returns the challenge of one step of the command."""
    return _dispute(case, Kind.STEP, "challengeStep", _place(case, at), (*opened_step(case, at), witness))


def asserted_dispute(case: Case, at: int, judge: str, evidence: bytes) -> Dispute:
    """Returns the challenge of a step before a further judge, who is named."""
    arguments = (NUMBER_OF[judge], *opened_step(case, at), evidence)
    return _dispute(case, Kind.ASSERTED, "challengeAsserted", _place(case, at), arguments)


def opened_step(case: Case, at: int) -> tuple[Any, ...]:
    """Returns batch, opening and record of a step of the command, as the contract's functions take them."""
    assert case.command is not None, "it is about a command"
    return case.batch.opening(), step_opening(case.batch, *case.command.place(at)), case.command.record


def _steps(case: Case, before: Replica) -> list[Dispute]:
    """Challenges of a step that differs, or cannot be."""
    command, own, at = case.command, case.own, case.at
    assert command is not None, "it is about a command"
    if own is None:
        return [step_dispute(case, 0, _claim(case, before, 0))]
    said, step = command.steps[at], own[at]
    witnesses = [witness for _, _, _, witness in before.witness_command(command.record)]
    found = []
    if (said.kind, said.subject) == (step.kind, step.subject):
        found.append(step_dispute(case, at, witnesses[at]))
        if step.last and not said.last:
            # Whether it is the last is not judged of every kind; what stands behind it is.
            found.append(step_dispute(case, at + 1, _claim(case, before, at + 1)))
    else:
        found.append(step_dispute(case, at, _claim(case, before, at)))
    omitted = omitted_at(own, command.steps, at)
    if omitted is not None:
        found.insert(0, _omission(case, omitted, witnesses[omitted]))
    return found


def _claim(case: Case, before: Replica, at: int) -> bytes:
    """The witness of a step that the engine would not take."""
    assert case.command is not None, "it is about a command"
    said = case.command.steps[at]
    return before.witness_claim(case.command.record, at, said.kind, said.subject)


def _omission(case: Case, omitted: int, witness: bytes) -> Dispute:
    """The challenge of a place at which everybody has been looked at, and one account was left out.

    Args:
        case: The finding.
        omitted: Which of the own steps is left out.
        witness: Of that step: the account, in the state behind the place.
    """
    assert case.command is not None, "it is about a command"
    assert case.own is not None, "which applies"
    place = omitted - 1
    account = int.from_bytes(case.own[omitted].subject[:8], "big")
    evidence = (*neighbours(case.batch, *case.command.place(place)), account, witness)
    arguments = (*opened_step(case, place), evidence)
    return _dispute(case, Kind.OMISSION, "challengeOmission", _place(case, place), arguments)


def _withdrawal(case: Case, before: Replica) -> Dispute:
    assert case.command is not None, "it is about a command"
    assert case.withdrawal is not None, "which makes a withdrawal"
    move_to_command(case, before)
    paths = [before.prove("globals", key) for key in (COUNTERS, TOTALS)]
    before.apply(case.command.record)
    paths += [before.prove("globals", key) for key in (COUNTERS, TOTALS)]
    evidence = (paths[0], paths[2], paths[1], paths[3])
    leaves = [withdrawal.leaf() for withdrawal in case.batch.withdrawals]
    listed = (leaves[case.withdrawal], merkle_proof(leaves, case.withdrawal))
    arguments = (*opened_step(case, 0), evidence, listed)
    return _dispute(case, Kind.WITHDRAWAL, "challengeWithdrawal", _place(case, 0), arguments)


def _withdrawal_count(case: Case, before: Replica) -> Dispute:
    before.apply_many(pack([command.record for command in posted_commands(case.batch)]), verify=False)
    counters = before.prove("globals", COUNTERS)
    return _dispute(case, Kind.WITHDRAWAL_COUNT, "challengeWithdrawalCount", 0, (case.batch.opening(), counters))


def _blob(case: Case) -> Dispute:
    assert case.chunk is not None, "it is about a blob"
    blob = case.batch.blobs[case.chunk]
    assert blob is not None, "it was read"
    arguments = (case.batch.opening(), case.chunk, prove_contents(blob).as_tuple())
    return _dispute(case, Kind.BLOB, "challengeBlob", case.chunk, arguments)


def _place(case: Case, at: int) -> int:
    """Which step of the batch a step of the command is."""
    assert case.command is not None, "it is about a command"
    return case.command.first + at


def _dispute(case: Case, kind: Kind, function: str, position: int, arguments: tuple[Any, ...]) -> Dispute:
    return Dispute(
        kind=kind,
        finding=case.finding,
        batch_hash=case.batch.hash,
        position=position,
        function=function,
        arguments=arguments,
    )
