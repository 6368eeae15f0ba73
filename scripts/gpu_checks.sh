#!/usr/bin/env bash
# The checks that need a GPU, in one command: for whoever has one.
#
#   scripts/gpu_checks.sh PINFOLD [cuda|cpu] [SHARE]
#
# PINFOLD is the program (built with libtorch 2.11; PINFOLD_LIBTORCH_CUDA names the folder of libtorch_cuda.so where it is not
# beside libtorch), SHARE a folder with protocols/demo.toml (default: this repository). "cpu" tries the script itself.
# Prints a table for docs/gpu.md; exit code 1 when a check fails.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath "${1:?usage: gpu_checks.sh PINFOLD [cuda|cpu] [SHARE]}")
device=${2:-cuda}
share=${3:-$here}
scratch=$(mktemp -d); trap 'rm -rf "$scratch"' EXIT
failed=0
say() { printf '%s\n' "$*"; }
row() { printf '| %s | %s |\n' "$1" "$2"; }

# place NAME: a workspace of its own.
place() { mkdir -p "$scratch/$1/protocols"; cp "$share/protocols/demo.toml" "$scratch/$1/protocols/"; cd "$scratch/$1"; }
common=(--set "determinism.class=machine" --set "determinism.device=$device")
checkpoint() { sha256sum artifacts/train/*/checkpoint.safetensors | cut -c1-16; }
took() { sed -n 's/.*"event":"stage_done","label":"train[^}]*"seconds":\([0-9.]*\).*/\1/p' runs/*/journal.jsonl | tail -1; }
same() { if [ "$2" = "$3" ]; then row "$1" "equal ($2)"; else row "$1" "DIFFERENT ($2, $3)"; failed=1; fi; }

say "# $(date -u +%Y-%m-%d), $device: $(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2> /dev/null | head -1 || true)"
"$program" --version
say "| check | result |"; say "|---|---|"
for network in tiny_cnn efficientnet_b0; do
  epochs=20; [ "$network" = efficientnet_b0 ] && epochs=3
  run=("$program" run demo "${common[@]}" --set "network.name=$network" --set "train.epochs=$epochs")
  place "$network-a"; "${run[@]}" > /dev/null 2>&1; first=$(checkpoint); seconds=$(took)
  row "$network: a training of $epochs epochs" "$seconds s"
  grade=$(tr -d ' \n' < "$(ls -d artifacts/train/*/)grade.json" | cut -c1-400)
  row "$network: the grade" "\`$grade\`"
  place "$network-b"; "${run[@]}" > /dev/null 2>&1
  same "$network: run twice" "$first" "$(checkpoint)"
  # Killed in the middle of its training, then resumed.
  place "$network-c"; "${run[@]}" --detach > /dev/null 2>&1
  for _ in $(seq 600); do grep -qs '"event":"epoch"' runs/*/journal.jsonl && break; sleep 0.1; done
  pid=$(sed -n 's/.*"event":"run_started".*"pid":\([0-9]*\).*/\1/p' runs/*/journal.jsonl | tail -1)
  kill -9 "${pid:-0}" 2> /dev/null || true; sleep 1
  "$program" resume > /dev/null 2>&1 || true
  same "$network: killed and resumed" "$first" "$(checkpoint)"
  place "$network-m"; "${run[@]}" --set train.precision=mixed > /dev/null 2>&1 || { row "$network: mixed precision" "FAILED"; failed=1; continue; }
  mixed=$(checkpoint); row "$network: mixed precision" "$(took) s, $mixed"
  place "$network-n"; "${run[@]}" --set train.precision=mixed > /dev/null 2>&1
  same "$network: mixed precision, run twice" "$mixed" "$(checkpoint)"
done
exit $failed
