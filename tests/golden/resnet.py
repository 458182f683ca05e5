#!/usr/bin/python3
"""Golden trainings of the convolutional residual net, by PyTorch in float64 and float32.

    /usr/bin/python3 tests/golden/resnet.py > tests/golden/data/resnet.json

One torch stream (seed) gives, in this order: the modules' default draws as they are made, behind the first convolution and
behind the linear layer that weight again (kaiming_normal_), as the published program has it, all float32, then X = randn and the labels (row i: (7 i + 3) mod classes). The
float64 trace starts from the same numbers widened. losses[k] is the loss before update k + 1 of SGD; eval: outputs of
the trained net in eval mode; state: running mean and variance of the first and the last norm after the steps; spread:
largest relative distance of the float32 losses from the float64 ones, what rounding alone does.
"""
import json
import os

os.environ.pop("OPENBLAS_CORETYPE", None)  # must be gone before the BLAS is loaded
import torch
import torch.nn.functional as F

STEPS = 6
# name, blocks a stage, width, image, classes, rows, lr, seed
CASES = [("one-block", 1, 16, 8, 10, 6, 0.5, 1), ("two-blocks", 2, 4, 9, 3, 5, 0.2, 2)]


class Block(torch.nn.Module):
    def __init__(self, inputs, outputs, stride, delta):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(outputs)
        self.conv2 = torch.nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(outputs)
        self.delta, self.change = delta, inputs != outputs

    def forward(self, x):
        y = self.delta * torch.relu(self.bn1(self.conv1(x)))
        y = self.delta * self.bn2(self.conv2(y))
        if self.change:
            pad = y.shape[1] // 4
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, pad, pad))
        return torch.relu(y + x)


class Net(torch.nn.Module):
    def __init__(self, n, width, classes):
        super().__init__()
        delta = n**-0.75
        self.conv = torch.nn.Conv2d(3, width, 3, 1, 1, bias=False)
        torch.nn.init.kaiming_normal_(self.conv.weight)
        self.bn = torch.nn.BatchNorm2d(width)
        blocks, channels = [], width
        for stage in range(3):
            for k in range(n):
                blocks.append(Block(channels, width << stage, 2 if stage and k == 0 else 1, delta))
                channels = width << stage
        self.blocks = torch.nn.Sequential(*blocks)
        self.linear = torch.nn.Linear(channels, classes)
        torch.nn.init.kaiming_normal_(self.linear.weight)

    def forward(self, x):
        x = self.blocks(torch.relu(self.bn(self.conv(x))))
        return self.linear(x.mean((2, 3)))


def trace(n, width, image, classes, rows, lr, seed, dtype):
    torch.manual_seed(seed)
    net = Net(n, width, classes)
    x = torch.randn(rows, 3, image, image).to(dtype)
    net = net.to(dtype)
    labels = torch.tensor([(7 * i + 3) % classes for i in range(rows)])
    rule, losses = torch.optim.SGD(net.parameters(), lr=lr), []
    for _ in range(STEPS):
        rule.zero_grad()
        loss = F.cross_entropy(net(x), labels)
        loss.backward()
        rule.step()
        losses.append(loss.item())
    last = net.blocks[-1].bn2
    state = [t.tolist() for t in (net.bn.running_mean, net.bn.running_var, last.running_mean, last.running_var)]
    parameters = sum(p.numel() for p in net.parameters())
    net.eval()
    with torch.no_grad():
        return {"losses": losses, "eval": net(x).flatten().tolist(), "state": state, "parameters": parameters}


def run(name, *shape):
    f64, f32 = trace(*shape, torch.float64), trace(*shape, torch.float32)
    spread = max(abs(a - b) / abs(a) for a, b in zip(f64["losses"], f32["losses"]))
    keys = ("blocks", "width", "image", "classes", "rows", "lr", "seed")
    return {"name": name, **dict(zip(keys, shape)), **f64, "spread": spread}


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps({"torch": torch.__version__, "cases": [run(*c) for c in CASES]}, indent=1))
