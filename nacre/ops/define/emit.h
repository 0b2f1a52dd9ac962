// The one door through which every op is applied: to values of a trace it appends a node, to
// concrete tensors it computes at once (and a gradient tape may watch).
#pragma once

#include <initializer_list>

#include "nacre/ops/define/op_def.h"
#include "nacre/ops/define/operand.h"
#include "nacre/tensor/trace.h"

namespace nacre {

// While it lives, ops of this thread are taken to come from `origin` and not from where the code
// that applies them stands: gradient rules speak of the user's line, not of their own.
class OriginScope {
 public:
  explicit OriginScope(const Origin& origin);
  ~OriginScope();
  OriginScope(const OriginScope&) = delete;
  OriginScope& operator=(const OriginScope&) = delete;

 private:
  const Origin* previous_;
  Origin origin_;
};

// Where an op applied now comes from: the innermost OriginScope, or layer_path() and `at`.
Origin current_origin(const Location& at);

// Applies `op`. Throws what the op's `infer` throws.
TensorList emit(Op op, const Attrs& attrs, std::span<const Tensor> inputs, const Location& at);

// The same for an op with one output.
Tensor emit_one(Op op, const Attrs& attrs, std::initializer_list<Tensor> inputs,
                const Location& at);
inline Tensor emit_one(Op op, std::initializer_list<Tensor> inputs, const Location& at) {
  return emit_one(op, Attrs(), inputs, at);
}

// Appends a node to a trace; inputs may be values of this trace or concrete (they become
// constants). Throws TraceError for values of another or of a finished trace.
TensorList append_node(const std::shared_ptr<Trace>& trace, Op op, const Attrs& attrs,
                       std::span<const Tensor> inputs, const Location& at);
// The value of a trace that stands for `tensor`.
ValueId value_in(const std::shared_ptr<Trace>& trace, const Tensor& tensor);

// Executes at once; defined in run/eager.cpp.
TensorList emit_eager(Op op, const Attrs& attrs, std::span<const Tensor> inputs,
                      const Location& at);

// Re-infers every node and checks the order of ids; throws InternalError that names `after`.
void verify(const Graph& graph, std::string_view after);

}  // namespace nacre
