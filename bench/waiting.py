#!/usr/bin/python3
"""How long idle threads should spin: training steps by spin, threads and a busy neighbour.

    bench/waiting.py [--nets mnist,kdd] [--spins 0,10,30,100,250,1000,5000] [--threads 2] [--rounds 3] [--begin 60]

Spins are microseconds, told to OpenMP as pauses of this processor (engram_spin_count; `chosen` is what the command does
by itself). Each step time is the least of the rounds' medians, all ways taking turns: what disturbs, and cores of a
virtual machine that lie far apart for a while, only makes it longer. `of the best` is relative to the best spin. The
neighbour is a process that computes on one core; beside it a step on one thread, which has the other core, is what more
threads should not be slower than. --begin N: the command's whole time over so many steps, its start and the time in
which others are found out among it, divided by the steps; of the rounds the median.

Environment: ENGRAM_BIN, the command (build/cli/engram). Prints a table in Markdown. Leave the machine alone meanwhile.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENGRAM = Path(os.environ.get("ENGRAM_BIN", ROOT / "build/cli/engram"))
# Steps of some seconds: it takes half of one until others on the same cores are noticed.
NETS = {
    "mnist": ("memae", "--preset", "mnist", "--repeat", "200"),
    "cifar10": ("memae", "--preset", "cifar10", "--repeat", "30"),
    "kdd": ("memae", "--preset", "kdd", "--columns", "120", "--batch", "1024", "--repeat", "2000"),
}
WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


def step_ms(net, threads, environment, begin):
    env = {k: v for k, v in os.environ.items() if k not in WAITING} | environment
    command = [str(ENGRAM), "bench", *NETS[net], "--train", "--threads", str(threads)]
    command += ["--repeat", str(begin)] if begin else []
    start = time.monotonic()
    out = subprocess.run(command, env=env, capture_output=True, text=True)
    whole = time.monotonic() - start
    found = re.search(r": ([\d.]+) ms, ", out.stdout)
    if not found:
        sys.exit(f"bench/waiting.py: {' '.join(command)} failed: {out.stderr.strip() or out.stdout.strip()}")
    return whole / begin * 1e3 if begin else float(found[1])


def chosen_pauses():
    """What the command tells OpenMP: found in a process of it that computes."""
    command = [str(ENGRAM), "bench", *NETS["mnist"], "--train"]
    env = {k: v for k, v in os.environ.items() if k not in WAITING}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    pauses = None
    while not pauses and process.poll() is None:
        found = re.search(rb"GOMP_SPINCOUNT=(\d+)", Path(f"/proc/{process.pid}/environ").read_bytes())
        pauses = int(found[1]) if found else None
    process.kill()
    process.communicate()
    return pauses or sys.exit("bench/waiting.py: the command does not say how long it spins")


def measure(net, ways, rounds, begin):
    times = {way: [] for way in ways}
    for _ in range(rounds):
        for way, (threads, environment) in ways.items():
            times[way].append(step_ms(net, threads, environment, begin))
    return {way: statistics.median(ms) if begin else min(ms) for way, ms in times.items()}


def print_rows(net, beside, times):
    best = min(ms for way, ms in times.items() if way != "one thread")
    for way, ms in times.items():
        print(f"| {net} | {beside} | {way} | {ms:.2f} | {ms / best:.2f} | {times['one thread'] / ms:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--nets", default="mnist,kdd")
    parser.add_argument("--spins", default="0,10,30,100,250,1000,5000")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--begin", type=int, default=0)
    options = parser.parse_args()
    a_microsecond = chosen_pauses() / 250
    ways = {"one thread": (1, {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"})}
    for spin in map(int, options.spins.split(",")):
        count = str(max(0, round(spin * a_microsecond)))
        ways[f"{spin} us"] = (options.threads, {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": count})
    ways["chosen"] = (options.threads, {})
    ways["OpenMP's own"] = (options.threads, {"GOMP_SPINCOUNT": "300000"})
    print(f"{a_microsecond * 1000:.0f} pauses a millisecond, {options.threads} threads\n")
    print("| net | beside | idle threads spin | ms a step | of the best | against one thread |\n|---|---|---|---|---|---|")
    for net in options.nets.split(","):
        print_rows(net, "nobody", measure(net, ways, options.rounds, options.begin))
        neighbour = subprocess.Popen(["taskset", "-c", str(max(os.sched_getaffinity(0))), sys.executable, "-c", "while True: pass"])
        try:
            print_rows(net, "a busy process", measure(net, ways, options.rounds, options.begin))
        finally:
            neighbour.kill()
            neighbour.wait()


if __name__ == "__main__":
    main()
