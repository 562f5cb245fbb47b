//! What oracles say: marks, and settlement prices.

use crate::SECOND;
use crate::venue::{ORACLES, Venue};
use protocol::*;

impl Venue {
    /// The index of the first underlying moves by a share in 1e-3, and is marked.
    pub fn move_index(&mut self, share: i64) -> Command {
        self.moved(1, share, 5)
    }

    /// The index of an underlying moves by a share in 1e-3, and is marked by so many sources.
    pub(crate) fn moved(&mut self, underlying: UnderlyingId, share: i64, sources: u8) -> Command {
        let index = &mut self.indices[usize::from(underlying) - 1];
        *index = (*index + *index / 1_000 * share).max(NANO_ONE);
        self.time += SECOND;
        self.mark_by(underlying, sources)
    }

    pub(crate) fn mark(&self, underlying: UnderlyingId) -> Command {
        self.mark_by(underlying, 5)
    }

    fn mark_by(&self, underlying: UnderlyingId, sources: u8) -> Command {
        let inputs = self.inputs(underlying, sources);
        let engine = self.engine();
        let arrays = pricing::mark_arrays(
            &inputs,
            engine.mark_arrays_spec(underlying, inputs.time),
            engine.mark_scenario(underlying, inputs.time),
        )
        .expect("sound inputs");
        let listing_epoch = engine.underlying(underlying).expect("the genesis has it").listing_epoch;
        let update = |cosignatures| -> Command {
            MarkUpdate { inputs: inputs.clone(), cosignatures, listing_epoch, arrays_hash: arrays.hash() }
                .into()
        };
        update(self.cosigned(&ORACLES, inputs.time, &update(Vec::new())))
    }

    fn inputs(&self, underlying: UnderlyingId, sources: u8) -> MarkInputs {
        let state = self.engine().underlying(underlying).expect("the genesis has it");
        let ahead = |series: &&engine::Expiry| series.price.is_none() && series.expiry > self.time;
        let index = self.index(underlying);
        let expiry = |series: &engine::Expiry| ExpiryInputs {
            expiry: series.expiry,
            forward: index + index / 500,
            rate: 0,
            smile: SviSlice { a: 10_000_000, b: 20_000_000, rho: -300_000_000, m: 0, sigma: 100_000_000 },
        };
        MarkInputs {
            underlying,
            time: self.time,
            index,
            confidence: 1_000,
            sources,
            perpetual_mark: index + index / 10_000,
            funding_rate: 100_000 - index / NANO_ONE % 7 * 40_000,
            expiries: state.expiries.iter().filter(ahead).map(expiry).collect(),
        }
    }

    /// The first expiry of an underlying, or one that is none.
    pub(crate) fn expiry(&self, underlying: UnderlyingId) -> Nanos {
        let state = self.engine().underlying(underlying).expect("the genesis has it");
        state.expiries.first().map_or(1, |series| series.expiry)
    }

    /// The price of an underlying's first expiry is fixed; time passes up to it when `now` says so.
    pub(crate) fn expire(&mut self, underlying: UnderlyingId, now: bool) -> Command {
        let (expiry, price) = (self.expiry(underlying), self.index(underlying) / 1_000);
        if now {
            self.time = self.time.max(expiry);
        }
        let expire = |cosignatures| -> Command { Expire { underlying, expiry, price, cosignatures }.into() };
        expire(self.cosigned(&ORACLES, expiry, &expire(Vec::new())))
    }
}
