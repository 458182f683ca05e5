#!/usr/bin/python3
"""Losses of linear read-outs on Fourier features, trained by torch.optim.SGD: writes data/linear_features.json.

    /usr/bin/python3 linear_features.py    (Debian 12: python3-torch 1.13, python3-numpy)

Data from numpy.random.seed(42), initialisations from torch.manual_seed(42), nets drawn in the order of the dimensions.
Losses are those before the update of the steps listed; movement is ||theta - theta_0|| after the last one.
"""
import json
import os

import numpy as np
import torch

torch.set_num_threads(1)
N, LR, STEPS = 15, 0.01, [(8, 1000), (200, 100), (100, 1000)]
AT = [1, 2, 10, 50, 100, 1000]


def middle(x):
    return np.abs(x + 0.5) - 2 * np.maximum(x - 0.5, 0) - 0.4


def data():
    np.random.seed(42)
    x, y = np.zeros(N), np.zeros(N)
    for i in range(N):
        x[i] = -1 + np.random.rand() * 2
        y[i] = middle(x[i]) + 0 * np.random.randn()
    return x, y


def features(x, m):
    k = np.arange(m // 2)
    angle = 2 * np.pi * np.outer(x, k)
    return np.hstack([np.sin(angle), np.cos(angle)])


def train(dtype):
    torch.manual_seed(42)
    x, y = data()
    nets = [torch.nn.Linear(m, 1, dtype=dtype) for m, _ in STEPS]
    out = []
    for (m, steps), net in zip(STEPS, nets):
        seen = torch.tensor(x, dtype=dtype).double().numpy()
        phi, target = torch.tensor(features(seen, m), dtype=dtype), torch.tensor(y, dtype=dtype)[:, None]
        start = [p.detach().clone() for p in net.parameters()]
        optimiser = torch.optim.SGD(net.parameters(), lr=LR)
        losses = {}
        for step in range(1, steps + 1):
            optimiser.zero_grad()
            loss = ((net(phi) - target) ** 2).mean()
            if step in AT:
                losses[str(step)] = loss.item()
            loss.backward()
            optimiser.step()
        moved = sum(((p - q) ** 2).sum().item() for p, q in zip(net.parameters(), start)) ** 0.5
        out.append({"m": m, "steps": steps, "losses": losses, "movement": moved})
    return out


path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "linear_features.json")
with open(path, "w", encoding="ascii") as file:
    json.dump({"f32": train(torch.float32), "f64": train(torch.float64)}, file, indent=1)
    file.write("\n")
