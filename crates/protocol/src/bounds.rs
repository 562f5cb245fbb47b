//! Bounds of the lists and texts of commands, for what comes from outside and for what is decoded.
//!
//! With them a record never exceeds [`crate::MAX_RECORD_BYTES`], encoding never panics, and what is encoded decodes.
//! Lists that mean a set ascend strictly, so that a set has one encoding and no signature counts twice.

use crate::wire::is_printable;
use crate::{
    CodecError, Command, Cosignature, Expire, Genesis, ListInstruments, MarkUpdate, RegisterSessionKey, scope,
};

/// Longest client order id, characters.
pub const MAX_CLIENT_ID: usize = 36;
/// Longest instrument name, characters.
pub const MAX_INSTRUMENT_NAME: usize = 48;
/// Longest symbol of an underlying or an asset, characters.
pub const MAX_SYMBOL: usize = 16;
/// Most instruments of one listing.
pub const MAX_LISTING: usize = 256;
/// Most signatures of a quorum, and most keys of one.
pub const MAX_QUORUM: usize = 64;
/// Most expiries of one mark.
pub const MAX_EXPIRIES: usize = 256;
/// Most subaccounts that a session key names.
pub const MAX_KEY_SUBACCOUNTS: usize = 256;
/// Most assets, and most underlyings, of a venue.
pub const MAX_SPECS: usize = 256;

impl Command {
    /// Whether the command has an encoding that decodes to it again: texts printable and within their bounds, lists
    /// within theirs, sets ascending, scope bits known. Decoding refuses every other command; API input must pass
    /// here before it is encoded.
    ///
    /// # Errors
    /// [`CodecError`] names the first field that does not fit.
    pub fn check(&self) -> Result<(), CodecError> {
        match self {
            Self::PlaceOrder(body) => text("client id", &body.client_id, MAX_CLIENT_ID),
            Self::RegisterSessionKey(body) => check_session_key(body),
            Self::Genesis(body) => check_genesis(body),
            Self::ListInstruments(ListInstruments { instruments, admin }) => {
                length("listing", instruments.len(), MAX_LISTING)?;
                instruments
                    .iter()
                    .try_for_each(|spec| text("instrument name", &spec.name, MAX_INSTRUMENT_NAME))?;
                check_quorum(&admin.cosignatures)
            }
            Self::MarkUpdate(MarkUpdate { inputs, cosignatures, .. }) => {
                length("expiries", inputs.expiries.len(), MAX_EXPIRIES)?;
                ascending("expiries", inputs.expiries.iter().map(|item| item.expiry))?;
                check_quorum(cosignatures)
            }
            Self::Expire(Expire { cosignatures, .. }) => check_quorum(cosignatures),
            Self::SetMode(body) => check_quorum(&body.admin.cosignatures),
            Self::SetParameter(body) => check_quorum(&body.admin.cosignatures),
            Self::SetRiskParameters(body) => check_quorum(&body.admin.cosignatures),
            Self::SetCollateral(body) => check_quorum(&body.admin.cosignatures),
            Self::InboxItem(_)
            | Self::Withdraw(_)
            | Self::Transfer(_)
            | Self::CreateSubaccount(_)
            | Self::RevokeSessionKey(_)
            | Self::RaiseNonceFloor(_)
            | Self::CancelOrder(_)
            | Self::ReplaceOrder(_)
            | Self::CancelAll(_)
            | Self::FundingTick(_)
            | Self::LiquidationBid(_)
            | Self::Clock(_)
            | Self::SetMarginModel(_)
            | Self::SettleExpired(_)
            | Self::FundInsurance(_) => Ok(()),
        }
    }
}

fn check_session_key(body: &RegisterSessionKey) -> Result<(), CodecError> {
    if body.scopes & !scope::ALL != 0 {
        return Err(CodecError::Unknown { what: "scope", value: body.scopes.into() });
    }
    length("subaccounts", body.subaccounts.len(), MAX_KEY_SUBACCOUNTS)?;
    ascending("subaccounts", body.subaccounts.iter())
}

fn check_genesis(body: &Genesis) -> Result<(), CodecError> {
    length("administrators", body.admins.len(), MAX_QUORUM)?;
    ascending("administrators", body.admins.iter())?;
    length("oracles", body.oracles.len(), MAX_QUORUM)?;
    ascending("oracles", body.oracles.iter())?;
    length("assets", body.assets.len(), MAX_SPECS)?;
    ascending("assets", body.assets.iter().map(|spec| spec.asset))?;
    body.assets.iter().try_for_each(|spec| text("symbol", &spec.symbol, MAX_SYMBOL))?;
    length("underlyings", body.underlyings.len(), MAX_SPECS)?;
    ascending("underlyings", body.underlyings.iter().map(|spec| spec.underlying))?;
    body.underlyings.iter().try_for_each(|spec| text("symbol", &spec.symbol, MAX_SYMBOL))?;
    ascending("parameters", body.parameters.iter().map(|value| value.parameter))
}

fn check_quorum(cosignatures: &[Cosignature]) -> Result<(), CodecError> {
    length("signatures", cosignatures.len(), MAX_QUORUM)?;
    ascending("signatures", cosignatures.iter().map(|item| item.signer))
}

fn length(what: &'static str, len: usize, max: usize) -> Result<(), CodecError> {
    if len <= max { Ok(()) } else { Err(CodecError::TooLong { what, len, max }) }
}

fn text(what: &'static str, text: &str, max: usize) -> Result<(), CodecError> {
    length(what, text.len(), max)?;
    if is_printable(text) { Ok(()) } else { Err(CodecError::Text) }
}

fn ascending<T: Ord>(what: &'static str, items: impl Iterator<Item = T>) -> Result<(), CodecError> {
    if items.is_sorted_by(|before, after| before < after) { Ok(()) } else { Err(CodecError::Order(what)) }
}
