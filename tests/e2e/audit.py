"""What a journal must hold after crashes: everything acknowledged, once, and nothing that does not apply."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from synchromesh._native import JournalReader, Replica, chain_hash, record_hash
from synchromesh.protocol import Fill, PlaceOrder, Record, decode_event


@dataclass(frozen=True)
class Ack:
    """What a client was told of its command; with the command's bytes and the client where the test needs them."""

    sequence: int
    chain_hash: bytes
    client_id: str
    command: bytes = b""
    who: str = ""


@dataclass
class Audit:
    """Follows a journal across the crashes of its writer, and replays it with every signature checked."""

    journal: Path
    replica: Replica = field(default_factory=Replica)
    chain: list[bytes] = field(default_factory=lambda: [bytes(32)])
    """The command chain by sequence."""
    hashes: list[bytes] = field(default_factory=lambda: [b""])
    """Command hashes by sequence."""
    commands: dict[bytes, int] = field(default_factory=dict)
    """Sequence of every order command, by ``kind ‖ body``."""
    client_ids: dict[str, int] = field(default_factory=dict)
    trades: int = 0
    epochs: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._reader = JournalReader(self.journal)

    def follow(self) -> None:
        """Take what the journal has by now; fails where a command does not apply, or was applied before."""
        for frame in self._reader:
            self.epochs.add(frame.epoch)
            for place, record in enumerate(frame.records):
                assert frame.first_sequence + place == len(self.chain), "sequences have no gap"
                self._take(record)

    def _take(self, record: bytes) -> None:
        sequence = len(self.chain)
        events = self.replica.apply(record, verify=True)
        self.hashes.append(record_hash(record))
        self.chain.append(chain_hash(self.chain[-1], self.hashes[-1]))
        command = Record.decode(record).command
        if isinstance(command, PlaceOrder):
            body = record[:1] + record[9:]
            assert body not in self.commands, f"{sequence} repeats {self.commands[body]}"
            assert command.client_id not in self.client_ids, f"{sequence} repeats client id {command.client_id}"
            self.commands[body] = self.client_ids[command.client_id] = sequence
        for event in map(decode_event, events):
            if isinstance(event, Fill):
                self.trades += 1
                assert event.trade == self.trades, "trades are numbered without a gap"

    def check(self, ack: Ack) -> None:
        """Fails unless the acknowledged command stands where its client was told."""
        assert ack.sequence < len(self.chain), f"acknowledged {ack.sequence}, the journal ends at {len(self.chain) - 1}"
        assert self.chain[ack.sequence] == ack.chain_hash
        assert self.client_ids[ack.client_id] == ack.sequence
        if ack.command:
            assert self.commands[ack.command] == ack.sequence

    @property
    def sequence(self) -> int:
        """The last command."""
        return len(self.chain) - 1
