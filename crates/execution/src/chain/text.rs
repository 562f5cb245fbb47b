//! The messages of the chain channels, as JSON text.

use super::fixed::{decimal, integer, text};
use super::{Chain, MarkValues, QuotedVols, Row, Valued};
use engine::{Engine, Instrument, Market, Underlying};
use protocol::{InstrumentId, InstrumentKind, MarkInputs, Nanos};

/// Decimal places of prices and cash.
const PRICE: usize = 6;
/// Of amounts.
const AMOUNT: usize = 8;
/// Of forwards, rates and deltas.
const NANO: usize = 9;
/// Of vols in per cent, from 1e-9.
const PERCENT: usize = 7;
/// Of gammas.
const GAMMA: usize = 12;
/// Of vols of best prices in per cent, from 0.01 %.
const QUOTED_VOL: usize = 2;
/// Bytes that a line takes in a message, about.
const ROW_BYTES: usize = 128;

/// What the columns of each table are called; part of every snapshot.
const COLUMNS: &str = concat!(
    r#""columns":{"instruments":["instrument_id","instrument_name","kind","option_type","strike","#,
    r#""expiration_timestamp"],"forwards":["expiration_timestamp","underlying_price","interest_rate"],"#,
    r#""marks":["instrument_id","mark_price","mark_iv","delta","gamma","vega","theta","rho"],"#,
    r#""quotes":["instrument_id","best_bid_price","best_bid_amount","best_ask_price","best_ask_amount","#,
    r#""open_interest"],"vols":["instrument_id","bid_iv","ask_iv"]}"#
);

fn millis(time: Nanos) -> u64 {
    time / 1_000_000
}

/// What a chain's message says before its tables.
struct Head<'a> {
    channel: &'a str,
    symbol: &'a str,
    time: Nanos,
    since: Option<u64>,
    change: u64,
    market: Market,
    /// With a new mark.
    inputs: Option<&'a MarkInputs>,
}

impl Head<'_> {
    fn put(&self, out: &mut Vec<u8>) {
        push_head(out, self.channel);
        out.extend_from_slice(br#"{"type":"#);
        text(out, if self.since.is_some() { "change" } else { "snapshot" });
        out.extend_from_slice(br#","currency":"#);
        text(out, self.symbol);
        member(out, "timestamp", millis(self.time));
        if let Some(since) = self.since {
            member(out, "prev_change_id", since);
        }
        member(out, "change_id", self.change);
        out.extend_from_slice(br#","state":"#);
        text(out, self.market.status.word());
        out.extend_from_slice(br#","mark_fault":"#);
        text(out, self.market.fault.word());
        let Some(inputs) = self.inputs else { return };
        member(out, "mark_timestamp_ns", inputs.time);
        out.extend_from_slice(br#","index_price":"#);
        decimal(out, inputs.index, NANO);
        out.extend_from_slice(br#","current_funding":"#);
        decimal(out, inputs.funding_rate, NANO);
        table(out, "forwards", inputs.expiries.iter(), |out, series| {
            integer(out, millis(series.expiry));
            out.push(b',');
            decimal(out, series.forward, NANO);
            out.push(b',');
            decimal(out, series.rate, NANO);
        });
    }
}

impl Chain {
    /// The push of `channel` that brings a reader who has the chain as of change `since` up to date: a `change`, or with
    /// `None` a `snapshot`.
    #[must_use]
    pub fn message(
        &self,
        engine: &Engine,
        underlying: &Underlying,
        channel: &str,
        since: Option<u64>,
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024 + ROW_BYTES * self.rows.len());
        let (symbol, market) = (underlying.spec.symbol.as_str(), underlying.market());
        let inputs = underlying.inputs.as_ref().filter(|_| self.marked > since.unwrap_or(0));
        Head { channel, symbol, time: engine.time(), since, change: self.change, market, inputs }
            .put(&mut out);
        if since.is_none() {
            out.push(b',');
            out.extend_from_slice(COLUMNS.as_bytes());
        }
        self.put_tables(&mut out, engine, since.unwrap_or(0));
        out.extend_from_slice(b"}}}");
        out
    }

    fn put_tables(&self, out: &mut Vec<u8>, engine: &Engine, since: u64) {
        if since > 0 {
            let closed = self.closed.iter().filter(|closed| closed.concerns(since));
            array(out, "closed", closed, |out, closed| integer(out, closed.instrument));
        }
        let fresh = self.rows.iter().filter(|row| row.listed > since);
        let listed = fresh.filter_map(|row| engine.instrument(row.instrument));
        table(out, "instruments", listed, put_instrument);
        self.put_marks(out, since);
        table(out, "quotes", self.rows.iter().filter(|row| row.quote.at > since), put_quote);
        let options = self.rows.iter().filter(|row| row.terms.is_some());
        let options = options.filter(|row| row.vols.at > since);
        table(out, "vols", options, |out, row| put_vols(out, row.instrument, &row.vols.value));
    }

    fn put_marks(&self, out: &mut Vec<u8>, since: u64) {
        // a reader who lacks the last mark alone gets what was written when that was valued
        let in_text = |row: &Row| row.mark.at == self.marked && row.listed < self.marked;
        let last_only = self.rows.iter().all(|row| row.mark.at <= since || in_text(row));
        if last_only && self.marked > since && !self.marks_text.is_empty() {
            out.extend_from_slice(&self.marks_text);
        } else {
            let rows = self.rows.iter().filter(|row| row.mark.at > since);
            table(out, "marks", rows, |out, row| put_mark(out, row.instrument, &row.mark.value));
        }
    }

    /// The push of a Greeks channel: marks and Greeks of every option.
    #[must_use]
    pub fn greeks(&self, engine: &Engine, underlying: &Underlying, channel: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024 + 2 * ROW_BYTES * self.rows.len());
        push_head(&mut out, channel);
        out.extend_from_slice(br#"{"currency":"#);
        text(&mut out, &underlying.spec.symbol);
        let inputs = underlying.inputs.as_ref();
        member(&mut out, "timestamp", millis(inputs.map_or(0, |inputs| inputs.time)));
        out.extend_from_slice(br#","index_price":"#);
        decimal(&mut out, inputs.map_or(0, |inputs| inputs.index), NANO);
        out.extend_from_slice(br#","options":["#);
        let options = self.rows.iter().filter(|row| row.terms.is_some() && row.mark.value.iv != 0);
        for (place, row) in options.enumerate() {
            let listed = engine.instrument(row.instrument).expect("a chain's instruments are listed");
            let forward = listed_forward(underlying, listed);
            if place > 0 {
                out.push(b',');
            }
            put_greeks(&mut out, row, listed, forward);
        }
        out.extend_from_slice(b"]}}}");
        out
    }
}

fn listed_forward(underlying: &Underlying, listed: &Instrument) -> i64 {
    let inputs = underlying.inputs.as_ref();
    let series =
        inputs.and_then(|inputs| inputs.expiries.iter().find(|series| series.expiry == listed.spec.expiry));
    series.map_or(0, |series| series.forward)
}

/// Everything up to the data of a push.
fn push_head(out: &mut Vec<u8>, channel: &str) {
    out.extend_from_slice(br#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"#);
    text(out, channel);
    out.extend_from_slice(br#","data":"#);
}

fn member(out: &mut Vec<u8>, name: &str, value: u64) {
    out.push(b',');
    text(out, name);
    out.push(b':');
    integer(out, value);
}

/// A member that is a list; nothing when it is empty.
fn array<T>(
    out: &mut Vec<u8>,
    name: &str,
    items: impl Iterator<Item = T>,
    mut put: impl FnMut(&mut Vec<u8>, T),
) {
    let start = out.len();
    out.push(b',');
    text(out, name);
    out.extend_from_slice(b":[");
    let first = out.len();
    for item in items {
        if out.len() > first {
            out.push(b',');
        }
        put(out, item);
    }
    if out.len() == first {
        out.truncate(start);
    } else {
        out.push(b']');
    }
}

/// A member that is a list of rows; nothing when it is empty.
fn table<T>(
    out: &mut Vec<u8>,
    name: &str,
    items: impl Iterator<Item = T>,
    mut put: impl FnMut(&mut Vec<u8>, T),
) {
    array(out, name, items, |out, item| {
        out.push(b'[');
        put(out, item);
        out.push(b']');
    });
}

fn put_instrument(out: &mut Vec<u8>, instrument: &Instrument) {
    let spec = &instrument.spec;
    integer(out, spec.instrument);
    out.push(b',');
    text(out, &spec.name);
    out.push(b',');
    text(out, spec.kind.word());
    match spec.kind {
        InstrumentKind::Perpetual => out.extend_from_slice(b",null,null,null"),
        InstrumentKind::Option => {
            out.push(b',');
            text(out, spec.option_type.word());
            out.push(b',');
            decimal(out, spec.strike, PRICE);
            out.push(b',');
            integer(out, millis(spec.expiry));
        }
    }
}

impl Valued {
    /// The push of `channel` with the mark alone, for readers who have the chain that was valued: `change` is the mark's
    /// sequence, `time` its time, `market` what the underlying accepts after it.
    #[must_use]
    pub fn message(&self, symbol: &str, channel: &str, change: u64, time: Nanos, market: Market) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024 + self.marks_text.len() + self.vols_text.len());
        let (since, inputs) = (Some(self.change), Some(&self.inputs));
        Head { channel, symbol, time, since, change, market, inputs }.put(&mut out);
        out.extend_from_slice(&self.marks_text);
        out.extend_from_slice(&self.vols_text);
        out.extend_from_slice(b"}}}");
        out
    }
}

/// The vols table of a change that brings `vols`, one per row.
pub(super) fn changed_vols(rows: &[Row], vols: &[QuotedVols]) -> Vec<u8> {
    let mut out = Vec::with_capacity(ROW_BYTES / 4 * rows.len());
    let changed = rows.iter().zip(vols).filter(|(row, vols)| row.vols.value != **vols && row.terms.is_some());
    table(&mut out, "vols", changed, |out, (row, vols)| put_vols(out, row.instrument, vols));
    out
}

/// The marks table of a change that brings `marks`, one per row.
pub(super) fn changed_marks(rows: &[Row], marks: &[MarkValues]) -> Vec<u8> {
    let mut out = Vec::with_capacity(ROW_BYTES * rows.len());
    let changed = rows.iter().zip(marks).filter(|(row, mark)| row.mark.value != **mark);
    table(&mut out, "marks", changed, |out, (row, mark)| put_mark(out, row.instrument, mark));
    out
}

fn numbers<const N: usize>(out: &mut Vec<u8>, instrument: InstrumentId, columns: [(i64, usize); N]) {
    integer(out, instrument);
    for (value, places) in columns {
        out.push(b',');
        decimal(out, value, places);
    }
}

fn put_mark(out: &mut Vec<u8>, instrument: InstrumentId, mark: &MarkValues) {
    let columns = [
        (mark.mark, PRICE),
        (mark.iv, PERCENT),
        (mark.delta, NANO),
        (mark.gamma, GAMMA),
        (mark.vega, PRICE),
        (mark.theta, PRICE),
        (mark.rho, PRICE),
    ];
    numbers(out, instrument, columns);
}

fn put_quote(out: &mut Vec<u8>, row: &Row) {
    let quote = &row.quote.value;
    let (bid, ask) = ((quote.bid, PRICE), (quote.ask, PRICE));
    let (bid_amount, ask_amount) = ((quote.bid_amount, AMOUNT), (quote.ask_amount, AMOUNT));
    numbers(out, row.instrument, [bid, bid_amount, ask, ask_amount, (quote.open_interest, AMOUNT)]);
}

fn put_vols(out: &mut Vec<u8>, instrument: InstrumentId, vols: &QuotedVols) {
    numbers(out, instrument, [(vols.bid, QUOTED_VOL), (vols.ask, QUOTED_VOL)]);
}

fn put_greeks(out: &mut Vec<u8>, row: &Row, listed: &Instrument, forward: i64) {
    let mark = &row.mark.value;
    out.extend_from_slice(br#"{"instrument_name":"#);
    text(out, &listed.spec.name);
    for (name, value, places) in [
        (r#","mark_price":"#, mark.mark, PRICE),
        (r#","mark_iv":"#, mark.iv, PERCENT),
        (r#","underlying_price":"#, forward, NANO),
        (r#","greeks":{"delta":"#, mark.delta, NANO),
        (r#","gamma":"#, mark.gamma, GAMMA),
        (r#","vega":"#, mark.vega, PRICE),
        (r#","theta":"#, mark.theta, PRICE),
        (r#","rho":"#, mark.rho, PRICE),
    ] {
        out.extend_from_slice(name.as_bytes());
        decimal(out, value, places);
    }
    out.extend_from_slice(b"}}");
}
