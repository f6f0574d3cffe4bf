#!/usr/bin/python3
"""Choosing without defects: whether made defects on held-out good pictures rank alternatives as real defects do.

    bench/choosing.py [SET ...] [-o FOLDER] [--only NAME,...] [--seeds 1] [--made 200] [--jobs 1] [--markdown]

SET is a folder in MVTec AD's layout under ENGRAM_DATA (mvtec/bottle inspect/aliens inspect/kolektor). Of its good training
pictures every fifth is kept aside; each alternative is trained on the others, last epoch, and measured twice: with so many
made defects in those kept aside (`engram eval --made`), and with the test part, as all the tables do. Models that are trained
score in two ways, by their own score and by the map that knows what is usual: two alternatives, one training. `features`,
which is fitted, has one score, and its alternatives are what it is shown and what it listens to.

Prints both areas under the ROC curve for each alternative, and for each set Spearman's rank correlation between them, over
all alternatives and over those whose training has not seen made defects; for all kinds of made defects together and for
each; and what the best by made defects is worth on the real ones, beside the best there is and the mean.

What has been measured is in FOLDER/choosing.csv and is not measured again. Environment: ENGRAM_BIN, ENGRAM_DATA.
"""
import argparse
import concurrent.futures
import csv
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
ENGRAM = Path(os.environ.get("ENGRAM_BIN", ROOT / "build/cli/engram"))
DATA = Path(os.environ.get("ENGRAM_DATA", ROOT.parent / "shared/data"))
SETS = ("mvtec/bottle", "inspect/aliens", "inspect/kolektor")
SCORES = ("model", "map")
KINDS = ("", "shapes", "cuts", "blends")  # of made defects; "": all of them
COLUMNS = ("set", "alternative", "seed", "score", "kind", "made", "real")
FIFTH = 5


SIZES = {"inspect/kolektor": {"small": "96x32", "large": "192x64"}}  # HEIGHTxWIDTH; of the others:
SQUARE = {"small": "32", "large": "64"}
SETTINGS = "epochs=1 steps=500 batch=8 keep=last validation=0 patience=0"
MODELS = ("ae", "ae-skip", "memae", "daad", "segment")
FITTED = "features"
LOOKS = {  # what `features` is given; the picture keeps its shape
    "128": "square=128",
    "256": "square=256 sizes=100",
    "256 and 128": "square=256 sizes=100,50",
    "384": "square=384 sizes=100",
    "512": "square=512 sizes=100",
    "512 and 256": "square=512 sizes=100,50",
    "256 stride 8": "square=256 sizes=100 net_layers=2",
    "256 stride 16": "square=256 sizes=100 net_layers=3",
    "256 strides 4 8 16": "square=256 sizes=100 net_layers=1,2,3",
}
LEARNS_MADE = ("segment",)  # from made defects: it knows what the made ones are like


class Alternative(NamedTuple):
    model: str
    size: str  # or look

    @property
    def name(self):
        return f"{self.model} {self.size}"

    @property
    def scores(self):
        return SCORES[:1] if self.model == FITTED else SCORES

    def settings(self, name):
        if self.model == FITTED:
            return f"folds=0 validation=0 {LOOKS[self.size]}".split()
        return f"{SETTINGS} size={SIZES.get(name, SQUARE)[self.size]}".split()


ALTERNATIVES = [Alternative(model, size) for size in SQUARE for model in MODELS] + [Alternative(FITTED, look) for look in LOOKS]


def run(*arguments):
    result = subprocess.run([str(ENGRAM), *map(str, arguments)], capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(f"engram {' '.join(map(str, arguments))} failed:\n{result.stderr.strip()}")
    return result.stdout


def link(folder, pictures):
    folder.mkdir(parents=True, exist_ok=True)
    for path in pictures:
        if not (folder / path.name).is_symlink():
            (folder / path.name).symlink_to(path)
    return folder


def split(data, folder):
    """(good pictures to train on, those kept aside), as folders."""
    good = sorted((data / "train/good").iterdir())
    aside = good[FIFTH - 1::FIFTH]
    return link(folder / "train", [p for p in good if p not in aside]), link(folder / "aside", aside)


def areas(model, data, score, *more):
    """{kind: area}; "" for all."""
    out = run("eval", model, data, "--score", score, "--quiet", "--format", "csv", "--threads", 1, *more)
    return {row["kind"]: row["value"] for row in csv.DictReader(out.splitlines()) if row["metric"] == "auroc"}


def measure(name, alternative, seed, folder, made):
    data, place = DATA / name, folder / name.replace("/", "-")
    train, aside = split(data.resolve(), place)
    model = place / f"{alternative.name.replace(' ', '-')}-{seed}.safetensors"
    settings = [word for pair in alternative.settings(name) for word in ("--set", pair)]
    run("train", alternative.model, train, "-o", model, "--force", "--quiet", "--seed", seed, "--threads", 1, *settings)
    rows = []
    for score in alternative.scores:
        real = areas(model, data, score)[""]
        found = areas(model, aside, score, "--made", made)
        rows += [(name, alternative.name, str(seed), score, kind, found[kind], real) for kind in KINDS]
    model.unlink()
    return rows


# ---- what comes of it ----


def ranks(values):
    """Equal values share the mean of their ranks."""
    return [sum(v < x for v in values) + (sum(v == x for v in values) + 1) / 2 for x in values]


def spearman(a, b):
    a, b = ranks(a), ranks(b)
    if len(set(a)) < 2 or len(set(b)) < 2:
        return float("nan")
    return statistics.correlation(a, b)


def means(rows, name, kind):
    """{(alternative, score): (made, real)}, over seeds."""
    found = {}
    for row in rows:
        if row[0] == name and row[4] == kind:
            found.setdefault((row[1], row[3]), []).append((float(row[5]), float(row[6])))
    return {key: tuple(map(statistics.mean, zip(*pairs))) for key, pairs in found.items()}


def correlation_line(rows, name, learns):
    all_of, unseen = [], []
    for kind in KINDS:
        pairs = means(rows, name, kind)
        all_of.append(spearman(*zip(*pairs.values())))
        others = [p for (alternative, _), p in pairs.items() if alternative not in learns]
        unseen.append(spearman(*zip(*others)) if len(others) > 1 else float("nan"))
    return f"| {name} | " + " | ".join(f"{a:.2f} ({u:.2f})" for a, u in zip(all_of, unseen)) + " |"


def choice_line(rows, name):
    pairs = means(rows, name, "")
    best = max(pairs, key=lambda key: pairs[key][0])
    real = [p[1] for p in pairs.values()]
    return (f"| {name} | {best[0]}, by {best[1]} | {pairs[best][1]:.3f} | {max(real):.3f} | "
            f"{statistics.mean(real):.3f} | {min(real):.3f} |")


def markdown(rows, learns):
    names = [n for n in dict.fromkeys(row[0] for row in rows)]
    yield "| alternative | score | " + " | ".join(f"{n}: made | real" for n in names) + " |"
    yield "|" + "---|" * (2 + 2 * len(names))
    by_set = {n: means(rows, n, "") for n in names}
    for key in dict.fromkeys(k for found in by_set.values() for k in found):
        cells = [f"{v:.3f}" if v else "" for n in names for v in by_set[n].get(key, (None, None))]
        yield f"| {key[0]} | {key[1]} | " + " | ".join(cells) + " |"
    yield from ("", "Rank correlation of made and real, all alternatives (those that have not trained on made defects):", "")
    yield "| set | all kinds | " + " | ".join(KINDS[1:]) + " |\n|---|---|---|---|---|"
    yield from (correlation_line(rows, n, learns) for n in names)
    yield from ("", "| set | best by made defects | real AUROC | of the best | mean | of the worst |\n|---|---|---|---|---|---|")
    yield from (choice_line(rows, n) for n in names)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=SETS, metavar="SET")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "choosing", metavar="FOLDER")
    parser.add_argument("--only", metavar="NAME,...", help="alternatives, as the table calls them, or models")
    parser.add_argument("--seeds", default="1", metavar="N,...")
    parser.add_argument("--made", type=int, default=200, metavar="N")
    parser.add_argument("--jobs", type=int, default=1, metavar="N")
    parser.add_argument("--markdown", action="store_true", help="run nothing")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    table, rows = args.output / "choosing.csv", []
    if table.exists():
        rows = [tuple(row[c] for c in COLUMNS) for row in csv.DictReader(table.read_text().splitlines())]
    else:
        table.write_text(",".join(COLUMNS) + "\n")
    wanted = args.only.split(",") if args.only else [a.model for a in ALTERNATIVES]
    done = {row[:3] for row in rows}
    todo = [(n, a, s) for s in args.seeds.split(",") for a in ALTERNATIVES if a.name in wanted or a.model in wanted for n in args.sets
            if (n, a.name, s) not in done and not args.markdown]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for future in [pool.submit(measure, n, a, s, args.output, args.made) for n, a, s in todo]:
            try:
                found = future.result()
            except RuntimeError as e:
                sys.exit(f"bench/choosing.py: {e}")
            rows += found
            with open(table, "a") as out:
                csv.writer(out, lineterminator="\n").writerows(found)
            print(*found[0], file=sys.stderr, flush=True)
    if rows:
        print("\n".join(markdown(rows, {a.name for a in ALTERNATIVES if a.model in LEARNS_MADE})))


if __name__ == "__main__":
    main()
