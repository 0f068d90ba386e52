#!/bin/bash
# Submits `puna corpus` to Slurm as four jobs, each held until the one before has ended well:
#
#     corpus.sh SHARDS INPUT... --out DIR [more of puna corpus]
#
# `label` and `write` are arrays of SHARDS tasks; `decide` and `report` are one task each. Inputs and
# DIR are on storage that all nodes share. If a task fails, what depends on it is cancelled, and the
# same command again does only what is left. sbatch reads its own settings from the environment
# (SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_TIMELIMIT ...); CPUS is the number of threads of a task.
set -euo pipefail

if [[ $# -lt 2 || ! $1 =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: corpus.sh SHARDS INPUT... --out DIR [more of puna corpus]" >&2
    exit 2
fi
last=$(($1 - 1))
shift
here=$(dirname "$(realpath "$0")")

after=()
for step in label decide write report; do
    array=()
    case $step in label | write) array=(--array="0-$last") ;; esac
    job=$(sbatch --parsable --kill-on-invalid-dep=yes --job-name="puna-$step" \
        --cpus-per-task="${CPUS:-2}" "${after[@]}" "${array[@]}" \
        "$here/corpus.sbatch" "$step" "$@")
    job=${job%%;*}
    echo "$step: job $job"
    after=(--dependency="afterok:$job")
done
