"""Times stain normalisation of a 2,000 x 2,000 slide: torchstain (torch and numpy backends) and pinfold on the same picture, one after the other.

    /path/to/venv/bin/python scripts/bench_stain.py [--threads 2] [--size 2000] [--repeats 5] [--bench PATH]

Needs numpy, torch, torchstain. `--bench` is the built `benches/stain` executable; without it `cargo bench --bench stain` builds and runs it.
Prints seconds (median: fit of the picture, then normalisation to a fit made before), peak memory of each process, and their ratio.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

PEER = r"""
import json, resource, statistics, sys, time
import numpy as np, torch
path, size, repeats, threads, backend = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
torch.set_num_threads(threads)
image = np.fromfile(path, np.uint8).reshape(size, size, 3)
if backend == "torch":
    from torchstain.torch.normalizers.macenko import TorchMacenkoNormalizer as N
    given = torch.from_numpy(image).permute(2, 0, 1)
    run = lambda n: n.normalize(given, stains=False)
elif backend == "numpy":
    from torchstain.numpy.normalizers.macenko import NumpyMacenkoNormalizer as N
    given = image
    run = lambda n: n.normalize(given, stains=False)
else:
    from torchstain.numpy.normalizers.reinhard import NumpyReinhardNormalizer as N
    given = image
    run = lambda n: n.normalize(given)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
n = N(); n.fit(given)
seconds = []
for _ in range(repeats):
    start = time.perf_counter(); run(n); seconds.append(time.perf_counter() - start)
print(json.dumps({"seconds": statistics.median(seconds), "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "imported_mib": before}))
"""


def slide(size):
    """A tissue-like picture: two stains on smooth fields with noise, and a white margin."""
    import numpy as np

    r = np.random.RandomState(7)
    y, x = np.mgrid[0:size, 0:size] / size
    a = np.clip(0.6 + 0.5 * np.sin(37 * x + 11 * y) + 0.3 * r.standard_normal((size, size)), 0, None)
    b = np.clip(0.5 + 0.4 * np.cos(23 * y - 9 * x) + 0.3 * r.standard_normal((size, size)), 0, None)
    tissue = ((x - 0.5) / 0.45) ** 2 + ((y - 0.5) / 0.42) ** 2 < 1
    density = np.where(tissue[..., None], a[..., None] * [0.65, 0.70, 0.29] + b[..., None] * [0.07, 0.99, 0.11], 0.02)
    return np.clip(np.rint(240 * np.exp(-density) - 1 + r.randint(-2, 3, (size, size, 1))), 0, 255).astype(np.uint8)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--size", type=int, default=2000)
    p.add_argument("--repeats", type=int, default=5)
    p.add_argument("--bench")
    a = p.parse_args()
    env = dict(os.environ, OMP_NUM_THREADS=str(a.threads), OPENBLAS_NUM_THREADS=str(a.threads), RAYON_NUM_THREADS=str(a.threads))
    with tempfile.NamedTemporaryFile(suffix=".rgb") as f:
        slide(a.size).tofile(f.name)
        peers = {}
        for backend in ("torch", "numpy", "reinhard"):
            out = subprocess.run([sys.executable, "-c", PEER, f.name, str(a.size), str(a.repeats), str(a.threads), backend], env=env, capture_output=True, text=True, check=True)
            peers[backend] = json.loads(out.stdout)
        command = [a.bench] if a.bench else ["cargo", "bench", "-q", "--no-default-features", "--bench", "stain", "--"]
        out = subprocess.run(command + [f.name, str(a.size), str(a.size), str(a.repeats)], env=env, capture_output=True, text=True, check=True)
    ours = {line["what"]: line for line in map(json.loads, out.stdout.splitlines())}
    print(f"{a.size} x {a.size} pixels, {a.threads} threads, median of {a.repeats}; load {os.getloadavg()[0]:.1f}")
    for backend, method in (("torch", "macenko"), ("numpy", "macenko"), ("reinhard", "reinhard")):
        peer, own = peers[backend], ours[method]
        print(
            f"{method:9} torchstain {backend:8} {peer['seconds']:7.3f} s {peer['peak_mib']:6.0f} MiB ({peer['imported_mib']:.0f} before)   "
            f"pinfold {own['seconds']:6.3f} s {own['peak_mib']:5.0f} MiB   {peer['seconds'] / own['seconds']:5.1f} times"
        )
    for what in ("vahadane", "mask"):
        if what in ours:
            print(f"{what:9} pinfold {ours[what]['seconds']:6.3f} s (no peer run)")


if __name__ == "__main__":
    main()
