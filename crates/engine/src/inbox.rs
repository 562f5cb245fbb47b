//! The contract's inbox: items are taken in order, and none is ever refused. What cannot be done is void.

use crate::reject::Reject;
use crate::state::Engine;
use crate::steps::{StepAction, StepObserver, Subject};
use protocol::{
    Address, AssetId, BalanceReason, CloseOnlySet, CloseReason, Event, ForcedRequestVoid, Hash, InboxBody,
    InboxItem, SubaccountId, Wire, keccak256,
};

impl Engine {
    pub(crate) fn take_inbox_item<O: StepObserver>(
        &mut self,
        item: &InboxItem,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Result<(), Reject> {
        let expected = self.globals.inbox_next;
        if item.index != expected {
            return Err(Reject::InboxIndex { expected, got: item.index });
        }
        self.globals.inbox_hash = next_inbox_hash(&self.globals.inbox_hash, item);
        self.globals.inbox_next += 1;
        let closes = self.closes_orders(&item.body);
        let named = steps.named().map(|step| step.subject.amount);
        let amount = self.serve(&item.body, named, events).unwrap_or_else(|| {
            events.push(ForcedRequestVoid { index: item.index }.into());
            0
        });
        self.stepped(steps, action_of(&item.body), Subject { amount, ..Subject::NONE });
        if let Some(account) = closes {
            self.close_all(account, CloseReason::Forced, events, steps);
        }
        Ok(())
    }

    /// The account all of whose orders an item ends, once it is served.
    fn closes_orders(&self, body: &InboxBody) -> Option<usize> {
        match *body {
            InboxBody::ForcedCancelAll { owner, subaccount } => self.own_account(owner, subaccount),
            InboxBody::ForcedCloseOnly { owner, subaccount } => {
                self.own_account(owner, subaccount).filter(|&account| !self.accounts[account].close_only)
            }
            _ => None,
        }
    }

    /// Does what an item asks, but for the orders that it ends; `None`, and nothing, when it cannot be done. Returns
    /// what its step names: how much is withdrawn, which is `named` where somebody chose it.
    fn serve(&mut self, body: &InboxBody, named: Option<i64>, events: &mut Vec<Event>) -> Option<i64> {
        match *body {
            InboxBody::Deposit { owner, subaccount, asset, amount } => {
                self.deposit(owner, subaccount, asset, amount, events)?;
            }
            InboxBody::ForcedWithdraw { owner, subaccount, asset, amount, recipient } => {
                let account = self.own_account(owner, subaccount)?;
                return self.forced_withdraw(account, asset, amount, named, recipient, events);
            }
            InboxBody::ForcedCancelAll { owner, subaccount } => {
                let account = self.own_account(owner, subaccount)?;
                if self.accounts[account].orders.is_empty() {
                    return None;
                }
            }
            InboxBody::ForcedCloseOnly { owner, subaccount } => {
                let account = self.own_account(owner, subaccount)?;
                if std::mem::replace(&mut self.accounts[account].close_only, true) {
                    return None;
                }
                self.tracker.account(subaccount);
                events.push(CloseOnlySet { subaccount }.into());
            }
            InboxBody::RegisterKey { owner, key, scopes, expiry } => {
                self.check_new_grant(owner, key, scopes, expiry).ok()?;
                self.grant(owner, key, scopes, Vec::new(), expiry, events);
            }
            InboxBody::RaiseNonceFloor { owner, signer, floor } => {
                self.forced_nonce_floor(owner, signer, floor, events)?;
            }
        }
        Some(0)
    }

    fn deposit(
        &mut self,
        owner: Address,
        subaccount: SubaccountId,
        asset: AssetId,
        amount: i64,
        events: &mut Vec<Event>,
    ) -> Option<()> {
        let deposited = *self.globals.deposited.get(usize::from(asset))?;
        let total = deposited.checked_add(amount.into())?;
        if amount <= 0 {
            return None;
        }
        let first = || {
            self.keys.by_address(&owner).and_then(|key| key.subaccounts.first()).map(|id| *id as usize - 1)
        };
        let account = self.own_account(owner, subaccount).or_else(first);
        if let Some(account) = account {
            self.accounts[account].balance(asset).checked_add(amount)?;
        }
        let account = account.unwrap_or_else(|| {
            let index = self.keys.find_or_create(owner);
            self.open_subaccount(index, events)
        });
        self.globals.deposited[usize::from(asset)] = total;
        self.credit(account, asset, amount, BalanceReason::Deposit, events);
        Some(())
    }

    fn forced_withdraw(
        &mut self,
        account: usize,
        asset: AssetId,
        amount: i64,
        named: Option<i64>,
        recipient: Address,
        events: &mut Vec<Event>,
    ) -> Option<i64> {
        if usize::from(asset) >= self.globals.withdrawn.len() || recipient == Address::ZERO {
            return None;
        }
        self.check_not_liquidated(account).ok()?;
        let (setting, giver) = (self.setting(), &self.accounts[account]);
        let paid = match named {
            // Of several amounts that may leave while one unit more may not, any.
            Some(named)
                if (1..=amount).contains(&named) && setting.may_leave(giver, asset, named).ok()? =>
            {
                named
            }
            Some(_) => return None,
            None => setting.leaving(giver, asset, amount).ok()?,
        };
        if paid <= 0 {
            return None;
        }
        self.check_funding_fits(account).ok()?;
        self.check_withdrawn_fits(asset, paid).ok()?;
        self.pay_out(account, asset, paid, recipient, events);
        Some(paid)
    }

    fn forced_nonce_floor(
        &mut self,
        owner: Address,
        signer: Address,
        floor: u64,
        events: &mut Vec<Event>,
    ) -> Option<()> {
        let key = self.keys.by_address(&signer);
        let granted = key.and_then(|key| key.grant.as_ref()).is_some_and(|grant| grant.owner == owner);
        let current = key.map_or(0, |key| key.floor);
        if (signer != owner && !granted) || floor <= current {
            return None;
        }
        let index = self.keys.find_or_create(signer);
        self.set_floor(index, floor, events);
        Some(())
    }

    /// The place of `subaccount` when it is `owner`'s.
    fn own_account(&self, owner: Address, subaccount: SubaccountId) -> Option<usize> {
        let place = self.account_place(subaccount).ok()?;
        (self.keys.get(self.accounts[place].owner).address == owner).then_some(place)
    }
}

/// The step in which an item is served.
fn action_of(body: &InboxBody) -> StepAction {
    match body {
        InboxBody::Deposit { .. } => StepAction::Deposit,
        InboxBody::ForcedWithdraw { .. } => StepAction::ForcedWithdraw,
        InboxBody::ForcedCancelAll { .. } => StepAction::ForcedCancelAll,
        InboxBody::ForcedCloseOnly { .. } => StepAction::ForcedCloseOnly,
        InboxBody::RegisterKey { .. } => StepAction::InboxRegisterKey,
        InboxBody::RaiseNonceFloor { .. } => StepAction::InboxRaiseNonceFloor,
    }
}

/// `keccak(chain ‖ index u64 ‖ item bytes)`, as the contract computes it.
fn next_inbox_hash(chain: &Hash, item: &InboxItem) -> Hash {
    keccak256(&[&chain.0, &item.index.to_bytes(), &item.body.to_bytes()])
}
