#include "nacre/run/trace_session.h"

#include "nacre/ops/define/emit.h"

namespace nacre {
namespace {
thread_local TraceSession* current_session = nullptr;
}

TraceSession::TraceSession(Kind kind) : trace_(std::make_shared<Trace>()), outer_(current_session) {
  if (kind == Kind::body) body_.emplace(trace_);
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
  if (body_) {
    // One value of the body, so that a tape in it knows what it watches.
    const Tensor outside = outer_ ? outer_->read(cell) : cell->value;
    const Tensor t = Tensor::traced(trace_, body_->capture(outside));
    values_.emplace(cell.get(), t);
    return t;
  }
  const Tensor t = argument(cell->value.spec());
  reads_.push_back(cell);
  values_.emplace(cell.get(), t);
  return t;
}

void TraceSession::assign(const VariableRef& cell, const Tensor& value) {
  values_[cell.get()] = value;
  if (written_.insert(cell.get()).second) writes_.push_back(cell);
}

bool TraceSession::assigned(const VariableRef& cell) const { return written_.contains(cell.get()); }

// What a body asks, the function around it depends on.
void TraceSession::depend(const VariableRef& cell) {
  if (body_ && outer_) return outer_->depend(cell);
  if (cell->value.is_traced()) return;  // made within this function
  if (seen_.insert(cell.get()).second) asked_.push_back(cell);
}

void TraceSession::depend(const std::shared_ptr<const std::uint64_t>& setting) {
  if (body_ && outer_) return outer_->depend(setting);
  if (seen_.insert(setting.get()).second) settings_.emplace_back(setting, *setting);
}

std::vector<VariableRef> TraceSession::assigned() const {
  std::vector<VariableRef> result;
  for (const VariableRef& cell : writes_) {
    const bool made_here = cell->value.is_traced() && cell->value.trace_handle() == trace_;
    if (cell.use_count() > 1 && !made_here) result.push_back(cell);
  }
  return result;
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
