//! Events: what a command did, in order. A pure function of the journal, so they are never stored with it.

use crate::ParameterValue;
use crate::primitives::{
    Address, AssetId, InstrumentId, MarkFault, MarketStatus, Mode, Nanos, OrderId, Side, SubaccountId,
    UnderlyingId,
};
use crate::risk::MarginModel;
use crate::wire::{CodecError, Reader, Wire};

wire_enum! {
    /// Why an order ended.
    pub enum CloseReason {
        /// Nothing is left of it.
        Filled = 0 => "filled",
        /// Its owner cancelled it.
        Cancelled = 1 => "cancelled",
        /// The unfilled rest of an immediate order.
        Unfilled = 2 => "immediate_or_cancel",
        /// Its time in force ended.
        Expired = 3 => "expired",
        /// It met an order of the same owner.
        SelfTrade = 4 => "self_trade",
        /// Its owner no longer has the margin for it.
        Margin = 5 => "margin",
        /// Reduce-only, and nothing is left to reduce.
        ReduceOnly = 6 => "reduce_only",
        /// Its fee would exceed the signed maximum.
        MaxFee = 7 => "max_fee",
        /// Its instrument expired.
        InstrumentExpired = 8 => "instrument_expired",
        /// Its owner forced it through the contract.
        Forced = 9 => "forced",
        /// Its subaccount is being liquidated.
        Liquidation = 10 => "liquidation",
    }
}

wire_enum! {
    /// Why a balance changed outside of fills.
    pub enum BalanceReason {
        /// Deposit.
        Deposit = 0 => "deposit",
        /// Withdrawal.
        Withdrawal = 1 => "withdrawal",
        /// Transfer in or out.
        Transfer = 2 => "transfer",
        /// Option settled at expiry.
        Settlement = 3 => "settlement",
        /// Funding of a perpetual.
        Funding = 4 => "funding",
        /// Liquidation fee.
        Liquidation = 5 => "liquidation",
        /// Price of a share of an auctioned portfolio.
        Auction = 6 => "auction",
        /// To or from the insurance fund.
        Insurance = 7 => "insurance",
        /// Price of a position that was closed against a counterparty.
        Deleverage = 8 => "deleverage",
    }
}

wire_enum! {
    /// What a subaccount's equity falls short of.
    pub enum CallLevel {
        /// Nothing: the call is over.
        None = 0 => "none",
        /// The initial margin of its positions.
        Initial = 1 => "initial",
        /// Its maintenance margin and the buffer above it.
        Maintenance = 2 => "maintenance",
    }
}

wire_enum! {
    /// How a liquidation ended.
    pub enum LiquidationOutcome {
        /// The subaccount meets its margin again.
        Recovered = 0 => "recovered",
        /// Nothing is left of the portfolio, and nobody lost.
        Closed = 1 => "closed",
        /// Nothing is left of the portfolio, and the insurance fund paid.
        Insured = 2 => "insured",
        /// Nothing is left of the portfolio, and counterparties were deleveraged.
        Deleveraged = 3 => "deleveraged",
    }
}

wire_struct! {
    /// What is left of an order rests in the book, behind all others at its price.
    pub struct OrderRested {
        /// The order.
        pub order: OrderId,
        /// Its subaccount.
        pub subaccount: SubaccountId,
        /// Its instrument.
        pub instrument: InstrumentId,
        /// Its side.
        pub side: Side,
        /// Its price, ticks.
        pub price: i64,
        /// Its open size, lots.
        pub lots: i64,
    }
}

wire_struct! {
    /// Two orders met, at the maker's price.
    pub struct Fill {
        /// Trade number, venue wide, from 1.
        pub trade: u64,
        /// The instrument.
        pub instrument: InstrumentId,
        /// The taker's side.
        pub taker_side: Side,
        /// Price, ticks.
        pub price: i64,
        /// Size, lots.
        pub lots: i64,
        /// The resting order.
        pub maker: OrderId,
        /// Its subaccount.
        pub maker_subaccount: SubaccountId,
        /// Its fee, micro-USDC; negative is a rebate.
        pub maker_fee: i64,
        /// The incoming order.
        pub taker: OrderId,
        /// Its subaccount.
        pub taker_subaccount: SubaccountId,
        /// Its fee, micro-USDC.
        pub taker_fee: i64,
    }
}

wire_struct! {
    /// An order ended.
    pub struct OrderClosed {
        /// The order.
        pub order: OrderId,
        /// Its subaccount.
        pub subaccount: SubaccountId,
        /// Its instrument.
        pub instrument: InstrumentId,
        /// Its side.
        pub side: Side,
        /// Its price, ticks.
        pub price: i64,
        /// What was left of it, lots.
        pub lots: i64,
        /// Whether that much left the book.
        pub rested: bool,
        /// Why.
        pub reason: CloseReason,
    }
}

wire_struct! {
    /// A resting order changed. If it lost its priority it left the book here; fills and a rest may follow.
    pub struct OrderReplaced {
        /// The order.
        pub order: OrderId,
        /// Its subaccount.
        pub subaccount: SubaccountId,
        /// Its instrument.
        pub instrument: InstrumentId,
        /// Its side.
        pub side: Side,
        /// Price before, ticks.
        pub old_price: i64,
        /// Open size before, lots.
        pub old_lots: i64,
        /// New price, ticks.
        pub price: i64,
        /// New open size, lots.
        pub lots: i64,
        /// Whether it kept its place; then only its size shrank.
        pub kept_priority: bool,
    }
}

wire_struct! {
    /// A balance changed.
    pub struct BalanceChanged {
        /// The subaccount.
        pub subaccount: SubaccountId,
        /// The asset.
        pub asset: AssetId,
        /// By how much, engine units.
        pub delta: i64,
        /// Why.
        pub reason: BalanceReason,
    }
}

wire_struct! {
    /// A subaccount was created.
    pub struct SubaccountCreated {
        /// The subaccount.
        pub subaccount: SubaccountId,
        /// Its owner.
        pub owner: Address,
    }
}

wire_struct! {
    /// A session key may act.
    pub struct KeyRegistered {
        /// The owner.
        pub owner: Address,
        /// The key.
        pub key: Address,
        /// Scope bits.
        pub scopes: u8,
        /// When it dies.
        pub expiry: Nanos,
    }
}

wire_struct! {
    /// A session key may no longer act.
    pub struct KeyRevoked {
        /// The owner.
        pub owner: Address,
        /// The key.
        pub key: Address,
    }
}

wire_struct! {
    /// A nonce floor rose.
    pub struct NonceFloorRaised {
        /// The key.
        pub signer: Address,
        /// Its floor.
        pub floor: u64,
    }
}

wire_struct! {
    /// Assets left a subaccount and can be claimed on chain once their batch is final.
    pub struct WithdrawalQueued {
        /// Withdrawal number, venue wide, from 0.
        pub withdrawal: u64,
        /// From which subaccount.
        pub subaccount: SubaccountId,
        /// The asset.
        pub asset: AssetId,
        /// Amount, engine units.
        pub amount: i64,
        /// Who may claim.
        pub recipient: Address,
    }
}

wire_struct! {
    /// A forced request changed nothing (its subaccount is not the owner's, nothing withdrawable …).
    pub struct ForcedRequestVoid {
        /// Inbox index.
        pub index: u64,
    }
}

wire_struct! {
    /// A subaccount may only reduce from now on.
    pub struct CloseOnlySet {
        /// The subaccount.
        pub subaccount: SubaccountId,
    }
}

wire_struct! {
    /// An instrument opened.
    pub struct InstrumentListed {
        /// The instrument.
        pub instrument: InstrumentId,
    }
}

wire_struct! {
    /// An underlying has new marks.
    pub struct MarkUpdated {
        /// The underlying.
        pub underlying: UnderlyingId,
        /// Mark epoch of the underlying.
        pub epoch: u32,
    }
}

wire_struct! {
    /// The funding index of a perpetual moved.
    pub struct FundingAccrued {
        /// The perpetual.
        pub instrument: InstrumentId,
        /// Cumulative funding, 1e-9 USDC per contract, paid by longs.
        pub index: i64,
    }
}

wire_struct! {
    /// A settlement price is fixed.
    pub struct ExpiryFixed {
        /// The underlying.
        pub underlying: UnderlyingId,
        /// The expiry.
        pub expiry: Nanos,
        /// The price, micro-USDC.
        pub price: i64,
    }
}

wire_struct! {
    /// A position of an expired instrument became cash.
    pub struct PositionSettled {
        /// The subaccount.
        pub subaccount: SubaccountId,
        /// The instrument.
        pub instrument: InstrumentId,
        /// The position, lots.
        pub lots: i64,
        /// Its value, micro-USDC.
        pub cash: i64,
    }
}

wire_struct! {
    /// An expired instrument has no order and no position left.
    pub struct InstrumentClosed {
        /// The instrument.
        pub instrument: InstrumentId,
    }
}

wire_struct! {
    /// An underlying changed its mode.
    pub struct ModeChanged {
        /// The underlying.
        pub underlying: UnderlyingId,
        /// The new mode.
        pub mode: Mode,
    }
}

wire_struct! {
    /// A parameter changed.
    pub struct ParameterChanged {
        /// The change.
        pub change: ParameterValue,
    }
}

wire_struct! {
    /// An underlying accepts something else than after the command before. The last events of a command.
    pub struct MarketStatusChanged {
        /// The underlying.
        pub underlying: UnderlyingId,
        /// What it accepts now.
        pub status: MarketStatus,
        /// What is wrong with its marks.
        pub fault: MarkFault,
    }
}

wire_struct! {
    /// A subaccount is margined in another way.
    pub struct MarginModelChanged {
        /// The subaccount.
        pub subaccount: SubaccountId,
        /// Its new model.
        pub model: MarginModel,
    }
}

wire_struct! {
    /// A risk table waits for its time. Arrays made under the listing epoch before are void.
    pub struct RiskParametersSet {
        /// The underlying.
        pub underlying: UnderlyingId,
        /// Number of the table.
        pub version: u32,
        /// When it counts from.
        pub effective: Nanos,
    }
}

wire_struct! {
    /// A risk table counts from this mark on.
    pub struct RiskParametersActive {
        /// The underlying.
        pub underlying: UnderlyingId,
        /// Number of the table.
        pub version: u32,
    }
}

wire_struct! {
    /// Collateral terms wait for their time.
    pub struct CollateralSet {
        /// The asset.
        pub asset: AssetId,
        /// When they count from.
        pub effective: Nanos,
    }
}

wire_struct! {
    /// Collateral terms count from this mark on.
    pub struct CollateralActive {
        /// The asset.
        pub asset: AssetId,
    }
}

wire_struct! {
    /// A subaccount's margin call changed.
    pub struct MarginCall {
        /// The subaccount.
        pub subaccount: SubaccountId,
        /// What it falls short of now.
        pub level: CallLevel,
        /// Its equity, micro-USDC.
        pub equity: i64,
        /// Initial margin of its positions, micro-USDC.
        pub initial: i64,
        /// Maintenance margin, micro-USDC.
        pub maintenance: i64,
    }
}

wire_struct! {
    /// A liquidation began.
    pub struct LiquidationStarted {
        /// Its number, venue wide, from 1.
        pub liquidation: u64,
        /// Whose portfolio.
        pub subaccount: SubaccountId,
        /// The underlying whose mark caused it.
        pub underlying: UnderlyingId,
        /// Mark epoch of that underlying.
        pub mark_epoch: u32,
        /// Equity at the trigger, micro-USDC.
        pub equity: i64,
        /// Maintenance margin at the trigger, micro-USDC.
        pub maintenance: i64,
        /// Mark value of the whole account, micro-USDC.
        pub value: i64,
    }
}

wire_struct! {
    /// A slice of a position was closed in the book; its fills come before.
    pub struct LiquidationSlice {
        /// The liquidation.
        pub liquidation: u64,
        /// Whose portfolio.
        pub subaccount: SubaccountId,
        /// The instrument.
        pub instrument: InstrumentId,
        /// Side of the liquidation.
        pub side: Side,
        /// Worst price allowed, ticks.
        pub limit: i64,
        /// Lots traded.
        pub lots: i64,
        /// Price × size of its fills, positive when it sold, micro-USDC.
        pub cash: i64,
        /// Liquidation fee to the insurance fund, micro-USDC.
        pub fee: i64,
    }
}

wire_struct! {
    /// A portfolio can be bid for.
    pub struct AuctionOpened {
        /// The liquidation.
        pub liquidation: u64,
        /// Whose portfolio.
        pub subaccount: SubaccountId,
        /// Whether it is worth nothing at the marks, so that the insurance fund pays bidders.
        pub insolvent: bool,
        /// When its price starts to run.
        pub time: Nanos,
        /// Mark value of the whole account, micro-USDC.
        pub value: i64,
    }
}

wire_struct! {
    /// A share of a portfolio changed hands; the positions moved come before.
    pub struct AuctionFill {
        /// The liquidation.
        pub liquidation: u64,
        /// Whose portfolio.
        pub subaccount: SubaccountId,
        /// Who took it.
        pub bidder: SubaccountId,
        /// Share of the portfolio, 1e-9.
        pub share: i64,
        /// Price, share of the mark value; where the fund pays, share of its whole offer; 1e-9.
        pub price: i64,
        /// What the bidder paid, negative if it was paid, micro-USDC.
        pub cash: i64,
        /// Part of that which the insurance fund paid, micro-USDC.
        pub insurance: i64,
    }
}

wire_struct! {
    /// A part of a counterparty's book was closed against a portfolio, at the mark.
    pub struct Deleveraged {
        /// The liquidation.
        pub liquidation: u64,
        /// Whose portfolio.
        pub subaccount: SubaccountId,
        /// Whose opposite position was closed.
        pub counterparty: SubaccountId,
        /// The instrument.
        pub instrument: InstrumentId,
        /// Lots that left the portfolio, long positive.
        pub lots: i64,
        /// Price, micro-USDC per contract.
        pub price: i64,
        /// Value of the lots, from the counterparty to the portfolio, micro-USDC.
        pub cash: i64,
    }
}

wire_struct! {
    /// A liquidation is over.
    pub struct LiquidationEnded {
        /// The liquidation.
        pub liquidation: u64,
        /// Whose portfolio.
        pub subaccount: SubaccountId,
        /// How.
        pub outcome: LiquidationOutcome,
    }
}

wire_struct! {
    /// The insurance fund paid for a liquidation.
    pub struct InsurancePaid {
        /// The liquidation.
        pub liquidation: u64,
        /// How much, micro-USDC.
        pub amount: i64,
        /// What is left of the fund, micro-USDC.
        pub left: i64,
    }
}

wire_struct! {
    /// A subaccount gave to the insurance fund.
    pub struct InsuranceFunded {
        /// The giver.
        pub subaccount: SubaccountId,
        /// How much, micro-USDC.
        pub amount: i64,
    }
}

wire_struct! {
    /// A position moved between two subaccounts outside of the book.
    pub struct PositionMoved {
        /// The liquidation.
        pub liquidation: u64,
        /// Who gave it.
        pub subaccount: SubaccountId,
        /// Who took it.
        pub counterparty: SubaccountId,
        /// The instrument.
        pub instrument: InstrumentId,
        /// Lots moved, long positive.
        pub lots: i64,
        /// Price, micro-USDC per contract.
        pub price: i64,
        /// Value of the lots at it, from the taker to the giver, micro-USDC.
        pub cash: i64,
    }
}

macro_rules! events {
    ($($name:ident = $kind:literal),* $(,)?) => {
        /// An event.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Event { $($name($name)),* }

        impl Event {
            /// The kind's name.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name)),* }
            }
        }

        impl Wire for Event {
            fn put(&self, out: &mut Vec<u8>) {
                match self { $(Self::$name(body) => { out.push($kind); body.put(out) })* }
            }
            fn take(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
                match u8::take(reader)? {
                    $($kind => $name::take(reader).map(Self::$name),)*
                    value => Err(CodecError::Unknown { what: "event", value: value.into() }),
                }
            }
        }

        $(impl From<$name> for Event {
            fn from(body: $name) -> Self {
                Self::$name(body)
            }
        })*
    };
}
events! {
    OrderRested = 1,
    Fill = 2,
    OrderClosed = 3,
    OrderReplaced = 4,
    BalanceChanged = 5,
    SubaccountCreated = 6,
    KeyRegistered = 7,
    KeyRevoked = 8,
    NonceFloorRaised = 9,
    WithdrawalQueued = 10,
    ForcedRequestVoid = 11,
    CloseOnlySet = 12,
    InstrumentListed = 13,
    MarkUpdated = 14,
    FundingAccrued = 15,
    ExpiryFixed = 16,
    PositionSettled = 17,
    InstrumentClosed = 18,
    ModeChanged = 19,
    ParameterChanged = 20,
    MarketStatusChanged = 21,
    MarginModelChanged = 22,
    RiskParametersSet = 23,
    RiskParametersActive = 24,
    CollateralSet = 25,
    CollateralActive = 26,
    MarginCall = 27,
    LiquidationStarted = 28,
    LiquidationSlice = 29,
    AuctionOpened = 30,
    AuctionFill = 31,
    Deleveraged = 32,
    LiquidationEnded = 33,
    InsurancePaid = 34,
    InsuranceFunded = 35,
    PositionMoved = 36,
}
