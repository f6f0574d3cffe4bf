#!/usr/bin/python3
"""The tables of docs/tables.md: KDDCUP99 under the papers' protocol, and six sets of ODDS beside scikit-learn.

    bench/tables/run.py kdd|odds [-o FOLDER] [--seeds 20] [--only NAME,...] [--sets NAME,...] [--markdown]

Every cell (detector, data set, seed) is measured once and kept in FOLDER/results.csv; a run that was stopped goes on
where it was. --markdown only prints the table of what is there. All detectors of a seed get the same rows.

Environment: ENGRAM_BIN, the command (build/cli/engram); ENGRAM_DATA, the folder with kddcup99/ and tabular/
(../shared/data beside the checkout). Needs NumPy, and for odds scikit-learn (Debian's python3-sklearn).
"""
import argparse
import csv
import math
import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np

import detectors
import protocols
from detectors import Engram, Values

DATA = Path(os.environ.get("ENGRAM_DATA", detectors.ROOT.parent / "shared/data"))
COLUMNS = ("table", "detector", "set", "seed", "metric", "value")

KDD = {
    "memae": Engram("memae", "kdd"),
    "memae without shrinkage": Engram("memae", "kdd", "shrink=0"),
    "ae": Engram("ae", "kdd"),
    "vae": Engram("vae", "kdd"),
    "ganomaly": Engram("ganomaly", "table", "epochs=20 batch=256 categories=plain"),
    "egbad": Engram("egbad", "table", "epochs=20 batch=256 categories=plain"),
    "untrained ae": Engram("ae", "kdd", "epochs=1 lr=1e-9"),
    "PCA (10)": Values(detectors.pca),
    "nearest neighbour": Values(detectors.nearest),
}
ODDS = {
    "memae": Engram("memae"),
    "ae": Engram("ae"),
    "vae": Engram("vae"),
    "ganomaly": Engram("ganomaly"),
    "egbad": Engram("egbad"),
    "IsolationForest": Values(detectors.isolation_forest, math.inf),  # clipped rows cost these three
    "LocalOutlierFactor": Values(detectors.local_outlier_factor, math.inf),
    "5 nearest neighbours": Values(detectors.neighbours, math.inf),
}


class Table:
    def __init__(self, name, rows, sets, metrics, seeds, split, measure):
        self.name, self.rows, self.sets, self.metrics, self.seeds = name, rows, sets, metrics, seeds
        self.split, self.measure = split, measure


TABLES = {t.name: t for t in (
    Table("kdd", KDD, ("kddcup99",), ("precision", "recall", "f1", "auroc"), 20,
          lambda name, seed: protocols.kdd(DATA, seed),
          lambda s, y, seed: protocols.top_share(s, y, seed) | protocols.ranking(s, y)),
    Table("odds", ODDS, protocols.SETS, ("auroc", "ap"), 5,
          lambda name, seed: protocols.half_of_normal(DATA, name, seed),
          lambda s, y, seed: protocols.ranking(s, y)),
)}


class Store:
    """Results by (table, detector, set, seed): a dict of metrics."""

    def __init__(self, path):
        self.path, self.cells = path, {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(",".join(COLUMNS) + "\n")
        with open(path) as file:
            for row in csv.DictReader(file):
                if row["value"]:
                    key = row["table"], row["detector"], row["set"], int(row["seed"])
                    self.cells.setdefault(key, {})[row["metric"]] = float(row["value"])

    def add(self, key, values):
        with open(self.path, "a") as file:
            csv.writer(file, lineterminator="\n").writerows([(*key, m, f"{v:.6g}") for m, v in values.items()])
        self.cells[key] = values


def measure(table, store, wanted, name, seed, folder):
    """All detectors of one seed: they share the split."""
    todo = [d for d in wanted if (table.name, d, name, seed) not in store.cells]
    if not todo:
        return
    split, place = table.split(name, seed), folder / f"{name}-{seed}"
    protocols.place(split, place)
    for detector in todo:
        start = time.monotonic()
        scores = table.rows[detector].scores(split, place, seed)
        values = table.measure(scores, split.anomalous, seed)
        store.add((table.name, detector, name, seed), values)
        print(f"{name} {seed} {detector}: " + ", ".join(f"{m} {v:.4f}" for m, v in values.items()) +
              f" ({time.monotonic() - start:.0f} s)", file=sys.stderr, flush=True)
    shutil.rmtree(place)


# ---- tables ----


def runs(table, store, detector, name, metric):
    return [v[metric] for (t, d, n, _), v in store.cells.items() if (t, d, n) == (table.name, detector, name)]


def spread(numbers):
    if not numbers:
        return ""
    return f"{np.mean(numbers):.4f}" + (f" ± {np.std(numbers, ddof=1):.4f}" if len(numbers) > 1 else "")


def of_one_set(table, store):
    """A column a metric."""
    yield "| | runs | " + " | ".join(table.metrics) + " |"
    yield "|---" * (len(table.metrics) + 2) + "|"
    for detector in table.rows:
        found = [runs(table, store, detector, table.sets[0], m) for m in table.metrics]
        if found[0]:
            yield f"| {detector} | {len(found[0])} | " + " | ".join(map(spread, found)) + " |"


def of_sets(table, store, metric):
    """A column a set, and the mean over them."""
    yield f"| {metric} | " + " | ".join(table.sets) + " | mean |"
    yield "|---" * (len(table.sets) + 2) + "|"
    for detector in table.rows:
        found = [runs(table, store, detector, name, metric) for name in table.sets]
        if any(found):
            mean = f"**{np.mean([np.mean(f) for f in found]):.4f}**" if all(found) else ""
            yield f"| {detector} | " + " | ".join(map(spread, found)) + f" | {mean} |"


def markdown(table, store):
    if len(table.sets) == 1:
        yield from of_one_set(table, store)
        return
    for metric in table.metrics:
        yield from of_sets(table, store, metric)
        yield ""


def chosen(text, names, what):
    wanted = text.split(",") if text else list(names)
    for name in wanted:
        if name not in names:
            sys.exit(f"bench/tables/run.py: there is no {what} '{name}'; there are: {'; '.join(names)}")
    return wanted


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("-o", "--output", type=Path, default=detectors.ROOT / "tables", metavar="FOLDER")
    parser.add_argument("--seeds", type=int, metavar="N", help="1 to N; else as many as the table has")
    parser.add_argument("--only", metavar="NAME,...", help="detectors")
    parser.add_argument("--sets", metavar="NAME,...", help="data sets")
    parser.add_argument("--markdown", action="store_true", help="measure nothing")
    args = parser.parse_args()
    table = TABLES[args.table]
    wanted = chosen(args.only, table.rows, "detector")
    store = Store(args.output / "results.csv")
    for seed in range(1, (args.seeds or table.seeds) + 1 if not args.markdown else 1):
        for name in chosen(args.sets, table.sets, "data set"):
            measure(table, store, wanted, name, seed, args.output / "rows")
    print("\n".join(markdown(table, store)))


if __name__ == "__main__":
    main()
