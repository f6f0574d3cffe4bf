"""The nets of engram's presets in PyTorch, as its users write them: what engram is compared with.

They have the same parameters (bench/compare.py checks the number): a convolution before a batch norm has no bias, which
the norm would cancel. Sizes and batches are those of the presets.
"""
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

SHAPES = {
    "mnist": (64, 1, 28, 28),
    "cifar10": (64, 3, 32, 32),
    "video": (1, 1, 16, 256, 256),
    "daad": (8, 3, 256, 256),
    "ganomaly": (64, 3, 32, 32),
    "kdd": (1024, 120),
}
CONV = {2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def layer(kind, inputs, outputs, activation, nd=2, **geometry):
    """Convolution, batch norm, activation."""
    return nn.Sequential(kind[nd](inputs, outputs, bias=False, **geometry), NORM[nd](outputs), activation)


class Memory(nn.Module):
    """Rows to mixtures of items: softmax of the scaled cosine; weights below `shrink` become 0, the rest sums to 1."""

    def __init__(self, items, width, scale, shrink):
        super().__init__()
        self.items = nn.Parameter(torch.empty(items, width).uniform_(-width ** -0.5, width ** -0.5))
        self.scale, self.shrink = scale, shrink

    def forward(self, rows):
        cosine = F.normalize(rows, dim=1) @ F.normalize(self.items, dim=1).t()
        weights = F.softmax(self.scale * cosine, dim=1)
        if self.shrink:
            kept = F.relu(weights - self.shrink)
            weights = F.normalize(kept * weights / (kept + 1e-12), p=1, dim=1)
        return weights @ self.items, weights


def entropy(weights):
    return -(weights * torch.log(weights + 1e-12)).sum(1).mean()


class MemAE(nn.Module):
    """Encoder, memory, decoder; the memory sees a sample's whole code, or each position of it."""

    def __init__(self, encoder, memory, decoder, whole):
        super().__init__()
        self.encoder, self.memory, self.decoder, self.whole = encoder, memory, decoder, whole

    def recall(self, code):
        if self.whole:
            mixed, weights = self.memory(code.flatten(1))
            return mixed.view_as(code), weights
        rows = code.permute(0, *range(2, code.dim()), 1)  # ONNX knows no dimension -1, as movedim writes it
        mixed, weights = self.memory(rows.reshape(-1, code.shape[1]))
        return mixed.view(rows.shape).permute(0, code.dim() - 1, *range(1, code.dim() - 1)), weights

    def rebuild(self, x):
        mixed, weights = self.recall(self.encoder(x))
        return self.decoder(mixed), weights

    def loss(self, x):
        y, weights = self.rebuild(x)
        return F.mse_loss(y, x) + 2e-4 * entropy(weights)

    def forward(self, x):
        y, _ = self.rebuild(x)
        return ((y - x) ** 2).flatten(1).mean(1)


def mnist():
    half, double = dict(kernel_size=3, stride=2, padding=1), dict(kernel_size=3, stride=2, padding=1, output_padding=1)
    encoder = nn.Sequential(layer(CONV, 1, 16, nn.ReLU(), kernel_size=1, stride=2), layer(CONV, 16, 32, nn.ReLU(), **half),
                            layer(CONV, 32, 64, nn.ReLU(), **half))
    decoder = nn.Sequential(layer(TRANSPOSED, 64, 64, nn.ReLU(), **half), layer(TRANSPOSED, 64, 32, nn.ReLU(), **double),
                            nn.ConvTranspose2d(32, 1, **double))
    return MemAE(encoder, Memory(100, 1024, 30, 1 / 100), decoder, whole=True)


def cifar10():
    half, double = dict(kernel_size=3, stride=2, padding=1), dict(kernel_size=3, stride=2, padding=1, output_padding=1)
    down, up = (3, 64, 128, 128, 256), (256, 256, 128, 128)
    encoder = nn.Sequential(*(layer(CONV, i, o, nn.ReLU(), **half) for i, o in zip(down, down[1:])))
    decoder = nn.Sequential(*(layer(TRANSPOSED, i, o, nn.ReLU(), **double) for i, o in zip(up, up[1:])),
                            nn.ConvTranspose2d(128, 3, **double))
    return MemAE(encoder, Memory(500, 1024, 30, 1 / 500), decoder, whole=True)


def video():
    def leaky():
        return nn.LeakyReLU(0.2)
    kernel, first, down, up = dict(kernel_size=3, padding=1), (1, 2, 2), (96, 128, 256, 256), (256, 256, 128, 96)
    encoder = nn.Sequential(layer(CONV, 1, 96, leaky(), 3, stride=first, **kernel),
                            *(layer(CONV, i, o, leaky(), 3, stride=2, **kernel) for i, o in zip(down, down[1:])))
    decoder = nn.Sequential(*(layer(TRANSPOSED, i, o, leaky(), 3, stride=2, output_padding=1, **kernel)
                              for i, o in zip(up, up[1:])),
                            nn.ConvTranspose3d(96, 1, stride=first, output_padding=(0, 1, 1), **kernel))
    return MemAE(encoder, Memory(2000, 256, 30, 1 / 2000), decoder, whole=False)


def kdd():
    def perceptron(*widths):
        layers = []
        for i, o in zip(widths, widths[1:]):
            layers += [nn.Linear(i, o), nn.Tanh()]
        return nn.Sequential(*layers[:-1])
    return MemAE(perceptron(120, 60, 30, 10, 3), Memory(50, 3, 30, 1 / 50), perceptron(3, 10, 30, 60, 120), whole=True)


class DAAD(nn.Module):
    """U-Net with a memory on every lateral connection: each map is divided into blocks, which are looked up."""
    widths, rate = (64, 128, 256, 512, 512), 8

    def __init__(self):
        super().__init__()
        def leaky():
            return nn.LeakyReLU(0.2)
        halving, sides = dict(kernel_size=4, stride=2, padding=1), [256 >> n + 1 for n in range(len(self.widths))]
        self.down = nn.ModuleList(layer(CONV, i, o, leaky(), **halving) for i, o in zip((3, *self.widths), self.widths))
        self.memories = nn.ModuleList(Memory(500, (side // self.rate) ** 2 * width, 1, 0)
                                      for side, width in zip(sides, self.widths))
        ups = [layer(TRANSPOSED, 512, 512, leaky(), **halving)]
        ups += [layer(TRANSPOSED, 2 * i, o, leaky(), **halving) for i, o in ((512, 256), (256, 128), (128, 64))]
        self.up = nn.ModuleList([*ups, nn.ConvTranspose2d(128, 3, **halving)])

    def remember(self, x, memory):
        b, c, h, w = x.shape
        r = self.rate
        blocks = x.reshape(b, c, r, h // r, r, w // r).permute(0, 2, 4, 1, 3, 5)
        mixed, _ = memory(blocks.reshape(b * r * r, -1))
        return mixed.view(blocks.shape).permute(0, 3, 1, 4, 2, 5).reshape(b, c, h, w)

    def rebuild(self, x):
        laterals = []
        for down, memory in zip(self.down, self.memories):
            x = down(x)
            laterals.append(self.remember(x, memory))
        y = self.up[0](laterals.pop())
        for up in self.up[1:]:
            y = up(torch.cat([y, laterals.pop()], 1))
        return torch.tanh(y)

    def loss(self, x):
        return F.mse_loss(self.rebuild(x), x)

    def forward(self, x):
        return ((self.rebuild(x) - x) ** 2).flatten(1).mean(1)


class Judge(nn.Module):
    """Features of a picture, and a number, or a code, made of them."""

    def __init__(self, outputs):
        super().__init__()
        halving = dict(kernel_size=4, stride=2, padding=1)
        self.features = nn.Sequential(nn.Conv2d(3, 64, bias=False, **halving), nn.LeakyReLU(0.2),
                                      layer(CONV, 64, 128, nn.LeakyReLU(0.2), **halving),
                                      layer(CONV, 128, 256, nn.LeakyReLU(0.2), **halving))
        self.last = nn.Conv2d(256, outputs, 4, bias=False)

    def forward(self, x):
        features = self.features(x)
        return features, self.last(features)


class GANomaly(nn.Module):
    """Encoder, decoder, encoder; the discriminator is a net of its own."""

    def __init__(self):
        super().__init__()
        doubling = dict(kernel_size=4, stride=2, padding=1)
        self.encoder, self.again = Judge(100), Judge(100)
        self.decoder = nn.Sequential(layer(TRANSPOSED, 100, 256, nn.ReLU(), kernel_size=4),
                                     layer(TRANSPOSED, 256, 128, nn.ReLU(), **doubling),
                                     layer(TRANSPOSED, 128, 64, nn.ReLU(), **doubling),
                                     nn.ConvTranspose2d(64, 3, bias=False, **doubling), nn.Tanh())

    def rebuild(self, x):
        _, code = self.encoder(x)
        y = self.decoder(code)
        return y, code, self.again(y)[1]

    def forward(self, x):
        _, code, again = self.rebuild(x)
        return ((again - code) ** 2).flatten(1).mean(1)


def generator_loss(x, y, code, again, real, fake):
    return F.mse_loss(fake, real.detach()) + 50 * F.l1_loss(y, x) + F.mse_loss(again, code)


def discriminator_loss(real, fake):
    bce = F.binary_cross_entropy_with_logits
    return 0.5 * (bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake)))


MODELS = {"mnist": mnist, "cifar10": cifar10, "video": video, "kdd": kdd, "daad": DAAD, "ganomaly": GANomaly}


def fold(net):
    """Batch norm goes into the weights before it, everywhere: for scoring."""
    for child in net.children():
        fold(child)
    if isinstance(net, nn.Sequential):
        for k in range(len(net) - 1):
            if isinstance(net[k + 1], (nn.BatchNorm2d, nn.BatchNorm3d)):
                transposed = isinstance(net[k], (nn.ConvTranspose2d, nn.ConvTranspose3d))
                net[k] = fuse_conv_bn_eval(net[k], net[k + 1], transpose=transposed)
                net[k + 1] = nn.Identity()
    return net


def parameters(*nets):
    return sum(p.numel() for net in nets for p in net.parameters())
