//! Challenges of marks, as `ModelGuard` judges them.

use crate::mixer::Mixer;
use commitment::leaf::{InstrumentLeaf, RiskLeaf, UnderlyingLeaf};
use commitment::merkle::{Key, bit_of, first_difference, root_of};
use commitment::opening::{self, Leaves};
use commitment::state::{Roots, state_root};
use commitment::tree_key;
use commitment::witness::tag;
use protocol::{
    Command, GAPS, Hash, InstrumentId, InstrumentMark, InstrumentSpec, LANES, MarginParameters, MarkInputs,
    MarkUpdate, Mode, Record, RiskArray, RiskParameters, ScenarioParameters, Wire, keccak256,
};
use referee::abi::encode;
use referee::fixtures::Collection;
use referee::{Called, Contracts, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Step kind of a mark.
const MARK: u8 = 33;
/// Place of the instruments among the five trees.
const INSTRUMENTS: usize = 2;

/// A figure of a mark. Numbers are those of the contract's enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    Mark,
    Iv,
    Delta,
    Vega,
    Lane(usize),
    Gap(usize),
}

impl Figure {
    /// Half of the time a lane, else any figure.
    pub fn draw(mixer: &mut Mixer) -> Self {
        match mixer.below(10) {
            0 => Self::Mark,
            1 => Self::Iv,
            2 => Self::Delta,
            3 => Self::Vega,
            4 => Self::Gap(mixer.below(GAPS as u64) as usize),
            _ => Self::Lane(mixer.below(LANES as u64) as usize),
        }
    }

    /// Its name, its number, and which lane or gap.
    pub fn number(self) -> (&'static str, u128, u128) {
        match self {
            Self::Mark => ("mark", 0, 0),
            Self::Iv => ("iv", 1, 0),
            Self::Delta => ("delta", 2, 0),
            Self::Vega => ("vega", 3, 0),
            Self::Lane(lane) => ("lane", 4, lane as u128),
            Self::Gap(gap) => ("gap", 5, gap as u128),
        }
    }

    /// The mark with this figure one unit higher or lower.
    pub fn moved(self, mark: &InstrumentMark, unit: i64) -> InstrumentMark {
        let mut mark = mark.clone();
        let risk = |mark: &mut InstrumentMark, change: &dyn Fn(&mut RiskArray)| {
            change(Arc::make_mut(mark.risk.as_mut().expect("with lanes")));
        };
        match self {
            Self::Mark => mark.mark += unit,
            Self::Iv => mark.iv += unit,
            Self::Delta => mark.delta += unit,
            Self::Vega => mark.vega += unit,
            Self::Lane(lane) => {
                risk(&mut mark, &|risk| risk.lanes[lane] = risk.lanes[lane].wrapping_add(unit as i32));
            }
            Self::Gap(gap) => {
                risk(&mut mark, &|risk| risk.gaps[gap] = risk.gaps[gap].wrapping_add(unit as u32));
            }
        }
        mark
    }
}

/// One instrument under a mark.
#[derive(Clone)]
pub struct Case {
    pub inputs: MarkInputs,
    pub spec: InstrumentSpec,
    pub scenario: ScenarioParameters,
}

/// What a challenger sends.
pub struct Challenge {
    /// Kind of the step.
    pub kind: u8,
    pub record: Vec<u8>,
    /// Root behind the step.
    pub root: Hash,
    pub instrument: InstrumentId,
    /// Number of the figure, and which lane or gap.
    pub figure: u128,
    pub index: u128,
    pub witness: Vec<u8>,
}

impl Challenge {
    /// The challenge of a figure of `mark`, which was asserted of the case's instrument.
    pub fn new(case: &Case, mark: &InstrumentMark, figure: Figure) -> Self {
        let (root, witness) = state_behind(case, mark);
        let (_, figure, index) = figure.number();
        let record = record(&case.inputs);
        Self { kind: MARK, record, root, instrument: case.spec.instrument, figure, index, witness }
    }
}

/// The guard, and what its verdicts cost.
pub struct Guard {
    contracts: Contracts,
    /// Of all calls those that go new ways, as `verdict ‖ kind ‖ root ‖ length u24 ‖ record ‖ evidence`. Verdicts are 0 right,
    /// 1 wrong, 2 none.
    pub calls: Collection,
    gas: BTreeMap<&'static str, Vec<(u64, u64)>>,
}

impl Guard {
    /// The guard, where it is compiled.
    pub fn new() -> Option<Self> {
        let contracts = crate::contracts()?;
        Some(Self { contracts, calls: Collection::default(), gas: BTreeMap::new() })
    }

    /// An honest figure is never convicted, and one that is a unit off always is.
    pub fn check(&mut self, case: &Case, honest: &InstrumentMark, figure: Figure) {
        assert!(!self.proves(case, honest, figure), "{figure:?} of {:?} under {:?}", case.spec, case.inputs);
        for unit in [1, -1] {
            assert!(self.proves(case, &figure.moved(honest, unit), figure), "{figure:?} off by {unit}");
        }
    }

    /// Whether a challenge of a figure of `mark` succeeds.
    pub fn proves(&mut self, case: &Case, mark: &InstrumentMark, figure: Figure) -> bool {
        self.convicts(&Challenge::new(case, mark, figure), figure)
    }

    /// The verdict on a challenge of a figure.
    pub fn convicts(&mut self, challenge: &Challenge, figure: Figure) -> bool {
        let called = self.call(challenge);
        self.gas.entry(figure.number().0).or_default().push((called.gas, called.execution_gas));
        let values = called.result.unwrap_or_else(|revert| panic!("{figure:?}: {}", revert.text));
        values[0].as_u128() == Some(1)
    }

    /// The name of the error with which a challenge is refused.
    pub fn refuses(&mut self, challenge: &Challenge) -> String {
        self.call(challenge).result.expect_err("no verdict").name
    }

    fn call(&mut self, challenge: &Challenge) -> Called {
        let Challenge { kind, record, root, instrument, figure, index, witness } = challenge;
        let (zero, flag) = (Value::hash(&Hash::ZERO), Value::flag(false));
        let step = Value::Tuple(vec![
            zero.clone(),
            Value::Bytes(record.clone()),
            Value::uint((*kind).into()),
            zero,
            flag.clone(),
            flag,
            Value::hash(root),
        ]);
        let numbers = [(*instrument).into(), *figure, *index].map(Value::uint);
        let shown = Value::Tuple(numbers.into_iter().chain([Value::Bytes(witness.clone())]).collect());
        let evidence = encode(&[shown]);
        let arguments = [step, Value::Bytes(evidence.clone())];
        let (called, trace) =
            self.contracts.call_traced("ModelGuard", "proves", &arguments).expect("the contract is compiled");
        let verdict = called.result.as_ref().map_or(2, |values| u8::from(values[0].as_u128() == Some(1)));
        self.calls.add(trace.branches, || {
            let length = (record.len() as u32).to_be_bytes();
            [&[verdict, *kind][..], &root.0, &length[1..], record, &evidence].concat()
        });
        called
    }

    /// Prints the gas of the verdicts, by figure.
    pub fn report(&mut self) {
        for (name, gas) in &mut self.gas {
            gas.sort_unstable();
            let (middle, most) = (gas[gas.len() / 2], gas[gas.len() - 1]);
            println!(
                "{name:6} {:6} verdicts, transaction gas p50 {} max {} (execution {} and {})",
                gas.len(),
                middle.0,
                most.0,
                middle.1,
                most.1
            );
        }
    }
}

/// A MarkUpdate as it is journaled. The guard leaves its signatures and arrays hash to others.
fn record(inputs: &MarkInputs) -> Vec<u8> {
    let update = MarkUpdate {
        inputs: inputs.clone(),
        cosignatures: Vec::new(),
        listing_epoch: 1,
        arrays_hash: Hash::ZERO,
    };
    Record { time: inputs.time + 1, command: Command::MarkUpdate(update) }.to_bytes()
}

/// The root of a state that has this mark, and the witness that opens it.
fn state_behind(case: &Case, mark: &InstrumentMark) -> (Hash, Vec<u8>) {
    let parameters = RiskParameters { scenario: case.scenario, margin: margin() }.to_bytes();
    let table = RiskLeaf { version: 1, parameters: keccak256(&[&parameters]) };
    let keys = [tree_key::instrument(case.spec.instrument), tree_key::underlying(case.spec.underlying)];
    let values = [instrument_leaf(case, mark).to_bytes(), underlying_leaf(&case.inputs, table).to_bytes()];
    let closed = Hash([7; 32]);
    let instruments = keys.into_iter().zip(values).collect();
    opened([closed; 5], &instruments, &keys, &parameters)
}

/// A state root and its witness: of five trees that of the instruments, opened at these keys, and one preimage.
pub fn opened(roots: Roots, instruments: &Leaves, keys: &[Key], preimage: &[u8]) -> (Hash, Vec<u8>) {
    let leaves: Vec<_> = instruments.iter().map(|(&key, value)| (key, &value[..])).collect();
    let mut tree = Vec::new();
    put_node(&leaves, keys, &mut tree);
    let mut witness = vec![0, 5];
    let mut roots = roots;
    roots[INSTRUMENTS] = opening::root(instruments);
    for (place, root) in roots.iter().enumerate() {
        let closed = [&[tag::FOLDED][..], &root.0].concat();
        put_sized(if place == INSTRUMENTS { &tree } else { &closed }, &mut witness);
    }
    witness.extend([0, 1]);
    put_sized(preimage, &mut witness);
    (state_root(&roots), witness)
}

/// The node above some leaves, in preorder, opened where it leads to one of the keys.
fn put_node(leaves: &[(Key, &[u8])], keys: &[Key], out: &mut Vec<u8>) {
    let hashes: Vec<_> = leaves.iter().map(|(key, value)| (*key, keccak256(&[value]))).collect();
    match leaves {
        _ if !leaves.iter().any(|(key, _)| keys.contains(key)) => {
            out.push(tag::FOLDED);
            out.extend(root_of(&hashes).0);
        }
        [(key, value)] => {
            out.push(tag::LEAF);
            out.extend(key);
            out.extend((value.len() as u16).to_be_bytes());
            out.extend(*value);
        }
        _ => {
            let (first, last) = (&leaves[0].0, &leaves[leaves.len() - 1].0);
            let bit = first_difference(first, last).expect("distinct keys");
            let (left, right) = leaves.split_at(leaves.partition_point(|(key, _)| !bit_of(key, bit)));
            out.push(tag::INNER);
            out.extend(bit.to_be_bytes());
            put_node(left, keys, out);
            put_node(right, keys, out);
        }
    }
}

/// A length of 24 bits and the bytes.
fn put_sized(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(&(bytes.len() as u32).to_be_bytes()[1..]);
    out.extend(bytes);
}

fn instrument_leaf(case: &Case, mark: &InstrumentMark) -> InstrumentLeaf {
    let spec = &case.spec;
    InstrumentLeaf {
        name_hash: keccak256(&[spec.name.as_bytes()]),
        underlying: spec.underlying,
        kind: spec.kind,
        option_type: spec.option_type,
        strike: spec.strike,
        expiry: spec.expiry,
        tick_size: spec.tick_size,
        lot_size: spec.lot_size,
        lane_unit: spec.lane_unit,
        open_interest: 5,
        holders: 2,
        funding_index: 0,
        funding_time: 0,
        mark: mark.mark,
        mark_epoch: 3,
        mark_index: case.inputs.index,
        iv: mark.iv,
        delta: mark.delta,
        vega: mark.vega,
        risk: mark.risk.as_deref().cloned(),
    }
}

fn underlying_leaf(inputs: &MarkInputs, table: RiskLeaf) -> UnderlyingLeaf {
    UnderlyingLeaf {
        symbol_hash: keccak256(&[b"BTC"]),
        mode: Mode::Normal,
        listing_epoch: 1,
        open_instruments: 1,
        perpetual: 0,
        mark_epoch: 3,
        mark_time: inputs.time,
        index: inputs.index,
        confidence: inputs.confidence,
        sources: inputs.sources,
        perpetual_mark: inputs.perpetual_mark,
        funding_rate: inputs.funding_rate,
        risk: Some(table),
        next_risk: None,
    }
}

/// What the guard does not read.
fn margin() -> MarginParameters {
    MarginParameters {
        maintenance_share: 0,
        basis_min_move: 0,
        basis_rate: 0,
        short_floor: 0,
        short_floor_last_day: 0,
        delta_depth: 0,
        delta_impact: 0,
        vega_depth: 0,
        vega_impact: 0,
        strike_depth: 0,
        strike_impact: 0,
        impact_max: 0,
        confidence_multiplier: 0,
    }
}
