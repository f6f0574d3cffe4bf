#!/usr/bin/python3
"""PatchCore as anomalib has it, on the sets of run.py: what docs/parts.md puts beside engram.

    python3 -m venv FOLDER && FOLDER/bin/pip install -r bench/parts/requirements.txt
    FOLDER/bin/python bench/parts/patchcore.py --backbone squeezenet1_1.safetensors [--sets bottle,aliens] [--coreset 0.01]

anomalib's torch model (torch_model.PatchcoreModel) with torchvision's SqueezeNet 1.1, whose weights are read from the file: layers
features.6, .9 and .11, as engram took them when this was written; 256x256, torchvision's normalisation; nine neighbours. Its default keeps a tenth of all
positions (--coreset 0.1), which takes 10 times as long as a hundredth. Prints image AUROC, pixel AUROC, processor time and memory.

Environment: ENGRAM_DATA, as run.py.
"""
import argparse
import resource
import time
from pathlib import Path

import numpy as np
import torch
from anomalib.models.image.patchcore.torch_model import PatchcoreModel
from PIL import Image
from run import DATA, SETS
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score
from torchvision.models import squeezenet1_1

LAYERS = ["features.6", "features.9", "features.11"]
MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def picture(path, side):
    pixels = np.asarray(Image.open(path).convert("RGB").resize((side, side), Image.BOX), np.float32) / 255
    return ((torch.from_numpy(pixels) - MEAN) / DEVIATION).permute(2, 0, 1)


def mask(path, side):
    place = path.parents[2] / "ground_truth" / path.parent.name / f"{path.stem}_mask.png"
    if path.parent.name == "good" or not place.exists():
        return np.zeros((side, side), bool)
    return np.asarray(Image.open(place).convert("L").resize((side, side), Image.BOX)) >= 128


def batches(paths, side, n=8):
    for at in range(0, len(paths), n):
        yield torch.stack([picture(p, side) for p in paths[at:at + n]])


def fit(paths, args):
    net = squeezenet1_1()
    net.load_state_dict(load_file(args.backbone), strict=False)
    model = PatchcoreModel(layers=LAYERS, backbone=net.eval(), pre_trained=False)
    model.train()
    model.feature_extractor.eval()
    for batch in batches(paths, args.size):
        model(batch)
    model.subsample_embedding(args.coreset)
    return model.eval()


def measure(name, args):
    root = DATA / SETS[name]
    good, test = sorted((root / "train/good").iterdir()), sorted(root.glob("test/*/*"))
    begun = time.process_time()
    model = fit(good, args)
    fitted = time.process_time()
    found = [model(batch) for batch in batches(test, args.size, 1)]
    scored = time.process_time()
    bad = np.array([p.parent.name != "good" for p in test])
    masks = np.stack([mask(p, args.size) for p in test])
    maps = np.stack([f.anomaly_map.squeeze().numpy() for f in found])
    image = roc_auc_score(bad, [float(f.pred_score) for f in found])
    pixel = f"{roc_auc_score(masks.ravel(), maps.ravel()):.3f}" if masks.any() else ""
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"| {name} | {len(model.memory_bank)} | {image:.3f} | {pixel} | {fitted - begun:.0f} s "
          f"| {1000 * (scored - fitted) / len(test):.0f} ms | {memory:.0f} MiB |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", required=True, type=Path)
    parser.add_argument("--sets", type=lambda text: text.split(","), default=["bottle", "aliens"])
    parser.add_argument("--coreset", type=float, default=0.01)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    print("| set | items | image AUROC | pixel AUROC | fit | a picture | memory |\n|---|---|---|---|---|---|---|")
    with torch.no_grad():
        for name in args.sets:
            measure(name, args)


if __name__ == "__main__":
    main()
