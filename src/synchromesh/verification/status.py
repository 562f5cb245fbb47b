"""What a watchtower reports: written to its status file, and shown by the demo."""

from __future__ import annotations

import msgspec

from synchromesh.verification.verify import Verdict

ALERTS_KEPT = 50
"""Alerts that a report holds, the newest last."""


class ChallengeMade(msgspec.Struct, frozen=True, kw_only=True):
    """A fraud that was proven on the chain.

    Attributes:
        batch: Number of the batch that was taken back.
        kind: What kind of proof it was: `step`, `asserted`, `blob`, `withdrawal`, `withdrawal_count`, `silence`
            or `omission`.
        fraud: Code of the finding.
        reason: What was wrong, with the values.
        command: Sequence of the command, 0 when the batch as a whole was wrong.
        step: Which step of the batch.
        transaction: The transaction, hex.
        gas: Gas that it used.
        wei: What it cost.
        rewarded: Whether the reward was paid to this watchtower.
    """

    batch: int
    kind: str
    fraud: str
    reason: str
    command: int
    step: int | None
    transaction: str
    gas: int
    wei: int
    rewarded: bool


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Something that somebody should know of.

    Attributes:
        event: A stable word.
        time: Timestamp of the newest block, s.
        details: What there is to say about it.
    """

    event: str
    time: int
    details: dict[str, str | int | bool | None]


class WatchStatus(msgspec.Struct, kw_only=True):
    """What a watchtower knows and did since it was started.

    Attributes:
        verdict: Of the last look.
        challenges: Frauds that it proved.
        openings_answered: Demands for a leaf that it answered.
        reconciled: Questions about accounts that it answered.
        frozen: Whether the venue is frozen.
        freeze: The transaction by which it froze the venue, hex; empty if it did not.
        address: The account that challenges; empty without a key.
        balance: What it holds, wei.
        problem: Why the last look failed; empty when it did not.
        alerts: The newest alerts.
    """

    verdict: Verdict = msgspec.field(default_factory=Verdict)
    challenges: list[ChallengeMade] = msgspec.field(default_factory=list)
    openings_answered: int = 0
    reconciled: int = 0
    frozen: bool = False
    freeze: str = ""
    address: str = ""
    balance: int = 0
    problem: str = ""
    alerts: list[Alert] = msgspec.field(default_factory=list)
