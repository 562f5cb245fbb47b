"""The native module: what the Rust crates give to Python."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypedDict, final

import numpy as np
import numpy.typing as npt

Buffer = npt.NDArray[Any] | bytes | bytearray | memoryview

# protocol

SETTLEMENT_WINDOW_NS: Final[int]
"""The time before an expiry over whose average index it settles, ns."""

class CodecError(ValueError):
    """Bytes that are no canonical encoding, or a value that has none."""

class SigningError(ValueError):
    """A command that nobody can sign: it names something unlisted, or holds a number that does not fit."""

class SignatureError(ValueError):
    """A signature that proves nothing."""

def keccak256(data: bytes) -> bytes:
    """Keccak-256 of ``data``, 32 bytes."""

def blake3(data: bytes) -> bytes:
    """BLAKE3 of ``data``, 32 bytes."""

def recover(digest: bytes, signature: bytes) -> bytes:
    """The address that signed ``digest``; `SignatureError` for v other than 27 or 28, high s, or no such key."""

def recover_many(items: list[tuple[bytes, bytes]]) -> list[bytes | None]:
    """The address that signed each (digest, signature), None where `recover` would raise. Runs without the GIL."""

def sign(digest: bytes, secret: bytes) -> bytes:
    """Signature ``r ‖ s ‖ v`` of ``digest``, low s, v 27 or 28; `SignatureError` when ``secret`` is no key."""

def address_of(secret: bytes) -> bytes:
    """The address of a secret key; `SignatureError` when it is none."""

def personal_digest(message: bytes) -> bytes:
    """The digest that wallets sign for a text (EIP-191)."""

def command_digests(
    record: bytes,
    chain_id: int,
    contract: bytes,
    instruments: dict[int, str],
    underlyings: dict[int, str],
    assets: dict[int, str],
) -> list[tuple[bytes, bytes, bytes]]:
    """(signer, digest, signature) of every signature that a record's command needs; `CodecError`, `SigningError`."""

def frame_digest(frame: bytes, chain_id: int, contract: bytes) -> bytes:
    """The digest that the operator signs for an encoded `Frame`."""

def record_hash(record: bytes) -> bytes:
    """Hash of one record's bytes."""

def record_text(record: bytes) -> str:
    """What a record says, field by field, for reports; `CodecError` when the bytes are none."""

def event_text(event: bytes) -> str:
    """What an event says, field by field, for reports; `CodecError` when the bytes are none."""

def mark_arrays_text(arrays: bytes) -> str:
    """What mark arrays say, field by field, for reports; `CodecError` when the bytes are none."""

def chain_hash(chain: bytes, command: bytes) -> bytes:
    """The command chain after one more command hash: ``keccak(chain ‖ command)``."""

def merkle_leaf(item: bytes) -> bytes:
    """Leaf of an item of a binary tree: ``keccak(0x00 ‖ item)``."""

def merkle_root(leaves: list[bytes]) -> bytes:
    """Root over ``leaves``; zero for none."""

def merkle_proof(leaves: list[bytes], index: int) -> list[bytes]:
    """Siblings of leaf ``index``, from the leaf up; ValueError when there is no such leaf."""

def merkle_directions(index: int, count: int) -> int:
    """Bit ``i`` is set when the ``i``-th sibling of a proof stands left; ValueError when there is no such leaf."""

def merkle_verify(root: bytes, leaf: bytes, index: int, count: int, path: list[bytes]) -> bool:
    """Whether ``leaf`` is leaf ``index`` of the ``count`` leaves under ``root``."""

# journal

class JournalError(RuntimeError):
    """A journal that cannot be used."""

class JournalDamaged(JournalError):
    """Bytes that no power cut can explain; the text gives file, offset and reason. Nothing was changed."""

class JournalLocked(JournalError):
    """The journal has another writer."""

class JournalPoisoned(JournalError):
    """A disk operation failed, so nobody knows what is durable; nothing more is written until it is opened again."""

@final
class JournalFrame:
    """A durable frame: what one group commit made durable."""

    @property
    def number(self) -> int:
        """Number of the frame, from 1."""

    @property
    def epoch(self) -> int:
        """The writer's opening that wrote it, from 1."""

    @property
    def first_sequence(self) -> int:
        """Sequence of its first record."""

    @property
    def hash(self) -> bytes:
        """BLAKE3 of the frame, which the next one carries."""

    @property
    def records(self) -> list[bytes]:
        """Its records in order of sequence; none when it only opens an epoch."""

@final
class JournalReader:
    """Follows a journal that another process may be writing.

    Iterating ends when every durable frame was yielded; iterating again goes on from there. The first frame is the
    one that holds ``sequence``. The journal need not exist yet. `JournalDamaged`, `OSError`.
    """

    def __new__(cls, directory: str | PathLike[str], sequence: int = 1) -> JournalReader: ...
    def __iter__(self) -> JournalReader: ...
    def __next__(self) -> JournalFrame: ...

@final
class JournalWriter:
    """The one writer of a journal; opening recovers it and begins an epoch. `JournalDamaged`, `JournalLocked`."""

    def __new__(
        cls, directory: str | PathLike[str], segment_bytes: int = 67108864, frame_bytes: int = 8388608, shard: int = 0
    ) -> JournalWriter: ...
    @property
    def quarantined(self) -> Path | None:
        """The file that holds the torn tail that opening moved aside, if there was one."""

    @property
    def next_sequence(self) -> int:
        """Sequence of the next record."""

    @property
    def epoch(self) -> int:
        """The epoch that opening began."""

    def append(self, records: list[bytes]) -> int:
        """Commits one frame and returns its number once it is durable. `ValueError`, `JournalPoisoned`."""

    def append_packed(self, payload: bytes, count: int) -> int:
        """Commits one frame of ``count`` records packed by `pack_records`."""

    def close(self) -> None:
        """Lets the journal go."""

    def __enter__(self) -> JournalWriter: ...
    def __exit__(self, *exception: object) -> None: ...

def inspect_journal(directory: str | PathLike[str]) -> dict[str, Any] | None:
    """What a journal holds, every durable frame checked; None when there is none. `JournalDamaged`, `OSError`.

    Keys: shard, epoch, last_frame, frame_hash, next_sequence, tail_bytes (behind the last durable frame) and segments,
    a list of path, number, first_frame, first_sequence, frames, used_bytes and bytes.
    """

def pack_records(records: list[bytes]) -> bytes:
    """Records as frames and batches hold them, ``u16 length ‖ bytes`` each; ValueError if one is empty or too long."""

def unpack_records(payload: bytes) -> list[bytes]:
    """The records of a payload; ValueError when it is no packing."""

# pricing

class PricingError(ValueError):
    """An input outside the domain of a pricing formula."""

class MarkError(ValueError):
    """Inputs from which no marks follow: they contradict themselves, or do not cover an instrument."""

def black76_into(numbers: tuple[Buffer, ...], is_call: Buffer, outputs: tuple[Buffer, ...], threads: int) -> None:
    """Price and Greeks of ``numbers`` = (forward, strike, t, sigma) and ``is_call`` into ``outputs`` = (price, delta,
    gamma, vega, theta, rho): contiguous buffers of float64, ``is_call`` uint8; outputs of one length, inputs of that
    length or of one number for all. Runs without the GIL in at most ``threads`` threads. `PricingError` names the first
    option outside the domain; ValueError is for buffers that do not fit or overlap.
    """

def second_order_into(numbers: tuple[Buffer, ...], outputs: tuple[Buffer, ...], threads: int) -> None:
    """Vanna, volga, charm and speed of ``numbers`` = (forward, strike, t, sigma) into ``outputs``; otherwise as
    `black76_into`.
    """

def implied_vol_into(
    numbers: tuple[Buffer, ...], is_call: Buffer, sigma: Buffer, status: Buffer, threads: int
) -> str | None:
    """Vols of ``numbers`` = (price, forward, strike, t) and ``is_call`` into ``sigma``, and 0 or what is wrong with
    each into ``status`` (uint8: 1 below the intrinsic value, 2 above the bound, 3 input); the vol of a failure is 0.
    Buffers as in `black76_into`. Returns the first failure as text. Runs without the GIL in at most ``threads``
    threads.
    """

@final
class ChainKernel:
    """The native part of `synchromesh.pricing.Chain`: takes whole columns, holds the layout and the results."""

    def __new__(
        cls, labels: list[str], strikes: Sequence[Buffer], forward: Buffer, t: Buffer, sigma: Buffer
    ) -> ChainKernel:
        """``strikes`` has one buffer per expiry, ``forward`` and ``t`` one number per expiry or one for all, ``sigma``
        one per strike or one for all; ``labels`` name the expiries in errors. `PricingError` names expiry and strike.
        """

    def update(self, forward: Buffer | None, t: Buffer | None, sigma: Buffer | None) -> int:
        """Takes what is given, shaped as above, and prices again what changed; returns how many strikes that were. Runs
        without the GIL. `PricingError`, after which nothing has changed.
        """

    def column(self, name: str) -> ChainColumn:
        """A column, one float64 per strike: strike, sigma, call_price, put_price, call_delta, put_delta, gamma, vega,
        theta, call_rho or put_rho; KeyError.
        """

@final
class ChainColumn:
    """A read-only buffer over a column of a `ChainKernel`, which it keeps alive."""

    def __buffer__(self, flags: int, /) -> memoryview: ...

def mark_arrays(inputs: bytes, specs: list[bytes], scenario: bytes | None = None) -> bytes:
    """Encoded `MarkArrays` that follow from encoded `MarkInputs` for encoded `InstrumentSpec`s, ascending by
    instrument; with encoded `ScenarioParameters` they have lanes. `MarkError`, `CodecError`. Runs without the GIL.
    """

def risk_arrays_into(
    inputs: bytes,
    specs: list[bytes],
    scenario: bytes,
    numbers: tuple[Buffer, Buffer, Buffer, Buffer],
    lanes: Buffer,
    gaps: Buffer,
) -> None:
    """The same as columns: mark, vol, delta and vega (int64, one per instrument), 64 lanes (int32) and 16 gaps (uint32)
    of each. `MarkError`, `CodecError`, ValueError for a buffer that does not fit.
    """

# surface

_Svi: TypeAlias = tuple[float, float, float, float, float]
"""Raw SVI (a, b, rho, m, sigma)."""

class SurfaceError(ValueError):
    """Quotes from which no surface follows: no expiry, no sound quote, or times and forwards that make no sense."""

@final
class SurfaceSlice:
    """One fitted slice."""

    @property
    def parameters(self) -> tuple[int, int, int, int, int]:
        """Raw SVI (a, b, rho, m, sigma) on the wire's fixed point, 1e-9."""

    @property
    def method(self) -> int:
        """0 fitted, 1 blended, 2 eSSVI, 3 extrapolated, 4 previous."""

    @property
    def essvi(self) -> tuple[float, float, float]:
        """Its slice of the eSSVI surface: θ, slope of the right wing, slope of the left wing."""

    @property
    def butterfly(self) -> tuple[float, float]:
        """Lowest Durrleman g, and the log-moneyness where it is."""

    @property
    def calendar(self) -> tuple[float, float] | None:
        """Lowest excess of total variance over the slice before, and where; None for the first."""

    @property
    def quotes(self) -> bytes:
        """float64 rows (k, vol of the bid, vol of the ask, weight), ascending by k."""

    @property
    def fates(self) -> bytes:
        """One code per row given: 0 used, else why it was dropped."""

def fit_surface(
    expiries: Sequence[tuple[float, float, Buffer, Buffer, Buffer, Buffer, Buffer | None, _Svi | None]],
) -> list[SurfaceSlice]:
    """One slice per expiry, without static arbitrage, ascending by t.

    Each comes from (forward, t, strike, is_call, bid, ask, age or None, slice of an earlier fit or None): float64
    columns of one length, ``is_call`` uint8. Runs without the GIL. `SurfaceError`.
    """

def lowest_butterfly(slice: _Svi) -> tuple[float, float]:
    """Lowest Durrleman g of a raw SVI slice (a, b, rho, m, sigma) and the log-moneyness where it is."""

def lowest_calendar(earlier: _Svi, later: _Svi) -> tuple[float, float]:
    """Lowest excess of total variance of the later slice over the earlier one, and where."""

# commitment

class MerkleError(ValueError):
    """A proof that does not show what it is said to show."""

@final
class MerkleTree:
    """A state tree: 32-byte keys to values. Proofs are bytes: ``key ‖ value hash ‖ path``, as Proof encodes them."""

    def __len__(self) -> int: ...
    def set(self, key: bytes, value: bytes) -> bool:
        """Puts ``value`` under ``key``; whether the key is new."""

    def delete(self, key: bytes) -> bool:
        """Takes ``key`` out; whether it was there."""

    def root(self) -> bytes:
        """The root; zero when the tree is empty."""

    def prove(self, key: bytes) -> bytes | None:
        """Proof that ``key`` is there, or of the leaf that shows it is not; None when the tree is empty."""

    def prove_first(self, prefix: bytes) -> bytes | None:
        """Proof of the leftmost leaf with ``prefix``, or of one that shows there is none; None when it is empty."""

    @staticmethod
    def verify(root: bytes, key: bytes, value: bytes, proof: bytes) -> None:
        """Raises `MerkleError` unless the proof shows that ``key`` holds ``value``."""

    @staticmethod
    def verify_absent(root: bytes, key: bytes, proof: bytes | None) -> None:
        """Raises `MerkleError` unless the proof, or the empty root without one, shows that ``key`` is not there."""

    @staticmethod
    def verify_first(root: bytes, prefix: bytes, proof: bytes) -> bytes:
        """The leftmost key with ``prefix``; raises `MerkleError` unless the proof shows it."""

def batch_hash(header: bytes) -> bytes:
    """Hash of a batch header given as its fields in order, each as wide as its type."""

def withdrawal_root(withdrawals: list[tuple[int, int, int, bytes]]) -> bytes:
    """Root over (number, asset, amount, recipient), numbered one after the other; zero for none."""

def withdrawal_proof(withdrawals: list[tuple[int, int, int, bytes]], index: int) -> list[bytes]:
    """Siblings of the withdrawal at ``index``, from the leaf up; ValueError when there is none."""

MAX_CHUNK_BYTES: int
"""Most bytes of a chunk: what a blob may carry."""
MAX_CHUNK_UNITS: int
"""Most entries and steps of a chunk, together."""

@final
class Step:
    """What is posted of a step; immutable, equal when its fields are."""

    def __init__(self, kind: int, last: bool, subject: bytes, root: bytes) -> None: ...
    @property
    def kind(self) -> int:
        """What it does; ``docs/protocol/steps.md`` has the numbers."""

    @property
    def last(self) -> bool:
        """Whether it is the last of its command."""

    @property
    def subject(self) -> bytes:
        """What it does it to, 32 bytes; zero where that follows from the command and the state."""

    @property
    def root(self) -> bytes:
        """State root after it."""

@final
class Progress:
    """Where reading of the journal stands, before a chunk or behind it; immutable, equal when its fields are."""

    def __init__(
        self,
        root: bytes,
        chain_hash: bytes,
        command: bytes,
        inbox_hash: bytes,
        sequence: int,
        inbox_cursor: int,
        last_time: int,
        step: int,
    ) -> None: ...
    @property
    def root(self) -> bytes:
        """State root after the last step."""

    @property
    def chain_hash(self) -> bytes:
        """Command chain after the last command."""

    @property
    def command(self) -> bytes:
        """Hash of a command whose steps go on in the next chunk; zero between commands."""

    @property
    def inbox_hash(self) -> bytes:
        """Inbox chain after the items consumed."""

    @property
    def sequence(self) -> int:
        """Sequence of the last command."""

    @property
    def inbox_cursor(self) -> int:
        """Inbox items consumed."""

    @property
    def last_time(self) -> int:
        """Time of the last command."""

    @property
    def step(self) -> int:
        """Steps of the batch so far."""

    def as_tuple(self) -> tuple[bytes, bytes, bytes, bytes, int, int, int, int]:
        """The fields in the order of the contract's struct."""

@final
class Entry:
    """A command of a chunk and its steps there; immutable, equal when its fields are."""

    def __init__(self, record: bytes | None, steps: list[Step], goes_on: bool = False) -> None: ...
    @property
    def record(self) -> bytes | None:
        """Its record; None where its steps go on from the chunk before."""

    @property
    def steps(self) -> list[Step]:
        """Its steps, at least one; a new list each time."""

    @property
    def goes_on(self) -> bool:
        """Whether it has more steps in the next chunk."""

def pack_chunk(start: Progress, entries: list[Entry]) -> tuple[bytes, bytes, Progress]:
    """Bytes of a chunk that begins at ``start``, its trace root, and where reading stands behind it; `CodecError` when
    the entries make none.
    """

def read_chunk(start: Progress, data: bytes) -> tuple[list[Entry], bytes, Progress]:
    """Entries of a chunk, its trace root, and where reading stands behind it; `CodecError` when the chain would call
    the bytes malformed there.
    """

def trace_leaf(index: int, command: bytes, step: Step) -> bytes:
    """Leaf in the trace of step ``index`` of a batch, of the command with hash ``command``."""

class ReplayError(RuntimeError):
    """A command that no honest operator would have journaled."""

    sequence: int
    """Its sequence."""
    command: str | None
    """Its kind; None when it could not be decoded."""
    code: str
    """``data``, ``codec``, ``signature``, ``marks``, ``step``, or the engine's code of refusal."""
    reason: str
    """What is wrong with it."""
    step: int
    """Of `Replica.apply_named`: the first step that cannot be taken, where ``code`` is ``step``; else 0."""

class StateOpening(TypedDict):
    """Every leaf of a state by key, tree by tree."""

    accounts: dict[bytes, bytes]
    books: dict[bytes, bytes]
    instruments: dict[bytes, bytes]
    keys: dict[bytes, bytes]
    globals: dict[bytes, bytes]
    below: dict[int, AccountOpening]

class AccountOpening(TypedDict):
    """The leaves below a subaccount's; ``sides`` by (instrument, side)."""

    orders: dict[bytes, bytes]
    holdings: dict[bytes, bytes]
    sides: dict[tuple[int, int], dict[bytes, bytes]]

@final
class Replica:
    """Engine, command chain and state trees that follow the journal, or the data posted on chain.

    Recomputes all that follows from commands, marks included. A fault raises `ReplayError` and leaves the replica
    behind the last good command.
    """

    @property
    def sequence(self) -> int:
        """Sequence of the last command, 0 before the first."""

    @property
    def time(self) -> int:
        """Its venue time."""

    @property
    def chain_hash(self) -> bytes:
        """The command chain behind it."""

    @property
    def inbox_cursor(self) -> int:
        """Next inbox index."""

    @property
    def inbox_hash(self) -> bytes:
        """The inbox chain behind the items before it."""

    @property
    def next_withdrawal(self) -> int:
        """Number of the next withdrawal."""

    @property
    def venue(self) -> tuple[int, bytes, bytes] | None:
        """Chain id, contract and operator that Genesis names; None before it."""

    def apply(self, record: bytes, verify: bool = False) -> list[bytes]:
        """Applies the next record and returns its encoded events; checks its signatures when ``verify`` is set."""

    def apply_steps(self, record: bytes, verify: bool = False) -> list[Step]:
        """Applies the next record as `apply` does, and returns its steps with the state root after each."""

    def follow_many(self, records: Sequence[bytes], room: int | None = None) -> list[list[Step]]:
        """Applies the next records, up to the one with which all of them take ``room`` bytes of chunks (None: all), at
        least one if there is any, and returns the steps of each with the state root after each step. Hashes of many
        steps are computed together, so a few hundred records in one call are the fastest. On an error the records
        before it are applied. Runs without the GIL.
        """

    def apply_named(self, record: bytes, named: list[tuple[int, bytes]] | None, verify: bool = False) -> list[Step]:
        """Applies the next record by the steps that somebody names (kind, subject), all of them: where the rules leave
        a choice, what they say is done. Without names the choices are the replica's own. What no step judges is not
        asked either way: a client id may be taken, marks need not fit a parameter, the hash of a mark's arrays is as
        named. Returns the steps with the roots that *it* comes to. Whether they were legal is for the contract to say.
        Names cost a copy of the state; on an error it is put back.
        """

    def apply_many(self, data: bytes, verify: bool = True, threads: int = 0) -> int:
        """Applies packed records and returns their number. With ``verify``, signatures are checked before, on
        ``threads`` threads (0: one for each processor). Runs without the GIL.
        """

    def state_root(self) -> bytes:
        """The state root; costs what changed since it was last asked for."""

    def progress(self) -> Progress:
        """Where reading of the journal stands behind the last command, as a batch that follows begins."""

    def withdrawals_since(self, first: int) -> list[tuple[int, int, int, bytes]]:
        """(number, asset, amount, recipient) of the withdrawals from number ``first`` on that are not forgotten."""

    def forget_withdrawals(self, first: int) -> None:
        """Forgets the withdrawals below number ``first``."""

    def check_invariants(self) -> None:
        """Raises RuntimeError that names the first invariant that does not hold. Slow: from scratch."""

    def opening(self) -> StateOpening:
        """Every leaf of the state, from scratch."""

    def step_openings(self, record: bytes) -> list[StateOpening]:
        """Every leaf of the state after each step of the next record, from scratch: slow, to check roots with. The
        replica does not change.
        """

    def prove(
        self,
        tree: Literal["accounts", "books", "instruments", "keys", "globals"],
        key: bytes,
        record: bytes | None = None,
        steps: int = 0,
        named: list[tuple[int, bytes]] | None = None,
    ) -> tuple[tuple[bytes, bytes, bytes, bytes, bytes], bytes, bytes, list[int], list[bytes]]:
        """A leaf of the state and its path, as the contract's ``StatePath``: roots of the five trees, key, value, bits
        and siblings from the leaf up. The leaf is that of ``key``, or the one that shows its absence. The state is that
        behind the last command, or behind the first ``steps`` steps of the next ``record``, taken as by `apply_named`;
        the replica does not change. Spells out the whole state. ValueError when the record has fewer steps.
        """

    def witness_command(self, record: bytes) -> list[tuple[Step, bytes, bool, bytes]]:
        """The steps of the next record as the replica takes them, what no step judges not asked: each with the root
        before it, whether it is the first, and the witness with which the chain executes it. The replica does not
        change.
        """

    def witness_named(
        self, record: bytes, named: list[tuple[int, bytes]], first: int = 0, count: int = ...
    ) -> list[tuple[Step, bytes, bool, bytes]]:
        """The same by the steps that somebody names, see `apply_named`: of those before the first that cannot be taken,
        ``count`` from the one at ``first`` on. Each takes a copy of the state, and a command may have very many.
        """

    def witness_claim(
        self, record: bytes, index: int, kind: int, subject: bytes, named: list[tuple[int, bytes]] | None = None
    ) -> bytes:
        """Witness for a step that somebody claims at ``index`` of the next record: of another kind, with another
        subject, of a command that the replica refuses (then at 0), or behind its last step. The steps before it are
        taken as by `apply_named`; where one of them cannot be, the witness is of the state before that.
        """

    def witness_state(self, accounts: list[int], instruments: list[int]) -> bytes:
        """Witness of accounts and instruments in the state behind the last command, and of what prices collateral."""

    def copy(self) -> Replica:
        """Another replica in the same state; much quicker than `snapshot` and `restore`."""

    def snapshot(self) -> bytes:
        """Everything, for `restore`."""

    def restore(self, snapshot: bytes) -> None:
        """Becomes what was saved, unchecked: compare the root with a known one. `CodecError` when it is no snapshot."""

# engine

class Engine:
    """The venue's state machine in this process: records in, events and arrays of accounts out.

    The signatures of actions are checked in front of the engine, so none are needed here. ``docs/engine.md`` has the
    rules.
    """

    def __init__(self) -> None: ...
    @property
    def sequence(self) -> int:
        """Sequence of the last command, 0 before the genesis."""

    @property
    def time(self) -> int:
        """Its venue time, ns."""

    @property
    def insurance(self) -> int:
        """The insurance fund, micro-USDC."""

    @property
    def fees(self) -> int:
        """Fees collected, micro-USDC."""

    @property
    def liquidation_due(self) -> int | None:
        """When the next round of a liquidation is due, ns; None while there is none."""

    @property
    def liquidations(self) -> list[int]:
        """Subaccounts in liquidation, ascending."""

    def apply(self, record: bytes) -> list[bytes]:
        """Applies an encoded record; its encoded events. `EngineRefused` when it does not apply."""

    def mark(self, time: int, inputs: bytes, signers: list[bytes]) -> tuple[list[bytes], int, int]:
        """Applies a mark of encoded inputs, signed by these addresses: events, ns for the arrays, ns in the engine."""

    def place(
        self,
        time: int,
        subaccount: npt.NDArray[np.uint64],
        instrument: npt.NDArray[np.uint32],
        side: npt.NDArray[np.uint8],
        amount: npt.NDArray[np.int64],
        price: npt.NDArray[np.int64],
        immediate: bool = False,
    ) -> list[str | None]:
        """Places limit orders given as columns, each signed by its owner: 1e-8 contracts, micro-USDC; 0 buys, 1 sells.

        Orders rest, or end at once when ``immediate``. Returns the code of each refusal, None where there was none.
        """

    def standings(self) -> npt.NDArray[np.void]:
        """A record per subaccount, ascending: subaccount, cash, value (cash, perpetual P&L, options and collateral at
        the marks), equity, initial_equity, initial, maintenance (positions alone), in micro-USDC, and model.
        """

    def positions(self) -> npt.NDArray[np.void]:
        """A record per position: subaccount, lots, instrument."""

    def marks(self) -> npt.NDArray[np.void]:
        """A record per instrument, ascending: mark, iv, delta, vega as marks hold them; zeros while there is none."""

    def auctions(self) -> npt.NDArray[np.void]:
        """A record per open auction: liquidation, subaccount, opened, factor, share_max (1e-9), value, price and
        insurance of the whole portfolio (micro-USDC), insolvent.
        """

    def withdrawable(self, subaccount: int) -> int:
        """Micro-USDC that may leave a subaccount."""

    def copy(self) -> Engine:
        """An engine in the same state."""

    def check_invariants(self) -> None:
        """Audits the state from scratch; `RuntimeError` says what is wrong."""

    def simulate_margin(
        self,
        subaccount: int | None,
        positions: list[tuple[int, int]],
        cash: int,
        assets: list[tuple[int, int]],
        model: int | None,
        add_positions: bool = True,
    ) -> SimulationInfo:
        """Margin of a portfolio, as of `Host.simulate_margin`."""

# execution

class HostError(Exception):
    """The sequencer host cannot start, go on or take a command."""

class EngineRefused(RuntimeError):
    """A command or a question that the engine refused; ``code`` is a stable word."""

    code: str

class OrderInfo:
    """An order as it stands. Amounts 1e-8 contracts, prices and fees micro-USDC, times venue ns."""

    order: int
    subaccount: int
    instrument: int
    side: int
    amount: int
    limit_price: int
    order_type: int
    time_in_force: int
    valid_until: int
    post_only: int
    reduce_only: bool
    max_fee: int
    client_id: str
    signer: bytes
    filled: int
    filled_notional: int
    fees: int
    open: bool
    reason: str
    created: int
    updated: int
    replaced: bool

class TradeInfo:
    """A trade, with mark (micro-USDC), its vol and the index (both 1e-9) at the time."""

    trade: int
    sequence: int
    time: int
    instrument: int
    taker_side: int
    price: int
    amount: int
    maker_order: int
    maker_subaccount: int
    maker_fee: int
    taker_order: int
    taker_subaccount: int
    taker_fee: int
    mark: int
    iv: int
    index: int

class InstrumentInfo:
    """An instrument with its mark, Greeks and vols of best prices; zeros while it has none.

    Gamma 1e-12; theta and rho like vega micro-USDC; vols of best prices 0.01 %; forward and rate of its expiry 1e-9;
    open interest 1e-8 contracts.
    """

    instrument: int
    name: str
    underlying: int
    kind: int
    option_type: int
    strike: int
    expiry: int
    tick_size: int
    lot_size: int
    state: str
    mark: int
    iv: int
    delta: int
    gamma: int
    vega: int
    theta: int
    rho: int
    bid_iv: int
    ask_iv: int
    forward: int
    rate: int
    open_interest: int

class UnderlyingInfo:
    """An underlying with its last marks; prices, vols and rates 1e-9."""

    underlying: int
    symbol: str
    mode: str
    market_status: str
    mark_fault: str
    index: int
    confidence: int
    sources: int
    mark_time: int
    mark_epoch: int
    listing_epoch: int
    perpetual_mark: int
    funding_rate: int
    funding_index: int
    forwards: list[tuple[int, int, tuple[int, int, int, int, int]]]

class PositionInfo:
    """A position, with the margin that it needs by itself in the standard model; cash figures in micro-USDC."""

    instrument: int
    lots: int
    amount: int
    cost: int
    mark: int
    value: int
    unrealised: int
    initial: int
    maintenance: int

class AccountInfo:
    """A subaccount; cash figures in micro-USDC.

    Initial margin is compared with ``balance``, maintenance margin with ``balance_maintenance``; ``equity`` counts the
    options in either model. ``liquidation`` is 0 without one.
    """

    subaccount: int
    owner: bytes
    model: int
    cash: int
    balance: int
    balance_maintenance: int
    equity: int
    initial: int
    maintenance: int
    available: int
    withdrawable: int
    unrealised: int
    option_value: int
    open_orders: int
    close_only: bool
    margin_call: str
    liquidation: int
    collateral: list[CollateralInfo]

LANE_NAMES: list[str]
"""Names of the lanes of a risk array, in order; ``up_3`` is node 3 of the vol-up row."""
STATE_NAMES: list[str]
"""Names of the states that margin takes the worst of; ``up_3_4`` is the cell between two nodes."""

class StageMargin:
    """Margin of one underlying for one purpose, micro-USDC; of losses and add-ons ``share`` (1e-9) counts.

    ``add_ons`` is the sum of those that count.
    """

    share: int
    losses: list[int]
    scan: int
    state: int
    basis: int
    short_floor: int
    delta_concentration: int
    vega_concentration: int
    strike_concentration: int
    confidence: int
    order_cost: int
    add_ons: int

class UnderlyingBreakdownInfo:
    """One underlying of a breakdown, micro-USDC: P&L by lane of positions and of orders at worst, gaps by cell."""

    underlying: int
    initial: StageMargin
    positions: StageMargin
    maintenance: StageMargin
    lanes: list[int]
    order_lanes: list[int]
    gaps: list[int]

class CollateralInfo:
    """An asset beside USDC: amounts 1e-8 units, price micro-USDC per unit, values micro-USDC."""

    asset: int
    balance: int
    price: int
    value: int
    eligible_initial: int
    eligible_maintenance: int
    initial: int
    maintenance: int
    depeg_initial: int
    depeg_maintenance: int

class BreakdownInfo:
    """Portfolio margin line by line, micro-USDC; ``gross`` is a joint scan without offset between underlyings."""

    underlyings: list[UnderlyingBreakdownInfo]
    collateral: list[CollateralInfo]
    initial_scan: int
    initial_gross: int
    maintenance_scan: int
    maintenance_gross: int
    initial: int
    positions: int
    maintenance: int
    equity_initial: int
    equity_maintenance: int

class MarginMarket:
    """An underlying at one mark, with its instruments, for portfolio margin."""

    def __init__(
        self,
        inputs: bytes,
        specs: Sequence[bytes],
        parameters: bytes,
        numbers: Sequence[Buffer],
        lanes: Buffer,
        gaps: Buffer,
    ) -> None: ...
    def __len__(self) -> int: ...

def portfolio_margin(
    parts: Sequence[tuple[MarginMarket, Sequence[tuple[int, int, tuple[int, int, int], tuple[int, int, int]]]]],
    collateral: Sequence[tuple[int, bytes, int, int, int]],
    offset: tuple[int, int],
    funds: int,
) -> BreakdownInfo:
    """Margin of one portfolio, line by line.

    Rows are (place, position, bids, offers), sides (lots, worst price, fees), collateral (asset, terms, balance,
    counted, price).
    """

def portfolio_margins_into(
    markets: Sequence[MarginMarket], positions: Sequence[Buffer], offset: tuple[int, int], totals: Buffer
) -> None:
    """Writes joint scan, initial and maintenance margin of each row of positions."""

def standard_margin(spec: bytes, parameters: Sequence[int], index: int, mark: int, position: int) -> tuple[int, int]:
    """Initial and maintenance margin of a position in the standard model; the index is 1e-9 USD."""

class SimulationInfo:
    """What a margin simulation found, micro-USDC; ``breakdown`` in the portfolio model only.

    ``positions`` holds (instrument, lots, mark, value, (initial, maintenance) in the standard model).
    """

    model: int
    cash: int
    unrealised: int
    option_value: int
    equity: int
    balance: int
    balance_maintenance: int
    initial: int
    maintenance: int
    positions: list[tuple[int, int, int, int, tuple[int, int] | None]]
    collateral: list[CollateralInfo]
    breakdown: BreakdownInfo | None

class LiquidationInfo:
    """A liquidation; ``stage`` is empty once it is over, ``entries`` holds (sequence, time, mark, index, event)."""

    liquidation: int
    subaccount: int
    underlying: int
    stage: str
    fees: int
    insurance: int
    dropped: int
    entries: list[tuple[int, int, int, int, bytes]]

class AuctionInfo:
    """A running auction: ``price`` of the whole portfolio now, micro-USDC, negative when the insurance fund pays."""

    liquidation: int
    subaccount: int
    insolvent: bool
    opened: int
    price_factor: int
    share_max: int
    value: int
    price: int
    cash: int
    positions: list[tuple[int, int]]
    assets: list[tuple[int, int]]

class Outcome:
    """What became of a submission: where it stands, or a stable ``code`` and a ``message``."""

    tag: int
    ok: bool
    sequence: int
    time: int
    chain_hash: bytes
    code: str
    message: str
    order: int
    trades: list[TradeInfo]

class Update:
    """Everything that became durable since the last drain.

    ``books`` holds (instrument, previous change id, change id, [(side, action, price, amount)]), ``events`` the rarer
    events as (sequence, time, bytes), ``chains`` the underlyings whose chain changed, ``held`` the ids of outlets that
    hold something back.
    """

    results: list[Outcome]
    books: list[tuple[int, int, int, list[tuple[int, int, int, int]]]]
    trades: list[TradeInfo]
    orders: list[OrderInfo]
    subaccounts: list[int]
    underlyings: list[int]
    events: list[tuple[int, int, bytes]]
    chains: list[int]
    held: list[int]
    sequence: int
    chain_hash: bytes

class Receipt:
    """Proof that the operator acknowledged a command at its sequence; ``encoded`` is the protocol's `Receipt`."""

    sequence: int
    record: bytes
    command_hash: bytes
    chain_hash: bytes
    epoch: int
    frame: int
    first_sequence: int
    count: int
    command_root: bytes
    path: list[bytes]
    index: int
    signature: bytes
    encoded: bytes

class Outlet:
    """The sending half of a WebSocket connection: frames leave from whichever thread sends them, whole and in order.

    ``socket`` is the number of a connected, non-blocking socket, of which it takes a handle of its own.
    """

    id: int

    def __init__(self, socket: int) -> None: ...
    def fileno(self) -> int:
        """Its handle, to wait until the socket takes more."""

    def send(self, message: bytes) -> int:
        """Send a message; the bytes that wait for the socket."""

    def send_pong(self, payload: bytes) -> int:
        """Answer a ping; the bytes that wait for the socket."""

    def send_close(self, code: int, reason: bytes) -> int:
        """Send the last frame; the bytes that wait for the socket."""

    def flush(self) -> int:
        """Send what waited, as far as the socket takes it; the bytes that wait still."""

    def unsent(self) -> int:
        """Bytes that wait for the socket."""

    def close(self) -> None:
        """Let go of the socket; what waited is lost."""

class Host:
    """The sequencer host of one venue: journal, engine, publisher. Queries see durable state only."""

    def __init__(
        self,
        directory: str,
        operator_secret: bytes,
        *,
        venue_start_ns: int,
        real_start_ns: int,
        speed: float,
        threads: int = 1,
        snapshot_every: int = 250_000,
    ) -> None:
        """Recover the venue in ``directory``, or start an empty one; `HostError` when that fails."""

    @property
    def is_new(self) -> bool:
        """Whether the journal held no command when the host started."""

    @property
    def sequence(self) -> int:
        """The last durable command."""

    @property
    def chain_hash(self) -> bytes:
        """The command chain after it."""

    @property
    def epoch(self) -> int:
        """Times the journal was opened, this one included."""

    def fileno(self) -> int:
        """Readable when `drain` has something."""

    def now(self) -> int:
        """Venue time, ns."""

    def submit(self, tag: int, command: bytes) -> None:
        """Hand over ``kind ‖ body``; its outcome comes with a later `drain`. `HostError` when the queue is full."""

    def drain(self) -> Update:
        """Everything that became durable since the last call."""

    def close(self) -> None:
        """Stop after everything submitted is settled."""

    def parameters(self) -> list[int]:
        """Values of all parameters, in the order of their numbers."""

    def instruments(self) -> list[InstrumentInfo]:
        """Every instrument ever listed, by id."""

    def instrument(self, instrument: int) -> InstrumentInfo | None:
        """One instrument."""

    def underlying(self, underlying: int) -> UnderlyingInfo | None:
        """One underlying."""

    def book(self, instrument: int, depth: int) -> tuple[int, list[tuple[int, int]], list[tuple[int, int]]]:
        """Change id, bids and offers as (price, amount), best first."""

    def order(self, order: int) -> OrderInfo | None:
        """One order."""

    def order_by_client_id(self, subaccount: int, client_id: str) -> OrderInfo | None:
        """The newest order of that client id."""

    def join_chain(self, underlying: int, outlet: Outlet) -> bool:
        """Subscribe an outlet to the raw channel of an underlying's chain, whose pushes go to it without passing here;
        the first is the whole chain. False when there is no such underlying.
        """

    def leave_chain(self, underlying: int, outlet: Outlet) -> None:
        """End such a subscription."""

    def catch_up(self) -> list[int]:
        """Lead the readers of chains who were behind, and can take it now, to the present; the ids of outlets that hold
        something back.
        """

    def chain(self, underlying: int, channel: str, since: int | None) -> tuple[int, bytes] | None:
        """Change id of a chain, and the push of ``channel`` that brings a reader up to date who has it as of change
        ``since``, or nothing of it; None when there is no such underlying.
        """

    def greeks(self, underlying: int, channel: str) -> bytes | None:
        """Marks and Greeks of an underlying's options as a push of ``channel``; None when there is none such."""

    def portfolio_greeks(self, subaccount: int) -> list[tuple[int, int, int, int, int, int]]:
        """Greeks of a subaccount's positions as (underlying, delta, options' delta, gamma, vega, theta), in the units
        of `InstrumentInfo`; of the underlyings in which it has one.
        """

    def open_orders(self, subaccount: int) -> list[OrderInfo]:
        """Open orders."""

    def order_history(self, subaccount: int, count: int) -> list[OrderInfo]:
        """Orders, newest first."""

    def trades(self, instrument: int, underlying: int, count: int, before: int) -> list[TradeInfo]:
        """Trades, newest first; 0 stands for any instrument, any underlying, no bound."""

    def user_trades(self, subaccount: int, count: int, before: int) -> list[TradeInfo]:
        """Trades of a subaccount, newest first."""

    def positions(self, subaccount: int) -> list[PositionInfo]:
        """Positions, by instrument."""

    def account(self, subaccount: int) -> AccountInfo | None:
        """One subaccount."""

    def simulate_margin(
        self,
        subaccount: int | None,
        positions: list[tuple[int, int]],
        cash: int,
        assets: list[tuple[int, int]],
        model: int | None,
        add_positions: bool,
    ) -> SimulationInfo:
        """Margin of a portfolio: lots by instrument, micro-USDC, units by asset; `EngineRefused` when it has none.

        From nothing, cash is what is left beside the positions; on top of a subaccount they are traded at their marks.
        """

    def liquidations(
        self, underlying: int, subaccount: int | None, running: bool, before: int, count: int
    ) -> list[LiquidationInfo]:
        """Liquidations numbered below ``before`` (0: all) that fit, newest first; underlying 0 stands for any."""

    def liquidation(self, liquidation: int) -> LiquidationInfo | None:
        """One liquidation; None when it is not known."""

    def auction(self, subaccount: int) -> AuctionInfo | None:
        """The running auction of a subaccount's portfolio."""

    def liquidation_due(self) -> int | None:
        """When the next round of a liquidation is due, venue ns; None while nobody is liquidated."""

    def insurance(self) -> int:
        """The insurance fund, micro-USDC."""

    def risk_tables(self, underlying: int) -> tuple[bytes | None, tuple[int, bytes] | None]:
        """Risk table of an underlying, and the one that follows with its effective time, encoded."""

    def collateral_terms(self, asset: int) -> tuple[bytes | None, tuple[int, bytes] | None]:
        """Collateral terms of an asset, and those that follow with their effective time, encoded."""

    def subaccounts_of(self, owner: bytes) -> list[int]:
        """Subaccounts of an owner, ascending."""

    def key(self, signer: bytes) -> tuple[bytes, int, list[int], int] | None:
        """A session key that was not revoked: owner, scopes, subaccounts (empty: all), expiry."""

    def owner_nonce(self, owner: bytes) -> int:
        """Next number of an owner's owner actions."""

    def admin_nonce(self) -> int:
        """Next administration number."""

    def inbox(self) -> tuple[int, bytes]:
        """Next inbox index and the inbox chain before it."""

    def genesis_info(self) -> bytes:
        """Body of the genesis; empty before it."""

    def receipt(self, sequence: int) -> Receipt | None:
        """The signed receipt of a durable command; None when it is unknown to this host."""

# order book

_Side: TypeAlias = Literal["buy", "sell"]
_Lifetime: TypeAlias = Literal["good_til_cancelled", "post_only", "immediate_or_cancel", "fill_or_kill"]

class OrderBookError(ValueError):
    """The book refused an operation and changed nothing."""

class UnknownOrder(OrderBookError):
    """The order does not rest in the book: it was filled or cancelled, or never existed."""

class InvalidSize(OrderBookError):
    """A size that is not positive, or too large to stand beside what rests already."""

class WouldTrade(OrderBookError):
    """A post-only order that would trade."""

@final
class Placed:
    """What became of an order that came in or moved."""

    @property
    def order(self) -> int:
        """Id of the order."""

    @property
    def filled(self) -> int:
        """Size that traded at once."""

    @property
    def resting(self) -> int:
        """Size that rests now."""

    @property
    def fills(self) -> list[BookFill]:
        """The fills, in order of execution."""

@final
class BookFill:
    """Two orders met, at the maker's price."""

    @property
    def taker(self) -> int:
        """Id of the incoming order."""

    @property
    def maker(self) -> int:
        """Id of the resting order."""

    @property
    def price(self) -> int:
        """Price."""

    @property
    def size(self) -> int:
        """Size."""

    @property
    def taker_owner(self) -> int:
        """Owner of the incoming order."""

    @property
    def maker_owner(self) -> int:
        """Owner of the resting order."""

    @property
    def side(self) -> Literal["buy", "sell"]:
        """Side of the incoming order."""

@final
class BookOrder:
    """A resting order."""

    @property
    def order(self) -> int:
        """Its id."""

    @property
    def side(self) -> Literal["buy", "sell"]:
        """Its side."""

    @property
    def price(self) -> int:
        """Its price."""

    @property
    def size(self) -> int:
        """Its open size."""

    @property
    def owner(self) -> int:
        """Its owner's number."""

@final
class OrderBook:
    """A limit order book of one instrument, with price-time priority, for use without the venue.

    Prices are signed 64-bit integers (ticks, say), sizes positive ones, owners unsigned numbers of the caller's choice.
    Orders are numbered from 1 in the order in which they are accepted, whether they rest or not. There are no accounts
    and no self-trade prevention. A book is used by one thread at a time.

    Examples
    --------
    >>> book = OrderBook()
    >>> offer = book.limit("sell", price=101, size=5, owner=1)
    >>> bid = book.limit("buy", price=103, size=2, owner=2)
    >>> bid.filled, bid.fills[0].price, book.levels("sell")
    (2, 101, [(101, 3, 1)])
    """

    LIMIT: Final = 0
    """Kind of `batch`: a limit order; what does not trade rests."""
    POST_ONLY: Final = 1
    """Kind of `batch`: a limit order, refused when it would trade."""
    IMMEDIATE: Final = 2
    """Kind of `batch`: a limit order; what does not trade at once is dropped."""
    FILL_OR_KILL: Final = 3
    """Kind of `batch`: a limit order that trades in full at once or not at all."""
    MARKET: Final = 4
    """Kind of `batch`: a market order."""
    CANCEL: Final = 5
    """Kind of `batch`: a cancel."""
    REDUCE: Final = 6
    """Kind of `batch`: a reduction by `size`."""
    MOVE: Final = 7
    """Kind of `batch`: a new price, and a new size unless that is 0."""

    def __init__(self) -> None: ...
    def limit(
        self,
        side: _Side,
        price: int,
        size: int,
        owner: int = 0,
        lifetime: _Lifetime = "good_til_cancelled",
    ) -> Placed:
        """A limit order: trades with what its price reaches, then rests or ends as `lifetime` says.

        Parameters
        ----------
        side
            "buy" or "sell".
        price
            Limit price.
        size
            Size, positive.
        owner
            A number that fills and orders repeat.
        lifetime
            "good_til_cancelled" rests with what does not trade; "post_only" is refused when it would trade;
            "immediate_or_cancel" drops what does not trade; "fill_or_kill" trades in full or not at all.

        Raises
        ------
        InvalidSize
            When the size is not positive, or the side's total would exceed 64 bits.
        WouldTrade
            When a post-only order would trade.
        """

    def market(self, side: _Side, size: int, owner: int = 0) -> Placed:
        """A market order: trades with whatever rests; what is left is dropped.

        Raises
        ------
        InvalidSize
            When the size is not positive.
        """

    def cancel(self, order: int) -> int:
        """Takes an order out and returns the size that it had.

        Raises
        ------
        UnknownOrder
            When it does not rest.
        """

    def reduce(self, order: int, by: int) -> int:
        """Takes `by` off an order, in its place, and returns what is left; at 0 the order is gone.

        Raises
        ------
        UnknownOrder
            When it does not rest.
        InvalidSize
            When `by` is not positive.
        """

    def move(self, order: int, price: int, size: int | None = None) -> Placed:
        """Changes an order's price, size or both.

        It keeps its place when the price stays and the size does not grow. Else it goes behind all others at its
        price, and first trades with what a new price reaches.

        Raises
        ------
        UnknownOrder
            When it does not rest.
        InvalidSize
            When the size is not positive.
        """

    @property
    def best_bid(self) -> int | None:
        """Highest bid price, None without bids."""

    @property
    def best_ask(self) -> int | None:
        """Lowest offer price, None without offers."""

    @property
    def next_order(self) -> int:
        """Id that the next accepted order gets."""

    def levels(self, side: _Side, depth: int | None = None) -> list[tuple[int, int, int]]:
        """(price, size, orders) of the best `depth` levels, all of them when None; ``np.array`` takes it as it is."""

    def get(self, order: int) -> BookOrder | None:
        """The order, None when it does not rest."""

    def orders(self, side: _Side) -> list[BookOrder]:
        """The resting orders of `side` in the sequence in which they trade."""

    def volume_at(self, side: _Side, price: int) -> int:
        """Size that rests on `side` at `price`."""

    def volume(self, side: _Side) -> int:
        """Size that rests on `side` at all prices."""

    def state_hash(self) -> bytes:
        """Keccak-256 of every order in price-time order: equal books hash equal however they came about."""

    def batch(
        self,
        kind: Buffer,
        side: Buffer,
        order: Buffer,
        price: Buffer,
        size: Buffer,
        owner: Buffer | None = None,
    ) -> tuple[npt.NDArray[np.void], npt.NDArray[np.void]]:
        """Applies operations given as columns of equal length, in order, without the GIL.

        A column is a NumPy array or any one-dimensional buffer. What an operation has no use for may hold anything. An
        operation may name an order that the same batch makes: ids count up from `next_order`.

        Parameters
        ----------
        kind
            uint8, one of the constants of this class.
        side
            uint8, 0 buy, 1 sell.
        order
            uint64, of cancels, reductions and moves.
        price
            int64, of limit orders and moves.
        size
            int64.
        owner
            uint64, of new orders; all 0 when None.

        Returns
        -------
        results
            One record per operation: order, filled, resting, status (0 done, 1 unknown order, 2 size not positive,
            3 would trade, 4 too large; an operation that is not done changed nothing).
        fills
            One record per fill: taker, maker, price, size, taker_owner, maker_owner, operation (its place in the
            batch), side (of the taker).

        Raises
        ------
        ValueError
            When a column has another type or length, or holds a kind or side that does not exist; nothing is applied.
        """

    def __len__(self) -> int: ...
    def __contains__(self, order: int, /) -> bool: ...
