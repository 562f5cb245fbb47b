"""Login messages (EIP-4361): what a wallet shows and signs, so that a login names one venue and no other."""

from __future__ import annotations

import re
from dataclasses import dataclass

from synchromesh.clock import iso, parse_iso

_HEAD = re.compile(r"(?P<domain>[^\s/]+) wants you to sign in with your Ethereum account:")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_NONCE = re.compile(r"[0-9a-zA-Z]{8,64}")
_FIELDS = {
    "URI": "uri",
    "Version": "version",
    "Chain ID": "chain_id",
    "Nonce": "nonce",
    "Issued At": "issued_at",
    "Expiration Time": "expiration",
}


class LoginMessageError(ValueError):
    """A text that is no login message."""


@dataclass(frozen=True)
class LoginMessage:
    """A login message.

    Attributes
    ----------
    domain
        The venue that the login is for.
    address
        Who logs in, 20 bytes.
    uri
        What the login is for.
    chain_id
        EIP-155 chain id of the venue.
    nonce
        8 to 64 letters and digits, new for every login.
    issued_at, expiration
        Venue time, ns, whole microseconds.
    statement
        A line for the reader, may be empty.
    """

    domain: str
    address: bytes
    uri: str
    chain_id: int
    nonce: str
    issued_at: int
    expiration: int
    statement: str = ""

    def text(self) -> str:
        """The message as it is signed."""
        statement = f"{self.statement}\n" if self.statement else ""
        return (
            f"{self.domain} wants you to sign in with your Ethereum account:\n"
            f"0x{self.address.hex()}\n\n{statement}\n"
            f"URI: {self.uri}\nVersion: 1\nChain ID: {self.chain_id}\nNonce: {self.nonce}\n"
            f"Issued At: {iso(self.issued_at)}\nExpiration Time: {iso(self.expiration)}"
        )

    @classmethod
    def parse(cls, text: str) -> LoginMessage:
        """The message that ``text`` is; `LoginMessageError` says what does not fit."""
        lines = text.split("\n")
        head = _HEAD.fullmatch(lines[0])
        if head is None or len(lines) < 9:
            raise LoginMessageError("the first line is not '… wants you to sign in with your Ethereum account:'")
        if not _ADDRESS.fullmatch(lines[1]) or lines[2]:
            raise LoginMessageError("the second line is not an address, followed by an empty line")
        statement, rest = ("", lines[4:]) if not lines[3] else (lines[3], lines[5:])
        if statement and lines[4]:
            raise LoginMessageError("the statement is not one line, followed by an empty line")
        fields = _read_fields(rest)
        if fields["version"] != "1":
            raise LoginMessageError("Version is not 1")
        if not _NONCE.fullmatch(fields["nonce"]):
            raise LoginMessageError("Nonce is not 8 to 64 letters and digits")
        try:
            return cls(
                domain=head["domain"],
                address=bytes.fromhex(lines[1][2:]),
                uri=fields["uri"],
                chain_id=int(fields["chain_id"]),
                nonce=fields["nonce"],
                issued_at=parse_iso(fields["issued_at"]),
                expiration=parse_iso(fields["expiration"]),
                statement=statement,
            )
        except (ValueError, OverflowError) as error:
            raise LoginMessageError(str(error)) from None


def _read_fields(lines: list[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line, (label, name) in zip(lines, _FIELDS.items(), strict=False):
        if not line.startswith(f"{label}: "):
            raise LoginMessageError(f"{label} is missing or out of place")
        fields[name] = line.removeprefix(f"{label}: ")
    if len(lines) != len(_FIELDS):
        raise LoginMessageError(f"a login has the fields {', '.join(_FIELDS)}, no more and no fewer")
    return fields
