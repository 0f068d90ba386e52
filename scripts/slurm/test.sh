#!/bin/bash
# Runs corpus.sh on a Slurm cluster of this one machine and compares the corpus, byte for byte, with
# that of one process. Needs slurm-wlm and munge (Debian's packages) and puna, built; says so and
# ends well where they are not installed, unless PUNA_REQUIRE is 1. The cluster lives in a temporary
# directory with a key, sockets and ports of its own, and is taken down at the end.
#
#     scripts/slurm/test.sh [PUNA]
set -euo pipefail

here=$(dirname "$(realpath "$0")")
export PUNA
PUNA=$(realpath "${1:-$here/../../target/release/puna}")
export PATH=$PATH:/usr/sbin:/sbin
skip() {
    echo "skipped: needs $1"
    if [[ ${PUNA_REQUIRE:-} == 1 ]]; then exit 1; fi
    exit 0
}
for program in munged slurmctld slurmd sbatch; do
    if ! command -v "$program" >/dev/null; then
        skip "$program (packages slurm-wlm and munge)"
    fi
done
if [[ $EUID -ne 0 ]]; then
    skip "root, for slurmd"
fi
[[ -x $PUNA ]] || { echo "$PUNA: no such program; run cargo build --release" >&2; exit 2; }

dir=$(mktemp -d)
pids=()
down() {
    # The last to come up goes first. Only what was started here is ended.
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
        kill "${pids[i]}" 2>/dev/null || true
        wait "${pids[i]}" 2>/dev/null || true
    done
    rm -rf "$dir"
}
trap down EXIT

# Ports that nobody listens on.
free_port() {
    local port
    for ((port = $1; port < $1 + 500; port++)); do
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
}
wait_for() {
    local what=$1
    shift
    for _ in {1..150}; do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.2
    done
    echo "$what does not come up:" >&2
    tail -n 20 "$dir"/*.log >&2
    exit 1
}

mkdir -p "$dir/state" "$dir/spool"
chmod 755 "$dir"
dd if=/dev/urandom of="$dir/munge.key" bs=1024 count=1 status=none
chmod 600 "$dir/munge.key"
host=$(hostname -s)
cat >"$dir/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port 16817)
SlurmdPort=$(free_port 17318)
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
CryptoType=crypto/munge
SlurmUser=root
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
MinJobAge=300
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=60 State=UP
CONF
export SLURM_CONF=$dir/slurm.conf

munged --foreground --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" \
    --pid-file="$dir/munged.pid" --seed-file="$dir/munged.seed" >"$dir/munged.log" 2>&1 &
pids+=($!)
wait_for munged munge -n --socket="$dir/munge.socket"
slurmctld -D -f "$SLURM_CONF" >"$dir/slurmctld.log" 2>&1 &
pids+=($!)
wait_for slurmctld scontrol ping
slurmd -D -f "$SLURM_CONF" -N "$host" >"$dir/slurmd.log" 2>&1 &
pids+=($!)
wait_for slurmd bash -c 'sinfo -h -o %T | grep -q idle'

cd "$dir"
"$PUNA" world --seed 3 --out world >/dev/null 2>&1
"$PUNA" corpus world/crawl/*.warc.gz --out alone >/dev/null 2>&1
export CPUS=1
"$here/corpus.sh" 3 world/crawl/*.warc.gz --out array
for _ in {1..600}; do
    [[ -n $(squeue -h) ]] || break
    sleep 0.5
done
if [[ -n $(squeue -h) || ! -f array/manifest.json ]]; then
    echo "the jobs did not end well:" >&2
    squeue >&2
    tail -n 20 puna-corpus-*.log slurmctld.log >&2
    exit 1
fi
for path in ledger.csv ledger.parquet report.json report.html manifest.json documents; do
    diff -r "alone/$path" "array/$path"
done

# A sparse array would leave inputs out: it is refused, and what depends on it never runs.
job=$(sbatch --parsable --array=0-4:2 "$here/corpus.sbatch" label world/crawl/*.warc.gz --out sparse)
while [[ -n $(squeue -h -j "$job" 2>/dev/null) ]]; do sleep 0.5; done
grep -q "has gaps" puna-corpus-"${job%%;*}"_*.log
echo "ok: $(ls array/documents | wc -l) inputs by an array of 3, the same as by one process; a sparse array is refused"
