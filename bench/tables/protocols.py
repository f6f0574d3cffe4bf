"""Data sets of rows, the ways in which papers split them, and what is measured: NumPy alone."""
import gzip
from typing import NamedTuple

import numpy as np

SETS = ("arrhythmia", "cardio", "mammography", "satellite", "shuttle", "thyroid")
FLAGGED = 0.2  # share of the test that the KDD protocol calls anomalous


class Split(NamedTuple):
    header: str  # "" where there is none
    train: list  # lines without their label, all of them normal
    test: list
    anomalous: np.ndarray  # of the test: bool


def read(path):
    """(lines without their last field, that field)"""
    with gzip.open(path, "rt") as file:
        cut = [line.rpartition(",") for line in file.read().split("\n") if line]
    return [a for a, _, _ in cut], np.array([c for _, _, c in cut])


def kdd(data, seed):
    """KDDCUP99, 10 percent: half of all rows, drawn by the seed, is tested with; of the other half the attacks, which
    are called normal, are trained on."""
    lines, labels = read(data / "kddcup99/kddcup.data_10_percent.gz")
    odd = labels == "normal."
    order = np.random.default_rng(seed).permutation(len(lines))
    train, test = order[:len(order) // 2], order[len(order) // 2:]
    return Split("", [lines[i] for i in train if not odd[i]], [lines[i] for i in test], odd[test])


def half_of_normal(data, name, seed):
    """Half of the normal rows, drawn by the seed, is trained on; the others and all anomalies are tested with."""
    lines, labels = read(data / f"tabular/{name}.csv.gz")
    header, lines, odd = lines[0], lines[1:], labels[1:] == "anomalous"
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(~odd))
    test = np.sort(np.concatenate([normal[len(normal) // 2:], np.flatnonzero(odd)]))
    return Split(header, [lines[i] for i in normal[:len(normal) // 2]], [lines[i] for i in test], odd[test])


def place(split, folder):
    """Writes train.csv and test.csv, for engram."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (("train", split.train), ("test", split.test)):
        (folder / f"{name}.csv").write_text("\n".join([split.header] * bool(split.header) + lines) + "\n")


class Rows(NamedTuple):
    """Rows as engram's preset kdd gives them to its models, each different one once."""
    different: np.ndarray
    back: np.ndarray  # which of them each row is

    def all(self):
        return self.different[self.back]


def cells(lines):
    """(different lines as cells, which of them each line is)"""
    places = {}
    back = np.array([places.setdefault(line, len(places)) for line in lines])
    return np.array([line.split(",") for line in places]), back


def columns(train, test, weights, clip):
    """A pair of columns of numbers for each column, or for each category of it that training rows have. Numbers have
    mean 0 and deviation 1 over the training rows, and are clipped; categories are 0 and 1."""
    for a, b in zip(train.T, test.T):
        try:
            a, b = a.astype(np.float32)[:, None], b.astype(np.float32)[:, None]
        except ValueError:
            words = np.unique(a)
            yield (a[:, None] == words).astype(np.float32), (b[:, None] == words).astype(np.float32)
            continue
        mean = weights @ a
        deviation = np.sqrt(weights @ (a - mean) ** 2)
        deviation[deviation < 1e-6] = 1
        yield tuple(np.clip((x - mean) / deviation, -clip, clip).astype(np.float32) for x in (a, b))


def values(split, clip):
    """(train, test) as Rows."""
    (train, to_train), (test, to_test) = cells(split.train), cells(split.test)
    weights = np.bincount(to_train) / len(to_train)
    a, b = (np.concatenate(parts, axis=1) for parts in zip(*columns(train, test, weights, clip)))
    return Rows(a, to_train), Rows(b, to_test)


# ---- what is measured ----


def top_share(scores, anomalous, seed):
    """Precision, recall and F1 where the highest 20 % are flagged; of equal scores at the edge chance decides which."""
    flagged = round(FLAGGED * len(scores))
    order = np.lexsort((np.random.default_rng(seed).random(len(scores)), -scores))[:flagged]
    hits = anomalous[order].sum()
    precision, recall = hits / flagged, hits / anomalous.sum()
    return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / (precision + recall)}


def ranking(scores, anomalous):
    """Area under the ROC curve, where ties count half, and average precision."""
    levels, at = np.unique(-scores, return_inverse=True)
    hits = np.bincount(at, anomalous, len(levels)).cumsum()
    seen = np.bincount(at, minlength=len(levels)).cumsum()
    misses = seen - hits
    recall = np.concatenate([[0], hits / hits[-1]])
    fall_out = np.concatenate([[0], misses / misses[-1]])
    auroc = (np.diff(fall_out) * (recall[1:] + recall[:-1]) / 2).sum()
    return {"auroc": auroc, "ap": (np.diff(recall) * hits / seen).sum()}
