#!/usr/bin/python3
"""Golden trainings of lazy-scaling by PyTorch: alpha (f(theta) - f(theta_0)) with f = 1-8-8-8-8-8-1, ReLU, lr .01/alpha^2.

    /usr/bin/python3 tests/golden/lazy_scaling.py > tests/golden/data/lazy_scaling.json

Per seed and precision: torch.manual_seed(seed), one net an alpha in the order of the list, with the precision as torch's
default type, so that draws are those of that type; data point by point from numpy's stream of the same seed (one uniform,
one normal). losses[a][k]: loss of alpha a before update STEPS[k]. "spread": the largest relative distance, over these
steps, of a float32 training from the float64 one that starts at the same numbers widened: what rounding alone does. Seeds
are the first two of 1, 2, .. whose spread is below 1e-5.
"""
import copy
import json
import os

os.environ.pop("OPENBLAS_CORETYPE", None)  # must be gone before the BLAS is loaded
import numpy as np
import torch

torch.set_num_threads(1)
ALPHAS = [1, 100]
STEPS = [1, 10, 100, 1000]
WIDTHS = [1, 8, 8, 8, 8, 8, 1]
LR = 0.01


def make_net():
    layers = []
    for a, b in zip(WIDTHS, WIDTHS[1:]):
        layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def data(seed, n=10):
    stream = np.random.RandomState(seed)
    x = []
    for _ in range(n):
        x.append(-1 + stream.uniform() * 2)
        stream.normal()
    x = np.array(x).reshape(-1, 1)
    return x, np.abs(x + 0.5) - 2 * np.maximum(x - 0.5, 0) - 0.4


def train(net, alpha, x, y):
    start = copy.deepcopy(net)
    with torch.no_grad():
        f_0 = start(x)
    rule = torch.optim.SGD(net.parameters(), lr=LR / alpha**2)
    losses = []
    for k in range(STEPS[-1]):
        loss = torch.nn.functional.mse_loss(alpha * (net(x) - f_0), y)
        if k + 1 in STEPS:
            losses.append(loss.item())
        rule.zero_grad()
        loss.backward()
        rule.step()
    return losses


def nets(seed, dtype):
    torch.set_default_dtype(dtype)
    torch.manual_seed(seed)
    return [make_net() for _ in ALPHAS]


def traces(models, dtype, seed):
    x, y = (torch.tensor(v, dtype=dtype) for v in data(seed))
    return [train(copy.deepcopy(m).to(dtype), a, x, y) for m, a in zip(models, ALPHAS)]


rows = []
seed = 0
while len(rows) < 4:
    seed += 1
    single = nets(seed, torch.float32)
    f32 = traces(single, torch.float32, seed)
    wide = traces(single, torch.float64, seed)
    spread = max(abs(a - b) / b for s, w in zip(f32, wide) for a, b in zip(s, w))
    if spread > 1e-5:
        continue
    rows.append({"seed": seed, "precision": "f32", "spread": spread, "losses": f32})
    rows.append({"seed": seed, "precision": "f64", "spread": spread,
                 "losses": traces(nets(seed, torch.float64), torch.float64, seed)})
print(json.dumps({"tool": f"PyTorch {torch.__version__}, numpy {np.__version__}", "format": __doc__, "alphas": ALPHAS,
                  "steps": STEPS, "rows": rows}, indent=1))
