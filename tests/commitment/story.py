"""A small venue played straight into a replica: signed commands in, state out, no process around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from commitment import reference
from support.venue import CHAIN_ID, CONTRACT, EXPIRY, SMILE, START, TOKEN, secret, specs
from synchromesh._native import ReplayError, Replica, blake3, mark_arrays, pack_records
from synchromesh.protocol import (
    Administration,
    AssetSpec,
    Authorization,
    CancelAll,
    Clock,
    CollateralTerms,
    Command,
    Deposit,
    Expire,
    ExpiryInputs,
    Fill,
    FundingTick,
    Genesis,
    InboxBody,
    InboxItem,
    InstrumentMark,
    ListInstruments,
    MarginParameters,
    MarkArrays,
    MarkInputs,
    MarkUpdate,
    Names,
    OrderType,
    Parameter,
    ParameterValue,
    PlaceOrder,
    PostOnly,
    Record,
    RiskParameters,
    ScenarioParameters,
    SelfTrade,
    SetCollateral,
    SetRiskParameters,
    SettleExpired,
    Side,
    TimeInForce,
    TypedDomain,
    UnderlyingSpec,
    Withdraw,
    address_of,
    decode_event,
    encode_inbox_body,
)

ADMIN, ORACLE, OPERATOR = secret("admin"), secret("oracle"), secret("operator")
ALICE, BOB = 0, 1
OWNERS = (secret("alice"), secret("bob"))
PERPETUAL, CALL = 1, 5
"""Instruments by their place in the test listing."""
FOREVER = 2**63
INDEX = {1: 76_000 * 10**9, 2: 2_250 * 10**9}
PARAMETERS = {
    Parameter.OPTION_MAKER_FEE: 300_000,
    Parameter.OPTION_TAKER_FEE: 300_000,
    Parameter.OPTION_FEE_CAP: 125_000_000,
    Parameter.PERPETUAL_MAKER_FEE: 100_000,
    Parameter.PERPETUAL_TAKER_FEE: 500_000,
    Parameter.NONCE_PAST: 60 * 10**9,
    Parameter.NONCE_FUTURE: 60 * 10**9,
    Parameter.MAX_OPEN_ORDERS: 100,
    Parameter.MAX_INSTRUMENTS: 100,
    Parameter.OPTION_INITIAL: 150_000_000,
    Parameter.OPTION_INITIAL_FLOOR: 100_000_000,
    Parameter.OPTION_MAINTENANCE: 75_000_000,
    Parameter.PERPETUAL_INITIAL: 40_000_000,
    Parameter.PERPETUAL_MAINTENANCE: 20_000_000,
    Parameter.PERPETUAL_SIZE_TERM: 0,
    Parameter.PRICE_BAND: 10**9,
    Parameter.MARK_STALENESS: 10 * 86_400 * 10**9,
    Parameter.MIN_INDEX_SOURCES: 3,
    Parameter.MAX_INDEX_JUMP: 500_000_000,
    Parameter.PNL_OFFSET: 600_000_000,
    Parameter.PNL_OFFSET_CAP: 500_000_000,
    Parameter.RISK_DELAY: 3_600 * 10**9,
    Parameter.MARGIN_CALL_BUFFER: 100_000_000,
    Parameter.LIQUIDATION_INTERVAL: 10**9,
    Parameter.LIQUIDATION_SLICE: 200_000_000,
    Parameter.LIQUIDATION_PRICE_LIMIT: 20_000_000,
    Parameter.LIQUIDATION_FEE: 500_000,
    Parameter.AUCTION_START: 950_000_000,
    Parameter.AUCTION_MIDDLE: 700_000_000,
    Parameter.AUCTION_MIDDLE_TIME: 900 * 10**9,
    Parameter.AUCTION_END_TIME: 3_600 * 10**9,
    Parameter.INSURANCE_CAP: 500_000_000,
    Parameter.AUCTION_TRIGGER: 500_000_000,
}


class Story:
    """Opens a venue with two owners of a million USDC each, subaccounts 1 and 2."""

    MAX_FEE = 10**12

    def __init__(self) -> None:
        self.replica = Replica()
        self.records: list[bytes] = []
        self.chain = self.inbox = bytes(32)
        self.time = self.nonce = START
        self.specs = specs()
        self.marks: dict[int, dict[int, InstrumentMark]] = {}
        self.fees: list[tuple[int, int]] = []
        self.epochs = dict.fromkeys(INDEX, 1)
        self.admin_nonce = 1
        self.domain = TypedDomain(CHAIN_ID, CONTRACT)
        self.names = Names({spec.instrument: spec.name for spec in self.specs}, {1: "BTC", 2: "ETH"}, {0: "USDC"})
        self.genesis = Genesis(
            chain_id=CHAIN_ID,
            contract=CONTRACT,
            operator=address_of(OPERATOR),
            admins=(address_of(ADMIN),),
            admin_quorum=1,
            oracles=(address_of(ORACLE),),
            oracle_quorum=1,
            assets=(AssetSpec(0, "USDC", TOKEN, 6), AssetSpec(1, "WETH", TOKEN, 18)),
            underlyings=(UnderlyingSpec(1, "BTC"), UnderlyingSpec(2, "ETH")),
            parameters=tuple(ParameterValue(parameter, PARAMETERS[parameter]) for parameter in Parameter),
        )
        self.submit(self.genesis)
        listing = ListInstruments(tuple(self.specs), Administration(0))
        self.submit(self.domain.cosigned(listing, [ADMIN], self.names))
        self.time += 1
        for underlying in INDEX:
            self.mark(underlying)
        for owner in OWNERS:
            self.inbox_item(Deposit(address_of(owner), 0, 0, 10**12))

    def address(self, who: int) -> bytes:
        """Address of an owner."""
        return address_of(OWNERS[who])

    def encode(self, command: Command) -> bytes:
        """The record that a command would be now."""
        return Record(self.time, command).encode()

    def packed(self, records: list[bytes] | None = None) -> bytes:
        """Records as a batch has them."""
        return pack_records(self.records if records is None else records)

    def submit(self, command: Command) -> list[Any]:
        """Sequences a command; its events."""
        record = self.encode(command)
        events = [decode_event(event) for event in self.replica.apply(record, verify=True)]
        self.records.append(record)
        self.chain = reference.keccak(self.chain + reference.keccak(record))
        for event in events:
            if isinstance(event, Fill):
                self.fees += [(event.maker_subaccount, event.maker_fee), (event.taker_subaccount, event.taker_fee)]
        return events

    def inbox_item(self, body: InboxBody) -> None:
        """The next item of the contract's inbox."""
        index = self.replica.inbox_cursor
        self.inbox = reference.keccak(self.inbox + reference.number(index, 64) + encode_inbox_body(body))
        self.submit(InboxItem(index, body))

    def mark(self, underlying: int, table: RiskParameters | None = None) -> None:
        """New marks of an underlying, at its usual index; with lanes when it has a risk table."""
        index = INDEX[underlying]
        expiries = (ExpiryInputs(EXPIRY, index, 0, SMILE),)
        inputs = MarkInputs(underlying, self.time, index, 100_000, 3, index, 10_000, expiries)
        live = [spec.encode() for spec in self.specs if spec.underlying == underlying]
        arrays = mark_arrays(inputs.encode(), live, table and table.scenario.encode())
        self.marks[underlying] = {mark.instrument: mark for mark in MarkArrays.decode(arrays).marks}
        update = MarkUpdate(inputs, (), self.epochs[underlying], blake3(arrays))
        self.submit(self.domain.cosigned(update, [ORACLE], self.names))

    def risk_table(self, range_: int) -> RiskParameters:
        """A risk table with a price range."""
        scenario = ScenarioParameters(
            range=range_,
            vol_up=500_000_000,
            vol_down=250_000_000,
            power_short=300_000_000,
            power_long=130_000_000,
            vol_floor=300_000_000,
            skew_linear=100_000_000,
            skew_absolute=100_000_000,
            term_front=200_000_000,
            term_back=50_000_000,
        )
        margin = MarginParameters(
            maintenance_share=800_000_000,
            basis_min_move=5_000_000,
            basis_rate=30_000_000,
            short_floor=10_000_000,
            short_floor_last_day=20_000_000,
            delta_depth=10**11,
            delta_impact=10_000_000,
            vega_depth=10**11,
            vega_impact=10**9,
            strike_depth=10**11,
            strike_impact=10_000_000,
            impact_max=200_000_000,
            confidence_multiplier=10**9,
        )
        return RiskParameters(scenario, margin)

    def set_risk(self, table: RiskParameters, effective: int) -> None:
        """A risk table of BTC."""
        self._administer(lambda admin: SetRiskParameters(1, table, effective, admin))
        self.epochs[1] += 1

    def set_collateral(self, terms: CollateralTerms, effective: int) -> None:
        """Collateral terms of WETH."""
        self._administer(lambda admin: SetCollateral(1, terms, effective, admin))

    def _administer(self, make: Callable[[Administration], Command]) -> None:
        self.submit(self.domain.cosigned(make(Administration(self.admin_nonce)), [ADMIN], self.names))
        self.admin_nonce += 1

    def own(self, who: int, make: Callable[[Authorization], Command]) -> None:
        """An owner's action, with its next nonce."""
        leaf = self.replica.opening()["keys"][reference.pad(self.address(who))]
        nonce = int.from_bytes(leaf[12:20], "big")
        self.submit(self._signed(who, make(Authorization(self.address(who), nonce, FOREVER, bytes(65)))))

    def place(
        self,
        who: int,
        subaccount: int,
        instrument: int,
        side: Side,
        *,
        lots: int,
        ticks: int,
        valid_until: int = 0,
    ) -> int:
        """An order of an owner; its id."""
        self.nonce += 1
        spec = self.specs[instrument - 1]
        order = PlaceOrder(
            subaccount=subaccount,
            instrument=instrument,
            side=side,
            amount=lots * spec.lot_size,
            limit_price=ticks * spec.tick_size,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTD if valid_until else TimeInForce.GTC,
            valid_until=valid_until,
            post_only=PostOnly.NO,
            reduce_only=False,
            self_trade=SelfTrade.CANCEL_NEWEST,
            max_fee=self.MAX_FEE,
            client_id="",
            auth=Authorization(self.address(who), self.nonce, FOREVER, bytes(65)),
        )
        self.submit(self._signed(who, order))
        return self.replica.sequence << 10

    def expire(self, price: int) -> None:
        """The expiry of the BTC options comes, and its price is fixed."""
        self.time = max(self.time, EXPIRY)
        self.submit(self.domain.cosigned(Expire(1, EXPIRY, price), [ORACLE], self.names))

    def settle(self) -> None:
        """Settles the expired BTC options."""
        self.submit(SettleExpired(1, EXPIRY, 1_000))

    def attempt(self, kind: int, who: int, instrument: int, ticks: int, lots: int) -> None:
        """One of a few acts, for random streams; the venue may refuse it, but for nothing else than its rules."""
        self.time += 1_000
        try:
            self._act(kind, who, instrument, ticks, lots)
        except ReplayError as error:
            if error.code in {"data", "codec", "signature", "marks"}:
                raise

    def _act(self, kind: int, who: int, instrument: int, ticks: int, lots: int) -> None:
        subaccount = who + 1
        match kind:
            case 0:
                self.mark(1)
            case 1:
                self.submit(FundingTick(1))
            case 2:
                self.submit(Clock(5))
            case 3:
                self.submit(CancelAll(subaccount, instrument, 0, None))
            case 4:
                self.own(who, lambda auth: Withdraw(subaccount, 0, lots, self.address(who), auth))
            case _:
                spec = self.specs[instrument]
                mark = self.marks[spec.underlying][spec.instrument].mark
                price = max(mark // spec.tick_size + ticks, 1)
                side = Side.BUY if lots % 2 else Side.SELL
                self.place(who, subaccount, spec.instrument, side, lots=lots, ticks=price)

    def _signed(self, who: int, command: Any) -> Any:
        return self.domain.signed(command, OWNERS[who], self.names)
