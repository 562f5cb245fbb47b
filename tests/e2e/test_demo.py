"""The main job: the whole venue as processes, on the bundled and on the recorded market, with and without kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from synchromesh.agents.dishonest import FRAUDS
from synchromesh.operations import demo as demo_module
from synchromesh.operations.dashboard import View
from synchromesh.operations.demo import Demo, DemoPlan
from synchromesh.operations.launch import VenueStack

DURATION = 25
SECONDS = 600
"""A demo that takes longer hangs: on a machine with much else to do it takes minutes."""
KEYS = {
    "instruments",
    "orders",
    "cancels",
    "fills",
    "notional_usd",
    "deposits",
    "withdrawals_paid",
    "batches",
    "root_on_chain",
    "root_verifier",
    "frauds_proven",
    "frozen",
    "invariants_ok",
    "ack_ms",
    "wall_s",
}
KILLS = {
    "oracle-1": 2,
    "maker-0": 4,
    "execution": 6,
    "oracle-0": 9,
    "takers": 12,
    "settlement": 14,
    "watchtower": 17,
    "maker-1": 19,
}
"""Processes that are killed, and how many seconds after the first fill."""
KILL_DURATION = 60
ACCOUNTS = 6
"""Makers and takers that deposit."""


def recorded() -> str:
    """Folder of recorded market data; skips the test where there is none."""
    folder = os.environ.get("SYNCHROMESH_DATA")
    if not folder:
        pytest.skip("SYNCHROMESH_DATA names no folder of recorded market data")
    return folder


DEMO = [sys.executable, "-c", "from synchromesh.cli import app; app()", "demo"]


def run_demo(tmp_path: Path, **environment: str) -> dict[str, object]:
    """The summary of ``synchromesh demo``, which must end with exit code 0."""
    report = tmp_path / "summary.json"
    arguments = ["--duration", str(DURATION), "--json", str(report), "--directory", str(tmp_path / "venue")]
    inherited = {name: value for name, value in os.environ.items() if name != "SYNCHROMESH_DATA"}
    done = subprocess.run(
        DEMO + arguments, env=inherited | environment, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    summary: dict[str, object] = json.loads(report.read_text())
    # What is printed last is the venue as it ended.
    assert f"batches {summary['batches']}/{summary['batches']}" in done.stdout
    assert "venue 2026-02-" in done.stdout
    return summary


def check(summary: dict[str, object]) -> None:
    """What every demo must come to."""
    assert summary.keys() >= KEYS
    assert summary["invariants_ok"] is True
    assert summary["root_on_chain"] == summary["root_verifier"]
    assert int(str(summary["root_on_chain"]), 16) != 0
    assert summary["frauds_proven"] == 0
    assert summary["frozen"] is False
    for key in ("instruments", "orders", "fills", "notional_usd", "batches"):
        assert float(str(summary[key])) > 0, key
    assert int(str(summary["deposits"])) >= ACCOUNTS


@pytest.mark.slow
def test_demo_on_the_bundled_market(tmp_path: Path) -> None:
    summary = run_demo(tmp_path)
    check(summary)
    assert summary["restarts"] == {}, "a process died by itself"
    latency = summary["ack_ms"]
    assert isinstance(latency, dict)
    assert 0 < latency["p50"] <= latency["p99"]


@pytest.mark.slow
def test_demo_on_the_recorded_market(tmp_path: Path) -> None:
    summary = run_demo(tmp_path, SYNCHROMESH_DATA=recorded())
    check(summary)
    assert int(str(summary["instruments"])) > 1_500, "the recorded chains list more than this"
    assert summary["restarts"] == {}


@pytest.mark.slow
async def test_every_process_may_be_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process gets one SIGKILL while it works, and the venue still ends with what the watchtower recomputes."""
    stacks: list[VenueStack] = []

    class Watched(VenueStack):
        def __init__(self, *arguments: object, **keywords: object) -> None:
            super().__init__(*arguments, **keywords)  # type: ignore[arg-type]
            stacks.append(self)

    monkeypatch.setattr(demo_module, "VenueStack", Watched)
    waiting = dict(KILLS)
    trading: list[tuple[float, int]] = []
    """Second and fills so far, once the first fill came."""

    def kill_when_due(view: View) -> None:
        if not view.counted.fills:
            return
        trading.append((view.elapsed, view.counted.fills))
        for name, second in list(waiting.items()):
            pid = stacks[0].supervisor.pid(name)
            if view.elapsed - trading[0][0] >= second and pid is not None:
                os.kill(pid, signal.SIGKILL)
                del waiting[name]

    plan = DemoPlan(directory=tmp_path / "venue", duration=KILL_DURATION)
    summary = await Demo(plan, kill_when_due).run()
    assert not waiting, f"{', '.join(waiting)} were never killed"
    assert summary.invariants_ok
    assert not summary.frozen
    assert summary.root_on_chain == summary.root_verifier != ""
    assert summary.restarts.keys() == KILLS.keys(), "each killed process was started again, and no other died"
    killed = next(fills for second, fills in trading if second - trading[0][0] >= max(KILLS.values()))
    assert summary.fills > killed, "nobody traded any more after the kills"
    assert summary.deposits >= ACCOUNTS


@pytest.mark.slow
def test_a_fraud_costs_the_operator_its_bond_and_users_nothing(tmp_path: Path) -> None:
    """The whole story as processes: honest trading, the fraud, the watchtower, the standby, and everybody paid."""
    report = tmp_path / "fraud.json"
    arguments = ["--fraud", "out-of-priority", "--json", str(report), "--directory", str(tmp_path / "venue")]
    done = subprocess.run(DEMO + arguments, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found = json.loads(report.read_text())
    assert found["fraud"] == "out-of-priority"
    assert (found["detected_by"], found["challenge"]) == ("watchtower", "step")
    assert found["step"] is not None
    assert int(found["challenge_tx"], 16) != 0
    assert 0 < found["gas"] < 16_800_000
    assert found["rewarded"]
    assert found["slashed"]
    assert found["users_whole"]


def test_the_catalogue_of_frauds_is_listed() -> None:
    done = subprocess.run([*DEMO, "--fraud", "list"], capture_output=True, text=True, timeout=SECONDS, check=True)
    listed = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert listed.keys() == FRAUDS.keys()
    assert listed["out-of-priority"].startswith("An order is filled")


def test_a_fraud_that_nobody_knows_is_refused() -> None:
    done = subprocess.run([*DEMO, "--fraud", "tax"], capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode != 0
    assert "there is no fraud 'tax'" in done.stdout + done.stderr
