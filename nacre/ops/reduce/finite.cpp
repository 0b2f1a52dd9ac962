// first_non_finite {offset}: n tensors of any shapes and floating dtypes -> i64 [].
#include "nacre/ops/reduce/finite.h"

#include <cmath>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"

namespace nacre {

Tensor first_non_finite(const OperandList& tensors, std::int64_t offset) {
  return emit(Op::first_non_finite, {{"offset", offset}}, tensors.tensors(), tensors.at())[0];
}

namespace op_defs {
namespace {

SpecList infer(const InferContext& c) {
  if (c.inputs.empty()) c.fail_value("no tensors are given");
  return {{i64, {}}};
}

void reference(const ReferenceContext& c) {
  std::int64_t place = -1;
  for (std::size_t i = 0; i < c.in_specs.size() && place < 0; ++i) {
    if (!is_floating(c.in_specs[i].dtype)) continue;
    for (const double v : c.load(i)) {
      if (!std::isfinite(v)) place = static_cast<std::int64_t>(i) + c.attrs.integer("offset");
    }
  }
  const double result = static_cast<double>(place);
  c.store(0, {&result, 1});
}

std::vector<Sample> samples() {
  const auto add = [](std::vector<Spec> specs, std::int64_t offset) {
    Sample s{.inputs = {}, .attrs = {{"offset", offset}}};
    for (const Spec& spec : specs) s.inputs.push_back({spec});
    return s;
  };
  return {add({{f32, {3}}, {f32, {7, 19}}, {f32, {}}}, 0), add({{f64, {5}}, {f32, {0}}}, 2),
          add({{bf16, {33}}, {f16, {4, 4}}}, 0)};
}

}  // namespace

const OpDef first_non_finite = {
    .name = "first_non_finite",
    .infer = infer,
    .gradient = Gradient::zero,
    .reference = reference,
    .samples = samples,
};

}  // namespace op_defs
}  // namespace nacre
