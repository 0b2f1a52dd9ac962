// expect_elements {who, what, low, high, whole, [but_for]}: x -> x, or a ValueError.
#include "nacre/ops/reduce/expect.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"

namespace nacre {

Expectation expected_classes(std::string who, std::int64_t classes) {
  return {.who = std::move(who),
          .what = classes > 1 ? fmt::format("a class from 0 to {}", classes - 1) : "class 0",
          .hint = "predictions have one score a class; numbers to be met go with mse or mae",
          .low = 0,
          .high = static_cast<double>(classes - 1),
          .whole = true};
}

Tensor expect_elements(const Operand& x, const Expectation& e) {
  Attrs attrs{{"who", e.who},           {"what", e.what},           {"hint", e.hint},
              {"low", e.low - e.slack}, {"high", e.high + e.slack}, {"whole", e.whole}};
  if (e.but_for) attrs = attrs.with("but_for", *e.but_for);
  return emit_one(Op::expect_elements, attrs, {x.tensor()}, x.at());
}

namespace op_defs {

void fail_element(std::string_view who, std::string_view what, std::string_view hint,
                  const Shape& shape, std::int64_t flat, double value) {
  std::string place;
  std::int64_t row = flat;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    place = std::to_string(row % shape[i]) + (place.empty() ? "" : ",") + place;
    if (i > 0) row /= shape[i];
  }
  const std::string within = shape.rank() > 1 ? fmt::format(" (element [{}])", place) : "";
  throw ValueError(
      format_error({.op = who,
                    .what = fmt::format("the target in row {}{} is {}, {} is expected", row, within,
                                        std::isnan(value) ? std::abs(value) : value, what),
                    .hint = hint}));
}

void fail_label(std::string_view who, std::int64_t classes, const Shape& shape, std::int64_t flat,
                double value) {
  const Expectation e = expected_classes("", classes);
  fail_element(who, e.what, e.hint, shape, flat, value);
}

namespace {

SpecList infer(const InferContext& c) {
  c.expect_inputs(1);
  return {c.inputs[0]};
}

void reference(const ReferenceContext& c) {
  const std::vector<double> x = c.load(0);
  const double low = c.attrs.number("low");
  const double high = c.attrs.number("high");
  const bool whole = c.attrs.flag("whole");
  const bool has_other = c.attrs.has("but_for");
  const auto other = static_cast<double>(c.attrs.integer_or("but_for", 0));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool good = x[i] >= low && x[i] <= high && (!whole || x[i] == std::floor(x[i]));
    if (good || (has_other && x[i] == other)) continue;
    fail_element(c.attrs.text("who"), c.attrs.text("what"), c.attrs.text("hint"), c.in_shape(),
                 static_cast<std::int64_t>(i), x[i]);
  }
  std::memcpy(c.out[0], c.in[0], c.in_specs[0].bytes());
}

std::vector<Sample> samples() {
  const Attrs attrs{{"who", "loss"}, {"what", "a number from -2 to 2"},
                    {"hint", ""},    {"low", -2.0},
                    {"high", 2.0},   {"whole", false}};
  const Attrs labels = attrs.with("whole", true).with("but_for", std::int64_t{3});
  return {{.inputs = {{{f32, {3, 7}}}}, .attrs = attrs},
          {.inputs = {{{f64, {33}}}}, .attrs = attrs},
          {.inputs = {{{f32, {}}}}, .attrs = attrs},
          {.inputs = {{{i64, {35}}, -2, 4, Fill::integers}}, .attrs = labels},
          {.inputs = {{{i32, {0}}, -2, 4, Fill::integers}}, .attrs = labels}};
}

}  // namespace

const OpDef expect_elements = {
    .name = "expect_elements",
    .infer = infer,
    .vjp = [](const VjpContext& c) -> TensorList { return {c.ct()}; },
    .reference = reference,
    .samples = samples,
};

}  // namespace op_defs
}  // namespace nacre
