//! Commands: everything that changes state is one of these, and is journaled.
//!
//! Amounts are 1e-8 contracts, prices micro-USDC per contract, exactly as signed; the engine turns them into lots
//! and ticks. Kind numbers are never reused; the gaps are kept for the commands of the design that are not built yet
//! (see `docs/protocol/commands.md`).

use crate::inbox::InboxItem;
use crate::mark::{Cosignature, MarkUpdate};
use crate::primitives::{
    Address, AssetId, InstrumentId, InstrumentKind, Mode, Nanos, OptionType, OrderId, OrderType, PostOnly,
    SelfTrade, Side, Signature, SubaccountId, TimeInForce, UnderlyingId,
};
use crate::risk::{CollateralTerms, MarginModel, RiskParameters};
use crate::wire::{CodecError, Reader, Wire};

wire_struct! {
    /// Who signed an action, and which use of the key this is.
    pub struct Authorization {
        /// The key that signed; the signature must recover to it.
        pub signer: Address,
        /// Trading actions: unix ns, see the nonce window. Owner actions: the owner's next sequential number.
        pub nonce: u64,
        /// The signature is void from this venue time on.
        pub expiry: Nanos,
        /// EIP-712 signature over the action's struct.
        pub signature: Signature,
    }
}

wire_struct! {
    /// M of N administrators signed a command.
    pub struct Administration {
        /// The venue's next sequential administration number.
        pub nonce: u64,
        /// Signatures, ascending by signer.
        pub cosignatures: Vec<Cosignature>,
    }
}

wire_struct! {
    /// An asset that the vault holds. Asset 0 must be USDC.
    pub struct AssetSpec {
        /// Asset id; its place in the list.
        pub asset: AssetId,
        /// Symbol, "USDC".
        pub symbol: String,
        /// ERC-20 contract.
        pub token: Address,
        /// Decimals on chain.
        pub decimals: u8,
    }
}

wire_struct! {
    /// An underlying.
    pub struct UnderlyingSpec {
        /// Underlying id, from 1, its place in the list plus one.
        pub underlying: UnderlyingId,
        /// Symbol, "BTC".
        pub symbol: String,
    }
}

wire_enum! {
    /// A number that governs the venue. Rates are 1e-9.
    pub enum Parameter {
        /// Maker fee of options, share of index notional.
        OptionMakerFee = 0 => "option_maker_fee",
        /// Taker fee of options, share of index notional.
        OptionTakerFee = 1 => "option_taker_fee",
        /// Option fees are capped at this share of the premium.
        OptionFeeCap = 2 => "option_fee_cap",
        /// Maker fee of perpetuals, share of index notional.
        PerpetualMakerFee = 3 => "perpetual_maker_fee",
        /// Taker fee of perpetuals, share of index notional.
        PerpetualTakerFee = 4 => "perpetual_taker_fee",
        /// Oldest nonce accepted, ns before the command's time.
        NoncePast = 5 => "nonce_past",
        /// Newest nonce accepted, ns after the command's time.
        NonceFuture = 6 => "nonce_future",
        /// Open orders one subaccount may have.
        MaxOpenOrders = 7 => "max_open_orders",
        /// Instruments one subaccount may have a position or an order in.
        MaxInstruments = 8 => "max_instruments",
        /// Standard margin: 0.15 of the index in the initial margin of a short option.
        OptionInitial = 9 => "option_initial",
        /// Standard margin: floor of that term after the out-of-the-money amount, 0.10.
        OptionInitialFloor = 10 => "option_initial_floor",
        /// Standard margin: 0.075 of the index in the maintenance margin of a short option.
        OptionMaintenance = 11 => "option_maintenance",
        /// Initial margin of a perpetual, share of mark notional, 0.04.
        PerpetualInitial = 12 => "perpetual_initial",
        /// Maintenance margin of a perpetual, 0.02.
        PerpetualMaintenance = 13 => "perpetual_maintenance",
        /// Both rates of a perpetual grow by this much per million USDC of notional.
        PerpetualSizeTerm = 14 => "perpetual_size_term",
        /// A limit price may not be further than this share of max(mark, index/100) through the market.
        PriceBand = 15 => "price_band",
        /// Marks older than this, ns, refuse new risk.
        MarkStaleness = 16 => "mark_staleness",
        /// Fewest fresh index sources under which new risk is accepted.
        MinIndexSources = 17 => "min_index_sources",
        /// A mark may move the index at most by this share from the one before.
        MaxIndexJump = 18 => "max_index_jump",
        /// Portfolio margin: share of a gain in one underlying that offsets losses in others.
        PnlOffset = 19 => "pnl_offset",
        /// Portfolio margin: most that such offsets may lower the sum of the underlyings' scans, share of it.
        PnlOffsetCap = 20 => "pnl_offset_cap",
        /// Least time from a change of a risk table to its effect, ns.
        RiskDelay = 21 => "risk_delay",
        /// A second margin call comes when equity is below maintenance margin plus this share of it.
        MarginCallBuffer = 22 => "margin_call_buffer",
        /// Time between two rounds of a liquidation, ns.
        LiquidationInterval = 23 => "liquidation_interval",
        /// Most of a position that one round may close, share of it.
        LiquidationSlice = 24 => "liquidation_slice",
        /// How far through the mark a liquidation may trade, share of max(mark, index/100).
        LiquidationPriceLimit = 25 => "liquidation_price_limit",
        /// Fee of a liquidation to the insurance fund, share of index notional.
        LiquidationFee = 26 => "liquidation_fee",
        /// Price at which an auction starts, share of the mark value.
        AuctionStart = 27 => "auction_start",
        /// Price of an auction after [`Self::AuctionMiddleTime`], share of the mark value.
        AuctionMiddle = 28 => "auction_middle",
        /// How long an auction takes from start to middle, ns.
        AuctionMiddleTime = 29 => "auction_middle_time",
        /// How long an auction takes from its start to a price of zero, ns.
        AuctionEndTime = 30 => "auction_end_time",
        /// Most of the insurance fund that one liquidation may draw, share of it.
        InsuranceCap = 31 => "insurance_cap",
        /// A portfolio in liquidation is auctioned at once below this share of its maintenance margin.
        AuctionTrigger = 32 => "auction_trigger",
    }
}

wire_struct! {
    /// One parameter's value.
    pub struct ParameterValue {
        /// Which one.
        pub parameter: Parameter,
        /// Its value.
        pub value: i64,
    }
}

wire_struct! {
    /// The first command of every journal: who governs this venue, and where its vault is.
    pub struct Genesis {
        /// EIP-155 chain id of the signing domain.
        pub chain_id: u64,
        /// Settlement contract: verifying contract of the signing domain.
        pub contract: Address,
        /// Key that signs frames (receipts) and batches.
        pub operator: Address,
        /// Administrators, ascending.
        pub admins: Vec<Address>,
        /// Administrator signatures a command needs.
        pub admin_quorum: u8,
        /// Oracle keys, ascending.
        pub oracles: Vec<Address>,
        /// Oracle signatures a mark needs.
        pub oracle_quorum: u8,
        /// Assets; asset 0 is USDC.
        pub assets: Vec<AssetSpec>,
        /// Underlyings.
        pub underlyings: Vec<UnderlyingSpec>,
        /// Every parameter, ascending.
        pub parameters: Vec<ParameterValue>,
    }
}

/// Scope bits of a session key. No scope lets a session key withdraw.
pub mod scope {
    /// Place, replace and cancel orders.
    pub const TRADE: u8 = 1;
    /// Cancel orders.
    pub const CANCEL: u8 = 2;
    /// Requests for quote.
    pub const RFQ: u8 = 4;
    /// Transfers between subaccounts of the owner.
    pub const TRANSFER: u8 = 8;
    /// All of them.
    pub const ALL: u8 = 15;
    /// The word of each bit, in bit order.
    pub const WORDS: [(u8, &str); 4] =
        [(TRADE, "trade"), (CANCEL, "cancel"), (RFQ, "rfq"), (TRANSFER, "transfer")];
}

wire_struct! {
    /// The owner takes assets out. EIP-712 `Withdraw`.
    pub struct Withdraw {
        /// From which subaccount.
        pub subaccount: SubaccountId,
        /// The asset.
        pub asset: AssetId,
        /// Amount in engine units.
        pub amount: i64,
        /// Who may claim it on chain.
        pub recipient: Address,
        /// The owner's signature.
        pub auth: Authorization,
    }
}

wire_struct! {
    /// The owner moves assets between its subaccounts. EIP-712 `Transfer`.
    pub struct Transfer {
        /// Giver.
        pub from: SubaccountId,
        /// Receiver.
        pub to: SubaccountId,
        /// The asset.
        pub asset: AssetId,
        /// Amount in engine units.
        pub amount: i64,
        /// The owner's signature.
        pub auth: Authorization,
    }
}

wire_struct! {
    /// The signer gets one more subaccount. EIP-712 `CreateSubaccount`.
    pub struct CreateSubaccount {
        /// The owner's signature.
        pub auth: Authorization,
    }
}

wire_struct! {
    /// The owner lets `key` act for it, and the key agrees: both sign the same EIP-712 `RegisterSessionKey`, so that
    /// nobody can claim a key that is another's.
    pub struct RegisterSessionKey {
        /// The session key.
        pub key: Address,
        /// Scope bits.
        pub scopes: u8,
        /// Subaccounts the key may act for; empty: all of the owner's.
        pub subaccounts: Vec<SubaccountId>,
        /// The key dies at this time.
        pub key_expiry: Nanos,
        /// The owner's signature.
        pub auth: Authorization,
        /// The key's.
        pub consent: Signature,
    }
}

wire_struct! {
    /// The owner takes a session key back, at once. EIP-712 `RevokeSessionKey`.
    pub struct RevokeSessionKey {
        /// The session key.
        pub key: Address,
        /// The owner's signature.
        pub auth: Authorization,
    }
}

wire_struct! {
    /// The signer kills all its trading nonces below `floor`. EIP-712 `RaiseNonceFloor`, a trading action.
    pub struct RaiseNonceFloor {
        /// The new floor.
        pub floor: u64,
        /// The key's own signature.
        pub auth: Authorization,
    }
}

wire_struct! {
    /// A new order. EIP-712 `Order`.
    pub struct PlaceOrder {
        /// For which subaccount.
        pub subaccount: SubaccountId,
        /// In which instrument; its name is what is signed.
        pub instrument: InstrumentId,
        /// Buy or sell.
        pub side: Side,
        /// Amount, 1e-8 contracts.
        pub amount: i64,
        /// Limit price, micro-USDC per contract.
        pub limit_price: i64,
        /// Order type.
        pub order_type: OrderType,
        /// Time in force.
        pub time_in_force: TimeInForce,
        /// When a GTD order ends; 0 otherwise.
        pub valid_until: Nanos,
        /// Maker only.
        pub post_only: PostOnly,
        /// May only shrink the position.
        pub reduce_only: bool,
        /// Self-trade prevention.
        pub self_trade: SelfTrade,
        /// Highest fee per contract, micro-USDC, checked at each fill.
        pub max_fee: i64,
        /// Client order id, at most 36 characters, may be empty: the same id again returns the same order.
        pub client_id: String,
        /// The trader's signature.
        pub auth: Authorization,
    }
}

wire_struct! {
    /// Ends an order. EIP-712 `Cancel` when signed; unsigned for an authenticated session.
    pub struct CancelOrder {
        /// Whose order.
        pub subaccount: SubaccountId,
        /// Which order.
        pub order: OrderId,
        /// The trader's signature.
        pub auth: Option<Authorization>,
    }
}

wire_struct! {
    /// Changes amount or price of a resting order. EIP-712 `Replace`. Priority is kept when only the size shrinks.
    pub struct ReplaceOrder {
        /// Whose order.
        pub subaccount: SubaccountId,
        /// Which order.
        pub order: OrderId,
        /// New total amount, what is filled already included, 1e-8 contracts.
        pub amount: i64,
        /// New limit price, micro-USDC per contract.
        pub limit_price: i64,
        /// Maker only.
        pub post_only: PostOnly,
        /// May only shrink the position.
        pub reduce_only: bool,
        /// Highest fee per contract, micro-USDC.
        pub max_fee: i64,
        /// The trader's signature.
        pub auth: Authorization,
    }
}

wire_struct! {
    /// Ends all orders of a subaccount that fit. EIP-712 `CancelAll` when signed; unsigned for an authenticated session
    /// and for cancel-on-disconnect.
    pub struct CancelAll {
        /// Whose orders.
        pub subaccount: SubaccountId,
        /// Only of this instrument; 0: any.
        pub instrument: InstrumentId,
        /// Only of this underlying; 0: any.
        pub underlying: UnderlyingId,
        /// The trader's signature.
        pub auth: Option<Authorization>,
    }
}

wire_struct! {
    /// What an instrument is.
    pub struct InstrumentSpec {
        /// Its id: the next free one.
        pub instrument: InstrumentId,
        /// `BTC_USDC-27MAR26-100000-C`, `BTC_USDC-PERPETUAL`; never used before.
        pub name: String,
        /// Its underlying.
        pub underlying: UnderlyingId,
        /// Option or perpetual.
        pub kind: InstrumentKind,
        /// Call or put; call for a perpetual.
        pub option_type: OptionType,
        /// Strike, micro-USDC; 0 for a perpetual.
        pub strike: i64,
        /// Expiry; 0 for a perpetual.
        pub expiry: Nanos,
        /// Smallest price step, micro-USDC per contract.
        pub tick_size: i64,
        /// Smallest amount, 1e-8 contracts.
        pub lot_size: i64,
        /// Unit of the risk array's lanes, micro-USDC per lot.
        pub lane_unit: u32,
    }
}

wire_struct! {
    /// New instruments, at most 256. Administrators sign.
    pub struct ListInstruments {
        /// What they are.
        pub instruments: Vec<InstrumentSpec>,
        /// Signatures.
        pub admin: Administration,
    }
}

wire_struct! {
    /// Funding of the perpetual accrues up to this command's time, at the rate of the last mark.
    pub struct FundingTick {
        /// The underlying.
        pub underlying: UnderlyingId,
    }
}

wire_struct! {
    /// Fixes the settlement price of an expiry, once. Oracles sign EIP-712 `SettlementPrice`.
    pub struct Expire {
        /// The underlying.
        pub underlying: UnderlyingId,
        /// The expiry, in the past.
        pub expiry: Nanos,
        /// Settlement price of the underlying, micro-USDC.
        pub price: i64,
        /// M of N oracle signatures.
        pub cosignatures: Vec<Cosignature>,
    }
}

wire_struct! {
    /// Next chunk of an expiry's settlement: removes orders, then settles positions, in ascending order.
    pub struct SettleExpired {
        /// The underlying.
        pub underlying: UnderlyingId,
        /// The expiry.
        pub expiry: Nanos,
        /// Most orders plus positions to touch.
        pub limit: u16,
    }
}

wire_struct! {
    /// Takes over a share of a portfolio that is being auctioned, at the auction's price. EIP-712 `LiquidationBid`, a
    /// trading action.
    pub struct LiquidationBid {
        /// The bidder.
        pub subaccount: SubaccountId,
        /// Whose portfolio.
        pub target: SubaccountId,
        /// Most of the portfolio to take, share 1e-9 of what it is at the bid.
        pub share: i64,
        /// Most that the bidder pays in all, micro-USDC; negative: least that it is paid.
        pub limit: i64,
        /// The trader's signature.
        pub auth: Authorization,
    }
}

wire_struct! {
    /// Time passes: orders past their `valid_until` end.
    pub struct Clock {
        /// Most orders to end.
        pub limit: u16,
    }
}

wire_struct! {
    /// Changes the mode of an underlying. Administrators sign.
    pub struct SetMode {
        /// The underlying.
        pub underlying: UnderlyingId,
        /// Its new mode.
        pub mode: Mode,
        /// Signatures.
        pub admin: Administration,
    }
}

wire_struct! {
    /// The owner chooses how a subaccount is margined. EIP-712 `SetMarginModel`.
    pub struct SetMarginModel {
        /// The subaccount.
        pub subaccount: SubaccountId,
        /// Its new model.
        pub model: MarginModel,
        /// The owner's signature.
        pub auth: Authorization,
    }
}

wire_struct! {
    /// Changes one parameter. Administrators sign.
    pub struct SetParameter {
        /// The change.
        pub change: ParameterValue,
        /// Signatures.
        pub admin: Administration,
    }
}

wire_struct! {
    /// Replaces the risk table of an underlying after a delay. Administrators sign.
    pub struct SetRiskParameters {
        /// The underlying.
        pub underlying: UnderlyingId,
        /// The new table.
        pub parameters: RiskParameters,
        /// Counts for marks whose oracle time is not before this.
        pub effective: Nanos,
        /// Signatures.
        pub admin: Administration,
    }
}

wire_struct! {
    /// Replaces the collateral terms of an asset after a delay. Administrators sign.
    pub struct SetCollateral {
        /// The asset.
        pub asset: AssetId,
        /// The new terms.
        pub terms: CollateralTerms,
        /// They count from the first mark, of any underlying, whose oracle time is not before this.
        pub effective: Nanos,
        /// Signatures.
        pub admin: Administration,
    }
}

wire_struct! {
    /// Moves USDC from a subaccount to the insurance fund, for good. EIP-712 `FundInsurance`.
    pub struct FundInsurance {
        /// The giver.
        pub subaccount: SubaccountId,
        /// Amount, micro-USDC.
        pub amount: i64,
        /// The owner's signature.
        pub auth: Authorization,
    }
}

macro_rules! commands {
    ($($(#[$meta:meta])* $name:ident = $kind:literal),* $(,)?) => {
        /// A command.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Command { $($(#[$meta])* $name($name)),* }

        impl Command {
            /// The kind number.
            #[must_use]
            pub fn kind(&self) -> u8 {
                match self { $(Self::$name(_) => $kind),* }
            }

            /// The kind's name.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name)),* }
            }

            /// Appends the body, without the kind.
            pub fn put_body(&self, out: &mut Vec<u8>) {
                match self { $(Self::$name(body) => body.put(out)),* }
            }

            /// Decodes the body of a command of `kind`.
            ///
            /// # Errors
            /// [`CodecError`] when the kind is unknown or the bytes are not a canonical body within its bounds
            /// (see [`Self::check`]).
            pub fn take_body(kind: u8, reader: &mut Reader<'_>) -> Result<Self, CodecError> {
                let command = match kind {
                    $($kind => $name::take(reader).map(Self::$name),)*
                    value => Err(CodecError::Unknown { what: "command", value: value.into() }),
                }?;
                command.check()?;
                Ok(command)
            }
        }

        $(impl From<$name> for Command {
            fn from(body: $name) -> Self {
                Self::$name(body)
            }
        })*
    };
}
commands! {
    /// Opens the venue.
    Genesis = 0,
    /// The next item of the contract's inbox.
    InboxItem = 1,
    /// A withdrawal.
    Withdraw = 2,
    /// A transfer between subaccounts.
    Transfer = 3,
    /// A new subaccount.
    CreateSubaccount = 4,
    /// A new session key.
    RegisterSessionKey = 5,
    /// A session key ends.
    RevokeSessionKey = 6,
    /// A nonce floor rises.
    RaiseNonceFloor = 7,
    /// A new order.
    PlaceOrder = 8,
    /// An order ends.
    CancelOrder = 9,
    /// An order changes.
    ReplaceOrder = 10,
    /// Orders end.
    CancelAll = 11,
    /// Instruments open.
    ListInstruments = 17,
    /// New marks.
    MarkUpdate = 18,
    /// Funding accrues.
    FundingTick = 19,
    /// A settlement price is fixed.
    Expire = 20,
    /// A share of an auctioned portfolio changes hands.
    LiquidationBid = 21,
    /// Time passes.
    Clock = 22,
    /// A mode changes.
    SetMode = 23,
    /// A subaccount's margin model changes.
    SetMarginModel = 24,
    /// A parameter changes.
    SetParameter = 25,
    /// A chunk of an expiry is settled.
    SettleExpired = 26,
    /// A risk table is replaced.
    SetRiskParameters = 27,
    /// Collateral terms are replaced.
    SetCollateral = 28,
    /// The insurance fund grows.
    FundInsurance = 29,
}
