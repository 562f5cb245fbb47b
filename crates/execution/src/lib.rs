//! The sequencer host: the one place where threads, the journal and the engine meet. The engine knows nothing of it.

pub mod clock;
pub mod history;
pub mod host;
pub mod intake;
pub mod levels;
pub mod listing;
pub mod receipts;
pub mod view;

pub use clock::VenueClock;
pub use history::{History, OrderInfo, TradeInfo};
pub use host::{Applied, Host, HostConfig, HostError, Outcome, Update, recompute_arrays};
pub use intake::{Refusal, Submission};
pub use levels::{BookChange, LevelAction, LevelBooks, LevelChange};
pub use view::View;
