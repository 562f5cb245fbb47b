//! The venue: a replica, the secrets of everybody who signs, and the journal so far.

use crate::SECOND;
use crate::terms::{self, UNDERLYINGS};
use commitment::{Fault, Replica};
use engine::Engine;
use protocol::*;
use std::array;
use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::LazyLock;

/// When a venue opens.
pub const START: u64 = 1_770_000_000 * SECOND;
/// Threads that tests check signatures with.
pub const THREADS: NonZero<usize> = NonZero::new(3).expect("three is not zero");

/// Keys by role: owners from 0, their session keys from 50, then who governs.
pub(crate) const OWNERS: u8 = 6;
pub(crate) const ADMINS: [u8; 3] = [100, 101, 102];
pub(crate) const ORACLES: [u8; 3] = [110, 111, 112];
pub(crate) const HORIZON: u64 = u64::MAX;

/// The owner that a number stands for.
#[must_use]
pub fn owner(number: u64) -> u8 {
    (number % u64::from(OWNERS)) as u8
}

/// The session key of an owner.
pub(crate) fn session(owner: u8) -> u8 {
    50 + owner
}

fn secret(number: u8) -> [u8; 32] {
    [number + 1; 32]
}

pub(crate) fn address(number: u8) -> Address {
    ADDRESSES[usize::from(number)]
}

/// Addresses of the keys in use: asked for at every turn, and slow to come by.
static ADDRESSES: LazyLock<[Address; 128]> = LazyLock::new(|| {
    array::from_fn(|number| address_of(&secret(number as u8)).expect("a small number is a key"))
});

/// Addresses of keys, ascending.
pub(crate) fn addresses(keys: &[u8]) -> Vec<Address> {
    let mut addresses: Vec<_> = keys.iter().map(|&key| address(key)).collect();
    addresses.sort_unstable();
    addresses
}

/// A replica, what its clients know, and the journal of what it accepted.
#[derive(Debug, Clone)]
pub struct Venue {
    /// The replica.
    pub replica: Replica,
    /// Records of all accepted commands.
    pub records: Vec<Vec<u8>>,
    /// Records of refused commands, each with how many were accepted before it.
    pub refused: Vec<(usize, Vec<u8>)>,
    /// Names of all events so far.
    pub seen: BTreeSet<&'static str>,
    pub(crate) time: Nanos,
    /// Indices of the underlyings, 1e-9 USD.
    pub(crate) indices: [i64; UNDERLYINGS.len()],
    nonce: u64,
}

struct Names<'a>(&'a Engine);

impl protocol::Names for Names<'_> {
    fn instrument(&self, id: InstrumentId) -> Option<&str> {
        self.0.instrument(id).map(|instrument| instrument.spec.name.as_str())
    }
    fn underlying(&self, id: UnderlyingId) -> Option<&str> {
        self.0.underlying(id).map(|underlying| underlying.spec.symbol.as_str())
    }
    fn asset(&self, id: AssetId) -> Option<&str> {
        self.0.genesis()?.assets.get(usize::from(id)).map(|asset| asset.symbol.as_str())
    }
}

impl Venue {
    /// A venue that has opened, listed perpetuals and options of its underlyings, marked them, and credited every owner.
    #[must_use]
    pub fn open() -> Self {
        let mut venue = Self {
            replica: Replica::new(),
            records: Vec::new(),
            refused: Vec::new(),
            seen: BTreeSet::new(),
            time: START,
            indices: UNDERLYINGS.map(|market| market.index * NANO_ONE),
            nonce: START,
        };
        venue.must(terms::genesis().into());
        for underlying in 1..=UNDERLYINGS.len() as u16 {
            venue.must(venue.listing(underlying));
            venue.must(venue.mark(underlying));
        }
        for number in 0..OWNERS {
            let deposit =
                |asset, amount| InboxBody::Deposit { owner: address(number), subaccount: 0, asset, amount };
            venue.must(venue.inbox(deposit(0, 1_000_000 * USD)));
            venue.must(venue.inbox(deposit(1, 3 * CONTRACT)));
        }
        venue
    }

    /// Sequences a command that the venue cannot refuse.
    ///
    /// # Panics
    /// When it is refused.
    pub fn must(&mut self, command: Command) {
        let name = command.name();
        assert!(self.submit(command), "the venue refuses its own {name}");
    }

    /// Sequences a command; `false` when it is refused. Its signatures are right either way.
    ///
    /// # Panics
    /// When anything but a refusal keeps it from being applied.
    pub fn submit(&mut self, command: Command) -> bool {
        let record = Record { time: self.time, command }.to_bytes();
        match self.replica.apply(&record, false) {
            Ok(events) => self.seen.extend(events.iter().map(Event::name)),
            Err(error) => {
                assert!(matches!(error.fault, Fault::Refused(_)), "{error}");
                self.refused.push((self.records.len(), record));
                return false;
            }
        }
        self.records.push(record);
        true
    }

    /// The next item of the inbox.
    #[must_use]
    pub fn inbox(&self, body: InboxBody) -> Command {
        InboxItem { index: self.engine().globals().inbox_next, body }.into()
    }

    /// One of the subaccounts of an owner, or the first of all when it has none.
    #[must_use]
    pub fn subaccount(&self, who: u8, pick: u64) -> SubaccountId {
        match self.engine().key(&address(who)).map_or(&[][..], |key| &key.subaccounts) {
            [] => 1,
            list => list[pick as usize % list.len()],
        }
    }

    /// A command by an owner or its session key, with the next trading nonce.
    pub(crate) fn trading(&mut self, key: u8, make: impl Fn(Authorization) -> Command) -> Command {
        self.nonce = self.time.max(self.nonce + 1);
        self.seal(key, self.nonce, make)
    }

    /// A command by an owner, with its next sequential nonce.
    pub(crate) fn owned(&self, who: u8, make: impl Fn(Authorization) -> Command) -> Command {
        let nonce = self.engine().key(&address(who)).map_or(0, |key| key.next_nonce);
        self.seal(who, nonce, make)
    }

    /// A command by a quorum of administrators; which, depends on the nonce.
    pub(crate) fn administered<C: Into<Command>>(&self, make: impl Fn(Administration) -> C) -> Command {
        let nonce = self.engine().globals().admin_nonce;
        let admin = |cosignatures| Administration { nonce, cosignatures };
        let cosignatures = self.cosigned(&ADMINS, nonce, &make(admin(Vec::new())).into());
        make(admin(cosignatures)).into()
    }

    /// Signatures of two of three keys, ascending by address.
    pub(crate) fn cosigned(&self, keys: &[u8; 3], left_out: u64, command: &Command) -> Vec<Cosignature> {
        let signers = keys.iter().enumerate().filter(|(place, _)| *place as u64 != left_out % 3);
        let cosignature = |(_, &key): (usize, &u8)| Cosignature {
            signer: address(key),
            signature: self.sign(key, command),
        };
        let mut cosignatures: Vec<_> = signers.map(cosignature).collect();
        cosignatures.sort_unstable_by_key(|cosignature| cosignature.signer);
        cosignatures
    }

    /// The signature of a key over a command.
    pub(crate) fn sign(&self, key: u8, command: &Command) -> Signature {
        let genesis = terms::genesis();
        let domain = Domain::new(genesis.chain_id, genesis.contract);
        match digest(command, &domain, &Names(self.engine())) {
            Ok(Some(digest)) => sign(&digest, &secret(key)).expect("a small number is a key"),
            other => panic!("{} has no digest: {other:?}", command.name()),
        }
    }

    fn seal(&self, key: u8, nonce: u64, make: impl Fn(Authorization) -> Command) -> Command {
        let auth = |signature| Authorization { signer: address(key), nonce, expiry: HORIZON, signature };
        make(auth(self.sign(key, &make(auth(Signature::ZERO)))))
    }

    /// Nonce that trading actions have reached.
    pub(crate) fn nonce(&self) -> u64 {
        self.nonce
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.replica.engine()
    }

    /// More instruments of an underlying.
    pub(crate) fn listing(&self, underlying: UnderlyingId) -> Command {
        let first = self.engine().instruments().len() as u32 + 1;
        let state = self.engine().underlying(underlying).expect("the genesis has it");
        let index = self.index(underlying) / NANO_ONE;
        let instruments = terms::listing(underlying, first, state.perpetual.is_none(), index, self.time);
        self.administered(|admin| ListInstruments { instruments: instruments.clone(), admin })
    }

    pub(crate) fn index(&self, underlying: UnderlyingId) -> i64 {
        self.indices[usize::from(underlying) - 1]
    }
}
