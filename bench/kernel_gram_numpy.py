#!/usr/bin/env python3
"""kernel_gram.c's matrices in NumPy and SciPy: usage kernel_gram_numpy.py DATA_DIR THREADS laplace|ntk; prints one JSON
object. plain: whole matrices, BLAS with all threads; chunked: rows by a pool of threads, BLAS with one each, everything
in place and in cache; cdist (laplace, one thread): scipy.spatial.distance."""
import os, sys

sys.dont_write_bytecode = True
folder, threads, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
import concurrent.futures, ctypes
import peer

import numpy as np, scipy
from scipy.spatial.distance import cdist

ROWS, OTHERS, DEPTH, BANDWIDTH, CHUNK = 10000, 4000, 5, 2550.0, 256


def blas_threads(count):
    """Of the OpenBLAS that NumPy loaded."""
    with open("/proc/self/maps") as f:
        paths = {line.split()[-1] for line in f if "openblas" in line}
    for path in paths:
        ctypes.CDLL(path).openblas_set_num_threads(count)


images = peer.idx(folder, "train-images-idx3-ubyte.gz", 16).reshape(-1, 784)[: OTHERS + ROWS].astype(np.float64)
z, x = images[:OTHERS], images[OTHERS:]


def laplace(x, z):
    k = x @ z.T
    k *= -2
    k += np.einsum("ij,ij->i", x, x)[:, None]
    k += np.einsum("ij,ij->i", z, z)
    np.maximum(k, 0, out=k)
    np.sqrt(k, out=k)
    k *= -1 / BANDWIDTH
    return np.exp(k, out=k)


def ntk(x, z):
    """Cho and Saul's kernels on the unit sphere."""
    c = (x / np.linalg.norm(x, axis=1)[:, None]) @ (z / np.linalg.norm(z, axis=1)[:, None]).T
    theta = c.copy()
    for _ in range(DEPTH):
        np.clip(c, -1, 1, out=c)
        rest = np.pi - np.arccos(c)
        root = np.sqrt((1 - c) * (1 + c))
        c *= rest
        c += root
        c /= np.pi
        theta *= rest
        theta /= np.pi
        theta += c
    return theta


def chunked(pool, function, out):
    def rows(i):
        out[i : i + CHUNK] = function(x[i : i + CHUNK], z)

    list(pool.map(rows, range(0, ROWS, CHUNK)))
    return out


function = {"laplace": laplace, "ntk": ntk}[kind]
ms = {}
blas_threads(threads)
loss = function(x, z).mean()
ms["plain"] = [peer.milliseconds(lambda: function(x, z)) for _ in range(3)]
blas_threads(1)
out = np.empty((ROWS, OTHERS))
with concurrent.futures.ThreadPoolExecutor(threads) as pool:
    ms["chunked"] = [peer.milliseconds(lambda: chunked(pool, function, out)) for _ in range(3)]
if kind == "laplace":
    ms["cdist"] = [peer.milliseconds(lambda: np.exp(cdist(x, z) / -BANDWIDTH))]
peer.show(f"NumPy {np.__version__}, SciPy {scipy.__version__}", ms, loss=loss)
