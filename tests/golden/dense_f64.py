#!/usr/bin/python3
"""Golden trainings of small dense nets in float64 by PyTorch: every operation of a step shows in 50 losses.

    /usr/bin/python3 tests/golden/dense_f64.py > tests/golden/data/dense_f64.json
"""
import json
import os
import sys

os.environ.pop("OPENBLAS_CORETYPE", None)  # must be gone before the BLAS is loaded
import torch
import torch.nn.functional as F

STEPS = 50
ACTIVATIONS = {
    "identity": lambda z: z,
    "relu": F.relu,
    "leaky-relu": F.leaky_relu,
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": F.softplus,
    "erf": torch.erf,
    "sin": torch.sin,
}
PLAIN = {"lr": 0.1}
HEAVY = {"lr": 0.05, "momentum": 0.9}
NESTEROV = {"lr": 0.05, "momentum": 0.9, "nesterov": True}
DECAY = {"lr": 0.1, "weight_decay": 0.01}
DAMPED = {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}
ALL = {"lr": 0.05, "momentum": 0.8, "dampening": 0.1, "weight_decay": 0.02}
NESTEROV_DECAY = {"lr": 0.05, "momentum": 0.7, "nesterov": True, "weight_decay": 0.005}

# name, widths, activation, bias, seed, rows, loss, optimiser
CASES = [
    ("tanh-xent-plain", [7, 5, 3], "tanh", True, 1, 11, "xent", PLAIN),
    ("tanh-mse-momentum", [7, 5, 3], "tanh", True, 2, 11, "mse", HEAVY),
    ("tanh-xent-nobias", [7, 5, 3], "tanh", False, 3, 11, "xent", DECAY),
    ("relu-xent-plain", [6, 8, 4, 2], "relu", True, 4, 13, "xent", PLAIN),
    ("relu-mse-nesterov", [6, 8, 4, 2], "relu", True, 5, 13, "mse", NESTEROV),
    ("relu-xent-damped", [6, 8, 4, 2], "relu", True, 6, 13, "xent", DAMPED),
    ("relu-xent-all", [6, 8, 4, 2], "relu", False, 7, 13, "xent", ALL),
    ("relu-xent-nesterov-decay", [9, 17, 10], "relu", True, 8, 33, "xent", NESTEROV_DECAY),
    ("linear-model-mse", [5, 4], "relu", True, 9, 10, "mse", PLAIN),
    ("linear-model-xent", [5, 4], "relu", False, 10, 10, "xent", HEAVY),
    ("scalar-mse", [1, 10, 1], "relu", True, 11, 15, "mse", PLAIN),
    ("one-row-xent", [4, 6, 3], "tanh", True, 12, 1, "xent", PLAIN),
    ("labels-mse-onehot", [6, 7, 4], "tanh", True, 13, 9, "mse-labels", HEAVY),
    ("gelu-deep-xent", [5, 16, 16, 16, 3], "gelu", True, 20, 12, "xent", HEAVY),
    ("silu-deep-mse", [5, 11, 11, 11, 3], "silu", True, 21, 12, "mse", HEAVY),
    ("sigmoid-deep-xent", [5, 11, 11, 11, 3], "sigmoid", True, 22, 12, "xent", NESTEROV),
    ("softplus-deep-mse", [5, 11, 11, 11, 3], "softplus", True, 23, 12, "mse", PLAIN),
    ("elu-deep-xent", [5, 11, 11, 11, 3], "elu", True, 24, 12, "xent", DECAY),
    ("selu-deep-xent", [5, 11, 11, 11, 3], "selu", False, 25, 12, "xent", PLAIN),
    ("leaky-relu-deep-mse", [5, 11, 11, 11, 3], "leaky-relu", True, 26, 12, "mse", ALL),
    ("erf-deep-xent", [5, 11, 11, 11, 3], "erf", True, 27, 12, "xent", HEAVY),
    ("sin-deep-mse", [5, 11, 11, 11, 3], "sin", True, 28, 12, "mse", HEAVY),
    ("identity-deep-mse", [5, 11, 11, 11, 3], "identity", True, 29, 12, "mse", {"lr": 0.02}),
]


def flat(tensor):
    return tensor.detach().reshape(-1).tolist()


def run(name, widths, activation, bias, seed, rows, loss_name, optimiser):
    torch.manual_seed(seed)
    layers = []
    for fan_in, fan_out in zip(widths[:-1], widths[1:]):
        layers.append(torch.nn.Linear(fan_in, fan_out, bias=bias))  # float32 draws: weight, then bias
    layers = [layer.double() for layer in layers]
    parameters = [p for layer in layers for p in layer.parameters()]
    names = [f"{i}.{kind}" for i in range(len(layers)) for kind in (["weight", "bias"] if bias else ["weight"])]

    data = torch.Generator().manual_seed(1000 + seed)
    x = torch.randn(rows, widths[0], generator=data, dtype=torch.float64)
    labels = values = None
    if loss_name == "mse":
        values = torch.randn(rows, widths[-1], generator=data, dtype=torch.float64)
    else:
        labels = torch.randint(0, widths[-1], (rows,), generator=data)

    def forward():
        h = x
        for layer in layers[:-1]:
            h = ACTIVATIONS[activation](layer(h))
        return layers[-1](h)

    def loss_of(outputs):
        if loss_name == "xent":
            return F.cross_entropy(outputs, labels)
        target = values if labels is None else F.one_hot(labels, widths[-1]).double()
        return F.mse_loss(outputs, target)

    initial = [p.detach().clone() for p in parameters]
    sgd = torch.optim.SGD(parameters, **optimiser)
    case = {
        "name": name,
        "widths": widths,
        "activation": activation,
        "bias": bias,
        "seed": seed,
        "rows": rows,
        "loss": "cross-entropy" if loss_name == "xent" else "mse",
        "optimiser": {
            "lr": optimiser["lr"],
            "momentum": optimiser.get("momentum", 0.0),
            "dampening": optimiser.get("dampening", 0.0),
            "weight_decay": optimiser.get("weight_decay", 0.0),
            "nesterov": optimiser.get("nesterov", False),
        },
        "x": flat(x),
        "labels": None if labels is None else labels.tolist(),
        "values": None if values is None else flat(values),
        "initial": [{"name": n, "shape": list(p.shape), "data": flat(p)} for n, p in zip(names, initial)],
        "outputs": flat(forward()),
    }
    losses = []
    for step in range(STEPS):
        sgd.zero_grad()
        loss = loss_of(forward())
        loss.backward()
        if step == 0:
            case["gradient"] = [{"name": n, "norm": p.grad.norm().item(), "head": flat(p.grad)[:8]}
                                for n, p in zip(names, parameters)]
        losses.append(loss.item())
        sgd.step()
    case["losses"] = losses
    case["final"] = [{"name": n, "norm": p.detach().norm().item(), "moved": (p.detach() - p0).norm().item(),
                      "head": flat(p)[:8], "tail": flat(p)[-4:]} for n, p, p0 in zip(names, parameters, initial)]
    return case


def main():
    torch.set_num_threads(1)
    head = {
        "source": {
            "tool": "PyTorch",
            "version": torch.__version__,
            "command": "/usr/bin/python3 tests/golden/dense_f64.py > tests/golden/data/dense_f64.json",
        },
        "tolerance": "1e-9 relative: float64 throughout, only the order of sums differs",
        "format": {
            "cases": "one training each; all arrays flat in C order, decimals read back as the same float64",
            "widths": "inputs, hidden widths, outputs; the activation between the layers, none after the last",
            "x": "rows x widths[0]",
            "labels": "rows integers, or null; with loss mse they mean one-hot targets",
            "values": "rows x widths[-1] real targets, or null",
            "loss": "cross-entropy: mean over rows; mse: mean over rows and outputs",
            "optimiser": "torch.optim.SGD on the full batch",
            "initial": "torch.nn.Linear's default initialisation after torch.manual_seed(seed): drawn in float32, "
                       "layer by layer, weight (out x in) then bias, then widened to float64",
            "outputs": "rows x widths[-1] of the net at the initial weights",
            "gradient": "of the loss at the initial weights (weight decay not in it): Euclidean norm, first 8 entries",
            "losses": f"losses[k-1] = loss before the k-th update, k = 1..{STEPS}",
            "final": "tensors after the last update: norm, distance from the initial one, first 8, last 4 entries",
        },
    }
    lines = [json.dumps(run(*case)) for case in CASES]
    sys.stdout.write(json.dumps(head, indent=1)[:-2] + ',\n "cases": [\n' + ",\n".join(lines) + "\n]}\n")


main()
