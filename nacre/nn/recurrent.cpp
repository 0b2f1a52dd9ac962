#include "nacre/nn/recurrent.h"

#include <fmt/format.h>

#include "nacre/nn/decoding.h"
#include "nacre/ops/api.h"
#include "nacre/run/control.h"

namespace nacre::nn {

Recurrent::Recurrent(const char* kind, RecurrentOptions options, std::int64_t gates,
                     std::size_t states, const Location& at)
    : LayerBase(kind), options_(std::move(options)), gates_(gates), states_(states) {
  const auto share = [](double rate) { return rate >= 0 && rate < 1; };
  const char* wrong = options_.units < 1    ? "units must be at least 1"
                      : options_.inputs < 0 ? "inputs must be at least 0"
                      : options_.layers < 1 ? "layers must be at least 1"
                      : !share(options_.dropout) || !share(options_.recurrent_dropout)
                          ? "dropout and recurrent_dropout must be in [0, 1)"
                      : options_.bidirectional && options_.reverse
                          ? "bidirectional reads both ways, reverse has no use beside it"
                      : options_.bidirectional && options_.stateful
                          ? "a stateful layer cannot read from the end of what is to come"
                          : nullptr;
  if (wrong) {
    throw ValueError(format_error({.op = this->kind(),
                                   .what = wrong,
                                   .location = at,
                                   .hint = "write nn::" + this->kind() + "{{.units = 64}}"}));
  }
  weights_.resize(static_cast<std::size_t>(options_.layers) * directions());
  if (options_.dropout > 0 || options_.recurrent_dropout > 0) {
    const std::vector<std::int64_t> state{static_cast<std::int64_t>(seed()), 0};
    generator_ = Variable(Tensor::from(state), "generator", false);
  }
  if (options_.inputs > 0) {
    const LayerCall call(*this);
    build(call, zeros({0, 0, options_.inputs}));
  }
}

void Recurrent::visit(ModuleVisitor& visitor) {
  for (std::size_t place = 0; place < weights_.size(); ++place) {
    Weights& w = weights_[place];
    const std::string end =
        fmt::format("_l{}{}", place / directions(), place % directions() == 1 ? "_reverse" : "");
    visitor.variable("weight_ih" + end, w.ih);
    visitor.variable("weight_hh" + end, w.hh);
    if (!options_.use_bias) continue;
    visitor.variable("bias_ih" + end, w.bias_ih);
    visitor.variable("bias_hh" + end, w.bias_hh);
  }
  if (generator_.defined()) visitor.variable("generator", generator_);
}

Tensor Recurrent::first_bias(DType dtype) const { return zeros({gates_ * options_.units}, dtype); }

void Recurrent::build(const LayerCall& call, const Operand& x) {
  const Tensor input = x.tensor();
  if (input.rank() != 3) {
    call.fail_shape(
        x, fmt::format("it takes [batch, steps, features], the input has {} axes", input.rank()),
        "nn::Embedding makes such sequences of whole numbers");
  }
  const DType dtype = is_floating(input.dtype()) ? input.dtype() : f32;
  const std::int64_t units = options_.units;
  for (std::size_t place = 0; place < weights_.size(); ++place) {
    Weights& w = weights_[place];
    const std::int64_t features =
        place < directions() ? input.size(2) : units * static_cast<std::int64_t>(directions());
    const std::string end =
        fmt::format("_l{}{}", place / directions(), place % directions() == 1 ? "_reverse" : "");
    const std::uint64_t salt = 8 * place;
    if (!w.ih.defined()) {
      const Shape shape{gates_ * units, features};
      define_variable(w.ih,
                      initial(options_.kernel_initializer, init::glorot_uniform(), shape, dtype,
                              fans_of(shape), salt),
                      "weight_ih" + end);
    }
    if (!w.hh.defined()) {
      Tensors parts;
      const Shape shape{units, units};
      for (std::int64_t gate = 0; gate < gates_; ++gate) {
        parts.push_back(initial(options_.recurrent_initializer, init::orthogonal(), shape, dtype,
                                fans_of(shape), salt + 1 + static_cast<std::uint64_t>(gate)));
      }
      define_variable(w.hh, concatenate(parts, 0), "weight_hh" + end);
    }
    if (!options_.use_bias) continue;
    if (!w.bias_ih.defined()) define_variable(w.bias_ih, first_bias(dtype), "bias_ih" + end);
    if (!w.bias_hh.defined()) {
      define_variable(w.bias_hh, zeros({gates_ * units}, dtype), "bias_hh" + end);
    }
  }
}

Tensor Recurrent::recurrent_product(const Tensor& hidden, const Weights& w) const {
  if (!options_.use_bias) return matmul(hidden, w.hh, {.transpose_b = true});
  return linear(hidden, w.hh, w.bias_hh, {.transpose_b = true});
}

// Elements 0 at `rate`, the others 1 / (1 - rate).
Tensor Recurrent::mask(const Shape& shape, double rate, DType dtype) {
  const Tensor key = generator_.value();
  generator_.assign(key + tensor({0, 1}, i64));
  return dropout(ones(shape, dtype), rate, key);
}

// One layer in one direction over x [steps, batch, features]; `counts` [steps, batch, 1] is
// undefined where all steps count. Gives the hidden states [steps, batch, units] and the last ones.
std::pair<Tensor, Tensors> Recurrent::run_direction(const Tensor& x, Tensors state,
                                                    const Tensor& counts, std::size_t place,
                                                    bool reverse) {
  const Weights& w = weights_[place];
  Tensor in = x;
  if (training() && options_.dropout > 0) {
    in = in * mask({1, x.size(1), x.size(2)}, options_.dropout, x.dtype());
  }
  // The products of all steps at once.
  const Tensor products = options_.use_bias ? linear(in, w.ih, w.bias_ih, {.transpose_b = true})
                                            : matmul(in, w.ih, {.transpose_b = true});
  Tensor dropped;
  if (training() && options_.recurrent_dropout > 0) {
    dropped = mask({x.size(1), options_.units}, options_.recurrent_dropout, x.dtype());
  }
  const auto body = [&](const Tensors& carry, const Tensors& row) {
    Tensors before = carry;
    if (dropped.defined()) before[0] = before[0] * dropped;
    Tensors next = step(row[0], before, w);
    Tensor output = next[0];
    if (counts.defined()) {
      for (std::size_t i = 0; i < next.size(); ++i) next[i] = where(row[1], next[i], carry[i]);
      output = where(row[1], output, zeros_like(output));
    }
    return std::pair(next, output);
  };
  Tensors rows{products};
  if (counts.defined()) rows.push_back(counts);
  auto [last, outputs] = scan(body, state, rows, {.reverse = reverse});
  return {outputs, last};
}

void Recurrent::expect_fitting(const LayerCall& call, const Operand& x,
                               const SequenceInput& given) const {
  const Tensor input = x.tensor();
  if (input.rank() != 3 || input.size(2) != weights_[0].ih.shape()[1]) {
    call.fail_shape(x, fmt::format("it takes [batch, steps, {}]", weights_[0].ih.shape()[1]),
                    "leave .inputs out, or check the layer before it");
  }
  const Shape state{static_cast<std::int64_t>(weights_.size()), input.size(0), options_.units};
  if (!given.state.empty() && given.state.size() != states_) {
    call.fail_shape(x, fmt::format("{} states given, it has {}", given.state.size(), states_));
  }
  for (const Tensor& s : given.state) {
    if (!(s.shape() == state)) {
      call.fail_shape(x,
                      fmt::format("a state of shape {} expected, {} given", to_string(state),
                                  to_string(s.shape())),
                      "states are [layers * directions, batch, units]");
    }
  }
  if (!given.lengths.defined()) return;
  if (!is_integral(given.lengths.dtype()) || !(given.lengths.shape() == Shape{input.size(0)})) {
    call.fail_shape(x, fmt::format("lengths must be whole numbers [{}], not {}", input.size(0),
                                   to_string(given.lengths.spec())));
  }
}

SequenceOutput Recurrent::run(const LayerCall& call, const Operand& given,
                              const SequenceInput& more) {
  const Operand operand = in_floats(given);
  bool built = true;
  for (const Weights& w : weights_) built = built && w.ih.defined() && w.hh.defined();
  if (!built) build(call, operand);
  expect_fitting(call, operand, more);
  Tensor x = swap_axes(operand.tensor(), 0, 1);  // [steps, batch, features]
  const std::int64_t steps = x.size(0);
  const std::int64_t batch = x.size(1);
  Tensor counts;
  if (more.lengths.defined()) {
    counts =
        less(reshape(arange(steps), {steps, 1, 1}), reshape(more.lengths.to(i64), {1, batch, 1}));
  }
  std::vector<Tensors> last(states_);  // by state, then by place
  for (std::size_t layer = 0; layer * directions() < weights_.size(); ++layer) {
    Tensors outputs;
    for (std::size_t way = 0; way < directions(); ++way) {
      const std::size_t place = layer * directions() + way;
      Tensors state;
      for (std::size_t s = 0; s < states_; ++s) {
        state.push_back(more.state.empty()
                            ? zeros({batch, options_.units}, x.dtype())
                            : more.state[s].to(x.dtype())[static_cast<std::int64_t>(place)]);
      }
      auto [sequence, end] =
          run_direction(x, std::move(state), counts, place, options_.reverse || way == 1);
      outputs.push_back(std::move(sequence));
      for (std::size_t s = 0; s < states_; ++s) last[s].push_back(end[s]);
    }
    x = outputs.size() == 1 ? outputs[0] : concatenate(outputs, 2);
  }
  SequenceOutput result{swap_axes(x, 0, 1), {}};
  for (const Tensors& states : last) result.state.push_back(stack(states, 0));
  return result;
}

SequenceOutput Recurrent::run(const Operand& x, const SequenceInput& given) {
  const LayerCall call(*this);
  SequenceOutput result = run(call, x, given);
  result.output = call.done(result.output);
  return result;
}

// What a stateful layer begins with: made at its first call, for the batch that comes then.
Tensors Recurrent::kept_state(const Operand& x) {
  if (!options_.stateful) return {};
  const Tensor input = x.tensor();
  if (kept_.empty() && input.rank() == 3) {
    const Shape shape{static_cast<std::int64_t>(weights_.size()), input.size(0), options_.units};
    const DType dtype = is_floating(input.dtype()) ? input.dtype() : f32;
    for (std::size_t s = 0; s < states_; ++s) {
      kept_.emplace_back(zeros(shape, dtype), "state", false);
    }
  }
  Tensors state;
  for (const Variable& kept : kept_) state.push_back(kept.value());
  return state;
}

// The states that the sequence which is read token by token has come to.
Tensors Recurrent::past_state(const LayerCall& call, const Operand& x) {
  if (options_.bidirectional || options_.reverse) {
    call.fail_value(x.at(), "it reads from the end, so a sequence cannot be read token by token");
  }
  Tensors state;
  for (std::size_t s = 0; s < states_; ++s) state.push_back(past_of(x, s).value());
  return state;
}

Variable& Recurrent::past_of(const Operand& x, std::size_t state) {
  const Tensor input = x.tensor();
  return Decoding::current()->kept(
      *this, fmt::format("state_{}", state),
      {is_floating(input.dtype()) ? input.dtype() : f32,
       {input.size(0), static_cast<std::int64_t>(weights_.size()), options_.units}});
}

Tensor Recurrent::operator()(const Operand& x) {
  const LayerCall call(*this);
  const bool past = Decoding::current() != nullptr;
  Tensors before = past ? past_state(call, x) : kept_state(x);
  // What is kept of a past has the batch first.
  for (Tensor& s : before) s = past ? swap_axes(s, 0, 1) : s;
  const SequenceOutput result = run(call, x, {.state = before});
  for (std::size_t s = 0; past && s < states_; ++s) {
    past_of(x, s).assign(swap_axes(result.state[s], 0, 1));
  }
  for (std::size_t s = 0; !past && s < kept_.size(); ++s) kept_[s].assign(result.state[s]);
  if (options_.return_sequences) return call.done(result.output);
  // The last state of each direction of the last layer.
  Tensors ends;
  const auto places = static_cast<std::int64_t>(weights_.size());
  for (std::int64_t way = 0; way < static_cast<std::int64_t>(directions()); ++way) {
    ends.push_back(result.state[0][places - static_cast<std::int64_t>(directions()) + way]);
  }
  return call.done(ends.size() == 1 ? ends[0] : concatenate(ends, 1));
}

void Recurrent::reset_state() {
  for (Variable& kept : kept_) kept.assign(zeros(kept.shape(), kept.value().dtype()));
}

SimpleRNN::SimpleRNN(First units, RecurrentOptions options)
    : SimpleRNN(sized("SimpleRNN", std::move(options), &RecurrentOptions::units, units), units.at) {
}

SimpleRNN::SimpleRNN(RecurrentOptions options, Location at)
    : Recurrent("SimpleRNN", std::move(options), 1, 1, at) {}

Tensors SimpleRNN::step(const Tensor& inputs, const Tensors& states, const Weights& w) const {
  return {tanh(inputs + recurrent_product(states[0], w))};
}

LSTM::LSTM(First units, RecurrentOptions options)
    : LSTM(sized("LSTM", std::move(options), &RecurrentOptions::units, units), units.at) {}

LSTM::LSTM(RecurrentOptions options, Location at)
    : Recurrent("LSTM", std::move(options), 4, 2, at) {}

Tensor LSTM::first_bias(DType dtype) const {
  const std::int64_t units = options().units;
  return concatenate({zeros({units}, dtype), ones({units}, dtype), zeros({2 * units}, dtype)}, 0);
}

Tensors LSTM::step(const Tensor& inputs, const Tensors& states, const Weights& w) const {
  const Tensors gates = split(inputs + recurrent_product(states[0], w), 4, -1);
  const Tensor cell = sigmoid(gates[1]) * states[1] + sigmoid(gates[0]) * tanh(gates[2]);
  return {sigmoid(gates[3]) * tanh(cell), cell};
}

GRU::GRU(First units, RecurrentOptions options)
    : GRU(sized("GRU", std::move(options), &RecurrentOptions::units, units), units.at) {}

GRU::GRU(RecurrentOptions options, Location at) : Recurrent("GRU", std::move(options), 3, 1, at) {}

Tensors GRU::step(const Tensor& inputs, const Tensors& states, const Weights& w) const {
  const Tensors in = split(inputs, 3, -1);
  const Tensors from_state = split(recurrent_product(states[0], w), 3, -1);
  const Tensor reset = sigmoid(in[0] + from_state[0]);
  const Tensor update = sigmoid(in[1] + from_state[1]);
  const Tensor candidate = tanh(in[2] + reset * from_state[2]);
  return {candidate + update * (states[0] - candidate)};
}

}  // namespace nacre::nn
