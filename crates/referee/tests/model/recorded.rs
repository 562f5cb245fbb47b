//! Recorded option chains of an exchange, which quotes in the underlying.

use crate::chains::Row;
use protocol::Nanos;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files of a data folder, a day each.
pub fn files(data: &Path) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(data.join("deribit/snapshots_2026")).expect("recorded chains");
    let mut files: Vec<_> = folder.flatten().map(|file| file.path()).collect();
    files.retain(|file| file.to_string_lossy().contains("BTC_ETH_"));
    files.sort();
    files
}

/// Chains of a file, by time and currency.
pub fn chains(file: &Path) -> Vec<(Nanos, Vec<Row>)> {
    let output = Command::new("gzip").arg("-dc").arg(file).output().expect("gzip");
    let text = String::from_utf8(output.stdout).expect("text");
    let mut lines = text.lines();
    let names: Vec<_> = lines.next().expect("a header").split(',').collect();
    let mut chains = BTreeMap::<_, Vec<_>>::new();
    for line in lines {
        let fields: Vec<_> = line.split(',').collect();
        let field = |name: &str| fields[names.iter().position(|&known| known == name).expect("a column")];
        let number = |name: &str| field(name).parse::<f64>().unwrap_or_else(|_| panic!("{name} in {line}"));
        let forward = number("underlying");
        let price = |name: &str| field(name).parse().map_or(0.0, |coins: f64| coins * forward);
        let row = Row {
            expiry: nanos(field("expiry_datetime")),
            strike: number("strike"),
            is_call: field("option_type") == "call",
            bid: price("bid_price"),
            ask: price("ask_price"),
            forward,
            index: number("index_price"),
        };
        chains.entry((nanos(field("timestamp")), field("currency").to_owned())).or_default().push(row);
    }
    chains.into_iter().map(|((time, _), rows)| (time, rows)).collect()
}

/// A time such as `2026-02-05T04:29:52.233617+00:00`.
fn nanos(text: &str) -> Nanos {
    let number = |range: std::ops::Range<usize>| text[range].parse::<u64>().expect("digits");
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    // Days of a civil calendar whose years begin in March.
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86_400 + number(11..13) * 3_600 + number(14..16) * 60 + number(17..19);
    let micros = if text.as_bytes()[19] == b'.' { number(20..26) } else { 0 };
    seconds * 1_000_000_000 + micros * 1_000
}
