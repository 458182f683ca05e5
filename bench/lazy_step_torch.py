#!/usr/bin/env python3
"""The same training steps in PyTorch: usage lazy_step_torch.py DATA_DIR WIDTH THREADS STEPS; prints milliseconds as JSON."""
import gzip, json, sys, time

folder, width, threads, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
import numpy as np
import torch

torch.set_num_threads(threads)
torch.set_flush_denormal(True)  # in its favour: the first steps make denormal derivatives


def idx(name, offset):
    with gzip.open(f"{folder}/{name}") as f:
        return np.frombuffer(f.read(), np.uint8, offset=offset)


x = torch.tensor(idx("train-images-idx3-ubyte.gz", 16).reshape(-1, 784)[:1024].astype(np.float32))
y = torch.tensor(idx("train-labels-idx1-ubyte.gz", 8)[:1024].astype(np.int64))
torch.manual_seed(42)
net = torch.nn.Sequential(torch.nn.Linear(784, width), torch.nn.ReLU(), torch.nn.Linear(width, 10))
optimiser = torch.optim.SGD(net.parameters(), lr=0.01 / width**0.5)
loss_fn = torch.nn.CrossEntropyLoss()
ms = []
for k in range(steps + 1):
    t = time.perf_counter()
    optimiser.zero_grad()
    loss = loss_fn(net(x), y)
    loss.backward()
    optimiser.step()
    loss.item()
    ms.append((time.perf_counter() - t) * 1e3)
print(json.dumps({"threads": threads, "ms": ms[1:], "torch": torch.__version__, "loss": loss.item()}))
