#!/usr/bin/python3
"""Golden curves of expressivity's published run, by PyTorch 1.13 (weights) and numpy in float64 (propagation).

    /usr/bin/python3 tests/golden/expressivity.py > tests/golden/data/expressivity.json

numpy seed 42: projection randn(100, 3). torch seed 42, one stream: for sigma 2 and then .4 the default initialisation of
20 nn.Linear without biases (2-100-..-100-1), then normal_(0, sigma / sqrt(n_in)) layer by layer. Float32 weights are
widened; 400 points theta = linspace(0, 2 pi) go through 19 tanh layers. q: mean over the points of |z|^2 / 100.
polyline: sum of |z_(i+1) - z_i|. speed: |dz/dtheta| at the first point. curvature: root mean square over the points of
sqrt(100) kappa, from z's first two derivatives. correlation: mean over pairs 50 points apart of 399. last: phi(z) of the
last layer times the projection, at points 0, 1, 100, 399. fine: length of the polyline through 200,000 points.
"""
import json
import os

os.environ.pop("OPENBLAS_CORETYPE", None)  # must be gone before the BLAS is loaded
import numpy as np
import torch

WIDTH, DEPTH, POINTS, OFFSET, FINE = 100, 20, 400, 50, 200000


def weights(sigma):
    sizes = [2] + [WIDTH] * (DEPTH - 1) + [1]
    layers = [torch.nn.Linear(a, b, bias=False) for a, b in zip(sizes, sizes[1:])]
    for layer in layers:
        torch.nn.init.normal_(layer.weight, std=sigma / np.sqrt(layer.in_features))
    return [layer.weight.detach().numpy().astype(np.float64) for layer in layers[:-1]]


def circle(points):
    theta = np.linspace(0, 2 * np.pi, points)
    return np.stack([np.cos(theta), np.sin(theta)], axis=1)


def polyline(z):
    return float(np.linalg.norm(np.diff(z, axis=0), axis=1).sum())


def fine(matrices):
    """Lengths of the polyline through many points, in pieces that share their ends."""
    total = np.zeros(DEPTH - 1)
    x = circle(FINE)
    for at in range(0, FINE - 1, 4000):
        h = x[at : at + 4001]
        for layer, w in enumerate(matrices):
            z = h @ w.T
            total[layer] += polyline(z)
            h = np.tanh(z)
    return total.tolist()


def main():
    torch.set_num_threads(1)
    np.random.seed(42)
    projection = np.random.randn(WIDTH, 3)
    torch.manual_seed(42)
    nets = []
    for sigma in (2.0, 0.4):
        matrices = weights(sigma)
        h = circle(POINTS)
        v = np.stack([-h[:, 1], h[:, 0]], axis=1)
        a = -h
        net = {"sigma": sigma, "q": [], "polyline": [], "speed": [], "curvature": [], "correlation": []}
        net["first_weights"] = matrices[0].ravel()[:3].tolist()
        for w in matrices:
            z, v, a = h @ w.T, v @ w.T, a @ w.T
            vv, aa, va = (v * v).sum(1), (a * a).sum(1), (v * a).sum(1)
            norm = np.linalg.norm(z[:-1], axis=1)
            cosine = (z[:-1] * np.roll(z[:-1], -OFFSET, axis=0)).sum(1) / norm / np.roll(norm, -OFFSET)
            net["q"].append(float((z * z).sum(1).mean() / WIDTH))
            net["polyline"].append(polyline(z))
            net["speed"].append(float(np.sqrt(vv[0])))
            net["curvature"].append(float(np.sqrt((WIDTH * (vv * aa - va**2) / vv**3).mean())))
            net["correlation"].append(float(cosine.mean()))
            h = np.tanh(z)
            slope = 1 - h * h
            a = slope * a - 2 * h * slope * v * v
            v = slope * v
        net["last"] = [(h @ projection)[i].tolist() for i in (0, 1, 100, 399)]
        net["fine"] = fine(matrices)
        nets.append(net)
    print(json.dumps({"source": f"torch {torch.__version__}, numpy {np.__version__}, tests/golden/expressivity.py",
                      "offset": OFFSET, "projection": projection[:2].tolist(), "nets": nets}, indent=1))


main()
