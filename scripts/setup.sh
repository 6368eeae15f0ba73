#!/usr/bin/env bash
# Fetches libtorch (the CPU side of PyTorch 2.11) and makes .libtorch/, the folder of links that the build uses.
#
#   scripts/setup.sh            CPU libraries (about 545 MB, once per user, kept in the cache folder)
#   scripts/setup.sh --gpu      the CUDA companions too (about 2.6 GB more)
#   TORCH=/path scripts/setup.sh   use a PyTorch 2.11 that is already on this machine: its `torch` folder
#                                  (the one that holds lib/ and include/); LIBTORCH does the same
#
# Quick when nothing is left to do. Every failure is one line that says what to install.
set -euo pipefail
cd "$(dirname "$0")/.."

version=2.11.0
links=.libtorch
cache=${PINFOLD_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/pinfold}/libtorch-$version
want_gpu=no
[ "${1:-}" = "--gpu" ] && want_gpu=yes

say() { printf 'setup: %s\n' "$*" >&2; }
die() { printf 'setup: %s\n' "$*" >&2; exit 4; }

[ "$(uname -s)-$(uname -m)" = "Linux-x86_64" ] || die "libtorch for $(uname -s) $(uname -m) is not supported; build with 'cargo build --no-default-features' to audit, report and browse"
command -v cargo >/dev/null 2>&1 || die "cargo was not found: install Rust 1.90 or newer (https://rustup.rs)"
command -v make  >/dev/null 2>&1 || die "make was not found: install it (Debian: apt-get install make)"
cxx=${CXX:-c++}
command -v "$cxx" >/dev/null 2>&1 || die "no C++ compiler ($cxx): install one (Debian: apt-get install g++)"

# A PyTorch that is already here.
own=${TORCH:-${LIBTORCH:-}}
if [ -n "$own" ] && [ "$(cd "$own" 2>/dev/null && pwd -P)" != "$(cd $links 2>/dev/null && pwd -P || echo none)" ]; then
  [ -f "$own/lib/libtorch_cpu.so" ] || die "$own/lib/libtorch_cpu.so does not exist: TORCH must name the 'torch' folder of PyTorch $version"
  [ -d "$own/include" ] || die "$own/include does not exist: this PyTorch came without headers"
  found=$(cat "$own/build-version" 2>/dev/null || sed -n "s/^__version__ = '\([0-9.]*\).*/\1/p" "$own/version.py" 2>/dev/null || true)
  case "$found" in "$version"*) ;; *) die "$own is PyTorch ${found:-of unknown version}; pinfold needs $version" ;; esac
  root=$(cd "$own" && pwd -P)
else
  root=$cache/torch
fi

need_python() {
  command -v python3 >/dev/null 2>&1 || die "python3 was not found: install Python 3.8 or newer (it only fetches wheels)"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 8))' || die "python3 is $(python3 -V 2>&1): 3.8 or newer is needed (it only fetches wheels)"
  python3 -m pip --version >/dev/null 2>&1 || die "python3 has no pip: install it (Debian: apt-get install python3-pip)"
}

# fetch DIR MiB-needed REQUIREMENT...: wheels into a scratch folder, unpacked into DIR, then a mark.
fetch() {
  local into=$1 mib=$2; shift 2
  need_python
  mkdir -p "$into" 2>/dev/null || die "cannot write to $into: set PINFOLD_CACHE to a folder that you own"
  local free; free=$(df -Pm "$into" | awk 'NR==2 {print $4}')
  [ "$free" -ge "$mib" ] || die "$into has $free MiB free and $mib MiB are needed: free some, or set PINFOLD_CACHE"
  local wheels=$into/.wheels; rm -rf "$wheels"; mkdir -p "$wheels"
  python3 -m pip --disable-pip-version-check download --quiet --no-deps --no-cache-dir --only-binary=:all: \
    --python-version 3.11 --implementation cp --abi cp311 --abi none \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux_2_25_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
    --dest "$wheels" "$@" >"$into/.pip.log" 2>&1 \
    || die "pip could not fetch $*: $(grep -m1 -iE 'error|refused|timed out|resolve' "$into/.pip.log" | cut -c1-160) (is there a network? full log: $into/.pip.log)"
  python3 - "$into" "$wheels" <<'PY' || die "could not unpack the wheels into $into (disk full?)"
import os, sys, zipfile
into, wheels = sys.argv[1:3]
def wanted(name):
    if name.startswith("nvidia/"):
        return ".so" in name
    return name.startswith(("torch/lib/", "torch/include/")) or name == "torch/version.py"
for wheel in sorted(os.listdir(wheels)):
    with zipfile.ZipFile(os.path.join(wheels, wheel)) as z:
        for name in z.namelist():
            if wanted(name) and "libtorch_python" not in name:
                z.extract(name, into)
PY
  rm -rf "$wheels"
}

if [ "$root" = "$cache/torch" ] && [ ! -f "$cache/.cpu-complete" ]; then
  say "fetching libtorch $version: 3 wheels, 545 MB to fetch, 1.4 GB on disk, into $cache"
  fetch "$cache" 2600 torch==$version nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85
  echo "$version" > "$cache/torch/build-version"
  touch "$cache/.cpu-complete"
fi
if [ $want_gpu = yes ]; then
  [ "$root" = "$cache/torch" ] || die "with your own PyTorch the CUDA libraries are its own; nothing to fetch"
  if [ ! -f "$cache/.gpu-complete" ]; then
    say "fetching the CUDA companions of libtorch: about 2 GB to fetch, 3.5 GB on disk, into $cache"
    fetch "$cache" 7000 nvidia-cublas==13.1.0.3 nvidia-cuda-nvrtc==13.0.88 nvidia-cudnn-cu13==9.19.0.56 nvidia-cufft==12.0.0.61 \
      nvidia-cufile==1.15.1.6 nvidia-curand==10.4.0.35 nvidia-cusolver==12.0.4.66 nvidia-cusparse==12.6.3.3 nvidia-cusparselt-cu13==0.8.0 \
      nvidia-nccl-cu13==2.28.9 nvidia-nvjitlink==13.0.88 nvidia-nvshmem-cu13==3.4.5 nvidia-nvtx==13.0.85
    touch "$cache/.gpu-complete"
  fi
fi

# The folder of links: CPU libraries only, so that the program links and starts without CUDA. The real
# folder, from which the program runs and loads CUDA when there is a GPU, is written beside them.
mark="$root $version"
if [ "$(cat $links/.made-from 2>/dev/null || true)" != "$mark" ]; then
  rm -rf $links
  mkdir -p $links/lib
  ln -s "$root/include" $links/include
  ln -s "$root/lib/libtorch_cpu.so" $links/lib/libtorch_cpu.so
  ln -s "$root/lib/libtorch_cpu.so" $links/lib/libtorch.so
  ln -s "$root/lib/libc10.so" $links/lib/libc10.so
  [ -e "$root/lib/libgomp.so.1" ] && ln -s "$root/lib/libgomp.so.1" $links/lib/libgomp.so
  echo "$version" > $links/build-version
  printf '%s' "$root/lib" > $links/real-lib
  printf '%s' "$mark" > $links/.made-from
  say "libtorch $version ready: .libtorch -> $root"
fi
