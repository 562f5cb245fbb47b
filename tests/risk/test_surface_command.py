"""``synchromesh surface``: numbers as JSON, a table, pictures, and one line for what is no chain."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from synchromesh.cli import app
from synchromesh.pricing import black76
from synchromesh.risk.surface import Smile

COLUMNS = ("timestamp", "underlying", "option_type", "strike", "expiry_datetime", "bid_price", "ask_price",
           "implied_volatility", "open_interest", "currency", "index_price")  # fmt: skip
FORWARD = 70_000.0


@pytest.fixture
def chain_file(tmp_path: Path) -> Path:
    """Two expiries of BTC, 41 strikes each; one call has no bid, one put is crossed."""
    lines = [",".join(COLUMNS)]
    for day, t in ((15, 10 / 365), (25, 20 / 365)):
        smile = Smile(a=0.002, b=0.05, rho=-0.2, m=0.02, sigma=0.1).scaled(t * 36.5)
        for k in np.linspace(-0.4, 0.4, 41):
            strike = round(FORWARD * float(np.exp(k)))
            vol = float(smile.vol(np.log(np.array([strike / FORWARD])), t)[0])
            for kind in ("call", "put"):
                bid, ask = (float(black76(FORWARD, strike, t, vol + half, kind == "call").price) / FORWARD
                            for half in (-0.01, 0.01))  # fmt: skip
                lines.append(f"2026-02-05T08:00:00+00:00,{FORWARD},{kind},{strike},2026-02-{day}T08:00:00+00:00,{bid},{ask},"
                             f"{vol},1,BTC,70000")  # fmt: skip
    fields = lines[1].split(",")
    lines[1] = ",".join([*fields[:5], "0.5", "0.4", *fields[7:]])
    fields = lines[2].split(",")
    lines[2] = ",".join([*fields[:5], "", *fields[6:]])
    path = tmp_path / "chain.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_prints_json(chain_file: Path) -> None:
    result = CliRunner().invoke(app, ["surface", str(chain_file), "--json"])
    assert result.exit_code == 0
    report = json.loads(result.output)
    assert report["totals"]["violations"] == 0
    assert report["totals"]["inside"] == 1.0
    assert report["totals"]["mark_error"] < 0.2
    (snapshot,) = report["snapshots"]
    near, far = snapshot["slices"]
    assert (near["expiry"], near["days"], near["rows"]) == ("2026-02-15T08:00:00.000+00:00", pytest.approx(10), 82)
    assert near["fixed"] == [round(value * 1e9) for value in near["smile"].values()]
    assert near["drops"] == {"crossed": 1, "no_bid": 1}
    assert {(each["type"], each["reason"]) for each in near["dropped"]} == {("call", "crossed"), ("put", "no_bid")}
    assert far["drops"] == {}
    assert far["calendar"] > 0
    assert near["worst_g"] > 0
    assert near["error_vol"] < 0.2
    assert near["error_ticks"] < 5


def test_prints_a_table(chain_file: Path) -> None:
    result = CliRunner().invoke(app, ["surface", str(chain_file)])
    assert result.exit_code == 0
    assert "1 no_bid, 1 crossed" in result.output
    assert "0 violations" in result.output


def test_draws_pictures(chain_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    assert CliRunner().invoke(app, ["surface", str(chain_file), "--plot", str(folder)]).exit_code == 0
    names = {path.name for path in folder.iterdir()}
    assert names == {"BTC_2026-02-05T0800Z_smiles.png", "BTC_2026-02-05T0800Z_variance.png"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in folder.iterdir())


@pytest.mark.parametrize("text", ["a,b\n1,2\n", ",".join(COLUMNS) + "\n", None])
def test_what_is_no_chain_is_one_line(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "none.csv"
    if text is not None:
        path.write_text(text)
    result = CliRunner().invoke(app, ["surface", str(path), "--json"])
    assert result.exit_code == 2
    assert result.stderr.startswith("cannot fit: ")
    assert result.stderr.count("\n") == 1


def test_a_chain_without_quotes_is_one_line(chain_file: Path) -> None:
    lines = chain_file.read_text().splitlines()
    empty = [",".join([*line.split(",")[:5], "", "", *line.split(",")[7:]]) for line in lines[1:]]
    chain_file.write_text("\n".join([lines[0], *empty]))
    result = CliRunner().invoke(app, ["surface", str(chain_file)])
    assert (result.exit_code, result.stderr) == (2, "cannot fit: SurfaceError: no expiry has a sound two-sided quote\n")


def test_a_snapshot_that_cannot_be_fitted_does_not_keep_the_others_from_it(chain_file: Path, tmp_path: Path) -> None:
    lines = chain_file.read_text().splitlines()
    alone = ",".join([*lines[1].split(",")[:9], "../ETH", "2000"])
    good = [line.replace("BTC", "../BTC") for line in lines[1:]]
    chain_file.write_text("\n".join([lines[0], alone, *good]))
    folder = tmp_path / "pictures"
    result = CliRunner().invoke(app, ["surface", str(chain_file), "--json", "--plot", str(folder)])
    assert result.exit_code == 0
    report = json.loads(result.output)
    assert [each["symbol"] for each in report["snapshots"]] == ["../BTC"]
    assert report["refused"] == [
        {"symbol": "../ETH", "time": "2026-02-05T08:00:00.000+00:00", "reason": "no expiry has a sound two-sided quote"}
    ]
    assert len(list(folder.iterdir())) == 2
