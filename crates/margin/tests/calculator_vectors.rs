//! Random portfolios as the contract `MarginCalculator` reads them, with their margins: the contract must find the same, to
//! the unit. Layout of an input: `contracts/src/verifier/margin/MarginInputs.sol`.
//!
//! The committed file is what the generator makes. `SYNCHROMESH_MARGIN_VECTORS=<folder>` writes more of them, in files of a
//! hundred portfolios; `SYNCHROMESH_MARGIN_CASES` says how many portfolios.

#![allow(clippy::unwrap_used)]

mod support;

use margin::numbers::{add, mul_div_ceil, narrow};
use margin::{
    Checked, CollateralHolding, CollateralLine, Exposure, InstrumentRisk, OpenLots, Overflow, Part,
    PnlOffset, Portfolio, Stage, Sums, UnderlyingRisk,
};
use protocol::{
    CONTRACT, CollateralTerms, ExpiryInputs, GAPS, LANES, MarginParameters, MarkInputs, Micros, NANO_ONE,
    Nanos, Parameter, RiskArray, RiskParameters, UnderlyingId, Wire,
};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use support::{DAY, NOW, Random, inputs, parameters};

/// Portfolios of the committed file.
const COMMITTED: u64 = 9;
const FIXTURE: &str = "../../contracts/test/verifier/fixtures/margin_portfolios.txt";
const FILE_CASES: u64 = 100;

/// Values of the parameters that margin looks at; the others are 0.
type Table = BTreeMap<u8, i64>;

/// An instrument, its underlying, and what the account has in it.
struct Member {
    underlying: UnderlyingId,
    expiry: Nanos,
    strike: Micros,
    tick_size: i64,
    lot_size: i64,
    lane_unit: u32,
    mark: Micros,
    mark_index: i64,
    delta: i64,
    vega: i64,
    risk: RiskArray,
    position: i64,
    /// Lots and worst price in ticks of bids and of offers.
    orders: [(i64, i64); 2],
}

/// An asset with what the venue knows of it.
struct Asset {
    terms: CollateralTerms,
    balance: i64,
    held: i128,
    price: i64,
    sound: bool,
}

struct Account {
    table: Table,
    members: Vec<Member>,
    underlyings: Vec<(MarkInputs, Option<RiskParameters>)>,
    assets: Vec<Asset>,
}

impl Account {
    fn random(random: &mut Random) -> Self {
        let underlyings: Vec<_> = (1..=random.between(1, 4) as UnderlyingId)
            .map(|id| {
                let mut inputs = random_inputs(random, id);
                let table = random_parameters(random);
                // Some expiries are not covered by the mark.
                inputs.expiries.retain(|_| random.between(0, 5) != 0);
                (inputs, Some(table))
            })
            .collect();
        let count = match random.between(0, 9) {
            0 => 0,
            1 => 128,
            2..5 => random.between(1, 3),
            _ => random.between(1, 40),
        };
        // Now and then so much that it does not fit.
        let scale = [60, 5_000, 1_000_000, 100_000_000_000][(random.next() % 64).min(3) as usize];
        let scale = if random.between(0, 9) == 0 { scale } else { 400 };
        let members = (0..count).map(|_| Member::random(random, &underlyings, scale)).collect();
        let assets = (0..random.between(0, 3)).map(|_| Asset::random(random, underlyings.len())).collect();
        let rate = |most: i64, random: &mut Random| {
            if random.between(0, 2) == 0 { 0 } else { random.between(0, most) }
        };
        let table = [
            (Parameter::OptionMakerFee, rate(NANO_ONE / 1_000, random)),
            (Parameter::OptionTakerFee, rate(NANO_ONE / 1_000, random)),
            (Parameter::OptionFeeCap, rate(NANO_ONE / 2, random)),
            (Parameter::PerpetualMakerFee, -rate(NANO_ONE / 2_000, random)),
            (Parameter::PerpetualTakerFee, rate(NANO_ONE / 1_000, random)),
            (Parameter::PnlOffset, rate(NANO_ONE, random)),
            (Parameter::PnlOffsetCap, rate(NANO_ONE, random)),
        ];
        let table = table.into_iter().map(|(parameter, value)| (parameter as u8, value)).collect();
        Self { table, members, underlyings, assets }
    }

    fn parameter(&self, parameter: Parameter) -> i64 {
        self.table.get(&(parameter as u8)).copied().unwrap_or_default()
    }

    /// The bytes that the contract reads.
    fn input(&self) -> Vec<u8> {
        let mut out = vec![1];
        0_i64.put(&mut out);
        (Parameter::ALL.len() as u16).put(&mut out);
        for parameter in Parameter::ALL {
            parameter.put(&mut out);
            self.parameter(*parameter).put(&mut out);
        }
        (self.members.len() as u16).put(&mut out);
        for (instrument, member) in (1_u64..).zip(&self.members) {
            instrument.put(&mut out);
            [member.position, 0, 0].iter().for_each(|number| number.put(&mut out));
            for (lots, worst) in member.orders {
                lots.put(&mut out);
                worst.put(&mut out);
            }
            with_length(&member.leaf(), &mut out);
        }
        (self.underlyings.len() as u16).put(&mut out);
        for (inputs, table) in &self.underlyings {
            inputs.underlying.put(&mut out);
            with_length(&underlying_leaf(inputs, table.is_some()), &mut out);
            table.iter().for_each(|table| table.put(&mut out));
            let expiries = support::EXPIRIES;
            (expiries.len() as u16).put(&mut out);
            for expiry in expiries {
                let covered = inputs.expiries.iter().find(|series| series.expiry == expiry);
                expiry.put(&mut out);
                covered.map_or(0, |series| series.forward).put(&mut out);
            }
        }
        (self.assets.len() as u16).put(&mut out);
        for (id, asset) in (1_u16..).zip(&self.assets) {
            id.put(&mut out);
            asset.balance.put(&mut out);
            asset.held.put(&mut out);
            asset.price.put(&mut out);
            asset.sound.put(&mut out);
            asset.terms.put(&mut out);
        }
        out
    }

    /// Whether the account can be summed; its funds and its margins by stage; the worst lane of the first underlying.
    fn expected(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let margins = self.with_portfolio(|portfolio| {
            [portfolio.initial(), portfolio.positions(), portfolio.maintenance()]
        });
        let found = self.funds().and_then(|funds| Ok((funds, margins?)));
        found.is_ok().put(&mut out);
        if let Ok((funds, margins)) = found {
            funds.iter().for_each(|amount| amount.put(&mut out));
            // No margin is that large.
            margins.iter().for_each(|margin| margin.unwrap_or(Micros::MAX).put(&mut out));
        }
        let loss = self.lane_loss();
        loss.is_ok().put(&mut out);
        loss.unwrap_or_default().put(&mut out);
        out
    }

    /// Value of perpetuals and of options, collateral behind initial and behind maintenance margin.
    fn funds(&self) -> Checked<[Micros; 4]> {
        let mut funds = [0; 4];
        for member in &self.members {
            let value = &mut funds[usize::from(member.strike != 0)];
            *value = add(*value, member.value()?)?;
        }
        for asset in &self.assets {
            let line = asset.line()?;
            (funds[2], funds[3]) = (add(funds[2], line.initial)?, add(funds[3], line.maintenance)?);
        }
        Ok(funds)
    }

    fn with_portfolio<T>(&self, question: impl FnOnce(&Portfolio<'_>) -> T) -> Checked<T> {
        let lines = self.assets.iter().map(Asset::line).collect::<Checked<Vec<_>>>()?;
        let mut sums: BTreeMap<UnderlyingId, Sums> = BTreeMap::new();
        for line in lines.iter().filter(|line| line.scenario_underlying != 0) {
            sums.entry(line.scenario_underlying).or_default();
        }
        for member in &self.members {
            let exposure = member.exposure(self)?;
            sums.entry(member.underlying).or_default().add(&member.view(), &exposure)?;
        }
        let risks: BTreeMap<UnderlyingId, UnderlyingRisk> = self
            .underlyings
            .iter()
            .map(|(inputs, table)| Ok((inputs.underlying, UnderlyingRisk::new(inputs, &table.unwrap())?)))
            .collect::<Checked<_>>()?;
        let parts: Vec<_> = sums.iter().map(|(id, sums)| Part { sums, risk: &risks[id] }).collect();
        let offset = PnlOffset {
            share: self.parameter(Parameter::PnlOffset),
            cap: self.parameter(Parameter::PnlOffsetCap),
        };
        Ok(question(&Portfolio { parts: &parts, collateral: &lines, offset }))
    }

    fn lane_loss(&self) -> Checked<Micros> {
        let (inputs, table) = &self.underlyings[0];
        let mut sums = Sums::new();
        for member in self.members.iter().filter(|member| member.underlying == inputs.underlying) {
            if member.position != 0 {
                sums.add(&member.view(), &Exposure::of(member.position))?;
            }
        }
        Ok(sums.evaluate(&UnderlyingRisk::new(inputs, &table.unwrap())?, Stage::Positions, 0)?.scan)
    }
}

impl Member {
    fn random(random: &mut Random, underlyings: &[(MarkInputs, Option<RiskParameters>)], scale: i64) -> Self {
        let (inputs, _) = &underlyings[random.next() as usize % underlyings.len()];
        let perpetual = random.between(0, 9) == 0;
        let most = if random.between(0, 63) == 0 { i32::MAX.into() } else { 9_000 };
        let mut risk = RiskArray { lanes: [0; LANES], gaps: [0; GAPS] };
        risk.lanes.iter_mut().for_each(|lane| *lane = random.between(-most - 1, most) as i32);
        risk.gaps.iter_mut().for_each(|gap| *gap = random.between(0, most / 30) as u32);
        let tick_size = [10_000, 1_000_000, 5_000_000][(random.next() % 3) as usize];
        let mark = random.between(0, inputs.index / 1_000);
        let side = |random: &mut Random| match random.between(0, 2) {
            0 => (0, 0),
            _ => (random.between(1, scale), (mark / tick_size + random.between(-50, 50)).max(1)),
        };
        Self {
            underlying: inputs.underlying,
            expiry: if perpetual { 0 } else { support::EXPIRIES[(random.next() % 3) as usize] },
            strike: if perpetual { 0 } else { random.between(90, 95) * 1_000_000_000 },
            tick_size,
            lot_size: [1_000_000, 10_000_000, CONTRACT][(random.next() % 3) as usize],
            lane_unit: [1, 100, 4_000][(random.next() % 3) as usize],
            mark,
            mark_index: inputs.index,
            delta: random.between(-NANO_ONE, NANO_ONE),
            vega: random.between(-1_000, 90_000_000),
            risk,
            position: if random.between(0, 4) == 0 { 0 } else { random.between(-scale, scale) },
            orders: [side(random), side(random)],
        }
    }

    fn view(&self) -> InstrumentRisk<'_> {
        let Self { expiry, strike, lot_size, lane_unit, mark, delta, vega, ref risk, .. } = *self;
        InstrumentRisk { expiry, strike, lot_size, lane_unit, mark, delta, vega, risk }
    }

    fn value(&self) -> Checked<Micros> {
        let size = i128::from(self.position) * i128::from(self.lot_size);
        narrow((size * i128::from(self.mark)).div_euclid(CONTRACT.into()))
    }

    fn exposure(&self, account: &Account) -> Checked<Exposure> {
        let open = |(lots, worst): (i64, i64)| {
            if lots == 0 {
                return Ok(OpenLots::default());
            }
            let price = narrow(i128::from(worst) * i128::from(self.tick_size))?;
            let tick_value = i128::from(self.tick_size) * i128::from(self.lot_size) / i128::from(CONTRACT);
            let cash = i128::from(lots) * i128::from(worst) * tick_value;
            Ok(OpenLots { lots, price, fees: self.worst_fee(account, lots, narrow(cash)?)? })
        };
        Ok(Exposure { position: self.position, bids: open(self.orders[0])?, offers: open(self.orders[1])? })
    }

    /// The engine's: the dearer of both fees of the index notional, of options at most the cap's share of the premium.
    fn worst_fee(&self, account: &Account, lots: i64, cash: Micros) -> Checked<Micros> {
        let perpetual = self.strike == 0;
        let rates = if perpetual {
            [Parameter::PerpetualMakerFee, Parameter::PerpetualTakerFee]
        } else {
            [Parameter::OptionMakerFee, Parameter::OptionTakerFee]
        };
        let rate = rates.map(|rate| account.parameter(rate)).into_iter().fold(0, i64::max);
        let notional = i128::from(self.mark_index) * i128::from(self.lot_size) * i128::from(rate);
        let per_lot = narrow((notional + 99_999_999_999_999_999).div_euclid(100_000_000_000_000_000))?;
        let fee = mul_div_ceil(per_lot, lots, 1_000)?;
        if perpetual {
            return Ok(fee);
        }
        Ok(fee.min(mul_div_ceil(account.parameter(Parameter::OptionFeeCap), cash, NANO_ONE)?))
    }

    /// Its leaf, as docs/protocol/state.md fixes it.
    fn leaf(&self) -> Vec<u8> {
        let mut out = vec![7; 32];
        self.underlying.put(&mut out);
        out.extend([u8::from(self.strike == 0), 0]);
        self.strike.put(&mut out);
        self.expiry.put(&mut out);
        self.tick_size.put(&mut out);
        self.lot_size.put(&mut out);
        self.lane_unit.put(&mut out);
        // Open interest, holders, funding index and time.
        out.extend([0; 8 + 4 + 8 + 8]);
        self.mark.put(&mut out);
        1_u32.put(&mut out);
        self.mark_index.put(&mut out);
        0_i64.put(&mut out);
        self.delta.put(&mut out);
        self.vega.put(&mut out);
        true.put(&mut out);
        self.risk.put(&mut out);
        out
    }
}

impl Asset {
    fn random(random: &mut Random, underlyings: usize) -> Self {
        let percent = NANO_ONE / 100;
        let maintenance = random.between(0, 20);
        let terms = CollateralTerms {
            price_underlying: 1,
            scenario_underlying: random.between(0, underlyings as i64) as UnderlyingId,
            haircut_initial: random.between(maintenance, 40) * percent,
            haircut_maintenance: maintenance * percent,
            depeg: random.between(0, 3) * percent,
            account_cap: random.between(0, 50) * CONTRACT,
            venue_cap: random.between(0, 5_000) * CONTRACT,
        };
        Self {
            terms,
            balance: random.between(1, 80 * CONTRACT),
            held: random.between(1, 6_000 * CONTRACT).into(),
            price: random.between(0, 200_000_000_000),
            sound: random.between(0, 9) != 0,
        }
    }

    fn line(&self) -> Checked<CollateralLine> {
        let amount = self.balance.min(self.terms.account_cap);
        let capped = i128::from(amount) * i128::from(self.terms.venue_cap);
        let counted = match self.held <= self.terms.venue_cap.into() {
            _ if !self.sound => 0,
            true => amount,
            false => narrow(capped.div_euclid(self.held))?,
        };
        let (terms, balance, price) = (&self.terms, self.balance, self.price);
        CollateralLine::new(&CollateralHolding { asset: 1, terms, balance, counted, price })
    }
}

fn with_length(bytes: &[u8], out: &mut Vec<u8>) {
    (bytes.len() as u16).put(out);
    out.extend_from_slice(bytes);
}

fn underlying_leaf(inputs: &MarkInputs, with_table: bool) -> Vec<u8> {
    let mut out = vec![9; 32];
    // Mode, listing epoch, open instruments, perpetual.
    out.extend([0; 1 + 4 + 4 + 4]);
    1_u32.put(&mut out);
    inputs.time.put(&mut out);
    inputs.index.put(&mut out);
    inputs.confidence.put(&mut out);
    inputs.sources.put(&mut out);
    inputs.perpetual_mark.put(&mut out);
    inputs.funding_rate.put(&mut out);
    with_table.put(&mut out);
    if with_table {
        1_u32.put(&mut out);
        out.extend([5; 32]);
    }
    false.put(&mut out);
    out
}

fn random_inputs(random: &mut Random, underlying: UnderlyingId) -> MarkInputs {
    let index = random.between(1, 200_000) * NANO_ONE + random.between(0, 999_999_999);
    let near = |random: &mut Random| index + random.between(-index / 10, index / 10);
    let expiries = support::EXPIRIES.map(|expiry| ExpiryInputs {
        expiry,
        forward: near(random),
        ..inputs(underlying).expiries[0].clone()
    });
    MarkInputs {
        // Before, on and past the last day of the first expiry, or past it.
        time: NOW - DAY + random.next() % (2 * DAY),
        index,
        confidence: random.between(0, 20_000_000) as u32,
        perpetual_mark: near(random),
        expiries: expiries.to_vec(),
        ..inputs(underlying)
    }
}

fn random_parameters(random: &mut Random) -> RiskParameters {
    let RiskParameters { mut scenario, .. } = parameters();
    scenario.range = random.between(NANO_ONE / 100, NANO_ONE / 2);
    let share = |random: &mut Random, most: i64| random.between(0, most);
    let margin = MarginParameters {
        maintenance_share: random.between(NANO_ONE / 10, NANO_ONE),
        basis_rate: share(random, NANO_ONE),
        basis_min_move: share(random, NANO_ONE / 50),
        short_floor: share(random, NANO_ONE / 50),
        short_floor_last_day: share(random, NANO_ONE / 20),
        delta_depth: random.between(1, 90 * CONTRACT),
        delta_impact: share(random, NANO_ONE / 100),
        vega_depth: random.between(1, 2_000_000_000),
        vega_impact: share(random, 5 * NANO_ONE),
        strike_depth: random.between(1, 20 * CONTRACT),
        strike_impact: share(random, NANO_ONE / 200),
        impact_max: share(random, NANO_ONE / 10),
        confidence_multiplier: share(random, 3 * NANO_ONE),
    };
    RiskParameters { scenario, margin }
}

/// The portfolios `from..to`, two lines in hex each: what the contract reads, and what it must find.
fn cases(from: u64, to: u64) -> String {
    let mut out = String::new();
    for seed in from..to {
        let account = Account::random(&mut Random::new(seed));
        for line in [account.input(), account.expected()] {
            out.push_str("0x");
            line.iter().for_each(|byte| write!(out, "{byte:02x}").unwrap());
            out.push('\n');
        }
    }
    out
}

#[test]
fn the_committed_portfolios_are_what_the_generator_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE);
    let made = cases(0, COMMITTED);
    if std::env::var_os("SYNCHROMESH_MARGIN_VECTORS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap() == made);
}

#[test]
fn portfolios_are_of_every_kind() {
    let (mut unsummed, mut unbounded, mut large) = (0, 0, 0);
    for seed in 0..400 {
        let account = Account::random(&mut Random::new(seed));
        large += u32::from(account.members.len() == 128);
        match account.with_portfolio(|portfolio| portfolio.initial()) {
            Err(Overflow) => unsummed += 1,
            Ok(initial) => unbounded += u32::from(initial.is_err()),
        }
    }
    assert!(unsummed > 0 && unsummed < 40 && large > 10, "{unsummed} {unbounded} {large}");
}

#[test]
fn more_portfolios_are_written_on_demand() {
    let Some(folder) = std::env::var_os("SYNCHROMESH_MARGIN_VECTORS") else { return };
    let count = std::env::var("SYNCHROMESH_MARGIN_CASES").map_or(1_000, |count| count.parse().unwrap());
    for (file, from) in (0..count).step_by(FILE_CASES as usize).enumerate() {
        let to = (from + FILE_CASES).min(count);
        std::fs::write(Path::new(&folder).join(format!("{file}.txt")), cases(from, to)).unwrap();
    }
}
