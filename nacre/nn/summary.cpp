#include "nacre/nn/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <set>

#include "nacre/base/text.h"
#include "nacre/base/utf8.h"
#include "nacre/graph/query.h"
#include "nacre/ops/define/op_def.h"
#include "nacre/run/trace_session.h"

namespace nacre::nn {
namespace {

// Half the operations of what is made of products; the rest is not counted.
double multiply_adds(const Graph& graph, const Node& node) {
  const std::string_view name = op_def(node.op).name;
  if (name.find("matmul") == name.npos && name.find("conv") == name.npos && name != "linear") {
    return 0;
  }
  const CostFn cost = op_def(node.op).cost;
  if (!cost) return 0;
  const NodeSpecs specs = specs_of(graph, node);
  return cost(node.attrs, specs.in, specs.out).operations / 2;
}

// The layer scope of a variable's owner, from the variables' names: "0.weight" belongs to the row
// whose names begin alike. Layers tell their own when they are visited.
class Owners final : public ModuleVisitor {
 public:
  explicit Owners(std::map<std::string, std::int64_t>& counts) : counts_(counts) {}
  void variable(std::string_view, Variable& v) override {
    // The state of a generator is no parameter.
    if (v.defined() && is_floating(v.spec().dtype)) counts_[scopes_.back()] += v.spec().elements();
  }
  void enter(std::string_view, LayerBase* layer) override {
    std::string scope = scopes_.back();
    if (layer) scope += (scope.empty() ? "" : "/") + layer->scope();
    scopes_.push_back(std::move(scope));
  }
  void leave() override { scopes_.pop_back(); }

 private:
  std::map<std::string, std::int64_t>& counts_;
  std::vector<std::string> scopes_{""};
};

}  // namespace

Summary summarize(Layer& network, const std::vector<Spec>& inputs) {
  Summary summary;
  name_layers(visit_fn(network));
  {
    const TrainingScope infer(false);
    TraceSession session;
    LayerObserver observer;
    Tensors symbols;
    for (const Spec& spec : inputs) symbols.push_back(session.argument(spec));
    network.outputs(symbols);
    const Graph& graph = session.trace()->graph;
    // A node counts for its layer and all around it.
    std::map<std::string, double, std::less<>> counts;
    for (NodeId n = 0; n < graph.node_count(); ++n) {
      const double count = multiply_adds(graph, graph.node(n));
      if (count == 0) continue;
      summary.multiply_adds += count;
      for (std::string_view path = graph.layer(graph.node(n));;) {
        const auto found = counts.find(path);
        (found != counts.end() ? found->second : counts[std::string(path)]) += count;
        const std::size_t slash = path.rfind('/');
        if (slash == path.npos) break;
        path = path.substr(0, slash);
      }
    }
    for (const LayerEvent& event : observer.events) {
      const auto found = counts.find(event.path);
      summary.rows.push_back(
          {event.path, event.kind, event.output, 0, found == counts.end() ? 0 : found->second});
    }
  }
  std::map<std::string, std::int64_t> counts;
  Owners owners(counts);
  network.visit(owners);
  std::set<std::string> seen;
  for (SummaryRow& row : summary.rows) {
    // A layer that is called twice counts its parameters once.
    if (!seen.insert(row.path).second) continue;
    const auto found = counts.find(row.path);
    if (found != counts.end()) row.parameters = found->second;
  }
  for (const NamedVariable& v : state(network)) {
    const Spec& spec = v.cell->value.spec();
    summary.bytes += spec.bytes();
    if (!is_floating(spec.dtype)) continue;
    summary.parameters += spec.elements();
    if (v.cell->trainable) summary.trainable += spec.elements();
  }
  return summary;
}

std::string to_string(const Summary& summary) {
  std::size_t wide = 5;
  std::size_t shape = 6;
  for (const SummaryRow& row : summary.rows) {
    wide = std::max(wide, display_width(printable(row.path)) + row.kind.size() + 3);
    shape = std::max(shape, to_string(row.output).size());
  }
  const auto count = [](double n) { return with_thousands(static_cast<long long>(n)); };
  std::string out = fmt::format("{:<{}}  {:<{}}  {:>12}  {:>14}\n", "layer", wide, "output", shape,
                                "parameters", "multiply-adds");
  out += std::string(wide + shape + 32, '-') + "\n";
  for (const SummaryRow& row : summary.rows) {
    out += fmt::format("{:<{}}  {:<{}}  {:>12}  {:>14}\n",
                       fmt::format("{} ({})", printable(row.path), row.kind), wide,
                       to_string(row.output), shape, with_thousands(row.parameters),
                       count(row.multiply_adds));
  }
  out += std::string(wide + shape + 32, '-') + "\n";
  out += fmt::format("parameters {} ({} trainable), {}, {} multiply-adds\n",
                     with_thousands(summary.parameters), with_thousands(summary.trainable),
                     human_bytes(static_cast<double>(summary.bytes)), count(summary.multiply_adds));
  return out;
}

std::ostream& operator<<(std::ostream& out, const Summary& summary) {
  return out << to_string(summary);
}

}  // namespace nacre::nn
