//! The sequencer host: the one place where threads, the journal and the engine meet. The engine knows nothing of it.

pub mod chain;
pub mod clock;
pub mod feed;
pub mod history;
pub mod host;
pub mod intake;
pub mod levels;
pub mod liquidations;
pub mod listing;
pub mod outlet;
mod publisher;
pub mod receipts;
pub mod view;

pub use chain::{Chain, Chains};
pub use clock::VenueClock;
pub use history::{History, OrderInfo, TradeInfo};
pub use host::{Applied, Host, HostConfig, HostError, Outcome, Update, recompute_arrays};
pub use intake::{Refusal, Submission};
pub use levels::{BookChange, LevelAction, LevelBooks, LevelChange};
pub use liquidations::{LiquidationEntry, LiquidationRecord, Liquidations};
pub use outlet::{FrameKind, Outlet};
pub use view::View;
