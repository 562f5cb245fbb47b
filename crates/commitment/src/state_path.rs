//! One leaf of the state with the way to the state root: what the chain is shown of a state that it keeps only the root of.

use crate::fault::ReplayError;
use crate::merkle::Key;
use crate::opening::Opening;
use crate::proof::PathItem;
use crate::replica::{Choices, Replica};
use crate::state::{Part, Roots, StateTree};

/// A leaf of one of the five trees and its path; fields in the order of the contract's struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatePath {
    /// Roots of the five trees.
    pub trees: Roots,
    /// Key of the leaf; in an empty tree any other than the one that is asked for.
    pub key: Key,
    /// Value of the leaf; nothing in an empty tree.
    pub value: Vec<u8>,
    /// Nodes above it, from the leaf up.
    pub path: Vec<PathItem>,
}

impl StatePath {
    /// The path of `key` behind the first `steps` steps of the command that comes next after `before`, by somebody's choices;
    /// `None` when it has no so many. Spells out the whole state.
    ///
    /// # Errors
    /// [`ReplayError`] when the command does not apply so far.
    pub fn behind_steps(
        before: &Replica,
        record: &[u8],
        choices: Choices<'_>,
        steps: u32,
        part: Part,
        key: &Key,
    ) -> Result<Option<Self>, ReplayError> {
        let mut replica = before.clone();
        if steps == 0 {
            return Ok(Some(replica.prove(part, key)));
        }
        let (mut found, mut at) = (None, 0);
        let outcome = replica.apply_by(record, choices, false, |boundary| {
            at += 1;
            if at == steps {
                let taker = boundary.step.taker.as_ref();
                let opening = Opening::between(boundary.engine, boundary.chain, taker);
                found = Some(Self::of(boundary.state, &opening, part, key));
            }
        });
        match (found, outcome) {
            (None, Err(error)) => Err(error),
            (found, _) => Ok(found),
        }
    }

    /// The path of `key`, or of the leaf at which the search for it ends; `opening` spells out the leaves of `state`.
    pub(crate) fn of(state: &mut StateTree, opening: &Opening, part: Part, key: &Key) -> Self {
        let trees = state.roots();
        match state.part(part).prove(key) {
            Some(proof) => Self {
                trees,
                key: proof.key,
                value: opening.part(part)[&proof.key].clone(),
                path: proof.path,
            },
            None => Self { trees, key: key.map(|byte| !byte), value: Vec::new(), path: Vec::new() },
        }
    }
}
