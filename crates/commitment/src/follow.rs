//! The steps of commands as they are posted, with the state root behind each.
//!
//! Only the roots are asked for here, and nothing needs one before the end, so that those of many steps are computed
//! together, see [`merkle`](crate::merkle).

use crate::chunk::{ENTRY_BYTES, PostedStep};
use crate::fault::ReplayError;
use crate::replica::{Choices, Replica};
use crate::steps::{StepKind, subject_word};
use protocol::Hash;

impl Replica {
    /// Applies the next command, and returns its steps as they are posted. Checks its signatures when `verify` is set.
    ///
    /// # Errors
    /// [`ReplayError`]; then the replica is as it was.
    pub fn follow(&mut self, record: &[u8], verify: bool) -> Result<Vec<PostedStep>, ReplayError> {
        self.follow_by(record, Choices::Own, verify)
    }

    /// The same by somebody's choices, see [`Self::apply_by`].
    ///
    /// # Errors
    /// [`ReplayError`]; then the replica is as it was.
    pub fn follow_by(
        &mut self,
        record: &[u8],
        choices: Choices<'_>,
        verify: bool,
    ) -> Result<Vec<PostedStep>, ReplayError> {
        let mut steps = self.unrooted(record, choices, verify)?;
        self.put_roots(&mut steps);
        Ok(steps)
    }

    /// Applies the next commands, up to the one with which all of them take `room` bytes of chunks, and returns the steps of
    /// each. Checks no signatures. Many at once are faster than one after the other.
    ///
    /// # Errors
    /// [`ReplayError`] of the first command with a fault; the commands before it are applied.
    pub fn follow_many(
        &mut self,
        records: &[impl AsRef<[u8]>],
        room: usize,
    ) -> Result<Vec<Vec<PostedStep>>, ReplayError> {
        let (mut commands, mut used, mut fault) = (Vec::new(), 0, None);
        for record in records.iter().map(AsRef::as_ref) {
            match self.unrooted(record, Choices::Own, false) {
                Ok(steps) => {
                    used += ENTRY_BYTES + record.len() + steps.iter().map(PostedStep::size).sum::<usize>();
                    commands.push(steps);
                }
                Err(error) => fault = Some(error),
            }
            if used >= room || fault.is_some() {
                break;
            }
        }
        self.put_roots(commands.iter_mut().flatten());
        fault.map_or(Ok(commands), Err)
    }

    /// Applies a command, and returns its steps without their roots, which are queued.
    fn unrooted(
        &mut self,
        record: &[u8],
        choices: Choices<'_>,
        verify: bool,
    ) -> Result<Vec<PostedStep>, ReplayError> {
        let mut steps = Vec::new();
        self.apply_by(record, choices, verify, |boundary| {
            boundary.state.note_root();
            steps.push(PostedStep {
                kind: StepKind::from(boundary.step.action) as u8,
                last: false,
                subject: subject_word(&boundary.step.subject),
                root: Hash::ZERO,
            });
        })?;
        steps.last_mut().expect("a command has a step").last = true;
        Ok(steps)
    }

    fn put_roots<'a>(&mut self, steps: impl IntoIterator<Item = &'a mut PostedStep>) {
        let mut roots = self.state.take_noted().into_iter();
        for step in steps {
            step.root = roots.next().expect("every step notes its root");
        }
        assert_eq!(roots.next(), None, "every root is of a step");
    }
}
