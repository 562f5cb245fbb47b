//! Where a mark's time goes on its way through the host: each step of a whole chain's mark by itself, on one thread, the
//! threads' hand-overs left out. Prints a JSON object per step.
//!
//! `mark_path [ROUNDS] [plain]`: 1,000 options in ten expiries, a bid and an offer in each, two oracle signatures per mark, the
//! journal in the build directory. The underlying has a risk table, so marks have scenario lanes; `plain` leaves it away.

#![allow(clippy::unwrap_used)]

use execution::chain::Chains;
use execution::intake::{Submission, check_batch};
use execution::listing::Listing;
use execution::view::{Touched, View};
use execution::{FrameKind, Outlet};
use parking_lot::RwLock;
use protocol::*;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Instant;

const DAY: u64 = 86_400_000_000_000;
const T0: Nanos = 1_700_000_000_000_000_000;
const INDEX: i64 = 100_000;
const EXPIRIES: u32 = 10;
const STRIKES: u32 = 50;
const ORACLES: [[u8; 32]; 2] = [[1; 32], [2; 32]];
const MAKER: Address = Address([7; 20]);
const CHANNEL: &str = "chain.BTC.raw";

/// Times of one step, µs.
struct Step(&'static str, Vec<f64>);

struct Clock {
    steps: Vec<Step>,
}

impl Clock {
    fn time<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        let micros = start.elapsed().as_secs_f64() * 1e6;
        match self.steps.iter_mut().find(|step| step.0 == name) {
            Some(step) => step.1.push(micros),
            None => self.steps.push(Step(name, vec![micros])),
        }
        result
    }
}

fn main() {
    let rounds: u64 =
        std::env::args().nth(1).map_or(2_000, |rounds| rounds.parse().expect("ROUNDS is a number"));
    let plain = std::env::args().nth(2).is_some_and(|argument| argument == "plain");
    let mut market = Market::open(!plain);
    let (near, mut far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    let outlet = Outlet::new(near.as_fd()).unwrap();
    let reader = std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 20];
        while far.read(&mut buffer).is_ok_and(|length| length > 0) {}
    });
    let mut clock = Clock { steps: Vec::new() };
    for round in 1..=rounds {
        market.mark(round, &mut clock, &outlet);
    }
    drop((outlet, near));
    reader.join().unwrap();
    for Step(name, mut times) in clock.steps {
        times.sort_by(f64::total_cmp);
        let share = |percent: usize| times[times.len() * percent / 100];
        println!(r#"{{"step": "{name}", "p50_us": {:.1}, "p99_us": {:.1}}}"#, share(50), share(99));
    }
}

struct Market {
    view: View,
    sequencer: engine::Engine,
    journal: journal::Journal,
    listing: RwLock<Listing>,
    directory: std::path::PathBuf,
}

impl Market {
    fn open(with_lanes: bool) -> Self {
        let directory = std::path::Path::new("target").join(format!("mark-path-{}", std::process::id()));
        let config = journal::Config { segment_bytes: 1 << 26, ..journal::Config::default() };
        let (journal, _) = journal::Journal::open(&directory, config).unwrap();
        let mut market = Self {
            view: View::default(),
            sequencer: engine::Engine::new(),
            journal,
            listing: RwLock::default(),
            directory,
        };
        market.apply(T0, genesis().into());
        for chunk in specs().chunks(256) {
            let admin = Administration {
                nonce: market.view.engine.globals().admin_nonce,
                cosignatures: vec![admin()],
            };
            market.apply(T0, ListInstruments { instruments: chunk.to_vec(), admin }.into());
        }
        if with_lanes {
            let admin = Administration {
                nonce: market.view.engine.globals().admin_nonce,
                cosignatures: vec![admin()],
            };
            let command = SetRiskParameters { underlying: 1, parameters: RISK, effective: T0, admin };
            market.apply(T0, command.into());
        }
        *market.listing.write() = Listing::of(&market.view.engine);
        let body = InboxBody::Deposit { owner: MAKER, subaccount: 0, asset: 0, amount: 1_000_000_000 * USD };
        market.apply(T0, InboxItem { index: 0, body }.into());
        market.view.chains = Chains::of(&market.view.engine, &market.view.levels);
        market.mark(0, &mut Clock { steps: Vec::new() }, &discard());
        market.quote();
        market.view.chains = Chains::of(&market.view.engine, &market.view.levels);
        market
    }

    /// Applies a command to both engines, as if it were journaled.
    fn apply(&mut self, time: Nanos, command: Command) {
        let sequence = self.view.engine.sequence() + 1;
        let record = Record { time: time.max(self.view.engine.time()), command };
        self.sequencer
            .apply(sequence, &record, None, &mut Vec::new())
            .unwrap_or_else(|reject| panic!("{reject}"));
        let (mut events, mut touched) = (Vec::new(), Touched::default());
        self.view.apply(sequence, &record, &Hash::ZERO, None, &mut events, &mut touched);
    }

    /// A bid and an offer around every mark.
    fn quote(&mut self) {
        let marks: Vec<(InstrumentId, i64)> = self
            .view
            .engine
            .instruments()
            .iter()
            .filter_map(|listed| Some((listed.spec.instrument, listed.mark.as_ref()?.mark / (5 * USD))))
            .collect();
        let mut nonce = T0;
        for (instrument, ticks) in marks {
            for (side, price) in [(Side::Buy, ticks - 10), (Side::Sell, ticks + 10)] {
                nonce += 1;
                if price > 0 {
                    self.apply(T0, order(instrument, side, price * 5 * USD, nonce).into());
                }
            }
        }
    }

    /// One mark, from the bytes that arrive to the bytes that leave.
    fn mark(&mut self, round: u64, clock: &mut Clock, outlet: &Outlet) {
        let bytes = signed_mark(&self.view.engine, round);
        let batch = || vec![Submission { tag: round, bytes: bytes.clone() }];
        let claims = {
            let listing = self.listing.read();
            let command = Command::take_body(bytes[0], &mut Reader::new(&bytes[1..])).unwrap();
            eip712::signatures(&command, listing.domain().unwrap(), &*listing).unwrap()
        };
        clock.time("two signatures", || recover::verify(&claims).unwrap());
        let live: Vec<(InstrumentId, InstrumentSpec)> = {
            let inputs = inputs(round);
            self.listing.read().live(1, inputs.time).map(|(id, spec)| (id, spec.clone())).collect()
        };
        let specs = || live.iter().map(|(id, spec)| (*id, spec));
        let scenario = self.listing.read().scenario(1, inputs(round).time).copied();
        let arrays =
            clock.time("marks", || pricing::mark_arrays(&inputs(round), specs(), scenario.as_ref()).unwrap());
        clock.time("their hash", || HashedArrays::new(arrays));
        let checked = clock.time("intake: all three", || check_batch(batch(), &self.listing, 1));
        let (command, arrays) = checked.into_iter().next().unwrap().verdict.unwrap();
        let arrays = arrays.unwrap();

        let valued = clock.time("values: Greeks, vols of quotes, text", || {
            self.view.chains.get(1).map(|chain| chain.value(&inputs(round), &arrays.arrays().marks))
        });
        let sequence = self.view.engine.sequence() + 1;
        let record = Record { time: T0 + round + 1, command };
        let mut events = Vec::new();
        clock.time("engine", || self.sequencer.apply(sequence, &record, Some(&arrays), &mut events).unwrap());
        let body = record.to_bytes();
        let hash = clock.time("hash of the record", || command_hash(&body));
        let first = self.journal.next_sequence();
        clock.time("group commit", || self.journal.append_records(first, &[&body]).unwrap());
        let mut touched = Touched::default();
        events.clear();
        clock.time("replica", || {
            self.view.apply(sequence, &record, &hash, Some(&arrays), &mut events, &mut touched);
        });
        let market = self.sequencer.underlying(1).unwrap().market();
        let message = clock.time("message", || {
            valued.as_ref().map(|valued| valued.message("BTC", CHANNEL, sequence, record.time, market))
        });
        let changed = clock.time("chain", || self.view.follow_chains(&touched, valued));
        let Some((_, previous)) = changed.first() else { return };
        let same =
            clock.time("message not made ahead", || self.view.chain_message(1, CHANNEL, Some(*previous)));
        assert!(message == same, "what is pushed ahead is what the chain says afterwards");
        let message = message.unwrap();
        let before = outlet.unsent();
        clock.time("socket", || outlet.send(FrameKind::Text, &message));
        while outlet.flush() > before {
            std::thread::yield_now();
        }
        if round == 1 {
            eprintln!("{} bytes per message", message.len());
        }
    }
}

impl Drop for Market {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// An outlet to nowhere.
fn discard() -> Outlet {
    let (near, _far) = UnixStream::pair().unwrap();
    let outlet = Outlet::new(near.as_fd()).unwrap();
    outlet.close();
    outlet
}

fn address_at(number: usize) -> Address {
    address_of(&ORACLES[number]).unwrap()
}

fn genesis() -> Genesis {
    let mut oracles = vec![address_at(0), address_at(1)];
    oracles.sort_unstable();
    Genesis {
        chain_id: 31_337,
        contract: Address([0x55; 20]),
        operator: Address([8; 20]),
        admins: vec![Address([9; 20])],
        admin_quorum: 1,
        oracles,
        oracle_quorum: 2,
        assets: vec![AssetSpec { asset: 0, symbol: "USDC".into(), token: Address([0xA0; 20]), decimals: 6 }],
        underlyings: vec![UnderlyingSpec { underlying: 1, symbol: "BTC".into() }],
        parameters: Parameter::ALL
            .iter()
            .map(|&parameter| ParameterValue { parameter, value: value(parameter) })
            .collect(),
    }
}

fn value(parameter: Parameter) -> i64 {
    match parameter {
        Parameter::NoncePast | Parameter::NonceFuture | Parameter::MarkStaleness => DAY as i64,
        Parameter::MaxOpenOrders => 10_000,
        Parameter::MaxInstruments => 4_096,
        Parameter::PriceBand => 10 * NANO_ONE,
        Parameter::MinIndexSources => 1,
        Parameter::MaxIndexJump => 500_000_000,
        Parameter::OptionFeeCap => 125_000_000,
        Parameter::AuctionMiddleTime | Parameter::AuctionEndTime => DAY as i64,
        _ => 10_000_000,
    }
}

fn admin() -> Cosignature {
    Cosignature { signer: Address([9; 20]), signature: Signature::ZERO }
}

fn specs() -> Vec<InstrumentSpec> {
    let option = |number: u32| {
        let (expiry, strike) = (number / (2 * STRIKES), number / 2 % STRIKES);
        InstrumentSpec {
            instrument: number + 1,
            name: format!("BTC_USDC-{expiry}-{strike}-{}", number % 2),
            underlying: 1,
            kind: InstrumentKind::Option,
            option_type: if number.is_multiple_of(2) { OptionType::Call } else { OptionType::Put },
            strike: (INDEX + 2_000 * (i64::from(strike) - i64::from(STRIKES) / 2)) * USD,
            expiry: expiry_of(expiry),
            tick_size: 5 * USD,
            lot_size: CONTRACT / 100,
            lane_unit: 50_000,
        }
    };
    (0..EXPIRIES * STRIKES * 2).map(option).collect()
}

const RISK: RiskParameters = RiskParameters {
    scenario: ScenarioParameters {
        range: 160_000_000,
        vol_up: 500_000_000,
        vol_down: 250_000_000,
        power_short: 300_000_000,
        power_long: 130_000_000,
        vol_floor: 500_000_000,
        skew_linear: 400_000_000,
        skew_absolute: 300_000_000,
        term_front: 1_500_000_000,
        term_back: 300_000_000,
    },
    margin: MarginParameters {
        maintenance_share: 800_000_000,
        basis_min_move: 3_000_000,
        basis_rate: 30_000_000,
        short_floor: 10_000_000,
        short_floor_last_day: 10_000_000,
        delta_depth: 500 * CONTRACT,
        delta_impact: 5_000_000,
        vega_depth: 200_000 * USD,
        vega_impact: 2 * NANO_ONE,
        strike_depth: 250 * CONTRACT,
        strike_impact: 2_000_000,
        impact_max: 50_000_000,
        confidence_multiplier: NANO_ONE,
    },
};

fn expiry_of(number: u32) -> Nanos {
    T0 + (u64::from(number * number) * 3 + 2) * DAY
}

fn inputs(round: u64) -> MarkInputs {
    let index = (INDEX + (round * 7_919 % 401) as i64 - 200) * NANO_ONE;
    MarkInputs {
        underlying: 1,
        time: T0 + round + 1,
        index,
        confidence: 1_000,
        sources: 5,
        perpetual_mark: index,
        funding_rate: 10_000,
        expiries: (0..EXPIRIES).map(|number| series(number, index)).collect(),
    }
}

fn series(number: u32, index: i64) -> ExpiryInputs {
    let days = i64::from(number * number) * 3 + 2;
    let smile =
        SviSlice { a: 500_000 * days, b: 2_000_000 * days, rho: -300_000_000, m: 0, sigma: 100_000_000 };
    ExpiryInputs { expiry: expiry_of(number), forward: index, rate: 0, smile }
}

fn signed_mark(engine: &engine::Engine, round: u64) -> Vec<u8> {
    let listing = Listing::of(engine);
    let make = |cosignatures| -> Command {
        MarkUpdate { inputs: inputs(round), cosignatures, listing_epoch: 0, arrays_hash: Hash::ZERO }.into()
    };
    let unsigned = make(vec![Cosignature { signer: address_at(0), signature: Signature::ZERO }]);
    let digest = digest(&unsigned, listing.domain().unwrap(), &listing).unwrap().unwrap();
    let mut cosignatures: Vec<Cosignature> = ORACLES
        .iter()
        .map(|secret| Cosignature {
            signer: address_of(secret).unwrap(),
            signature: sign(&digest, secret).unwrap(),
        })
        .collect();
    cosignatures.sort_by_key(|cosignature| cosignature.signer);
    let command = make(cosignatures);
    let mut bytes = vec![command.kind()];
    command.put_body(&mut bytes);
    bytes
}

fn order(instrument: InstrumentId, side: Side, limit_price: i64, nonce: u64) -> PlaceOrder {
    PlaceOrder {
        subaccount: 1,
        instrument,
        side,
        amount: CONTRACT / 100,
        limit_price,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Gtc,
        valid_until: 0,
        post_only: PostOnly::No,
        reduce_only: false,
        self_trade: SelfTrade::CancelNewest,
        max_fee: 10_000 * USD,
        client_id: String::new(),
        auth: Authorization { signer: MAKER, nonce, expiry: u64::MAX, signature: Signature::ZERO },
    }
}
