// random_gamma {shape}: key, concentration; random_gamma_derivative: concentration, draw.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "nacre/base/layer_scope.h"
#include "nacre/ops/define/emit.h"
#include "nacre/ops/elementwise/rules.h"
#include "nacre/ops/elementwise/special_math.h"
#include "nacre/ops/random/random.h"
#include "nacre/ops/random/random_draw.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {

Tensor random_gamma(const Operand& key, const Shape& shape, const Operand& concentration) {
  if (concentration.is_number() && !(concentration.number() > 0)) {
    throw ValueError(format_error(
        {.op = "random_gamma",
         .what = fmt::format("concentration {} is not positive", concentration.number()),
         .inputs = "key " + to_string(key.tensor().spec()),
         .layer = layer_path(),
         .location = key.at(),
         .hint = "a tensor that may reach 0 can be kept above by softplus or exp"}));
  }
  const DType dtype = is_floating(concentration.dtype()) ? concentration.dtype() : f32;
  return emit_one(Op::random_gamma, {{"shape", shape.to_vector()}},
                  {key.tensor(), as_dtype(concentration, dtype)}, key.at());
}

namespace op_defs {
namespace {

// The words of element i are those of blocks i * 2^16 and on: two blocks an attempt; the last one
// for the boost of small concentrations.
constexpr std::uint64_t kBlocks = 1 << 16;

}  // namespace

// Marsaglia and Tsang, "A simple method for generating gamma variables", 2000.
double gamma_of(Draw& draw, std::uint64_t element, double concentration) {
  if (!(concentration > 0)) return std::numeric_limits<double>::quiet_NaN();
  const std::uint64_t first = 2 * element * kBlocks;  // in units of 64-bit words
  double boost = 1;
  double a = concentration;
  if (a < 1) {
    boost = std::pow(draw.open_wide(first + 2 * (kBlocks - 1)), 1 / a);
    a += 1;
  }
  const double d = a - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (std::uint64_t attempt = 0; attempt < kBlocks / 2 - 1; ++attempt) {
    const std::uint64_t at = first + 4 * attempt;
    const double radius = std::sqrt(-2 * std::log(draw.open_wide(at)));
    const double x = radius * std::cos(2 * std::numbers::pi * draw.open_wide(at + 1));
    const double t = 1 + c * x;
    if (t <= 0) continue;
    const double v = t * t * t;
    if (std::log(draw.open_wide(at + 2)) < x * x / 2 + d * (1 - v + std::log(v))) {
      return boost * d * v;
    }
  }
  return boost * d;  // not reached: an attempt fails with probability below 0.05
}

namespace {

void gamma_reference(const ReferenceContext& c) {
  Draw draw(c.in[0]);
  const std::vector<double> a = c.load(1);
  std::vector<double> out(static_cast<std::size_t>(c.out_shape().elements()));
  const double least = smallest_gamma(c.out_specs[0].dtype);
  BroadcastWalk walk(c.in_shape(1), c.out_shape());
  for (std::size_t i = 0; i < out.size(); ++i, walk.next()) {
    const double z = gamma_of(draw, i, a[static_cast<std::size_t>(walk.offset())]);
    out[i] = z < least ? least : z;
  }
  c.store(0, out);
}

SpecList infer_gamma(const InferContext& c) {
  c.expect_inputs(2);
  expect_key(c, 0);
  c.expect_floating(1);
  const Shape shape(c.attrs.integers("shape"));
  Shape both;
  if (!broadcast_shapes(c.inputs[1].shape, shape, both) || !(both == shape)) {
    c.fail_shape(fmt::format("concentrations {} do not broadcast to {}",
                             to_string(c.inputs[1].shape), to_string(shape)),
                 "ask for the shape of the concentrations, or a larger one");
  }
  return {{c.inputs[1].dtype, shape}};
}

}  // namespace

const OpDef random_gamma = {
    .name = "random_gamma",
    .infer = infer_gamma,
    .vjp = [](G c) -> L {
      if (!c.wanted[1]) return {Tensor(), Tensor()};
      const Tensor slope = emit_one(Op::random_gamma_derivative, {c.in(1), c.out()}, {});
      return {Tensor(), to_input(c, 1, c.ct() * slope)};
    },
    .reference = gamma_reference,
    .samples = []() -> std::vector<Sample> {
      // Small moves of the concentration change which attempt is taken: no finite differences.
      const auto sample = [](DType d, Shape a, std::vector<std::int64_t> shape) {
        return Sample{.inputs = {sample_key(), {{d, a}, 0.2, 4}},
                      .attrs = {{"shape", shape}},
                      .check_gradient = false};
      };
      return {sample(f32, {}, {3, 7}), sample(f32, {7}, {3, 7}), sample(f64, {131}, {131})};
    },
    .second_order = false,
};

const OpDef random_gamma_derivative = {
    .name = "random_gamma_derivative",
    .infer = infer_floatings,
    .gradient = Gradient::none,
    .gradient_hint = "draws from a gamma distribution have first derivatives only",
    .reference = zip_reference<gamma_sample_derivative>,
    .samples = []() -> std::vector<Sample> {
      return {{.inputs = {{{f32, {3, 7}}, 0.2, 4}, {{f32, {3, 7}}, 0.05, 6}}},
              {.inputs = {{{f64, {7}}, 0.2, 4}, {{f64, {3, 7}}, 0.05, 6}}}};
    },
    .elementwise = true,
};

}  // namespace op_defs
}  // namespace nacre
