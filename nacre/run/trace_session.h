// TraceSession: one run of a user's function on symbols. While it lives, Variables that this thread
// reads become inputs of the graph, and assigned ones outputs.
#pragma once

#include <unordered_map>

#include "nacre/run/variable.h"

namespace nacre {

class TraceSession {
 public:
  TraceSession();
  ~TraceSession();
  TraceSession(const TraceSession&) = delete;
  TraceSession& operator=(const TraceSession&) = delete;

  // The innermost session of this thread, or null.
  static TraceSession* current();

  Tensor argument(const Spec& spec);
  Tensor read(const VariableRef& cell);
  void assign(const VariableRef& cell, const Tensor& value);

  const std::shared_ptr<Trace>& trace() const { return trace_; }
  // Cells in the order of their inputs, which follow the arguments; and the assigned ones with the
  // value each ends with.
  const std::vector<VariableRef>& reads() const { return reads_; }
  std::vector<std::pair<VariableRef, ValueId>> assignments() const;

 private:
  std::shared_ptr<Trace> trace_;
  TraceSession* outer_;
  std::vector<VariableRef> reads_;
  std::vector<VariableRef> writes_;
  std::unordered_map<const VariableCell*, Tensor> values_;
};

}  // namespace nacre
