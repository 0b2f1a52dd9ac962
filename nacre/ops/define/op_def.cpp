#include "nacre/ops/define/op_def.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nacre/base/layer_scope.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/define/structural.h"

namespace nacre {

namespace {
constexpr const OpDef* kTable[] = {
#define NACRE_OP(name) &op_defs::name,
#include "nacre/ops/define/ops.def"
#undef NACRE_OP
};

std::string inputs_text(std::span<const Spec> inputs) {
  std::string out;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const char* role = inputs.size() == 2 ? (i == 0 ? "left " : "right ") : "";
    out += (i ? ", " : inputs.size() == 1 ? "input " : "") + std::string(role);
    if (inputs.size() > 2) out += i == 0 ? "inputs " : "";
    out += to_string(inputs[i]);
  }
  return out;
}

template <class E>
[[noreturn]] void fail(const InferContext& c, std::string_view what, std::string_view hint) {
  throw E(format_error({.op = name_of(c.op),
                        .what = what,
                        .inputs = inputs_text(c.inputs),
                        .layer = layer_path(),
                        .location = c.location,
                        .hint = hint}));
}
}  // namespace

const OpDef& op_def(Op op) { return *kTable[static_cast<int>(op)]; }
std::span<const OpDef* const> all_op_defs() { return kTable; }
std::string_view name_of(Op op) { return op_def(op).name; }

void InferContext::fail_shape(std::string_view what, std::string_view hint) const {
  fail<ShapeError>(*this, what, hint);
}
void InferContext::fail_dtype(std::string_view what, std::string_view hint) const {
  fail<DTypeError>(*this, what, hint);
}
void InferContext::fail_value(std::string_view what, std::string_view hint) const {
  fail<ValueError>(*this, what, hint);
}

void InferContext::expect_inputs(std::size_t count) const {
  if (inputs.size() != count) {
    fail_value(fmt::format("{} inputs expected, {} given", count, inputs.size()));
  }
}

void InferContext::expect_floating(std::size_t i) const {
  if (!is_floating(inputs[i].dtype)) {
    fail_dtype(fmt::format("floating point expected, {} given", name_of(inputs[i].dtype)),
               "convert it with x.to(nacre::f32)");
  }
}

void InferContext::expect_same_dtype() const {
  for (const Spec& spec : inputs) {
    if (spec.dtype != inputs[0].dtype) {
      fail_dtype(
          fmt::format("dtypes differ ({} vs {})", name_of(inputs[0].dtype), name_of(spec.dtype)),
          "convert one of them with x.to(dtype)");
    }
  }
}

void InferContext::expect_rank(std::size_t i, int rank) const {
  if (inputs[i].shape.rank() != rank) {
    fail_shape(fmt::format("rank {} expected, {} given", rank, inputs[i].shape.rank()));
  }
}

int InferContext::axis(std::int64_t axis, int rank) const {
  if (axis < -rank || axis >= rank) {
    fail_value(fmt::format("axis {} is out of range for rank {}", axis, rank));
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

std::vector<std::int64_t> InferContext::axes(const std::vector<std::int64_t>& given,
                                             int rank) const {
  std::vector<std::int64_t> result;
  for (const std::int64_t a : given) result.push_back(axis(a, rank));
  if (given.empty()) {
    for (int i = 0; i < rank; ++i) result.push_back(i);
  }
  std::sort(result.begin(), result.end());
  if (std::adjacent_find(result.begin(), result.end()) != result.end()) {
    fail_value("an axis is given twice");
  }
  return result;
}

Shape InferContext::broadcast(std::size_t first, std::size_t last) const {
  Shape result = inputs[first].shape;
  for (std::size_t i = first + 1; i < last; ++i) {
    const Shape left = result;
    if (!broadcast_shapes(left, inputs[i].shape, result)) {
      fail_shape(fmt::format("shapes {} and {} do not broadcast", to_string(left),
                             to_string(inputs[i].shape)),
                 "dimensions are compared from the last; each pair must be equal or one of them 1");
    }
  }
  return result;
}

op_defs::BroadcastWalk::BroadcastWalk(const Shape& in, const Shape& out) : out_(out) {
  const auto strides = row_major_strides(in);
  const int lead = out.rank() - in.rank();
  for (int i = 0; i < in.rank(); ++i) {
    strides_[static_cast<std::size_t>(i + lead)] =
        in[i] == 1 ? 0 : strides[static_cast<std::size_t>(i)];
  }
}

void op_defs::BroadcastWalk::next() {
  for (int i = out_.rank() - 1; i >= 0; --i) {
    const auto k = static_cast<std::size_t>(i);
    offset_ += strides_[k];
    if (++position_[k] < out_[i]) return;
    offset_ -= strides_[k] * out_[i];
    position_[k] = 0;
  }
}

Tensor VjpContext::ct(std::size_t i) const {
  return cotangents[i].defined() ? cotangents[i] : zeros_like(outputs[i]);
}

std::vector<double> ReferenceContext::load(std::size_t i) const {
  const Spec& spec = in_specs[i];
  std::vector<double> out(static_cast<std::size_t>(spec.elements()));
  visit_dtype(spec.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* values = static_cast<const T*>(in[i]);
    for (std::size_t k = 0; k < out.size(); ++k) out[k] = static_cast<double>(values[k]);
  });
  return out;
}

void ReferenceContext::store(std::size_t i, std::span<const double> values) const {
  visit_dtype(out_specs[i].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = static_cast<T*>(out[i]);
    for (std::size_t k = 0; k < values.size(); ++k) {
      if constexpr (std::is_same_v<T, bool>) {
        to[k] = values[k] != 0;
      } else if constexpr (std::is_integral_v<T>) {
        to[k] = static_cast<T>(static_cast<std::int64_t>(values[k]));
      } else if constexpr (std::is_same_v<T, double>) {
        to[k] = values[k];
      } else {
        to[k] = static_cast<T>(static_cast<float>(values[k]));
      }
    }
  });
}

}  // namespace nacre
