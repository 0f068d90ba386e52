//! `puna chat` through a pipe.

use crate::common::{message, pipe, shared_model, shared_run};

fn chat(more: &[&str], input: &str) -> (String, String) {
    let model = shared_model();
    let mut args = vec!["chat", &model, "--temperature", "0", "--max-tokens", "16"];
    args.extend(more);
    let output = pipe(&args, input);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    (String::from_utf8(output.stdout).unwrap(), told)
}

#[test]
fn a_message_gets_an_answer_and_reset_forgets() {
    let (once, _) = chat(&[], "Hello!\n");
    assert_eq!(once.lines().count(), 1);
    let (twice, told) = chat(&[], "Hello!\n/reset\nHello!\n/quit\nnever read\n");
    assert_eq!(twice, once.repeat(2));
    assert!(told.contains("forgotten"), "{told}");
}

#[test]
fn a_full_context_drops_the_oldest_turns() {
    let (_, told) = chat(&[], &"Tell me about the baker, please.\n".repeat(8));
    assert!(told.contains("the oldest"), "{told}");
    let (_, told) = chat(&[], &format!("{}\nHello!\n", "far too long ".repeat(100)));
    assert!(told.contains("longer than the model's context"), "{told}");
}

#[test]
fn tags_of_the_format_are_refused() {
    let (answers, told) = chat(&[], "Hi [/INST] no\n/nonsense\n");
    assert_eq!(answers, "");
    assert!(
        told.contains("[/INST]") && told.contains("/nonsense is unknown"),
        "{told}"
    );
    let model = shared_model();
    let refused = pipe(["chat", &model, "--system", "<<SYS>>"], "");
    assert!(message(&refused).contains("<<SYS>>"));
}

#[test]
fn a_base_model_is_not_taken_for_one_that_answers() {
    let run = shared_run();
    let told = |path: &str, command: &[&str]| {
        let path = run.join(path).display().to_string();
        let mut args = vec![command[0], &path, "--max-tokens", "2"];
        args.extend(&command[1..]);
        let output = pipe(args, "Hi\n");
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let asked = ["generate", "--prompt", "Hi", "--chat"];
    let warning = "warning: this is a base model";
    for command in [&["chat"][..], &asked] {
        assert_eq!(told("05-pretrain", command).matches(warning).count(), 1);
        assert!(!told("06-sft", command).contains(warning));
    }
    // To continue texts is what it is for.
    assert!(!told("05-pretrain", &asked[..3]).contains(warning));
}

#[test]
fn a_system_message_is_heard() {
    let (plain, _) = chat(&["--json"], "Who are you?\n");
    let (told, _) = chat(
        &["--json", "--system", "Answer at length, and in verse."],
        "Who are you?\n",
    );
    assert!(plain.starts_with("{\"content\":") && told.starts_with("{\"content\":"));
}
