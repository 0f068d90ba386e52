//! The losses of PPO and DPO, and what goes into them, against PyTorch (scripts/fixtures/losses.py).

#![allow(clippy::unwrap_used)]

use puna_align::dpo;
use puna_align::judge::Scores;
use puna_align::ppo::gae::gae;
use puna_align::ppo::kl::{KlEstimator, exact};
use puna_align::ppo::loss::{Term, policy, value};
use puna_align::ppo::reward::{logit, whiten};
use serde_json::Value;

const CLIP: f64 = 0.2;

fn fixture(part: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("fixtures/losses.json")).unwrap();
    all[part].clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().unwrap();
    list.iter().map(|v| v.as_f64().unwrap()).collect()
}

fn close(ours: f64, theirs: f64) {
    assert!(
        (ours - theirs).abs() <= 1e-12 * (1.0 + theirs.abs()),
        "{ours} is not {theirs}"
    );
}

fn terms(part: &str, third: &str, term: impl Fn(f64, f64, f64) -> Term) {
    let f = fixture(part);
    let [now, sampled, third, loss, derivative] =
        ["now", "sampled", third, "loss", "derivative"].map(|name| numbers(&f[name]));
    let mut clipped = 0;
    for i in 0..now.len() {
        let term = term(now[i], sampled[i], third[i]);
        close(term.loss, loss[i]);
        close(term.derivative, derivative[i]);
        clipped += usize::from(term.clipped);
    }
    assert!(clipped > 3 && clipped < now.len() / 2, "{clipped} clipped");
}

#[test]
fn policy_loss() {
    terms("policy", "advantage", |now, sampled, advantage| {
        policy(now, sampled, advantage, CLIP)
    });
}

#[test]
fn value_loss() {
    terms("value", "target", |now, sampled, target| {
        value(now, sampled, target, Some(CLIP))
    });
}

#[test]
fn divergences() {
    let f = fixture("kl");
    let logits = |name: &str| -> Vec<Vec<f32>> {
        let rows = f[name].as_array().unwrap().iter();
        rows.map(|row| numbers(row).iter().map(|&v| v as f32).collect())
            .collect()
    };
    let exactly = numbers(&f["exact"]);
    for ((p, q), kl) in logits("policy_logits")
        .iter()
        .zip(logits("reference_logits"))
        .zip(exactly)
    {
        close(exact(p, &q), kl);
    }
    let (p, q) = (numbers(&f["policy"]), numbers(&f["reference"]));
    let estimators = [
        (KlEstimator::K1, "k1"),
        (KlEstimator::K2, "k2"),
        (KlEstimator::K3, "k3"),
    ];
    for (estimator, name) in estimators {
        assert_eq!(serde_json::to_value(estimator).unwrap(), name);
        for ((&p, &q), expected) in p.iter().zip(&q).zip(numbers(&f[name])) {
            close(estimator.estimate(p, q), expected);
        }
    }
}

#[test]
fn reward() {
    let f = fixture("reward");
    let (helpfulness, safety) = (numbers(&f["helpfulness"]), numbers(&f["safety"]));
    let tagged = f["tagged"].as_array().unwrap();
    let mut rewards: Vec<f64> = Vec::new();
    for i in 0..helpfulness.len() {
        let scores = Scores {
            helpfulness: helpfulness[i],
            safety: safety[i],
        };
        rewards.push(logit(scores.combined(tagged[i].as_bool().unwrap(), 0.15)));
    }
    for (&ours, theirs) in rewards.iter().zip(numbers(&f["logits"])) {
        close(ours, theirs);
    }
    whiten(&mut rewards);
    for (&ours, theirs) in rewards.iter().zip(numbers(&f["whitened"])) {
        close(ours, theirs);
    }
}

#[test]
fn advantages() {
    let f = fixture("gae");
    let (gamma, lambda) = (f["gamma"].as_f64().unwrap(), f["lam"].as_f64().unwrap());
    let out = gae(
        &numbers(&f["rewards"]),
        &numbers(&f["values"]),
        gamma,
        lambda,
    );
    for (ours, name) in [(out.advantages, "advantages"), (out.returns, "returns")] {
        for (&ours, theirs) in ours.iter().zip(numbers(&f[name])) {
            close(ours, theirs);
        }
    }
}

#[test]
fn direct_preference_loss() {
    for case in fixture("dpo").as_array().unwrap() {
        let (beta, smoothing) = (
            case["beta"].as_f64().unwrap(),
            case["smoothing"].as_f64().unwrap(),
        );
        let pair =
            |name: &str, i: usize| -> [f64; 2] { numbers(&case[name][i]).try_into().unwrap() };
        let (margin, loss) = (numbers(&case["margin"]), numbers(&case["loss"]));
        for i in 0..loss.len() {
            let term = dpo::loss::loss(pair("policy", i), pair("reference", i), beta, smoothing);
            close(term.margin, margin[i]);
            close(term.loss, loss[i]);
            let [chosen, rejected] = pair("derivative", i);
            close(term.chosen, chosen);
            close(term.rejected, rejected);
        }
    }
}
