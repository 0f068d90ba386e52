use super::{Setting, common, files, rule, stopping};
use puna_align::context_distillation::{
    DECISIONS_FILE, DistillJob, DistillSettings, Distilled, PrepromptKind, Preprompts, Verdict,
    distill, read_decisions,
};
use puna_align::judge::Judge;
use puna_align::prompt::Prompt;
use puna_align::{Placement, Result};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn settings() -> DistillSettings {
    DistillSettings {
        preprompts: Preprompts {
            answers: BTreeMap::from([("fire".into(), vec!["Refuse.".into(), "Warn.".into()])]),
            ..Preprompts::default()
        },
        max_tokens: 24,
        block: 3,
        seed: 8,
        ..DistillSettings::default()
    }
}

/// Eight adversarial prompts, of which two have a template, and eight others.
fn prompts() -> Vec<Prompt> {
    let mut prompts = common::prompts(16);
    for (i, prompt) in prompts.iter_mut().enumerate() {
        prompt.safety = i % 2 == 0;
        prompt.category = match i {
            0 | 6 => Some("fire".into()),
            2 => Some("water".into()),
            _ => None,
        };
    }
    // No room for the preprompt.
    prompts[14].messages[0].content = "river ".repeat(80);
    prompts
}

fn run(
    dir: &Path,
    threads: usize,
    settings: &DistillSettings,
    judge: &mut dyn Judge,
    stop_after: Option<usize>,
) -> Result<Distilled> {
    let setting = Setting::new();
    let mut rollouts = setting.rollouts(threads);
    let stop = AtomicBool::new(false);
    distill(DistillJob {
        dir,
        policy: setting.policy(&mut rollouts, judge),
        prompts: &prompts(),
        settings,
        stop: Some(&stop),
        on_block: &mut stopping(&stop, stop_after),
    })
}

#[test]
fn only_adversarial_prompts_and_only_safer_answers() {
    let dir = tempfile::tempdir().unwrap();
    let prompts = prompts();
    let mut judge = |prompt: &Prompt, answer: &str| {
        // The judge is asked about the prompt alone.
        assert!(prompts.contains(prompt));
        rule(prompt, answer)
    };
    let out = run(dir.path(), 2, &settings(), &mut judge, None).unwrap();
    assert_eq!(
        read_decisions(&dir.path().join(DECISIONS_FILE)).unwrap(),
        out.decisions
    );
    assert_eq!((out.decisions.len(), out.harmless), (8, 8));
    let (mut kept, mut not_safer) = (0, 0);
    for (i, decision) in out.decisions.iter().enumerate() {
        assert_eq!(decision.prompt, prompts[2 * i]);
        let template = [0, 3].contains(&i);
        assert_eq!(
            decision.preprompt.kind == PrepromptKind::AnswerTemplate,
            template
        );
        let (Some(original), Some(distilled)) = (&decision.original, &decision.distilled) else {
            assert_eq!((i, decision.verdict), (7, Verdict::TooLong));
            assert!(decision.training().is_none());
            continue;
        };
        assert_eq!(original.scores, rule(&decision.prompt, &original.text));
        assert_eq!(distilled.scores, rule(&decision.prompt, &distilled.text));
        let safer = distilled.scores.safety > original.scores.safety;
        match decision.verdict {
            Verdict::Kept => {
                assert!(safer);
                kept += 1;
                let messages = decision.training().unwrap().messages;
                assert_eq!(messages[..1], decision.prompt.messages);
                assert_eq!(messages[1].content, distilled.text);
            }
            Verdict::NotSafer => {
                assert!(!safer);
                not_safer += 1;
                assert!(decision.training().is_none());
            }
            Verdict::Unusable => (),
            Verdict::TooLong => panic!("{decision:?}"),
        }
    }
    assert!(kept > 0 && not_safer > 0, "{kept} {not_safer}");
}

#[test]
fn the_preprompt_changes_the_answer_and_its_place_does_too() {
    let answers = |placement| -> Vec<[String; 2]> {
        let dir = tempfile::tempdir().unwrap();
        let settings = DistillSettings {
            placement,
            ..settings()
        };
        let out = run(dir.path(), 1, &settings, &mut rule, None).unwrap();
        let both = out
            .decisions
            .into_iter()
            .filter_map(|d| Some((d.original?, d.distilled?)));
        both.map(|(a, b)| [a.text, b.text]).collect()
    };
    let system = answers(Placement::SystemMessage);
    let first = answers(Placement::FirstTurn);
    assert!(system.iter().any(|[without, with]| without != with));
    let originals = |all: &[[String; 2]]| all.iter().map(|a| a[0].clone()).collect::<Vec<_>>();
    assert_eq!(originals(&system)[..7], originals(&first)[..7]);
}

#[test]
fn interrupted_distillation_ends_with_the_same_bytes() {
    let whole = tempfile::tempdir().unwrap();
    run(whole.path(), 1, &settings(), &mut rule, None).unwrap();
    let parts = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        run(parts.path(), 2, &settings(), &mut rule, Some(1)).unwrap_err();
    }
    run(parts.path(), 2, &settings(), &mut rule, None).unwrap();
    assert_eq!(files(whole.path()), files(parts.path()));
}
