"""Deploys a venue's contracts, and puts up operators' bonds."""

from __future__ import annotations

import msgspec

from synchromesh._native import Replica
from synchromesh.settlement.allowance import allow
from synchromesh.settlement.chain import Chain
from synchromesh.settlement.construction import Construction
from synchromesh.settlement.contracts import VenueContracts
from synchromesh.settlement.judges import Judges, add_judges
from synchromesh.settlement.sender import Sender
from synchromesh.settlement.terms import VenueTerms

USDC_DECIMALS = 6
"""Decimals of USDC on chain."""
TEST_TOKENS = {"WETH": 18, "WBTC": 8, "WSTETH": 18}
"""Decimals on chain of the collateral that a local venue may take, by symbol."""
_USDC = 0
"""Asset id of USDC."""


class Deployment(msgspec.Struct, frozen=True):
    """Where a venue's contracts are, as checksummed hex. The settlement contract leads to the others.

    Attributes:
        settlement: The settlement contract.
        usdc: USDC, or the test token in its place.
        tokens: Further assets by symbol, in the order of their ids.
        quorum: Who vouches for batches; empty without verifiers.
    """

    settlement: str
    usdc: str
    tokens: dict[str, str] = {}
    quorum: str = ""


def genesis_root() -> bytes:
    """Returns the state root of the empty venue, a constant of the protocol."""
    return Replica().state_root()


async def deploy(sender: Sender, terms: VenueTerms, judges: Judges | None = None) -> Deployment:
    """Deploys a venue's contracts, in a few blocks.

    With a test token for USDC, operator and standbys receive their bonds, to be put up with `post_bond`.

    Args:
        sender: Deployer; becomes the owner.
        terms: What they are built with.
        judges: Judges that were deployed before; None deploys them as well.

    Raises:
        ChainError: When a transaction is refused.
    """
    site = await Construction.begin(sender)
    judges = judges or add_judges(site)
    usdc = terms.usdc or site.create("TestUSDC")
    settlement = _create_settlement(site, sender.address, terms, usdc, judges)
    site.call("BondedSettlement", settlement, "addAsset", usdc, terms.deposit_cap)
    tokens = {}
    for symbol, decimals in terms.tokens.items():
        tokens[symbol] = site.create("TestToken", f"Test {symbol}", f"t{symbol}", decimals)
        cap = terms.deposit_cap * 10**decimals // 10**USDC_DECIMALS
        site.call("BondedSettlement", settlement, "addAsset", tokens[symbol], cap)
    challenges = site.create(
        "Challenges",
        settlement,
        judges.step_verifier,
        judges.omission_proof,
        list(judges.further),
        terms.windows.answer,
        terms.request_stake,
    )
    _change(site, settlement, "setChallenges", challenges)
    reconciliation = site.create("Reconciliation", settlement, terms.windows.reconcile, terms.request_stake)
    _change(site, settlement, "setReconciliation", reconciliation)
    for standby in terms.standbys:
        _change(site, settlement, "setStandby", standby, True)
    quorum = _create_quorum(site, sender.address, terms, usdc, settlement) if terms.verifiers else ""
    if terms.attestations is not None:
        asked = terms.attestations
        registry = site.create(
            "AttestationRegistry", list(asked.attesters), list(asked.measurements), asked.threshold, asked.max_age
        )
        _change(site, settlement, "setAttestations", registry)
    if terms.usdc is None:
        for bonded in (terms.operator, *terms.standbys):
            site.call("TestUSDC", usdc, "mint", bonded, terms.bond)
    await site.build()
    return Deployment(settlement=settlement, usdc=usdc, tokens=tokens, quorum=quorum)


def _create_settlement(site: Construction, owner: str, terms: VenueTerms, usdc: str, judges: Judges) -> str:
    """Adds bonds, exits and settlement: the first two are built with the address that the third will have."""
    windows = terms.windows
    settlement = site.address(ahead=2)
    # Until an item that came before the release is overdue, and the batch that serves it final: no less is allowed.
    delay = windows.serve + windows.challenge
    bonds = site.create("Bonds", usdc, settlement, terms.insurance, terms.bond, terms.reward_share, delay)
    exits = site.create("Exits", settlement, judges.exit_valuer, windows.exit)
    config = (
        owner,
        terms.guardian,
        terms.operator,
        genesis_root(),
        windows.challenge,
        terms.max_time_lead,
        terms.max_time_lag,
        windows.serve,
        windows.upgrade,
        judges.batch_data,
        bonds,
        exits,
    )
    created = site.create("BondedSettlement", config)
    assert created == settlement, "two creations stand before it"
    return created


def _create_quorum(site: Construction, owner: str, terms: VenueTerms, usdc: str, settlement: str) -> str:
    """Adds verifiers, and the reserve that pays what they vouch for; the owner fills it, unless the token is ours."""
    verifiers = terms.verifiers
    assert verifiers is not None, "only a venue with verifiers has a quorum"
    quorum = site.create(
        "VerifierQuorum",
        settlement,
        usdc,
        verifiers.stake,
        verifiers.threshold,
        terms.windows.challenge,
        terms.insurance,
        list(verifiers.listed),
    )
    advances = site.create("Advances", settlement, quorum, owner)
    _change(site, settlement, "setAdvances", advances)
    site.call("Advances", advances, "setEarlyCap", _USDC, verifiers.early_cap)
    if terms.usdc is None:
        site.call("TestUSDC", usdc, "mint", advances, verifiers.early_cap)
    return quorum


def _change(site: Construction, settlement: str, function: str, *arguments: object) -> None:
    """Announces a change and carries it out: nobody has entrusted anything to the venue, so nobody needs notice."""
    change = site.encode("BondedSettlement", function, *arguments)
    site.call("BondedSettlement", settlement, "schedule", change)
    site.call("BondedSettlement", settlement, "execute", change)


async def post_bond(chain: Chain, settlement: str, secret: bytes, amount: int) -> None:
    """Puts up ``amount`` token units of an operator's USDC as its bond.

    Raises:
        ChainError: When the token or the bonds refuse, for want of tokens say.
    """
    contracts = await VenueContracts.find(chain, settlement)
    bonds, sender = contracts.bonds, Sender(chain, secret)
    await allow(chain, sender, await chain.call(bonds.functions.token()), bonds.address, amount)
    await sender.send(bonds.functions.post(amount))
