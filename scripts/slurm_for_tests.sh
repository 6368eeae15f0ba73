#!/usr/bin/env bash
# A real Slurm on this one machine, for tests/slurm.rs: root, Debian, no systemd, nothing but the loopback.
#
#   scripts/slurm_for_tests.sh start [FOLDER]   install what is missing, start munged, slurmctld and slurmd
#   scripts/slurm_for_tests.sh stop  [FOLDER]   stop them and remove the folder
#
# Everything that they write lies below FOLDER (default /tmp/pinfold-slurm.<uid>). On success `start` prints one line,
# `export SLURM_CONF=…`, for eval. Where it cannot (not root, not Debian) it says "skipped: …" on stderr and leaves with 75.
set -euo pipefail

what=${1:-start}
folder=${2:-/tmp/pinfold-slurm.$(id -u)}
skip() { echo "skipped: no Slurm here: $*" >&2; exit 75; }
say() { echo "slurm: $*" >&2; }

# Ends one of our own daemons, by the number that it wrote into its file.
end() {
  local pid
  [ -s "$1" ] || return 0
  pid=$(cat "$1")
  kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.1; done
  kill -9 "$pid" 2>/dev/null || true
}

stop() {
  [ -d "$folder" ] || return 0
  # The mark keeps a wrong FOLDER from being removed.
  [ -f "$folder/made-by-slurm_for_tests" ] || { say "$folder was not made by this script"; exit 2; }
  if [ -S "$folder/munge/socket" ] && [ -f "$folder/slurm.conf" ]; then
    SLURM_CONF=$folder/slurm.conf timeout 10 scancel --user=root 2>/dev/null || true
  fi
  end "$folder/slurmd.pid"; end "$folder/slurmctld.pid"; end "$folder/munge/munged.pid"
  rm -rf "$folder"
}

if [ "$what" = stop ]; then stop; exit 0; fi
[ "$what" = start ] || { echo "usage: $0 start|stop [FOLDER]" >&2; exit 2; }

[ "$(id -u)" = 0 ] || skip "not root"
[ -f /etc/debian_version ] || skip "not Debian"
missing=()
for pair in slurmctld:slurmctld slurmd:slurmd sbatch:slurm-client munged:munge; do
  command -v "${pair%%:*}" >/dev/null || [ -x "/usr/sbin/${pair%%:*}" ] || missing+=("${pair##*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
  say "installing ${missing[*]}"
  # RUNLEVEL=1 keeps the packages from starting services of their own.
  { DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1 ||
    { apt-get update >/dev/null 2>&1 && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1; }
  } || skip "cannot install ${missing[*]}"
fi
export PATH=$PATH:/usr/sbin

stop
mkdir -p "$folder"/{munge,state,spool,log}
touch "$folder/made-by-slurm_for_tests"
chmod 755 "$folder"
# munged insists on owning its folders, and on a key that nobody else can read.
head -c 1024 /dev/urandom > "$folder/munge/munge.key"
chmod 400 "$folder/munge/munge.key"; chmod 755 "$folder/munge"
chown -R munge: "$folder/munge"
as_munge() { if command -v runuser >/dev/null; then runuser -u munge -- "$@"; else setpriv --reuid munge --regid munge --clear-groups "$@"; fi; }
as_munge munged --key-file="$folder/munge/munge.key" --socket="$folder/munge/socket" --pid-file="$folder/munge/munged.pid" \
  --seed-file="$folder/munge/seed" --log-file="$folder/munge/munged.log" --num-threads=2 >&2 || skip "munged does not start ($folder/munge/munged.log)"

host=$(hostname -s 2>/dev/null || hostname)
host=${host%%.*}
# Two free ports on the loopback.
free_port() { local p; for p in $(seq "$1" $(($1 + 200))); do (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo "$p"; return; }; done; }
controller=$(free_port 26817); node=$(free_port $((controller + 1)))
cpus=$(nproc)
memory=$(awk '/^MemTotal/ { print int($2 / 1024 * 0.9) }' /proc/meminfo)
cat > "$folder/slurm.conf" <<CONF
ClusterName=pinfold
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$controller
SlurmdPort=$node
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=5,bf_interval=5,batch_sched_delay=1
SwitchType=switch/none
MpiDefault=none
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
KillWait=5
MinJobAge=300
ReturnToService=2
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory State=UNKNOWN
PartitionName=test Nodes=$host Default=YES MaxTime=60 State=UP
CONF
export SLURM_CONF=$folder/slurm.conf
slurmctld -c >&2 || skip "slurmctld does not start ($folder/log/slurmctld.log)"
slurmd -c >&2 || skip "slurmd does not start ($folder/log/slurmd.log)"
for _ in $(seq 100); do
  case "$(timeout 5 sinfo --noheader --format=%T 2>/dev/null)" in
    idle*) echo "export SLURM_CONF=$folder/slurm.conf PATH=\$PATH:/usr/sbin"; exit 0 ;;
  esac
  sleep 0.2
done
tail -5 "$folder"/log/*.log >&2 || true
skip "the node does not come up"
