#include "nacre/run/compile.h"

#include <mutex>
#include <new>

#include "nacre/base/callable.h"
#include "nacre/base/probe.h"
#include "nacre/run/plan_cache.h"
#include "nacre/run/profile.h"
#include "nacre/run/tape_record.h"
#include "nacre/run/trace_session.h"

namespace nacre {
namespace {

// Deeper than any sensible nesting of compiled functions, shallower than the stack.
constexpr int kMostNested = 200;
thread_local int nested = 0;

Tensors trace_untyped(void* user, const Tensors& symbols, std::shared_ptr<void>&) {
  return (*static_cast<CompiledFunction::Function*>(user))(symbols);
}

}  // namespace

bool calls_are_inlined() { return TraceSession::current() != nullptr || any_tape(); }

InlineCall::InlineCall() {
  if (++nested > kMostNested) {
    --nested;
    throw TraceError(format_error(
        {.op = "compile",
         .what = "compiled functions are nested 200 deep: one seems to call itself without end",
         .hint = "a recursion must end by something known while tracing, such as a number"}));
  }
}
InlineCall::~InlineCall() { --nested; }

struct CompiledFunction::Impl {
  Function function;
  CompileOptions options;
  std::list<PlanEntry> entries;  // most recently used first
  CompileStatistics statistics;
  std::mutex mutex;
  Tensors arguments;
  Tensors results;

  PlanEntry& entry_for(std::size_t key, TraceFn trace, void* user) {
    for (auto it = entries.begin(); it != entries.end(); ++it) {
      if (!it->matches(key, arguments)) continue;
      if (it != entries.begin()) entries.splice(entries.begin(), entries, it);
      return entries.front();
    }
    std::erase_if(entries, [&](const PlanEntry& old) {
      if (!old.outdated()) return false;
      statistics.plan_bytes -= old.plan->bytes();
      return true;
    });
    PlanEntry entry = make_plan_entry(key, arguments, options, trace, user);
    ++statistics.traces;
    statistics.plan_bytes += entry.plan->bytes();
    entries.push_front(std::move(entry));
    while (entries.size() > 1 && (entries.size() > options.cached_plans ||
                                  statistics.plan_bytes > options.cached_bytes)) {
      statistics.plan_bytes -= entries.back().plan->bytes();
      entries.pop_back();
      ++statistics.evictions;
    }
    return entries.front();
  }
};

CompiledFunction::CompiledFunction(Function function, CompileOptions options)
    : impl_(std::make_shared<Impl>()) {
  impl_->function = std::move(function);
  impl_->options = options;
}

// Holds the lock for one call, and the lists, which go back empty but with their memory.
CompiledFunction::Call::Call(CompiledFunction& function)
    : function_(function), keep_(function.impl_) {
  function_.impl_->mutex.lock();
}

CompiledFunction::Call::~Call() {
  Impl& impl = *std::static_pointer_cast<Impl>(keep_);
  impl.arguments.clear();
  impl.results.clear();
  impl.mutex.unlock();
}

Tensors& CompiledFunction::Call::arguments() { return function_.impl_->arguments; }
const Tensors& CompiledFunction::Call::results() const { return function_.impl_->results; }

const void* CompiledFunction::Call::run(std::size_t key, TraceFn trace, void* user) try {
  Impl& impl = *function_.impl_;
  PlanEntry& entry = impl.entry_for(key, trace, user);
  replay(entry, impl.arguments, impl.results);
  ++impl.statistics.replays;
  return entry.structure.get();
} catch (const std::bad_alloc&) {
  throw_out_of_memory("a compiled function");
}

void CompiledFunction::Call::profile(std::size_t key, TraceFn trace, void* user, int repeats,
                                     ProfileReport& report) try {
  Impl& impl = *function_.impl_;
  report = profile_entry(impl.entry_for(key, trace, user), impl.arguments, repeats);
} catch (const std::bad_alloc&) {
  throw_out_of_memory("a compiled function");
}

Tensors CompiledFunction::operator()(const Tensors& arguments, std::size_t key) {
  require_callable(impl_->function, "compile");
  if (calls_are_inlined()) {
    const InlineCall scope;
    return impl_->function(arguments);
  }
  Call call(*this);
  call.arguments() = arguments;
  call.run(key, trace_untyped, &impl_->function);
  return call.results();
}

CompileStatistics CompiledFunction::statistics() const {
  const std::lock_guard lock(impl_->mutex);
  CompileStatistics s = impl_->statistics;
  s.plans = impl_->entries.size();
  return s;
}

void CompiledFunction::clear() {
  const std::lock_guard lock(impl_->mutex);
  impl_->entries.clear();
  impl_->statistics.plan_bytes = 0;
}

std::string CompiledFunction::trace_text() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->entries.empty() ? "" : to_text(impl_->entries.front().traced);
}
std::string CompiledFunction::graph_text() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->entries.empty() ? "" : to_text(impl_->entries.front().plan->graph());
}
std::string CompiledFunction::plan_text() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->entries.empty() ? "" : impl_->entries.front().plan->to_text();
}
std::string CompiledFunction::trace_dot() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->entries.empty() ? "" : to_dot(impl_->entries.front().traced);
}
std::string CompiledFunction::graph_dot() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->entries.empty() ? "" : to_dot(impl_->entries.front().plan->graph());
}
std::string CompiledFunction::plan_dot() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->entries.empty() ? "" : impl_->entries.front().plan->to_dot();
}

}  // namespace nacre
