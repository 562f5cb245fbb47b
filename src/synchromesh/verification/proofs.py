"""From a finding to the challenges that prove it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synchromesh._native import Replica, Step, merkle_proof
from synchromesh.settlement.blobs import prove_contents, prove_element, stray_element
from synchromesh.settlement.judges import FURTHER_JUDGES
from synchromesh.settlement.trace import PostedCommand, neighbours, step_opening
from synchromesh.verification.dispute import Dispute, Kind
from synchromesh.verification.examine import LIQUIDATION_ROUND, LIQUIDATION_START, MARGIN_CALL
from synchromesh.verification.findings import Case

COUNTERS = bytes([3]) + bytes(31)
"""Key of the counters among the globals."""
TOTALS = bytes([9]) + bytes(31)
"""Key of what was deposited and withdrawn, among the globals."""
OMISSIONS_MAX = 8
"""Most accounts that are said to be left out at one place: one of them suffices."""
WITNESSES_AT_ONCE = 64
"""Steps that were chosen whose witnesses are made at once: a command may have very many of them."""
NUMBER_OF = {name: number for number, (name, _) in enumerate(FURTHER_JUDGES)}
"""Numbers of the further judges, by name."""


def disputes_of(case: Case) -> Iterator[Dispute]:
    """Yields the challenges that may prove a finding, the most promising first; none of a mark's root, where only the
    operator knows what is behind it (see `marks`).
    """
    match case.finding.code:
        case "blob":
            yield _blob(case)
        case "withdrawal_count":
            yield _withdrawal_count(case)
        case "withdrawal":
            yield _withdrawal(case)
        case _ if not case.is_hidden:
            yield from _steps(case)


def parts(case: Case) -> tuple[PostedCommand, Replica]:
    """Returns the command that a case is about, and the state before it."""
    assert case.command is not None, "it is about a command"
    assert case.state is not None, "which was replayed"
    return case.command, case.state


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


def _steps(case: Case) -> Iterator[Dispute]:
    """Challenges of a step that differs, or cannot be: of the first, and of all that follow in the operator's way."""
    own, at = case.own, case.at
    if own is None:
        yield step_dispute(case, 0, _claim(case, 0))
    elif own != parts(case)[0].steps:
        yield from _omissions(case, own)
        yield from _different(case, own[at])
    yield from _chosen(case)


def _different(case: Case, step: Step) -> Iterator[Dispute]:
    """Challenges of the first step that differs, where the engine would take another one."""
    (command, state), at = parts(case), case.at
    said = command.steps[at]
    if (said.kind, said.subject) == (step.kind, step.subject):
        yield step_dispute(case, at, state.witness_command(command.record)[at][3])
        if step.last and not said.last:
            # Whether it is the last is not judged of every kind; what stands behind it is.
            yield step_dispute(case, at + 1, _claim(case, at + 1))
    else:
        yield step_dispute(case, at, _claim(case, at))


def _claim(case: Case, at: int) -> bytes:
    """The witness of a step that the engine would not take, behind the steps that it takes."""
    command, state = parts(case)
    said = command.steps[at]
    return state.witness_claim(command.record, at, said.kind, said.subject)


def _chosen(case: Case) -> Iterator[Dispute]:
    """Challenges of the steps from the first different one on, each in the state that the operator's way leads to, and
    of that which does not follow from those before it.
    """
    command, state = parts(case)
    way = command.named
    if case.at < case.taken < len(way):
        witness = state.witness_claim(command.record, case.taken, *way[case.taken], named=way)
        yield step_dispute(case, case.taken, witness)
    for first in range(case.at, case.taken, WITNESSES_AT_ONCE):
        count = min(WITNESSES_AT_ONCE, case.taken - first)
        for at, step in enumerate(state.witness_named(command.record, way, first, count), first):
            yield step_dispute(case, at, step[3])


def _omissions(case: Case, own: list[Step]) -> list[Dispute]:
    """Challenges of the place at which everybody has been looked at, about accounts that were left out."""
    command, state = parts(case)
    said = command.steps
    place = next((at for at, step in enumerate(said) if step.kind == LIQUIDATION_ROUND), len(said)) - 1
    if not 0 <= place < case.taken:
        return []
    looked = {(step.kind, step.subject) for step in said[: place + 1]}
    left = [(step.kind, step.subject) for step in own if step.kind in (MARGIN_CALL, LIQUIDATION_START)]
    found = []
    for kind, subject in [each for each in left if each not in looked][:OMISSIONS_MAX]:
        witness = state.witness_claim(command.record, place + 1, kind, subject, named=command.named)
        found.append(_omission(case, place, int.from_bytes(subject[:8], "big"), witness))
    return found


def _omission(case: Case, place: int, account: int, witness: bytes) -> Dispute:
    """The challenge of such a place.

    Args:
        case: The finding.
        place: Which of the claimed steps.
        account: Who was left out.
        witness: Of the account, in the state behind the place.
    """
    command, _ = parts(case)
    evidence = (*neighbours(case.batch, *command.place(place)), account, witness)
    arguments = (*opened_step(case, place), evidence)
    return _dispute(case, Kind.OMISSION, "challengeOmission", _place(case, place), arguments)


def _withdrawal(case: Case) -> Dispute:
    command, state = parts(case)
    assert case.withdrawal is not None, "which makes a withdrawal"
    before, after = state, state.copy()
    after.apply_named(command.record, command.named)
    paths = [each.prove("globals", key) for key in (COUNTERS, TOTALS) for each in (before, after)]
    leaves = [withdrawal.leaf() for withdrawal in case.batch.withdrawals]
    listed = (leaves[case.withdrawal], merkle_proof(leaves, case.withdrawal))
    arguments = (*opened_step(case, 0), tuple(paths), listed)
    return _dispute(case, Kind.WITHDRAWAL, "challengeWithdrawal", _place(case, 0), arguments)


def _withdrawal_count(case: Case) -> Dispute:
    assert case.state is not None, "it was replayed"
    counters = case.state.prove("globals", COUNTERS)
    return _dispute(case, Kind.WITHDRAWAL_COUNT, "challengeWithdrawalCount", 0, (case.batch.opening(), counters))


def _blob(case: Case) -> Dispute:
    assert case.chunk is not None, "it is about a blob"
    blob = case.batch.blobs[case.chunk]
    assert blob is not None, "it was read"
    place, stray = (case.batch.opening(), case.chunk), stray_element(blob)
    if stray is not None:
        arguments = (*place, prove_element(blob, stray).as_tuple())
        return _dispute(case, Kind.BLOB, "challengeElement", case.chunk, arguments)
    return _dispute(case, Kind.BLOB, "challengeBlob", case.chunk, (*place, prove_contents(blob).as_tuple()))


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
