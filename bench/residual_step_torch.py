#!/usr/bin/env python3
"""residual_step.c's training steps in PyTorch: usage residual_step_torch.py LAYERS THREADS SECONDS; prints one JSON object.

The frozen read-in is applied once, before any step. Variants: the optimiser's foreach or not; the driver takes the fastest.
"""
import sys

sys.dont_write_bytecode = True
import peer

layers, threads, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
torch = peer.start(threads)
ROWS, INPUTS, DIM, CLASSES, COMPARED = 12500, 64, 15, 10, 3
F = torch.nn.functional


def trained(foreach):
    """A function that makes one step and returns its loss; the draws are those of residual_step.c."""
    torch.manual_seed(42)
    x, y = torch.randn(ROWS, INPUTS), torch.randint(10, (ROWS,))
    read_in, read_out = torch.nn.Linear(INPUTS, DIM, bias=False), torch.nn.Linear(DIM, CLASSES, bias=False)
    m, blocks = layers**-1.25 / 2, []
    for _ in range(layers):
        block = torch.nn.Linear(DIM, DIM, bias=False)
        torch.nn.init.trunc_normal_(block.weight, 0, m**0.5, -m, m)
        blocks.append(block.weight)
    with torch.no_grad():
        h_0 = read_in(x)
    v, delta = read_out.weight.detach(), layers**-0.75
    optimiser = torch.optim.SGD(blocks, lr=9, foreach=foreach)

    def step():
        optimiser.zero_grad(set_to_none=True)
        h = h_0
        for w in blocks:
            h = torch.add(h, torch.tanh(F.linear(h, w)), alpha=delta)
        loss = F.cross_entropy(F.linear(h, v), y)
        loss.backward()
        optimiser.step()
        return loss

    return step


calls = {"foreach": trained(True), "for-loop": trained(False)}
for _ in range(COMPARED):
    losses = [call().item() for call in calls.values()]
peer.report(torch, peer.alternate(calls, seconds, batches=1), loss=losses[0])
