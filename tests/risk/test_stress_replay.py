"""Crashes through the real engine: what is reported happened, and money is conserved."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from synchromesh._native import EngineRefused
from synchromesh.clock import SECOND
from synchromesh.protocol import USD, MarginModel
from synchromesh.risk.stress.history import HistoryReport, Source, markets_of, replay_history
from synchromesh.risk.stress.market import StressMarket
from synchromesh.risk.stress.population import boards
from synchromesh.risk.stress.replay import Replay, Settings
from synchromesh.risk.stress_command import app

START = 1_584_000_000
"""2020-03-12 08:00 UTC."""


def crash_file(folder: Path, minutes: int = 90, fall: float = 0.35, gap: bool = False, volume: bool = True) -> Path:
    """An index that is calm for a third, falls by ``fall`` in the next and stays there."""
    third = minutes // 3
    random = np.random.default_rng(3)
    log = np.concatenate([np.zeros(third), np.linspace(0, np.log(1 - fall), third), np.full(third, np.log(1 - fall))])
    close = 8_000 * np.exp(log + random.normal(0, 0.0004, len(log)))
    lines = ["ts_ms,open,high,low,close" + (",volume" if volume else "")]
    for place in range(1, len(close)):
        if gap and third + 3 <= place < third + 9:
            continue
        first, last = close[place - 1], close[place]
        row = [(START + 60 * place) * 1000, first, max(first, last) * 1.001, min(first, last) * 0.999, last]
        lines.append(",".join(map(str, [*row, 1.0] if volume else row)))
    file = folder / "BTCUSDT_crash.csv.gz"
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    return file


@pytest.fixture(scope="module")
def crash(tmp_path_factory: pytest.TempPathFactory) -> tuple[HistoryReport, Replay]:
    file = crash_file(tmp_path_factory.mktemp("prices"), minutes=48)
    return replay_history(Source((file,), interval=60 * SECOND), Settings(accounts=30, seed=2, loaded=1))


def test_accounts_start_between_80_and_100_percent_of_their_margin(crash: tuple[HistoryReport, Replay]) -> None:
    report, replay = crash
    assert report.replay.accounts == 30
    use = replay.margin_use[np.isfinite(replay.margin_use)]
    assert len(use) > 24
    assert (use <= 1.0 + 1e-9).all()
    assert np.median(use) > 0.8
    assert {holder.model for holder in replay.holders} == set(MarginModel)


def test_a_crash_calls_and_liquidates_and_everything_is_conserved(crash: tuple[HistoryReport, Replay]) -> None:
    report, replay = crash
    found = report.replay
    assert found.conserved
    assert 0 < found.liquidated <= found.called <= found.accounts
    assert found.lead_time.count == found.liquidated
    assert found.book.slices > 0
    assert found.book.cash > 0
    assert found.book.least_depth < 1, "the books thinned"
    assert found.insolvent_at_end <= found.insolvent
    if found.insolvent == 0:
        assert found.deepest_deficit == 0
        assert found.insurance_used == 0
    kinds = {kind.kind: kind for kind in found.kinds}
    assert kinds["retail long"].liquidated == kinds["retail long"].accounts, "leverage of 20 does not outlive −35 %"
    assert kinds["retail short"].insolvent == 0
    assert sum(kind.liquidated for kind in found.kinds) == found.liquidated
    assert found.latency.engine.count > 0
    assert found.latency.loaded.count > 0
    assert found.latency.loaded.median > found.latency.engine.median
    assert len(replay.samples.values[0]) == found.accounts


def test_the_same_seed_gives_the_same_crash(tmp_path: Path) -> None:
    source = Source((crash_file(tmp_path, minutes=45),), interval=60 * SECOND)
    reports = [replay_history(source, Settings(accounts=10, seed=5, loaded=0))[0].replay for _ in range(2)]

    def told(report: object) -> dict[str, object]:
        fields = msgspec.to_builtins(report)
        return {name: value for name, value in fields.items() if name not in ("latency", "seconds")}

    assert told(reports[0]) == told(reports[1])


def test_bars_that_are_missing_leave_the_marks_stale_and_a_jump_is_taken_in_steps(tmp_path: Path) -> None:
    file = crash_file(tmp_path, minutes=45, fall=0.5, gap=True, volume=False)
    [market] = markets_of(Source((file,), interval=60 * SECOND))
    replay = Replay([market], Settings(accounts=8, seed=1, loaded=0))
    moves: list[float] = []
    steps = replay._steps

    def watched(place: int, moment: int):  # type: ignore[no-untyped-def]
        for inputs in steps(place, moment):
            moves.append(abs(inputs.index / 1e9 / replay._last[0][1] - 1))
            yield inputs

    replay._steps = watched  # type: ignore[method-assign]
    found = replay.run()
    assert found.conserved
    assert found.paths[0].refused_marks == {}, "no mark moves further than the engine allows"
    assert max(moves) <= 0.2
    assert len(moves) > len(replay.schedule()), "the gap was taken in steps"


def test_without_capital_and_depth_losses_reach_the_insurance_fund(tmp_path: Path) -> None:
    source = Source((crash_file(tmp_path, minutes=30, fall=0.5),), interval=60 * SECOND)
    poor = Settings(accounts=14, seed=2, makers=1e-6, bidders=1e-6, depth=0.0, insurance=0.05, loaded=0)
    found = replay_history(source, poor)[0].replay
    assert found.conserved
    assert found.insolvent > 0
    assert found.deepest_deficit > 0
    assert found.book.slices == 0
    assert found.insurance_used > 0 or found.adl > 0


def small(tmp_path: Path) -> tuple[StressMarket, Replay]:
    [market] = markets_of(Source((crash_file(tmp_path, minutes=30),), interval=60 * SECOND))
    return market, Replay([market], Settings(accounts=4, seed=1, loaded=0))


def test_the_engine_of_a_copy_goes_its_own_way(tmp_path: Path) -> None:
    market, replay = small(tmp_path)
    before = replay.venue.engine.standings()
    other = replay.branch([market])
    other.run()
    np.testing.assert_array_equal(replay.venue.engine.standings(), before)
    assert other.venue.engine.sequence > replay.venue.engine.sequence


def test_standings_agree_with_positions_and_marks(tmp_path: Path) -> None:
    _, replay = small(tmp_path)
    engine = replay.venue.engine
    marks, positions = engine.marks(), engine.positions()
    lots = {}
    for row in positions:
        lots[int(row["instrument"])] = lots.get(int(row["instrument"]), 0) + int(row["lots"])
    assert set(lots.values()) == {0}, "what is long is short elsewhere"
    [board] = boards(replay.venue)
    assert board.index == pytest.approx(marks[board.perpetual.instrument - 1]["mark"] / USD)
    standings = engine.standings()
    assert (standings["maintenance"] <= standings["initial"]).all()
    assert standings["subaccount"].tolist() == list(range(1, len(standings) + 1))


def test_a_refused_command_has_a_code_and_changes_nothing(tmp_path: Path) -> None:
    _, replay = small(tmp_path)
    before = replay.venue.engine.sequence
    with pytest.raises(EngineRefused) as refused:
        replay.venue.withdraw(replay.holders[0].subaccount, 10**15)
    assert refused.value.code == "insufficient_funds"
    assert replay.venue.engine.sequence == before


def test_the_command_writes_its_report(tmp_path: Path) -> None:
    file, report = crash_file(tmp_path, minutes=30), tmp_path / "report.json"
    options = ["--accounts", "6", "--interval", "60", "--no-adversarial", "--loaded", "1", "--json", str(report)]
    outcome = CliRunner().invoke(app, ["history", "--prices", str(file), *options])
    assert outcome.exit_code == 0, outcome.output
    found = msgspec.json.decode(report.read_bytes(), type=HistoryReport)
    assert found.replay.accounts == 6
    assert found.prices == [file.name]


def test_the_command_refuses_bad_files_in_one_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("nothing")
    for options in (["--prices", str(bad)], ["--prices", str(tmp_path / "none")], [], ["--chain", str(bad)]):
        outcome = CliRunner().invoke(app, ["history", *options])
        assert outcome.exit_code == 2, options
        assert len(outcome.output.strip().splitlines()) == 1, outcome.output
