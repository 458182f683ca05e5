#!/usr/bin/env python3
"""A mode of lazy-1d in PyTorch: usage lazy_1d_torch.py MODE THREADS STEPS; prints one JSON object.

Each net makes STEPS of the mode's steps after warming up, and its time is scaled to all of them. In PyTorch's favour: no start of
the interpreter, no import, no loss read or kept, no measurement, all points in every step without drawing a batch.
"""
import sys

sys.dont_write_bytecode = True
import peer

mode, threads, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch = peer.start(threads)
import numpy as np

widths, all_steps, lr = {"thin-vs-wide": ([5, 10, 100, 1000], 50000, 0.002), "robustness": ([10] * 10, 5000, 0.001)}[mode]
SEED, POINTS, WARM_STEPS = 42, 15, 20
loss_fn = torch.nn.MSELoss()


def data():
    np.random.seed(SEED)
    x = []
    for _ in range(POINTS):
        x.append(-1 + 2 * np.random.uniform())
        np.random.normal()  # drawn also without noise
    x = np.array(x)
    y = abs(x + 0.5) - 2 * np.maximum(x - 0.5, 0) - 0.4
    return [torch.tensor(v.reshape(-1, 1), dtype=torch.float32) for v in (x, y)]


def trainer(width, x, y, foreach):
    net = torch.nn.Sequential(torch.nn.Linear(1, width), torch.nn.ReLU(), torch.nn.Linear(width, 1))
    optimiser = torch.optim.SGD(net.parameters(), lr=lr, foreach=foreach)

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss = loss_fn(net(x), y)
        loss.backward()
        optimiser.step()
        return loss

    return step


ms = {}
for variant, foreach in (("foreach", True), ("for-loop", False)):
    x, y = data()
    torch.manual_seed(SEED)
    nets = [trainer(width, x, y, foreach) for width in widths]
    first = sum(step().item() for step in nets)
    for step in nets:
        peer.milliseconds(step, WARM_STEPS)
    ms[variant] = [sum(peer.milliseconds(step, steps) for step in nets) * all_steps]
peer.report(torch, ms, loss=first)
