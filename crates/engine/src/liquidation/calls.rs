//! Margin calls, and the start of liquidations, in the same command as what caused them.

use super::{Liquidation, LiquidationStage, NOTIONAL_DIVISOR};
use crate::numbers::{Checked, wide_add, wide_mul};
use crate::reject::Reject;
use crate::standing::Standing;
use crate::state::Engine;
use crate::steps::{StepAction, StepObserver, Subject};
use protocol::{
    AssetId, CallLevel, CloseReason, CollateralTerms, Command, Event, InstrumentId, LiquidationStarted,
    MarginCall, Mode, UnderlyingId,
};
use std::collections::BTreeSet;

/// The underlying whose marks or funding a command moved, 0 when it moved something else; `None` for commands after which
/// nobody is looked at.
pub(super) fn cause_of(command: &Command) -> Option<UnderlyingId> {
    match command {
        Command::MarkUpdate(body) => Some(body.inputs.underlying),
        Command::FundingTick(body) => Some(body.underlying),
        Command::SetParameter(_) | Command::SettleExpired(_) | Command::Clock(_) => Some(0),
        _ => None,
    }
}

impl Engine {
    /// Calls, starts and advances whatever this command gave cause to. Most commands give none.
    #[inline]
    pub(crate) fn supervise<O: StepObserver>(
        &mut self,
        command: &Command,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        // Whatever the command: who looks next must not miss it.
        if self.globals.time >= self.markets_due && self.faults_moved() {
            self.watch.touch_everybody();
        }
        let Some(cause) = cause_of(command) else { return };
        if matches!(command, Command::SetParameter(_)) {
            self.watch.touch_everybody();
        }
        for place in self.watch.take(self.accounts.len()) {
            self.look_at(place, cause, events, steps);
        }
        self.run_rounds(events, steps);
    }

    /// Evaluates every account with every cause from now on, not only those that the index of distances names. The events
    /// are the same either way; this is the check of the index, and the way to do without it.
    pub fn set_full_scan(&mut self, on: bool) {
        self.watch.set_full_scan(on);
    }

    /// Whether an underlying's marks became unsound, or sound, since the last command: what collateral counts for
    /// follows from it.
    fn faults_moved(&self) -> bool {
        let (time, parameters) = (self.globals.time, &self.parameters);
        self.underlyings
            .iter()
            .any(|underlying| underlying.market().fault != underlying.fault_at(time, parameters))
    }

    /// Brings an account's margin call up to date, and starts its liquidation if it must be.
    fn look_at<O: StepObserver>(
        &mut self,
        place: usize,
        cause: UnderlyingId,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        if self.accounts[place].liquidation.is_some() {
            // None, unless whoever started it left them behind.
            self.close_all(place, CloseReason::Liquidation, events, steps);
            self.watch.alert(place);
            return;
        }
        let Ok((standing, level)) = self.call_level(place) else {
            self.watch.alert(place);
            return;
        };
        self.set_call(place, level, &standing, events, steps);
        if !standing.is_maintained()
            && !self.is_frozen(place)
            && self.start(place, cause, &standing, events, steps).is_ok()
        {
            self.close_all(place, CloseReason::Liquidation, events, steps);
        }
        let keys = match level {
            CallLevel::None => self.room(&standing).and_then(|room| self.keys_of(place, room)).ok(),
            _ => None,
        };
        match keys {
            Some(keys) => self.watch.rest(place, keys),
            None => self.watch.alert(place),
        }
    }

    /// Where an account stands, and the call that follows from it.
    pub(super) fn call_level(&mut self, place: usize) -> Checked<(Standing, CallLevel)> {
        let standing = self.standing_now(place)?;
        let level = if standing.equity < self.buffered(standing.maintenance)? {
            CallLevel::Maintenance
        } else if standing.initial_equity < standing.initial {
            CallLevel::Initial
        } else {
            CallLevel::None
        };
        Ok((standing, level))
    }

    /// Sets the call of an account, if it is another one.
    pub(super) fn set_call<O: StepObserver>(
        &mut self,
        place: usize,
        level: CallLevel,
        standing: &Standing,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        let account = &mut self.accounts[place];
        if std::mem::replace(&mut account.call, level) == level {
            return;
        }
        let Standing { equity, initial, maintenance, .. } = *standing;
        let subaccount = account.id;
        self.tracker.account(subaccount);
        events.push(MarginCall { subaccount, level, equity, initial, maintenance }.into());
        self.stepped(steps, StepAction::MarginCall, Subject::account(subaccount));
    }

    /// The call of an account whose liquidation is over.
    pub(super) fn renew_call<O: StepObserver>(
        &mut self,
        place: usize,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        if let Ok((standing, level)) = self.call_level(place) {
            self.set_call(place, level, &standing, events, steps);
        }
        self.watch.touch(place);
    }

    /// Starts the liquidation of an account of which there is none. Its orders are for the caller to end.
    pub(super) fn start<O: StepObserver>(
        &mut self,
        place: usize,
        cause: UnderlyingId,
        standing: &Standing,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Checked<()> {
        let value = self.value_of(place)?;
        self.globals.liquidations += 1;
        let (id, time) = (self.globals.liquidations, self.globals.time);
        let stage = LiquidationStage::Book;
        self.accounts[place].liquidation =
            Some(Liquidation { id, stage, opened: time, due: time, reserve: 0, insurance: 0 });
        self.watch.set_running(place, true);
        let subaccount = self.accounts[place].id;
        self.tracker.account(subaccount);
        let mark_epoch = match cause {
            0 => 0,
            underlying => self.underlyings[usize::from(underlying) - 1].mark_epoch,
        };
        let Standing { equity, maintenance, .. } = *standing;
        let started = LiquidationStarted {
            liquidation: id,
            subaccount,
            underlying: cause,
            mark_epoch,
            equity,
            maintenance,
            value,
        };
        events.push(started.into());
        self.stepped(steps, StepAction::LiquidationStart, Subject::account(subaccount));
        Ok(())
    }

    /// Whether nothing may be done to an account: an underlying that it depends on is in doubt, and what it has there could
    /// make up for what it lacks. A trifle on a dead feed protects nobody.
    pub(super) fn is_frozen(&self, place: usize) -> bool {
        let doubtful: Vec<usize> =
            self.depends_on(place).into_iter().filter(|&underlying| self.is_doubtful(underlying)).collect();
        !doubtful.is_empty() && self.may_make_up(place, &doubtful).unwrap_or(true)
    }

    /// Whether an underlying is halted, or its marks are not sound: nothing is done there.
    pub(super) fn is_doubtful(&self, underlying: usize) -> bool {
        self.underlyings[underlying].mode == Mode::Halt || self.check_marks_sound(underlying).is_err()
    }

    /// Whether what an account lacks of its maintenance margin is not more than it would gain where all that it has in
    /// some underlyings gained its notional: collateral that doubles, options that move with an index that does.
    fn may_make_up(&self, place: usize, underlyings: &[usize]) -> Checked<bool> {
        let within = |id: UnderlyingId| underlyings.contains(&(usize::from(id) - 1));
        let mut most = 0;
        for holding in self.accounts[place].holdings() {
            let instrument = &self.instruments[holding.instrument as usize - 1];
            if within(instrument.terms.underlying) {
                let amount = wide_mul(i128::from(holding.position).abs(), instrument.terms.lot_size)?;
                most = wide_add(most, wide_mul(amount, instrument.mark_index)? / NOTIONAL_DIVISOR)?;
            }
        }
        for (asset, balance, terms) in self.collateral_held(place) {
            if within(terms.price_underlying) {
                most = wide_add(most, self.asset_value(asset, balance)?.into())?;
            }
        }
        let standing = self.standing_of(place)?;
        Ok(most >= i128::from(standing.maintenance) - i128::from(standing.equity))
    }

    /// Places of the underlyings that an account holds something of, or whose index prices its collateral; ascending.
    pub(super) fn depends_on(&self, place: usize) -> BTreeSet<usize> {
        let account = &self.accounts[place];
        let place_of = |id: InstrumentId| self.instruments[id as usize - 1].terms.underlying;
        let held = account.holdings().map(|holding| place_of(holding.instrument));
        let pricing = self.collateral_held(place).map(|(_, _, terms)| terms.price_underlying);
        held.chain(pricing).map(|underlying| usize::from(underlying) - 1).collect()
    }

    /// The assets of an account that count as collateral, ascending.
    pub(super) fn collateral_held(
        &self,
        place: usize,
    ) -> impl Iterator<Item = (AssetId, i64, &CollateralTerms)> + '_ {
        let assets = self.accounts[place].assets().iter();
        assets.filter_map(|&(asset, balance)| {
            Some((asset, balance, self.collateral[usize::from(asset)].active()?))
        })
    }

    /// An account in liquidation adds no risk, and nothing leaves it.
    ///
    /// # Errors
    /// [`Reject::InLiquidation`].
    pub(crate) fn check_not_liquidated(&self, place: usize) -> Result<(), Reject> {
        let account = &self.accounts[place];
        match account.liquidation {
            Some(Liquidation { id, .. }) => {
                Err(Reject::InLiquidation { subaccount: account.id, liquidation: id })
            }
            None => Ok(()),
        }
    }
}
