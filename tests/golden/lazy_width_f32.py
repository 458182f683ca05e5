#!/usr/bin/python3
"""Golden runs of the experiment lazy-width by PyTorch in float32 on raw MNIST.

    /usr/bin/python3 tests/golden/lazy_width_f32.py data/mnist small > tests/golden/data/lazy_width_f32.json
    /usr/bin/python3 tests/golden/lazy_width_f32.py data/mnist wide > tests/golden/data/lazy_width_f32_wide.json

`wide` is width 10000, drawn after 10, 100 and 1000 from the stream of seed 42 (minutes; the others seconds each).
"""
import copy
import gzip
import json
import math
import os
import sys

os.environ.pop("OPENBLAS_CORETYPE", None)  # must be gone before the BLAS is loaded
import numpy
import torch
import torch.nn.functional as F

SAMPLES, EPOCHS, CLASSES = 1024, 500, 10
RECORDED = list(range(1, 51)) + [100, 200, 300, 400, 500]
SMALL = [(42, [10, 100, 1000]), (0, [20, 64, 300]), (7, [20, 64, 300]), (123, [20, 64, 300])]
WIDE = [(42, [10, 100, 1000, 10000])]


def idx(folder, name, offset):
    with gzip.open(os.path.join(folder, name)) as file:
        return numpy.frombuffer(file.read(), dtype=numpy.uint8, offset=offset)


def load(folder):
    def images(name):
        return torch.from_numpy(idx(folder, name, 16).reshape(-1, 784).astype(numpy.float32))

    def labels(name):
        return torch.from_numpy(idx(folder, name, 8).astype(numpy.int64))

    x = images("train-images-idx3-ubyte.gz")[:SAMPLES].contiguous()
    y = labels("train-labels-idx1-ubyte.gz")[:SAMPLES]
    return x, y, images("t10k-images-idx3-ubyte.gz"), labels("t10k-labels-idx1-ubyte.gz")


def accuracy(net, x, y):
    with torch.no_grad():
        return (net(x).argmax(dim=1) == y).double().mean().item()


def exact_losses(net, width, data):
    """The same training in float64: how far float32 strays from it is the spread that rounding alone causes."""
    exact = copy.deepcopy(net).double()
    x, y = data[0].double(), data[1]
    sgd = torch.optim.SGD(exact.parameters(), lr=0.01 / math.sqrt(width))
    losses = []
    for step in range(EPOCHS):
        sgd.zero_grad()
        loss = F.cross_entropy(exact(x), y)
        loss.backward()
        losses.append(loss.item())
        sgd.step()
    return [losses[k - 1] for k in RECORDED]


def train(net, seed, member, width, data):
    x, y, x_test, y_test = data
    exact = exact_losses(net, width, data) if width <= 1000 else None
    parameters = list(net.parameters())
    initial = [p.detach().clone() for p in parameters]
    sgd = torch.optim.SGD(parameters, lr=0.01 / math.sqrt(width))
    losses = []
    for step in range(EPOCHS):
        sgd.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        losses.append(loss.item())
        sgd.step()

    def norm(tensor):  # in float64: the published sums were float32, equal to about 1e-6 relative
        return tensor.detach().double().norm().item()

    moved = [norm(p.detach().double() - p0.double()) for p, p0 in zip(parameters, initial)]
    start = [norm(p0) for p0 in initial]
    return {
        "seed": seed,
        "member": member,
        "width": width,
        "losses": [losses[k - 1] for k in RECORDED],
        "losses_f64": exact,
        "relative_change": sum(moved) / sum(start),
        "relative_change_l2": math.sqrt(sum(m * m for m in moved) / sum(s * s for s in start)),
        "moved": moved,
        "start": start,
        "initial_head": [p.reshape(-1)[:4].tolist() for p in initial],
        "final_loss": losses[-1],
        "train_accuracy": accuracy(net, x, y),
        "test_accuracy": accuracy(net, x_test, y_test),
    }


def main():
    folder, which = sys.argv[1], sys.argv[2]
    threads = 1
    torch.set_num_threads(threads)
    data = load(folder)
    name = "lazy_width_f32" + ("_wide" if which == "wide" else "")
    rows = []
    for seed, widths in WIDE if which == "wide" else SMALL:
        torch.manual_seed(seed)
        for member, width in enumerate(widths):
            net = torch.nn.Sequential(torch.nn.Linear(784, width), torch.nn.ReLU(), torch.nn.Linear(width, CLASSES))
            if which == "wide" and width != widths[-1]:
                continue  # drawn from the stream, trained in the other file
            rows.append(train(net, seed, member, width, data))
            print(f"seed {seed} width {width}: {rows[-1]['relative_change']}", file=sys.stderr, flush=True)
    head = {
        "source": {
            "tool": "PyTorch (CPU, float32)",
            "version": torch.__version__,
            "capability": torch.backends.cpu.get_cpu_capability() if hasattr(torch.backends, "cpu") and
            hasattr(torch.backends.cpu, "get_cpu_capability") else "not told by this version",
            "threads": threads,
            "command": f"/usr/bin/python3 tests/golden/lazy_width_f32.py data/mnist {which} > tests/golden/data/{name}.json",
        },
        "tolerance": "losses 1e-4 relative to step 50, or the spread that float32 rounding causes, if larger: a few "
                     "times the distance of losses from losses_f64 so far",
        "format": {
            "data": f"MNIST, first {SAMPLES} training images, raw pixels 0..255; 10000 test images",
            "net": "784-width-10, ReLU, biases; torch.nn.Linear's default initialisation",
            "stream": "torch.manual_seed(seed) once; the nets of a seed drawn one after another (member 0, 1, ..): "
                      "weight 1, bias 1, weight 2, bias 2; nothing else is drawn",
            "training": f"full batch, cross-entropy (mean), SGD, lr 0.01/sqrt(width), {EPOCHS} steps",
            "steps": "steps at which `losses` stand: loss before the k-th update",
            "losses_f64": "the same steps of the same training with weights, data and sums in float64; null in the wide file",
            "relative_change": "sum_l ||W_l - W_l0|| / sum_l ||W_l0|| over the four tensors, sums in float64",
            "relative_change_l2": "||theta - theta_0|| / ||theta_0||",
            "moved, start": "||W_l - W_l0|| and ||W_l0|| of weight 1, bias 1, weight 2, bias 2",
            "initial_head": "first four entries of each initial tensor, C order",
            "final_loss": f"loss before update {EPOCHS}",
            "accuracies": "fractions, after the last update",
        },
    }
    lines = [json.dumps(row) for row in rows]
    sys.stdout.write(json.dumps(head, indent=1)[:-2] + f',\n "steps": {RECORDED},\n "rows": [\n' + ",\n".join(lines) + "\n]}\n")


main()
