#!/usr/bin/python3
"""Whether several models together find more than one: what docs/parts.md says of combinations.

    bench/parts/combine.py [-o FOLDER] [--sets bottle,aliens,kolektor] [--seed 1] [--with segment,ae]

Trains `features` and the others on every set of run.py, each as its general preset has it (MODELS says with what besides), scores
the test part with each (`engram score`), and prints the image AUROC of each and of all combinations with `features`:

    p_values    the mean of log p, Fisher's: p-values as the program prints them, from 1 / (n + 1) on
    least       the least p-value
    deviations  the mean of (score - mean) / deviation, which are those of the held-out good pictures' scores: p-values of as
                many pictures as calibrate end at 1 / (n + 1), and what lies beyond is all the same to them

Scores are in FOLDER/combine-SET-MODEL-SEED.csv and are not made again. Environment: as run.py.
"""
import argparse
import itertools
import json
import math
import statistics
import struct
import sys
from pathlib import Path

from run import DATA, SETS, engram, table

MODELS = {  # options of the training
    "features": {},
    "segment": {"": "", "kolektor": "--tile 128 --size 512x192 --set steps=1"},
    "ae": {"": "--size 64 --epochs 60", "kolektor": "--tile 128 --widths 16,32,64 --epochs 3"},
}


def held_out(model):
    """Scores of the good pictures that calibrate: what the file's verdicts stand on."""
    data = Path(model).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    by_map = json.loads(header["__metadata__"]["engram"])["train"].get("score") == "map"
    begin, end = header["usual.scores" if by_map and "usual.scores" in header else "calibration.scores"]["data_offsets"]
    return struct.unpack(f"<{(end - begin) // 4}f", data[8 + size + begin:8 + size + end])


def scored(name, model, args):
    """{picture: (p-value, deviations)} of the test part."""
    kept = args.output / f"combine-{name}-{model}-{args.seed}.csv"
    if not kept.exists():
        options, file = MODELS[model], args.output / "combine.safetensors"
        engram("train", model, DATA / SETS[name], "-o", file, "--force", "-q", "--seed", args.seed,
               *options.get(name, options.get("", "")).split())
        good = held_out(file)
        mean, deviation = statistics.mean(good), statistics.stdev(good)
        rows = []
        for folder in sorted((DATA / SETS[name] / "test").iterdir()):
            for row in table(engram("score", file, folder, "--format", "csv", "-q")):
                rows.append(f"{folder.name}/{Path(row['path']).name},{row['p_value']},{(float(row['score']) - mean) / deviation}")
        kept.write_text("picture,p_value,deviations\n" + "\n".join(rows) + "\n")
        file.unlink()
    return {r["picture"]: (float(r["p_value"]), float(r["deviations"])) for r in table(kept.read_text())}


def auroc(values):
    good = [v for picture, v in values.items() if picture.startswith("good/")]
    bad = [v for picture, v in values.items() if not picture.startswith("good/")]
    return sum((b > g) + (b == g) / 2 for b in bad for g in good) / len(bad) / len(good)


def combined(found):
    """Of some models' scores: the area of each way to combine them."""
    pictures = found[0].keys()
    ways = {"p_values": lambda s: -statistics.mean(math.log(p) for p, _ in s),
            "least": lambda s: -min(p for p, _ in s),
            "deviations": lambda s: statistics.mean(d for _, d in s)}
    return {way: auroc({k: f([one[k] for one in found]) for k in pictures}) for way, f in ways.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path("parts"))
    parser.add_argument("--sets", type=lambda text: text.split(","), default=list(SETS))
    parser.add_argument("--with", dest="others", type=lambda text: text.split(","), default=["segment", "ae"])
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    print("| set | models | each alone | p-values, mean of logs | the least | deviations, mean |\n|---|---|---|---|---|---|")
    for name in args.sets:
        found = {model: scored(name, model, args) for model in ["features", *args.others]}
        print(f"{name}: scored", file=sys.stderr, flush=True)
        for n in range(len(args.others) + 1):
            for others in itertools.combinations(args.others, n):
                models = ["features", *others]
                alone = ", ".join(f"{auroc({k: d for k, (_, d) in found[m].items()}):.3f}" for m in models)
                areas = combined([found[m] for m in models])
                print(f"| {name} | {' + '.join(models)} | {alone} | " + " | ".join(f"{v:.3f}" for v in areas.values()) + " |")


if __name__ == "__main__":
    main()
