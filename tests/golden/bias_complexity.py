#!/usr/bin/python3
"""Minimum-norm fits by numpy.linalg.pinv and gradient descent by torch.optim.SGD: writes data/bias_complexity.json.

    /usr/bin/python3 bias_complexity.py    (Debian 12: python3-torch 1.13, python3-numpy)

Data from numpy.random.seed(42) (n = 50, noise .05), risk against the noiseless target on 1000 even points of [-1, 1].
"spread" is the largest relative change of the risk over eight fits with every feature moved by up to one unit in the
last place: what another sine or another order of the sums may do to it. "rank" is null where one of these has another
rank. Nets: torch.manual_seed(42), dimensions in ascending order, one net each, f64.
"""
import json
import os

import numpy as np
import torch

torch.set_num_threads(1)
N, NOISE, LR, STEPS = 50, 0.05, 0.1, 200
DIMS = [2, 6, 10, 16, 30, 52, 100, 150, 198]


def middle(x):
    return np.abs(x + 0.5) - 2 * np.maximum(x - 0.5, 0) - 0.4


def data():
    np.random.seed(42)
    x, y = np.zeros(N), np.zeros(N)
    for i in range(N):
        x[i] = -1 + np.random.rand() * 2
        y[i] = middle(x[i]) + NOISE * np.random.randn()
    return x, y


def features(x, m, frequency):
    angle = frequency * np.outer(x, np.arange(m // 2))
    return np.hstack([np.sin(angle), np.cos(angle)])


def design(x, m, frequency):
    return np.hstack([features(x, m, frequency), np.ones((len(x), 1))])


grid = -1 + 2 * np.arange(1000) / 999


def fit(a, g, y):
    """Rank, weights' training loss and risk."""
    rcond = max(N, a.shape[1]) * 2.0**-52
    s = np.linalg.svd(a, compute_uv=False)
    theta = np.linalg.pinv(a, rcond=rcond) @ y
    return int((s > rcond * s[0]).sum()), np.mean((a @ theta - y) ** 2), np.mean((g @ theta - middle(grid)) ** 2)


def least(frequency):
    x, y = data()
    nudge = np.random.RandomState(1)
    out = []
    for m in DIMS:
        a, g = design(x, m, frequency), design(grid, m, frequency)
        rank, train, risk = fit(a, g, y)
        others = [fit(a * (1 + 2.0**-52 * nudge.uniform(-1, 1, a.shape)), g, y) for _ in range(8)]
        spread = max(abs(other[2] / risk - 1) for other in others)
        stable = all(other[0] == rank for other in others)
        out.append({"m": m, "rank": rank if stable else None, "risk": risk, "spread": spread, "train": train})
    return out


def descent(frequency):
    torch.manual_seed(42)
    x, y = data()
    target = torch.tensor(y)[:, None]
    out = []
    for m in DIMS:
        net = torch.nn.Linear(m, 1, dtype=torch.float64)
        phi = torch.tensor(features(x, m, frequency))
        optimiser = torch.optim.SGD(net.parameters(), lr=LR)
        for _ in range(STEPS):
            optimiser.zero_grad()
            ((net(phi) - target) ** 2).mean().backward()
            optimiser.step()
        with torch.no_grad():
            train = ((net(phi) - target) ** 2).mean().item()
            f = net(torch.tensor(features(grid, m, frequency)))[:, 0].numpy()
        out.append({"m": m, "train": train, "risk": np.mean((f - middle(grid)) ** 2)})
    return out


path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "bias_complexity.json")
result = {}
for name, frequency in (("slow", 0.2 * np.pi), ("pi", np.pi)):
    result[name] = {"least": least(frequency), "descent": descent(frequency)}
with open(path, "w", encoding="ascii") as file:
    json.dump(result, file, indent=1)
    file.write("\n")
