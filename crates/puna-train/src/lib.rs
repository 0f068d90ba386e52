//! Training: token files, loader, optimizer, schedule, checkpoints, and the loop that pretraining
//! (paper section 2), supervised fine-tuning (section 3.1) and reward models (section 3.2.2) share.
//!
//! Three things hold everywhere and are tested: a loss is normalised over the whole step, so a batch
//! gives the same however it is cut; a result does not depend on the number of threads; a run that
//! was interrupted ends with the same bits as one that was not.

mod checkpoint;
mod dialogue;
mod error;
mod examples;
mod fleet;
pub mod identity;
mod in_turn;
mod learned;
mod loader;
mod memory;
mod metrics;
mod optimizer;
mod pretrain;
mod schedule;
mod sequence;
mod settings;
mod sft;
mod shuffle;
pub mod tokens;
mod trainer;

pub use checkpoint::{Checkpoints, Identity, Part, Progress, Saved, State};
pub use dialogue::{Dialogue, LossOn, read_dialogues};
pub use error::{Error, Result};
pub use examples::Examples;
pub use fleet::{Fleet, FleetOptions, StepLoss};
pub use learned::LoraSettings;
pub use loader::{Cursor, Loader, LoaderOptions};
pub use memory::{MemoryPlan, Trained, memory_bytes};
pub use metrics::{MetricsLog, StepMetrics};
pub use optimizer::{Moments, OptimizerSettings};
pub use pretrain::{Init, LongSequences, PretrainJob, PretrainSettings, pretrain};
pub use schedule::{Decay, Schedule};
pub use sequence::Sequence;
pub use settings::{CheckpointSettings, LayoutSettings};
pub use sft::{SftJob, SftSettings, TooLong, sft};
pub use shuffle::permutation;
pub use tokens::TokenFile;
pub use trainer::{
    ADAPTER_DIR, CHECKPOINT_DIR, Event, METRICS_FILE, Run, Source, TrainSummary, Validation, train,
};
