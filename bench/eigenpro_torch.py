#!/usr/bin/env python3
"""eigenpro.c's epochs in PyTorch, written in place: usage eigenpro_torch.py DATA_DIR N THREADS SECONDS; prints one JSON object.

The same draws (numpy's seed 1), subsample, rule for q, batch and learning rate. The rows of the kernel matrix of a batch go into
one buffer: product, distances, square root and exponential in place.
"""
import sys

sys.dont_write_bytecode = True
import peer

folder, n, threads, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
torch = peer.start(threads)
import numpy as np

x = torch.tensor(peer.idx(folder, "train-images-idx3-ubyte.gz", 16).reshape(-1, 784)[:n].astype(np.float32) / 255)
labels = torch.tensor(peer.idx(folder, "train-labels-idx1-ubyte.gz", 8)[:n].astype(np.int64))
y = torch.nn.functional.one_hot(labels, 10).float()
squares = (x * x).sum(1)


def rows(ids, others, other_squares, out):
    torch.mm(x[ids], others.T, out=out)
    out.mul_(-2).add_(squares[ids][:, None]).add_(other_squares[None]).clamp_(min=0)
    if others is x:  # a point's distance from itself, which cancellation would leave at some 0.01
        out[torch.arange(len(ids)), ids] = 0
    return out.sqrt_().mul_(-0.1).exp_()


ALPHA, s = 0.95, min(n, 2000 if n < 100000 else 12000)
np.random.seed(1)
subset = torch.tensor(np.random.choice(n, s, replace=False))
square = rows(subset, x[subset], squares[subset], torch.empty(s, s)).double() / s
square.fill_diagonal_(1 / s)
values, vectors = torch.linalg.eigh(square)
values, vectors = values.flip(0), vectors.flip(1)
positive = values[: min(s - 1, 1000)].clamp(min=1e-300)
q = max(int((positive**-ALPHA < s).sum()) - 1, 5)
tail = values[q - 1]
new_top = values[0] * (tail / values[0]) ** ALPHA
batch = min(int(1 / new_top + 1), n)
eta = batch if batch < 1 / new_top + 1 else 0.99 * 2 * batch / (1 + (batch - 1) * new_top)
step = float(eta / batch)
e = (vectors[:, : q - 1] / s**0.5).float()
flattened = (e.double() * (1 - (tail / values[: q - 1]) ** ALPHA) / values[: q - 1]).float()
w, k = torch.zeros(n, 10), torch.empty(batch, n)


def epoch():
    order = torch.tensor(np.random.choice(n, n // batch * batch, replace=False))
    for b in order.split(batch):
        rows(b, x, squares, k)
        g = (k @ w).sub_(y[b])
        coordinates = (g.T @ k[:, subset]) @ e
        w.index_add_(0, b, g, alpha=-step)
        w.index_add_(0, subset, flattened @ coordinates.T, alpha=step)


epoch()
error = rows(torch.arange(1000), x, squares, torch.empty(1000, n)) @ w - y[:1000]
loss = (error * error).mean().item()
peer.report(torch, peer.alternate({"in place": epoch}, seconds, batches=1), loss=loss)
