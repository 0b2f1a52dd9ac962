// take_pixels: (x [batch, channels, pixels], index i64 [batch, places]) -> [batch, channels,
// places]; places with an index outside of the pixels give 0. scatter_pixels {pixels} is its
// adjoint. All of grid_sample is made of these and elementwise arithmetic, so its gradients are
// too.
#include "nacre/ops/image/grid_sample.h"

#include <fmt/format.h>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/define/structural.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/product/matmul.h"
#include "nacre/ops/shape/movement.h"
#include "nacre/ops/shape/slice.h"

namespace nacre {
namespace {

// One axis of the grid in pixels. With `border` at the border pixels at most; else at most a little
// outside, where all pixels are zeros. What lies beyond, and NaN, has no gradient.
Tensor to_pixels(const Tensor& coordinate, std::int64_t size, const GridSampleOptions& options) {
  const auto n = static_cast<double>(size);
  const Tensor at =
      options.align_corners ? (coordinate + 1) * ((n - 1) / 2) : (coordinate + 1) * (n / 2) - 0.5;
  const double low = options.border ? 0 : -2;
  const double high = options.border ? n - 1 : n + 1;
  // NaN is neither above `low` nor below `high`.
  const Tensor above = at > low;
  return where(above & (at < high), at, where(above, full_like(at, high), low));
}

// The largest whole number that is not above t, without a gradient.
Tensor whole(const Tensor& t) {
  const Tensor x = stop_gradient(t);
  const Tensor toward_zero = cast(cast(x, i64), x.dtype());
  return toward_zero - cast(x < toward_zero, x.dtype());
}

}  // namespace

Tensor grid_sample(const Operand& x, const Operand& grid, const GridSampleOptions& options) {
  const Tensor t = x.tensor();
  const Tensor g = grid.tensor();
  const Location at = x.at();
  const auto fail = [&](const std::string& what, std::string_view hint) {
    throw ShapeError(
        format_error({.op = "grid_sample",
                      .what = what,
                      .inputs = "left " + to_string(t.spec()) + ", right " + to_string(g.spec()),
                      .location = at,
                      .hint = hint}));
  };
  if (t.rank() != 4) fail("images [batch, channels, height, width] expected", {});
  if (g.rank() != 4 || g.size(-1) != 2 || g.size(0) != t.size(0)) {
    fail(fmt::format("a grid [{}, h, w, 2] expected", t.size(0)), "its last axis is (x, y)");
  }
  const OriginScope origin({{}, at});
  const std::int64_t batch = t.size(0);
  const std::int64_t height = t.size(2);
  const std::int64_t width = t.size(3);
  const std::int64_t places = g.size(1) * g.size(2);
  const Tensor pixels = reshape(t, Shape{batch, t.size(1), height * width});
  // 16-bit floats do not count the pixels of a large picture.
  const Tensor flat =
      reshape(cast(g, size_of(g.dtype()) < 4 ? f32 : g.dtype()), Shape{batch, places, 2});
  const auto column = [&](std::int64_t i) {
    return reshape(slice_axis(flat, -1, {i, i + 1}), Shape{batch, places});
  };
  const Tensor px = to_pixels(column(0), width, options);
  const Tensor py = to_pixels(column(1), height, options);
  const Shape one_channel{batch, 1, places};
  const auto sample = [&](const Tensor& ix, const Tensor& iy) {
    const auto within = [](const Tensor& i, std::int64_t n) {
      return cast(i >= 0, i64) * cast(i <= static_cast<double>(n - 1), i64);
    };
    const Tensor inside = within(ix, width) * within(iy, height);
    const Tensor safe_x = cast(minimum(maximum(ix, 0), static_cast<double>(width - 1)), i64);
    const Tensor safe_y = cast(minimum(maximum(iy, 0), static_cast<double>(height - 1)), i64);
    const Tensor index = (safe_y * width + safe_x + 1) * inside - 1;
    return emit_one(Op::take_pixels, {pixels, index}, at);
  };
  Tensor out;
  if (options.nearest) {
    // Halves go to the even neighbour, as in PyTorch.
    const auto nearest = [](const Tensor& p) {
      const Tensor low = whole(p + 0.5);
      const Tensor odd = low - whole(low * 0.5) * 2;
      const Tensor tie = cast(equal(stop_gradient(p) + 0.5, low), p.dtype());
      return low - odd * tie;
    };
    out = sample(nearest(px), nearest(py));
  } else {
    const Tensor x0 = whole(px);
    const Tensor y0 = whole(py);
    const Tensor fx = cast(reshape(px - x0, one_channel), t.dtype());
    const Tensor fy = cast(reshape(py - y0, one_channel), t.dtype());
    out = sample(x0, y0) * ((1 - fx) * (1 - fy)) + sample(x0 + 1, y0) * (fx * (1 - fy)) +
          sample(x0, y0 + 1) * ((1 - fx) * fy) + sample(x0 + 1, y0 + 1) * (fx * fy);
  }
  return reshape(out, Shape{batch, t.size(1), g.size(1), g.size(2)});
}

Tensor affine_grid(const Operand& theta, std::int64_t height, std::int64_t width,
                   bool align_corners) {
  const Tensor t = theta.tensor();
  if (t.rank() != 3 || t.size(1) != 2 || t.size(2) != 3 || height < 1 || width < 1) {
    throw ShapeError(format_error({.op = "affine_grid",
                                   .what = "theta of shape [batch, 2, 3] and a size expected",
                                   .inputs = "input " + to_string(t.spec()),
                                   .location = theta.at()}));
  }
  std::vector<double> base;
  const auto place = [&](std::int64_t i, std::int64_t n) {
    const auto count = static_cast<double>(n);
    if (align_corners) return n == 1 ? 0.0 : 2.0 * static_cast<double>(i) / (count - 1) - 1;
    return (2.0 * static_cast<double>(i) + 1) / count - 1;
  };
  for (std::int64_t i = 0; i < height; ++i) {
    for (std::int64_t j = 0; j < width; ++j) {
      base.insert(base.end(), {place(j, width), place(i, height), 1});
    }
  }
  const Tensor points = Tensor::from(base, Shape{height * width, 3}).to(t.dtype());
  const Location& at = theta.at();
  const Tensor grid = matmul({points, at}, {t, at}, {.transpose_b = true});
  return reshape({grid, at}, Shape{t.size(0), height, width, 2});
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

void check_index(const InferContext& c) {
  c.expect_inputs(2);
  c.expect_rank(0, 3);
  c.expect_rank(1, 2);
  c.expect_floating(0);
  if (c.inputs[1].dtype != i64) {
    c.fail_dtype(fmt::format("an i64 index expected, {} given", name_of(c.inputs[1].dtype)),
                 "convert it with index.to(nacre::i64)");
  }
  if (c.inputs[0].shape[0] != c.inputs[1].shape[0]) {
    c.fail_shape(
        fmt::format("{} images and {} indices", c.inputs[0].shape[0], c.inputs[1].shape[0]));
  }
}

SpecList infer_take(const InferContext& c) {
  check_index(c);
  const Shape& x = c.inputs[0].shape;
  return {{c.inputs[0].dtype, {x[0], x[1], c.inputs[1].shape[1]}}};
}

SpecList infer_scatter(const InferContext& c) {
  check_index(c);
  const Shape& y = c.inputs[0].shape;
  if (y[2] != c.inputs[1].shape[1]) {
    c.fail_shape(fmt::format("{} places and {} indices", y[2], c.inputs[1].shape[1]));
  }
  return {{c.inputs[0].dtype, {y[0], y[1], c.attrs.integer("pixels")}}};
}

// Calls f(element of [batch, channels, pixels], element of [batch, channels, places]).
template <class F>
void for_each_place(const ReferenceContext& c, std::int64_t pixels, F&& f) {
  const Shape& s = c.in_shape(0);
  const std::int64_t places = c.in_shape(1)[1];
  const auto* index = static_cast<const std::int64_t*>(c.in[1]);
  for (std::int64_t b = 0; b < s[0]; ++b) {
    for (std::int64_t ch = 0; ch < s[1]; ++ch) {
      for (std::int64_t p = 0; p < places; ++p) {
        const std::int64_t i = index[b * places + p];
        if (i < 0 || i >= pixels) continue;
        const std::int64_t plane = b * s[1] + ch;
        f(static_cast<std::size_t>(plane * pixels + i),
          static_cast<std::size_t>(plane * places + p));
      }
    }
  }
}

std::vector<Sample> samples_of(bool scatter) {
  std::vector<Sample> list;
  for (const auto& [dtype, batch, channels, pixels, places] :
       std::vector<std::tuple<DType, std::int64_t, std::int64_t, std::int64_t, std::int64_t>>{
           {f32, 2, 3, 7, 11}, {f32, 1, 1, 33, 5}, {f64, 2, 1, 4, 9}}) {
    const Shape x{batch, channels, scatter ? places : pixels};
    Sample s{
        .inputs = {{{dtype, x}},
                   {{i64, {batch, places}}, -1, static_cast<double>(pixels + 1), Fill::integers}}};
    if (scatter) s.attrs = {{"pixels", pixels}};
    list.push_back(std::move(s));
  }
  return list;
}

}  // namespace

const OpDef take_pixels = {
    .name = "take_pixels",
    .infer = infer_take,
    .vjp = [](G c) -> L {
      return {emit_one(Op::scatter_pixels, {{"pixels", c.in(0).size(2)}}, {c.ct(), c.in(1)}, {}),
              Tensor()};
    },
    .reference =
        [](const ReferenceContext& c) {
          const std::vector<double> x = c.load(0);
          std::vector<double> y(static_cast<std::size_t>(c.out_shape().elements()));
          for_each_place(c, c.in_shape(0)[2],
                         [&](std::size_t pixel, std::size_t place) { y[place] = x[pixel]; });
          c.store(0, y);
        },
    .samples = [] { return samples_of(false); },
};

const OpDef scatter_pixels = {
    .name = "scatter_pixels",
    .infer = infer_scatter,
    .vjp = [](G c) -> L {
      return {emit_one(Op::take_pixels, {c.ct(), c.in(1)}, {}), Tensor()};
    },
    .reference =
        [](const ReferenceContext& c) {
          const std::vector<double> y = c.load(0);
          std::vector<double> x(static_cast<std::size_t>(c.out_shape().elements()));
          for_each_place(c, c.out_shape()[2],
                         [&](std::size_t pixel, std::size_t place) { x[pixel] += y[place]; });
          c.store(0, x);
        },
    .samples = [] { return samples_of(true); },
};

}  // namespace op_defs
}  // namespace nacre
