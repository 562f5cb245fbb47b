"""Administrators' commands: the tables that a venue opens with, and those of the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from support.venue import TOKEN, TestVenue
from synchromesh.cli import app
from synchromesh.client import Client, RequestRefused
from synchromesh.config import AssetConfig, ConfigError
from synchromesh.operations.administration import Administrators, set_tables
from synchromesh.protocol import (
    CollateralTerms,
    MarginParameters,
    Mode,
    Parameter,
    ParameterValue,
    RiskParameters,
    ScenarioParameters,
    SetMode,
    SetParameter,
)

TABLE = RiskParameters(
    ScenarioParameters(
        range=160_000_000,
        vol_up=500_000_000,
        vol_down=250_000_000,
        power_short=300_000_000,
        power_long=130_000_000,
        vol_floor=500_000_000,
        skew_linear=100_000_000,
        skew_absolute=100_000_000,
        term_front=200_000_000,
        term_back=50_000_000,
    ),
    MarginParameters(
        maintenance_share=800_000_000,
        basis_min_move=5_000_000,
        basis_rate=30_000_000,
        short_floor=10_000_000,
        short_floor_last_day=20_000_000,
        delta_depth=10**11,
        delta_impact=10_000_000,
        vega_depth=10**11,
        vega_impact=10**9,
        strike_depth=10**11,
        strike_impact=10_000_000,
        impact_max=200_000_000,
        confidence_multiplier=10**9,
    ),
)
TERMS = CollateralTerms(2, 2, 100_000_000, 50_000_000, 0, 10**11, 10**13)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestVenue]:
    one = TestVenue(tmp_path_factory.mktemp("venue"))
    tables = {"risk": {"BTC": TABLE}, "collateral": {"WETH": TERMS}}
    assets = (*one.config.assets, AssetConfig(symbol="WETH", token=TOKEN.hex(), decimals=18))
    one.config = msgspec.structs.replace(one.config, assets=assets, **tables)
    one.directory.write(one.config)
    one.directory.write_key("admin-0", one.admin)
    try:
        yield one.up()
    finally:
        one.down()


@pytest.fixture
def venue(running: TestVenue) -> TestVenue:
    running.directory.write(running.config)
    return running


def journaled(venue: TestVenue) -> int:
    return int(venue.call("public/status")["admin_nonce"])


def test_a_venue_opens_with_the_tables_of_its_configuration_and_keeps_them(venue: TestVenue) -> None:
    before = journaled(venue)
    asyncio.run(set_tables(venue.directory))
    assert journaled(venue) == before + 2
    venue.mark()
    asyncio.run(set_tables(venue.directory))
    changed = msgspec.structs.replace(TERMS, venue_cap=0)
    venue.directory.write(msgspec.structs.replace(venue.config, collateral={"WETH": changed}))
    asyncio.run(set_tables(venue.directory))
    assert journaled(venue) == before + 2, "a table that counts is never replaced by the one of the opening"


def test_a_table_for_what_the_venue_lacks_is_an_error(venue: TestVenue) -> None:
    for change, reason in (({"risk": {"SOL": TABLE}}, "no underlying SOL"), ({"collateral": {"X": TERMS}}, "asset X")):
        venue.directory.write(msgspec.structs.replace(venue.config, **change))
        with pytest.raises(ConfigError, match=reason):
            asyncio.run(set_tables(venue.directory))


def test_administrators_sign_anew_when_another_command_came_between(venue: TestVenue) -> None:
    async def race() -> None:
        async with Client(venue.config.websocket_url) as client:
            administrators = Administrators(venue.directory, client)
            halts = [lambda admin, mode=mode: SetMode(1, mode, admin) for mode in (Mode.POST_ONLY, Mode.HALT)]
            await asyncio.gather(*map(administrators.send, halts))
            with pytest.raises(RequestRefused) as refused:
                await administrators.send(lambda admin: SetParameter(ParameterValue(Parameter.PRICE_BAND, -1), admin))
            assert refused.value.reason == "parameter_range"

    before = journaled(venue)
    asyncio.run(race())
    assert journaled(venue) == before + 2


def test_the_command_line_sets_parameters_and_tables(venue: TestVenue, tmp_path: Path) -> None:
    risk, terms, wrong = tmp_path / "risk.json", tmp_path / "terms.json", tmp_path / "wrong.json"
    risk.write_bytes(msgspec.json.encode(TABLE))
    terms.write_bytes(msgspec.json.encode(msgspec.structs.replace(TERMS, depeg=1)))
    wrong.write_text('{"scenario": {}}')

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["admin", *arguments, "--directory", str(venue.path)])
        return result.exit_code, result.output

    before = journaled(venue)
    assert run("set-parameter", "price_band", "900000000") == (0, "")
    assert run("set-risk", "ETH", str(risk)) == (0, "")
    assert run("set-collateral", "WETH", str(terms), "--delay", "90000") == (0, "")
    assert journaled(venue) == before + 3
    venue.mark()
    for arguments, reason in (
        (("set-risk", "ETH", str(risk)), "nothing would change"),
        (("set-risk", "ETH", str(wrong)), "missing required field"),
        (("set-risk", "SOL", str(risk)), "no underlying SOL"),
        (("set-parameter", "no_such", "1"), "not a Parameter"),
        (("set-parameter", "price_band", "900000000"), "nothing would change"),
    ):
        code, output = run(*arguments)
        assert code == 1
        assert reason in output
        assert "error: " in output
