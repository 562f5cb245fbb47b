//! The step verifier in an EVM: which contract judges which kind, and what it says.

use crate::abi::{Type, Value};
use crate::contracts::{Called, ContractError, Contracts};
use crate::evm::Trace;
use crate::fixtures::{self, Collection};
use commitment::StepKind;
use protocol::Hash;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The router over all modules.
const ROUTER: &str = "StepVerifier";

/// Modules, with the kinds that each executes.
const MODULES: &[(&str, &[StepKind])] = &[
    ("GenesisSteps", &[StepKind::Genesis]),
    (
        "InboxSteps",
        &[
            StepKind::Deposit,
            StepKind::ForcedWithdraw,
            StepKind::ForcedCancelAll,
            StepKind::ForcedCloseOnly,
            StepKind::InboxRegisterKey,
            StepKind::InboxRaiseNonceFloor,
        ],
    ),
    ("CashSteps", &[StepKind::Withdraw, StepKind::FundInsurance]),
    ("TransferSteps", &[StepKind::Transfer]),
    (
        "KeySteps",
        &[StepKind::CreateSubaccount, StepKind::RegisterKey, StepKind::RevokeKey, StepKind::RaiseNonceFloor],
    ),
    ("MarginModelSteps", &[StepKind::SetMarginModel]),
    ("OrderSteps", &[StepKind::Place, StepKind::Replace]),
    ("CancelSteps", &[StepKind::Cancel, StepKind::CancelAll]),
    ("MatchSteps", &[StepKind::Remove, StepKind::Finish, StepKind::Fill]),
    ("ListingSteps", &[StepKind::List]),
    ("AdminSteps", &[StepKind::SetMode, StepKind::Clock, StepKind::SetParameter]),
    ("RiskAdminSteps", &[StepKind::SetRiskParameters, StepKind::SetCollateral]),
    ("MarkSteps", &[StepKind::Mark]),
    (
        "SettlementSteps",
        &[StepKind::Funding, StepKind::Expire, StepKind::SettleAccount, StepKind::CloseInstrument],
    ),
    (
        "LiquidationSteps",
        &[
            StepKind::LiquidationStart,
            StepKind::MarginCall,
            StepKind::LiquidationStage,
            StepKind::LiquidationEnd,
            StepKind::LiquidationRound,
        ],
    ),
    ("SliceSteps", &[StepKind::LiquidationSlice]),
    ("AuctionSteps", &[StepKind::LiquidationFill]),
    ("DeleverageSteps", &[StepKind::Deleverage, StepKind::DeleverageCharge, StepKind::Insurance]),
];

/// A step as it is put before the verifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// State root before it.
    pub root_before: Hash,
    /// Its command, as journaled.
    pub record: Vec<u8>,
    /// Number of its kind.
    pub kind: u8,
    /// What it is about.
    pub subject: [u8; 32],
    /// Whether it is the first of its command.
    pub first: bool,
    /// Whether it is the last of its command.
    pub last: bool,
    /// State root behind it.
    pub root_after: Hash,
}

impl Claim {
    /// The value of the verifier's struct field `name`.
    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "rootBefore" => Value::hash(&self.root_before),
            "record" => Value::Bytes(self.record.clone()),
            "kind" => Value::uint(self.kind.into()),
            "subject" => Value::Word(self.subject),
            "first" => Value::flag(self.first),
            "last" => Value::flag(self.last),
            "rootAfter" => Value::hash(&self.root_after),
            _ => return None,
        })
    }
}

/// What a verifier says of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It executes, to this root.
    Executed(Hash),
    /// It cannot be, for this reason.
    Illegal(String),
    /// Nothing follows: the witness does not suffice, or the verifier failed.
    Undecided(String),
}

/// A verdict and what it cost.
#[derive(Debug, Clone)]
pub struct Judged {
    /// What was said.
    pub verdict: Verdict,
    /// Gas of the transaction.
    pub gas: u64,
    /// Bytes of its calldata.
    pub calldata: usize,
}

impl Judged {
    /// Whether the step is found to be as it was claimed.
    #[must_use]
    pub fn agrees(&self, claim: &Claim) -> bool {
        self.verdict == Verdict::Executed(claim.root_after)
    }

    /// Whether the claim would be punished.
    #[must_use]
    pub fn is_fraud(&self, claim: &Claim) -> bool {
        match &self.verdict {
            Verdict::Executed(root) => *root != claim.root_after,
            Verdict::Illegal(_) => true,
            Verdict::Undecided(_) => false,
        }
    }
}

/// The modules of the step verifier, as many as there are.
pub struct Verifier {
    contracts: Contracts,
    module_of: BTreeMap<u8, &'static str>,
    /// Modules that are compiled and cannot be deployed, and why.
    broken: Vec<(&'static str, ContractError)>,
    /// What is kept of all that is judged.
    collection: Option<Collection>,
}

impl Verifier {
    /// The verifier that is compiled in forge `out` folders.
    #[must_use]
    pub fn new(out: &[PathBuf]) -> Self {
        let mut contracts = Contracts::new(out);
        let (mut module_of, mut broken) = (BTreeMap::new(), Vec::new());
        for (name, kinds) in MODULES.iter().copied() {
            if !contracts.has(name) {
                continue;
            }
            match contracts.address(name) {
                Ok(_) => module_of.extend(kinds.iter().map(|&kind| (kind as u8, name))),
                Err(error) => broken.push((name, error)),
            }
        }
        Self { contracts, module_of, broken, collection: None }
    }

    /// The module of a kind, when there is one.
    #[must_use]
    pub fn module(&self, kind: u8) -> Option<&'static str> {
        self.module_of.get(&kind).copied()
    }

    /// Modules that cannot be deployed, and why.
    #[must_use]
    pub fn broken(&self) -> &[(&'static str, ContractError)] {
        &self.broken
    }

    /// Contracts of the same folder.
    pub fn contracts(&mut self) -> &mut Contracts {
        &mut self.contracts
    }

    /// What the module of the claim's kind says of it; `None` when there is no such module.
    ///
    /// # Errors
    /// [`ContractError`] when the module is none.
    pub fn judge(&mut self, claim: &Claim, witness: &[u8]) -> Result<Option<Judged>, ContractError> {
        if self.collection.is_some() {
            return Ok(self.judge_traced(claim, witness)?.map(|(judged, _)| judged));
        }
        let Some(module) = self.module(claim.kind) else { return Ok(None) };
        let arguments = self.arguments(module, "execute", claim, witness)?;
        let called = self.contracts.call(module, "execute", &arguments)?;
        Ok(Some(judged(called)))
    }

    /// The same, with what the contracts did.
    ///
    /// # Errors
    /// As [`Self::judge`].
    pub fn judge_traced(
        &mut self,
        claim: &Claim,
        witness: &[u8],
    ) -> Result<Option<(Judged, Trace)>, ContractError> {
        let Some(module) = self.module(claim.kind) else { return Ok(None) };
        let arguments = self.arguments(module, "execute", claim, witness)?;
        let (called, trace) = self.contracts.call_traced(module, "execute", &arguments)?;
        let judged = judged(called);
        if let Some(collection) = &mut self.collection {
            collection
                .add(fixtures::ways(&trace, claim, &judged), || fixtures::of_step(claim, witness, &judged));
        }
        Ok(Some((judged, trace)))
    }

    /// Keeps of all that is judged from now on what goes ways that nothing before went.
    pub fn collect(&mut self) {
        self.collection = Some(Collection::default());
    }

    /// What was kept.
    pub fn collected(&mut self) -> Collection {
        self.collection.take().unwrap_or_default()
    }

    /// Deploys the router over all modules.
    ///
    /// # Errors
    /// [`ContractError`] when it is missing, or refuses a module.
    pub fn deploy_router(&mut self) -> Result<(), ContractError> {
        let mut modules: BTreeMap<&str, u64> = BTreeMap::new();
        for (&kind, &module) in &self.module_of {
            *modules.entry(module).or_default() |= 1 << kind;
        }
        let mut list = Vec::new();
        for (module, kinds) in modules {
            let target = Value::address(&self.contracts.address(module)?);
            list.push(Value::Tuple(vec![Value::uint(kinds.into()), target]));
        }
        self.contracts.deploy_with(ROUTER, &[Value::List(list)])?;
        Ok(())
    }

    /// What the router says of a claim: 0 honest, 1 another root, 2 illegal. [`Self::deploy_router`] comes before.
    ///
    /// # Errors
    /// [`ContractError`] when there is no router.
    pub fn route(&mut self, claim: &Claim, witness: &[u8]) -> Result<Called, ContractError> {
        let arguments = self.arguments(ROUTER, "judge", claim, witness)?;
        self.contracts.call(ROUTER, "judge", &arguments)
    }

    fn arguments(
        &mut self,
        contract: &str,
        function: &str,
        claim: &Claim,
        witness: &[u8],
    ) -> Result<Vec<Value>, ContractError> {
        let inputs = self.contracts.inputs(contract, function)?;
        let unknown = || ContractError::Function { name: contract.into(), function: function.into() };
        let Some(Type::Tuple(fields)) = inputs.first().map(|input| &input.kind) else {
            return Err(unknown());
        };
        let fields = fields.iter().map(|field| claim.field(&field.name)).collect::<Option<_>>();
        Ok(vec![Value::Tuple(fields.ok_or_else(unknown)?), Value::Bytes(witness.to_vec())])
    }
}

fn judged(called: Called) -> Judged {
    let verdict = match called.result {
        Ok(values) => match values.first().and_then(Value::as_hash) {
            Some(root) => Verdict::Executed(root),
            None => Verdict::Undecided("no root".into()),
        },
        Err(revert) if revert.name == "StepIllegal" => Verdict::Illegal(revert.text),
        Err(revert) => Verdict::Undecided(revert.text),
    };
    Judged { verdict, gas: called.gas, calldata: called.calldata }
}
