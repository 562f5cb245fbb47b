//! Items of the contract's inbox: what the chain tells the venue, in the chain's order.

use crate::primitives::{Address, AssetId, Nanos, SubaccountId};
use crate::wire::{CodecError, Reader, Wire};

/// One item of the contract's inbox. Encoded as the contract packs it: `kind u8 ‖ fields`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboxBody {
    /// Assets arrived in the vault.
    Deposit {
        /// Who is credited.
        owner: Address,
        /// Subaccount of the owner, or 0: its first one, created when it has none.
        subaccount: SubaccountId,
        /// The asset.
        asset: AssetId,
        /// Amount in engine units (USDC 1e-6, others 1e-8).
        amount: i64,
    },
    /// The owner demands a withdrawal of up to `amount`.
    ForcedWithdraw {
        /// Who demands it.
        owner: Address,
        /// From which subaccount.
        subaccount: SubaccountId,
        /// The asset.
        asset: AssetId,
        /// Amount in engine units.
        amount: i64,
        /// Who is paid.
        recipient: Address,
    },
    /// The owner demands that all its orders be cancelled.
    ForcedCancelAll {
        /// Who demands it.
        owner: Address,
        /// Of which subaccount.
        subaccount: SubaccountId,
    },
    /// From now on the subaccount may only reduce its positions.
    ForcedCloseOnly {
        /// Who demands it.
        owner: Address,
        /// Which subaccount.
        subaccount: SubaccountId,
    },
    /// An owner (a contract wallet, say) registers a session key by transaction.
    RegisterKey {
        /// The owner.
        owner: Address,
        /// The session key.
        key: Address,
        /// Scope bits.
        scopes: u8,
        /// The key dies at this time.
        expiry: Nanos,
    },
    /// All trading nonces of `signer` below `floor` are dead.
    RaiseNonceFloor {
        /// The owner of the key; itself when `signer` equals it.
        owner: Address,
        /// The key.
        signer: Address,
        /// The new floor.
        floor: u64,
    },
}

impl Wire for InboxBody {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Deposit { owner, subaccount, asset, amount } => {
                out.push(1);
                owner.put(out);
                subaccount.put(out);
                asset.put(out);
                amount.put(out);
            }
            Self::ForcedWithdraw { owner, subaccount, asset, amount, recipient } => {
                out.push(2);
                owner.put(out);
                subaccount.put(out);
                asset.put(out);
                amount.put(out);
                recipient.put(out);
            }
            Self::ForcedCancelAll { owner, subaccount } => {
                out.push(3);
                owner.put(out);
                subaccount.put(out);
            }
            Self::ForcedCloseOnly { owner, subaccount } => {
                out.push(4);
                owner.put(out);
                subaccount.put(out);
            }
            Self::RegisterKey { owner, key, scopes, expiry } => {
                out.push(5);
                owner.put(out);
                key.put(out);
                scopes.put(out);
                expiry.put(out);
            }
            Self::RaiseNonceFloor { owner, signer, floor } => {
                out.push(6);
                owner.put(out);
                signer.put(out);
                floor.put(out);
            }
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(match u8::take(reader)? {
            1 => Self::Deposit {
                owner: Wire::take(reader)?,
                subaccount: Wire::take(reader)?,
                asset: Wire::take(reader)?,
                amount: Wire::take(reader)?,
            },
            2 => Self::ForcedWithdraw {
                owner: Wire::take(reader)?,
                subaccount: Wire::take(reader)?,
                asset: Wire::take(reader)?,
                amount: Wire::take(reader)?,
                recipient: Wire::take(reader)?,
            },
            3 => Self::ForcedCancelAll { owner: Wire::take(reader)?, subaccount: Wire::take(reader)? },
            4 => Self::ForcedCloseOnly { owner: Wire::take(reader)?, subaccount: Wire::take(reader)? },
            5 => Self::RegisterKey {
                owner: Wire::take(reader)?,
                key: Wire::take(reader)?,
                scopes: Wire::take(reader)?,
                expiry: Wire::take(reader)?,
            },
            6 => Self::RaiseNonceFloor {
                owner: Wire::take(reader)?,
                signer: Wire::take(reader)?,
                floor: Wire::take(reader)?,
            },
            value => return Err(CodecError::Unknown { what: "inbox item", value: value.into() }),
        })
    }
}

wire_struct! {
    /// The next item of the contract's inbox. The inbox chain is `keccak(chain ‖ index u64 ‖ item bytes)`.
    pub struct InboxItem {
        /// Its index, from 0.
        pub index: u64,
        /// What it says.
        pub body: InboxBody,
    }
}
