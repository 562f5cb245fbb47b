"""Appraisal: is this evidence of the code, key and venue that it is said to be of? Offline, at a pinned time."""

from __future__ import annotations

import msgspec

from synchromesh._native import keccak256
from synchromesh.verification.attest.binding import Binding
from synchromesh.verification.attest.evidence import Evidence, Kind
from synchromesh.verification.attest.simulated import SimulatedQuote

_TDX_TEE_TYPE = 0x81
_DEBUG_ATTRIBUTES = 0xFF
"""Byte 0 of the TD attributes: bits of a guest whose secrets its host can read."""


class AttestationRefused(Exception):
    """The evidence does not show what it is said to show.

    Attributes:
        code: A stable word: ``none``, ``format``, ``collateral``, ``signature``, ``tcb``, ``debug``, ``simulated``,
            ``binding``, ``measurement``.
    """

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        super().__init__(f"{code}: {reason}")


class Policy(msgspec.Struct, frozen=True):
    """What is accepted.

    Attributes:
        measurements: Measurements of known good guests; see `Appraisal.measurement`.
        statuses: TCB levels that are good enough, by the vendor's words.
        simulator: Address of a simulator's root; None, as it should be for money: simulated evidence is refused.
    """

    measurements: frozenset[bytes]
    statuses: frozenset[str] = frozenset({"UpToDate"})
    simulator: bytes | None = None


class Appraisal(msgspec.Struct, frozen=True):
    """What good evidence shows.

    Attributes:
        provider: Who made it.
        measurement: What runs: of a TDX guest ``keccak(MRTD ‖ RTMR0 ‖ RTMR1 ‖ RTMR2 ‖ RTMR3)``.
        status: The platform's TCB level by the vendor's word; ``Simulated`` of a simulator.
        advisories: The vendor's security advisories that apply to the platform.
    """

    provider: Kind
    measurement: bytes
    status: str
    advisories: list[str]


class _Claim(msgspec.Struct, frozen=True):
    appraisal: Appraisal
    report_data: bytes


def appraise(evidence: Evidence, binding: Binding, policy: Policy, now: int) -> Appraisal:
    """Returns what the evidence shows.

    Args:
        evidence: The quote, and what goes with it.
        binding: What it must be bound to.
        policy: What is accepted.
        now: Unix seconds at which certificates and TCB levels must be good.

    Raises:
        AttestationRefused: When it shows something else, or nothing.
    """
    match evidence.provider:
        case "none":
            raise AttestationRefused("none", "nothing was attested")
        case "simulated":
            claim = _simulated(evidence, policy)
        case "tdx":
            claim = _tdx(evidence, policy, now)
    if claim.report_data != binding.report_data():
        raise AttestationRefused("binding", f"the quote is bound to {claim.report_data.hex()}")
    if claim.appraisal.measurement not in policy.measurements:
        raise AttestationRefused("measurement", f"nobody knows {claim.appraisal.measurement.hex()}")
    return claim.appraisal


def _simulated(evidence: Evidence, policy: Policy) -> _Claim:
    if policy.simulator is None:
        raise AttestationRefused("simulated", "a simulator proves nothing, and none is allowed")
    try:
        quote = msgspec.msgpack.decode(evidence.quote, type=SimulatedQuote)
    except msgspec.DecodeError as error:
        raise AttestationRefused("format", str(error)) from error
    if quote.root() != policy.simulator:
        raise AttestationRefused("signature", "another root signed")
    return _Claim(Appraisal("simulated", quote.measurement, "Simulated", []), quote.report_data)


def _tdx(evidence: Evidence, policy: Policy, now: int) -> _Claim:
    # Imported here: only those who appraise hardware need the library.
    import dcap_qvl

    try:
        collateral = dcap_qvl.QuoteCollateralV3.from_json(evidence.collateral)
    except ValueError as error:
        raise AttestationRefused("collateral", str(error)) from error
    try:
        quote = dcap_qvl.parse_quote(evidence.quote)
        if quote.header.tee_type != _TDX_TEE_TYPE:
            raise AttestationRefused("format", "a quote of another kind of enclave")
        verified = dcap_qvl.verify(evidence.quote, collateral, now)
    except ValueError as error:
        raise AttestationRefused("signature", str(error)) from error
    report = quote.report
    if report.td_attributes[0] & _DEBUG_ATTRIBUTES:
        raise AttestationRefused("debug", "the guest's host can read its memory")
    if verified.status not in policy.statuses:
        raise AttestationRefused("tcb", f"{verified.status} {', '.join(verified.advisory_ids)}".strip())
    measurement = keccak256(report.mr_td + report.rt_mr0 + report.rt_mr1 + report.rt_mr2 + report.rt_mr3)
    return _Claim(Appraisal("tdx", measurement, verified.status, list(verified.advisory_ids)), report.report_data)
