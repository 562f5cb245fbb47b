"""What is wrong with a batch, and where: the verdict of a replay, and what a dispute starts from."""

from __future__ import annotations

import msgspec

from synchromesh._native import Step
from synchromesh.settlement.posted import PostedBatch
from synchromesh.verification.trace import PostedCommand


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
        chunk: The blob that is not what was said of it.
        withdrawal: Place in the batch's list of the withdrawal that was made otherwise.
    """

    finding: Finding
    batch: PostedBatch
    command: PostedCommand | None = None
    at: int = 0
    own: list[Step] | None = None
    chunk: int | None = None
    withdrawal: int | None = None


class Fraud(Exception):
    """Something that an honest operator would not have committed.

    Attributes:
        finding: What it is.
        case: What a dispute starts from; None where the chain cannot judge it.
    """

    def __init__(self, finding: Finding, case: Case | None = None) -> None:
        self.finding, self.case = finding, case
        super().__init__(str(finding))
