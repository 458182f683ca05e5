#!/usr/bin/python3
"""Golden runs of the experiment depth-limit by PyTorch in float32, from the definitions of the published program.

    /usr/bin/python3 tests/golden/depth_limit.py data/mnist > tests/golden/data/depth_limit.json

Per run: torch.manual_seed(SEED); read-in, read-out, then block by block a default Linear followed by its start (inc-skip
of the code: one more, the zero block); then the data (images: random_split of the first 2000 training images, 500 of them train; synthetic: rand(1000) and random_split of
9 to 1); full-batch SGD on the blocks. losses, omegas, accuracy, precision, recall: before each step; lrs: used in it;
pvar: p-th roots of the p-variations of L^beta W_k at p = 2, 1, 1.5 after the last epoch, by the plain recursion in
float64; norms: of L^beta W_0 and L^beta W_(L-1) after it; test: loss and macro accuracy, mean over batches of 1000 of the
first 2000 test images (synthetic: loss on the tenth kept apart). settings: those of the program.
"""
import gzip
import json
import math
import os
import sys

os.environ.pop("OPENBLAS_CORETYPE", None)  # must be gone before the BLAS is loaded
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
SEED, LAYERS, DIM, ALPHA, GAMMA, LR, EPOCHS = 1234, 20, 5, 0.5, 1.0, 0.1, 20
ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "elu": F.elu, "gelu": F.gelu, "sigmoid": torch.sigmoid}


def start(block, name, i, layers, alpha, gamma, readme):
    w = 1 / gamma + 1 - alpha
    m, d = layers ** -w, block.weight.shape[0]
    bound = m / d**2 if readme else m / 2

    def signed(x):
        return (1 if x >= 0 else -1) * 2**-w * abs(x) ** w * m**2

    if name == "ntrunc":
        nn.init.trunc_normal_(block.weight, 0.0, bound if readme else math.sqrt(bound), -bound, bound)
        return
    value = {"constant": lambda: bound,
             "lin-dec": lambda: (layers - i - 1) ** w * m**2,
             "lin-inc": lambda: i**w * m**2,
             "quad": lambda: ((layers - i - 1) * i) ** w * m**3,
             "lin-dec-sym": lambda: signed(layers - 2 * (i - 1)),
             "lin-inc-sym": lambda: signed(2 * i - layers)}[name]()
    nn.init.constant_(block.weight, value)


class Net(nn.Module):
    def __init__(self, inputs, outputs, run):
        super().__init__()
        self.read_in = nn.Linear(inputs, run["dim"], bias=False)
        self.read_out = nn.Linear(run["dim"], outputs, bias=False)
        self.blocks = nn.ModuleList()
        for i in range(run["layers"]):
            block = nn.Linear(run["dim"], run["dim"], bias=False)
            start(block, run["init"], i, run["layers"], run["alpha"], run["gamma"], run["readme"])
            self.blocks.append(block)
        if run["augmentation"] == "inc-skip" and not run["readme"]:
            nn.Linear(run["dim"], run["dim"], bias=False)  # the program's z: drawn like a block, then set to 0
        self.run = run
        self.delta = run["layers"] ** -run["alpha"]

    def forward(self, x):
        act, kind, readme = ACTIVATIONS[self.run["activation"]], self.run["augmentation"], self.run["readme"]
        h = self.read_in(x)
        before = torch.zeros_like(self.blocks[0].weight)
        for block in self.blocks:
            w = block.weight
            if kind == "skip":
                h = h + self.delta * act(h @ w.T)
            elif kind == "none":
                h = act(h @ w.T) if readme else self.delta * act(h @ w.T)
            elif kind == "linear-skip":
                h = h + (act(h) @ w if readme else act(h) @ w.T)
            elif readme:
                h = h + act(h) @ (w - before)
            else:
                h = h + act(h @ before.T) @ (w - before)
            before = w
        return self.read_out(h)


def idx(folder, name, offset):
    with gzip.open(os.path.join(folder, name)) as file:
        return np.frombuffer(file.read(), dtype=np.uint8, offset=offset)


def images(part, n):
    x = torch.from_numpy(idx(sys.argv[1], part + "-images-idx3-ubyte.gz", 16).reshape(-1, 784)[:n].astype(np.float32))
    return (x / 255 - 0.1307) / 0.3081, torch.from_numpy(
        idx(sys.argv[1], part + "-labels-idx1-ubyte.gz", 8)[:n].astype(np.int64))


def data(run):
    if run["task"] == "classification":
        x, y = TRAIN
        rows = torch.utils.data.random_split(range(2000), [500, 1500])[0].indices
        return x[rows], y[rows], *TEST
    n, c = 1000, 0.01
    if run["dataset"] == "constant":
        x = (torch.rand(n, 1) - 0.5) * 2
        y = torch.full((n, 1), c)
    else:
        k = math.exp(-4 * c) / n / 8
        x = (torch.rand(n, 1) - 0.5) * 2 * math.sqrt(k)
        y = torch.sin(math.pi * x / math.sqrt(k))
    pieces = [p.indices for p in torch.utils.data.random_split(range(n), [900, 100])]
    return x[pieces[0]], y[pieces[0]], x[pieces[1]], y[pieces[1]]


def macro(logits, y):
    guess, precision, recall = logits.argmax(1), [], []
    for k in range(10):
        tp = int(((guess == k) & (y == k)).sum())
        guessed, there = int((guess == k).sum()), int((y == k).sum())
        if guessed + there == 0:
            continue
        precision.append(tp / guessed if guessed else 0)
        recall.append(tp / there if there else 0)
    return sum(recall) / len(recall), sum(precision) / len(precision), sum(recall) / len(recall)


def criterion(run, f, y):
    if run["task"] == "classification":
        return F.cross_entropy(f, y)
    loss = ((f - y).abs() ** run["p_loss"]).sum(1).mean()
    return loss / run["p_loss"] if run["readme"] else loss


def path(net, run):
    scale = run["layers"] ** (1 - run["alpha"])
    return scale * np.stack([b.weight.detach().numpy().astype(np.float64).ravel() for b in net.blocks])


def variation(x, p):
    v = np.zeros(len(x))
    for j in range(1, len(x)):
        v[j] = max(v[m] + np.linalg.norm(x[j] - x[m]) ** p for m in range(j))
    return v[-1] ** (1 / p)


def train(run):
    torch.manual_seed(SEED)
    classify = run["task"] == "classification"
    net = Net(784 if classify else 1, 10 if classify else 1, run)
    x, y, x_test, y_test = data(run)
    out = {"settings": run, "losses": [], "omegas": [], "accuracy": [], "precision": [], "recall": [], "lrs": []}
    lr = run["lr"]
    for _ in range(run["epochs"]):
        f = net(x)
        f.retain_grad()
        loss = criterion(run, f, y)
        net.zero_grad()
        loss.backward()
        scale = len(x) ** 2 if run["readme"] else 1
        out["losses"].append(loss.item())
        out["omegas"].append(scale * (f.grad.double() ** 2).sum(1).mean().item())
        if classify:
            for name, value in zip(("accuracy", "precision", "recall"), macro(f.detach(), y)):
                out[name].append(value)
        out["lrs"].append(lr)
        with torch.no_grad():
            for block in net.blocks:
                block.weight -= lr * block.weight.grad
        if run["dynamic"]:
            lr = (10 if run["activation"] == "relu" else 2) * run["lr"] / variation(path(net, run), 2) ** 2
    points = path(net, run)
    out["pvar"] = [variation(points, p) for p in (2, 1, 1.5)]
    out["norms"] = [np.linalg.norm(points[0]), np.linalg.norm(points[-1])]
    with torch.no_grad():
        pieces = [(x_test[i:i + 1000], y_test[i:i + 1000]) for i in range(0, len(x_test), 1000)]
        out["test_loss"] = float(np.mean([criterion(run, net(a), b).item() for a, b in pieces]))
        if classify:
            out["test_accuracy"] = float(np.mean([macro(net(a), b)[0] for a, b in pieces]))
    return out


def configure(**changes):
    run = {"task": "classification", "dataset": "mnist", "layers": LAYERS, "dim": DIM, "alpha": ALPHA, "gamma": GAMMA,
           "lr": LR, "epochs": EPOCHS, "activation": "tanh", "augmentation": "skip", "init": "constant", "p_loss": 2,
           "dynamic": False, "readme": False}
    return {**run, **changes}


TRAIN, TEST = images("train", 2000), images("t10k", 2000)
KINDS = ["skip", "none", "linear-skip", "inc-skip"]
line = {"task": "regression", "dataset": "constant"}
runs = [configure(augmentation=k, init=i) for i in ("constant", "ntrunc") for k in KINDS]
runs += [configure(init=i) for i in ("lin-dec", "lin-inc", "quad", "lin-dec-sym", "lin-inc-sym")]
runs += [configure(init="ntrunc", activation=a, lr=1.0) for a in ("relu", "elu", "gelu", "sigmoid")]
runs += [configure(augmentation=k, init="ntrunc", **line) for k in KINDS]
runs += [configure(init="ntrunc", lr=1.0, p_loss=3, **line), configure(task="regression", dataset="sin", lr=1.0)]
runs += [configure(init="ntrunc", lr=1.0, dynamic=True), configure(init="ntrunc", activation="relu", dynamic=True)]
runs += [configure(augmentation=k, readme=True) for k in KINDS]
runs += [configure(readme=True, init="ntrunc"), configure(readme=True, lr=1.0, **line)]
print(json.dumps({"tool": f"PyTorch {torch.__version__}, numpy {np.__version__}", "format": __doc__, "seed": SEED,
                  "runs": [train(r) for r in runs]}, indent=1))
