// Graphs for the samples of ops that hold some.
#pragma once

#include "nacre/graph/subgraph.h"
#include "nacre/ops/control/body.h"
#include "nacre/ops/define/emit.h"

namespace nacre::op_defs {

// A graph over inputs of the given specs. make(add, inputs) appends to it by add(op, attrs,
// inputs), which gives the first output, and returns the results.
template <class F>
Attr example_graph(const std::vector<Spec>& inputs, F make) {
  Graph g;
  std::vector<ValueId> arguments;
  for (const Spec& spec : inputs) {
    arguments.push_back(append_input(g, spec));
    g.add_argument(arguments.back());
  }
  const auto add = [&](Op op, const Attrs& attrs, std::vector<ValueId> in) {
    std::vector<Spec> specs;
    for (const ValueId v : in) specs.push_back(g.spec(v));
    return g.output(g.add(op, attrs, in, infer_specs(op, attrs, specs, {})));
  };
  g.set_results(make(add, arguments));
  return subgraph_attr(std::move(g));
}

}  // namespace nacre::op_defs
