"""What judges a venue's batches: the contract that executes a step, by the modules that know their kinds of steps."""

from __future__ import annotations

import msgspec

from synchromesh.settlement.construction import Construction

HELPERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("MarginCalculator", ()),
    ("PlaceGate", ("MarginCalculator",)),
    ("ReplaceGate", ("MarginCalculator",)),
    ("AuctionGate", ("MarginCalculator",)),
    ("Matchmaker", ("MarginCalculator",)),
)
"""Contracts that modules call, with those that they call themselves."""
FURTHER_JUDGES: tuple[tuple[str, tuple[str, ...]], ...] = (("ModelGuard", ()),)
"""Judges of what execution does not show, in the order of their numbers, with what they call."""


class Module(msgspec.Struct, frozen=True):
    """A contract that executes some kinds of steps.

    Attributes:
        name: Its name.
        kinds: The kinds, as docs/protocol/steps.md numbers them.
        calls: Helpers that it is built with.
    """

    name: str
    kinds: tuple[int, ...]
    calls: tuple[str, ...] = ()

    @property
    def mask(self) -> int:
        """The kinds as the verifier wants them: a bit each."""
        return sum(1 << kind for kind in self.kinds)


MODULES = (
    Module("GenesisSteps", (0,)),
    Module("InboxSteps", (1, 2, 3, 4, 5, 6), ("MarginCalculator",)),
    Module("CashSteps", (7, 45), ("MarginCalculator",)),
    Module("TransferSteps", (8,), ("MarginCalculator",)),
    Module("KeySteps", (9, 10, 11, 12)),
    Module("MarginModelSteps", (13,), ("MarginCalculator",)),
    Module("OrderSteps", (14, 17), ("PlaceGate", "ReplaceGate")),
    Module("CancelSteps", (15, 16)),
    Module("MatchSteps", (18, 19, 20), ("Matchmaker",)),
    Module("ListingSteps", (29,)),
    Module("AdminSteps", (30, 31, 32)),
    Module("MarkSteps", (33,)),
    Module("SettlementSteps", (34, 35, 36, 37)),
    Module("LiquidationSteps", (38, 46, 47, 48, 49), ("MarginCalculator",)),
    Module("SliceSteps", (39,), ("MarginCalculator",)),
    Module("AuctionSteps", (40,), ("MarginCalculator", "AuctionGate")),
    Module("DeleverageSteps", (41, 50, 51), ("MarginCalculator",)),
    Module("RiskAdminSteps", (43, 44)),
)
"""Every module of the verifier."""


class Judges(msgspec.Struct, frozen=True):
    """Contracts without a state of any venue, which all venues of a chain may share; addresses.

    Attributes:
        step_verifier: Executes a step.
        omission_proof: Says what should have followed a step.
        further: Judges of what execution does not show.
        batch_data: Reads chunks.
        exit_valuer: Computes what an account may claim.
    """

    step_verifier: str
    omission_proof: str
    further: tuple[str, ...]
    batch_data: str
    exit_valuer: str


def add_judges(construction: Construction) -> Judges:
    """Adds their creation to a construction."""
    helpers: dict[str, str] = {}
    for name, calls in HELPERS:
        helpers[name] = construction.create(name, *(helpers[each] for each in calls))
    modules = [
        (module.mask, construction.create(module.name, *(helpers[each] for each in module.calls))) for module in MODULES
    ]
    return Judges(
        step_verifier=construction.create("StepVerifier", modules),
        omission_proof=construction.create("OmissionProof", helpers["MarginCalculator"]),
        further=tuple(construction.create(name, *(helpers[each] for each in calls)) for name, calls in FURTHER_JUDGES),
        batch_data=construction.create("BatchData"),
        exit_valuer=construction.create("ExitValuer"),
    )
