//! Steps: the pieces that a command is made of, each small enough to be judged by itself.
//!
//! Handlers mark the boundaries; an observer sees the engine there, in exactly the state behind the step. The observer of
//! [`Engine::apply`](crate::Engine::apply) is [`Unobserved`], and nothing of the marks is left of it when it is compiled.
//! `docs/protocol/steps.md` says which command takes which steps, and what each reads and writes.

use crate::dirty::Dirty;
use crate::matching::Taker;
use crate::state::Engine;
use protocol::{InstrumentId, Micros, Nanos, OrderId, SelfTrade, Side, SubaccountId, wire_struct};

/// What a step does; the numbers are those of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum StepAction {
    /// The venue opens.
    Genesis = 0,
    /// An inbox deposit is credited.
    Deposit = 1,
    /// A withdrawal forced through the contract.
    ForcedWithdraw = 2,
    /// A cancel-all forced through the contract; the orders leave by `Remove`.
    ForcedCancelAll = 3,
    /// A subaccount may only reduce from now on, forced through the contract; its orders leave by `Remove`.
    ForcedCloseOnly = 4,
    /// A session key registered through the contract.
    InboxRegisterKey = 5,
    /// A nonce floor raised through the contract.
    InboxRaiseNonceFloor = 6,
    /// A withdrawal.
    Withdraw = 7,
    /// A transfer.
    Transfer = 8,
    /// A new subaccount.
    CreateSubaccount = 9,
    /// A new session key.
    RegisterKey = 10,
    /// A session key ends.
    RevokeKey = 11,
    /// A nonce floor rises.
    RaiseNonceFloor = 12,
    /// A subaccount changes its margin model.
    SetMarginModel = 13,
    /// An order arrives: it rests, ends, or becomes the pending taker.
    Place = 14,
    /// An order is cancelled.
    Cancel = 15,
    /// A cancel-all is accepted; the orders leave by `Remove`.
    CancelAll = 16,
    /// An order changes: in its place, or as if it were new.
    Replace = 17,
    /// A resting order leaves the book.
    Remove = 18,
    /// What is left of the pending taker rests or is dropped.
    Finish = 19,
    /// The pending taker meets the best order.
    Fill = 20,
    /// One instrument opens.
    List = 29,
    /// An underlying changes its mode.
    SetMode = 30,
    /// Time passes.
    Clock = 31,
    /// A parameter changes.
    SetParameter = 32,
    /// New marks of an underlying.
    Mark = 33,
    /// Funding accrues.
    Funding = 34,
    /// A settlement price is fixed.
    Expire = 35,
    /// One expired position becomes cash.
    SettleAccount = 36,
    /// An expired instrument leaves.
    CloseInstrument = 37,
    /// A liquidation starts.
    LiquidationStart = 38,
    /// An order of a liquidation becomes the pending taker.
    LiquidationSlice = 39,
    /// A bidder takes a share of a portfolio in liquidation.
    LiquidationFill = 40,
    /// A position is closed against a counterparty.
    Deleverage = 41,
    /// A risk table waits.
    SetRiskParameters = 43,
    /// Collateral terms wait.
    SetCollateral = 44,
    /// The insurance fund grows.
    FundInsurance = 45,
    /// A margin call changes.
    MarginCall = 46,
    /// A liquidation goes to its next stage.
    LiquidationStage = 47,
    /// A liquidation ends.
    LiquidationEnd = 48,
    /// A round of a liquidation begins.
    LiquidationRound = 49,
    /// A counterparty that was closed bears a part of a debt, or gets collateral for it.
    DeleverageCharge = 50,
    /// The insurance fund pays a part of a debt.
    Insurance = 51,
}

wire_struct! {
    /// What a step is about, where that does not follow from command and state: zeros elsewhere.
    #[derive(Copy, Default)]
    pub struct Subject {
        /// The subaccount.
        pub account: SubaccountId,
        /// The other subaccount, or the order.
        pub other: u64,
        /// The instrument, or the asset.
        pub instrument: u64,
        /// Lots, or an amount in engine units.
        pub amount: i64,
    }
}

impl Subject {
    /// Nothing that does not follow.
    pub const NONE: Self = Self { account: 0, other: 0, instrument: 0, amount: 0 };

    pub(crate) fn account(account: SubaccountId) -> Self {
        Self { account, ..Self::NONE }
    }

    pub(crate) fn instrument(instrument: InstrumentId) -> Self {
        Self { instrument: instrument.into(), ..Self::NONE }
    }

    pub(crate) fn position(account: SubaccountId, instrument: InstrumentId) -> Self {
        Self { account, instrument: instrument.into(), ..Self::NONE }
    }

    pub(crate) fn order(account: SubaccountId, order: OrderId) -> Self {
        Self { account, other: order.0, ..Self::NONE }
    }
}

/// A step as somebody names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedStep {
    /// Number of its kind, see [`StepAction`]; any other means none.
    pub kind: u8,
    /// What it is about.
    pub subject: Subject,
}

/// The order that is being matched, between two steps of its command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingTaker {
    /// Its id.
    pub order: OrderId,
    /// Whose it is.
    pub subaccount: SubaccountId,
    /// Its instrument.
    pub instrument: InstrumentId,
    /// Its side.
    pub side: Side,
    /// Worst price, ticks.
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
    pub cash: Micros,
}

/// A step that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepMark {
    /// What it did.
    pub action: StepAction,
    /// What it was about.
    pub subject: Subject,
    /// The order that is still to be matched behind it.
    pub taker: Option<PendingTaker>,
}

/// Who looks at every step.
pub trait StepObserver {
    /// Whether anybody looks: marks cost nothing where this is false.
    const OBSERVES: bool = true;
    /// Whether the command is somebody else's, who may have chosen what no step judges: it is not asked then.
    const FOLLOWS: bool = false;

    /// The step that has to come next, where somebody names it.
    fn named(&self) -> Option<NamedStep> {
        None
    }

    /// `engine` is in the state behind the step, which touched nothing but `dirty` and globals.
    fn step(&mut self, engine: &Engine, dirty: Dirty, step: StepMark);
}

/// Nobody looks.
#[derive(Debug, Clone, Copy)]
pub struct Unobserved;

impl StepObserver for Unobserved {
    const OBSERVES: bool = false;

    fn step(&mut self, _: &Engine, _: Dirty, _: StepMark) {}
}

impl Engine {
    /// A step ended that left no pending taker.
    #[inline(always)]
    pub(crate) fn stepped<O: StepObserver>(&mut self, steps: &mut O, action: StepAction, subject: Subject) {
        if O::OBSERVES {
            let dirty = self.take_dirty();
            steps.step(self, dirty, StepMark { action, subject, taker: None });
        }
    }

    /// A step ended, and `taker` is still to be matched.
    #[inline(always)]
    pub(crate) fn stepped_with<O: StepObserver>(
        &mut self,
        steps: &mut O,
        action: StepAction,
        subject: Subject,
        taker: &Taker,
    ) {
        if O::OBSERVES {
            let (dirty, taker) = (self.take_dirty(), Some(self.pending(taker)));
            steps.step(self, dirty, StepMark { action, subject, taker });
        }
    }

    fn pending(&self, taker: &Taker) -> PendingTaker {
        PendingTaker {
            // Slices of a command share one id here: how many came before is in no leaf.
            order: if taker.liquidation == 0 { taker.order } else { OrderId::new(self.globals.sequence, 0) },
            subaccount: self.accounts[taker.account].id,
            instrument: self.instruments[taker.instrument].terms.instrument,
            side: taker.side,
            limit: taker.limit,
            lots: taker.lots,
            filled: taker.filled,
            max_fee: taker.max_fee,
            valid_until: taker.valid_until,
            rests: taker.rests,
            reduce_only: taker.reduce_only,
            self_trade: taker.self_trade,
            liquidation: taker.liquidation,
            cash: taker.cash,
        }
    }
}
