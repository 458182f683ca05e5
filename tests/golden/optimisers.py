#!/usr/bin/python3
"""Golden traces of torch.optim's rules and of its learning-rate schedulers.

    /usr/bin/python3 tests/golden/optimisers.py > tests/golden/data/optimisers.json

quadratic: 37 parameters (the tensors 5x4, 5, 2x5, 2 in this order) on sum_i c_i theta_i^2 / 2, gradient c_i theta_i,
in float32 and float64: theta after the steps of `at`. The gradient is one rounding, so the trace tests the rule alone.
net: 3-6-2 tanh, mean squared error on 9 samples, float64: 50 losses (each before its update) and theta after them.
schedules: the rate of steps 0, 1, .. (scheduler.step() after each optimizer.step()).
batches: rows of the mini-batches of a shuffled order that never wraps, numpy's legacy stream.
"""
import json
import os
import sys
import warnings

os.environ.pop("OPENBLAS_CORETYPE", None)  # must be gone before the BLAS is loaded
import numpy
import torch
from torch.optim import lr_scheduler as schedulers

warnings.filterwarnings("ignore")
STEPS = 50
AT = [1, 2, 10, 50]
SHAPES = [(5, 4), (5,), (2, 5), (2,)]
COUNT = 37

# name, torch class, options in torch's words
CASES = [
    ("sgd", "SGD", {"lr": 0.1}),
    ("sgd-decay", "SGD", {"lr": 0.1, "weight_decay": 0.03}),
    ("sgd-momentum", "SGD", {"lr": 0.05, "momentum": 0.9}),
    ("sgd-nesterov", "SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("sgd-damped", "SGD", {"lr": 0.1, "momentum": 0.8, "dampening": 0.3}),
    ("adam", "Adam", {"lr": 0.003}),
    ("adam-decay", "Adam", {"lr": 0.01, "weight_decay": 0.1}),
    ("adam-betas", "Adam", {"lr": 0.02, "betas": [0.7, 0.95], "eps": 1e-3}),
    ("adamw", "AdamW", {"lr": 0.01, "weight_decay": 0.01}),
    ("adamw-plain", "AdamW", {"lr": 0.01, "weight_decay": 0.0}),
    ("rmsprop", "RMSprop", {"lr": 0.01}),
    ("rmsprop-momentum", "RMSprop", {"lr": 0.002, "momentum": 0.9, "alpha": 0.9}),
    ("rmsprop-decay", "RMSprop", {"lr": 0.01, "weight_decay": 0.05, "eps": 1e-6}),
    ("adagrad", "Adagrad", {"lr": 0.05}),
    ("adagrad-decay", "Adagrad", {"lr": 0.05, "weight_decay": 0.02}),
]


def flat(tensors):
    return [value for tensor in tensors for value in tensor.detach().reshape(-1).tolist()]


def optimiser(kind, parameters, options):
    return getattr(torch.optim, kind)(parameters, **options)


def tensors_of(values, dtype):
    out, at = [], 0
    for shape in SHAPES:
        count = int(numpy.prod(shape))
        out.append(torch.tensor(values[at : at + count], dtype=dtype).reshape(shape).requires_grad_(True))
        at += count
    return out


def quadratic(kind, options, start, curvature, dtype):
    theta = tensors_of(start, dtype)
    c = [tensor.detach() for tensor in tensors_of(curvature, dtype)]
    rule = optimiser(kind, theta, options)
    trace = []
    for step in range(1, STEPS + 1):
        for tensor, factor in zip(theta, c):
            tensor.grad = factor * tensor.detach()
        rule.step()
        if step in AT:
            trace.append(flat(theta))
    return trace


def net(kind, options, data):
    layers = [torch.nn.Linear(3, 6).double(), torch.nn.Linear(6, 2).double()]
    parameters = [p for layer in layers for p in layer.parameters()]
    with torch.no_grad():
        at = 0
        for p in parameters:
            p.copy_(torch.tensor(data["theta"][at : at + p.numel()], dtype=torch.float64).reshape(p.shape))
            at += p.numel()
    x = torch.tensor(data["x"], dtype=torch.float64).reshape(9, 3)
    y = torch.tensor(data["y"], dtype=torch.float64).reshape(9, 2)
    rule = optimiser(kind, parameters, options)
    losses = []
    for _ in range(STEPS):
        rule.zero_grad()
        loss = ((layers[1](torch.tanh(layers[0](x))) - y) ** 2).mean()
        loss.backward()
        losses.append(loss.item())
        rule.step()
    return {"losses": losses, "theta": flat(parameters)}


def rates(make, steps=40, lr=0.4):
    rule = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    schedule = make(rule)
    out = []
    for _ in range(steps):
        out.append(rule.param_groups[0]["lr"])
        rule.step()
        schedule.step()
    return out


def warm(rule, after):
    first = schedulers.LinearLR(rule, start_factor=0.25, total_iters=8)
    return schedulers.SequentialLR(rule, [first, after], milestones=[8])


SCHEDULES = {
    "constant": lambda r: schedulers.LambdaLR(r, lambda step: 1.0),
    "step": lambda r: schedulers.StepLR(r, step_size=7, gamma=0.3),
    "multi-step": lambda r: schedulers.MultiStepLR(r, milestones=[5, 6, 30], gamma=0.5),
    "exponential": lambda r: schedulers.ExponentialLR(r, gamma=0.93),
    "cosine": lambda r: schedulers.CosineAnnealingLR(r, T_max=40, eta_min=0.01),
    "warm-up-constant": lambda r: schedulers.LinearLR(r, start_factor=0.25, total_iters=8),
    "warm-up-step": lambda r: warm(r, schedulers.StepLR(r, step_size=7, gamma=0.3)),
    "warm-up-cosine": lambda r: warm(r, schedulers.CosineAnnealingLR(r, T_max=32, eta_min=0.01)),
}


def batches(n, batch, steps, seed):
    stream = numpy.random.RandomState(seed)
    order, pos, out = numpy.arange(n), 0, []
    for _ in range(steps):
        out.append(order[pos : min(pos + batch, n)].tolist())
        again = pos + batch > n
        pos = (pos + batch) % n
        if again:
            stream.shuffle(order)
    return {"n": n, "batch": batch, "seed": seed, "rows": out}


def main():
    torch.set_num_threads(1)
    stream = torch.Generator().manual_seed(3)
    # float32 values, exact in both precisions
    start = torch.randn(COUNT, generator=stream).tolist()
    curvature = (torch.rand(COUNT, generator=stream) * 4 + 0.05).tolist()
    data = {
        "theta": torch.randn(38, generator=stream).mul(0.6).tolist(),
        "x": torch.randn(27, generator=stream).tolist(),
        "y": torch.randn(18, generator=stream).tolist(),
    }
    out = {
        "source": {
            "command": "/usr/bin/python3 tests/golden/optimisers.py",
            "torch": torch.__version__,
            "numpy": numpy.__version__,
            "capability": "AVX2",
        },
        "format": __doc__.split("\n\n")[2],
        "at": AT,
        "start": start,
        "curvature": curvature,
        "data": data,
        "cases": [
            {
                "name": name,
                "class": kind,
                "options": options,
                "f32": quadratic(kind, options, start, curvature, torch.float32),
                "f64": quadratic(kind, options, start, curvature, torch.float64),
                "net": net(kind, options, data),
            }
            for name, kind, options in CASES
        ],
        "schedules": {name: rates(make) for name, make in SCHEDULES.items()},
        "batches": [batches(15, 15, 6, 7), batches(15, 4, 20, 7), batches(15, 30, 6, 5), batches(12, 4, 12, 9)],
    }
    json.dump(out, sys.stdout, indent=None, separators=(",", ":"))
    print()


main()
