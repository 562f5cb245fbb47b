//! Who reads the raw channels of chains: pushes go straight from the publisher to their sockets.

use crate::chain::Valued;
use crate::outlet::{FrameKind, Outlet};
use crate::view::View;
use engine::Market;
use parking_lot::Mutex;
use protocol::{Nanos, UnderlyingId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Unsent bytes of a connection from which on its chains wait, and what happens meanwhile becomes one change.
pub const BACKLOG: usize = 65_536;

/// A subscriber.
#[derive(Debug)]
struct Reader {
    outlet: Arc<Outlet>,
    /// Change id of the chain that it has.
    at: u64,
}

/// The subscribers of the raw channels, by underlying.
#[derive(Debug, Default)]
pub struct Feed {
    readers: Mutex<BTreeMap<UnderlyingId, Vec<Reader>>>,
}

/// Name of the channel with every change of an underlying's chain.
fn channel(symbol: &str) -> String {
    format!("chain.{symbol}.raw")
}

fn message(view: &View, underlying: UnderlyingId, since: Option<u64>) -> Option<Vec<u8>> {
    let symbol = &view.engine.underlying(underlying)?.spec.symbol;
    view.chain_message(underlying, &channel(symbol), since)
}

impl Feed {
    /// Adds a subscriber and sends it the whole chain; false when there is no such underlying.
    pub fn join(&self, view: &View, underlying: UnderlyingId, outlet: Arc<Outlet>) -> bool {
        let Some((chain, snapshot)) = view.chains.get(underlying).zip(message(view, underlying, None)) else {
            return false;
        };
        let mut readers = self.readers.lock();
        outlet.send(FrameKind::Text, &snapshot);
        readers.entry(underlying).or_default().push(Reader { outlet, at: chain.change });
        true
    }

    /// Drops a subscriber.
    pub fn leave(&self, underlying: UnderlyingId, outlet: u64) {
        if let Some(readers) = self.readers.lock().get_mut(&underlying) {
            readers.retain(|reader| reader.outlet.id() != outlet);
        }
    }

    /// Pushes the change that led from `previous` to the present to those who stand there and can take it. Returns the
    /// outlets that hold something back now.
    pub fn changed(&self, view: &View, underlying: UnderlyingId, previous: u64) -> Vec<u64> {
        let Some(chain) = view.chains.get(underlying) else { return Vec::new() };
        let message = || message(view, underlying, Some(previous)).unwrap_or_default();
        self.push(underlying, previous, chain.change, message)
    }

    /// Pushes a mark that was valued ahead, and has become durable as command `sequence` of time `time`, before the view
    /// has it: nothing else comes with it. `market` is what the underlying accepts after it. Returns the outlets that
    /// hold something back now.
    pub fn marked(
        &self,
        view: &View,
        valued: &Valued,
        sequence: u64,
        time: Nanos,
        market: Market,
    ) -> Vec<u64> {
        let id = valued.inputs().underlying;
        let Some(underlying) = view.engine.underlying(id) else { return Vec::new() };
        let symbol = &underlying.spec.symbol;
        let message = || valued.message(symbol, &channel(symbol), sequence, time, market);
        self.push(id, valued.change(), sequence, message)
    }

    /// Pushes what leads from one change to another to those who stand at the first and can take it.
    fn push(
        &self,
        underlying: UnderlyingId,
        from: u64,
        to: u64,
        message: impl FnOnce() -> Vec<u8>,
    ) -> Vec<u64> {
        let mut readers = self.readers.lock();
        let readers = readers.get_mut(&underlying).into_iter().flatten();
        let mut ready =
            readers.filter(|reader| reader.at == from && reader.outlet.unsent() <= BACKLOG).peekable();
        if ready.peek().is_none() {
            return Vec::new();
        }
        let message = message();
        let mut held = Vec::new();
        for reader in ready {
            reader.at = to;
            if reader.outlet.send(FrameKind::Text, &message) > 0 {
                held.push(reader.outlet.id());
            }
        }
        held
    }

    /// Leads the subscribers who were behind, and can take it now, to the present. Those who stand at the same change
    /// share its message. Returns the outlets that hold something back now.
    pub fn catch_up(&self, view: &View) -> Vec<u64> {
        let mut held = Vec::new();
        for (&underlying, readers) in self.readers.lock().iter_mut() {
            let Some(chain) = view.chains.get(underlying) else { continue };
            let mut messages: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
            for reader in readers.iter_mut().filter(|reader| reader.at < chain.change) {
                if reader.outlet.unsent() > BACKLOG {
                    continue;
                }
                let message = messages
                    .entry(reader.at)
                    .or_insert_with(|| message(view, underlying, Some(reader.at)).unwrap_or_default());
                reader.at = chain.change;
                if reader.outlet.send(FrameKind::Text, message) > 0 {
                    held.push(reader.outlet.id());
                }
            }
        }
        held
    }
}
