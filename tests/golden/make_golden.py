#!/usr/bin/python3
"""Writes the golden files of test_golden.c: small MemAE and AE nets in PyTorch, one training step of each, in double
precision from weights that are exact in float32. Run once, by hand, with Debian's python3-torch; the tests need the
files alone.

    python3 tests/golden/make_golden.py

Everything is in engram's layouts: data channels-last, weights O,[kD],kH,kW,I (transposed convolutions I,[kD],kH,kW,O),
a whole code flattened channels-last. Each file has the tensors

    input  output  loss  error  entropy            of the training graph
    value/NAME  grad/NAME  after/NAME              parameters before, their gradients, after one step of Adam
    score  rebuilt                                 of the scoring graph, after the step, with the running statistics

and the options as engram reads them in its metadata.
"""
import json
import os
import struct

import torch
from torch import nn
from torch.nn import functional as F

# Gradients that are zero but for rounding must not move anything: hence the large epsilon.
RATE, EPSILON = 1e-3, 1e-6

CASES = [
    dict(file="whole.safetensors", model="memae", input=(4, 13, 11, 3), widths=(6, 10), items=12, query="whole",
         similarity="cosine", scale=10, shrink=1, entropy=0.01, activation="relu", output="linear", kernel=3,
         first_kernel=1, fallback="best"),
    dict(file="position.safetensors", model="memae", input=(3, 9, 14, 1), widths=(5, 8, 7), items=9, query="position",
         similarity="dot", scale=1, shrink=1.6, entropy=0.002, activation="leaky", output="sigmoid", kernel=3,
         first_kernel=0, fallback="zero"),
    dict(file="clip.safetensors", model="memae", input=(2, 6, 12, 10, 1), widths=(4, 6), items=15, query="position",
         similarity="cosine", scale=12, shrink=4, entropy=0.01, activation="leaky", output="tanh", kernel=3,
         first_kernel=0, fallback="best"),
    dict(file="plain.safetensors", model="ae", input=(3, 10, 9, 2), widths=(6, 8), activation="relu", output="linear",
         kernel=5, first_kernel=3),
]


def last(x):
    """Channels from dimension 1 to the end; for weights the same."""
    return x.movedim(1, -1).contiguous()


class Layer(nn.Module):
    """(Transposed) convolution, then batch norm and activation, or a bias alone."""

    def __init__(self, name, dims, i, o, kernel, stride, output_pad, act):
        super().__init__()
        self.name, self.dims, self.stride, self.pad = name, dims, stride, kernel // 2
        self.output_pad, self.act = output_pad, act
        first, second = (o, i) if output_pad is None else (i, o)
        self.weight = nn.Parameter(torch.empty(first, second, *[kernel] * dims))
        self.norm = None
        if act is None:
            self.bias = nn.Parameter(torch.empty(o))
        else:
            self.norm = (nn.BatchNorm2d if dims == 2 else nn.BatchNorm3d)(o, eps=1e-5, momentum=0.1)

    def forward(self, x):
        bias = None if self.norm else self.bias
        if self.output_pad is None:
            conv = F.conv2d if self.dims == 2 else F.conv3d
            x = conv(x, self.weight, bias, self.stride, self.pad)
        else:
            conv = F.conv_transpose2d if self.dims == 2 else F.conv_transpose3d
            x = conv(x, self.weight, bias, self.stride, self.pad, self.output_pad)
        return self.act(self.norm(x)) if self.norm else x

    def named(self):
        yield self.name + ".weight", self.weight
        if self.norm:
            yield from ((self.name + ".gain", self.norm.weight), (self.name + ".shift", self.norm.bias))
            yield from ((self.name + ".mean", self.norm.running_mean), (self.name + ".var", self.norm.running_var))
        else:
            yield self.name + ".bias", self.bias


class Net(nn.Module):
    def __init__(self, case):
        super().__init__()
        self.case = case
        dims, sizes, channels = len(case["input"]) - 2, list(case["input"][1:-1]), case["input"][-1]
        act = F.relu if case["activation"] == "relu" else lambda x: F.leaky_relu(x, 0.2)
        encoder, shapes, strides = [], [], []
        for k, width in enumerate(case["widths"]):
            kernel = case["first_kernel"] or case["kernel"]
            kernel = kernel if k == 0 else case["kernel"]
            stride = [2] * dims if dims == 2 else [1 if k == 0 else 2, 2, 2]
            encoder.append(Layer(f"enc.{k}", dims, channels, width, kernel, stride, None, act))
            shapes.append((sizes, channels))
            strides.append(stride)
            sizes = [(s + 2 * (kernel // 2) - kernel) // t + 1 for s, t in zip(sizes, stride)]
            channels = width
        self.encoder, self.code = nn.ModuleList(encoder), (sizes, channels)
        decoder = []
        for k, ((to, out), stride) in enumerate(zip(reversed(shapes), reversed(strides))):
            kernel = case["kernel"]
            pad = [t - ((s - 1) * st - 2 * (kernel // 2) + kernel) for t, s, st in zip(to, sizes, stride)]
            final = k + 1 == len(shapes)
            decoder.append(Layer(f"dec.{k}", dims, channels, out, kernel, stride, pad, None if final else act))
            sizes, channels = to, out
        self.decoder = nn.ModuleList(decoder)
        if case["model"] == "memae":
            width = self.code[1]
            for s in self.code[0] if case["query"] == "whole" else []:
                width *= s
            self.items = nn.Parameter(torch.empty(case["items"], width))

    def attend(self, q):
        c, m = self.case, self.items
        if c["similarity"] == "cosine":
            s = F.normalize(q, dim=1) @ F.normalize(m, dim=1).t()
        else:
            s = q @ m.t()
        w = F.softmax(c["scale"] * s, dim=1)
        limit = c["shrink"] / c["items"]
        self.margin = ((w - limit).abs() / limit).min().item()
        best = F.one_hot(w.argmax(1), c["items"]).to(w.dtype)
        w = torch.where(w > limit, w, torch.zeros_like(w))
        total = w.sum(1, keepdim=True)
        self.empty = (total == 0).sum().item()
        w = w / torch.where(total > 0, total, torch.ones_like(total))
        return torch.where(total > 0, w, best) if c["fallback"] == "best" else w

    def forward(self, x):
        x = x.movedim(-1, 1)
        for layer in self.encoder:
            x = layer(x)
        w = None
        if self.case["model"] == "memae":
            code = last(x)
            w = self.attend(code.reshape(code.shape[0], -1) if self.case["query"] == "whole"
                            else code.reshape(-1, code.shape[-1]))
            x = (w @ self.items).view(code.shape).movedim(-1, 1)
        for layer in self.decoder:
            x = layer(x)
        final = {"linear": lambda v: v, "tanh": torch.tanh, "sigmoid": torch.sigmoid}[self.case["output"]]
        return last(final(x)), w

    def named(self):
        for layer in [*self.encoder, *self.decoder]:
            yield from layer.named()
        if self.case["model"] == "memae":
            yield "memory.items", self.items


def options(case):
    names = ["items", "query", "similarity", "scale", "shrink", "entropy", "activation", "output", "kernel",
             "first_kernel", "fallback"]
    pairs = [f"{n}={case[n]}" for n in names if n in case]
    return " ".join(["widths=" + ",".join(map(str, case["widths"])), "blur=0"] + pairs)


def fill(net):
    """Weights that make everything take part: codes near the items, statistics away from 0 and 1."""
    with torch.no_grad():
        for name, p in net.named():
            if name.endswith((".gain", ".var")):
                p.copy_(torch.empty(p.shape).uniform_(0.5, 1.5))
            elif name.endswith((".shift", ".mean", ".bias")):
                p.copy_(torch.empty(p.shape).uniform_(-0.3, 0.3))
            elif name == "memory.items":
                p.copy_(torch.empty(p.shape).uniform_(-0.2, 1.0))
            else:
                fan = p[0].numel()
                p.copy_(torch.empty(p.shape).uniform_(-2 / fan ** 0.5, 2 / fan ** 0.5))


def save(path, metadata, tensors):
    header, data = {"__metadata__": metadata}, b""
    for name, t in sorted(tensors.items()):
        raw = t.detach().to(torch.float32).contiguous().numpy().astype("<f4").tobytes()
        header[name] = dict(dtype="F32", shape=list(t.shape) or [1], data_offsets=[len(data), len(data) + len(raw)])
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % 64)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def layout(name, t):
    return last(t) if t.dim() > 2 and name != "memory.items" else t


def make(case, folder):
    torch.manual_seed(7)
    net = Net(case)
    fill(net)
    x = torch.rand(*case["input"]) * 2 - 1
    net, x = net.double().train(), x.double()
    tensors = {"input": x}
    trained = [name for name, p in net.named() if p.requires_grad]
    for name, p in net.named():
        tensors["value/" + name] = layout(name, p).clone()
    y, w = net(x)
    error = F.mse_loss(y, x)
    loss = error
    if w is not None:
        entropy = -(w * torch.log(w + 1e-12)).sum(1).mean()
        loss = error + case["entropy"] * entropy
        tensors["entropy"] = entropy
    optimiser = torch.optim.Adam([p for _, p in net.named() if p.requires_grad], RATE, eps=EPSILON)
    loss.backward()
    tensors.update(output=y, error=error, loss=loss)
    for name, p in net.named():
        if name in trained:
            tensors["grad/" + name] = layout(name, p.grad)
    smallest = min(tensors["grad/" + name].abs().min().item() for name in trained)
    margin = getattr(net, "margin", 1)
    print(f"{case['file']}: loss {loss.item():.6f}, nearest weight to the shrinkage {margin:.1e} of it, "
          f"{getattr(net, 'empty', 0)} empty rows, smallest gradient {smallest:.1e}")
    assert margin > 1e-4, "a weight is so near the shrinkage that rounding decides; change the seed"
    optimiser.step()
    for name, p in net.named():
        tensors["after/" + name] = layout(name, p)
    net.eval()
    with torch.no_grad():
        rebuilt, _ = net(x)
        tensors.update(rebuilt=rebuilt, score=((rebuilt - x) ** 2).flatten(1).mean(1))
    save(os.path.join(folder, case["file"]), {"model": case["model"], "options": options(case)}, tensors)


if __name__ == "__main__":
    for each in CASES:
        make(each, os.path.dirname(os.path.abspath(__file__)))
