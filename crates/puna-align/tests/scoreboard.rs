//! The scoreboard's two files: the form that scripts rely on, and the page (paper Figure 11).

#![allow(clippy::unwrap_used)]

use puna_align::scoreboard::{Curve, Judge, Rate, Row, Scoreboard, WinRate, read_scoreboard};
use std::collections::BTreeMap;

/// The versions of the paper's Figure 11, its win rates in percent by either judge.
const VERSIONS: [(&str, [(u64, u64); 2]); 8] = [
    ("sft-v1", [(39, 22), (13, 10)]),
    ("sft-v2", [(54, 48), (34, 32)]),
    ("rlhf-v1", [(61, 48), (42, 43)]),
    ("rlhf-v2", [(63, 45), (42, 32)]),
    ("rlhf-v3", [(65, 54), (48, 38)]),
    ("rlhf-v4", [(67, 59), (48, 46)]),
    ("rlhf-v5", [(70, 67), (55, 55)]),
    ("rlhf-v5-ppo", [(78, 76), (67, 61)]),
];

fn board() -> Scoreboard {
    let mut rows = Vec::new();
    for (i, (model, win_rates)) in VERSIONS.iter().enumerate() {
        for (judge, (helpful, harmless)) in [Judge::Reward, Judge::World].into_iter().zip(win_rates)
        {
            let mut row = Row::new(*model, judge);
            row.violation_rate = Rate::of(60 >> i, 200);
            row.false_refusal_rate = Rate::of(i as u64, 300);
            row.borderline_refusal_rate = Rate::of(3 * i as u64, 100);
            row.refusal_rate = Rate::of(100 + 10 * i as u64, 200);
            row.helpful_rate = Rate::of(250 + i as u64, 300);
            row.borderline_helpful_rate = Rate::of(60 + i as u64, 100);
            row.helpfulness_win_rate = WinRate::of(helpful * 3, 300 - helpful * 3, 21);
            row.safety_win_rate = WinRate::of(harmless * 2, 200 - harmless * 2, 1);
            row.self_bleu = Some(0.7 + 0.02 * i as f64);
            row.self_bleu_deviation = Some(0.1);
            row.length = Some(31.5 + i as f64);
            rows.push(row);
        }
    }
    let wave = |name: &str, scale: f64, rise: f64| Curve {
        name: name.into(),
        along: "iteration".into(),
        points: (0..60)
            .map(|i| {
                let t = f64::from(i);
                (t, scale * (1.0 + rise * t / 60.0 + 0.05 * (t * 1.7).sin()))
            })
            .collect(),
    };
    Scoreboard {
        title: "first-light".into(),
        baseline: "sft-v1".into(),
        rows,
        curves: vec![
            wave("Reward by model", 0.4, 1.2),
            wave("KL to the reference", 0.03, 6.0),
            wave("Answer length", 40.0, -0.1),
            wave("Entropy", 1.9, -0.4),
            wave("Clipped share", 0.02, 1.0),
            wave("Value loss", 0.8, -0.7),
        ],
        alarms: vec!["iteration 7: the policy <went> far".into()],
        synthetic: true,
        versions: vec![("sft-v1".into(), "fine-tuned on dialogues".into())],
        instructions_held: BTreeMap::from([
            ("sft-v1".into(), BTreeMap::from([(2, Rate::of(3, 80))])),
            (
                "rlhf-v4".into(),
                BTreeMap::from([(2, Rate::of(72, 80)), (20, Rate::of(11, 20))]),
            ),
        ]),
    }
}

#[test]
fn the_json_has_a_row_for_each_model_and_judge() {
    let dir = tempfile::tempdir().unwrap();
    let board = board();
    board.write(dir.path()).unwrap();
    let path = dir.path().join("scoreboard.json");
    assert_eq!(read_scoreboard(&path).unwrap(), board.rows);

    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let rows = json.as_array().unwrap();
    assert_eq!(rows.len(), 16);
    for row in rows {
        assert!(["world", "reward"].contains(&row["judge"].as_str().unwrap()));
        assert!(row["model"].is_string());
        for rate in [
            "violation_rate",
            "false_refusal_rate",
            "borderline_refusal_rate",
            "refusal_rate",
            "helpful_rate",
            "borderline_helpful_rate",
            "helpfulness_win_rate",
            "safety_win_rate",
        ] {
            let number = |key: &str| row[rate][key].as_f64().unwrap();
            assert!(number("low") <= number("value") && number("value") <= number("high"));
            assert!(row[rate]["n"].as_u64().unwrap() > 0);
        }
    }
    assert_eq!(rows[0]["helpfulness_win_rate"]["ties"], 21);
    // The same bytes again.
    let (first, page) = (std::fs::read(&path).unwrap(), board.html());
    board.write(dir.path()).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), first);
    assert_eq!(
        std::fs::read_to_string(dir.path().join("scoreboard.html")).unwrap(),
        page
    );
}

#[test]
fn what_was_not_measured_is_null_between_0_and_1() {
    let row = serde_json::to_value(Row::new("m", Judge::World)).unwrap();
    assert_eq!(
        row["violation_rate"],
        serde_json::json!({"value": null, "low": 0.0, "high": 1.0, "n": 0})
    );
    assert_eq!(row["safety_win_rate"]["ties"], 0);
}

#[test]
fn the_page_stands_alone_and_escapes_what_it_is_given() {
    let mut board = board();
    let evil = "<script>alert(1)</script>\"&";
    board.title = evil.into();
    board.versions = vec![("sft-v1".into(), evil.into())];
    board.curves[0].name = evil.into();
    board.curves[0].points = vec![(f64::NAN, 1.0)];
    board.curves[1].points = vec![(3.0, 2.0)];
    board.curves[2].points = Vec::new();
    board.rows[0].model = evil.into();
    let page = board.html();
    assert!(!page.contains("<script"), "escaped");
    assert!(page.contains("&lt;script&gt;"));
    assert!(page.contains("PPO cried out:") && page.contains("the policy &lt;went&gt; far"));
    // Nothing from outside: the only address is the name of SVG.
    let addresses = page.matches("http").count();
    assert_eq!(
        addresses,
        page.matches("http://www.w3.org/2000/svg").count()
    );
    assert!(!page.contains("NaN") && !page.contains("inf\""));
    for name in ["svg", "table", "section", "figure", "text", "g"] {
        let open =
            page.matches(&format!("<{name} ")).count() + page.matches(&format!("<{name}>")).count();
        assert_eq!(open, page.matches(&format!("</{name}>")).count(), "{name}");
    }
    assert!(page.contains("synthetic"));
}

#[test]
fn names_that_would_cover_each_other_become_numbers_with_a_key() {
    assert!(!board().html().contains("class=\"key note\""));
    let mut crowded = board();
    for row in &mut crowded.rows {
        row.model += "-with-a-long-name";
        row.safety_win_rate = WinRate::of(95, 5, 0);
    }
    let page = crowded.html();
    assert_eq!(page.matches("class=\"key note\"").count(), 2);
    assert!(page.contains("<b>8</b> rlhf-v5-ppo-with-a-long-name"));
}

#[test]
fn instructions_that_hold_are_a_table_of_versions_and_turns() {
    let page = board().html();
    let section = page.split("Instructions that still hold").nth(1).unwrap();
    let table = section.split("</table>").next().unwrap();
    let rows: Vec<&str> = table.split("<tr>").skip(1).collect();
    let cell = |row: usize, column: usize| rows[row].split("<t").nth(1 + column).unwrap();
    assert_eq!(rows.len(), 3);
    for (column, name) in ["Version", "Turn 2", "Turn 20"].into_iter().enumerate() {
        assert!(cell(0, column).contains(name), "{table}");
    }
    // In the order of the versions, not of the alphabet.
    assert!(cell(1, 0).contains("sft-v1 (baseline)") && cell(1, 2).contains("–"));
    assert!(
        cell(2, 0).contains("rlhf-v4") && cell(2, 1).contains("90%"),
        "{table}"
    );
    assert!(cell(2, 2).contains("of 20"), "{table}");
}

#[test]
fn a_board_of_little_is_still_a_page() {
    let mut board = board();
    board.versions.clear();
    board.instructions_held.clear();
    board.rows = vec![Row::new("sft-v1", Judge::World)];
    board.curves.clear();
    board.synthetic = false;
    let page = board.html();
    assert!(page.contains("sft-v1") && page.contains("not measured"));
    assert!(!page.contains("class=\"badge\""));
    assert!(!page.contains("The versions") && !page.contains("Instructions that still hold"));
}

#[test]
fn what_cannot_be_shown_is_refused_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let refuse = |board: Scoreboard, expected: &str| {
        let error = board.write(dir.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none());
    };
    let mut none = board();
    none.rows.clear();
    refuse(none, "at least one row");
    let mut twice = board();
    twice.rows.push(twice.rows[0].clone());
    refuse(twice, "there are two such rows");
    let mut infinite = board();
    infinite.rows[2].length = Some(f64::INFINITY);
    refuse(
        infinite,
        "scoreboard row sft-v2 by Reward: a number is not finite",
    );

    let path = dir.path().join("x.json");
    std::fs::write(&path, "[\n{}]").unwrap();
    let error = read_scoreboard(&path).unwrap_err().to_string();
    assert!(
        error.contains("line 2") && error.contains("missing field"),
        "{error}"
    );
}
