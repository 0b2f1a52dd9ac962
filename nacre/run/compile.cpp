#include "nacre/run/compile.h"

#include <fmt/format.h>

#include <list>
#include <mutex>

#include "nacre/base/threads.h"
#include "nacre/ops/emit.h"
#include "nacre/passes/pipeline.h"
#include "nacre/plan/plan.h"
#include "nacre/run/mode.h"
#include "nacre/run/tape.h"
#include "nacre/run/trace_session.h"

namespace nacre {
namespace {

struct PlanEntry {
  std::vector<Spec> arguments;
  int threads = 1;
  bool training = false;
  std::vector<VariableRef> reads;  // inputs after the arguments
  std::vector<Spec> read_specs;
  std::vector<VariableRef> writes;  // results after the function's own
  std::vector<Spec> results;
  std::size_t own_results = 0;
  std::string trace_text;
  std::unique_ptr<Plan> plan;

  bool matches(const Tensors& given) const {
    if (given.size() != arguments.size() || threads != nacre::threads()) return false;
    if (training != nacre::training()) return false;
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (!(given[i].spec() == arguments[i])) return false;
    }
    for (std::size_t i = 0; i < reads.size(); ++i) {
      if (!(reads[i]->value.spec() == read_specs[i])) return false;
    }
    return true;
  }
};

PlanEntry make_entry(const CompiledFunction::Function& function, const Tensors& arguments) {
  PlanEntry entry;
  entry.threads = threads();
  entry.training = training();
  TraceSession session;
  Tensors symbols;
  for (const Tensor& t : arguments) {
    entry.arguments.push_back(t.spec());
    symbols.push_back(session.argument(t.spec()));
  }
  const Tensors results = function(symbols);
  std::vector<ValueId> ids;
  for (const Tensor& t : results) ids.push_back(value_in(session.trace(), t));
  entry.own_results = ids.size();
  for (const auto& [cell, id] : session.assignments()) {
    entry.writes.push_back(cell);
    ids.push_back(id);
  }
  Graph& graph = session.trace()->graph;
  graph.set_results(ids);
  for (const ValueId id : ids) entry.results.push_back(graph.spec(id));
  entry.reads = session.reads();
  for (const VariableRef& cell : entry.reads) entry.read_specs.push_back(cell->value.spec());
  entry.trace_text = to_text(graph);
  entry.plan = std::make_unique<Plan>(run_passes(graph, default_passes()),
                                      PlanOptions{.threads = entry.threads});
  return entry;
}

}  // namespace

struct CompiledFunction::Impl {
  Function function;
  CompileOptions options;
  std::list<PlanEntry> entries;  // most recently used first
  CompileStatistics statistics;
  mutable std::mutex mutex;

  PlanEntry& entry_for(const Tensors& arguments) {
    for (auto it = entries.begin(); it != entries.end(); ++it) {
      if (!it->matches(arguments)) continue;
      entries.splice(entries.begin(), entries, it);
      return entries.front();
    }
    ++statistics.traces;
    PlanEntry entry = make_entry(function, arguments);
    while (entries.size() >= std::max<std::size_t>(1, options.cached_plans)) entries.pop_back();
    entries.push_front(std::move(entry));
    return entries.front();
  }

  Tensors replay(PlanEntry& entry, const Tensors& arguments) {
    InlineVector<void*, 32> in;
    InlineVector<void*, 32> out;
    for (const Tensor& t : arguments) in.push_back(const_cast<void*>(t.raw_data()));
    for (const VariableRef& cell : entry.reads)
      in.push_back(const_cast<void*>(cell->value.raw_data()));
    Tensors results;
    results.reserve(entry.results.size());
    for (const Spec& spec : entry.results) {
      results.emplace_back(spec);
      out.push_back(results.back().raw_mutable_data());
    }
    entry.plan->replay(in, out);
    for (std::size_t i = 0; i < entry.writes.size(); ++i) {
      entry.writes[i]->value = results[entry.own_results + i];
    }
    results.resize(entry.own_results);
    ++statistics.replays;
    return results;
  }
};

CompiledFunction::CompiledFunction(Function function, CompileOptions options)
    : impl_(std::make_shared<Impl>()) {
  impl_->function = std::move(function);
  impl_->options = options;
}

Tensors CompiledFunction::operator()(const Tensors& arguments) {
  for (const Tensor& t : arguments) {
    if (t.is_traced()) return impl_->function(arguments);
  }
  // A gradient tape sees the ops of the function, not those of a plan.
  if (TraceSession::current() || any_tape()) return impl_->function(arguments);
  const std::lock_guard lock(impl_->mutex);
  PlanEntry& entry = impl_->entry_for(arguments);
  return impl_->replay(entry, arguments);
}

CompileStatistics CompiledFunction::statistics() const {
  const std::lock_guard lock(impl_->mutex);
  CompileStatistics s = impl_->statistics;
  s.plans = impl_->entries.size();
  for (const PlanEntry& e : impl_->entries) s.plan_bytes += e.plan->bytes();
  return s;
}

std::string CompiledFunction::trace_text() const {
  return impl_->entries.empty() ? "" : impl_->entries.front().trace_text;
}
std::string CompiledFunction::graph_text() const {
  return impl_->entries.empty() ? "" : to_text(impl_->entries.front().plan->graph());
}
std::string CompiledFunction::plan_text() const {
  return impl_->entries.empty() ? "" : impl_->entries.front().plan->to_text();
}

}  // namespace nacre
