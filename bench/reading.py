#!/usr/bin/python3
"""Rows a second out of a table of text: engram against Python's csv module, interleaved, medians of 5 rounds.

    bench/reading.py PROGRAM [FILE]

PROGRAM is the built bench/reading. Without FILE, 100,000 rows of 30 numbers are made in a temporary folder. The Python
loop makes floats of the fields of every row that csv.reader gives; fields that are no numbers stay texts.
"""
import csv
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS, ROWS, COLUMNS = 5, 100_000, 30


def make_table(path):
    random.seed(1)
    with open(path, "w") as file:
        file.write(",".join(f"column {i}" for i in range(COLUMNS)) + "\n")
        for _ in range(ROWS):
            file.write(",".join(f"{random.gauss(0, 10):.6g}" for _ in range(COLUMNS)) + "\n")


def floats(row):
    try:
        return list(map(float, row))
    except ValueError:
        values = []
        for field in row:
            try:
                values.append(float(field))
            except ValueError:
                values.append(field)
        return values


def python_rate(path):
    n, start = 0, time.perf_counter()
    with open(path, newline="") as file:
        for row in csv.reader(file):
            last = floats(row)
            n += 1
    assert last
    return n / (time.perf_counter() - start)


def engram_rates(program, path):
    out = subprocess.run([program, path, ",", "1"], check=True, capture_output=True, text=True).stdout
    return tuple(map(float, out.split()))


def compare(program, path):
    rounds = [(python_rate(path), *engram_rates(program, path)) for _ in range(ROUNDS)]
    python, reader, whole = (statistics.median(column) for column in zip(*rounds))
    ratios = [statistics.median(r[i] / r[0] for r in rounds) for i in (1, 2)]
    print(f"{Path(path).name}: Python {python:.0f} rows/s, engram's reader {reader:.0f} = {ratios[0]:.1f}x, all that "
          f"training does with the file {whole:.0f} = {ratios[1]:.1f}x")


def main():
    if len(sys.argv) > 2:
        compare(sys.argv[1], sys.argv[2])
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "numbers.csv"
        make_table(path)
        compare(sys.argv[1], path)


main()
