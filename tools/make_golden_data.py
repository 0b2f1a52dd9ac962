#!/usr/bin/env python3
"""Writes the files under tests/*/golden with other programs' writers (pip install numpy safetensors)."""
import os

import numpy as np
from safetensors.numpy import save_file

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests")


def path(*parts):
    full = os.path.join(ROOT, *parts)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    return full


save_file({
    "layer.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "f16": np.array([[0.5, 1], [-2, 65504]], dtype=np.float16),
    "i16": np.array([-1, 0, 32767], dtype=np.int16),
    "u32": np.array([4294967295], dtype=np.uint32),
    "empty": np.zeros((0, 3), dtype=np.float64),
    "flags": np.array([True, False]),
}, path("io", "golden", "python.safetensors.bin"), metadata={"made by": "python"})

values = np.arange(24).reshape(2, 3, 4)
np.save(path("data", "golden", "fortran.npy"), np.asfortranarray(values.astype(np.float32)))
np.save(path("data", "golden", "big_endian.npy"), values.astype(">i2"))
np.save(path("data", "golden", "scalar.npy"), np.float64(2.5))
np.savez(path("data", "golden", "stored.npz"), x=values.astype(np.float32), y=np.array([True, False]))
np.savez_compressed(path("data", "golden", "deflated.npz"), x=values.astype(np.uint64), h=np.float16([1.5]))
