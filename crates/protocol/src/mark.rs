//! Marks: what oracles sign (inputs), and what follows from it by `pricing` (arrays).

use crate::primitives::{Address, Hash, InstrumentId, Nanos, Signature, UnderlyingId};
use crate::wire::{CodecError, Reader, Wire};
use std::sync::Arc;

/// Scenario lanes per instrument.
pub const LANES: usize = 64;
/// Price nodes of a vol row; cells between them carry one gap each.
pub const PRICE_NODES: usize = 17;
/// Interval gaps per instrument.
pub const GAPS: usize = PRICE_NODES - 1;
/// Bytes that are hashed at once: a power of two of BLAKE3's chunks.
const HASH_PIECE: usize = 1 << 15;
/// The settlement price of an expiry is the average of the index over this long before it.
pub const SETTLEMENT_WINDOW_NS: Nanos = 1_800_000_000_000;

wire_struct! {
    /// A raw SVI slice: w(k) = a + b·(ρ(k − m) + √((k − m)² + σ²)), w total variance, k = ln(K/F). Fixed point 1e-9.
    pub struct SviSlice {
        /// Level of variance.
        pub a: i64,
        /// Slope of the wings, ≥ 0.
        pub b: i64,
        /// Rotation, in (−1, 1).
        pub rho: i64,
        /// Shift.
        pub m: i64,
        /// Smoothness, > 0.
        pub sigma: i64,
    }
}

wire_struct! {
    /// Inputs of one expiry.
    pub struct ExpiryInputs {
        /// Expiry time.
        pub expiry: Nanos,
        /// Forward, 1e-9 USD.
        pub forward: i64,
        /// Continuously compounded discount rate, 1e-9.
        pub rate: i64,
        /// The smile.
        pub smile: SviSlice,
    }
}

wire_struct! {
    /// What an oracle quorum signs for one underlying.
    pub struct MarkInputs {
        /// The underlying.
        pub underlying: UnderlyingId,
        /// Oracle time; T of every option is measured from here.
        pub time: Nanos,
        /// Index price, 1e-9 USD.
        pub index: i64,
        /// Half-width of the index's confidence, 1e-9 of the index.
        pub confidence: u32,
        /// Fresh index sources.
        pub sources: u8,
        /// Mark of the perpetual, 1e-9 USD.
        pub perpetual_mark: i64,
        /// Funding rate of the perpetual per eight hours, 1e-9.
        pub funding_rate: i64,
        /// One entry per live expiry, ascending.
        pub expiries: Vec<ExpiryInputs>,
    }
}

wire_struct! {
    /// A signature with the key it must recover to; lists of these ascend by signer.
    pub struct Cosignature {
        /// The key.
        pub signer: Address,
        /// Its signature.
        pub signature: Signature,
    }
}

wire_struct! {
    /// New marks of one underlying.
    pub struct MarkUpdate {
        /// The signed inputs.
        pub inputs: MarkInputs,
        /// M of N oracle signatures over the inputs.
        pub cosignatures: Vec<Cosignature>,
        /// Listing epoch of the underlying that the arrays cover.
        pub listing_epoch: u32,
        /// Hash of the [`MarkArrays`] that follow from the inputs.
        pub arrays_hash: Hash,
    }
}

/// What follows from the inputs for one instrument. Prices per whole contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstrumentMark {
    /// The instrument.
    pub instrument: InstrumentId,
    /// Mark price, micro-USDC per contract.
    pub mark: i64,
    /// Implied vol of the mark, 1e-9; 0 for a perpetual.
    pub iv: i64,
    /// Delta, 1e-9.
    pub delta: i64,
    /// Vega, micro-USDC per contract and vol point.
    pub vega: i64,
    /// Scenario lanes and gaps; absent in arrays version 0. Shared by all who hold the mark.
    pub risk: Option<Arc<RiskArray>>,
}

/// Per-lot scenario P&L and interval gaps, in the unit fixed at listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskArray {
    /// P&L per long lot in each lane, rounded down.
    pub lanes: [i32; LANES],
    /// Largest chord-minus-tangent distance of each cell, rounded up.
    pub gaps: [u32; GAPS],
}

impl Wire for RiskArray {
    fn put(&self, out: &mut Vec<u8>) {
        let lanes = self.lanes.iter().map(|lane| lane.to_be_bytes());
        let gaps = self.gaps.iter().map(|gap| gap.to_be_bytes());
        let mut bytes = [[0; 4]; LANES + GAPS];
        bytes.iter_mut().zip(lanes.chain(gaps)).for_each(|(place, number)| *place = number);
        out.extend_from_slice(bytes.as_flattened());
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (mut lanes, mut gaps) = ([0; LANES], [0; GAPS]);
        for lane in &mut lanes {
            *lane = Wire::take(reader)?;
        }
        for gap in &mut gaps {
            *gap = Wire::take(reader)?;
        }
        Ok(Self { lanes, gaps })
    }
}

impl Wire for InstrumentMark {
    fn put(&self, out: &mut Vec<u8>) {
        self.instrument.put(out);
        self.mark.put(out);
        self.iv.put(out);
        self.delta.put(out);
        self.vega.put(out);
        self.risk.is_some().put(out);
        if let Some(risk) = &self.risk {
            risk.put(out);
        }
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            instrument: Wire::take(reader)?,
            mark: Wire::take(reader)?,
            iv: Wire::take(reader)?,
            delta: Wire::take(reader)?,
            vega: Wire::take(reader)?,
            risk: <Option<RiskArray> as Wire>::take(reader)?.map(Arc::new),
        })
    }
}

wire_struct! {
    /// Marks of every live instrument of one underlying, ascending by instrument. Never journaled: recomputed.
    pub struct MarkArrays {
        /// The underlying.
        pub underlying: UnderlyingId,
        /// 0: marks and Greeks only; 1: with lanes and gaps.
        pub version: u8,
        /// One entry per live instrument.
        pub marks: Vec<InstrumentMark>,
    }
}

impl MarkArrays {
    /// The hash that a [`MarkUpdate`] names: BLAKE3 of the encoding. No contract recomputes it (the chain checks marks
    /// leaf by leaf), so it is the hash that is quick for a processor: a tenth of keccak's time for a whole chain.
    ///
    /// With lanes that is a third of a megabyte, which is encoded and hashed piece by piece in the processor's cache.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let Self { underlying, version, marks } = self;
        let mut hasher = blake3::Hasher::new();
        let mut piece = Vec::with_capacity(2 * HASH_PIECE);
        underlying.put(&mut piece);
        version.put(&mut piece);
        (marks.len() as u16).put(&mut piece);
        for mark in marks {
            mark.put(&mut piece);
            if piece.len() >= HASH_PIECE {
                hasher.update(&piece[..HASH_PIECE]);
                piece.drain(..HASH_PIECE);
            }
        }
        Hash(*hasher.update(&piece).finalize().as_bytes())
    }
}

/// Arrays with their hash, which is computed once in a process, whoever checks it: they cannot be taken apart or changed.
/// Only who follows a mark of somebody else puts them under the hash that the mark names, see [`Self::named`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedArrays {
    arrays: MarkArrays,
    hash: Hash,
}

impl HashedArrays {
    /// Hashes `arrays`.
    #[must_use]
    pub fn new(arrays: MarkArrays) -> Self {
        let hash = arrays.hash();
        Self { arrays, hash }
    }

    /// Arrays under a hash that somebody says they have. No step judges it, so that a mark whose author names another one is
    /// followed.
    #[must_use]
    pub fn named(arrays: MarkArrays, hash: Hash) -> Self {
        Self { arrays, hash }
    }

    /// The arrays.
    #[must_use]
    pub fn arrays(&self) -> &MarkArrays {
        &self.arrays
    }

    /// Their hash.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }
}
