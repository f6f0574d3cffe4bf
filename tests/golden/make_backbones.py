#!/usr/bin/python3
"""Writes backbones.safetensors for test_backbones.c: what the layers of torchvision's squeezenet1_1, resnet18 and
wide_resnet50_2, and of engram's own net, say of one small picture, with weights that a formula makes (tests/support/nets.h has it too). The nets
are written out here: torchvision is not needed. Run once, by hand, with Debian's python3-torch.

    python3 tests/golden/make_backbones.py
"""
import os

import numpy as np
import torch
from torch.nn import functional as F

from make_golden import save

HEIGHT, WIDTH = 24, 33


def values(name, count):
    """From 0 to 1: FNV-1a of the name and the number, mixed as SplitMix64 does; 24 bits of it."""
    hashed = 0xCBF29CE484222325
    for byte in name.encode():
        hashed = (hashed ^ byte) * 0x100000001B3 % 2**64
    x = np.arange(count, dtype=np.uint64) + np.uint64(hashed)
    x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return ((x ^ x >> np.uint64(31)) >> np.uint64(40)).astype(np.float64) / 2**24


def tensor(name, *shape):
    low, high = -0.1, 0.1
    if len(shape) == 4:
        high = (6 / np.prod(shape[1:])) ** 0.5
        low = -high
    elif "running_var" in name or name.endswith(".weight"):
        low, high = 0.5, 1.5
    v = low + (high - low) * values(name, int(np.prod(shape)))
    return torch.from_numpy(v.astype(np.float32).astype(np.float64)).reshape(shape)


def conv(x, name, out, kernel, stride=1, pad=0, bias=True):
    b = tensor(name + ".bias", out) if bias else None
    return F.conv2d(x, tensor(name + ".weight", out, x.shape[1], kernel, kernel), b, stride, pad)


def norm(x, name):
    c = x.shape[1]
    return F.batch_norm(x, tensor(name + ".running_mean", c), tensor(name + ".running_var", c),
                        tensor(name + ".weight", c), tensor(name + ".bias", c))


def fire(x, number, squeezed, expanded):
    name = f"features.{number}."
    s = F.relu(conv(x, name + "squeeze", squeezed, 1))
    return torch.cat([F.relu(conv(s, name + "expand1x1", expanded, 1)),
                      F.relu(conv(s, name + "expand3x3", expanded, 3, pad=1))], 1)


def squeezenet1_1(x):
    pool = lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True)
    x = pool(F.relu(conv(x, "features.0", 64, 3, 2)))
    x = pool(fire(fire(x, 3, 16, 64), 4, 16, 64))
    fire4 = fire(x, 6, 32, 128)
    fire6 = fire(pool(fire(fire4, 7, 32, 128)), 9, 48, 192)
    return [fire4, fire6, fire(fire(fire6, 10, 48, 192), 11, 64, 256)]


def block(x, name, out, stride, wide):
    middle = out // 2 if wide else out
    plan = [(middle, 1, 1, 0), (middle, 3, stride, 1), (out, 1, 1, 0)] if wide else [(out, 3, stride, 1), (out, 3, 1, 1)]
    y = x
    for k, (channels, kernel, step, pad) in enumerate(plan, 1):
        y = norm(conv(y, f"{name}.conv{k}", channels, kernel, step, pad, bias=False), f"{name}.bn{k}")
        y = F.relu(y) if k < len(plan) else y
    if stride != 1 or x.shape[1] != out:
        x = norm(conv(x, name + ".downsample.0", out, 1, stride, bias=False), name + ".downsample.1")
    return F.relu(x + y)


def resnet(x, wide, blocks):
    x = F.max_pool2d(F.relu(norm(conv(x, "conv1", 64, 7, 2, 3, bias=False), "bn1")), 3, 2, 1)
    layers = []
    for stage, n in enumerate(blocks, 1):
        for b in range(n):
            x = block(x, f"layer{stage}.{b}", (256 if wide else 64) << (stage - 1), 1 if b or stage == 1 else 2, wide)
        layers.append(x)
    return layers[1:]


def own(x):
    """Engram's own net."""
    x = F.relu(conv(x, "own.stem", 64, 3, 2, 1))
    layers = []
    for k, width in enumerate([80, 128, 176]):
        x = F.relu(conv(F.max_pool2d(x, 3, 2, 1), f"own.{k}.conv", width, 3, pad=1))
        if k:
            x = x + F.relu(conv(x, f"own.{k}.more", width, 3, pad=1))
            layers.append(x)
    return layers


if __name__ == "__main__":
    torch.set_num_threads(1)
    picture = torch.from_numpy(4 * values("input", 3 * HEIGHT * WIDTH) - 2).reshape(1, HEIGHT, WIDTH, 3).float().double()
    nets = {"squeezenet1_1": squeezenet1_1, "resnet18": lambda x: resnet(x, False, [2, 2, 2]),
            "wide_resnet50_2": lambda x: resnet(x, True, [3, 4, 6]), "own": own}
    tensors = {"input": picture}
    for net, run in nets.items():
        for k, layer in enumerate(run(picture.permute(0, 3, 1, 2))):
            tensors[f"{net}/{k}"] = layer.permute(0, 2, 3, 1).contiguous()
    save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "backbones.safetensors"), {}, tensors)
