#!/usr/bin/env python3
"""Writes nacre/data/sets/builtin_data.cpp: the small data sets that the library carries inside.

    pip download scikit-learn --no-deps        # a wheel is a zip archive
    tools/make_builtin_data.py scikit_learn-*.whl

digits: the 1,797 8x8 test digits of "Optical Recognition of Handwritten Digits" (E. Alpaydin,
C. Kaynak, 1998, UCI Machine Learning Repository, CC BY 4.0) in scikit-learn's order.
iris: Fisher's 150 flowers (UCI Machine Learning Repository, CC BY 4.0), scikit-learn's version,
in which two rows are corrected after Fisher's paper.
"""
import base64
import gzip
import os
import sys
import zipfile
import zlib


def literal(name, raw):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    packed = packer.compress(raw) + packer.flush()
    text = base64.b64encode(packed).decode()
    lines = "\n".join(f'    "{text[i:i + 92]}"' for i in range(0, len(text), 92))
    return (f"const char* const {name} =\n{lines};\n"
            f"const std::size_t {name}Packed = {len(packed)};\n")


def main():
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        folder = "sklearn/datasets/data/"
        digits = gzip.decompress(wheel.read(folder + "digits.csv.gz")).decode().split()
        iris = wheel.read(folder + "iris.csv").decode().split()[1:]
    rows = [[int(float(v)) for v in line.split(",")] for line in digits]
    assert len(rows) == 1797 and all(len(r) == 65 and max(r) <= 16 for r in rows)
    flowers = [line.split(",") for line in iris]
    assert len(flowers) == 150
    digits_raw = bytes(r[64] for r in rows) + bytes(v for r in rows for v in r[:64])
    iris_raw = bytes(int(r[4]) for r in flowers) + bytes(
        round(float(v) * 10) for r in flowers for v in r[:4])
    path = os.path.join(os.path.dirname(__file__), "..", "nacre", "data", "builtin_data.cpp")
    with open(path, "w") as out:
        out.write(
            "// Made by tools/make_builtin_data.py, which names the sources. Both sets: CC BY 4.0, UCI\n"
            "// Machine Learning Repository; see NOTICE. Raw deflate in base64: labels, then features.\n"
            "// clang-format off\n"
            '#include "nacre/data/sets/builtin_data.h"\n\nnamespace nacre::data {\n\n')
        out.write(literal("kDigits", digits_raw) + "\n" + literal("kIris", iris_raw))
        out.write("\n}  // namespace nacre::data\n")


if __name__ == "__main__":
    main()
