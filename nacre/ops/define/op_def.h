// OpDef: everything that is known of an op, in one place. Kernels faster than the reference
// register elsewhere (kernels/registry.h); nothing else about an op is written down twice.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nacre/base/inline_vector.h"
#include "nacre/ops/define/op.h"
#include "nacre/tensor/tensor.h"

namespace nacre {

using TensorList = InlineVector<Tensor, 4>;

// What `infer` sees: input specs and attributes; it returns output specs or throws through fail().
struct InferContext {
  Op op;
  const Attrs& attrs;
  std::span<const Spec> inputs;
  Location location;

  // Throw ShapeError / DTypeError / ValueError with op, inputs, layer and line in the one format.
  [[noreturn]] void fail_shape(std::string_view what, std::string_view hint = {}) const;
  [[noreturn]] void fail_dtype(std::string_view what, std::string_view hint = {}) const;
  [[noreturn]] void fail_value(std::string_view what, std::string_view hint = {}) const;

  // Checks that several ops share.
  void expect_inputs(std::size_t count) const;
  void expect_floating(std::size_t input) const;
  void expect_same_dtype() const;
  void expect_rank(std::size_t input, int rank) const;
  // axis in [-rank, rank) counted from the front; fails with the op's name otherwise.
  int axis(std::int64_t axis, int rank) const;
  // Sorted, counted from the front, without repeats; all axes when `axes` is empty.
  std::vector<std::int64_t> axes(const std::vector<std::int64_t>& axes, int rank) const;
  // The NumPy broadcast of inputs first..last-1.
  Shape broadcast(std::size_t first, std::size_t last) const;
};
using InferFn = SpecList (*)(const InferContext&);

// What a gradient rule sees. Everything in it is an ordinary tensor, so the rule is written with
// the user's functions and works eagerly, traced and at higher order.
struct VjpContext {
  const Attrs& attrs;
  std::span<const Tensor> inputs;
  std::span<const Tensor> outputs;
  std::span<const Tensor> cotangents;  // undefined where no gradient arrives
  std::span<const bool> wanted;        // inputs whose gradient is needed

  const Tensor& in(std::size_t i) const { return inputs[i]; }
  const Tensor& out(std::size_t i = 0) const { return outputs[i]; }
  // The cotangent of output i; zeros of its spec when none arrives.
  Tensor ct(std::size_t i = 0) const;
};
// One gradient an input; undefined means zero. Gradients must have the input's spec.
using VjpFn = TensorList (*)(const VjpContext&);

// What a reference kernel sees: raw row-major arrays.
struct ReferenceContext {
  const Attrs& attrs;
  std::span<const Spec> in_specs;
  std::span<const Spec> out_specs;
  const void* const* in;
  void* const* out;

  // Input i as doubles (a copy), and the way back, rounding once to the output's dtype.
  std::vector<double> load(std::size_t i) const;
  void store(std::size_t i, std::span<const double> values) const;
  const Shape& in_shape(std::size_t i = 0) const { return in_specs[i].shape; }
  const Shape& out_shape(std::size_t i = 0) const { return out_specs[i].shape; }
  // For ops that only move elements: works on any dtype, exactly.
  const char* in_bytes(std::size_t i) const { return static_cast<const char*>(in[i]); }
  char* out_bytes(std::size_t i) const { return static_cast<char*>(out[i]); }
};
using ReferenceFn = void (*)(const ReferenceContext&);

// How a sample's input is filled by tests.
enum class Fill : std::uint8_t {
  uniform,            // floats in [low, high)
  integers,           // whole numbers in [low, high), any dtype
  distinct,           // floats in [low, high), no two closer than the range / (2 n): for max, sort
  booleans,           // 0 or 1
  positive_definite,  // batches of symmetric positive definite matrices
  random_key,         // an i64[2] generator state
};
struct SampleInput {
  Spec spec;
  double low = -2;
  double high = 2;
  Fill fill = Fill::uniform;
};
// One example of use. Drives all generic checks: kernel = reference, gradient = finite differences
// (first and second order), eager = compiled, in-place, odd sizes, printing.
struct Sample {
  std::vector<SampleInput> inputs;
  Attrs attrs = {};
  bool check_gradient = true;  // false where the function has kinks everywhere or is random
  double tolerance_scale = 1;  // multiplies the tolerances for ill-conditioned samples
};
using SamplesFn = std::vector<Sample> (*)();

// What an op costs; decides thread counts and what to recompute.
struct Cost {
  double operations = 0;  // floating point
  double bytes = 0;       // read and written
};
using CostFn = Cost (*)(const Attrs&, std::span<const Spec> in, std::span<const Spec> out);

enum class Gradient : std::uint8_t {
  vjp,   // `vjp` gives it
  zero,  // derivative zero wherever it exists (round, comparisons, integer results): blocks
  none,  // a float result without a gradient: asking for one is an error
};

struct OpDef {
  std::string_view name;
  InferFn infer = nullptr;
  Gradient gradient = Gradient::vjp;
  VjpFn vjp = nullptr;
  std::string_view gradient_hint = {};  // what to use instead, where there is no gradient
  ReferenceFn reference = nullptr;
  CostFn cost = nullptr;  // null: one operation an output element, all operands touched once
  std::string_view onnx = {};
  SamplesFn samples = nullptr;
  bool elementwise = false;  // output element i depends on (broadcast) input elements i only
  bool is_view = false;      // output 0 is input 0's memory under another shape
  bool second_order = true;  // the vjp is made of ops that have gradients themselves
};

}  // namespace nacre
