//! The whole state as bytes, and back.
//!
//! Canonical: equal states have equal bytes, however they came about. Only what cannot be recomputed is written; sums,
//! indices and terms are rebuilt, and the books are refilled in priority order, so that a restored engine behaves as
//! the one that was saved.

use crate::accounts::{Account, Holding, OpenOrder};
use crate::admin::fault_of;
use crate::admission::ORDER_LOTS_MAX;
use crate::book::Resting;
use crate::clients::{CLOSED_MAX, ClientId, ClientIds};
use crate::instruments::{Expiry, Instrument, InstrumentStatus, Underlying};
use crate::keys::{Grant, Key};
use crate::marks::{INDEX_MAX, MARK_MAX};
use crate::parameters::Parameters;
use crate::state::{Engine, Globals, Governance};
use crate::terms::Terms;
use protocol::{
    CodecError, Hash, InstrumentId, InstrumentKind, Nanos, OrderId, ParameterValue, Reader, Wire, keccak256,
};
use std::collections::BTreeSet;

/// Version of the layout, the first byte.
const VERSION: u8 = 2;

type Taken<T> = Result<T, CodecError>;

fn put_list<T>(
    items: impl ExactSizeIterator<Item = T>,
    out: &mut Vec<u8>,
    mut put: impl FnMut(T, &mut Vec<u8>),
) {
    u32::try_from(items.len()).expect("a snapshot list holds fewer than 2³² items").put(out);
    items.for_each(|item| put(item, out));
}

fn take_list<T>(reader: &mut Reader<'_>, mut take: impl FnMut(&mut Reader<'_>) -> Taken<T>) -> Taken<Vec<T>> {
    let count = u32::take(reader)?;
    (0..count).map(|_| take(reader)).collect()
}

fn unknown(what: &'static str, value: u64) -> CodecError {
    CodecError::Unknown { what, value }
}

impl Engine {
    /// Hash of the snapshot: equal states hash equal.
    #[must_use]
    pub fn state_hash(&self) -> Hash {
        keccak256(&[&self.to_bytes()])
    }

    fn put_books(&self, out: &mut Vec<u8>) {
        u32::try_from(self.books.len()).expect("slab indices are u32").put(out);
        for (_, resting) in self.books.iter() {
            let account = &self.accounts[resting.subaccount as usize - 1];
            let open = account.order(resting.order).expect("a resting order has an account");
            put_resting(resting, out);
            open.filled.put(out);
            open.priority.put(out);
        }
    }

    fn take_order(&mut self, reader: &mut Reader<'_>) -> Taken<()> {
        let resting = take_resting(reader)?;
        let (filled, priority) = (Wire::take(reader)?, Wire::take(reader)?);
        let Resting { order, price, instrument, side, lots, subaccount, valid_until, .. } = resting;
        self.instrument_place(instrument).map_err(|_| unknown("instrument", instrument.into()))?;
        let account = self.account_place(subaccount).map_err(|_| unknown("subaccount", subaccount))?;
        if !(1..=ORDER_LOTS_MAX).contains(&lots) || order == OrderId(u64::MAX) {
            return Err(unknown("resting order", order.0));
        }
        let handle = self.books.insert(resting);
        let account = &mut self.accounts[account];
        let mut holding = *account.holding(instrument).ok_or(unknown("holding", instrument.into()))?;
        let open = holding.open(side).with(side, lots, price).map_err(|_| unknown("open size", order.0))?;
        *holding.open_mut(side) = open;
        account.store(holding);
        if account.orders.find(order).is_some() {
            return Err(CodecError::Order("orders"));
        }
        account.orders.insert(order, OpenOrder { order, handle, price, filled, priority, instrument, side });
        if valid_until != 0 {
            self.ends.insert((valid_until, order), subaccount);
        }
        Ok(())
    }

    /// Rebuilds what the lists imply: names, open instruments, series, holders, terms.
    fn rebuild(&mut self) -> Taken<()> {
        for account in &self.accounts {
            if account.holdings.iter().any(Holding::is_empty) {
                return Err(unknown("holding", account.id));
            }
            for holding in account.holdings.iter().filter(|holding| holding.position != 0) {
                let instrument = &mut self.instruments[holding.instrument as usize - 1];
                instrument.holders.insert(account.id);
                let interest = instrument.open_interest.checked_add(holding.position.max(0));
                instrument.open_interest =
                    interest.ok_or(unknown("open interest", holding.instrument.into()))?;
            }
        }
        for place in 0..self.instruments.len() {
            self.rebuild_instrument(place)?;
        }
        let terms = self.terms_under(&self.parameters, false).map_err(|_| unknown("marks", 0))?;
        for (instrument, terms) in self.instruments.iter_mut().zip(terms) {
            instrument.terms = terms;
        }
        for underlying in &mut self.underlyings {
            let wrong = unknown("risk table", underlying.id().into());
            underlying.margin = underlying.margin_again().map_err(|_| wrong)?;
        }
        self.review_markets(|_, _| {});
        self.watch_everybody();
        Ok(())
    }

    fn rebuild_instrument(&mut self, place: usize) -> Taken<()> {
        let Instrument { spec, status, .. } = &self.instruments[place];
        self.names.insert(spec.name.clone(), spec.instrument);
        let wrong = unknown("underlying", spec.underlying.into());
        let underlying =
            self.underlyings.get_mut(usize::from(spec.underlying).wrapping_sub(1)).ok_or(wrong)?;
        if *status == InstrumentStatus::Open {
            underlying.open.push(spec.instrument);
        }
        if spec.kind == InstrumentKind::Perpetual {
            underlying.perpetual = Some(spec.instrument);
        } else if *status != InstrumentStatus::Closed {
            let at = underlying.expiry_place(spec.expiry).map_err(|_| unknown("expiry", spec.expiry))?;
            underlying.expiries[at].instruments.push(spec.instrument);
        }
        Ok(())
    }
}

impl Wire for Engine {
    fn put(&self, out: &mut Vec<u8>) {
        VERSION.put(out);
        self.globals.put(out);
        self.governance.put(out);
        self.parameters.iter().for_each(|value| value.value.put(out));
        put_list(self.collateral.iter(), out, |terms, out| terms.put(out));
        put_list(self.underlyings.iter(), out, put_underlying);
        put_list(self.instruments.iter(), out, put_instrument);
        put_list(self.keys.list().iter(), out, put_key);
        put_list(self.accounts.iter(), out, put_account);
        self.put_books(out);
    }

    fn take(reader: &mut Reader<'_>) -> Taken<Self> {
        let version = u8::take(reader)?;
        if version != VERSION {
            return Err(unknown("snapshot version", version.into()));
        }
        let mut engine = Self::new();
        engine.globals = Wire::take(reader)?;
        engine.governance = Wire::take(reader)?;
        let assets = engine.governance.as_ref().map_or(0, |governance| governance.assets.len());
        if engine.globals.deposited.len() != assets || engine.globals.withdrawn.len() != assets {
            return Err(unknown("number of assets", assets as u64));
        }
        engine.parameters = take_parameters(reader, engine.governance.is_some())?;
        engine.collateral = take_list(reader, Wire::take)?;
        if engine.collateral.len() != assets {
            return Err(unknown("number of assets", assets as u64));
        }
        engine.underlyings = take_list(reader, take_underlying)?;
        let mut id = 0;
        engine.instruments = take_list(reader, |reader| {
            id += 1;
            take_instrument(id, reader)
        })?;
        for key in take_list(reader, take_key)? {
            if engine.keys.find(&key.address).is_some() {
                return Err(CodecError::Order("keys"));
            }
            engine.keys.push(key);
        }
        let (instruments, keys) = (engine.instruments.len() as u64, engine.keys.list().len() as u64);
        let mut id = 0;
        engine.accounts = take_list(reader, |reader| {
            id += 1;
            take_account(id, instruments, keys, reader)
        })?;
        engine.books.ensure(engine.instruments.len() as InstrumentId);
        let orders = u32::take(reader)?;
        for _ in 0..orders {
            engine.take_order(reader)?;
        }
        engine.rebuild()?;
        Ok(engine)
    }
}

fn take_parameters(reader: &mut Reader<'_>, open: bool) -> Taken<Parameters> {
    let mut list = Parameters::UNSET.iter().collect::<Vec<ParameterValue>>();
    for value in &mut list {
        value.value = Wire::take(reader)?;
    }
    if !open {
        return Ok(Parameters::UNSET);
    }
    Parameters::from_list(&list).map_err(|_| unknown("parameters", 0))
}

impl Wire for Globals {
    fn put(&self, out: &mut Vec<u8>) {
        self.sequence.put(out);
        self.time.put(out);
        self.admin_nonce.put(out);
        self.inbox_next.put(out);
        self.inbox_hash.put(out);
        self.trades.put(out);
        self.withdrawals.put(out);
        self.liquidations.put(out);
        self.fees.put(out);
        self.insurance.put(out);
        self.funding_pool.put(out);
        self.deposited.put(out);
        self.withdrawn.put(out);
    }
    fn take(reader: &mut Reader<'_>) -> Taken<Self> {
        Ok(Self {
            sequence: Wire::take(reader)?,
            time: Wire::take(reader)?,
            admin_nonce: Wire::take(reader)?,
            inbox_next: Wire::take(reader)?,
            inbox_hash: Wire::take(reader)?,
            trades: Wire::take(reader)?,
            withdrawals: Wire::take(reader)?,
            liquidations: Wire::take(reader)?,
            fees: Wire::take(reader)?,
            insurance: Wire::take(reader)?,
            funding_pool: Wire::take(reader)?,
            deposited: Wire::take(reader)?,
            withdrawn: Wire::take(reader)?,
        })
    }
}

impl Wire for Governance {
    fn put(&self, out: &mut Vec<u8>) {
        self.chain_id.put(out);
        self.contract.put(out);
        self.operator.put(out);
        self.admins.put(out);
        self.admin_quorum.put(out);
        self.oracles.put(out);
        self.oracle_quorum.put(out);
        self.assets.put(out);
    }
    fn take(reader: &mut Reader<'_>) -> Taken<Self> {
        Ok(Self {
            chain_id: Wire::take(reader)?,
            contract: Wire::take(reader)?,
            operator: Wire::take(reader)?,
            admins: Wire::take(reader)?,
            admin_quorum: Wire::take(reader)?,
            oracles: Wire::take(reader)?,
            oracle_quorum: Wire::take(reader)?,
            assets: Wire::take(reader)?,
        })
    }
}

fn put_underlying(underlying: &Underlying, out: &mut Vec<u8>) {
    underlying.spec.put(out);
    underlying.mode.put(out);
    underlying.listing_epoch.put(out);
    underlying.mark_epoch.put(out);
    underlying.inputs.put(out);
    underlying.risk.put(out);
    put_list(underlying.expiries.iter(), out, |series, out| {
        series.expiry.put(out);
        series.price.put(out);
    });
}

fn take_underlying(reader: &mut Reader<'_>) -> Taken<Underlying> {
    let mut underlying = Underlying::new(Wire::take(reader)?);
    underlying.mode = Wire::take(reader)?;
    underlying.listing_epoch = Wire::take(reader)?;
    underlying.mark_epoch = Wire::take(reader)?;
    underlying.inputs = Wire::take(reader)?;
    underlying.risk = Wire::take(reader)?;
    underlying.expiries = take_list(reader, |reader| {
        let expiry: Nanos = Wire::take(reader)?;
        Ok(Expiry { expiry, price: Wire::take(reader)?, instruments: Vec::new() })
    })?;
    if underlying.expiries.is_sorted_by(|a, b| a.expiry < b.expiry) {
        return Ok(underlying);
    }
    Err(CodecError::Order("expiries"))
}

fn put_instrument(instrument: &Instrument, out: &mut Vec<u8>) {
    instrument.spec.put(out);
    instrument.status.put(out);
    instrument.mark.put(out);
    instrument.mark_epoch.put(out);
    instrument.mark_index.put(out);
    instrument.funding_index.put(out);
    instrument.funding_time.put(out);
}

fn take_instrument(id: InstrumentId, reader: &mut Reader<'_>) -> Taken<Instrument> {
    let spec = protocol::InstrumentSpec::take(reader)?;
    let unsound = unknown("instrument", id.into());
    if spec.instrument != id || fault_of(&spec).is_some() {
        return Err(unsound);
    }
    let terms = Terms::unmarked(&spec).map_err(|_| unsound.clone())?;
    let instrument = Instrument {
        spec,
        status: Wire::take(reader)?,
        mark: Wire::take(reader)?,
        mark_epoch: Wire::take(reader)?,
        mark_index: Wire::take(reader)?,
        funding_index: Wire::take(reader)?,
        funding_time: Wire::take(reader)?,
        open_interest: 0,
        holders: BTreeSet::new(),
        terms,
    };
    let marked = instrument.mark.as_ref().is_none_or(|mark| (0..=MARK_MAX).contains(&mark.mark));
    if marked && (0..=INDEX_MAX).contains(&instrument.mark_index) { Ok(instrument) } else { Err(unsound) }
}

fn put_key(key: &Key, out: &mut Vec<u8>) {
    key.address.put(out);
    put_list(key.subaccounts.iter(), out, |id, out| id.put(out));
    key.next_nonce.put(out);
    key.floor.put(out);
    put_list(key.nonces.iter(), out, |nonce, out| nonce.put(out));
    key.grant.is_some().put(out);
    if let Some(grant) = &key.grant {
        grant.owner.put(out);
        grant.scopes.put(out);
        grant.subaccounts.put(out);
        grant.expiry.put(out);
        grant.revoked.put(out);
    }
}

fn take_key(reader: &mut Reader<'_>) -> Taken<Key> {
    Ok(Key {
        address: Wire::take(reader)?,
        subaccounts: take_list(reader, Wire::take)?,
        next_nonce: Wire::take(reader)?,
        floor: Wire::take(reader)?,
        nonces: take_list(reader, Wire::take)?.into(),
        grant: if bool::take(reader)? { Some(take_grant(reader)?) } else { None },
    })
}

fn take_grant(reader: &mut Reader<'_>) -> Taken<Grant> {
    Ok(Grant {
        owner: Wire::take(reader)?,
        scopes: Wire::take(reader)?,
        subaccounts: Wire::take(reader)?,
        expiry: Wire::take(reader)?,
        revoked: Wire::take(reader)?,
    })
}

fn put_account(account: &Account, out: &mut Vec<u8>) {
    account.owner.put(out);
    account.close_only.put(out);
    account.model().put(out);
    account.call.put(out);
    account.liquidation.put(out);
    account.cash.put(out);
    put_list(account.assets.iter(), out, |entry, out| {
        entry.0.put(out);
        entry.1.put(out);
    });
    put_list(account.holdings.iter(), out, |holding, out| {
        holding.instrument.put(out);
        holding.position.put(out);
        holding.cost.put(out);
        holding.funding.put(out);
    });
    let mut put_client = |(id, order): &(ClientId, OrderId), out: &mut Vec<u8>| {
        id.as_str().to_owned().put(out);
        order.put(out);
    };
    put_list(account.clients.open_entries(), out, &mut put_client);
    put_list(account.clients.closed_entries(), out, &mut put_client);
}

fn take_account(id: u64, instruments: u64, keys: u64, reader: &mut Reader<'_>) -> Taken<Account> {
    let mut account = Account::new(id, Wire::take(reader)?);
    if u64::from(account.owner) >= keys {
        return Err(unknown("owner", account.owner.into()));
    }
    account.close_only = Wire::take(reader)?;
    account.set_model(Wire::take(reader)?);
    account.call = Wire::take(reader)?;
    account.liquidation = Wire::take(reader)?;
    account.cash = Wire::take(reader)?;
    account.assets = take_list(reader, |reader| Ok((Wire::take(reader)?, Wire::take(reader)?)))?;
    let holdings = take_list(reader, |reader| {
        let instrument: InstrumentId = Wire::take(reader)?;
        let mut holding = Holding::new(instrument, 0);
        holding.position = Wire::take(reader)?;
        holding.cost = Wire::take(reader)?;
        holding.funding = Wire::take(reader)?;
        Ok(holding)
    })?;
    let ascending = holdings.is_sorted_by(|a, b| a.instrument < b.instrument);
    let known = holdings.iter().all(|held| (1..=instruments).contains(&held.instrument.into()));
    if !ascending || !known {
        return Err(CodecError::Order("holdings"));
    }
    for holding in holdings {
        account.holdings.insert(holding.instrument, holding);
    }
    account.clients = take_clients(reader)?;
    Ok(account)
}

fn take_clients(reader: &mut Reader<'_>) -> Taken<ClientIds> {
    let mut clients = ClientIds::default();
    let open = take_list(reader, take_client)?;
    if !open.is_sorted_by(|a, b| a.1 < b.1) {
        return Err(CodecError::Order("open client ids"));
    }
    open.into_iter().for_each(|(id, order)| clients.opened(id.as_str(), order));
    let closed = take_list(reader, take_client)?;
    if closed.len() > CLOSED_MAX {
        return Err(CodecError::TooLong { what: "closed client ids", len: closed.len(), max: CLOSED_MAX });
    }
    closed.into_iter().for_each(|(id, order)| clients.remember(id, order));
    Ok(clients)
}

fn take_client(reader: &mut Reader<'_>) -> Taken<(ClientId, OrderId)> {
    let text = String::take(reader)?;
    let max = protocol::bounds::MAX_CLIENT_ID;
    if text.is_empty() || text.len() > max {
        return Err(CodecError::TooLong { what: "client id", len: text.len(), max });
    }
    Ok((ClientId::new(&text), Wire::take(reader)?))
}

fn put_resting(resting: &Resting, out: &mut Vec<u8>) {
    resting.instrument.put(out);
    resting.side.put(out);
    resting.price.put(out);
    resting.order.put(out);
    resting.subaccount.put(out);
    resting.lots.put(out);
    resting.max_fee.put(out);
    resting.valid_until.put(out);
    resting.reduce_only.put(out);
    resting.self_trade.put(out);
}

fn take_resting(reader: &mut Reader<'_>) -> Taken<Resting> {
    Ok(Resting {
        instrument: Wire::take(reader)?,
        side: Wire::take(reader)?,
        price: Wire::take(reader)?,
        order: Wire::take(reader)?,
        subaccount: Wire::take(reader)?,
        lots: Wire::take(reader)?,
        max_fee: Wire::take(reader)?,
        valid_until: Wire::take(reader)?,
        reduce_only: Wire::take(reader)?,
        self_trade: Wire::take(reader)?,
    })
}
