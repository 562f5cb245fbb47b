//! Risk tables and collateral terms: who sets them, which numbers pass, and when they count.

#![allow(clippy::unwrap_used)]
mod common;

use common::*;
use protocol::*;

/// Makes a table wrong in one place.
type Change<T> = fn(&mut T);

const HOUR: Nanos = 3_600 * SECOND;

fn set_risk(
    venue: &mut Venue,
    parameters: RiskParameters,
    effective: Nanos,
) -> Result<Vec<Event>, engine::Reject> {
    let admin = venue.admin();
    venue.send(SetRiskParameters { underlying: BTC, parameters, effective, admin })
}

fn set_collateral(
    venue: &mut Venue,
    asset: AssetId,
    terms: CollateralTerms,
    effective: Nanos,
) -> Result<Vec<Event>, engine::Reject> {
    let admin = venue.admin();
    venue.send(SetCollateral { asset, terms, effective, admin })
}

fn wider(range: i64) -> RiskParameters {
    let mut parameters = risk_parameters();
    parameters.scenario.range = range;
    parameters
}

fn version(venue: &Venue) -> Option<u32> {
    venue.engine.underlying(BTC).unwrap().risk.active().map(|table| table.version)
}

#[test]
fn the_first_table_counts_from_the_next_mark() {
    let mut venue = Venue::open();
    let epoch = venue.engine.underlying(BTC).unwrap().listing_epoch;
    let events = set_risk(&mut venue, risk_parameters(), 0).unwrap();
    let set = RiskParametersSet { underlying: BTC, version: 1, effective: 0 };
    assert_eq!(events, [set.into()]);
    assert_eq!(venue.engine.underlying(BTC).unwrap().listing_epoch, epoch + 1);
    assert_eq!(version(&venue), None);
    let events = venue.mark(BTC, 100_000);
    assert_eq!(names(&events)[0], "RiskParametersActive");
    assert_eq!(version(&venue), Some(1));
    let mark = venue.engine.instrument(BTC_CALL).unwrap().mark.as_ref().unwrap();
    assert!(mark.risk.is_some());
    assert!(!names(&venue.mark(BTC, 100_000)).contains(&"RiskParametersActive"));
    assert_eq!(venue.engine.underlying(ETH).unwrap().risk, Scheduled::default());
}

#[test]
fn a_later_table_waits_and_may_be_replaced_meanwhile() {
    let mut venue = Venue::open();
    set_risk(&mut venue, risk_parameters(), 0).unwrap();
    venue.mark(BTC, 100_000);
    let now = venue.time;
    assert_eq!(code(set_risk(&mut venue, wider(200_000_000), now + HOUR - 1)), "effective_too_early");
    set_risk(&mut venue, wider(200_000_000), now + HOUR).unwrap();
    assert_eq!(code(set_risk(&mut venue, wider(200_000_000), now + 2 * HOUR)), "nothing_to_do");
    let events = set_risk(&mut venue, wider(250_000_000), now + 2 * HOUR).unwrap();
    let set = RiskParametersSet { underlying: BTC, version: 3, effective: now + 2 * HOUR };
    assert_eq!(events, [set.into()]);

    venue.advance(2 * HOUR - 2);
    venue.mark(BTC, 100_000);
    assert_eq!((venue.time, version(&venue)), (now + 2 * HOUR - 1, Some(1)));
    let restored = <engine::Engine as Wire>::from_bytes(&venue.engine.to_bytes()).unwrap();
    assert_eq!(restored.underlying(BTC).unwrap().risk, venue.engine.underlying(BTC).unwrap().risk);
    venue.mark(BTC, 100_000);
    assert_eq!((venue.time, version(&venue)), (now + 2 * HOUR, Some(3)));
}

#[test]
fn arrays_are_of_the_table_of_their_time() {
    let mut venue = Venue::open();
    let with = |venue: &mut Venue, change: &dyn Fn(&mut MarkArrays)| {
        venue.advance(1);
        let (mut update, mut arrays) = venue.marks(BTC, 100_000);
        change(&mut arrays);
        update.arrays_hash = arrays.hash();
        venue.send_with(update, Some(arrays))
    };
    assert_eq!(code(with(&mut venue, &|arrays| arrays.version = 1)), "invalid_mark");
    let (update, arrays) = venue.marks(BTC, 100_000);
    set_risk(&mut venue, risk_parameters(), 0).unwrap();
    venue.advance(1);
    assert_eq!(code(venue.send_with(update, Some(arrays))), "wrong_listing_epoch");
    assert_eq!(code(with(&mut venue, &|arrays| arrays.version = 0)), "invalid_mark");
    assert_eq!(code(with(&mut venue, &|arrays| arrays.marks[1].risk = None)), "invalid_mark");
    assert!(with(&mut venue, &|_| {}).is_ok());
}

#[test]
fn every_number_of_a_risk_table_is_bounded() {
    let mut venue = Venue::open();
    let wrong: [(&str, Change<RiskParameters>); 27] = [
        ("risk_range", |table| table.scenario.range = NANO_ONE / 100 - 1),
        ("risk_range", |table| table.scenario.range = NANO_ONE / 2 + 1),
        ("risk_range", |table| table.scenario.vol_up = -1),
        ("risk_range", |table| table.scenario.vol_down = NANO_ONE + 1),
        ("risk_range", |table| table.scenario.power_short = NANO_ONE + 1),
        ("risk_range", |table| table.scenario.power_long = -1),
        ("risk_range", |table| table.scenario.vol_floor = 5 * NANO_ONE + 1),
        ("risk_range", |table| table.scenario.skew_linear = -5 * NANO_ONE - 1),
        ("risk_range", |table| table.scenario.skew_absolute = 5 * NANO_ONE + 1),
        ("risk_range", |table| table.scenario.term_front = i64::MAX),
        ("risk_range", |table| table.scenario.term_back = NANO_ONE + 1),
        ("risk_range", |table| table.margin.maintenance_share = NANO_ONE + 1),
        ("risk_range", |table| table.margin.maintenance_share = 0),
        ("risk_range", |table| table.margin.basis_min_move = -1),
        ("risk_range", |table| table.margin.basis_rate = NANO_ONE + 1),
        ("risk_range", |table| table.margin.short_floor = -1),
        ("risk_range", |table| table.margin.short_floor_last_day = NANO_ONE + 1),
        ("risk_range", |table| table.margin.delta_depth = 0),
        ("risk_range", |table| table.margin.delta_impact = -1),
        ("risk_range", |table| table.margin.vega_depth = 0),
        ("risk_range", |table| table.margin.vega_impact = i64::MIN),
        ("risk_range", |table| table.margin.strike_depth = -1),
        ("risk_range", |table| table.margin.strike_impact = NANO_ONE + 1),
        ("risk_range", |table| table.margin.impact_max = NANO_ONE + 1),
        ("risk_range", |table| table.margin.confidence_multiplier = 100 * NANO_ONE + 1),
        ("risk_conflict", |table| table.margin.short_floor_last_day = table.margin.short_floor - 1),
        ("risk_conflict", |table| table.margin.impact_max = table.margin.delta_impact - 1),
    ];
    for (expected, change) in wrong {
        let mut table = risk_parameters();
        change(&mut table);
        assert_eq!(code(set_risk(&mut venue, table, 0)), expected, "{table:?}");
    }
}

#[test]
fn tables_are_set_by_administrators() {
    let mut venue = Venue::open();
    let set = |venue: &Venue, underlying, cosignatures| {
        let admin = Administration { cosignatures, ..venue.admin() };
        SetRiskParameters { underlying, parameters: risk_parameters(), effective: 0, admin }
    };
    for (underlying, signers, expected) in [
        (BTC, vec![ADMINS[0]], "quorum_missing"),
        (BTC, vec![ADMINS[0], ORACLES[0]], "not_administrator"),
        (3, ADMINS.to_vec(), "unknown_underlying"),
    ] {
        let command = set(&venue, underlying, cosigned(&signers));
        assert_eq!(code(venue.send(command)), expected);
    }
    let mut stale = set(&venue, BTC, cosigned(&ADMINS));
    stale.admin.nonce += 1;
    assert_eq!(code(venue.send(stale)), "wrong_admin_nonce");
    let collateral = SetCollateral { asset: 1, terms: weth(), effective: 0, admin: venue.admin() };
    let alone = Administration { cosignatures: cosigned(&ADMINS[..1]), ..venue.admin() };
    assert_eq!(code(venue.send(SetCollateral { admin: alone, ..collateral })), "quorum_missing");
}

#[test]
fn collateral_terms_count_from_the_next_mark_of_any_underlying() {
    let mut venue = Venue::open();
    let events = set_collateral(&mut venue, 1, weth(), 0).unwrap();
    assert_eq!(events, [CollateralSet { asset: 1, effective: 0 }.into()]);
    assert_eq!(venue.engine.collateral_table()[1].active(), None);
    let events = venue.mark(BTC, 100_000);
    assert_eq!(events[0], CollateralActive { asset: 1 }.into());
    assert_eq!(venue.engine.collateral_table()[1].active(), Some(&weth()));

    assert_eq!(code(set_collateral(&mut venue, 1, weth(), Nanos::MAX)), "nothing_to_do");
    let less = CollateralTerms { venue_cap: 0, ..weth() };
    assert_eq!(code(set_collateral(&mut venue, 1, less, 0)), "effective_too_early");
    let effective = venue.time + HOUR;
    set_collateral(&mut venue, 1, less, effective).unwrap();
    let restored = <engine::Engine as Wire>::from_bytes(&venue.engine.to_bytes()).unwrap();
    assert_eq!(restored.collateral_table(), venue.engine.collateral_table());
    venue.advance(HOUR);
    assert!(names(&venue.mark(ETH, 4_000)).contains(&"CollateralActive"));
    assert_eq!(venue.engine.collateral_table()[1].active(), Some(&less));
}

#[test]
fn every_number_of_collateral_terms_is_bounded() {
    let mut venue = Venue::open();
    let wrong: [(&str, AssetId, Change<CollateralTerms>); 10] = [
        ("unknown_asset", 2, |_| {}),
        ("risk_conflict", USDC, |_| {}),
        ("unknown_underlying", 1, |terms| terms.price_underlying = 0),
        ("unknown_underlying", 1, |terms| terms.scenario_underlying = 3),
        ("risk_range", 1, |terms| terms.haircut_initial = NANO_ONE + 1),
        ("risk_range", 1, |terms| terms.haircut_maintenance = -1),
        ("risk_range", 1, |terms| terms.depeg = NANO_ONE + 1),
        ("risk_range", 1, |terms| terms.account_cap = -1),
        ("risk_range", 1, |terms| terms.venue_cap = i64::MAX),
        ("risk_conflict", 1, |terms| terms.haircut_maintenance = terms.haircut_initial + 1),
    ];
    for (expected, asset, change) in wrong {
        let mut terms = weth();
        change(&mut terms);
        assert_eq!(code(set_collateral(&mut venue, asset, terms, 0)), expected, "{terms:?}");
    }
}

#[test]
fn the_insurance_fund_takes_what_an_owner_gives() {
    let mut venue = Venue::open();
    let account = venue.deposit(address(1), 100);
    let give = |venue: &mut Venue, signer: Address, amount: i64| {
        let auth = venue.owner_auth(signer);
        venue.send(FundInsurance { subaccount: account, amount, auth })
    };
    assert_eq!(code(give(&mut venue, address(2), USD)), "not_authorized");
    assert_eq!(code(give(&mut venue, address(1), 0)), "amount_not_positive");
    assert_eq!(code(give(&mut venue, address(1), 101 * USD)), "insufficient_funds");
    let events = give(&mut venue, address(1), 60 * USD).unwrap();
    assert_eq!(names(&events), ["BalanceChanged", "InsuranceFunded"]);
    assert_eq!((venue.cash(account), venue.engine.globals().insurance), (40 * USD, 60 * USD));
    let mut replayed = FundInsurance { subaccount: account, amount: USD, auth: venue.owner_auth(address(1)) };
    replayed.auth.nonce -= 1;
    assert_eq!(code(venue.send(replayed)), "wrong_owner_nonce");
}
