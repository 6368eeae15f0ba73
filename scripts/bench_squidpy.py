#!/usr/bin/env python3
"""Moran's I of many genes with permutations: pinfold beside squidpy on the same table, spots and number of cores.

    PYTHON_WITH_SQUIDPY scripts/bench_squidpy.py --pinfold target/release/pinfold [--genes 300] [--permutations 999] [--jobs 2]

Spots lie as on Visium slide 3 of GSE240429 (2,277 of them; here a full lattice of that size). pinfold's time is that of the whole program, reading the table
included; squidpy's is that of spatial_autocorr alone, after one small call to compile its kernels. Both find the same I, which is checked.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time

import anndata
import numpy as np
import squidpy
from scipy.sparse import csr_matrix

p = argparse.ArgumentParser()
p.add_argument("--pinfold", required=True)
p.add_argument("--genes", type=int, default=300)
p.add_argument("--permutations", type=int, default=999)
p.add_argument("--jobs", type=int, default=2)
a = p.parse_args()
spots = [(r, c) for r in range(46) for c in range(r % 2, 100, 2)][:2277]
at = {place: i for i, place in enumerate(spots)}
rows = np.random.RandomState(1)
x = np.array([[np.sin(r / 9 + g) + np.cos(c / 17) for g in range(a.genes)] for r, c in spots]) + rows.randn(len(spots), a.genes)
x = x.astype(np.float64)
steps = [(0, 2), (0, -2), (1, 1), (1, -1), (-1, 1), (-1, -1)]
i, j = zip(*[(n, at[(r + dr, c + dc)]) for n, (r, c) in enumerate(spots) for dr, dc in steps if (r + dr, c + dc) in at])
data = anndata.AnnData(x)
data.var_names = [f"G{g}" for g in range(a.genes)]
data.obsp["spatial_connectivities"] = csr_matrix((np.ones(len(i)), (i, j)), shape=(len(spots),) * 2)
kwargs = {"mode": "moran", "transformation": True, "seed": 1, "n_jobs": a.jobs, "show_progress_bar": False}
squidpy.gr.spatial_autocorr(data[:, :4].copy(), n_perms=3, **kwargs)
began = time.perf_counter()
squidpy.gr.spatial_autocorr(data, n_perms=a.permutations, **kwargs)
theirs = time.perf_counter() - began
found = data.uns["moranI"]["I"]
with tempfile.TemporaryDirectory() as folder:
    table = os.path.join(folder, "t.csv")
    with open(table, "w") as f:
        f.write("spot,row,col," + ",".join(data.var_names) + "\n")
        for n, (r, c) in enumerate(spots):
            f.write(f"s{n},{r},{c}," + ",".join(repr(float(v)) for v in x[n]) + "\n")
    command = [a.pinfold, "calc", "moran", "--table", table, "--x", "col", "--y", "row", "--weights", "hex", "--row-standardise"]
    command += ["--permutations", str(a.permutations), "--seed", "1", "--json"]
    began = time.perf_counter()
    out = subprocess.run(command, check=True, capture_output=True, env={**os.environ, "RAYON_NUM_THREADS": str(a.jobs)})
    ours = time.perf_counter() - began
genes = json.loads(out.stdout)["genes"]
worst = max(abs(genes[g]["I"] - found[g]) for g in data.var_names)
print(f"{len(spots)} spots, {a.genes} genes, {a.permutations} permutations, {a.jobs} cores: squidpy {squidpy.__version__} {theirs:.1f} s, pinfold {ours:.1f} s, "
      f"{theirs / ours:.1f} x; largest difference of I {worst:.1e}")
assert worst < 1e-6
