//! Governance: genesis, listings, modes, parameters, and the quorums that stand behind them.

use crate::instruments::{Expiry, Instrument, InstrumentStatus, Underlying};
use crate::parameters::Parameters;
use crate::reject::Reject;
use crate::state::{Engine, Governance};
use crate::steps::{StepAction, StepObserver, Subject};
use crate::terms::{Basis, Terms};
use protocol::{
    Address, Administration, CONTRACT, Cosignature, Event, Genesis, InstrumentId, InstrumentKind,
    InstrumentListed, InstrumentSpec, ListInstruments, ModeChanged, OptionType, ParameterChanged, Scheduled,
    SetMode, SetParameter,
};
use std::collections::{BTreeSet, HashSet};

/// Highest strike and tick size, micro-USDC.
const PRICE_MAX: i64 = 1_000_000_000_000_000;
/// Largest lot, 1e-8 contracts.
const LOT_MAX: i64 = 1_000_000 * CONTRACT;
/// Most open instruments of one underlying.
pub const OPEN_INSTRUMENTS_MAX: usize = 8_192;

impl Engine {
    pub(crate) fn open_venue(&mut self, genesis: &Genesis) -> Result<(), Reject> {
        if self.governance.is_some() {
            return Err(Reject::AlreadyOpen);
        }
        check_genesis(genesis)?;
        self.parameters = Parameters::from_list(&genesis.parameters)?;
        self.underlyings = genesis.underlyings.iter().cloned().map(Underlying::new).collect();
        self.globals.deposited = vec![0; genesis.assets.len()];
        self.globals.withdrawn = vec![0; genesis.assets.len()];
        self.collateral = vec![Scheduled::default(); genesis.assets.len()];
        self.governance = Some(Governance {
            chain_id: genesis.chain_id,
            contract: genesis.contract,
            operator: genesis.operator,
            admins: genesis.admins.clone(),
            admin_quorum: genesis.admin_quorum,
            oracles: genesis.oracles.clone(),
            oracle_quorum: genesis.oracle_quorum,
            assets: genesis.assets.clone(),
        });
        genesis.underlyings.iter().for_each(|spec| self.tracker.underlying(spec.underlying));
        Ok(())
    }

    pub(crate) fn list_instruments<O: StepObserver>(
        &mut self,
        command: &ListInstruments,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Result<(), Reject> {
        self.check_administration(&command.admin)?;
        let terms = self.check_listing(&command.instruments)?;

        self.globals.admin_nonce += 1;
        let mut touched = BTreeSet::new();
        for (spec, terms) in command.instruments.iter().zip(terms) {
            self.open_instrument(spec, terms);
            if touched.insert(spec.underlying) {
                self.underlyings[usize::from(spec.underlying) - 1].listing_epoch += 1;
            }
            events.push(InstrumentListed { instrument: spec.instrument }.into());
            self.stepped(steps, StepAction::List, Subject::NONE);
        }
        Ok(())
    }

    pub(crate) fn set_mode(&mut self, command: &SetMode, events: &mut Vec<Event>) -> Result<(), Reject> {
        let place = self.underlying_place(command.underlying)?;
        self.check_administration(&command.admin)?;
        if self.underlyings[place].mode == command.mode {
            return Err(Reject::NothingToDo);
        }

        self.globals.admin_nonce += 1;
        self.underlyings[place].mode = command.mode;
        self.markets_changed();
        self.tracker.underlying(command.underlying);
        events.push(ModeChanged { underlying: command.underlying, mode: command.mode }.into());
        Ok(())
    }

    /// `strict`: whether a value is refused under which a number of some mark does not fit.
    pub(crate) fn set_parameter(
        &mut self,
        command: &SetParameter,
        strict: bool,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        self.check_administration(&command.admin)?;
        let change = &command.change;
        if self.parameters.get(change.parameter) == change.value {
            return Err(Reject::NothingToDo);
        }
        let parameters = self.parameters.with(change)?;
        let terms = self.terms_under(&parameters, strict)?;

        self.globals.admin_nonce += 1;
        self.parameters = parameters;
        self.markets_changed();
        for (instrument, terms) in self.instruments.iter_mut().zip(terms) {
            instrument.terms = terms;
        }
        self.generation += 1;
        for underlying in &mut self.underlyings {
            underlying.generation = self.generation;
        }
        events.push(ParameterChanged { change: change.clone() }.into());
        Ok(())
    }

    /// Everybody's terms under other parameters, at the marks as they are. `strict`: all of them fit.
    pub(crate) fn terms_under(&self, parameters: &Parameters, strict: bool) -> Result<Vec<Terms>, Reject> {
        let terms = self.instruments.iter().map(|instrument| self.terms_of(instrument, parameters, strict));
        terms.collect::<Result<_, _>>()
    }

    fn terms_of(
        &self,
        instrument: &Instrument,
        parameters: &Parameters,
        strict: bool,
    ) -> Result<Terms, Reject> {
        let underlying = &self.underlyings[usize::from(instrument.spec.underlying) - 1];
        match (&instrument.mark, &underlying.inputs) {
            (Some(mark), Some(_)) => {
                let mut terms = instrument.terms;
                let mut basis = Basis::new(instrument.mark_index, parameters)?;
                terms.mark(terms.at(mark.mark, &mut basis)?.fitting(strict)?, parameters);
                Ok(terms)
            }
            _ => Ok(instrument.terms),
        }
    }

    /// Checks the quorum and the number of an administrators' command.
    pub(crate) fn check_administration(&self, admin: &Administration) -> Result<(), Reject> {
        let governance = self.governance()?;
        let stranger = |signer| Reject::NotAdministrator { signer };
        check_quorum(&admin.cosignatures, &governance.admins, governance.admin_quorum, stranger)?;
        let expected = self.globals.admin_nonce;
        if admin.nonce == expected { Ok(()) } else { Err(Reject::AdminNonce { expected, got: admin.nonce }) }
    }

    /// Checks the quorum of oracles.
    pub(crate) fn check_oracles(&self, cosignatures: &[Cosignature]) -> Result<(), Reject> {
        let governance = self.governance()?;
        let stranger = |signer| Reject::NotOracle { signer };
        check_quorum(cosignatures, &governance.oracles, governance.oracle_quorum, stranger)
    }

    fn check_listing(&self, specs: &[InstrumentSpec]) -> Result<Vec<Terms>, Reject> {
        if specs.is_empty() {
            return Err(Reject::NothingToDo);
        }
        let mut names = HashSet::new();
        let mut perpetuals = HashSet::new();
        let mut opened = vec![0; self.underlyings.len()];
        let mut terms = Vec::with_capacity(specs.len());
        for (expected, spec) in (self.instruments.len() as InstrumentId + 1..).zip(specs) {
            if spec.instrument != expected {
                return Err(Reject::ListingId { expected, got: spec.instrument });
            }
            if self.names.contains_key(&spec.name) || !names.insert(&spec.name) {
                return Err(Reject::NameTaken { name: spec.name.clone() });
            }
            let place = self.underlying_place(spec.underlying)?;
            let unsound = |what| Err(Reject::InvalidListing { instrument: spec.instrument, what });
            let perpetual = spec.kind == InstrumentKind::Perpetual;
            if perpetual && (self.underlyings[place].perpetual.is_some() || !perpetuals.insert(place)) {
                return unsound("the underlying has a perpetual");
            }
            opened[place] += 1;
            if self.underlyings[place].open.len() + opened[place] > OPEN_INSTRUMENTS_MAX {
                return unsound("the underlying has too many instruments");
            }
            if let Some(what) = fault_of(spec) {
                return unsound(what);
            }
            if !perpetual && spec.expiry <= self.globals.time {
                return unsound("expiry in the past");
            }
            terms.push(Terms::unmarked(spec)?);
        }
        Ok(terms)
    }

    fn open_instrument(&mut self, spec: &InstrumentSpec, terms: Terms) {
        self.names.insert(spec.name.clone(), spec.instrument);
        self.books.ensure(spec.instrument);
        self.tracker.instrument(spec.instrument);
        self.tracker.underlying(spec.underlying);
        let underlying = &mut self.underlyings[usize::from(spec.underlying) - 1];
        underlying.open.push(spec.instrument);
        if spec.kind == InstrumentKind::Perpetual {
            underlying.perpetual = Some(spec.instrument);
        } else {
            match underlying.expiry_place(spec.expiry) {
                Ok(at) => underlying.expiries[at].instruments.push(spec.instrument),
                Err(at) => {
                    let series =
                        Expiry { expiry: spec.expiry, price: None, instruments: vec![spec.instrument] };
                    underlying.expiries.insert(at, series);
                }
            }
        }
        self.instruments.push(Instrument {
            spec: spec.clone(),
            status: InstrumentStatus::Open,
            mark: None,
            mark_epoch: 0,
            mark_index: 0,
            funding_index: 0,
            funding_time: self.globals.time,
            open_interest: 0,
            holders: BTreeSet::new(),
            terms,
        });
    }
}

/// What is wrong with a spec by itself.
pub(crate) fn fault_of(spec: &InstrumentSpec) -> Option<&'static str> {
    let within = |value, max| (1..=max).contains(&value);
    if spec.name.is_empty() {
        return Some("no name");
    }
    if !within(spec.tick_size, PRICE_MAX) || !within(spec.lot_size, LOT_MAX) {
        return Some("tick or lot size out of range");
    }
    if i128::from(spec.tick_size) * i128::from(spec.lot_size) % i128::from(CONTRACT) != 0 {
        return Some("a tick of a lot is not whole micro-USDC");
    }
    if spec.lane_unit == 0 {
        return Some("no lane unit");
    }
    let bare = spec.strike == 0 && spec.expiry == 0 && spec.option_type == OptionType::Call;
    match spec.kind {
        InstrumentKind::Perpetual if !bare => Some("a perpetual has neither strike nor expiry nor type"),
        InstrumentKind::Option if !within(spec.strike, PRICE_MAX) => Some("strike out of range"),
        InstrumentKind::Perpetual | InstrumentKind::Option => None,
    }
}

/// Enough signatures, each by one of `members`; they ascend by signer, which was checked with the bounds.
fn check_quorum(
    cosignatures: &[Cosignature],
    members: &[Address],
    needed: u8,
    stranger: impl Fn(Address) -> Reject,
) -> Result<(), Reject> {
    for cosignature in cosignatures {
        if members.binary_search(&cosignature.signer).is_err() {
            return Err(stranger(cosignature.signer));
        }
    }
    let got = cosignatures.len();
    if got >= usize::from(needed) { Ok(()) } else { Err(Reject::Quorum { needed, got }) }
}

fn check_genesis(genesis: &Genesis) -> Result<(), Reject> {
    let unsound = |what| Err(Reject::InvalidGenesis { what });
    let quorum = |needed: u8, members: &[Address]| needed >= 1 && usize::from(needed) <= members.len();
    if !quorum(genesis.admin_quorum, &genesis.admins) {
        return unsound("administrators cannot reach their quorum");
    }
    if !quorum(genesis.oracle_quorum, &genesis.oracles) {
        return unsound("oracles cannot reach their quorum");
    }
    let assets = || genesis.assets.iter().map(|spec| spec.asset);
    if genesis.assets.is_empty() || !assets().eq(0..genesis.assets.len() as u16) {
        return unsound("asset ids do not count from 0");
    }
    if genesis.assets[0].symbol != "USDC" || genesis.assets.iter().any(|spec| spec.symbol.is_empty()) {
        return unsound("asset 0 is USDC, and every asset has a symbol");
    }
    let underlyings = || genesis.underlyings.iter().map(|spec| spec.underlying);
    if genesis.underlyings.is_empty() || !underlyings().eq(1..=genesis.underlyings.len() as u16) {
        return unsound("underlying ids do not count from 1");
    }
    if genesis.underlyings.iter().any(|spec| spec.symbol.is_empty()) {
        return unsound("every underlying has a symbol");
    }
    Ok(())
}
