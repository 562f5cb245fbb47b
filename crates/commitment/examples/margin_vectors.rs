//! Accounts of random streams with their margins, for the contracts: `margin_vectors FOLDER STREAMS` writes a file for each
//! stream, with two lines in hex for each account: state root, account and witness; and what the engine finds.
//! `contracts/test/verifier/margin/MarginProbe.t.sol` reads them.

use commitment::{Replica, witness};
use engine::Engine;
use protocol::{SubaccountId, USDC, UnderlyingId, Wire};
use std::fmt::Write;
use std::path::Path;
use streams::{Random, Venue};

/// Acts of a stream.
const ACTS: usize = 900;
/// Of so many commands one, behind which every account is taken.
const STRIDE: usize = 25;
/// The asset beside USDC.
const OTHER: u16 = 1;
const UNDERLYINGS: [UnderlyingId; 2] = [1, 2];

/// What the engine finds of an account.
fn expected(engine: &Engine, id: SubaccountId) -> Option<Vec<u8>> {
    let summary = engine.margin_summary(id)?;
    let standing = engine.standing(id)?;
    let free = engine.account(id)?.liquidation().is_none();
    let mut out = Vec::new();
    summary.model.put(&mut out);
    let figures = [
        summary.balance,
        standing.equity,
        summary.collateral,
        summary.collateral_maintenance,
        summary.option_value,
        summary.initial,
        summary.initial_positions,
        summary.maintenance,
        summary.withdrawable,
    ];
    figures.iter().for_each(|figure| figure.put(&mut out));
    free.put(&mut out);
    assert!(!free || engine.withdrawable(id, USDC) == summary.withdrawable);
    engine.withdrawable(id, OTHER).put(&mut out);
    for underlying in UNDERLYINGS {
        engine.lane_loss(id, underlying)?.put(&mut out);
    }
    Some(out)
}

fn put_line(lines: &mut String, bytes: &[u8]) {
    lines.push_str("0x");
    bytes.iter().for_each(|byte| write!(lines, "{byte:02x}").expect("a string grows"));
    lines.push('\n');
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, streams] = arguments.as_slice() else { panic!("margin_vectors FOLDER STREAMS") };
    let streams: u64 = streams.parse().expect("a number of streams");
    for seed in 0..streams {
        let (mut venue, mut random) = (Venue::open(), Random::new(seed));
        for _ in 0..ACTS {
            venue.act(random.act());
        }
        let (mut replica, mut lines) = (Replica::new(), String::new());
        for (at, record) in venue.records.iter().enumerate() {
            replica.apply(record, false).expect("it was applied before");
            if at % STRIDE != 0 {
                continue;
            }
            for account in 1..=replica.engine().accounts().len() as SubaccountId {
                let Some(expected) = expected(replica.engine(), account) else { continue };
                let witness = witness::of_state(&mut replica, &[account], &[]);
                let root = replica.state_root();
                put_line(&mut lines, &[&root.0[..], &account.to_bytes(), &witness].concat());
                put_line(&mut lines, &expected);
            }
        }
        let path = Path::new(folder).join(format!("{seed}.txt"));
        std::fs::write(path, lines).expect("the folder is there");
    }
}
