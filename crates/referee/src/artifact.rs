//! Compiled contracts, as `forge build` leaves them in its `out` folder.

use crate::abi::{self, Parameter, unhex};
use protocol::{Address, keccak256};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};
use thiserror::Error;

/// Why an artifact cannot be used.
#[derive(Debug, Error)]
pub enum ArtifactError {
    /// There is no such contract in the folder.
    #[error("no artifact of {0}: compile it with `./forge build`")]
    Missing(String),
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not what forge writes.
    #[error("the artifact of {0} is no JSON of a contract")]
    Malformed(String),
    /// The bytecode has a library's place, and no library was put there.
    #[error("{0} is not linked")]
    Unlinked(String),
}

/// A function or a custom error.
#[derive(Debug, Clone)]
pub struct Signature {
    /// Its name.
    pub name: String,
    /// What goes in.
    pub inputs: Vec<Parameter>,
    /// What comes out of a function.
    pub outputs: Vec<Parameter>,
}

/// First four bytes of the hash of a signature.
pub type Selector = [u8; 4];

/// A compiled contract.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Its name.
    pub name: String,
    /// What its constructor takes.
    pub constructor: Vec<Parameter>,
    /// Its functions.
    pub functions: BTreeMap<Selector, Signature>,
    /// Errors that it may revert with.
    pub errors: BTreeMap<Selector, Signature>,
    /// Digits of the creation code, with places for libraries.
    code: String,
    /// Libraries, and where their addresses go, in bytes.
    links: Vec<(String, Vec<usize>)>,
}

impl Artifact {
    /// Reads the artifact of `name` in the folder `out`.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub fn read(out: &Path, name: &str) -> Result<Self, ArtifactError> {
        let path = find(out, name).ok_or_else(|| ArtifactError::Missing(name.into()))?;
        let text = fs::read(&path).map_err(|source| ArtifactError::Io { path, source })?;
        let json: Json = serde_json::from_slice(&text).map_err(|_| ArtifactError::Malformed(name.into()))?;
        Self::from_json(name, &json).ok_or_else(|| ArtifactError::Malformed(name.into()))
    }

    fn from_json(name: &str, json: &Json) -> Option<Self> {
        let (mut functions, mut errors) = (BTreeMap::new(), BTreeMap::new());
        let mut constructor = Vec::new();
        for entry in json["abi"].as_array()? {
            let inputs = Parameter::list(entry, "inputs");
            let signature = Signature {
                name: entry["name"].as_str().unwrap_or_default().into(),
                outputs: Parameter::list(entry, "outputs"),
                inputs,
            };
            match entry["type"].as_str()? {
                "constructor" => constructor = signature.inputs,
                "function" => drop(functions.insert(signature.selector(), signature)),
                "error" => drop(errors.insert(signature.selector(), signature)),
                _ => {}
            }
        }
        let code = json["bytecode"]["object"].as_str()?.trim_start_matches("0x").to_owned();
        let references = json["bytecode"]["linkReferences"].as_object();
        let libraries = references.into_iter().flatten().filter_map(|(_, libraries)| libraries.as_object());
        let link = |(library, places): (&String, &Json)| {
            let starts = places.as_array()?.iter().map(|place| Some(place["start"].as_u64()? as usize));
            Some((library.clone(), starts.collect::<Option<_>>()?))
        };
        let links = libraries.flatten().map(link).collect::<Option<_>>()?;
        Some(Self { name: name.into(), constructor, functions, errors, code, links })
    }

    /// Whether it can be deployed: interfaces and abstract contracts cannot.
    #[must_use]
    pub fn has_code(&self) -> bool {
        !self.code.is_empty()
    }

    /// Names of the libraries that it needs deployed.
    pub fn libraries(&self) -> impl Iterator<Item = &str> {
        self.links.iter().map(|(library, _)| library.as_str())
    }

    /// Creation code with libraries in their places.
    ///
    /// # Errors
    /// [`ArtifactError::Unlinked`] when one is missing.
    pub fn creation_code(&self, libraries: &BTreeMap<String, Address>) -> Result<Vec<u8>, ArtifactError> {
        let mut digits = self.code.clone();
        for (library, places) in &self.links {
            if let Some(address) = libraries.get(library) {
                for place in places {
                    digits.replace_range(2 * place..2 * place + 40, &abi::hex(&address.0));
                }
            }
        }
        match unhex(&digits) {
            Some(code) if !code.is_empty() => Ok(code),
            _ => Err(ArtifactError::Unlinked(self.name.clone())),
        }
    }

    /// Its function `name`, with its selector.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<(Selector, &Signature)> {
        self.functions
            .iter()
            .find(|(_, signature)| signature.name == name)
            .map(|(&selector, signature)| (selector, signature))
    }
}

impl Signature {
    fn selector(&self) -> Selector {
        let text = format!("{}{}", self.name, abi::canonical(&self.inputs));
        let hash = keccak256(&[text.as_bytes()]).0;
        [hash[0], hash[1], hash[2], hash[3]]
    }
}

/// The file of a contract: usually in the folder of the source with its name, else in another.
fn find(out: &Path, name: &str) -> Option<PathBuf> {
    let file = format!("{name}.json");
    let usual = out.join(format!("{name}.sol")).join(&file);
    if usual.is_file() {
        return Some(usual);
    }
    let mut folders: Vec<_> = fs::read_dir(out).ok()?.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    folders.into_iter().map(|folder| folder.join(&file)).find(|path| path.is_file())
}
