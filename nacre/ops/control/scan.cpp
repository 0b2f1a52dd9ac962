// scan {body, consts, carry, length, reverse, carries}.
#include <fmt/format.h>

#include <cstring>

#include "nacre/ops/control/control.h"
#include "nacre/ops/control/example.h"
#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"

namespace nacre {

ScanAttrs ScanAttrs::of(const Attrs& attrs) {
  return {attrs.shared_payload("body"), attrs.integer("consts"), attrs.integer("carry"),
          attrs.integer("length"),      attrs.flag("reverse"),   attrs.flag("carries")};
}

Attrs ScanAttrs::attrs() const {
  return {{"body", body},     {"consts", consts},   {"carry", carry},
          {"length", length}, {"reverse", reverse}, {"carries", carries}};
}

Spec row_of(const Spec& spec) {
  Shape row;
  for (int i = 1; i < spec.shape.rank(); ++i) row.push_back(spec.shape[i]);
  return {spec.dtype, row};
}

Spec rows_of(const Spec& spec, std::int64_t length) {
  Shape rows{length};
  for (const std::int64_t d : spec.shape) rows.push_back(d);
  return {spec.dtype, rows};
}

namespace op_defs {
namespace {

SpecList infer_scan(const InferContext& c) {
  const ScanAttrs a = ScanAttrs::of(c.attrs);
  const Graph& body = a.graph();
  if (a.length < 0) c.fail_value(fmt::format("length is {}, it must not be negative", a.length));
  c.expect_inputs(body.arguments().size());
  const auto stacked_from = static_cast<std::size_t>(a.consts + a.carry);
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    const Spec& wanted = body.spec(body.arguments()[i]);
    const Spec expected = i < stacked_from ? wanted : rows_of(wanted, a.length);
    if (c.inputs[i] == expected) continue;
    c.fail_shape(fmt::format("input {} is {}, the body takes {}", i, to_string(c.inputs[i]),
                             to_string(expected)));
  }
  SpecList out;
  for (std::size_t i = 0; i < body.results().size(); ++i) {
    const Spec& spec = body.spec(body.results()[i]);
    if (i >= static_cast<std::size_t>(a.carry)) {
      out.push_back(rows_of(spec, a.length));
      continue;
    }
    const Spec& before = body.spec(body.arguments()[static_cast<std::size_t>(a.consts) + i]);
    if (!(spec == before)) {
      c.fail_shape(fmt::format("the carry {} begins as {} and becomes {}", i, to_string(before),
                               to_string(spec)));
    }
    out.push_back(spec);
  }
  for (std::int64_t i = 0; a.carries && i < a.carry; ++i) {
    out.push_back(rows_of(out[static_cast<std::size_t>(i)], a.length));
  }
  return out;
}

void reference_scan(const ReferenceContext& c) {
  const ScanAttrs a = ScanAttrs::of(c.attrs);
  const Graph& body = a.graph();
  const auto consts = static_cast<std::size_t>(a.consts);
  const auto carry = static_cast<std::size_t>(a.carry);
  const std::size_t results = body.results().size();
  const auto bytes_of = [&](std::size_t i) { return body.spec(body.results()[i]).bytes(); };
  std::vector<std::vector<char>> now(carry);
  std::vector<std::vector<char>> next(carry);
  for (std::size_t i = 0; i < carry; ++i) {
    now[i].assign(c.in_bytes(consts + i), c.in_bytes(consts + i) + bytes_of(i));
    next[i].resize(bytes_of(i));
  }
  for (std::int64_t step = 0; step < a.length; ++step) {
    const auto t = static_cast<std::size_t>(a.reverse ? a.length - 1 - step : step);
    std::vector<const void*> arguments;
    std::vector<void*> outputs;
    for (std::size_t i = 0; i < c.in_specs.size(); ++i) {
      const std::size_t row = body.spec(body.arguments()[i]).bytes();
      arguments.push_back(i < consts           ? c.in_bytes(i)
                          : i < consts + carry ? now[i - consts].data()
                                               : c.in_bytes(i) + t * row);
    }
    for (std::size_t i = 0; i < results; ++i) {
      outputs.push_back(i < carry ? next[i].data() : c.out_bytes(i) + t * bytes_of(i));
    }
    for (std::size_t i = 0; a.carries && i < carry; ++i) {
      std::memcpy(c.out_bytes(results + i) + t * bytes_of(i), now[i].data(), bytes_of(i));
    }
    run_by_references(body, arguments, outputs);
    now.swap(next);
  }
  for (std::size_t i = 0; i < carry; ++i) std::memcpy(c.out_bytes(i), now[i].data(), bytes_of(i));
}

// carry = tanh(carry * w + x), y = carry * x.
PayloadPtr example_body() {
  using V = std::vector<ValueId>;
  return std::get<PayloadPtr>(
      example_graph(std::vector<Spec>(3, Spec{f32, {3}}), [](auto add, const V& a) {
        const ValueId sum = add(Op::add, {}, {add(Op::mul, {}, {a[1], a[0]}), a[2]});
        const ValueId carry = add(Op::tanh, {}, {sum});
        return V{carry, add(Op::mul, {}, {carry, a[2]})};
      }));
}

std::vector<Sample> samples_scan() {
  std::vector<Sample> samples;
  for (const bool reverse : {false, true}) {
    ScanAttrs a{example_body(), 1, 1, 4, reverse, true};
    samples.push_back(
        {.inputs = {{{f32, {3}}}, {{f32, {3}}}, {{f32, {4, 3}}}}, .attrs = a.attrs()});
    a.length = 0;
    samples.push_back(
        {.inputs = {{{f32, {3}}}, {{f32, {3}}}, {{f32, {0, 3}}}}, .attrs = a.attrs()});
  }
  return samples;
}

}  // namespace

const OpDef scan = {
    .name = "scan",
    .infer = infer_scan,
    .vjp = scan_gradient,
    .reference = reference_scan,
    .onnx = "Scan",
    .samples = samples_scan,
};

}  // namespace op_defs
}  // namespace nacre
