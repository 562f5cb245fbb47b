//! Assets in and out of subaccounts: withdrawals, transfers, and what may leave.

use crate::accounts::Account;
use crate::collateral::Purpose;
use crate::keys::{KeyIndex, check_grant_subaccount, check_signature_expiry};
use crate::numbers::{Checked, add, sub};
use crate::reject::Reject;
use crate::setting::Setting;
use crate::state::Engine;
use protocol::{
    Address, AssetId, Authorization, BalanceChanged, BalanceReason, Event, FundInsurance, InstrumentId,
    InsuranceFunded, Transfer, USDC, Withdraw, WithdrawalQueued, scope,
};

impl Setting<'_> {
    /// What can leave an account, engine units: never unrealised profit, never what initial margin needs, and never
    /// more than the venue holds. Pending funding counts, for it settles first.
    ///
    /// # Errors
    /// [`crate::Overflow`] when a margin number does not fit that USDC is compared with.
    pub fn withdrawable(&self, account: &Account, asset: AssetId) -> Checked<i64> {
        self.leaving(account, asset, i64::MAX)
    }

    /// As much of `wanted` as can leave: that may, and one unit more may not or is not wanted.
    ///
    /// # Errors
    /// As [`Self::withdrawable`].
    pub fn leaving(&self, account: &Account, asset: AssetId, wanted: i64) -> Checked<i64> {
        let most = wanted.min(self.present(account, asset)?).max(0);
        if !self.is_collateral(asset) || self.can_spare(account, asset, most) {
            return Ok(most);
        }
        // By halving. Less stays behind when more leaves, but for the last micro-USDC of what collateral counts for: of
        // several bounds one is found.
        let (mut least, mut beyond) = (0, most);
        while beyond - least > 1 {
            let middle = least + (beyond - least) / 2;
            if self.can_spare(account, asset, middle) {
                least = middle;
            } else {
                beyond = middle;
            }
        }
        Ok(least)
    }

    /// Whether `amount` of an asset, positive, can leave.
    ///
    /// # Errors
    /// As [`Self::withdrawable`].
    pub fn may_leave(&self, account: &Account, asset: AssetId, amount: i64) -> Checked<bool> {
        let there = amount <= self.present(account, asset)?;
        Ok(there && (!self.is_collateral(asset) || self.can_spare(account, asset, amount)))
    }

    /// What account and venue have of an asset; of USDC what initial margin does not need.
    fn present(&self, account: &Account, asset: AssetId) -> Checked<i64> {
        let held = i64::try_from(self.held(asset)).unwrap_or(i64::MAX);
        if asset != USDC {
            return Ok(account.balance(asset).min(held));
        }
        Ok(self.funds(account)?.cash.min(self.uncommitted(account)?).min(held))
    }

    /// What an account has beyond its initial margin without counting unrealised profit, micro-USDC; negative when that
    /// does not cover it.
    fn uncommitted(&self, account: &Account) -> Checked<i64> {
        let funds = self.funds(account)?;
        let with_options = account.is_portfolio();
        let initial = if with_options {
            self.pools(account)?.initial(self)?
        } else {
            self.requirement(account)?.initial
        };
        let balance = funds.balance(with_options, Purpose::Initial)?;
        sub(sub(balance, funds.profit(with_options)?.max(0))?, initial)
    }

    /// Whether what stays covers initial margin without unrealised profit when `amount` of an asset leaves. A number
    /// that does not fit covers nothing.
    fn can_spare(&self, account: &Account, asset: AssetId, amount: i64) -> bool {
        let mut left = account.clone();
        left.credit(asset, -amount).and_then(|()| self.uncommitted(&left)).is_ok_and(|left| left >= 0)
    }

    /// Whether an asset other than USDC stands behind margin.
    fn is_collateral(&self, asset: AssetId) -> bool {
        asset != USDC && self.collateral[usize::from(asset)].active().is_some()
    }
}

impl Engine {
    pub(crate) fn withdraw(&mut self, command: &Withdraw, events: &mut Vec<Event>) -> Result<(), Reject> {
        let account = self.account_place(command.subaccount)?;
        self.check_asset(command.asset)?;
        let owner = self.accounts[account].owner;
        self.check_owner_signed(account, &command.auth)?;
        self.check_owner_nonce(owner, command.auth.nonce)?;
        if command.recipient == Address::ZERO {
            return Err(Reject::InvalidRecipient);
        }
        self.check_may_leave(account, command.asset, command.amount)?;
        self.check_withdrawn_fits(command.asset, command.amount)?;

        self.use_owner_nonce(owner);
        self.pay_out(account, command.asset, command.amount, command.recipient, events);
        Ok(())
    }

    pub(crate) fn transfer(&mut self, command: &Transfer, events: &mut Vec<Event>) -> Result<(), Reject> {
        let (from, to) = (self.account_place(command.from)?, self.account_place(command.to)?);
        if from == to {
            return Err(Reject::SameSubaccount);
        }
        self.check_asset(command.asset)?;
        let key = self.authorize(from, &command.auth, scope::TRANSFER)?;
        let owner = self.accounts[from].owner;
        if self.accounts[to].owner != owner {
            return Err(Reject::ForeignSubaccount { subaccount: command.to });
        }
        if let Some(grant) = self.keys.get(key).grant.as_ref().filter(|_| key != owner) {
            check_grant_subaccount(grant, command.auth.signer, command.to)?;
        }
        self.check_owner_nonce(owner, command.auth.nonce)?;
        self.check_may_leave(from, command.asset, command.amount)?;
        add(self.accounts[to].balance(command.asset), command.amount)?;

        self.use_owner_nonce(owner);
        self.settle_funding(from, events);
        self.credit(from, command.asset, -command.amount, BalanceReason::Transfer, events);
        self.credit(to, command.asset, command.amount, BalanceReason::Transfer, events);
        Ok(())
    }

    pub(crate) fn fund_insurance(
        &mut self,
        command: &FundInsurance,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let account = self.account_place(command.subaccount)?;
        let owner = self.accounts[account].owner;
        self.check_owner_signed(account, &command.auth)?;
        self.check_owner_nonce(owner, command.auth.nonce)?;
        self.check_may_leave(account, USDC, command.amount)?;
        let insurance = add(self.globals.insurance, command.amount)?;

        self.use_owner_nonce(owner);
        self.settle_funding(account, events);
        self.credit(account, USDC, -command.amount, BalanceReason::Insurance, events);
        self.globals.insurance = insurance;
        events.push(InsuranceFunded { subaccount: command.subaccount, amount: command.amount }.into());
        Ok(())
    }

    /// Takes assets out that were checked to be free, and queues them for a claim on chain.
    pub(crate) fn pay_out(
        &mut self,
        account: usize,
        asset: AssetId,
        amount: i64,
        recipient: Address,
        events: &mut Vec<Event>,
    ) {
        self.settle_funding(account, events);
        self.credit(account, asset, -amount, BalanceReason::Withdrawal, events);
        self.globals.withdrawn[usize::from(asset)] += i128::from(amount);
        let withdrawal = self.globals.withdrawals;
        self.globals.withdrawals += 1;
        let subaccount = self.accounts[account].id;
        events.push(WithdrawalQueued { withdrawal, subaccount, asset, amount, recipient }.into());
    }

    /// Changes a balance by an amount that was checked to fit, and says so.
    pub(crate) fn credit(
        &mut self,
        account: usize,
        asset: AssetId,
        delta: i64,
        reason: BalanceReason,
        events: &mut Vec<Event>,
    ) {
        let place = account;
        let account = &mut self.accounts[place];
        account.credit(asset, delta).expect("the balance was checked to fit");
        self.watch.touch(place);
        if asset != USDC {
            self.watch.touch_everybody();
            // What it counts for is among the cached sums; so is everybody's share of the venue's cap.
            self.generation += 1;
        }
        self.tracker.account(account.id);
        events.push(BalanceChanged { subaccount: account.id, asset, delta, reason }.into());
    }

    /// What can leave the account at a place, see [`Setting::withdrawable`].
    pub(crate) fn withdrawable_of(&self, account: usize, asset: AssetId) -> Checked<i64> {
        let account = &self.accounts[account];
        if account.liquidation.is_some() {
            return Ok(0);
        }
        self.setting().withdrawable(account, asset)
    }

    /// Settles the pending funding of every perpetual of an account. The sums fit: whoever calls this computed them.
    pub(crate) fn settle_funding(&mut self, account: usize, events: &mut Vec<Event>) {
        for at in 0..self.accounts[account].holdings.len() {
            let slot = self.accounts[account].holdings.nth(at).expect("settling removes no holding");
            let holding = self.accounts[account].holdings[slot];
            let instrument = &self.instruments[holding.instrument as usize - 1];
            let (terms, index) = (&instrument.terms, instrument.funding_index);
            let due = terms
                .funding_due(holding.position, holding.funding, index)
                .expect("funding was computed before");
            if holding.funding == index {
                continue;
            }
            // What moves from pending to cash leaves the balance as it is; the sums of one holding change with it.
            self.accounts[account].holdings[slot].funding = index;
            self.accounts[account].forget_sums();
            self.tracker.instrument(holding.instrument);
            if due != 0 {
                self.globals.funding_pool -= due;
                self.credit(account, USDC, due, BalanceReason::Funding, events);
            }
        }
    }

    pub(crate) fn check_asset(&self, asset: AssetId) -> Result<(), Reject> {
        let known = usize::from(asset) < self.governance()?.assets.len();
        if known { Ok(()) } else { Err(Reject::UnknownAsset { asset }) }
    }

    fn check_may_leave(&self, account: usize, asset: AssetId, amount: i64) -> Result<(), Reject> {
        if amount <= 0 {
            return Err(Reject::AmountNotPositive { amount });
        }
        self.check_not_liquidated(account)?;
        if asset == USDC || self.setting().is_collateral(asset) {
            self.check_holdings_sound(account)?;
        }
        if !self.setting().may_leave(&self.accounts[account], asset, amount)? {
            let withdrawable = self.withdrawable_of(account, asset)?;
            return Err(Reject::InsufficientFunds { asset, requested: amount, withdrawable });
        }
        self.check_funding_fits(account)
    }

    /// Taking margin away is new risk: every underlying that the account holds something of needs sound marks.
    pub(crate) fn check_holdings_sound(&self, account: usize) -> Result<(), Reject> {
        let underlying_of =
            |id: InstrumentId| usize::from(self.instruments[id as usize - 1].terms.underlying) - 1;
        let mut last = usize::MAX;
        for holding in self.accounts[account].holdings.iter() {
            let underlying = underlying_of(holding.instrument);
            if underlying != last {
                self.check_marks_sound(underlying)?;
                last = underlying;
            }
        }
        Ok(())
    }

    /// The funding pool can take what the account's pending funding moves.
    pub(crate) fn check_funding_fits(&self, account: usize) -> Result<(), Reject> {
        let mut pool = self.globals.funding_pool;
        for holding in self.accounts[account].holdings.iter() {
            let instrument = &self.instruments[holding.instrument as usize - 1];
            let index = instrument.funding_index;
            pool = sub(pool, instrument.terms.funding_due(holding.position, holding.funding, index)?)?;
        }
        Ok(())
    }

    pub(crate) fn check_withdrawn_fits(&self, asset: AssetId, amount: i64) -> Result<(), Reject> {
        let total = self.globals.withdrawn[usize::from(asset)].checked_add(amount.into());
        total.map(drop).ok_or(Reject::Overflow)
    }

    pub(crate) fn check_owner_signed(&self, account: usize, auth: &Authorization) -> Result<(), Reject> {
        check_signature_expiry(auth, self.globals.time)?;
        let account = &self.accounts[account];
        if self.keys.get(account.owner).address == auth.signer {
            return Ok(());
        }
        Err(Reject::NotAuthorized { signer: auth.signer, subaccount: account.id })
    }

    pub(crate) fn check_owner_nonce(&self, owner: KeyIndex, nonce: u64) -> Result<(), Reject> {
        let expected = self.keys.get(owner).next_nonce;
        if nonce == expected { Ok(()) } else { Err(Reject::OwnerNonce { expected, got: nonce }) }
    }

    pub(crate) fn use_owner_nonce(&mut self, owner: KeyIndex) {
        let key = self.keys.get_mut(owner);
        key.next_nonce += 1;
        self.tracker.key(key.address);
    }
}
