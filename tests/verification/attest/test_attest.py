"""Evidence of real hardware, of a simulator, and of nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

import synchromesh
from support.venue import TestVenue, secret
from synchromesh._native import keccak256
from synchromesh.cli import app
from synchromesh.protocol import address_of
from synchromesh.verification.attest import (
    AttestationRefused,
    Binding,
    Evidence,
    NoTee,
    Policy,
    ProviderError,
    SimulatedTee,
    TdxTee,
    appraise,
    code_hash,
)

QUOTES = Path(__file__).parent / "quotes"
BINDING = Binding(code=b"\x01" * 32, signer=b"\x02" * 20, chain_id=31337, contract=b"\x03" * 20)
ROOT = secret("simulator")
GOOD = b"\x07" * 32
POLICY = Policy(measurements=frozenset({GOOD}), simulator=address_of(ROOT))
NOW = 1_800_000_000


class Recorded(Binding, frozen=True):
    """The binding of a recorded quote: nobody knows what its report data were made of."""

    report: bytes = b""

    def report_data(self) -> bytes:
        return self.report


@pytest.fixture(scope="module")
def samples() -> Path:
    """Where the library's sources have real quotes."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--manifest-path", str(QUOTES / "Cargo.toml")]
    packages = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["packages"]
    (manifest,) = (package["manifest_path"] for package in packages if package["name"] == "dcap-qvl")
    return Path(manifest).parent / "sample"


def recorded(samples: Path, name: str) -> tuple[Evidence, int]:
    """A real quote with its collateral, and a time at which both were good."""
    collateral = (samples / f"{name}_collateral.json").read_text()
    issued = json.loads(json.loads(collateral)["tcb_info"])["issueDate"]
    evidence = Evidence("tdx", (samples / name).read_bytes(), collateral)
    return evidence, int(datetime.fromisoformat(issued).timestamp()) + 86_400


def bound_to(quote: bytes) -> Recorded:
    import dcap_qvl

    report = dcap_qvl.parse_quote(quote).report.report_data
    return Recorded(BINDING.code, BINDING.signer, BINDING.chain_id, BINDING.contract, report)


def measurement_of(quote: bytes) -> bytes:
    import dcap_qvl

    report = dcap_qvl.parse_quote(quote).report
    return keccak256(report.mr_td + report.rt_mr0 + report.rt_mr1 + report.rt_mr2 + report.rt_mr3)


def refusal(evidence: Evidence, binding: Binding, policy: Policy, now: int = NOW) -> str:
    with pytest.raises(AttestationRefused) as refused:
        appraise(evidence, binding, policy, now)
    return refused.value.code


@pytest.mark.parametrize("name", ["tdx_quote", "tdx_quote_td15ex"])
def test_real_tdx_quotes_are_good_at_their_time(samples: Path, name: str) -> None:
    evidence, now = recorded(samples, name)
    policy = Policy(measurements=frozenset({measurement_of(evidence.quote)}))
    found = appraise(evidence, bound_to(evidence.quote), policy, now)
    assert (found.provider, found.status, found.advisories) == ("tdx", "UpToDate", [])
    assert Evidence.decode(evidence.encode()) == evidence


def test_a_real_quote_proves_nothing_else(samples: Path) -> None:
    evidence, now = recorded(samples, "tdx_quote")
    policy = Policy(measurements=frozenset({measurement_of(evidence.quote)}))
    binding = bound_to(evidence.quote)
    assert refusal(evidence, BINDING, policy, now) == "binding", "another key or venue"
    assert refusal(evidence, binding, POLICY, now) == "measurement", "a guest that nobody knows"
    assert refusal(evidence, binding, policy, now + 400 * 86_400) == "signature", "collateral that expired"
    assert refusal(msgspec.structs.replace(evidence, collateral=""), binding, policy, now) == "collateral"
    for at in (100, 600, 700):  # header, measurements, signature
        quote = bytearray(evidence.quote)
        quote[at] ^= 1
        assert refusal(msgspec.structs.replace(evidence, quote=bytes(quote)), binding, policy, now) == "signature"
    assert refusal(msgspec.structs.replace(evidence, quote=b"no quote"), binding, policy, now) == "signature"
    strict = msgspec.structs.replace(policy, statuses=frozenset({"Better"}))
    assert refusal(evidence, binding, strict, now) == "tcb"
    other, _ = recorded(samples, "tdx_quote_td15ex")
    crossed = msgspec.structs.replace(evidence, collateral=other.collateral)
    assert refusal(crossed, binding, policy, now) == "signature", "collateral of another platform"


def test_an_enclave_is_no_guest(samples: Path) -> None:
    evidence, now = recorded(samples, "sgx_quote")
    assert refusal(evidence, BINDING, POLICY, now) == "format"


def test_the_simulator_counts_only_where_it_is_allowed() -> None:
    evidence = SimulatedTee(ROOT, GOOD).attest(BINDING)
    assert appraise(evidence, BINDING, POLICY, NOW).status == "Simulated"
    assert refusal(evidence, BINDING, msgspec.structs.replace(POLICY, simulator=None)) == "simulated"
    assert refusal(SimulatedTee(secret("other"), GOOD).attest(BINDING), BINDING, POLICY) == "signature"
    assert refusal(SimulatedTee(ROOT, b"\x08" * 32).attest(BINDING), BINDING, POLICY) == "measurement"
    assert refusal(msgspec.structs.replace(evidence, quote=evidence.quote[:-1]), BINDING, POLICY) == "format"
    for change in (
        {"code": b"\x09" * 32},
        {"signer": b"\x09" * 20},
        {"chain_id": 1},
        {"contract": b"\x09" * 20},
    ):
        assert refusal(evidence, msgspec.structs.replace(BINDING, **change), POLICY) == "binding"


def test_nothing_attests_nothing() -> None:
    assert refusal(NoTee().attest(BINDING), BINDING, POLICY) == "none"


def test_a_binding_is_whole() -> None:
    with pytest.raises(ValueError, match="signer has 19 bytes"):
        msgspec.structs.replace(BINDING, signer=b"\x02" * 19)
    with pytest.raises(ValueError, match="chain id 0"):
        msgspec.structs.replace(BINDING, chain_id=0)
    assert len(BINDING.report_data()) == 64


def test_without_the_kernels_interface_there_is_no_quote(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="no report interface"):
        TdxTee(tmp_path / "absent").attest(BINDING)
    with pytest.raises(ProviderError, match="the kernel gave no quote"):
        TdxTee(tmp_path).attest(BINDING)
    assert not list(tmp_path.glob("*/provider"))


def test_every_file_of_the_code_is_hashed(tmp_path: Path) -> None:
    copy = tmp_path / "synchromesh"
    shutil.copytree(Path(synchromesh.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    assert code_hash(copy) == code_hash()
    changed = copy / "clock.py"
    changed.write_text(changed.read_text() + "\n")
    assert code_hash(copy) != code_hash()
    changed.rename(copy / "watch.py")
    assert code_hash(copy) != code_hash()


def test_the_command_line(tmp_path: Path) -> None:
    run, venue_directory = CliRunner().invoke, TestVenue(tmp_path / "venue").directory
    directory, out = ["--directory", str(venue_directory.path)], str(tmp_path / "evidence.json")
    code = run(app, ["attest", "code"]).output.strip()
    assert code == code_hash().hex()
    assert run(app, ["attest", "quote", out, *directory]).exit_code == 1, "no TDX guest here"
    assert run(app, ["attest", "quote", out, *directory, "--provider", "simulated"]).exit_code == 0
    check = ["attest", "verify", out, *directory, "--measurement", code]
    refused = run(app, check)
    assert (refused.exit_code, refused.output[:18]) == (1, "REFUSED simulated:")
    root = address_of(venue_directory.read_key("simulated-tee")).hex()
    assert run(app, [*check, "--simulator", root]).exit_code == 0
    assert run(app, [*check, "--simulator", root, "--code", "00" * 32]).exit_code == 1
    assert run(app, [*check, "--simulator", "nonsense"]).exit_code == 2
