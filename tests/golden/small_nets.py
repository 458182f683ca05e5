#!/usr/bin/python3
"""Golden full-batch trainings of the small nets that the tile engine is for, by PyTorch in float64 and float32.

    /usr/bin/python3 tests/golden/small_nets.py > tests/golden/data/small_nets.json

One torch stream (seed) gives, in this order: the layers' default initialisation in float32, X = randn(rows, inputs) and
y = randn(rows, outputs) in float32; the float64 trace starts from the same numbers widened. losses[k] is the loss before
update k + 1; "spread" is the largest relative distance of the float32 trace from the float64 one over the 50 steps: what
rounding alone does.
"""
import json
import os

os.environ.pop("OPENBLAS_CORETYPE", None)  # must be gone before the BLAS is loaded
import torch

STEPS = 50
SGD = {"name": "sgd", "lr": 0.01}
ADAM = {"name": "adam", "lr": 0.003}
# name, widths, activation, bias, seed, rows, optimiser
CASES = [
    ("deep-tanh-adam", [5, 5, 5, 5, 5, 1], "tanh", False, 1, 4000, ADAM),
    ("shallow-tanh-adam", [5, 135, 1], "tanh", False, 2, 4000, {"name": "adam", "lr": 0.001}),
    ("shallow-tanh-sgd", [3, 45, 1], "tanh", True, 3, 600, SGD),
    ("thin-relu-sgd", [1, 10, 1], "relu", True, 4, 15, SGD),
    ("wide-relu-sgd", [1, 1000, 1], "relu", True, 5, 15, {"name": "sgd", "lr": 0.002}),
    ("deep-relu-sgd", [1, 8, 8, 8, 8, 8, 1], "relu", True, 6, 15, SGD),
    ("deep-tanh-sgd", [1, 20, 20, 1], "tanh", True, 7, 40, SGD),
    ("two-outputs-tanh-adam", [12, 10, 7, 5, 4, 3, 2], "tanh", True, 8, 256, ADAM),
]


def trace(layers, activation, x, y, optimiser):
    parameters = [p for layer in layers for p in layer.parameters()]
    options = {k: v for k, v in optimiser.items() if k != "name"}
    rule = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimiser["name"]](parameters, **options)
    losses = []
    for _ in range(STEPS):
        rule.zero_grad()
        h = x
        for i, layer in enumerate(layers):
            h = layer(h)
            if i + 1 < len(layers):
                h = torch.tanh(h) if activation == "tanh" else torch.relu(h)
        loss = torch.nn.functional.mse_loss(h, y)
        loss.backward()
        rule.step()
        losses.append(loss.item())
    return losses


def run(name, widths, activation, bias, seed, rows, optimiser):
    traces = {}
    for dtype in (torch.float64, torch.float32):
        torch.manual_seed(seed)
        layers = [torch.nn.Linear(a, b, bias=bias) for a, b in zip(widths, widths[1:])]
        x, y = torch.randn(rows, widths[0]), torch.randn(rows, widths[-1])
        layers = [layer.to(dtype) for layer in layers]
        traces[dtype] = trace(layers, activation, x.to(dtype), y.to(dtype), optimiser)
    f64, f32 = traces[torch.float64], traces[torch.float32]
    spread = max(abs(a - b) / abs(b) for a, b in zip(f32, f64))
    return {"name": name, "widths": widths, "activation": activation, "bias": bias, "seed": seed, "rows": rows,
            "optimiser": optimiser, "losses": f64, "spread": spread}


print(json.dumps({"tool": f"PyTorch {torch.__version__}", "format": __doc__, "cases": [run(*case) for case in CASES]}))
