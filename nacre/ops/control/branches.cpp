// cond {then, otherwise} and while_loop {cond, body, cond_consts, body_consts}.
#include <fmt/format.h>

#include <cstring>

#include "nacre/ops/control/control.h"
#include "nacre/ops/control/example.h"
#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"

namespace nacre {

WhileAttrs WhileAttrs::of(const Attrs& attrs) {
  return {attrs.shared_payload("cond"), attrs.shared_payload("body"), attrs.integer("cond_consts"),
          attrs.integer("body_consts")};
}

Attrs WhileAttrs::attrs() const {
  return {
      {"cond", cond}, {"body", body}, {"cond_consts", cond_consts}, {"body_consts", body_consts}};
}

namespace op_defs {
namespace {

bool is_truth_value(const Spec& spec) { return spec.dtype == boolean && spec.shape.rank() == 0; }

// Fails unless the graph takes inputs [first, last) of the op, in one or two runs.
void expect_arguments(const InferContext& c, std::string_view name, const Graph& graph,
                      std::span<const Spec> given) {
  if (graph.arguments().size() != given.size()) {
    c.fail_value(fmt::format("{} takes {} inputs, {} are given", name, graph.arguments().size(),
                             given.size()));
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    const Spec& wanted = graph.spec(graph.arguments()[i]);
    if (given[i] == wanted) continue;
    c.fail_shape(fmt::format("input {} of {} is {}, it takes {}", i, name, to_string(given[i]),
                             to_string(wanted)));
  }
}

SpecList infer_cond(const InferContext& c) {
  if (c.inputs.empty() || !is_truth_value(c.inputs[0])) {
    c.fail_dtype("the predicate must be one truth value, bool[]",
                 "compare, and reduce with all() or any()");
  }
  const Graph& then = subgraph(c.attrs, "then");
  const Graph& otherwise = subgraph(c.attrs, "otherwise");
  expect_arguments(c, "the first branch", then, c.inputs.subspan(1));
  expect_arguments(c, "the second branch", otherwise, c.inputs.subspan(1));
  if (then.results().size() != otherwise.results().size()) {
    c.fail_value(fmt::format("the branches give {} and {} results", then.results().size(),
                             otherwise.results().size()));
  }
  SpecList out;
  for (std::size_t i = 0; i < then.results().size(); ++i) {
    out.push_back(then.spec(then.results()[i]));
    const Spec& other = otherwise.spec(otherwise.results()[i]);
    if (out[i] == other) continue;
    c.fail_shape(fmt::format("result {} is {} in the first branch and {} in the second", i,
                             to_string(out[i]), to_string(other)));
  }
  return out;
}

void reference_cond(const ReferenceContext& c) {
  const Graph& branch =
      subgraph(c.attrs, *static_cast<const bool*>(c.in[0]) ? "then" : "otherwise");
  run_by_references(branch, {c.in + 1, c.in_specs.size() - 1}, {c.out, c.out_specs.size()});
}

SpecList infer_while(const InferContext& c) {
  const WhileAttrs a = WhileAttrs::of(c.attrs);
  const Graph& cond = a.cond_graph();
  const Graph& body = a.body_graph();
  const std::size_t consts = static_cast<std::size_t>(a.cond_consts + a.body_consts);
  if (c.inputs.size() < consts) c.fail_value("fewer inputs than constants");
  std::vector<Spec> carry(c.inputs.begin() + static_cast<std::ptrdiff_t>(consts), c.inputs.end());
  const auto with = [&](std::int64_t first, std::int64_t count) {
    std::vector<Spec> all(c.inputs.begin() + first, c.inputs.begin() + first + count);
    all.insert(all.end(), carry.begin(), carry.end());
    return all;
  };
  expect_arguments(c, "the condition", cond, with(0, a.cond_consts));
  expect_arguments(c, "the body", body, with(a.cond_consts, a.body_consts));
  if (cond.results().size() != 1 || !is_truth_value(cond.spec(cond.results()[0]))) {
    c.fail_dtype("the condition must give one truth value, bool[]",
                 "compare, and reduce with all() or any()");
  }
  if (body.results().size() != carry.size()) {
    c.fail_value(fmt::format("the body gives {} results for {} carries", body.results().size(),
                             carry.size()));
  }
  for (std::size_t i = 0; i < carry.size(); ++i) {
    if (body.spec(body.results()[i]) == carry[i]) continue;
    c.fail_shape(fmt::format("the carry {} begins as {} and becomes {}", i, to_string(carry[i]),
                             to_string(body.spec(body.results()[i]))));
  }
  return SpecList(std::span<const Spec>(carry));
}

void reference_while(const ReferenceContext& c) {
  const WhileAttrs a = WhileAttrs::of(c.attrs);
  const auto cond_consts = static_cast<std::size_t>(a.cond_consts);
  const auto consts = cond_consts + static_cast<std::size_t>(a.body_consts);
  std::vector<std::vector<char>> now;
  for (std::size_t i = consts; i < c.in_specs.size(); ++i) {
    now.emplace_back(c.in_bytes(i), c.in_bytes(i) + c.in_specs[i].bytes());
  }
  std::vector<std::vector<char>> next = now;
  const auto arguments = [&](std::size_t first, std::size_t last) {
    std::vector<const void*> all(c.in + first, c.in + last);
    for (const auto& bytes : now) all.push_back(bytes.data());
    return all;
  };
  for (;;) {
    bool go_on = false;
    void* const answer = &go_on;
    run_by_references(a.cond_graph(), arguments(0, cond_consts), {&answer, 1});
    if (!go_on) break;
    std::vector<void*> outputs;
    for (auto& bytes : next) outputs.push_back(bytes.data());
    run_by_references(a.body_graph(), arguments(cond_consts, consts), outputs);
    now.swap(next);
  }
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (!now[i].empty()) std::memcpy(c.out[i], now[i].data(), now[i].size());
  }
}

std::vector<Sample> samples_cond() {
  using V = std::vector<ValueId>;
  const std::vector<Spec> specs(2, Spec{f32, {3, 5}});
  const Attrs attrs{
      {"then", example_graph(specs, [](auto add, const V& a) { return V{add(Op::mul, {}, a)}; })},
      {"otherwise", example_graph(specs, [](auto add, const V& a) {
         return V{add(Op::sin, {}, {add(Op::add, {}, a)})};
       })}};
  std::vector<Sample> samples;
  for (const double truth : {0, 1}) {
    samples.push_back({.inputs = {{{boolean, {}}, truth, truth + 1, Fill::integers},
                                  {{f32, {3, 5}}},
                                  {{f32, {3, 5}}}},
                       .attrs = attrs});
  }
  return samples;
}

// while n > 0: (n, x) = (n - 1, x * w).
std::vector<Sample> samples_while() {
  using V = std::vector<ValueId>;
  const Spec count{i64, {}};
  const Spec value{f32, {3}};
  const auto number = [](auto add, std::int64_t n) {
    const Attrs attrs{
        {"dtype", i64}, {"shape", std::vector<std::int64_t>{}}, {"value", static_cast<double>(n)}};
    return add(Op::fill, attrs, V{});
  };
  const Attrs attrs{
      {"cond", example_graph({count, value},
                             [&](auto add, const V& a) {
                               return V{add(Op::greater, {}, {a[0], number(add, 0)})};
                             })},
      {"body",
       example_graph(
           {value, count, value},
           [&](auto add, const V& a) {
             return V{add(Op::sub, {}, {a[1], number(add, 1)}), add(Op::mul, {}, {a[2], a[0]})};
           })},
      {"cond_consts", 0},
      {"body_consts", 1}};
  return {{.inputs = {{value}, {count, 3, 4, Fill::integers}, {value}}, .attrs = attrs},
          {.inputs = {{value}, {count, 0, 1, Fill::integers}, {value}}, .attrs = attrs}};
}

}  // namespace

const OpDef cond = {
    .name = "cond",
    .infer = infer_cond,
    .vjp = cond_gradient,
    .reference = reference_cond,
    .onnx = "If",
    .samples = samples_cond,
};

const OpDef while_loop = {
    .name = "while_loop",
    .infer = infer_while,
    .gradient = Gradient::none,
    .gradient_hint = "use scan, whose number of steps is known",
    .reference = reference_while,
    .onnx = "Loop",
    .samples = samples_while,
};

}  // namespace op_defs
}  // namespace nacre
