#include "nacre/run/tape.h"

#include <algorithm>

#include "nacre/autodiff/backward.h"
#include "nacre/ops/structural.h"

namespace nacre {

// The recorded graph with the tensors of its values (kept alive, so that identities stay unique).
struct GradientTape::Record {
  GradientTapeOptions options;
  bool used = false;
  Graph graph;
  Tensors tensors;  // by ValueId
  std::unordered_map<const void*, ValueId> ids;

  void release() {
    graph = Graph();
    tensors.clear();
    ids.clear();
  }
  ValueId find(const Tensor& t) const {
    const auto found = ids.find(t.identity());
    return found == ids.end() ? kNoId : found->second;
  }
  ValueId add_leaf(const Tensor& t) {
    if (const ValueId known = find(t); known != kNoId) return known;
    const Attrs attrs{{"dtype", t.dtype()}, {"shape", t.shape().to_vector()}};
    const ValueId id = graph.output(graph.add(Op::input, attrs, {}, {&t.spec(), 1}));
    tensors.push_back(t);
    ids.emplace(t.identity(), id);
    return id;
  }
  void add_node(Op op, const Attrs& attrs, std::span<const Tensor> inputs,
                std::span<const Tensor> outputs, const Location& at) {
    const bool known = std::any_of(inputs.begin(), inputs.end(),
                                   [&](const Tensor& t) { return find(t) != kNoId; });
    if (!known) return;
    InlineVector<ValueId, 4> in_ids;
    for (const Tensor& t : inputs) in_ids.push_back(add_leaf(t));
    SpecList specs;
    for (const Tensor& t : outputs) specs.push_back(t.spec());
    const NodeId node = graph.add(op, attrs, in_ids, specs, current_origin(at));
    for (std::uint32_t i = 0; i < outputs.size(); ++i) {
      tensors.push_back(outputs[i]);
      ids[outputs[i].identity()] = graph.output(node, i);
    }
  }
};

namespace {
thread_local std::vector<GradientTape::Record*> tapes;
thread_local int pauses = 0;
}  // namespace

TapePause::TapePause() { ++pauses; }
TapePause::~TapePause() { --pauses; }

bool any_tape() { return !tapes.empty() && pauses == 0; }

void record_on_tapes(Op op, const Attrs& attrs, std::span<const Tensor> inputs,
                     std::span<const Tensor> outputs, const Location& at) {
  for (GradientTape::Record* tape : tapes) tape->add_node(op, attrs, inputs, outputs, at);
}

void watch_on_tapes(const Tensor& value) {
  if (!any_tape() || value.is_traced() || !is_floating(value.dtype())) return;
  for (GradientTape::Record* tape : tapes) tape->add_leaf(value);
}

GradientTape::GradientTape(GradientTapeOptions options) : record_(new Record) {
  record_->options = options;
  tapes.push_back(record_.get());
}

GradientTape::~GradientTape() { std::erase(tapes, record_.get()); }

Tensor GradientTape::watch(const Operand& x) {
  const Tensor t = x.tensor();
  if (!is_floating(t.dtype())) {
    throw DTypeError(format_error(
        {.op = "GradientTape::watch",
         .what = "only floating point can be differentiated, this is " + to_string(t.spec()),
         .location = x.at(),
         .hint = "convert it with x.to(nacre::f32)"}));
  }
  if (!t.is_traced()) record_->add_leaf(t);
  return t;
}

Tensors GradientTape::gradient(const Operand& target, const Tensors& sources) {
  return gradient(target, sources, ones_like(target));
}

Tensors GradientTape::gradient(const Operand& target, const Tensors& sources,
                               const Operand& cotangent) {
  const Tensor loss = target.tensor();
  if (loss.is_traced()) {
    const std::shared_ptr<Trace>& trace = loss.trace();
    std::vector<ValueId> ids;
    for (const Tensor& s : sources) ids.push_back(value_in(trace, s));
    return backward(
        trace->graph, [&](ValueId id) { return Tensor::traced(trace, id); },
        std::array{loss.value()}, std::array{cotangent.tensor()}, ids);
  }
  if (record_->used && !record_->options.persistent) {
    throw ValueError(
        "GradientTape: gradient() was called before; a tape serves once unless it is made with "
        "GradientTape tape({.persistent = true})");
  }
  record_->used = true;
  std::vector<ValueId> ids;
  for (const Tensor& s : sources) ids.push_back(record_->add_leaf(s));
  const ValueId loss_id = record_->add_leaf(loss);
  // This tape does not record its own gradient computation; outer tapes do.
  const auto mine = std::find(tapes.begin(), tapes.end(), record_.get());
  const bool listed = mine != tapes.end();
  const auto place = mine - tapes.begin();
  if (listed) tapes.erase(mine);
  struct Restore {
    bool active;
    std::ptrdiff_t place;
    Record* record;
    ~Restore() {
      if (active) tapes.insert(tapes.begin() + place, record);
    }
  } restore{listed && record_->options.persistent, place, record_.get()};
  Tensors result = backward(
      record_->graph, [&](ValueId id) { return record_->tensors[id]; }, std::array{loss_id},
      std::array{cotangent.tensor()}, ids);
  if (!record_->options.persistent) record_->release();
  return result;
}

}  // namespace nacre
