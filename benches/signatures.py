"""Signature recovery: `recover_many` on one thread and on two, beside coincurve on one, in one run.

Both bind libsecp256k1; ours also refuses high s and hashes the key to its address, so the peer does the latter too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from coincurve import PublicKey

from benches.rows import Row, row
from synchromesh._native import address_of, keccak256, recover_many, sign

COUNT = 2_000
REPEATS, QUICK_REPEATS = 7, 3
PEER = "coincurve 21.0.0, one thread"

Item = tuple[bytes, bytes]


def items(count: int) -> list[Item]:
    """(digest, signature) pairs."""
    secret = keccak256(b"synchromesh benchmark")
    digests = (keccak256(number.to_bytes(8)) for number in range(count))
    return [(digest, sign(digest, secret)) for digest in digests]


def rate(work: Callable[[], object], count: int, repeats: int) -> float:
    """Best rate of ``repeats`` runs, per second."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return count / best


def ceiling(threads: int, repeats: int) -> float:
    """Signatures that ``threads`` threads recover per second."""
    work = items(COUNT)
    share = -(-COUNT // threads)
    parts = [work[at : at + share] for at in range(0, COUNT, share)]
    with ThreadPoolExecutor(threads) as pool:
        return rate(lambda: list(pool.map(recover_many, parts)), COUNT, repeats)


def recovery_cpu_us() -> float:
    """Processor time of one recovery, µs."""
    work = items(COUNT)
    start = time.thread_time()
    recover_many(work)
    return (time.thread_time() - start) / COUNT * 1e6


def _coincurve(work: list[Item]) -> list[bytes]:
    found = []
    for digest, signature in work:
        canonical = signature[:64] + bytes([signature[64] - 27])
        key = PublicKey.from_signature_and_message(canonical, digest, hasher=None)
        found.append(keccak256(key.format(compressed=False)[1:])[12:])
    return found


def rows(quick: bool = False) -> list[Row]:
    work = items(COUNT)
    address = address_of(keccak256(b"synchromesh benchmark"))
    assert recover_many(work) == _coincurve(work) == [address] * COUNT, "both recover the signer"
    # Taking turns, so that all meet the same machine.
    turns = range(QUICK_REPEATS if quick else REPEATS)
    rates = [(ceiling(1, 1), ceiling(2, 1), rate(lambda: _coincurve(work), COUNT, 1)) for _ in turns]
    one, two, peer = map(max, zip(*rates, strict=True))
    return [
        row("signature recovery, 1 thread", one, "signatures/s", PEER, peer, "higher"),
        row("signature recovery, 2 threads", two, "signatures/s", PEER, peer, "higher"),
    ]
