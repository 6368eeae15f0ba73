"""pinfold beside its Python peers: the same work, the same threads, turn by turn in the same run.

Called by bench_peers.sh. Two processes, one a side, wait for task names on their standard inputs; only one
works at a time, they take turns, and the median of each side's repetitions gives the ratio. Where both must find the
same number (Moran's I, a digest), it is compared, and a difference ends the run with exit code 1.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

# task: (what, unit of a rate, peer tasks: name -> what)
TASKS = {
    "decode": ("decode a JPEG of 4096 x 4096", "Mpx", {"decode_opencv": "OpenCV", "decode_pil": "Pillow"}),
    "decode_crop": ("decode it and crop 484 patches of 224 px", "patches", {"decode_crop_opencv": "OpenCV", "decode_crop_pil": "Pillow"}),
    "augment": ("augment (mpa) and normalise a patch, one thread", "patches", {"augment": "albumentations"}),
    "load": ("a training epoch's loading: read, augment, normalise, batch", "patches", {"load_png": "DataLoader, PNG patches, as published", "load_mmap": "DataLoader, memory-mapped array"}),
    "moran": ("Moran's I, z and p: 800 genes, 2,000 spots, knn 6", "genes", {"moran": "esda"}),
    "sha256": ("SHA-256 of 256 MB", "MB", {"sha256": "hashlib (OpenSSL)"}),
    "train_64": ("EfficientNet-B0 training step, batch 32 at 64 px, 250 genes", "images", {"train_64": "PyTorch", "train_64_cl": "PyTorch, channels-last"}),
    "epoch_b0": ("a training of EfficientNet-B0: 2 epochs of 352 patches of 64 px, loading to checkpoint", "images", {"epoch_b0": "PyTorch script", "epoch_b0_cl": "PyTorch script, channels-last"}),
    "epoch_tiny": ("a training of the small network: 2 epochs of 352 patches of 64 px, loading to checkpoint", "images", {"epoch_tiny": "PyTorch script"}),
    "train_mlp": ("HEVisum's network, training step, batch 32 at 78 px, 35 outputs", "images", {"train_mlp": "PyTorch", "train_mlp_cl": "PyTorch, channels-last"}),
    "train_224": ("EfficientNet-B0 training step, batch 32 at 224 px, 250 genes", "images", {"train_224": "PyTorch", "train_224_cl": "PyTorch, channels-last"}),
}
# The instruction set of the `portable` determinism class: what a pinfold worker sets before libtorch is loaded.
PORTABLE = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "COMPATIBLE"}
# What it sets for every class.
PINS = {"OMP_DYNAMIC": "FALSE", "MKL_DYNAMIC": "FALSE", "OMP_WAIT_POLICY": "PASSIVE"}
GOALS = {"train_64": 1.3, "train_224": 1.3, "train_mlp": 1.3, "epoch_b0": 1.3, "epoch_tiny": 1.3, "load": 3, "augment": 3, "moran": 20}
SIDE, BATCH = 224, 32
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def make_work(folder):
    """Writes slide.jpg, work.safetensors and patches/*.png: what both sides read."""
    import cv2
    import numpy as np
    from safetensors.numpy import save_file

    rs = np.random.RandomState(1)
    n = 4096
    y, x = np.mgrid[0:n, 0:n].astype(np.float32)
    stain = 30 * np.sin(x / 37) * np.cos(y / 53) + 18 * np.sin((x + y) / 11)
    dots = np.where((x % 23 - 11) ** 2 + (y % 19 - 9) ** 2 < 20, -70, 0)
    grain = rs.randint(-8, 9, (n, n))
    rgb = np.stack([225 + stain * 0.4 + dots + grain, 170 + stain + dots + grain, 205 + stain * 0.6 + dots * 0.6 + grain], -1)
    rgb = np.clip(rgb, 0, 255).astype(np.uint8)
    cv2.imwrite(os.path.join(folder, "slide.jpg"), rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    grid = np.arange(128, n - 128, 180, dtype=np.float64)
    centres = np.stack(np.meshgrid(grid + 0.3, grid + 0.7), -1).reshape(-1, 2)
    patches = np.stack([rgb[int(cy) - 112:int(cy) + 112, int(cx) - 112:int(cx) + 112] for cx, cy in centres[:384]])
    os.makedirs(os.path.join(folder, "patches"))
    for i, p in enumerate(patches):
        cv2.imwrite(os.path.join(folder, "patches", f"{i:04}.png"), p[..., ::-1])
    np.save(os.path.join(folder, "patches.npy"), patches)
    points = rs.uniform(0, 100, (2000, 2))
    expression = points[:, :1] * (np.arange(800) % 7) * 0.01 + rs.normal(size=(2000, 800))
    # Every third pixel: the same field of view at 64 px would be softer, which changes nothing here.
    patches64 = np.ascontiguousarray(patches[:, 16:208:3, 16:208:3])
    targets = rs.normal(size=(len(patches), 250)).astype(np.float32)
    np.save(os.path.join(folder, "patches64.npy"), patches64)
    np.save(os.path.join(folder, "targets.npy"), targets)
    blob = rs.randint(0, 256, 256_000_000, dtype=np.uint8)
    save_file({"centres": centres, "patches": patches, "points": points, "patches64": patches64, "targets": targets, "expression": expression, "blob": blob}, os.path.join(folder, "work.safetensors"))


# ---------------------------------------------------------------- the Python side

def transform(side=SIDE):
    import albumentations as A
    from albumentations.pytorch import ToTensorV2

    return A.Compose([A.Resize(side, side), A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5), A.Transpose(p=0.5),
                      A.ShiftScaleRotate(shift_limit=0.1, scale_limit=0.1, rotate_limit=30, p=0.5), A.Normalize(mean=MEAN, std=STD, max_pixel_value=255.0), ToTensorV2()])


class Patches:
    """A dataset as the published scripts have it (PNG files), or over a memory-mapped array."""

    def __init__(self, folder, png):
        import numpy as np
        self.names = sorted(os.listdir(os.path.join(folder, "patches")))
        self.folder, self.png, self.transform = os.path.join(folder, "patches"), png, transform()
        self.array = np.load(os.path.join(folder, "patches.npy"), mmap_mode="r")

    def __len__(self):
        return len(self.names)

    def __getitem__(self, i):
        import cv2
        import numpy as np
        cv2.setNumThreads(0)
        image = cv2.imread(os.path.join(self.folder, self.names[i])) if self.png else np.asarray(self.array[i])
        return self.transform(image=image)["image"]


class Spots:
    """Patches and targets in memory-mapped arrays; changed by the transform when learned from."""

    def __init__(self, folder, rows, transform):
        import numpy as np
        self.rows, self.transform = rows, transform
        self.patches = np.load(os.path.join(folder, "patches64.npy"), mmap_mode="r")
        self.targets = np.load(os.path.join(folder, "targets.npy"), mmap_mode="r")

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        import numpy as np
        row = self.rows[i]
        return self.transform(image=np.asarray(self.patches[row]))["image"], np.array(self.targets[row])


def network(name):
    """The networks of pinfold, in PyTorch's words, with the head of the protocols."""
    import torch
    import torchvision
    from torch import nn

    def head(features, hidden):
        return nn.Sequential(nn.Dropout(0.5), nn.Linear(features, hidden), nn.ReLU(), nn.Dropout(0.5), nn.Linear(hidden, 250))
    if "tiny" in name:
        def conv(i, o):
            return [nn.Conv2d(i, o, 3, 2, 1, bias=False), nn.BatchNorm2d(o), nn.SiLU(inplace=True)]
        return nn.Sequential(*conv(3, 8), *conv(8, 16), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head(16, 64))
    net = torchvision.models.efficientnet_b0(weights=None)
    net.classifier = head(1280, 512)
    return net


def multi_scale():
    """HEVisum's network as it is published: a tile and its nine subtiles are two inputs, pools are adaptive."""
    import torch
    from torch import nn

    def pair(i, o, k):
        return [nn.Conv2d(i, o, k, padding=k // 2), nn.BatchNorm2d(o)]

    class Block(nn.Module):
        def __init__(self, i, o):
            super().__init__()
            self.body = nn.Sequential(*pair(i, o, 3), nn.SiLU(), *pair(o, o, 3), nn.SiLU())
            self.shortcut = nn.Identity() if i == o else nn.Sequential(*pair(i, o, 1))

        def forward(self, x):
            return self.body(x) + self.shortcut(x)

    class Encoder(nn.Module):
        def __init__(self, widths, pools, linear):
            super().__init__()
            layers = [*pair(3, widths[0], 3), nn.SiLU(), nn.MaxPool2d(2)]
            for n, (i, o) in enumerate(zip(widths, widths[1:])):
                layers += [Block(i, o), Block(o, o)] + ([nn.MaxPool2d(2)] if n + 2 < len(widths) else [])
            self.body = nn.Sequential(*layers)
            self.pools = nn.ModuleList(nn.AdaptiveAvgPool2d(p) for p in pools)
            self.linear = nn.Sequential(*[m for i, o in zip(linear, linear[1:]) for m in (nn.Dropout(0.1), nn.Linear(i, o), nn.LeakyReLU(0.01))])

        def pooled(self, x):
            y = self.body(x)
            return torch.cat([p(y).flatten(1) for p in self.pools], 1)

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.tile = Encoder([32, 64, 128, 256], [1, 3], [2560, 512, 256, 128])
            self.subtile, self.centre = (Encoder([32, 64, 128], [1, 2, 3], [1792, 256, 128]) for _ in range(2))
            widths = [384, 256, 128, 64]
            self.decoder = nn.Sequential(*[m for i, o in zip(widths, widths[1:]) for m in (nn.Linear(i, o), nn.LeakyReLU(0.01), nn.Dropout(0.1))], nn.Linear(64, 35))

        def forward(self, x):
            tile, subtiles = x
            n = len(subtiles)
            each = self.subtile.pooled(subtiles.reshape(n * 9, *subtiles.shape[2:]).contiguous(memory_format=self.layout))
            middle = subtiles[:, 4].contiguous(memory_format=self.layout)
            parts = [self.tile.linear(self.tile.pooled(tile)), self.subtile.linear(each.view(n, 9, -1).mean(1)), self.centre.linear(self.centre.pooled(middle))]
            return self.decoder(torch.cat(parts, 1))
    return Whole()


def script(name, folder, threads):
    """A training as a published script does it: loaders, epochs, validation, the best state, a file after each epoch."""
    import albumentations as A
    import copy
    import numpy as np
    import torch
    from albumentations.pytorch import ToTensorV2
    from torch.utils.data import DataLoader
    torch.set_num_threads(threads)
    plain = A.Compose([A.Normalize(mean=MEAN, std=STD, max_pixel_value=255.0), ToTensorV2()])
    layout = torch.channels_last if name.endswith("_cl") else torch.contiguous_format

    def train():
        torch.manual_seed(1)
        loaders = [DataLoader(Spots(folder, np.arange(a, b), t), batch_size=BATCH, shuffle=s, num_workers=threads, persistent_workers=True)
                   for a, b, t, s in [(0, 352, transform(64), True), (352, 384, plain, False)]]
        net = network(name).to(memory_format=layout)
        adam, mse, best = torch.optim.Adam(net.parameters(), lr=1e-4), torch.nn.MSELoss(), None
        with tempfile.TemporaryDirectory() as out:
            for _ in range(2):
                net.train()
                for x, y in loaders[0]:
                    adam.zero_grad()
                    mse(net(x.to(memory_format=layout)), y).backward()
                    adam.step()
                net.eval()
                with torch.no_grad():
                    loss = sum(mse(net(x.to(memory_format=layout)), y).item() * len(y) for x, y in loaders[1])
                if best is None or loss < best[0]:
                    best = (loss, copy.deepcopy(net.state_dict()))
                torch.save({"net": net.state_dict(), "adam": adam.state_dict(), "best": best[1]}, os.path.join(out, "state.pt"))
            torch.save(best[1], os.path.join(out, "checkpoint.pt"))
        return 2 * 352, None
    return train


def prepare(name, folder, threads):
    """A function that does the work once and returns (items, check)."""
    import cv2
    import numpy as np
    cv2.setNumThreads(threads)
    if name.startswith("decode"):
        path = os.path.join(folder, "slide.jpg")
        raw = np.fromfile(path, np.uint8)
        from safetensors.numpy import load_file
        centres = load_file(os.path.join(folder, "work.safetensors"))["centres"]

        def decode():
            if name.endswith("opencv"):
                return cv2.cvtColor(cv2.imdecode(raw, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
            import io
            from PIL import Image
            Image.MAX_IMAGE_PIXELS = None
            return np.asarray(Image.open(io.BytesIO(raw.tobytes())).convert("RGB"))

        def crop():
            image = decode()
            out = np.empty((len(centres), SIDE, SIDE, 3), np.uint8)
            for i, (x, y) in enumerate(centres):
                left, top = round(x) - SIDE // 2, round(y) - SIDE // 2
                out[i] = image[top:top + SIDE, left:left + SIDE]
            return len(out), None

        return crop if "crop" in name else lambda: (decode().size / 3e6, None)
    if name == "augment":
        cv2.setNumThreads(1)
        import torch
        torch.set_num_threads(1)
        patches, t = np.load(os.path.join(folder, "patches.npy")), transform()

        def augment():
            for p in patches:
                t(image=p)["image"].contiguous()
            return len(patches), None
        return augment
    if name.startswith("load"):
        from torch.utils.data import DataLoader
        data = Patches(folder, name == "load_png")
        loader = DataLoader(data, batch_size=BATCH, shuffle=True, num_workers=threads, persistent_workers=True)

        def load():
            return sum(len(b) for b in loader), None
        return load
    if name == "moran":
        import libpysal
        from esda import Moran
        from safetensors.numpy import load_file
        work = load_file(os.path.join(folder, "work.safetensors"))
        points, values = work["points"], work["expression"]

        def moran():
            w = libpysal.weights.KNN.from_array(points, k=6)
            w.transform = "R"
            total = 0.0
            for g in range(values.shape[1]):
                m = Moran(values[:, g], w, permutations=0, two_tailed=True)
                total += m.I + m.z_norm + m.p_norm
            return values.shape[1], float(total)
        return moran
    if name == "sha256":
        import hashlib
        from safetensors.numpy import load_file
        blob = load_file(os.path.join(folder, "work.safetensors"))["blob"].tobytes()
        return lambda: (len(blob) / 1e6, float(int.from_bytes(hashlib.sha256(blob).digest()[:4], "big")))
    if name.startswith("epoch"):
        return script(name, folder, threads)
    if name.startswith("train"):
        import torch
        import torchvision
        torch.set_num_threads(threads)
        torch.manual_seed(1)
        layout = torch.channels_last if name.endswith("_cl") else torch.contiguous_format
        if "mlp" in name:
            side, net, y = 78, multi_scale(), torch.randn(BATCH, 35)
            net.layout = layout
            x = (torch.randn(BATCH, 3, side, side).to(memory_format=layout), torch.randn(BATCH, 9, 3, 26, 26))
        else:
            side, net, y = int(name.split("_")[1]), torchvision.models.efficientnet_b0(weights=None), torch.randn(BATCH, 250)
            # The head of the protocols: dropout, hidden layer, gene outputs.
            net.classifier = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(1280, 512), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(512, 250))
            x = torch.randn(BATCH, 3, side, side).to(memory_format=layout)
        net = net.to(memory_format=layout)
        net.train()
        adam, loss = torch.optim.Adam(net.parameters(), lr=1e-4), torch.nn.MSELoss()
        steps = 1 if side >= 128 else 4

        def step():
            for _ in range(steps):
                adam.zero_grad()
                loss(net(x), y).backward()
                adam.step()
            return BATCH * steps, None
        return step
    raise KeyError(name)


def worker(folder, threads):
    """Answers task names on standard input, like pinfold's runner."""
    import warnings
    warnings.filterwarnings("ignore")
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    ready = {}
    for line in sys.stdin:
        name = line.strip()
        if name not in ready:
            ready[name] = prepare(name, folder, threads)
            ready[name]()
        start = time.perf_counter()
        items, check = ready[name]()
        seconds = time.perf_counter() - start
        print(json.dumps({"task": name, "seconds": seconds, "items": items, "check": check}), file=out, flush=True)


# ---------------------------------------------------------------- the run

class Side:
    def __init__(self, command, environment):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def ask(self, task):
        self.process.stdin.write(task + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"bench_peers: {task}: the process ended; see its message above")
        return json.loads(line)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def machine():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            return next((l.split(":", 1)[1].strip() for l in f if l.startswith("model name")), "unknown")
    except OSError:
        return "unknown"


def main():
    p = argparse.ArgumentParser(prog="bench_peers.sh", description="pinfold beside its Python peers")
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--repetitions", type=int, default=5)
    p.add_argument("--tasks", default=",".join(TASKS), help="which of: " + ", ".join(TASKS))
    p.add_argument("--out", default="bench_peers.json", help="where the numbers go as JSON")
    p.add_argument("--no-train", action="store_true", help="without libtorch and its tasks")
    p.add_argument("--runner", help=argparse.SUPPRESS)
    p.add_argument("--worker", help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.worker:
        return worker(a.worker, a.threads)
    tasks = [t for t in a.tasks.split(",") if not (a.no_train and t.startswith(("train", "epoch")))]
    if unknown := [t for t in tasks if t not in TASKS]:
        p.error(f"no task {unknown[0]}; there are {', '.join(TASKS)}")
    n = str(a.threads)
    result = {"machine": machine(), "threads": a.threads, "repetitions": a.repetitions, "tasks": []}
    wrong = False
    with tempfile.TemporaryDirectory(prefix="pinfold-bench-") as folder:
        print("bench_peers: making the work", file=sys.stderr)
        subprocess.run([sys.executable, "-c", "import sys; sys.path.insert(0, sys.argv[1]); import bench_peers; bench_peers.make_work(sys.argv[2])",
                        os.path.dirname(os.path.abspath(__file__)), folder], check=True)
        environment = dict(os.environ, OMP_NUM_THREADS=n, MKL_NUM_THREADS=n, RAYON_NUM_THREADS=n, PINFOLD_BENCH=folder)
        for task in tasks:
            what, unit, peers = TASKS[task]
            # Fresh processes for every task: nobody inherits another task's heat, threads or memory.
            trains = task.startswith(("train", "epoch"))
            ours = Side([a.runner], {**environment, **PINS} if trains else environment)
            pinned = Side([a.runner], {**environment, **PINS, **PORTABLE}) if trains else None
            theirs = {peer: Side([sys.executable, os.path.abspath(__file__), "--worker", folder, "--threads", n], environment) for peer in peers}
            print(f"bench_peers: {what}", file=sys.stderr)
            runs = {name: [] for name in ["pinfold", *(["portable"] if pinned else []), *peers]}
            for _ in range(a.repetitions):
                runs["pinfold"].append(ours.ask(task))
                if pinned:
                    runs["portable"].append(pinned.ask(task))
                for peer, side in theirs.items():
                    runs[peer].append(side.ask(peer))
            for side in [ours, *([pinned] if pinned else []), *theirs.values()]:
                side.end()
            if "error" in runs["pinfold"][0]:
                print(f"bench_peers: left out: {runs['pinfold'][0]['error']}", file=sys.stderr)
                continue
            rate = {k: statistics.median(r["items"] / r["seconds"] for r in v) for k, v in runs.items()}
            spread = {k: [min(r["items"] / r["seconds"] for r in v), max(r["items"] / r["seconds"] for r in v)] for k, v in runs.items()}
            checks = {k: v[0]["check"] for k, v in runs.items() if v[0]["check"] is not None}
            agree = all(abs(c - checks["pinfold"]) <= 1e-9 * max(1.0, abs(c)) for c in checks.values())
            wrong |= not agree
            entry = {"task": task, "what": what, "unit": unit, "rate": rate, "range": spread, "ratio": {k: rate["pinfold"] / rate[k] for k in peers}, "goal": GOALS.get(task), "checks": checks, "agree": agree}
            result["tasks"].append(entry)
            saving = [r["saving"] / r["seconds"] for r in runs["pinfold"] if r.get("saving") is not None]
            if saving:
                entry["saving"] = statistics.median(saving)
                print(f"{task:<12} of this, saving the state: {100 * entry['saving']:.2f} %", file=sys.stderr)
            if pinned:
                print(f"{task:<12} portable costs {100 * (rate['pinfold'] / rate['portable'] - 1):.1f} % against machine", file=sys.stderr)
            for peer, label in peers.items():
                agreed = " (same numbers)" if checks and agree else " (DIFFERENT NUMBERS)" if not agree else ""
                print(f"{task:<12} pinfold {rate['pinfold']:>10.1f} {unit}/s   {label:<40} {rate[peer]:>10.1f}   {entry['ratio'][peer]:>7.2f} x{agreed}", file=sys.stderr)
    with open(a.out, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
        f.write("\n")
    print(f"\n{result['machine']}, {a.threads} threads, median of {a.repetitions} turns\n")
    print("| work | unit | pinfold | peer | peer's rate | ratio | goal |\n|---|---|---:|---|---:|---:|---:|")
    for e in result["tasks"]:
        for peer, label in TASKS[e["task"]][2].items():
            goal = f"{e['goal']} x" if e["goal"] else "–"
            for ours, extra in [("pinfold", ""), ("portable", ", pinned as `portable`")]:
                if ours in e["rate"]:
                    print(f"| {e['what']}{extra} | {e['unit']}/s | {e['rate'][ours]:,.1f} | {label} | {e['rate'][peer]:,.1f} | {e['rate'][ours] / e['rate'][peer]:.2f} x | {goal} |")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
