"""The engine and the model side by side."""

from __future__ import annotations

from collections import Counter

from model.engine import Model
from model.leaves import picture_of_model, picture_of_replica
from model.state import Refused
from model.venue import arrays_of
from synchromesh._native import ReplayError, Replica
from synchromesh.protocol import BalanceChanged, Event, MarkUpdate, OrderClosed, Record, decode_event, encode_event

NO_MARKS = "marks"
"""What a replica says when no arrays follow from a mark's inputs; it does not ask the engine then."""


def kind_of(event: Event) -> str:
    reason = f" {event.reason.word}" if isinstance(event, OrderClosed | BalanceChanged) else ""
    return type(event).__name__ + reason


class Pair:
    """Applies every record to both, and insists that both do the same."""

    def __init__(self) -> None:
        self.model, self.replica = Model(), Replica()
        self.outcomes: Counter[str] = Counter()
        """How often each kind of event and each code of refusal came."""

    def apply(self, record: Record) -> bool:
        """Apply one record; whether it was accepted."""
        of_model, of_engine = self.by_model(record), self.by_engine(record)
        assert of_engine == of_model, self.difference(record, of_engine, of_model)
        if isinstance(of_engine, str):
            self.outcomes[of_engine] += 1
            return False
        self.outcomes.update(map(kind_of, map(decode_event, of_engine)))
        self.outcomes[type(record.command).__name__] += 1
        return True

    def by_engine(self, record: Record) -> list[bytes] | str:
        try:
            return self.replica.apply(record.encode())
        except ReplayError as refusal:
            return refusal.code

    def by_model(self, record: Record) -> list[bytes] | str:
        arrays = None
        if isinstance(record.command, MarkUpdate):
            arrays = arrays_of(self.model, record.command.inputs)
            if arrays is None:
                return NO_MARKS
        try:
            return [encode_event(event) for event in self.model.apply(self.model.sequence + 1, record, arrays)]
        except Refused as refusal:
            return refusal.code

    def difference(self, record: Record, of_engine: list[bytes] | str, of_model: list[bytes] | str) -> str:
        def text(outcome: list[bytes] | str) -> str:
            if isinstance(outcome, str):
                return f"refused: {outcome}"
            events: list[Event] = [decode_event(event) for event in outcome]
            return "\n  ".join(map(str, events)) or "nothing"

        head = f"command {self.replica.sequence} or the next: {record}"
        return f"{head}\nengine:\n  {text(of_engine)}\nmodel:\n  {text(of_model)}"

    def check_states(self) -> None:
        """Both states are the same, and the engine's is sound."""
        engine, model = picture_of_replica(self.replica.opening()), picture_of_model(self.model)
        for part, value in model.items():
            assert engine[part] == value, part
        self.replica.check_invariants()
