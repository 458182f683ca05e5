#!/usr/bin/python3
"""Random Fourier and ReLU features on a line as the Princeton tutorial draws them, by numpy:
   /usr/bin/python3 tests/golden/double_descent_features.py > tests/golden/data/double_descent_features.json
The Fourier rows meet the tutorial's printed table to 1e-7; ReLU rows were not printed."""
import json

import numpy as np

COUNTS = [1, 5, 10, 50, 100, 500, 1000, 5000, 10000, 100000, 200000]

np.random.seed(2134)
X = np.random.randn(1, 10)
w = np.random.randn(1, 1)
y = w @ X + 0.5 * np.random.randn(1, 10)
grid = np.linspace(X.min(), X.max(), 1000).reshape(1, -1)
target = w @ grid


def errors(phi, phi_grid):
    a = y @ np.linalg.pinv(phi)
    return [float(np.mean(np.abs(a @ phi - y) ** 2)), float(np.mean(np.abs(a @ phi_grid - target) ** 2))]


def limit(kernel):
    a = np.linalg.solve(kernel(X, X), y.T)
    return float(np.mean((kernel(grid, X) @ a - target.T) ** 2))


def arc_cosine(a, b):
    size = np.sqrt(1 + a.T**2) * np.sqrt(1 + b**2)
    u = np.clip((1 + a.T @ b) / size, -1, 1)
    return size * (u * (np.pi - np.arccos(u)) + np.sqrt(1 - u * u)) / np.pi


out = {"numpy": np.__version__, "x": X[0].tolist(), "y": y[0].tolist(), "fourier": [], "relu": []}
np.random.seed(4321)
for k in COUNTS:
    V = np.random.randn(k, 1)
    out["fourier"].append([k] + errors(np.exp(1j * V @ X) / np.sqrt(k), np.exp(1j * V @ grid) / np.sqrt(k)))
np.random.seed(1717)
for k in COUNTS:
    V = np.random.randn(k, 1)
    b = np.random.randn(k, 1)
    out["relu"].append([k] + errors(np.sqrt(2 / k) * np.maximum(V @ X + b, 0), np.sqrt(2 / k) * np.maximum(V @ grid + b, 0)))
out["limits"] = {
    "exp(-r^2/2)": limit(lambda a, b: np.exp(-((a.T - b) ** 2) / 2)),
    "exp(-r/2)": limit(lambda a, b: np.exp(-np.abs(a.T - b) / 2)),
    "arc-cosine": limit(arc_cosine),
}
print(json.dumps(out, indent=1))
