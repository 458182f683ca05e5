"""Writes tests/io/data: files made by numpy that the readers of io must understand. Run: python3 tests/golden/io_golden.py

Made with Python 3.11, numpy 1.24.2. The value of the item with C-order index k is k - 2.5 (reals) or 3 k - 7 (integers),
u1: 3 k. test_npy.c and test_npz.c compute the same.
"""
import io
import os

import numpy as np
from numpy.lib import format as npy

out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "io", "data")
os.makedirs(out, exist_ok=True)


def values(shape, code):
    k = np.arange(int(np.prod(shape, dtype=np.int64)))
    v = 3 * k if code.endswith("u1") else 3 * k - 7 if "i" in code else k - 2.5
    return v.astype(code).reshape(shape)


def save(name, array, version=None):
    with open(os.path.join(out, name), "wb") as f:
        npy.write_array(f, array, version=version, allow_pickle=name.startswith("object"))


save("f4.npy", values((2, 3), "<f4"))
save("f8_fortran.npy", np.asfortranarray(values((3, 4), "<f8")))
save("f4_big_fortran_3d.npy", np.asfortranarray(values((2, 3, 4), ">f4")))
save("i8_big.npy", values((5,), ">i8"))
save("i4.npy", values((2, 1, 3), "<i4"))
save("u1.npy", values((2, 2, 2, 2), "|u1"))
save("scalar.npy", values((), "<f8"))
save("empty.npy", values((0, 3), "<f8"))
save("v2.npy", values((4,), "<f8"), (2, 0))
save("v3.npy", values((4,), "<f4"), (3, 0))
save("object.npy", np.array([{"a": 1}, None], dtype=object))
save("structured.npy", np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")]))
save("f2.npy", np.zeros(3, dtype="<f2"))
for name, writer in (("stored.npz", np.savez), ("deflated.npz", np.savez_compressed)):
    writer(os.path.join(out, name), weights=values((20, 30), "<f4"), labels=values((5,), "<i4"))
