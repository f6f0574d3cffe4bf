#!/usr/bin/python3
"""engram against PyTorch on this machine: training steps and scoring of the same nets, side by side.

    bench/compare.py [--cases mnist,cifar10,video,daad,ganomaly,kdd] [--modes train,score] [--threads 1,2] [--rounds 5]

Both run in turn, each round in fresh processes, on random input. PyTorch first tries all of its settings (memory
layout, threads up to the row's, waiting policy of OpenMP) and keeps the fastest. Times are medians over the rounds of
each process's median; ratios are formed round by round (PyTorch's time over engram's: above 1 engram is faster) and
given as median (lowest to highest). Memory is the process's peak, the same for both: what the kernel counts. The last
column says how much of the cores other processes took meanwhile: above a few percent a row is worth nothing.

Environment: ENGRAM_BIN, the command (build/cli/engram); ENGRAM_PEER, the PyTorch script
(../shared/peers/torch_peer.py beside the checkout); ENGRAM_PYTHON, a Python with PyTorch (/usr/bin/python3).
Prints a table in Markdown; progress goes to stderr. Leave the machine alone meanwhile.
"""
import argparse
import datetime
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
ENGRAM = Path(os.environ.get("ENGRAM_BIN", ROOT / "build/cli/engram"))
PEER = Path(os.environ.get("ENGRAM_PEER", ROOT.parent / "shared/peers/torch_peer.py"))
PYTHON = os.environ.get("ENGRAM_PYTHON", "/usr/bin/python3")


class Case(NamedTuple):
    """A net of the peer, and what it is called here."""
    model: str
    preset: str
    repeat: dict  # steps a process: enough for a second or two
    flags: tuple = ()  # of the command, where the preset does not say it


CASES = {
    "mnist": Case("memae", "mnist", {"train": 60, "score": 150}),
    "cifar10": Case("memae", "cifar10", {"train": 12, "score": 30}),
    "video": Case("memae", "video", {"train": 3, "score": 5}),
    "daad": Case("daad", "mvtec", {"train": 2, "score": 3}),
    "ganomaly": Case("ganomaly", "cifar10", {"train": 10, "score": 40}),
    "kdd": Case("memae", "kdd", {"train": 300, "score": 900}, ("--columns", 120, "--batch", 1024)),
}
PRECISIONS = ("f32", "bf16")


def fail(text):
    sys.exit(f"bench/compare.py: {text}")


def run(command, **environment):
    """Its standard output and its peak memory in MiB."""
    env = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "OMP_NUM_THREADS", "GOMP_SPINCOUNT")}
    process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=env | environment)
    out, err = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    if process.returncode:
        fail(f"{' '.join(map(str, command))} failed:\n{err.strip() or out.strip()}")
    return out, err, usage.ru_maxrss / 1024


def measured(command, **environment):
    """(milliseconds a step, peak MiB) of a program that prints them as the peer does."""
    out, _, peak = run(command, **environment)
    found = re.search(r": ([\d.]+) ms, ", out)
    if not found:
        fail(f"no time in what {command[0]} printed: {out!r}")
    return float(found[1]), peak


def check_peer():
    """PyTorch's version; a reason not to measure, where it is not there or would be measured unfairly."""
    if not PEER.exists():
        fail(f"there is no PyTorch script at {PEER}; set ENGRAM_PEER to where it is")
    probe = "import numpy, torch; torch.ones(64, 64) @ torch.ones(64, 64); print(torch.__version__); " \
            "print('openblas' in open('/proc/self/maps').read() or 'mkl' in open('/proc/self/maps').read())"
    result = subprocess.run([PYTHON, "-c", probe], capture_output=True, text=True)
    if result.returncode:
        fail(f"{PYTHON} has no PyTorch: install python3-torch (Debian), or set ENGRAM_PYTHON")
    version, fast = result.stdout.split()
    if fast != "True":
        fail("PyTorch runs on the reference BLAS here, which is ten times slower than it need be: install "
             "libopenblas0-pthread")
    return version


class Others:
    """What other processes use of the cores, from when this is made."""

    def __init__(self):
        self.start, self.busy, self.own = time.monotonic(), self.count_busy(), self.count_own()

    @staticmethod
    def count_busy():
        """Seconds that all cores have worked, or waited for the machine that they are a guest on."""
        user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
        return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def count_own():
        return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))

    def share(self):
        others = self.count_busy() - self.busy - (self.count_own() - self.own)
        return max(0, others / ((time.monotonic() - self.start) * os.cpu_count()))


class Setting:
    """One way of running the peer."""

    def __init__(self, threads, channels_last, passive):
        self.threads, self.channels_last, self.passive = threads, channels_last, passive

    def __str__(self):
        words = [f"{self.threads} thread{'s' if self.threads > 1 else ''}"]
        words += ["channels-last"] if self.channels_last else []
        words += ["passive waiting"] if self.passive else []
        return ", ".join(words)

    def measure(self, case, mode, repeat):
        command = [PYTHON, PEER, case, "--threads", self.threads, "--repeat", repeat]
        command += ["--train"] if mode == "train" else []
        command += ["--channels-last"] if self.channels_last else []
        return measured(command, **({"OMP_WAIT_POLICY": "passive"} if self.passive else {}))


class Peer:
    def __init__(self):
        self.tried = {}

    def fastest(self, case, mode, threads):
        """The fastest setting with at most so many threads, each tried twice."""
        best = None
        for n in range(1, threads + 1):
            for channels_last in (False, True):
                for passive in (False, True):
                    setting = Setting(n, channels_last, passive)
                    key = case, mode, str(setting)
                    if key not in self.tried:
                        repeat = max(2, CASES[case].repeat[mode] // 3)
                        self.tried[key] = min(setting.measure(case, mode, repeat)[0] for _ in range(2))
                        print(f"  PyTorch {case} {mode}, {setting}: {self.tried[key]:.2f} ms", file=sys.stderr)
                    if best is None or self.tried[key] < best[0]:
                        best = self.tried[key], setting
        return best[1]


def engram(case, mode, threads, precision):
    command = [ENGRAM, "bench", CASES[case].model, "--preset", CASES[case].preset, "--threads", threads]
    command += [*CASES[case].flags, "--precision", precision, "--repeat", CASES[case].repeat[mode]]
    command += ["--train"] if mode == "train" else []
    return measured(command)


def native_precisions():
    """Whether bf16 is computed here: the command says so by using it."""
    out, _, _ = run([ENGRAM, "bench", "ae", "--preset", "mnist", "--precision", "bf16", "--repeat", "1"])
    return PRECISIONS if " bf16 " in out else PRECISIONS[:1]


def compare(peer, case, mode, threads, rounds, precisions):
    setting = peer.fastest(case, mode, threads)
    results, others = {name: [] for name in ("peer",) + precisions}, Others()
    for i in range(rounds):
        for name in sorted(results, reverse=i % 2):
            results[name].append(setting.measure(case, mode, CASES[case].repeat[mode]) if name == "peer"
                                 else engram(case, mode, threads, name))
        print(f"  {case} {mode} {threads}, round {i + 1}: " +
              ", ".join(f"{name} {r[-1][0]:.2f} ms" for name, r in results.items()), file=sys.stderr)
    return setting, results, others.share()


def median(results, what):
    return statistics.median(r[what] for r in results)


def row(case, mode, threads, setting, results, precisions, others):
    cells = [case, mode, str(threads), f"{median(results['peer'], 0):.2f}", str(setting)]
    for name in precisions:
        ratios = [p[0] / o[0] for p, o in zip(results["peer"], results[name])]
        cells += [f"{median(results[name], 0):.2f}",
                  f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})"]
    memory = median(results["peer"], 1)
    cells += [f"{memory:.0f}"] + [f"{median(results[n], 1):.0f} ({median(results[n], 1) / memory:.2f})" for n in precisions]
    return "| " + " | ".join(cells + [f"{others:.0%}"]) + " |"


def processor():
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return f"{names[0] if names else os.uname().machine}, {len(os.sched_getaffinity(0))} cores"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--modes", default="train,score")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    if not ENGRAM.exists():
        fail(f"there is no command {ENGRAM}; make build makes it, or set ENGRAM_BIN")
    torch = check_peer()
    precisions, peer = native_precisions(), Peer()
    print(f"{datetime.date.today()}, {processor()}; {run([ENGRAM, '--version'])[0].strip()}, PyTorch {torch}; "
          f"{args.rounds} rounds\n")
    heads = ["net", "mode", "threads", "PyTorch ms", "its fastest setting"]
    for name in precisions:
        heads += [f"engram {name} ms", f"times faster, {name}"]
    heads += ["PyTorch MiB"] + [f"engram {name} MiB (share)" for name in precisions]
    heads += ["others"]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads), flush=True)
    for case in args.cases.split(","):
        for mode in args.modes.split(","):
            if case not in CASES or mode not in CASES[case].repeat:
                fail(f"there is no case {case} {mode}; there are {', '.join(CASES)}, each train and score")
            for threads in map(int, args.threads.split(",")):
                setting, results, others = compare(peer, case, mode, threads, args.rounds, precisions)
                print(row(case, mode, threads, setting, results, precisions, others), flush=True)


if __name__ == "__main__":
    main()
