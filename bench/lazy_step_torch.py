#!/usr/bin/env python3
"""lazy_step.c's training steps in PyTorch: usage lazy_step_torch.py DATA_DIR WIDTH THREADS STEPS; prints one JSON object."""
import sys

sys.dont_write_bytecode = True
import peer

folder, width, threads, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch = peer.start(threads)
import numpy as np

x = torch.tensor(peer.idx(folder, "train-images-idx3-ubyte.gz", 16).reshape(-1, 784)[:1024].astype(np.float32))
y = torch.tensor(peer.idx(folder, "train-labels-idx1-ubyte.gz", 8)[:1024].astype(np.int64))
torch.manual_seed(42)
net = torch.nn.Sequential(torch.nn.Linear(784, width), torch.nn.ReLU(), torch.nn.Linear(width, 10))
optimiser = torch.optim.SGD(net.parameters(), lr=0.01 / width**0.5)
loss_fn = torch.nn.CrossEntropyLoss()


def step():
    optimiser.zero_grad(set_to_none=True)
    loss = loss_fn(net(x), y)
    loss.backward()
    optimiser.step()
    return loss


first = step().item()
peer.report(torch, {"": [peer.milliseconds(step) for _ in range(steps)]}, loss=first)
