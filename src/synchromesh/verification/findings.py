"""What is wrong with a batch, and where: the verdict of a replay, and what a dispute starts from."""

from __future__ import annotations

import msgspec

from synchromesh._native import Replica, Step
from synchromesh.settlement.posted import PostedBatch
from synchromesh.settlement.trace import PostedCommand


class Finding(msgspec.Struct, frozen=True):
    """What is wrong, and where.

    Attributes:
        batch: Number of the batch.
        command: Sequence of the command, or 0 when the batch as a whole is wrong.
        code: A stable word.
        reason: What is wrong with it, with the values.
        step: Which step of the batch, from 0; None when it is none.
    """

    batch: int
    command: int
    code: str
    reason: str
    step: int | None = None

    def __str__(self) -> str:
        where = f"batch {self.batch}" + (f", command {self.command}" if self.command else "")
        where += f", step {self.step}" if self.step is not None else ""
        return f"{where}: {self.code}: {self.reason}"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with all that its proof is made from.

    Attributes:
        finding: What is wrong.
        batch: The batch.
        command: The command that is wrong, as it was posted; None when it is none.
        at: Which of its steps.
        own: The steps that it should have; None when the engine refuses it.
        state: Stands before the command, or behind the batch when it is about none; not to be changed. None of a blob.
        taken: How many of its steps can be followed as they were posted: all of them, of a deviation.
        chunk: The blob that is not what was said of it.
        withdrawal: Place in the batch's list of the withdrawal that was made otherwise.
    """

    finding: Finding
    batch: PostedBatch
    command: PostedCommand | None = None
    at: int = 0
    own: list[Step] | None = None
    state: Replica | None = None
    taken: int = 0
    chunk: int | None = None
    withdrawal: int | None = None

    @property
    def is_hidden(self) -> bool:
        """Whether it is about the root behind a mark: only the operator can show what is under it."""
        return self.finding.code == "marks" and self.own is not None and not self.taken


class Fraud(Exception):
    """Something that an honest operator would not have committed.

    Attributes:
        finding: What it is.
        case: What a dispute starts from; None where the chain cannot judge it.
    """

    def __init__(self, finding: Finding, case: Case | None = None) -> None:
        self.finding, self.case = finding, case
        super().__init__(str(finding))
