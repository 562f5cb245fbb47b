"""Margin: what a portfolio would need, how a subaccount is margined, and the tables behind it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from synchromesh._native import EngineRefused, SimulationInfo
from synchromesh.client.units import AMOUNT_PLACES, PRICE_PLACES
from synchromesh.execution.dispatch import Submission, method
from synchromesh.execution.errors import ApiError, ErrorCode, invalid_param, refusal
from synchromesh.execution.gateway import Gateway, encode_command
from synchromesh.execution.margin_view import UnderlyingTerms, figures_view, simulation_view
from synchromesh.execution.methods.accounts import selected_subaccounts
from synchromesh.execution.methods.signed import MaybeSigned, acknowledged, asset_of, authorization
from synchromesh.execution.numbers import price, signed_of
from synchromesh.execution.present import millis
from synchromesh.execution.requests import decode_json
from synchromesh.execution.risk_tables import collateral_tables, risk_tables, scenario_range
from synchromesh.execution.session import Session
from synchromesh.protocol import CONTRACT, NANO_ONE, USDC, MarginModel, Parameter, SetMarginModel

SIMULATED_MAX = 512
"""Most instruments of one simulation."""

Amounts = dict[str, Decimal] | str
"""Amounts by name: an object, or its JSON text, which GET requests need."""


class SimulateParams(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A portfolio: contracts by instrument, USDC, units by asset."""

    positions: Amounts = {}
    cash: Decimal = Decimal(0)
    collateral: Amounts = {}
    model: str = MarginModel.PORTFOLIO.word


class SimulateAccountParams(SimulateParams, forbid_unknown_fields=True, kw_only=True):
    """Changes of a subaccount; without a model its own."""

    subaccount_id: int | None = None
    model: str = ""
    add_positions: bool = True


class EstimateParams(msgspec.Struct, kw_only=True):
    """An order that nobody placed yet."""

    instrument_name: str
    amount: Decimal
    price: Decimal
    subaccount_id: int | None = None


class ModelParams(MaybeSigned, kw_only=True):
    """A margin model for a subaccount; a dry run needs a login and no signature."""

    subaccount_id: int
    model: str
    dry_run: bool = False


class CurrencyParams(msgspec.Struct):
    """Selects an underlying."""

    currency: str = "any"


@method("public/simulate_margin", params=SimulateParams)
def simulate_margin(gateway: Gateway, session: Session, params: SimulateParams) -> dict[str, Any]:
    """Margin of any portfolio at the marks now, every scenario and add-on by name."""
    return _shown(gateway, _simulate(gateway, None, params, add_positions=True))


@method("private/simulate_margin", params=SimulateAccountParams)
def simulate_account(gateway: Gateway, session: Session, params: SimulateAccountParams) -> dict[str, Any]:
    """The same for a subaccount with its open orders, after changes to positions, cash, collateral or model."""
    subaccount = _one_subaccount(gateway, session, params.subaccount_id)
    return _shown(gateway, _simulate(gateway, subaccount, params, add_positions=params.add_positions))


@method("private/get_margins", params=EstimateParams)
def get_margins(gateway: Gateway, session: Session, params: EstimateParams) -> dict[str, Any]:
    """Initial margin that an order of that size and price would need on top, once filled, as a bid and as an offer."""
    subaccount = _one_subaccount(gateway, session, params.subaccount_id)
    info = gateway.catalog.fresh(params.instrument_name)
    size = signed_of(params.amount, AMOUNT_PLACES, "amount")
    at = signed_of(params.price, PRICE_PLACES, "price")
    if size <= 0 or at < 0:
        raise invalid_param("amount" if size <= 0 else "price", "amount is above 0 and price not below")
    mark = info.mark
    before = _simulation(gateway, subaccount, {}, 0, {}, "", add_positions=True)
    needed = {}
    for word, sign in (("buy", 1), ("sell", -1)):
        # A simulation trades at the mark; what the price differs from it is lost or won at once.
        paid = at - mark
        lots = {info.instrument: sign * _lots(gateway, params.instrument_name, params.amount)}
        after = _simulation(gateway, subaccount, lots, -sign * paid * size // CONTRACT, {}, "", add_positions=True)
        missing = (after.initial - after.balance) - (before.initial - before.balance)
        needed[word] = price(max(missing, 0))
    band = _band(gateway, info.mark, gateway.catalog.underlying(info.underlying).index)
    return needed | {"min_price": price(max(mark - band, info.tick_size)), "max_price": price(mark + band)}


@method("private/set_margin_model", params=ModelParams)
def set_margin_model(gateway: Gateway, session: Session, params: ModelParams) -> Submission | dict[str, Any]:
    """Choose how a subaccount is margined; a dry run tells what that would mean, and changes nothing."""
    model = _model(params.model)
    if params.dry_run:
        [subaccount] = selected_subaccounts(gateway, session, params.subaccount_id)
        found = _simulation(gateway, subaccount, {}, 0, {}, params.model, add_positions=True)
        return figures_view(found)
    command = SetMarginModel(params.subaccount_id, model, authorization(params))
    return Submission([encode_command(command)], acknowledged(gateway, model=model.word))


@method("public/get_risk_parameters", params=CurrencyParams)
def get_risk_parameters(gateway: Gateway, session: Session, params: CurrencyParams) -> dict[str, Any]:
    """Risk tables of the underlyings and terms of the collateral: those that count, and those that follow."""
    underlyings = gateway.catalog.currency_underlyings(params.currency)
    return {"underlyings": risk_tables(gateway, underlyings), "collateral": collateral_tables(gateway)}


def _band(gateway: Gateway, mark: int, index: int) -> int:
    """How far from its mark an order may be priced, micro-USDC; ``index`` is 1e-9 USD."""
    share = gateway.catalog.parameters[Parameter.PRICE_BAND]
    return -(-share * max(mark, index // (1_000 * 100)) // NANO_ONE)


def _one_subaccount(gateway: Gateway, session: Session, wanted: int | None) -> int:
    subaccounts = selected_subaccounts(gateway, session, wanted)
    if not subaccounts:
        raise ApiError(ErrorCode.NOT_FOUND, "unknown_subaccount", "the login has no subaccount yet: deposit first")
    return subaccounts[0]


def _model(word: str) -> MarginModel:
    try:
        return MarginModel.from_word(word)
    except ValueError:
        words = " or ".join(model.word for model in MarginModel)
        raise invalid_param("model", f"model is {words}, not {word!r}") from None


def _amounts(given: Amounts, param: str) -> dict[str, Decimal]:
    if not isinstance(given, str):
        return given
    try:
        return msgspec.convert(decode_json(given.encode(), 1), dict[str, Decimal], strict=False)
    except (ApiError, msgspec.ValidationError) as error:
        raise invalid_param(param, f"{param} is an object of amounts by name: {error}") from None


def _lots(gateway: Gateway, name: str, given: Decimal) -> int:
    info = gateway.catalog.named(name)
    units = signed_of(given, AMOUNT_PLACES, "positions")
    if units % info.lot_size:
        detail = f"{given} of {name} is not a multiple of {Decimal(info.lot_size) / CONTRACT}"
        raise ApiError(ErrorCode.INVALID_AMOUNT, "invalid_amount", detail, param="positions")
    return units // info.lot_size


def _simulate(
    gateway: Gateway, subaccount: int | None, params: SimulateParams, *, add_positions: bool
) -> SimulationInfo:
    positions, collateral = _amounts(params.positions, "positions"), _amounts(params.collateral, "collateral")
    if len(positions) > SIMULATED_MAX:
        raise invalid_param("positions", f"a simulation has at most {SIMULATED_MAX} instruments")
    lots = {gateway.catalog.named(name).instrument: _lots(gateway, name, size) for name, size in positions.items()}
    assets = {
        asset_of(gateway, symbol): signed_of(size, AMOUNT_PLACES, "collateral") for symbol, size in collateral.items()
    }
    if USDC in assets:
        raise invalid_param("collateral", "USDC is cash")
    cash = signed_of(params.cash, PRICE_PLACES, "cash")
    return _simulation(gateway, subaccount, lots, cash, assets, params.model, add_positions=add_positions)


def _simulation(
    gateway: Gateway,
    subaccount: int | None,
    lots: dict[int, int],
    cash: int,
    assets: dict[int, int],
    model: str,
    *,
    add_positions: bool,
) -> SimulationInfo:
    chosen = None if not model else int(_model(model))
    try:
        return gateway.host.simulate_margin(
            subaccount, list(lots.items()), cash, list(assets.items()), chosen, add_positions
        )
    except EngineRefused as error:
        raise refusal(error.code, str(error)) from None


def _shown(gateway: Gateway, found: SimulationInfo) -> dict[str, Any]:
    catalog = gateway.catalog
    terms = {
        number: UnderlyingTerms(symbol, catalog.underlying(number).index, scenario_range(gateway, number))
        for number, symbol in catalog.symbols.items()
    }
    shown = simulation_view(found, catalog.spec, catalog.asset_symbols, terms)
    return shown | {"timestamp": millis(gateway.clock.now_ns())}
