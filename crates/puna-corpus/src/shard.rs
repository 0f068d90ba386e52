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

/// An array of tasks by its launcher's variables. Bounds are the first task's number and the last's.
struct Array {
    task: &'static str,
    first: &'static str,
    last: &'static str,
    /// How many tasks there are, where the launcher says.
    count: &'static str,
    /// From one task's number to the next, where the launcher says.
    step: &'static str,
}

/// Launchers whose tasks have numbers between bounds: Slurm, and Grid Engine, which calls its task
/// "undefined" outside of arrays.
const ARRAYS: [Array; 2] = [
    Array {
        task: "SLURM_ARRAY_TASK_ID",
        first: "SLURM_ARRAY_TASK_MIN",
        last: "SLURM_ARRAY_TASK_MAX",
        count: "SLURM_ARRAY_TASK_COUNT",
        step: "SLURM_ARRAY_TASK_STEP",
    },
    Array {
        task: "SGE_TASK_ID",
        first: "SGE_TASK_FIRST",
        last: "SGE_TASK_LAST",
        count: "",
        step: "SGE_TASK_STEPSIZE",
    },
];

/// Launchers whose tasks count from 0: the task's number and the number of tasks. Kubernetes and PBS
/// give the first only; the job sets the second. Arrays come first: a task of an array may be started
/// as a rank of one.
const INDEXED: [(&str, &str); 3] = [
    ("JOB_COMPLETION_INDEX", "JOB_COMPLETIONS"),
    ("AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE"),
    ("PBS_ARRAY_INDEX", "PBS_ARRAY_COUNT"),
];

/// Ranks: torchrun, Open MPI, MPICH and its kin, srun.
const RANKS: [(&str, &str); 4] = [
    ("RANK", "WORLD_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("SLURM_PROCID", "SLURM_NTASKS"),
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
        for array in &ARRAYS {
            let (Some(task), Some(first), Some(last)) =
                (number(array.task), number(array.first), number(array.last))
            else {
                continue;
            };
            let count = last.saturating_sub(first).saturating_add(1);
            let is_dense = number(array.count).is_none_or(|n| n == count);
            let in_steps = number(array.step).is_some_and(|step| step > 1 && count > 1);
            if !is_dense || in_steps || !(first..=last).contains(&task) {
                let what = format!(
                    "the array {first}..{last} has gaps; submit it without, or give --shard i/n"
                );
                return Err(refuse(what));
            }
            let index = task - first;
            return Ok(Self { index, count });
        }
        for (task, size) in INDEXED {
            let Some(index) = number(task) else { continue };
            let Some(count) = number(size) else {
                let what = format!(
                    "{task} is set and {size} is not, so the number of tasks is not known; set it \
                     in the job, or give --shard i/n"
                );
                return Err(refuse(what));
            };
            return Self::counted(index, count);
        }
        for (rank, size) in RANKS {
            if let (Some(index), Some(count)) = (number(rank), number(size)) {
                return Self::counted(index, count);
            }
        }
        Ok(Self::WHOLE)
    }

    fn counted(index: u64, count: u64) -> Result<Self> {
        if index >= count {
            return Err(refuse(format!(
                "the launcher says task {index} of {count}; give --shard i/n"
            )));
        }
        Ok(Self { index, count })
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
    }

    #[test]
    fn every_launcher_is_known() {
        let expected = Shard { index: 1, count: 4 };
        for pairs in [
            &[("JOB_COMPLETION_INDEX", "1"), ("JOB_COMPLETIONS", "4")][..],
            &[
                ("AWS_BATCH_JOB_ARRAY_INDEX", "1"),
                ("AWS_BATCH_JOB_ARRAY_SIZE", "4"),
            ],
            &[("PBS_ARRAY_INDEX", "1"), ("PBS_ARRAY_COUNT", "4")],
            &[
                ("SGE_TASK_ID", "2"),
                ("SGE_TASK_FIRST", "1"),
                ("SGE_TASK_LAST", "4"),
                ("SGE_TASK_STEPSIZE", "1"),
            ],
            &[("RANK", "1"), ("WORLD_SIZE", "4"), ("LOCAL_RANK", "0")],
            &[("OMPI_COMM_WORLD_RANK", "1"), ("OMPI_COMM_WORLD_SIZE", "4")],
            &[("PMI_RANK", "1"), ("PMI_SIZE", "4")],
            &[("SLURM_PROCID", "1"), ("SLURM_NTASKS", "4")],
            // mpirun inside a batch job, whose script is a rank of its own.
            &[
                ("OMPI_COMM_WORLD_RANK", "1"),
                ("OMPI_COMM_WORLD_SIZE", "4"),
                ("SLURM_PROCID", "0"),
                ("SLURM_NTASKS", "1"),
            ],
            // An array's task, started as a rank.
            &[
                ("AWS_BATCH_JOB_ARRAY_INDEX", "1"),
                ("AWS_BATCH_JOB_ARRAY_SIZE", "4"),
                ("RANK", "0"),
                ("WORLD_SIZE", "1"),
            ],
        ] {
            assert_eq!(of(pairs).unwrap(), expected, "{pairs:?}");
        }
        // Grid Engine outside of arrays, and variables that are no launcher's.
        for pairs in [
            &[("SGE_TASK_ID", "undefined"), ("SGE_TASK_LAST", "undefined")][..],
            &[("RANK", "1")],
            &[("SLURM_PROCID", "0")],
        ] {
            assert_eq!(of(pairs).unwrap(), Shard::WHOLE, "{pairs:?}");
        }
    }

    #[test]
    fn what_would_leave_inputs_out_or_do_them_twice_is_refused() {
        for (pairs, says) in [
            (&[("JOB_COMPLETION_INDEX", "1")][..], "JOB_COMPLETIONS"),
            (&[("PBS_ARRAY_INDEX", "1")], "PBS_ARRAY_COUNT"),
            (
                &[("PBS_ARRAY_INDEX", "4"), ("PBS_ARRAY_COUNT", "4")],
                "task 4 of 4",
            ),
            (&[("RANK", "4"), ("WORLD_SIZE", "4")], "task 4 of 4"),
            (
                &[
                    ("SGE_TASK_ID", "3"),
                    ("SGE_TASK_FIRST", "1"),
                    ("SGE_TASK_LAST", "7"),
                    ("SGE_TASK_STEPSIZE", "2"),
                ],
                "has gaps",
            ),
        ] {
            let error = of(pairs).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("--shard"), "{error}");
        }
    }
}
