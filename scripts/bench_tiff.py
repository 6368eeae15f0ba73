"""Cuts the same patches out of one large TIFF with pinfold, OpenCV and tifffile, each in a process of its own, and prints
time, peak memory and ratios.

    python3 scripts/bench_tiff.py --pinfold target/release/pinfold [--width 24000 --height 23000] [--layouts plain,lzw,…]

Needs numpy, opencv-python(-headless), tifffile, imagecodecs. The image is made once a layout in a scratch folder
(--scratch, 0.1 to 1.7 GB each) and removed afterwards. Every program's patches are compared: equal for lossless
layouts, within the tolerance printed for JPEG.
"""
import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

SIZE = 224
LAYOUTS = {
    "plain": dict(compression=None, rowsperstrip=64),
    "one-strip": dict(compression=None, rowsperstrip=1 << 30),
    "lzw": dict(compression="lzw", rowsperstrip=64, predictor=2),
    "deflate-tiles": dict(compression="deflate", tile=(256, 256), predictor=2),
    "jpeg-tiles": dict(compression="jpeg", tile=(512, 512), compressionargs={"level": 85, "outcolorspace": "rgb"}),
}


def centres(width, height):
    """2,300 places of a Visium lattice, 328.8 pixels apart, round the middle."""
    out = [(x, y) for r in range(55) for c in range(42) for x, y in [(int(600 + (c + r % 2 / 2) * (width - 1200) / 42), int(400 + r * (height - 800) / 54))]]
    return out[:2300]


def cut_all(image, places):
    import numpy as np
    half = SIZE // 2
    return np.stack([image[y - half:y + half, x - half:x + half] for x, y in places])


def child(kind, image, table, out):
    """Cuts with OpenCV or tifffile and writes the bytes of all patches."""
    places = [tuple(map(int, line.split(","))) for line in open(table).read().split()[1:]]
    start = time.perf_counter()
    if kind == "opencv":
        os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(1 << 40)
        import cv2
        start = time.perf_counter()
        patches = cut_all(cv2.imread(image)[..., ::-1], places)
    elif kind == "tifffile":
        import tifffile
        start = time.perf_counter()
        patches = cut_all(tifffile.imread(image), places)
    else:  # tifffile with zarr-like access by memory map, where the file allows it
        import tifffile
        start = time.perf_counter()
        patches = cut_all(tifffile.memmap(image, mode="r"), places)
    with open(out, "wb") as f:
        f.write(patches.tobytes())
    print(json.dumps({"seconds": time.perf_counter() - start}))


def measured(command):
    """Seconds of wall time, seconds that the child itself reports, and peak memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        return None, err.strip().splitlines()[-1:] or [str(status)]
    inner = json.loads(out)["seconds"] if out.startswith("{") else time.perf_counter() - start
    return {"wall": time.perf_counter() - start, "inner": inner, "peak_mb": usage.ru_maxrss / 1024}, None


def make(path, width, height, layout):
    import numpy as np
    import tifffile
    rng = np.random.default_rng(7)
    # Tissue-like: smooth colour with a little noise, made once and repeated, so that compression has something to do.
    tile = 512
    y, x = np.mgrid[0:tile, 0:tile]
    base = 200 + 40 * np.sin(x / 37.0) * np.cos(y / 53.0)
    block = np.stack([base, base * 0.7, base * 0.9], -1) + rng.normal(0, 4, (tile, tile, 3))
    block = np.clip(block, 0, 255).astype(np.uint8)
    image = np.tile(block, (height // tile + 1, width // tile + 1, 1))[:height, :width]
    tifffile.imwrite(path, np.ascontiguousarray(image), photometric="rgb", metadata=None, **layout)


def compare(ours, theirs, patches):
    """The largest difference of two files' last bytes, which are all patches."""
    import numpy as np
    n = patches * SIZE * SIZE * 3
    a, b = (np.memmap(p, np.uint8, "r")[-n:] for p in (ours, theirs))
    print(max(int(np.abs(a[i:i + (1 << 24)].astype(np.int16) - b[i:i + (1 << 24)]).max()) for i in range(0, n, 1 << 24)))


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--pinfold", default="target/release/pinfold")
    p.add_argument("--width", type=int, default=24000)
    p.add_argument("--height", type=int, default=23000)
    p.add_argument("--layouts", default=",".join(LAYOUTS))
    p.add_argument("--scratch", default=None)
    p.add_argument("--out", default=None)
    a = p.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(dir=a.scratch) as scratch:
        scratch = pathlib.Path(scratch)
        table = scratch / "centres.csv"
        places = centres(a.width, a.height)
        table.write_text("x,y\n" + "".join(f"{x},{y}\n" for x, y in places))
        for name in a.layouts.split(","):
            image = scratch / f"{name}.tif"
            subprocess.run([sys.executable, __file__, "--make", str(image), str(a.width), str(a.height), name], check=True)
            size = image.stat().st_size
            # Every program finds the file in the cache. This process stays small: a child's peak starts at its parent's size.
            subprocess.run(["cat", str(image)], stdout=subprocess.DEVNULL, check=True)
            for kind in ("pinfold", "opencv", "tifffile"):
                out = scratch / f"{kind}.bin"
                if kind == "pinfold":
                    command = [a.pinfold, "calc", "patches", str(image), "--centres", str(table), "--size", str(SIZE), "--out", str(out)]
                else:
                    command = [sys.executable, __file__, "--child", kind, str(image), str(table), str(out)]
                found, problem = measured(command)
                if problem:
                    print(f"{name:14} {kind:9} failed: {problem[0]}")
                    continue
                worst = 0
                if kind == "pinfold":
                    ours = found
                else:
                    command = [sys.executable, __file__, "--compare", str(scratch / "pinfold.bin"), str(out), str(len(places))]
                    worst = int(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
                rows.append({"layout": name, "file_mb": size / 1e6, "program": kind, "worst_difference": worst, **found})
                print(f"{name:14} {size / 1e6:7.0f} MB  {kind:9} {found['inner']:7.2f} s  {found['peak_mb']:7.0f} MB"
                      + ("" if kind == "pinfold" else f"   pinfold: {found['inner'] / ours['inner']:5.2f} x as fast, {found['peak_mb'] / ours['peak_mb']:5.1f} x less memory, difference {worst}"), flush=True)
            image.unlink()
    if a.out:
        pathlib.Path(a.out).write_text(json.dumps({"width": a.width, "height": a.height, "patches": len(places), "rows": rows,
                                                   "maxrss_unit": "MB", "cores": os.cpu_count(), "self_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    elif sys.argv[1:2] == ["--compare"]:
        compare(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    elif sys.argv[1:2] == ["--make"]:
        make(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), LAYOUTS[sys.argv[5]])
    else:
        main()
