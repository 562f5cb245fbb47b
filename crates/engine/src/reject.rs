//! Why a command was refused.

use crate::numbers::Overflow;
use protocol::{
    Address, AssetId, CodecError, Hash, InstrumentId, Mode, Nanos, OrderId, Parameter, SubaccountId,
    UnderlyingId,
};
use thiserror::Error;

/// Declares the enumeration and the stable word of each refusal in one place.
macro_rules! rejects {
    ($($(#[$meta:meta])* $name:ident $({ $($field:ident : $ty:ty),* $(,)? })? => $code:literal),* $(,)?) => {
        /// Why a command was refused, with the numbers that explain it. A refused command changed nothing.
        #[derive(Debug, Clone, PartialEq, Eq, Error)]
        #[non_exhaustive]
        #[allow(missing_docs)]
        pub enum Reject { $($(#[$meta])* $name $({ $($field: $ty),* })?),* }

        impl Reject {
            /// A stable word for programs; the message of `Display` is for people.
            #[must_use]
            pub fn code(&self) -> &'static str {
                match self { $(Self::$name { .. } => $code),* }
            }
        }
    };
}
rejects! {
    // The venue and the journal.
    #[error("the first command of a venue is its genesis")]
    NotOpen => "not_open",
    #[error("the venue is open already")]
    AlreadyOpen => "already_open",
    #[error("sequence {got} where {expected} is next")]
    Sequence { expected: u64, got: u64 } => "wrong_sequence",
    #[error("time {got} is before the last command's {last}")]
    Time { last: Nanos, got: Nanos } => "time_backwards",
    #[error("the command is out of bounds: {reason}")]
    Malformed { reason: CodecError } => "malformed",
    #[error("a number does not fit in 64 bits")]
    Overflow => "overflow",
    #[error("the genesis is not sound: {what}")]
    InvalidGenesis { what: &'static str } => "invalid_genesis",
    #[error("inbox item {got} where {expected} is next")]
    InboxIndex { expected: u64, got: u64 } => "wrong_inbox_index",

    // Names that mean nothing.
    #[error("there is no subaccount {subaccount}")]
    UnknownSubaccount { subaccount: SubaccountId } => "unknown_subaccount",
    #[error("there is no instrument {instrument}")]
    UnknownInstrument { instrument: InstrumentId } => "unknown_instrument",
    #[error("there is no underlying {underlying}")]
    UnknownUnderlying { underlying: UnderlyingId } => "unknown_underlying",
    #[error("there is no asset {asset}")]
    UnknownAsset { asset: AssetId } => "unknown_asset",
    #[error("subaccount {subaccount} has no open order {}", order.0)]
    UnknownOrder { subaccount: SubaccountId, order: OrderId } => "unknown_order",

    // Authority.
    #[error("the signature was void from {expiry} on, and it is {time}")]
    SignatureExpired { expiry: Nanos, time: Nanos } => "signature_expired",
    #[error("{signer} may not act for subaccount {subaccount}")]
    NotAuthorized { signer: Address, subaccount: SubaccountId } => "not_authorized",
    #[error("key {key} was revoked")]
    KeyRevoked { key: Address } => "key_revoked",
    #[error("key {key} died at {expiry}")]
    KeyExpired { key: Address, expiry: Nanos } => "key_expired",
    #[error("key {key} has scopes {scopes:#06b}, one of {needed:#06b} is needed")]
    ScopeMissing { key: Address, scopes: u8, needed: u8 } => "scope_missing",
    #[error("key {key} may not act for subaccount {subaccount}")]
    KeySubaccount { key: Address, subaccount: SubaccountId } => "key_not_for_subaccount",
    #[error("{signer} is unknown")]
    UnknownSigner { signer: Address } => "unknown_signer",
    #[error("nonce {nonce} is below the key's floor {floor}")]
    NonceBelowFloor { nonce: u64, floor: u64 } => "nonce_below_floor",
    #[error("nonce {nonce} is older than {oldest}")]
    NonceTooOld { nonce: u64, oldest: Nanos } => "nonce_too_old",
    #[error("nonce {nonce} is newer than {newest}")]
    NonceTooNew { nonce: u64, newest: Nanos } => "nonce_too_new",
    #[error("nonce {nonce} was used before")]
    NonceUsed { nonce: u64 } => "nonce_used",
    #[error("nonce {nonce} is below the key's window, which starts at {lowest}")]
    NonceBelowWindow { nonce: u64, lowest: u64 } => "nonce_below_window",
    #[error("owner nonce {got} where {expected} is next")]
    OwnerNonce { expected: u64, got: u64 } => "wrong_owner_nonce",
    #[error("administration nonce {got} where {expected} is next")]
    AdminNonce { expected: u64, got: u64 } => "wrong_admin_nonce",
    #[error("{got} signatures where {needed} are needed")]
    Quorum { needed: u8, got: usize } => "quorum_missing",
    #[error("{signer} is not an administrator")]
    NotAdministrator { signer: Address } => "not_administrator",
    #[error("{signer} is not an oracle")]
    NotOracle { signer: Address } => "not_oracle",

    // Keys, subaccounts, cash.
    #[error("{key} cannot be a session key of its owner")]
    InvalidKey { key: Address } => "invalid_key",
    #[error("key {key} belongs to somebody else")]
    KeyTaken { key: Address } => "key_taken",
    #[error("a key without scopes could do nothing")]
    NoScopes => "no_scopes",
    #[error("the key would die at {expiry}, and it is {time}")]
    KeyExpiryPast { expiry: Nanos, time: Nanos } => "key_expiry_past",
    #[error("subaccount {subaccount} is not the signer's")]
    ForeignSubaccount { subaccount: SubaccountId } => "foreign_subaccount",
    #[error("key {key} is not a live key of the signer")]
    KeyNotRegistered { key: Address } => "key_not_registered",
    #[error("floor {floor} does not raise the floor {current}")]
    FloorNotRaised { floor: u64, current: u64 } => "floor_not_raised",
    #[error("an owner has at most {max} subaccounts")]
    TooManySubaccounts { max: usize } => "too_many_subaccounts",
    #[error("{requested} of asset {asset} asked, {withdrawable} can leave")]
    InsufficientFunds { asset: AssetId, requested: i64, withdrawable: i64 } => "insufficient_funds",
    #[error("assets cannot be paid to the zero address")]
    InvalidRecipient => "invalid_recipient",
    #[error("a transfer needs two subaccounts")]
    SameSubaccount => "same_subaccount",
    #[error("amount {amount} is not positive")]
    AmountNotPositive { amount: i64 } => "amount_not_positive",

    // The form of an order.
    #[error("amount {amount} is not 1 to 10¹¹ lots of {lot_size}")]
    InvalidAmount { amount: i64, lot_size: i64 } => "invalid_amount",
    #[error("price {price} is not a multiple of {tick_size} from 1 to 10¹⁵")]
    InvalidPrice { price: i64, tick_size: i64 } => "invalid_price",
    #[error("the highest fee {max_fee} is negative")]
    InvalidMaxFee { max_fee: i64 } => "invalid_max_fee",
    #[error("these order flags exclude each other: {what}")]
    InvalidFlags { what: &'static str } => "invalid_flags",
    #[error("valid until {valid_until}, and it is {time}")]
    InvalidValidUntil { valid_until: Nanos, time: Nanos } => "invalid_valid_until",
    #[error("the client id names order {} already", order.0)]
    DuplicateClientId { order: OrderId } => "duplicate_client_id",
    #[error("{lots} lots in all, of which {filled} are filled already")]
    AmountBelowFilled { lots: i64, filled: i64 } => "amount_below_filled",
    #[error("order {} ended at {valid_until}", order.0)]
    OrderExpired { order: OrderId, valid_until: Nanos } => "order_expired",

    // What the venue accepts now.
    #[error("instrument {instrument} does not trade any more")]
    InstrumentNotOpen { instrument: InstrumentId } => "instrument_not_open",
    #[error("instrument {instrument} has no mark yet")]
    NoMark { instrument: InstrumentId } => "no_mark",
    #[error("the underlying is in mode {}", mode.word())]
    Mode { mode: Mode } => "mode",
    #[error("subaccount {subaccount} may only reduce")]
    CloseOnly { subaccount: SubaccountId } => "close_only",
    #[error("the mark is {age} ns old, {max} allowed for new risk")]
    StaleMark { age: Nanos, max: Nanos } => "stale_mark",
    #[error("the index has {sources} sources, {min} needed for new risk")]
    FewSources { sources: u8, min: i64 } => "few_sources",
    #[error("the index is known to {confidence}e-9, {max}e-9 allowed for new risk")]
    LowConfidence { confidence: u32, max: u32 } => "low_confidence",
    #[error("price {price} is beyond the band's {limit}")]
    PriceBand { price: i64, limit: i64 } => "price_band",
    #[error("a subaccount has at most {max} open orders")]
    TooManyOrders { max: i64 } => "too_many_orders",
    #[error("a subaccount trades at most {max} instruments")]
    TooManyInstruments { max: i64 } => "too_many_instruments",
    #[error("a position of {position} lots leaves nothing to reduce")]
    NothingToReduce { position: i64 } => "nothing_to_reduce",
    #[error("a maker-only order at {price} ticks would trade against {best}")]
    PostOnlyWouldTrade { price: i64, best: i64 } => "post_only_would_trade",
    #[error("initial margin {required} needed, balance {balance}")]
    Margin { balance: i64, required: i64 } => "not_enough_margin",
    #[error("{fillable} of {wanted} lots could trade")]
    FillOrKill { wanted: i64, fillable: i64 } => "fill_or_kill",
    #[error("initial margin {required} needed in that margin model, balance {balance}")]
    MarginModelRefused { balance: i64, required: i64 } => "margin_model_refused",
    #[error("portfolio margin needs a risk table and lanes, instrument {instrument} has none")]
    NoLanes { instrument: InstrumentId } => "no_lanes",
    #[error("subaccount {subaccount} is not in an auction")]
    NotInAuction { subaccount: SubaccountId } => "not_in_auction",
    #[error("subaccount {subaccount} is in liquidation {liquidation}")]
    InLiquidation { subaccount: SubaccountId, liquidation: u64 } => "in_liquidation",
    #[error("share {share} is not 1e-9 to 1")]
    BidShare { share: i64 } => "bid_share",
    #[error("the share costs {price}, the limit is {limit}")]
    BidLimit { price: i64, limit: i64 } => "bid_limit",
    #[error("subaccount {subaccount} is of the same owner")]
    OwnPortfolio { subaccount: SubaccountId } => "own_portfolio",
    #[error("the portfolio's equity less maintenance margin would fall from {before} to {after}")]
    BidHarms { before: i64, after: i64 } => "bid_harms",
    #[error("there is nothing to cancel")]
    NothingToCancel => "nothing_to_cancel",
    #[error("nothing would change")]
    NothingToDo => "nothing_to_do",

    // Instruments, marks, expiries, parameters.
    #[error("instrument id {got} where {expected} is next")]
    ListingId { expected: InstrumentId, got: InstrumentId } => "wrong_instrument_id",
    #[error("the name {name} was used before")]
    NameTaken { name: String } => "name_taken",
    #[error("instrument {instrument} is not sound: {what}")]
    InvalidListing { instrument: InstrumentId, what: &'static str } => "invalid_listing",
    #[error("mark time {got} is not after {last}")]
    MarkTime { last: Nanos, got: Nanos } => "mark_time",
    #[error("mark time {got} is after {latest}")]
    MarkFromFuture { latest: Nanos, got: Nanos } => "mark_from_future",
    #[error("the index moves from {from} to {to}, at most {max}e-9 of it allowed")]
    IndexJump { from: i64, to: i64, max: i64 } => "index_jump",
    #[error("the mark is not sound: {what}")]
    InvalidMark { what: &'static str } => "invalid_mark",
    #[error("listing epoch {got} where {expected} is current")]
    ListingEpoch { expected: u32, got: u32 } => "wrong_listing_epoch",
    #[error("a mark needs its arrays")]
    MarkArraysMissing => "mark_arrays_missing",
    #[error("the arrays hash to {got}, the mark names {expected}")]
    MarkArraysHash { expected: Hash, got: Hash } => "mark_arrays_hash",
    #[error("the arrays do not cover exactly the live instruments, see instrument {instrument}")]
    MarkCoverage { instrument: InstrumentId } => "mark_coverage",
    #[error("the inputs do not cover exactly the live expiries, see {expiry}")]
    ExpiryCoverage { expiry: Nanos } => "expiry_coverage",
    #[error("underlying {underlying} has no mark yet")]
    NoUnderlyingMark { underlying: UnderlyingId } => "no_underlying_mark",
    #[error("underlying {underlying} has no perpetual")]
    NoPerpetual { underlying: UnderlyingId } => "no_perpetual",
    #[error("underlying {underlying} has no series of {expiry} to settle")]
    UnknownExpiry { underlying: UnderlyingId, expiry: Nanos } => "unknown_expiry",
    #[error("expiry {expiry} has not come at {time}")]
    NotExpired { expiry: Nanos, time: Nanos } => "not_expired",
    #[error("the settlement price is {price} already")]
    SettlementFixed { price: i64 } => "settlement_fixed",
    #[error("expiry {expiry} has no settlement price yet")]
    SettlementNotFixed { expiry: Nanos } => "settlement_not_fixed",
    #[error("settlement price {price} is not positive and below 10¹⁵")]
    InvalidSettlementPrice { price: i64 } => "invalid_settlement_price",
    #[error("settlement price {price} is not from half to double the last index {index}")]
    SettlementPriceRange { price: i64, index: i64 } => "settlement_price_range",
    #[error("{} is {value}, allowed {min} to {max}", parameter.word())]
    ParameterRange { parameter: Parameter, value: i64, min: i64, max: i64 } => "parameter_range",
    #[error("parameters contradict each other: {what}")]
    ParameterConflict { what: &'static str } => "parameter_conflict",
    #[error("{what} is {value}, allowed {min} to {max}")]
    RiskRange { what: &'static str, value: i64, min: i64, max: i64 } => "risk_range",
    #[error("the table contradicts itself: {what}")]
    RiskConflict { what: &'static str } => "risk_conflict",
    #[error("the table may count from {earliest} on, not from {effective}")]
    EffectiveTooEarly { effective: Nanos, earliest: Nanos } => "effective_too_early",
}

impl From<Overflow> for Reject {
    fn from(_: Overflow) -> Self {
        Self::Overflow
    }
}
