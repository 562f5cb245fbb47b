//! Steps as files, for tests of contracts.

use crate::abi::hex;
use crate::figures::kind_name;
use crate::trials::Trial;
use std::path::Path;
use std::{fs, io};

/// Writes a step to `folder`, as the `number`-th of its kind.
///
/// # Errors
/// What the system says.
pub fn write(folder: &Path, trial: &Trial, number: usize) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let claim = &trial.claim;
    let name = format!("{}-{}-{number}.json", claim.kind, kind_name(claim.kind));
    let text = format!(
        "{{\n  \"rootBefore\": \"0x{}\",\n  \"record\": \"0x{}\",\n  \"kind\": {},\n  \"subject\": \"0x{}\",\n  \
         \"first\": {},\n  \"last\": {},\n  \"rootAfter\": \"0x{}\",\n  \"witness\": \"0x{}\"\n}}\n",
        hex(&claim.root_before.0),
        hex(&claim.record),
        claim.kind,
        hex(&claim.subject),
        claim.first,
        claim.last,
        hex(&claim.root_after.0),
        hex(&trial.witness),
    );
    fs::write(folder.join(name), text)
}
