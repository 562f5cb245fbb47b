"""The command line on a running venue, and what it says when it cannot do as asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from support.venue import CALL, TestVenue, secret, shared_venue
from synchromesh.cli import app
from synchromesh.protocol import address_of

__all__ = ["shared_venue"]

TRADER = "trader"


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYNCHROMESH_DATA", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture(scope="module")
def funded(shared_venue: TestVenue) -> TestVenue:
    """The venue, with an account whose key lies in its directory."""
    shared_venue.directory.write_key(TRADER, secret(TRADER))
    shared_venue.deposit(address_of(secret(TRADER)))
    return shared_venue


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def one_line(result: Result) -> str:
    """The message of a command that failed as it should: exit code 1, one line, no traceback."""
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1, result.stderr
    assert isinstance(result.exception, SystemExit)
    return result.stderr


def test_status_says_where_the_venue_is(funded: TestVenue) -> None:
    result = run("status", "--directory", funded.path, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["venue"]["sequence"] == funded.sequence
    assert found["api"] == funded.config.websocket_url
    assert found["settlement"]["batches_committed"] == 0
    plain = run("status", "--directory", funded.path)
    assert plain.exit_code == 0
    assert "contract" in plain.stdout


def test_keys_are_made_and_listed_without_secrets(funded: TestVenue) -> None:
    made = run("keys", "new", "fresh", "--directory", funded.path, "--json")
    assert made.exit_code == 0, made.output
    key = funded.directory.read_key("fresh")
    assert json.loads(made.stdout) == {"name": "fresh", "address": "0x" + address_of(key).hex()}
    listed = run("keys", "list", "--directory", funded.path, "--json")
    assert json.loads(listed.stdout)["fresh"] == "0x" + address_of(key).hex()
    assert json.loads(listed.stdout)["operator"] == "0x" + address_of(funded.operator).hex()
    assert key.hex() not in made.output + listed.output
    assert "operator-token" not in listed.stdout


def test_a_key_is_never_overwritten(funded: TestVenue) -> None:
    before = funded.directory.read_key("operator")
    one_line(run("keys", "new", "operator", "--directory", funded.path))
    assert funded.directory.read_key("operator") == before


def test_trade_places_a_signed_order(funded: TestVenue) -> None:
    where = ("--directory", funded.path, "--key", TRADER, "--json")
    result = run("trade", "buy", CALL, "0.1", "--price", "1500", *where)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["order"]["order_state"] == "open"
    assert found["sequence"] == funded.sequence
    ioc = run("trade", "sell", CALL, "0.1", "--price", "9000", "--ioc", *where)
    assert json.loads(ioc.stdout)["order"]["order_state"] == "cancelled"


def test_replay_comes_to_the_state_of_the_venue(funded: TestVenue) -> None:
    status = funded.call("public/status")
    by_venue = run("replay", funded.path, "--json")
    assert by_venue.exit_code == 0, by_venue.output
    report = json.loads(by_venue.stdout)
    assert report["sequence"] == report["commands"] == status["sequence"]
    assert report["chain_hash"].removeprefix("0x") == status["chain_hash"].removeprefix("0x")
    assert report["instruments"] == len(funded.specs)
    assert report["deposits"] == 1
    assert report["invariants_ok"] is True
    by_journal = run("replay", funded.path / "journal", "--json")
    assert json.loads(by_journal.stdout) == report


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("trade", "buy", "BTC_USDC-1JAN20-1-C", "1", "--price", "5"), "BTC_USDC-1JAN20-1-C"),
        (("trade", "hold", CALL, "1", "--price", "5"), "hold"),
        (("trade", "buy", CALL, "much", "--price", "5"), "much"),
        (("withdraw", "much"), "much"),
        (("trade", "buy", CALL, "0.1", "--price", "1501"), "tick"),
        (("trade", "buy", CALL, "9000", "--price", "1500"), "margin"),
    ],
)
def test_what_cannot_be_traded_is_said_in_one_line(funded: TestVenue, arguments: tuple[str, ...], words: str) -> None:
    before = funded.sequence
    assert words in one_line(run(*arguments, "--directory", funded.path, "--key", TRADER))
    assert funded.sequence == before


def test_a_missing_key_is_said_in_one_line(funded: TestVenue) -> None:
    arguments = ("trade", "buy", CALL, "1", "--price", "5", "--directory", funded.path, "--key", "nobody")
    assert "nobody" in one_line(run(*arguments))


@pytest.mark.parametrize("command", ["status", "keys list"])
def test_a_directory_without_a_venue_is_said_in_one_line(tmp_path: Path, command: str) -> None:
    result = run(*command.split(), "--directory", tmp_path / "nothing")
    if command == "status":
        one_line(result)
    else:
        assert (result.exit_code, result.stderr) == (0, "")


def test_a_venue_that_does_not_answer_is_said_in_one_line(tmp_path: Path) -> None:
    venue = TestVenue(tmp_path / "venue")
    try:
        one_line(run("status", "--directory", venue.path))
    finally:
        venue.down()


def test_a_damaged_journal_is_said_in_one_line(tmp_path: Path) -> None:
    venue = TestVenue(tmp_path / "venue").up()
    venue.down()
    segment = max((venue.path / "journal").glob("*"), key=lambda path: path.stat().st_size)
    data = bytearray(segment.read_bytes())
    place = next(place for place in range(4_096, len(data)) if data[place]) + 100
    data[place] ^= 1
    segment.write_bytes(data)
    one_line(run("replay", venue.path, "--json"))


def test_a_journal_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    assert "nothing" in one_line(run("replay", tmp_path / "nothing"))


def test_a_demo_does_not_touch_a_venue_that_is_there(funded: TestVenue) -> None:
    assert "holds a venue already" in one_line(run("demo", "--duration", "1", "--directory", funded.path))
