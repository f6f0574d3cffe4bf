"""What the tables compare: engram's models, through the command, and detectors that learn little or nothing."""
import csv
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np

import protocols

ROOT = Path(__file__).resolve().parent.parent.parent
ENGRAM = Path(os.environ.get("ENGRAM_BIN", ROOT / "build/cli/engram"))


class Engram(NamedTuple):
    """A model with its options; `score`: its own or the map's, "" as the preset has it."""
    model: str
    preset: str = ""
    settings: str = ""
    score: str = "file"

    def scores(self, split, folder, seed):
        def run(*words):
            result = subprocess.run([str(ENGRAM), *map(str, words)], capture_output=True, text=True)
            if result.returncode:
                raise RuntimeError(f"engram {' '.join(map(str, words))}: {result.stderr.strip()}")
            return result.stdout

        model = folder / f"{self.model}.safetensors"
        preset = ["--preset", self.preset] if self.preset else []
        settings = [word for s in (*self.settings.split(), f"seed={seed}") for word in ("--set", s)]
        run("train", self.model, folder / "train.csv", "-o", model, "--force", "--quiet", "--threads", 1, *preset,
            *settings)
        out = run("score", model, folder / "test.csv", "--score", self.score, "--format", "csv", "--quiet",
                  "--threads", 1)
        return np.array([float(row["score"]) for row in csv.DictReader(out.splitlines())])


class Values(NamedTuple):
    """A function of (train, test, seed), where train and test are protocols.Rows."""
    function: object
    clip: float = 5  # as engram does it

    def scores(self, split, folder, seed):
        return self.function(*protocols.values(split, self.clip), seed)


def pca(train, test, seed, components=10):
    """Squared residual of a linear projection."""
    rows = train.all()
    mean = rows.mean(0)
    vectors = np.linalg.eigh(np.cov(rows.T))[1][:, -components:].astype(np.float32)
    left = test.different - mean
    return ((left - left @ vectors @ vectors.T) ** 2).mean(1)[test.back]


def nearest(train, test, seed, most=20000, block=2000):
    """Squared distance to the nearest of the different training rows; of more than 20,000 as many are drawn."""
    known = train.different[np.random.default_rng(seed).permutation(len(train.different))[:most]]
    rows, squares = test.different, (known ** 2).sum(1)
    least = [(squares - 2 * rows[i:i + block] @ known.T).min(1) for i in range(0, len(rows), block)]
    return (np.concatenate(least) + (rows ** 2).sum(1))[test.back]


def isolation_forest(train, test, seed):
    from sklearn.ensemble import IsolationForest
    return -IsolationForest(random_state=seed).fit(train.all()).score_samples(test.all())


def local_outlier_factor(train, test, seed):
    from sklearn.neighbors import LocalOutlierFactor
    return -LocalOutlierFactor(novelty=True).fit(train.all()).score_samples(test.all())


def neighbours(train, test, seed):
    from sklearn.neighbors import NearestNeighbors
    return NearestNeighbors(n_neighbors=5).fit(train.all()).kneighbors(test.all())[0].mean(1)
