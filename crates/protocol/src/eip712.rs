//! What a user signs: one EIP-712 struct per action, with every field that matters in clear.
//!
//! A wallet shows names, never ids: instruments, underlyings and assets are signed by name, enumerations by their
//! word. A command has at most one digest; all its signatures (one trader, an owner and the key that it registers, or M of
//! N oracles or administrators) are over that digest. `docs/protocol/signing.md` lists the structs with worked examples.

use crate::primitives::{Address, AssetId, Hash, InstrumentId, Signature, UnderlyingId};
use crate::{
    Administration, Authorization, CancelAll, CancelOrder, Command, Cosignature, CreateSubaccount, Expire,
    FundInsurance, LiquidationBid, MarkUpdate, PlaceOrder, RaiseNonceFloor, RegisterSessionKey, ReplaceOrder,
    RevokeSessionKey, SetMarginModel, Transfer, Wire, Withdraw, keccak256, scope,
};
use std::sync::OnceLock;
use thiserror::Error;

/// Name of the signing domain.
pub const DOMAIN_NAME: &str = "Synchromesh";
/// Version of the signing domain.
pub const DOMAIN_VERSION: &str = "1";

/// The signing domain of one venue: its chain and its settlement contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Domain {
    chain_id: u64,
    contract: Address,
    separator: Hash,
}

impl Domain {
    /// The domain of the settlement contract `contract` on the chain with EIP-155 id `chain_id`.
    #[must_use]
    pub fn new(chain_id: u64, contract: Address) -> Self {
        let separator = Words::of(&EIP712_DOMAIN)
            .text(DOMAIN_NAME)
            .text(DOMAIN_VERSION)
            .uint(chain_id)
            .address(&contract)
            .hash();
        Self { chain_id, contract, separator }
    }

    /// EIP-155 chain id.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The verifying contract.
    #[must_use]
    pub fn contract(&self) -> Address {
        self.contract
    }

    /// Hash of the domain struct.
    #[must_use]
    pub fn separator(&self) -> Hash {
        self.separator
    }

    /// The digest that is signed for a struct of this domain: `keccak(0x1901 ‖ separator ‖ struct hash)`.
    #[must_use]
    pub fn digest(&self, struct_hash: &Hash) -> Hash {
        keccak256(&[&[0x19, 0x01], &self.separator.0, &struct_hash.0])
    }
}

/// The names behind the ids of a command, as the venue has listed them.
pub trait Names {
    /// Name of an instrument, `BTC_USDC-27MAR26-100000-C`.
    fn instrument(&self, id: InstrumentId) -> Option<&str>;
    /// Symbol of an underlying, `BTC`.
    fn underlying(&self, id: UnderlyingId) -> Option<&str>;
    /// Symbol of an asset, `USDC`.
    fn asset(&self, id: AssetId) -> Option<&str>;
}

/// A signature that must recover to `signer` before its command may be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Who is said to have signed.
    pub signer: Address,
    /// What was signed.
    pub digest: Hash,
    /// The signature.
    pub signature: Signature,
}

/// Why a command has no digest: nobody can have signed it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SigningError {
    /// The instrument is not listed.
    #[error("instrument {0} is not listed")]
    Instrument(InstrumentId),
    /// The underlying is not listed.
    #[error("underlying {0} is not listed")]
    Underlying(UnderlyingId),
    /// The asset is not listed.
    #[error("asset {0} is not listed")]
    Asset(AssetId),
    /// A number that is signed as an unsigned integer is negative.
    #[error("{field} is negative: {value}")]
    Negative {
        /// The field.
        field: &'static str,
        /// Its value.
        value: i64,
    },
    /// A session key's scope has a bit that means nothing.
    #[error("scope bits {0:#04x} are not all known")]
    Scopes(u8),
}

/// A struct type that is signed: its type string, and the hash of it, computed once.
#[derive(Debug)]
pub struct StructType {
    text: &'static str,
    hash: OnceLock<Hash>,
}

impl StructType {
    const fn new(text: &'static str) -> Self {
        Self { text, hash: OnceLock::new() }
    }

    /// The type string, `Order(uint64 subaccount,…)`.
    #[must_use]
    pub fn text(&self) -> &'static str {
        self.text
    }

    /// Keccak of the type string.
    #[must_use]
    pub fn hash(&self) -> Hash {
        *self.hash.get_or_init(|| keccak256(&[self.text.as_bytes()]))
    }
}

macro_rules! struct_types {
    ($($(#[$meta:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$meta])* pub static $name: StructType = StructType::new($text);)*
    };
}
struct_types! {
    /// The domain itself.
    EIP712_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
    /// [`PlaceOrder`].
    ORDER = "Order(uint64 subaccount,string instrument,string side,uint64 amount,uint64 limitPrice,string orderType,\
        string timeInForce,uint64 validUntil,string postOnly,bool reduceOnly,string selfTrade,uint64 maxFee,\
        string clientId,uint64 nonce,uint64 expiry,address signer)";
    /// [`ReplaceOrder`].
    REPLACE = "Replace(uint64 subaccount,uint64 order,uint64 amount,uint64 limitPrice,string postOnly,bool reduceOnly,\
        uint64 maxFee,uint64 nonce,uint64 expiry,address signer)";
    /// [`CancelOrder`].
    CANCEL = "Cancel(uint64 subaccount,uint64 order,uint64 nonce,uint64 expiry,address signer)";
    /// [`CancelAll`]; an empty name is any.
    CANCEL_ALL = "CancelAll(uint64 subaccount,string instrument,string underlying,uint64 nonce,uint64 expiry,\
        address signer)";
    /// [`RaiseNonceFloor`].
    RAISE_NONCE_FLOOR = "RaiseNonceFloor(uint64 floor,uint64 nonce,uint64 expiry,address signer)";
    /// [`Withdraw`].
    WITHDRAW = "Withdraw(uint64 subaccount,string asset,uint64 amount,address recipient,uint64 nonce,uint64 expiry,\
        address signer)";
    /// [`Transfer`].
    TRANSFER = "Transfer(uint64 from,uint64 to,string asset,uint64 amount,uint64 nonce,uint64 expiry,address signer)";
    /// [`CreateSubaccount`].
    CREATE_SUBACCOUNT = "CreateSubaccount(uint64 nonce,uint64 expiry,address signer)";
    /// [`RegisterSessionKey`].
    REGISTER_SESSION_KEY = "RegisterSessionKey(address key,string scopes,string subaccounts,uint64 keyExpiry,\
        uint64 nonce,uint64 expiry,address signer)";
    /// [`RevokeSessionKey`].
    REVOKE_SESSION_KEY = "RevokeSessionKey(address key,uint64 nonce,uint64 expiry,address signer)";
    /// [`LiquidationBid`].
    LIQUIDATION_BID = "LiquidationBid(uint64 subaccount,uint64 target,uint64 share,int64 limit,uint64 nonce,\
        uint64 expiry,address signer)";
    /// [`SetMarginModel`].
    SET_MARGIN_MODEL = "SetMarginModel(uint64 subaccount,string model,uint64 nonce,uint64 expiry,address signer)";
    /// [`FundInsurance`].
    FUND_INSURANCE = "FundInsurance(uint64 subaccount,uint64 amount,uint64 nonce,uint64 expiry,address signer)";
    /// [`MarkUpdate`]; `inputs` is the keccak of the encoded [`crate::MarkInputs`].
    MARK_UPDATE = "MarkUpdate(string underlying,uint64 time,bytes32 inputs)";
    /// [`Expire`].
    SETTLEMENT_PRICE = "SettlementPrice(string underlying,uint64 expiry,uint64 price)";
    /// What administrators sign; `body` is the keccak of the command's body without its `admin` field.
    ADMINISTRATION = "Administration(string action,bytes32 body,uint64 nonce)";
    /// A frame of the journal, signed by the operator; see [`crate::receipt`].
    FRAME = "Frame(uint64 epoch,uint64 frame,uint64 firstSequence,uint32 count,bytes32 commandRoot,bytes32 chainHash)";
}

/// The 32-byte words of a struct, on the stack. The longest struct is [`ORDER`].
pub(crate) struct Words {
    bytes: [u8; Self::MAX * 32],
    len: usize,
}

impl Words {
    /// The type hash and the sixteen fields of an order.
    const MAX: usize = 17;

    pub(crate) fn of(kind: &StructType) -> Self {
        Self { bytes: [0; Self::MAX * 32], len: 0 }.word(&kind.hash())
    }

    pub(crate) fn word(self, word: &Hash) -> Self {
        self.right_aligned(&word.0)
    }

    pub(crate) fn uint(self, value: u64) -> Self {
        self.right_aligned(&value.to_be_bytes())
    }

    fn amount(self, field: &'static str, value: i64) -> Result<Self, SigningError> {
        u64::try_from(value)
            .map(|value| self.uint(value))
            .map_err(|_| SigningError::Negative { field, value })
    }

    fn int(self, value: i64) -> Self {
        let mut word = [if value < 0 { 0xff } else { 0 }; 32];
        word[24..].copy_from_slice(&value.to_be_bytes());
        self.right_aligned(&word)
    }

    fn flag(self, value: bool) -> Self {
        self.uint(value.into())
    }

    fn address(self, address: &Address) -> Self {
        self.right_aligned(&address.0)
    }

    fn text(self, text: &str) -> Self {
        self.word(&keccak256(&[text.as_bytes()]))
    }

    /// The three fields that end every action of a user.
    fn auth(self, auth: &Authorization) -> Self {
        self.uint(auth.nonce).uint(auth.expiry).address(&auth.signer)
    }

    fn right_aligned(mut self, value: &[u8]) -> Self {
        let end = self.len + 32;
        self.bytes[end - value.len()..end].copy_from_slice(value);
        self.len = end;
        self
    }

    pub(crate) fn hash(&self) -> Hash {
        keccak256(&[&self.bytes[..self.len]])
    }
}

/// An action that a user, an oracle or an administrator signs.
trait Signed {
    fn words(&self, names: &impl Names) -> Result<Words, SigningError>;
}

fn instrument_name(names: &impl Names, id: InstrumentId) -> Result<&str, SigningError> {
    names.instrument(id).ok_or(SigningError::Instrument(id))
}

fn underlying_name(names: &impl Names, id: UnderlyingId) -> Result<&str, SigningError> {
    names.underlying(id).ok_or(SigningError::Underlying(id))
}

fn asset_name(names: &impl Names, id: AssetId) -> Result<&str, SigningError> {
    names.asset(id).ok_or(SigningError::Asset(id))
}

impl Signed for PlaceOrder {
    fn words(&self, names: &impl Names) -> Result<Words, SigningError> {
        Ok(Words::of(&ORDER)
            .uint(self.subaccount)
            .text(instrument_name(names, self.instrument)?)
            .word(&self.side.word_hash())
            .amount("amount", self.amount)?
            .amount("limit_price", self.limit_price)?
            .word(&self.order_type.word_hash())
            .word(&self.time_in_force.word_hash())
            .uint(self.valid_until)
            .word(&self.post_only.word_hash())
            .flag(self.reduce_only)
            .word(&self.self_trade.word_hash())
            .amount("max_fee", self.max_fee)?
            .text(&self.client_id)
            .auth(&self.auth))
    }
}

impl Signed for ReplaceOrder {
    fn words(&self, _: &impl Names) -> Result<Words, SigningError> {
        Ok(Words::of(&REPLACE)
            .uint(self.subaccount)
            .uint(self.order.0)
            .amount("amount", self.amount)?
            .amount("limit_price", self.limit_price)?
            .word(&self.post_only.word_hash())
            .flag(self.reduce_only)
            .amount("max_fee", self.max_fee)?
            .auth(&self.auth))
    }
}

impl Signed for (&CancelOrder, &Authorization) {
    fn words(&self, _: &impl Names) -> Result<Words, SigningError> {
        let (body, auth) = self;
        Ok(Words::of(&CANCEL).uint(body.subaccount).uint(body.order.0).auth(auth))
    }
}

impl Signed for (&CancelAll, &Authorization) {
    fn words(&self, names: &impl Names) -> Result<Words, SigningError> {
        let (body, auth) = self;
        let instrument = match body.instrument {
            0 => "",
            id => instrument_name(names, id)?,
        };
        let underlying = match body.underlying {
            0 => "",
            id => underlying_name(names, id)?,
        };
        Ok(Words::of(&CANCEL_ALL).uint(body.subaccount).text(instrument).text(underlying).auth(auth))
    }
}

impl Signed for RaiseNonceFloor {
    fn words(&self, _: &impl Names) -> Result<Words, SigningError> {
        Ok(Words::of(&RAISE_NONCE_FLOOR).uint(self.floor).auth(&self.auth))
    }
}

impl Signed for Withdraw {
    fn words(&self, names: &impl Names) -> Result<Words, SigningError> {
        Ok(Words::of(&WITHDRAW)
            .uint(self.subaccount)
            .text(asset_name(names, self.asset)?)
            .amount("amount", self.amount)?
            .address(&self.recipient)
            .auth(&self.auth))
    }
}

impl Signed for Transfer {
    fn words(&self, names: &impl Names) -> Result<Words, SigningError> {
        Ok(Words::of(&TRANSFER)
            .uint(self.from)
            .uint(self.to)
            .text(asset_name(names, self.asset)?)
            .amount("amount", self.amount)?
            .auth(&self.auth))
    }
}

impl Signed for CreateSubaccount {
    fn words(&self, _: &impl Names) -> Result<Words, SigningError> {
        Ok(Words::of(&CREATE_SUBACCOUNT).auth(&self.auth))
    }
}

impl Signed for RegisterSessionKey {
    fn words(&self, _: &impl Names) -> Result<Words, SigningError> {
        let subaccounts: Vec<String> = self.subaccounts.iter().map(u64::to_string).collect();
        Ok(Words::of(&REGISTER_SESSION_KEY)
            .address(&self.key)
            .text(&scope_words(self.scopes)?)
            .text(&subaccounts.join(","))
            .uint(self.key_expiry)
            .auth(&self.auth))
    }
}

impl Signed for RevokeSessionKey {
    fn words(&self, _: &impl Names) -> Result<Words, SigningError> {
        Ok(Words::of(&REVOKE_SESSION_KEY).address(&self.key).auth(&self.auth))
    }
}

impl Signed for LiquidationBid {
    fn words(&self, _: &impl Names) -> Result<Words, SigningError> {
        Ok(Words::of(&LIQUIDATION_BID)
            .uint(self.subaccount)
            .uint(self.target)
            .amount("share", self.share)?
            .int(self.limit)
            .auth(&self.auth))
    }
}

impl Signed for SetMarginModel {
    fn words(&self, _: &impl Names) -> Result<Words, SigningError> {
        Ok(Words::of(&SET_MARGIN_MODEL).uint(self.subaccount).word(&self.model.word_hash()).auth(&self.auth))
    }
}

impl Signed for FundInsurance {
    fn words(&self, _: &impl Names) -> Result<Words, SigningError> {
        Ok(Words::of(&FUND_INSURANCE).uint(self.subaccount).amount("amount", self.amount)?.auth(&self.auth))
    }
}

impl Signed for MarkUpdate {
    fn words(&self, names: &impl Names) -> Result<Words, SigningError> {
        Ok(Words::of(&MARK_UPDATE)
            .text(underlying_name(names, self.inputs.underlying)?)
            .uint(self.inputs.time)
            .word(&keccak256(&[&self.inputs.to_bytes()])))
    }
}

impl Signed for Expire {
    fn words(&self, names: &impl Names) -> Result<Words, SigningError> {
        Words::of(&SETTLEMENT_PRICE)
            .text(underlying_name(names, self.underlying)?)
            .uint(self.expiry)
            .amount("price", self.price)
    }
}

/// An administrative command: its name, and the fields in front of `admin`.
struct Administrative<'a> {
    action: &'static str,
    body: Vec<u8>,
    admin: &'a Administration,
}

impl Signed for Administrative<'_> {
    fn words(&self, _: &impl Names) -> Result<Words, SigningError> {
        Ok(Words::of(&ADMINISTRATION)
            .text(self.action)
            .word(&keccak256(&[&self.body]))
            .uint(self.admin.nonce))
    }
}

/// Scope words in bit order, joined by commas: what a wallet shows for the bits.
///
/// # Errors
/// [`SigningError::Scopes`] when a bit has no word.
pub fn scope_words(scopes: u8) -> Result<String, SigningError> {
    if scopes & !scope::ALL != 0 {
        return Err(SigningError::Scopes(scopes));
    }
    let words: Vec<&str> =
        scope::WORDS.iter().filter(|(bit, _)| scopes & bit != 0).map(|(_, word)| *word).collect();
    Ok(words.join(","))
}

/// Who signed a command.
enum Signers<'a> {
    Nobody,
    One(&'a Authorization),
    /// The owner, and the key that it registers.
    Both(&'a RegisterSessionKey),
    Many(&'a [Cosignature]),
}

/// The struct hash and the signers of a command. The hash is absent when, and only when, nobody signs the command.
fn signed<'a>(command: &'a Command, names: &impl Names) -> Result<(Option<Hash>, Signers<'a>), SigningError> {
    let (words, signers) = match command {
        Command::PlaceOrder(body) => (body.words(names)?, Signers::One(&body.auth)),
        Command::ReplaceOrder(body) => (body.words(names)?, Signers::One(&body.auth)),
        Command::CancelOrder(body) => match &body.auth {
            Some(auth) => ((body, auth).words(names)?, Signers::One(auth)),
            None => return Ok((None, Signers::Nobody)),
        },
        Command::CancelAll(body) => match &body.auth {
            Some(auth) => ((body, auth).words(names)?, Signers::One(auth)),
            None => return Ok((None, Signers::Nobody)),
        },
        Command::RaiseNonceFloor(body) => (body.words(names)?, Signers::One(&body.auth)),
        Command::Withdraw(body) => (body.words(names)?, Signers::One(&body.auth)),
        Command::Transfer(body) => (body.words(names)?, Signers::One(&body.auth)),
        Command::CreateSubaccount(body) => (body.words(names)?, Signers::One(&body.auth)),
        Command::RegisterSessionKey(body) => (body.words(names)?, Signers::Both(body)),
        Command::RevokeSessionKey(body) => (body.words(names)?, Signers::One(&body.auth)),
        Command::LiquidationBid(body) => (body.words(names)?, Signers::One(&body.auth)),
        Command::SetMarginModel(body) => (body.words(names)?, Signers::One(&body.auth)),
        Command::FundInsurance(body) => (body.words(names)?, Signers::One(&body.auth)),
        Command::MarkUpdate(body) => (body.words(names)?, Signers::Many(&body.cosignatures)),
        Command::Expire(body) => (body.words(names)?, Signers::Many(&body.cosignatures)),
        Command::ListInstruments(body) => {
            administrative(command, body.instruments.to_bytes(), &body.admin, names)?
        }
        Command::SetMode(body) => {
            let mut bytes = body.underlying.to_bytes();
            body.mode.put(&mut bytes);
            administrative(command, bytes, &body.admin, names)?
        }
        Command::SetParameter(body) => administrative(command, body.change.to_bytes(), &body.admin, names)?,
        Command::SetRiskParameters(body) => {
            let mut bytes = body.underlying.to_bytes();
            body.parameters.put(&mut bytes);
            body.effective.put(&mut bytes);
            administrative(command, bytes, &body.admin, names)?
        }
        Command::SetCollateral(body) => {
            let mut bytes = body.asset.to_bytes();
            body.terms.put(&mut bytes);
            body.effective.put(&mut bytes);
            administrative(command, bytes, &body.admin, names)?
        }
        Command::Genesis(_)
        | Command::InboxItem(_)
        | Command::FundingTick(_)
        | Command::Clock(_)
        | Command::SettleExpired(_) => return Ok((None, Signers::Nobody)),
    };
    Ok((Some(words.hash()), signers))
}

fn administrative<'a>(
    command: &Command,
    body: Vec<u8>,
    admin: &'a Administration,
    names: &impl Names,
) -> Result<(Words, Signers<'a>), SigningError> {
    let words = Administrative { action: command.name(), body, admin }.words(names)?;
    Ok((words, Signers::Many(&admin.cosignatures)))
}

/// Hash of the struct that is signed for `command`; `None` when nobody signs it.
///
/// # Errors
/// [`SigningError`] when the command names something unlisted or holds a number that cannot be signed.
pub fn struct_hash(command: &Command, names: &impl Names) -> Result<Option<Hash>, SigningError> {
    signed(command, names).map(|(hash, _)| hash)
}

/// The digest that is signed for `command`; `None` when nobody signs it.
///
/// # Errors
/// As [`struct_hash`].
pub fn digest(command: &Command, domain: &Domain, names: &impl Names) -> Result<Option<Hash>, SigningError> {
    Ok(struct_hash(command, names)?.map(|hash| domain.digest(&hash)))
}

/// Every signature that must check out before `command` may be applied; empty for a command that nobody signs.
///
/// # Errors
/// As [`struct_hash`].
pub fn signatures(
    command: &Command,
    domain: &Domain,
    names: &impl Names,
) -> Result<Vec<Claim>, SigningError> {
    let (Some(hash), signers) = signed(command, names)? else {
        return Ok(Vec::new());
    };
    let digest = domain.digest(&hash);
    let claim = |auth: &Authorization| Claim { signer: auth.signer, digest, signature: auth.signature };
    Ok(match signers {
        Signers::Nobody => Vec::new(),
        Signers::One(auth) => vec![claim(auth)],
        Signers::Both(RegisterSessionKey { key, auth, consent, .. }) => {
            vec![claim(auth), Claim { signer: *key, digest, signature: *consent }]
        }
        Signers::Many(list) => {
            list.iter().map(|item| Claim { signer: item.signer, digest, signature: item.signature }).collect()
        }
    })
}
