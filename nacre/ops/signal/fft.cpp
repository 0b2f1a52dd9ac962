// fft {axis, n, keep, inverse, scale}, rfft and irfft {axis, n, keep, scale}: the first
// min(size, n) elements along the axis, filled up with zeros, are transformed; the first `keep`
// results, zeros beyond what there are, are given. So the transpose of each is one of them again.
#include "nacre/ops/signal/fft.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/reduce/reduce.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace {

enum class Kind { forward, inverse };

double scale_of(FftNorm norm, Kind kind, std::int64_t n) {
  const double count = static_cast<double>(n > 0 ? n : 1);
  if (norm == FftNorm::ortho) return 1 / std::sqrt(count);
  return (norm == FftNorm::forward) == (kind == Kind::forward) ? 1 / count : 1;
}

// The size of x along an axis, the last `skip` axes not counted; 0 when out of range, which the
// op's own check refuses.
std::int64_t size_along(const Tensor& x, int axis, int skip) {
  const int rank = x.rank() - skip;
  const int a = axis < 0 ? axis + rank : axis;
  return a >= 0 && a < rank ? x.shape()[a] : 0;
}

Tensor complex_transform(const Operand& x, const FftOptions& o, Kind kind) {
  const Tensor t = x.tensor();
  const std::int64_t n = o.n ? o.n : size_along(t, o.axis, 1);
  return emit_one(Op::fft,
                  {{"axis", o.axis},
                   {"n", n},
                   {"keep", n},
                   {"inverse", kind == Kind::inverse},
                   {"scale", scale_of(o.norm, kind, n)}},
                  {t}, x.at());
}

Tensor unit(int which, DType dtype) {
  return tensor({which == 0 ? 1.0 : 0.0, which == 1 ? 1.0 : 0.0}, dtype);
}

}  // namespace

Tensor fft(const Operand& x, const FftOptions& o) { return complex_transform(x, o, Kind::forward); }
Tensor ifft(const Operand& x, const FftOptions& o) {
  return complex_transform(x, o, Kind::inverse);
}
Tensor rfft(const Operand& x, const FftOptions& o) {
  const Tensor t = x.tensor();
  const std::int64_t n = o.n ? o.n : size_along(t, o.axis, 0);
  return emit_one(Op::rfft,
                  {{"axis", o.axis},
                   {"n", n},
                   {"keep", n / 2 + 1},
                   {"scale", scale_of(o.norm, Kind::forward, n)}},
                  {t}, x.at());
}
Tensor irfft(const Operand& x, const FftOptions& o) {
  const Tensor t = x.tensor();
  const std::int64_t n = o.n ? o.n : 2 * (size_along(t, o.axis, 1) - 1);
  return emit_one(
      Op::irfft,
      {{"axis", o.axis}, {"n", n}, {"keep", n}, {"scale", scale_of(o.norm, Kind::inverse, n)}}, {t},
      x.at());
}

Tensor fft2(const Operand& x, FftNorm norm) {
  return fft({fft(x, {.norm = norm}), x.at()}, {.axis = -2, .norm = norm});
}
Tensor ifft2(const Operand& x, FftNorm norm) {
  return ifft({ifft(x, {.norm = norm}), x.at()}, {.axis = -2, .norm = norm});
}
Tensor rfft2(const Operand& x, FftNorm norm) {
  return fft({rfft(x, {.norm = norm}), x.at()}, {.axis = -2, .norm = norm});
}
Tensor irfft2(const Operand& x, std::int64_t columns, FftNorm norm) {
  return irfft({ifft(x, {.axis = -2, .norm = norm}), x.at()}, {.n = columns, .norm = norm});
}

Tensor make_complex(const Operand& real, const Operand& imaginary) {
  const Tensor a = expand_dims(real, {-1});
  const Tensor b = expand_dims(imaginary, {-1});
  return add({mul({a, real.at()}, unit(0, a.dtype())), real.at()}, b * unit(1, b.dtype()));
}
Tensor real_part(const Operand& x) { return sum({mul(x, unit(0, x.dtype())), x.at()}, {-1}); }
Tensor imaginary_part(const Operand& x) { return sum({mul(x, unit(1, x.dtype())), x.at()}, {-1}); }
Tensor squared_magnitude(const Operand& x) { return sum({square(x), x.at()}, {-1}); }

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

struct Line {
  int axis;
  std::int64_t in, n, keep;
};

// Checks and measures; `rank` counts the axes of the signal.
Line line_of(const InferContext& c, bool complex_input) {
  c.expect_inputs(1);
  const Spec& x = c.inputs[0];
  if (x.dtype != f32 && x.dtype != f64) {
    c.fail_dtype(fmt::format("f32 or f64 expected, {} given", name_of(x.dtype)),
                 "convert it with x.to(nacre::f32)");
  }
  int rank = x.shape.rank();
  if (complex_input) {
    if (rank < 2 || x.shape.at_back(-1) != 2) {
      c.fail_shape("complex numbers expected: a last axis of size 2",
                   "use rfft for real input, or make_complex(real, imaginary)");
    }
    --rank;
  }
  if (rank == 0) c.fail_shape("a signal expected, a scalar given");
  const int axis = c.axis(c.attrs.integer("axis"), rank);
  const std::int64_t n = c.attrs.integer("n");
  if (n < 1) {
    c.fail_value(fmt::format("the transform has length {}, at least 1 expected", n));
  }
  return {axis, x.shape[axis], n, c.attrs.integer("keep")};
}

SpecList infer_fft(const InferContext& c) {
  const Line line = line_of(c, true);
  Shape out = c.inputs[0].shape;
  out.set(line.axis, line.keep);
  return {{c.inputs[0].dtype, out}};
}
SpecList infer_rfft(const InferContext& c) {
  const Line line = line_of(c, false);
  Shape out = c.inputs[0].shape;
  out.set(line.axis, line.keep);
  out.push_back(2);
  return {{c.inputs[0].dtype, out}};
}
SpecList infer_irfft(const InferContext& c) {
  const Line line = line_of(c, true);
  const Shape& in = c.inputs[0].shape;
  Shape out(std::span(in.begin(), static_cast<std::size_t>(in.rank() - 1)));
  out.set(line.axis, line.keep);
  return {{c.inputs[0].dtype, out}};
}

// The defining sum for each line. Half spectra of real signals count their middle part twice.
template <bool real_in, bool real_out>
void reference(const ReferenceContext& c) {
  const Shape& in = c.in_shape();
  const int rank = in.rank() - (real_in ? 0 : 1);
  const auto given = static_cast<int>(c.attrs.integer("axis"));
  const int axis = given < 0 ? given + rank : given;
  const std::int64_t m = in[axis];
  const std::int64_t n = c.attrs.integer("n");
  const std::int64_t keep = c.attrs.integer("keep");
  const double sign = real_out || c.attrs.flag_or("inverse", false) ? 1 : -1;
  const double scale = c.attrs.number("scale");
  std::int64_t outer = 1;
  std::int64_t inner = 1;
  for (int i = 0; i < axis; ++i) outer *= in[i];
  for (int i = axis + 1; i < rank; ++i) inner *= in[i];
  const std::vector<double> x = c.load(0);
  std::vector<double> y(static_cast<std::size_t>(c.out_shape().elements()));
  const std::int64_t read = std::min(m, real_out ? n / 2 + 1 : n);
  const std::int64_t made = std::min(keep, real_in ? n / 2 + 1 : n);
  for (std::int64_t line = 0; line < outer * inner; ++line) {
    const std::int64_t o = line / inner;
    const std::int64_t i = line % inner;
    for (std::int64_t k = 0; k < made; ++k) {
      double re = 0;
      double im = 0;
      for (std::int64_t j = 0; j < read; ++j) {
        const auto at = static_cast<std::size_t>((o * m + j) * inner + i);
        double a = real_in ? x[at] : x[2 * at];
        double b = real_in ? 0 : x[2 * at + 1];
        const bool single = j == 0 || 2 * j == n;
        if (real_out && single) b = 0;
        const double weight = real_out && !single ? 2 : 1;
        const double angle =
            sign * 2 * std::numbers::pi * static_cast<double>(j * k % n) / static_cast<double>(n);
        re += weight * (a * std::cos(angle) - b * std::sin(angle));
        im += weight * (a * std::sin(angle) + b * std::cos(angle));
      }
      const auto to = static_cast<std::size_t>((o * keep + k) * inner + i);
      if (real_in && (k == 0 || 2 * k == n)) im = 0;
      if (real_out) {
        y[to] = scale * re;
      } else {
        y[2 * to] = scale * re;
        y[2 * to + 1] = scale * im;
      }
    }
  }
  c.store(0, y);
}

// Factors along the axis of a half spectrum [..., bins, ..., 2]: `middle` for coefficients that
// stand for two, 1 for the others.
Tensor half_weights(const Tensor& spectrum, int axis, std::int64_t n, double middle) {
  const int rank = spectrum.rank() - 1;
  const int a = axis < 0 ? axis + rank : axis;
  std::vector<double> w(static_cast<std::size_t>(spectrum.shape()[a]), middle);
  Shape shape;
  for (int i = 0; i <= rank; ++i) shape.push_back(i == a ? spectrum.shape()[a] : 1);
  for (std::size_t k = 0; k < w.size(); ++k) {
    if (k == 0 || 2 * static_cast<std::int64_t>(k) == n) w[k] = 1;
  }
  return nacre::cast(Tensor::from(w, shape), spectrum.dtype());
}

Tensor again(Op op, G c, const Tensor& x, std::int64_t keep, bool inverse = false) {
  std::vector<Attrs::Entry> entries{{"axis", c.attrs.integer("axis")},
                                    {"n", c.attrs.integer("n")},
                                    {"keep", keep},
                                    {"scale", c.attrs.number("scale")}};
  if (op == Op::fft) entries.insert(entries.begin() + 3, {"inverse", inverse});
  return emit_one(op, Attrs(entries), {x}, Location());
}

Cost cost_fft(const Attrs& attrs, std::span<const Spec> in, std::span<const Spec> out) {
  const double n = static_cast<double>(std::max<std::int64_t>(2, attrs.integer("n")));
  return {5 * static_cast<double>(in[0].elements()) * std::log2(n),
          static_cast<double>(in[0].bytes() + out[0].bytes())};
}

Sample sample(Spec spec, int axis, std::int64_t n, std::int64_t keep, double scale) {
  return {.inputs = {{spec}},
          .attrs = {{"axis", axis}, {"n", n}, {"keep", keep}, {"scale", scale}},
          .tolerance_scale = 4};
}

}  // namespace

const OpDef fft = {
    .name = "fft",
    .infer = infer_fft,
    .vjp = [](G c) -> L {
      const auto axis = static_cast<int>(c.attrs.integer("axis"));
      return {again(Op::fft, c, c.ct(), size_along(c.in(0), axis, 1), !c.attrs.flag("inverse"))};
    },
    .reference = reference<false, false>,
    .cost = cost_fft,
    .samples = []() -> std::vector<Sample> {
      std::vector<Sample> list = {
          sample({f32, {8, 2}}, 0, 8, 8, 1),          sample({f32, {3, 15, 2}}, -1, 15, 15, 0.5),
          sample({f64, {7, 3, 2}}, 0, 7, 7, 1),       sample({f32, {5, 2}}, 0, 8, 8, 1),
          sample({f32, {2, 9, 2, 2}}, 1, 6, 11, 0.2), sample({f64, {1, 2}}, 0, 1, 1, 1),
          sample({f32, {22, 2}}, 0, 22, 22, 1)};
      for (std::size_t i = 0; i < list.size(); ++i) {
        list[i].attrs = list[i].attrs.with("inverse", i % 2 == 1);
      }
      return list;
    },
};

const OpDef rfft = {
    .name = "rfft",
    .infer = infer_rfft,
    .vjp = [](G c) -> L {
      const auto axis = static_cast<int>(c.attrs.integer("axis"));
      const Tensor ct = c.ct();
      const Tensor w = half_weights(ct, axis, c.attrs.integer("n"), 0.5);
      return {again(Op::irfft, c, ct * w, size_along(c.in(0), axis, 0))};
    },
    .reference = reference<true, false>,
    .cost = cost_fft,
    .samples = []() -> std::vector<Sample> {
      return {sample({f32, {16}}, 0, 16, 9, 1),     sample({f32, {3, 9}}, -1, 9, 5, 0.5),
              sample({f64, {7, 3}}, 0, 7, 4, 1),    sample({f32, {5, 2}}, 0, 8, 7, 1),
              sample({f32, {2, 9, 3}}, 1, 6, 3, 1), sample({f64, {1}}, 0, 1, 1, 1),
              sample({f32, {2, 26}}, -1, 26, 14, 1)};
    },
};

const OpDef irfft = {
    .name = "irfft",
    .infer = infer_irfft,
    .vjp = [](G c) -> L {
      const auto axis = static_cast<int>(c.attrs.integer("axis"));
      const Tensor x = again(Op::rfft, c, c.ct(), size_along(c.in(0), axis, 1));
      return {x * half_weights(x, axis, c.attrs.integer("n"), 2)};
    },
    .reference = reference<false, true>,
    .cost = cost_fft,
    .samples = []() -> std::vector<Sample> {
      return {sample({f32, {9, 2}}, 0, 16, 16, 1),     sample({f32, {3, 5, 2}}, -1, 9, 9, 0.5),
              sample({f64, {4, 3, 2}}, 0, 7, 7, 1),    sample({f32, {3, 2}}, 0, 8, 10, 1),
              sample({f32, {2, 9, 3, 2}}, 1, 6, 4, 1), sample({f64, {1, 2}}, 0, 1, 1, 1),
              sample({f32, {2, 14, 2}}, -1, 26, 26, 1)};
    },
};

}  // namespace op_defs
}  // namespace nacre
