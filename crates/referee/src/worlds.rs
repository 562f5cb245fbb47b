//! The same step in another world: one value of the state before it is changed, everywhere that the step leaves it alone,
//! so that the roots are right. What the verifier says then shows whether the value matters to the step.

use crate::contracts::ContractError;
use crate::difference::{Place, changed_field, describe_place};
use crate::figures::kind_name;
use crate::trials::{Trial, states};
use crate::verifier::{Claim, Verifier};
use crate::witness_tree::{Node, Parts};
use commitment::leaf::{AccountLeaf, HoldingLeaf};
use commitment::{Key, Opening, Replica, StepKind, opening, tree_key};
use protocol::{Hash, Side, Wire, keccak256};
use std::collections::BTreeMap;
use std::fmt;
use streams::Random;

/// Worlds that are tried of one step.
const WORLDS: usize = 16;

/// How often a changed field left a step honest, made it a fraud, or undecided.
#[derive(Debug, Clone, Default)]
pub struct Worlds(BTreeMap<(u8, String), [u64; 3]>);

impl Worlds {
    /// Changes values that the witness of an honest step opens; `before` is before its command. A mark asserts what it
    /// does not execute, and is left out.
    ///
    /// # Errors
    /// [`ContractError`] when a module is none.
    pub fn visit(
        &mut self,
        verifier: &mut Verifier,
        before: &Replica,
        trial: &Trial,
    ) -> Result<(), ContractError> {
        if trial.claim.kind == StepKind::Mark as u8 {
            return Ok(());
        }
        let Some(parts) = Parts::from_bytes(&trial.witness) else { return Ok(()) };
        let Ok(states) = states(before, &trial.claim.record, trial.index) else { return Ok(()) };
        let seed = keccak256(&[&trial.claim.root_after.0]).0;
        let mut random = Random::new(u64::from_be_bytes(seed[..8].try_into().expect("eight bytes")));
        for _ in 0..WORLDS {
            let Some(world) = World::pick(&parts, &states, &mut random) else { continue };
            let claim = Claim {
                root_before: world.states[0].root(),
                root_after: world.states[1].root(),
                ..trial.claim.clone()
            };
            let Some(judged) = verifier.judge(&claim, &world.witness.to_bytes())? else { continue };
            let said = match (judged.agrees(&claim), judged.is_fraud(&claim)) {
                (true, _) => 0,
                (_, true) => 1,
                _ => 2,
            };
            self.0.entry((claim.kind, world.field)).or_default()[said] += 1;
        }
        Ok(())
    }
}

/// A state before and after the step with one value changed.
struct World {
    states: [Opening; 2],
    witness: Parts,
    field: String,
}

impl World {
    fn pick(parts: &Parts, states: &[Opening; 2], random: &mut Random) -> Option<Self> {
        let mut witness = parts.clone();
        let tree = random.below(witness.trees.len());
        let old_root = witness.trees[tree].as_ref()?.hash();
        let place = place_of(tree, &old_root, &states[0])?;
        let root = witness.trees[tree].as_mut()?;
        let at = random.below(root.count());
        let Node::Leaf(key, value) = root.node_mut(at)? else { return None };
        let (key, old) = (*key, value.clone());
        if value.is_empty() {
            return None;
        }
        let byte = random.below(value.len());
        value[byte] ^= 1 << random.below(8);
        let new = value.clone();
        let field = format!("{} {}", describe_place(place, &key), changed_field(place, &key, &old, &new));
        let new_root = witness.trees[tree].as_ref()?.hash();
        if tree >= 5 {
            witness.propagate(old_root, new_root);
        }
        let mut states = states.clone();
        for state in &mut states {
            // A value that the step writes stays what it wrote.
            if state.leaves(place).get(&key) == Some(&old) {
                state.put(place, key, new.clone());
            }
        }
        Some(Self { states, witness, field })
    }
}

/// Which tree of a state stands at a place of the witness.
fn place_of(tree: usize, root: &Hash, state: &Opening) -> Option<Place> {
    let top = [Place::Accounts, Place::Books, Place::Instruments, Place::Keys, Place::Globals];
    if let Some(&place) = top.get(tree) {
        return Some(place);
    }
    for (&id, below) in &state.below {
        let sides = below
            .sides
            .iter()
            .map(|(&(instrument, side), leaves)| (Place::Own(id, instrument, side), leaves));
        let trees = [(Place::Orders(id), &below.orders), (Place::Holdings(id), &below.holdings)];
        let mut trees = trees.into_iter().chain(sides);
        if let Some((place, _)) = trees.find(|(_, leaves)| opening::root(leaves) == *root) {
            return Some(place);
        }
    }
    None
}

/// Trees of a state by their place.
trait Trees {
    fn leaves(&self, place: Place) -> opening::Leaves;
    fn put(&mut self, place: Place, key: Key, value: Vec<u8>);
}

impl Trees for Opening {
    fn leaves(&self, place: Place) -> opening::Leaves {
        let below = |id| self.below.get(id).cloned().unwrap_or_default();
        match &place {
            Place::Accounts => self.accounts.clone(),
            Place::Books => self.books.clone(),
            Place::Instruments => self.instruments.clone(),
            Place::Keys => self.keys.clone(),
            Place::Globals => self.globals.clone(),
            Place::Orders(id) => below(id).orders,
            Place::Holdings(id) => below(id).holdings,
            Place::Own(id, instrument, side) => {
                below(id).sides.get(&(*instrument, *side)).cloned().unwrap_or_default()
            }
        }
    }

    /// Puts a value, and the roots that follow from it into the leaves above.
    fn put(&mut self, place: Place, key: Key, value: Vec<u8>) {
        let above = match place {
            Place::Accounts => return drop(self.accounts.insert(key, value)),
            Place::Books => return drop(self.books.insert(key, value)),
            Place::Instruments => return drop(self.instruments.insert(key, value)),
            Place::Keys => return drop(self.keys.insert(key, value)),
            Place::Globals => return drop(self.globals.insert(key, value)),
            Place::Orders(id) | Place::Holdings(id) | Place::Own(id, ..) => id,
        };
        let Some(below) = self.below.get_mut(&above) else { return };
        match place {
            Place::Orders(_) => drop(below.orders.insert(key, value)),
            Place::Holdings(_) => drop(below.holdings.insert(key, value)),
            Place::Own(_, instrument, side) => {
                let leaves = below.sides.entry((instrument, side)).or_default();
                leaves.insert(key, value);
                let root = opening::root(leaves);
                let holding = tree_key::holding(instrument);
                let leaf = below.holdings.get(&holding).map(|bytes| HoldingLeaf::from_bytes(bytes));
                if let Some(Ok(mut leaf)) = leaf {
                    match side {
                        Side::Buy => leaf.bids.root = root,
                        Side::Sell => leaf.offers.root = root,
                    }
                    below.holdings.insert(holding, leaf.to_bytes());
                }
            }
            _ => {}
        }
        let (orders, holdings) = (opening::root(&below.orders), opening::root(&below.holdings));
        let account = tree_key::account(above);
        let leaf = self.accounts.get(&account).map(|bytes| AccountLeaf::from_bytes(bytes));
        if let Some(Ok(mut leaf)) = leaf {
            (leaf.orders_root, leaf.holdings_root) = (orders, holdings);
            self.accounts.insert(account, leaf.to_bytes());
        }
    }
}

impl fmt::Display for Worlds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:<22} {:<44} {:>8} {:>8} {:>9}",
            "kind", "changed before", "honest", "fraud", "undecided"
        )?;
        for ((kind, field), [honest, fraud, undecided]) in &self.0 {
            writeln!(out, "{:<22} {field:<44} {honest:>8} {fraud:>8} {undecided:>9}", kind_name(*kind))?;
        }
        Ok(())
    }
}
