#include "nacre/ops/control/body.h"

#include "nacre/ops/define/op.h"

namespace nacre {
namespace {
thread_local BodyScope* innermost = nullptr;
}  // namespace

BodyScope::BodyScope(std::shared_ptr<Trace> trace) : trace_(std::move(trace)), outer_(innermost) {
  innermost = this;
}
BodyScope::~BodyScope() { innermost = outer_; }
BodyScope* BodyScope::current() { return innermost; }

ValueId BodyScope::capture(const Tensor& tensor) {
  const auto key = tensor.is_traced() ? std::pair<const void*, ValueId>(tensor.trace_handle().get(),
                                                                        tensor.value())
                                      : std::pair<const void*, ValueId>(tensor.identity(), kNoId);
  if (const auto known = by_identity_.find(key); known != by_identity_.end()) return known->second;
  if (tensor.is_traced() && !tensor.trace_handle()->open) {
    throw TraceError(
        "trace: a value of a traced function is used after the function has returned; return the "
        "value from the function instead of storing it outside");
  }
  const ValueId id = append_input(trace_->graph, tensor.spec());
  captured_.push_back(tensor);
  values_.push_back(id);
  by_identity_.emplace(key, id);
  return id;
}

bool is_same_value(const Tensor& a, const Tensor& b) {
  if (a.is_traced() && b.is_traced())
    return a.trace_handle() == b.trace_handle() && a.value() == b.value();
  return a.identity() == b.identity();
}

ValueId append_input(Graph& graph, const Spec& spec) {
  const Attrs attrs{{"dtype", spec.dtype}, {"shape", spec.shape.to_vector()}};
  return graph.output(graph.add(Op::input, attrs, {}, {&spec, 1}));
}

}  // namespace nacre
