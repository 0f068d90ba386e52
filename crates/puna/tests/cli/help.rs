//! The help texts, as snapshots: scripts and people rely on the flags.

use crate::common::ok;

const COMMANDS: [&[&str]; 21] = [
    &[],
    &["run"],
    &["plan"],
    &["pretrain"],
    &["sft"],
    &["tokenizer"],
    &["tokenizer", "train"],
    &["tokenizer", "encode"],
    &["tokenizer", "decode"],
    &["generate"],
    &["score"],
    &["chat"],
    &["inspect"],
    &["bench"],
    &["bench", "train"],
    &["bench", "decode"],
    &["bench", "prefill"],
    &["bench", "gemm"],
    &["verify"],
    &["contamination"],
    &["world"],
];

#[test]
fn help_texts() {
    for words in COMMANDS {
        let help = ok(words.iter().chain(&["--help"]));
        assert!(help.contains("Example:\n  "), "{words:?} has no example");
        let name = if words.is_empty() {
            "puna".into()
        } else {
            words.join("-")
        };
        insta::assert_snapshot!(name, help);
    }
}
