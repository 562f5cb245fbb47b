//! Arbitrary values of every message, made from a byte string, so that a property's failure shrinks with the bytes.

use protocol::*;

/// Bytes to make values from; zeros when they are used up.
pub struct Source<'a>(std::slice::Iter<'a, u8>);

impl<'a> Source<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }

    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()]
    }
}

/// A value within the bounds of the protocol.
pub trait Sample: Sized {
    fn sample(source: &mut Source<'_>) -> Self;

    /// A list that may stand in a message.
    fn list(source: &mut Source<'_>) -> Vec<Self> {
        (0..source.byte() % 4).map(|_| Self::sample(source)).collect()
    }
}

fn ascending<T: Sample, K: Ord>(source: &mut Source<'_>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut list: Vec<T> = (0..source.byte() % 4).map(|_| T::sample(source)).collect();
    list.sort_by_key(&key);
    list.dedup_by_key(|item| key(item));
    list
}

macro_rules! sample_int {
    ($($int:ty),*) => {$(
        impl Sample for $int {
            fn sample(source: &mut Source<'_>) -> Self {
                <$int>::from_be_bytes(source.bytes())
            }
        }
    )*};
}
sample_int!(u8, u16, u32, i32, i64);

impl Sample for u64 {
    fn sample(source: &mut Source<'_>) -> Self {
        Self::from_be_bytes(source.bytes())
    }
    fn list(source: &mut Source<'_>) -> Vec<Self> {
        ascending(source, |item| *item)
    }
}

impl Sample for bool {
    fn sample(source: &mut Source<'_>) -> Self {
        source.byte() % 2 == 1
    }
}

impl Sample for String {
    fn sample(source: &mut Source<'_>) -> Self {
        (0..source.byte() % 17).map(|_| char::from(0x20 + source.byte() % 0x5f)).collect()
    }
}

impl<T: Sample> Sample for Option<T> {
    fn sample(source: &mut Source<'_>) -> Self {
        bool::sample(source).then(|| T::sample(source))
    }
}

impl<T: Sample> Sample for std::sync::Arc<T> {
    fn sample(source: &mut Source<'_>) -> Self {
        Self::new(T::sample(source))
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn sample(source: &mut Source<'_>) -> Self {
        T::list(source)
    }
}

impl Sample for Address {
    fn sample(source: &mut Source<'_>) -> Self {
        Self(source.bytes())
    }
    fn list(source: &mut Source<'_>) -> Vec<Self> {
        ascending(source, |item| *item)
    }
}

impl Sample for Hash {
    fn sample(source: &mut Source<'_>) -> Self {
        Self(source.bytes())
    }
}

impl Sample for Signature {
    fn sample(source: &mut Source<'_>) -> Self {
        Self(source.bytes())
    }
}

impl Sample for OrderId {
    fn sample(source: &mut Source<'_>) -> Self {
        Self(u64::sample(source))
    }
}

macro_rules! sample_enums {
    ($($name:ident),*) => {$(
        impl Sample for $name {
            fn sample(source: &mut Source<'_>) -> Self {
                source.pick(Self::ALL)
            }
        }
    )*};
}
sample_enums!(
    Side,
    OrderType,
    TimeInForce,
    PostOnly,
    SelfTrade,
    InstrumentKind,
    OptionType,
    Mode,
    MarketStatus,
    MarkFault,
    Parameter,
    CloseReason,
    BalanceReason,
    MarginModel,
    CallLevel,
    LiquidationOutcome
);

/// Fields by name; with `ascend`, lists of it ascend by the given field.
macro_rules! sample_structs {
    ($($name:ident { $($field:ident),* $(,)? } $(ascend $key:ident)?;)*) => {$(
        impl Sample for $name {
            fn sample(source: &mut Source<'_>) -> Self {
                Self { $($field: Sample::sample(source)),* }
            }
            $(fn list(source: &mut Source<'_>) -> Vec<Self> {
                ascending(source, |item: &Self| item.$key)
            })?
        }
    )*};
}
sample_structs! {
    Authorization { signer, nonce, expiry, signature };
    Administration { nonce, cosignatures };
    Cosignature { signer, signature } ascend signer;
    AssetSpec { asset, symbol, token, decimals } ascend asset;
    UnderlyingSpec { underlying, symbol } ascend underlying;
    ParameterValue { parameter, value } ascend parameter;
    Genesis {
        chain_id, contract, operator, admins, admin_quorum, oracles, oracle_quorum, assets, underlyings, parameters,
    };
    InboxItem { index, body };
    Withdraw { subaccount, asset, amount, recipient, auth };
    Transfer { from, to, asset, amount, auth };
    CreateSubaccount { auth };
    RevokeSessionKey { key, auth };
    RaiseNonceFloor { floor, auth };
    PlaceOrder {
        subaccount, instrument, side, amount, limit_price, order_type, time_in_force, valid_until, post_only,
        reduce_only, self_trade, max_fee, client_id, auth,
    };
    CancelOrder { subaccount, order, auth };
    ReplaceOrder { subaccount, order, amount, limit_price, post_only, reduce_only, max_fee, auth };
    CancelAll { subaccount, instrument, underlying, auth };
    InstrumentSpec {
        instrument, name, underlying, kind, option_type, strike, expiry, tick_size, lot_size, lane_unit,
    };
    ListInstruments { instruments, admin };
    FundingTick { underlying };
    Expire { underlying, expiry, price, cosignatures };
    SettleExpired { underlying, expiry, limit };
    Clock { limit };
    SetMode { underlying, mode, admin };
    SetParameter { change, admin };
    LiquidationBid { subaccount, target, share, limit, auth };
    SetMarginModel { subaccount, model, auth };
    SetRiskParameters { underlying, parameters, effective, admin };
    SetCollateral { asset, terms, effective, admin };
    FundInsurance { subaccount, amount, auth };
    ScenarioParameters { range, vol_up, vol_down, power_short, power_long, vol_floor, skew_linear, skew_absolute, term_front, term_back };
    MarginParameters { maintenance_share, basis_min_move, basis_rate, short_floor, short_floor_last_day, delta_depth, delta_impact, vega_depth, vega_impact, strike_depth, strike_impact, impact_max, confidence_multiplier };
    RiskParameters { scenario, margin };
    CollateralTerms { price_underlying, scenario_underlying, haircut_initial, haircut_maintenance, depeg, account_cap, venue_cap };
    SviSlice { a, b, rho, m, sigma };
    ExpiryInputs { expiry, forward, rate, smile } ascend expiry;
    MarkInputs { underlying, time, index, confidence, sources, perpetual_mark, funding_rate, expiries };
    MarkUpdate { inputs, cosignatures, listing_epoch, arrays_hash };
    InstrumentMark { instrument, mark, iv, delta, vega, risk };
    MarkArrays { underlying, version, marks };
    Record { time, command };
    Frame { epoch, frame, first_sequence, count, command_root, chain_hash };
    Receipt { frame, signature, sequence, command_hash, path };
    OrderRested { order, subaccount, instrument, side, price, lots };
    Fill {
        trade, instrument, taker_side, price, lots, maker, maker_subaccount, maker_fee, taker, taker_subaccount,
        taker_fee,
    };
    OrderClosed { order, subaccount, instrument, side, price, lots, rested, reason };
    OrderReplaced { order, subaccount, instrument, side, old_price, old_lots, price, lots, kept_priority };
    BalanceChanged { subaccount, asset, delta, reason };
    SubaccountCreated { subaccount, owner };
    KeyRegistered { owner, key, scopes, expiry };
    KeyRevoked { owner, key };
    NonceFloorRaised { signer, floor };
    WithdrawalQueued { withdrawal, subaccount, asset, amount, recipient };
    ForcedRequestVoid { index };
    CloseOnlySet { subaccount };
    InstrumentListed { instrument };
    MarkUpdated { underlying, epoch };
    FundingAccrued { instrument, index };
    ExpiryFixed { underlying, expiry, price };
    PositionSettled { subaccount, instrument, lots, cash };
    InstrumentClosed { instrument };
    ModeChanged { underlying, mode };
    ParameterChanged { change };
    MarketStatusChanged { underlying, status, fault };
    MarginModelChanged { subaccount, model };
    RiskParametersSet { underlying, version, effective };
    RiskParametersActive { underlying, version };
    CollateralSet { asset, effective };
    CollateralActive { asset };
    MarginCall { subaccount, level, equity, initial, maintenance };
    LiquidationStarted { liquidation, subaccount, underlying, mark_epoch, equity, maintenance, value };
    LiquidationSlice { liquidation, subaccount, instrument, side, limit, lots, cash, fee };
    AuctionOpened { liquidation, subaccount, insolvent, time, value };
    AuctionFill { liquidation, subaccount, bidder, share, price, cash, insurance };
    Deleveraged { liquidation, subaccount, counterparty, instrument, lots, price, cash };
    LiquidationEnded { liquidation, subaccount, outcome };
    InsurancePaid { liquidation, amount, left };
    InsuranceFunded { subaccount, amount };
    PositionMoved { liquidation, subaccount, counterparty, instrument, lots, price, cash };
}

impl Sample for RegisterSessionKey {
    fn sample(source: &mut Source<'_>) -> Self {
        Self {
            key: Sample::sample(source),
            scopes: u8::sample(source) & scope::ALL,
            subaccounts: Sample::sample(source),
            key_expiry: Sample::sample(source),
            auth: Sample::sample(source),
            consent: Sample::sample(source),
        }
    }
}

impl Sample for RiskArray {
    fn sample(source: &mut Source<'_>) -> Self {
        Self {
            lanes: std::array::from_fn(|_| Sample::sample(source)),
            gaps: std::array::from_fn(|_| Sample::sample(source)),
        }
    }
}

impl Sample for InboxBody {
    fn sample(source: &mut Source<'_>) -> Self {
        let owner = Sample::sample(source);
        match source.byte() % 6 {
            0 => Self::Deposit {
                owner,
                subaccount: Sample::sample(source),
                asset: Sample::sample(source),
                amount: Sample::sample(source),
            },
            1 => Self::ForcedWithdraw {
                owner,
                subaccount: Sample::sample(source),
                asset: Sample::sample(source),
                amount: Sample::sample(source),
                recipient: Sample::sample(source),
            },
            2 => Self::ForcedCancelAll { owner, subaccount: Sample::sample(source) },
            3 => Self::ForcedCloseOnly { owner, subaccount: Sample::sample(source) },
            4 => Self::RegisterKey {
                owner,
                key: Sample::sample(source),
                scopes: Sample::sample(source),
                expiry: Sample::sample(source),
            },
            _ => {
                Self::RaiseNonceFloor { owner, signer: Sample::sample(source), floor: Sample::sample(source) }
            }
        }
    }
}

macro_rules! sample_union {
    ($union:ident { $($name:ident),* $(,)? }) => {
        impl Sample for $union {
            fn sample(source: &mut Source<'_>) -> Self {
                let makers: &[fn(&mut Source<'_>) -> Self] = &[$(|source| $name::sample(source).into()),*];
                source.pick(makers)(source)
            }
        }
    };
}
sample_union!(Command {
    Genesis,
    InboxItem,
    Withdraw,
    Transfer,
    CreateSubaccount,
    RegisterSessionKey,
    RevokeSessionKey,
    RaiseNonceFloor,
    PlaceOrder,
    CancelOrder,
    ReplaceOrder,
    CancelAll,
    ListInstruments,
    MarkUpdate,
    FundingTick,
    Expire,
    LiquidationBid,
    Clock,
    SetMode,
    SetMarginModel,
    SetParameter,
    SettleExpired,
    SetRiskParameters,
    SetCollateral,
    FundInsurance,
});
sample_union!(Event {
    OrderRested,
    Fill,
    OrderClosed,
    OrderReplaced,
    BalanceChanged,
    SubaccountCreated,
    KeyRegistered,
    KeyRevoked,
    NonceFloorRaised,
    WithdrawalQueued,
    ForcedRequestVoid,
    CloseOnlySet,
    InstrumentListed,
    MarkUpdated,
    FundingAccrued,
    ExpiryFixed,
    PositionSettled,
    InstrumentClosed,
    ModeChanged,
    ParameterChanged,
    MarketStatusChanged,
    MarginModelChanged,
    RiskParametersSet,
    RiskParametersActive,
    CollateralSet,
    CollateralActive,
    MarginCall,
    LiquidationStarted,
    LiquidationSlice,
    AuctionOpened,
    AuctionFill,
    Deleveraged,
    LiquidationEnded,
    InsurancePaid,
    InsuranceFunded,
    PositionMoved,
});
