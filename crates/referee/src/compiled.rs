//! Where tests find the compiled contracts.

use crate::contracts::Contracts;
use std::env;
use std::path::{Path, PathBuf};

/// Names the folders that forge compiled to, relative to the repository, separated as in `PATH`.
pub const FOLDERS: &str = "SYNCHROMESH_CONTRACTS";

/// The folders of [`FOLDERS`], or the one that `make contracts` fills. Where the variable is not set and one of the needed
/// contracts is not compiled, there is nothing to test: that is printed, and `None` comes back.
///
/// # Panics
/// When the variable is set and a needed contract is in none of its folders: who names contracts wants them tested.
#[must_use]
pub fn folders(needed: &[&str]) -> Option<Vec<PathBuf>> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let given = env::var_os(FOLDERS);
    let named = given.clone().unwrap_or_else(|| "contracts/out".into());
    let folders: Vec<_> = env::split_paths(&named).map(|folder| repository.join(folder)).collect();
    let contracts = Contracts::new(&folders);
    let Some(missing) = needed.iter().find(|name| !contracts.has(name)) else { return Some(folders) };
    assert!(given.is_none(), "{FOLDERS} is set, and {missing} is not in {folders:?}");
    println!("skipped: {missing} is not compiled; `make contracts` does it");
    None
}
