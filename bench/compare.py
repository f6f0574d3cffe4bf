#!/usr/bin/python3
"""engram against PyTorch, ONNX Runtime and OpenVINO on this machine: training steps and scoring of the same nets.

    bench/peers/install.sh          once: the peers, at pinned versions, in build/peers
    bench/compare.py [--cases mnist,cifar10,video,daad,ganomaly,kdd] [--modes train,score] [--precisions f32,bf16]
                     [--threads 2] [--rounds 3] [--isa AVX2] [--log FILE] [--peers FOLDER]

First each peer tries its settings for a moment: PyTorch eager and torch.compile in both memory layouts, bf16 by autocast
or (scoring) by weights of bf16, then the fastest two with fewer threads and with threads that sleep while they wait; the
runtimes threads and sleeping. The fastest two settings of a peer are then measured in rounds, in turn with engram, each
in a process of its own, on random input. Times are medians over the rounds of each process's median. A ratio is formed round
by round, the time of the fastest setting of any peer in that number format over engram's: above 1 engram is faster.
It is given as median (lowest to highest). bf16 is compared with bf16; ONNX Runtime has none on x86.

Memory: engram's is the peak of the whole process. A peer's is the peak over the steps alone, less what importing the
library took (PyTorch's wheel brings CUDA along), the least of its settings that were measured.

The last column says how much of the cores other processes took meanwhile: above a few percent a row is worth nothing.
With --log every measurement is kept, and a table is of all that FILE has: a long comparison can be made in pieces, and
settings are tried once (--rounds 0 tries them and measures nothing). --isa caps oneDNN's, PyTorch's and OpenVINO's
instructions, and with a build made by -Dhot=v3 (ENGRAM_BIN) engram's own.

Environment: ENGRAM_BIN, the command (build/cli/engram). Prints a table in Markdown; progress goes to stderr. Leave the
machine alone meanwhile.
"""
import argparse
import datetime
import itertools
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
ENGRAM = Path(os.environ.get("ENGRAM_BIN", ROOT / "build/cli/engram"))
PROGRAMS = ROOT / "bench/peers"


class Case(NamedTuple):
    """A net of the peers (bench/peers/nets.py), and what it is called here."""
    model: str
    preset: str
    repeat: dict  # steps of engram a process: enough for a second or two
    flags: tuple = ()  # of the command, where the preset does not say it
    seconds: float = 1.5  # of a peer


CASES = {
    "mnist": Case("memae", "mnist", {"train": 150, "score": 400}),
    "cifar10": Case("memae", "cifar10", {"train": 20, "score": 60}),
    "video": Case("memae", "video", {"train": 3, "score": 5}, seconds=5),
    "daad": Case("daad", "mvtec", {"train": 2, "score": 4}, seconds=5),
    "ganomaly": Case("ganomaly", "cifar10", {"train": 15, "score": 60}),
    "kdd": Case("memae", "kdd", {"train": 600, "score": 1500}, ("--columns", 120, "--batch", 1024)),
}
PRECISIONS = ("f32", "bf16")
TRY_SECONDS, BEST_SETTINGS = 0.4, 2
WAITING = ("OMP_WAIT_POLICY", "OMP_NUM_THREADS", "GOMP_SPINCOUNT")  # the caller's are not the programs'


def fail(text):
    sys.exit(f"bench/compare.py: {text}")


def say(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def run(command, **environment):
    """Its standard output and its peak memory in MiB."""
    env = {k: v for k, v in os.environ.items() if k not in WAITING} | environment
    with tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=err, text=True, env=env)
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        if process.returncode:
            err.seek(0)
            fail(f"{' '.join(map(str, command))} failed:\n{err.read().strip() or out.strip()}")
    return out, usage.ru_maxrss / 1024


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


class Task(NamedTuple):
    """What is computed: a row of the table in one number format."""
    case: str
    mode: str
    threads: int
    precision: str
    isa: str

    @property
    def environment(self):
        """Caps what oneDNN, and PyTorch's own kernels, may use of the processor."""
        if not self.isa:
            return {}
        return {"ONEDNN_MAX_CPU_ISA": self.isa, "DNNL_MAX_CPU_ISA": self.isa, "ATEN_CPU_CAPABILITY": self.isa.lower(),
                "MKL_ENABLE_INSTRUCTIONS": self.isa}


# ---- the programs that are measured: settings are words with a + between, as they read them ----


class Engram:
    name = "engram"

    def measure(self, task, setting, seconds):
        case = CASES[task.case]
        command = [ENGRAM, "bench", case.model, "--preset", case.preset, "--threads", task.threads, *case.flags,
                   "--precision", task.precision, "--repeat", case.repeat[task.mode]]
        command += ["--train"] if task.mode == "train" else []
        out, peak = run(command, **task.environment)
        ms, parameters = re.search(r": ([\d.]+) ms, .*, (\d+) parameters", out).groups()
        return {"ms": float(ms), "mib": peak, "import_mib": 0, "parameters": int(parameters)}


class Peer:
    def __init__(self, folder):
        self.python = folder / "bin/python"

    def variants(self, task, setting):
        """What else is tried of one of the fastest settings."""
        return []

    def time(self, task, setting, program, *arguments):
        """What the program prints; a setting that ends in +passive has threads that sleep while they wait."""
        words = setting.removesuffix("+passive")
        environment = task.environment | ({"OMP_WAIT_POLICY": "passive"} if words != setting else {})
        out, _ = run([self.python, PROGRAMS / program, *arguments, words], **environment)
        return json.loads(out.splitlines()[-1])


def product(*words):
    """Every choice of one word of each; "" is left out."""
    return ["+".join(filter(None, chosen)) for chosen in itertools.product(*words)]


class PyTorch(Peer):
    name = "PyTorch"

    def settings(self, task):
        cast = ["", "cast"] if (task.mode, task.precision) == ("score", "bf16") else [""]
        layout = [""] if task.case == "kdd" else ["", "channels-last"]
        return product([f"threads{task.threads}"], ("eager", "compiled"), layout, cast)

    def variants(self, task, setting):
        fewer = [setting.replace(f"threads{task.threads}", f"threads{n}") for n in range(1, task.threads)]
        return [setting + "+passive", *fewer]

    def measure(self, task, setting, seconds):
        return self.time(task, setting, "torch_steps.py", task.case, task.mode, task.precision, seconds)


class OnnxRuntime(Peer):
    name, module, words = "ONNX Runtime", "onnxruntime", ("", "quiet")
    precisions = ("f32",)

    def __init__(self, folder, nets):
        super().__init__(folder)
        self.nets = nets  # a folder for them

    def settings(self, task):
        if task.mode == "train" or task.precision not in self.precisions:
            return []
        return product([f"threads{n + 1}" for n in range(task.threads)], self.words)

    def measure(self, task, setting, seconds):
        file = self.nets / f"{task.case}.onnx"
        if not file.exists():
            run([self.python, PROGRAMS / "export_onnx.py", task.case, file])
        return self.time(task, setting, "onnx_steps.py", self.module, file, task.precision, seconds)


class OpenVino(OnnxRuntime):
    name, module, words, precisions = "OpenVINO", "openvino", ("",), PRECISIONS

    def settings(self, task):
        return [] if task.isa else super().settings(task)  # it takes no cap


def versions(peers):
    probe = "import torch, onnxruntime, openvino; print(torch.__version__, onnxruntime.__version__, openvino.__version__)"
    result = subprocess.run([peers / "bin/python", "-c", probe], capture_output=True, text=True)
    if result.returncode:
        fail(f"{peers} has not all of the peers: bench/peers/install.sh {peers} installs them")
    torch, onnxruntime, openvino = result.stdout.split()[:3]
    return f"PyTorch {torch}, ONNX Runtime {onnxruntime}, OpenVINO {openvino.split('-')[0]}"


# ---- the log: every measurement, a dict of its task, who, the round (-1: a try), and what was measured ----


class Log:
    def __init__(self, path):
        self.file = open(path, "a+") if path else None
        self.entries = []
        if self.file:
            self.file.seek(0)
            self.entries = [json.loads(line) for line in self.file]

    def add(self, task, who, setting, number, measured):
        self.entries.append(task._asdict() | {"who": who, "setting": setting, "round": number} | measured)
        if self.file:
            print(json.dumps(self.entries[-1]), file=self.file, flush=True)

    def of(self, task, who=None, tries=False):
        return [e for e in self.entries if all(e[k] == v for k, v in task._asdict().items())
                and (who is None or e["who"] == who) and (e["round"] < 0) == tries]

    def rounds(self, task):
        return 1 + max((e["round"] for e in self.of(task)), default=-1)


def try_settings(log, task, program, settings):
    """Those that have not been tried yet."""
    tried = {e["setting"] for e in log.of(task, program.name, tries=True)}
    for setting in settings:
        if setting not in tried:
            m = program.measure(task, setting, TRY_SECONDS)
            log.add(task, program.name, setting, -1, m)
            say(f"{program.name} {task.case} {task.mode} {task.precision}, {setting}: {m['ms']:.2f} ms")


def try_all(log, task, program):
    try_settings(log, task, program, program.settings(task))
    best = [s for s in fastest_settings(log, task, program) if s in program.settings(task)]
    try_settings(log, task, program, [v for s in best for v in program.variants(task, s)])


def fastest_settings(log, task, program):
    tried = sorted(log.of(task, program.name, tries=True), key=lambda e: e["ms"])
    return [e["setting"] for e in tried[:BEST_SETTINGS]]


def measure_round(log, task, programs, number):
    """All programs in turn, every other round backwards."""
    runs = [(programs[0], f"threads{task.threads}")]
    runs += [(p, s) for p in programs[1:] for s in fastest_settings(log, task, p)]
    others, measured = Others(), []
    for program, setting in reversed(runs) if number % 2 else runs:
        measured.append((program.name, setting, program.measure(task, setting, CASES[task.case].seconds)))
    counts = {m["parameters"] for _, _, m in measured if "parameters" in m}
    if task.mode == "train" and len(counts) > 1:
        fail(f"the nets of {task.case} differ: they have {' and '.join(map(str, sorted(counts)))} parameters")
    share = others.share()
    for name, setting, m in measured:
        log.add(task, name, setting, number, m | {"others": share})
    say(f"{task.case} {task.mode} {task.precision}, round {number + 1}: " +
        ", ".join(f"{name} {setting} {m['ms']:.2f} ms" for name, setting, m in measured))


# ---- the table ----


class Line:
    """A task's measurements, as cells."""

    def __init__(self, log, task):
        self.ways = {}
        for e in log.of(task):
            self.ways.setdefault((e["who"], e["setting"]), []).append(e)
        self.own = next((es for (who, _), es in self.ways.items() if who == "engram"), [])
        self.peers = sorted((who for who in self.ways if who[0] != "engram"), key=self.median_ms)
        self.others = statistics.median(e["others"] for e in self.own) if self.own else 0

    def median_ms(self, way):
        return statistics.median(e["ms"] for e in self.ways[way])

    def of_peer(self, name):
        """Its fastest setting's time, and which that is."""
        way = next((w for w in self.peers if w[0] == name), None)
        return f"{self.median_ms(way):.2f} ({way[1].replace('threads', '').replace('+', ', ')})" if way else "none"

    def ratio(self):
        if not self.peers:
            return "no peer"
        own = {e["round"]: e["ms"] for e in self.own}
        ratios = [e["ms"] / own[e["round"]] for e in self.ways[self.peers[0]] if e["round"] in own]
        return f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})"

    def memory(self, name):
        least = [statistics.median(e["mib"] - e["import_mib"] for e in es) for (who, _), es in self.ways.items() if who == name]
        return min(least) if least else None


def table(log, tasks):
    heads = ["net", "mode", "format", "threads", "PyTorch ms", "ONNX Runtime ms", "OpenVINO ms", "engram ms",
             "times faster than the fastest", "engram MiB", "PyTorch MiB without its import", "share", "others"]
    yield "| " + " | ".join(heads) + " |\n|" + "---|" * len(heads)
    for task in tasks:
        line = Line(log, task)
        if not line.own:
            continue
        own, torch = line.memory("engram"), line.memory("PyTorch")
        cells = [task.case, task.mode, task.precision, str(task.threads), *map(line.of_peer, (PyTorch.name, OnnxRuntime.name, OpenVino.name)),
                 f"{statistics.median(e['ms'] for e in line.own):.2f}", line.ratio(), f"{own:.0f}",
                 *((f"{torch:.0f}", f"{own / torch:.2f}") if torch else ("none", "")), f"{line.others:.0%}"]
        yield "| " + " | ".join(cells) + " |"


def processor():
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return f"{names[0] if names else os.uname().machine}, {len(os.sched_getaffinity(0))} cores"


def native_precisions():
    """Whether bf16 is computed here: the command says so by using it."""
    out, _ = run([ENGRAM, "bench", "ae", "--preset", "mnist", "--precision", "bf16", "--repeat", "1"])
    return PRECISIONS if " bf16 " in out else PRECISIONS[:1]


def words_of(text, known, what):
    words = text.split(",")
    for word in words:
        if word not in known:
            fail(f"there is no {what} {word}; there are {', '.join(known)}")
    return words


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--modes", default="train,score")
    parser.add_argument("--precisions", default=",".join(PRECISIONS))
    parser.add_argument("--threads", default="2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--isa", default="")
    parser.add_argument("--log")
    parser.add_argument("--peers", type=Path, default=ROOT / "build/peers")
    return parser.parse_args()


def main():
    args = arguments()
    if not ENGRAM.exists():
        fail(f"there is no command {ENGRAM}; make build makes it, or set ENGRAM_BIN")
    known, log = versions(args.peers), Log(args.log)
    nets = tempfile.TemporaryDirectory()
    programs = [Engram(), PyTorch(args.peers), *(p(args.peers, Path(nets.name)) for p in (OnnxRuntime, OpenVino))]
    precisions = [p for p in words_of(args.precisions, PRECISIONS, "number format") if p in native_precisions()]
    tasks = [Task(case, mode, threads, precision, args.isa)
             for case in words_of(args.cases, CASES, "case") for mode in words_of(args.modes, ("train", "score"), "mode")
             for threads in map(int, args.threads.split(",")) for precision in precisions]
    for task in tasks:
        for program in programs[1:]:
            try_all(log, task, program)
        for _ in range(args.rounds):
            measure_round(log, task, programs, log.rounds(task))
    print(f"{datetime.date.today()}, {processor()}; {run([ENGRAM, '--version'])[0].strip()}, {known}"
          f"{'; at most ' + args.isa if args.isa else ''}\n")
    print("\n".join(table(log, tasks)))


if __name__ == "__main__":
    main()
