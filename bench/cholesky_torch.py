#!/usr/bin/env python3
"""cholesky.c's solution in PyTorch: usage cholesky_torch.py DATA_DIR N THREADS SECONDS; prints one JSON object."""
import sys

sys.dont_write_bytecode = True
import peer

folder, n, threads, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
torch = peer.start(threads)
import numpy as np

x = torch.tensor(peer.idx(folder, "train-images-idx3-ubyte.gz", 16).reshape(-1, 784)[:n] / 255.0)
labels = torch.tensor(peer.idx(folder, "train-labels-idx1-ubyte.gz", 8)[:n].astype(np.int64))
y = torch.nn.functional.one_hot(labels, 10).double()
k = torch.exp(-torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist") / 10)


def solve():
    return torch.cholesky_solve(y, torch.linalg.cholesky(k))


solution = solve()
times = peer.alternate({"cholesky": solve}, seconds, batches=1)
peer.report(torch, times, loss=(solution * solution).sum().item())
