"""What the PyTorch sides share: torch set up in its favour, and timing of several variants alternately."""
import gzip, json, os, statistics, time


def start(threads):
    """torch with this many threads and denormals flushed (the first lazy steps make denormal derivatives)."""
    import torch

    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    return torch


def idx(folder, name, offset):
    """The bytes of one of MNIST's files, without its head."""
    import numpy as np

    with gzip.open(os.path.join(folder, name)) as f:
        return np.frombuffer(f.read(), np.uint8, offset=offset)


def milliseconds(call, repeats=1):
    t = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - t) * 1e3 / repeats


def alternate(calls, seconds, batch_seconds=1e-3, batches=9):
    """{name: median milliseconds of each group}; calls {name: function}, all warm already, take turns group by group."""
    repeats = {name: max(1, round(batch_seconds * 1e3 / milliseconds(call))) for name, call in calls.items()}
    groups = {name: [] for name in calls}
    end = time.perf_counter() + seconds
    while not all(groups.values()) or time.perf_counter() < end:
        for name, call in calls.items():
            groups[name].append(statistics.median(milliseconds(call, repeats[name]) for _ in range(batches)))
    return groups


def flavour():
    """Threading flavour of the OpenBLAS that this process loaded, "unknown" if it is another BLAS."""
    with open("/proc/self/maps") as f:
        maps = f.read()
    return next((name for name in ("openmp", "pthread", "serial") if f"openblas-{name}" in maps), "unknown")


def show(name, ms, **more):
    """Prints the one JSON object: ms {variant: [milliseconds]} and what the driver shows or checks."""
    print(json.dumps({"ms": ms, "peer": name, "flavour": flavour(), **more}))


def report(torch, ms, **more):
    show(f"PyTorch {torch.__version__}", ms, **more)
