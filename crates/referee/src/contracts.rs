//! Contracts of forge `out` folders, deployed when they are first asked for, with what their constructors want.

use crate::abi::{self, Parameter, Type, Value};
use crate::artifact::{Artifact, ArtifactError, Selector, Signature};
use crate::evm::{CODE_SIZE, Evm, Failure, Trace};
use protocol::Address;
use std::collections::BTreeMap;
use std::path::PathBuf;
use thiserror::Error;

/// Why a contract cannot be called.
#[derive(Debug, Error)]
pub enum ContractError {
    /// Its artifact cannot be used.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// Its constructor failed.
    #[error("{name} cannot be deployed: {reason}")]
    Deployment {
        /// The contract.
        name: String,
        /// What happened.
        reason: String,
    },
    /// Its constructor wants what no contract is.
    #[error("the constructor of {name} wants {parameter}")]
    Constructor {
        /// The contract.
        name: String,
        /// The parameter.
        parameter: String,
    },
    /// It has no such function.
    #[error("{name} has no function {function}")]
    Function {
        /// The contract.
        name: String,
        /// The function.
        function: String,
    },
}

/// A call that reverted, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revert {
    /// Name of the error; `Stopped` when there is none.
    pub name: String,
    /// What the error says.
    pub values: Vec<Value>,
    /// All of it, readable.
    pub text: String,
}

/// A call that was made.
#[derive(Debug, Clone)]
pub struct Called {
    /// Gas of the transaction, calldata and its floor included.
    pub gas: u64,
    /// Gas that the contracts used.
    pub execution_gas: u64,
    /// Bytes of calldata.
    pub calldata: usize,
    /// What it returned.
    pub result: Result<Vec<Value>, Revert>,
}

/// Contracts in a machine.
pub struct Contracts {
    evm: Evm,
    out: Vec<PathBuf>,
    deployed: BTreeMap<String, (Address, Artifact)>,
    too_long: Vec<(String, usize)>,
    errors: BTreeMap<Selector, Signature>,
}

impl Contracts {
    /// Contracts of forge `out` folders; the first that has one with code gives it.
    #[must_use]
    pub fn new(out: &[PathBuf]) -> Self {
        let built_in = |name: &str, kind: &str| Signature {
            name: name.into(),
            inputs: vec![Parameter {
                name: String::new(),
                kind: if kind == "string" { Type::Text } else { Type::Word(kind.into()) },
                declared: kind.into(),
            }],
            outputs: Vec::new(),
        };
        let errors = [([0x4e, 0x48, 0x7b, 0x71], built_in("Panic", "uint256"))]
            .into_iter()
            .chain([([0x08, 0xc3, 0x79, 0xa0], built_in("Error", "string"))]);
        Self {
            evm: Evm::new(),
            out: out.to_vec(),
            deployed: BTreeMap::new(),
            too_long: Vec::new(),
            errors: errors.collect(),
        }
    }

    /// Contracts that were deployed and are too long for the chain, with their bytes of code.
    #[must_use]
    pub fn too_long(&self) -> &[(String, usize)] {
        &self.too_long
    }

    /// Whether the folder has a contract with code.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.read(name).is_ok_and(|artifact| artifact.has_code())
    }

    fn read(&self, name: &str) -> Result<Artifact, ArtifactError> {
        let mut found = Err(ArtifactError::Missing(name.into()));
        for out in &self.out {
            found = Artifact::read(out, name);
            if found.as_ref().is_ok_and(Artifact::has_code) {
                break;
            }
        }
        found
    }

    /// Address of a contract, deployed if it is not yet. A constructor's parameters must be contracts, by type or by name.
    ///
    /// # Errors
    /// [`ContractError`].
    pub fn address(&mut self, name: &str) -> Result<Address, ContractError> {
        if let Some((address, _)) = self.deployed.get(name) {
            return Ok(*address);
        }
        let artifact = self.read(name)?;
        let arguments = artifact.constructor.iter().map(|parameter| self.argument(name, parameter));
        let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
        self.deploy(artifact, &arguments)
    }

    /// Deploys a contract with these arguments.
    ///
    /// # Errors
    /// [`ContractError`].
    pub fn deploy_with(&mut self, name: &str, arguments: &[Value]) -> Result<Address, ContractError> {
        let artifact = self.read(name)?;
        self.deploy(artifact, arguments)
    }

    fn deploy(&mut self, artifact: Artifact, arguments: &[Value]) -> Result<Address, ContractError> {
        let names: Vec<String> = artifact.libraries().map(str::to_owned).collect();
        let libraries = names
            .into_iter()
            .map(|library| Ok((library.clone(), self.address(&library)?)))
            .collect::<Result<_, ContractError>>()?;
        let mut code = artifact.creation_code(&libraries)?;
        code.extend(abi::encode(arguments));
        self.errors.extend(artifact.errors.iter().map(|(&selector, error)| (selector, error.clone())));
        let name = artifact.name.clone();
        let (address, size) = self.evm.deploy(code).map_err(|failure| ContractError::Deployment {
            name: name.clone(),
            reason: self.revert(&failure).text,
        })?;
        if size > CODE_SIZE {
            self.too_long.push((name.clone(), size));
        }
        self.deployed.insert(name, (address, artifact));
        Ok(address)
    }

    fn argument(&mut self, contract: &str, parameter: &Parameter) -> Result<Value, ContractError> {
        let declared = parameter.declared.strip_prefix("contract ").unwrap_or_default();
        let mut named = parameter.name.clone();
        if let Some(first) = named.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let candidates = [declared.to_owned(), named, declared.strip_prefix('I').unwrap_or_default().into()];
        match candidates.into_iter().find(|name| self.has(name)) {
            Some(name) => Ok(Value::address(&self.address(&name)?)),
            None => Err(ContractError::Constructor {
                name: contract.into(),
                parameter: format!("{} {}", parameter.declared, parameter.name),
            }),
        }
    }

    /// Inputs of a function.
    ///
    /// # Errors
    /// [`ContractError`] when there is no such contract, or function.
    pub fn inputs(&mut self, name: &str, function: &str) -> Result<Vec<Parameter>, ContractError> {
        self.address(name)?;
        Ok(self.function(name, function)?.2.inputs.clone())
    }

    /// Calls a function in a transaction of its own; nothing changes by it. The contract is deployed if it is not yet.
    ///
    /// # Errors
    /// [`ContractError`] when there is no such contract, or function.
    pub fn call(&mut self, name: &str, function: &str, arguments: &[Value]) -> Result<Called, ContractError> {
        Ok(self.run(name, function, arguments, false)?.0)
    }

    /// The same, and what the contracts did.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn call_traced(
        &mut self,
        name: &str,
        function: &str,
        arguments: &[Value],
    ) -> Result<(Called, Trace), ContractError> {
        self.run(name, function, arguments, true)
    }

    fn run(
        &mut self,
        name: &str,
        function: &str,
        arguments: &[Value],
        traced: bool,
    ) -> Result<(Called, Trace), ContractError> {
        self.address(name)?;
        let (address, selector, signature) = self.function(name, function)?;
        let outputs = signature.outputs.clone();
        let mut data = selector.to_vec();
        data.extend(abi::encode(arguments));
        let calldata = data.len();
        let (outcome, trace) = if traced {
            self.evm.call_traced(address, data)
        } else {
            (self.evm.call(address, data), Trace::default())
        };
        let result = match &outcome.result {
            Ok(data) => abi::decode(&outputs, data).ok_or_else(|| Revert::stopped("unexpected output")),
            Err(failure) => Err(self.revert(failure)),
        };
        let called = Called { gas: outcome.gas, execution_gas: outcome.execution_gas, calldata, result };
        Ok((called, trace))
    }

    fn function(&self, name: &str, function: &str) -> Result<(Address, Selector, &Signature), ContractError> {
        let found = self.deployed.get(name).and_then(|(address, artifact)| {
            artifact.function(function).map(|(selector, signature)| (*address, selector, signature))
        });
        found.ok_or_else(|| ContractError::Function { name: name.into(), function: function.into() })
    }

    /// A failure in words. An error that wraps another (`Undecided(bytes)`) shows that one too.
    #[must_use]
    pub fn revert(&self, failure: &Failure) -> Revert {
        match failure {
            Failure::Stopped(reason) => Revert::stopped(reason),
            Failure::Reverted(data) => {
                self.decoded(data).unwrap_or_else(|| Revert::stopped(&failure.to_string()))
            }
        }
    }

    fn decoded(&self, data: &[u8]) -> Option<Revert> {
        let signature = self.errors.get(&data.get(..4)?.try_into().ok().unwrap_or([0; 4]))?;
        let values = abi::decode(&signature.inputs, &data[4..])?;
        let inner = match values.as_slice() {
            [Value::Bytes(inner)] => self.decoded(inner),
            _ => None,
        };
        let text = match inner {
            Some(inner) => inner.text,
            None => abi::describe(&signature.inputs, &values),
        };
        let name = signature.name.clone();
        Some(Revert { text: format!("{name}({text})"), name, values })
    }
}

impl Revert {
    fn stopped(reason: &str) -> Self {
        Self { name: "Stopped".into(), values: Vec::new(), text: reason.into() }
    }
}
