// What the files of elementwise ops share: promotion of operands, reference loops, samples. Not
// part of the public interface.
#pragma once

#include <cmath>
#include <type_traits>

#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/reduce/reduce.h"

namespace nacre {

// Applies an op of one input as it is; or after integers were converted to f32, for functions whose
// results are fractions.
Tensor emit_same(Op op, const Operand& x, const Attrs& attrs = {});
Tensor emit_floating(Op op, const Operand& x, const Attrs& attrs = {});

// The dtype two operands are brought to: the rule of PyTorch's result_type. Among tensors of the
// same kind (bool, integer, floating) one with axes decides over one without; a number only decides
// when its kind is higher than the tensor's.
DType common_dtype(const Operand& a, const Operand& b);
// The operand as a tensor of a dtype.
Tensor as_dtype(const Operand& x, DType dtype);
// Applies an op of two inputs after promotion; `floating` turns integers into f32.
Tensor emit_binary(Op op, const Operand& a, const Operand& b);
Tensor emit_binary_floating(Op op, const Operand& a, const Operand& b);

namespace op_defs {

using G = const VjpContext&;
using L = TensorList;

// Shape and dtype rules.
SpecList infer_same(const InferContext& c);        // one input, any dtype
SpecList infer_number(const InferContext& c);      // one input, not bool
SpecList infer_floating(const InferContext& c);    // one floating input
SpecList infer_test(const InferContext& c);        // one input of any dtype; gives bool
SpecList infer_pair(const InferContext& c);        // two of one dtype, broadcast
SpecList infer_numbers(const InferContext& c);     // the same, not bool
SpecList infer_floatings(const InferContext& c);   // the same, floating
SpecList infer_comparison(const InferContext& c);  // two of one dtype; gives bool
SpecList infer_bits(const InferContext& c);        // two of one dtype, integers or bool
SpecList infer_shift(const InferContext& c);       // two of one dtype, integers

// Input i as 64-bit integers, exactly, and the way back, which keeps the low bits (two's
// complement, as C++ and PyTorch).
std::vector<std::int64_t> load_integers(const ReferenceContext& c, std::size_t i);
void store_integers(const ReferenceContext& c, std::size_t i, std::span<const std::int64_t> values);

// A bound of clamp for integers: what lies beyond i64 does not bound, a fraction is cut off.
std::int64_t integer_bound(const Number& bound);

template <class C>
std::vector<C> load_as(const ReferenceContext& c, std::size_t i) {
  if constexpr (std::is_same_v<C, double>) {
    return c.load(i);
  } else {
    return load_integers(c, i);
  }
}
inline void store_any(const ReferenceContext& c, const std::vector<double>& values) {
  c.store(0, values);
}
inline void store_any(const ReferenceContext& c, const std::vector<std::int64_t>& values) {
  store_integers(c, 0, values);
}

// Reference kernels of functions (auto x) -> auto: floating elements come as double, all others
// exactly as std::int64_t. Results are double, std::int64_t or bool.
template <auto F, class C>
void map_as(const ReferenceContext& c) {
  using R = decltype(F(C()));
  const std::vector<C> x = load_as<C>(c, 0);
  std::vector<std::conditional_t<std::is_same_v<R, double>, double, std::int64_t>> out(x.size());
  for (std::size_t k = 0; k < out.size(); ++k) out[k] = F(x[k]);
  store_any(c, out);
}
template <auto F>
void map_exactly(const ReferenceContext& c) {
  is_floating(c.in_specs[0].dtype) ? map_as<F, double>(c) : map_as<F, std::int64_t>(c);
}

template <auto F, class C>
void zip_as(const ReferenceContext& c) {
  using R = decltype(F(C(), C()));
  const std::vector<C> a = load_as<C>(c, 0);
  const std::vector<C> b = load_as<C>(c, 1);
  std::vector<std::conditional_t<std::is_same_v<R, double>, double, std::int64_t>> out(
      static_cast<std::size_t>(c.out_shape().elements()));
  BroadcastWalk wa(c.in_shape(0), c.out_shape());
  BroadcastWalk wb(c.in_shape(1), c.out_shape());
  for (auto& v : out) {
    v = F(a[static_cast<std::size_t>(wa.offset())], b[static_cast<std::size_t>(wb.offset())]);
    wa.next();
    wb.next();
  }
  store_any(c, out);
}
template <auto F>
void zip_exactly(const ReferenceContext& c) {
  is_floating(c.in_specs[0].dtype) ? zip_as<F, double>(c) : zip_as<F, std::int64_t>(c);
}
// The same for ops that take no floating input.
template <auto F>
void zip_integers(const ReferenceContext& c) {
  zip_as<F, std::int64_t>(c);
}

// Arithmetic modulo 2^64: what signed integers would overflow in is undefined in C++.
inline std::int64_t wrapping_add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
inline std::int64_t wrapping_sub(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
inline std::int64_t wrapping_mul(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

// The gradient of a broadcast input: summed over what was repeated.
inline Tensor to_input(const VjpContext& c, std::size_t i, const Tensor& gradient) {
  return sum_to(gradient, c.in(i).shape());
}

// Samples. One input: odd sizes, a scalar and f64, values in [low, high).
std::vector<Sample> one_input_samples(double low, double high);
// ... and integers of every width in [max(0, low), high).
std::vector<Sample> one_input_integer_samples(double low, double high,
                                              std::initializer_list<DType> dtypes);
// Two inputs: equal shapes, rows, columns, scalars on either side.
std::vector<Sample> two_input_samples(double low, double high);
std::vector<Sample> two_input_integer_samples(double low, double high,
                                              std::initializer_list<DType> dtypes);
// A list and the next.
std::vector<Sample> joined(std::vector<Sample> a, const std::vector<Sample>& b);

// `low` and `high` are template arguments so that a function pointer can be made of them, and a
// class because Clang before 18 takes no plain double there.
struct Bound {
  double value;
  constexpr Bound(double v) : value(v) {}
};
template <Bound low, Bound high>
std::vector<Sample> samples() {
  return one_input_samples(low.value, high.value);
}
template <Bound low, Bound high>
std::vector<Sample> pair_samples() {
  return two_input_samples(low.value, high.value);
}
// Floats in [low, high) and all integers.
template <Bound low, Bound high>
std::vector<Sample> number_samples() {
  return joined(one_input_samples(low.value, high.value),
                joined(one_input_integer_samples(-9, 9, {i8, i32, i64}),
                       one_input_integer_samples(0, 9, {u8})));
}
template <Bound low, Bound high>
std::vector<Sample> number_pair_samples() {
  return joined(two_input_samples(low.value, high.value),
                joined(two_input_integer_samples(-9, 9, {i8, i32, i64}),
                       two_input_integer_samples(0, 9, {u8})));
}

// Definitions with what most ops have in common; without a vjp the gradient is zero.
constexpr OpDef unary_op(std::string_view name, InferFn infer, ReferenceFn reference, VjpFn vjp,
                         SamplesFn samples, std::string_view onnx,
                         std::string_view gradient_hint = {}) {
  return {.name = name,
          .infer = infer,
          .gradient = vjp ? Gradient::vjp : Gradient::zero,
          .vjp = vjp,
          .gradient_hint = gradient_hint,
          .reference = reference,
          .onnx = onnx,
          .samples = samples,
          .elementwise = true};
}
constexpr OpDef binary_op(std::string_view name, InferFn infer, ReferenceFn reference, VjpFn vjp,
                          SamplesFn samples, std::string_view onnx,
                          std::string_view gradient_hint = {}) {
  return unary_op(name, infer, reference, vjp, samples, onnx, gradient_hint);
}

}  // namespace op_defs
}  // namespace nacre
