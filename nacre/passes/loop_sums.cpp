// What a scan only adds up, step by step, is added up after it: of weights that every step uses the
// gradient is a sum of products, and one product of the operands of all steps is the same sum
// without the array of sums that each step reads and writes.
#include <algorithm>
#include <optional>
#include <unordered_map>

#include "nacre/graph/query.h"
#include "nacre/graph/rewriter.h"
#include "nacre/ops/control/control.h"
#include "nacre/passes/pipeline.h"

namespace nacre {
namespace {

// A carry that begins somewhere and gets terms added.
struct Sum {
  std::size_t carry = 0;
  std::vector<NodeId> terms;  // products of rows of the body, or sums over their rows
};

class Loop {
 public:
  Loop(const Graph& from, NodeId node, const std::vector<std::uint32_t>& uses)
      : from_(from),
        node_(node),
        attrs_(ScanAttrs::of(from.node(node).attrs)),
        body_(simplify(attrs_.graph())),
        readers_(body_),
        consts_(static_cast<std::size_t>(attrs_.consts)),
        carry_(static_cast<std::size_t>(attrs_.carry)) {
    for (std::size_t i = 0; i < body_.arguments().size(); ++i) {
      argument_number_.emplace(body_.arguments()[i], i);
    }
    const std::size_t results = body_.results().size();
    for (std::size_t i = 0; i < carry_; ++i) {
      const auto output = [&](std::size_t k) {
        return uses[from.output(node, static_cast<std::uint32_t>(k))] > 0;
      };
      // Sums of every step are asked for where somebody reads the carries.
      if (!output(i) || (attrs_.carries && output(results + i))) continue;
      if (auto sum = sum_of(i)) sums_.push_back(std::move(*sum));
    }
  }

  bool has_sums() const { return !sums_.empty(); }

  void copy_into(GraphRewriter& to) {
    add_scan(to);
    for (const Sum& sum : sums_) {
      ValueId total = to.mapped(from_.inputs(node_)[consts_ + sum.carry]);
      for (const NodeId term : sum.terms) {
        total = to.add(Op::add, {}, std::array{total, add_term(to, term)}, origin());
      }
      to.map(from_.output(node_, static_cast<std::uint32_t>(sum.carry)), total);
    }
  }

 private:
  Origin origin() const { return from_.origin(from_.node(node_)); }

  std::optional<Sum> sum_of(std::size_t carry) const {
    const ValueId begin = body_.arguments()[consts_ + carry];
    const ValueId end = body_.results()[carry];
    const auto results = body_.results();
    if (std::count(results.begin(), results.end(), end) != 1 || !readers_.of(end).empty())
      return {};
    Sum sum{carry, {}};
    bool found = false;
    std::vector<ValueId> open{end};
    while (!open.empty()) {
      const ValueId v = open.back();
      open.pop_back();
      if (v == begin) {
        found = readers_.only(v) != kNoId;
        continue;
      }
      if (v != end && readers_.only(v) == kNoId) return {};
      const NodeId n = body_.value(v).producer;
      const Node& node = body_.node(n);
      if (node.op == Op::add) {
        for (const ValueId in : body_.inputs(node)) {
          if (body_.spec(in) != body_.spec(v)) return {};
          open.push_back(in);
        }
      } else if (is_summable(node)) {
        sum.terms.push_back(n);
      } else {
        return {};
      }
    }
    if (!found || sum.terms.empty()) return {};
    return sum;
  }

  // a^T b of rows, or the sum of rows: more rows give the sum of both.
  bool is_summable(const Node& node) const {
    const auto inputs = body_.inputs(node);
    const auto is_row = [&](ValueId v) {
      if (body_.spec(v).shape.rank() != 2) return false;
      const auto argument = argument_number_.find(v);
      return argument == argument_number_.end()
                 ? body_.producer(v).op != Op::constant && body_.producer(v).op != Op::fill
                 : argument->second >= consts_;
    };
    if (node.op == Op::matmul) {
      return node.attrs.flag("transpose_a") && !node.attrs.flag("transpose_b") &&
             is_row(inputs[0]) && is_row(inputs[1]);
    }
    return node.op == Op::reduce_sum && is_row(inputs[0]) && !node.attrs.flag("keep_dims") &&
           node.attrs.integers("axes") == std::vector<std::int64_t>{0};
  }

  // The rows of all steps, [length * b, n], of a value of the body: an x is there, others become
  // ys.
  ValueId all_rows(GraphRewriter& to, ValueId v) {
    const auto known = rows_.find(v);
    if (known != rows_.end()) return known->second;
    const auto argument = argument_number_.find(v);
    const ValueId all = argument != argument_number_.end() && argument->second >= consts_ + carry_
                            ? to.mapped(from_.inputs(node_)[argument->second])
                            : scan_ + static_cast<ValueId>(y_of(v));
    const Shape shape = to.graph().spec(all).shape;
    const ValueId flat =
        to.add(Op::reshape, {{"shape", Shape{shape[0] * shape[1], shape[2]}.to_vector()}},
               std::array{all}, origin());
    rows_.emplace(v, flat);
    return flat;
  }

  ValueId add_term(GraphRewriter& to, NodeId n) {
    const Node& node = body_.node(n);
    std::vector<ValueId> inputs;
    for (const ValueId v : body_.inputs(node)) inputs.push_back(all_rows(to, v));
    return to.add(node.op, node.attrs, inputs, body_.origin(node));
  }

  // The result of the new body that is this value.
  std::size_t y_of(ValueId v) const {
    const auto found =
        std::find(results_.begin() + static_cast<std::ptrdiff_t>(carry_), results_.end(), v);
    return static_cast<std::size_t>(found - results_.begin());
  }

  // The loop with the rows that are summed as ys, and without the sums: what nobody needs of it is
  // for others to remove.
  void add_scan(GraphRewriter& to) {
    const auto old = body_.results();
    results_.assign(old.begin(), old.end());
    for (const Sum& sum : sums_) {
      results_[sum.carry] = body_.arguments()[consts_ + sum.carry];
      for (const NodeId term : sum.terms) {
        for (const ValueId v : body_.inputs(body_.node(term))) {
          const auto argument = argument_number_.find(v);
          const bool is_x =
              argument != argument_number_.end() && argument->second >= consts_ + carry_;
          if (!is_x && y_of(v) == results_.size()) results_.push_back(v);
        }
      }
    }
    Graph body = body_;
    body.set_results(results_);
    ScanAttrs attrs = attrs_;
    attrs.body = std::make_shared<Subgraph>(std::move(body));
    std::vector<ValueId> inputs;
    for (const ValueId v : from_.inputs(node_)) inputs.push_back(to.mapped(v));
    scan_ = to.add(Op::scan, attrs.attrs(), inputs, origin());
    for (std::size_t i = 0; i < from_.node(node_).output_count; ++i) {
      const std::size_t moved = i < old.size() ? i : i + results_.size() - old.size();
      to.map(from_.output(node_, static_cast<std::uint32_t>(i)),
             scan_ + static_cast<ValueId>(moved));
    }
  }

  const Graph& from_;
  NodeId node_;
  ScanAttrs attrs_;
  Graph body_;
  Readers readers_;
  std::size_t consts_;
  std::size_t carry_;
  std::unordered_map<ValueId, std::size_t> argument_number_;
  std::vector<Sum> sums_;
  std::vector<ValueId> results_;  // of the new body, as values of the old one
  ValueId scan_ = kNoId;          // the first output of the new node
  std::unordered_map<ValueId, ValueId> rows_;
};

}  // namespace

Graph sum_after_loops(const Graph& graph) {
  const std::vector<std::uint32_t> uses = graph.use_counts();
  GraphRewriter to(graph);
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    if (graph.node(n).op == Op::scan) {
      Loop loop(graph, n, uses);
      if (loop.has_sums()) {
        loop.copy_into(to);
        continue;
      }
    }
    to.copy(n);
  }
  return to.finish();
}

}  // namespace nacre
