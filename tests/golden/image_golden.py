"""Writes tests/io/data/images: images and the pixels that Pillow reads from them. Run: /usr/bin/python3 tests/golden/image_golden.py

Made with Debian 12's Python 3.11, Pillow 9.4.0 (libjpeg-turbo 2.1.5, its default decoder settings), numpy 1.24.2.
NAME.png|jpg is the image; NAME.npy its u8 pixels as stored, rows x columns x channels, alpha dropped; NAME_gray.npy the
same through Pillow's convert("L"). 16-bit pixels are not Pillow's (it keeps the high byte) but round(v / 257), as the
PNG specification, 12.4, recommends. PNG files are assembled here so that every type, depth and interlacing occurs.
"""
import io
import os
import struct
import zlib

import numpy as np
from PIL import Image

out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "io", "data", "images")
os.makedirs(out, exist_ok=True)
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGBA: 4}
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def pack_row(row, depth):
    if depth == 16:
        return row.astype(">u2").tobytes()
    bits = "".join(format(v, f"0{depth}b") for v in row.ravel())
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def png(values, kind, depth, interlaced=False, more=b""):
    rows, columns = values.shape[:2]
    raw = b""
    for top, left, down, right in ADAM7 if interlaced else ((0, 0, 1, 1),):
        part = values[top::down, left::right]
        if part.size:
            raw += b"".join(b"\0" + pack_row(row, depth) for row in part)
    head = struct.pack(">IIBBBBB", columns, rows, depth, kind, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + chunk(b"IDAT", zlib.compress(raw, 9))
            + chunk(b"IEND", b""))


def save(name, data, pixels=None):
    image = Image.open(io.BytesIO(data))
    image.load()
    with open(os.path.join(out, name), "wb") as f:
        f.write(data)
    stem = os.path.splitext(name)[0]
    if pixels is None:
        pixels = np.atleast_3d(np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGBA")))[..., :3]
    pixels = pixels.reshape(pixels.shape[0], pixels.shape[1], -1).astype(np.uint8)
    np.save(os.path.join(out, stem + ".npy"), pixels)
    if pixels.shape[2] == 3:
        gray = np.asarray(Image.fromarray(pixels).convert("L"))
        np.save(os.path.join(out, stem + "_gray.npy"), gray[:, :, None])


def values(rows, columns, channels, top):
    """Every channel a different, far from smooth, pattern."""
    k = np.arange(rows * columns * channels, dtype=np.int64).reshape(rows, columns, channels)
    return (k * k * 7 + k * 13 + 5) % (top + 1)


palette = b"".join(bytes((17 * i, 255 - 16 * i, (i * i) % 256)) for i in range(16))
save("gray1.png", png(values(5, 11, 1, 1), GRAY, 1))
save("gray2_interlaced.png", png(values(9, 10, 1, 3), GRAY, 2, True), 85 * values(9, 10, 1, 3))
save("gray8.png", png(values(4, 6, 1, 255), GRAY, 8))
gray16 = values(4, 6, 1, 65535)
save("gray16.png", png(gray16, GRAY, 16), np.floor(gray16 / 257 + 0.5))
save("gray_alpha.png", png(values(4, 6, 2, 255), GRAY_ALPHA, 8), values(4, 6, 2, 255)[:, :, 0])
save("rgb8.png", png(values(7, 5, 3, 255), RGB, 8, more=chunk(b"gAMA", struct.pack(">I", 100000))))
rgb16 = values(3, 4, 3, 65535)
save("rgb16_interlaced.png", png(rgb16, RGB, 16, True), np.floor(rgb16 / 257 + 0.5))
save("rgba_interlaced.png", png(values(9, 9, 4, 255), RGBA, 8, True))
save("palette4.png", png(values(5, 7, 1, 15), PALETTE, 4, more=chunk(b"PLTE", palette) + chunk(b"tRNS", b"\0\x80")))

y, x = np.mgrid[0:19, 0:23]
smooth = np.stack([(x * 11) % 256, (y * 13 + x * 3) % 256, 128 + 100 * np.sin(x / 3 + y / 5)], axis=2).astype(np.uint8)
for name, array, options in (
        ("gray.jpg", smooth[:, :, 2], dict(quality=80)),
        ("rgb444.jpg", smooth, dict(quality=90, subsampling=0)),
        ("rgb420.jpg", smooth, dict(quality=75, subsampling=2)),
        ("rgb422_progressive.jpg", smooth, dict(quality=85, subsampling=1, progressive=True, optimize=True))):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "JPEG", **options)
    save(name, buffer.getvalue())
buffer = io.BytesIO()
Image.fromarray(smooth).convert("CMYK").resize((8, 8)).save(buffer, "JPEG", quality=50)
with open(os.path.join(out, "cmyk.jpg"), "wb") as f:
    f.write(buffer.getvalue())
