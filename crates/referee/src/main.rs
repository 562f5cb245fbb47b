//! `referee`: random journals before the step verifier.

use commitment::StepKind;
use protocol::{Record, Wire};
use referee::figures::Figures;
use referee::refusals::{self, Refusals};
use referee::trials::{self, Follower, Trial};
use referee::verifier::{Judged, Verifier};
use referee::worlds::Worlds;
use referee::{CODE_SIZE, mutation};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
Puts the steps of random journals before the compiled step verifier, and tells where the two differ.

  --contracts DIRS  forge's out folders, with commas between them        (contracts/out)
  --kinds LIST      numbers or words of kinds: 14,fill,20-22             (all)
  --steps N         how many steps to judge                              (2000)
  --seed N          seed of the first journal                            (1)
  --acts N          acts of one journal                                  (600)
  --per-kind N      no more than so many steps of a kind                 (no limit)
  --show N          how many disagreements to tell, of each kind         (2)
  --router          judge through StepVerifier as well
  --mutate N        corrupt claim, record and witness of so many steps of each kind
  --worlds          change values of the state before the steps too
  --refused         judge the commands that the engine refused as well
  --fixtures FILE   write few of all that was judged, which go every way in the contracts that any of it went
  --out DIR         where figures go                                     (build/referee)
";

/// What the command line says.
struct Options {
    contracts: Vec<PathBuf>,
    out: PathBuf,
    kinds: Option<BTreeSet<u8>>,
    steps: u64,
    seed: u64,
    acts: usize,
    per_kind: u64,
    show: usize,
    router: bool,
    mutate: u64,
    refused: bool,
    worlds: bool,
    fixtures: Option<PathBuf>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut options = Self {
            contracts: vec!["contracts/out".into()],
            out: "build/referee".into(),
            kinds: None,
            steps: 2_000,
            seed: 1,
            acts: 600,
            per_kind: u64::MAX,
            show: 2,
            router: false,
            mutate: 0,
            refused: false,
            worlds: false,
            fixtures: None,
        };
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{name} wants a value"));
            match name.as_str() {
                "--contracts" => options.contracts = value()?.split(',').map(PathBuf::from).collect(),
                "--out" => options.out = value()?.into(),
                "--kinds" => options.kinds = Some(kinds(&value()?)?),
                "--steps" => options.steps = value()?.parse()?,
                "--seed" => options.seed = value()?.parse()?,
                "--acts" => options.acts = value()?.parse()?,
                "--per-kind" => options.per_kind = value()?.parse()?,
                "--show" => options.show = value()?.parse()?,
                "--mutate" => options.mutate = value()?.parse()?,
                "--fixtures" => options.fixtures = Some(value()?.into()),
                "--router" => options.router = true,
                "--refused" => options.refused = true,
                "--worlds" => options.worlds = true,
                "--help" | "-h" => return Err(USAGE.into()),
                other => return Err(format!("{other} is no option\n\n{USAGE}").into()),
            }
        }
        Ok(options)
    }

    fn wants(&self, kind: u8) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
    }
}

/// Number of the kind of a record's first step.
fn head_of(record: &[u8]) -> Option<u8> {
    refusals::head(&Record::from_bytes(record).ok()?.command).map(|kind| kind as u8)
}

fn kinds(list: &str) -> Result<BTreeSet<u8>, Box<dyn Error>> {
    let one = |text: &str| match StepKind::from_word(text) {
        Some(kind) => Ok(kind as u8),
        None => text.parse::<u8>().map_err(|_| format!("{text} is no kind")),
    };
    let mut kinds = BTreeSet::new();
    for item in list.split(',') {
        match item.split_once('-') {
            Some((from, to)) => kinds.extend(one(from)?..=one(to)?),
            None => drop(kinds.insert(one(item)?)),
        }
    }
    Ok(kinds)
}

/// Everything that one run collects.
struct Run {
    options: Options,
    verifier: Verifier,
    figures: Figures,
    mutations: mutation::Tally,
    refusals: Refusals,
    worlds: Worlds,
    /// Steps that the router judges otherwise than their module.
    misrouted: u64,
    mutated: BTreeMap<u8, u64>,
    shown: BTreeMap<u8, usize>,
}

impl Run {
    fn new(options: Options) -> Result<Self, Box<dyn Error>> {
        let mut verifier = Verifier::new(&options.contracts);
        for (module, error) in verifier.broken() {
            println!("{module}: {error}");
        }
        for (contract, size) in verifier.contracts().too_long() {
            println!("{contract}: {size} bytes of code, {} above the limit", size - CODE_SIZE);
        }
        if options.router {
            verifier.deploy_router()?;
        }
        if options.fixtures.is_some() {
            verifier.collect();
        }
        Ok(Self {
            options,
            verifier,
            figures: Figures::default(),
            mutations: mutation::Tally::default(),
            refusals: Refusals::default(),
            worlds: Worlds::default(),
            misrouted: 0,
            mutated: BTreeMap::new(),
            shown: BTreeMap::new(),
        })
    }

    /// Judges steps of one journal after the other, until there are enough, or 32 journals in a row had none.
    fn go(&mut self) -> Result<(), Box<dyn Error>> {
        let (mut seed, mut barren) = (self.options.seed, 0);
        while self.figures.judged() < self.options.steps && barren < 32 {
            let judged = self.figures.judged();
            self.journal(seed)?;
            barren = if self.figures.judged() == judged { barren + 1 } else { 0 };
            seed += 1;
        }
        println!("\n{} journals, seeds {} to {}", seed - self.options.seed, self.options.seed, seed - 1);
        Ok(())
    }

    fn journal(&mut self, seed: u64) -> Result<(), Box<dyn Error>> {
        let (mut follower, venue) = (Follower::new(), trials::venue(seed, self.options.acts));
        let mut refused = venue.refused.iter().peekable();
        for (count, record) in venue.records.into_iter().enumerate() {
            while let Some((_, record)) = refused.next_if(|(accepted, _)| *accepted == count) {
                if self.options.refused && head_of(record).is_some_and(|kind| self.options.wants(kind)) {
                    self.refusals.judge(&mut self.verifier, follower.replica_mut(), record)?;
                }
            }
            let before = follower.clone();
            for trial in follower.next(&record)? {
                self.step(seed, &before, &trial)?;
            }
            if self.figures.judged() >= self.options.steps {
                break;
            }
        }
        Ok(())
    }

    fn step(&mut self, seed: u64, before: &Follower, trial: &Trial) -> Result<(), Box<dyn Error>> {
        let kind = trial.claim.kind;
        let seen = StepKind::ALL.get(usize::from(kind)).and_then(|&kind| self.figures.of(kind));
        if !self.options.wants(kind) || seen.is_some_and(|seen| seen.judged >= self.options.per_kind) {
            return Ok(());
        }
        let Some(judged) = self.verifier.judge(&trial.claim, &trial.witness)? else {
            self.figures.skip(kind);
            return Ok(());
        };
        self.figures.add(&trial.claim, &judged);
        if !judged.agrees(&trial.claim) {
            return self.tell(seed, before, trial, &judged);
        }
        if self.options.router {
            let routed = self.verifier.route(&trial.claim, &trial.witness)?;
            if routed.result.as_ref().ok().and_then(|values| values.first()?.as_u128()) != Some(0) {
                self.misrouted += 1;
                println!("seed {seed} {}: the router says {:?}", trial.name(), routed.result);
            }
        }
        if self.options.worlds {
            self.worlds.visit(&mut self.verifier, before.replica(), trial)?;
        }
        let mutated = self.mutated.entry(kind).or_default();
        if *mutated < self.options.mutate {
            *mutated += 1;
            mutation::mutate(&mut self.verifier, before.replica(), trial, &mut self.mutations)?;
        }
        Ok(())
    }

    fn tell(
        &mut self,
        seed: u64,
        before: &Follower,
        trial: &Trial,
        judged: &Judged,
    ) -> Result<(), Box<dyn Error>> {
        let shown = self.shown.entry(trial.claim.kind).or_default();
        *shown += 1;
        if *shown <= self.options.show {
            let text = trials::explain(&mut self.verifier, before.replica(), trial, judged)?;
            println!("\nseed {seed}, {text}");
        }
        Ok(())
    }

    /// Prints what came of it, and writes the figures to the folder of the run.
    fn report(&mut self) -> std::io::Result<()> {
        let Options { out, mutate, worlds, refused, fixtures, .. } = &self.options;
        if let Some(path) = fixtures {
            println!("{} steps written to {}", self.verifier.collected().write(path)?, path.display());
        }
        fs::create_dir_all(out)?;
        println!("{}", self.figures);
        fs::write(out.join("steps.csv"), self.figures.csv())?;
        if *mutate > 0 {
            println!("{}", self.mutations);
            fs::write(out.join("corruptions.csv"), self.mutations.csv())?;
        }
        if *worlds {
            println!("{}", self.worlds);
        }
        if *refused {
            println!("{}", self.refusals);
        }
        Ok(())
    }

    fn is_sound(&mut self) -> bool {
        let agreed = self.figures.disagreed() == 0 && self.misrouted == 0;
        let sound = self.mutations.is_sound() && self.refusals.is_sound();
        agreed && sound && self.verifier.contracts().too_long().is_empty()
    }
}

fn main() -> ExitCode {
    let run = || -> Result<bool, Box<dyn Error>> {
        let mut run = Run::new(Options::parse(std::env::args().skip(1))?)?;
        run.go()?;
        run.report()?;
        Ok(run.is_sound())
    };
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
