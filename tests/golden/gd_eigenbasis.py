#!/usr/bin/python3
"""Golden runs of gd-eigenbasis by numpy: X, Y, w_0 from one stream, w -= lr (X X^T w - X Y).

    /usr/bin/python3 tests/golden/gd_eigenbasis.py > tests/golden/data/gd_eigenbasis.json

loss: ||X^T w - Y||^2 / n before updates 1 and steps; distance: ||w - w_0|| / ||w_0|| after updates 1 and steps;
eigenvalues descending, coordinates (start, end) in the eigenvectors whose component of largest absolute value is
positive: the first five and the last one of each; kolmogorov: sup |F_p - F| with F by scipy's quadrature of the density
of Marchenko and Pastur.
"""
import json
import os

os.environ.pop("OPENBLAS_CORETYPE", None)
import numpy as np

try:
    from scipy.integrate import quad
except ImportError:
    quad = None

CASES = [(42, 100, 5000, 1000, 0.001), (7, 12, 40, 60, 0.05), (3, 9, 5, 40, 0.1)]  # seed, p, n, steps, lr


def kolmogorov(values, p, n):
    g = p / n
    low, high = (1 - g**0.5) ** 2, (1 + g**0.5) ** 2
    half = (high - low) / 2

    def cdf(x):
        if x <= low:
            return 0.0
        end = np.arccos(np.clip(((low + high) / 2 - x) / half, -1, 1))
        f = lambda s: (half * np.sin(s)) ** 2 / (2 * np.pi * g * ((low + high) / 2 - half * np.cos(s)))
        return quad(f, 0, end, epsabs=1e-13, epsrel=1e-12)[0]

    worst = 0.0
    for i, x in enumerate(np.sort(values)):
        worst = max(worst, abs((i + 1) / p - cdf(x)), abs(i / p - cdf(x)))
    return worst


def run(seed, p, n, steps, lr):
    stream = np.random.RandomState(seed)
    x = stream.randn(p, n) / np.sqrt(n)
    y = stream.randn(n)
    w_0 = stream.randn(p) / np.sqrt(p)
    gram, moment = x @ x.T, x @ y
    values, vectors = np.linalg.eigh(gram)
    values, rows = values[::-1], vectors.T[::-1].copy()
    for row in rows:
        if row[np.argmax(np.abs(row))] < 0:
            row *= -1
    w, loss, distance = w_0.copy(), [], []
    for t in range(1, steps + 1):
        if t in (1, steps):
            loss.append(float(np.sum((x.T @ w - y) ** 2) / n))
        w = w - lr * (gram @ w - moment)
        if t in (1, steps):
            distance.append(float(np.linalg.norm(w - w_0) / np.linalg.norm(w_0)))
    rank = int(np.linalg.matrix_rank(x))
    shown = [i for i in range(5)] + ([p - 1] if p <= n else [])
    return {"seed": seed, "p": p, "n": n, "steps": steps, "lr": lr, "rank": rank, "loss": loss, "distance": distance,
            "index": shown, "eigenvalues": [float(values[i]) for i in shown],
            "start": [float(rows[i] @ w_0) for i in shown], "end": [float(rows[i] @ w) for i in shown],
            "kolmogorov": kolmogorov(values, p, n) if quad and p <= n else None}


print(json.dumps({"tool": f"numpy {np.__version__}", "format": __doc__, "cases": [run(*c) for c in CASES]}, indent=1))
