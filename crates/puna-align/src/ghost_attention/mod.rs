//! Ghost Attention (paper section 3.3): dialogues in which an instruction, said once, holds to the
//! end. The model answers with the instruction before every turn; it is trained as if it had stood
//! before the first alone.

mod instruction;
mod sample;

pub use instruction::{Constraint, Instruction, InstructionList, instructions};
pub use sample::{
    DIALOGUES_FILE, GhostDialogue, GhostJob, GhostSeed, GhostSettings, InstructionCheck,
    ghost_dialogues, read_ghost_dialogues,
};
