//! A command by steps that are named one after the other: what was named so far, and the state behind it.

use commitment::{Choices, Fault, Replica};
use engine::{Engine, NamedStep, StepAction, StepFault, Subject};

/// Steps of the command that comes next after a replica.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    before: &'a Replica,
    record: &'a [u8],
    named: Vec<NamedStep>,
    behind: Replica,
}

impl<'a> Draft<'a> {
    /// With the first steps named.
    pub fn new(before: &'a Replica, record: &'a [u8], named: Vec<NamedStep>) -> Self {
        let mut draft = Self { before, record, named, behind: before.clone() };
        if !draft.named.is_empty() {
            draft.behind = draft.behind_steps(&draft.named).expect("the replica takes them").1;
        }
        draft
    }

    /// The state behind the steps so far.
    pub fn engine(&self) -> &Engine {
        self.behind.engine()
    }

    /// Names one more step, and those that follow from it; `false`, and nothing, if it cannot be taken.
    pub fn add(&mut self, action: StepAction, subject: Subject) -> bool {
        let mut named = self.named.clone();
        named.push(NamedStep { kind: action as u8, subject });
        match self.behind_steps(&named) {
            Some((named, behind)) => {
                (self.named, self.behind) = (named, behind);
                true
            }
            None => false,
        }
    }

    /// The steps, complete.
    pub fn finish(self) -> Vec<NamedStep> {
        self.named
    }

    /// The state behind `named` and the steps that follow from them, which it returns.
    fn behind_steps(&self, named: &[NamedStep]) -> Option<(Vec<NamedStep>, Replica)> {
        let mut named = named.to_vec();
        loop {
            let mut replica = self.before.clone();
            let outcome = replica.follow_by(self.record, Choices::Named(&named), false);
            match outcome.map_err(|error| error.fault) {
                Ok(_) => return Some((named, replica)),
                Err(Fault::Step { fault: StepFault::GoesOn(action), .. }) => {
                    named.push(NamedStep { kind: action as u8, subject: Subject::NONE });
                }
                Err(_) => return None,
            }
        }
    }
}
