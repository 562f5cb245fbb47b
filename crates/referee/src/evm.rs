//! An EVM in memory, by the rules of Prague, that answers calls as transactions: with their calldata in the gas.

use crate::branches::Branches;
use crate::hashes::Hashes;
use protocol::Address;
use revm::context::result::{ExecutionResult, Output, ResultGas};
use revm::context::{Context, TxEnv};
use revm::database::{CacheDB, EmptyDB};
use revm::handler::{MainnetContext, MainnetEvm};
use revm::interpreter::Interpreter;
use revm::primitives::hardfork::SpecId;
use revm::primitives::{Bytes, TxKind};
use revm::{ExecuteCommitEvm, ExecuteEvm, InspectEvm, Inspector, MainBuilder, MainContext};
use thiserror::Error;

/// Gas that one transaction may use on the chain (EIP-7825).
pub const TRANSACTION_GAS: u64 = 16_777_216;
/// Bytes that a contract's code may have on the chain (EIP-170).
pub const CODE_SIZE: usize = 24_576;
/// Gas for a deployment.
const DEPLOYMENT_GAS: u64 = 100_000_000;

/// Who sends all transactions.
const SENDER: Address = Address([0x5E; 20]);

/// How a call ended without a result.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Failure {
    /// It reverted, with this data.
    #[error("reverted with 0x{}", crate::abi::hex(.0))]
    Reverted(Vec<u8>),
    /// It stopped: out of gas, an invalid opcode.
    #[error("stopped: {0}")]
    Stopped(String),
}

/// What became of a transaction.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Gas that it paid for, calldata and its floor (EIP-7623) included.
    pub gas: u64,
    /// Gas that the contracts used.
    pub execution_gas: u64,
    /// What it returned.
    pub result: Result<Vec<u8>, Failure>,
}

/// What happened in a call.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// Everything that was hashed.
    pub hashes: Hashes,
    /// Which ways were gone.
    pub branches: Branches,
}

impl<C> Inspector<C> for Trace {
    fn step(&mut self, interpreter: &mut Interpreter, context: &mut C) {
        self.hashes.step(interpreter, context);
        self.branches.step(interpreter, context);
    }
}

/// The machine.
pub struct Evm {
    inner: MainnetEvm<MainnetContext<CacheDB<EmptyDB>>, Trace>,
}

impl Default for Evm {
    fn default() -> Self {
        Self::new()
    }
}

impl Evm {
    /// A machine without contracts.
    #[must_use]
    pub fn new() -> Self {
        let context =
            Context::mainnet().with_db(CacheDB::<EmptyDB>::default()).modify_cfg_chained(|config| {
                config.set_spec_and_mainnet_gas_params(SpecId::PRAGUE);
                config.disable_nonce_check = true;
                // A contract that is too long is told, and judged all the same: see `CODE_SIZE`.
                config.limit_contract_code_size = Some(usize::MAX);
                config.limit_contract_initcode_size = Some(usize::MAX);
            });
        Self { inner: context.build_mainnet_with_inspector(Trace::default()) }
    }

    /// Deploys a contract, of whatever size; returns its address, and the bytes of its code.
    ///
    /// # Errors
    /// [`Failure`] of the constructor.
    pub fn deploy(&mut self, creation_code: Vec<u8>) -> Result<(Address, usize), Failure> {
        let transaction = transaction(TxKind::Create, creation_code, DEPLOYMENT_GAS);
        let result = self.inner.transact_commit(transaction).map_err(|error| stopped(&error))?;
        match result {
            ExecutionResult::Success { output: Output::Create(code, Some(address)), .. } => {
                Ok((Address(address.into_array()), code.len()))
            }
            other => {
                Err(outcome(other).result.err().unwrap_or_else(|| Failure::Stopped("no address".into())))
            }
        }
    }

    /// Calls a contract in a transaction of its own; the state stays as it is.
    pub fn call(&mut self, to: Address, data: Vec<u8>) -> Outcome {
        match self.inner.transact(call(to, data)) {
            Ok(executed) => outcome(executed.result),
            Err(error) => Outcome { gas: 0, execution_gas: 0, result: Err(stopped(&error)) },
        }
    }

    /// The same, and what happened on the way.
    pub fn call_traced(&mut self, to: Address, data: Vec<u8>) -> (Outcome, Trace) {
        let outcome = match self.inner.inspect(call(to, data), Trace::default()) {
            Ok(executed) => outcome(executed.result),
            Err(error) => Outcome { gas: 0, execution_gas: 0, result: Err(stopped(&error)) },
        };
        (outcome, std::mem::take(&mut self.inner.inspector))
    }
}

fn transaction(kind: TxKind, data: Vec<u8>, gas_limit: u64) -> TxEnv {
    TxEnv { caller: SENDER.0.into(), kind, data: Bytes::from(data), gas_limit, ..TxEnv::default() }
}

fn call(to: Address, data: Vec<u8>) -> TxEnv {
    transaction(TxKind::Call(to.0.into()), data, TRANSACTION_GAS)
}

fn stopped(error: &impl std::fmt::Debug) -> Failure {
    Failure::Stopped(format!("{error:?}"))
}

fn outcome(result: ExecutionResult) -> Outcome {
    let of = |gas: &ResultGas, result| Outcome {
        gas: gas.used(),
        execution_gas: gas.spent().saturating_sub(gas.intrinsic_gas()),
        result,
    };
    match result {
        ExecutionResult::Success { gas, output, .. } => of(&gas, Ok(output.into_data().to_vec())),
        ExecutionResult::Revert { gas, output, .. } => of(&gas, Err(Failure::Reverted(output.to_vec()))),
        ExecutionResult::Halt { gas, reason, .. } => of(&gas, Err(stopped(&reason))),
    }
}
