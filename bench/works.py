"""The works of bench/run: what is run on each side, and how a row comes of it. See README.md."""
import ast, json, math, os, statistics, struct, subprocess, sys, tempfile, time, zipfile

here = os.path.dirname(os.path.abspath(__file__))
mnist = os.path.join(here, "..", "data", "mnist")
python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable  # Debian's, which has its python3-torch
env = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
median = statistics.median

MIN_PAIRS, MAX_PAIRS = 3, 9
SLOWER = 1.3  # a torch setting this much slower than the best one in the first pair is not run again
MEMBERS = 16
SAME = 1e-4  # relative difference of the two sides' losses that f32 rounding explains


def out(command):
    done = subprocess.run(list(map(str, command)), env=env, stdout=subprocess.PIPE)
    if done.returncode:
        sys.exit(f"bench: {' '.join(map(str, command))} failed with exit code {done.returncode}")
    return json.loads(done.stdout)


class Busy:
    """A second program that keeps one core busy; it ends by itself if this one does."""

    loop = "import os\np = os.getppid()\nwhile os.getppid() == p:\n    for _ in range(10**6): pass"

    def __enter__(self):
        self.process = subprocess.Popen([python, "-c", self.loop])
        time.sleep(0.2)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def beside(call):
    def run():
        with Busy():
            return call()

    return run


def is_torch(key):
    return key[0] == "torch"


def torch_time(result):
    """The best variant's median."""
    return min(median(ms) for ms in result["ms"].values())


def collect(o, calls):
    """{key: results} of calls {key: function} run in turn, pair after pair, forth and back. Keys are tuples; those of torch start
    with "torch": its settings compete in the first pair."""
    calls, runs, start = dict(calls), {key: [] for key in calls}, time.monotonic()
    pair = 0
    while True:
        for key in list(calls) if pair % 2 == 0 else list(calls)[::-1]:
            runs[key].append(calls[key]())
        pair += 1
        if pair == 1:
            times = {key: torch_time(runs[key][0]) for key in calls if is_torch(key)}
            for key, t in times.items():
                if t > SLOWER * min(times.values()):
                    del calls[key], runs[key]
        spent = time.monotonic() - start
        full = spent * (pair + 1) / pair  # with one more
        if pair == o.pairs or not o.pairs and (pair == MAX_PAIRS or full > 2 * o.seconds or pair >= MIN_PAIRS and full > o.seconds):
            return runs


def theirs(runs, scale=1):
    """The fastest setting of torch: its times pair by pair (ms times scale) and what it was; {} where torch was not run."""
    settings = []
    for key, results in runs.items():
        for variant in results[0]["ms"] if is_torch(key) else ():
            settings.append(([scale * median(r["ms"][variant]) for r in results], key[1], variant, results[0]))
    if not settings:
        return {}
    values, threads, variant, first = min(settings, key=lambda s: median(s[0]))
    return {"theirs": values, "peer": first["peer"], "peer_threads": threads, "peer_variant": variant,
            "peer_flavour": first["flavour"]}


def same_work(work, runs):
    """Both sides started alike and computed the same numbers, or the comparison would mean nothing."""
    losses = {key: results[0]["loss"] for key, results in runs.items()}
    low, high = min(losses.values()), max(losses.values())
    if not high - low <= SAME * abs(high):
        sys.exit(f"bench: {work}: the sides did not do the same work, losses {losses}")


def row(work, unit, threads, results, ours, floors=None, **more):
    """A row: ours and floors of the same length, more: what theirs() gives and numbers of this work alone."""
    r = {"work": work, "unit": unit, "threads": threads, "ours": ours}
    if "theirs" in more:
        r["theirs"] = more.pop("theirs")
        r["ratio"] = [q / m for m, q in zip(ours, r["theirs"])]
    if floors:
        r["floor"] = [median(g[0] for g in run) for run in floors]
        r["percent_of_floor"] = [median(100 * g[0] / g[1] for g in run) for run in floors]
        r["times_floor"] = [100 / p for p in r["percent_of_floor"]]
    return r | more | {key: results[0][key] for key in ("isa", "blas", "core", "flavour")}


def groups(result, key):
    return median(g[key] for g in result["groups"])


def torch_calls(o, script, *arguments, variants=((),)):
    """One call a thread count and variant; arguments around THREADS."""
    if not o.torch:
        return {}
    command = lambda t, v: [t if a == "THREADS" else a for a in [python, os.path.join(here, script), *arguments, *v]]
    return {("torch", t, *v): (lambda c=command(t, v): out(c)) for t in sorted({1, o.threads}) for v in variants}


def program(o, name, *arguments):
    path = os.path.join(o.build, name)
    return lambda: out([path, *arguments])


# ---- the works: each a function (options, name) -> rows ----------------------------------------------------------------


def lazy_calls(o, width, paths):
    steps = 10 if width <= 1000 and not o.quick else 5
    ours = {("ours", path): program(o, "lazy_step", width, o.threads, path, steps) for path in paths}
    return ours, torch_calls(o, "lazy_step_torch.py", mnist, width, "THREADS", steps)


def lazy(o, work, width):
    ours, peer = lazy_calls(o, width, ("dense", "sparse"))
    runs = collect(o, peer | ours)
    same_work(work, runs)
    for _, path in ours:
        results = runs["ours", path]
        yield row(f"{work} {path}", "ms", o.threads, results, [groups(r, "ms") for r in results],
                  [[(g["floor_ms"], g["ms"]) for g in r["groups"]] for r in results],
                  gemm_gflops=[groups(r, "gemm_gflops") for r in results], **theirs(runs))


def small_row(work, threads, runs, results, **more):
    return row(work, "us", threads, results, [groups(r, "us") for r in results],
               [[(g["floor_us"], g["us"]) for g in r["groups"]] for r in results], engine=results[0]["engine"],
               activation_ns=[groups(r, "activation_ns") for r in results],
               fma_giga=[groups(r, "fma_g") for r in results], **more, **theirs(runs, 1e3))


def small(o, work, net, thread_counts):
    counts = sorted({o.threads if t > 1 else 1 for t in thread_counts}, reverse=True)
    ours = {("ours", t): program(o, "small_step", net, t, o.slice, 1) for t in counts}
    runs = collect(o, torch_calls(o, "small_step_torch.py", net, "THREADS", o.slice, 1) | ours)
    same_work(work, runs)
    for t in counts:
        yield small_row(work, t, runs, runs["ours", t])


def residual(o, work, layers):
    ours = {("ours",): program(o, "residual_step", layers, o.threads, o.slice)}
    runs = collect(o, torch_calls(o, "residual_step_torch.py", layers, "THREADS", o.slice) | ours)
    same_work(work, runs)
    results = runs[("ours",)]
    yield row(work, "ms", o.threads, results, [groups(r, "ms") for r in results],
              [[(g["floor_ms"], g["ms"]) for g in r["groups"]] for r in results],
              peak_mib=[r["peak_mib"] for r in results], **theirs(runs))


def ensemble(o, work, net):
    ours = {("ours",): program(o, "small_step", net, o.threads, o.slice, MEMBERS)}
    runs = collect(o, torch_calls(o, "small_step_torch.py", net, "THREADS", o.slice, MEMBERS) | ours)
    same_work(work, runs)
    r = small_row(work, o.threads, runs, runs[("ours",)], members=MEMBERS)
    r["member_steps_per_second"] = [1e6 / us for us in r["ours"]]
    yield r


def maths(o, work):
    runs = collect(o, {("ours",): program(o, "vector_maths", o.slice)})
    results = runs[("ours",)]
    for fn in ("tanh", "exp"):
        both = {key: [median(g[key] for g in r[fn]) for r in results] for key in ("ns", "mvec_ns") if results[0][fn][0][key]}
        more = {"theirs": both["mvec_ns"], "peer": "libmvec"} if "mvec_ns" in both else {}
        yield row(f"{work} {fn} f32", "ns", 1, results, both["ns"], **more)


def with_busy(o, work, ours, peer, unit, scale):
    """ours {("ours", ..): call}: alone and beside a busy program; torch beside one too."""
    (call,) = ours.values()
    runs = collect(o, {key: beside(c) for key, c in peer.items()} | {("alone",): call, ("beside",): beside(call)})
    same_work(work, runs)
    times = {key: [groups(r, unit) for r in runs[(key,)]] for key in ("alone", "beside")}
    yield row(work, unit, o.threads, runs[("beside",)], times["beside"], alone=times["alone"],
              slowdown=[b / a for a, b in zip(times["alone"], times["beside"])], **theirs(runs, scale))


def beside_small(o, work, net):
    ours = {("ours",): program(o, "small_step", net, o.threads, o.slice, 1)}
    return with_busy(o, work, ours, torch_calls(o, "small_step_torch.py", net, "THREADS", o.slice, 1), "us", 1e3)


def beside_lazy(o, work, width):
    return with_busy(o, work, *lazy_calls(o, width, ("sparse",)), "ms", 1)


def ntk(o, work):
    calls = torch_calls(o, "ntk_torch.py", mnist, "THREADS", variants=(("loop",), ("batched",)))
    runs = collect(o, calls | {("ours",): program(o, "ntk", o.threads, o.slice)})
    same_work(work, runs)
    results = runs[("ours",)]
    yield row(work, "ms", o.threads, results, [median(r["ms"]) for r in results], method=results[0]["method"], **theirs(runs))


def kernel_solver(o, work, name, n):
    runs = collect(o, torch_calls(o, f"{name}_torch.py", mnist, n, "THREADS", o.slice) | {("ours",): program(o, name, n, o.threads, o.slice)})
    same_work(work, runs)
    yield kernel_row(o, work, runs, ("ours",))


def kernel_row(o, work, runs, key, **more):
    results = runs[key]
    return row(work, "ms", o.threads, results, [groups(r, "ms") for r in results],
               [[(g["floor_ms"], g["ms"]) for g in r["groups"]] for r in results], **more, **theirs(runs))


def eigenpro(o, work, n):
    ours = {("ours", path): program(o, "eigenpro", n, o.threads, o.slice, path) for path in ("dense", "sparse")}
    runs = collect(o, torch_calls(o, "eigenpro_torch.py", mnist, n, "THREADS", o.slice) | ours)
    same_work(work, runs)
    for key in ours:
        yield kernel_row(o, f"{work} {key[1]}", runs, key, setup_ms=[r["setup_ms"] for r in runs[key]])


def pvar(o, work, n, d, p):
    results = collect(o, {("ours",): program(o, "pvar", n, d, p, 1, o.slice)})[("ours",)]
    yield row(work, "ms", 1, results, [groups(r, "ms") for r in results])


def kernel_gram(o, work, kind):
    ours = {("ours", path): program(o, "kernel_gram", o.threads, o.slice, kind, path) for path in ("dense", "sparse")}
    runs = collect(o, torch_calls(o, "kernel_gram_numpy.py", mnist, "THREADS", kind) | ours)
    same_work(work, runs)
    for key in ours:
        yield kernel_row(o, f"{work} {key[1]}", runs, key, ns_beyond_product=[groups(r, "ns") for r in runs[key]])


def resnet(o, work, layers):
    calls = torch_calls(o, "resnet_step_torch.py", layers, "THREADS", o.slice, variants=(("plain",), ("channels-last",)))
    runs = collect(o, calls | {("ours",): program(o, "resnet_step", layers, o.threads, o.slice)})
    same_work(work, runs)
    results = runs[("ours",)]
    yield row(work, "ms", o.threads, results, [groups(r, "ms") for r in results],
              [[(g["floor_ms"], g["ms"]) for g in r["groups"]] for r in results],
              fma_giga=[groups(r, "fma_g") for r in results], **theirs(runs))


def whole(o, experiment, *arguments, look, figures=False):
    """A run of the program from its start to its end; without figures no gnuplot is on its PATH. look(result, folder): more
    fields of the run's result."""

    def run():
        with tempfile.TemporaryDirectory() as folder:
            target = os.path.join(folder, "run")
            command = [os.path.join(o.build, "overparam"), "run", experiment, *map(str, arguments), "--threads", str(o.threads),
                       "--out", target, "--quiet", "--json"]
            start = time.perf_counter()
            done = subprocess.run(command, env=env if figures else env | {"PATH": "/nonexistent"}, stdout=subprocess.PIPE)
            seconds = time.perf_counter() - start
            if done.returncode:
                sys.exit(f"bench: {' '.join(command)} failed with exit code {done.returncode}")
            result = json.loads(done.stdout)
            return result["environment"] | {"s": seconds, "ms": seconds * 1e3} | look(result, target)

    return run


def lazy_1d(o, work, mode):
    def look(result, folder):
        at = result["tables"]["models"]["columns"].index("initial_loss")
        return {"loss": sum(r[at] for r in result["tables"]["models"]["rows"])}

    ours = whole(o, "lazy-1d", "--preset", "paper", "--mode", mode, look=look)
    runs = collect(o, torch_calls(o, "lazy_1d_torch.py", mode, "THREADS", 100 if o.quick else 1000) | {("ours",): ours})
    same_work(work, runs)
    yield row(work, "ms", o.threads, runs[("ours",)], [r["ms"] for r in runs[("ours",)]], **theirs(runs))


def array_row(path, name, column):
    """Column `column` of a float64 matrix in an npz file, without numpy."""
    with zipfile.ZipFile(path) as z:
        data = z.read(name + ".npy")
    (length,) = struct.unpack_from("<H", data, 8)
    head = ast.literal_eval(data[10 : 10 + length].decode())
    rows, columns = head["shape"]
    return [struct.unpack_from("<d", data, 10 + length + 8 * (r * columns + column))[0] for r in range(rows)]


def tutorial(o, work):
    """The program from its start to its report; PyTorch's steps alone, scaled up unless --full."""
    counts = (500, 200, 200) if o.quick else (50000, 20000, 20000)
    measured = 0 if o.full else 100 if o.quick else 500

    def look(result, folder):
        losses = array_row(os.path.join(folder, "arrays.npz"), "loss", 19)
        return {"loss": math.exp(statistics.fmean(map(math.log, losses)))}

    flags = [x for pair in zip(("--deep-steps", "--steps", "--linear-steps"), counts) for x in pair]
    ours = whole(o, "depth-vs-width", "--preset", "paper", *flags, look=look, figures=True)
    runs = collect(o, torch_calls(o, "depth_vs_width_torch.py", "THREADS", measured, *counts) | {("ours",): ours})
    same_work(work, runs)
    results = runs[("ours",)]
    yield row(work, "s", o.threads, results, [r["s"] for r in results], **theirs(runs, 1e-3))


# name: (what it is, the program it needs, function, its arguments)
works = {
    "lazy-1000": ("step of 784-1000-10, 1024 images, SGD: dense and sparse inputs", "lazy_step", lazy, 1000),
    "lazy-10000": ("step of 784-10000-10, 1024 images, SGD: dense and sparse inputs", "lazy_step", lazy, 10000),
    "step-5-5-5-5-5-1": ("step, tanh without biases, 4000 samples, Adam", "small_step", small, "5-5-5-5-5-1", (2, 1)),
    "step-5-135-1": ("step, tanh without biases, 4000 samples, Adam", "small_step", small, "5-135-1", (2, 1)),
    "step-1-10-1": ("step, ReLU, 15 samples, SGD", "small_step", small, "1-10-1", (1,)),
    "step-1-1000-1": ("step, ReLU, 15 samples, SGD", "small_step", small, "1-1000-1", (1,)),
    "step-1-8-8-8-8-8-1": ("step, ReLU, 15 samples, SGD", "small_step", small, "1-8-8-8-8-8-1", (1,)),
    "ensemble-1-10-1": (f"step of one of {MEMBERS} members side by side", "small_step", ensemble, "1-10-1"),
    "ensemble-1-1000-1": (f"step of one of {MEMBERS} members side by side", "small_step", ensemble, "1-1000-1"),
    "residual-500": ("step of a residual net of 500 blocks, dim 15, 12,500 samples, SGD", "residual_step", residual, 500),
    "maths": ("an element of vector tanh and exp beside glibc's libmvec", "vector_maths", maths),
    "beside-step": ("step of 5-5-5-5-5-1 while another program occupies a core", "small_step", beside_small, "5-5-5-5-5-1"),
    "beside-lazy": ("sparse step of 784-1000-10 while another program occupies a core", "lazy_step", beside_lazy, 1000),
    "gram-laplace": ("Laplace Gram matrix of 10,000 x 4,000 MNIST images, f64", "kernel_gram", kernel_gram, "laplace"),
    "gram-ntk": ("NTK of five hidden relu layers on 10,000 x 4,000 MNIST images, f64", "kernel_gram", kernel_gram, "ntk"),
    "lazy-1d-thin-vs-wide": ("whole run: 4 nets of 50,000 steps, published", "overparam", lazy_1d, "thin-vs-wide"),
    "lazy-1d-robustness": ("whole run: 10 nets of 5000 steps, published", "overparam", lazy_1d, "robustness"),
    "ntk": ("empirical NTK of 784-512-10 on 64 images", "ntk", ntk),
    "cholesky-4000": ("factorisation and solution, Laplace kernel matrix of 4000 images, f64", "cholesky", kernel_solver, "cholesky", 4000),
    "pvar-1d": ("3-variation of a Brownian path of 1,000,000 points in R, no peer", "pvar", pvar, 10**6, 1, 3),
    "pvar-3d": ("the same in R^3, no peer", "pvar", pvar, 10**6, 3, 3),
    "pvar-225d": ("2-variation of a Brownian path of 2000 points in R^225, no peer", "pvar", pvar, 2000, 225, 2),
    "eigenpro-4000": ("EigenPro epoch, Laplace kernel, 4000 images, f32", "eigenpro", eigenpro, 4000),
    "eigenpro-20000": ("EigenPro epoch, Laplace kernel, 20000 images, f32", "eigenpro", eigenpro, 20000),
    "eigenpro-60000": ("EigenPro epoch, Laplace kernel, 60000 images, f32", "eigenpro", eigenpro, 60000),
    "resnet56-step": ("step of the published convolutional net of 56 layers, 128 images, SGD", "resnet_step", resnet, 56),
    "tutorial": ("depth-vs-width's published run end to end, 300,000 Adam steps", "overparam", tutorial),
}
