// The intermediate representation: nodes and values in flat arrays, named by 32-bit ids. A node's
// inputs are always values of earlier nodes, so the node order is a valid schedule.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "nacre/base/error.h"
#include "nacre/base/inline_vector.h"
#include "nacre/base/shape.h"
#include "nacre/graph/attrs.h"
#include "nacre/graph/ids.h"

namespace nacre {

using SpecList = InlineVector<Spec, 4>;

// The operations; the enumerators come from ops/define/ops.def, two floors down, and so does what
// is known of them.
enum class Op : std::uint16_t;
std::string_view name_of(Op op);
// The specs of an op's outputs. The checks of an op happen here and nowhere else: throws what they
// throw, naming the line `at`.
SpecList infer_specs(Op op, const Attrs& attrs, std::span<const Spec> inputs, const Location& at);

struct Node {
  Op op;
  Attrs attrs;
  std::uint32_t first_input = 0;  // in the graph's operand array
  std::uint32_t input_count = 0;
  ValueId first_output = 0;  // outputs have consecutive ids
  std::uint32_t output_count = 0;
  std::uint32_t layer = 0;  // in the graph's table of layer paths
  Location location;        // the user's line
  bool derived = false;     // made by a gradient rule, not by the user
};

struct ValueInfo {
  Spec spec;
  NodeId producer = kNoId;
  std::uint32_t index = 0;  // which output of the producer
};

// Where a node comes from; copied by passes to what replaces it.
struct Origin {
  std::string_view layer;
  Location location;
  bool derived = false;
};

class Graph {
 public:
  // Appends a node and its output values; returns its id. Inputs must exist (InternalError).
  NodeId add(Op op, Attrs attrs, std::span<const ValueId> inputs, std::span<const Spec> outputs,
             const Origin& origin = {});

  std::size_t node_count() const { return nodes_.size(); }
  std::size_t value_count() const { return values_.size(); }
  const Node& node(NodeId id) const { return nodes_[id]; }
  const ValueInfo& value(ValueId id) const { return values_[id]; }
  const Spec& spec(ValueId id) const { return values_[id].spec; }
  std::span<const ValueId> inputs(const Node& n) const {
    return {operands_.data() + n.first_input, n.input_count};
  }
  std::span<const ValueId> inputs(NodeId id) const { return inputs(nodes_[id]); }
  ValueId output(NodeId id, std::uint32_t index = 0) const {
    return nodes_[id].first_output + index;
  }
  const Node& producer(ValueId id) const { return nodes_[values_[id].producer]; }
  std::string_view layer(const Node& n) const { return layers_[n.layer]; }
  Origin origin(const Node& n) const { return {layer(n), n.location, n.derived}; }

  // The values the graph is a function of, in the order of its arguments, and its results.
  const std::vector<ValueId>& arguments() const { return arguments_; }
  const std::vector<ValueId>& results() const { return results_; }
  void add_argument(ValueId id) { arguments_.push_back(id); }
  void set_results(std::vector<ValueId> ids) { results_ = std::move(ids); }

  // How many nodes and results use each value.
  std::vector<std::uint32_t> use_counts() const;

 private:
  std::uint32_t intern_layer(std::string_view path);

  std::vector<Node> nodes_;
  std::vector<ValueInfo> values_;
  std::vector<ValueId> operands_;
  std::vector<std::string> layers_{std::string()};
  std::uint32_t last_layer_ = 0;  // neighbours mostly share a layer: no hashing then
  std::unordered_map<std::string, std::uint32_t> layer_ids_{{std::string(), 0}};
  std::vector<ValueId> arguments_;
  std::vector<ValueId> results_;
};

// One node a line: "%3 = matmul(%0 f32[32,128], %1 f32[128,10]) -> f32[32,10]  # mlp/dense
// x.cpp:4".
std::string to_text(const Graph& graph);
// The same as a Graphviz digraph.
std::string to_dot(const Graph& graph);

}  // namespace nacre
