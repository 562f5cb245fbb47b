//! Checking the signatures of many commands at once, before any of them is applied.

use engine::Engine;
use protocol::eip712::{self, Domain, Names, SigningError};
use protocol::{AssetId, Command, InstrumentId, Record, SignatureError, UnderlyingId, verify};
use std::collections::HashMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use thiserror::Error;

/// Commands that one thread takes at a time.
const CHUNK: usize = 32;

/// Why a command is not signed as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadSignature {
    /// Nobody can have signed it.
    #[error(transparent)]
    Unsignable(#[from] SigningError),
    /// A signature does not check out.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// A signed command before Genesis, which says for which chain and contract to sign.
    #[error("no signing domain before Genesis")]
    NoDomain,
}

/// What signatures of a run of commands are checked against: the names and the domain of the venue, and those that the
/// run itself brings. Ids are never reused, so a name that comes later in the run stands for nothing else before.
#[derive(Debug)]
struct Context<'a> {
    engine: &'a Engine,
    domain: Option<Domain>,
    instruments: HashMap<InstrumentId, &'a str>,
    underlyings: HashMap<UnderlyingId, &'a str>,
    assets: HashMap<AssetId, &'a str>,
}

impl<'a> Context<'a> {
    fn new(engine: &'a Engine, records: &'a [Record]) -> Self {
        let mut context = Self {
            engine,
            domain: engine.genesis().map(|genesis| Domain::new(genesis.chain_id, genesis.contract)),
            instruments: HashMap::new(),
            underlyings: HashMap::new(),
            assets: HashMap::new(),
        };
        for record in records {
            context.add(&record.command);
        }
        context
    }

    fn add(&mut self, command: &'a Command) {
        match command {
            Command::ListInstruments(listing) => {
                let names = listing.instruments.iter().map(|spec| (spec.instrument, spec.name.as_str()));
                self.instruments.extend(names);
            }
            Command::Genesis(genesis) if self.domain.is_none() => {
                self.domain = Some(Domain::new(genesis.chain_id, genesis.contract));
                self.underlyings
                    .extend(genesis.underlyings.iter().map(|spec| (spec.underlying, spec.symbol.as_str())));
                self.assets.extend(genesis.assets.iter().map(|spec| (spec.asset, spec.symbol.as_str())));
            }
            _ => {}
        }
    }

    fn check(&self, command: &Command) -> Result<(), BadSignature> {
        let Some(domain) = &self.domain else {
            return match eip712::struct_hash(command, self)? {
                None => Ok(()),
                Some(_) => Err(BadSignature::NoDomain),
            };
        };
        Ok(verify(&eip712::signatures(command, domain, self)?)?)
    }
}

impl Names for Context<'_> {
    fn instrument(&self, id: InstrumentId) -> Option<&str> {
        match self.engine.instrument(id) {
            Some(instrument) => Some(&instrument.spec.name),
            None => self.instruments.get(&id).copied(),
        }
    }
    fn underlying(&self, id: UnderlyingId) -> Option<&str> {
        match self.engine.underlying(id) {
            Some(underlying) => Some(&underlying.spec.symbol),
            None => self.underlyings.get(&id).copied(),
        }
    }
    fn asset(&self, id: AssetId) -> Option<&str> {
        match self.engine.genesis().and_then(|genesis| genesis.assets.get(usize::from(id))) {
            Some(asset) => Some(&asset.symbol),
            None => self.assets.get(&id).copied(),
        }
    }
}

/// Checks the signatures of `records`, which follow the state of `engine`, on `threads` threads.
///
/// # Errors
/// The index of the first record that is not signed as it must be, and why.
pub(crate) fn check(
    engine: &Engine,
    records: &[Record],
    threads: NonZero<usize>,
) -> Result<(), (usize, BadSignature)> {
    let context = Context::new(engine, records);
    let chunks: Vec<&[Record]> = records.chunks(CHUNK).collect();
    let (next, first_bad) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let work = || {
        loop {
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            // Chunks are taken in order: behind a fault there is none left that could be the first.
            if chunk >= chunks.len() || chunk * CHUNK > first_bad.load(Ordering::Relaxed) {
                return None;
            }
            let bad = chunks[chunk].iter().enumerate().find_map(|(i, record)| {
                context.check(&record.command).err().map(|error| (chunk * CHUNK + i, error))
            });
            if let Some((index, _)) = bad {
                first_bad.fetch_min(index, Ordering::Relaxed);
                return bad;
            }
        }
    };
    let helpers = threads.get().min(chunks.len()).saturating_sub(1);
    let found = std::thread::scope(|scope| {
        let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(work)).collect();
        let mut found = vec![work()];
        found.extend(
            helpers.into_iter().map(|helper| helper.join().expect("checking signatures does not panic")),
        );
        found
    });
    match found.into_iter().flatten().min_by_key(|(index, _)| *index) {
        Some(bad) => Err(bad),
        None => Ok(()),
    }
}
