// TraceSession: one run of a user's function on symbols. While it lives, Variables that this thread
// reads become inputs of the graph, and assigned ones outputs.
#pragma once

#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "nacre/ops/control/body.h"
#include "nacre/run/variable.h"

namespace nacre {

class TraceSession {
 public:
  // A trace of its own, or the body of a loop or branch in the session around it: there a Variable
  // is read from outside, and what is assigned is told by assigned().
  enum class Kind { whole, body };
  explicit TraceSession(Kind kind = Kind::whole);
  ~TraceSession();
  TraceSession(const TraceSession&) = delete;
  TraceSession& operator=(const TraceSession&) = delete;

  // The innermost session of this thread, or null.
  static TraceSession* current();

  Tensor argument(const Spec& spec);
  Tensor read(const VariableRef& cell);
  void assign(const VariableRef& cell, const Tensor& value);
  bool assigned(const VariableRef& cell) const;
  // The function asked whether a Variable is defined and trainable, and for a setting.
  void depend(const VariableRef& cell);
  void depend(const std::shared_ptr<const std::uint64_t>& setting);

  const std::shared_ptr<Trace>& trace() const { return trace_; }
  // Cells in the order of their inputs, which follow the arguments; and the assigned ones with the
  // value each ends with.
  const std::vector<VariableRef>& reads() const { return reads_; }
  std::vector<std::pair<VariableRef, ValueId>> assignments() const;
  // Gives a Variable a value for reads from now on, without it being an assignment.
  void set(const VariableRef& cell, const Tensor& value) { values_[cell.get()] = value; }
  // The assigned Variables that lived before this session and live after it.
  std::vector<VariableRef> assigned() const;
  // Of a body: what it uses of the outside.
  const BodyScope& body() const { return *body_; }
  // What the function asked; settings with the value of the first time.
  const std::vector<VariableRef>& asked() const { return asked_; }
  using Settings = std::vector<std::pair<std::shared_ptr<const std::uint64_t>, std::uint64_t>>;
  const Settings& settings() const { return settings_; }

 private:
  std::shared_ptr<Trace> trace_;
  std::optional<BodyScope> body_;
  TraceSession* outer_;
  std::vector<VariableRef> reads_;
  std::vector<VariableRef> writes_;
  std::unordered_set<const VariableCell*> written_;  // those of writes_
  std::unordered_map<const VariableCell*, Tensor> values_;
  std::vector<VariableRef> asked_;
  Settings settings_;
  std::unordered_set<const void*> seen_;  // of asked_ and settings_
};

}  // namespace nacre
