#!/usr/bin/env python3
"""depth-vs-width's published run in PyTorch: usage depth_vs_width_torch.py THREADS MEASURED DEEP_STEPS STEPS LINEAR_STEPS; prints one
JSON object.

Data and students are drawn as tests/golden/depth_vs_width.py draws them, seed -1. MEASURED steps of each student are timed (the
median of five groups, for each way of running Adam alternately) and scaled up to 4 DEEP_STEPS, STEPS and LINEAR_STEPS;
MEASURED 0 trains to the end in the faster way of every student. Only steps are timed: no import, no draws, no test, and no loss is
read from a step. "loss" is the geometric mean of the students' 20th losses.
"""
import math, statistics, sys

sys.dont_write_bytecode = True
import peer

threads, measured, deep_steps, steps, linear_steps = map(int, sys.argv[1:])
torch = peer.start(threads)
STAGES, WARM_STEPS, GROUPS, PROBE = 4, 20, 5, 200
loss_fn = torch.nn.MSELoss()


def net(width, depth):
    sizes = [5] + [width] * (depth - 1) + [1]
    layers = []
    for d, m in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(d, m, bias=False), torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def normal_rule(model, sigma):
    for p in model.parameters():
        torch.nn.init.normal_(p, std=sigma / p.shape[1] ** 0.5)


def problem(sigma):
    torch.manual_seed(-1)
    teacher = net(5, 5)
    normal_rule(teacher, sigma)
    x, _ = torch.randn(4000, 5), torch.randn(1000, 5)
    with torch.no_grad():
        return x, teacher(x)


def students():
    """[(model, x, y, learning rates of its stages, steps of a stage)]"""
    x, y = problem(2)
    out = [(net(5, 5), x, y, [3e-3 / 3**k for k in range(STAGES)], deep_steps)]
    out += [(net(width, 2), x, y, [1e-3], steps) for width in (5, 15, 45, 135)]
    x, y = problem(0.4)
    model = net(10, 2)
    normal_rule(model, 0.4)
    return out + [(model, x, y, [1e-3], linear_steps)]


def stepper(model, x, y, lr, foreach):
    optimiser = torch.optim.Adam(model.parameters(), lr=lr, foreach=foreach)

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss = loss_fn(model(x), y)
        loss.backward()
        optimiser.step()
        return loss

    return step


def probe(calls, count):
    """{name: milliseconds a step}: median of groups of steps that take turns"""
    groups = {name: [] for name in calls}
    for _ in range(GROUPS):
        for name, call in calls.items():
            groups[name].append(peer.milliseconds(call, max(1, count // GROUPS)))
    return {name: statistics.median(values) for name, values in groups.items()}


ways = {"foreach": True, "for-loop": False}
losses, total = [], {name: 0.0 for name in ways}
sides = {name: students() for name in ways}  # the same draws for both
for k in range(len(sides["foreach"])):
    calls = {name: stepper(*sides[name][k][:3], sides[name][k][3][0], foreach) for name, foreach in ways.items()}
    for _ in range(WARM_STEPS):
        last = [call() for call in calls.values()]
    losses.append(last[0].item())
    per_step = probe(calls, measured or PROBE)
    for name in ways:
        total[name] += per_step[name] * len(sides[name][k][3]) * sides[name][k][4]
    sides["foreach"][k] += (min(per_step, key=per_step.get),)
if not measured:
    total = {"whole run": 0.0}
    for (model, x, y, rates, count, way), (fresh, *_) in zip(sides["foreach"], students()):
        for lr in rates:
            total["whole run"] += count * peer.milliseconds(stepper(fresh, x, y, lr, ways[way]), count)
else:
    total = {f"{name}, scaled up from {measured} steps": ms for name, ms in total.items()}
peer.report(torch, {name: [ms] for name, ms in total.items()}, loss=math.exp(statistics.fmean(map(math.log, losses))))
