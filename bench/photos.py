#!/usr/bin/python3
"""Photos of 12 megapixels to scores, against vipsthumbnail, which makes thumbnails of the size that the model sees and no
more. Both start anew for all photos; interleaved, medians of 5 rounds of wall time; each on one thread and on two.
vipsthumbnail takes one photo after the other, and more threads make it no faster: on two it is two processes, of half of
the photos each.

    bench/photos.py PROGRAM [FOLDER]

PROGRAM is the engram command. Without FOLDER, 24 photos of 4000x3000 are made in a temporary folder (JPG, quality 90, 4:2:0:
shapes, gradients and the noise of a camera, some 2 MB each). The model is an autoencoder for 256x256 that has seen them
once. Needs libvips-tools.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROUNDS, SIZE, PHOTOS = 5, 256, 24


def make_photos(folder):
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:3000, 0:4000].astype(np.float32)
    for i in range(PHOTOS):
        shapes = np.zeros_like(x)
        for _ in range(12):
            at_x, at_y, size = rng.uniform(0, 4000), rng.uniform(0, 3000), rng.uniform(100, 700)
            shapes += rng.uniform(-60, 60) * (np.hypot(x - at_x, y - at_y) < size)
        waves = 20 * np.sin(x * rng.uniform(0.005, 0.05) + y * rng.uniform(0.005, 0.05))
        light = 110 + x * rng.uniform(0, 0.02)
        noise = rng.normal(0, 3, x.shape).astype(np.float32)
        pixels = (light + shapes + waves + noise)[..., None] * np.array([1, 0.9, 0.8], np.float32)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{i:02}.jpg", quality=90)


def seconds(*commands):
    """Of commands that run beside each other, until the last has ended."""
    environment = dict(os.environ, VIPS_CONCURRENCY="1")
    start = time.perf_counter()
    running = [subprocess.Popen(c, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) for c in commands]
    if any(process.wait() for process in running):
        sys.exit(f"{commands[0][0]} failed")
    return time.perf_counter() - start


def compare(program, folder, work):
    photos = sorted(str(p) for p in Path(folder).iterdir())
    size = sum(os.path.getsize(p) for p in photos) / len(photos) / 1e6
    model = f"{work}/photos.safetensors"
    seconds([program, "train", "ae", str(folder), "--size", str(SIZE), "--epochs", "1", "-o", model])
    print(f"{len(photos)} photos, {size:.1f} MB each, to {SIZE}x{SIZE}; seconds for all")
    for threads in (1, 2):
        vips = [["vipsthumbnail", "--size", f"{SIZE}x{SIZE}!", "-o", f"{work}/%s.png", *photos[i::threads]] for i in range(threads)]
        engram = [program, "score", model, str(folder), "--threads", str(threads)]
        rounds = [(seconds(*vips), seconds(engram)) for _ in range(ROUNDS)]
        thumbnails, scores = (statistics.median(column) for column in zip(*rounds))
        ratio = statistics.median(engram / vips for vips, engram in rounds)
        print(f"{threads} thread{'s' if threads > 1 else ' '}: vipsthumbnail {thumbnails:.2f}, engram score {scores:.2f}, ratio {ratio:.2f}")


def main():
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as work:
        folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(work) / "photos"
        if len(sys.argv) == 2:
            folder.mkdir()
            make_photos(folder)
        compare(program, folder, work)


main()
