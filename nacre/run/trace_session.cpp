#include "nacre/run/trace_session.h"

#include <algorithm>

#include "nacre/ops/emit.h"

namespace nacre {
namespace {
thread_local TraceSession* current_session = nullptr;
}

TraceSession::TraceSession() : trace_(std::make_shared<Trace>()), outer_(current_session) {
  current_session = this;
}

TraceSession::~TraceSession() {
  trace_->open = false;
  current_session = outer_;
}

TraceSession* TraceSession::current() { return current_session; }

Tensor TraceSession::argument(const Spec& spec) {
  const Attrs attrs{{"dtype", spec.dtype}, {"shape", spec.shape.to_vector()}};
  const Tensor t = append_node(trace_, Op::input, attrs, {}, {})[0];
  trace_->graph.add_argument(t.value());
  return t;
}

Tensor TraceSession::read(const VariableRef& cell) {
  const auto found = values_.find(cell.get());
  if (found != values_.end()) return found->second;
  // A Variable made within this function from traced values: no input, just that value.
  if (cell->value.is_traced()) return cell->value;
  const Tensor t = argument(cell->value.spec());
  reads_.push_back(cell);
  values_.emplace(cell.get(), t);
  return t;
}

void TraceSession::assign(const VariableRef& cell, const Tensor& value) {
  values_[cell.get()] = value;
  if (std::find(writes_.begin(), writes_.end(), cell) == writes_.end()) writes_.push_back(cell);
}

std::vector<std::pair<VariableRef, ValueId>> TraceSession::assignments() const {
  std::vector<std::pair<VariableRef, ValueId>> result;
  for (const VariableRef& cell : writes_) {
    if (cell.use_count() == 1) continue;  // it lived within the function only
    result.emplace_back(cell, value_in(trace_, values_.at(cell.get())));
  }
  return result;
}

}  // namespace nacre
