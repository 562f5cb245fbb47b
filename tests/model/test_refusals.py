"""Refusals that random streams meet too rarely, or never, by both the engine and the model."""

from __future__ import annotations

from itertools import count
from random import Random

import msgspec
import pytest

from model.engine import Model
from model.pair import Pair
from model.state import Account, Refused
from model.streams import Stream
from model.tables import COLLATERAL, MARGIN, SCENARIO
from model.venue import ADMINS, INDEX, MINUTE, ORACLES, OWNERS, RISK, START, STRANGER, WETH, arrays_of, genesis
from synchromesh.protocol import (
    CONTRACT,
    NANO_ONE,
    NO_SIGNATURE,
    USD,
    Administration,
    Authorization,
    Clock,
    Command,
    Cosignature,
    CreateSubaccount,
    Deposit,
    FundingTick,
    FundInsurance,
    Genesis,
    InboxItem,
    LiquidationBid,
    ListInstruments,
    MarketStatus,
    MarkFault,
    MarkInputs,
    MarkUpdate,
    OrderType,
    PlaceOrder,
    PostOnly,
    RaiseNonceFloor,
    Record,
    RiskParameters,
    SelfTrade,
    SetCollateral,
    SetRiskParameters,
    Side,
    TimeInForce,
    Transfer,
)

SECOND = 10**9
QUORUM = tuple(Cosignature(signer, NO_SIGNATURE) for signer in ADMINS)


class Script:
    """Commands one after the other, at times of their own."""

    def __init__(self, opened: bool = True) -> None:
        self.pair, self.time = Pair(), START
        if opened:
            assert self.accepts(genesis())

    def accepts(self, command: Command) -> bool:
        return self.pair.apply(Record(self.time, command))

    def refusal(self, command: Command) -> str:
        """The code with which both refuse the command."""
        before = set(self.pair.outcomes.items())
        assert not self.accepts(command)
        [(code, _)] = set(self.pair.outcomes.items()) - before
        return code

    def deposit(self, owner: bytes) -> None:
        item = InboxItem(self.pair.model.inbox_next, Deposit(owner, 0, 0, 10_000 * USD))
        assert self.accepts(item)


def auth(signer: bytes, nonce: int) -> Authorization:
    return Authorization(signer, nonce, START + 3600 * SECOND, NO_SIGNATURE)


def listing() -> ListInstruments:
    """The perpetuals that a stream lists first."""
    stream = Stream(Random(1), Model())
    stream.model.apply(1, stream.next())
    command = stream.next().command
    assert isinstance(command, ListInstruments)
    return msgspec.structs.replace(command, admin=Administration(0, QUORUM))


@pytest.mark.parametrize(
    "change",
    [
        {"admin_quorum": 0},
        {"admin_quorum": 4},
        {"oracle_quorum": 4},
        {"assets": ()},
        {"assets": genesis().assets[1:]},
        {"underlyings": genesis().underlyings[1:]},
        {"parameters": genesis().parameters[1:]},
    ],
)
def test_an_unsound_genesis(change: dict[str, object]) -> None:
    script = Script(opened=False)
    unsound: Genesis = msgspec.structs.replace(genesis(), **change)
    assert script.refusal(unsound) == "invalid_genesis"


def test_nothing_comes_before_the_genesis() -> None:
    assert Script(opened=False).refusal(Clock(1)) == "not_open"


def test_funding_needs_a_perpetual_and_a_mark() -> None:
    script = Script()
    assert script.refusal(FundingTick(1)) == "no_perpetual"
    assert script.accepts(listing())
    script.time += SECOND
    assert script.refusal(FundingTick(1)) == "no_underlying_mark"


def test_names_are_used_once() -> None:
    script = Script()
    assert script.accepts(listing())
    again = tuple(msgspec.structs.replace(spec, instrument=spec.instrument + 2) for spec in listing().instruments)
    assert script.refusal(ListInstruments(again, Administration(1, QUORUM))) == "name_taken"


def test_an_unknown_signer_has_no_floor() -> None:
    assert Script().refusal(RaiseNonceFloor(1, auth(STRANGER, START))) == "unknown_signer"


def test_an_owner_has_256_subaccounts() -> None:
    script = Script()
    for nonce in range(256):
        assert script.accepts(CreateSubaccount(auth(OWNERS[0], nonce)))
    assert script.refusal(CreateSubaccount(auth(OWNERS[0], 256))) == "too_many_subaccounts"
    script.deposit(OWNERS[0])
    assert script.accepts(Transfer(1, 256, 0, USD, auth(OWNERS[0], 256)))


def test_sixty_four_nonces_are_remembered() -> None:
    script = Script()
    script.deposit(OWNERS[0])
    for number in range(65):
        assert script.accepts(RaiseNonceFloor(number + 1, auth(OWNERS[0], START + 10 * number)))
    assert script.refusal(RaiseNonceFloor(100, auth(OWNERS[0], START))) == "nonce_below_window"
    assert script.refusal(RaiseNonceFloor(100, auth(OWNERS[0], START + 10))) == "nonce_used"
    assert script.accepts(RaiseNonceFloor(100, auth(OWNERS[0], START + 15)))


def mark(script: Script, index: int, **changes: object) -> MarkUpdate:
    """A mark of a perpetual at the script's time."""
    inputs = MarkInputs(1, script.time, index, 100_000, 4, index, 0, ())
    inputs = msgspec.structs.replace(inputs, **changes)
    arrays = arrays_of(script.pair.model, inputs)
    assert arrays is not None
    epoch = script.pair.model.underlyings[0].listing_epoch
    return MarkUpdate(inputs, tuple(Cosignature(signer, NO_SIGNATURE) for signer in ORACLES), epoch, arrays.hash())


@pytest.mark.parametrize("side", [-1, 1])
def test_the_allowed_move_of_the_index_grows_with_the_age_of_the_last_mark(side: int) -> None:
    for age, permille, allowed in (
        (1, 100, True),
        (1, 101, False),
        (59, 101, False),
        (60, 200, True),
        (119, 201, False),
        (180, 400, True),
        (3600, 500, True),
        (3600, 501, False),
        (86_400, 9_000 if side > 0 else 999, False),
    ):
        script = Script()
        assert script.accepts(listing())
        assert script.accepts(mark(script, INDEX[1]))
        script.time += age * SECOND
        assert script.accepts(Clock(0))
        command = mark(script, INDEX[1] + side * INDEX[1] * permille // 1000)
        assert script.accepts(command) if allowed else script.refusal(command) == "index_jump"


def test_marks_that_are_not_near_the_index_or_of_now() -> None:
    script = Script()
    assert script.accepts(listing())
    index = INDEX[1]
    for perpetual in (index // 2 - 1, 2 * index + 1, 10 * index):
        assert script.refusal(mark(script, index, perpetual_mark=perpetual)) == "invalid_mark"
    old = mark(script, index)
    script.time += 60 * SECOND
    assert script.accepts(Clock(0))
    script.time += 1
    assert script.refusal(old) == "stale_mark"
    assert script.accepts(mark(script, index, perpetual_mark=2 * index))
    script.time += 1
    assert script.accepts(mark(script, index, perpetual_mark=index // 2))


def test_a_product_beyond_128_bits_is_an_overflow() -> None:
    """The margin of the larger position, 3.4e18, would fit in 64 bits."""
    script = Script()
    assert script.accepts(listing())
    assert script.accepts(mark(script, INDEX[1]))
    script.deposit(OWNERS[0])
    price = INDEX[1] // 1_000
    limit = (OrderType.LIMIT, TimeInForce.GTC, 0, PostOnly.NO, False, SelfTrade.CANCEL_NEWEST, 10**18, "")
    for nonce, (contracts, code) in enumerate(((50_000, "not_enough_margin"), (344_164, "overflow"))):
        trading = auth(OWNERS[0], START + nonce)
        assert script.refusal(PlaceOrder(1, 1, Side.BUY, contracts * CONTRACT, price, *limit, trading)) == code


def test_what_no_journal_holds_is_refused_by_the_model() -> None:
    """A replica counts for itself and computes arrays for itself, so only the model can be asked."""
    stream = Stream(Random(1), Model())
    while not isinstance((record := stream.next()).command, MarkUpdate):
        stream.model.apply(stream.model.sequence + 1, record)
    with pytest.raises(Refused, match="wrong_sequence"):
        stream.model.apply(stream.model.sequence + 2, record)
    with pytest.raises(Refused, match="mark_arrays_missing"):
        stream.model.apply(stream.model.sequence + 1, record)


def _changed(table: RiskParameters, path: str, value: int) -> RiskParameters:
    part, name = path.split(".")
    inner = msgspec.structs.replace(getattr(table, part), **{name: value})
    return msgspec.structs.replace(table, **{part: inner})


@pytest.mark.parametrize("part", ["scenario", "margin"])
def test_every_number_of_a_risk_table_is_bounded(part: str) -> None:
    script = Script()
    for name, (low, high) in {"scenario": SCENARIO, "margin": MARGIN}[part].items():
        for value in (low - 1, high + 1):
            table = _changed(RISK, f"{part}.{name}", value)
            assert script.refusal(SetRiskParameters(1, table, 0, Administration(0, QUORUM))) == "risk_range"


@pytest.mark.parametrize(
    ("path", "value"),
    [("margin.short_floor", 20_000_001), ("margin.impact_max", 9_999_999), ("margin.delta_impact", 200_000_001)],
)
def test_a_risk_table_does_not_contradict_itself(path: str, value: int) -> None:
    command = SetRiskParameters(1, _changed(RISK, path, value), 0, Administration(0, QUORUM))
    assert Script().refusal(command) == "risk_conflict"


def test_tables_wait_for_a_mark_of_their_time() -> None:
    script = Script()
    assert script.accepts(listing())
    hour = 60 * MINUTE

    def table(change: int, effective: int, underlying: int = 1) -> SetRiskParameters:
        administration = Administration(script.pair.model.admin_nonce, QUORUM)
        return SetRiskParameters(underlying, _changed(RISK, "scenario.vol_up", change), effective, administration)

    def marked() -> None:
        script.time += SECOND
        assert script.accepts(mark(script, INDEX[1]))

    assert script.refusal(table(1, 0, underlying=3)) == "unknown_underlying"
    assert script.accepts(table(1, 0))
    assert script.refusal(table(1, hour)) == "nothing_to_do"
    assert script.accepts(table(2, 0)), "no table counts yet"
    marked()
    later = script.time + hour
    assert script.refusal(table(3, later - 1)) == "effective_too_early"
    assert script.accepts(table(3, later))
    assert script.accepts(table(4, later))
    marked()
    script.time = later - SECOND
    marked()
    assert script.pair.outcomes["RiskParametersActive"] == 2
    risk = script.pair.model.underlyings[0].risk.active
    assert risk is not None
    assert (risk.version, risk.parameters.scenario.vol_up) == (4, 4)
    script.pair.check_states()


@pytest.mark.parametrize(
    ("asset", "change", "code"),
    [
        (0, {}, "risk_conflict"),
        (2, {}, "unknown_asset"),
        (1, {"price_underlying": 0}, "unknown_underlying"),
        (1, {"scenario_underlying": 3}, "unknown_underlying"),
        (1, {"haircut_maintenance": 100_000_001}, "risk_conflict"),
        *((1, {name: low - 1}, "risk_range") for name, (low, _) in COLLATERAL.items()),
        *((1, {name: high + 1}, "risk_range") for name, (_, high) in COLLATERAL.items()),
    ],
)
def test_unsound_collateral_terms(asset: int, change: dict[str, int], code: str) -> None:
    terms = msgspec.structs.replace(WETH, **change)
    assert Script().refusal(SetCollateral(asset, terms, 0, Administration(0, QUORUM))) == code


def test_collateral_terms_count_from_a_mark_of_any_underlying() -> None:
    script = Script()
    assert script.accepts(listing())

    def terms(depeg: int, effective: int) -> SetCollateral:
        changed = msgspec.structs.replace(WETH, depeg=depeg)
        return SetCollateral(1, changed, effective, Administration(script.pair.model.admin_nonce, QUORUM))

    assert script.accepts(terms(0, 0))
    script.time += SECOND
    assert script.accepts(mark(script, INDEX[1]))
    assert script.pair.outcomes["CollateralActive"] == 1
    assert script.refusal(terms(0, 2**63)) == "nothing_to_do"
    assert script.refusal(terms(1, 0)) == "effective_too_early"
    assert script.accepts(terms(1, script.time + 60 * MINUTE))


def test_the_insurance_fund_takes_what_may_leave() -> None:
    script = Script()
    script.deposit(OWNERS[0])
    give = [
        (FundInsurance(1, USD, auth(OWNERS[1], 0)), "not_authorized"),
        (FundInsurance(1, USD, auth(OWNERS[0], 1)), "wrong_owner_nonce"),
        (FundInsurance(1, 0, auth(OWNERS[0], 0)), "amount_not_positive"),
        (FundInsurance(1, 10_001 * USD, auth(OWNERS[0], 0)), "insufficient_funds"),
        (FundInsurance(2, USD, auth(OWNERS[0], 0)), "unknown_subaccount"),
    ]
    for command, code in give:
        assert script.refusal(command) == code
    assert script.accepts(FundInsurance(1, 4_000 * USD, auth(OWNERS[0], 0)))
    assert script.pair.model.insurance == 4_000 * USD
    script.pair.check_states()


def at_an_auction() -> tuple[Pair, Account]:
    """A stream at a moment at which a share of somebody's portfolio can be taken."""
    pair = Pair()
    stream, model = Stream(Random(20260204), pair.model), pair.model
    while True:
        pair.apply(stream.next())
        calm = all(model.market(one) == (MarketStatus.OPEN, MarkFault.NONE) for one in model.underlyings)
        for account in model.accounts if calm else ():
            auction = model.auction(account)
            if auction is not None and auction.share and auction.price and not stream.opening:
                return pair, account


def test_bids_that_are_refused() -> None:
    pair, target = at_an_auction()
    model, time, nonces = pair.model, pair.model.time, count(pair.model.time + SECOND)
    item = InboxItem(model.inbox_next, Deposit(STRANGER, 0, 0, 10**7 * USD))
    assert pair.apply(Record(time, item))
    own = next(one for one in model.accounts if one.owner == STRANGER)

    def outcome(bidder: Account, share: int = NANO_ONE, limit: int = 10**15, seller: int = target.number) -> str:
        authorization = Authorization(bidder.owner, next(nonces), time + MINUTE, NO_SIGNATURE)
        before = set(pair.outcomes.items())
        if pair.apply(Record(time, LiquidationBid(bidder.number, seller, share, limit, authorization))):
            return "accepted"
        [(code, _)] = set(pair.outcomes.items()) - before
        return code

    assert outcome(own, share=0) == "bid_share"
    assert outcome(own, share=NANO_ONE + 1) == "bid_share"
    assert outcome(own, seller=own.number) == "not_in_auction"
    assert outcome(own, seller=len(model.accounts) + 1) == "unknown_subaccount"
    assert outcome(target) == "own_portfolio"
    assert outcome(own, limit=-1) == "bid_limit"
    assert outcome(own, limit=10**12) == "accepted"
    pair.check_states()
