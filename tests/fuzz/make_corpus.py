#!/usr/bin/python3
"""Writes tests/fuzz/corpus/<x>/: small valid and nearly valid inputs for every fuzz target. Run it again after a change
here; the files are kept in the tree. Needs only Python's standard library; npy and npz samples are copied from
tests/io/data (written by numpy, see tests/golden/io_golden.py)."""

import gzip
import io
import json
import pathlib
import shutil
import struct
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent / "io" / "data"


def put(target, name, content):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def copy(target, pattern):
    (HERE / "corpus" / target).mkdir(parents=True, exist_ok=True)
    for path in sorted(DATA.glob(pattern)):
        shutil.copyfile(path, HERE / "corpus" / target / path.name)


def idx(code, shape, items):
    return struct.pack(">HBB", 0, code, len(shape)) + b"".join(struct.pack(">I", n) for n in shape) + items


def packed(content):
    return gzip.compress(content, 9, mtime=0)


copy("npy", "*.npy")
copy("npz", "*.npz")


def entry(flags, name, content):
    """As fuzz_npz.c takes them: flags 1 deflated, 2 UTF-8 name, 4 a wrong size."""
    return struct.pack("<BBH", flags, len(name), len(content)) + name + content


f4, u1 = (DATA / "f4.npy").read_bytes(), (DATA / "u1.npy").read_bytes()
put("npz", "made", entry(0, b"a.npy", f4) + entry(1, b"b/c.npy", u1))
put("npz", "names", entry(2, "é.npy".encode(), u1) + entry(0, b"../x.npy", u1) + entry(0, b"\xe9.npy", u1))
put("npz", "twice", entry(1, b"a.npy", u1) + entry(1, b"a.npy", u1))
put("npz", "size", entry(4, b"a.npy", u1))

put("idx", "u1", idx(0x08, (2, 2, 3), b"abcdefghijkl"))
put("idx", "i4", idx(0x0C, (2,), struct.pack(">ii", 258, -2)))
put("idx", "f4", idx(0x0D, (1, 2), struct.pack(">ff", 1.5, -0.0)))
put("idx", "f8", idx(0x0E, (1, 1), struct.pack(">d", 1.5)))
put("idx", "empty", idx(0x08, (0, 28, 28), b""))
put("idx", "claim", idx(0x08, (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF), b"x"))

put("csv", "table", 'width,seed,note\n10,42,"a, ""b"""\n100,42,"two\nlines"\n1e4,43,\n')
put("csv", "crlf", 'a,b\r\n1,2\r\n3,"4"\r\n')
put("csv", "bom", "\ufeffx\n1\n\n2\n")
put("csv", "ragged", "a,b\n1\n")

put("table", "inputs", "\0a,b\n1,2\n0.5,-3e2\n")
put("table", "labels", "\1x,y\n1,0\n2,1\n3,1\n")
put("table", "names", "\1y,x\ncat,1\ndog,2\ncat,3\n")
put("table", "targets", "\2x,y,z\n1,2,3\n4,5,6\n")
put("table", "wrong", "\0a\n1\nx\n")

put("json", "run", '{"schema":1,"tables":{"w":{"rows":[[10,0.5,null],[100,1e-300,true]]}},"s":"\\u00e9\\ud83d\\ude00"}')
put("json", "edges", '[[],{},"\\\\\\"\\u0000x",-0.0,9223372036854775807,1.7976931348623157e308,5e-324,false]')
put("json", "scalar", "0.1")
put("json", "deep", "[" * 64 + "]" * 64)

put("yaml", "flow", "# run\nwidths: [10, 100, 'x']\nlr: 0.01 # why\nlist:\n  - 1\n  - two\nname: \"a: b\"\n")
put("yaml", "json", '{"widths": [10, 20], "lr": 0.5}\n')
put("yaml", "block", "---\na: |\n  block\n  text\nb: >-\n  folded\n...\n")
put("yaml", "refused", "a: &x [1]\nb: *x\nc: !!int 3\n? d\n: {e: f}\n")
put("yaml", "utf16", "a: é\n".encode("utf-16"))

put("gzip", "text", packed(b"abc" * 200))
put("gzip", "members", packed(b"one") + packed(b"two") + b"\0\0\0")
put("gzip", "plain", "not packed at all")
put("gzip", "empty", packed(b""))
put("gzip", "bomb", packed(bytes(3 << 20)))

put("params", "plain", "int=7\nreal=0.25\nbool=yes\nchoice=erf\ntext=any text\nints=1,2,3\nreals=0.1,1e-3\n")
put("params", "lists", "ints=1..20,30\nints-any=log:1:1000:4\nreals=lin:0:1:5\nreals-any=log:1e-3:1e3:7,inf\n")
put("params", "forms", "int=1_000\nint-any=-1e3\nreal_any=-inf\nreal=+.5\nints= 1 , 2 \nbool=off\n")
put("params", "wrong", "itn=1\nint=1e9\nreal=nan\nchoice=rleu\nbool=maybe\nints=\nints=5..1\nreals=1,,2\nint=x\n")
put("params", "ends", "int-any=9223372036854775807\nints-any=-9223372036854775808..-9223372036854775800\n")

for i, text in enumerate(["0.1", "-1_000", "1e4", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
                          "5e-324", "1.7976931348623157e308", "2.2250738585072014e-308", "inf", "-nan", "1e-400",
                          "0x10", "1__0", ".5", "+5.", "123456789012345678901234567890e-10"]):
    put("number", f"text{i:02}", text)
put("number", "pi", struct.pack("<d", 3.141592653589793))
put("number", "third", struct.pack("<f", 1 / 3))

put("config", "small", "widths: [10, 100]\nseeds: 1..3\nepochs: 5\n")
put("config", "preset", "preset: quick\nseed: 7\ndata-seed: 9\nsave_weights: yes\n")
put("config", "json", '{"widths": [10], "lr": 0.01, "engine": "gemm"}')
put("config", "wrong", "preset: qick\nwidht: 1\nseed: 1\nseeds: 1,1\n")

put("options", "run", "lazy-width\n--widths\n10,100\n--seeds=1..3\n--preset\nquick\n--json")
put("options", "flags", "--save_weights\nlazy-width\n--lr=-0.5\n--quiet\n--\n-x")
put("options", "list", "--json")
put("options", "info", "lazy-width\n--json\n--all\n--markdown")
put("options", "wrong", "lazy-widht\n--widhts\n1\n-x\n--=\n--seed\n--seed")
put("options", "runs", "show\nlatest\n--json")

manifest = {
    "program": "overparam", "experiment": "lazy-width", "status": "complete", "started": "2026-01-02T03:04:05.678Z",
    "finished": "2026-01-02T03:05:05.000Z", "seconds": 59.3, "version": "0.1.0",
    "process": {"pid": 999999, "start": 1, "boot": "x", "host": "y"},
    "params": {"widths": [10, 100], "lr": 0.01, "many": list(range(20))}, "environment": {"cpu": "some"},
    "verdicts": [{"claim": "a", "how": "b", "measured": -0.5, "interval": [-0.6, -0.4], "predicted": -0.5,
                  "holds": "yes"}],
}
put("store", "complete", json.dumps(manifest))
put("store", "running", json.dumps({**manifest, "status": "running"}))
put("store", "foreign", json.dumps({"program": "other"}))
put("store", "cut", json.dumps(manifest)[:100])

copy("png", "images/*.png")
copy("jpeg", "images/*.jpg")
put("png", "made-gray", struct.pack(">HHBBBB", 3, 2, 8, 0, 0, 0) + bytes([0, 1, 2, 3, 1, 4, 5, 6]))
put("png", "made-palette", struct.pack(">HHBBBB", 3, 2, 4, 3, 1, 2) + b"rgbRGB" + bytes(range(12)))

put("safetensors", "two", '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[3],'
    '"data_offsets":[8,11]}}\0' + "12345678abc")
put("safetensors", "kinds", '{"__metadata__":{"k":"v","":"é"},"h":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]},'
    '"n":{"dtype":"BF16","shape":[],"data_offsets":[4,6]},"e":{"dtype":"I64","shape":[0],"data_offsets":[6,6]}}\0abcdef')
put("safetensors", "whole", struct.pack("<Q", 2) + b"{}")
put("safetensors", "claim", struct.pack("<Q", 1 << 60) + b"{}")


def event(content):
    return bytes([len(content)]) + content


def field(number, content):
    return bytes([number << 3 | 2, len(content)]) + content


time_and_step = b"\x09" + struct.pack("<d", 1.7e9) + b"\x10\x07"
simple = field(1, b"loss") + b"\x15" + struct.pack("<f", 0.5)
tensor = field(1, b"acc/x") + field(8, b"\x08\x01" + field(2, b"") + field(5, struct.pack("<f", 0.25)))
double = field(1, b"d") + field(8, b"\x08\x02" + field(4, struct.pack("<d", 1e300)))
put("tfevents", "simple", event(time_and_step + field(5, field(1, simple))))
put("tfevents", "tensors", event(time_and_step + field(5, field(1, tensor) + field(1, double))))
put("tfevents", "empty", b"")


def masked(content):
    """CRC-32C (RFC 3720), turned and shifted as TFRecord does."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def frame(content):
    length = struct.pack("<Q", len(content))
    return length + masked(length) + content + masked(content)


whole = frame(field(3, b"brain.Event:2")) + frame(time_and_step + field(5, field(1, simple)))
put("tfevents", "whole", whole)
put("tfevents", "cut", whole[:-3])


def archive(form, change=lambda blocks: blocks):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, content in (("folder/one.bin", b"abc"), ("x" * 90 + "/" + "y" * 60, b"z" * 600)):
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    return change(out.getvalue()[:5 * 512 + 1024])


def unsummed(blocks):
    out = bytearray(blocks)
    for at in range(0, len(out), 512):
        if out[at + 257:at + 262] == b"ustar":
            out[at + 148] = ord("?")
    return bytes(out)


put("tar", "ustar", archive(tarfile.USTAR_FORMAT))
put("tar", "unsummed", archive(tarfile.USTAR_FORMAT, unsummed))
put("tar", "gnu", archive(tarfile.GNU_FORMAT))

put("csv_numbers", "numbers", b"\x01x,y\n1, 2e-3 \n-4,0x1\n")
put("csv_numbers", "plain", b"\x01x,y\n1,2\n3,4\n")
put("csv_numbers", "words", b"\x00x\nNaN\ninf\n-Infinity\n")
put("csv_numbers", "empty", b"\x00x,y\n1,\n")
put("csv_numbers", "bare", b"\x021,2\n3,4\n")

for kind in range(3):
    put("rng_state", f"position-{kind}", bytes([kind, 20, 0]) + struct.pack("<I", 700))
    put("rng_state", f"kind-{kind}", bytes([kind, 8, 0]) + struct.pack("<I", (kind + 1) % 3))
    put("rng_state", f"words-{kind}", bytes([kind, 32, 0]) + b"\xff" * 64)
put("rng_state", "normal", bytes([2, 16, 0]) + struct.pack("<IId", 1, 5, float("nan")))
put("rng_state", "short", bytes([128]) + b"OVPRNG1\0")

batches = b"".join(bytes([k]) + struct.pack("<H", 3073) + b"\x04" for k in range(6))
put("cifar", "batches", batches)
put("cifar", "label", batches[:-1] + b"\x0a")
put("cifar", "twice", batches + batches[:4])
put("cifar", "missing", batches[4:])
put("cifar", "length", batches[:-3] + struct.pack("<H", 3072) + b"\x01")
put("cifar", "others", b"\x06\x05\x00\x41\x07\x00\x00\x00" + batches)

put("load_options", "images", b"\x00classes=3,5\nresize=8x9\nsplit=.5,.25,.25\nflip=.5\ncrop=4\nnormalise=1,2:3,4\nscale=unit")
put("load_options", "linear", b"\x01limit=7\nnoise=.5\nfeatures=2\nweights=1,-2\nbias=3\ninputs=uniform\nlow=-1\nhigh=1")
put("load_options", "published", b"\x02variant=published\nbias-scale=2")
put("load_options", "teacher", b"\x05depth=3\nwidth=4\nsigma=2\nactivation=tanh\noutputs=2")
put("load_options", "foreign", b"\x03features=3")
put("load_options", "overflow", b"\x01features=9223372036854775807\noutputs=2\nweights=1")

for name, text in (
    ("flow", "sin(x+4)*(cos(3*y-5)+0.3)+0.5*cos(2*(x+2)*(y-4)^2)"),
    ("landscape", "(w0*x/2 + log(1+w0^2)*x/5 + 0.1*sin(exp(2*w0)))*(w0 - y)"),
    ("edges", "x^2/y - sqrt(-x) + log(0) + 0^0 + (-8)^(1/3) + 1e308*10^y"),
    ("functions", "max(x,relu(y))+atan2(y,x)*leaky_relu(-w0)+hypot(x,y)^-1.5+abs(x)"),
    ("nested", "(" * 150 + "x" + ")" * 150),
    ("open", "(" * 300),
    ("held", "x+(y*" * 40 + "1" + ")" * 40),
    ("signs", "-" * 199 + "x"),
    ("name", "1+sni(x)"),
    ("arguments", "max(x)"),
    ("utf8", "x\u00b2+\u03c0"),
    ("end", "sin(x"),
    ("number", "1_000.5e-3*.5+2.+1e999"),
):
    put("expression", name, b"\x98\x60\x60\x00" + text.encode())

for kind in (0, 1, 2, 3, 8, 9, 24, 25, 29):  # optimisers; with mini-batches in two orders; with patience
    put("train_state", f"as-it-is-{kind}", bytes([kind]))
    put("train_state", f"edits-{kind}", bytes([kind, 0, 0, 0, 200, 2, 0, 0, 9, 6, 0, 5, 63, 8, 0, 1, 77, 1, 0, 7, 255]))
    put("train_state", f"form-{kind}", bytes([kind, 6, 128, 1, 2]))
    put("train_state", f"name-{kind}", bytes([kind, 3, 192, 1, 0]))


def kernel_model(kernel, version=1, solver="direct", lambda_=0.5, **more):
    """The text `meta` of a model; see fuzz_kernel_model.c for the byte in front of it."""
    meta = {"format": "overparam kernel model", "version": version, "program": "0.1.0", "solver": solver,
            "lambda": lambda_, "kernel": kernel | {"seed": 0, "divide": 1.0}}
    return json.dumps(meta | more).encode()


gaussian = {"kernel": "gaussian", "bandwidth": 2.5, "normalise": False}
ntk = {"kernel": "ntk", "activation": "erf", "depth": 3, "sigma-w": 1.5, "sigma-b": 0.1, "normalise": False,
       "convention": "ntk-parametrization", "bias": "trained", "train": "all", "tolerance": 1e-10}
for flags in (0, 3, 24, 26, 4, 32 + 24, 64, 128, 8, 16):  # whole and broken arrays
    put("kernel_model", f"arrays-{flags}", bytes([flags]) + kernel_model(gaussian))
put("kernel_model", "ntk", b"\0" + kernel_model(ntk))
put("kernel_model", "cg", b"\3" + kernel_model(ntk, solver="cg", lambda_=0))
put("kernel_model", "missing", b"\0" + kernel_model({"kernel": "ntk"}))
put("kernel_model", "foreign", b"\0" + kernel_model(gaussian | {"depth": 2}))
put("kernel_model", "range", b"\0" + kernel_model(gaussian | {"bandwidth": -1}))
put("kernel_model", "type", b"\0" + kernel_model(gaussian | {"bandwidth": [1]}))
put("kernel_model", "version", b"\0" + kernel_model(gaussian, version=2))
put("kernel_model", "solver", b"\0" + kernel_model(gaussian, solver="|"))
put("kernel_model", "lambda", b"\0" + kernel_model(gaussian, lambda_=-1))
put("kernel_model", "list", b"\0[]")
put("kernel_model", "empty", b"\0")
put("kernel_model", "file", b"PK\3\4")
