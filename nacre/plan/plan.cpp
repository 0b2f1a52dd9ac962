#include "nacre/plan/plan.h"

#include <algorithm>
#include <chrono>

#include "nacre/base/threads.h"
#include "nacre/graph/query.h"
#include "nacre/plan/cost.h"
#include "nacre/plan/loop.h"

namespace nacre {

Plan::Plan(const Graph& graph, const PlanOptions& options)
    : graph_(schedule(graph, options.donations)),
      backend_(options.backend ? options.backend : &current_backend()),
      space_(&backend_->memory()),
      check_finite_(options.check_finite),
      check_reference_(options.check_reference),
      poison_(options.poison),
      checked_(check_finite_ || check_reference_ || poison_) {
  const BackendScope scope(*backend_);
  bind_kernels(options);
  bind_memory(options);
  replay_ = backend_->bind(steps_);
}

void Plan::bind_kernels(const PlanOptions& options) {
  std::vector<NodeMemory> nodes(graph_.node_count());
  std::size_t scratch_bytes = 0;
  const int most = grant_threads(options.threads);
  for (NodeId n = 0; n < graph_.node_count(); ++n) {
    const Node& node = graph_.node(n);
    if (node.op == Op::input || node.op == Op::constant) continue;
    nodes[n].is_view = op_def(node.op).is_view;
    if (nodes[n].is_view) continue;
    const NodeSpecs specs = specs_of(graph_, node);
    const auto& [in, out] = specs;
    const Cost cost = cost_of(node.op, node.attrs, in, out);
    const int threads = workers_for(estimated_microseconds(cost), most);
    BoundStep bound = bind_step({node.op, node.attrs, in, out, threads}, options);
    kernels_.push_back(std::move(bound.kernel));
    const PreparedKernel& kernel = kernels_.back();
    nodes[n].in_place = kernel.in_place;
    nodes[n].in_place_each = kernel.in_place_each;
    scratch_bytes = std::max(scratch_bytes, kernel.scratch_bytes);
    for (const auto& plan : bound.plans) inner_bytes_ += plan->bytes();
    infos_.push_back({n, kernel.name, cost, threads, iterations_of(node), std::move(bound.plans)});
  }
  memory_ = plan_memory(graph_, nodes, options.donations);
  arena_ = Buffer::allocate(memory_.arena_bytes, *space_);
  scratch_ = Buffer::allocate(scratch_bytes, *space_);
}

void* Plan::address(ValueId v) {
  const ValueHome& home = memory_.homes[v];
  if (home.home == Home::arena) return static_cast<char*>(arena_.data()) + home.offset;
  if (home.home == Home::constant) {
    Buffer& here = constants_[graph_.value(home.root).producer];
    if (!here) here = constant_of(graph_.producer(home.root)).data().in(*space_);
    return here.data();
  }
  return nullptr;
}

// Where in bound_ the value's address stands, or -1 when it is fixed.
std::int64_t Plan::slot_of(ValueId v) const {
  const ValueHome& home = memory_.homes[v];
  if (home.home == Home::argument) return static_cast<std::int64_t>(home.index);
  if (home.home == Home::result) {
    return static_cast<std::int64_t>(graph_.arguments().size() + home.index);
  }
  return -1;
}

void Plan::bind_memory(const PlanOptions&) {
  constants_.resize(graph_.node_count());
  std::vector<std::size_t> first_pointer;
  for (const StepInfo& info : infos_) {
    const Node& node = graph_.node(info.node);
    first_pointer.push_back(pointers_.size());
    const auto add = [&](ValueId v) {
      if (const std::int64_t slot = slot_of(v); slot >= 0) {
        patches_.push_back(
            {static_cast<std::uint32_t>(slot), static_cast<std::uint32_t>(pointers_.size())});
      }
      pointers_.push_back(address(v));
    };
    for (const ValueId v : graph_.inputs(node)) add(v);
    for (std::uint32_t i = 0; i < node.output_count; ++i) add(graph_.output(info.node, i));
  }
  for (std::size_t i = 0; i < infos_.size(); ++i) {
    steps_.push_back({kernels_[i].run,
                      kernels_[i].state.get(),
                      pointers_.data() + first_pointer[i],
                      {infos_[i].threads, scratch_.data()}});
  }
  const std::size_t slots = graph_.arguments().size() + graph_.results().size();
  bound_.assign(slots, nullptr);
  std::stable_sort(patches_.begin(), patches_.end(),
                   [](const Patch& a, const Patch& b) { return a.slot < b.slot; });
  first_patch_.assign(slots + 1, 0);
  for (const Patch& p : patches_) ++first_patch_[p.slot + 1];
  for (std::size_t s = 0; s < slots; ++s) first_patch_[s + 1] += first_patch_[s];
  for (std::size_t r = 0; r < graph_.results().size(); ++r) {
    const ValueId v = graph_.results()[r];
    const ValueHome& home = memory_.homes[v];
    if (memory_.overwrites[r] >= 0 || (home.home == Home::result && home.index == r)) continue;
    const std::int64_t slot = slot_of(v);
    copies_.push_back({address(v), slot < 0 ? 0 : static_cast<std::uint32_t>(slot),
                       static_cast<std::uint32_t>(r), graph_.spec(v).bytes()});
  }
  for (NodeId n = 0; n < graph_.node_count(); ++n) {
    if (graph_.node(n).op == Op::constant) constant_bytes_ += graph_.spec(graph_.output(n)).bytes();
  }
}

void Plan::patch(std::span<void* const> arguments, std::span<void* const> results) {
  const auto set = [&](std::size_t slot, void* to) {
    if (bound_[slot] == to) return;
    bound_[slot] = to;
    for (std::uint32_t i = first_patch_[slot]; i < first_patch_[slot + 1]; ++i) {
      pointers_[patches_[i].pointer] = to;
    }
  };
  for (std::size_t i = 0; i < arguments.size(); ++i) set(i, arguments[i]);
  for (std::size_t r = 0; r < results.size(); ++r) set(arguments.size() + r, results[r]);
}

void Plan::copy_out(std::span<void* const> results) {
  for (const CopyOut& copy : copies_) {
    const void* from = copy.fixed ? copy.fixed : bound_[copy.from_slot];
    space_->copy(results[copy.result], from, copy.bytes);
  }
}

void Plan::replay(std::span<void* const> arguments, std::span<void* const> results) {
  patch(arguments, results);
  if (checked_) {
    run_checked();
  } else {
    run_steps();
  }
  copy_out(results);
}

void Plan::fail_in_place(std::size_t step, const ValueError& e) const {
  const Node& node = graph_.node(infos_[step].node);
  throw ValueError(with_place(e.what(), graph_.layer(node), node.location));
}

void Plan::run_step(std::size_t i) const {
  const Step& step = steps_[i];
  try {
    step.run(step.state, step.pointers, step.context);
  } catch (const ValueError& e) {
    fail_in_place(i, e);
  }
}

void Plan::run_steps() {
  std::size_t i = 0;
  try {
    if (replay_) return replay_->run(i);
    for (; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      step.run(step.state, step.pointers, step.context);
    }
  } catch (const ValueError& e) {
    at_ = i;
    fail_in_place(i, e);
  } catch (...) {
    at_ = i;
    throw;
  }
}

std::vector<std::size_t> Plan::first_writes() const {
  std::vector<std::size_t> first(graph_.arguments().size(), steps_.size());
  for (std::size_t s = steps_.size(); s-- > 0;) {
    const NodeId n = infos_[s].node;
    for (std::uint32_t i = 0; i < graph_.node(n).output_count; ++i) {
      const ValueHome& home = memory_.homes[graph_.output(n, i)];
      if (home.home == Home::argument) first[home.index] = s;
    }
  }
  return first;
}

void Plan::replay_timed(std::span<void* const> arguments, std::span<void* const> results,
                        std::span<double> seconds) {
  using Clock = std::chrono::steady_clock;
  patch(arguments, results);
  space_->wait();
  Clock::time_point before = Clock::now();
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    run_step(i);
    space_->wait();
    const Clock::time_point now = Clock::now();
    seconds[i] = std::chrono::duration<double>(now - before).count();
    before = now;
  }
  copy_out(results);
}

}  // namespace nacre
