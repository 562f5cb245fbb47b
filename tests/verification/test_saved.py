"""A verifier that starts again goes on where it was, as far as the chain agrees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from support.ledger import ALICE, BOB
from support.local import LocalChain, LocalVenue
from synchromesh._native import Replica
from synchromesh.protocol import Side
from synchromesh.verification.checkpoints import DENSE, Checkpoints
from synchromesh.verification.examine import Examination
from synchromesh.verification.verify import Verifier
from verification.poster import Poster

pytestmark = pytest.mark.asyncio(loop_scope="module")

BATCHES = 4


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def poster() -> AsyncIterator[Poster]:
    """A venue with some honest batches."""
    async with LocalChain() as local:
        found = Poster(await LocalVenue.new(local))
        ledger = await found.venue.open()
        await found.honest()
        for _ in range(1, BATCHES):
            ledger.place(ALICE, 1, Side.BUY, 1_000)
            ledger.place(BOB, 2, Side.SELL, 1_000)
            await found.honest()
        yield found


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """States are saved behind every batch."""
    monkeypatch.setattr("synchromesh.verification.verify.SAVE_EVERY", 1)


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the batches that were replayed."""
    found: list[int] = []
    run = Examination.run

    def noted(examination: Examination) -> bool:
        found.append(examination._batch.header.index)
        return run(examination)

    monkeypatch.setattr(Examination, "run", noted)
    return found


def verifier(poster: Poster, folder: Path | None) -> Verifier:
    return Verifier(poster.venue.chain, poster.venue.deployment.settlement, folder=folder)


async def test_a_restart_replays_nothing_again(poster: Poster, examined: list[int], tmp_path: Path) -> None:
    verdict = await verifier(poster, tmp_path / "states").advance()
    assert examined == list(range(BATCHES))
    again = verifier(poster, tmp_path / "states")
    assert await again.advance() == verdict
    assert examined == list(range(BATCHES)), "nothing was new"
    assert again.replica.state_root() == poster.replica.state_root()
    for index in range(BATCHES):
        assert (await again.state_before(index)).state_root() == again.headers[index].previous_root
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "states").iterdir())


async def test_what_the_chain_does_not_hold_is_not_believed(
    poster: Poster, examined: list[int], tmp_path: Path
) -> None:
    local = poster.venue.local
    snapshot, behind = await local.snapshot(), poster.replica.copy()
    poster.venue.ledger.place(ALICE, 1, Side.BUY, 900)
    await poster.lie(lambda commands: None)
    assert (await verifier(poster, tmp_path).advance()).batches == BATCHES + 1
    poster.venue.ledger.records.pop()
    await local.revert(snapshot)
    examined.clear()
    again = verifier(poster, tmp_path)
    assert (await again.advance()).batches == BATCHES
    assert not examined, "an older state was saved as well"
    assert again.replica.state_root() == behind.state_root()


@pytest.mark.parametrize("damage", ["nothing", "noise", "another state"])
async def test_a_damaged_file_costs_time_only(poster: Poster, examined: list[int], tmp_path: Path, damage: str) -> None:
    verdict = await verifier(poster, tmp_path).advance()
    for path in tmp_path.glob("*.state"):
        data = path.read_bytes()
        if damage == "nothing":
            path.write_bytes(b"")
        elif damage == "noise":
            path.write_bytes(bytes(len(data)))
        else:
            # The sum of the snapshot's bytes is another: what is restored of it does not stand under the root.
            path.write_bytes(data[:-200] + bytes(byte ^ 1 for byte in data[-200:]))
    examined.clear()
    assert await verifier(poster, tmp_path).advance() == verdict
    assert examined == list(range(BATCHES))


async def test_few_old_states_are_kept() -> None:
    kept, count = Checkpoints(), 1_000
    for index in range(1, count):
        kept.keep(index, Replica())
    assert [kept.before(index)[0] for index in range(count - DENSE, count)] == list(range(count - DENSE, count))
    for index in range(count):
        found, _ = kept.before(index)
        assert index - found <= (count - found) // DENSE, "a part of its age"
    assert len({kept.before(index)[0] for index in range(count)}) <= DENSE * count.bit_length()
    kept.cut(500)
    assert kept.before(count)[0] <= 500
