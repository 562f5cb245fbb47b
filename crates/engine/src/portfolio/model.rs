//! The change of a subaccount's margin model.

use crate::accounts::Account;
use crate::collateral::Purpose;
use crate::reject::Reject;
use crate::setting::Setting;
use crate::state::Engine;
use protocol::{Event, MarginModel, MarginModelChanged, SetMarginModel};

impl Engine {
    pub(crate) fn set_margin_model(
        &mut self,
        command: &SetMarginModel,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let place = self.account_place(command.subaccount)?;
        let owner = self.accounts[place].owner;
        self.check_owner_signed(place, &command.auth)?;
        self.check_owner_nonce(owner, command.auth.nonce)?;
        if self.accounts[place].model() == command.model {
            return Err(Reject::NothingToDo);
        }
        self.check_not_liquidated(place)?;
        self.check_holdings_sound(place)?;
        self.setting().check_model(&self.accounts[place], command.model)?;

        self.use_owner_nonce(owner);
        self.accounts[place].set_model(command.model);
        self.watch.touch(place);
        self.tracker.account(command.subaccount);
        events.push(MarginModelChanged { subaccount: command.subaccount, model: command.model }.into());
        Ok(())
    }
}

impl Setting<'_> {
    /// Whether `account` would meet initial margin, open orders at their worst, in another model.
    fn check_model(&self, account: &Account, model: MarginModel) -> Result<(), Reject> {
        let mut changed = account.clone();
        changed.set_model(model);
        self.check_lanes(&changed)?;
        let required = self.requirement(&changed)?.initial;
        let balance = self.funds(&changed)?.balance(changed.is_portfolio(), Purpose::Initial)?;
        if balance >= required { Ok(()) } else { Err(Reject::MarginModelRefused { balance, required }) }
    }
}
