// BodyScope: a trace within a trace, the body of a loop or a branch. What its ops use of the
// outside becomes an argument of the body.
#pragma once

#include <map>

#include "nacre/tensor/trace.h"

namespace nacre {

// While it lives, ops of this thread with a traced input belong to `trace`.
class BodyScope {
 public:
  explicit BodyScope(std::shared_ptr<Trace> trace);
  ~BodyScope();
  BodyScope(const BodyScope&) = delete;
  BodyScope& operator=(const BodyScope&) = delete;

  // The innermost scope of this thread, or null.
  static BodyScope* current();

  const std::shared_ptr<Trace>& trace() const { return trace_; }
  // The value of the body that stands for a tensor of the outside; the same one every time.
  ValueId capture(const Tensor& tensor);
  // The tensors captured so far, and their values in the body.
  const Tensors& captured() const { return captured_; }
  const std::vector<ValueId>& values() const { return values_; }

 private:
  std::shared_ptr<Trace> trace_;
  BodyScope* outer_;
  Tensors captured_;
  std::vector<ValueId> values_;
  std::map<std::pair<const void*, ValueId>, ValueId> by_identity_;  // of what was captured
};

// Whether both are the same value of one trace, or the same concrete tensor.
bool is_same_value(const Tensor& a, const Tensor& b);
// A new input of a graph, not yet one of its arguments.
ValueId append_input(Graph& graph, const Spec& spec);

}  // namespace nacre
