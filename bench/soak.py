#!/usr/bin/python3
"""Hours of video through `engram score MODEL -`: whether a row comes for every frame, and what becomes of its memory.

    bench/soak.py [HOURS]

A small model of clips is trained on a made video of 64x48 at 25 frames a second; then that video is written to the
command's standard input again and again, as one. Prints rows, frames a second, the resident memory at the first tenth
and at the end, and its slope by least squares behind that tenth. ENGRAM_BIN is the command (build/cli/engram).
"""
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENGRAM = os.environ.get("ENGRAM_BIN", str(ROOT / "build/cli/engram"))
WIDTH, HEIGHT, RATE, LOOP, LOOKS = 64, 48, 25, 500, 200
HEAD = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE}:1 Ip A1:1 Cmono\n".encode()


def frame(number):
    """A bright square that wanders over a ramp."""
    left = number * 2 % (WIDTH - 8)
    rows = [bytes(220 if 20 <= y < 28 and left <= x < left + 8 else x + y for x in range(WIDTH)) for y in range(HEIGHT)]
    return b"FRAME\n" + b"".join(rows)


def resident(pid):
    """KiB."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def feed(pipe, frames, total):
    pipe.write(HEAD)
    for at in range(0, total, LOOP):
        pipe.write(b"".join(frames[:min(LOOP, total - at)]))
    pipe.close()


def slope(looks):
    """Least squares over (frames, KiB): KiB an hour of video."""
    n = len(looks)
    mean_x, mean_y = (sum(column) / n for column in zip(*looks))
    up = sum((x - mean_x) * (y - mean_y) for x, y in looks)
    return up / sum((x - mean_x) ** 2 for x, _ in looks) * RATE * 3600


def soak(model, frames, total):
    process = subprocess.Popen([ENGRAM, "score", model, "-", "--format", "csv", "--quiet", "--threads", "1"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    threading.Thread(target=feed, args=(process.stdin, frames, total), daemon=True).start()
    process.stdout.readline()  # names of columns
    rows, looks, start = 0, [], time.monotonic()
    for line in process.stdout:
        if line.split(b",")[1] != str(rows).encode():
            sys.exit(f"bench/soak.py: row {rows} is of another frame: {line.decode().strip()}")
        rows += 1
        if rows % max(1, total // LOOKS) == 0 and rows < total - LOOP:
            looks.append((rows, resident(process.pid)))
    if process.wait():
        sys.exit("bench/soak.py: engram score failed")
    return rows, looks, time.monotonic() - start


def main():
    total = int(float(sys.argv[1] if len(sys.argv) > 1 else 1) * RATE * 3600)
    frames = [frame(i) for i in range(LOOP)]
    with tempfile.TemporaryDirectory() as folder:
        video, model = Path(folder) / "usual.y4m", Path(folder) / "model.safetensors"
        video.write_bytes(HEAD + b"".join(frames))
        subprocess.run([ENGRAM, "train", "ae", video, "-o", model, "--quiet", "--size", "16", "--frames", "4", "--widths",
                        "4,8", "--epochs", "1", "--batch", "8", "--hop", "4"], check=True)
        rows, looks, seconds = soak(model, frames, total)
    later = looks[len(looks) // 10:]
    print(f"{total} frames ({total / RATE / 3600:g} hours), {rows} rows, {rows / seconds:.0f} frames a second; "
          f"{later[0][1]} KiB, in the end {later[-1][1]} KiB: {slope(later):+.1f} KiB an hour of video")


if __name__ == "__main__":
    main()
