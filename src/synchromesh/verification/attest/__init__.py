"""Attestation: evidence that a certain code holds a certain key. Extra evidence, never custody."""

from synchromesh.verification.attest.appraisal import Appraisal, AttestationRefused, Policy, appraise
from synchromesh.verification.attest.binding import Binding, code_hash
from synchromesh.verification.attest.evidence import Evidence
from synchromesh.verification.attest.providers import NoTee, Provider, ProviderError, SimulatedTee, TdxTee

__all__ = [
    "Appraisal",
    "AttestationRefused",
    "Binding",
    "Evidence",
    "NoTee",
    "Policy",
    "Provider",
    "ProviderError",
    "SimulatedTee",
    "TdxTee",
    "appraise",
    "code_hash",
]
