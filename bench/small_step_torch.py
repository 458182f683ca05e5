#!/usr/bin/env python3
"""small_step.c's training steps in PyTorch: usage small_step_torch.py NET THREADS SECONDS MEMBERS; prints one JSON object.

Each way of running the optimiser (foreach or not) is a variant; the driver takes the fastest. Members train one after another.
"""
import sys

sys.dont_write_bytecode = True
import peer

name, threads, seconds, members = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
torch = peer.start(threads)
widths = list(map(int, name.split("-")))
tanh = widths[0] == 5
rows = 4000 if tanh else 15
WARM_STEPS = 20
loss_fn = torch.nn.MSELoss()


def net():
    layers = []
    for d, m in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(d, m, bias=not tanh), torch.nn.Tanh() if tanh else torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def ensemble(foreach):
    """A function that makes one step of every member; the draws are those of small_step.c."""
    torch.manual_seed(42)
    x, y = torch.randn(rows, widths[0]), torch.randn(rows, 1)
    pairs = []
    for _ in range(members):
        model = net()
        p = model.parameters()
        pairs.append((model, torch.optim.Adam(p, lr=3e-3, foreach=foreach) if tanh else torch.optim.SGD(p, lr=1e-3, foreach=foreach)))

    def step():
        losses = []
        for model, optimiser in pairs:
            optimiser.zero_grad(set_to_none=True)
            loss = loss_fn(model(x), y)
            loss.backward()
            optimiser.step()
            losses.append(loss)
        return losses

    return step


calls = {"foreach": ensemble(True), "for-loop": ensemble(False)}
for _ in range(WARM_STEPS):
    losses = [call()[0].item() for call in calls.values()]
groups = peer.alternate(calls, seconds)
per_step = {variant: [ms / members for ms in values] for variant, values in groups.items()}
peer.report(torch, per_step, loss=losses[0])
