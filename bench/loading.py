#!/usr/bin/python3
"""Pictures a second from a folder: engram's loader against a Pillow + NumPy loop, interleaved, medians of 5 rounds.

    bench/loading.py PROGRAM [FOLDER]

PROGRAM is the built bench/loading. Without FOLDER, 200 textured 256x256 pictures are made in a temporary folder, as PNG
and as JPG (quality 90). The Python loop does what a data loader does for one worker: open, decode, convert to RGB, resize
where the size differs, to float32 in [-1, 1]. Both on one thread; engram on two as well.
"""
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

SECONDS, ROUNDS = 1.0, 5


def make_pictures(folder, suffix, size=256, n=200):
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:size, 0:size]
    for i in range(n):
        waves = [np.sin((x * rng.uniform(0.05, 0.3) + y * rng.uniform(0.05, 0.3)) + rng.uniform(0, 6)) for _ in range(3)]
        pixels = 128 + 60 * np.stack(waves, -1) + rng.normal(0, 6, (size, size, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{i:03}{suffix}", quality=90)


def pillow_rate(files, size):
    n, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        with Image.open(files[n % len(files)]) as picture:
            picture = picture.convert("RGB")
            if picture.size != (size, size):
                picture = picture.resize((size, size), Image.BICUBIC)
            batch = np.asarray(picture, dtype=np.float32) / 127.5 - 1
        n += 1
    assert batch.shape == (size, size, 3)
    return n / (time.perf_counter() - start)


def engram_rate(program, folder, size, threads):
    out = subprocess.run([program, folder, str(size), str(threads), str(SECONDS)], check=True, capture_output=True)
    return float(out.stdout)


def compare(program, folder, size, title):
    files = sorted(p for p in Path(folder).rglob("*") if p.is_file())
    rows = []
    for _ in range(ROUNDS):
        rows.append((pillow_rate(files, size), engram_rate(program, folder, size, 1), engram_rate(program, folder, size, 2)))
    python, one, two = (statistics.median(column) for column in zip(*rows))
    ratio = statistics.median(r[1] / r[0] for r in rows)
    ratio_two = statistics.median(r[2] / r[0] for r in rows)
    print(f"{title:28} Pillow {python:7.0f}/s   engram {one:7.0f}/s = {ratio:.2f}x   2 threads {two:7.0f}/s = {ratio_two:.2f}x")


def main():
    program = sys.argv[1]
    if len(sys.argv) > 2:
        compare(program, sys.argv[2], 256, "the folder, to 256x256")
        return
    for suffix in (".png", ".jpg"):
        with tempfile.TemporaryDirectory() as folder:
            make_pictures(Path(folder), suffix)
            compare(program, folder, 256, f"256x256 {suffix[1:]}")
            compare(program, folder, 128, f"256x256 {suffix[1:]} to 128x128")


main()
