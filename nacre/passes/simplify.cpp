// The driver of the rules, and those for views, reductions and products. Rules see inputs that are
// already simplified; the pass repeats until nothing changes.
#include <algorithm>
#include <utility>

#include "nacre/ops/define/emit.h"
#include "nacre/passes/pipeline.h"
#include "nacre/passes/rewrite.h"

namespace nacre {
namespace {

constexpr int kMostRounds = 8;
// Nodes of constants with at most this many output elements are computed when the plan is made.
constexpr std::int64_t kLargestFolded = 1024;

// The axes of a transpose, counted from the front.
std::vector<std::int64_t> permutation(const Attrs& attrs) {
  std::vector<std::int64_t> axes = attrs.integers("axes");
  for (std::int64_t& a : axes) a += a < 0 ? static_cast<std::int64_t>(axes.size()) : 0;
  return axes;
}

bool is_identity(const std::vector<std::int64_t>& axes) {
  return std::is_sorted(axes.begin(), axes.end());
}

// Whether the permutation keeps the order of all axes longer than 1, so that no element moves.
bool moves_nothing(const std::vector<std::int64_t>& axes, const Shape& in) {
  std::int64_t last = -1;
  for (const std::int64_t a : axes) {
    if (in[static_cast<int>(a)] == 1) continue;
    if (a < last) return false;
    last = a;
  }
  return true;
}

bool swaps_last_two(const std::vector<std::int64_t>& axes) {
  const std::size_t n = axes.size();
  if (n < 2) return false;
  for (std::size_t i = 0; i + 2 < n; ++i) {
    if (axes[i] != static_cast<std::int64_t>(i)) return false;
  }
  return axes[n - 1] == static_cast<std::int64_t>(n) - 2 &&
         axes[n - 2] == static_cast<std::int64_t>(n) - 1;
}

Replacement simplify_transpose(Rewrite& r) {
  const std::vector<std::int64_t> axes = permutation(r.attrs());
  const ValueId x = r.in(0);
  if (is_identity(axes)) return x;
  if (moves_nothing(axes, r.spec(x).shape)) return r.reshape(x, r.out().shape);
  if (r.made_by(x, Op::transpose)) {
    const std::vector<std::int64_t> inner = permutation(r.producer(x).attrs);
    std::vector<std::int64_t> both;
    for (const std::int64_t a : axes) both.push_back(inner[static_cast<std::size_t>(a)]);
    if (is_identity(both)) return r.input_of(x);
    return r.add(Op::transpose, {{"axes", both}}, {r.input_of(x)});
  }
  return {};
}

// One pass over the graph; true in `changed` when a rule applied.
Graph simplify_once(const Graph& graph, bool& changed) {
  GraphRewriter to(graph);
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    const Node& node = graph.node(n);
    const bool loops = node.op == Op::scan || node.op == Op::while_loop;
    if (node.op == Op::input || node.op == Op::constant || node.output_count != 1 || loops) {
      to.copy(n);
      continue;
    }
    Rewrite r(to, n);
    Replacement found;
    for (const auto rule : {fold_constants, simplify_elementwise, shrink_operands,
                            simplify_movement, simplify_reduction, simplify_product}) {
      found = rule(r);
      if (found) break;
    }
    if (found && !(to.graph().spec(*found) == r.out())) {
      throw InternalError("simplify: " + std::string(name_of(node.op)) + " " + to_string(r.out()) +
                          " became " + to_string(to.graph().spec(*found)));
    }
    if (found) {
      to.map(graph.output(n), *found);
      changed = true;
    } else {
      to.copy(n);
    }
  }
  return to.finish();
}

}  // namespace

Replacement simplify_movement(Rewrite& r) {
  if (r.count() != 1) return {};
  const ValueId x = r.in(0);
  const bool moves = r.op() == Op::reshape || r.op() == Op::transpose || r.op() == Op::broadcast_to;
  if (moves) {
    if (const auto u = r.uniform(x); u && r.out().elements() > 0) {
      return r.uniform_of(r.out(), *u);
    }
  }
  switch (r.op()) {
    case Op::identity:
    case Op::stop_gradient:
      return x;
    case Op::reshape:
      if (r.spec(x).shape == r.out().shape) return x;
      if (r.made_by(x, Op::reshape)) return r.reshape(r.input_of(x), r.out().shape);
      return {};
    case Op::transpose:
      return simplify_transpose(r);
    case Op::broadcast_to:
      if (r.spec(x).shape == r.out().shape) return x;
      if (r.made_by(x, Op::broadcast_to)) return r.broadcast(r.input_of(x), r.out().shape);
      if (r.spec(x).elements() == r.out().elements()) return r.reshape(x, r.out().shape);
      return {};
    default:
      return {};
  }
}

Replacement simplify_reduction(Rewrite& r) {
  const bool sum = r.op() == Op::reduce_sum;
  const bool mean = r.op() == Op::reduce_mean;
  if (!sum && !mean && r.op() != Op::reduce_max && r.op() != Op::reduce_min) return {};
  const Spec in = r.spec(r.in(0));
  if (in.elements() == 0) return {};
  if (in.elements() == r.out().elements()) return r.reshape(r.in(0), r.out().shape);
  const auto u = r.uniform(r.in(0));
  if (!u || !is_floating(in.dtype)) return {};
  const double repeats = static_cast<double>(in.elements() / r.out().elements());
  return r.uniform_of(r.out(), sum ? Number(u->real() * repeats) : *u);
}

Replacement simplify_product(Rewrite& r) {
  if (r.op() != Op::matmul) return {};
  ValueId operands[] = {r.in(0), r.in(1)};
  Attrs attrs = r.attrs();
  bool found = false;
  constexpr std::string_view kFlags[] = {"transpose_a", "transpose_b"};
  for (int i = 0; i < 2; ++i) {
    if (!r.made_by(operands[i], Op::transpose)) continue;
    if (!swaps_last_two(permutation(r.producer(operands[i]).attrs))) continue;
    operands[i] = r.input_of(operands[i]);
    attrs = attrs.with(kFlags[i], !attrs.flag(kFlags[i]));
    found = true;
  }
  if (!found) return {};
  return r.add(Op::matmul, attrs, {operands[0], operands[1]});
}

Replacement fold_constants(Rewrite& r) {
  const OpDef& def = op_def(r.op());
  const std::int64_t n = r.out().elements();
  if (r.count() == 0 || !def.reference || n < 1 || n > kLargestFolded) return {};
  if (def.name == "optimization_barrier") return {};
  std::vector<Tensor> inputs;
  SpecList specs;
  for (const ValueId v : r.inputs()) {
    // Not what is only large on the way in: reading it costs plan time and saves one step.
    if (r.spec(v).elements() > 16 * kLargestFolded) return {};
    std::optional<Tensor> t = r.known(v);
    if (!t) return {};
    specs.push_back(t->spec());
    inputs.push_back(*std::move(t));
  }
  std::vector<const void*> pointers;
  for (const Tensor& t : inputs) pointers.push_back(t.raw_data());
  Tensor out(r.out());
  void* target = out.raw_mutable_data();
  const BackendScope here(cpu_backend());  // references may apply ops
  try {
    const SpecList outs{r.out()};
    def.reference({r.attrs(), specs, outs, pointers.data(), &target});
  } catch (const Error&) {
    return {};  // it fails when it runs, if it ever runs
  }
  const ValueId folded = r.constant(out);
  if (const auto u = r.uniform(folded); u && n > 1) return r.uniform_of(r.out(), *u);
  return folded;
}

Graph simplify(const Graph& graph) {
  Graph current = graph;
  for (int round = 0; round < kMostRounds; ++round) {
    bool changed = false;
    current = simplify_once(current, changed);
    if (!changed) break;
    current = remove_dead_code(current);
  }
  return current;
}

}  // namespace nacre
