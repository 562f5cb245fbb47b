"""``synchromesh margin``: portfolios from files, margined offline and by a venue, shown and drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from support.risk import RiskVenue
from support.venue import CALL, PERPETUAL
from synchromesh.agents.market import MarketPath, load_bundled
from synchromesh.cli import app
from synchromesh.client import SyncClient
from synchromesh.client.types import MarginSimulation, State
from synchromesh.protocol import MarginModel
from synchromesh.risk.simulation import PositionsError, WhatIf, read_positions, simulate_offline
from synchromesh.risk.simulation.tables import describe


def portfolio_file(folder: Path, *rows: str) -> Path:
    path = folder / "positions.csv"
    path.write_text("\n".join(["instrument,amount", *rows]) + "\n")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["margin", *(str(argument) for argument in arguments)])


def one_line(result: Result) -> str:
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


@pytest.fixture(scope="module")
def option() -> str:
    """A call of the bundled market that is a little out of the money."""
    market = MarketPath(load_bundled(), mode="jump")
    index = market.index("BTC", market.end_ns)
    calls = [each for each in market.series("BTC", market.end_ns) if each.name.endswith("-C")]
    return min(calls, key=lambda each: (abs(each.strike / 1e6 - 1.03 * index), each.expiry)).name


def test_rows_are_instruments_cash_and_assets(tmp_path: Path) -> None:
    path = portfolio_file(tmp_path, f"{CALL}, -1.5", "USDC,100", f"{CALL},0.5", "USDC,20.5", "WBTC,2")
    assert msgspec.to_builtins(read_positions(path)) == {
        "positions": {CALL: "-1.0"},
        "cash": "120.5",
        "collateral": {"WBTC": "2"},
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column instrument, amount"),
        ("instrument,size\nX-PERPETUAL,1\n", "no column amount"),
        ("instrument,amount\n", "holds no position"),
        ("instrument,amount\nX-PERPETUAL,much\n", "line 2: 'much' is no amount of X-PERPETUAL"),
        ("instrument,amount\nX-PERPETUAL\n", "line 2: '' is no amount"),
        ("instrument,amount\nX-PERPETUAL,1\n,3\n", "line 3: no instrument"),
        ("instrument,amount\nUSDC,NaN\n", "line 2: 'NaN' is no amount"),
        ("\xff\xfe", "no column"),
    ],
)
def test_a_bad_file_is_said_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "positions.csv"
    path.write_text(text)
    with pytest.raises(PositionsError, match=r"positions\.csv"):
        read_positions(path)
    assert words in one_line(run(path))


def test_standard_margin_offline_is_the_formula(option: str) -> None:
    found = simulate_offline(WhatIf({option: Decimal(-1)}, cash=Decimal(50_000)), None, MarginModel.STANDARD)
    assert (found.model, found.underlyings) == ("standard", [])
    [position] = found.positions
    assert position.initial_margin == found.initial_margin
    market = MarketPath(load_bundled(), mode="jump")
    assert found.timestamp == market.end_ns // 10**6
    index = market.index("BTC", market.end_ns)
    strike = int(option.split("-")[2])
    expected = max(0.15 * index - max(strike - index, 0), 0.1 * index) + float(position.mark_price)
    assert float(found.initial_margin) == pytest.approx(expected, rel=1e-6)


def test_the_bundled_market_margins_everything(tmp_path: Path, option: str) -> None:
    file = portfolio_file(tmp_path, f"{option},-1", "BTC_USDC-PERPETUAL,0.3", "ETH_USDC-PERPETUAL,-2", "USDC,9000",
                          "WBTC,0.1", "WETH,1", "WSTETH,1")  # fmt: skip
    picture = tmp_path / "margin.png"
    result = run(file, "--json", "--plot", picture)
    assert result.exit_code == 0, result.output
    found = msgspec.json.decode(result.stdout, type=MarginSimulation)
    assert [each.currency for each in found.underlyings] == ["BTC", "ETH"]
    assert [line.currency for line in found.collateral] == ["WBTC", "WETH", "WSTETH"]
    assert found.initial_offset > 0, "long bitcoin and short ether offset each other"
    margins = sum(each.initial.margin for each in found.underlyings)
    assert found.initial_margin == margins - found.initial_offset + sum(line.initial_depeg for line in found.collateral)
    assert picture.read_bytes().startswith(b"\x89PNG")
    shown = run(file).stdout
    for words in (
        "portfolio margin: accepted",
        "scan: the worst state",
        "naked-short floor",
        "depeg of the collateral",
        option,
    ):
        assert words in shown


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("BTC_USDC-1JAN20-1-C,1", "there is no BTC_USDC-1JAN20-1-C"),
        ("BTC_USDC-PERPETUAL,0.0001", "not a multiple of 0.001"),
        ("DOGE,5", "neither an instrument nor one of USDC"),
        ("WBTC,-5", "nobody can owe WBTC"),
        ("BTC_USDC-PERPETUAL,1e-30", "multiple"),
    ],
)
def test_what_the_market_lacks_is_said_in_one_line(tmp_path: Path, row: str, words: str) -> None:
    assert words in one_line(run(portfolio_file(tmp_path, row)))


def test_options_that_contradict_each_other_are_said_in_one_line(tmp_path: Path) -> None:
    file = portfolio_file(tmp_path, "BTC_USDC-PERPETUAL,1")
    assert "not by both" in one_line(run(file, "--url", "ws://127.0.0.1:9", "--chain", file))
    assert "cross" in one_line(run(file, "--model", "cross"))
    assert "has scenarios to draw" in one_line(run(file, "--model", "standard", "--plot", tmp_path / "x.png"))
    assert "column" in one_line(run(file, "--chain", file))
    assert "missing.csv" in one_line(run(tmp_path / "missing.csv"))


@pytest.fixture(scope="module")
def risky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RiskVenue]:
    venue = RiskVenue(tmp_path_factory.mktemp("venue"))
    try:
        yield venue.up()
    finally:
        venue.down()


def test_a_venue_is_asked_by_url(risky: RiskVenue, tmp_path: Path) -> None:
    file = portfolio_file(tmp_path, f"{CALL},-1", f"{PERPETUAL},0.5", "USDC,20000", "WBTC,0.1")
    url = risky.config.websocket_url
    result = run(file, "--url", url, "--json")
    assert result.exit_code == 0, result.output
    with SyncClient(url) as client:
        asked = client.simulate_margin({CALL: -1, PERPETUAL: "0.5"}, cash=20_000, collateral={"WBTC": "0.1"})
    found = json.loads(result.stdout)
    assert float(found["initial_margin"]) == float(asked.initial_margin)
    assert "BTC_USDC-1JAN20-1-C" in one_line(run(portfolio_file(tmp_path, "BTC_USDC-1JAN20-1-C,1"), "--url", url))


def test_states_are_described_in_words() -> None:
    cell = State("up_0_1", "cell", Decimal("-0.16"), Decimal("-0.14"), "up", Decimal(0), Decimal(0))
    assert describe(cell) == "price -16 % to -14 %, vol up"
    tail = msgspec.structs.replace(cell, kind="tail", price_to=cell.price_from)
    assert describe(tail) == "price -16 %, vol up"
    skew = msgspec.structs.replace(cell, kind="skew", vol="linear_reversed", price_from=Decimal(0))
    assert describe(skew) == "skew linear reversed"
