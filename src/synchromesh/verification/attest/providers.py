"""Where quotes come from. A provider runs beside the engine; appraisal needs none."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from typing import Protocol

import msgspec

from synchromesh.verification.attest.binding import REPORT_BYTES, Binding
from synchromesh.verification.attest.evidence import Evidence
from synchromesh.verification.attest.simulated import SimulatedQuote

TSM_REPORTS = Path("/sys/kernel/config/tsm/report")
"""The kernel's interface to confidential-computing reports, Linux 6.7 and newer with configfs mounted."""
TSM_TDX = "tdx_guest"


class ProviderError(Exception):
    """This machine cannot attest, or its answer is no quote."""


class Provider(Protocol):
    """Makes evidence of a binding."""

    def attest(self, binding: Binding) -> Evidence:
        """Returns evidence whose report data are the binding's.

        Raises:
            ProviderError: When there is none to be had.
        """
        ...


class NoTee:
    """Attests nothing, and says so."""

    def attest(self, binding: Binding) -> Evidence:
        """Returns evidence of nothing."""
        return Evidence(provider="none")


class SimulatedTee:
    """Signs in software what a TEE would sign in hardware.

    Args:
        root: Secret of the simulator's root; appraisal accepts only a root that it was told to.
        measurement: What to claim to run, 32 bytes.
    """

    def __init__(self, root: bytes, measurement: bytes) -> None:
        self._root, self._measurement = root, measurement

    def attest(self, binding: Binding) -> Evidence:
        """Returns a simulated quote."""
        quote = SimulatedQuote.make(self._root, self._measurement, binding.report_data())
        return Evidence(provider="simulated", quote=msgspec.msgpack.encode(quote))


class TdxTee:
    """Asks the kernel of an Intel TDX guest for a quote.

    Args:
        reports: The kernel's folder of reports.
        collateral: What goes with the quotes, see `Evidence.collateral`; empty: whoever appraises has it.
    """

    def __init__(self, reports: Path = TSM_REPORTS, collateral: str = "") -> None:
        self._reports, self._collateral = reports, collateral

    def attest(self, binding: Binding) -> Evidence:
        """Returns the quote of this guest.

        Raises:
            ProviderError: When the kernel has no such interface, is no TDX guest, or another process wrote the request.
        """
        return Evidence(provider="tdx", quote=self._quote(binding.report_data()), collateral=self._collateral)

    def _quote(self, report_data: bytes) -> bytes:
        assert len(report_data) == REPORT_BYTES, "a binding gives what a quote takes"
        entry = self._reports / f"synchromesh-{secrets.token_hex(8)}"
        try:
            entry.mkdir()
        except OSError as error:
            raise ProviderError(f"no report interface at {self._reports}: {error}") from error
        try:
            (entry / "inblob").write_bytes(report_data)
            found = (entry / "provider").read_text().strip()
            if found != TSM_TDX:
                raise ProviderError(f"the kernel reports for {found}, not for {TSM_TDX}")
            quote = (entry / "outblob").read_bytes()
            # One write, then the quote of it: any other generation means that the request is no longer ours.
            if (generation := (entry / "generation").read_text().strip()) != "1":
                raise ProviderError(f"the request was written {generation} times")
            return quote
        except OSError as error:
            raise ProviderError(f"the kernel gave no quote: {error}") from error
        finally:
            with contextlib.suppress(OSError):
                entry.rmdir()
