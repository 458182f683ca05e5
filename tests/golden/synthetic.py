#!/usr/bin/python3
"""Golden synthetic data sets, by numpy's and torch's own generators.

    /usr/bin/python3 tests/golden/synthetic.py > tests/golden/data/synthetic.json

Written from docs/data-synthetic.md. Every case: the options that differ from the set's defaults, the stream's kind and
seed, and arrays as in docs/random.md, section 8 (hexadecimal values and the hash of all).
"""
import json
import math
import os
import struct

os.environ.pop("OPENBLAS_CORETYPE", None)  # must be gone before the BLAS is loaded
import numpy as np
import torch

M64 = 2**64 - 1


def out(values):
    values = np.ascontiguousarray(values)
    kind = {np.dtype("f4"): "f32", np.dtype("f8"): "f64"}[values.dtype]
    flat = [float(v) for v in values.ravel()]
    h = 0xCBF29CE484222325
    for byte in values.tobytes():
        h = (h ^ byte) * 0x100000001B3 & M64
    o = {"t": kind, "n": len(flat), "shape": list(values.shape)}
    parts = {"all": flat} if len(flat) <= 12 else {"first": flat[:8], "last": flat[-4:]}
    for name, part in parts.items():
        o[name] = part
        o[name + "_hex"] = [v.hex() for v in part]
    o["fnv"] = "%016x" % h
    return o


def both(x):
    return {"f64": out(x), "f32": out(x.astype(np.float32))}


# ---- linear, sinusoidal: the global stream of numpy -----------------------------------------------------------------

def regression(name, seed, train=1000, test=0, features=1, outputs=1, inputs="gaussian", low=-1.0, high=1.0, noise=0.1,
               bias_scale=0.0, weights=None, bias=None, published=False):
    options = {k: v for k, v in locals().items() if k not in ("name", "seed")}
    np.random.seed(seed)
    w = np.random.normal(0, 1, (features, outputs)) if weights is None else np.array(weights).reshape(features, outputs)
    b = np.random.normal(0, bias_scale, (outputs,)) if bias is None else np.array(bias)
    scale = 0.1 if published else noise

    def clean(x):
        y = np.dot(x, w) + b
        return np.sin(y) if name == "sinusoidal" else y

    def part(n):
        x = np.random.normal(0, 1, (n, features)) if inputs == "gaussian" else np.random.uniform(low, high, (n, features))
        y = np.array([clean(row) for row in x])
        return x, y, y + np.random.normal(0, scale, (n, outputs))

    case = {"name": name, "rng": "numpy", "seed": seed, "options": options, "weights": out(w), "bias": out(b)}
    x, y, noisy = part(train)
    case.update(x=both(x), y=both(noisy), y_clean=both(y))
    if test:
        xt, yt, noisy = part(test)
        case.update(x_test=both(xt), y_test=both(noisy), y_test_clean=both(yt))
    case["redrawn"] = {}  # of rounded inputs, each type from the same place of the stream
    state = np.random.get_state()
    for kind in ("f64", "f32"):
        np.random.set_state(state)
        held = x.astype(kind.replace("f64", "f8").replace("f32", "f4")).astype(np.float64)
        fresh = clean(held) + np.random.normal(0, scale, (train, outputs))
        case["redrawn"][kind] = out(fresh.astype(np.float32) if kind == "f32" else fresh)
    return case


# ---- one-dimensional targets ----------------------------------------------------------------------------------------

TARGETS = {
    "simple": lambda x: max(0.3 * x, 0.0),
    "middle": lambda x: abs(x + 0.5) - 2.0 * max(x - 0.5, 0.0) - 0.4,
    "complex": lambda x: math.sin(10.0 * x) * math.cos(2.0 * x + 1.0),
}


def target(name, seed, train=15, test=0, low=-1.0, high=1.0, noise=0.0):
    options = {k: v for k, v in locals().items() if k not in ("name", "seed")}
    np.random.seed(seed)
    case = {"name": name, "rng": "numpy", "seed": seed, "options": options}
    for suffix, n in (("", train), ("_test", test)):
        x, y, clean = [], [], []
        for _ in range(n):
            x.append(low + np.random.random_sample() * (high - low))
            clean.append(TARGETS[name](x[-1]))
            y.append(clean[-1] + noise * np.random.randn())
        if n:
            case["x" + suffix] = both(np.array(x).reshape(n, 1))
            case["y" + suffix] = both(np.array(y).reshape(n, 1))
            case["y" + suffix + "_clean"] = both(np.array(clean).reshape(n, 1))
    return case


# ---- sin, constant: torch's default generator -----------------------------------------------------------------------

def depth(name, seed, train, c, dtype=torch.float32):
    kind = "f32" if dtype == torch.float32 else "f64"
    torch.set_default_dtype(dtype)
    torch.manual_seed(seed)
    if name == "constant":
        x = (torch.rand(train, 1) - 0.5) * 2.0
        y = c * torch.ones(*x.size())
    else:
        k = math.exp(-4 * c) / train / 8
        reach, bound = k**0.5, math.exp(-4 * c) / (8 * train)
        x, refused = torch.ones(train, 1), torch.ones(train, dtype=torch.bool)
        for _ in range(10):
            x[refused, 0] = ((torch.rand(int(refused.sum()), 1) - 0.5) * 2 * reach)[:, 0]
            v = x.flatten()
            refused = reach < v.abs()
            for one in v:
                refused |= v * one >= bound
            if not refused.any():
                break
        x = x[~refused]
        y = torch.sin(math.pi * x / reach)
    torch.set_default_dtype(torch.float32)
    return {"name": name, "rng": "torch", "seed": seed, "options": {"train": train, "c": c},
            "x": {kind: out(x.numpy())}, "y": {kind: out(y.numpy())},
            "next": int(torch.randint(2**31, (1,)))}


# ---- teacher --------------------------------------------------------------------------------------------------------

def teacher(seed, sigma, dtype, train=4000, test=1000, features=5, outputs=1, width=5, depth=5):
    options = {k: v for k, v in locals().items() if k not in ("seed", "dtype")}
    kind = "f32" if dtype == torch.float32 else "f64"
    torch.set_default_dtype(dtype)
    torch.manual_seed(seed)
    widths = [features] + [width] * (depth - 1) + [outputs]
    layers = [torch.nn.Linear(a, b, bias=False) for a, b in zip(widths, widths[1:])]
    for layer in layers:
        torch.nn.init.normal_(layer.weight, std=sigma / math.sqrt(layer.weight.shape[1]))
    x, x_test = torch.randn(train, features), torch.randn(test, features)

    def net(h):
        for layer in layers[:-1]:
            h = torch.tanh(layer(h))
        return layers[-1](h)

    with torch.no_grad():
        y, y_test = net(x), net(x_test)
    torch.set_default_dtype(torch.float32)
    return {"name": "teacher", "rng": "torch", "seed": seed, "options": options,
            "x": {kind: out(x.numpy())}, "y": {kind: out(y.numpy())},
            "x_test": {kind: out(x_test.numpy())}, "y_test": {kind: out(y_test.numpy())},
            "theta": out(torch.cat([layer.weight.detach().flatten() for layer in layers]).numpy())}


cases = [
    regression("linear", 42),
    regression("linear", 7, train=50, test=20, features=3, outputs=2, inputs="uniform", low=-1.0, high=1.0, noise=0.2,
               bias_scale=0.5),
    regression("linear", 8, train=30, features=2, weights=[1.5, -2.0], bias=[0.25], noise=0.0),
    regression("sinusoidal", 42),
    regression("sinusoidal", 43, inputs="uniform", noise=0.3),
    regression("sinusoidal", 43, inputs="uniform", noise=0.3, published=True),
    regression("sinusoidal", 44, train=40, test=7, weights=[3.0], noise=0.03),
    target("simple", 0),
    target("middle", 0),
    target("complex", 0),
    target("middle", 2134, train=50, test=9, noise=0.05),
    target("complex", 5, train=33, low=-2.0, high=0.5, noise=0.3),
    depth("constant", 1234, 10000, 0.01),
    depth("constant", -1, 1001, 0.1, torch.float64),
    depth("sin", 1234, 10000, 0.01),
    depth("sin", 2313, 4096, 0.02),  # rand() = 0 once: an input is refused and drawn again
    depth("sin", 1234, 1000, 0.01, torch.float64),
    teacher(-1, 2.0, torch.float32),
    teacher(-1, 0.4, torch.float64),
    teacher(3, 1.0, torch.float64, train=20, test=0, features=2, outputs=3, width=4, depth=2),
]
print(json.dumps({"numpy": np.__version__, "torch": torch.__version__, "format": __doc__.strip().splitlines()[-2:],
                  "cases": cases}, indent=None, separators=(",", ":")).replace('{"name"', '\n{"name"'))
