"""Each named incident is a story in ``crates/engine/tests/incidents``. Here its guard is taken out of a copy of the
crates, and the story must fail: a test that passes without its guard tests nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "guards"
"""One place for all runs, so that what does not change is built once."""
SECONDS = 600
CRATES = ("engine", "margin", "protocol")
"""What is built again for each guard: not optimised, and from what the last build left, it takes seconds."""


@dataclass(frozen=True)
class Guard:
    """A guard.

    Attributes:
        story: The test that it makes pass.
        file: Where it stands, below ``crates``.
        code: Its text; occurs once.
        without: What stands there without it.
    """

    story: str
    file: str
    code: str
    without: str


GUARDS = {
    "mango": [
        Guard(
            "mango_profit_that_is_not_realised_does_not_leave",
            "engine/src/cash.rs",
            "sub(sub(balance, funds.profit(with_options)?.max(0))?, initial)",
            "sub(balance, initial)",
        )
    ],
    "yfi": [
        Guard(
            "yfi_a_position_that_is_large_against_its_market_needs_more_for_each_contract",
            "margin/src/evaluate.rs",
            "concentration: impact_cost(size, depth, impact, most)?,",
            "concentration: 0 * (size + depth + impact + most),",
        )
    ],
    "jelly": [
        Guard(
            "jelly_one_liquidation_cannot_empty_the_insurance_fund",
            "engine/src/liquidation/insurance.rs",
            "let allowed = whole * i128::from(cap) / i128::from(NANO_ONE) - i128::from(liquidation.insurance);",
            "let allowed = whole.max(i128::from(cap / NANO_ONE)) - i128::from(liquidation.insurance);",
        )
    ],
    "usde": [
        Guard(
            "usde_collateral_has_the_price_of_outside_indices_and_no_dead_feed_liquidates",
            "engine/src/collateral.rs",
            "if !self.is_sound(terms.price_underlying) {\n            return Ok(0);\n        }",
            "",
        )
    ],
    "paradex": [
        Guard(
            "paradex_a_price_of_zero_or_of_too_few_sources_liquidates_nobody",
            "engine/src/liquidation/calls.rs",
            "if !standing.is_maintained()\n            && !self.is_frozen(place)\n",
            "if !standing.is_maintained()\n",
        )
    ],
    "aevo": [
        Guard(
            "aevo_an_expiry_has_one_price_from_the_quorum_in_the_units_of_the_marks",
            "engine/src/expiry.rs",
            "        self.check_settlement_price(place, price)?;\n",
            "",
        )
    ],
    "october": [
        Guard(
            "october_a_hedged_book_is_not_left_with_its_other_leg",
            "engine/src/liquidation/deleverage.rs",
            "            self.close_slices(&mut closing, events, steps);\n",
            "",
        ),
        Guard(
            "october_a_hedged_book_is_not_left_with_its_other_leg",
            "engine/src/liquidation/deleverage.rs",
            "Ok((lanes && margin).then_some((transfer, notional)))",
            "Ok((lanes || !lanes || margin).then_some((transfer, notional)))",
        ),
    ],
}


def run_stories(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the stories of the copy; of the packages of ``make test-rust``, what was built for that is there already."""
    packages = ("--workspace", "--exclude", "synchromesh-bindings")
    command = ("cargo", "test", "--offline", "--locked", "--quiet", *packages, "--test", "incidents")
    plain = [f"--config=profile.test.package.synchromesh-{crate}.opt-level=0" for crate in CRATES]
    return subprocess.run(
        [*command, *plain, "--", *arguments],
        cwd=COPY,
        env={**_environment(), "CARGO_TARGET_DIR": str(ROOT / "target"), "CARGO_INCREMENTAL": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CARGO_")}


@pytest.fixture(scope="module")
def copy() -> Iterator[Path]:
    """The crates, and nothing else of the repository."""
    COPY.mkdir(parents=True, exist_ok=True)
    for name in ("Cargo.toml", "Cargo.lock"):
        shutil.copyfile(ROOT / name, COPY / name)
    shutil.copytree(ROOT / "crates", COPY / "crates", dirs_exist_ok=True)
    outcome = run_stories()
    assert outcome.returncode == 0, f"the stories fail with their guards in place:\n{outcome.stdout}{outcome.stderr}"
    yield COPY
    shutil.rmtree(COPY)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("incident", GUARDS)
def test_the_story_fails_without_its_guard(copy: Path, incident: str) -> None:
    kept: dict[Path, str] = {}
    try:
        for guard in GUARDS[incident]:
            path = copy / "crates" / guard.file
            text = path.read_text()
            kept.setdefault(path, text)
            found = text.count(guard.code)
            assert found == 1, f"the guard stands {found} times in {guard.file}: say here what it looks like now"
            path.write_text(text.replace(guard.code, guard.without))
        outcome = run_stories(GUARDS[incident][0].story, "--exact")
    finally:
        for path, text in kept.items():
            path.write_text(text)
    said = outcome.stdout + outcome.stderr
    assert "error: could not compile" not in said, said
    assert outcome.returncode != 0, f"{incident} passes without its guard"
    assert "1 failed" in said, said
