"""Processes of a venue: started, watched, restarted when they die, ended in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path

import msgspec
import structlog

log = structlog.get_logger(__name__)

STOP_SECONDS = 15.0
"""How long a process may take to end before it is killed."""
BACKOFF_SECONDS_MAX = 5.0
"""Longest pause before a process that keeps dying is started again."""


class ProcessSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One process.

    Attributes:
        name: Its name, also of its log file.
        module: Python module that is run.
        arguments: Its arguments.
        restart: Whether it is started again when it dies.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    restart: bool = True


class _Running:
    def __init__(self, spec: ProcessSpec) -> None:
        self.spec = spec
        self.process: asyncio.subprocess.Process | None = None
        self.watch: asyncio.Task[None] | None = None


class Supervisor:
    """Starts processes, restarts what dies, and ends all of them in reverse order.

    Args:
        logs: Directory for one log file per process.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        logs.mkdir(parents=True, exist_ok=True)
        self._running: dict[str, _Running] = {}
        self._restarts: dict[str, int] = {}
        self._stopping = False

    @property
    def restarts(self) -> dict[str, int]:
        """How often each process was started again, those included that have ended."""
        return dict(self._restarts)

    def pid(self, name: str) -> int | None:
        """Returns the process id of ``name`` while it runs."""
        process = self._running[name].process
        return None if process is None or process.returncode is not None else process.pid

    async def start(self, spec: ProcessSpec) -> None:
        """Starts a process and keeps it running."""
        running = _Running(spec)
        self._running[spec.name] = running
        self._restarts.setdefault(spec.name, 0)
        running.process = await self._spawn(spec)
        running.watch = asyncio.create_task(self._keep(running), name=f"keep {spec.name}")

    async def _spawn(self, spec: ProcessSpec) -> asyncio.subprocess.Process:
        with (self._logs / f"{spec.name}.log").open("ab") as output:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                spec.module,
                *spec.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                # A Ctrl-C at the terminal reaches the supervisor only; it ends the others in order.
                start_new_session=True,
            )

    async def _keep(self, running: _Running) -> None:
        pause = 0.2
        while running.process is not None:
            started = time.monotonic()
            code = await running.process.wait()
            if self._stopping or not running.spec.restart:
                return
            pause = 0.2 if time.monotonic() - started > 10 else min(pause * 2, BACKOFF_SECONDS_MAX)
            log.warning("process_died", name=running.spec.name, code=code, restart_in=pause)
            await asyncio.sleep(pause)
            running.process = await self._spawn(running.spec)
            self._restarts[running.spec.name] += 1

    async def wait(self, name: str) -> int:
        """Waits until a process that is not restarted ends, and returns its exit code."""
        process = self._running[name].process
        assert process is not None
        return await process.wait()

    async def stop(self, names: Sequence[str] | None = None) -> None:
        """Ends the named processes, or all, the last started first."""
        chosen = list(self._running) if names is None else list(names)
        if names is None:
            self._stopping = True
        for name in reversed(chosen):
            running = self._running.pop(name, None)
            if running is not None:
                await self._end(running)

    async def _end(self, running: _Running) -> None:
        if running.watch is not None:
            running.watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running.watch
        process = running.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            log.warning("process_killed", name=running.spec.name)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def tail(path: Path, lines: int = 20) -> str:
    """Returns the end of a log file, for the message of a failed start."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


async def run_until_signal(work: Coroutine[object, object, None]) -> None:
    """Runs ``work`` until it ends or the process gets SIGTERM or SIGINT; then it is cancelled and may clean up."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
