//! The report of a reward model as a page and as a file.

use super::{PAGE_FILE, REPORT_FILE, RewardReport, ScoredPair};
use crate::preferences::{SafetyLabel, Strength};

fn pair(strength: Strength, chosen: f32, rejected: f32) -> ScoredPair {
    ScoredPair {
        strength: Some(strength),
        safety: Some(SafetyLabel::ChosenSafe),
        chosen,
        rejected,
    }
}

/// Of four comparisons on the clearest level three are right, of one on the least none.
fn report() -> RewardReport {
    let clear = [(3.0, -3.0), (2.0, 0.0), (1.0, -1.0), (-1.0, 1.0)];
    let clear = clear.map(|(a, b)| pair(Strength::SignificantlyBetter, a, b));
    let held_out = [&clear[..], &[pair(Strength::Negligibly, 0.0, 0.1)]].concat();
    RewardReport::of(&held_out, &clear[..2])
}

#[test]
fn the_page_shows_what_was_counted() {
    let page = report().html("spark <b>", true);
    for told in [
        "spark &lt;b&gt;",
        "synthetic",
        "significantly better",
        "negligibly",
        // Three of four, none of one, and on new facts two of two.
        "<td>75%<small>",
        "<td>0%<small>",
        "<td>100%<small>",
        "on new facts",
        "Calibration",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    // A level that no comparison has is not in the table.
    assert!(!page.contains("slightly better"));
    // Ten bins, two bars each.
    assert_eq!(page.matches("<rect").count(), 20);
    // A point for each bin in which something fell: differences of 0.1, 2 (three times) and 6.
    assert_eq!(page.matches("class=\"point\"").count(), 3);
    // The only address is the name of SVG.
    assert_eq!(
        page.matches("http").count(),
        page.matches("http://www.w3.org/2000/svg").count()
    );
    assert!(!page.contains("<script"));
}

#[test]
fn nothing_held_out_is_no_error() {
    let page = RewardReport::of(&[], &[]).html("nothing", false);
    assert!(
        !page.contains("NaN") && !page.contains("synthetic"),
        "{page}"
    );
    assert!(page.contains("<tbody></tbody>"), "{page}");
}

#[test]
fn both_files_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let report = report();
    report.write(dir.path(), "spark", false).unwrap();
    let text = std::fs::read(dir.path().join(REPORT_FILE)).unwrap();
    assert_eq!(
        serde_json::from_slice::<RewardReport>(&text).unwrap(),
        report
    );
    assert_eq!(report.scores.chosen.iter().sum::<u64>(), 5);
    assert!(dir.path().join(PAGE_FILE).exists());
}
