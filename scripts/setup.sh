#!/usr/bin/env bash
# Fetches libtorch (the CPU side of PyTorch 2.11) and makes .libtorch/, the folder of links that the build uses.
#
#   scripts/setup.sh            CPU libraries (about 545 MB, once per user, kept in the cache folder)
#   scripts/setup.sh --gpu      the CUDA companions too (about 2.6 GB more)
#   TORCH=/path scripts/setup.sh   use a PyTorch 2.11 that is already on this machine: its `torch` folder
#                                  (the one that holds lib/ and include/); LIBTORCH does the same
#
# Quick when nothing is left to do. Every failure is one line that says what to install (tests/setup_failures.rs).
set -euo pipefail
cd "$(dirname "$0")/.."

version=2.11.0
links=.libtorch
cache=${PINFOLD_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/pinfold}/libtorch-$version
want_gpu=no
[ "${1:-}" = "--gpu" ] && want_gpu=yes

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$@"; exit 4; }
# What a tool said, as the start of one line.
brief() { printf '%s' "$1" | tr -s '[:space:]' ' ' | cut -c1-160; }

# --- what must be installed
[ "$(uname -s)-$(uname -m)" = "Linux-x86_64" ] || die "libtorch for $(uname -s) $(uname -m) is not supported; build with 'cargo build -p pinfold-front' to audit, report and browse"
command -v cargo >/dev/null 2>&1 || die "cargo was not found: install Rust 1.90 or newer (https://rustup.rs)"
rust=$(cargo --version 2>&1) || die "cargo does not work ($(brief "$rust")): with rustup, 'rustup default stable' chooses a Rust"
minor=$(printf '%s' "$rust" | sed -n 's/^cargo 1\.\([0-9]*\).*/\1/p')
[ "${minor:-90}" -ge 90 ] || die "$(brief "$rust") is too old: install Rust 1.90 or newer ('rustup update', https://rustup.rs)"
command -v make  >/dev/null 2>&1 || die "make was not found: install it (Debian: apt-get install make)"
cxx=${CXX:-c++}
command -v "${cxx%% *}" >/dev/null 2>&1 || die "no C++ compiler ($cxx): install one (Debian: apt-get install g++)"
command -v cc >/dev/null 2>&1 || die "no C compiler (cc), which Rust links with: install one (Debian: apt-get install gcc)"

# --- fetching
need_python() {
  local said
  command -v python3 >/dev/null 2>&1 || die "python3 was not found: install Python 3.8 or newer (it only fetches wheels)"
  said=$(python3 -V 2>&1) || die "python3 does not work ($(brief "$said")): install Python 3.8 or newer (it only fetches wheels)"
  python3 -c 'import sys; sys.version_info >= (3, 8) or sys.exit(8); import zlib, zipfile' >/dev/null 2>&1 || case $? in
    8) die "$(brief "$said") is too old: install Python 3.8 or newer (it only fetches wheels)" ;;
    *) die "$(brief "$said") cannot unpack wheels, for it lacks zlib: install another Python 3.8 or newer" ;;
  esac
  python3 -m pip --version >/dev/null 2>&1 || die "python3 has no pip: install it (Debian: apt-get install python3-pip)"
}

# why_pip LOG: what went wrong, and what to do.
why_pip() {
  case "$1" in
    *"No space left"* | *"Errno 28]"* | *"Disk quota"*) echo "the disk is full: free some, or set PINFOLD_CACHE to a folder with room" ;;
    *CERTIFICATE_VERIFY* | *SSLError*) echo "the package index is not trusted (TLS): PIP_CERT may name your site's certificates" ;;
    *"no such option"* | *"is not a supported wheel"*) echo "this pip is too old: python3 -m pip install --upgrade pip" ;;
    *NewConnectionError* | *ProxyError* | *ConnectTimeout* | *ReadTimeout* | *"timed out"* | *"Connection broken"* | *"Connection reset"* | *RemoteDisconnected*)
      echo "the package index cannot be reached: is there a network? (PIP_INDEX_URL names another index, HTTPS_PROXY a proxy)" ;;
    *"No matching distribution"*) echo "the package index has no such wheel: does 'python3 -m pip config list' name another index? is pip older than 20.3?" ;;
    *) echo "pip says: $(brief "$(printf '%s\n' "$1" | grep -iE 'error' || printf '%s\n' "$1")")" ;;
  esac
}

# fetch MARK MiB-needed WHAT REQUIREMENT...: wheels into a scratch folder, each file of theirs moved to its place when it
# is whole, then MARK, which lists them with their sizes.
fetch() {
  local mark=$1 mib=$2 what=$3 free log; shift 3
  need_python
  mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || die "cannot write to $cache: set PINFOLD_CACHE to a folder that you own"
  free=$(df -Pm "$cache" | awk 'NR==2 {print $4}')
  [ "$free" -ge "$mib" ] || die "$cache has $free MiB free and $mib MiB are needed: free some, or set PINFOLD_CACHE to a folder with room"
  # Two clones may be set up at once; the second waits and then finds everything there.
  if command -v flock >/dev/null 2>&1 && { exec 9>"$cache/.lock"; } 2>/dev/null; then
    flock -n 9 2>/dev/null || { say "waiting for another set-up that is fetching into $cache"; flock 9 || true; }
    if whole "$mark"; then return; fi
  fi
  say "fetching $what, into $cache"
  local scratch=$cache/.wheels
  rm -rf "$scratch" "$cache/$mark"
  # Expanded now: the locals are gone when it runs.
  # shellcheck disable=SC2064
  trap "rm -rf '${scratch//\'/\'\\\'\'}'" EXIT
  mkdir -p "$scratch/tmp" 2>/dev/null || die "cannot write to $cache: the disk is full, or it is not yours; set PINFOLD_CACHE to a folder with room"
  log=$(TMPDIR=$scratch/tmp python3 -m pip --disable-pip-version-check download --quiet --no-deps --no-cache-dir --only-binary=:all: \
    --python-version 3.11 --implementation cp --abi cp311 --abi none \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux_2_25_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
    --dest "$scratch" "$@" 2>&1) || die "could not fetch ${what%%:*}: $(why_pip "$log")"
  log=$(python3 - "$cache" "$mark" 2>&1 <<'PY'
import os, sys, zipfile
into, mark = sys.argv[1:3]
scratch = os.path.join(into, ".wheels")
def wanted(name):
    if name.endswith("/") or "libtorch_python" in name:
        return False
    if name.startswith("nvidia/"):
        return ".so" in name
    return name.startswith(("torch/lib/", "torch/include/")) or name == "torch/version.py"
try:
    listed = []
    for wheel in sorted(w for w in os.listdir(scratch) if w.endswith(".whl")):
        with zipfile.ZipFile(os.path.join(scratch, wheel)) as z:
            for entry in z.infolist():
                if not wanted(entry.filename):
                    continue
                to = os.path.join(into, entry.filename)
                os.makedirs(os.path.dirname(to), exist_ok=True)
                os.replace(z.extract(entry, os.path.join(scratch, "tmp")), to)
                listed.append(f"{entry.file_size} {entry.filename}\n")
    part = os.path.join(scratch, "mark")
    with open(part, "w") as f:
        f.writelines(listed)
    os.replace(part, os.path.join(into, mark))
except zipfile.BadZipFile as e:
    sys.exit(f"a wheel arrived damaged ({wheel}: {e}): try again")
except OSError as e:
    sys.exit(f"{e.strerror}: free some space there, or set PINFOLD_CACHE to a folder with room")
PY
  ) || die "could not unpack ${what%%:*} into $cache: $(brief "$log")"
  rm -rf "$scratch"
}

# whole MARK: the mark stands, and so does all that it lists. (A mark of an older set-up is empty.)
whole() {
  [ -f "$cache/$1" ] || return 1
  [ -s "$cache/$1" ] || return 0
  local due; due=$(cat "$cache/$1")
  [ "$(cd "$cache" && printf '%s\n' "$due" | sed 's/^[0-9]* //' | tr '\n' '\0' | xargs -0 stat -c '%s %n' 2>/dev/null)" = "$due" ]
}

# broken FOLDER: says what a `torch` folder lacks; quiet when it has all that a build needs.
broken() {
  local need
  for need in lib/libtorch_cpu.so lib/libc10.so include/torch/csrc/api/include/torch/torch.h; do
    [ -s "$1/$need" ] || { echo "$1/$need does not exist"; return; }
  done
}

# --- which PyTorch
own=${TORCH:-${LIBTORCH:-}}
variable=TORCH; [ -n "${TORCH:-}" ] || variable=LIBTORCH
made_from=$(cat $links/.made-from 2>/dev/null || true)
made_from=${made_from% "$version"}
if [ -n "$own" ] && [ "$(cd "$own" 2>/dev/null && pwd -P)" != "$(cd $links 2>/dev/null && pwd -P || echo none)" ]; then
  # The folder of links of another clone stands for what it leads to.
  if [ -f "$own/.made-from" ] && [ -f "$own/real-lib" ]; then own=$(dirname "$(cat "$own/real-lib")"); fi
  lacks=$(broken "$own")
  [ -z "$lacks" ] || die "$lacks: $variable must name the 'torch' folder of PyTorch $version, the one with lib/ and include/"
  found=$(cat "$own/build-version" 2>/dev/null || sed -n "s/^__version__ = '\([0-9.]*\).*/\1/p" "$own/version.py" 2>/dev/null || true)
  case "$found" in "$version" | "$version+"*) ;; *) die "$own is PyTorch ${found:-of unknown version} and pinfold needs $version: let $variable name another, or leave it out to fetch one" ;; esac
  root=$(cd "$own" && pwd -P)
elif [ -n "$made_from" ] && [ "$made_from" != "$cache/torch" ] && [ -z "$(broken "$made_from")" ]; then
  root=$made_from   # what TORCH named in an earlier set-up
else
  root=$cache/torch
fi

if [ "$root" = "$cache/torch" ] && { ! whole .cpu-complete || [ -n "$(broken "$root")" ]; }; then
  rm -f "$cache/.cpu-complete"
  fetch .cpu-complete 2600 "libtorch $version: 3 wheels, 545 MB to fetch, 1.4 GB on disk" \
    torch==$version nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85
  lacks=$(broken "$root"); [ -z "$lacks" ] || die "the wheels that were fetched are not PyTorch $version ($lacks): does 'python3 -m pip config list' name another index?"
fi
if [ $want_gpu = yes ]; then
  [ "$root" = "$cache/torch" ] || die "with your own PyTorch the CUDA libraries are its own: there is nothing to fetch"
  whole .gpu-complete || fetch .gpu-complete 7000 "the CUDA companions of libtorch: about 2 GB to fetch, 3.5 GB on disk" \
    nvidia-cublas==13.1.0.3 nvidia-cuda-nvrtc==13.0.88 nvidia-cudnn-cu13==9.19.0.56 nvidia-cufft==12.0.0.61 \
    nvidia-cufile==1.15.1.6 nvidia-curand==10.4.0.35 nvidia-cusolver==12.0.4.66 nvidia-cusparse==12.6.3.3 nvidia-cusparselt-cu13==0.8.0 \
    nvidia-nccl-cu13==2.28.9 nvidia-nvjitlink==13.0.88 nvidia-nvshmem-cu13==3.4.5 nvidia-nvtx==13.0.85
fi

# The folder of links: CPU libraries only, so that the program links and starts without CUDA. The real
# folder, from which the program runs and loads CUDA when there is a GPU, is written beside them.
make_links() {
  local to=$links.part
  rm -rf $to && mkdir -p $to/lib &&
    ln -s "$root/include" $to/include &&
    ln -s "$root/lib/libtorch_cpu.so" $to/lib/libtorch_cpu.so &&
    ln -s "$root/lib/libtorch_cpu.so" $to/lib/libtorch.so &&
    ln -s "$root/lib/libc10.so" $to/lib/libc10.so &&
    { [ ! -e "$root/lib/libgomp.so.1" ] || ln -s "$root/lib/libgomp.so.1" $to/lib/libgomp.so; } &&
    echo "$version" > $to/build-version &&
    printf '%s' "$root/lib" > $to/real-lib &&
    printf '%s' "$root $version" > $to/.made-from &&
    rm -rf $links && mv $to $links
}
if [ "$made_from" != "$root" ] || [ -n "$(broken $links)" ]; then
  # shellcheck disable=SC2086
  said=$($cxx -std=c++17 -fsyntax-only -x c++ - 2>&1 < <(printf '#include <string>\nint main() { return 0; }\n')) \
    || die "the C++ compiler ($cxx) does not work ($(brief "$said")): install one for C++17 (Debian: apt-get install g++)"
  said=$(make_links 2>&1) || die "could not make $PWD/$links ($(brief "$said")): is the disk full, or the folder not yours?"
  say "libtorch $version ready: $links -> $root"
fi
