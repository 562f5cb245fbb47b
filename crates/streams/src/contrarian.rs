//! An operator who chooses otherwise: it looks at accounts in another order or not at all, advances other liquidations,
//! trades other slices, closes other counterparties, settles in another order, takes client ids twice, and garbles the
//! hash of a mark's arrays.

use crate::draft::Draft;
use crate::random::Random;
use crate::venue::{Venue, owner};
use commitment::{Choices, Replica};
use engine::{Account, Engine, LiquidationStage, NamedStep, StepAction, Subject};
use protocol::*;

/// From here on acts bring accounts into trouble, where most choices are.
const TROUBLE: u8 = 28;
/// Choices within one settlement of a series.
const SETTLED: usize = 10;
/// Counterparties that one round closes.
const CLOSED: usize = 12;

/// A command, and the steps that the operator chose for it.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The replica before it.
    pub before: Replica,
    /// The command.
    pub record: Vec<u8>,
    /// Its steps.
    pub named: Vec<NamedStep>,
    /// Those that the engine would have taken.
    pub own: Vec<NamedStep>,
    /// Whether the engine would have refused it, or called the hash of its arrays another.
    pub refused: bool,
}

impl Chosen {
    /// Whether step `at` is the operator's choice, and not the engine's.
    #[must_use]
    pub fn deviates(&self, at: usize) -> bool {
        self.own.get(at) != self.named.get(at)
    }
}

/// A venue with such an operator.
#[derive(Debug, Clone)]
pub struct Contrarian {
    /// The venue, as the operator has it.
    pub venue: Venue,
    random: Random,
}

impl Contrarian {
    /// A venue that has opened.
    #[must_use]
    pub fn open(seed: u64) -> Self {
        Self { venue: Venue::open(), random: Random::new(seed) }
    }

    /// Has the next thing happen, and returns the commands of it that the operator sequenced.
    pub fn act(&mut self) -> Vec<Chosen> {
        let before = self.venue.replica.clone();
        let records = self.next_records();
        self.venue.replica = before;
        records.into_iter().filter_map(|record| self.sequence(record)).collect()
    }

    /// Sequences a command by steps of the operator's choice; `None` when it does not apply.
    fn sequence(&mut self, record: Vec<u8>) -> Option<Chosen> {
        let before = self.venue.replica.clone();
        let record = self.garbled(&record).unwrap_or(record);
        let refused = before.clone().follow(&record, false).is_err();
        let own = before.clone().follow_by(&record, Choices::Lenient, false).ok()?;
        let own: Vec<_> = own.iter().map(NamedStep::from).collect();
        let named = self.choose(&before, &record, &own);
        self.venue.replica.follow_by(&record, Choices::Named(&named), false).ok()?;
        self.venue.records.push(record.clone());
        Some(Chosen { before, record, named, own, refused })
    }

    /// What the engine takes of a random act, or an order that it refuses for its client id.
    fn next_records(&mut self) -> Vec<Vec<u8>> {
        let so_far = self.venue.records.len();
        if self.chance(12) {
            let (who, b, d) = (owner(self.random.number()), self.random.number(), self.random.number());
            if let Some(order) = self.venue.order_under_taken_id(who, b, d)
                && !self.venue.submit(order)
            {
                return self.venue.refused.pop().map(|(_, record)| record).into_iter().collect();
            }
        } else {
            let (mut kind, numbers) = self.random.act();
            if !self.chance(4) {
                kind = TROUBLE + kind % (40 - TROUBLE);
            }
            self.venue.act((kind, numbers));
        }
        self.venue.records.split_off(so_far)
    }

    /// A mark with another hash of its arrays, now and then.
    fn garbled(&mut self, record: &[u8]) -> Option<Vec<u8>> {
        let mut record = Record::from_bytes(record).expect("it was encoded");
        let Command::MarkUpdate(update) = &mut record.command else { return None };
        if !self.chance(4) {
            return None;
        }
        update.arrays_hash.0[7] ^= 1;
        Some(record.to_bytes())
    }

    /// Steps of a command, where there is a choice most often other than the engine's.
    fn choose(&mut self, before: &Replica, record: &[u8], own: &[NamedStep]) -> Vec<NamedStep> {
        let command = Record::from_bytes(record).expect("it was encoded").command;
        if self.chance(3) {
            return own.to_vec();
        }
        let mut head = own[..1].to_vec();
        match &command {
            Command::LiquidationBid(body) => {
                let priced = before.engine().underlyings().iter().flat_map(|state| &state.expiries);
                // Else it is what the formula says, to the unit.
                if priced.into_iter().any(|series| series.price.is_some()) {
                    head[0].subject.amount = self.part(head[0].subject.amount);
                }
                let mut draft = Draft::new(before, record, head);
                if draft.add(StepAction::LiquidationEnd, account(body.target)) {
                    draft.add(StepAction::MarginCall, account(body.target));
                }
                return draft.finish();
            }
            Command::SettleExpired(body) => {
                let mut draft = Draft::new(before, record, Vec::new());
                self.settle(&mut draft, body);
                let first = draft.engine().sequence() == before.sequence();
                if first {
                    return own.to_vec();
                }
                self.look(&mut draft, own);
                return draft.finish();
            }
            Command::Clock(_) => {
                let mut draft = Draft::new(before, record, head);
                self.end_orders(&mut draft);
                self.look(&mut draft, own);
                return draft.finish();
            }
            Command::MarkUpdate(_) | Command::FundingTick(_) | Command::SetParameter(_) => {}
            _ => return own.to_vec(),
        }
        let mut draft = Draft::new(before, record, head);
        self.look(&mut draft, own);
        draft.finish()
    }

    /// Ends orders past their end, whichever first and however many.
    fn end_orders(&mut self, draft: &mut Draft<'_>) {
        let time = draft.engine().time();
        let books = draft.engine().books().iter();
        let mut past: Vec<_> = books
            .filter(|(_, resting)| resting.valid_until != 0 && resting.valid_until <= time)
            .map(|(_, resting)| Subject {
                account: resting.subaccount,
                other: resting.order.0,
                ..Subject::NONE
            })
            .collect();
        self.shuffle(&mut past);
        for order in past {
            if !self.chance(5) {
                draft.add(StepAction::Remove, order);
            }
        }
    }

    /// Orders, positions and instruments of a series leave in whatever order the contract lets pass.
    fn settle(&mut self, draft: &mut Draft<'_>, command: &SettleExpired) {
        for _ in 0..1 + self.random.below(SETTLED) {
            let engine = draft.engine();
            let series = engine.underlying(command.underlying).and_then(|state| state.expiry(command.expiry));
            let Some(series) = series else { return };
            let best = |id: InstrumentId| {
                let best = Side::ALL.iter().find_map(|&side| engine.books().best(id, side));
                best.map(|(_, it)| Subject { account: it.subaccount, other: it.order.0, ..Subject::NONE })
            };
            let orders: Vec<_> = series.instruments.iter().filter_map(|&id| best(id)).collect();
            let next = series.instruments[0];
            let holders: Vec<_> =
                engine.instrument(next).into_iter().flat_map(|it| &it.holders).copied().collect();
            if best(next).is_some() || (self.chance(3) && !orders.is_empty()) {
                let order = orders[self.random.below(orders.len())];
                draft.add(StepAction::Remove, order);
            } else if holders.is_empty() {
                draft.add(StepAction::CloseInstrument, Subject { instrument: next.into(), ..Subject::NONE });
            } else {
                let holder = holders[self.random.below(holders.len())];
                draft.add(StepAction::SettleAccount, Subject { instrument: next.into(), ..account(holder) });
            }
        }
    }

    /// Calls and starts, then rounds.
    fn look(&mut self, draft: &mut Draft<'_>, own: &[NamedStep]) {
        let mut ids: Vec<SubaccountId> = draft.engine().accounts().iter().map(Account::id).collect();
        self.shuffle(&mut ids);
        for id in ids {
            if !self.chance(8) && liquidation_of(draft.engine(), id).is_none() {
                draft.add(StepAction::MarginCall, account(id));
                let started = own
                    .contains(&NamedStep { kind: StepAction::LiquidationStart as u8, subject: account(id) });
                if started && draft.add(StepAction::LiquidationStart, account(id)) {
                    while let Some(order) = first_order(draft.engine(), id) {
                        draft.add(StepAction::Remove, Subject { other: order.0, ..account(id) });
                    }
                }
            }
        }
        let time = draft.engine().time();
        let liquidations = draft.engine().liquidations();
        let mut due: Vec<_> = liquidations.filter(|(_, it)| it.due <= time).map(|(id, _)| id).collect();
        self.shuffle(&mut due);
        for id in due {
            if !self.chance(4) && draft.add(StepAction::LiquidationRound, account(id)) {
                self.round(draft, id, own);
                if draft.add(StepAction::LiquidationEnd, account(id)) && !self.chance(3) {
                    draft.add(StepAction::MarginCall, account(id));
                }
            }
        }
    }

    /// A round, but for its end.
    fn round(&mut self, draft: &mut Draft<'_>, id: SubaccountId, own: &[NamedStep]) {
        let in_book = stage_of(draft.engine(), id) == Some(LiquidationStage::Book);
        for _ in 0..self.random.below(if in_book { 4 } else { 1 }) {
            let Some((instrument, position)) = self.position(draft.engine(), id) else { break };
            let amount = self.part(position.abs());
            let subject = Subject { instrument: instrument.into(), amount, ..account(id) };
            draft.add(StepAction::LiquidationSlice, subject);
        }
        if in_book && self.chance(2) {
            return;
        }
        draft.add(StepAction::LiquidationStage, account(id));
        let failed = |step: &NamedStep| {
            let of_failed = [StepAction::Deleverage, StepAction::Insurance, StepAction::DeleverageCharge];
            step.subject.account == id && of_failed.iter().any(|&action| action as u8 == step.kind)
        };
        if own.iter().any(failed) {
            self.deleverage(draft, id);
        }
    }

    /// Counterparties of whatever choice are closed, and what is owed is divided anyhow.
    fn deleverage(&mut self, draft: &mut Draft<'_>, id: SubaccountId) {
        for _ in 0..CLOSED {
            let Some((instrument, position)) = self.position(draft.engine(), id) else { break };
            let engine = draft.engine();
            let holders = engine.instrument(instrument).into_iter().flat_map(|it| &it.holders);
            let held = |&other: &SubaccountId| {
                let held = engine.account(other)?.holding(instrument)?.position;
                (held.signum() == -position.signum()).then_some((other, held.abs()))
            };
            let against: Vec<_> = holders.filter_map(held).collect();
            if against.is_empty() {
                break;
            }
            let (other, held) = against[self.random.below(against.len())];
            let amount = position.signum() * self.part(position.abs().min(held));
            let subject = Subject { other, instrument: instrument.into(), amount, ..account(id) };
            draft.add(StepAction::Deleverage, subject);
        }
        if self.position(draft.engine(), id).is_none() {
            self.pay_debt(draft, id);
        }
    }

    fn pay_debt(&mut self, draft: &mut Draft<'_>, id: SubaccountId) {
        if let Some(insured) = insured(draft.engine(), id) {
            draft.add(StepAction::Insurance, Subject { amount: insured, ..account(id) });
        }
        let mut others: Vec<SubaccountId> = draft.engine().accounts().iter().map(Account::id).collect();
        others.retain(|&other| other != id);
        self.shuffle(&mut others);
        for other in others {
            let Some(debtor) = draft.engine().account(id) else { return };
            let (debt, assets) = (-debtor.balance(USDC), debtor.assets().to_vec());
            if let Some(&(asset, balance)) = assets.first().filter(|_| debt > 0) {
                let amount = self.part(balance);
                draft.add(
                    StepAction::DeleverageCharge,
                    Subject { other, instrument: asset.into(), amount, ..account(id) },
                );
            }
            if debt > 0 {
                let amount = self.part(debt);
                draft.add(StepAction::DeleverageCharge, Subject { other, amount, ..account(id) });
            }
        }
    }

    /// One of the positions of an account.
    fn position(&mut self, engine: &Engine, id: SubaccountId) -> Option<(InstrumentId, i64)> {
        let held = engine.account(id)?.holdings().filter(|holding| holding.position != 0);
        let held: Vec<_> = held.map(|holding| (holding.instrument, holding.position)).collect();
        held.get(self.random.below(held.len().max(1))).copied()
    }

    /// The whole of a number, or a part of it.
    fn part(&mut self, whole: i64) -> i64 {
        if self.chance(2) { whole } else { 1 + (self.random.number() % whole.max(1).unsigned_abs()) as i64 }
    }

    /// True once in so many times.
    fn chance(&mut self, of: usize) -> bool {
        self.random.below(of) == 0
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.random.below(at + 1));
        }
    }
}

fn account(account: SubaccountId) -> Subject {
    Subject { account, ..Subject::NONE }
}

fn liquidation_of(engine: &Engine, id: SubaccountId) -> Option<&engine::Liquidation> {
    engine.account(id)?.liquidation()
}

fn stage_of(engine: &Engine, id: SubaccountId) -> Option<LiquidationStage> {
    liquidation_of(engine, id).map(|liquidation| liquidation.stage)
}

fn first_order(engine: &Engine, id: SubaccountId) -> Option<OrderId> {
    Some(engine.account(id)?.orders().next()?.order)
}

/// What the fund pays of a debt, as docs/liquidation.md has it.
fn insured(engine: &Engine, id: SubaccountId) -> Option<Micros> {
    let (free, drawn) = (engine.insurance_free(), liquidation_of(engine, id)?.insurance);
    let cap = engine.parameters().get(Parameter::InsuranceCap);
    let allowed = i128::from(free + drawn) * i128::from(cap) / i128::from(NANO_ONE) - i128::from(drawn);
    let hole = -engine.auction(id)?.value;
    let insured = i128::from(hole.max(0)).min(allowed.clamp(0, free.into())) as Micros;
    (insured > 0).then_some(insured)
}
