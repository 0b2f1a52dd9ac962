#include "nacre/plan/loop.h"

#include <algorithm>

#include "nacre/ops/control/control.h"

namespace nacre {
namespace {

std::size_t aligned(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

PlanOptions for_graph(const PlanOptions& options, std::vector<Donation> donations) {
  PlanOptions own = options;
  own.backend = nullptr;  // that of the plan around it, which is the current one
  own.donations = std::move(donations);
  return own;
}

// The memory of one carry from step to step. Where the plan writes the new value over the old one,
// that is the output's memory; else two places take turns, so that the last value is in the output.
class CarryMemory {
 public:
  CarryMemory(MemorySpace& space, std::size_t bytes, bool in_place, std::size_t scratch_offset)
      : space_(&space), bytes_(bytes), in_place_(in_place), offset_(scratch_offset) {}

  // Where the value before step k of n is, and where the value after it goes.
  void* before(std::int64_t k, std::int64_t n, void* output, void* scratch) const {
    return (n - k) % 2 == 0 || in_place_ ? output : static_cast<char*>(scratch) + offset_;
  }
  void* after(std::int64_t k, std::int64_t n, void* output, void* scratch) const {
    return before(k + 1, n, output, scratch);
  }
  void begin(void* to, const void* init) const { space_->copy(to, init, bytes_); }
  std::size_t bytes() const { return bytes_; }

 private:
  MemorySpace* space_;
  std::size_t bytes_;
  bool in_place_;
  std::size_t offset_;  // in the scratch, of the second place
};

std::vector<CarryMemory> carry_memory(const Plan& plan, std::size_t carry, std::size_t& scratch) {
  std::vector<CarryMemory> memory;
  const Graph& graph = plan.graph();
  for (std::size_t i = 0; i < carry; ++i) {
    const std::size_t bytes = graph.spec(graph.results()[i]).bytes();
    const bool in_place = plan.overwrites()[i] >= 0;
    memory.emplace_back(plan.backend().memory(), bytes, in_place, scratch);
    if (!in_place) scratch += aligned(bytes);
  }
  return memory;
}

// What a running loop changes lives behind a pointer: kernels are const.
struct LoopState {
  std::shared_ptr<Plan> plan;
  std::vector<void*> arguments;
  std::vector<void*> results;
};

struct Scan {
  ScanAttrs attrs;
  std::vector<CarryMemory> memory;
  std::vector<std::size_t> x_bytes;
  std::vector<std::size_t> y_bytes;
  std::shared_ptr<LoopState> state;

  void operator()(void* const* pointers, const RunContext& context) const {
    LoopState& s = *state;
    const auto consts = static_cast<std::size_t>(attrs.consts);
    const auto carry = static_cast<std::size_t>(attrs.carry);
    const std::int64_t n = attrs.length;
    void* const* const in = pointers;
    void* const* const out = pointers + consts + carry + x_bytes.size();
    void* const* const carries = out + carry + y_bytes.size();
    const auto row = [&](std::int64_t k) {
      return static_cast<std::size_t>(attrs.reverse ? n - 1 - k : k);
    };
    // With all carries kept, each value is written where it stays.
    const auto before = [&](std::size_t i, std::int64_t k) -> void* {
      if (!attrs.carries) return memory[i].before(k, n, out[i], context.scratch);
      return k == n ? out[i] : static_cast<char*>(carries[i]) + row(k) * memory[i].bytes();
    };
    for (std::size_t i = 0; i < consts; ++i) s.arguments[i] = in[i];
    for (std::size_t i = 0; i < carry; ++i) memory[i].begin(before(i, 0), in[consts + i]);
    for (std::int64_t k = 0; k < n; ++k) {
      for (std::size_t i = 0; i < carry; ++i) {
        s.arguments[consts + i] = before(i, k);
        s.results[i] = before(i, k + 1);
      }
      for (std::size_t i = 0; i < x_bytes.size(); ++i) {
        const std::size_t at = consts + carry + i;
        s.arguments[at] = static_cast<char*>(in[at]) + row(k) * x_bytes[i];
      }
      for (std::size_t i = 0; i < y_bytes.size(); ++i) {
        s.results[carry + i] = static_cast<char*>(out[carry + i]) + row(k) * y_bytes[i];
      }
      s.plan->replay(s.arguments, s.results);
    }
  }
};

BoundStep bind_scan(const KernelQuery& q, const PlanOptions& options) {
  Scan scan;
  scan.attrs = ScanAttrs::of(q.attrs);
  const Graph& body = scan.attrs.graph();
  const auto consts = static_cast<std::size_t>(scan.attrs.consts);
  const auto carry = static_cast<std::size_t>(scan.attrs.carry);
  std::vector<Donation> donations;
  for (std::size_t i = 0; !scan.attrs.carries && i < carry; ++i) {
    donations.push_back({consts + i, i});
  }
  const auto plan = std::make_shared<Plan>(body, for_graph(options, donations));
  std::size_t scratch = 0;
  scan.memory = carry_memory(*plan, carry, scratch);
  for (std::size_t i = consts + carry; i < body.arguments().size(); ++i) {
    scan.x_bytes.push_back(body.spec(body.arguments()[i]).bytes());
  }
  for (std::size_t i = carry; i < body.results().size(); ++i) {
    scan.y_bytes.push_back(body.spec(body.results()[i]).bytes());
  }
  scan.state =
      std::make_shared<LoopState>(LoopState{plan, std::vector<void*>(body.arguments().size()),
                                            std::vector<void*>(body.results().size())});
  BoundStep bound{make_kernel(std::move(scan), scratch), {plan}};
  bound.kernel.name = "loop";
  return bound;
}

BoundStep bind_cond(const KernelQuery& q, const PlanOptions& options) {
  const auto then = std::make_shared<Plan>(subgraph(q.attrs, "then"), for_graph(options, {}));
  const auto otherwise =
      std::make_shared<Plan>(subgraph(q.attrs, "otherwise"), for_graph(options, {}));
  const std::size_t inputs = q.inputs.size();
  const std::size_t outputs = q.outputs.size();
  const auto run = [=, space = &then->backend().memory()](void* const* pointers,
                                                          const RunContext&) {
    bool yes = false;
    space->to_host(&yes, pointers[0], sizeof(yes));
    Plan& branch = yes ? *then : *otherwise;
    branch.replay({pointers + 1, inputs - 1}, {pointers + inputs, outputs});
  };
  BoundStep bound{make_kernel(run), {then, otherwise}};
  bound.kernel.name = "branch";
  return bound;
}

struct While {
  std::vector<CarryMemory> memory;
  std::size_t cond_consts;
  std::size_t body_consts;
  std::shared_ptr<LoopState> cond;
  std::shared_ptr<LoopState> body;
  std::size_t verdict;  // in the scratch: what the condition says

  void operator()(void* const* pointers, const RunContext& context) const {
    MemorySpace& space = body->plan->backend().memory();
    const std::size_t carry = memory.size();
    void* const* const init = pointers + cond_consts + body_consts;
    void* const* const out = init + carry;
    std::copy(pointers, pointers + cond_consts, cond->arguments.begin());
    std::copy(pointers + cond_consts, init, body->arguments.begin());
    for (std::size_t i = 0; i < carry; ++i) memory[i].begin(out[i], init[i]);
    bool go_on = false;
    cond->results[0] = static_cast<char*>(context.scratch) + verdict;
    // Values before even steps are in the outputs.
    for (std::int64_t k = 0;; ++k) {
      for (std::size_t i = 0; i < carry; ++i) {
        void* const now = memory[i].before(k, 0, out[i], context.scratch);
        cond->arguments[cond_consts + i] = now;
        body->arguments[body_consts + i] = now;
        body->results[i] = memory[i].after(k, 0, out[i], context.scratch);
      }
      cond->plan->replay(cond->arguments, cond->results);
      space.to_host(&go_on, cond->results[0], sizeof(go_on));
      if (!go_on) break;
      body->plan->replay(body->arguments, body->results);
    }
    for (std::size_t i = 0; i < carry; ++i) {
      const void* const last = body->arguments[body_consts + i];
      if (last != out[i]) memory[i].begin(out[i], last);
    }
  }
};

BoundStep bind_while(const KernelQuery& q, const PlanOptions& options) {
  const WhileAttrs attrs = WhileAttrs::of(q.attrs);
  While loop;
  loop.cond_consts = static_cast<std::size_t>(attrs.cond_consts);
  loop.body_consts = static_cast<std::size_t>(attrs.body_consts);
  const std::size_t carry = q.outputs.size();
  std::vector<Donation> donations;
  for (std::size_t i = 0; i < carry; ++i) donations.push_back({loop.body_consts + i, i});
  const auto cond = std::make_shared<Plan>(attrs.cond_graph(), for_graph(options, {}));
  const auto body = std::make_shared<Plan>(attrs.body_graph(), for_graph(options, donations));
  std::size_t scratch = 0;
  loop.memory = carry_memory(*body, carry, scratch);
  loop.verdict = scratch;
  scratch += aligned(sizeof(bool));
  loop.cond = std::make_shared<LoopState>(
      LoopState{cond, std::vector<void*>(loop.cond_consts + carry), std::vector<void*>(1)});
  loop.body = std::make_shared<LoopState>(
      LoopState{body, std::vector<void*>(loop.body_consts + carry), std::vector<void*>(carry)});
  BoundStep bound{make_kernel(std::move(loop), scratch), {cond, body}};
  bound.kernel.name = "loop";
  return bound;
}

}  // namespace

BoundStep bind_step(const KernelQuery& query, const PlanOptions& options) {
  switch (query.op) {
    case Op::scan:
      return bind_scan(query, options);
    case Op::cond:
      return bind_cond(query, options);
    case Op::while_loop:
      return bind_while(query, options);
    default:
      return {prepare_kernel(query, options.reference_only), {}};
  }
}

std::int64_t iterations_of(const Node& node) {
  return node.op == Op::scan ? ScanAttrs::of(node.attrs).length : 1;
}

}  // namespace nacre
