#include "nacre/ops/elementwise/rules.h"
#include "nacre/ops/define/emit.h"

#include <fmt/format.h>

namespace nacre {
namespace {

int kind(DType d) { return d == boolean ? 0 : is_integral(d) ? 1 : 2; }

}  // namespace

Tensor emit_same(Op op, const Operand& x, const Attrs& attrs) {
  return emit_one(op, attrs, {x.tensor()}, x.at());
}

Tensor emit_floating(Op op, const Operand& x, const Attrs& attrs) {
  return emit_one(op, attrs, {as_dtype(x, is_floating(x.dtype()) ? x.dtype() : f32)}, x.at());
}

DType common_dtype(const Operand& a, const Operand& b) {
  if (a.is_number() && b.is_number()) return f32;
  if (a.is_number() || b.is_number()) {
    const Operand& number = a.is_number() ? a : b;
    const DType other = (a.is_number() ? b : a).dtype();
    if (is_floating(other) || (number.is_whole_number() && other != boolean)) return other;
    return number.is_whole_number() ? i64 : f32;
  }
  const Tensor ta = a.tensor();
  const Tensor tb = b.tensor();
  if (kind(ta.dtype()) == kind(tb.dtype()) && (ta.rank() == 0) != (tb.rank() == 0)) {
    return ta.rank() == 0 ? tb.dtype() : ta.dtype();
  }
  return promote(ta.dtype(), tb.dtype());
}

Tensor as_dtype(const Operand& x, DType dtype) {
  if (x.is_number()) return x.tensor(dtype);
  const Tensor t = x.tensor();
  return t.dtype() == dtype ? t : cast({t, x.at()}, dtype);
}

Tensor emit_binary(Op op, const Operand& a, const Operand& b) {
  const DType dtype = common_dtype(a, b);
  return emit_one(op, {as_dtype(a, dtype), as_dtype(b, dtype)}, a.at());
}

Tensor emit_binary_floating(Op op, const Operand& a, const Operand& b) {
  const DType common = common_dtype(a, b);
  const DType dtype = is_floating(common) ? common : f32;
  return emit_one(op, {as_dtype(a, dtype), as_dtype(b, dtype)}, a.at());
}

namespace op_defs {

SpecList infer_same(const InferContext& c) {
  c.expect_inputs(1);
  return {c.inputs[0]};
}

SpecList infer_number(const InferContext& c) {
  c.expect_inputs(1);
  if (c.inputs[0].dtype == boolean) {
    c.fail_dtype("a number expected, bool given", "convert it with x.to(nacre::f32)");
  }
  return {c.inputs[0]};
}

SpecList infer_floating(const InferContext& c) {
  c.expect_inputs(1);
  c.expect_floating(0);
  return {c.inputs[0]};
}

SpecList infer_test(const InferContext& c) {
  c.expect_inputs(1);
  return {{boolean, c.inputs[0].shape}};
}

SpecList infer_pair(const InferContext& c) {
  c.expect_inputs(2);
  c.expect_same_dtype();
  return {{c.inputs[0].dtype, c.broadcast(0, 2)}};
}

SpecList infer_numbers(const InferContext& c) {
  const SpecList out = infer_pair(c);
  if (c.inputs[0].dtype == boolean) {
    c.fail_dtype("numbers expected, bool given", "convert it with x.to(nacre::f32)");
  }
  return out;
}

SpecList infer_floatings(const InferContext& c) {
  c.expect_inputs(2);
  c.expect_floating(0);
  return infer_pair(c);
}

SpecList infer_comparison(const InferContext& c) {
  c.expect_inputs(2);
  c.expect_same_dtype();
  return {{boolean, c.broadcast(0, 2)}};
}

SpecList infer_bits(const InferContext& c) {
  const SpecList out = infer_pair(c);
  if (is_floating(c.inputs[0].dtype)) {
    c.fail_dtype(fmt::format("integers or bool expected, {} given", name_of(c.inputs[0].dtype)),
                 "compare first (x > 0), or convert with x.to(nacre::i64)");
  }
  return out;
}

SpecList infer_shift(const InferContext& c) {
  const SpecList out = infer_pair(c);
  if (!is_integral(c.inputs[0].dtype)) {
    c.fail_dtype(fmt::format("integers expected, {} given", name_of(c.inputs[0].dtype)),
                 "multiply by a power of two, or convert with x.to(nacre::i64)");
  }
  return out;
}

std::vector<std::int64_t> load_integers(const ReferenceContext& c, std::size_t i) {
  const Spec& spec = c.in_specs[i];
  std::vector<std::int64_t> out(static_cast<std::size_t>(spec.elements()));
  visit_dtype(spec.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) {
      const T* values = static_cast<const T*>(c.in[i]);
      for (std::size_t k = 0; k < out.size(); ++k) out[k] = static_cast<std::int64_t>(values[k]);
    } else {
      throw InternalError("load_integers: a floating input");
    }
  });
  return out;
}

void store_integers(const ReferenceContext& c, std::size_t i,
                    std::span<const std::int64_t> values) {
  visit_dtype(c.out_specs[i].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) {
      T* to = static_cast<T*>(c.out[i]);
      for (std::size_t k = 0; k < values.size(); ++k) {
        if constexpr (std::is_same_v<T, bool>) {
          to[k] = values[k] != 0;
        } else {
          to[k] = static_cast<T>(values[k]);
        }
      }
    } else {
      throw InternalError("store_integers: a floating output");
    }
  });
}

std::vector<Sample> one_input_samples(double low, double high) {
  std::vector<Sample> list;
  const auto add = [&](DType d, Shape shape) {
    list.push_back({.inputs = {{{d, shape}, low, high}}});
  };
  add(f32, {3, 7});
  add(f32, {1031});
  add(f32, {});
  add(f64, {2, 3, 5});
  add(f16, {33});
  add(f32, {0, 4});
  return list;
}

std::vector<Sample> one_input_integer_samples(double low, double high,
                                              std::initializer_list<DType> dtypes) {
  std::vector<Sample> list;
  for (const DType d : dtypes) {
    list.push_back({.inputs = {{{d, {67}}, low, high, Fill::integers}}});
  }
  return list;
}

std::vector<Sample> two_input_samples(double low, double high) {
  std::vector<Sample> list;
  const auto add = [&](Shape a, Shape b, DType d) {
    list.push_back({.inputs = {{{d, a}, low, high}, {{d, b}, low, high}}});
  };
  add({3, 7}, {3, 7}, f32);
  add({1031}, {1031}, f32);
  add({4, 33}, {33}, f32);
  add({5, 1}, {1, 7}, f32);
  add({2, 3, 5}, {}, f32);
  add({}, {9}, f32);
  add({}, {}, f64);
  add({2, 1, 3}, {4, 1}, f64);
  add({17}, {17}, f16);
  add({0, 3}, {3}, f32);
  return list;
}

std::vector<Sample> two_input_integer_samples(double low, double high,
                                              std::initializer_list<DType> dtypes) {
  std::vector<Sample> list;
  for (const DType d : dtypes) {
    list.push_back({.inputs = {{{d, {3, 7}}, low, high, Fill::integers},
                               {{d, {7}}, low, high, Fill::integers}}});
  }
  return list;
}

std::vector<Sample> joined(std::vector<Sample> a, const std::vector<Sample>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace op_defs
}  // namespace nacre
