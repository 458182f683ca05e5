#!/usr/bin/python3
"""Hessian-vector and Jacobian-vector products of small dense nets in float64, by PyTorch's double backward.

    /usr/bin/python3 tests/golden/hvp_f64.py > tests/golden/data/hvp_f64.json
"""
import json
import sys

import torch
import torch.nn.functional as F

ACTIVATIONS = {"tanh": torch.tanh, "gelu": F.gelu}
NETS = [("tanh-one-hidden", [4, 9, 3], "tanh", 1), ("gelu-three-hidden", [5, 8, 6, 7, 4], "gelu", 2)]
ROWS = 10


def flat(tensor):
    return tensor.detach().reshape(-1).tolist()


def run(name, widths, activation, seed, loss_name):
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape, scale=1.0):
        return scale * torch.randn(*shape, generator=generator, dtype=torch.float64)

    shapes = [s for i, o in zip(widths[:-1], widths[1:]) for s in ((o, i), (o,))]
    theta = [normal(*s, scale=0.6).requires_grad_() for s in shapes]
    v = [normal(*s) for s in shapes]
    x, values = normal(ROWS, widths[0]), normal(ROWS, widths[-1])
    labels = torch.randint(0, widths[-1], (ROWS,), generator=generator)

    def outputs(*parameters):
        h = x
        for l in range(len(widths) - 1):
            h = F.linear(h, parameters[2 * l], parameters[2 * l + 1])
            h = ACTIVATIONS[activation](h) if l + 2 < len(widths) else h
        return h

    def loss_of(*parameters):
        f = outputs(*parameters)
        return F.cross_entropy(f, labels) if loss_name == "cross-entropy" else F.mse_loss(f, values)

    loss, hv = torch.autograd.functional.hvp(loss_of, tuple(theta), tuple(v))
    _, jv = torch.autograd.functional.jvp(outputs, tuple(theta), tuple(v))
    return {"name": name + "-" + loss_name, "widths": widths, "activation": activation, "rows": ROWS,
            "loss": loss_name, "x": flat(x), "labels": labels.tolist(), "values": flat(values),
            "theta": [a for t in theta for a in flat(t)], "v": [a for t in v for a in flat(t)],
            "value": loss.item(), "jv": flat(jv), "hv": [a for t in hv for a in flat(t)]}


def main():
    torch.set_num_threads(1)
    head = {
        "source": {"tool": "PyTorch", "version": torch.__version__,
                   "command": "/usr/bin/python3 tests/golden/hvp_f64.py > tests/golden/data/hvp_f64.json"},
        "tolerance": "1e-12 of the largest value: float64 throughout, only the order of sums differs",
        "format": {
            "theta, v, hv": "per layer weight (out x in) then bias, flat in C order",
            "jv": "rows x outputs, derivative of the outputs along v",
            "loss": "cross-entropy with labels: mean over rows; mse with values: mean over rows and outputs",
            "value, hv": "the loss, and its Hessian times v (torch.autograd.functional.hvp)",
        },
    }
    cases = [json.dumps(run(*net, loss)) for net in NETS for loss in ("cross-entropy", "mse")]
    sys.stdout.write(json.dumps(head, indent=1)[:-2] + ',\n "cases": [\n' + ",\n".join(cases) + "\n]}\n")


main()
