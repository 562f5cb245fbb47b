//! What a witness opens: everything that a step of its kind may read, and a little more.

use super::Moment;
use crate::from_engine;
use crate::steps::StepKind;
use crate::tree_key::BookPlace;
use engine::{Account, Dirty, Engine, Subject};
use protocol::{
    Address, Authorization, Command, InboxBody, InstrumentId, InstrumentSpec, Nanos, OrderId, Reader,
    Scheduled, Side, SubaccountId, UnderlyingId, Wire,
};
use std::collections::{BTreeMap, BTreeSet};

/// Instruments that the witness of a mark opens: the rest of them are asserted, and challenged one by one.
const MARK_INSTRUMENTS: usize = 8;
/// Instruments of a listing that the witness opens beside that of its step.
const LISTED_INSTRUMENTS: usize = 8;

/// What of an account is opened beside its leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Depth {
    /// Nothing.
    Header,
    /// All that its margin follows from, and its orders.
    Whole,
}

/// Things to open, of the state before a step.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub accounts: BTreeMap<SubaccountId, Depth>,
    pub keys: BTreeSet<Address>,
    pub instruments: BTreeSet<InstrumentId>,
    pub underlyings: BTreeSet<UnderlyingId>,
    pub expiries: BTreeSet<(UnderlyingId, Nanos)>,
    /// Names that are taken or shown to be free.
    pub names: BTreeSet<String>,
    /// Places in books that the step touches, with order and account.
    pub orders: BTreeMap<BookPlace, (SubaccountId, OrderId)>,
    /// Orders that accounts are asked for, open or not.
    pub named: BTreeSet<(SubaccountId, OrderId)>,
    /// Instruments of which the own orders of every account are opened, not only the worst, and the best of the book.
    pub traded: BTreeSet<InstrumentId>,
    /// Whether the command ends all orders of an account that fit, so that the others are opened as well.
    pub cancels: bool,
}

impl Scope {
    /// What any step of the command may read in the state of `before`.
    pub fn of(before: &Moment, command: Option<&Command>) -> Self {
        let engine = &before.engine;
        let mut scope = Self::default();
        if let Some(command) = command {
            scope.add_command(engine, command);
        }
        if let Some(taker) = &before.taker {
            scope.add_account(engine, taker.subaccount);
            scope.add_traded(engine, taker.instrument);
            if let Some((_, resting)) = engine.books().best(taker.instrument, taker.side.opposite()) {
                scope.add_account(engine, resting.subaccount);
            }
        }
        scope
    }

    fn add_command(&mut self, engine: &Engine, command: &Command) {
        match command {
            Command::PlaceOrder(body) => {
                self.add_signed(engine, body.subaccount, Some(&body.auth));
                self.add_traded(engine, body.instrument);
            }
            Command::ReplaceOrder(body) => {
                self.add_signed(engine, body.subaccount, Some(&body.auth));
                self.add_named(engine, body.subaccount, body.order);
            }
            Command::CancelOrder(body) => {
                self.add_signed(engine, body.subaccount, body.auth.as_ref());
                self.add_named(engine, body.subaccount, body.order);
            }
            Command::CancelAll(body) => {
                self.add_signed(engine, body.subaccount, body.auth.as_ref());
                self.add_instrument(engine, body.instrument);
                self.add_underlying(engine, body.underlying);
                self.cancels = true;
            }
            Command::Withdraw(body) => self.add_signed(engine, body.subaccount, Some(&body.auth)),
            Command::Transfer(body) => {
                self.add_signed(engine, body.from, Some(&body.auth));
                self.add_account(engine, body.to);
            }
            Command::CreateSubaccount(body) => drop(self.keys.insert(body.auth.signer)),
            Command::RegisterSessionKey(body) => {
                self.keys.extend([body.auth.signer, body.key]);
                self.add_headers(&body.subaccounts);
            }
            Command::RevokeSessionKey(body) => self.keys.extend([body.auth.signer, body.key]),
            Command::RaiseNonceFloor(body) => drop(self.keys.insert(body.auth.signer)),
            Command::SetMarginModel(body) => self.add_signed(engine, body.subaccount, Some(&body.auth)),
            Command::FundInsurance(body) => self.add_signed(engine, body.subaccount, Some(&body.auth)),
            Command::LiquidationBid(body) => {
                self.add_signed(engine, body.subaccount, Some(&body.auth));
                self.add_account(engine, body.target);
            }
            Command::InboxItem(item) => self.add_inbox(engine, &item.body),
            Command::MarkUpdate(body) => self.add_underlying(engine, body.inputs.underlying),
            Command::FundingTick(body) => {
                self.add_underlying(engine, body.underlying);
                if let Some(perpetual) = engine.underlying(body.underlying).and_then(|it| it.perpetual) {
                    self.add_instrument(engine, perpetual);
                }
            }
            Command::Expire(body) => self.add_expiry(engine, body.underlying, body.expiry),
            Command::SettleExpired(body) => self.add_expiry(engine, body.underlying, body.expiry),
            Command::SetMode(body) => self.add_underlying(engine, body.underlying),
            Command::SetRiskParameters(body) => self.add_underlying(engine, body.underlying),
            Command::SetCollateral(body) => {
                self.add_underlying(engine, body.terms.price_underlying);
                self.add_underlying(engine, body.terms.scenario_underlying);
            }
            Command::ListInstruments(body) => {
                // Those of the step itself are touched by it: this is for one that should not have been.
                for spec in body.instruments.iter().take(LISTED_INSTRUMENTS) {
                    self.add_listing(engine, spec);
                }
            }
            Command::Clock(_) | Command::SetParameter(_) | Command::Genesis(_) => {}
        }
    }

    /// What is read for a record before it turns out to be none: oracles sign for an underlying, or for a series of it, that
    /// stands before their signatures.
    pub fn add_undecoded(&mut self, engine: &Engine, record: &[u8]) {
        const HEADER: usize = 1 + 8;
        let mut body = Reader::new(record.get(HEADER..).unwrap_or_default());
        if let Ok(underlying) = UnderlyingId::take(&mut body) {
            self.add_expiry(engine, underlying, Nanos::take(&mut body).unwrap_or_default());
        }
    }

    fn add_inbox(&mut self, engine: &Engine, body: &InboxBody) {
        match *body {
            InboxBody::Deposit { owner, subaccount, .. } => {
                self.keys.insert(owner);
                self.add_account(engine, subaccount);
                let first = engine.key(&owner).and_then(|key| key.subaccounts.first());
                if let Some(&first) = first {
                    self.add_account(engine, first);
                }
            }
            InboxBody::ForcedWithdraw { owner, subaccount, .. }
            | InboxBody::ForcedCancelAll { owner, subaccount }
            | InboxBody::ForcedCloseOnly { owner, subaccount } => {
                self.keys.insert(owner);
                self.add_account(engine, subaccount);
            }
            InboxBody::RegisterKey { owner, key, .. } => self.keys.extend([owner, key]),
            InboxBody::RaiseNonceFloor { owner, signer, .. } => self.keys.extend([owner, signer]),
        }
    }

    /// Accounts and instruments of a state, with all that margins and marks of them follow from, and what prices every
    /// asset of the vault.
    pub fn at_rest(engine: &Engine, accounts: &[SubaccountId], instruments: &[InstrumentId]) -> Self {
        let mut scope = Self::default();
        accounts.iter().for_each(|&id| scope.add_account(engine, id));
        instruments.iter().for_each(|&id| scope.add_instrument(engine, id));
        for terms in engine.collateral_table().iter().filter_map(Scheduled::active) {
            scope.add_underlying(engine, terms.price_underlying);
        }
        scope
    }

    /// What a step touched that leads from `before` to `after`.
    pub fn add_touched(&mut self, before: &Moment, after: &Engine, kind: StepKind, dirty: &Dirty) {
        let engine = &before.engine;
        self.keys.extend(&dirty.keys);
        for &id in &dirty.accounts {
            self.add_account(engine, id);
        }
        for &id in &dirty.underlyings {
            self.add_underlying(engine, id);
        }
        for place in &dirty.orders {
            let key = BookPlace::new(place.instrument, place.side, place.price, OrderId(place.priority));
            self.orders.insert(key, (place.subaccount, place.order));
            self.add_traded(engine, place.instrument);
        }
        let most = match kind {
            // Its instruments are not touched by the price that settles them.
            StepKind::Expire => 0,
            StepKind::Mark => MARK_INSTRUMENTS,
            _ => usize::MAX,
        };
        for &id in dirty.instruments.iter().take(most) {
            self.add_instrument(engine, id);
            if kind == StepKind::List
                && let Some(listed) = after.instrument(id)
            {
                self.add_listing(engine, &listed.spec);
            }
        }
    }

    /// What a step of this kind reads for its subject.
    pub fn add_claim(&mut self, before: &Moment, kind: StepKind, subject: &Subject) {
        let engine = &before.engine;
        let of_fund = matches!(
            kind,
            StepKind::LiquidationFill
                | StepKind::Deleverage
                | StepKind::DeleverageCharge
                | StepKind::Insurance
        );
        if of_fund {
            // What the fund owes to series that are being settled is not free.
            self.add_underlying(engine, 0);
            engine.underlyings().iter().for_each(|underlying| self.add_underlying(engine, underlying.id()));
        }
        if kind == StepKind::Remove && before.taker.is_none() {
            self.add_named(engine, subject.account, OrderId(subject.other));
        }
        if is_of_account(kind) && before.taker.is_none() {
            self.add_account(engine, subject.account);
        }
        if matches!(kind, StepKind::Deleverage | StepKind::DeleverageCharge) {
            self.add_account(engine, subject.other);
        }
        let of_instrument = matches!(
            kind,
            StepKind::SettleAccount
                | StepKind::CloseInstrument
                | StepKind::LiquidationSlice
                | StepKind::Deleverage
        );
        if of_instrument && let Ok(id) = InstrumentId::try_from(subject.instrument) {
            self.add_traded(engine, id);
        }
    }

    /// An order that an account is asked for.
    fn add_named(&mut self, engine: &Engine, id: SubaccountId, order: OrderId) {
        self.named.insert((id, order));
        if let Some((open, _)) = engine.open_order(id, order) {
            self.orders.insert(from_engine::place_of(open), (id, order));
            self.add_traded(engine, open.instrument);
        }
    }

    fn add_expiry(&mut self, engine: &Engine, underlying: UnderlyingId, expiry: Nanos) {
        self.add_underlying(engine, underlying);
        self.expiries.insert((underlying, expiry));
    }

    /// What an instrument takes when it is listed.
    fn add_listing(&mut self, engine: &Engine, spec: &InstrumentSpec) {
        self.names.insert(spec.name.clone());
        self.add_instrument(engine, spec.instrument);
        self.add_expiry(engine, spec.underlying, spec.expiry);
    }

    /// The account of a signed command, and who signed.
    fn add_signed(&mut self, engine: &Engine, id: SubaccountId, auth: Option<&Authorization>) {
        self.add_account(engine, id);
        self.keys.extend(auth.map(|auth| auth.signer));
    }

    fn add_headers(&mut self, ids: &[SubaccountId]) {
        for &id in ids {
            self.accounts.entry(id).or_insert(Depth::Header);
        }
    }

    /// An account with all that its margin follows from; of one that is not there yet, its absence.
    fn add_account(&mut self, engine: &Engine, id: SubaccountId) {
        if self.accounts.insert(id, Depth::Whole) == Some(Depth::Whole) {
            return;
        }
        let Some(account) = engine.account(id) else { return };
        self.keys.extend(engine.owner_of(id));
        for holding in account.holdings() {
            self.add_instrument(engine, holding.instrument);
        }
        self.add_collateral(engine, account);
    }

    fn add_collateral(&mut self, engine: &Engine, account: &Account) {
        for &(asset, _) in account.assets() {
            let terms = engine.collateral_table().get(usize::from(asset)).and_then(|terms| terms.active());
            for id in terms.into_iter().flat_map(|terms| [terms.price_underlying, terms.scenario_underlying])
            {
                self.add_underlying(engine, id);
            }
        }
    }

    fn add_instrument(&mut self, engine: &Engine, id: InstrumentId) {
        if self.instruments.insert(id)
            && let Some(instrument) = engine.instrument(id)
        {
            self.names.insert(instrument.spec.name.clone());
            self.add_underlying(engine, instrument.spec.underlying);
        }
    }

    /// An instrument whose book the step may look at.
    fn add_traded(&mut self, engine: &Engine, id: InstrumentId) {
        self.add_instrument(engine, id);
        self.traded.insert(id);
    }

    /// An underlying with its expiries.
    fn add_underlying(&mut self, engine: &Engine, id: UnderlyingId) {
        if self.underlyings.insert(id) {
            // Before the first of them, so that a witness shows where there is none.
            self.expiries.insert((id, 0));
            let expiries = engine.underlying(id).into_iter().flat_map(|underlying| &underlying.expiries);
            self.expiries.extend(expiries.map(|series| (id, series.expiry)));
        }
    }

    /// The best orders of every book that is looked at.
    pub fn add_bests(&mut self, engine: &Engine) {
        for id in self.traded.clone() {
            self.add_best(engine, id);
        }
    }

    fn add_best(&mut self, engine: &Engine, id: InstrumentId) {
        for &side in Side::ALL {
            let Some((_, resting)) = engine.books().best(id, side) else { continue };
            let (subaccount, order) = (resting.subaccount, resting.order);
            let open = engine.account(subaccount).and_then(|account| account.order(order));
            let place = from_engine::place_of(open.expect("a resting order has an account"));
            self.orders.insert(place, (subaccount, order));
        }
    }
}

/// Whether the subject of a step of this kind names a subaccount.
fn is_of_account(kind: StepKind) -> bool {
    matches!(
        kind,
        StepKind::Remove
            | StepKind::SettleAccount
            | StepKind::MarginCall
            | StepKind::LiquidationStart
            | StepKind::LiquidationRound
            | StepKind::LiquidationSlice
            | StepKind::LiquidationStage
            | StepKind::LiquidationEnd
            | StepKind::Deleverage
            | StepKind::DeleverageCharge
            | StepKind::Insurance
    )
}
