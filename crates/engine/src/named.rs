//! A command by the steps that somebody names: whoever follows an operator takes over what it chose.
//!
//! What follows from state and command is done by the handlers of every command, and has to be what is named. Where the
//! rules leave a choice, each named step is done in turn, whatever the engine would have chosen. Whether a step was legal
//! is not asked here beyond what keeps the state sound: the contract judges that. `docs/protocol/steps.md` says which
//! choices nobody judges.

use crate::dirty::Dirty;
use crate::liquidation::Course;
use crate::numbers::Overflow;
use crate::reject::Reject;
use crate::state::Engine;
use crate::steps::{NamedStep, StepAction, StepMark, StepObserver, Subject};
use protocol::{CloseReason, Command, Event, HashedArrays, InstrumentId, OrderId, Record};
use thiserror::Error;

/// Why a command cannot be applied by the steps that somebody names.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotFollowed {
    /// The command does not apply, whatever steps it takes.
    #[error(transparent)]
    Refused(#[from] Reject),
    /// One of its steps cannot be taken.
    #[error("step {step}: {fault}")]
    Step {
        /// Its place among those named.
        step: usize,
        /// Why.
        fault: StepFault,
    },
}

/// Why a named step cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StepFault {
    /// Another one follows from state and command.
    #[error("the command takes a step of kind {} there, or of another subject", *.0 as u8)]
    Other(StepAction),
    /// The command takes more steps than are named.
    #[error("the command goes on with a step of kind {}", *.0 as u8)]
    GoesOn(StepAction),
    /// A command takes at least one step.
    #[error("no step is named")]
    Nothing,
    /// Nobody chooses a step of this kind at this place.
    #[error("no command takes such a step there")]
    NoChoice,
    /// There is nothing of the kind to do to its subject.
    #[error("there is nothing of the kind to do to its subject")]
    Idle,
    /// A number does not fit.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

/// Steps that are somebody's choice, in commands that leave any.
const CHOICES: [StepAction; 12] = [
    StepAction::Remove,
    StepAction::SettleAccount,
    StepAction::CloseInstrument,
    StepAction::LiquidationStart,
    StepAction::LiquidationSlice,
    StepAction::Deleverage,
    StepAction::MarginCall,
    StepAction::LiquidationStage,
    StepAction::LiquidationEnd,
    StepAction::LiquidationRound,
    StepAction::DeleverageCharge,
    StepAction::Insurance,
];

impl NamedStep {
    /// What it does, if that is for somebody to choose.
    fn choice(&self) -> Option<StepAction> {
        CHOICES.into_iter().find(|&action| action as u8 == self.kind)
    }
}

/// Compares the steps that are taken with those that are named, and shows those that agree to `steps`.
struct Guide<'a, O> {
    named: &'a [NamedStep],
    /// How many were taken.
    taken: usize,
    /// The first one that was taken and is another.
    strayed: Option<StepAction>,
    steps: &'a mut O,
}

impl<O> Guide<'_, O> {
    fn fault(&self, fault: StepFault) -> NotFollowed {
        NotFollowed::Step { step: self.taken, fault }
    }

    /// # Errors
    /// When the last steps taken are not those that were named.
    fn check(&self) -> Result<(), NotFollowed> {
        let Some(other) = self.strayed else { return Ok(()) };
        let named = self.taken < self.named.len();
        Err(self.fault(if named { StepFault::Other(other) } else { StepFault::GoesOn(other) }))
    }
}

impl<O: StepObserver> StepObserver for Guide<'_, O> {
    const FOLLOWS: bool = true;

    fn named(&self) -> Option<NamedStep> {
        self.named.get(self.taken).copied()
    }

    fn step(&mut self, engine: &Engine, dirty: Dirty, step: StepMark) {
        let expected = self
            .named()
            .is_some_and(|named| named.kind == step.action as u8 && named.subject == step.subject);
        if self.strayed.is_some() || !expected {
            self.strayed.get_or_insert(step.action);
            return;
        }
        self.taken += 1;
        self.steps.step(engine, dirty, step);
    }
}

/// Shows every step to `steps`, of a command that is somebody else's.
struct Lenient<'a, O>(&'a mut O);

impl<O: StepObserver> StepObserver for Lenient<'_, O> {
    const OBSERVES: bool = O::OBSERVES;
    const FOLLOWS: bool = true;

    fn step(&mut self, engine: &Engine, dirty: Dirty, step: StepMark) {
        self.0.step(engine, dirty, step);
    }
}

impl Engine {
    /// As [`Self::apply_observed`], of a command that is somebody else's: by the engine's own choices, but what no step
    /// judges is not asked, so that an order may have a client id that is taken, and a parameter need not fit every mark.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn apply_lenient<O: StepObserver>(
        &mut self,
        sequence: u64,
        record: &Record,
        arrays: Option<&HashedArrays>,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Result<(), Reject> {
        self.apply_observed(sequence, record, arrays, events, &mut Lenient(steps))
    }

    /// As [`Self::apply_lenient`], by the steps that somebody names, all of them and no others. Every state on the way is
    /// sound, whatever is named.
    ///
    /// # Errors
    /// [`NotFollowed`], with the first step that cannot be taken. Those before it were, and `steps` saw them: the engine is
    /// of no use then, so keep a copy.
    pub fn apply_named<O: StepObserver>(
        &mut self,
        sequence: u64,
        record: &Record,
        arrays: Option<&HashedArrays>,
        named: &[NamedStep],
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Result<(), NotFollowed> {
        let mut guide = Guide { named, taken: 0, strayed: None, steps };
        self.begin(sequence, record)?;
        let command = &record.command;
        match command {
            Command::Clock(_) => self.stepped(&mut guide, StepAction::Clock, Subject::NONE),
            // Every step of it is somebody's choice.
            Command::SettleExpired(body) => self.priced_series(body).map(|_| ())?,
            Command::LiquidationBid(body) => self.take_share(body, events, &mut guide)?,
            command => self.dispatch(command, arrays, events, &mut guide)?,
        }
        guide.check()?;
        let mut course = Course::of(command);
        while let Some(next) = guide.named() {
            let taken = guide.taken;
            let Some(action) = next.choice() else { return Err(guide.fault(StepFault::NoChoice)) };
            let done = self.take_chosen(command, &mut course, action, &next.subject, events, &mut guide);
            guide.check()?;
            done.map_err(|fault| NotFollowed::Step { step: taken, fault })?;
            if guide.taken == taken {
                return Err(guide.fault(StepFault::Idle));
            }
        }
        if guide.taken == 0 {
            return Err(guide.fault(StepFault::Nothing));
        }
        // Who was looked at, and who was not, was somebody's choice as well.
        self.watch.touch_everybody();
        self.publish_markets(events);
        Ok(())
    }

    /// Takes a step that somebody chose. Nothing happens where there is nothing to do to its subject.
    fn take_chosen<O: StepObserver>(
        &mut self,
        command: &Command,
        course: &mut Course,
        action: StepAction,
        subject: &Subject,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Result<(), StepFault> {
        if !course.leaves_choices() {
            return Err(StepFault::NoChoice);
        }
        let instrument = InstrumentId::try_from(subject.instrument).unwrap_or(0);
        match (action, command) {
            (StepAction::SettleAccount, Command::SettleExpired(body)) => {
                let series = self.priced_series(body).map_err(|_| StepFault::Idle)?;
                Ok(self.settle_chosen(series, (subject.account, instrument), events, steps)?)
            }
            (StepAction::CloseInstrument, Command::SettleExpired(body)) => {
                let series = self.priced_series(body).map_err(|_| StepFault::Idle)?;
                self.close_chosen(series, instrument, events, steps);
                Ok(())
            }
            (StepAction::SettleAccount | StepAction::CloseInstrument, _) => Err(StepFault::NoChoice),
            (StepAction::Remove, _) => {
                self.remove_chosen(command, subject, events, steps);
                Ok(())
            }
            _ => self.take_risk_step(course, action, subject, events, steps),
        }
    }

    /// Ends an order that somebody chose, if it is open.
    fn remove_chosen<O: StepObserver>(
        &mut self,
        command: &Command,
        subject: &Subject,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        let Ok(place) = self.account_place(subject.account) else { return };
        let account = &self.accounts[place];
        let Some(at) = account.orders.find(OrderId(subject.other)) else { return };
        let reason = match command {
            _ if account.liquidation.is_some() => CloseReason::Liquidation,
            Command::SettleExpired(_) => CloseReason::InstrumentExpired,
            _ => CloseReason::Expired,
        };
        self.remove_order(place, at, reason, events, steps);
    }
}
