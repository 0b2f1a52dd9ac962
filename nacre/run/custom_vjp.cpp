#include "nacre/run/custom_vjp.h"

#include <algorithm>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/gradient_rule.h"
#include "nacre/run/tape_record.h"

namespace nacre::detail {
namespace {

// The outputs as new values with the rule as their gradient with respect to the inputs.
Tensors attach_rule(const Tensors& inputs, const Tensors& outputs, std::string name,
                    GradientRule rule, const Location& at) {
  const bool traced =
      std::any_of(inputs.begin(), inputs.end(), [](auto& t) { return t.is_traced(); }) ||
      std::any_of(outputs.begin(), outputs.end(), [](auto& t) { return t.is_traced(); });
  if (!traced && !any_tape()) return outputs;
  const Op op = outputs.size() == 1 ? Op::custom_gradient : Op::custom_gradients;
  const Attrs attrs{
      {"rule", PayloadPtr(std::make_shared<GradientRulePayload>(std::move(name), std::move(rule)))},
      {"outputs", static_cast<std::int64_t>(outputs.size())}};
  Tensors all = outputs;
  all.insert(all.end(), inputs.begin(), inputs.end());
  if (traced) {
    const TensorList results = emit(op, attrs, all, at);
    return Tensors(results.begin(), results.end());
  }
  // Only tapes need to know: past the eager cache, which would keep the rule and what it holds.
  Tensors results;
  for (const Tensor& t : outputs) results.push_back(Tensor(t.spec(), t.buffer()));
  record_on_tapes(op, attrs, all, results, at);
  return results;
}

}  // namespace

Tensors with_rule(const TensorFunction& f, const Tensors& inputs, const GradientRule& rule,
                  const Location& at) {
  Tensors outputs;
  {
    const TapePause pause;
    Tensors hidden;
    for (const Tensor& t : inputs) hidden.push_back(stop_gradient(t));
    outputs = f(hidden);
  }
  return attach_rule(inputs, outputs, "custom_vjp", rule, at);
}

Tensors checkpointed(const TensorFunction& f, const Tensors& inputs, const Location& at) {
  VariableScope reads;
  Tensors outputs;
  {
    const TapePause pause;
    outputs = f(inputs);
  }
  const std::vector<VariableRef> cells = reads.cells();
  Tensors all = inputs;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (cells[i]->trainable) watch_on_tapes(reads.values()[i]);
    all.push_back(reads.values()[i]);
  }
  const std::size_t own = inputs.size();
  GradientRule rule = [f, cells, own](const Tensors& in, const Tensors&, const Tensors& ct) {
    GradientTape tape({.watch_variables = false});
    // Behind the barrier nothing is merged with the first run, whose values may thus be forgotten.
    Tensors fresh;
    Tensors sources;
    for (const Tensor& t : in) {
      fresh.push_back(optimization_barrier(t));
      if (is_floating(t.dtype())) sources.push_back(tape.watch(fresh.back()));
    }
    const auto split = fresh.begin() + static_cast<std::ptrdiff_t>(own);
    Tensors targets;
    Tensors cotangents;
    {
      const VariableScope scope(cells, Tensors(split, fresh.end()));
      const Tensors again = f(Tensors(fresh.begin(), split));
      for (std::size_t i = 0; i < again.size(); ++i) {
        if (!is_floating(again[i].dtype())) continue;
        targets.push_back(again[i]);
        cotangents.push_back(ct[i]);
      }
    }
    const Tensors gradients = tape.gradient(targets, sources, cotangents);
    Tensors result;
    for (std::size_t i = 0, next = 0; i < in.size(); ++i) {
      result.push_back(is_floating(in[i].dtype()) ? gradients[next++] : Tensor());
    }
    return result;
  };
  return attach_rule(all, outputs, "checkpoint", std::move(rule), at);
}

}  // namespace nacre::detail
