#!/usr/bin/env python3
"""ntk.c's kernel in PyTorch: usage ntk_torch.py DATA_DIR THREADS loop|batched; prints one JSON object.

loop: the Jacobian row by row, one backward pass each; batched: an image's ten outputs by one batched backward pass
(is_grads_batched), the fastest that 1.13 has without functorch. Then the Jacobian's product with itself, all timed once.
"""
import sys

sys.dont_write_bytecode = True
import peer

folder, threads, method = sys.argv[1], int(sys.argv[2]), sys.argv[3]
torch = peer.start(threads)
import numpy as np

IMAGES, OUTPUTS = 64, 10
x = torch.tensor(peer.idx(folder, "train-images-idx3-ubyte.gz", 16).reshape(-1, 784)[:IMAGES].astype(np.float32))
torch.manual_seed(42)
net = torch.nn.Sequential(torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, OUTPUTS))
parameters = list(net.parameters())
jacobian = torch.empty(IMAGES * OUTPUTS, sum(p.numel() for p in parameters))
eye = torch.eye(OUTPUTS)


def fill(row, gradients, count):
    """Rows row .. row + count - 1 of the Jacobian."""
    at = 0
    for g in gradients:
        size = g.numel() // count
        jacobian[row : row + count, at : at + size] = g.reshape(count, size)
        at += size


def loop(i):
    f = net(x[i : i + 1])[0]
    for k in range(OUTPUTS):
        fill(i * OUTPUTS + k, torch.autograd.grad(f[k], parameters, retain_graph=k + 1 < OUTPUTS), 1)


def batched(i):
    fill(i * OUTPUTS, torch.autograd.grad(net(x[i : i + 1])[0], parameters, eye, is_grads_batched=True), OUTPUTS)


def kernel():
    for i in range(IMAGES):
        image(i)
    return jacobian @ jacobian.T


image = {"loop": loop, "batched": batched}[method]
jacobian.zero_()  # warm: pages of the 1 GB touched, one image done
image(0)
ms = peer.milliseconds(kernel)
peer.report(torch, {method: [ms]}, loss=(jacobian * jacobian).sum(dtype=torch.float64).item())
