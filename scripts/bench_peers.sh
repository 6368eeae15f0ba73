#!/usr/bin/env bash
# Runs pinfold beside its Python peers on the same work, in the same run, and prints the ratios.
#
#   scripts/bench_peers.sh [--threads N] [--repetitions R] [--tasks a,b,…] [--out FILE.json] [--no-train]
#
# The peers are PyTorch 2.11 with torchvision, albumentations 2.0.8 with OpenCV 4.12, Pillow, esda and hashlib.
# PINFOLD_PEER_PYTHON names a Python that has them; otherwise a virtual environment is made once in the cache folder
# (PINFOLD_CACHE or ~/.cache/pinfold), about 3 GB to fetch. Nothing is written outside the cache and a scratch folder.
set -euo pipefail
cd "$(dirname "$0")/.."
die() { printf 'bench_peers: %s\n' "$*" >&2; exit 4; }

for argument in "$@"; do
  case "$argument" in -h | --help) exec python3 scripts/bench_peers.py --help ;; esac
done

packages="torch==2.11.0 torchvision==0.26.0 albumentations==2.0.8 opencv-python-headless==4.12.0.88 numpy<2.3 esda libpysal pandas scikit-learn==1.7.1 safetensors"
python=${PINFOLD_PEER_PYTHON:-}
if [ -z "$python" ]; then
  cache=${PINFOLD_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/pinfold}
  venv=$cache/peers-torch-2.11.0
  if [ ! -f "$venv/.complete" ]; then
    command -v python3 >/dev/null 2>&1 || die "python3 was not found: install Python 3.10 to 3.13"
    printf 'bench_peers: making %s (about 3 GB to fetch, once)\n' "$venv" >&2
    mkdir -p "$cache" || die "cannot write to $cache: set PINFOLD_CACHE to a folder that you own"
    python3 -m venv "$venv" || die "python3 cannot make a virtual environment (Debian: apt-get install python3-venv)"
    # shellcheck disable=SC2086
    "$venv/bin/pip" install --disable-pip-version-check --quiet $packages || die "pip could not install the peers: $packages"
    touch "$venv/.complete"
  fi
  python=$venv/bin/python
fi
"$python" -c 'import torch, torchvision, albumentations, cv2, esda, libpysal, safetensors' 2>/dev/null \
  || die "$python lacks a peer; it needs: $packages"

features=()
for argument in "$@"; do [ "$argument" = "--no-train" ] && features=(--no-default-features); done
printf 'bench_peers: building pinfold\n' >&2
runner=$(cargo bench --quiet "${features[@]}" --bench peers --no-run --message-format=json \
  | "$python" -c 'import json, sys
for line in sys.stdin:
    m = json.loads(line)
    if m.get("reason") == "compiler-artifact" and m["target"]["name"] == "peers" and m.get("executable"):
        print(m["executable"])' | tail -n 1)
[ -x "$runner" ] || die "the build gave no benchmark program: see cargo's message above"
exec "$python" scripts/bench_peers.py --runner "$runner" "$@"
