#!/usr/bin/python3
"""Golden loss traces of lazy-1d's nets by PyTorch, in float32 and in float64 from the same float32 numbers.

    /usr/bin/python3 tests/golden/lazy_1d.py > tests/golden/data/lazy_1d.json

Data point by point from numpy's stream (data_seed): x = low + u (high - low), one normal, y = f(x) + noise z, in float64,
rounded to float32. Nets in the order of the list from one torch stream (seed), torch's default initialisation. Batches:
order[pos .. min(pos + batch, n)), then pos = (pos + batch) mod n, and order is shuffled by the same numpy stream where
the old pos + batch > n, also where that only permutes all points; each net begins at order 0, 1, .. and pos 0, the stream
goes on from net to net. bad_steps: each net takes that many steps of rate 1 before the next is drawn.
f32, f64: the loss before update `step`; the float64 nets repeat the float32 ones' batches.
"""
import json
import math
import os

os.environ.pop("OPENBLAS_CORETYPE", None)  # must be gone before the BLAS is loaded
import numpy
import torch

torch.set_num_threads(1)
STEPS = [1, 10, 100, 500, 1000]
TARGETS = {
    "simple": lambda x: max(0.3 * x, 0.0),
    "middle": lambda x: abs(x + 0.5) - 2 * max(x - 0.5, 0.0) - 0.4,
    "complex": lambda x: math.sin(10 * x) * math.cos(2 * x + 1),
}
CASE = {"target": "middle", "n": 15, "noise": 0.0, "batch": 15, "bad_steps": 0, "model": "shallow", "lr": 0.002}
CASES = [
    {"name": "shallow", "widths": [10, 10, 10], "seed": 1, "data_seed": 2},
    {"name": "shallow-robustness", "widths": [10, 10], "seed": 3, "data_seed": 3, "batch": 30, "lr": 0.001},
    {"name": "shallow-complex-noise", "widths": [10, 100], "seed": 4, "data_seed": 5, "target": "complex", "noise": 0.1},
    {"name": "shallow-mini", "widths": [10, 10], "seed": 6, "data_seed": 7, "batch": 4, "target": "simple"},
    {"name": "bad-init", "widths": [100, 100], "seed": 8, "data_seed": 8, "batch": 7, "lr": 0.001, "bad_steps": 2},
    {"name": "deep-8", "model": "deep", "widths": [8, 8, 8], "seed": 9, "data_seed": 10, "lr": 0.1},
    {"name": "deep-10", "model": "deep", "widths": [10, 10, 10], "seed": 42, "data_seed": 42, "lr": 0.1},
]


def make(model, width):
    widths = [1, width, 1] if model == "shallow" else [1] + 5 * [width] + [1]
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def train(net, x, y, batches, lr):
    rule = torch.optim.SGD(net.parameters(), lr=lr)
    losses = []
    for rows in batches:
        rule.zero_grad()
        loss = torch.nn.functional.mse_loss(net(x[rows]), y[rows])
        loss.backward()
        rule.step()
        losses.append(loss.item())
    return losses


def cycle(steps, n, batch):
    order, pos = list(range(n)), 0
    for _ in range(steps):
        yield torch.tensor(order[pos:min(pos + batch, n)])
        if pos + batch > n:
            numpy.random.shuffle(order)
        pos = (pos + batch) % n


def run(case):
    c = {**CASE, **case}
    numpy.random.seed(c["data_seed"])
    xs, ys = [], []
    for _ in range(c["n"]):
        x = -1 + numpy.random.uniform() * 2
        z = numpy.random.normal()
        xs.append([x])
        ys.append([TARGETS[c["target"]](x) + c["noise"] * z])
    x, y = torch.tensor(xs, dtype=torch.float32), torch.tensor(ys, dtype=torch.float32)
    torch.manual_seed(c["seed"])
    nets = []
    for width in c["widths"]:
        net = make(c["model"], width)
        train(net, x, y, list(cycle(c["bad_steps"], c["n"], c["batch"])), 1.0)
        nets.append(net)
    c["nets"] = []
    for net in nets:
        batches = list(cycle(STEPS[-1], c["n"], c["batch"]))
        wide = make(c["model"], c["widths"][len(c["nets"])])
        wide.load_state_dict(net.state_dict())
        wide = wide.double()
        f32 = train(net, x, y, batches, c["lr"])
        f64 = train(wide, x.double(), y.double(), batches, c["lr"])
        c["nets"].append({"f32": [f32[s - 1] for s in STEPS], "f64": [f64[s - 1] for s in STEPS]})
    c["x"], c["y"] = x.flatten().tolist(), y.flatten().tolist()
    return c


print(json.dumps({"tool": f"PyTorch {torch.__version__}, numpy {numpy.__version__}", "format": __doc__, "steps": STEPS,
                  "cases": [run(case) for case in CASES]}, indent=1))
