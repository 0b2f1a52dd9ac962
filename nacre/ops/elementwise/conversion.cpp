// cast {to}, identity, stop_gradient.
#include <cstring>
#include <limits>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/elementwise/rules.h"

namespace nacre {

Tensor identity(const Operand& x) { return emit_same(Op::identity, x); }
Tensor stop_gradient(const Operand& x) { return emit_same(Op::stop_gradient, x); }

Tensor cast(const Operand& x, DType dtype) {
  const Tensor t = x.tensor();
  return t.dtype() == dtype ? t : emit_one(Op::cast, {{"to", dtype}}, {t}, x.at());
}

namespace op_defs {
namespace {

// Rounds toward zero into [low, high]; NaN gives 0.
std::int64_t saturated(double x, double low, double high) {
  if (std::isnan(x)) return 0;
  if (x >= high) {
    return high >= 0x1p63 ? std::numeric_limits<std::int64_t>::max()
                          : static_cast<std::int64_t>(high);
  }
  return static_cast<std::int64_t>(x <= low ? low : x);
}

void cast_reference(const ReferenceContext& c) {
  const DType from = c.in_specs[0].dtype;
  const DType to = c.out_specs[0].dtype;
  if (is_floating(to) || (to == boolean && is_floating(from))) {
    c.store(0, c.load(0));
  } else if (!is_floating(from)) {
    store_integers(c, 0, load_integers(c, 0));
  } else {
    const std::vector<double> x = c.load(0);
    std::vector<std::int64_t> out(x.size());
    visit_dtype(to, [&](auto tag) {
      using T = typename decltype(tag)::type;
      const auto low = static_cast<double>(std::numeric_limits<T>::lowest());
      const auto high = static_cast<double>(std::numeric_limits<T>::max());
      for (std::size_t i = 0; i < x.size(); ++i) out[i] = saturated(x[i], low, high);
    });
    store_integers(c, 0, out);
  }
}

void copy_reference(const ReferenceContext& c) {
  if (const std::size_t bytes = c.in_specs[0].bytes()) std::memcpy(c.out[0], c.in[0], bytes);
}

}  // namespace

const OpDef cast = {
    .name = "cast",
    .infer = [](const InferContext& c) -> SpecList {
      c.expect_inputs(1);
      return {{c.attrs.dtype("to"), c.inputs[0].shape}};
    },
    .vjp = [](G c) -> L {
      if (!is_floating(c.in(0).dtype())) return {Tensor()};
      return {nacre::cast(c.ct(), c.in(0).dtype())};
    },
    .gradient_hint = "a whole number has no gradient; keep the floating value in the loss",
    .reference = cast_reference,
    .onnx = "Cast",
    .samples = []() -> std::vector<Sample> {
      return {{.inputs = {{{f32, {3, 7}}}}, .attrs = {{"to", f64}}},
              {.inputs = {{{f64, {33}}}}, .attrs = {{"to", f32}}},
              {.inputs = {{{f32, {65}}}}, .attrs = {{"to", bf16}}, .check_gradient = false},
              {.inputs = {{{f32, {65}}}}, .attrs = {{"to", f16}}, .check_gradient = false},
              {.inputs = {{{f16, {65}}}}, .attrs = {{"to", f32}}, .check_gradient = false},
              {.inputs = {{{f32, {9}}, -50, 50}}, .attrs = {{"to", i32}}, .check_gradient = false},
              {.inputs = {{{f64, {9}}, -50, 50}}, .attrs = {{"to", i64}}, .check_gradient = false},
              {.inputs = {{{f32, {9}}, 0, 200}}, .attrs = {{"to", u8}}, .check_gradient = false},
              {.inputs = {{{f32, {9}}, -2, 2, Fill::integers}},
               .attrs = {{"to", boolean}},
               .check_gradient = false},
              {.inputs = {{{i64, {9}}, -50, 50, Fill::integers}}, .attrs = {{"to", f32}}},
              {.inputs = {{{i64, {9}}, -500, 500, Fill::integers}}, .attrs = {{"to", i8}}},
              {.inputs = {{{u8, {67}}, 0, 256, Fill::integers}}, .attrs = {{"to", f32}}},
              {.inputs = {{{i32, {67}}, -3, 3, Fill::integers}}, .attrs = {{"to", boolean}}},
              {.inputs = {{{boolean, {9}}, 0, 1, Fill::booleans}}, .attrs = {{"to", f32}}}};
    },
    .elementwise = true,
};

const OpDef identity = {
    .name = "identity",
    .infer = infer_same,
    .vjp = [](G c) -> L { return {c.ct()}; },
    .reference = copy_reference,
    .onnx = "Identity",
    .samples = samples<-2.0, 2.0>,
    .is_view = true,
};

const OpDef stop_gradient = {
    .name = "stop_gradient",
    .infer = infer_same,
    .gradient = Gradient::zero,
    .reference = copy_reference,
    .onnx = "Identity",
    .samples = samples<-2.0, 2.0>,
    .is_view = true,
};

}  // namespace op_defs
}  // namespace nacre
