"""What the programs that time a peer share: a loop of steps, the memory they took, a line of JSON."""
import json
import re
import statistics
import time
from pathlib import Path

WARM_STEPS, WARM_SECONDS = 5, 1


def memory(what):
    """MiB: VmRSS is now, VmHWM the most since the start or since forget_peak."""
    return int(re.search(what + r":\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def forget_peak():
    """What compiling took is not counted: the peak begins anew, with what is still held."""
    Path("/proc/self/clear_refs").write_text("5")


def time_steps(step, seconds):
    """(median milliseconds, peak MiB) of as many steps as the time allows, after some that are not counted: the first,
    which may compile, and up to five more, or a second."""
    step()
    end = time.perf_counter() + WARM_SECONDS
    for _ in range(WARM_STEPS):
        if time.perf_counter() < end:
            step()
    forget_peak()
    times, end = [], time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3, memory("VmHWM")


def report(ms, peak, imported, **more):
    print(json.dumps({"ms": ms, "mib": peak, "import_mib": imported} | more))
