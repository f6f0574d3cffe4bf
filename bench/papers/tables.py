"""The tables of the papers, as data: which models with which settings, on which data under which protocol."""
from typing import Callable, NamedTuple

import cells
import pictures


class Recipe(NamedTuple):
    """How a model is trained for a table: a preset and settings over it."""
    preset: str = ""
    settings: str = ""
    model: str = ""  # where rows of one model differ: what engram calls it
    repeat: int = 20  # steps that the cost table times


class Table(NamedTuple):
    name: str
    title: str
    protocol: str
    models: dict
    data: str = ""
    classes: tuple = ("",)  # a column each
    of_class: str = ""  # what a class is in the table
    split: Callable = None
    seeds: str = "1,2,3"
    metrics: tuple = ()  # (in the CSV, its title, digits); those that nothing has been measured of have no column
    alarms: bool = False  # whether the promised false-alarm rates are counted, too
    measure: Callable = cells.measure  # of one cell


def recipes(preset, *models):
    return {model: Recipe(preset) for model in models}


AUROC = (("model_auroc", "AUROC, the paper's score", 4), ("map_auroc", "AUROC, map that knows what is usual", 4))
PLACES = (("model_auroc", "image AUROC, the paper's score", 3),
          ("map_auroc", "image AUROC, map that knows what is usual", 3),
          ("pixel_auroc", "pixel AUROC, raw map", 3), ("map_pixel_auroc", "pixel AUROC, usual map", 3),
          ("aupro", "AUPRO, raw map", 3), ("map_aupro", "AUPRO, usual map", 3))
FRAMES = (("per_video_auroc", "frame AUROC, official", 4), ("auroc", "raw scores", 4),
          ("macro_auroc", "mean over videos", 4), ("map_per_video_auroc", "map that knows what is usual, official", 4),
          ("map_auroc", "map, raw scores", 4))
COST = (("epoch_seconds", "training, s an epoch", 1), ("bench_milliseconds", "scoring, ms a picture", 3),
        ("training_mb", "training, MB", 0), ("scoring_mb", "scoring, MB", 0))

JPEG = "CIFAR-10 (a JPEG copy, quality 75)."
NORMAL = ("Trained on the training pictures of one class, tested with the whole test set, or as many of it, evenly, "
          "as the settings say; last epoch.")
ABNORMAL = ("One class is abnormal: the other nine classes' pictures of both splits in one pot, of which 80 %, drawn "
            "by the seed, are trained on; tested with the rest and all pictures of the abnormal class, or as many, "
            "evenly, as the settings say; last epoch, batch norm with running statistics.")
SMALL = "size=128 epochs=60 batch=8 flip_h=true flip_v=true blur=2"  # in minutes; preset mvtec takes days
BOTTLE = ("MVTec AD bottle (a copy resized from 900x900 to 256x256): trained on train/good, tested with all of test/; "
          "last epoch.")
PED2 = ("UCSD Ped2 (JPEG copies of the frames): trained on the 16 training videos, tested with the frames of the 12 test "
        "videos; last epoch. Official: the score of a clip is that of its ninth frame of 16, or of the frame that is "
        "predicted, and scores are brought to 0..1 over each video.")

PARTS = "Trained on train/good with the general preset and the settings, tested with all of test/; last epoch."


def parts(name, title, **settings):
    """Real parts with real defects; settings by model, over its general preset."""
    return Table(name, title, PARTS, {model: Recipe("", text) for model, text in settings.items()}, data=name,
                 classes=("good",), split=pictures.one_normal, metrics=PLACES)


TABLES = {t.name: t for t in (
    Table("bottle", "MVTec AD bottle", BOTTLE,
          {**{model: Recipe("", SMALL) for model in ("ae", "ae-skip", "memae", "daad", "daad+")}, "segment": Recipe()},
          data="bottle", classes=("good",), split=pictures.one_normal, metrics=PLACES),
    parts("aliens", "Toy figures, 38 good ones", ae="size=128 epochs=60 batch=8", memae="size=128 epochs=60 batch=8",
          segment=""),
    parts("kolektor", "KolektorSDD, 500x1247, in tiles", ae="tile=128 size=512x192 epochs=1 batch=8",
          segment="tile=128 size=512x192 steps=1"),
    Table("blocks", "Block size: DAAD on MVTec AD bottle", BOTTLE,
          {f"daad {r.replace(',', 'x')}": Recipe("", f"{SMALL} widths=16,32,64 rates={r}", "daad")
           for r in ("1,1,1", "2,2,1", "4,4,1", "8,8,1", "16,16,1", "4,4,4")},
          data="bottle", classes=("good",), split=pictures.one_normal, metrics=PLACES),
    Table("cifar10-normal", "CIFAR-10, one class normal", f"{JPEG} {NORMAL}",
          recipes("cifar10", "ae", "vae", "memae", "daad"),
          data="cifar10", classes=pictures.CLASSES["cifar10"], of_class="normal class", split=pictures.one_normal,
          metrics=AUROC, alarms=True),
    Table("mnist-normal", "MNIST, one digit normal", f"MNIST. {NORMAL}",
          {"ae": Recipe("mnist"), "ae narrow": Recipe("mnist,narrow", model="ae"),
           **recipes("mnist", "memae", "vae", "daad", "egbad", "anogan")},
          data="mnist", classes=pictures.CLASSES["mnist"], of_class="normal digit", split=pictures.one_normal,
          metrics=AUROC, alarms=True),
    Table("cifar10-abnormal", "CIFAR-10, one class abnormal", f"{JPEG} {ABNORMAL}",
          recipes("cifar10", "ganomaly", "skip-ganomaly", "egbad", "anogan", "vae"),
          data="cifar10", classes=pictures.CLASSES["cifar10"], of_class="abnormal class", split=pictures.one_abnormal,
          seeds="0,1,2", metrics=AUROC),
    Table("mnist-abnormal", "MNIST, one digit abnormal", f"MNIST. {ABNORMAL}",
          recipes("mnist", "ganomaly", "skip-ganomaly", "egbad", "anogan", "vae"),
          data="mnist", classes=pictures.CLASSES["mnist"], of_class="abnormal digit", split=pictures.one_abnormal,
          seeds="0,1,2", metrics=AUROC),
    Table("ped2", "UCSD Ped2", PED2,
          {"memae": Recipe("video-small"), "memae nonSpar": Recipe("video-small", "shrink=0", "memae"),
           "memae no entropy": Recipe("video-small", "entropy=0", "memae"),
           **recipes("video-small", "ae", "mnad"),
           "mnad rebuild": Recipe("video-small,rebuild", model="mnad"), **recipes("video-small", "mpn")},
          data="ped2", seeds="1", metrics=FRAMES, measure=cells.measure_videos),
    Table("cost", "Cost at 32x32", "Medians of timed steps on random 32x32 colour pictures, the machine left alone; an "
          "epoch is of 5,000 pictures. A seed is one more run.",
          {**recipes("cifar10", "ae", "ae-skip", "vae", "memae", "daad", "daad+", "ganomaly", "skip-ganomaly", "egbad"),
           "anogan": Recipe("cifar10", repeat=1)},  # a step of scoring is a whole search
          metrics=COST, measure=cells.measure_cost),
)}
