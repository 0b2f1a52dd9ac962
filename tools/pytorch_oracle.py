#!/usr/bin/env python3
"""Draws random cases for Nacre's ops and writes what PyTorch computes for them.

Usage: pytorch_oracle.py OUT.safetensors [SEED]     (needs PyTorch and NumPy; Debian: python3-torch)

The committed tests/oracle/cases.safetensors was made with seed 0; tests/oracle/oracle_test.cpp
compares without Python. Each case holds inputs, outputs, and the gradients of
sum(output * weight) for every floating input, all computed in f64 and stored in f32.
"""
import json
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

CASES = []


class Draw:
    """Random inputs; every method returns a NumPy array."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def uniform(self, *shape, low=-2.0, high=2.0):
        return self.rng.uniform(low, high, shape).astype(np.float32)

    def integers(self, *shape, low=0, high=9):
        return self.rng.integers(low, high, shape, dtype=np.int64)

    def booleans(self, *shape):
        return self.rng.integers(0, 2, shape).astype(bool)

    def distinct(self, *shape):
        n = int(np.prod(shape))
        return (self.rng.permutation(n).reshape(shape) / n * 4 - 2 + 0.01).astype(np.float32)

    def positive_definite(self, *shape):
        a = self.rng.uniform(-1, 1, shape)
        return (a @ np.swapaxes(a, -1, -2) + shape[-1] * np.eye(shape[-1])).astype(np.float32)


def case(name, function, inputs, args=None, gradient=True, tolerance=1.0):
    CASES.append((name, function, inputs, args or {}, gradient, tolerance))


def unary(d):
    plain = {
        "neg": torch.neg, "abs": torch.abs, "exp": torch.exp, "expm1": torch.expm1,
        "exp2": torch.exp2, "sin": torch.sin, "cos": torch.cos,
        "sinh": torch.sinh, "cosh": torch.cosh, "tanh": torch.tanh, "asinh": torch.asinh,
        "atan": torch.atan, "erf": torch.erf, "erfc": torch.erfc, "sigmoid": torch.sigmoid,
        "log_sigmoid": F.logsigmoid, "relu": torch.relu, "relu6": F.relu6, "square": torch.square,
        "softplus": F.softplus, "silu": F.silu, "mish": F.mish, "selu": F.selu,
        "softsign": F.softsign, "gelu": F.gelu, "hard_sigmoid": F.hardsigmoid,
        "hard_swish": F.hardswish, "hard_tanh": F.hardtanh,
    }
    for name, f in plain.items():
        case(name, f, [d.uniform(3, 7)])
        case(name, f, [d.uniform(2, 3, 5, low=-4, high=4)])
    case("tan", torch.tan, [d.uniform(3, 7, low=-1.2, high=1.2)])
    case("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), [d.uniform(3, 7)])
    case("leaky_relu", lambda x: F.leaky_relu(x, 0.1), [d.uniform(3, 7)], {"slope": 0.1})
    case("elu", lambda x: F.elu(x, 0.7), [d.uniform(3, 7)], {"alpha": 0.7})
    case("celu", lambda x: F.celu(x, 0.7), [d.uniform(3, 7)], {"alpha": 0.7})
    case("clamp", lambda x: torch.clamp(x, -0.5, 1.0), [d.uniform(3, 7)], {"low": -0.5, "high": 1.0})
    for name, f, low, high in [
        ("log", torch.log, 0.1, 5), ("log1p", torch.log1p, -0.8, 3), ("log2", torch.log2, 0.1, 5),
        ("log10", torch.log10, 0.1, 5), ("sqrt", torch.sqrt, 0.1, 5), ("rsqrt", torch.rsqrt, 0.1, 5),
        ("reciprocal", torch.reciprocal, 0.3, 4), ("asin", torch.asin, -0.9, 0.9),
        ("acos", torch.acos, -0.9, 0.9), ("acosh", torch.acosh, 1.1, 5),
        ("atanh", torch.atanh, -0.9, 0.9), ("erfinv", torch.erfinv, -0.9, 0.9),
        ("lgamma", torch.lgamma, 0.2, 6), ("digamma", torch.digamma, 0.3, 6),
    ]:
        case(name, f, [d.uniform(4, 5, low=low, high=high)])
    for name, f in [("sign", torch.sign), ("floor", torch.floor), ("ceil", torch.ceil),
                    ("round", torch.round), ("trunc", torch.trunc), ("is_nan", torch.isnan),
                    ("is_inf", torch.isinf), ("is_finite", torch.isfinite)]:
        case(name, f, [d.uniform(3, 7, low=-5, high=5)], gradient=False)
    case("round", torch.round, [np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5], np.float32)], gradient=False)
    case("logical_not", torch.logical_not, [d.booleans(3, 7)], gradient=False)
    case("bitwise_not", torch.bitwise_not, [d.integers(3, 7)], gradient=False)


def binary(d):
    for name, f in [("add", torch.add), ("sub", torch.sub), ("mul", torch.mul),
                    ("maximum", torch.maximum), ("minimum", torch.minimum),
                    ("atan2", torch.atan2), ("hypot", torch.hypot), ("logaddexp", torch.logaddexp),
                    ("copysign", torch.copysign),
                    ("squared_difference", lambda a, b: (a - b) ** 2)]:
        case(name, f, [d.uniform(3, 7), d.uniform(3, 7)])
        case(name, f, [d.uniform(2, 1, 5), d.uniform(4, 1)])
    case("div", torch.div, [d.uniform(3, 7), d.uniform(7, low=0.5, high=2)])
    case("pow", torch.pow, [d.uniform(3, 7, low=0.2, high=2), d.uniform(3, 7)])
    case("xlogy", torch.xlogy, [d.uniform(3, 7), d.uniform(3, 7, low=0.2, high=2)])
    case("floor_divide", lambda a, b: torch.div(a, b, rounding_mode="floor"),
         [d.uniform(3, 7, low=-9, high=9), d.uniform(3, 7, low=0.5, high=2)], gradient=False)
    case("remainder", torch.remainder, [d.uniform(3, 7, low=-9, high=9), d.uniform(3, 7, low=0.5, high=2)])
    case("fmod", torch.fmod, [d.uniform(3, 7, low=-9, high=9), d.uniform(3, 7, low=0.5, high=2)])
    case("remainder", torch.remainder, [d.integers(3, 7, low=-20, high=20), d.integers(3, 7, low=1, high=5)], gradient=False)
    case("floor_divide", lambda a, b: torch.div(a, b, rounding_mode="floor"),
         [d.integers(3, 7, low=-20, high=20), d.integers(3, 7, low=1, high=5)], gradient=False)
    case("lerp", lambda a, b: torch.lerp(a, b, 0.3), [d.uniform(3, 7), d.uniform(3, 7)], {"weight": 0.3})
    for name, f in [("equal", torch.eq), ("not_equal", torch.ne), ("less", torch.lt),
                    ("less_equal", torch.le), ("greater", torch.gt), ("greater_equal", torch.ge)]:
        case(name, f, [d.integers(5, 7, high=3), d.integers(5, 7, high=3)], gradient=False)
    for name, f in [("logical_and", torch.logical_and), ("logical_or", torch.logical_or),
                    ("logical_xor", torch.logical_xor)]:
        case(name, f, [d.booleans(3, 7), d.booleans(3, 7)], gradient=False)
    for name, f in [("bitwise_and", torch.bitwise_and), ("bitwise_or", torch.bitwise_or),
                    ("bitwise_xor", torch.bitwise_xor)]:
        case(name, f, [d.integers(3, 7, high=99), d.integers(3, 7, high=99)], gradient=False)
    for name, f in [("shift_left", torch.bitwise_left_shift), ("shift_right", torch.bitwise_right_shift)]:
        case(name, f, [d.integers(3, 7, high=99), d.integers(3, 7, high=5)], gradient=False)
    case("where", torch.where, [d.booleans(3, 7), d.uniform(3, 7), d.uniform(7)])


def reductions(d):
    for axes in ([], [0], [1], [0, 2], [-1]):
        args = {"axes": axes}
        dims = axes or [0, 1, 2]
        for name, f in [("sum", lambda x, k: x.sum(k)), ("mean", lambda x, k: x.mean(k)),
                        ("max", lambda x, k: x.amax(k)), ("min", lambda x, k: x.amin(k)),
                        ("logsumexp", lambda x, k: x.logsumexp(k)),
                        ("variance", lambda x, k: x.var(k, unbiased=False)),
                        ("norm", lambda x, k: torch.linalg.vector_norm(x, 2, k))]:
            case(name, lambda x, f=f, k=dims: f(x, k), [d.distinct(2, 3, 5)], args)
    case("prod", lambda x: x.prod(), [d.uniform(3, 4)], {"axes": []})
    case("prod", lambda x: x.prod(1), [d.uniform(3, 4)], {"axes": [1]})
    case("prod", lambda x: x.prod(), [np.array([1.5, 0.0, -2.0], np.float32)], {"axes": []})
    case("std", lambda x: x.std(1), [d.uniform(3, 6)], {"axes": [1], "correction": 1})
    case("any", lambda x: x.any(1), [d.booleans(4, 3)], {"axes": [1]}, gradient=False)
    case("all", lambda x: x.all(0), [d.booleans(2, 5)], {"axes": [0]}, gradient=False)
    for axis in (0, 1):
        case("argmax", lambda x, a=axis: x.argmax(a), [d.distinct(4, 5)], {"axis": axis}, gradient=False)
        case("argmin", lambda x, a=axis: x.argmin(a), [d.distinct(4, 5)], {"axis": axis}, gradient=False)
        case("cumsum", lambda x, a=axis: x.cumsum(a), [d.uniform(4, 5)], {"axis": axis})
        case("cumprod", lambda x, a=axis: x.cumprod(a), [d.uniform(4, 5)], {"axis": axis})
        case("softmax", lambda x, a=axis: x.softmax(a), [d.uniform(4, 5)], {"axis": axis})
        case("log_softmax", lambda x, a=axis: x.log_softmax(a), [d.uniform(4, 5)], {"axis": axis})
        case("sort", lambda x, a=axis: x.sort(a)[0], [d.distinct(4, 5)], {"axis": axis})
        case("argsort", lambda x, a=axis: x.argsort(a), [d.distinct(4, 5)], {"axis": axis}, gradient=False)
    case("top_k", lambda x: x.topk(3)[0], [d.distinct(4, 7)], {"k": 3})
    case("norm_1", lambda x: torch.linalg.vector_norm(x, 1, 1), [d.uniform(3, 5)], {"axes": [1]})
    case("norm_inf", lambda x: torch.linalg.vector_norm(x, float("inf"), 1), [d.distinct(3, 5)], {"axes": [1]})
    case("norm_3", lambda x: torch.linalg.vector_norm(x, 3, 1), [d.uniform(3, 5)], {"axes": [1]})


def products(d):
    case("matmul", torch.matmul, [d.uniform(3, 5), d.uniform(5, 4)])
    case("matmul", torch.matmul, [d.uniform(2, 3, 5), d.uniform(5, 4)])
    case("matmul", torch.matmul, [d.uniform(2, 1, 3, 5), d.uniform(4, 5, 2)])
    case("matmul", torch.matmul, [d.uniform(5), d.uniform(5, 2)])
    case("matmul", torch.matmul, [d.uniform(3, 5), d.uniform(5)])
    case("dot", torch.dot, [d.uniform(9), d.uniform(9)])
    case("outer", torch.outer, [d.uniform(4), d.uniform(3)])
    case("kron", torch.kron, [d.uniform(2, 3), d.uniform(2, 2)])
    for spec, shapes in [("ij,jk->ik", [(3, 4), (4, 5)]), ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]),
                         ("ii->i", [(4, 4)]), ("ii", [(4, 4)]), ("ij->ji", [(3, 4)]),
                         ("...ij,...jk->...ik", [(2, 3, 4), (4, 5)]), ("i,j->ij", [(3,), (4,)]),
                         ("bhqd,bhkd->bhqk", [(2, 2, 3, 4), (2, 2, 5, 4)]), ("ijk->k", [(2, 3, 4)])]:
        case("einsum", lambda *x, s=spec: torch.einsum(s, *x), [d.uniform(*s) for s in shapes], {"spec": spec})
    case("tensordot", lambda a, b: torch.tensordot(a, b, dims=2), [d.uniform(2, 3, 4), d.uniform(3, 4, 5)], {"axes": 2})


def movement(d):
    case("transpose", lambda x: x.permute(2, 0, 1), [d.uniform(2, 3, 4)], {"axes": [2, 0, 1]})
    case("reshape", lambda x: x.reshape(6, 4), [d.uniform(2, 3, 4)], {"shape": [6, 4]})
    case("broadcast_to", lambda x: x.expand(3, 2, 5), [d.uniform(2, 1)], {"shape": [3, 2, 5]})
    case("concatenate", lambda a, b: torch.cat([a, b], 1), [d.uniform(2, 3), d.uniform(2, 4)], {"axis": 1})
    case("stack", lambda a, b: torch.stack([a, b], 1), [d.uniform(2, 3), d.uniform(2, 3)], {"axis": 1})
    case("split_second", lambda x: x.split([2, 3, 2], 1)[1], [d.uniform(2, 7)], {"sizes": [2, 3, 2], "axis": 1})
    case("pad_constant", lambda x: F.pad(x, (1, 2, 0, 1), value=0.5), [d.uniform(2, 3)], {"pads": [[0, 1], [1, 2]], "value": 0.5})
    case("pad_reflect", lambda x: F.pad(x, (2, 1), mode="reflect"), [d.uniform(2, 3, 5)], {"pads": [[0, 0], [0, 0], [2, 1]]})
    case("pad_edge", lambda x: F.pad(x, (2, 1), mode="replicate"), [d.uniform(2, 3, 5)], {"pads": [[0, 0], [0, 0], [2, 1]]})
    case("pad_circular", lambda x: F.pad(x, (2, 1), mode="circular"), [d.uniform(2, 3, 5)], {"pads": [[0, 0], [0, 0], [2, 1]]})
    case("flip", lambda x: x.flip(0, 2), [d.uniform(2, 3, 4)], {"axes": [0, 2]})
    case("roll", lambda x: x.roll(2, 1), [d.uniform(2, 5)], {"shift": 2, "axis": 1})
    case("tile", lambda x: x.tile(2, 3), [d.uniform(2, 3)], {"repeats": [2, 3]})
    case("repeat", lambda x: x.repeat_interleave(3, 1), [d.uniform(2, 3)], {"repeats": 3, "axis": 1})
    case("tril", lambda x: x.tril(1), [d.uniform(2, 4, 5)], {"k": 1})
    case("triu", lambda x: x.triu(-1), [d.uniform(2, 4, 5)], {"k": -1})
    case("diagonal", lambda x: x.diagonal(1), [d.uniform(4, 5)], {"offset": 1})
    case("slice", lambda x: x[1:4:2, :], [d.uniform(5, 3)], {"start": 1, "stop": 4, "step": 2})
    case("slice_back", lambda x: x.flip(0)[::2], [d.uniform(5, 3)])
    case("squeeze", lambda x: x.squeeze(1), [d.uniform(3, 1, 2)], {"axis": 1})
    case("expand_dims", lambda x: x.unsqueeze(1), [d.uniform(3, 2)], {"axis": 1})
    index = d.integers(4, high=5)
    case("take", lambda x, i: x.index_select(0, i), [d.uniform(5, 3), index])
    case("embedding", lambda i, w: F.embedding(i, w), [d.integers(2, 3, high=6), d.uniform(6, 4)])
    case("take_along_axis", lambda x, i: x.gather(1, i), [d.uniform(3, 5), d.integers(3, 2, high=5)])
    case("scatter_add", lambda x, i, u: x.scatter_add(1, i, u), [d.uniform(3, 5), d.integers(3, 4, high=5), d.uniform(3, 4)])
    case("one_hot", lambda i: F.one_hot(i, 5).float(), [d.integers(3, 4, high=5)], {"classes": 5}, gradient=False)
    case("masked_fill", lambda x, m: x.masked_fill(m, -1.5), [d.uniform(3, 5), d.booleans(3, 5)], {"value": -1.5})


def convolutions(d):
    for args in [dict(), dict(stride=2), dict(padding=1), dict(stride=2, padding=2, dilation=2), dict(groups=2, padding=1)]:
        groups = args.get("groups", 1)
        case("conv", lambda x, w, a=args: F.conv2d(x, w, **a), [d.uniform(2, 4, 9, 8), d.uniform(6, 4 // groups, 3, 3)], args, tolerance=4)
    case("conv", lambda x, w: F.conv1d(x, w, padding=2), [d.uniform(2, 3, 11), d.uniform(4, 3, 5)], dict(padding=2), tolerance=4)
    case("conv", lambda x, w: F.conv3d(x, w, stride=2), [d.uniform(1, 2, 6, 5, 5), d.uniform(3, 2, 3, 3, 3)], dict(stride=2), tolerance=4)
    for args in [dict(), dict(stride=2, padding=1), dict(stride=2, padding=1, output_padding=1)]:
        case("conv_transpose", lambda x, w, a=args: F.conv_transpose2d(x, w, **a), [d.uniform(2, 3, 5, 4), d.uniform(3, 4, 3, 3)], args, tolerance=4)
    case("max_pool", lambda x: F.max_pool2d(x, 2), [d.distinct(2, 3, 6, 8)], dict(kernel=2, stride=2))
    case("max_pool", lambda x: F.max_pool2d(x, 3, 2, 1), [d.distinct(2, 3, 7, 8)], dict(kernel=3, stride=2, padding=1))
    case("max_pool", lambda x: F.max_pool1d(x, 3, 1), [d.distinct(2, 3, 9)], dict(kernel=3, stride=1))
    case("avg_pool", lambda x: F.avg_pool2d(x, 2), [d.uniform(2, 3, 6, 8)], dict(kernel=2, stride=2))
    case("avg_pool", lambda x: F.avg_pool2d(x, 3, 2, 1), [d.uniform(2, 3, 7, 8)], dict(kernel=3, stride=2, padding=1, count_include_pad=True))
    case("avg_pool", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), [d.uniform(2, 3, 7, 8)], dict(kernel=3, stride=2, padding=1, count_include_pad=False))
    case("adaptive_avg_pool", lambda x: F.adaptive_avg_pool2d(x, (3, 2)), [d.uniform(2, 3, 7, 5)], {"output": [3, 2]})
    case("resize_nearest", lambda x: F.interpolate(x, (7, 9), mode="nearest"), [d.uniform(1, 2, 4, 5)], {"size": [7, 9]})
    case("resize_bilinear", lambda x: F.interpolate(x, (7, 9), mode="bilinear", align_corners=False), [d.uniform(1, 2, 4, 5)], {"size": [7, 9], "align_corners": False})
    case("resize_bilinear", lambda x: F.interpolate(x, (7, 9), mode="bilinear", align_corners=True), [d.uniform(1, 2, 4, 5)], {"size": [7, 9], "align_corners": True})
    case("resize_bicubic", lambda x: F.interpolate(x, (7, 9), mode="bicubic", align_corners=False), [d.uniform(1, 2, 4, 5)], {"size": [7, 9], "align_corners": False}, tolerance=4)
    case("grid_sample", lambda x, g: F.grid_sample(x, g, align_corners=False), [d.uniform(1, 2, 5, 6), d.uniform(1, 4, 3, 2, low=-0.9, high=0.9)], tolerance=8)
    case("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), [d.uniform(2, 8, 3, 4)], {"factor": 2})


def losses_and_norms(d):
    labels = d.integers(6, high=5)
    case("softmax_cross_entropy", lambda x, t: F.cross_entropy(x, t, reduction="none"), [d.uniform(6, 5), labels])
    case("softmax_cross_entropy", lambda x, t: F.cross_entropy(x, t, reduction="none", label_smoothing=0.1), [d.uniform(6, 5), labels], {"label_smoothing": 0.1})
    case("binary_cross_entropy_with_logits", lambda x, t: F.binary_cross_entropy_with_logits(x, t, reduction="none"), [d.uniform(3, 5), d.uniform(3, 5, low=0, high=1)])
    case("layer_norm", lambda x, w, b: F.layer_norm(x, (6,), w, b), [d.uniform(4, 6), d.uniform(6), d.uniform(6)], tolerance=4)
    case("group_norm", lambda x, w, b: F.group_norm(x, 2, w, b), [d.uniform(2, 4, 3, 3), d.uniform(4), d.uniform(4)], {"groups": 2}, tolerance=4)
    case("batch_norm", lambda x, w, b: F.batch_norm(x, None, None, w, b, True), [d.uniform(5, 3, 2, 2), d.uniform(3), d.uniform(3)], tolerance=4)
    case("attention", lambda q, k, v: torch.softmax(q @ k.transpose(-1, -2) / 2, -1) @ v, [d.uniform(2, 2, 5, 4), d.uniform(2, 2, 6, 4), d.uniform(2, 2, 6, 4)], tolerance=2)
    case("attention_causal", lambda q, k, v: torch.softmax((q @ k.transpose(-1, -2) / 2).masked_fill(torch.ones(5, 5).triu(1).bool(), float("-inf")), -1) @ v, [d.uniform(2, 2, 5, 4), d.uniform(2, 2, 5, 4), d.uniform(2, 2, 5, 4)], tolerance=2)


def linear_algebra(d):
    t = 50
    case("solve", torch.linalg.solve, [d.positive_definite(2, 4, 4), d.uniform(2, 4, 3)], tolerance=t)
    case("cholesky", torch.linalg.cholesky, [d.positive_definite(2, 4, 4)], tolerance=t)
    case("inverse", torch.linalg.inv, [d.positive_definite(2, 4, 4)], tolerance=t)
    case("det", torch.linalg.det, [d.positive_definite(2, 3, 3)], tolerance=t)
    case("slogdet", lambda x: torch.linalg.slogdet(x)[1], [d.positive_definite(2, 4, 4)], tolerance=t)
    case("singular_values", lambda x: torch.linalg.svd(x, full_matrices=False)[1], [d.uniform(4, 3)], tolerance=t)
    case("eigenvalues", lambda x: torch.linalg.eigh(x)[0], [d.positive_definite(4, 4)], tolerance=t)
    case("qr_product", lambda x: torch.linalg.qr(x)[1].abs(), [d.uniform(5, 3)], tolerance=t)
    case("triangular_solve", lambda a, b: torch.linalg.solve_triangular(a.tril(), b, upper=False), [d.positive_definite(4, 4), d.uniform(4, 2)], tolerance=t)
    case("rfft", lambda x: torch.view_as_real(torch.fft.rfft(x)), [d.uniform(3, 10)], tolerance=4)
    case("irfft", lambda x: torch.fft.irfft(torch.view_as_complex(x), 9), [d.uniform(2, 5, 2)], {"n": 9}, tolerance=4)
    case("fft", lambda x: torch.view_as_real(torch.fft.fft(torch.view_as_complex(x))), [d.uniform(2, 7, 2)], tolerance=4)
    case("ifft", lambda x: torch.view_as_real(torch.fft.ifft(torch.view_as_complex(x))), [d.uniform(2, 7, 2)], tolerance=4)


def compute(name, function, arrays, gradient):
    inputs = []
    for a in arrays:
        t = torch.from_numpy(a.astype(np.float64) if a.dtype == np.float32 else a)
        inputs.append(t.requires_grad_(gradient and t.is_floating_point()))
    output = function(*inputs)
    rng = np.random.default_rng(len(name))
    weight = rng.uniform(0.5, 1.5, tuple(output.shape)).astype(np.float32)
    gradients = [None] * len(inputs)
    if gradient:
        (output * torch.from_numpy(weight.astype(np.float64))).sum().backward()
        gradients = [t.grad for t in inputs]
    return output.detach(), weight, gradients


def stored(t):
    a = t.detach().numpy() if isinstance(t, torch.Tensor) else t
    a = np.asarray(a)
    if a.dtype == np.float64:
        a = a.astype(np.float32)
    return np.array(a, order="C")  # ascontiguousarray would turn a scalar into a vector


DTYPES = {"float32": "F32", "int64": "I64", "bool": "BOOL"}


def write_safetensors(path, tensors, metadata):
    header, blob = {"__metadata__": metadata}, b""
    for name, array in tensors.items():
        data = array.tobytes()
        header[name] = {"dtype": DTYPES[str(array.dtype)], "shape": list(array.shape),
                        "data_offsets": [len(blob), len(blob) + len(data)]}
        blob += data
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + blob)


def main():
    path = sys.argv[1]
    d = Draw(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    for group in (unary, binary, reductions, products, movement, convolutions, losses_and_norms,
                  linear_algebra):
        group(d)
    tensors, descriptions = {}, []
    for number, (name, function, arrays, args, gradient, tolerance) in enumerate(CASES):
        output, weight, gradients = compute(name, function, arrays, gradient)
        key = f"{number:04d}"
        for i, a in enumerate(arrays):
            tensors[f"{key}.in{i}"] = a
        tensors[f"{key}.out"] = stored(output)
        if gradient:
            tensors[f"{key}.weight"] = weight
            for i, g in enumerate(gradients):
                if g is not None:
                    tensors[f"{key}.grad{i}"] = stored(g)
        descriptions.append({"key": key, "name": name, "inputs": len(arrays), "args": args,
                             "gradient": gradient, "tolerance": tolerance})
    write_safetensors(path, tensors, {"cases": json.dumps(descriptions, separators=(",", ":")),
                                      "torch": torch.__version__})
    print(f"{len(CASES)} cases of {len({c[0] for c in CASES})} functions")


if __name__ == "__main__":
    main()
