"""Times the workbench in a pseudo-terminal: start to first frame, start to the list, key to frame, bytes of an idle screen.

    python3 scripts/bench_tui.py --pinfold target/release/pinfold [--runs 200] [--keys 400] [--train]

Makes a scratch workspace with the protocols of this repository and as many finished runs as asked (copies of one tiny run). `--train` starts a
training on all cores first, so that the keys compete with it. Needs Python only. Prints one line a measurement.
"""
import argparse
import fcntl
import json
import os
import pty
import select
import shutil
import struct
import subprocess
import tempfile
import termios
import time

END = b"\x1b[?2026l"
LITTLE = [('slides = ["S1", "S2", "S3"]', 'slides = ["S1"]'), ("side = 16", "side = 5"), ("pitch = 64", "pitch = 24"), ("genes = 36", "genes = 4"), ("k = 36", "k = 4"),
          ("size = 64\nresize = 64", "size = 24\nresize = 16"), ("hidden = 64", "hidden = 8"), ("epochs = 40", "epochs = 2"), ("batch = 32", "batch = 8")]


class Session:
    def __init__(self, program, folder, size=(24, 80)):
        self.start = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(program, [program], {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "TERM": "xterm-256color", "LANG": "C.UTF-8"})
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self.seen = b""

    def read(self, until, seconds):
        """Reads until `until(new bytes)` holds; gives the seconds that took, or None."""
        start, new = time.perf_counter(), b""
        while time.perf_counter() - start < seconds:
            ready, _, _ = select.select([self.fd], [], [], 0.001)
            if ready:
                new += os.read(self.fd, 1 << 16)
                if until(new):
                    self.seen += new
                    return time.perf_counter() - start
        self.seen += new
        return None

    def end(self):
        os.write(self.fd, b"q")
        time.sleep(0.2)
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def workspace(folder, pinfold, runs):
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    os.makedirs(os.path.join(folder, "protocols"))
    demo = open(os.path.join(here, "protocols", "demo.toml"), encoding="utf-8").read()
    little = demo
    for old, new in LITTLE:
        assert old in little, old
        little = little.replace(old, new, 1)
    little = little.replace('name = "demo"', 'name = "little"', 1)
    names = sorted(n for n in os.listdir(os.path.join(here, "protocols")) if n.endswith(".toml"))
    for name in names:
        shutil.copy(os.path.join(here, "protocols", name), os.path.join(folder, "protocols", name))
    open(os.path.join(folder, "protocols", "little.toml"), "w", encoding="utf-8").write(little)
    subprocess.run([pinfold, "run", "little"], cwd=folder, check=True, capture_output=True)
    made = sorted(os.listdir(os.path.join(folder, "runs")))[0]
    order = json.load(open(os.path.join(folder, "runs", made, "run.json"), encoding="utf-8"))
    for i in range(runs - 1):
        stamp = f"202601{i // 60 % 28 + 1:02}-{i % 24:02}{i % 60:02}{i % 60:02}-little"
        target = os.path.join(folder, "runs", f"{stamp}{'' if i < 1 else f'-{i}'}")
        shutil.copytree(os.path.join(folder, "runs", made), target)
        order["id"] = os.path.basename(target)
        json.dump(order, open(os.path.join(target, "run.json"), "w", encoding="utf-8"))
    return len(names) + 1


def percentile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, round(q * (len(values) - 1)))]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--pinfold", required=True)
    p.add_argument("--runs", type=int, default=200)
    p.add_argument("--keys", type=int, default=400)
    p.add_argument("--starts", type=int, default=9)
    p.add_argument("--train", action="store_true")
    a = p.parse_args()
    program = os.path.abspath(a.pinfold)
    with tempfile.TemporaryDirectory(prefix="pinfold-tui-") as folder:
        protocols = workspace(folder, program, a.runs)
        print(f"a workspace of {protocols} protocols and {a.runs} runs")
        if a.train:
            subprocess.run([program, "run", "demo", "--set", "train.epochs=400", "--detach"], cwd=folder, check=True, capture_output=True)
            time.sleep(8)
        first, listed = [], []
        for _ in range(a.starts):
            s = Session(program, folder)
            s.read(lambda new: END in new, 20)
            first.append(time.perf_counter() - s.start)
            if b"little" not in s.seen:
                s.read(lambda new: b"little" in s.seen + new, 20)
            listed.append(time.perf_counter() - s.start)
            s.end()
        print(f"start to the first frame: median {1000 * percentile(first, 0.5):.0f} ms, worst {1000 * max(first):.0f} ms of {a.starts}")
        print(f"start to the list with every protocol's state: median {1000 * percentile(listed, 0.5):.0f} ms, worst {1000 * max(listed):.0f} ms")
        s = Session(program, folder)
        s.read(lambda new: b"little" in s.seen + new, 3)
        time.sleep(1.0)
        s.read(lambda new: False, 0.3)
        times = []
        for i in range(a.keys):
            os.write(s.fd, b"\x1b[B" if i // 10 % 2 == 0 else b"\x1b[A")
            took = s.read(lambda new: END in new, 5)
            if took is not None:
                times.append(took)
            # Slower than the frame rate, as fingers are: a change after a pause is drawn at once.
            time.sleep(0.11)
        print(f"key to frame: median {1000 * percentile(times, 0.5):.1f} ms, 99th percentile {1000 * percentile(times, 0.99):.1f} ms of {len(times)} keys{', while a training runs' if a.train else ''}")
        if not a.train:
            s.read(lambda new: False, 1.0)
            before = len(s.seen)
            s.read(lambda new: False, 8.0)
            print(f"idle for 8 s: {len(s.seen) - before} bytes")
        s.end()
        if a.train:
            subprocess.run([program, "stop", "--abort"], cwd=folder, capture_output=True)
            subprocess.run(["pkill", "-f", os.path.join(folder, "runs")], capture_output=True)
            time.sleep(1)


if __name__ == "__main__":
    main()
