//! PKU-SafeRLHF's form: two responses, which is the better, which the safer, and whether each is safe. It is
//! the public set whose labels are those of the paper's safety stream (section 3.2.1).

use super::collect::{Candidate, Fault};
use super::format::Object;
use super::messages::{missing, need, prompt, text};
use super::record::Stream;

/// A record, as a comparison of the stream that is asked for.
pub(super) fn read(record: &Object, stream: Stream) -> Result<Candidate, Fault> {
    let Some(dialogue) = prompt(record)? else {
        return Err(missing("prompt", "it is missing"));
    };
    let choice = match stream {
        Stream::Helpfulness => "better_response_id",
        Stream::Safety => "safer_response_id",
    };
    let chosen: usize = match need(record, choice, choice)?.as_u64() {
        Some(0) => 0,
        Some(1) => 1,
        _ => return Err(missing(choice, "it is neither 0 nor 1")),
    };
    let response = |i: usize| {
        let key = ["response_0", "response_1"][i];
        text(record, key, key).map(str::to_owned)
    };
    let safe = |i: usize| {
        let key = ["is_response_0_safe", "is_response_1_safe"][i];
        (need(record, key, key)?.as_bool()).ok_or_else(|| missing(key, "it is not true or false"))
    };
    Ok(Candidate {
        dialogue,
        chosen: response(chosen)?,
        rejected: response(1 - chosen)?,
        safe: Some([safe(chosen)?, safe(1 - chosen)?]),
        ..Candidate::default()
    })
}
