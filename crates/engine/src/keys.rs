//! Signers: owners with their sequential nonce, session keys with their grant, and the nonces that trading used up.

use crate::reject::Reject;
use protocol::{Address, Authorization, Nanos, SubaccountId};
use std::collections::{HashMap, VecDeque};

/// Trading nonces that a key remembers.
pub const NONCES_KEPT: usize = 64;

/// Place of a key in creation order.
pub(crate) type KeyIndex = u32;

/// What an owner lets a session key do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whose key it is, for good: a revoked key can only return to its owner.
    pub owner: Address,
    /// Scope bits.
    pub scopes: u8,
    /// Subaccounts it may act for, ascending; empty: all of the owner's.
    pub subaccounts: Vec<SubaccountId>,
    /// It is dead from this time on.
    pub expiry: Nanos,
    /// Whether it was taken back.
    pub revoked: bool,
}

/// An address that signs: an owner, a session key, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The address.
    pub address: Address,
    /// Its subaccounts, ascending, when it is an owner.
    pub subaccounts: Vec<SubaccountId>,
    /// Next number of its owner actions.
    pub next_nonce: u64,
    /// Trading nonces below are dead.
    pub floor: u64,
    /// The highest trading nonces used, ascending, at most [`NONCES_KEPT`].
    pub nonces: VecDeque<u64>,
    /// What its owner lets it do, when it is a session key.
    pub grant: Option<Grant>,
}

impl Key {
    fn new(address: Address) -> Self {
        Self {
            address,
            subaccounts: Vec::new(),
            next_nonce: 0,
            floor: 0,
            nonces: VecDeque::new(),
            grant: None,
        }
    }

    /// Checks a trading nonce against floor, time window and use.
    pub(crate) fn check_nonce(&self, nonce: u64, oldest: Nanos, newest: Nanos) -> Result<(), Reject> {
        if nonce < self.floor {
            return Err(Reject::NonceBelowFloor { nonce, floor: self.floor });
        }
        if nonce < oldest {
            return Err(Reject::NonceTooOld { nonce, oldest });
        }
        if nonce > newest {
            return Err(Reject::NonceTooNew { nonce, newest });
        }
        match self.nonces.back() {
            Some(&last) if nonce <= last => self.check_nonce_below_last(nonce),
            _ => Ok(()),
        }
    }

    fn check_nonce_below_last(&self, nonce: u64) -> Result<(), Reject> {
        if self.nonces.binary_search(&nonce).is_ok() {
            return Err(Reject::NonceUsed { nonce });
        }
        let lowest = self.nonces[0];
        if self.nonces.len() == NONCES_KEPT && nonce < lowest {
            return Err(Reject::NonceBelowWindow { nonce, lowest });
        }
        Ok(())
    }

    /// Uses a nonce that was checked.
    pub(crate) fn use_nonce(&mut self, nonce: u64) {
        if self.nonces.len() == NONCES_KEPT {
            self.nonces.pop_front();
        }
        let at = self.nonces.partition_point(|&used| used < nonce);
        debug_assert!(self.nonces.get(at) != Some(&nonce), "the nonce was checked");
        self.nonces.insert(at, nonce);
    }
}

/// Every key. Looked up by hash, iterated in creation order only.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    list: Vec<Key>,
    index: HashMap<Address, KeyIndex>,
}

impl Keys {
    pub fn find(&self, address: &Address) -> Option<KeyIndex> {
        self.index.get(address).copied()
    }

    pub fn get(&self, index: KeyIndex) -> &Key {
        &self.list[index as usize]
    }

    pub fn get_mut(&mut self, index: KeyIndex) -> &mut Key {
        &mut self.list[index as usize]
    }

    pub fn by_address(&self, address: &Address) -> Option<&Key> {
        self.find(address).map(|index| self.get(index))
    }

    /// The key of `address`, made if there is none.
    pub fn find_or_create(&mut self, address: Address) -> KeyIndex {
        self.find(&address).unwrap_or_else(|| self.push(Key::new(address)))
    }

    pub fn push(&mut self, key: Key) -> KeyIndex {
        let index = self.list.len() as KeyIndex;
        let before = self.index.insert(key.address, index);
        assert!(before.is_none(), "an address has one key");
        self.list.push(key);
        index
    }

    pub fn list(&self) -> &[Key] {
        &self.list
    }

    /// Checks that `auth` was made for `subaccount` by its owner, or by a live session key with one of the `scopes`.
    pub fn authorize(
        &self,
        owner: KeyIndex,
        subaccount: SubaccountId,
        auth: &Authorization,
        scopes: u8,
        time: Nanos,
    ) -> Result<KeyIndex, Reject> {
        check_signature_expiry(auth, time)?;
        let owner_key = self.get(owner);
        if owner_key.address == auth.signer {
            return Ok(owner);
        }
        let stranger = Reject::NotAuthorized { signer: auth.signer, subaccount };
        let Some(index) = self.find(&auth.signer) else { return Err(stranger) };
        let Some(grant) = &self.get(index).grant else { return Err(stranger) };
        if grant.owner != owner_key.address {
            return Err(stranger);
        }
        check_grant(grant, auth.signer, time)?;
        if grant.scopes & scopes == 0 {
            return Err(Reject::ScopeMissing { key: auth.signer, scopes: grant.scopes, needed: scopes });
        }
        check_grant_subaccount(grant, auth.signer, subaccount)?;
        Ok(index)
    }
}

pub(crate) fn check_grant(grant: &Grant, key: Address, time: Nanos) -> Result<(), Reject> {
    if grant.revoked {
        return Err(Reject::KeyRevoked { key });
    }
    if time >= grant.expiry {
        return Err(Reject::KeyExpired { key, expiry: grant.expiry });
    }
    Ok(())
}

pub(crate) fn check_grant_subaccount(
    grant: &Grant,
    key: Address,
    subaccount: SubaccountId,
) -> Result<(), Reject> {
    if grant.subaccounts.is_empty() || grant.subaccounts.binary_search(&subaccount).is_ok() {
        return Ok(());
    }
    Err(Reject::KeySubaccount { key, subaccount })
}

pub(crate) fn check_signature_expiry(auth: &Authorization, time: Nanos) -> Result<(), Reject> {
    if time < auth.expiry { Ok(()) } else { Err(Reject::SignatureExpired { expiry: auth.expiry, time }) }
}
