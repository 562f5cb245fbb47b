//! Commands that are rightly signed and that the engine refuses: an operator who journals one all the same must be caught.

use crate::contracts::ContractError;
use crate::figures::kind_name;
use crate::verifier::{Claim, Verdict, Verifier};
use commitment::{Choices, Replica, StepKind, witness};
use engine::Subject;
use protocol::{Command, InboxBody, Record, Wire};
use std::collections::BTreeMap;
use std::fmt;

/// Commands that are told where they were executed.
const TOLD: usize = 3;

/// The kind of a command's first step; `None` where that does not follow from the command.
#[must_use]
pub fn head(command: &Command) -> Option<StepKind> {
    Some(match command {
        Command::Genesis(_) => StepKind::Genesis,
        Command::InboxItem(item) => match item.body {
            InboxBody::Deposit { .. } => StepKind::Deposit,
            InboxBody::ForcedWithdraw { .. } => StepKind::ForcedWithdraw,
            InboxBody::ForcedCancelAll { .. } => StepKind::ForcedCancelAll,
            InboxBody::ForcedCloseOnly { .. } => StepKind::ForcedCloseOnly,
            InboxBody::RegisterKey { .. } => StepKind::InboxRegisterKey,
            InboxBody::RaiseNonceFloor { .. } => StepKind::InboxRaiseNonceFloor,
        },
        Command::Withdraw(_) => StepKind::Withdraw,
        Command::Transfer(_) => StepKind::Transfer,
        Command::CreateSubaccount(_) => StepKind::CreateSubaccount,
        Command::RegisterSessionKey(_) => StepKind::RegisterKey,
        Command::RevokeSessionKey(_) => StepKind::RevokeKey,
        Command::RaiseNonceFloor(_) => StepKind::RaiseNonceFloor,
        Command::SetMarginModel(_) => StepKind::SetMarginModel,
        Command::PlaceOrder(_) => StepKind::Place,
        Command::CancelOrder(_) => StepKind::Cancel,
        Command::CancelAll(_) => StepKind::CancelAll,
        Command::ReplaceOrder(_) => StepKind::Replace,
        Command::ListInstruments(_) => StepKind::List,
        Command::SetMode(_) => StepKind::SetMode,
        Command::Clock(_) => StepKind::Clock,
        Command::SetParameter(_) => StepKind::SetParameter,
        Command::MarkUpdate(_) => StepKind::Mark,
        Command::FundingTick(_) => StepKind::Funding,
        Command::Expire(_) => StepKind::Expire,
        Command::LiquidationBid(_) => StepKind::LiquidationFill,
        Command::SetRiskParameters(_) => StepKind::SetRiskParameters,
        Command::SetCollateral(_) => StepKind::SetCollateral,
        Command::FundInsurance(_) => StepKind::FundInsurance,
        _ => return None,
    })
}

/// What was said of refused commands.
#[derive(Debug, Clone, Default)]
pub struct Refusals {
    /// By kind, the engine's word, and the contract's words.
    counts: BTreeMap<(u8, &'static str, String), u64>,
    executed: Vec<String>,
    undecided: Vec<String>,
}

impl Refusals {
    /// Whether none was executed.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.executed.is_empty()
    }

    /// How many were found to be impossible, were executed, and were left undecided.
    #[must_use]
    pub fn totals(&self) -> [u64; 3] {
        let mut totals = [0; 3];
        for ((_, _, said), count) in &self.counts {
            let which = if said.starts_with("StepIllegal") { 0 } else { 1 + usize::from(said != EXECUTED) };
            totals[which] += count;
        }
        totals
    }

    /// Puts a record that `before` refuses before the verifier, as the one step of its command and as the first of several.
    ///
    /// # Errors
    /// [`ContractError`] when a module is none.
    pub fn judge(
        &mut self,
        verifier: &mut Verifier,
        before: &mut Replica,
        record: &[u8],
    ) -> Result<(), ContractError> {
        let Ok(decoded) = Record::from_bytes(record) else { return Ok(()) };
        let Some(kind) = head(&decoded.command) else { return Ok(()) };
        let Err(refusal) = before.clone().apply(record, false).map(drop) else { return Ok(()) };
        let witness = witness::of_claim(before, record, Choices::Lenient, 0, kind, &Subject::NONE);
        let root = before.state_root();
        for last in [true, false] {
            let claim = Claim {
                root_before: root,
                record: record.to_vec(),
                kind: kind as u8,
                subject: [0; 32],
                first: true,
                last,
                root_after: root,
            };
            let Some(judged) = verifier.judge(&claim, &witness)? else { continue };
            let said = match judged.verdict {
                // Whether an order that must trade wholly does is judged where its matching ends.
                Verdict::Executed(_) if refusal.fault.code() == "fill_or_kill" && !last => continue,
                Verdict::Executed(_) => {
                    self.executed.push(format!("executed though refused ({refusal}): {decoded:?}"));
                    EXECUTED.into()
                }
                Verdict::Illegal(said) => said,
                Verdict::Undecided(said) => {
                    self.undecided.push(format!("{said} though refused ({refusal}): {decoded:?}"));
                    shortened(said)
                }
            };
            *self.counts.entry((kind as u8, refusal.fault.code(), said)).or_default() += 1;
        }
        Ok(())
    }
}

const EXECUTED: &str = "EXECUTED";

/// Words without the numbers that make each of them another.
fn shortened(mut said: String) -> String {
    if let Some(at) = said.find("0x") {
        said.truncate(at);
    }
    said
}

impl fmt::Display for Refusals {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [illegal, executed, undecided] = self.totals();
        writeln!(out, "refused commands: {illegal} illegal, {executed} executed, {undecided} undecided")?;
        for ((kind, engine, contract), count) in &self.counts {
            writeln!(out, "{:<22} {engine:<24} {count:>7}  {contract}", kind_name(*kind))?;
        }
        let told = self.executed.iter().take(TOLD).chain(self.undecided.iter().take(TOLD));
        told.into_iter().try_for_each(|told| writeln!(out, "{told}"))
    }
}
