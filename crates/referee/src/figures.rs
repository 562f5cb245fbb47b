//! What came of the steps of each kind.

use crate::verifier::{Claim, Judged, Verdict};
use commitment::StepKind;
use std::collections::BTreeMap;
use std::fmt;

/// Figures of one kind.
#[derive(Debug, Clone, Default)]
pub struct KindFigures {
    /// Steps that were seen.
    pub steps: u64,
    /// Steps that a module judged.
    pub judged: u64,
    /// Found to be as they were claimed.
    pub agreed: u64,
    /// Executed to another root.
    pub wrong_root: u64,
    /// Found to be impossible.
    pub illegal: u64,
    /// Not decided.
    pub undecided: u64,
    gas: Vec<u64>,
    calldata: Vec<u64>,
}

/// Figures of all kinds.
#[derive(Debug, Clone, Default)]
pub struct Figures(BTreeMap<u8, KindFigures>);

impl Figures {
    /// Counts a step of a kind without a module.
    pub fn skip(&mut self, kind: u8) {
        self.0.entry(kind).or_default().steps += 1;
    }

    /// Counts a step that was judged.
    pub fn add(&mut self, claim: &Claim, judged: &Judged) {
        let figures = self.0.entry(claim.kind).or_default();
        figures.steps += 1;
        figures.judged += 1;
        figures.gas.push(judged.gas);
        figures.calldata.push(judged.calldata as u64);
        match &judged.verdict {
            Verdict::Executed(root) if *root == claim.root_after => figures.agreed += 1,
            Verdict::Executed(_) => figures.wrong_root += 1,
            Verdict::Illegal(_) => figures.illegal += 1,
            Verdict::Undecided(_) => figures.undecided += 1,
        }
    }

    /// Figures of a kind.
    #[must_use]
    pub fn of(&self, kind: StepKind) -> Option<&KindFigures> {
        self.0.get(&(kind as u8))
    }

    /// Every kind that was seen.
    pub fn kinds(&self) -> impl Iterator<Item = (u8, &KindFigures)> {
        self.0.iter().map(|(&kind, figures)| (kind, figures))
    }

    /// Steps that were judged.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.0.values().map(|figures| figures.judged).sum()
    }

    /// Steps that were judged, and not found to be as they were claimed.
    #[must_use]
    pub fn disagreed(&self) -> u64 {
        self.0.values().map(|figures| figures.judged - figures.agreed).sum()
    }
}

/// The middle of a list, what one in a hundred exceeds, and the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// The median.
    pub p50: u64,
    /// What one in a hundred exceeds.
    pub p99: u64,
    /// The largest.
    pub max: u64,
}

impl Spread {
    fn of(values: &[u64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let last = sorted.len().saturating_sub(1);
            sorted.get((sorted.len() * percent / 100).min(last)).copied().unwrap_or(0)
        };
        Self { p50: at(50), p99: at(99), max: at(100) }
    }
}

impl KindFigures {
    /// Gas of the transactions.
    #[must_use]
    pub fn gas(&self) -> Spread {
        Spread::of(&self.gas)
    }

    /// Bytes of their calldata.
    #[must_use]
    pub fn calldata(&self) -> Spread {
        Spread::of(&self.calldata)
    }
}

/// The name of a kind.
#[must_use]
pub fn kind_name(kind: u8) -> &'static str {
    StepKind::ALL.get(usize::from(kind)).map_or("unknown", |kind| kind.word())
}

impl Figures {
    /// The figures as comma-separated values.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut out =
            String::from("kind,name,steps,agreed,gas_p50,gas_p99,gas_max,data_p50,data_p99,data_max\n");
        for (kind, figures) in self.kinds() {
            let KindFigures { judged, agreed, .. } = figures;
            out += &format!("{kind},{},{judged},{agreed}", kind_name(kind));
            for Spread { p50, p99, max } in [figures.gas(), figures.calldata()] {
                out += &format!(",{p50},{p99},{max}");
            }
            out.push('\n');
        }
        out
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:>2} {:<22} {:>8} {:>8} {:>6} {:>7} {:>9} {:>10} {:>10} {:>10} {:>9} {:>9}",
            "",
            "kind",
            "steps",
            "agreed",
            "root",
            "illegal",
            "undecided",
            "gas p50",
            "p99",
            "max",
            "data p50",
            "max"
        )?;
        for (kind, figures) in self.kinds() {
            let (gas, data) = (figures.gas(), figures.calldata());
            write!(out, "{kind:>2} {:<22} {:>8} ", kind_name(kind), figures.steps)?;
            if figures.judged == 0 {
                writeln!(out, "no module")?;
                continue;
            }
            writeln!(
                out,
                "{:>8} {:>6} {:>7} {:>9} {:>10} {:>10} {:>10} {:>9} {:>9}",
                figures.agreed,
                figures.wrong_root,
                figures.illegal,
                figures.undecided,
                gas.p50,
                gas.p99,
                gas.max,
                data.p50,
                data.max,
            )?;
        }
        writeln!(out, "judged {}, disagreed {}", self.judged(), self.disagreed())
    }
}
