"""The supervisor: what dies comes back, what is stopped stays away, and the log says why."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from support.venue import settled
from synchromesh.operations.processes import ProcessSpec, Supervisor, tail


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that says its arguments, and sleeps; with the argument ``fail`` it ends at once."""
    text = "import sys, time\nprint(*sys.argv[1:])\nif 'fail' in sys.argv: sys.exit(3)\ntime.sleep(60)\n"
    (tmp_path / "sleeper.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "sleeper"


async def test_a_killed_process_is_started_again(tmp_path: Path, module: str) -> None:
    supervisor = Supervisor(tmp_path / "logs")
    log = tmp_path / "logs" / "one.log"
    await supervisor.start(ProcessSpec(name="one", module=module, arguments=("hello",)))
    await settled(lambda: tail(log) == "hello")
    first = supervisor.pid("one")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await settled(lambda: supervisor.pid("one") not in (None, first))
    await settled(lambda: supervisor.restarts == {"one": 1})
    await settled(lambda: tail(log).count("hello") == 2)
    await supervisor.stop(["one"])
    assert supervisor.restarts == {"one": 1}, "an ended process is still counted"


async def test_what_is_stopped_stays_away(tmp_path: Path, module: str) -> None:
    supervisor = Supervisor(tmp_path / "logs")
    for name in ("one", "two"):
        await supervisor.start(ProcessSpec(name=name, module=module))
    pids = [supervisor.pid(name) for name in ("one", "two")]
    await supervisor.stop()
    await asyncio.sleep(0.5)
    for pid in pids:
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert supervisor.restarts == {"one": 0, "two": 0}


async def test_a_process_that_ends_for_good_gives_its_exit_code(tmp_path: Path, module: str) -> None:
    supervisor = Supervisor(tmp_path / "logs")
    await supervisor.start(ProcessSpec(name="once", module=module, arguments=("fail",), restart=False))
    assert await supervisor.wait("once") == 3
    assert tail(tmp_path / "logs" / "once.log") == "fail"
    await supervisor.stop()
