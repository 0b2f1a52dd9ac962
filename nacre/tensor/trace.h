// A function being traced.
#pragma once

#include "nacre/graph/graph.h"
#include "nacre/tensor/tensor.h"

namespace nacre {

// The graph that a function's operations build.
struct Trace {
  Graph graph;
  bool open = true;  // false once the traced function has returned
};

}  // namespace nacre
