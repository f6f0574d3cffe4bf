#!/usr/bin/python3
"""Models that need no training by steps, on real parts: what docs/parts.md says.

    bench/parts/run.py [-o FOLDER] [--backbone FILE] [--sets bottle,aliens,kolektor] [--seeds 1,2,3] [--set NAME=VALUE ...]
    bench/parts/run.py --size 512x192 ...             in place of the size that engram chooses (0)
    bench/parts/run.py --small 25,40 [--draws 10]     few pictures: false alarms on the good ones that were left out
    bench/parts/run.py --markdown [-o FOLDER]         only the tables of what has been measured

Fits `features` to every set with every seed, evaluates it, and appends what was measured to FOLDER/parts.csv or
FOLDER/small.csv. A row that is there, of the same settings, is not measured again. Without settings it is what `engram train
DATA` does; nothing is chosen by a run.

Environment: ENGRAM_BIN, the command (build/cli/engram); ENGRAM_DATA, the folder with mvtec/ and inspect/ (../shared/data
beside the checkout).
"""
import argparse
import csv
import io
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENGRAM = os.environ.get("ENGRAM_BIN", ROOT / "build/cli/engram")
DATA = Path(os.environ.get("ENGRAM_DATA", ROOT.parent / "shared/data"))

SETS = {"bottle": "mvtec/bottle", "aliens": "inspect/aliens", "kolektor": "inspect/kolektor"}
METRICS = ["auroc", "pixel_auroc", "aupro", "false_alarm_rate", "detection_rate"]
FIELDS = ["set", "size", "settings", "seed", *METRICS, "seconds"]
SMALL_FIELDS = ["set", "size", "settings", "pictures", "draw", "false_alarms", "tested", "found", "defective"]


def engram(*words):
    done = subprocess.run([ENGRAM, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"bench/parts/run.py: {' '.join(map(str, words))}\n{done.stderr}")
    return done.stdout


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


class Store:
    """Rows of a csv file; a key is what was asked, not what came of it."""

    def __init__(self, path, fields, keys):
        self.path, self.fields, self.keys = path, fields, keys
        self.rows = table(path.read_text()) if path.exists() else []

    def has(self, row):
        return any(all(old[k] == str(row[k]) for k in self.keys) for old in self.rows)

    def add(self, row):
        new = not self.path.exists()
        with open(self.path, "a", newline="") as f:
            writer = csv.DictWriter(f, self.fields)
            if new:
                writer.writeheader()
            writer.writerow(row)
        self.rows.append({k: str(v) for k, v in row.items()})


def fit(data, size, seed, args, output):
    extra = [word for setting in args.set for word in ("--set", setting)]
    if args.backbone:
        extra += ["--backbone", args.backbone]
    start = time.time()
    engram("train", "features", data, "-o", output, "--force", "-q", "--size", size, "--seed", seed, *extra)
    return time.time() - start


def settings_of(args):
    return " ".join([Path(args.backbone).stem if args.backbone else "built-in", *args.set])


def measure(args):
    store = Store(args.output / "parts.csv", FIELDS, ["set", "size", "settings", "seed"])
    for name in args.sets:
        path = SETS[name]
        for seed in args.seeds:
            row = {"set": name, "size": args.size, "settings": settings_of(args), "seed": seed}
            if store.has(row):
                continue
            model = args.output / f"{name}-{seed}.safetensors"
            row["seconds"] = round(fit(DATA / path, args.size, seed, args, model), 1)
            for found in table(engram("eval", model, DATA / path, "--format", "csv", "-q")):
                if not found["kind"] and found["metric"] in METRICS:
                    row[found["metric"]] = found["value"]
            store.add(row)
            print(row, file=sys.stderr, flush=True)


def flagged(model, folder):
    rows = table(engram("score", model, folder, "--format", "csv", "-q"))
    return sum(row["anomalous"] == "true" for row in rows), len(rows)


def link(folder, pictures):
    folder.mkdir(parents=True)
    for i, picture in enumerate(pictures):
        (folder / f"{i:04}{picture.suffix}").symlink_to(picture)
    return folder


def measure_small(args):
    """Fits to some of the good pictures of both parts; the others must not be flagged, the defects should."""
    store = Store(args.output / "small.csv", SMALL_FIELDS, ["set", "size", "settings", "pictures", "draw"])
    for name in args.sets:
        path = SETS[name]
        good = sorted((DATA / path).glob("*/good/*"))
        bad = sorted(p for p in (DATA / path).glob("test/*/*") if p.parent.name != "good")
        for n in args.small:
            for draw in range(args.draws):
                row = {"set": name, "size": args.size, "settings": settings_of(args), "pictures": n, "draw": draw}
                if store.has(row) or n + 10 > len(good):
                    continue
                with tempfile.TemporaryDirectory() as work:
                    order = random.Random(draw).sample(good, len(good))
                    seen = link(Path(work) / "seen", order[:n])
                    rest = link(Path(work) / "rest", order[n:n + 100])
                    defects = link(Path(work) / "defects", bad)
                    model = Path(work) / "model.safetensors"
                    fit(seen, row["size"], draw + 1, args, model)
                    row["false_alarms"], row["tested"] = flagged(model, rest)
                    row["found"], row["defective"] = flagged(model, defects)
                store.add(row)
                print(row, file=sys.stderr, flush=True)


def spread(rows, metric, digits=3):
    values = [float(row[metric]) for row in rows if row.get(metric)]
    if not values:
        return ""
    text = f"{statistics.mean(values):.{digits}f}".lstrip("0") if digits == 3 else f"{statistics.mean(values):.{digits}f}"
    return f"{text} ± {(max(values) - min(values)) / 2:.{digits}f}" if len(values) > 1 else text


def markdown(args):
    rows = Store(args.output / "parts.csv", FIELDS, []).rows
    print("| set | size | settings | image AUROC | pixel AUROC | AUPRO | false alarms at .05 | detected | seeds |")
    print("|---|---|---|---|---|---|---|---|---|")
    for key in sorted({(r["set"], r["size"], r["settings"]) for r in rows}):
        same = [r for r in rows if (r["set"], r["size"], r["settings"]) == key]
        print("|", " | ".join([*key, *(spread(same, metric) for metric in METRICS), str(len(same))]), "|")
    rows = Store(args.output / "small.csv", SMALL_FIELDS, []).rows
    print("\n| set | size | settings | pictures | false alarms at .05 | worst draw | detected | draws |")
    print("|---|---|---|---|---|---|---|---|")
    for key in sorted({(r["set"], r["size"], r["settings"], r["pictures"]) for r in rows}):
        same = [r for r in rows if (r["set"], r["size"], r["settings"], r["pictures"]) == key]
        alarms = [int(r["false_alarms"]) / int(r["tested"]) for r in same]
        found = [int(r["found"]) / int(r["defective"]) for r in same]
        print(f"| {' | '.join(key)} | {statistics.mean(alarms):.3f} | {max(alarms):.2f} | {statistics.mean(found):.2f} "
              f"| {len(same)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("parts"))
    parser.add_argument("--backbone")
    parser.add_argument("--sets", type=lambda text: text.split(","), default=list(SETS))
    parser.add_argument("--seeds", type=lambda text: [int(s) for s in text.split(",")], default=[1, 2, 3])
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--size", default="0")
    parser.add_argument("--small", type=lambda text: [int(s) for s in text.split(",")], metavar="N,N")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--markdown", action="store_true")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    if not args.markdown:
        measure_small(args) if args.small else measure(args)
    markdown(args)


if __name__ == "__main__":
    main()
