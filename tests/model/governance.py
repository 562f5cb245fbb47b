"""What administrators, oracles and time decide: listings, parameters, modes, marks, funding, expiry."""

from __future__ import annotations

from collections.abc import Iterable

from model.state import Instrument, Refused, Scheduled, Underlying, require
from model.tables import Tables
from synchromesh.protocol import (
    CONTRACT,
    NANO_ONE,
    USDC,
    Administration,
    BalanceReason,
    CloseReason,
    Cosignature,
    Expire,
    ExpiryFixed,
    FundingAccrued,
    FundingTick,
    Genesis,
    InstrumentClosed,
    InstrumentKind,
    InstrumentListed,
    InstrumentSpec,
    ListInstruments,
    MarkArrays,
    MarkInputs,
    MarkUpdate,
    MarkUpdated,
    ModeChanged,
    OptionType,
    Parameter,
    ParameterChanged,
    ParameterValue,
    PositionSettled,
    SetMode,
    SetParameter,
    SettleExpired,
    Side,
)

SECOND = 10**9
DAY = 86_400 * SECOND
MAX_PRICE = 10**15
MAX_LOT = 10**14
MAX_INDEX = 10**17
MAX_FUNDING_RATE = 10**8
MAX_OPEN_INSTRUMENTS = 8_192
FUNDING_PERIOD = 8 * 3600 * SECOND

RANGES = {
    Parameter.OPTION_MAKER_FEE: (-(10**6), 10**7),
    Parameter.OPTION_TAKER_FEE: (0, 10**7),
    Parameter.OPTION_FEE_CAP: (0, 5 * 10**8),
    Parameter.PERPETUAL_MAKER_FEE: (-(10**6), 10**7),
    Parameter.PERPETUAL_TAKER_FEE: (0, 10**7),
    Parameter.NONCE_PAST: (SECOND, 7 * DAY),
    Parameter.NONCE_FUTURE: (0, DAY),
    Parameter.MAX_OPEN_ORDERS: (1, 10_000),
    Parameter.MAX_INSTRUMENTS: (1, 4_096),
    Parameter.OPTION_INITIAL: (0, NANO_ONE),
    Parameter.OPTION_INITIAL_FLOOR: (0, NANO_ONE),
    Parameter.OPTION_MAINTENANCE: (0, NANO_ONE),
    Parameter.PERPETUAL_INITIAL: (10**6, NANO_ONE),
    Parameter.PERPETUAL_MAINTENANCE: (10**6, NANO_ONE),
    Parameter.PERPETUAL_SIZE_TERM: (0, NANO_ONE),
    Parameter.PRICE_BAND: (10**6, 100 * NANO_ONE),
    Parameter.MARK_STALENESS: (SECOND, 30 * DAY),
    Parameter.MIN_INDEX_SOURCES: (0, 255),
    Parameter.MAX_INDEX_JUMP: (10**6, 10 * NANO_ONE),
    Parameter.PNL_OFFSET: (0, NANO_ONE),
    Parameter.PNL_OFFSET_CAP: (0, NANO_ONE),
    Parameter.RISK_DELAY: (0, 30 * DAY),
    Parameter.MARGIN_CALL_BUFFER: (0, NANO_ONE),
    Parameter.LIQUIDATION_INTERVAL: (0, DAY),
    Parameter.LIQUIDATION_SLICE: (10**6, NANO_ONE),
    Parameter.LIQUIDATION_PRICE_LIMIT: (0, NANO_ONE),
    Parameter.LIQUIDATION_FEE: (0, 10**8),
    Parameter.AUCTION_START: (0, NANO_ONE),
    Parameter.AUCTION_MIDDLE: (0, NANO_ONE),
    Parameter.AUCTION_MIDDLE_TIME: (SECOND, 7 * DAY),
    Parameter.AUCTION_END_TIME: (SECOND, 7 * DAY),
    Parameter.INSURANCE_CAP: (0, NANO_ONE),
    Parameter.AUCTION_TRIGGER: (0, NANO_ONE),
}

JUDGED = {Parameter.MAX_OPEN_ORDERS: 512, Parameter.MAX_INSTRUMENTS: 64}
"""What administrators may raise to so much, or leave where it is beyond."""


def check_parameters(values: dict[Parameter, int], changed: Iterable[ParameterValue]) -> None:
    for change in changed:
        low, high = RANGES[change.parameter]
        require(low <= change.value <= high, "parameter_range")
    agree = (
        values[Parameter.OPTION_MAKER_FEE] + values[Parameter.OPTION_TAKER_FEE] >= 0
        and values[Parameter.PERPETUAL_MAKER_FEE] + values[Parameter.PERPETUAL_TAKER_FEE] >= 0
        and values[Parameter.OPTION_MAINTENANCE] <= values[Parameter.OPTION_INITIAL_FLOOR]
        and values[Parameter.OPTION_INITIAL_FLOOR] <= values[Parameter.OPTION_INITIAL]
        and values[Parameter.PERPETUAL_MAINTENANCE] <= values[Parameter.PERPETUAL_INITIAL]
        and values[Parameter.AUCTION_MIDDLE] <= values[Parameter.AUCTION_START]
        and values[Parameter.AUCTION_MIDDLE_TIME] <= values[Parameter.AUCTION_END_TIME]
    )
    require(agree, "parameter_conflict")


def check_quorum(given: Iterable[Cosignature], members: tuple[bytes, ...], needed: int, stranger: str) -> None:
    signers = [cosignature.signer for cosignature in given]
    require(all(signer in members for signer in signers), stranger)
    require(len(signers) >= needed, "quorum_missing")


def is_near(price: int, index: int) -> bool:
    return index <= 2 * price and price <= 2 * index


class Governance(Tables):
    """Everything that no single account does."""

    def open_venue(self, genesis: Genesis) -> None:
        require(self.genesis is None, "already_open")
        values = {value.parameter: value.value for value in genesis.parameters}
        sound = (
            1 <= genesis.admin_quorum <= len(genesis.admins)
            and 1 <= genesis.oracle_quorum <= len(genesis.oracles)
            and [spec.asset for spec in genesis.assets] == list(range(len(genesis.assets)))
            and len(genesis.assets) > 0
            and genesis.assets[0].symbol == "USDC"
            and [spec.underlying for spec in genesis.underlyings] == list(range(1, len(genesis.underlyings) + 1))
            and len(genesis.underlyings) > 0
            and all(spec.symbol for spec in (*genesis.assets, *genesis.underlyings))
            and list(values) == list(Parameter)
        )
        require(sound, "invalid_genesis")
        check_parameters(values, genesis.parameters)
        self.genesis, self.parameters = genesis, values
        self.underlyings = [Underlying(spec) for spec in genesis.underlyings]
        self.collateral = [Scheduled() for _ in genesis.assets]

    def check_administration(self, admin: Administration) -> None:
        assert self.genesis is not None
        check_quorum(admin.cosignatures, self.genesis.admins, self.genesis.admin_quorum, "not_administrator")
        require(admin.nonce == self.admin_nonce, "wrong_admin_nonce")

    def check_oracles(self, given: Iterable[Cosignature]) -> None:
        assert self.genesis is not None
        check_quorum(given, self.genesis.oracles, self.genesis.oracle_quorum, "not_oracle")

    def set_mode(self, command: SetMode) -> None:
        underlying = self.underlying(command.underlying)
        self.check_administration(command.admin)
        require(underlying.mode != command.mode, "nothing_to_do")
        self.admin_nonce += 1
        underlying.mode = command.mode
        self.events.append(ModeChanged(command.underlying, command.mode))

    def set_parameter(self, command: SetParameter) -> None:
        self.check_administration(command.admin)
        change = command.change
        present = self.parameters[change.parameter]
        require(present != change.value, "nothing_to_do")
        require(change.value <= max(JUDGED.get(change.parameter, change.value), present), "parameter_range")
        changed = self.parameters | {change.parameter: change.value}
        check_parameters(changed, [change])
        self.admin_nonce += 1
        self.parameters = changed
        self.events.append(ParameterChanged(change))

    # Listings

    def of_underlying(self, underlying: int) -> list[Instrument]:
        """Open instruments of an underlying, ascending."""
        return [one for one in self.instruments if one.spec.underlying == underlying and one.status == "open"]

    def perpetual(self, underlying: int) -> Instrument | None:
        perpetuals = (one for one in self.of_underlying(underlying) if one.spec.kind == InstrumentKind.PERPETUAL)
        return next(perpetuals, None)

    def list_instruments(self, command: ListInstruments) -> None:
        self.check_administration(command.admin)
        require(bool(command.instruments), "nothing_to_do")
        before = len(self.instruments)
        try:
            for spec in command.instruments:
                self.check_listing(spec)
                self.instruments.append(Instrument(spec, funding_time=self.time))
        except Refused:
            del self.instruments[before:]
            raise
        self.admin_nonce += 1
        for spec in command.instruments:
            self.events.append(InstrumentListed(spec.instrument))
        for underlying in {spec.underlying for spec in command.instruments}:
            self.underlyings[underlying - 1].listing_epoch += 1

    def check_listing(self, spec: InstrumentSpec) -> None:
        require(spec.instrument == len(self.instruments) + 1, "wrong_instrument_id")
        require(all(other.spec.name != spec.name for other in self.instruments), "name_taken")
        self.underlying(spec.underlying)
        if spec.kind == InstrumentKind.PERPETUAL:
            bare = (spec.strike, spec.expiry, spec.option_type) == (0, 0, OptionType.CALL)
            sound = bare and self.perpetual(spec.underlying) is None
        else:
            sound = 1 <= spec.strike <= MAX_PRICE and spec.expiry > self.time
        require(
            sound
            and spec.name != ""
            and len(self.of_underlying(spec.underlying)) < MAX_OPEN_INSTRUMENTS
            and 1 <= spec.tick_size <= MAX_PRICE
            and 1 <= spec.lot_size <= MAX_LOT
            and spec.tick_size * spec.lot_size % CONTRACT == 0
            and spec.lane_unit > 0,
            "invalid_listing",
        )

    # Marks and funding

    def marked_instruments(self, underlying: int, time: int) -> list[Instrument]:
        """The instruments that a mark at ``time`` covers, ascending."""
        return [
            one
            for one in self.of_underlying(underlying)
            if one.spec.kind == InstrumentKind.PERPETUAL or one.spec.expiry > time
        ]

    def series(self, underlying: int) -> list[int]:
        """Expiries that are not wholly settled, ascending."""
        return sorted(
            {
                one.spec.expiry
                for one in self.instruments
                if one.spec.underlying == underlying
                and one.spec.kind == InstrumentKind.OPTION
                and one.status != "closed"
            }
        )

    def update_marks(self, command: MarkUpdate, arrays: MarkArrays | None) -> None:
        inputs = command.inputs
        underlying = self.underlying(inputs.underlying)
        self.check_oracles(command.cosignatures)
        self.check_inputs(underlying, inputs)
        require(command.listing_epoch == underlying.listing_epoch, "wrong_listing_epoch")
        if arrays is None:
            raise Refused("mark_arrays_missing")
        require(arrays.hash() == command.arrays_hash, "mark_arrays_hash")
        require(arrays.underlying == inputs.underlying, "invalid_mark")
        covered = self.marked_instruments(inputs.underlying, inputs.time)
        with_risk = underlying.risk.at(inputs.time) is not None
        require(arrays.version == int(with_risk), "invalid_mark")
        require([mark.instrument for mark in arrays.marks] == [one.spec.instrument for one in covered], "mark_coverage")
        sound = (0 <= mark.mark <= MAX_PRICE and (mark.risk is not None) == with_risk for mark in arrays.marks)
        require(all(sound), "invalid_mark")
        self.activate_tables(inputs.underlying, inputs.time)
        underlying.inputs = inputs
        underlying.mark_epoch += 1
        for instrument, mark in zip(covered, arrays.marks, strict=True):
            instrument.mark, instrument.mark_index = mark, inputs.index
        self.events.append(MarkUpdated(inputs.underlying, underlying.mark_epoch))

    def check_inputs(self, underlying: Underlying, inputs: MarkInputs) -> None:
        last = underlying.inputs
        require(last is None or inputs.time > last.time, "mark_time")
        require(inputs.time <= self.time + self.parameters[Parameter.NONCE_FUTURE], "mark_from_future")
        require(self.time - inputs.time <= self.parameters[Parameter.MARK_STALENESS], "stale_mark")
        require(1 <= inputs.index <= MAX_INDEX, "invalid_mark")
        if last is not None:
            allowed = self.index_move(inputs.time - last.time) * last.index
            require(abs(inputs.index - last.index) * NANO_ONE <= allowed, "index_jump")
        if self.perpetual(inputs.underlying) is None:
            require(0 <= inputs.perpetual_mark <= MAX_INDEX, "invalid_mark")
        else:
            require(is_near(inputs.perpetual_mark, inputs.index), "invalid_mark")
        require(abs(inputs.funding_rate) <= MAX_FUNDING_RATE, "invalid_mark")
        require(all(is_near(series.forward, inputs.index) for series in inputs.expiries), "invalid_mark")
        unpriced = [
            expiry
            for expiry in self.series(inputs.underlying)
            if expiry > inputs.time and expiry not in underlying.prices
        ]
        require([series.expiry for series in inputs.expiries] == unpriced, "expiry_coverage")

    def index_move(self, since: int) -> int:
        """Share by which the index may move when the last mark was so long ago."""
        jump = self.parameters[Parameter.MAX_INDEX_JUMP]
        return max(jump, min(NANO_ONE // 2, jump * (1 + since // self.parameters[Parameter.MARK_STALENESS])))

    def accrue_funding(self, command: FundingTick) -> None:
        underlying = self.underlying(command.underlying)
        perpetual = self.perpetual(command.underlying)
        if perpetual is None:
            raise Refused("no_perpetual")
        inputs = underlying.inputs
        if inputs is None:
            raise Refused("no_underlying_mark")
        elapsed = self.time - perpetual.funding_time
        require(elapsed > 0, "nothing_to_do")
        accrued = inputs.perpetual_mark * inputs.funding_rate * elapsed // (FUNDING_PERIOD * NANO_ONE)
        perpetual.funding_index += accrued
        perpetual.funding_time = self.time
        self.events.append(FundingAccrued(perpetual.spec.instrument, perpetual.funding_index))

    # Expiry

    def expire(self, command: Expire) -> None:
        underlying = self.underlying(command.underlying)
        require(command.expiry in self.series(command.underlying), "unknown_expiry")
        require(self.time >= command.expiry, "not_expired")
        require(command.expiry not in underlying.prices, "settlement_fixed")
        self.check_oracles(command.cosignatures)
        require(1 <= command.price < MAX_PRICE, "invalid_settlement_price")
        if underlying.inputs is not None:
            index = underlying.inputs.index // 1000
            require(index - index // 2 <= command.price <= 2 * index, "settlement_price_range")
        underlying.prices[command.expiry] = command.price
        underlying.listing_epoch += 1
        for instrument in self.of_underlying(command.underlying):
            if instrument.spec.kind == InstrumentKind.OPTION and instrument.spec.expiry == command.expiry:
                instrument.status = "expired"
        self.events.append(ExpiryFixed(command.underlying, command.expiry, command.price))

    def settle_expired(self, command: SettleExpired) -> None:
        underlying = self.underlying(command.underlying)
        require(command.expiry in self.series(command.underlying), "unknown_expiry")
        require(command.expiry in underlying.prices, "settlement_not_fixed")
        require(command.limit > 0, "nothing_to_do")
        price = underlying.prices[command.expiry]
        series = [
            one
            for one in self.instruments
            if (one.spec.underlying, one.spec.expiry, one.status) == (command.underlying, command.expiry, "expired")
        ]
        work = [
            lambda order=order: self.close_order(order, CloseReason.INSTRUMENT_EXPIRED)
            for instrument in series
            for side in (Side.BUY, Side.SELL)
            for order in instrument.sides[side]
        ]
        for one in series:
            number = one.spec.instrument
            holders = [account.number for account in self.accounts if number in account.positions]
            work += [lambda holder=holder, one=one: self.settle_position(holder, one, price) for holder in holders]
            work.append(lambda one=one: self.close_instrument(one))
        for unit in work[: command.limit]:
            unit()

    def settle_position(self, holder: int, instrument: Instrument, price: int) -> None:
        account, spec = self.account(holder), instrument.spec
        lots = account.positions.pop(spec.instrument).lots
        payoff = max(0, price - spec.strike if spec.option_type == OptionType.CALL else spec.strike - price)
        cash = lots * spec.lot_size * payoff // CONTRACT
        self.insurance -= cash
        self.events.append(PositionSettled(holder, spec.instrument, lots, cash))
        if cash:
            self.credit(account, USDC, cash, BalanceReason.SETTLEMENT)

    def close_instrument(self, instrument: Instrument) -> None:
        instrument.status = "closed"
        self.events.append(InstrumentClosed(instrument.spec.instrument))
