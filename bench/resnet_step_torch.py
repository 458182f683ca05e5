#!/usr/bin/env python3
"""resnet_step.c's training steps in PyTorch: usage resnet_step_torch.py LAYERS THREADS SECONDS plain|channels-last; prints one
JSON object. The net is that of tests/golden/resnet.py; the draws are those of resnet_step.c.
"""
import os, sys

sys.dont_write_bytecode = True
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "golden"))
import peer

layers, threads, seconds, variant = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
torch = peer.start(threads)
import resnet

ROWS, WARM_STEPS = 128, 2
torch.manual_seed(42)
net = resnet.Net((layers - 2) // 6, 16, 10)
x = torch.randn(ROWS, 3, 32, 32)
labels = torch.tensor([(7 * i + 3) % 10 for i in range(ROWS)])
if variant == "channels-last":
    net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
sgd = torch.optim.SGD(net.parameters(), lr=0.1)


def step():
    sgd.zero_grad(set_to_none=True)
    loss = torch.nn.functional.cross_entropy(net(x), labels)
    loss.backward()
    sgd.step()
    return loss


for _ in range(WARM_STEPS):
    loss = step().item()
peer.report(torch, peer.alternate({variant: step}, seconds, batches=3), loss=loss)
