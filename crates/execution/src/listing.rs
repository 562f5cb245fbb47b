//! What the threads in front of the sequencer know of the venue: its signing domain, names, and what marks must cover.

use engine::Engine;
use protocol::eip712::{Domain, Names};
use protocol::{
    AssetId, Command, InstrumentId, InstrumentKind, InstrumentSpec, Nanos, RiskTable, ScenarioParameters,
    Scheduled, UnderlyingId,
};

#[derive(Debug)]
struct Live {
    symbol: String,
    epoch: u32,
    risk: Scheduled<RiskTable>,
    open: Vec<InstrumentId>,
}

/// Names and live instruments, in the order of their ids. A copy kept beside the engine, never ahead of it.
#[derive(Debug, Default)]
pub struct Listing {
    domain: Option<Domain>,
    instruments: Vec<InstrumentSpec>,
    underlyings: Vec<Live>,
    assets: Vec<String>,
}

impl Listing {
    /// The signing domain; `None` before genesis.
    #[must_use]
    pub fn domain(&self) -> Option<&Domain> {
        self.domain.as_ref()
    }

    fn underlying_at(&self, underlying: UnderlyingId) -> Option<&Live> {
        self.underlyings.get(usize::from(underlying.checked_sub(1)?))
    }

    /// The listing epoch that [`Self::live`] belongs to.
    #[must_use]
    pub fn epoch(&self, underlying: UnderlyingId) -> Option<u32> {
        self.underlying_at(underlying).map(|live| live.epoch)
    }

    /// Open instruments of an underlying that have not expired at `time`, ascending: what marks of that time must cover.
    pub fn live(
        &self,
        underlying: UnderlyingId,
        time: Nanos,
    ) -> impl Iterator<Item = (InstrumentId, &InstrumentSpec)> {
        let open = self.underlying_at(underlying).map_or(&[][..], |live| live.open.as_slice());
        open.iter()
            .map(|&id| (id, &self.instruments[id as usize - 1]))
            .filter(move |(_, spec)| spec.kind == InstrumentKind::Perpetual || spec.expiry > time)
    }

    /// Scenario parameters of a mark of an underlying with oracle time `time`; `None`: its arrays have no lanes.
    #[must_use]
    pub fn scenario(&self, underlying: UnderlyingId, time: Nanos) -> Option<&ScenarioParameters> {
        self.underlying_at(underlying)?.risk.at(time).map(|table| &table.parameters.scenario)
    }

    /// Whether a command can change what is listed.
    #[must_use]
    pub fn concerns(command: &Command) -> bool {
        matches!(
            command,
            Command::Genesis(_)
                | Command::ListInstruments(_)
                | Command::Expire(_)
                | Command::SettleExpired(_)
                | Command::SetRiskParameters(_)
        )
    }

    /// What `engine` lists.
    #[must_use]
    pub fn of(engine: &Engine) -> Self {
        let governance = engine.genesis();
        Self {
            domain: governance.map(|genesis| Domain::new(genesis.chain_id, genesis.contract)),
            instruments: engine.instruments().iter().map(|listed| listed.spec.clone()).collect(),
            underlyings: engine
                .underlyings()
                .iter()
                .map(|listed| Live {
                    symbol: listed.spec.symbol.clone(),
                    epoch: listed.listing_epoch,
                    risk: listed.risk,
                    open: listed.open.clone(),
                })
                .collect(),
            assets: governance.map_or_else(Vec::new, |genesis| {
                genesis.assets.iter().map(|asset| asset.symbol.clone()).collect()
            }),
        }
    }
}

impl Names for Listing {
    fn instrument(&self, id: InstrumentId) -> Option<&str> {
        self.instruments.get((id as usize).checked_sub(1)?).map(|spec| spec.name.as_str())
    }
    fn underlying(&self, id: UnderlyingId) -> Option<&str> {
        self.underlying_at(id).map(|live| live.symbol.as_str())
    }
    fn asset(&self, id: AssetId) -> Option<&str> {
        self.assets.get(usize::from(id)).map(String::as_str)
    }
}
