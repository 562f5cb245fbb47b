"""Margin, margin models, liquidations and the insurance fund: what `Client` asks of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from synchromesh.client.signing import Signer
from synchromesh.client.types import (
    BidResult,
    Insurance,
    Liquidation,
    MarginEstimate,
    MarginSimulation,
    ModelResult,
    Result,
    RiskParameters,
    RiskReport,
)
from synchromesh.client.units import NANO_PLACES, PRICE_PLACES, Number, decimal, units
from synchromesh.protocol import MarginModel

T = TypeVar("T")

Amounts = Mapping[str, Number]
"""Amounts by instrument name or by symbol of an asset; negative: short."""


class RiskMethods(ABC):
    """The part of `Client` that is about margin and liquidation."""

    @property
    @abstractmethod
    def signer(self) -> Signer:
        """The key; `ClientError` when there is none."""

    @abstractmethod
    async def owner_nonce(self) -> int:
        """Next number of the owner actions of the key's owner."""

    @abstractmethod
    async def _ask(self, method: str, kind: type[T], /, **params: Any) -> T: ...

    @abstractmethod
    def _account(self, subaccount: int | None) -> int: ...

    async def simulate_margin(
        self,
        positions: Amounts,
        *,
        cash: Number = 0,
        collateral: Amounts | None = None,
        model: str = MarginModel.PORTFOLIO.word,
    ) -> MarginSimulation:
        """Margin of any portfolio at the venue's marks; needs no login."""
        params = {"positions": _decimals(positions), "cash": decimal(cash), "collateral": _decimals(collateral or {})}
        return await self._ask("public/simulate_margin", MarginSimulation, model=model, **params)

    async def simulate_account(
        self,
        positions: Amounts | None = None,
        *,
        cash: Number = 0,
        collateral: Amounts | None = None,
        model: str | None = None,
        add_positions: bool = True,
        subaccount: int | None = None,
    ) -> MarginSimulation:
        """Margin of a subaccount after changes: positions, cash and collateral come on top of what it has.

        Without ``add_positions`` the positions given replace its own. ``model`` is by default the subaccount's.
        """
        params: dict[str, Any] = {
            "subaccount_id": self._account(subaccount),
            "positions": _decimals(positions or {}),
            "cash": decimal(cash),
            "collateral": _decimals(collateral or {}),
            "add_positions": add_positions,
        }
        if model is not None:
            params["model"] = model
        return await self._ask("private/simulate_margin", MarginSimulation, **params)

    async def margin_estimate(
        self, instrument_name: str, amount: Number, price: Number, *, subaccount: int | None = None
    ) -> MarginEstimate:
        """Initial margin that an order would need on top, as a bid and as an offer."""
        params = {"instrument_name": instrument_name, "amount": decimal(amount), "price": decimal(price)}
        account = self._account(subaccount)
        return await self._ask("private/get_margins", MarginEstimate, subaccount_id=account, **params)

    async def set_margin_model(
        self, model: str, *, dry_run: bool = False, subaccount: int | None = None
    ) -> ModelResult:
        """Choose how a subaccount is margined, ``standard`` or ``portfolio``; a dry run tells what that would mean."""
        account = self._account(subaccount)
        params: dict[str, Any] = {"subaccount_id": account, "model": model, "dry_run": dry_run}
        if not dry_run:
            word = MarginModel.from_word(model)
            params |= self.signer.set_margin_model(await self.owner_nonce(), subaccount=account, model=word)
        return await self._ask("private/set_margin_model", ModelResult, **params)

    async def risk_parameters(self, currency: str = "any") -> RiskParameters:
        """Risk tables of the underlyings and terms of the collateral, with those that follow."""
        return await self._ask("public/get_risk_parameters", RiskParameters, currency=currency)

    async def insurance(self) -> Insurance:
        """The insurance fund."""
        return await self._ask("public/get_insurance", Insurance)

    async def risk_report(self) -> RiskReport | None:
        """What the risk monitor last published; None before its first report."""
        return (await self._ask("public/get_risk_report", _RiskReport)).report

    async def fund_insurance(self, amount: Number, *, subaccount: int | None = None) -> Result:
        """Give USDC of a subaccount to the insurance fund, for good."""
        account = self._account(subaccount)
        fields = {"subaccount": account, "amount": units(amount, PRICE_PLACES)}
        signature = self.signer.fund_insurance(await self.owner_nonce(), **fields)
        params = {"subaccount_id": account, "amount": decimal(amount)}
        return await self._ask("private/fund_insurance", Result, **params, **signature)

    async def liquidations(
        self,
        currency: str = "any",
        *,
        running: bool = False,
        count: int = 20,
        before: int | None = None,
        subaccount: int | None = None,
    ) -> list[Liquidation]:
        """Liquidations, newest first: those numbered below ``before``, and only running ones on request."""
        params: dict[str, Any] = {"currency": currency, "running": running, "count": count}
        if before is not None:
            params["before"] = before
        if subaccount is not None:
            params["subaccount_id"] = subaccount
        return (await self._ask("public/get_liquidations", _Liquidations, **params)).liquidations

    async def liquidation_bid(
        self, target: int, share: Number, limit: Number, *, subaccount: int | None = None
    ) -> BidResult:
        """Take over a share (0 to 1) of a portfolio that is being auctioned, at the auction's price.

        ``limit`` is the most to pay in all, USDC; negative: the least to be paid.
        """
        account = self._account(subaccount)
        signature = self.signer.liquidation_bid(
            subaccount=account, target=target, share=units(share, NANO_PLACES), limit=units(limit, PRICE_PLACES)
        )
        params = {"subaccount_id": account, "target": target, "share": decimal(share), "limit": decimal(limit)}
        return await self._ask("private/liquidation_bid", BidResult, **params, **signature)


class _RiskReport(msgspec.Struct):
    report: RiskReport | None


class _Liquidations(msgspec.Struct):
    liquidations: list[Liquidation]


def _decimals(amounts: Amounts) -> dict[str, Any]:
    return {name: decimal(amount) for name, amount in amounts.items()}
