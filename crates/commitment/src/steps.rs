//! Steps: their kinds, and the leaf of the trace that commits the state after each. See `docs/protocol/steps.md`.

use crate::chunk::PostedStep;
use engine::{StepAction, Subject};
use protocol::{Hash, Wire, wire_enum};

wire_enum! {
    /// What a step does. Numbers are never reused.
    pub enum StepKind {
        /// The venue opens.
        Genesis = 0 => "genesis",
        /// An inbox deposit is credited.
        Deposit = 1 => "deposit",
        /// A withdrawal forced through the contract.
        ForcedWithdraw = 2 => "forced_withdraw",
        /// A cancel-all forced through the contract.
        ForcedCancelAll = 3 => "forced_cancel_all",
        /// A subaccount may only reduce from now on, forced through the contract.
        ForcedCloseOnly = 4 => "forced_close_only",
        /// A session key registered through the contract.
        InboxRegisterKey = 5 => "inbox_register_key",
        /// A nonce floor raised through the contract.
        InboxRaiseNonceFloor = 6 => "inbox_raise_nonce_floor",
        /// A withdrawal.
        Withdraw = 7 => "withdraw",
        /// A transfer.
        Transfer = 8 => "transfer",
        /// A new subaccount.
        CreateSubaccount = 9 => "create_subaccount",
        /// A new session key.
        RegisterKey = 10 => "register_key",
        /// A session key ends.
        RevokeKey = 11 => "revoke_key",
        /// A nonce floor rises.
        RaiseNonceFloor = 12 => "raise_nonce_floor",
        /// A subaccount changes its margin model.
        SetMarginModel = 13 => "set_margin_model",
        /// An order arrives: it rests, ends, or becomes the pending taker.
        Place = 14 => "place",
        /// An order is cancelled.
        Cancel = 15 => "cancel",
        /// A cancel-all is accepted; the orders leave by `Remove`.
        CancelAll = 16 => "cancel_all",
        /// An order changes.
        Replace = 17 => "replace",
        /// A resting order leaves the book.
        Remove = 18 => "remove",
        /// The pending taker's remainder rests or is dropped.
        Finish = 19 => "finish",
        /// The pending taker meets the best order.
        Fill = 20 => "fill",
        /// One leg of a combo trades.
        FillComboLeg = 21 => "fill_combo_leg",
        /// One leg of a request for quote trades.
        FillRfq = 22 => "fill_rfq",
        /// Up to 32 quotes of a mass quote.
        QuoteChunk = 23 => "quote_chunk",
        /// Market-maker protection is set.
        SetMmp = 24 => "set_mmp",
        /// Market-maker protection trips.
        MmpTrigger = 25 => "mmp_trigger",
        /// A request for quote.
        CreateRfq = 26 => "create_rfq",
        /// An answer to it.
        QuoteRfq = 27 => "quote_rfq",
        /// An answer is taken.
        AcceptRfq = 28 => "accept_rfq",
        /// One instrument opens.
        List = 29 => "list",
        /// An underlying changes its mode.
        SetMode = 30 => "set_mode",
        /// Time passes.
        Clock = 31 => "clock",
        /// A parameter changes.
        SetParameter = 32 => "set_parameter",
        /// New marks of an underlying.
        Mark = 33 => "mark",
        /// Funding accrues.
        Funding = 34 => "funding",
        /// A settlement price is fixed.
        Expire = 35 => "expire",
        /// One expired position becomes cash.
        SettleAccount = 36 => "settle_account",
        /// An expired instrument leaves.
        CloseInstrument = 37 => "close_instrument",
        /// A liquidation starts.
        LiquidationStart = 38 => "liquidation_start",
        /// An order of a liquidation becomes the pending taker.
        LiquidationSlice = 39 => "liquidation_slice",
        /// A bidder takes a share of a portfolio in liquidation.
        LiquidationFill = 40 => "liquidation_fill",
        /// A position is closed against a counterparty.
        Deleverage = 41 => "deleverage",
        /// Holdings enter the margin accumulator.
        MarginChunk = 42 => "margin_chunk",
        /// A risk table waits.
        SetRiskParameters = 43 => "set_risk_parameters",
        /// Collateral terms wait.
        SetCollateral = 44 => "set_collateral",
        /// The insurance fund grows.
        FundInsurance = 45 => "fund_insurance",
        /// A margin call changes.
        MarginCall = 46 => "margin_call",
        /// A liquidation goes to its next stage.
        LiquidationStage = 47 => "liquidation_stage",
        /// A liquidation ends.
        LiquidationEnd = 48 => "liquidation_end",
        /// A round of a liquidation begins.
        LiquidationRound = 49 => "liquidation_round",
        /// A counterparty that was closed bears a part of a debt, or gets collateral for it.
        DeleverageCharge = 50 => "deleverage_charge",
        /// The insurance fund pays a part of a debt.
        Insurance = 51 => "insurance",
    }
}

impl From<StepAction> for StepKind {
    fn from(action: StepAction) -> Self {
        Self::ALL[action as usize]
    }
}

/// A step that the engine took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its place in the batch, from 0.
    pub index: u32,
    /// Hash of the command it belongs to.
    pub command_hash: Hash,
    /// What it does.
    pub kind: StepKind,
    /// Whether it is the last of its command.
    pub last: bool,
    /// What it is about, where that does not follow from command and state.
    pub subject: Subject,
    /// State root behind it.
    pub root_after: Hash,
}

impl Step {
    /// Its leaf in the trace.
    #[must_use]
    pub fn trace_leaf(&self) -> Hash {
        PostedStep::from(self).trace_leaf(self.index, &self.command_hash)
    }
}

/// A subject as the trace has it.
#[must_use]
pub fn subject_word(subject: &Subject) -> Hash {
    let mut word = Hash::ZERO;
    word.0.copy_from_slice(&subject.to_bytes());
    word
}
