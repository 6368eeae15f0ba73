"""Small feature-barcode matrices as h5py writes them, sound and faulty, for tests/dataset_tenx.rs. Needs h5py, numpy."""
import json
import pathlib
import sys

import h5py
import numpy as np

OUT = pathlib.Path(__file__).parent / "tenx"
rng = np.random.RandomState(5)
BARCODES = ["".join("ACGT"[(i >> (2 * k)) & 3] for k in range(16)) + "-1" for i in (7, 91, 1203, 40000, 65537, 300001)]
IDS = [f"ENSG{i:011d}" for i in range(9)]
NAMES = ["ALB", "TBCE", "GGT1", "TBCE", "MT-ND1", "HBB", "GLUL", "CD3", "APOE"]
KINDS = ["Gene Expression"] * 7 + ["Antibody Capture", "Gene Expression"]
COUNTS = rng.poisson(0.8, (6, 9))  # barcodes x features
COUNTS[3] = 0


def csr(m):
    indptr, indices, data = [0], [], []
    for row in m:
        for j in np.flatnonzero(row):
            indices.append(j)
            data.append(row[j])
        indptr.append(len(indices))
    return np.array(indptr, "i8"), np.array(indices, "i8"), np.array(data)


def write(name, libver="earliest", strings="fixed", data_type="i4", packed=True, change=None):
    with h5py.File(OUT / name, "w", libver=libver) as f:
        def text(g, key, values):
            if strings == "fixed":
                g.create_dataset(key, data=np.array(values, "S"), **pack)
            else:
                g.create_dataset(key, data=values, dtype=h5py.string_dtype("utf-8"))
        pack = dict(compression="gzip", chunks=True, shuffle=True) if packed else {}
        f.attrs["filetype"] = "matrix"
        g = f.create_group("matrix")
        indptr, indices, data = csr(COUNTS)
        parts = {"indptr": indptr, "indices": indices, "data": data.astype(data_type), "shape": np.array([9, 6], "i4")}
        if change:
            change(parts)
        for key, value in parts.items():
            g.create_dataset(key, data=value, **(pack if len(value) > 4 else {}))
        text(g, "barcodes", BARCODES)
        fg = g.create_group("features")
        text(fg, "id", IDS)
        text(fg, "name", NAMES)
        text(fg, "feature_type", KINDS)
        text(fg, "genome", ["GRCh38"] * 9)
        text(fg, "_all_tag_keys", ["genome"])


write("space_ranger.h5")
write("reexport.h5", libver="latest", strings="vlen", data_type="f4", packed=False)


def backwards(p):  # entries of the first barcode in falling order
    n = p["indptr"][1]
    p["indices"][:n] = p["indices"][:n][::-1].copy()
    p["data"][:n] = p["data"][:n][::-1].copy()


def transposed(p):
    indptr, indices, data = csr(COUNTS.T)
    p.update(indptr=indptr, indices=indices, data=data.astype("i4"), shape=np.array([6, 9], "i4"))


def fraction(p):
    p["data"] = p["data"].astype("f4")
    p["data"][2] = 1.5


def negative(p):
    p["data"][2] = -1


def foreign(p):
    p["indices"][1] = 9


def twice(p):
    p["indices"][1] = p["indices"][0]


def falling(p):
    p["indptr"][2], p["indptr"][3] = p["indptr"][3], p["indptr"][2]


def short(p):
    p["shape"] = np.array([8, 6], "i4")


write("unsorted.h5", change=backwards, packed=False)
for code, change in [("V12", transposed), ("G18", fraction), ("G17", negative), ("V14", foreign), ("V15", twice), ("V13", falling), ("V16", short)]:
    write(f"bad_{code}.h5", change=change, packed=False)
with h5py.File(OUT / "bad_V11_cellranger2.h5", "w") as f:
    g = f.create_group("GRCh38")
    g["gene_names"] = np.array(NAMES, "S")
    g["genes"] = np.array(IDS, "S")
with h5py.File(OUT / "bad_V11_molecules.h5", "w") as f:
    f["barcode_idx"] = np.arange(3)
    f["umi"] = np.arange(3)
(OUT / "expected.json").write_text(json.dumps({"made_by": f"make_tenx_h5.py, h5py {h5py.__version__}, HDF5 {h5py.version.hdf5_version}", "numpy": np.__version__,
                                               "python": sys.version.split()[0], "barcodes": BARCODES, "ids": IDS, "symbols": NAMES, "kinds": KINDS, "counts": COUNTS.tolist()}) + "\n")
