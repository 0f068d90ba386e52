//! From the hidden vector to the probabilities of labels: softmax, hierarchical softmax, or one
//! logistic function per label.

use super::matrix::Matrix;

/// Which function makes probabilities.
#[derive(Debug)]
pub(super) enum Loss {
    Softmax,
    /// One against all the others, and negative sampling, which predicts the same way.
    Logistic,
    Hierarchical(Tree),
}

/// The logarithm that fastText takes of probabilities.
fn log(x: f32) -> f32 {
    (f64::from(x) + 1e-5).ln() as f32
}

impl Loss {
    /// The `count` most probable labels with the logarithms of their probabilities, best first.
    pub(super) fn best(&self, output: &Matrix, hidden: &[f32], count: usize) -> Vec<(f32, usize)> {
        let mut best = Best {
            count,
            found: Vec::with_capacity(count + 1),
        };
        match self {
            Self::Softmax => {
                let mut scores: Vec<f32> = (0..output.rows())
                    .map(|r| output.dot_row(r, hidden))
                    .collect();
                let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let mut sum = 0.0;
                for score in &mut scores {
                    *score = (*score - most).exp();
                    sum += *score;
                }
                for (label, score) in scores.iter().enumerate() {
                    best.add(log(score / sum), label);
                }
            }
            Self::Logistic => {
                for label in 0..output.rows() {
                    best.add(log(tabulated_sigmoid(output.dot_row(label, hidden))), label);
                }
            }
            Self::Hierarchical(tree) => tree.best(output, hidden, &mut best),
        }
        best.found
    }
}

/// The best few labels so far, best first; of equal ones the earlier stays first.
struct Best {
    count: usize,
    found: Vec<(f32, usize)>,
}

impl Best {
    fn beyond_reach(&self, score: f32) -> bool {
        self.found.len() == self.count && self.found.last().is_some_and(|worst| score < worst.0)
    }

    fn add(&mut self, score: f32, label: usize) {
        if self.beyond_reach(score) {
            return;
        }
        let at = self.found.partition_point(|other| other.0 >= score);
        self.found.insert(at, (score, label));
        self.found.truncate(self.count);
    }
}

/// fastText reads its logistic function from 512 points between -8 and 8.
fn tabulated_sigmoid(x: f32) -> f32 {
    if x < -8.0 {
        0.0
    } else if x > 8.0 {
        1.0
    } else {
        let point = ((x + 8.0) * 512.0 / 8.0 / 2.0) as i64 as f32;
        1.0 / (1.0 + (-(point * 2.0 * 8.0 / 512.0 - 8.0)).exp())
    }
}

/// The Huffman tree over the labels by their counts. Leaves come first, then the inner nodes in
/// the order they were made; the last is the root.
#[derive(Debug)]
pub(super) struct Tree {
    leaves: usize,
    children: Vec<[usize; 2]>,
}

impl Tree {
    /// The tree of labels whose counts fall, as dictionaries have them; nothing where the counts
    /// cannot be counts.
    pub(super) fn new(counts: &[i64]) -> Option<Self> {
        const NONE_YET: i64 = 1_000_000_000_000_000;
        if counts.is_empty() || counts.iter().any(|count| !(0..NONE_YET).contains(count)) {
            return None;
        }
        let leaves = counts.len();
        let mut count = counts.to_vec();
        count.resize(2 * leaves - 1, NONE_YET);
        let mut children = Vec::with_capacity(leaves - 1);
        // Leaves from the rarest up and inner nodes from the first made are both in rising order.
        let mut leaf = leaves;
        let mut inner = leaves;
        for node in leaves..count.len() {
            let mut next = || {
                if leaf > 0 && count[leaf - 1] < count[inner] {
                    leaf -= 1;
                    leaf
                } else {
                    inner += 1;
                    inner - 1
                }
            };
            let pair = [next(), next()];
            count[node] = count[pair[0]].saturating_add(count[pair[1]]);
            children.push(pair);
        }
        Some(Self { leaves, children })
    }

    fn best(&self, output: &Matrix, hidden: &[f32], best: &mut Best) {
        let mut stack = vec![(self.leaves + self.children.len() - 1, 0.0f32)];
        // fastText drops labels below this even when asked for all.
        let least = log(0.0);
        while let Some((node, score)) = stack.pop() {
            if score < least || best.beyond_reach(score) {
                continue;
            }
            match node.checked_sub(self.leaves) {
                None => best.add(score, node),
                Some(at) => {
                    let right = 1.0 / (1.0 + (-output.dot_row(at, hidden)).exp());
                    let [left_child, right_child] = self.children[at];
                    stack.push((right_child, score + log(right)));
                    stack.push((left_child, score + log(1.0 - right)));
                }
            }
        }
    }
}
