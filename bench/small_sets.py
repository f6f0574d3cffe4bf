#!/usr/bin/python3
"""Thresholds from few pictures: what split and cross-conformal calibration keep of their promise, and what they find.

    bench/small_sets.py [DATA] [--n 20,50,100,200] [--seeds 10] [--model ae] [--folds 5]
                        [--same epochs|steps] [--set name=value ...] [-o TABLE.md]

DATA is `mnist` (digit = seed mod 10 is normal) or a folder in MVTec's layout. For every n and seed it draws n normal
pictures to learn from, and others, normal and not, to test with; each method turns the same n pictures into p-values:

  split 0.1    a tenth held out (at least one), the rest trained on
  split 1/3    as many as 5 % needs, 19, but at most a third
  split 1/2    the same, but at most a half: what engram does
  pooled K     K models, each trained without one fold, score it; the pooled scores calibrate one model trained on all
  cross K      the same K models score a new picture too, each against its own fold (cross-conformal, Vovk 2015)

Of each: the share of normal test pictures flagged at a promised 5, 10 and 20 %, mean over the seeds and the highest of
them; the share of anomalous ones flagged at the same rates; the area under the ROC curve of what scores (cross: of the
negated p-values, where ties cost); the number of trainings. Trainings have 60 epochs each, or, with --same steps, as
many steps each as 60 epochs on n pictures have; nothing is held out for validation, the last epoch is kept.

Environment: ENGRAM_BIN, the command (build/cli/engram); ENGRAM_DATA, the folder with mnist/ in it.
"""
import argparse
import csv
import gzip
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENGRAM = Path(os.environ.get("ENGRAM_BIN", ROOT / "build/cli/engram"))
DATA = Path(os.environ.get("ENGRAM_DATA", ROOT.parent / "shared/data"))
RATES = (0.05, 0.1, 0.2)
TEST, BATCH, EPOCHS = 200, 16, 60


def engram(*arguments):
    result = subprocess.run([str(ENGRAM), *map(str, arguments)], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"bench/small_sets.py: engram {' '.join(map(str, arguments))} failed:\n{result.stderr.strip()}")
    return result.stdout


def write_mnist(folder):
    """Every digit of the test set as a picture of its own; returns their paths by digit."""
    pixels = gzip.decompress((DATA / "mnist/t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((DATA / "mnist/t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    paths = [[] for _ in range(10)]
    for i, label in enumerate(labels):
        path = folder / f"{i}.pgm"
        path.write_bytes(b"P5 28 28 255\n" + pixels[i * 784:(i + 1) * 784])
        paths[label].append(path)
    return paths


def read_pools(data, folder):
    """A function from seed to (normal pictures, anomalous ones)."""
    if data == "mnist":
        digits = write_mnist(folder)
        return lambda seed: (digits[seed % 10], [p for d in range(10) if d != seed % 10 for p in digits[d]])
    root = Path(data).resolve()
    normal = sorted((root / "train/good").iterdir()) + sorted((root / "test/good").iterdir())
    anomalous = sorted(p for d in (root / "test").iterdir() if d.name != "good" for p in d.iterdir())
    return lambda seed: (normal, anomalous)


def link(folder, paths):
    folder.mkdir()
    for i, path in enumerate(paths):
        (folder / f"{i:05}{path.suffix}").symlink_to(path)
    return folder


def steps(n):
    return -(-n // BATCH)


class Trial:
    """One draw of pictures; trains models and keeps their scores."""

    def __init__(self, folder, pools, n, seed, args):
        self.folder, self.args, self.seed, self.n = folder, args, seed, n
        normal, anomalous = (list(p) for p in pools(seed))
        rng = random.Random(1000 * n + seed)
        rng.shuffle(normal)
        rng.shuffle(anomalous)
        self.learn = normal[:n]
        self.normal = normal[n:n + TEST]
        self.anomalous = anomalous[:TEST]
        self.count = 0

    def scores(self, trained, held):
        """Trains on `trained`; the scores of `held`, of the normal and of the anomalous test pictures."""
        self.count += 1
        place = self.folder / f"{self.n}-{self.seed}-{self.count}"
        place.mkdir()
        epochs = EPOCHS if self.args.same == "epochs" else round(EPOCHS * steps(self.n) / steps(len(trained)))
        settings = [word for pair in (f"epochs={epochs}", f"batch={BATCH}", "patience=0", "validation=0",
                                      "calibration=0", "threads=1", *self.args.set) for word in ("--set", pair)]
        engram("train", self.args.model, link(place / "good", trained), "-o", place / "m", "--seed", self.seed + 1,
               "--quiet", *settings)
        lists = [held, self.normal, self.anomalous]
        folders = [link(place / f"part{i}", paths) for i, paths in enumerate(lists) if paths]
        rows = csv.DictReader(engram("score", place / "m", *folders, "--threads", 1, "--quiet").splitlines())
        values = [float(row["score"]) for row in rows]
        parts = []
        for paths in lists:
            parts.append(values[:len(paths)])
            values = values[len(paths):]
        return parts

    def split(self, held):
        calibration, normal, anomalous = self.scores(self.learn[held:], self.learn[:held])
        return [p_values(calibration, x) for x in (normal, anomalous)], area(normal, anomalous), held, 1

    def folds(self, k):
        """The pooled and the crossed results, from the same k models."""
        parts = [self.learn[i::k] for i in range(k)]
        results = [self.scores([p for p in self.learn if p not in part], part) for part in parts]
        _, normal, anomalous = self.scores(self.learn, [])
        pool = [s for r in results for s in r[0]]
        pooled = [p_values(pool, x) for x in (normal, anomalous)], area(normal, anomalous), self.n, k + 1
        crossed = [[(1 + sum(sum(h >= r[side][i] for h in r[0]) for r in results)) / (self.n + 1)
                    for i in range(len(results[0][side]))] for side in (1, 2)]
        return pooled, (crossed, area([-p for p in crossed[0]], [-p for p in crossed[1]]), self.n, k)


def p_values(calibration, scores):
    return [(1 + sum(h >= s for h in calibration)) / (len(calibration) + 1) for s in scores]


def area(normal, anomalous):
    return sum((a > b) + (a == b) / 2 for a in anomalous for b in normal) / (len(normal) * len(anomalous))


def share(p, rate):
    return sum(x <= rate + 1e-12 for x in p) / len(p)


def measure(folder, pools, n, args):
    results = {}
    for seed in range(args.seeds):
        t = Trial(folder, pools, n, seed, args)
        found = {"split 0.1": t.split(max(1, round(n / 10))), "split 1/3": t.split(min(19, n // 3))}
        if n // 3 < 19:
            found["split 1/2"] = t.split(min(19, n // 2))
        found[f"pooled {args.folds}"], found[f"cross {args.folds}"] = t.folds(args.folds)
        for name, result in found.items():
            results.setdefault(name, []).append(result)
    return results


def table(n, results):
    for name, runs in results.items():
        cells = [str(n), name, str(runs[0][2]), str(runs[0][3]), f"{statistics.mean(r[1] for r in runs):.3f}"]
        for rate in RATES:
            alarms = [share(r[0][0], rate) for r in runs]
            hits = [share(r[0][1], rate) for r in runs]
            cells.append(f"{100 * statistics.mean(alarms):.1f} ({100 * max(alarms):.0f})")
            cells.append(f"{100 * statistics.mean(hits):.0f}")
        yield "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", nargs="?", default="mnist")
    parser.add_argument("--n", default="20,50,100,200")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--model", default="ae")
    parser.add_argument("--same", choices=["epochs", "steps"], default="epochs")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("-o", "--output", default="/dev/stdout")
    args = parser.parse_args()
    with open(args.output, "w") as out, tempfile.TemporaryDirectory() as folder:
        head = ["n", "method", "calibrated on", "trainings", "AUROC"]
        head += [f"{what} at {100 * r:.0f} %" for r in RATES for what in ("false alarms (highest)", "detected")]
        print("| " + " | ".join(head) + " |\n|" + "---|" * len(head), file=out, flush=True)
        pictures = Path(folder) / "pictures"
        pictures.mkdir()
        pools = read_pools(args.data, pictures)
        for n in map(int, args.n.split(",")):
            for line in table(n, measure(Path(folder), pools, n, args)):
                print(line, file=out, flush=True)


if __name__ == "__main__":
    main()
