//! Values of the leaves of the five trees, as `docs/protocol/state.md` fixes them.

use protocol::{
    Address, AssetId, CallLevel, Hash, InstrumentId, InstrumentKind, MarginModel, Mode, Nanos, OptionType,
    OrderId, RiskArray, RiskTable, SelfTrade, SubaccountId, SviSlice, UnderlyingId, Wire, keccak256,
    wire_enum, wire_struct,
};

/// Bits of [`AccountLeaf::flags`].
pub mod flag {
    /// The subaccount may only reduce its positions.
    pub const CLOSE_ONLY: u8 = 1;
    /// The subaccount is being liquidated.
    pub const LIQUIDATION: u8 = 2;
}

wire_struct! {
    /// An amount of an asset other than the settlement currency.
    pub struct Collateral {
        /// The asset.
        pub asset: AssetId,
        /// How much, 1e-8; never 0.
        pub amount: i64,
    }
}

wire_struct! {
    /// A subaccount.
    pub struct AccountLeaf {
        /// Whose it is.
        pub owner: Address,
        /// See [`flag`].
        pub flags: u8,
        /// How it is margined.
        pub margin_model: MarginModel,
        /// Its margin call.
        pub call: CallLevel,
        /// Sequence of the last mark in its cached lane sums; 0 in version 1, which commits no caches.
        pub mark_epoch_seen: u64,
        /// Cash, micro-USDC.
        pub cash: i64,
        /// Other assets, ascending.
        pub collateral: Vec<Collateral>,
        /// Its liquidation.
        pub liquidation: Option<LiquidationLeaf>,
        /// Number of open orders.
        pub open_orders: u32,
        /// Tree of its open orders by id.
        pub orders_root: Hash,
        /// Number of holdings.
        pub holdings: u32,
        /// Tree of its holdings by instrument.
        pub holdings_root: Hash,
        /// Tree of its market-maker-protection groups.
        pub groups_root: Hash,
    }
}

wire_struct! {
    /// A liquidation that is going on.
    pub struct LiquidationLeaf {
        /// Its number.
        pub liquidation: u64,
        /// How far it has come: 0 book, 1 auction, 2 insolvent.
        pub stage: u8,
        /// When that stage began.
        pub opened: Nanos,
        /// When its next round is due.
        pub due: Nanos,
        /// What bidders paid and is not discounted again, micro-USDC.
        pub reserve: i64,
        /// What the insurance fund paid so far, micro-USDC.
        pub insurance: i64,
    }
}

wire_struct! {
    /// Resting orders of one account on one side of one book.
    #[derive(Copy)]
    pub struct OpenSide {
        /// Their lots.
        pub lots: i64,
        /// Tree of them, worst price first.
        pub root: Hash,
    }
}

wire_struct! {
    /// What an account has in one instrument.
    pub struct HoldingLeaf {
        /// Position, lots, long positive.
        pub lots: i64,
        /// What the position cost to enter, micro-USDC.
        pub cost: i64,
        /// Funding index of a perpetual position at its last settlement, 1e-9 USD per contract.
        pub funding_index: i64,
        /// Its bids.
        pub bids: OpenSide,
        /// Its offers.
        pub offers: OpenSide,
    }
}

impl HoldingLeaf {
    /// Where the roots of its bids and of its offers stand in its bytes.
    pub(crate) const ROOTS_AT: [usize; 2] = [32, 72];
}

impl AccountLeaf {
    /// Where the roots of its orders and of its holdings stand in `bytes`, which are those of a leaf.
    pub(crate) fn roots_at(bytes: &[u8]) -> [usize; 2] {
        [bytes.len() - 100, bytes.len() - 64]
    }
}

wire_enum! {
    /// Kind of a resting order.
    pub enum RestingKind {
        /// A limit order.
        Limit = 0 => "limit",
    }
}

wire_struct! {
    /// A resting order; instrument, side, price and time are in its key.
    pub struct OrderLeaf {
        /// Its kind.
        pub kind: RestingKind,
        /// Its id.
        pub order: OrderId,
        /// Whose it is.
        pub subaccount: SubaccountId,
        /// Open lots.
        pub lots: i64,
        /// Lots filled so far.
        pub filled: i64,
        /// Signed fee bound, micro-USDC per contract.
        pub max_fee: i64,
        /// When it ends; 0: when it is cancelled.
        pub valid_until: Nanos,
        /// May only shrink the position.
        pub reduce_only: bool,
        /// Self-trade prevention.
        pub self_trade: SelfTrade,
    }
}

wire_struct! {
    /// An instrument: what it is, and its last mark.
    pub struct InstrumentLeaf {
        /// Keccak of its name.
        pub name_hash: Hash,
        /// Its underlying.
        pub underlying: UnderlyingId,
        /// Option or perpetual.
        pub kind: InstrumentKind,
        /// Call or put.
        pub option_type: OptionType,
        /// Strike, micro-USDC.
        pub strike: i64,
        /// Expiry; 0 for a perpetual.
        pub expiry: Nanos,
        /// Price step, micro-USDC per contract.
        pub tick_size: i64,
        /// Amount step, 1e-8 contracts.
        pub lot_size: i64,
        /// Unit of the lanes, micro-USDC per lot.
        pub lane_unit: u32,
        /// Lots of all longs.
        pub open_interest: i64,
        /// Number of subaccounts with a position.
        pub holders: u32,
        /// Cumulative funding, 1e-9 USD per contract, paid by longs.
        pub funding_index: i64,
        /// Up to when funding has accrued.
        pub funding_time: Nanos,
        /// Mark, micro-USDC per contract; 0 before the first.
        pub mark: i64,
        /// Epoch of the underlying that the mark belongs to; 0 before the first.
        pub mark_epoch: u32,
        /// Index that came with the mark, 1e-9 USD.
        pub mark_index: i64,
        /// Implied vol of the mark, 1e-9.
        pub iv: i64,
        /// Delta, 1e-9.
        pub delta: i64,
        /// Vega, micro-USDC per contract and vol point.
        pub vega: i64,
        /// Lanes and gaps; absent in arrays version 0.
        pub risk: Option<RiskArray>,
    }
}

wire_struct! {
    /// An underlying: mode, listings and the oracle's last word.
    pub struct UnderlyingLeaf {
        /// Keccak of its symbol.
        pub symbol_hash: Hash,
        /// What it accepts.
        pub mode: Mode,
        /// Raised whenever the set of open instruments changes, or a risk table is set.
        pub listing_epoch: u32,
        /// Number of open instruments.
        pub open_instruments: u32,
        /// Its perpetual; 0 if none.
        pub perpetual: InstrumentId,
        /// Number of marks so far.
        pub mark_epoch: u32,
        /// Oracle time of the last mark.
        pub mark_time: Nanos,
        /// Index, 1e-9 USD.
        pub index: i64,
        /// Confidence, 1e-9 of the index.
        pub confidence: u32,
        /// Fresh index sources.
        pub sources: u8,
        /// Mark of the perpetual, 1e-9 USD.
        pub perpetual_mark: i64,
        /// Funding rate per eight hours, 1e-9.
        pub funding_rate: i64,
        /// The risk table that its arrays are made with.
        pub risk: Option<RiskLeaf>,
        /// The one that follows.
        pub next_risk: Option<NextRiskLeaf>,
    }
}

wire_struct! {
    /// A risk table.
    pub struct RiskLeaf {
        /// Its number.
        pub version: u32,
        /// Keccak of its encoded [`protocol::RiskParameters`].
        pub parameters: Hash,
    }
}

impl From<&RiskTable> for RiskLeaf {
    fn from(table: &RiskTable) -> Self {
        Self { version: table.version, parameters: wire_hash(&table.parameters) }
    }
}

wire_struct! {
    /// A risk table that waits.
    pub struct NextRiskLeaf {
        /// It counts for marks whose oracle time is not before this.
        pub effective: Nanos,
        /// The table.
        pub table: RiskLeaf,
    }
}

wire_struct! {
    /// An expiry: forward and smile of the last mark, and the settlement price once it is fixed.
    pub struct ExpiryLeaf {
        /// Number of its instruments that are not closed.
        pub instruments: u32,
        /// Forward, 1e-9 USD.
        pub forward: i64,
        /// Discount rate, 1e-9.
        pub rate: i64,
        /// The smile.
        pub smile: SviSlice,
        /// Settlement price, micro-USDC.
        pub settlement: Option<i64>,
    }
}

wire_struct! {
    /// What an owner lets a session key do.
    pub struct GrantLeaf {
        /// Whose key it is.
        pub owner: Address,
        /// Scope bits.
        pub scopes: u8,
        /// Subaccounts it may act for, ascending; empty: all.
        pub subaccounts: Vec<SubaccountId>,
        /// It is dead from this time on.
        pub expiry: Nanos,
        /// Whether it was taken back.
        pub revoked: bool,
    }
}

wire_struct! {
    /// An address that signs: an owner, a session key, or both.
    pub struct KeyLeaf {
        /// Number of subaccounts it owns.
        pub subaccounts: u32,
        /// The first of them; 0 if none.
        pub first_subaccount: SubaccountId,
        /// Next nonce of its owner actions.
        pub next_nonce: u64,
        /// Trading nonces below are dead.
        pub floor: u64,
        /// The highest used trading nonces, ascending.
        pub nonces: Vec<u64>,
        /// What its owner lets it do, when it is a session key.
        pub grant: Option<GrantLeaf>,
    }
}

/// Numbers of the leaves of the globals tree.
pub mod global {
    /// [`super::ClockLeaf`].
    pub const CLOCK: u8 = 0;
    /// [`super::FundsLeaf`].
    pub const FUNDS: u8 = 1;
    /// [`super::InboxLeaf`].
    pub const INBOX: u8 = 2;
    /// [`super::CountersLeaf`].
    pub const COUNTERS: u8 = 3;
    /// [`super::TakerLeaf`].
    pub const TAKER: u8 = 4;
    /// Hash of the parameter table.
    pub const PARAMETERS: u8 = 5;
    /// [`super::VenueLeaf`].
    pub const VENUE: u8 = 6;
    /// A second commitment to the same state, absent in version 1.
    pub const SECOND_COMMITMENT: u8 = 7;
    /// Kept for the cursor of a command that works in chunks; absent in version 1.
    pub const CURSOR: u8 = 8;
    /// List of [`super::AssetTotals`], by asset.
    pub const TOTALS: u8 = 9;
    /// Hash of the collateral table.
    pub const COLLATERAL: u8 = 10;
}

wire_struct! {
    /// Where the journal stands.
    pub struct ClockLeaf {
        /// Venue time.
        pub time: Nanos,
        /// Sequence of the last command.
        pub sequence: u64,
        /// The command chain behind it.
        pub chain_hash: Hash,
    }
}

wire_struct! {
    /// Money that belongs to no subaccount.
    pub struct FundsLeaf {
        /// Fees earned, micro-USDC.
        pub fees: i64,
        /// Insurance fund, micro-USDC.
        pub insurance: i64,
        /// Funding paid in and not paid out yet, micro-USDC.
        pub funding_pool: i64,
        /// Number of trades so far.
        pub trades: u64,
    }
}

wire_struct! {
    /// How far the contract's inbox has been processed.
    pub struct InboxLeaf {
        /// Next index.
        pub cursor: u64,
        /// The inbox chain behind the last item.
        pub hash: Hash,
    }
}

wire_struct! {
    /// Numbers given out so far.
    pub struct CountersLeaf {
        /// Subaccounts.
        pub subaccounts: u64,
        /// Instruments.
        pub instruments: u32,
        /// Withdrawals.
        pub withdrawals: u64,
        /// Next administration nonce.
        pub administration: u64,
        /// Liquidations.
        pub liquidations: u64,
    }
}

wire_struct! {
    /// What came in and went out of one asset so far, engine units.
    pub struct AssetTotals {
        /// Deposited.
        pub deposited: i128,
        /// Withdrawn.
        pub withdrawn: i128,
    }
}

wire_struct! {
    /// The order that is being matched; between the steps of a command only.
    pub struct TakerLeaf {
        /// Its id.
        pub order: OrderId,
        /// Whose it is.
        pub subaccount: SubaccountId,
        /// Its instrument.
        pub instrument: InstrumentId,
        /// Its side.
        pub side: protocol::Side,
        /// Limit price, ticks.
        pub limit: i64,
        /// Lots left.
        pub lots: i64,
        /// Lots filled.
        pub filled: i64,
        /// Signed fee bound, micro-USDC per contract.
        pub max_fee: i64,
        /// When it ends; 0: when it is cancelled.
        pub valid_until: Nanos,
        /// Whether what is left of it rests.
        pub rests: bool,
        /// May only shrink the position.
        pub reduce_only: bool,
        /// Self-trade prevention.
        pub self_trade: SelfTrade,
        /// The liquidation that it is a slice of; 0 for an order.
        pub liquidation: u64,
        /// Price × size of its fills in this command, micro-USDC.
        pub cash: i64,
    }
}

wire_struct! {
    /// Who governs the venue, and where its vault is.
    pub struct VenueLeaf {
        /// Chain id of the signing domain.
        pub chain_id: u64,
        /// Settlement contract.
        pub contract: Address,
        /// Operator key.
        pub operator: Address,
        /// Administrator signatures a command needs.
        pub admin_quorum: u8,
        /// Oracle signatures a mark needs.
        pub oracle_quorum: u8,
        /// Hash of the list of administrators.
        pub admins: Hash,
        /// Hash of the list of oracles.
        pub oracles: Hash,
        /// Hash of the list of assets.
        pub assets: Hash,
        /// Hash of the list of underlyings.
        pub underlyings: Hash,
    }
}

/// Hash of the encoding of `value`.
#[must_use]
pub fn wire_hash(value: &impl Wire) -> Hash {
    keccak256(&[&value.to_bytes()])
}
