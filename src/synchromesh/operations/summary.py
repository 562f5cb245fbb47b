"""What a venue has done, counted from its journal by replay, and from the chain."""

from __future__ import annotations

from pathlib import Path

import msgspec

from synchromesh._native import JournalReader, Replica
from synchromesh.config import VenueConfig
from synchromesh.operations.risk_record import RiskCounter, RiskRecord
from synchromesh.protocol import (
    CloseReason,
    Deposit,
    Fill,
    InboxItem,
    ListInstruments,
    MarkUpdate,
    OrderClosed,
    PlaceOrder,
    PositionSettled,
    Record,
    decode_event,
)
from synchromesh.settlement.chain import Chain

CONTRACT = 10**8
NANO = 10**9


class Latency(msgspec.Struct):
    """Milliseconds from planned send time to durable ack, as clients measured them."""

    p50: float = 0.0
    p99: float = 0.0


class Summary(msgspec.Struct, kw_only=True):
    """The demo's summary, and what ``synchromesh replay`` reports of a journal.

    Attributes:
        instruments: Instruments listed.
        orders: Orders accepted.
        cancels: Orders that their owners cancelled.
        fills: Trades.
        notional_usd: Sum over trades of amount × index.
        deposits: Deposits credited.
        withdrawals_paid: Withdrawals claimed on the chain.
        batches: Batches committed on the chain.
        root_on_chain: State root of the last one.
        root_verifier: The root that the watchtower recomputed there.
        frauds_proven: Batches that it proved wrong.
        frozen: Whether it froze the venue, or found it frozen.
        invariants_ok: Whether every invariant holds in the replayed state, and the vault covers what users have.
        ack_ms: Latency.
        wall_s: Real seconds.
        settled: Positions settled at expiry.
        commands: Commands in the journal.
        restarts: Processes that were started again.
        risk: Margin calls and liquidations.
        red_team_profit: The best that an attack on the margin engine has made, USDC; null when nobody attacked.
        red_team_owed: The most that an attack has left for others to pay, USDC.
        shortfall_usd: Expected shortfall of the insurance fund over the next day, by the risk monitor's last report.
    """

    instruments: int = 0
    orders: int = 0
    cancels: int = 0
    fills: int = 0
    notional_usd: float = 0.0
    deposits: int = 0
    withdrawals_paid: int = 0
    batches: int = 0
    root_on_chain: str = ""
    root_verifier: str = ""
    frauds_proven: int = 0
    frozen: bool = False
    invariants_ok: bool = False
    ack_ms: Latency = msgspec.field(default_factory=Latency)
    wall_s: float = 0.0
    settled: int = 0
    commands: int = 0
    restarts: dict[str, int] = msgspec.field(default_factory=dict)
    risk: RiskRecord = msgspec.field(default_factory=RiskRecord)
    red_team_profit: float | None = None
    red_team_owed: float | None = None
    shortfall_usd: float | None = None


class JournalCounter:
    """Replays a journal and counts.

    Args:
        journal: The journal's directory.
    """

    def __init__(self, journal: Path) -> None:
        self._reader = JournalReader(str(journal))
        self.replica = Replica()
        self.summary = Summary()
        self._risk = RiskCounter()
        self.summary.risk = self._risk.record
        self._lots: dict[int, tuple[int, int]] = {}
        self._index: dict[int, int] = {}

    def poll(self) -> None:
        """Takes what the journal has by now."""
        for frame in self._reader:
            for record in frame.records:
                self._count(Record.decode(record), self.replica.apply(record))

    def _count(self, record: Record, events: list[bytes]) -> None:
        summary = self.summary
        summary.commands += 1
        match record.command:
            case PlaceOrder():
                summary.orders += 1
            case InboxItem(body=Deposit()):
                summary.deposits += 1
            case ListInstruments(instruments=specs):
                summary.instruments += len(specs)
                self._lots.update({spec.instrument: (spec.lot_size, spec.underlying) for spec in specs})
            case MarkUpdate(inputs=inputs):
                self._index[inputs.underlying] = inputs.index
        for encoded in events:
            event = decode_event(encoded)
            self._risk.take(event, record.time)
            match event:
                case Fill(instrument=instrument, lots=lots):
                    lot, underlying = self._lots[instrument]
                    summary.fills += 1
                    summary.notional_usd += lots * lot / CONTRACT * self._index.get(underlying, 0) / NANO
                case OrderClosed(reason=CloseReason.CANCELLED):
                    summary.cancels += 1
                case PositionSettled():
                    summary.settled += 1

    def check(self) -> bool:
        """Returns whether the invariants hold in the replayed state."""
        try:
            self.replica.check_invariants()
        except RuntimeError:
            return False
        return True


async def add_chain(summary: Summary, config: VenueConfig) -> None:
    """Adds what the chain says: batches, their last root, withdrawals paid."""
    chain = Chain(config.rpc_url)
    try:
        contract = chain.contract("BondedSettlement", config.contract)
        root, *_ = await contract.functions.tip().call()
        summary.root_on_chain = "0x" + bytes(root).hex()
        summary.batches = int(await contract.functions.batches().call())
        paid = await contract.events.WithdrawalClaimed.get_logs(from_block=0)
        summary.withdrawals_paid = len(paid)
    finally:
        await chain.close()


def percentiles(samples: list[float]) -> Latency:
    """Returns the median and the 99th percentile of ``samples``, 0 for none."""
    ordered = sorted(samples)
    if not ordered:
        return Latency()
    return Latency(p50=ordered[len(ordered) // 2], p99=ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)])
