#include "nacre/run/tape.h"
#include "nacre/run/tape_record.h"

#include <algorithm>

#include "nacre/autodiff/backward.h"
#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/structural.h"
#include "nacre/run/producer.h"
#include "nacre/run/trace_session.h"

namespace nacre {
namespace {

// Identities of tensors to their values: open addressing, for recording is on every eager op's way.
class IdentityMap {
 public:
  ValueId find(const void* key) const {
    if (slots_.empty()) return kNoId;
    for (std::size_t i = start(key);; i = (i + 1) & mask()) {
      if (slots_[i].key == key) return slots_[i].value;
      if (!slots_[i].key) return kNoId;
    }
  }
  void set(const void* key, ValueId value) {
    if (2 * (count_ + 1) > slots_.size()) grow();
    for (std::size_t i = start(key);; i = (i + 1) & mask()) {
      if (slots_[i].key && slots_[i].key != key) continue;
      if (!slots_[i].key) ++count_;
      slots_[i] = {key, value};
      return;
    }
  }
  void clear() {
    slots_.clear();
    slots_.shrink_to_fit();
    count_ = 0;
  }

 private:
  struct Slot {
    const void* key = nullptr;
    ValueId value = kNoId;
  };
  std::size_t mask() const { return slots_.size() - 1; }
  std::size_t start(const void* key) const {
    return (reinterpret_cast<std::uintptr_t>(key) * 0x9E3779B97F4A7C15ull >> 20) & mask();
  }
  void grow() {
    std::vector<Slot> old(std::max<std::size_t>(64, slots_.size() * 2));
    old.swap(slots_);
    for (const Slot& s : old) {
      if (!s.key) continue;
      std::size_t i = start(s.key);
      while (slots_[i].key) i = (i + 1) & mask();
      slots_[i] = s;
    }
  }

  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

thread_local std::vector<GradientTape::Record*> tapes;

}  // namespace

// The recorded graph with the tensors of its values (kept alive, so that identities stay unique).
// Within a traced function the trace is the record; the tape only knows which part of it is its.
struct GradientTape::Record {
  GradientTapeOptions options;
  bool used = false;
  Graph graph;
  Tensors tensors;  // by ValueId
  IdentityMap ids;
  std::shared_ptr<Trace> trace;
  NodeId first_node = 0;
  NodeId end_node = kNoId;

  void release() {
    graph = Graph();
    tensors = {};
    ids.clear();
    trace.reset();
  }
  void stop() {
    std::erase(tapes, this);
    if (trace && end_node == kNoId) end_node = static_cast<NodeId>(trace->graph.node_count());
  }
  ValueId add_leaf(const Tensor& t) {
    if (const ValueId known = ids.find(t.identity()); known != kNoId) return known;
    // The graph never leaves the tape: a leaf needs no attributes.
    const ValueId id = graph.output(graph.add(Op::input, {}, {}, {&t.spec(), 1}));
    tensors.push_back(t);
    ids.set(t.identity(), id);
    return id;
  }
  void add_node(Op op, const Attrs& attrs, std::span<const Tensor> inputs,
                std::span<const Tensor> outputs, const Location& at) {
    InlineVector<ValueId, 4> in_ids;
    bool known = false;
    for (const Tensor& t : inputs) {
      in_ids.push_back(ids.find(t.identity()));
      known = known || in_ids[in_ids.size() - 1] != kNoId;
    }
    if (!known) return;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (in_ids[i] == kNoId) in_ids[i] = add_leaf(inputs[i]);
    }
    SpecList specs;
    for (const Tensor& t : outputs) specs.push_back(t.spec());
    const NodeId node = graph.add(op, attrs, in_ids, specs, current_origin(at));
    for (std::uint32_t i = 0; i < outputs.size(); ++i) {
      tensors.push_back(outputs[i]);
      ids.set(outputs[i].identity(), graph.output(node, i));
    }
  }
};

std::optional<Producer> producer_of(const Tensor& t) {
  const auto made = [](const Graph& graph, ValueId id, auto&& tensor_of) {
    const Node& node = graph.producer(id);
    Producer p{node.op, node.attrs, {}};
    for (const ValueId v : graph.inputs(node)) p.inputs.push_back(tensor_of(v));
    return p;
  };
  if (t.is_traced()) {
    return made(t.trace_handle()->graph, t.value(),
                [&](ValueId v) { return Tensor::traced(t.trace_handle(), v); });
  }
  for (const GradientTape::Record* tape : tapes) {
    const ValueId id = tape->ids.find(t.identity());
    if (id == kNoId || tape->graph.producer(id).op == Op::input) continue;
    return made(tape->graph, id, [&](ValueId v) { return tape->tensors[v]; });
  }
  return std::nullopt;
}

TapePause::TapePause() { paused_.swap(tapes); }
TapePause::~TapePause() { tapes.insert(tapes.begin(), paused_.begin(), paused_.end()); }

bool any_tape() { return !tapes.empty(); }

void record_on_tapes(Op op, const Attrs& attrs, std::span<const Tensor> inputs,
                     std::span<const Tensor> outputs, const Location& at) {
  for (GradientTape::Record* tape : tapes) tape->add_node(op, attrs, inputs, outputs, at);
}

void watch_on_tapes(const Tensor& value) {
  if (tapes.empty() || value.is_traced() || !is_floating(value.dtype())) return;
  for (GradientTape::Record* tape : tapes) {
    if (tape->options.watch_variables) tape->add_leaf(value);
  }
}

GradientTape::GradientTape(GradientTapeOptions options) : record_(new Record) {
  record_->options = options;
  if (const TraceSession* session = TraceSession::current()) {
    record_->trace = session->trace();
    record_->first_node = static_cast<NodeId>(record_->trace->graph.node_count());
  }
  tapes.push_back(record_.get());
}

GradientTape::~GradientTape() { std::erase(tapes, record_.get()); }

void GradientTape::stop() { record_->stop(); }

Tensor GradientTape::watch(const Operand& x) {
  const Tensor t = x.tensor();
  if (!is_floating(t.dtype())) {
    throw DTypeError(format_error(
        {.op = "GradientTape::watch",
         .what = "only floating point can be differentiated, this is " + to_string(t.spec()),
         .location = x.at(),
         .hint = "convert it with x.to(nacre::f32)"}));
  }
  if (const TraceSession* session = TraceSession::current()) {
    // In the body of a loop a value from outside is watched as the body's own.
    if (t.is_traced() && t.trace_handle() == session->trace()) return t;
    return append_node(session->trace(), Op::identity, {}, std::array{t}, x.at())[0];
  }
  record_->add_leaf(t);
  return t;
}

Tensors GradientTape::gradient(const Operand& target, const Tensors& sources) {
  return gradient({target.tensor()}, sources, {ones_like(target)}, target.at());
}

Tensors GradientTape::gradient(const Operand& target, const Tensors& sources,
                               const Operand& cotangent) {
  return gradient({target.tensor()}, sources, {cotangent.tensor(target.dtype())}, target.at());
}

namespace {

void check_targets(const Tensors& targets, const Tensors& cotangents, const Location& at) {
  if (targets.size() != cotangents.size()) {
    throw ValueError(format_error({.op = "gradient",
                                   .what = std::to_string(targets.size()) + " targets with " +
                                           std::to_string(cotangents.size()) + " cotangents",
                                   .location = at}));
  }
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const Spec& target = targets[i].spec();
    const Spec& cotangent = cotangents[i].spec();
    if (target == cotangent) continue;
    const std::string text = format_error(
        {.op = "gradient",
         .what = "the cotangent is " + to_string(cotangent) + ", the target " + to_string(target),
         .location = at});
    if (target.shape == cotangent.shape) throw DTypeError(text);
    throw ShapeError(text);
  }
}

void check_sources(const Tensors& sources, const Location& at) {
  for (const Tensor& s : sources) {
    if (is_floating(s.dtype())) continue;
    throw DTypeError(format_error({.op = "gradient",
                                   .what = "the source is " + to_string(s.spec()) +
                                           "; only floating point can be differentiated",
                                   .location = at,
                                   .hint = "convert it with x.to(nacre::f32) before it is used"}));
  }
}

}  // namespace

Tensors GradientTape::gradient(const Tensors& targets, const Tensors& sources,
                               const Tensors& cotangents, const Location& at) {
  check_targets(targets, cotangents, at);
  check_sources(sources, at);
  if (record_->used && !record_->options.persistent) {
    throw ValueError(
        format_error({.op = "GradientTape",
                      .what = "gradient() was called before, and the tape serves only once",
                      .location = at,
                      .hint = "make it with GradientTape tape({.persistent = true})"}));
  }
  record_->used = true;
  // What happens to the record when gradient() ends, also by an exception.
  struct Finish {
    Record* record;
    ~Finish() {
      if (!record->options.persistent) record->release();
    }
  } finish{record_.get()};
  if (!record_->options.persistent) record_->stop();

  std::shared_ptr<Trace> trace;
  for (const Tensor& t : targets) trace = t.is_traced() ? t.trace_handle() : trace;
  std::vector<ValueId> target_ids;
  std::vector<ValueId> source_ids;
  if (trace) {
    // A constant of the trace stands for a concrete source: nothing depends on it.
    for (const Tensor& t : targets) target_ids.push_back(value_in(trace, t));
    for (const Tensor& t : sources) source_ids.push_back(value_in(trace, t));
    const bool own = record_->trace == trace;
    return backward(trace->graph, [&](ValueId id) { return Tensor::traced(trace, id); }, target_ids,
                    cotangents, source_ids,
                    {own ? record_->first_node : 0, own ? record_->end_node : kNoId, at});
  }
  for (const Tensor& t : sources) source_ids.push_back(record_->add_leaf(t));
  for (const Tensor& t : targets) target_ids.push_back(record_->add_leaf(t));
  return backward(record_->graph, [&](ValueId id) { return record_->tensors[id]; }, target_ids,
                  cotangents, source_ids, {0, kNoId, at});
}

}  // namespace nacre
