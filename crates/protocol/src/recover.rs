//! secp256k1 signatures: signing, recovery, and the checks that make a signature unique.
//!
//! One signature per message and key: `s` in the lower half of the group order and `v` 27 or 28. Everything here is
//! thread-safe (libsecp256k1 keeps one context per thread) and touches no Python object.

use crate::eip712::Claim;
use crate::keccak256;
use crate::primitives::{Address, Hash, Signature};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, PublicKey, SecretKey};
use thiserror::Error;

/// Half of the group order: the highest `s` accepted.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, //
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// Why a signature is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The last byte names no recovery id.
    #[error("signature has v = {0}, not 27 or 28")]
    V(u8),
    /// `s` is in the upper half of the group order: the twin of a signature that was already given.
    #[error("signature has a high s")]
    HighS,
    /// No key can have made the signature.
    #[error("no key recovers from the signature of {digest}")]
    Unrecoverable {
        /// The digest.
        digest: Hash,
    },
    /// Another key made the signature, or it is over something else.
    #[error("signature of {digest} recovers to {recovered}, not to {claimed}")]
    Mismatch {
        /// The digest that the signature was checked against.
        digest: Hash,
        /// Who was said to have signed.
        claimed: Address,
        /// Who signed, if the digest is what was signed.
        recovered: Address,
    },
    /// A secret key is zero or not below the group order.
    #[error("not a secret key of secp256k1")]
    Secret,
}

/// The key that signed `digest`.
///
/// # Errors
/// [`SignatureError`] when `v` is not 27 or 28, `s` is high, or no key recovers.
pub fn recover(digest: &Hash, signature: &Signature) -> Result<Address, SignatureError> {
    let (compact, v) = (&signature.0[..64], signature.0[64]);
    let id = match v {
        27 => RecoveryId::Zero,
        28 => RecoveryId::One,
        v => return Err(SignatureError::V(v)),
    };
    if compact[32..] > HALF_ORDER[..] {
        return Err(SignatureError::HighS);
    }
    RecoverableSignature::from_compact(compact, id)
        .and_then(|signature| signature.recover_ecdsa(Message::from_digest(digest.0)))
        .map(|key| address(&key))
        .map_err(|_| SignatureError::Unrecoverable { digest: *digest })
}

/// Checks that every claim's signature recovers to its signer.
///
/// # Errors
/// The first [`SignatureError`].
pub fn verify(claims: &[Claim]) -> Result<(), SignatureError> {
    claims.iter().try_for_each(|Claim { signer, digest, signature }| match recover(digest, signature)? {
        recovered if recovered == *signer => Ok(()),
        recovered => Err(SignatureError::Mismatch { digest: *digest, claimed: *signer, recovered }),
    })
}

/// Signs `digest`: RFC 6979, low s, v 27 or 28.
///
/// # Errors
/// [`SignatureError::Secret`] when `secret` is not a key; [`SignatureError::V`] in the case (never seen, one in 2^127)
/// that the signature's point lies beyond the group order.
pub fn sign(digest: &Hash, secret: &[u8; 32]) -> Result<Signature, SignatureError> {
    let message = Message::from_digest(digest.0);
    let signature = RecoverableSignature::sign_ecdsa_recoverable(message, &secret_key(secret)?);
    let (id, compact) = signature.serialize_compact();
    let v = 27 + id.to_u8();
    if v > 28 {
        return Err(SignatureError::V(v));
    }
    let mut bytes = [0; 65];
    bytes[..64].copy_from_slice(&compact);
    bytes[64] = v;
    Ok(Signature(bytes))
}

/// The address of a secret key.
///
/// # Errors
/// [`SignatureError::Secret`] when `secret` is not a key.
pub fn address_of(secret: &[u8; 32]) -> Result<Address, SignatureError> {
    Ok(address(&PublicKey::from_secret_key(&secret_key(secret)?)))
}

/// The digest that wallets sign for a text (EIP-191 `personal_sign`).
#[must_use]
pub fn personal_digest(message: &[u8]) -> Hash {
    let prefix = format!("\x19Ethereum Signed Message:\n{}", message.len());
    keccak256(&[prefix.as_bytes(), message])
}

fn secret_key(secret: &[u8; 32]) -> Result<SecretKey, SignatureError> {
    SecretKey::from_secret_bytes(*secret).map_err(|_| SignatureError::Secret)
}

fn address(key: &PublicKey) -> Address {
    let hash = keccak256(&[&key.serialize_uncompressed()[1..]]);
    let mut address = Address::ZERO;
    address.0.copy_from_slice(&hash.0[12..]);
    address
}
