//! Which share of the work is this process's: told by a flag or by the launcher.

use crate::error::{Error, Result};

/// One of several equal shares, by input number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 0.
    pub index: u64,
    /// Of how many.
    pub count: u64,
}

/// Variables of launchers: the number of a task, the number of tasks, and the number of the first.
const RANKS: [(&str, &str, u64); 7] = [
    ("JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", 0),
    ("AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE", 0),
    ("PBS_ARRAY_INDEX", "PBS_ARRAY_COUNT", 0),
    ("RANK", "WORLD_SIZE", 0),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", 0),
    ("PMI_RANK", "PMI_SIZE", 0),
    ("SLURM_PROCID", "SLURM_NTASKS", 0),
];

impl Shard {
    /// All of the work.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Reads `i/n`, i from 1.
    pub fn parse(text: &str) -> Result<Self> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(i, n)| Some((i.parse::<u64>().ok()?, n.parse().ok()?)));
        match numbers {
            Some((i, count)) if (1..=count).contains(&i) => Ok(Self {
                index: i - 1,
                count,
            }),
            _ => Err(refuse(format!(
                "{text:?} is not i/n with 1 <= i <= n, such as 3/8"
            ))),
        }
    }

    /// What the launcher's variables say: an array first, then a rank; all of the work if there is
    /// no launcher. A sparse array is refused, since its gaps would be missing from the corpus.
    pub fn from_environment(get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let number = |name: &str| get(name).and_then(|v| v.trim().parse::<u64>().ok());
        for (id, min, max, count, step) in [
            (
                "SLURM_ARRAY_TASK_ID",
                "SLURM_ARRAY_TASK_MIN",
                "SLURM_ARRAY_TASK_MAX",
                "SLURM_ARRAY_TASK_COUNT",
                "",
            ),
            (
                "SGE_TASK_ID",
                "SGE_TASK_FIRST",
                "SGE_TASK_LAST",
                "",
                "SGE_TASK_STEPSIZE",
            ),
        ] {
            let (Some(id), Some(min), Some(max)) = (number(id), number(min), number(max)) else {
                continue;
            };
            let span = max.saturating_sub(min).saturating_add(1);
            let dense = number(count).is_none_or(|n| n == span);
            if !dense || number(step).is_some_and(|s| s > 1) || !(min..=max).contains(&id) {
                let what = format!(
                    "the array {min}..{max} has gaps; submit it without, or give --shard i/n"
                );
                return Err(refuse(what));
            }
            return Ok(Self {
                index: id - min,
                count: span,
            });
        }
        for (rank, size, first) in RANKS {
            let (Some(rank), Some(size)) = (number(rank), number(size)) else {
                continue;
            };
            if rank < first || rank - first >= size {
                return Err(refuse(format!(
                    "the launcher says task {rank} of {size}; give --shard i/n"
                )));
            }
            return Ok(Self {
                index: rank - first,
                count: size,
            });
        }
        Ok(Self::WHOLE)
    }

    /// Whether an input is in this share.
    pub fn owns(&self, input: usize) -> bool {
        input as u64 % self.count == self.index
    }
}

fn refuse(what: String) -> Error {
    Error::Setting {
        name: "shard",
        what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<Shard> {
        let find = |name: &str| pairs.iter().find(|p| p.0 == name).map(|p| p.1.to_owned());
        Shard::from_environment(find)
    }

    #[test]
    fn flags_and_launchers() {
        assert_eq!(Shard::parse("3/8").unwrap(), Shard { index: 2, count: 8 });
        for bad in ["0/8", "9/8", "3", "a/b", "1/0"] {
            assert!(Shard::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(of(&[]).unwrap(), Shard::WHOLE);
        let array = [
            ("SLURM_ARRAY_TASK_ID", "5"),
            ("SLURM_ARRAY_TASK_MIN", "2"),
            ("SLURM_ARRAY_TASK_MAX", "9"),
            ("SLURM_ARRAY_TASK_COUNT", "8"),
            ("SLURM_PROCID", "0"),
            ("SLURM_NTASKS", "1"),
        ];
        assert_eq!(of(&array).unwrap(), Shard { index: 3, count: 8 });
        let mut sparse = array;
        sparse[3].1 = "4";
        assert!(of(&sparse).is_err());
        let kubernetes = [("JOB_COMPLETION_INDEX", "1"), ("JOB_COMPLETIONS", "4")];
        assert_eq!(of(&kubernetes).unwrap(), Shard { index: 1, count: 4 });
        assert_eq!(
            of(&[("RANK", "0"), ("WORLD_SIZE", "2")]).unwrap(),
            Shard { index: 0, count: 2 }
        );
    }
}
