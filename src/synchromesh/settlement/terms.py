"""What a venue's contracts are built with."""

from __future__ import annotations

import msgspec

HUNT_ROUNDS = 20
"""Leaves that a hunt behind a wrong mark asks for: as many as the tree of 65,536 instruments is deep, and four."""


class Windows(msgspec.Struct, frozen=True, kw_only=True):
    """Times of a venue's contracts, seconds of the chain's clock.

    Attributes:
        challenge: From a batch's commit to its finality.
        serve: In which an inbox item must be in a batch.
        upgrade: From the announcement of a change to its effect; longer than `challenge` and twice `serve` together.
        answer: In which a leaf must be shown that is asked for; a twentieth of `challenge` at most, which is how many
            are asked for one after the other in a hunt behind a wrong mark.
        reconcile: In which a user's account must be shown, behind a new batch.
        exit: In which claims on a frozen venue are collected.
    """

    challenge: int = 600
    serve: int = 600
    upgrade: int = 2_400
    answer: int = 30
    reconcile: int = 150
    exit: int = 600

    @classmethod
    def of(cls, challenge: int, serve: int | None = None) -> Windows:
        """Returns times that fit a challenge window, and the time to serve an inbox item if it is to be another."""
        serve = challenge if serve is None else serve
        upgrade = challenge + 3 * serve
        answer, reconcile = challenge // HUNT_ROUNDS, challenge // 4
        return cls(
            challenge=challenge, serve=serve, upgrade=upgrade, answer=answer, reconcile=reconcile, exit=challenge
        )


class VerifierTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Who may vouch for batches.

    Attributes:
        listed: Their addresses.
        threshold: How many must sign.
        stake: What each has at stake, token units of USDC.
        early_cap: What may be paid early in a challenge window, engine units of USDC. With a test token the reserve
            that pays it is filled with as much.
    """

    listed: tuple[str, ...]
    threshold: int
    stake: int
    early_cap: int


class AttestationTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Whose keys may commit batches.

    Attributes:
        attesters: Who checks quotes.
        measurements: Code that may hold keys, 32 bytes each.
        threshold: How many attesters must sign.
        max_age: Longest time that an attestation may count, s.
    """

    attesters: tuple[str, ...]
    measurements: tuple[bytes, ...]
    threshold: int
    max_age: int


class VenueTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue is deployed with.

    Attributes:
        operator: Who commits batches.
        guardian: Who may pause deposits and new batches.
        insurance: Who receives what is left of forfeit bonds.
        standbys: Who may take over when there is no bonded operator.
        windows: The contracts' times.
        max_time_lead: Seconds that venue time may lead the chain's.
        max_time_lag: Seconds that committed venue time may stay behind the chain's; no less than `windows.serve`.
        deposit_cap: Most USDC that the vault takes, token units; of other assets as many whole units as of USDC.
        bond: What an operator must have at stake, token units of USDC.
        reward_share: Part of a forfeit bond for who proved the fraud, in hundredths of a percent.
        request_stake: What a request costs when few are open, unless it is not answered, token units of USDC.
        usdc: Token to use; None deploys the mintable test token.
        tokens: Decimals of further assets, by symbol; a mintable test token each.
        verifiers: Who may vouch for batches; None: nobody.
        attestations: Whose keys may commit batches; None: the operator's, whatever holds it.
    """

    operator: str
    guardian: str
    insurance: str
    standbys: tuple[str, ...] = ()
    windows: Windows = Windows()
    max_time_lead: int
    max_time_lag: int = 86_400
    deposit_cap: int
    bond: int = 250_000 * 10**6
    reward_share: int = 4_000
    request_stake: int = 100 * 10**6
    usdc: str | None = None
    tokens: dict[str, int] = {}
    verifiers: VerifierTerms | None = None
    attestations: AttestationTerms | None = None
