#!/usr/bin/python3
"""Writes data/gradient_flow.json: ends of gradient descent on the published function by numpy, in f64 and with point,
gradient and update rounded to f32 (the gradient itself is computed in f64), the same by PyTorch's autograd in f32, and
the flow at time 1 by the classical Runge-Kutta method with two step lengths that agree to 1e-9. `stable`: starts moved by
1e-9 (f32: 3e-7) in five directions all end within 1e-6 (1e-4) of the same place; other descents are chaotic or circle.
Debian 12: python3-numpy, python3-torch."""

import json
import pathlib

import numpy as np
import torch

STARTS, STEPS, LRS, SEED = 12, 10000, (1e-4, 2e-3), 42


def gradient(x, y):
    a, b = 3 * y - 5, 2 * (x + 2) * (y - 4) ** 2
    return (np.cos(x + 4) * (np.cos(a) + 0.3) - np.sin(b) * (y - 4) ** 2,
            -3 * np.sin(x + 4) * np.sin(a) - 2 * np.sin(b) * (x + 2) * (y - 4))


def value(x, y):
    return np.sin(x + 4) * (np.cos(3 * y - 5) + 0.3) + 0.5 * np.cos(2 * (x + 2) * (y - 4) ** 2)


def descend(start, lr, single):
    real = np.float32 if single else np.float64
    x, y = (start[:, c].astype(real) for c in range(2))
    for _ in range(STEPS):
        gx, gy = gradient(x.astype(np.float64), y.astype(np.float64))
        x = x - real(lr) * gx.astype(real)
        y = y - real(lr) * gy.astype(real)
    return np.stack([x, y], 1).astype(np.float64)


def spread(start, end, lr, single):
    """How far from each end the neighbours of its start end."""
    size = 3e-7 if single else 1e-9
    moves = size * np.array([[1, 1], [1, -1], [-1, 1], [-1, -1], [0.001, 0] if not single else [2, 0]])
    moved = descend((start[None] + moves[:, None]).reshape(-1, 2), lr, single).reshape(len(moves), -1, 2)
    return abs(moved - end[None]).max(axis=(0, 2))


def descend_torch(start, lr):
    z = torch.tensor(start, dtype=torch.float32, requires_grad=True)
    for _ in range(STEPS):
        x, y = z[:, 0], z[:, 1]
        f = torch.sin(x + 4) * (torch.cos(3 * y - 5) + 0.3) + 0.5 * torch.cos(2 * (x + 2) * (y - 4) ** 2)
        (g,) = torch.autograd.grad(f.sum(), z)
        with torch.no_grad():
            z -= lr * g
    return z.detach().numpy().astype(np.float64)


def flow(start, time, steps):
    h, z = time / steps, start.T.copy()
    for _ in range(steps):
        k1 = -np.array(gradient(*z))
        k2 = -np.array(gradient(*(z + h / 2 * k1)))
        k3 = -np.array(gradient(*(z + h / 2 * k2)))
        k4 = -np.array(gradient(*(z + h * k3)))
        z = z + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return z.T


torch.set_num_threads(1)
start = np.random.RandomState(SEED).uniform(-1.5, 1.5, (STARTS, 2))
rows = []
for lr in LRS:
    ends = {s: descend(start, lr, s) for s in (False, True)}
    apart = {s: spread(start, ends[s], lr, s) for s in (False, True)}
    net = descend_torch(start, lr)
    for i in range(STARTS):
        rows.append({"start": i, "lr": lr, "x0": start[i, 0], "y0": start[i, 1],
                     "f64": list(ends[False][i]), "value": value(*ends[False][i]), "f32": list(ends[True][i]),
                     "torch_f32": list(net[i]),
                     "stable": bool(apart[False][i] < 1e-6),
                     "stable_f32": bool(apart[True][i] < 1e-4)})
coarse, fine = flow(start, LRS[0] * STEPS, 10000), flow(start, LRS[0] * STEPS, 20000)
assert abs(coarse - fine).max() < 1e-9
out = {"source": "tests/golden/gradient_flow.py, numpy " + np.__version__ + ", torch " + torch.__version__,
       "seed": SEED, "starts": STARTS, "rows": rows, "flow_1": fine.tolist()}
path = pathlib.Path(__file__).resolve().parent / "data" / "gradient_flow.json"
path.write_text(json.dumps(out, indent=1) + "\n")
