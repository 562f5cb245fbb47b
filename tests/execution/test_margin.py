"""Margin through the API: simulations by name, the choice of a model, collateral, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import msgspec
import pytest

from support.risk import COLLATERAL, RISK, RiskVenue
from support.venue import CALL, DAY, ETH_CALL, PERPETUAL, PUT, VenueError, secret
from synchromesh.client import Client, RequestRefused, SyncClient
from synchromesh.client.types import MarginSimulation, UnderlyingMargin
from synchromesh.protocol import address_of

LOW_CALL, HIGH_CALL = "BTC_USDC-6FEB26-70000-C", "BTC_USDC-6FEB26-80000-C"


@pytest.fixture(scope="module")
def risky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RiskVenue]:
    venue = RiskVenue(tmp_path_factory.mktemp("venue"))
    try:
        yield venue.up()
    finally:
        venue.down()


def sum_of_parts(found: UnderlyingMargin) -> Decimal:
    shape = found.initial
    add_ons = (shape.basis, shape.short_floor, shape.delta_concentration, shape.vega_concentration)
    return shape.scan + sum(add_ons) + shape.strike_concentration + shape.confidence


def check_arithmetic(found: MarginSimulation) -> None:
    """Everything that a simulation shows adds up."""
    standard = sum(position.initial_margin or 0 for position in found.positions)
    margins = standard + sum(each.initial.margin for each in found.underlyings)
    depeg = sum(line.initial_depeg for line in found.collateral)
    assert found.initial_margin == margins - found.initial_offset + depeg
    for each in found.underlyings:
        assert each.initial.margin == sum_of_parts(each)
        worst = next(state for state in each.states if state.name == each.initial.worst_state)
        assert each.initial.scan == max(worst.initial_loss, Decimal(0))
        assert worst.initial_loss == max(state.initial_loss for state in each.states)
        assert len({lane.name for lane in each.lanes}) == len(each.lanes) == 64
        assert len({state.name for state in each.states}) == len(each.states) == 63
        lanes = {lane.name: lane for lane in each.lanes}
        for state in each.states:
            if state.kind == "cell":
                row, low, high = state.name.split("_")
                ends = lanes[f"{row}_{low}"], lanes[f"{row}_{high}"]
                assert (state.price_from, state.price_to) == (ends[0].price_move, ends[1].price_move)
                assert state.vol == row
                worse = min(end.pnl_with_orders for end in ends)
                assert found.collateral or state.initial_loss >= -worse, "a cell bounds both its ends"
    counted = sum(line.initial_value for line in found.collateral)
    assert found.equity == found.cash + found.unrealised + found.options_value + counted
    assert found.accepted == (found.margin_balance >= found.initial_margin)
    assert found.available_funds == max(found.margin_balance - found.initial_margin, Decimal(0))


def test_a_portfolio_is_margined_by_name(risky: RiskVenue) -> None:
    with SyncClient(risky.config.websocket_url) as client:
        found = client.simulate_margin({CALL: -1, PERPETUAL: "0.5", ETH_CALL: 2}, cash=20_000)
        check_arithmetic(found)
        assert (found.model, found.cash) == ("portfolio", 20_000)
        assert {each.currency for each in found.underlyings} == {"BTC", "ETH"}
        sizes = {position.instrument_name: position.size for position in found.positions}
        assert sizes == {CALL: -1, PERPETUAL: Decimal("0.5"), ETH_CALL: 2}
        value = {position.instrument_name: position.value for position in found.positions}
        assert found.options_value == value[CALL] + value[ETH_CALL]
        [bitcoin] = [each for each in found.underlyings if each.currency == "BTC"]
        moves = [lane.price_move for lane in bitcoin.lanes if lane.kind == "node" and lane.vol == "flat"]
        assert (min(moves), moves[8], max(moves)) == (Decimal("-0.16"), 0, Decimal("0.16"))
        assert {lane.price_move for lane in bitcoin.lanes if lane.kind == "tail"} >= {Decimal("-0.66"), 5}
        assert bitcoin.initial.short_floor > 0, "a naked short call has a floor"
        assert found.maintenance_margin < found.initial_margin


def test_hedged_portfolios_need_less_and_standard_margin_sees_no_hedge(risky: RiskVenue) -> None:
    with SyncClient(risky.config.websocket_url) as client:
        naked = client.simulate_margin({CALL: -1})
        spread = client.simulate_margin({CALL: -1, HIGH_CALL: 1})
        assert spread.initial_margin < naked.initial_margin / 2
        standard = client.simulate_margin({CALL: -1, HIGH_CALL: 1}, cash=50_000, model="standard")
        check_arithmetic(standard)
        alone = client.simulate_margin({CALL: -1}, cash=50_000, model="standard")
        assert standard.initial_margin == alone.initial_margin
        assert standard.underlyings == []
        assert {position.initial_margin for position in standard.positions} == {standard.initial_margin, 0}
        assert standard.margin_balance == standard.equity - standard.options_value


def test_collateral_counts_after_its_haircut_and_moves_with_its_underlying(risky: RiskVenue) -> None:
    with SyncClient(risky.config.websocket_url) as client:
        found = client.simulate_margin({CALL: -1}, collateral={"WBTC": 1})
        check_arithmetic(found)
        [line] = found.collateral
        assert (line.currency, line.amount, line.price, line.value) == ("WBTC", 1, 76_000, 76_000)
        assert line.initial_value == 76_000 * (1 - Decimal(COLLATERAL.haircut_initial).scaleb(-9))
        assert line.maintenance_value > line.initial_value
        assert line.initial_depeg == 76_000 * Decimal(COLLATERAL.depeg).scaleb(-9)
        covered = client.simulate_margin({CALL: -1}, cash=line.initial_value)
        holding = {state.name: state.initial_loss for state in found.underlyings[0].states}
        with_cash = {state.name: state.initial_loss for state in covered.underlyings[0].states}
        assert holding["flat_0_1"] > with_cash["flat_0_1"], "the collateral falls with its underlying"
        assert holding["flat_15_16"] < with_cash["flat_15_16"], "and it covers the call when it rises"
        capped = client.simulate_margin({}, collateral={"WBTC": 30})
        assert capped.collateral[0].initial_counted == Decimal(COLLATERAL.account_cap).scaleb(-8)


async def test_a_subaccount_is_simulated_with_what_it_has(risky: RiskVenue) -> None:
    for who in ("holder", "writer"):
        risky.deposit(address_of(secret(who)), 200_000)
    url = risky.config.websocket_url
    async with Client(url, secret("holder")) as holder, Client(url, secret("writer")) as writer:
        await holder.buy(CALL, 1, 1600)
        await writer.sell(CALL, 1, 1600)
        account = await writer.account()
        now = await writer.simulate_account()
        assert (now.model, now.equity) == ("standard", account.equity)
        assert (now.initial_margin, now.maintenance_margin) == (account.initial_margin, account.maintenance_margin)
        bought = await writer.simulate_account({HIGH_CALL: 1})
        assert bought.equity == now.equity, "positions come at their marks"
        assert bought.cash < now.cash
        other = await writer.simulate_account(cash=-1_000, model="portfolio")
        check_arithmetic(other)
        assert (other.model, other.cash) == ("portfolio", now.cash - 1_000)
        replaced = await writer.simulate_account({PERPETUAL: 1}, add_positions=False)
        assert [position.instrument_name for position in replaced.positions] == [PERPETUAL]
        assert replaced.equity == now.equity

        await writer.buy(PUT, 1, 100)
        await writer.sell(PERPETUAL, 1, 77_000)
        resting = await writer.simulate_account(model="portfolio")
        check_arithmetic(resting)
        assert resting.underlyings[0].initial.order_cost >= 0
        assert resting.initial_margin > resting.underlyings[0].maintenance.margin
        alone = await writer.simulate_account({PUT: 1}, model="portfolio")
        assert alone.positions[-1].instrument_name == PUT
        await writer.cancel_all()


async def test_a_model_is_chosen_after_a_dry_run(risky: RiskVenue) -> None:
    who = secret("chooser")
    risky.deposit(address_of(who), 30_000)
    risky.deposit(address_of(secret("other side")), 500_000)
    url = risky.config.websocket_url
    async with Client(url, who) as client, Client(url, secret("other side")) as other:
        before = risky.sequence
        dry = await client.set_margin_model("portfolio", dry_run=True)
        assert (dry.model, dry.accepted, dry.sequence, risky.sequence) == ("portfolio", True, 0, before)
        chosen = await client.set_margin_model("portfolio")
        assert (chosen.model, chosen.sequence) == ("portfolio", risky.sequence)
        account = await client.account()
        assert (account.model, account.margin_call, account.liquidation_id) == ("portfolio", "none", None)
        summary = await client.request("private/get_account_summary")
        assert (summary["margin_model"], summary["portfolio_margining_enabled"]) == ("segregated_pm", True)
        with pytest.raises(RequestRefused) as refused:
            await client.set_margin_model("portfolio")
        assert refused.value.reason == "nothing_to_do"

        # A spread that standard margin does not see: the way back is refused.
        await other.sell(HIGH_CALL, 3, 500)
        await client.buy(HIGH_CALL, 3, 500)
        await other.buy(CALL, 3, 1600)
        await client.sell(CALL, 3, 1600)
        account = await client.account()
        simulated = await client.simulate_account()
        check_arithmetic(simulated)
        assert account.initial_margin == simulated.initial_margin
        assert account.margin_balance == account.equity == simulated.equity
        dry = await client.set_margin_model("standard", dry_run=True)
        assert not dry.accepted
        assert dry.initial_margin is not None
        assert dry.margin_balance is not None
        assert dry.initial_margin > dry.margin_balance
        with pytest.raises(RequestRefused) as refused:
            await client.set_margin_model("standard")
        assert (refused.value.code, refused.value.reason) == (10009, "margin_model_refused")
        assert (await client.account()).model == "portfolio"


async def test_what_an_order_would_need(risky: RiskVenue) -> None:
    who = secret("estimator")
    risky.deposit(address_of(who), 50_000)
    async with Client(risky.config.websocket_url, who) as client:
        mark = (await client.ticker(CALL)).mark_price
        estimate = await client.margin_estimate(CALL, 1, mark)
        sold = await client.simulate_account({CALL: -1})
        assert estimate.sell == sold.initial_margin - (sold.margin_balance - 50_000)
        assert estimate.buy == mark, "a long option is its premium, paid"
        assert estimate.min_price < mark < estimate.max_price
        dearer = await client.margin_estimate(PERPETUAL, 1, 76_100)
        fair = await client.margin_estimate(PERPETUAL, 1, 76_000)
        assert dearer.buy == fair.buy + 100, "what is lost against the mark is missing at once"
        assert dearer.sell == fair.sell - 100


def test_risk_parameters_are_public(risky: RiskVenue) -> None:
    with SyncClient(risky.config.websocket_url) as client:
        tables = client.risk_parameters()
        assert [each.currency for each in tables.underlyings] == ["BTC", "ETH"]
        active = tables.underlyings[0].active
        assert active is not None
        assert active.version == 1
        assert active.scenario.range == Decimal(RISK["BTC"].scenario.range).scaleb(-9)
        assert active.margin.vega_depth == Decimal(RISK["BTC"].margin.vega_depth).scaleb(-6)
        assert active.margin.delta_depth == Decimal(RISK["BTC"].margin.delta_depth).scaleb(-8)
        [wrapped] = tables.collateral
        assert wrapped.active is not None
        assert (wrapped.currency, wrapped.active.price_index, wrapped.active.scenario_index) == (
            "WBTC",
            "btc_usdc",
            "btc_usdc",
        )
        assert wrapped.active.account_cap == Decimal(COLLATERAL.account_cap).scaleb(-8)
        assert [each.currency for each in client.risk_parameters("ETH").underlyings] == ["ETH"]


def test_a_table_that_follows_is_shown_with_its_time(risky: RiskVenue) -> None:
    wider = msgspec.structs.replace(RISK["ETH"].scenario, range=200_000_000)
    follows = msgspec.structs.replace(RISK["ETH"], scenario=wider)
    effective = risky.set_risk(2, follows, delay_ns=3 * DAY)
    with SyncClient(risky.config.websocket_url) as client:
        [ether] = client.risk_parameters("ETH").underlyings
        assert ether.active is not None
        assert ether.pending is not None
        assert ether.pending.version == ether.active.version + 1
        assert ether.pending.effective_timestamp == effective // 10**6
        assert (ether.active.scenario.range, ether.pending.scenario.range) == (Decimal("0.18"), Decimal("0.2"))
    risky.mark()


def test_insurance_can_be_given(risky: RiskVenue) -> None:
    who = secret("giver")
    risky.deposit(address_of(who), 10_000)
    with SyncClient(risky.config.websocket_url, who) as client:
        before = client.insurance().balance
        client.fund_insurance("1234.5")
        assert client.insurance().balance == before + Decimal("1234.5")
        assert client.account().balance == Decimal("8765.5")
        with pytest.raises(RequestRefused) as refused:
            client.fund_insurance(10_000)
        assert refused.value.reason == "insufficient_funds"


@pytest.mark.parametrize(
    ("params", "code", "reason"),
    [
        ({"positions": {"BTC_USDC-1JAN20-1-C": 1}}, 13020, "unknown_instrument"),
        ({"positions": {CALL: "0.001"}}, 10021, "invalid_amount"),
        ({"positions": {CALL: "1e30"}}, -32602, "invalid_param"),
        ({"positions": {CALL: "much"}}, -32602, "invalid_param"),
        ({"positions": [CALL]}, -32602, "invalid_param"),
        ({"positions": "{"}, -32602, "invalid_param"),
        ({"positions": f'{{"{CALL}": []}}'}, -32602, "invalid_param"),
        ({"positions": {f"X-{number}": 1 for number in range(513)}}, -32602, "invalid_param"),
        ({"positions": {}, "model": "cross"}, -32602, "invalid_param"),
        ({"positions": {}, "leverage": 5}, -32602, "invalid_param"),
        ({"cash": "0.0000001"}, -32602, "invalid_param"),
        ({"cash": "NaN"}, -32602, "invalid_param"),
        ({"collateral": {"DOGE": 1}}, -32602, "invalid_param"),
        ({"collateral": {"USDC": 1}}, -32602, "invalid_param"),
        ({"collateral": {"WBTC": -1}}, 10009, "insufficient_funds"),
    ],
)
def test_bad_portfolios_are_refused_by_name(
    risky: RiskVenue, params: dict[str, object], code: int, reason: str
) -> None:
    with pytest.raises(VenueError) as refused:
        risky.call("public/simulate_margin", **params)
    assert (refused.value.code, refused.value.reason) == (code, reason)


def test_get_requests_take_portfolios_as_text(risky: RiskVenue) -> None:
    params = {"positions": json.dumps({CALL: -1}), "cash": "20000"}
    reply = risky.http.get("/api/v2/public/simulate_margin", params=params).json()["result"]
    assert reply["positions"][0]["size"] == -1
    assert reply["cash"] == 20_000


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("private/simulate_margin", {}),
        ("private/get_margins", {"instrument_name": CALL, "amount": 1, "price": 1}),
        ("private/set_margin_model", {"subaccount_id": 1, "model": "portfolio", "dry_run": True}),
    ],
)
def test_strangers_learn_nothing(risky: RiskVenue, method: str, params: dict[str, object]) -> None:
    with pytest.raises(VenueError) as refused:
        risky.call(method, **params)
    assert refused.value.code == 13009


def test_a_subaccount_of_somebody_else_is_not_simulated(risky: RiskVenue) -> None:
    risky.deposit(address_of(secret("curious")))
    with SyncClient(risky.config.websocket_url, secret("curious")) as client, pytest.raises(RequestRefused) as refused:
        client.simulate_account(subaccount=999)
    assert refused.value.reason == "foreign_subaccount"
