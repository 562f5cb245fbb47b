"""A small, slow model of the whole engine, written from docs/engine.md and from nothing else.

Everything is recomputed from plain values at each command: no caches, no indices. ``Model.apply`` returns the events of
a command or raises `Refused` with the code of the refusal, and then nothing changed.
"""

from __future__ import annotations

from model.liquidation import Liquidations
from model.state import Account, Instrument, Key, Refused, Scheduled, Underlying, require
from synchromesh.protocol import (
    ZERO_HASH,
    CancelAll,
    CancelOrder,
    Clock,
    CollateralTerms,
    Command,
    CreateSubaccount,
    Event,
    Expire,
    FundingTick,
    FundInsurance,
    Genesis,
    InboxItem,
    LiquidationBid,
    ListInstruments,
    MarkArrays,
    MarketStatus,
    MarketStatusChanged,
    MarkFault,
    MarkUpdate,
    Mode,
    Parameter,
    PlaceOrder,
    RaiseNonceFloor,
    Record,
    RegisterSessionKey,
    ReplaceOrder,
    RevokeSessionKey,
    SetCollateral,
    SetMarginModel,
    SetMode,
    SetParameter,
    SetRiskParameters,
    SettleExpired,
    Transfer,
    Withdraw,
)


class Model(Liquidations):
    """The venue."""

    def __init__(self) -> None:
        self.genesis: Genesis | None = None
        self.sequence = self.time = 0
        self.events: list[Event] = []
        self.parameters: dict[Parameter, int] = {}
        self.underlyings: list[Underlying] = []
        self.collateral: list[Scheduled[CollateralTerms]] = []
        self.instruments: list[Instrument] = []
        self.accounts: list[Account] = []
        self.keys: dict[bytes, Key] = {}
        self.fees = self.insurance = self.funding_pool = 0
        self.vault: dict[int, int] = {}
        self.liquidations = self.slices = 0
        self.trades = self.withdrawals = self.admin_nonce = self.inbox_next = 0
        self.inbox_hash = ZERO_HASH

    def apply(self, sequence: int, record: Record, arrays: MarkArrays | None = None) -> list[Event]:
        """The events of a command; `Refused` when it changes nothing."""
        require(sequence == self.sequence + 1, "wrong_sequence")
        require(record.time >= self.time, "time_backwards")
        require(self.genesis is not None or isinstance(record.command, Genesis), "not_open")
        before = (self.sequence, self.time)
        markets = [self.market(underlying) for underlying in self.underlyings]
        self.sequence, self.time, self.events = sequence, record.time, []
        try:
            self.dispatch(record.command, arrays)
            self.supervise(record.command)
        except Refused:
            self.sequence, self.time = before
            assert not self.events, "a refused command has no events"
            raise
        for underlying, market in zip(self.underlyings, markets, strict=False):
            if self.market(underlying) != market:
                changed = MarketStatusChanged(underlying.spec.underlying, *self.market(underlying))
                self.events.append(changed)
        return self.events

    def market(self, underlying: Underlying) -> tuple[MarketStatus, MarkFault]:
        """What an underlying accepts as of the last command, and what is wrong with its marks."""
        fault = MarkFault.NONE
        try:
            self.check_marks_sound(underlying.spec.underlying)
        except Refused as refusal:
            [fault] = [one for one in MarkFault if one.word == refusal.code]
        if underlying.mode == Mode.HALT:
            return MarketStatus.HALTED, fault
        if underlying.mode == Mode.CANCEL_ONLY:
            return MarketStatus.CANCEL_ONLY, fault
        if fault != MarkFault.NONE:
            return MarketStatus.REDUCE_ONLY, fault
        return (MarketStatus.POST_ONLY if underlying.mode == Mode.POST_ONLY else MarketStatus.OPEN), fault

    def dispatch(self, command: Command, arrays: MarkArrays | None) -> None:
        if isinstance(command, MarkUpdate):
            self.update_marks(command, arrays)
            return
        handlers = {
            Genesis: self.open_venue,
            InboxItem: self.take_inbox_item,
            Withdraw: self.withdraw,
            Transfer: self.transfer,
            CreateSubaccount: self.create_subaccount,
            RegisterSessionKey: self.register_session_key,
            RevokeSessionKey: self.revoke_session_key,
            RaiseNonceFloor: self.raise_nonce_floor,
            PlaceOrder: self.place_order,
            CancelOrder: self.cancel_order,
            ReplaceOrder: self.replace_order,
            CancelAll: self.cancel_all,
            ListInstruments: self.list_instruments,
            FundingTick: self.accrue_funding,
            Expire: self.expire,
            Clock: self.end_expired_orders,
            SetMode: self.set_mode,
            SetParameter: self.set_parameter,
            SettleExpired: self.settle_expired,
            SetRiskParameters: self.set_risk_parameters,
            SetCollateral: self.set_collateral,
            FundInsurance: self.fund_insurance,
            SetMarginModel: self.set_margin_model,
            LiquidationBid: self.bid,
        }
        handlers[type(command)](command)
