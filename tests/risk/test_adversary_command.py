"""``synchromesh stress adversary`` and ``efficiency``: JSON, pictures, tables, and one line for what is no chain."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from synchromesh.pricing import black76
from synchromesh.risk.adversary import report, scenarios
from synchromesh.risk.adversary.moves import Move
from synchromesh.risk.stress_command import app
from synchromesh.risk.surface import Smile

COLUMNS = ("timestamp", "underlying", "option_type", "strike", "expiry_datetime", "bid_price", "ask_price",
           "implied_volatility", "open_interest", "currency", "index_price")  # fmt: skip
FORWARD = 70_000.0
STAGES = {"nodes", "cells", "tails", "crash", "skew", "term", "basis", "floor"}


@pytest.fixture
def chain_file(tmp_path: Path) -> Path:
    """Three expiries of BTC, 21 strikes each."""
    lines = [",".join(COLUMNS)]
    for date, t in (("2026-02-06", 1 / 365), ("2026-03-06", 29 / 365), ("2026-04-24", 78 / 365)):
        smile = Smile(a=0.002, b=0.05, rho=-0.2, m=0.02, sigma=0.1).scaled(t * 36.5)
        for k in np.linspace(-0.4, 0.4, 21):
            strike = round(FORWARD * float(np.exp(k)), -2)
            vol = float(smile.vol(np.log(np.array([strike / FORWARD])), t)[0])
            for kind in ("call", "put"):
                bid, ask = (float(black76(FORWARD, strike, t, vol + half, kind == "call").price) / FORWARD
                            for half in (-0.01, 0.01))  # fmt: skip
                lines.append(f"2026-02-05T08:00:00+00:00,{FORWARD},{kind},{strike},{date}T08:00:00+00:00,{bid},{ask},"
                             f"{vol},1,BTC,70000")  # fmt: skip
    path = tmp_path / "chain.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_writes_worst_coverage_by_set(chain_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "QUICK_STRIKES", 4)
    out, pictures = tmp_path / "report.json", tmp_path / "pictures"
    call = ["adversary", "--quick", "--chain", str(chain_file), "--json", str(out), "--plot", str(pictures)]
    result = CliRunner().invoke(app, call)
    assert result.exit_code == 0, result.output
    found = json.loads(out.read_text())
    assert found["promises_kept"] is True
    assert found["worst_coverage"]["bound"] >= 0.999999
    assert found["worst_coverage"]["crash_lane"] >= 0.16 / 0.30 - 1e-6
    assert set(found["worst_coverage"]) == {each["name"] for each in found["sets"]} == set(found["worst_ratio"])
    assert all(set(row["coverage"]) == STAGES for row in found["ladder"])
    worst = next(each["worst"] for each in found["sets"] if each["name"] == "far_down")
    assert worst["holdings"][0]["instrument"].startswith("BTC_USDC-")
    assert {path.name for path in pictures.iterdir()} == {"adversary-BTC-ladder.png", "adversary-BTC-coverage.png"}
    assert "worst coverage" in result.output
    assert "BTC far_down" in result.output


def test_a_broken_promise_is_an_exit_code(chain_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "QUICK_STRIKES", 3)
    monkeypatch.setattr(scenarios, "CRASH", Move(spot=-0.30, multiple=4.0))
    result = CliRunner().invoke(app, ["adversary", "--quick", "--chain", str(chain_file), "--symbol", "BTC"])
    assert result.exit_code == 1


def test_efficiency_compares_models(tmp_path: Path) -> None:
    out, pictures = tmp_path / "rows.json", tmp_path / "pictures"
    result = CliRunner().invoke(app, ["efficiency", "--symbol", "BTC", "--json", str(out), "--plot", str(pictures)])
    assert result.exit_code == 0, result.output
    (rows,) = json.loads(out.read_text()).values()
    assert len(rows) == 12
    assert (pictures / "efficiency-BTC.png").read_bytes().startswith(b"\x89PNG")
    assert "calendar" in result.output


@pytest.mark.parametrize("command", ["adversary", "efficiency"])
@pytest.mark.parametrize("text", ["a,b\n1,2\n", None])
def test_what_is_no_chain_is_one_line(tmp_path: Path, command: str, text: str | None) -> None:
    path = tmp_path / "none.csv"
    if text is not None:
        path.write_text(text)
    result = CliRunner().invoke(app, [command, "--chain", str(path)])
    assert result.exit_code == 2
    assert result.stderr.startswith("no market: ")
    assert result.stderr.count("\n") == 1
