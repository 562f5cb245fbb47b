//! The whole state, and the entry point: one sequenced command in, events out, or a refusal and nothing.

use crate::accounts::Account;
use crate::book::Books;
use crate::dirty::{Dirty, Tracker};
use crate::instruments::{Instrument, Underlying};
use crate::keys::Keys;
use crate::liquidation::Watch;
use crate::numbers::Checked;
use crate::parameters::Parameters;
use crate::reject::Reject;
use crate::steps::{StepAction, StepObserver, Subject, Unobserved};
use protocol::{
    Address, AssetSpec, CollateralTerms, Command, Event, Hash, HashedArrays, InstrumentId, Micros, Nanos,
    OrderId, Record, Scheduled, SubaccountId, UnderlyingId,
};
use std::collections::BTreeMap;

/// Who governs the venue, fixed at genesis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Governance {
    /// EIP-155 chain id of the signing domain.
    pub chain_id: u64,
    /// Settlement contract: verifying contract of the signing domain.
    pub contract: Address,
    /// Key that signs frames and batches.
    pub operator: Address,
    /// Administrators, ascending.
    pub admins: Vec<Address>,
    /// Administrator signatures a command needs.
    pub admin_quorum: u8,
    /// Oracles, ascending.
    pub oracles: Vec<Address>,
    /// Oracle signatures a mark needs.
    pub oracle_quorum: u8,
    /// Assets by id.
    pub assets: Vec<AssetSpec>,
}

/// Counters and funds of the whole venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Globals {
    /// Sequence of the last command.
    pub sequence: u64,
    /// Its time.
    pub time: Nanos,
    /// Next administration number.
    pub admin_nonce: u64,
    /// Next inbox index: items below are done.
    pub inbox_next: u64,
    /// `keccak(chain ‖ index ‖ item)` over the items done.
    pub inbox_hash: Hash,
    /// Number of the last trade.
    pub trades: u64,
    /// Next withdrawal number.
    pub withdrawals: u64,
    /// Fees collected, micro-USDC.
    pub fees: Micros,
    /// Number of the last liquidation.
    pub liquidations: u64,
    /// Insurance fund, micro-USDC. While a series settles it lends to those settled before others.
    pub insurance: Micros,
    /// Funding received and not yet passed on, micro-USDC.
    pub funding_pool: Micros,
    /// Deposited so far, by asset.
    pub deposited: Vec<i128>,
    /// Withdrawn so far, by asset.
    pub withdrawn: Vec<i128>,
}

impl Globals {
    fn new() -> Self {
        Self {
            sequence: 0,
            time: 0,
            admin_nonce: 0,
            inbox_next: 0,
            inbox_hash: Hash::ZERO,
            trades: 0,
            withdrawals: 0,
            liquidations: 0,
            fees: 0,
            insurance: 0,
            funding_pool: 0,
            deposited: Vec::new(),
            withdrawn: Vec::new(),
        }
    }
}

/// The state machine: `apply(state, sequenced command) -> events`. No clock, no I/O, no floating point.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) globals: Globals,
    pub(crate) governance: Option<Governance>,
    pub(crate) parameters: Parameters,
    /// Collateral terms by asset; USDC has none.
    pub(crate) collateral: Vec<Scheduled<CollateralTerms>>,
    /// By underlying id − 1.
    pub(crate) underlyings: Vec<Underlying>,
    /// By instrument id − 1.
    pub(crate) instruments: Vec<Instrument>,
    /// Instruments by name.
    pub(crate) names: BTreeMap<String, InstrumentId>,
    /// By subaccount id − 1.
    pub(crate) accounts: Vec<Account>,
    pub(crate) keys: Keys,
    pub(crate) books: Books,
    /// Resting orders with an end, by it.
    pub(crate) ends: BTreeMap<(Nanos, OrderId), SubaccountId>,
    /// Generation of marks, funding and parameters that cached sums are made under; not state.
    pub(crate) generation: u64,
    /// From when on markets may have another status than their underlyings say; not state.
    pub(crate) markets_due: Nanos,
    pub(crate) tracker: Tracker,
    /// Which accounts margin calls and liquidation must look at; not state.
    pub(crate) watch: Watch,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// The empty state; its first command must be the genesis, sequence 1.
    #[must_use]
    pub fn new() -> Self {
        Self {
            globals: Globals::new(),
            governance: None,
            parameters: Parameters::UNSET,
            collateral: Vec::new(),
            underlyings: Vec::new(),
            instruments: Vec::new(),
            names: BTreeMap::new(),
            accounts: Vec::new(),
            keys: Keys::default(),
            books: Books::new(),
            ends: BTreeMap::new(),
            generation: 1,
            markets_due: Nanos::MAX,
            tracker: Tracker::default(),
            watch: Watch::default(),
        }
    }

    /// Validates and applies one command, and appends what it did to `events`. Signatures were verified before; who may
    /// do what is checked here. `arrays` belong to a mark update and are ignored otherwise.
    ///
    /// # Errors
    /// [`Reject`]; then nothing changed and `events` is as it was.
    pub fn apply(
        &mut self,
        sequence: u64,
        record: &Record,
        arrays: Option<&HashedArrays>,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        self.apply_observed(sequence, record, arrays, events, &mut Unobserved)
    }

    /// The same, and `steps` sees the engine behind every step of the command; what was touched before the command is
    /// part of the first step, unless it was taken. A command that is refused has no steps.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn apply_observed<O: StepObserver>(
        &mut self,
        sequence: u64,
        record: &Record,
        arrays: Option<&HashedArrays>,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Result<(), Reject> {
        let before = (self.globals.sequence, self.globals.time);
        let stale = self.begin(sequence, record)?;
        let length = events.len();
        let outcome = self.dispatch(&record.command, arrays, events, steps);
        match outcome {
            Ok(()) => {
                self.supervise(&record.command, events, steps);
                self.publish_markets(events);
            }
            Err(_) => {
                (self.globals.sequence, self.globals.time) = before;
                self.generation += u64::from(stale);
                assert!(events.len() == length, "a refused command has no events");
            }
        }
        outcome
    }

    /// Checks what every command is checked for, and moves the clock: handlers read the command's time and sequence in the
    /// globals, and a refusal puts the old ones back. Says whether that made cached sums stale.
    pub(crate) fn begin(&mut self, sequence: u64, record: &Record) -> Result<bool, Reject> {
        let expected = self.globals.sequence + 1;
        if sequence != expected {
            return Err(Reject::Sequence { expected, got: sequence });
        }
        if record.time < self.globals.time {
            return Err(Reject::Time { last: self.globals.time, got: record.time });
        }
        record.command.check().map_err(|reason| Reject::Malformed { reason })?;
        match (&self.governance, &record.command) {
            (None, Command::Genesis(_)) | (Some(_), _) => {}
            (None, _) => return Err(Reject::NotOpen),
        }
        (self.globals.sequence, self.globals.time) = (sequence, record.time);
        // Collateral counts while its price is sound, so a mark that goes stale makes cached sums stale.
        let stale = record.time >= self.markets_due;
        self.generation += u64::from(stale);
        Ok(stale)
    }

    pub(crate) fn dispatch<O: StepObserver>(
        &mut self,
        command: &Command,
        arrays: Option<&HashedArrays>,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Result<(), Reject> {
        // Commands of several steps mark them themselves, the others are one step.
        let (outcome, action) = match command {
            Command::PlaceOrder(body) => return self.place(body, events, steps),
            Command::ReplaceOrder(body) => return self.replace(body, events, steps),
            Command::CancelAll(body) => return self.cancel_all(body, events, steps),
            Command::Clock(body) => return self.end_expired_orders(body, events, steps),
            Command::InboxItem(body) => return self.take_inbox_item(body, events, steps),
            Command::ListInstruments(body) => return self.list_instruments(body, events, steps),
            Command::SettleExpired(body) => return self.settle_expired(body, events, steps),
            Command::LiquidationBid(body) => return self.liquidation_bid(body, events, steps),
            Command::CancelOrder(body) => (self.cancel(body, events), StepAction::Cancel),
            Command::MarkUpdate(body) => {
                (self.update_marks(body, arrays, !O::FOLLOWS, events), StepAction::Mark)
            }
            Command::FundingTick(body) => (self.accrue_funding(body, events), StepAction::Funding),
            Command::Withdraw(body) => (self.withdraw(body, events), StepAction::Withdraw),
            Command::Transfer(body) => (self.transfer(body, events), StepAction::Transfer),
            Command::CreateSubaccount(body) => {
                (self.create_subaccount(body, events), StepAction::CreateSubaccount)
            }
            Command::RegisterSessionKey(body) => (self.register_key(body, events), StepAction::RegisterKey),
            Command::RevokeSessionKey(body) => (self.revoke_key(body, events), StepAction::RevokeKey),
            Command::RaiseNonceFloor(body) => {
                (self.raise_nonce_floor(body, events), StepAction::RaiseNonceFloor)
            }
            Command::Expire(body) => (self.fix_settlement_price(body, events), StepAction::Expire),
            Command::SetMode(body) => (self.set_mode(body, events), StepAction::SetMode),
            Command::SetParameter(body) => {
                (self.set_parameter(body, !O::FOLLOWS, events), StepAction::SetParameter)
            }
            Command::SetRiskParameters(body) => {
                (self.set_risk_parameters(body, events), StepAction::SetRiskParameters)
            }
            Command::SetCollateral(body) => (self.set_collateral(body, events), StepAction::SetCollateral),
            Command::SetMarginModel(body) => {
                (self.set_margin_model(body, events), StepAction::SetMarginModel)
            }
            Command::FundInsurance(body) => (self.fund_insurance(body, events), StepAction::FundInsurance),
            Command::Genesis(body) => (self.open_venue(body), StepAction::Genesis),
        };
        outcome?;
        self.stepped(steps, action, Subject::NONE);
        Ok(())
    }

    /// What was touched since the last call.
    pub fn take_dirty(&mut self) -> Dirty {
        self.tracker.take()
    }

    /// Whether touches are recorded; they are from the start. Switch it off where nobody takes them. Forgets those
    /// recorded so far.
    pub fn track_dirty(&mut self, on: bool) {
        self.tracker.switch(on);
    }

    pub(crate) fn account_place(&self, id: SubaccountId) -> Result<usize, Reject> {
        let place = id.wrapping_sub(1);
        if place < self.accounts.len() as u64 {
            return Ok(place as usize);
        }
        Err(Reject::UnknownSubaccount { subaccount: id })
    }

    pub(crate) fn instrument_place(&self, id: InstrumentId) -> Result<usize, Reject> {
        let place = id.wrapping_sub(1) as usize;
        if place < self.instruments.len() {
            Ok(place)
        } else {
            Err(Reject::UnknownInstrument { instrument: id })
        }
    }

    pub(crate) fn underlying_place(&self, id: UnderlyingId) -> Result<usize, Reject> {
        let place = usize::from(id.wrapping_sub(1));
        if place < self.underlyings.len() {
            Ok(place)
        } else {
            Err(Reject::UnknownUnderlying { underlying: id })
        }
    }

    pub(crate) fn governance(&self) -> Result<&Governance, Reject> {
        self.governance.as_ref().ok_or(Reject::NotOpen)
    }

    /// Makes the cached sums of an account true.
    pub(crate) fn refresh(&mut self, place: usize) -> Checked<()> {
        let (accounts, setting) = self.split();
        accounts[place].refresh(&setting)
    }
}
