//! Subaccounts, session keys and nonce floors: who may act for whom.

use crate::accounts::Account;
use crate::keys::{Grant, KeyIndex, check_grant, check_signature_expiry};
use crate::reject::Reject;
use crate::state::Engine;
use protocol::{
    Address, CreateSubaccount, Event, KeyRegistered, KeyRevoked, Nanos, NonceFloorRaised, RaiseNonceFloor,
    RegisterSessionKey, RevokeSessionKey, SubaccountCreated, SubaccountId, scope,
};

/// Most subaccounts of one owner.
pub const SUBACCOUNTS_MAX: usize = 256;

impl Engine {
    pub(crate) fn create_subaccount(
        &mut self,
        command: &CreateSubaccount,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let owner = command.auth.signer;
        check_signature_expiry(&command.auth, self.globals.time)?;
        self.check_signer_nonce(owner, command.auth.nonce)?;
        let count = self.keys.by_address(&owner).map_or(0, |key| key.subaccounts.len());
        if count >= SUBACCOUNTS_MAX {
            return Err(Reject::TooManySubaccounts { max: SUBACCOUNTS_MAX });
        }

        let index = self.keys.find_or_create(owner);
        self.use_owner_nonce(index);
        self.open_subaccount(index, events);
        Ok(())
    }

    pub(crate) fn register_key(
        &mut self,
        command: &RegisterSessionKey,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let owner = command.auth.signer;
        check_signature_expiry(&command.auth, self.globals.time)?;
        self.check_signer_nonce(owner, command.auth.nonce)?;
        self.check_new_grant(owner, command.key, command.scopes, command.key_expiry)?;
        for &subaccount in &command.subaccounts {
            if self.owner_of(subaccount) != Some(owner) {
                return Err(Reject::ForeignSubaccount { subaccount });
            }
        }

        let index = self.keys.find_or_create(owner);
        self.use_owner_nonce(index);
        self.grant(
            owner,
            command.key,
            command.scopes,
            command.subaccounts.clone(),
            command.key_expiry,
            events,
        );
        Ok(())
    }

    pub(crate) fn revoke_key(
        &mut self,
        command: &RevokeSessionKey,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let owner = command.auth.signer;
        check_signature_expiry(&command.auth, self.globals.time)?;
        self.check_signer_nonce(owner, command.auth.nonce)?;
        let key = command.key;
        let unknown = Reject::KeyNotRegistered { key };
        let Some(index) = self.keys.find(&key) else { return Err(unknown) };
        let live = |grant: &Grant| grant.owner == owner && !grant.revoked;
        if !self.keys.get(index).grant.as_ref().is_some_and(live) {
            return Err(unknown);
        }

        let signer = self.keys.find_or_create(owner);
        self.use_owner_nonce(signer);
        if let Some(grant) = &mut self.keys.get_mut(index).grant {
            grant.revoked = true;
        }
        self.tracker.key(key);
        events.push(KeyRevoked { owner, key }.into());
        Ok(())
    }

    pub(crate) fn raise_nonce_floor(
        &mut self,
        command: &RaiseNonceFloor,
        events: &mut Vec<Event>,
    ) -> Result<(), Reject> {
        let signer = command.auth.signer;
        check_signature_expiry(&command.auth, self.globals.time)?;
        let index = self.keys.find(&signer).ok_or(Reject::UnknownSigner { signer })?;
        let key = self.keys.get(index);
        if let Some(grant) = key.grant.as_ref().filter(|_| key.subaccounts.is_empty()) {
            check_grant(grant, signer, self.globals.time)?;
        }
        self.check_nonce(index, command.auth.nonce)?;
        if command.floor <= key.floor {
            return Err(Reject::FloorNotRaised { floor: command.floor, current: key.floor });
        }

        self.use_nonce(index, command.auth.nonce);
        self.set_floor(index, command.floor, events);
        Ok(())
    }

    /// Creates the next subaccount, for an owner that exists. Returns its place.
    pub(crate) fn open_subaccount(&mut self, owner: KeyIndex, events: &mut Vec<Event>) -> usize {
        let place = self.accounts.len();
        let id = place as SubaccountId + 1;
        self.accounts.push(Account::new(id, owner));
        let key = self.keys.get_mut(owner);
        key.subaccounts.push(id);
        self.tracker.account(id);
        self.tracker.key(key.address);
        events.push(SubaccountCreated { subaccount: id, owner: key.address }.into());
        place
    }

    /// Whether `owner` may make `key` its session key.
    pub(crate) fn check_new_grant(
        &self,
        owner: Address,
        key: Address,
        scopes: u8,
        expiry: Nanos,
    ) -> Result<(), Reject> {
        if key == Address::ZERO || key == owner {
            return Err(Reject::InvalidKey { key });
        }
        if scopes == 0 || scopes & !scope::ALL != 0 {
            return Err(Reject::NoScopes);
        }
        let time = self.globals.time;
        if expiry <= time {
            return Err(Reject::KeyExpiryPast { expiry, time });
        }
        let taken = |held: &crate::keys::Key| {
            !held.subaccounts.is_empty() || held.grant.as_ref().is_some_and(|grant| grant.owner != owner)
        };
        if self.keys.by_address(&key).is_some_and(taken) { Err(Reject::KeyTaken { key }) } else { Ok(()) }
    }

    /// Gives `key` a grant that was checked.
    pub(crate) fn grant(
        &mut self,
        owner: Address,
        key: Address,
        scopes: u8,
        subaccounts: Vec<SubaccountId>,
        expiry: Nanos,
        events: &mut Vec<Event>,
    ) {
        let index = self.keys.find_or_create(key);
        self.keys.get_mut(index).grant = Some(Grant { owner, scopes, subaccounts, expiry, revoked: false });
        self.tracker.key(key);
        events.push(KeyRegistered { owner, key, scopes, expiry }.into());
    }

    pub(crate) fn set_floor(&mut self, index: KeyIndex, floor: u64, events: &mut Vec<Event>) {
        let key = self.keys.get_mut(index);
        key.floor = floor;
        self.tracker.key(key.address);
        events.push(NonceFloorRaised { signer: key.address, floor }.into());
    }

    /// An owner's sequential nonce; an address that never acted is at 0.
    fn check_signer_nonce(&self, signer: Address, nonce: u64) -> Result<(), Reject> {
        let expected = self.keys.by_address(&signer).map_or(0, |key| key.next_nonce);
        if nonce == expected { Ok(()) } else { Err(Reject::OwnerNonce { expected, got: nonce }) }
    }
}
