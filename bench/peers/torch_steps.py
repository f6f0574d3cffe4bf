"""Times steps of a net in PyTorch, prints a line of JSON.

    torch_steps.py CASE train|score f32|bf16 SECONDS SETTING

SETTING is words with a + between: threads1, threads2, ...; eager or compiled; channels-last; cast (scoring in bf16 with
weights of bf16, in place of autocast). A training step is forward, losses, backward and Adam (fused), of GANomaly those
of both nets; scoring has batch norm folded, and compiled it is frozen, too.
"""
import argparse
import contextlib
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
import nets
import timing

IMPORTED = timing.memory("VmRSS")


class Setting:
    def __init__(self, text):
        words = text.split("+")
        self.threads = int(words[0].removeprefix("threads"))
        self.compiled, self.channels_last, self.cast = ("compiled" in words, "channels-last" in words, "cast" in words)

    def compile(self, function):
        return torch.compile(function) if self.compiled else function

    def place(self, value):
        """A net or a tensor in the memory layout asked for."""
        if not self.channels_last:
            return value
        dims = {p.dim() for p in value.parameters()} if isinstance(value, torch.nn.Module) else {value.dim()}
        return value.to(memory_format=torch.channels_last_3d if 5 in dims else torch.channels_last)


def adam(parameters, rate, betas=(0.9, 0.999)):
    return torch.optim.Adam(parameters, rate, betas, fused=True)


def training_of_one(net, x, setting, autocast):
    optimiser, loss_of = adam(net.parameters(), 1e-4), setting.compile(net.loss)

    def step():
        with autocast():
            loss = loss_of(x)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return step


def training_of_both(net, x, setting, autocast):
    """GANomaly in one forward pass, as engram does it: the discriminator judges the pictures from before the
    generator's step, and neither net's weight gradients are computed for the other's loss."""
    judge = setting.place(nets.Judge(1)).train()
    mains, judges = list(net.parameters()), list(judge.parameters())
    main_adam, judge_adam = adam(mains, 2e-4, (0.5, 0.999)), adam(judges, 2e-4, (0.5, 0.999))

    def step():
        with autocast():
            y, code, again = net.rebuild(x)
            real, real_verdict = judge(x)
            fake, fake_verdict = judge(y)
            main_loss = nets.generator_loss(x, y, code, again, real, fake)
            judge_loss = nets.discriminator_loss(real_verdict, fake_verdict)
        main_adam.zero_grad()
        judge_adam.zero_grad()
        main_loss.backward(inputs=mains, retain_graph=True)
        judge_loss.backward(inputs=judges)
        main_adam.step()
        judge_adam.step()
    return step, judge


def compiled_training_of_both(net, x, setting, autocast):
    """A compiled graph computes all gradients or none: the discriminator runs once for each loss, its weights fixed in
    the generator's."""
    judge = setting.place(nets.Judge(1)).train()
    main_adam, judge_adam = adam(net.parameters(), 2e-4, (0.5, 0.999)), adam(judge.parameters(), 2e-4, (0.5, 0.999))

    @torch.compile
    def main_loss_of(x):
        y, code, again = net.rebuild(x)
        return nets.generator_loss(x, y, code, again, judge(x)[0], judge(y)[0]), y

    @torch.compile
    def judge_loss_of(x, y):
        return nets.discriminator_loss(judge(x)[1], judge(y)[1])

    def step():
        judge.requires_grad_(False)
        with autocast():
            main_loss, y = main_loss_of(x)
        main_adam.zero_grad()
        main_loss.backward()
        main_adam.step()
        judge.requires_grad_(True)
        with autocast():
            judge_loss = judge_loss_of(x, y.detach())
        judge_adam.zero_grad()
        judge_loss.backward()
        judge_adam.step()
    return step, judge


def scoring(net, x, setting, autocast):
    net = nets.fold(net.eval())
    if setting.cast:
        net, x, autocast = net.to(torch.bfloat16), x.to(torch.bfloat16), contextlib.nullcontext
    run = setting.compile(net)

    def step():
        with torch.no_grad(), autocast():
            return run(x)
    return step


def make_step(case, mode, precision, setting):
    """(a step, the number of parameters)"""
    def autocast():
        return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16")
    net, x = setting.place(nets.MODELS[case]().train()), setting.place(torch.rand(nets.SHAPES[case]) * 2 - 1)
    count = nets.parameters(net)
    if mode == "score":
        return scoring(net, x, setting, autocast), count
    if case != "ganomaly":
        return training_of_one(net, x, setting, autocast), count
    both = compiled_training_of_both if setting.compiled else training_of_both
    step, judge = both(net, x, setting, autocast)
    return step, count + nets.parameters(judge)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=nets.SHAPES)
    parser.add_argument("mode", choices=("train", "score"))
    parser.add_argument("precision", choices=("f32", "bf16"))
    parser.add_argument("seconds", type=float)
    parser.add_argument("setting", type=Setting)
    args = parser.parse_args()
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    torch.set_num_threads(args.setting.threads)
    if args.setting.compiled:
        torch._inductor.config.freezing = args.mode == "score"
    step, count = make_step(args.case, args.mode, args.precision, args.setting)
    timing.report(*timing.time_steps(step, args.seconds), IMPORTED, parameters=count)


if __name__ == "__main__":
    main()
