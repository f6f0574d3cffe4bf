#!/usr/bin/python3
"""The ten-digit table of the MemAE paper: one digit of MNIST is normal, the whole test set is scored, for each digit.

    bench/one_class.py [-o TABLE.md] [--models memae,ae] [--digits 0123456789] [--precision f32] [--set name=value ...]

For each digit and model: trains (preset mnist: last epoch, the same net and schedule for all), and gives the area under
the ROC curve over all 10,000 test pictures; the share of the normal test pictures that is called anomalous at
the calibrated rates 0.01, 0.05 and 0.1; and the seconds of training. Behind a share stands how far chance alone takes
it from its promise (one standard deviation: of m test pictures, of n pictures held out for calibration,
sqrt(r (1 - r) (1/m + 1/n))).

Environment: ENGRAM_BIN, the command (build/cli/engram); ENGRAM_DATA, the folder with mnist/ in it (../shared/data beside
the checkout).
"""
import argparse
import csv
import datetime
import gzip
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENGRAM = Path(os.environ.get("ENGRAM_BIN", ROOT / "build/cli/engram"))
DATA = Path(os.environ.get("ENGRAM_DATA", ROOT.parent / "shared/data"))
RATES = (0.01, 0.05, 0.1)


def fail(text):
    sys.exit(f"bench/one_class.py: {text}")


def engram(*arguments):
    result = subprocess.run([str(ENGRAM), *map(str, arguments)], capture_output=True, text=True)
    if result.returncode:
        fail(f"engram {' '.join(map(str, arguments))} failed:\n{result.stderr.strip()}")
    return result.stdout


def read_labels(folder):
    path = folder / "t10k-labels-idx1-ubyte.gz"
    if not path.exists():
        fail(f"there is no {path}; set ENGRAM_DATA to the folder with mnist/ in it")
    return gzip.decompress(path.read_bytes())[8:]


def train(model, data, output, args):
    settings = [word for pair in args.set for word in ("--set", pair)]
    start = time.monotonic()
    engram("train", model, data, "--preset", "mnist", "-o", output, "--seed", args.seed, "--precision", args.precision,
           "--quiet", *settings)
    return time.monotonic() - start


def auroc(output, data):
    for row in csv.DictReader(engram("eval", output, data, "--quiet").splitlines()):
        if row["metric"] == "auroc" and not row["kind"]:
            return float(row["value"])
    fail(f"engram eval {output} prints no auroc")


def false_alarms(output, data, labels, digit):
    """Share of the normal test pictures called anomalous at each rate, and their number."""
    rows = csv.DictReader(engram("score", output, data, "--quiet").splitlines())
    p_values = [float(row["p_value"]) for row in rows if labels[int(row["index"])] == digit]
    return [sum(p <= rate for p in p_values) / len(p_values) for rate in RATES], len(p_values)


def held_out(output):
    found = re.search(r"^calibration,samples,(\d+)", engram("info", output, "--format", "csv"), re.M)
    if not found:
        fail(f"engram info {output} does not say how many samples were held out")
    return int(found[1])


class Cell:
    """One model on one digit."""

    def __init__(self, model, digit, folder, labels, args):
        data = f"idx:{DATA / 'mnist'}?normal={digit}"
        output = Path(folder) / f"{model}-{digit}.safetensors"
        self.seconds = train(model, data, output, args)
        self.auroc = auroc(output, data)
        self.alarms, tested = false_alarms(output, data, labels, digit)
        self.chance = [math.sqrt(r * (1 - r) * (1 / tested + 1 / held_out(output))) for r in RATES]

    def deviations(self):
        return [(a - r) / c for a, r, c in zip(self.alarms, RATES, self.chance)]


def table_of(model, cells):
    lines = [f"| {model}: normal digit | AUROC | " + " | ".join(f"false alarms at {r}" for r in RATES) + " | seconds |",
             "|---|---|" + "---|" * (len(RATES) + 1)]
    for digit, c in cells.items():
        alarms = [f"{a:.4f} (chance {e:.4f})" for a, e in zip(c.alarms, c.chance)]
        lines.append(f"| {digit} | {c.auroc:.4f} | " + " | ".join(alarms) + f" | {c.seconds:.1f} |")
    means = [statistics.mean(c.alarms[i] for c in cells.values()) for i in range(len(RATES))]
    lines.append(f"| **mean** | **{statistics.mean(c.auroc for c in cells.values()):.4f}** | " +
                 " | ".join(f"{m:.4f}" for m in means) + f" | {sum(c.seconds for c in cells.values()):.0f} in all |")
    deviations = [d for c in cells.values() for d in c.deviations()]
    lines += ["", f"Of {len(deviations)} shares, {sum(d <= 2 for d in deviations)} are at most 2 standard deviations above "
              f"their promise; the farthest is {max(deviations):.1f} above, {-min(deviations):.1f} below.", ""]
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, help="also write the table there")
    parser.add_argument("--models", default="memae,ae")
    parser.add_argument("--digits", default="0123456789")
    parser.add_argument("--precision", default="f32", choices=("f32", "bf16"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an option over the preset")
    args = parser.parse_args()
    if not ENGRAM.exists():
        fail(f"there is no command {ENGRAM}; make build makes it, or set ENGRAM_BIN")
    labels = read_labels(DATA / "mnist")
    start = time.monotonic()
    lines = [f"MNIST, one digit normal, all 10,000 test pictures; preset mnist, {args.precision}, seed {args.seed}"
             f"{''.join(', ' + s for s in args.set)}; {engram('--version').strip()}, {datetime.date.today()}", ""]
    with tempfile.TemporaryDirectory() as folder:
        for model in args.models.split(","):
            cells = {}
            for digit in map(int, args.digits):
                cells[digit] = Cell(model, digit, folder, labels, args)
                print(f"{model} {digit}: {cells[digit].auroc:.4f}, {cells[digit].seconds:.0f} s", file=sys.stderr)
            lines += table_of(model, cells)
    lines.append(f"In all {time.monotonic() - start:.0f} seconds on {len(os.sched_getaffinity(0))} cores.")
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if args.output:
        args.output.write_text(text)


if __name__ == "__main__":
    main()
