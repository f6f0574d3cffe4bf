"""Data sets as lists of pictures, and the ways in which the papers split them.

A data set says which classes it has and which pictures are in them, by split of its publishers; a split of a paper says
which of them to train on and which to test with; `place` puts those into a folder that engram opens. What is normal is
said to engram in words (normal=, anomalous=), so that it trains on nothing else.
"""
import functools
import gzip
import os
import random
import shutil
import struct
import tarfile
from pathlib import Path
from typing import NamedTuple


def spread(pictures, limit):
    """So many of them, evenly over the list, which is sorted by class: each keeps its share. 0: all."""
    if not limit or limit >= len(pictures):
        return pictures
    return [pictures[i * len(pictures) // limit] for i in range(limit)]


class Idx:
    """MNIST's four files. A picture is (split, index)."""

    def __init__(self, folder):
        self.folder = Path(folder)

    @functools.cache
    def read(self, split, what):
        """(bytes of one item, all of them)"""
        path = self.folder / f"{split}-{what}-ubyte.gz"
        content = gzip.decompress(path.read_bytes())
        sizes = struct.unpack_from(f">{content[3]}I", content, 4)
        return functools.reduce(lambda a, b: a * b, sizes[1:], 1), content[4 + 4 * len(sizes):]

    def label(self, picture):
        return self.read(picture[0], "labels-idx1")[1][picture[1]]

    def of(self, split, name):
        split = {"train": "train", "test": "t10k"}[split]
        return [(split, i) for i, label in enumerate(self.read(split, "labels-idx1")[1]) if label == int(name)]

    def item(self, picture):
        size, content = self.read(picture[0], "images-idx3")
        return content[picture[1] * size:(picture[1] + 1) * size]

    def place(self, folder, train, test):
        """What engram opens; a part without pictures is not there."""
        folder.mkdir(parents=True)
        for split, pictures in (("train", train), ("t10k", test)):
            if not pictures:
                continue
            head = struct.pack(">IIII", 0x803, len(pictures), 28, 28)
            (folder / f"{split}-images-idx3-ubyte").write_bytes(head + b"".join(map(self.item, pictures)))
            head = struct.pack(">II", 0x801, len(pictures))
            (folder / f"{split}-labels-idx1-ubyte").write_bytes(head + bytes(map(self.label, pictures)))
        return f"idx:{folder}"


class Folders:
    """train/CLASS/ and test/CLASS/ with picture files, and MVTec AD's masks where there are any."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def of(self, split, name):
        folder = self.folder / split / name
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def place(self, folder, train, test):
        """Links: the originals are neither copied nor changed. A name tells the split of its publishers, as a paper's
        split may bring two pictures of one name together; where masks go by the names, there is no such split."""
        masks = self.folder / "ground_truth"
        for split, pictures in (("train", train), ("test", test)):
            for path in pictures:
                home, name = path.parent, path.name if masks.is_dir() else f"{path.parent.parent.name}-{path.name}"
                (folder / split / home.name).mkdir(parents=True, exist_ok=True)
                (folder / split / home.name / name).symlink_to(path)
        if masks.is_dir():
            (folder / "ground_truth").symlink_to(masks)
        return f"images:{folder}"


def unpacked(data, cache):
    """The folder of CIFAR-10's JPEG copy: as the user has it unpacked, or unpacked here once."""
    for folder in (data / "cifar10", cache / "cifar10"):
        if (folder / "train").is_dir() and (folder / "test").is_dir():
            return folder
    tar, half = data / "cifar10/cifar10-jpeg.tar.gz", cache / "cifar10.unpacking"
    if not tar.exists():
        raise FileNotFoundError(tar)
    shutil.rmtree(half, ignore_errors=True)
    with tarfile.open(tar) as archive:
        archive.extractall(half)
    os.rename(half, cache / "cifar10")
    return cache / "cifar10"


CLASSES = {
    "mnist": tuple("0123456789"),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "bottle": ("good", "broken_large", "broken_small", "contamination"),
    "aliens": ("good", "damaged"),
    "kolektor": ("good", "crack"),
}


FOLDERS = {"mnist": "mnist", "cifar10": "cifar10", "bottle": "mvtec/bottle", "ped2": "ped2", "aliens": "inspect/aliens",
           "kolektor": "inspect/kolektor"}  # in the user's folder


@functools.cache
def load(name, data, cache):
    """The data set of that name; `data` is the user's folder, `cache` where this program may keep things."""
    if name == "mnist":
        return Idx(data / "mnist")
    return Folders(unpacked(data, cache) if name == "cifar10" else data / FOLDERS[name])


# ---- splits of the papers: (data set, its classes, the class, seed) -> Split ----


class Split(NamedTuple):
    train: list
    normal: list  # to test with, as `abnormal`
    abnormal: list
    options: str  # what engram is told

    def limited(self, train, test):
        """Fewer pictures, evenly; of the test each kind keeps its share. 0: all."""
        normal = test and max(1, round(test * len(self.normal) / (len(self.normal) + len(self.abnormal))))
        return Split(spread(self.train, train), spread(self.normal, normal), spread(self.abnormal, test - normal),
                     self.options)


def one_normal(source, classes, name, seed):
    """One class is normal: its training pictures, and the whole test set."""
    abnormal = [p for c in classes if c != name for p in source.of("test", c)]
    return Split(source.of("train", name), source.of("test", name), abnormal, f"normal={name}")


def one_abnormal(source, classes, name, seed):
    """One class is abnormal (GANomaly): the others' pictures of both splits in one pot, of which the seed draws 80 % to
    train on; to test with are the rest and all pictures of the abnormal class."""
    pot = [p for c in classes if c != name for split in ("train", "test") for p in source.of(split, c)]
    random.Random(seed).shuffle(pot)
    cut = len(pot) * 4 // 5
    return Split(pot[:cut], pot[cut:], source.of("train", name) + source.of("test", name), f"anomalous={name}")
