#!/usr/bin/env python3
"""Writes tests/numeric/data/philox-vectors.json: the philox streams of docs/random.md, from that page alone.

    python3 tests/golden/philox_vectors.py > tests/numeric/data/philox-vectors.json

Independent of the C code: integers are Python's, a float operation is one IEEE double operation, float32 values are made
by struct. math is used for sqrt (correctly rounded), frexp and nextafter only.
"""
import json
import math
import struct

M32, M64 = 2**32 - 1, 2**64 - 1


def philox4x32_10(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & M32, (p0 >> 32) ^ c[3] ^ k[1], p0 & M32]
        k = [(k[0] + 0x9E3779B9) & M32, (k[1] + 0xBB67AE85) & M32]
    return c


# Known answers of Random123 1.09, tests/kat_vectors.
assert philox4x32_10([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
assert philox4x32_10([M32] * 4, [M32] * 2) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]
assert philox4x32_10([0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], [0xA4093822, 0x299F31D0]) == [
    0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


def log(x):
    m, k = math.frexp(x)  # 1/2 <= m < 1
    m, k = 2 * m, k - 1
    if m >= float.fromhex("0x1.6a09e667f3bcdp0"):
        m, k = m / 2, k + 1
    k = float(k)
    f = m - 1
    s = f / (2 + f)
    z = s * s
    w = z * z
    l1, l2, l3, l4 = 6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01
    l5, l6, l7 = 1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860510658591e-01
    r = w * (l2 + w * (l4 + w * l6)) + z * (l1 + w * (l3 + w * (l5 + w * l7)))
    h = 0.5 * f * f
    return k * 6.93147180369123816490e-01 - ((h - (s * (h + r) + k * 1.90821492927058770002e-10)) - f)


def sincos(u):
    q = int(4 * u + 0.5)
    t = (u - 0.25 * q) * 6.283185307179586476925
    z = t * t
    r = 8.33333333332248946124e-03 + z * (-1.98412698298579493134e-04 + z * (2.75573137070700676789e-06 + z * (
        -2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)))
    s = t + z * t * (-1.66666666666666324348e-01 + z * r)
    r = z * (4.16666666666666019037e-02 + z * (-1.38888888888741095749e-03 + z * (2.48015872894767294178e-05 + z * (
        -2.75573143513906633035e-07 + z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)))))
    h = 0.5 * z
    w = 1 - h
    c = w + (((1 - w) - h) + z * r)
    return {0: (s, c), 1: (c, -s), 2: (-s, -c), 3: (-c, s)}[q % 4]


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def f32_below(x):
    i = struct.unpack("<i", struct.pack("<f", x))[0]
    return struct.unpack("<f", struct.pack("<i", i - 1 if x > 0 else i + 1 if x < 0 else -2**31 + 1))[0]


class Stream:
    def __init__(self, seed, purpose, index):
        self.seed, self.purpose, self.index, self.p = seed & M64, purpose, index, 0

    def draw(self, p, attempt=0):
        block = p >> 1
        w = philox4x32_10([block & M32, (block >> 32) | attempt << 16 | self.purpose << 24,
                           self.index & M32, self.index >> 32], [self.seed & M32, self.seed >> 32])
        return w[0] << 32 | w[1] if p % 2 == 0 else w[2] << 32 | w[3]

    def next(self, f):
        self.p += 1
        return f(self.p - 1)

    def word(self):
        return self.next(lambda p: self.draw(p) >> 32)

    def uniform(self, a, b):
        x = self.next(lambda p: (self.draw(p) >> 11) * 2.0**-53 * (b - a) + a)
        return x if not a < b or x < b else math.nextafter(b, -math.inf)

    def uniform32(self, a, b):
        x = f32(self.next(lambda p: (self.draw(p) >> 11) * 2.0**-53 * (b - a) + a))
        return x if not a < b or x < f32(b) else f32_below(f32(b))

    def normal(self, mean, std):
        def value(p):
            even, odd = self.draw(p & ~1), self.draw(p | 1)
            r = math.sqrt(-2.0 * log(((even >> 11) + 1) * 2.0**-53))
            return r * sincos((odd >> 11) * 2.0**-53)[1 - p % 2] * std + mean
        return self.next(value)

    def integer(self, low, high):
        def value(p):
            n = high - low
            for attempt in range(256):
                m = self.draw(p, attempt) * n
                if m & M64 >= 2**64 % n:
                    break
            return low + (m >> 64)
        return self.next(value)

    def permutation(self, n):
        r = list(range(n))
        for i in range(n - 1, 0, -1):
            j = self.integer(0, i + 1)
            r[i], r[j] = r[j], r[i]
        return r


def fnv(data):
    h = 0xCBF29CE484222325
    for byte in data:
        h = (h ^ byte) * 0x100000001B3 & M64
    return "%016x" % h


def out(kind, values):
    raw = b"".join(struct.pack({"f32": "<f", "f64": "<d", "i64": "<q"}[kind], v) for v in values)
    o = {"t": kind, "n": len(values)}
    parts = {"all": values} if len(values) <= 12 else {"first": values[:8], "last": values[-4:]}
    for name, part in parts.items():
        o[name] = part
        if kind != "i64":
            o[name + "_hex"] = [v.hex() for v in part]
    o["fnv"] = fnv(raw)
    return o


def step(s, op, **args):
    n = args.get("n")
    if op == "skip":
        s.p += args["draws"]
        return {"op": op, "args": args}
    values = {
        "word": lambda: [s.word() for _ in range(n)],
        "uniform": lambda: [s.uniform32(args["a"], args["b"]) for _ in range(n)],
        "uniform_f64": lambda: [s.uniform(args["a"], args["b"]) for _ in range(n)],
        "normal": lambda: [f32(s.normal(args["mean"], args["std"])) for _ in range(n)],
        "normal_f64": lambda: [s.normal(args["mean"], args["std"]) for _ in range(n)],
        "integers": lambda: [s.integer(args["low"], args["high"]) for _ in range(n)],
        "permutation": lambda: s.permutation(n),
    }[op]()
    kind = {"uniform": "f32", "normal": "f32", "uniform_f64": "f64", "normal_f64": "f64"}.get(op, "i64")
    return {"op": op, "args": args, "out": out(kind, values)}


def record(seed, purpose, index, *steps):
    s = Stream(seed, purpose, index)
    return {"lib": "philox", "seed": seed, "purpose": purpose, "index": index,
            "steps": [step(s, op, **args) for op, args in steps]}


def main():
    records = []
    for seed, purpose, index in [(0, 0, 0), (42, 0, 0), (42, 1, 0), (42, 1, 7), (42, 4, 2**63 + 5), (-1, 2, 1),
                                 (2**63 - 1, 3, 2**64 - 1), (-2**63, 255, 2**32)]:
        # JSON integers are signed: the index travels as text.
        text = str(index)
        for steps in [
            [("word", {"n": 9})],
            [("uniform", {"n": 5, "a": 0.0, "b": 1.0}), ("uniform", {"n": 200, "a": -0.1, "b": 0.3})],
            [("uniform_f64", {"n": 1, "a": -0.1, "b": 0.3}), ("uniform_f64", {"n": 150, "a": 0.0, "b": 1.0})],
            [("normal", {"n": 3, "mean": 0.0, "std": 1.0}), ("normal", {"n": 131, "mean": 0.5, "std": 0.02})],
            [("normal_f64", {"n": 1, "mean": 0.0, "std": 1.0}), ("normal_f64", {"n": 1000, "mean": 1.0, "std": 2.0})],
            [("integers", {"n": 7, "low": 0, "high": 10}),
             ("integers", {"n": 40, "low": -3 * 2**61, "high": 2**61 + 12345}),
             ("integers", {"n": 3, "low": -2**63, "high": 2**63 - 1}), ("integers", {"n": 2, "low": 5, "high": 6})],
            [("permutation", {"n": 0}), ("permutation", {"n": 1}), ("permutation", {"n": 12}),
             ("permutation", {"n": 500}), ("word", {"n": 1})],
            [("skip", {"draws": 2**33 - 3}), ("normal_f64", {"n": 8, "mean": 0.0, "std": 1.0}), ("word", {"n": 2})],
            [("skip", {"draws": 2**49 - 40}), ("uniform_f64", {"n": 40, "a": 0.0, "b": 1.0})],
        ]:
            r = record(seed, purpose, index, *steps)
            r["index"] = text
            records.append(r)
    # Rounding to float reaches the upper end: half of the values of a range two floats wide.
    records.append(dict(record(1, 0, 0, ("uniform", {"n": 20, "a": 1.0, "b": 1.0 + 2.0**-23}),
                               ("uniform", {"n": 20, "a": -2.0**-24, "b": 0.0})), index="0"))
    meta = {"made_by": "tests/golden/philox_vectors.py, from docs/random.md in Python integers and doubles"}
    print('{"meta": %s, "records": [' % json.dumps(meta))
    print(",\n".join(json.dumps(r) for r in records))
    print("]}")


main()
