//! Training and prediction: batches, optimiser, schedules, checkpoints, determinism.
//!
//! One call trains one fold ([`mod@fit`]); another predicts with its checkpoint ([`predict`]). Every random draw is keyed
//! by seed, fold, epoch and step, so loader threads and interruptions change no bit of the result.

pub mod adam;
pub mod batches;
pub mod config;
pub mod determinism;
pub mod evaluate;
pub mod facts;
pub mod features;
pub mod fit;
pub mod history;
pub mod net;
pub mod optimiser;
pub mod queue;
pub mod scaler;
pub mod schedule;
pub mod sgd;
pub mod stacking;
pub mod state;

pub use config::{Augment, Clusters, Config, Data, Progress, Quiet, Stop, Unchanged};
pub use determinism::Grade;
pub use evaluate::{Pool, Prediction, predict, retrieve};
pub use facts::facts;
pub use features::{Features, features};
pub use fit::{Outcome, fit};
pub use history::{EpochRow, History};
pub use schedule::Floor;
pub use stacking::{Stacking, stack};
