#!/usr/bin/env python3
"""A rehearsal of GSE240429: its real positions, barcodes and genes beside made-up images and matrices of the real size.

    scripts/rehearse_liver.py REAL OUT [--slides 1,2,3,4]

REAL is a folder with the published positions, barcodes, features and hvg_union.npy (gse240429); OUT gets a gse240429 folder in which
everything lies where a download would: PINFOLD_DATA=OUT pinfold run liver-effb0-8020-random goes through all of it. Images are
BigTIFF (tiles of 512, Deflate), about 23,000 x 23,000 pixels, made tile by tile. Nothing here is liver: stains follow a few smooth fields, half of the
genes follow the same fields, the rest is noise. With numpy alone; a minute or two a slide on one core.
"""

import argparse
import os
import shutil
import struct
import sys
import zlib

import numpy as np

CHIPS = {1: ("GSM7697868", "A1"), 2: ("GSM7697869", "B1"), 3: ("GSM7697870", "C1"), 4: ("GSM7697871", "D1")}
TILE = 512


def fields(slide, x, y):
    """Three smooth fields in -1..1 at pixel coordinates."""
    r = np.random.RandomState(slide)
    waves = r.uniform(0.5, 3.0, (3, 2)) / 8000.0
    phase = r.uniform(0, 2 * np.pi, 3)
    return np.stack([np.sin(2 * np.pi * (waves[k, 0] * x + waves[k, 1] * y) + phase[k]) for k in range(3)], -1)


def tile_pixels(slide, row, col, grain):
    """One tile: a pink and violet ground, nuclei as dark grains, as dense as the first field says."""
    y, x = np.mgrid[row * TILE : (row + 1) * TILE : 32, col * TILE : (col + 1) * TILE : 32]
    f = np.repeat(np.repeat(fields(slide, x, y), 32, 0), 32, 1)
    ground = np.array([214.0, 160.0, 200.0]) + f @ np.array([[-16.0, -8.0, -4.0], [6.0, -18.0, 8.0], [0.0, 10.0, -14.0]])
    nuclei = (np.roll(grain, (row * 37 % TILE, col * 53 % TILE), (0, 1)) < 0.12 + 0.08 * f[..., 0])[..., None]
    return np.clip(np.where(nuclei, ground * [0.45, 0.35, 0.65], ground), 0, 255).astype(np.uint8)


def write_bigtiff(path, slide, height, width):
    """A tiled, Deflate-compressed RGB BigTIFF, one tile in memory."""
    r = np.random.RandomState(7)
    coarse = r.rand(TILE // 8, TILE // 8)
    grain = np.repeat(np.repeat(coarse, 8, 0), 8, 1)
    down, across = -(-height // TILE), -(-width // TILE)
    offsets, counts = [], []
    with open(path, "wb") as f:
        f.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0))
        for row in range(down):
            for col in range(across):
                data = zlib.compress(tile_pixels(slide, row, col, grain).tobytes(), 1)
                offsets.append(f.tell())
                counts.append(len(data))
                f.write(data)
            print(f"\r{os.path.basename(path)}: {row + 1} of {down} rows of tiles", end="", file=sys.stderr)
        print(file=sys.stderr)
        f.write(b"\0" * (-f.tell() % 8))
        lists = f.tell()
        f.write(struct.pack(f"<{len(offsets)}Q", *offsets))
        sizes = f.tell()
        f.write(struct.pack(f"<{len(counts)}Q", *counts))
        bits = struct.pack("<HHHH", 8, 8, 8, 0)
        entries = [
            (256, 4, 1, struct.pack("<Q", width)), (257, 4, 1, struct.pack("<Q", height)), (258, 3, 3, bits),
            (259, 3, 1, struct.pack("<Q", 8)), (262, 3, 1, struct.pack("<Q", 2)), (277, 3, 1, struct.pack("<Q", 3)),
            (284, 3, 1, struct.pack("<Q", 1)), (322, 4, 1, struct.pack("<Q", TILE)), (323, 4, 1, struct.pack("<Q", TILE)),
            (324, 16, len(offsets), struct.pack("<Q", lists)), (325, 16, len(counts), struct.pack("<Q", sizes)),
        ]
        directory = f.tell()
        f.write(struct.pack("<Q", len(entries)))
        for tag, kind, count, value in entries:
            f.write(struct.pack("<HHQ", tag, kind, count) + value)
        f.write(struct.pack("<Q", 0))
        f.seek(8)
        f.write(struct.pack("<Q", directory))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("real")
    p.add_argument("out")
    p.add_argument("--slides", default="1,2,3,4")
    a = p.parse_args()
    source = os.path.join(a.real, "gse240429") if os.path.isdir(os.path.join(a.real, "gse240429")) else a.real
    root = os.path.join(a.out, "gse240429")
    tables, places, images = (os.path.join(root, d) for d in ("filtered_expression_matrices", "tissue_pos_matrices", "image"))
    for d in (tables, places, images):
        os.makedirs(d, exist_ok=True)
    matrices = os.path.join(source, "filtered_expression_matrices")
    shutil.copy(os.path.join(matrices, "hvg_union.npy"), tables)
    mask = np.load(os.path.join(tables, "hvg_union.npy"))
    union = np.flatnonzero(mask)
    features = os.path.join(matrices, "1", "features.tsv")
    for slide in [int(s) for s in a.slides.split(",")]:
        positions = os.path.join(source, "tissue_pos_matrices", f"tissue_positions_list_{slide}.csv")
        shutil.copy(positions, places)
        own = os.path.join(tables, str(slide))
        os.makedirs(own, exist_ok=True)
        shutil.copy(os.path.join(matrices, str(slide), "barcodes.tsv"), own)
        shutil.copy(features, own)
        rows = [line.rstrip("\n").split(",") for line in open(positions)]
        place = {r[0]: (int(r[4]), int(r[5])) for r in rows}
        barcodes = open(os.path.join(own, "barcodes.tsv")).read().split()
        yx = np.array([place[b] for b in barcodes], float)
        f = fields(slide, yx[:, 1], yx[:, 0])
        r = np.random.RandomState(100 + slide)
        shared = np.random.RandomState(5)
        loading = shared.randn(3, len(union)) * (shared.rand(len(union)) < 0.5)
        values = f @ loading * 0.5 + r.randn(len(barcodes), len(union)) * 0.6 + 0.3
        np.save(os.path.join(own, "harmony_matrix.npy"), values.T.astype(np.float32))
        counts = r.poisson(np.exp(np.clip(values[:, ::8], -3, 2)))
        spot, gene = np.nonzero(counts)
        with open(os.path.join(own, "matrix.mtx"), "w") as m:
            m.write(f"%%MatrixMarket matrix coordinate integer general\n%\n{len(mask)} {len(barcodes)} {len(spot)}\n")
            m.write("".join(f"{union[g * 8] + 1} {s + 1} {counts[s, g]}\n" for s, g in zip(spot, gene)))
        gsm, chip = CHIPS[slide]
        height, width = int(yx[:, 0].max()) + 600, int(yx[:, 1].max()) + 600
        write_bigtiff(os.path.join(images, f"{gsm}_GEX_C73_{chip}_Merged.tiff"), slide, height, width)
    print(f"PINFOLD_DATA={os.path.abspath(a.out)} pinfold data check gse240429", file=sys.stderr)


if __name__ == "__main__":
    main()
