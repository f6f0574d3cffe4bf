"""One cell of a table: a model trained with one seed on one class, and measured. Through the command alone."""
import csv
import json
import math
import os
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import NamedTuple

import pictures
from store import RATES

ROOT = Path(__file__).resolve().parent.parent.parent
ENGRAM = Path(os.environ.get("ENGRAM_BIN", ROOT / "build/cli/engram"))
DATA = Path(os.environ.get("ENGRAM_DATA", ROOT.parent / "shared/data"))
LAST_EPOCH = ("keep=last", "validation=0", "patience=0")  # whatever a preset says
VIDEO_METRICS = tuple((metric, "") for metric in ("auroc", "macro_auroc", "per_video_auroc", "per_video_macro_auroc"))
EPOCH = 5000  # pictures that the cost table calls an epoch


class Stopped(Exception):
    pass


class Failed(Exception):
    pass


class Runner:
    """Runs the command, from several threads; `stop` ends what runs; trainings save first."""

    def __init__(self):
        self.lock, self.running, self.stopped = threading.Lock(), set(), False

    def __call__(self, *arguments):
        command = [str(ENGRAM), *map(str, arguments)]
        with self.lock:
            if self.stopped:
                raise Stopped
            # A session of its own: the terminal's Ctrl-C reaches it through `stop`, and once.
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                       start_new_session=True)
            self.running.add(process)
        out, err = process.communicate()
        with self.lock:
            self.running.discard(process)
        if process.returncode and self.stopped:
            raise Stopped
        if process.returncode:
            raise Failed(f"{' '.join(command)} failed:\n{err.strip()}")
        return out

    def stop(self):
        with self.lock:
            self.stopped = True
            for process in self.running:
                process.terminate()


class Cell(NamedTuple):
    table: object
    model: str  # as the table calls it
    group: str  # the class
    seed: str
    preset: str
    settings: tuple  # "name=value", over the preset
    limits: tuple  # pictures to train on, to test with; 0: all

    @property
    def settings_text(self):
        """What tells rows of one model apart."""
        words = [self.preset] if self.preset else []
        words += [*self.settings, *(f"{what} {n}" for what, n in zip(("train limit", "test limit"), self.limits) if n)]
        return " ".join(words)

    @property
    def key(self):
        return self.table.name, self.model, self.group, self.seed, self.settings_text

    @property
    def recipe(self):
        return self.table.models[self.model]

    @property
    def engram_name(self):
        return self.recipe.model or self.model

    def __str__(self):
        return " ".join(w for w in (self.model, self.group, f"seed {self.seed}") if w)

    def flags(self, threads):
        words = ["--preset", self.preset] if self.preset else []
        for setting in (*LAST_EPOCH, *self.settings, f"seed={self.seed}", f"threads={threads}"):
            words += ["--set", setting]
        return words


class Place:
    """Where a cell keeps what it has so far, so that a killed run goes on: its model file, the training's state, and
    the seconds that earlier runs have trained."""

    def __init__(self, folder, cell):
        name = "-".join(re.sub(r"[^\w.,=+-]+", "-", word) for word in cell.key if word)
        self.folder = folder / name
        self.model, self.data, self.notes = (self.folder / n for n in ("model.safetensors", "data", "notes.json"))
        self.folder.mkdir(parents=True, exist_ok=True)

    def read_notes(self):
        return json.loads(self.notes.read_text()) if self.notes.exists() else {"seconds": 0, "trained": False}

    def write_notes(self, notes):
        self.notes.with_suffix(".new").write_text(json.dumps(notes))
        os.replace(self.notes.with_suffix(".new"), self.notes)

    def remove(self):
        shutil.rmtree(self.folder)


def train(run, cell, place, data, threads):
    """Seconds it took, all runs together."""
    notes, start = place.read_notes(), time.monotonic()
    if notes["trained"]:
        return notes["seconds"]
    state = place.model.with_name(place.model.name + ".train")
    go_on = "--resume" if state.exists() and place.model.exists() else "--force"
    try:
        run("train", cell.engram_name, data, "-o", place.model, go_on, "--quiet", *cell.flags(threads))
        notes["trained"] = True
    finally:
        notes["seconds"] += time.monotonic() - start
        place.write_notes(notes)
    return notes["seconds"]


def about(run, model):
    """What the model file says of itself, as far as the tables want to know it."""
    lines = run("info", model, "--format", "csv").splitlines()
    rows = {(row["section"], row["name"]): row["value"] for row in csv.DictReader(lines)}
    wanted = {"height": ("input", "height"), "width": ("input", "width"), "epochs": ("origin", "epochs"),
              "trained": ("origin", "samples trained on"), "held_out": ("calibration", "samples"),
              "engram": ("origin", "engram"), "precision": ("training", "precision")}
    return {(metric, ""): rows.get(at, "") for metric, at in wanted.items()}


def metrics_of(run, model, data, threads, score):
    """What `eval` measures where scores and heat maps are those of the model, or the map that knows what is usual."""
    out = run("eval", model, data, "--score", score, "--quiet", "--format", "csv", "--threads", threads)
    return {(row["metric"], row["kind"]): row["value"] for row in csv.DictReader(out.splitlines())}


def evaluate(run, model, data, threads):
    values = metrics_of(run, model, data, threads, "model")
    if values["pixel_auroc", ""]:
        by_map = metrics_of(run, model, data, threads, "map")
        values |= {(f"map_{metric}", ""): by_map[metric, ""] for metric in ("pixel_auroc", "aupro")}
    tested = float(values["normal", ""]) + float(values["anomalous", ""])
    values["tested", ""] = f"{tested:.0f}"
    values["milliseconds", ""] = f"{float(values['seconds', '']) * 1000 / tested:.4g}"
    return values


def false_alarms(run, model, normals, values, threads):
    """The share of normal test pictures called anomalous at each rate, and how far that is from the promise in standard
    deviations of chance: of m test pictures, of n held out, sqrt(r (1 - r) (1/m + 1/n))."""
    out = run("score", model, normals, "--score", "model", "--quiet", "--format", "csv", "--threads", threads)
    rows = csv.DictReader(out.splitlines())
    p = [float(row["p_value"]) for row in rows]
    chances = 1 / len(p) + 1 / float(values["held_out", ""])
    for rate in RATES:
        share = sum(x <= rate for x in p) / len(p)
        values[f"alarms_{rate}", ""] = f"{share:.6g}"
        values[f"off_{rate}", ""] = f"{(share - rate) / math.sqrt(rate * (1 - rate) * chances):.3g}"


def measure(run, cell, folder, threads):
    """Trains, or goes on training, and evaluates; what a Store keeps."""
    place, table = Place(folder, cell), cell.table
    source = pictures.load(table.data, DATA, folder)
    split = table.split(source, table.classes if len(table.classes) > 1 else pictures.CLASSES[table.data], cell.group,
                        int(cell.seed)).limited(*cell.limits)
    shutil.rmtree(place.data, ignore_errors=True)
    data = f"{source.place(place.data / 'all', split.train, split.normal + split.abnormal)}?{split.options}"
    values = {("training_seconds", ""): f"{train(run, cell, place, data, threads):.1f}"}
    values |= about(run, place.model)
    values |= evaluate(run, place.model, data, threads)
    if table.alarms:
        false_alarms(run, place.model, source.place(place.data / "normal", [], split.normal), values, threads)
    return place, values


def measure_videos(run, cell, folder, threads):
    """Trains on the training videos and measures frames of the test videos under the official protocol: the score of a
    clip is that of one frame, and scores are brought to 0..1 over each video; and the same scores raw."""
    place, data = Place(folder, cell), DATA / pictures.FOLDERS[cell.table.data]
    values = {("training_seconds", ""): f"{train(run, cell, place, data, threads):.1f}"}
    values |= about(run, place.model)
    for score, prefix in (("model", ""), ("map", "map_")):
        out = run("eval", place.model, data, "--protocol", "official", "--score", score, "--quiet", "--format", "csv",
                  "--threads", threads)
        numbers = {(row["metric"], row["kind"]): row["value"] for row in csv.DictReader(out.splitlines())}
        if prefix:
            numbers = {at: numbers[at] for at in VIDEO_METRICS if at in numbers}
        values |= {(prefix + metric, kind): value for (metric, kind), value in numbers.items()}
    tested = float(values["normal", ""]) + float(values["anomalous", ""])
    values["tested", ""] = f"{tested:.0f}"
    values["milliseconds", ""] = f"{float(values['seconds', '']) * 1000 / tested:.4g}"
    return place, values


def timed(run, cell, threads, *words):
    """(milliseconds a sample, MB) of a timed step."""
    out = run("bench", cell.engram_name, "--quiet", "--repeat", cell.recipe.repeat, *words, *cell.flags(threads))
    found = re.search(r"batch (\d+),.*: ([\d.]+) ms, .* (\d+) MB", out)
    if not found:
        raise Failed(f"no time in what engram bench printed: {out!r}")
    return float(found[2]) / int(found[1]), found[3]


def measure_cost(run, cell, folder, threads):
    place = Place(folder, cell)
    training, training_mb = timed(run, cell, threads, "--train")
    scoring, scoring_mb = timed(run, cell, threads)
    values = {"epoch_seconds": f"{training * EPOCH / 1000:.4g}", "training_mb": training_mb, "threads": threads,
              "bench_milliseconds": f"{scoring:.4g}", "scoring_mb": scoring_mb, "height": 32, "width": 32}
    return place, {(metric, ""): value for metric, value in values.items()}
