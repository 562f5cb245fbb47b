// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

// Enumerations and constants of the protocol. The order of an enumeration is its encoding.

enum Side {
    Buy,
    Sell
}

enum OrderType {
    Limit,
    Market
}

enum TimeInForce {
    Gtc,
    Gtd,
    Ioc,
    Fok
}

enum PostOnly {
    No,
    Reject,
    Slide
}

enum SelfTrade {
    CancelNewest,
    CancelOldest,
    CancelBoth
}

enum InstrumentKind {
    Option,
    Perpetual
}

enum OptionType {
    Call,
    Put
}

enum Mode {
    Normal,
    PostOnly,
    CancelOnly,
    Halt
}

enum MarginModel {
    Standard,
    Portfolio
}

enum CallLevel {
    None,
    Initial,
    Maintenance
}

enum Parameter {
    OptionMakerFee,
    OptionTakerFee,
    OptionFeeCap,
    PerpetualMakerFee,
    PerpetualTakerFee,
    NoncePast,
    NonceFuture,
    MaxOpenOrders,
    MaxInstruments,
    OptionInitial,
    OptionInitialFloor,
    OptionMaintenance,
    PerpetualInitial,
    PerpetualMaintenance,
    PerpetualSizeTerm,
    PriceBand,
    MarkStaleness,
    MinIndexSources,
    MaxIndexJump,
    PnlOffset,
    PnlOffsetCap,
    RiskDelay,
    MarginCallBuffer,
    LiquidationInterval,
    LiquidationSlice,
    LiquidationPriceLimit,
    LiquidationFee,
    AuctionStart,
    AuctionMiddle,
    AuctionMiddleTime,
    AuctionEndTime,
    InsuranceCap,
    AuctionTrigger
}

/// @title Units of the engine
library Units {
    /// @notice The settlement currency.
    uint256 internal constant USDC = 0;
    /// @notice One whole contract, 1e-8 contracts.
    int256 internal constant CONTRACT = 100_000_000;
    /// @notice One USDC, micro-USDC.
    int256 internal constant USD = 1_000_000;
    /// @notice One, in the fixed point of rates.
    int256 internal constant NANO_ONE = 1_000_000_000;
    /// @notice The end of time, ns.
    uint256 internal constant TIME_MAX = type(uint64).max;
    /// @notice Orders that one command may create.
    uint256 internal constant ORDERS_PER_COMMAND = 1 << 10;
}

/// @title Kinds of commands
library CommandKind {
    uint256 internal constant GENESIS = 0;
    uint256 internal constant INBOX_ITEM = 1;
    uint256 internal constant WITHDRAW = 2;
    uint256 internal constant TRANSFER = 3;
    uint256 internal constant CREATE_SUBACCOUNT = 4;
    uint256 internal constant REGISTER_SESSION_KEY = 5;
    uint256 internal constant REVOKE_SESSION_KEY = 6;
    uint256 internal constant RAISE_NONCE_FLOOR = 7;
    uint256 internal constant PLACE_ORDER = 8;
    uint256 internal constant CANCEL_ORDER = 9;
    uint256 internal constant REPLACE_ORDER = 10;
    uint256 internal constant CANCEL_ALL = 11;
    uint256 internal constant LIST_INSTRUMENTS = 17;
    uint256 internal constant MARK_UPDATE = 18;
    uint256 internal constant FUNDING_TICK = 19;
    uint256 internal constant EXPIRE = 20;
    uint256 internal constant LIQUIDATION_BID = 21;
    uint256 internal constant CLOCK = 22;
    uint256 internal constant SET_MODE = 23;
    uint256 internal constant SET_MARGIN_MODEL = 24;
    uint256 internal constant SET_PARAMETER = 25;
    uint256 internal constant SETTLE_EXPIRED = 26;
    uint256 internal constant SET_RISK_PARAMETERS = 27;
    uint256 internal constant SET_COLLATERAL = 28;
    uint256 internal constant FUND_INSURANCE = 29;
}

/// @title Kinds of steps
library StepKind {
    uint256 internal constant GENESIS = 0;
    uint256 internal constant DEPOSIT = 1;
    uint256 internal constant FORCED_WITHDRAW = 2;
    uint256 internal constant FORCED_CANCEL_ALL = 3;
    uint256 internal constant FORCED_CLOSE_ONLY = 4;
    uint256 internal constant INBOX_REGISTER_KEY = 5;
    uint256 internal constant INBOX_RAISE_NONCE_FLOOR = 6;
    uint256 internal constant WITHDRAW = 7;
    uint256 internal constant TRANSFER = 8;
    uint256 internal constant CREATE_SUBACCOUNT = 9;
    uint256 internal constant REGISTER_KEY = 10;
    uint256 internal constant REVOKE_KEY = 11;
    uint256 internal constant RAISE_NONCE_FLOOR = 12;
    uint256 internal constant SET_MARGIN_MODEL = 13;
    uint256 internal constant PLACE = 14;
    uint256 internal constant CANCEL = 15;
    uint256 internal constant CANCEL_ALL = 16;
    uint256 internal constant REPLACE = 17;
    uint256 internal constant REMOVE = 18;
    uint256 internal constant FINISH = 19;
    uint256 internal constant FILL = 20;
    uint256 internal constant LIST = 29;
    uint256 internal constant SET_MODE = 30;
    uint256 internal constant CLOCK = 31;
    uint256 internal constant SET_PARAMETER = 32;
    uint256 internal constant MARK = 33;
    uint256 internal constant FUNDING = 34;
    uint256 internal constant EXPIRE = 35;
    uint256 internal constant SETTLE_ACCOUNT = 36;
    uint256 internal constant CLOSE_INSTRUMENT = 37;
    uint256 internal constant LIQUIDATION_START = 38;
    uint256 internal constant LIQUIDATION_SLICE = 39;
    uint256 internal constant LIQUIDATION_FILL = 40;
    uint256 internal constant DELEVERAGE = 41;
    uint256 internal constant MARGIN_CHUNK = 42;
    uint256 internal constant SET_RISK_PARAMETERS = 43;
    uint256 internal constant SET_COLLATERAL = 44;
    uint256 internal constant FUND_INSURANCE = 45;
    uint256 internal constant MARGIN_CALL = 46;
    uint256 internal constant LIQUIDATION_STAGE = 47;
    uint256 internal constant LIQUIDATION_END = 48;
    uint256 internal constant LIQUIDATION_ROUND = 49;
    uint256 internal constant DELEVERAGE_CHARGE = 50;
    uint256 internal constant INSURANCE = 51;
}
