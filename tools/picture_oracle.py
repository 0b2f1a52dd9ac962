#!/usr/bin/env python3
"""Writes tests/data/golden/pictures.npz: small PNG files of every colour type, depth, interlacing,
with transparency and with gamma, JPEG files of every kind, and what Pillow reads from them in
colour and in grey. Needs numpy and Pillow."""
import io
import struct
import sys
import zlib

import numpy as np
from PIL import Image

rng = np.random.default_rng(3)
HEIGHT, WIDTH = 4, 5
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(values, depth):
    if depth == 16:
        return b"".join(struct.pack(">H", v) for v in values)
    per = 8 // depth
    out = bytearray()
    for i in range(0, len(values), per):
        byte = 0
        for k in range(per):
            byte = (byte << depth) | (values[i + k] if i + k < len(values) else 0)
        out.append(byte)
    return bytes(out)


def png(kind, depth, interlaced, extra):
    top = 1 << depth
    pixels = rng.integers(0, top, size=(HEIGHT, WIDTH, CHANNELS[kind]))
    chunks = b""
    if extra == "gama":
        chunks += chunk(b"gAMA", struct.pack(">I", 100000))
    if kind == 3:
        chunks += chunk(b"PLTE", rng.integers(0, 256, size=3 * top, dtype=np.uint8).tobytes())
    if extra == "trns":
        if kind == 3:
            data = rng.integers(0, 256, size=top, dtype=np.uint8).tobytes()
        else:
            data = b"".join(struct.pack(">H", int(v)) for v in pixels[1, 1])
        chunks += chunk(b"tRNS", data)
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    rows = b"".join(b"\0" + packed(row.reshape(-1).tolist(), depth)
                    for x, y, dx, dy in passes for row in pixels[y::dy, x::dx] if row.size)
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, kind, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunks +
            chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def as_pillow(data):
    """The picture in colour, before white where it is transparent."""
    image = Image.open(io.BytesIO(data))
    image.load()
    clear = image.info.get("transparency")
    if image.mode.startswith("I"):  # grey of 16 bits: the high byte
        values = np.array(image).astype(np.uint32)
        rgb = np.stack([values >> 8] * 3, -1).astype(np.uint8)
        if clear is not None:
            rgb[values == clear] = 255
        return Image.fromarray(rgb)
    depth, kind = data[24], data[25]
    if clear is not None and kind == 0 and depth < 8:
        # Pillow compares grey of 1, 2 and 4 bits after it has made 8 of them; the PNG standard
        # means the value that is stored.
        values = np.array(image.convert("L"))
        values[values == clear * 255 // ((1 << depth) - 1)] = 255
        return Image.fromarray(values).convert("RGB")
    if clear is not None and kind == 2 and depth == 16:
        # Nor does it know transparent colours of 16 bits.
        values = np.array(image)
        values[(values == np.array(clear) // 256).all(-1)] = 255
        return Image.fromarray(values)
    if clear is not None or image.mode in ("LA", "RGBA", "PA"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (255, 255, 255, 255)), image)
    return image.convert("RGB")


files = {}
for kind, depths in DEPTHS.items():
    for depth in depths:
        files[f"png{kind}_{depth}"] = png(kind, depth, False, "")
        files[f"png{kind}_{depth}_interlaced"] = png(kind, depth, True, "")
        files[f"png{kind}_{depth}_gama"] = png(kind, depth, False, "gama")
        if kind not in (4, 6):
            files[f"png{kind}_{depth}_trns"] = png(kind, depth, False, "trns")
blocks = np.kron(rng.integers(0, 256, size=(3, 4, 3)), np.ones((4, 4, 1))).astype(np.uint8)
picture = Image.fromarray(blocks)
files["jpeg_halved"] = jpeg(picture, quality=90)
files["jpeg_whole"] = jpeg(picture, quality=90, subsampling=0)
files["jpeg_progressive"] = jpeg(picture, quality=80, progressive=True)
files["jpeg_grey"] = jpeg(picture.convert("L"), quality=90)
files["jpeg_cmyk"] = jpeg(picture.convert("CMYK"), quality=90)

arrays = {}
for name, data in files.items():
    seen = as_pillow(data)
    arrays[name] = np.frombuffer(data, np.uint8)
    arrays[name + ".colour"] = np.array(seen).transpose(2, 0, 1).copy()
    arrays[name + ".grey"] = np.array(seen.convert("L"))[None]
np.savez_compressed(sys.argv[1] if len(sys.argv) > 1 else "tests/data/golden/pictures.npz", **arrays)
